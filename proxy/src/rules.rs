//! Who may pass where: the first rule that matches decides, and where none does a second factor is needed.
//!
//! A [`Pass`] is the only proof that a request may be forwarded. It is minted here and nowhere else: from a `bypass`
//! rule, or from a verdict about a session or an API key that the authority gave and has not taken back. Without one [`crate::gate`] names no
//! upstream.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use http::Method;
use ipnet::IpNet;
use twofold_shared::wire::{Level, SessionView};

use crate::session::Known;
use crate::site::Site;

mod config;
mod pattern;

pub use config::{host_patterns, named_groups, networks, rules};
use pattern::Beginning;
pub use pattern::{HostPattern, PathPattern};

/// What a rule asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// Nothing. Who has no session at the second level reaches the app as nobody.
    Bypass,
    /// The first factor.
    First,
    /// Both, the second not longer ago than `max_age` where that is set.
    Second {
        /// How old the second factor may be.
        max_age: Option<Duration>,
    },
    /// Nobody passes.
    Deny,
}

/// What a session must have before it may pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Need {
    /// The level.
    pub level: Level,
    /// How long ago the second factor may have been passed, in seconds.
    pub max_age: Option<u64>,
    /// How long ago a code may have been given in a trusted browser, in seconds, where that stands for one; absent: it does
    /// not.
    pub trust: Option<u64>,
}

/// What a session has, or an API key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reached {
    /// The level.
    pub level: Level,
    /// When a second factor was last given in it, in seconds of Unix time.
    pub second_at: Option<u64>,
    /// Where it rests on a trusted browser instead: when the code was given there on which that rests.
    pub trusted_at: Option<u64>,
}

impl From<&SessionView> for Reached {
    fn from(view: &SessionView) -> Self {
        Self { level: view.level, second_at: view.second_at, trusted_at: view.trusted_at }
    }
}

impl Need {
    /// What is needed where no rule says otherwise and no browser is trusted.
    pub const SECOND: Self = Self { level: Level::Second, max_age: None, trust: None };
    /// The first factor alone.
    pub const FIRST: Self = Self { level: Level::First, ..Self::SECOND };

    /// Whether whoever has `reached` this has it at `now`, in seconds of Unix time.
    #[must_use]
    pub fn is_met(self, reached: Reached, now: u64) -> bool {
        let is_within = |at: Option<u64>, age| at.is_some_and(|at| now.saturating_sub(at) <= age);
        let is_taken =
            reached.trusted_at.is_none() || self.trust.is_some_and(|age| is_within(reached.trusted_at, age));
        match (self.level, reached.level) {
            (Level::First, Level::First | Level::Second) => true,
            (Level::Second, Level::First) => false,
            (Level::Second, Level::Second) => {
                is_taken && self.max_age.is_none_or(|age| is_within(reached.second_at, age))
            }
        }
    }
}

/// One rule: what it matches, where every list that is empty matches everything, and what it asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Its place among the rules of the file, from 1.
    pub number: usize,
    /// Its line in the file.
    pub line: usize,
    /// Hosts of sites.
    pub hosts: Vec<HostPattern>,
    /// Paths.
    pub paths: Vec<PathPattern>,
    /// Methods; GET is HEAD too.
    pub methods: Vec<Method>,
    /// Where the client is.
    pub networks: Vec<IpNet>,
    /// Groups, one of which the account must be in.
    pub groups: Vec<String>,
    /// What it asks for.
    pub policy: Policy,
}

/// What a request is, to the rules.
#[derive(Clone, Copy)]
pub struct Asked<'a> {
    /// The path in its one spelling, parameters cut.
    pub path: &'a [u8],
    /// The method.
    pub method: &'a Method,
    /// Where the client is.
    pub address: Option<IpAddr>,
    /// Whether whoever has signed in is in a group; absent while nobody has.
    pub is_in: Option<&'a dyn Fn(&str) -> bool>,
}

/// The first part of a rule that a request does not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Misfit {
    /// Another host.
    Host,
    /// Another path.
    Path,
    /// Another method.
    Method,
    /// Another network, or an unknown address.
    Network,
    /// None of the groups.
    Group,
}

/// How a rule fits a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fit {
    /// It decides.
    Whole,
    /// It would decide, if only it were known who asks.
    IfInGroup,
    /// It does not.
    Not(Misfit),
}

impl Rule {
    /// How it fits a request at a host that it is for.
    #[must_use]
    pub fn fit(&self, asked: &Asked<'_>) -> Fit {
        if !self.methods.is_empty() && !is_method(&self.methods, asked.method) {
            return Fit::Not(Misfit::Method);
        }
        if !self.paths.is_empty() && !self.paths.iter().any(|pattern| pattern.matches(asked.path)) {
            return Fit::Not(Misfit::Path);
        }
        if !self.networks.is_empty() && !is_in_networks(&self.networks, asked.address) {
            return Fit::Not(Misfit::Network);
        }
        match asked.is_in {
            _ if self.groups.is_empty() => Fit::Whole,
            None => Fit::IfInGroup,
            Some(is_in) if self.groups.iter().any(|group| is_in(group)) => Fit::Whole,
            Some(_) => Fit::Not(Misfit::Group),
        }
    }
}

/// Whether one of `methods` is meant; GET is HEAD too.
#[must_use]
pub fn is_method(methods: &[Method], asked: &Method) -> bool {
    methods.iter().any(|own| own == asked || (own == Method::GET && asked == Method::HEAD))
}

/// Whether a client is in one of `networks`; an unknown address is in none.
#[must_use]
pub fn is_in_networks(networks: &[IpNet], address: Option<IpAddr>) -> bool {
    address.is_some_and(|address| networks.iter().any(|network| network.contains(&address)))
}

/// The rules of one site, in their order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    rules: Vec<Rule>,
    /// What the paths of each rule begin with, and its place among the rules: nearly all are passed over by this alone.
    beginnings: Vec<(Beginning, usize)>,
}

/// Which rule decides, and what it asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Finding<'r> {
    /// None: no rule matches.
    pub rule: Option<&'r Rule>,
    /// What is asked for. For a rule about groups, while nobody has signed in: the first factor, to learn who it is.
    pub policy: Policy,
}

impl Rules {
    /// The rules among `all` that are for `host`. `ignore_case`: its app takes `/Admin` for `/admin`.
    #[must_use]
    pub fn of_host(all: &[Rule], host: &crate::host::Host, ignore_case: bool) -> Self {
        let ours = all
            .iter()
            .filter(|rule| rule.hosts.is_empty() || rule.hosts.iter().any(|pattern| pattern.matches(host)));
        let prepared = ours.cloned().map(|mut rule| {
            if ignore_case {
                rule.paths = rule.paths.iter().map(PathPattern::in_lower_case).collect();
            }
            rule
        });
        let rules: Vec<Rule> = prepared.collect();
        let beginnings = rules.iter().enumerate().flat_map(|(place, rule)| {
            let anywhere = rule.paths.is_empty().then(Beginning::default);
            rule.paths
                .iter()
                .map(PathPattern::beginning)
                .chain(anywhere)
                .map(move |beginning| (beginning, place))
        });
        Self { beginnings: beginnings.collect(), rules }
    }

    /// The rule with this number in the file, where it is for this site.
    #[must_use]
    pub fn numbered(&self, number: usize) -> Option<&Rule> {
        self.rules.iter().find(|rule| rule.number == number)
    }

    /// The first rule that matches.
    #[must_use]
    pub fn find(&self, asked: &Asked<'_>) -> Finding<'_> {
        let path = Beginning::of(asked.path);
        let near = self.beginnings.iter().filter(|(beginning, _)| beginning.may_begin(path));
        for rule in near.filter_map(|(_, place)| self.rules.get(*place)) {
            match rule.fit(asked) {
                Fit::Not(_) => {}
                Fit::Whole => return Finding { rule: Some(rule), policy: rule.policy },
                Fit::IfInGroup => return Finding { rule: Some(rule), policy: Policy::First },
            }
        }
        Finding { rule: None, policy: Policy::Second { max_age: None } }
    }
}

/// Proof that this request may be forwarded to this site.
#[derive(Debug)]
#[must_use = "a pass that nobody looks at lets nobody through"]
pub struct Pass {
    site: Arc<Site>,
    known: Option<Arc<Known>>,
}

impl Pass {
    /// For the login page and the login of an app whose own login is the first factor: as nobody, and with no more of the
    /// app's session than was set on the way in.
    pub fn to_sign_in(site: &Arc<Site>) -> Self {
        Self { site: Arc::clone(site), known: None }
    }

    /// Where to, to be kept.
    #[must_use]
    pub fn shared_site(&self) -> Arc<Site> {
        Arc::clone(&self.site)
    }

    /// Where to.
    #[must_use]
    pub fn site(&self) -> &Site {
        &self.site
    }

    /// Whose; absent where a rule lets everybody pass and nobody has signed in.
    #[must_use]
    pub fn known(&self) -> Option<&Arc<Known>> {
        self.known.as_ref()
    }
}

/// What becomes of a request, by the rules.
#[derive(Debug)]
pub enum Ruling {
    /// It may be forwarded.
    Pass(Pass),
    /// Not before the session has this.
    Needs(Need),
    /// Never.
    Denied {
        /// The number of the rule that says so.
        rule: usize,
    },
}

/// Decides about a request to `site` by whoever the authority says is in its session, or whose its API key is. Outside
/// of its grant a key is nobody's.
#[must_use]
pub fn decide(site: &Arc<Site>, known: Option<Arc<Known>>, asked: &Asked<'_>, now: u64) -> Ruling {
    let known = known.filter(|known| known.covers(site, asked));
    let is_in = |group: &str| known.as_ref().is_some_and(|known| known.is_in(group));
    let asked = Asked { is_in: known.is_some().then_some(&is_in), ..*asked };
    let finding = site.rules().find(&asked);
    let need = match finding.policy {
        Policy::Deny => return Ruling::Denied { rule: finding.rule.map_or(0, |rule| rule.number) },
        Policy::Bypass => {
            let known = known.filter(|known| site.enrolments().are_met(known, site.second(), now));
            return Ruling::Pass(Pass { site: Arc::clone(site), known });
        }
        Policy::First => Need::FIRST,
        Policy::Second { max_age } => Need { max_age: max_age.map(|age| age.as_secs()), ..site.second() },
    };
    match known {
        Some(known) if site.enrolments().are_met(&known, need, now) => {
            Ruling::Pass(Pass { site: Arc::clone(site), known: Some(known) })
        }
        Some(_) | None => Ruling::Needs(need),
    }
}

#[cfg(test)]
mod tests;

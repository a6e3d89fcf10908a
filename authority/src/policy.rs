//! Who must have a second factor at a host's doors: rules in their order, then services, then the default.
//!
//! The first rule that applies decides. Where it cannot be told whether a rule applies (the groups of a door's users, an
//! address that is a name), the stricter of what it says and what comes after it holds: doubt never weakens an answer.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use ipnet::IpNet;
use twofold_shared::wire::{AuthMethod, FirstFactor, Requirement, Source};

/// What is asked where.
#[derive(Clone, Debug)]
pub struct Policy {
    /// Where nothing else is said.
    pub default: Requirement,
    /// By PAM service, where no rule applies.
    pub services: BTreeMap<String, Requirement>,
    /// First of all, in this order.
    pub rules: Vec<Rule>,
}

/// One rule. A list that is empty takes everybody; of the others each must have a fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Its line in the configuration, from 1.
    pub line: usize,
    /// PAM services.
    pub services: Vec<String>,
    /// Groups of this host.
    pub groups: Vec<String>,
    /// Where the person comes from.
    pub networks: Vec<IpNet>,
    /// At which terminals of the host they are.
    pub ttys: Vec<Tty>,
    /// Which first factor has passed.
    pub auth: Vec<Passed>,
    /// What it asks.
    pub require: Requirement,
    /// For how long a code serves at the same door and source; none: for one login.
    pub grace: Option<Duration>,
}

/// Terminals by name: one, or all that begin so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tty {
    name: String,
    prefix: bool,
}

/// A first factor that has passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Passed {
    /// One that sshd names.
    Sshd(AuthMethod),
    /// A module above in the stack.
    Above,
}

/// What is known of a login.
#[derive(Clone, Debug)]
pub struct Login<'a> {
    /// `PAM_SERVICE`.
    pub service: &'a str,
    /// Which of the groups that rules name the person is in; none: it cannot be told.
    pub groups: Option<&'a [String]>,
    /// Where they are.
    pub place: Place<'a>,
    /// What has passed.
    pub passed: Vec<Passed>,
}

/// Where a person is, as far as rules can tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place<'a> {
    /// Elsewhere.
    Address(IpAddr),
    /// At a terminal of the host.
    Terminal(&'a str),
    /// Nobody has said.
    Unknown,
}

/// Whether a rule applies; if not, or if it cannot be told, because of which key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Applies {
    /// It does.
    Yes,
    /// It does not.
    No(&'static str),
    /// It cannot be told.
    Unknown(&'static str),
}

/// What decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// The rule of this index: it applies, or it may.
    Rule(usize),
    /// The table of services.
    Service,
    /// The default.
    Default,
}

/// What policy says of a login, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// What is asked.
    pub require: Requirement,
    /// For how long a code serves.
    pub grace: Option<Duration>,
    /// What decided.
    pub by: By,
    /// The rules that were looked at, up to the first that applies.
    pub rules: Vec<Applies>,
}

impl Policy {
    /// What holds for a login.
    #[must_use]
    pub fn decide(&self, login: &Login<'_>) -> Decision {
        let mut rules = Vec::new();
        let mut decided = None;
        for (index, rule) in self.rules.iter().enumerate() {
            let applies = rule.applies(login);
            rules.push(applies);
            if applies == Applies::Yes {
                decided = Some((rule.require, rule.grace, By::Rule(index)));
                break;
            }
        }
        let (mut require, mut grace, mut by) = decided.unwrap_or_else(|| self.without_rules(login.service));
        for (index, (rule, applies)) in self.rules.iter().zip(&rules).enumerate() {
            if !matches!(applies, Applies::Unknown(_)) {
                continue;
            }
            if strictness(rule.require) > strictness(require) {
                (require, by) = (rule.require, By::Rule(index));
            }
            if rule.require != Requirement::Exempt {
                grace = grace.and_then(|grace| Some(grace.min(rule.grace?)));
            }
        }
        Decision { require, grace, by, rules }
    }

    fn without_rules(&self, service: &str) -> (Requirement, Option<Duration>, By) {
        match self.services.get(service) {
            Some(require) => (*require, None, By::Service),
            None => (self.default, None, By::Default),
        }
    }

    /// The groups that matter for a service: who decides about it must know which of them a person is in.
    #[must_use]
    pub fn groups_for(&self, service: &str) -> Vec<String> {
        let rules = self.rules.iter().filter(|rule| fits(&rule.services, |name| name == service));
        let mut groups: Vec<String> = rules.flat_map(|rule| rule.groups.iter().cloned()).collect();
        groups.sort();
        groups.dedup();
        groups
    }
}

impl Rule {
    /// Whether it is about this login.
    #[must_use]
    pub fn applies(&self, login: &Login<'_>) -> Applies {
        let groups = match login.groups {
            _ if self.groups.is_empty() => Some(true),
            Some(groups) => Some(self.groups.iter().any(|group| groups.contains(group))),
            None => None,
        };
        let networks = match login.place {
            _ if self.networks.is_empty() => Some(true),
            Place::Address(address) => {
                let address = address.to_canonical();
                Some(self.networks.iter().any(|network| network.contains(&address)))
            }
            Place::Terminal(_) => Some(false),
            Place::Unknown => None,
        };
        let ttys = match login.place {
            _ if self.ttys.is_empty() => Some(true),
            Place::Terminal(terminal) => Some(self.ttys.iter().any(|tty| tty.takes(terminal))),
            Place::Address(_) => Some(false),
            Place::Unknown => None,
        };
        let conditions = [
            ("services", Some(fits(&self.services, |service| service == login.service))),
            ("auth", Some(fits(&self.auth, |passed| login.passed.contains(passed)))),
            ("networks", networks),
            ("ttys", ttys),
            ("groups", groups),
        ];
        let first = |wanted: Option<bool>| conditions.iter().find(|(_, fits)| *fits == wanted);
        match (first(Some(false)), first(None)) {
            (Some((key, _)), _) => Applies::No(key),
            (None, Some((key, _))) => Applies::Unknown(key),
            (None, None) => Applies::Yes,
        }
    }

    /// Whether this rule applies wherever `later` does, so that `later` can decide nothing.
    #[must_use]
    pub fn covers(&self, later: &Self) -> bool {
        let within = |ours: &[IpNet], theirs: &IpNet| ours.iter().any(|network| network.contains(theirs));
        covers(&self.services, &later.services, |ours, theirs| ours.contains(theirs))
            && covers(&self.groups, &later.groups, |ours, theirs| ours.contains(theirs))
            && covers(&self.networks, &later.networks, within)
            && covers(&self.ttys, &later.ttys, |ours, theirs| ours.iter().any(|tty| tty.covers(theirs)))
            && covers(&self.auth, &later.auth, |ours, theirs| ours.contains(theirs))
    }
}

fn fits<T>(list: &[T], fit: impl Fn(&T) -> bool) -> bool {
    list.is_empty() || list.iter().any(fit)
}

fn covers<T>(ours: &[T], theirs: &[T], covered: impl Fn(&[T], &T) -> bool) -> bool {
    ours.is_empty() || (!theirs.is_empty() && theirs.iter().all(|entry| covered(ours, entry)))
}

/// How much is asked.
#[must_use]
pub const fn strictness(require: Requirement) -> u8 {
    match require {
        Requirement::Exempt => 0,
        Requirement::Optional => 1,
        Requirement::Required => 2,
    }
}

impl Tty {
    /// Reads `tty1`, `/dev/tty1` or `pts/*`.
    ///
    /// # Errors
    /// What a terminal is, when it is none.
    pub fn parse(text: &str) -> Result<Self, String> {
        let name = text.strip_prefix("/dev/").unwrap_or(text);
        let (name, prefix) = name.strip_suffix('*').map_or((name, false), |name| (name, true));
        let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/_.:-".contains(&byte));
        if plain && (1..=64).contains(&name.len()) {
            Ok(Self { name: name.to_owned(), prefix })
        } else {
            Err("a terminal is a name such as tty1, console or pts/*, with a `*` at its end alone".to_owned())
        }
    }

    fn takes(&self, terminal: &str) -> bool {
        if self.prefix { terminal.starts_with(&self.name) } else { terminal == self.name }
    }

    fn covers(&self, other: &Self) -> bool {
        if other.prefix { self.prefix && other.name.starts_with(&self.name) } else { self.takes(&other.name) }
    }
}

impl<'a> Place<'a> {
    /// Where a source is.
    #[must_use]
    pub fn of(source: &'a Source) -> Self {
        match (source.address, source.terminal.as_deref()) {
            (Some(address), _) => Self::Address(address.to_canonical()),
            (None, Some(terminal)) => Self::Terminal(terminal),
            (None, None) => Self::Unknown,
        }
    }
}

impl Passed {
    /// Everything that has passed, as the stack and sshd say.
    #[must_use]
    pub fn all(first: FirstFactor, source: &Source) -> Vec<Self> {
        let mut passed: Vec<Self> = source.auth.iter().map(|method| Self::Sshd(*method)).collect();
        match first {
            FirstFactor::None => {}
            FirstFactor::Above => passed.push(Self::Above),
            FirstFactor::Publickey => passed.push(Self::Sshd(AuthMethod::Publickey)),
        }
        passed
    }
}

#[cfg(test)]
mod tests;

//! `twofold-gate policy check`: which rule decides about a request, and why the ones before it do not.
//!
//! Judges by the same [`crate::rules`] as the gate. Opens no socket, unless an account's groups are to be looked up.

use std::fmt;
use std::io::Write;
use std::net::IpAddr;
use std::time::Duration;

use clap::Args;
use http::{Method, Uri};
use serde_json::json;
use twofold_shared::client::{CallError, Client};
use twofold_shared::wire::GetAccount;

use crate::config::{Config, SiteConfig};
use crate::first_factor::FirstFactor;
use crate::host::Host;
use crate::path::{Parameters, Target};
use crate::request;
use crate::rules::{Asked, Fit, Misfit, Policy, Rule};
use crate::site::Site;

/// How long looking up an account may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// A request to judge.
#[derive(Debug, Args)]
pub struct Question {
    /// The address that a browser would open.
    #[arg(long, value_name = "URL")]
    url: Uri,
    /// The method.
    #[arg(long, default_value = "GET")]
    method: Method,
    /// Who has signed in; the groups are asked of the authority unless --groups says them. Left out: nobody.
    #[arg(long, value_name = "NAME")]
    account: Option<String>,
    /// The groups of whoever has signed in, with commas between.
    #[arg(long, value_name = "GROUPS", value_delimiter = ',')]
    groups: Option<Vec<String>>,
    /// Where the client is.
    #[arg(long, value_name = "ADDRESS")]
    address: Option<IpAddr>,
    /// Answer in JSON.
    #[arg(long)]
    json: bool,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum NoAnswer {
    /// The address has no host that is a host.
    #[error("--url must be a whole address, such as https://wiki.example.com/page")]
    Url,
    /// The host is no site's.
    #[error("{0} is the host of no [[site]]; the gate answers 404")]
    NoSite(String),
    /// The gate would refuse the path.
    #[error("the gate answers 400: {0}")]
    Ambiguous(#[from] crate::path::Ambiguous),
    /// The gate would refuse the method.
    #[error("the gate answers 400: {0} is not passed on")]
    Method(Method),
    /// The path is the gate's own.
    #[error("{0} is the gate's own; no rule is asked")]
    Own(String),
    /// The groups are not known.
    #[error("cannot look up the groups of {account}: {why}; say them with --groups")]
    Groups {
        /// Whose.
        account: String,
        /// What the authority said.
        why: CallError,
    },
    /// Nobody reads the answer.
    #[error("cannot write the answer: {0}")]
    Output(#[from] std::io::Error),
}

/// Judges, and says so on standard output.
///
/// # Errors
/// [`NoAnswer`].
pub fn check(config: &Config, question: &Question) -> Result<(), NoAnswer> {
    let groups = groups(config, question)?;
    let explained = explain(config, question, groups.as_deref())?;
    let mut out = std::io::stdout().lock();
    if question.json {
        writeln!(out, "{:#}", explained.to_json())?;
    } else {
        write!(out, "{explained}")?;
    }
    Ok(())
}

/// The groups of whoever asks; none while nobody has signed in.
fn groups(config: &Config, question: &Question) -> Result<Option<Vec<String>>, NoAnswer> {
    match (&question.account, &question.groups) {
        (_, Some(groups)) => Ok(Some(groups.clone())),
        (None, None) => Ok(None),
        (Some(account), None) => Client::new(&config.authority, PATIENCE)
            .call(&GetAccount { account: Some(account.clone()) })
            .map(|view| Some(view.groups))
            .map_err(|why| NoAnswer::Groups { account: account.clone(), why }),
    }
}

/// A judgement with its reasons.
struct Explained<'a> {
    site: &'a SiteConfig,
    question: &'a Question,
    path: String,
    groups: Option<&'a [String]>,
    /// The rules before the one that decides, and why they do not.
    passed_over: Vec<(&'a Rule, Misfit)>,
    /// The rule that decides, and how it fits.
    decides: Option<(&'a Rule, Fit)>,
}

fn explain<'a>(
    config: &'a Config,
    question: &'a Question,
    groups: Option<&'a [String]>,
) -> Result<Explained<'a>, NoAnswer> {
    let host = question.url.authority().ok_or(NoAnswer::Url)?;
    let host = Host::from_header(host.as_str().as_bytes()).map_err(|_| NoAnswer::Url)?;
    let site = config.sites.iter().find(|site| *site.origin.host() == host);
    let site = site.ok_or_else(|| NoAnswer::NoSite(host.to_string()))?;
    if !request::is_passed_on(&question.method) {
        return Err(NoAnswer::Method(question.method.clone()));
    }
    let parameters = if site.path_parameters { Parameters::Cut } else { Parameters::Refused };
    let raw = question.url.path_and_query().map_or("/", |target| target.as_str());
    let target = Target::parse(raw.as_bytes(), parameters)?;
    let path = String::from_utf8_lossy(target.path()).into_owned();
    if crate::gate::is_own(target.path()) {
        return Err(NoAnswer::Own(path));
    }
    let prepared = Site::new(site);
    let is_in = |group: &str| groups.is_some_and(|groups| groups.iter().any(|own| own == group));
    let asked = Asked {
        path: &prepared.judged(target.path()),
        method: &question.method,
        address: question.address.map(|address| address.to_canonical()),
        is_in: groups.is_some().then_some(&is_in),
    };
    let mut passed_over = Vec::new();
    for rule in &config.rules {
        // Judged by the site's own copy, which knows how the app reads its paths.
        let own = prepared.rules().numbered(rule.number);
        match own.map_or(Fit::Not(Misfit::Host), |own| own.fit(&asked)) {
            Fit::Not(why) => passed_over.push((rule, why)),
            fit @ (Fit::Whole | Fit::IfInGroup) => {
                return Ok(Explained {
                    site,
                    question,
                    path,
                    groups,
                    passed_over,
                    decides: Some((rule, fit)),
                });
            }
        }
    }
    Ok(Explained { site, question, path, groups, passed_over, decides: None })
}

impl Explained<'_> {
    fn policy(&self) -> Policy {
        match self.decides {
            None => Policy::Second { max_age: None },
            Some((_, Fit::IfInGroup)) => Policy::First,
            Some((rule, _)) => rule.policy,
        }
    }

    fn to_json(&self) -> serde_json::Value {
        let (policy, max_age) = match self.policy() {
            Policy::Bypass => ("bypass", None),
            Policy::First => ("first", None),
            Policy::Second { max_age } => ("second", max_age.map(|age| age.as_secs())),
            Policy::Deny => ("deny", None),
        };
        let passed_over: Vec<_> = self
            .passed_over
            .iter()
            .map(|(rule, why)| json!({ "rule": rule.number, "line": rule.line, "because": word(*why) }))
            .collect();
        json!({
            "site": self.site.origin.to_string(),
            "method": self.question.method.as_str(),
            "path": self.path,
            "rule": self.decides.map(|(rule, _)| rule.number),
            "line": self.decides.map(|(rule, _)| rule.line),
            "first_factor": self.site.first_factor.word(),
            "policy": policy,
            "max_age_seconds": max_age,
            "until_known_who": matches!(self.decides, Some((_, Fit::IfInGroup))),
            "passed_over": passed_over,
        })
    }
}

impl fmt::Display for Explained<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}{}", self.question.method, self.site.origin, self.path)?;
        match (&self.question.account, self.groups) {
            (Some(name), Some(groups)) => write!(f, " by {name} ({})", listed(groups))?,
            (None, Some(groups)) => write!(f, " by somebody in {}", listed(groups))?,
            (_, None) => write!(f, " before anybody signs in")?,
        }
        if let Some(address) = self.question.address {
            write!(f, " from {address}")?;
        }
        writeln!(f)?;
        for (rule, why) in &self.passed_over {
            writeln!(
                f,
                "  rule {} (line {}) does not match: {}",
                rule.number,
                rule.line,
                reason(rule, *why)
            )?;
        }
        match self.decides {
            None => writeln!(f, "  no rule matches: {}", policy(self.policy())),
            Some((rule, Fit::IfInGroup)) => writeln!(
                f,
                "  rule {} (line {}) depends on the group: {} first, to learn who it is",
                rule.number,
                rule.line,
                policy(Policy::First)
            ),
            Some((rule, _)) => {
                writeln!(f, "  rule {} (line {}) decides: {}", rule.number, rule.line, policy(rule.policy))
            }
        }?;
        match (self.policy(), first_factor(&self.site.first_factor)) {
            (Policy::First | Policy::Second { .. }, Some(words)) => {
                writeln!(f, "  the first factor there: {words}")
            }
            _ => Ok(()),
        }
    }
}

fn listed(groups: &[String]) -> String {
    if groups.is_empty() { "no group".to_owned() } else { groups.join(", ") }
}

fn word(why: Misfit) -> &'static str {
    match why {
        Misfit::Host => "host",
        Misfit::Path => "path",
        Misfit::Method => "method",
        Misfit::Network => "network",
        Misfit::Group => "group",
    }
}

fn reason(rule: &Rule, why: Misfit) -> String {
    fn joined<T: fmt::Display>(list: &[T]) -> String {
        list.iter().map(T::to_string).collect::<Vec<_>>().join(", ")
    }
    match why {
        Misfit::Host => format!("it is for {}", joined(&rule.hosts)),
        Misfit::Path => format!("its paths are {}", joined(&rule.paths)),
        Misfit::Method => format!("its methods are {}", joined(&rule.methods)),
        Misfit::Network => format!("its networks are {}", joined(&rule.networks)),
        Misfit::Group => format!("its groups are {}", rule.groups.join(", ")),
    }
}

/// Where a first factor comes from, if not from the ledger's passwords.
fn first_factor(first: &FirstFactor) -> Option<String> {
    match first {
        FirstFactor::Password => None,
        FirstFactor::Directory(realm) => Some(format!("the portal's page, checked by the directory {realm}")),
        FirstFactor::Form(form) => Some(format!("the app's own login page, {}", form.page())),
        FirstFactor::Basic(basic) => {
            Some(format!("the app's own HTTP Basic, asked about at {}", basic.probe))
        }
        FirstFactor::Header(header) => Some(format!("{}, from trusted_proxies alone", header.name)),
        FirstFactor::Code(_) => Some(
            "none; a name and a code at the portal, whatever the level, then the app's own login".to_owned(),
        ),
    }
}

fn policy(policy: Policy) -> String {
    match policy {
        Policy::Bypass => "everybody passes; who has not signed in is nobody to the app".to_owned(),
        Policy::First => "the first factor is needed".to_owned(),
        Policy::Second { max_age: None } => "the second factor is needed".to_owned(),
        Policy::Second { max_age: Some(age) } => {
            format!("the second factor is needed, passed within {}", humantime::format_duration(age))
        }
        Policy::Deny => "nobody passes".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use clap::Parser;
    use twofold_shared::config::read;

    use super::*;

    const FILE: &str = r#"
portal = "https://id.example.com"
groups = ["admins"]
[[site]]
origin = "https://wiki.example.com"
upstream = "127.0.0.1:1"
first_factor = "password"
[[rule]]
paths = ["/public"]
policy = "bypass"
[[rule]]
paths = ["/admin"]
groups = ["admins"]
policy = "second"
max_age = "5m"
"#;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        question: Question,
    }

    fn ask(line: &str) -> Result<(String, serde_json::Value), NoAnswer> {
        ask_of(FILE, line)
    }

    fn ask_of(text: &str, line: &str) -> Result<(String, serde_json::Value), NoAnswer> {
        let config = read(Path::new("gate.toml"), text, crate::config::check).unwrap();
        let line = Line::try_parse_from(std::iter::once("check").chain(line.split(' '))).unwrap();
        let groups = groups(&config, &line.question)?;
        let explained = explain(&config, &line.question, groups.as_deref())?;
        Ok((explained.to_string(), explained.to_json()))
    }

    #[test]
    fn the_rule_that_decides_is_named_with_its_line_and_those_before_with_their_reasons() {
        let (text, json) =
            ask("--url https://wiki.example.com/%61dmin/x?y --groups admins --address 192.0.2.7").unwrap();
        assert_eq!(
            text,
            "GET https://wiki.example.com/admin/x by somebody in admins from 192.0.2.7\n  \
             rule 1 (line 8) does not match: its paths are /public\n  \
             rule 2 (line 11) decides: the second factor is needed, passed within 5m\n"
        );
        assert_eq!(
            (&json["rule"], &json["policy"], &json["max_age_seconds"]),
            (&json!(2), &json!("second"), &json!(300))
        );
        assert_eq!(json["passed_over"], json!([{ "rule": 1, "line": 8, "because": "path" }]));
    }

    #[test]
    fn a_rule_about_groups_says_that_it_depends_on_who_asks() {
        let (text, json) = ask("--url https://wiki.example.com/admin").unwrap();
        assert!(text.contains("rule 2 (line 11) depends on the group"), "{text}");
        assert_eq!((&json["policy"], &json["until_known_who"]), (&json!("first"), &json!(true)));
        let (text, json) = ask("--url https://wiki.example.com/ --method POST").unwrap();
        assert!(text.contains("no rule matches: the second factor is needed"), "{text}");
        assert_eq!(json["rule"], serde_json::Value::Null);
    }

    #[test]
    fn where_the_first_factor_comes_from_is_said() {
        for (site, words, json) in [
            (
                "\"basic\"\n[site.basic]\nprobe = \"/in\"",
                "the app's own HTTP Basic, asked about at /in",
                "basic",
            ),
            ("\"header\"\n[site.header]\nname = \"X-User\"", "x-user, from trusted_proxies alone", "header"),
            ("\"code\"", "none; a name and a code at the portal", "code"),
        ] {
            let text = FILE.replace("\"password\"", site);
            let text = format!("trusted_proxies = [\"192.0.2.1\"]\n{text}");
            let (said, value) = ask_of(&text, "--url https://wiki.example.com/").unwrap();
            assert!(said.contains(&format!("  the first factor there: {words}")), "{said}");
            assert_eq!(value["first_factor"], json);
            let (said, _) = ask_of(&text, "--url https://wiki.example.com/public").unwrap();
            assert!(!said.contains("the first factor there"), "{said}");
        }
    }

    #[test]
    fn what_the_gate_refuses_by_itself_is_said() {
        for (line, word) in [
            ("--url https://wiki.example.com/a/../b", "400"),
            ("--url https://shop.example.com/", "404"),
            ("--url https://wiki.example.com/ --method TRACE", "400"),
            ("--url https://wiki.example.com/.twofold/callback", "gate's own"),
            ("--url /admin", "whole address"),
            ("--url https://wiki.example.com/ --account alice", "--groups"),
        ] {
            let said = ask(line).unwrap_err().to_string();
            assert!(said.contains(word), "{line}: {said}");
        }
    }
}

//! `[policy]`: what is asked where. A rule that can never apply is a mistake: somebody relies on it.

use std::path::Path;
use std::time::Duration;

use ipnet::IpNet;
use nix::unistd::Group;
use twofold_shared::config::{At, Place, Table};
use twofold_shared::wire::{AuthMethod, Requirement};

use super::{Listener, MINUTE, service_name};
use crate::policy::{Passed, Policy, Rule, Tty};

/// The words for [`Requirement`].
const REQUIREMENTS: [(&str, Requirement); 3] = [
    ("required", Requirement::Required),
    ("optional", Requirement::Optional),
    ("exempt", Requirement::Exempt),
];

/// The words for [`Passed`]: sshd's own names for its methods, and ours for the stack's word.
const PASSED: [(&str, Passed); 6] = [
    ("publickey", Passed::Sshd(AuthMethod::Publickey)),
    ("password", Passed::Sshd(AuthMethod::Password)),
    ("keyboard-interactive", Passed::Sshd(AuthMethod::KeyboardInteractive)),
    ("hostbased", Passed::Sshd(AuthMethod::Hostbased)),
    ("gssapi-with-mic", Passed::Sshd(AuthMethod::Gssapi)),
    ("above", Passed::Above),
];

/// Where Linux-PAM finds a service's stack.
const STACKS: [&str; 2] = ["/etc/pam.d", "/usr/lib/pam.d"];

/// The most rules.
const MOST_RULES: usize = 256;

/// The shortest and longest grace.
const SHORTEST_GRACE: Duration = MINUTE;
const LONGEST_GRACE: Duration = Duration::from_secs(7 * 24 * 60 * 60);

pub(super) fn policy(root: &mut Table<'_>, listeners: &[Listener]) -> Policy {
    let mut policy =
        Policy { default: Requirement::Required, services: Default::default(), rules: Vec::new() };
    let Some(mut table) = root.table("policy") else { return policy };
    if let Some(default) = table.choice("default", &REQUIREMENTS) {
        policy.default = default.value;
    }
    let services = table.table("services");
    for mut rule in table.tables("rule") {
        let place = rule.place().clone();
        let Some(rule) = read_rule(&mut rule, listeners) else { continue };
        refuse_covered(&policy, &rule, &place);
        if policy.rules.len() == MOST_RULES {
            place.mistake(format!("too many rules: at most {MOST_RULES}"));
        }
        policy.rules.push(rule);
    }
    if let Some(mut services) = services {
        for name in services.names() {
            let Some(require) = services.choice(&name, &REQUIREMENTS) else { continue };
            match service_name(name) {
                Ok(name) => {
                    refuse_covered(&policy, &of_service(&name, require.value), &require.place);
                    policy.services.insert(name, require.value);
                }
                Err(message) => require.place.mistake(message),
            }
        }
    }
    policy
}

/// An entry of the table of services, as a rule after all rules.
fn of_service(name: &str, require: Requirement) -> Rule {
    Rule {
        line: 0,
        services: vec![name.to_owned()],
        groups: Vec::new(),
        networks: Vec::new(),
        ttys: Vec::new(),
        auth: Vec::new(),
        require,
        grace: None,
    }
}

fn refuse_covered(policy: &Policy, later: &Rule, place: &Place) {
    if let Some(rule) = policy.rules.iter().find(|rule| rule.covers(later)) {
        place.mistake(format!(
            "can never decide anything: the rule in line {} comes first and applies wherever this one does",
            rule.line
        ));
    }
}

fn read_rule(table: &mut Table<'_>, listeners: &[Listener]) -> Option<Rule> {
    let services = list(table, "services", |service| known_service(service_name(service)?, listeners));
    let groups = list(table, "groups", known_group);
    let networks = list(table, "networks", |network| read_network(&network));
    let ttys = list(table, "ttys", |tty| Tty::parse(&tty));
    let auth = list(table, "auth", |word| passed(&word));
    let require = table.choice("require", &REQUIREMENTS);
    let require = table.need("require", require, "\"exempt\"");
    let grace = table.duration("grace", SHORTEST_GRACE..=LONGEST_GRACE);
    if !networks.is_empty() && !ttys.is_empty() {
        table.place().mistake(
            "has networks and ttys, and nobody is at both: who comes from an address is at no terminal of the host",
        );
    }
    let require = require?.value;
    if let Some(grace) = &grace
        && require == Requirement::Exempt
    {
        grace
            .place
            .mistake("means nothing where nobody is asked; leave it out, or write require = \"required\"");
    }
    let grace = grace.map(|grace| grace.value);
    Some(Rule { line: table.place().line(), services, groups, networks, ttys, auth, require, grace })
}

/// The entries at `key`. A list that is there and empty would take everybody, which nobody means who writes one.
fn list<T: PartialEq>(
    table: &mut Table<'_>,
    key: &str,
    read: impl Fn(String) -> Result<T, String>,
) -> Vec<T> {
    let there = table.names().iter().any(|name| name == key);
    let texts: Vec<At<String>> = table.texts(key);
    if there && texts.is_empty() {
        table.place().mistake(format!("{key}: names nothing; leave the key out where it does not matter"));
    }
    let mut entries = Vec::new();
    for text in texts {
        let Some(entry) = text.check(&read) else { continue };
        if entries.contains(&entry.value) {
            entry.place.mistake("is there twice");
        } else {
            entries.push(entry.value);
        }
    }
    entries
}

fn known_service(service: String, listeners: &[Listener]) -> Result<String, String> {
    let here = |folder: &&str| Path::new(folder).join(&service).exists();
    let at_a_door = listeners.iter().any(|listener| listener.door.services.contains(&service));
    if at_a_door || STACKS.iter().any(here) {
        Ok(service)
    } else {
        Err(format!(
            "nobody has the service `{service}`: there is no /etc/pam.d/{service}, and no listener names it"
        ))
    }
}

/// Where the host's database fails, nothing is known: the login meets that again, and then the stricter answer holds.
fn known_group(group: String) -> Result<String, String> {
    match Group::from_name(&group) {
        Ok(None) => {
            Err(format!("there is no group `{group}` on this host; getent group shows all there are"))
        }
        Ok(Some(_)) | Err(_) => Ok(group),
    }
}

/// An address or a network, IPv4 where it is one; never a name.
fn read_network(text: &str) -> Result<IpNet, String> {
    let network = match text.parse::<std::net::IpAddr>() {
        Ok(address) => Some(IpNet::from(address.to_canonical())),
        Err(_) => text.parse::<IpNet>().ok().filter(|network| network.trunc() == *network),
    };
    let mapped = |network: &IpNet| match network {
        IpNet::V4(_) => false,
        IpNet::V6(network) => network.prefix_len() >= 96 && network.addr().to_ipv4_mapped().is_some(),
    };
    network.filter(|network| !mapped(network)).ok_or_else(|| {
        "must be an address or a network such as 10.0.0.0/8, without bits beyond its prefix; names are never resolved"
            .to_owned()
    })
}

fn passed(word: &str) -> Result<Passed, String> {
    if let Some((_, passed)) = PASSED.iter().find(|(known, _)| *known == word) {
        return Ok(*passed);
    }
    let words: Vec<&str> = PASSED.iter().map(|(word, _)| *word).collect();
    Err(match word {
        "none" => "cannot be asked for: without a first factor everybody needs a code, whatever policy says"
            .to_owned(),
        _ => format!("must be one of {}", words.join(", ")),
    })
}

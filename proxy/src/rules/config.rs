//! `[[rule]]` of the configuration: read, and refused where one could never decide anything.

use std::time::Duration;

use http::Method;
use ipnet::IpNet;
use twofold_shared::config::{At, Place, Table};

use super::{HostPattern, PathPattern, Policy, Rule};
use crate::host::Host;
use crate::request;

const MAX_AGE_LEAST: Duration = Duration::from_secs(10);
const MAX_AGE_MOST: Duration = Duration::from_secs(24 * 60 * 60);

/// The words for policies.
const POLICIES: &[(&str, Word)] =
    &[("bypass", Word::Bypass), ("first", Word::First), ("second", Word::Second), ("deny", Word::Deny)];

#[derive(Clone, Copy)]
enum Word {
    Bypass,
    First,
    Second,
    Deny,
}

/// Reads the rules in their order. `hosts` are the sites', `groups` those that the file declares.
pub fn rules(table: &mut Table<'_>, hosts: &[Host], groups: &[String]) -> Vec<Rule> {
    let mut rules: Vec<Rule> = Vec::new();
    for (number, mut table) in (1..).zip(table.tables("rule")) {
        let place = table.place().clone();
        let Some(rule) = rule(&mut table, number, hosts, groups) else { continue };
        if let Some(earlier) = rules.iter().find(|earlier| covers(earlier, &rule)) {
            place.mistake(format!(
                "can never decide: rule {} in line {} matches everything that this one matches; put this one first or \
                 remove it",
                earlier.number, earlier.line
            ));
        }
        rules.push(rule);
    }
    rules
}

/// `hosts`: each is one of `known`, or a domain of some.
pub fn host_patterns(table: &mut Table<'_>, known: &[Host]) -> Option<Vec<HostPattern>> {
    list(table, "hosts", |text| {
        let pattern = HostPattern::parse(text)?;
        match known.iter().any(|host| pattern.matches(host)) {
            true => Ok(pattern),
            false => Err("is the host of no [[site]]".to_owned()),
        }
    })
}

/// `groups`: each is among those that the file names.
pub fn named_groups(table: &mut Table<'_>, named: &[String]) -> Option<Vec<String>> {
    list(table, "groups", |text| match named.iter().any(|group| group == text) {
        true => Ok(text.to_owned()),
        false => Err(format!("is not among the `groups` that this file names: {}", named.join(", "))),
    })
}

fn rule(table: &mut Table<'_>, number: usize, hosts: &[Host], groups: &[String]) -> Option<Rule> {
    let place = table.place().clone();
    let hosts = host_patterns(table, hosts);
    let paths = list(table, "paths", PathPattern::parse);
    let methods = list(table, "methods", method);
    let networks = list(table, "networks", network);
    let groups = named_groups(table, groups);
    let max_age = table.duration("max_age", MAX_AGE_LEAST..=MAX_AGE_MOST);
    let word = table.choice("policy", POLICIES);
    let word = table.need("policy", word, "\"second\"");
    let (hosts, paths, mut methods, networks, groups) = (hosts?, paths?, methods?, networks?, groups?);
    let policy = policy(&word?, max_age)?;
    match policy {
        Policy::Bypass if !groups.is_empty() => {
            place.mistake("contradicts itself: `bypass` asks nobody who they are, so nobody is in a group");
        }
        // Below the second level only reading is meant, unless the rule says what else.
        Policy::Bypass | Policy::First if methods.is_empty() => methods = vec![Method::GET, Method::HEAD],
        Policy::Bypass | Policy::First | Policy::Second { .. } | Policy::Deny => {}
    }
    Some(Rule { number, line: place.line(), hosts, paths, methods, networks, groups, policy })
}

/// A list where an empty one would match nothing: absent it is empty and matches everything.
fn list<T>(table: &mut Table<'_>, key: &str, parse: impl Fn(&str) -> Result<T, String>) -> Option<Vec<T>> {
    let is_there = table.names().iter().any(|name| name == key);
    let texts = table.texts(key);
    if is_there && texts.is_empty() {
        table.place().mistake(format!("`{key}` is empty, so the rule would match nothing; remove the line"));
    }
    let whole = texts.len();
    let parsed: Vec<T> =
        texts.into_iter().filter_map(|text| text.check(|text| parse(&text))).map(|at| at.value).collect();
    (parsed.len() == whole).then_some(parsed)
}

fn policy(word: &At<Word>, max_age: Option<At<Duration>>) -> Option<Policy> {
    let policy = match word.value {
        Word::Second => {
            return Some(Policy::Second { max_age: max_age.map(|age| age.value) });
        }
        Word::Bypass => Policy::Bypass,
        Word::First => Policy::First,
        Word::Deny => Policy::Deny,
    };
    if let Some(At { place, .. }) = max_age {
        no_max_age(&place);
        return None;
    }
    Some(policy)
}

fn no_max_age(place: &Place) {
    place.mistake("only makes sense with policy = \"second\": nothing else grows old");
}

fn method(text: &str) -> Result<Method, String> {
    match Method::from_bytes(text.as_bytes()) {
        Ok(method) if request::is_passed_on(&method) => Ok(method),
        _ => Err(format!("must be a method that the gate passes on: {}", request::METHODS.join(", "))),
    }
}

fn network(text: &str) -> Result<IpNet, String> {
    let wrong = "must be an address or a network, such as \"10.0.0.0/8\": a name could change its meaning";
    let network = match text.parse::<std::net::IpAddr>() {
        Ok(address) => IpNet::from(address),
        Err(_) => text.parse::<IpNet>().map_err(|_| wrong.to_owned())?,
    };
    if network.trunc() == network {
        return Ok(network);
    }
    Err(format!("has bits beyond its prefix; write {}", network.trunc()))
}

/// Whether `earlier` matches everything that `later` matches.
fn covers(earlier: &Rule, later: &Rule) -> bool {
    all_covered(&earlier.hosts, &later.hosts, HostPattern::covers)
        && all_covered(&earlier.paths, &later.paths, PathPattern::covers)
        && all_covered(&earlier.methods, &later.methods, |own, other| {
            own == other || (own == Method::GET && other == Method::HEAD)
        })
        && all_covered(&earlier.networks, &later.networks, |own, other| own.contains(other))
        && all_covered(&earlier.groups, &later.groups, |own, other| own == other)
}

/// An empty list matches everything.
fn all_covered<T>(earlier: &[T], later: &[T], covers: impl Fn(&T, &T) -> bool) -> bool {
    earlier.is_empty()
        || (!later.is_empty() && later.iter().all(|other| earlier.iter().any(|own| covers(own, other))))
}

/// Networks that may speak for others: the same notation.
pub fn networks(table: &mut Table<'_>, key: &str) -> Vec<IpNet> {
    table
        .texts(key)
        .into_iter()
        .filter_map(|text| text.check(|text| network(&text)))
        .map(|at| at.value)
        .collect()
}

//! What becomes of people without a second factor: `[[enrolment]]`, first match.
//!
//! By default they set one up before they get anywhere. A date lets them sign in some times more without. Nothing here
//! makes a fresh code superfluous where a rule asks for one.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use twofold_shared::config::Table;
use twofold_shared::wire::Level;

use crate::host::Host;
use crate::rules::{HostPattern, Need};
use crate::session::Known;

/// The most sign-ins without a second factor before the date.
const MOST_SIGN_INS: u64 = 1000;

/// What is asked of somebody who has no second factor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Enrolment {
    /// To set one up, and to get nowhere else before.
    Required,
    /// The same from a day on; until then so many sign-ins without.
    RequiredFrom {
        /// The first second of the day, of Unix time.
        from: u64,
        /// How many sign-ins.
        sign_ins: u32,
    },
    /// Nothing: the first factor is enough.
    Optional,
    /// To set one up elsewhere: the portal offers nothing, and says so.
    Off,
}

/// One rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Hosts of sites, and of the portal. Empty: all.
    pub hosts: Vec<HostPattern>,
    /// Groups, one of which the account must be in. Empty: everybody.
    pub groups: Vec<String>,
    /// What it asks.
    pub policy: Enrolment,
}

/// The rules of one host, in their order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Enrolments(Vec<Rule>);

impl Enrolments {
    /// Those of `rules` that are about `host`.
    #[must_use]
    pub fn of_host(rules: &[Rule], host: &Host) -> Self {
        let is_about =
            |rule: &&Rule| rule.hosts.is_empty() || rule.hosts.iter().any(|pattern| pattern.matches(host));
        Self(rules.iter().filter(is_about).cloned().collect())
    }

    /// What is asked of the person of a session now.
    #[must_use]
    pub fn policy(&self, known: &Known, now: u64) -> Enrolment {
        let is_for =
            |rule: &&Rule| rule.groups.is_empty() || rule.groups.iter().any(|group| known.is_in(group));
        match self.0.iter().find(is_for).map_or(Enrolment::Required, |rule| rule.policy) {
            Enrolment::RequiredFrom { from, .. } if now >= from => Enrolment::Required,
            policy => policy,
        }
    }

    /// Whether a session has what is needed: it does, or it is of somebody without a second factor who may do without.
    /// How often somebody may before the day, the authority counts when the session begins.
    #[must_use]
    pub fn are_met(&self, known: &Known, need: Need, now: u64) -> bool {
        known.meets(need, now) || (self.does_without(known, need) && self.lets_do_without(known, now))
    }

    /// Whether what a session lacks is a second factor that its account does not have.
    fn does_without(&self, known: &Known, need: Need) -> bool {
        !self.0.is_empty()
            && !known.is_enrolled()
            && known.level() == Level::First
            && need.level == Level::Second
            && need.max_age.is_none()
    }

    fn lets_do_without(&self, known: &Known, now: u64) -> bool {
        match self.policy(known, now) {
            Enrolment::Optional | Enrolment::RequiredFrom { .. } => true,
            Enrolment::Required | Enrolment::Off => false,
        }
    }
}

/// The words for a policy.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Word {
    Required,
    Optional,
    Off,
}

/// Reads `[[enrolment]]`.
pub fn read(table: &mut Table<'_>, hosts: &[Host], groups: &[String]) -> Vec<Rule> {
    let mut rules: Vec<Rule> = Vec::new();
    for mut table in table.tables("enrolment") {
        let place = table.place().clone();
        let Some(rule) = rule(&mut table, hosts, groups) else { continue };
        if rules.iter().any(|before| covers(before, &rule)) {
            place.mistake("can never decide: a rule above it is about all of the same people");
        }
        rules.push(rule);
    }
    rules
}

fn covers(before: &Rule, rule: &Rule) -> bool {
    let all_hosts = before.hosts.is_empty() || before.hosts == rule.hosts;
    let all_groups = before.groups.is_empty() || before.groups == rule.groups;
    all_hosts && all_groups
}

fn rule(table: &mut Table<'_>, hosts: &[Host], groups: &[String]) -> Option<Rule> {
    let hosts = crate::rules::host_patterns(table, hosts);
    let groups = crate::rules::named_groups(table, groups);
    let words = [("required", Word::Required), ("optional", Word::Optional), ("off", Word::Off)];
    let policy = table.choice("policy", &words);
    let policy = table.need("policy", policy, "\"required\"");
    let from = table.text("from").and_then(|text| text.check(|text| first_second(&text)));
    let sign_ins = table.number("sign_ins", 1..=MOST_SIGN_INS);
    let (hosts, groups, policy) = (hosts?, groups?, policy?);
    let policy = match (policy.value, from, sign_ins) {
        (Word::Required, None, None) => Enrolment::Required,
        (Word::Required, Some(from), Some(sign_ins)) => Enrolment::RequiredFrom {
            from: from.value,
            sign_ins: u32::try_from(sign_ins.value).unwrap_or(u32::MAX),
        },
        (Word::Required, Some(from), None) => {
            from.place.mistake("needs sign_ins beside it: how often people may sign in without until then");
            return None;
        }
        (Word::Required, None, Some(sign_ins)) => {
            sign_ins.place.mistake("needs from beside it: until when, such as from = \"2027-01-01\"");
            return None;
        }
        (Word::Optional, None, None) => Enrolment::Optional,
        (Word::Off, None, None) => Enrolment::Off,
        (Word::Optional | Word::Off, from, sign_ins) => {
            let place = from.map(|at| at.place).or_else(|| sign_ins.map(|at| at.place))?;
            place.mistake("is for policy = \"required\" alone");
            return None;
        }
    };
    Some(Rule { hosts, groups, policy })
}

/// The first second of a day in this host's time.
fn first_second(text: &str) -> Result<u64, String> {
    let odd = || "must be a day, such as \"2027-01-01\"".to_owned();
    let day: Date = text.parse().map_err(|_| odd())?;
    let first = day.to_zoned(TimeZone::system()).map_err(|_| odd())?;
    u64::try_from(first.timestamp().as_second()).map_err(|_| odd())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use twofold_shared::config::read as read_file;

    use super::*;
    use crate::config::{Config, check};

    fn config(rules: &str) -> Result<Config, String> {
        let text = format!(
            "portal = \"http://id.localhost:8480\"\ngroups = [\"staff\"]\n{rules}\n[[site]]\norigin = \
             \"http://wiki.localhost:8480\"\nupstream = \"127.0.0.1:8481\"\nfirst_factor = \"password\""
        );
        read_file(Path::new("gate.toml"), &text, check).map_err(|mistakes| mistakes.to_string())
    }

    #[test]
    fn what_becomes_of_people_without_a_second_factor_is_read_as_written() {
        assert!(config("").unwrap().enrolments.is_empty());
        let rules = "[[enrolment]]\nhosts = [\"id.localhost\"]\npolicy = \"off\"\n[[enrolment]]\ngroups = [\"staff\"]\npolicy = \
                     \"optional\"\n[[enrolment]]\npolicy = \"required\"\nfrom = \"2027-01-01\"\nsign_ins = 3";
        let read = config(rules).unwrap();
        assert!(matches!(
            read.enrolments.iter().map(|rule| rule.policy).collect::<Vec<_>>()[..],
            [
                Enrolment::Off,
                Enrolment::Optional,
                Enrolment::RequiredFrom { from: 1_798_000_000.., sign_ins: 3 }
            ]
        ));
        assert_eq!(read.sites[0].enrolments.0.len(), 2, "the portal's own rule is not the wiki's");
    }

    #[test]
    fn a_rule_about_people_without_a_second_factor_that_cannot_hold_is_refused_with_its_line() {
        for (rule, says) in [
            ("policy = \"maybe\"", "policy"),
            ("", "policy"),
            ("hosts = [\"mail.localhost\"]\npolicy = \"off\"", "is the host of no [[site]]"),
            ("groups = [\"stuff\"]\npolicy = \"off\"", "is not among the `groups`"),
            ("policy = \"required\"\nfrom = \"2027-01-01\"", "needs sign_ins"),
            ("policy = \"required\"\nsign_ins = 3", "needs from"),
            ("policy = \"required\"\nfrom = \"soon\"\nsign_ins = 3", "must be a day"),
            ("policy = \"optional\"\nfrom = \"2027-01-01\"", "is for policy = \"required\" alone"),
            (
                "policy = \"off\"\n[[enrolment]]\ngroups = [\"staff\"]\npolicy = \"optional\"",
                "can never decide",
            ),
        ] {
            let mistake = config(&format!("[[enrolment]]\n{rule}")).unwrap_err();
            assert!(mistake.contains(says) && mistake.contains("gate.toml:"), "{rule}: {mistake}");
        }
    }
}

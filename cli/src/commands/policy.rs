//! `twofold policy check`: which rule decides about a login, and why.

use twofold_shared::wire::{
    Ask, Decider, ExplainPolicy, FirstDecider, FirstDevice, FirstFactor, FirstTakes, PolicyExplained,
    Requirement, RuleApplies, RuleEntry, Source,
};

use crate::args::{Passed, Policy, PolicyCheck};
use crate::desk::{Desk, called};
use crate::failure::Failure;
use crate::output::{table, visible};
use crate::words::duration;

/// Does one of the verbs.
pub fn run(desk: &Desk, verb: &Policy) -> Result<(), Failure> {
    match verb {
        Policy::Check(check) => explain(desk, check),
    }
}

fn explain(desk: &Desk, check: &PolicyCheck) -> Result<(), Failure> {
    let explained = desk.call(&question(check))?;
    desk.screen.object(&explained)?;
    let (whose, service) = (called(Some(&check.account)), visible(&check.service));
    desk.screen.say(&format!("{whose} at {service} {}: {}.", must(explained.ask), because(&explained)))?;
    if let Some(first) = &explained.first_device {
        desk.screen.say(&format!("A first device {}, {}.", takes(first.takes), so_says(first)))?;
    }
    if explained.rules.is_empty() {
        return Ok(());
    }
    let rows: Vec<[String; 3]> = explained.rules.iter().map(row).collect();
    Ok(desk.screen.line(&format!("\n{}", table(["LINE", "APPLIES", "ASKS"], &rows)))?)
}

fn question(check: &PolicyCheck) -> ExplainPolicy {
    let first = if check.auth.contains(&Passed::Publickey) {
        FirstFactor::Publickey
    } else if check.auth.is_empty() {
        FirstFactor::None
    } else {
        FirstFactor::Above
    };
    let terminal = check.tty.as_deref().map(|tty| tty.strip_prefix("/dev/").unwrap_or(tty).to_owned());
    let auth = check.auth.iter().filter_map(|passed| passed.method()).collect();
    ExplainPolicy {
        name: check.account.clone(),
        service: check.service.clone(),
        first,
        source: Source { address: check.address, terminal, auth, ..Source::default() },
        groups: (!check.groups.is_empty()).then(|| check.groups.clone()),
    }
}

const fn must(ask: Ask) -> &'static str {
    match ask {
        Ask::Code => "must give a code",
        Ask::Exempt => "needs no code",
        Ask::Grace => "needs no code for now",
        Ask::Optional => "needs no code, because none is set up",
        Ask::Unenrolled => "is refused until a device is set up",
        Ask::Enrol => "must set up a device while logging in",
        Ask::Invitation => "must give an invitation and set up a device while logging in",
    }
}

const fn takes(takes: FirstTakes) -> &'static str {
    match takes {
        FirstTakes::Invitation => "takes an invitation",
        FirstTakes::Login => "takes the first factor at a login",
        FirstTakes::Own => "takes the first factor at a login, or `twofold enroll` under their own user",
    }
}

fn so_says(first: &FirstDevice) -> String {
    match (first.decided_by, &first.group) {
        (FirstDecider::Group, Some(group)) => format!("because they are in the group {}", visible(group)),
        (FirstDecider::Group, None) => "because of a group".to_owned(),
        (FirstDecider::Charge, _) => "because they are in charge of others".to_owned(),
        (FirstDecider::Untold, _) => "because it cannot be told in which groups they are".to_owned(),
        (FirstDecider::Default, _) => "as `[enrolment] first` says".to_owned(),
    }
}

fn because(explained: &PolicyExplained) -> String {
    let asks = asks(explained.requirement, explained.grace_seconds);
    match (explained.decided_by, explained.line) {
        (Decider::NoFirstFactor, _) => {
            "no first factor holds, so policy is not asked (say which has passed with --auth)".to_owned()
        }
        (Decider::UnknownName, _) => "nobody has this name".to_owned(),
        (Decider::Lock, _) => "the account is locked".to_owned(),
        (Decider::Account, _) => {
            format!("`{asks}` is set for the account itself, which comes before any rule")
        }
        (Decider::Rule, Some(line)) => format!("`{asks}`, says the rule in line {line}"),
        (Decider::Rule, None) => format!("`{asks}`, says a rule"),
        (Decider::Service, _) => format!("`{asks}`, says the table of services"),
        (Decider::Default, _) => format!("`{asks}`, says the default"),
    }
}

fn row(rule: &RuleEntry) -> [String; 3] {
    let because = rule.key.as_ref().map(|key| format!(": {key}")).unwrap_or_default();
    let applies = match rule.applies {
        RuleApplies::Yes => "yes",
        RuleApplies::No => "no",
        RuleApplies::Unknown => "cannot be told, so the stricter holds",
    };
    [rule.line.to_string(), format!("{applies}{because}"), asks(rule.requirement, rule.grace_seconds)]
}

fn asks(requirement: Requirement, grace_seconds: Option<u64>) -> String {
    let word = match requirement {
        Requirement::Required => "required",
        Requirement::Optional => "optional",
        Requirement::Exempt => "exempt",
    };
    match grace_seconds {
        Some(seconds) => format!("{word}, grace {}", duration(seconds)),
        None => word.to_owned(),
    }
}

//! `twofold account …`: what an operator does to accounts.

use twofold_shared::client::CallError;
use twofold_shared::wire::{
    self, AccountPage, AccountRow, AccountRows, AccountView, AddAccount, FaultKind, LinkName, ListAccounts,
    LockAccount, RemoveAccount, ReopenAccount, SearchAccounts, SetContacts, SetGroups, SetLanguage,
    SetRequirement, UnlinkName, UnlockAccount,
};

use crate::args::{Account, Codes, Language, Named, Order, Requirement, State};
use crate::ask::consent;
use crate::desk::{Desk, called, codes_from};
use crate::failure::Failure;
use crate::output::{short_name, table, visible};
use crate::time::Calendar;

/// Accounts asked for at once.
const PAGE: u32 = 500;

/// The same, of those that are found.
const FOUND_AT_ONCE: u32 = 50;

/// Above a list.
const HEAD: [&str; 6] = ["NAME", "TWO-FACTOR", "DEVICES", "BACKUP CODES", "LAST USED", "STATE"];

/// Does one of the verbs.
pub fn run(desk: &mut Desk, verb: Account) -> Result<(), Failure> {
    match verb {
        Account::List => list(desk),
        Account::Find { prefix, state, order } => find(desk, prefix, state, order),
        Account::Add { name, groups } => add(desk, name, groups),
        Account::Show(one) => super::status::show(desk, &one.account),
        Account::Lock { account, reason, until, codes } => {
            let until = desk.calendar.end(&until).map_err(|why| Failure::Usage(format!("--until: {why}")))?;
            let name = short_name(&account);
            let end = until.map_or_else(String::new, |until| {
                format!(" It ends by itself on {}.", desk.calendar.exact(until))
            });
            let said = format!("{name} is locked; all sessions have ended.{end}");
            overseen(desk, &codes, &LockAccount { account, reason, until }, &said)
        }
        Account::Unlock { account, codes } => {
            let said = format!("{} is unlocked.", short_name(&account));
            overseen(desk, &codes, &UnlockAccount { account }, &said)
        }
        Account::Reopen { account, codes } => {
            let whose = called(account.as_deref());
            let from = codes_from(&codes);
            let request = |code| ReopenAccount { account: account.clone(), code };
            let reopened = match desk.authority.call(&request(None)) {
                Err(CallError::Fault(fault))
                    if fault.kind == FaultKind::NotPermitted && account.is_some() =>
                {
                    desk.as_operator(from, &request(None))?
                }
                _ => desk.change(&whose, from, request)?,
            };
            desk.screen.object(&reopened)?;
            Ok(desk.screen.say(&format!("{whose} is open to unknown places again."))?)
        }
        Account::Remove(named) => remove(desk, named),
        Account::Link { account, name } => {
            let (whose, new) = (short_name(&account), short_name(&name));
            let view = desk.call(&LinkName { account, name })?;
            named(desk, &view, &format!("{new} is {whose} from now on."))
        }
        Account::Unlink { account, name } => {
            let (whose, old) = (short_name(&account), short_name(&name));
            let view = desk.call(&UnlinkName { account, name, code: None })?;
            named(desk, &view, &format!("{old} is no name of {whose} any more."))
        }
        Account::Contacts { account, name, email, phone } => contacts(desk, account, [name, email, phone]),
        Account::Groups { account, groups, none: _ } => set_groups(desk, account, groups),
        Account::Language { language, account } => speak(desk, account, language),
        Account::Require { account, requirement, codes } => require(desk, account, requirement, &codes),
    }
}

fn done<R: wire::Request<Reply = wire::Done>>(desk: &Desk, request: &R, said: &str) -> Result<(), Failure> {
    desk.screen.object(&desk.call(request)?)?;
    Ok(desk.screen.say(said)?)
}

fn overseen<R: wire::Request<Reply = wire::Done>>(
    desk: &mut Desk,
    codes: &Codes,
    request: &R,
    said: &str,
) -> Result<(), Failure> {
    let reply = desk.oversee(codes_from(codes), request)?;
    desk.screen.object(&reply)?;
    Ok(desk.screen.say(said)?)
}

fn named(desk: &Desk, view: &AccountView, said: &str) -> Result<(), Failure> {
    desk.screen.object(view)?;
    let names: Vec<String> = view.names.iter().map(|name| short_name(name)).collect();
    Ok(desk.screen.say(&format!("{said}\nIts names: {}", names.join(", ")))?)
}

fn list(desk: &Desk) -> Result<(), Failure> {
    let mut after = None;
    let mut rows = Vec::new();
    loop {
        let AccountPage { accounts, next } = desk.call(&ListAccounts { after, limit: PAGE })?;
        for view in &accounts {
            desk.screen.object(view)?;
            if !desk.screen.is_json() {
                rows.push(row(view, &desk.calendar));
            }
        }
        after = next;
        if after.is_none() || accounts.is_empty() {
            break;
        }
    }
    if rows.is_empty() {
        return Ok(desk.screen.say("No accounts yet. Make one with: twofold account add NAME")?);
    }
    Ok(desk.screen.line(&table(HEAD, &rows))?)
}

fn find(desk: &Desk, prefix: Option<String>, state: Option<State>, order: Order) -> Result<(), Failure> {
    let state = state.map(|state| match state {
        State::On => wire::AccountState::Enrolled,
        State::Off => wire::AccountState::NotEnrolled,
        State::Locked => wire::AccountState::Locked,
        State::Closed => wire::AccountState::Closed,
        State::FewCodes => wire::AccountState::FewCodes,
    });
    let order = match order {
        Order::Name => wire::AccountOrder::Name,
        Order::Recent => wire::AccountOrder::Recent,
        Order::Idle => wire::AccountOrder::Idle,
    };
    let mut request = SearchAccounts { prefix, state, order, after: None, limit: FOUND_AT_ONCE };
    let mut rows = Vec::new();
    loop {
        let AccountRows { accounts, next, .. } = desk.read_in_charge(&request)?;
        for account in &accounts {
            desk.screen.object(account)?;
            if !desk.screen.is_json() {
                rows.push(found_row(account, &desk.calendar));
            }
        }
        if next.is_none() {
            break;
        }
        request.after = next;
    }
    if rows.is_empty() {
        return Ok(desk.screen.say("Nobody.")?);
    }
    Ok(desk.screen.line(&table(HEAD, &rows))?)
}

fn found_row(found: &AccountRow, calendar: &Calendar) -> [String; 6] {
    let names: Vec<&str> =
        found.names.iter().map(|name| name.strip_prefix("unix:").unwrap_or(name)).collect();
    [
        names.join(", "),
        if found.devices > 0 { "on" } else { "off" }.to_owned(),
        found.devices.to_string(),
        found.backup_codes_left.to_string(),
        found.last_used.as_ref().map_or_else(|| "never".to_owned(), |used| calendar.relative(used.at)),
        states(found.lock.is_some(), found.closed_to_strangers, found.requirement),
    ]
}

fn states(locked: bool, closed: bool, requirement: Option<wire::Requirement>) -> String {
    let states = [
        locked.then_some("locked"),
        closed.then_some("closed to strangers"),
        requirement.map(|requirement| match requirement {
            wire::Requirement::Required => "required",
            wire::Requirement::Optional => "optional",
            wire::Requirement::Exempt => "exempt",
        }),
    ];
    states.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

fn row(view: &AccountView, calendar: &Calendar) -> [String; 6] {
    let names: Vec<&str> = view.names.iter().map(|name| name.strip_prefix("unix:").unwrap_or(name)).collect();
    let last = view.devices.iter().filter_map(|device| device.last_used.as_ref()).max_by_key(|used| used.at);
    [
        names.join(", "),
        if view.enrolled { "on" } else { "off" }.to_owned(),
        view.devices.len().to_string(),
        view.backup_codes_left.to_string(),
        last.map_or_else(|| "never".to_owned(), |used| calendar.relative(used.at)),
        states(view.locked, view.closed_to_strangers, view.requirement),
    ]
}

fn add(desk: &Desk, name: String, groups: Vec<String>) -> Result<(), Failure> {
    let whose = short_name(&name);
    let view = desk.call(&AddAccount { name, groups })?;
    desk.screen.object(&view)?;
    Ok(desk.screen.say(&format!("{whose} is added. Next:\n  twofold enroll --account {whose}"))?)
}

fn remove(desk: &Desk, named: Named) -> Result<(), Failure> {
    let whose = short_name(&named.account);
    if !named.consent.yes {
        let view = desk.account(Some(&named.account))?;
        let names: Vec<String> = view.names.iter().map(|name| short_name(name)).collect();
        let what = format!(
            "This removes the account {whose} for good: its names ({}), {}, its backup codes, its sessions and its \
             API keys.",
            names.join(", "),
            counted(view.devices.len())
        );
        consent(false, &what)?;
    }
    done(desk, &RemoveAccount { account: named.account }, &format!("{whose} is removed."))
}

/// `1 device`, `2 devices`.
pub fn counted(devices: usize) -> String {
    if devices == 1 { "1 device".to_owned() } else { format!("{devices} devices") }
}

fn contacts(desk: &Desk, account: String, said: [Option<String>; 3]) -> Result<(), Failure> {
    let whose = short_name(&account);
    let now = desk.account(Some(&account))?.contacts;
    let [name, email, phone] = said;
    let kept = |said: Option<String>, now| match said {
        Some(said) => Some(said).filter(|said| !said.trim().is_empty()),
        None => now,
    };
    let contacts = wire::Contacts {
        display_name: kept(name, now.display_name),
        email: kept(email, now.email),
        phone: kept(phone, now.phone),
    };
    let all = [&contacts.display_name, &contacts.email, &contacts.phone];
    let told: Vec<&str> = all.into_iter().flatten().map(String::as_str).collect();
    let told = if told.is_empty() { "nothing".to_owned() } else { told.join(", ") };
    done(desk, &SetContacts { account, contacts }, &format!("Known of {whose}: {told}."))
}

fn speak(desk: &Desk, account: Option<String>, language: Language) -> Result<(), Failure> {
    let whose = called(account.as_deref());
    let (language, said) = match language {
        Language::En => (Some(wire::Language::English), "spoken to in English"),
        Language::De => (Some(wire::Language::German), "spoken to in German"),
        Language::Host => (None, "spoken to as the host speaks"),
    };
    done(desk, &SetLanguage { account, language }, &format!("{whose} is {said} from now on."))
}

fn set_groups(desk: &Desk, account: String, groups: Vec<String>) -> Result<(), Failure> {
    let whose = short_name(&account);
    let said = match groups.as_slice() {
        [] => format!("{whose} is in no group now."),
        groups => format!("{whose} is in {} now.", visible(&groups.join(", "))),
    };
    done(desk, &SetGroups { account, groups }, &said)
}

fn require(desk: &mut Desk, account: String, requirement: Requirement, codes: &Codes) -> Result<(), Failure> {
    let whose = short_name(&account);
    let (requirement, said) = match requirement {
        Requirement::Required => (Some(wire::Requirement::Required), "must give a code at every service"),
        Requirement::Optional => {
            (Some(wire::Requirement::Optional), "is asked for a code once a device is set up")
        }
        Requirement::Exempt => (Some(wire::Requirement::Exempt), "is never asked for a code"),
        Requirement::Policy => (None, "is treated as each service's policy says"),
    };
    overseen(desk, codes, &SetRequirement { account, requirement }, &format!("{whose} {said}."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_tells_what_an_operator_looks_for() {
        let view = AccountView {
            id: "5f".into(),
            names: vec!["unix:alice".into(), "local:alice".into()],
            groups: Vec::new(),
            contacts: wire::Contacts::default(),
            locked: true,
            lock: None,
            charge: None,
            enrolled: false,
            has_password: false,
            requirement: Some(wire::Requirement::Exempt),
            language: None,
            devices: Vec::new(),
            backup_codes_left: 0,
            closed_to_strangers: false,
            created: 0,
            sessions: None,
            uids: Vec::new(),
        };
        let row = row(&view, &Calendar::today());
        assert_eq!(row, ["alice, local:alice", "off", "0", "0", "never", "locked, exempt"]);
    }
}

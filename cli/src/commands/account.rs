//! `twofold account …`: what an operator does to accounts.

use twofold_shared::wire::{
    self, AccountPage, AccountView, AddAccount, LinkName, ListAccounts, LockAccount, RemoveAccount,
    ReopenAccount, SetContacts, SetLanguage, SetRequirement, UnlinkName, UnlockAccount,
};

use crate::args::{Account, Language, Named, Requirement};
use crate::ask::consent;
use crate::desk::{Desk, called, codes_from};
use crate::failure::Failure;
use crate::output::{short_name, table};
use crate::time::Calendar;

/// Accounts asked for at once.
const PAGE: u32 = 500;

/// Does one of the verbs.
pub fn run(desk: &mut Desk, verb: Account) -> Result<(), Failure> {
    match verb {
        Account::List => list(desk),
        Account::Add { name, groups } => add(desk, name, groups),
        Account::Show(one) => super::status::show(desk, &one.account),
        Account::Lock(one) => {
            let name = short_name(&one.account);
            done(
                desk,
                &LockAccount { account: one.account },
                &format!("{name} is locked; all sessions have ended."),
            )
        }
        Account::Unlock(one) => {
            let name = short_name(&one.account);
            done(desk, &UnlockAccount { account: one.account }, &format!("{name} is unlocked."))
        }
        Account::Reopen { account, codes } => {
            let whose = called(account.as_deref());
            let reopened = desk.change(&whose, codes_from(&codes), |code| ReopenAccount {
                account: account.clone(),
                code,
            })?;
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
        Account::Language { language, account } => speak(desk, account, language),
        Account::Require { account, requirement } => require(desk, account, requirement),
    }
}

fn done<R: wire::Request<Reply = wire::Done>>(desk: &Desk, request: &R, said: &str) -> Result<(), Failure> {
    desk.screen.object(&desk.call(request)?)?;
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
    Ok(desk
        .screen
        .line(&table(["NAME", "TWO-FACTOR", "DEVICES", "BACKUP CODES", "LAST USED", "STATE"], &rows))?)
}

fn row(view: &AccountView, calendar: &Calendar) -> [String; 6] {
    let names: Vec<&str> = view.names.iter().map(|name| name.strip_prefix("unix:").unwrap_or(name)).collect();
    let last = view.devices.iter().filter_map(|device| device.last_used.as_ref()).max_by_key(|used| used.at);
    let states = [
        view.locked.then_some("locked"),
        view.closed_to_strangers.then_some("closed to strangers"),
        match view.requirement {
            Some(wire::Requirement::Required) => Some("required"),
            Some(wire::Requirement::Optional) => Some("optional"),
            Some(wire::Requirement::Exempt) => Some("exempt"),
            None => None,
        },
    ];
    [
        names.join(", "),
        if view.enrolled { "on" } else { "off" }.to_owned(),
        view.devices.len().to_string(),
        view.backup_codes_left.to_string(),
        last.map_or_else(|| "never".to_owned(), |used| calendar.relative(used.at)),
        states.into_iter().flatten().collect::<Vec<_>>().join(", "),
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

fn require(desk: &Desk, account: String, requirement: Requirement) -> Result<(), Failure> {
    let whose = short_name(&account);
    let (requirement, said) = match requirement {
        Requirement::Required => (Some(wire::Requirement::Required), "must give a code at every service"),
        Requirement::Optional => {
            (Some(wire::Requirement::Optional), "is asked for a code once a device is set up")
        }
        Requirement::Exempt => (Some(wire::Requirement::Exempt), "is never asked for a code"),
        Requirement::Policy => (None, "is treated as each service's policy says"),
    };
    done(desk, &SetRequirement { account, requirement }, &format!("{whose} {said}."))
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
            enrolled: false,
            has_password: false,
            requirement: Some(wire::Requirement::Exempt),
            language: None,
            devices: Vec::new(),
            backup_codes_left: 0,
            closed_to_strangers: false,
            created: 0,
        };
        let row = row(&view, &Calendar::today());
        assert_eq!(row, ["alice, local:alice", "off", "0", "0", "never", "locked, exempt"]);
    }
}

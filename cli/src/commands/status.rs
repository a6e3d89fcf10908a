//! `twofold status` and `twofold account show`: one account in words.

use serde::Serialize;
use twofold_shared::client::CallError;
use twofold_shared::wire::{
    AccountView, Algorithm, DeviceView, FaultKind, GetAccount, GetInfo, Language, Lock, Occasion, Requirement,
};

use crate::desk::{Desk, called, own_name};
use crate::failure::Failure;
use crate::output::{fold, short_name, table, visible};
use crate::time::Calendar;

/// What a program reads about somebody whom the ledger does not know.
#[derive(Serialize)]
struct Unknown {
    enrolled: bool,
}

/// The caller's account or, for root, anybody's.
pub fn run(desk: &Desk, account: Option<&str>) -> Result<(), Failure> {
    match desk.authority.call(&GetAccount { account: account.map(str::to_owned) }) {
        Ok(view) => {
            desk.screen.object(&view)?;
            desk.screen.line(&describe(&called(account), &view, &desk.calendar))?;
        }
        Err(CallError::Fault(fault)) if fault.kind == FaultKind::NoSuchAccount && account.is_none() => {
            desk.screen.object(&Unknown { enrolled: false })?;
            desk.screen.say(&format!("No second factor is set up for {}.{NEXT}", own_name()))?;
        }
        Err(error) => return Err(error.into()),
    }
    if !desk.screen.is_json() {
        let info = desk.call(&GetInfo {})?;
        for warning in super::info::warnings(&info) {
            desk.screen.say(&format!("\n{warning}"))?;
        }
    }
    Ok(())
}

/// One account by name, with what only an operator asks about it.
pub fn show(desk: &Desk, account: &str) -> Result<(), Failure> {
    let view = desk.account(Some(account))?;
    desk.screen.object(&view)?;
    desk.screen.line(&describe(&short_name(account), &view, &desk.calendar))?;
    let names: Vec<String> = view.names.iter().map(|name| short_name(name)).collect();
    let groups = if view.groups.is_empty() { "none".to_owned() } else { visible(&view.groups.join(", ")) };
    let language = match view.language {
        Some(Language::English) => "English",
        Some(Language::German) => "German",
        None => "the host's",
    };
    desk.screen.line(&format!(
        "\nNames          {}\nGroups         {groups}\nLanguage       {language}\nPassword       {}\nMade           {}\nId             {}",
        names.join(", "),
        if view.has_password { "set" } else { "none" },
        desk.calendar.exact(view.created),
        visible(&view.id),
    ))?;
    Ok(())
}

const NEXT: &str = "\nSet one up with: twofold enroll";

fn describe(whose: &str, view: &AccountView, calendar: &Calendar) -> String {
    let mut text = if view.enrolled {
        format!("Two-factor is on for {whose}.")
    } else {
        format!("Two-factor is off for {whose}.{NEXT}")
    };
    for remark in remarks(view, calendar) {
        text.push_str("\n\n");
        text.push_str(&fold(&remark));
    }
    if !view.devices.is_empty() {
        text.push_str("\n\n");
        text.push_str(&devices(&view.devices, calendar));
    }
    if view.enrolled {
        text.push_str(&format!("\n\nBackup codes   {}", backup_codes(view)));
    }
    text
}

fn locked(lock: Option<&Lock>, calendar: &Calendar) -> String {
    let mut text = "LOCKED".to_owned();
    if let Some(lock) = lock {
        let by = lock
            .operator
            .as_ref()
            .map_or_else(|| "root".to_owned(), |name| format!("operator {}", visible(name)));
        text.push_str(&format!(" by {by}"));
        if let Some(until) = lock.until {
            text.push_str(&format!(" until {}", calendar.exact(until)));
        }
    }
    text.push_str(": nothing gets in.\n");
    if let Some(reason) = lock.and_then(|lock| lock.reason.as_ref()) {
        text.push_str(&format!("Why: {}\n", visible(reason)));
    }
    text.push_str("`twofold account unlock` takes it back.");
    text
}

fn remarks(view: &AccountView, calendar: &Calendar) -> Vec<String> {
    let mut remarks = Vec::new();
    if view.locked {
        remarks.push(locked(view.lock.as_ref(), calendar));
    }
    if view.closed_to_strangers {
        remarks.push(
            "CLOSED to unknown places after too many wrong codes from them: only places used before and backup codes \
             get in.\nNot you who typed them? Change the password. `twofold account reopen` opens it again."
                .to_owned(),
        );
    }
    if let Some(charge) = &view.charge {
        remarks.push(format!("OPERATOR: in charge of {}.", super::operator::of(charge)));
    }
    match view.requirement {
        Some(Requirement::Required) => {
            remarks.push("A code is required of this account at every service.".to_owned())
        }
        Some(Requirement::Optional) => {
            remarks.push("A code is asked of this account once a device is set up.".to_owned());
        }
        Some(Requirement::Exempt) => {
            remarks.push("EXEMPT: no service asks this account for a code.".to_owned())
        }
        None => {}
    }
    remarks
}

/// The devices as a table.
pub fn devices(devices: &[DeviceView], calendar: &Calendar) -> String {
    let rows: Vec<[String; 4]> = devices
        .iter()
        .map(|device| {
            [
                device.label.clone(),
                codes(device),
                device.last_used.as_ref().map_or_else(|| "never".to_owned(), |used| occasion(used, calendar)),
                occasion(&device.created, calendar),
            ]
        })
        .collect();
    table(["DEVICE", "CODES", "LAST USED", "SET UP"], &rows)
}

fn codes(device: &DeviceView) -> String {
    let hash = match device.algorithm {
        Algorithm::Sha1 => "",
        Algorithm::Sha256 => ", SHA-256",
        Algorithm::Sha512 => ", SHA-512",
    };
    format!("{} digits, {} s{hash}", device.digits, device.period_seconds)
}

fn occasion(occasion: &Occasion, calendar: &Calendar) -> String {
    let from = occasion.source.as_ref().map(|source| format!(" from {source}")).unwrap_or_default();
    format!("{}, {}{from}", calendar.relative(occasion.at), occasion.door)
}

/// How many backup codes are left, and what to do about few.
pub fn backup_codes(view: &AccountView) -> String {
    match view.backup_codes_left {
        0 => "none left; make new ones: twofold backup-codes --regenerate".to_owned(),
        left @ 1..=3 => {
            format!("{left} of 10 left; replace them: twofold backup-codes --regenerate")
        }
        left => format!("{left} of 10 left"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view() -> AccountView {
        AccountView {
            id: "5f".into(),
            names: vec!["unix:alice".into()],
            groups: Vec::new(),
            contacts: twofold_shared::wire::Contacts::default(),
            locked: false,
            lock: None,
            charge: None,
            enrolled: true,
            has_password: false,
            requirement: None,
            language: None,
            devices: vec![DeviceView {
                id: "d1".into(),
                label: "Pixel\u{1b}[2J".into(),
                algorithm: Algorithm::Sha1,
                digits: 6,
                period_seconds: 30,
                created: Occasion { at: 0, door: "sshd on web1".into(), source: None },
                last_used: None,
            }],
            backup_codes_left: 2,
            closed_to_strangers: false,
            created: 0,
            sessions: None,
            uids: Vec::new(),
        }
    }

    #[test]
    fn a_status_says_what_is_on_and_what_to_do() {
        let text = describe("alice", &view(), &Calendar::today());
        assert!(text.starts_with("Two-factor is on for alice."));
        assert!(text.contains("never") && text.contains("sshd on web1"));
        assert!(text.contains("2 of 10 left; replace them"));
        assert!(!text.contains('\u{1b}'));
    }

    #[test]
    fn an_account_without_devices_is_told_how_to_begin() {
        let bare = AccountView { enrolled: false, devices: Vec::new(), ..view() };
        let text = describe("alice", &bare, &Calendar::today());
        assert!(text.contains("twofold enroll"));
        assert!(!text.contains("Backup codes"));
    }

    #[test]
    fn locks_stand_out() {
        let reason = Some("laptop stolen\u{1b}[2J".to_owned());
        let lock = Lock { at: 0, operator: Some("local:carol".into()), reason, until: Some(0) };
        let shut = AccountView { locked: true, lock: Some(lock), closed_to_strangers: true, ..view() };
        let text = describe("alice", &shut, &Calendar::today());
        assert!(text.contains("LOCKED by operator local:carol until") && text.contains("CLOSED"));
        assert!(text.contains("laptop stolen") && !text.contains('\u{1b}'));
    }
}

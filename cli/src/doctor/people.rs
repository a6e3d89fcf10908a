//! Accounts, on the host and in the ledger.

use nix::unistd::User;
use twofold_shared::odds;
use twofold_shared::wire::{AccountView, Ask, ListAccounts, SeenUid};

use super::{Finding, error, note, warning};
use crate::desk::Desk;
use crate::failure::Failure;
use crate::output::{short_name, visible};
use crate::rollout::door::{Door, First, State};
use crate::rollout::journal::Place;
use crate::rollout::machine::run;
use crate::rollout::ready::{self, Person, Wanted, WayIn, is_concerned, question, shut_out, way_in};

/// Accounts asked for at once.
const PAGE: u32 = 200;
/// Grace beyond this is long.
const LONG_GRACE: u64 = 24 * 3600;
/// A yearly chance of being guessed into that is worth mending: beyond three devices of six digits.
const LIKELY: f64 = 1e-3;
/// Backup codes that are few.
const FEW: u8 = 2;

/// Everything here, for doors that ask.
pub fn look(desk: &Desk, place: &Place, people: &[Person]) -> Result<Vec<Finding>, Failure> {
    let mut found = Vec::new();
    let doors: Vec<Door> = Door::ALL
        .into_iter()
        .filter(|&door| place.states(door).first().is_some_and(|&(_, state)| state != State::Off))
        .collect();
    for &door in &doors {
        found.extend(ways_in(door, people));
        let wanted = Wanted { door, first: first(place), keep_match: true, without_systemd: true };
        for person in people.iter().filter(|person| is_concerned(door, person)) {
            found.extend(at_door(desk, &wanted, person));
        }
    }
    if doors.contains(&Door::Sudo) {
        found.extend(people.iter().filter_map(unasked_by_sudo));
    }
    found.extend(people.iter().filter(|person| person.is_break_glass && !person.has_key).map(|person| {
        warning(
            "break_glass_without_key",
            format!(
                "{} is in the group {} and has no key that sshd would take.",
                person.name,
                ready::BREAK_GLASS
            ),
            "When they are needed they do not come in.",
            "Put a key into their ~/.ssh/authorized_keys, writable by nobody else.",
        )
    }));
    let accounts = accounts(desk)?;
    found.extend(accounts.iter().flat_map(in_ledger));
    found.extend(guessing(&accounts));
    if place.pending()?.is_some() {
        found.push(warning(
            "change_waits",
            "A change of logins waits to be confirmed.",
            "It is taken back when its time is over.",
            "Confirm it from a fresh login, or: twofold rollout revert",
        ));
    }
    Ok(found)
}

/// What sshd's stack says its first factor is.
fn first(place: &Place) -> First {
    let text = place.pam_file("sshd").unwrap_or_default();
    if text.contains("first=publickey") { First::Publickey } else { First::Password }
}

fn ways_in(door: Door, people: &[Person]) -> Option<Finding> {
    (way_in(door, people) == WayIn::Nothing).then(|| {
        error(
            "no_way_in",
            format!("There is no way into this host beside {}.", door.word()),
            "If the authority, its ledger or its keys are lost, nobody comes in.",
            format!("passwd root, or put somebody with a key into the group {}", ready::BREAK_GLASS),
        )
    })
}

fn at_door(desk: &Desk, wanted: &Wanted, person: &Person) -> Vec<Finding> {
    let (name, word) = (&person.name, wanted.door.word());
    let mut found = Vec::new();
    if let Some(what) = shut_out(desk, wanted, person) {
        found.push(warning("shut_out", format!("{word}: {what}."), "They do not come in.", "As it says."));
    }
    let Ok(explained) = desk.call(&question(wanted, name)) else { return found };
    if explained.ask == Ask::Optional {
        found.push(warning(
            "no_second_factor",
            format!(
                "{word} lets {name} in without a code: they have not enrolled, and policy says optional."
            ),
            "A password or key is enough to be them.",
            format!("twofold enroll --account {name}; then set policy to `required`"),
        ));
    }
    if let Some(seconds) = explained.grace_seconds.filter(|&seconds| seconds > LONG_GRACE) {
        found.push(warning(
            "long_grace",
            format!("A code of {name} serves for {} at {word}.", crate::words::duration(seconds)),
            "Who has their session or key has as long without a code.",
            "Lower `grace` in /etc/twofold/authority.toml.",
        ));
    }
    found
}

fn unasked_by_sudo(person: &Person) -> Option<Finding> {
    let listed = run("sudo", &["-n", "-l", "-U", &person.name]).output;
    listed.lines().any(|line| line.starts_with("    (") && line.contains("NOPASSWD:")).then(|| {
        warning(
            "nopasswd",
            format!("sudo lets {} do things with NOPASSWD.", person.name),
            "Where it asks for no password it asks for no code.",
            "Take NOPASSWD out of /etc/sudoers and /etc/sudoers.d, unless it is meant.",
        )
    })
}

fn accounts(desk: &Desk) -> Result<Vec<AccountView>, Failure> {
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let page = desk.call(&ListAccounts { after: after.clone(), limit: PAGE })?;
        all.extend(page.accounts);
        if page.next.is_none() || page.next == after {
            return Ok(all);
        }
        after = page.next;
    }
}

fn in_ledger(account: &AccountView) -> Vec<Finding> {
    let name = account.names.first().map(|name| short_name(name)).unwrap_or_default();
    let mut found = Vec::new();
    if account.enrolled && account.backup_codes_left <= FEW {
        found.push(warning(
            "few_backup_codes",
            format!("{name} has {} backup codes left.", account.backup_codes_left),
            "Without the phone they do not come in then.",
            format!("They say: twofold backup-codes --regenerate. You, for them: twofold backup-codes --regenerate --account {name}"),
        ));
    }
    if account.closed_to_strangers {
        found.push(warning(
            "closed",
            format!("{name} is closed to unknown places: too many wrong codes came from them."),
            "They come in from places they have used before, and nowhere else.",
            format!("twofold account reopen {name}, when you know what it was"),
        ));
    }
    found.extend(enrolled_by_root(account));
    found.extend(account.uids.iter().filter_map(|seen| other_person(seen, uid_of(&seen.name)?)));
    for unix in account.names.iter().filter_map(|name| name.strip_prefix("unix:")) {
        if !run("getent", &["passwd", unix]).good {
            found.push(warning(
                "name_of_nobody",
                format!("The account {} is for a user that this host does not have.", short_name(unix)),
                "Somebody who is given the name one day would meet it.",
                format!("twofold account remove {unix}, or unlink the name"),
            ));
        }
    }
    found
}

/// The uid that a name has on this host now.
fn uid_of(name: &str) -> Option<u32> {
    User::from_name(name).ok().flatten().map(|user| user.uid.as_raw())
}

/// A name that the host has given to somebody else since.
fn other_person(seen: &SeenUid, now: u32) -> Option<Finding> {
    let name = visible(&seen.name);
    (now != seen.uid).then(|| {
        warning(
            "other_person",
            format!(
                "{name} has uid {now} on this host, and the account of that name belongs to who had uid {}.",
                seen.uid
            ),
            "Who has the name now is not taken for its owner: no code of that account is right for them, and they can't set up \
             one.",
            format!(
                "For somebody else: twofold account remove {name}; twofold account add {name}. For the same person with a new \
                 number: twofold account link {name} local:{name}; twofold account unlink local:{name} {name}; twofold account \
                 link local:{name} {name}"
            ),
        )
    })
}

/// Whoever set a device up has seen its secret.
fn enrolled_by_root(account: &AccountView) -> Option<Finding> {
    let name = account.names.first().map(|name| short_name(name)).unwrap_or_default();
    let by_root = account.devices.iter().filter(|device| device.created.door == "root's command");
    let labels: Vec<String> = by_root.map(|device| visible(&device.label)).collect();
    (!labels.is_empty()).then(|| {
        note(
            "enrolled_by_root",
            format!("Root set up for {name}: {}.", labels.join(", ")),
            "Whoever set a device up has seen its secret, and could have kept it.",
            format!(
                "Nothing, if they were there. Otherwise: twofold reset {name}, and let them set up their own"
            ),
        )
    })
}

/// Devices of an account, by their codes' digits.
fn digits(account: &AccountView) -> Vec<u8> {
    account.devices.iter().map(|device| device.digits).collect()
}

/// What somebody comes to who guesses at every account, all year.
fn guessing(accounts: &[AccountView]) -> Vec<Finding> {
    let enrolled: Vec<&AccountView> =
        accounts.iter().filter(|account| account.enrolled && !account.locked).collect();
    let chances: Vec<f64> = enrolled.iter().map(|account| odds::of_a_year(&digits(account))).collect();
    let Some(likeliest) = chances.iter().copied().reduce(f64::max) else { return Vec::new() };
    let mut found = vec![note(
        "odds_of_guessing",
        format!(
            "Somebody who has everybody's first factor, and guesses all year, comes into one of {} accounts with a chance of \
             one in {}.",
            enrolled.len(),
            one_in(odds::of_any(&chances)),
        ),
        "An account takes a hundred wrong codes a year from unknown places, and is then closed to them.",
        format!(
            "Nothing, as long as it is little enough for you. The likeliest account alone: one in {}.",
            one_in(likeliest)
        ),
    )];
    for (account, _) in enrolled.iter().zip(&chances).filter(|(_, chance)| **chance > LIKELY) {
        let name = account.names.first().map(|name| short_name(name)).unwrap_or_default();
        let devices = account.devices.len();
        found.push(warning(
            "many_devices",
            format!("{name} has {devices} devices, and any of their codes is right."),
            "Each one makes guessing a code that much likelier.",
            format!("Take away those that nobody uses: twofold device list --account {name}"),
        ));
    }
    found
}

fn one_in(chance: f64) -> String {
    if chance > 0.0 { format!("{:.0}", 1.0 / chance) } else { "no number".to_owned() }
}

#[cfg(test)]
mod tests {
    use twofold_shared::wire::{Algorithm, Contacts, DeviceView, Occasion};

    use super::*;

    fn account(name: &str, devices: usize, door: &str) -> AccountView {
        let device = |number: usize| DeviceView {
            id: number.to_string(),
            label: format!("phone {number}"),
            algorithm: Algorithm::Sha1,
            digits: 6,
            period_seconds: 30,
            created: Occasion { at: 1_772_000_000, door: door.to_owned(), source: None },
            last_used: None,
        };
        AccountView {
            id: name.to_owned(),
            names: vec![format!("unix:{name}")],
            groups: Vec::new(),
            contacts: Contacts::default(),
            locked: false,
            lock: None,
            charge: None,
            enrolled: devices > 0,
            has_password: false,
            requirement: None,
            language: None,
            devices: (0..devices).map(device).collect(),
            backup_codes_left: 10,
            closed_to_strangers: false,
            created: 0,
            sessions: None,
            uids: Vec::new(),
        }
    }

    fn codes(found: &[Finding]) -> Vec<&'static str> {
        found.iter().map(|finding| finding.code).collect()
    }

    #[test]
    fn the_odds_of_guessing_are_told_and_many_devices_are_worth_mending() {
        assert!(guessing(&[account("alice", 0, "command")]).is_empty());
        let found = guessing(&[account("alice", 1, "command"), account("bob", 1, "command")]);
        assert_eq!(codes(&found), ["odds_of_guessing"]);
        assert!(
            found.iter().any(|note| note.what.contains("2 accounts with a chance of one in 1667.")),
            "{found:?}"
        );
        let found = guessing(&[account("alice", 1, "command"), account("bob", 4, "command")]);
        assert_eq!(codes(&found), ["odds_of_guessing", "many_devices"]);
        let locked = AccountView { locked: true, ..account("bob", 4, "command") };
        assert!(guessing(&[locked]).is_empty());
    }

    #[test]
    fn a_device_that_root_set_up_for_somebody_is_named() {
        assert!(enrolled_by_root(&account("alice", 1, "command")).is_none());
        let found = enrolled_by_root(&account("alice", 2, "root's command")).unwrap();
        assert!(
            found.severity == crate::doctor::Severity::Note && found.what.contains("phone 0, phone 1"),
            "{found:?}"
        );
    }

    #[test]
    fn few_backup_codes_and_an_account_closed_to_strangers_are_found() {
        // A name that is none of the host's.
        let alice = AccountView { names: vec!["local:alice".to_owned()], ..account("alice", 1, "command") };
        assert_eq!(codes(&in_ledger(&alice)), Vec::<&str>::new());
        let few = |left| AccountView { backup_codes_left: left, ..alice.clone() };
        assert_eq!(codes(&in_ledger(&few(FEW + 1))), Vec::<&str>::new());
        let found = in_ledger(&few(FEW));
        assert_eq!(codes(&found), ["few_backup_codes"]);
        assert!(
            found.iter().any(|finding| finding.what == "local:alice has 2 backup codes left."),
            "{found:?}"
        );
        // Who has no device needs none.
        assert_eq!(codes(&in_ledger(&AccountView { enrolled: false, ..few(0) })), Vec::<&str>::new());
        let closed = in_ledger(&AccountView { closed_to_strangers: true, ..alice });
        assert_eq!(codes(&closed), ["closed"]);
        assert!(
            closed.iter().any(|finding| finding.fix.contains("account reopen local:alice")),
            "{closed:?}"
        );
    }

    #[test]
    fn a_name_that_the_host_gave_to_somebody_else_is_found() {
        let seen = SeenUid { name: "bob".to_owned(), uid: 1001 };
        assert_eq!(other_person(&seen, 1001), None);
        let found = other_person(&seen, 1002).unwrap();
        assert_eq!((found.code, found.severity), ("other_person", crate::doctor::Severity::Warning));
        assert!(found.what.contains("uid 1002") && found.what.contains("uid 1001"), "{found:?}");
        assert_eq!(uid_of("root"), Some(0));
        assert_eq!(uid_of("nobody-has-this-name"), None);
    }
}

//! Accounts, on the host and in the ledger.

use twofold_shared::wire::{AccountView, Ask, ListAccounts};

use super::{Finding, error, warning};
use crate::desk::Desk;
use crate::failure::Failure;
use crate::output::short_name;
use crate::rollout::door::{Door, First, State};
use crate::rollout::journal::Place;
use crate::rollout::machine::run;
use crate::rollout::ready::{self, Person, Wanted, WayIn, is_concerned, question, shut_out, way_in};

/// Accounts asked for at once.
const PAGE: u32 = 200;
/// Grace beyond this is long.
const LONG_GRACE: u64 = 24 * 3600;
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
    for account in accounts(desk)? {
        found.extend(in_ledger(&account));
    }
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

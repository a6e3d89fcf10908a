//! `twofold ssh|sudo|su|login enable|disable|status|confirm`, and `twofold rollout revert`.

use std::thread;
use std::time::Duration;

use serde::Serialize;
use twofold_shared::wire::{AuditEvent, ReadAudit};

use crate::args::{Change as Asked, Enable, HostDoor, Rollout, SshDoor};
use crate::ask::{Origin, consent};
use crate::desk::Desk;
use crate::failure::Failure;
use crate::output::visible;
use crate::rollout::door::{Door, First, State};
use crate::rollout::journal::{Change, Journal, JournalError, Place};
use crate::rollout::ready::{self, Wanted, WayIn};
use crate::rollout::{fresh, machine};
use crate::words::duration;

/// Events asked for at once.
const PAGE: u32 = 500;

impl From<JournalError> for Failure {
    fn from(error: JournalError) -> Self {
        Self::Refused(error.to_string())
    }
}

/// `twofold ssh …`.
pub fn ssh(desk: &mut Desk, verb: SshDoor) -> Result<(), Failure> {
    match verb {
        SshDoor::Enable(asked) => {
            let wanted = Wanted {
                door: Door::Ssh,
                first: asked.first,
                keep_match: asked.keep_match,
                without_systemd: asked.enable.without_systemd,
            };
            enable(desk, &wanted, &asked.enable)
        }
        SshDoor::Disable(asked) => disable(desk, Door::Ssh, &asked),
        SshDoor::Status => status(desk, Door::Ssh),
        SshDoor::Confirm => confirm(desk, Door::Ssh),
    }
}

/// `twofold sudo …`, `twofold su …`, `twofold login …`.
pub fn other(desk: &mut Desk, door: Door, verb: HostDoor) -> Result<(), Failure> {
    match verb {
        HostDoor::Enable(asked) => {
            let without_systemd = asked.without_systemd;
            enable(desk, &Wanted { door, first: First::Password, keep_match: false, without_systemd }, &asked)
        }
        HostDoor::Disable(asked) => disable(desk, door, &asked),
        HostDoor::Status => status(desk, door),
        HostDoor::Confirm => confirm(desk, door),
    }
}

/// Refuses everybody else, and says how.
pub fn only_root(command: &str) -> Result<(), Failure> {
    if nix::unistd::geteuid().is_root() {
        return Ok(());
    }
    Err(Failure::Refused(format!("Only root can do that. Try: sudo twofold {command}")))
}

fn nothing_pending(place: &Place) -> Result<(), Failure> {
    let Some(journal) = place.pending()? else { return Ok(()) };
    Err(Failure::Refused(format!(
        "A change of {0} waits to be confirmed. Log in afresh and say `twofold {0} confirm`, or take it back with \
         `twofold rollout revert`.",
        journal.door
    )))
}

fn configuration(error: impl ToString) -> Failure {
    Failure::Configuration(crate::words::sentence(&error.to_string()))
}

fn enable(desk: &mut Desk, wanted: &Wanted, asked: &Enable) -> Result<(), Failure> {
    let (door, place) = (wanted.door, Place::default());
    only_root(&format!("{} enable", door.word()))?;
    nothing_pending(&place)?;
    let changes = place.enabling(door, wanted.first).map_err(configuration)?;
    if changes.is_empty() {
        return Ok(desk.screen.say(&format!("{} asks for a code already.", door.word()))?);
    }
    show(desk, &place, &changes)?;
    let people = ready::people();
    let problems = ready::problems(desk, &place, wanted, &people);
    if !problems.is_empty() {
        return Err(Failure::Refused(too_early(&problems)));
    }
    let way_in = ready::way_in(door, &people);
    if way_in == WayIn::Nothing {
        return Err(Failure::Refused(no_way_in(door)));
    }
    if asked.change.dry_run {
        return Ok(desk.screen.say("Nothing was changed: this was a dry run.")?);
    }
    try_way_in(desk, &way_in, asked)?;
    let within = duration(asked.revert_after.as_secs());
    consent(
        asked.change.consent.yes,
        &format!("The change is taken back after {within} unless you confirm it from a fresh login."),
    )?;
    let journal = make(&place, door, &changes, Some(asked.revert_after), || match door {
        Door::Ssh => ready::sshd_asks(wanted, &people),
        _ => Ok(()),
    })?;
    tell(desk, "enabled", &journal)?;
    let fresh = match door {
        Door::Ssh => {
            "Leave this login open. Log in afresh from another terminal, and say there:\n  sudo twofold ssh confirm"
        }
        Door::Sudo => "Leave this shell open. Say in another terminal:\n  sudo -k twofold sudo confirm",
        Door::Su => {
            "Leave this shell open. Become root with su in another terminal, and say there:\n  twofold su confirm"
        }
        Door::Login => {
            "Leave this shell open. Log in at the console, and say there:\n  sudo twofold login confirm"
        }
    };
    Ok(desk.screen.say(&format!(
        "{} asks for a code now. {fresh}\nOtherwise it is as before in {within}.",
        door.word()
    ))?)
}

fn show(desk: &Desk, place: &Place, changes: &[Change]) -> Result<(), Failure> {
    let nothing = std::path::Path::new("/dev/null");
    for change in changes {
        let path = place.at(&change.path);
        let before = if change.before.is_some() { path.as_path() } else { nothing };
        let difference =
            machine::difference(&change.path, before, change.after.as_deref().unwrap_or_default());
        desk.screen.line(&difference.split('\n').map(visible).collect::<Vec<_>>().join("\n"))?;
    }
    Ok(())
}

fn too_early(problems: &[String]) -> String {
    let list: Vec<String> =
        problems.iter().map(|problem| format!("- {}.", problem.trim_end_matches('.'))).collect();
    format!("It is too early for that:\n{}\nNothing was changed.", list.join("\n"))
}

fn no_way_in(door: Door) -> String {
    let group = ready::BREAK_GLASS;
    let console = "give root a password for the console (passwd root)";
    let key = format!("put somebody with a key in ~/.ssh/authorized_keys into the group {group}");
    let ways = match door {
        Door::Ssh => format!("Either {console}, or {key}: they come in with the key alone."),
        Door::Sudo | Door::Su => format!("Please {console}."),
        Door::Login => format!("Please {key}; here it must be root."),
    };
    format!("There would be no other way into this host if something goes wrong. {ways} Nothing was changed.")
}

/// A way in that nobody has tried is none.
fn try_way_in(desk: &mut Desk, way_in: &WayIn, asked: &Enable) -> Result<(), Failure> {
    match way_in {
        WayIn::BreakGlass(name) => {
            let group = ready::BREAK_GLASS;
            Ok(desk.screen.say(&format!(
                "If something goes wrong, {name} (group {group}) comes in with a key alone."
            ))?)
        }
        WayIn::Nothing => Err(Failure::Refused("there is no other way in".to_owned())),
        WayIn::Console => {
            const FLAG: &str = "--root-password-fd";
            let from = Origin::new(asked.root_password_fd, FLAG);
            let prompt = "If something goes wrong, the console is the way in. root's password, to be sure: ";
            let password = desk.asker.secret(from, prompt, FLAG)?;
            if machine::is_roots_password(&password) {
                return Ok(());
            }
            Err(Failure::Refused("That is not root's password. Nothing was changed.".to_owned()))
        }
    }
}

/// Makes a change that is taken back by itself: always when this fails or is ended, and with `revert_after` also when it
/// is not confirmed in time.
fn make(
    place: &Place,
    door: Door,
    changes: &[Change],
    revert_after: Option<Duration>,
    check: impl FnOnce() -> Result<(), String>,
) -> Result<Journal, Failure> {
    let turn = place.turn()?;
    nothing_pending(place)?;
    let wait = revert_after.unwrap_or(Duration::from_secs(60));
    let journal = begun(door, changes, wait);
    // Before anything is owed, so that nothing is owed that nobody would make good, wherever this process is ended.
    machine::arm(wait).map_err(|why| {
        Failure::Refused(format!("Nobody would take the change back in time: {why}\nNothing was changed."))
    })?;
    place.begin(&turn, &journal).inspect_err(|_| machine::disarm())?;
    let made = place.make(&turn, &journal, changes).map_err(|why| why.to_string()).and_then(|()| {
        check()?;
        if door == Door::Ssh { machine::reload_sshd() } else { Ok(()) }
    });
    let kept = match (made, revert_after) {
        (Ok(()), Some(_)) => return Ok(journal),
        (Ok(()), None) => place.confirm(&turn, &journal).map_err(|why| why.to_string()),
        (Err(why), _) => Err(why),
    };
    match kept {
        Ok(()) => {
            machine::disarm();
            Ok(journal)
        }
        Err(why) => {
            take_back(place, &turn, &journal)?;
            Err(Failure::Refused(format!(
                "{}\nEverything is as it was before.",
                crate::words::sentence(&why)
            )))
        }
    }
}

fn begun(door: Door, changes: &[Change], wait: Duration) -> Journal {
    let own = machine::Process::own();
    let now = machine::uptime();
    Journal {
        version: 1,
        door: door.word().to_owned(),
        process: own.map_or((u32::MAX, 0), |own| (own.id, own.began)),
        boot: machine::boot(),
        began: crate::time::now(),
        began_uptime: now,
        deadline_uptime: now.saturating_add(u64::try_from(wait.as_millis()).unwrap_or(u64::MAX)),
        files: changes.iter().map(|change| (change.path.clone(), change.before.is_some())).collect(),
    }
}

/// Whatever fails here is done again: by the timer, at the next start, or by hand.
fn take_back(place: &Place, turn: &crate::rollout::journal::Turn, journal: &Journal) -> Result<(), Failure> {
    place.revert(turn, journal)?;
    if journal.door == Door::Ssh.word() {
        machine::reload_sshd().map_err(|why| {
            Failure::Refused(format!("The files are as before, but sshd was not reloaded: {why}"))
        })?;
    }
    place.forget(turn)?;
    machine::disarm();
    Ok(())
}

fn disable(desk: &Desk, door: Door, asked: &Asked) -> Result<(), Failure> {
    let place = Place::default();
    only_root(&format!("{} disable", door.word()))?;
    nothing_pending(&place)?;
    let changes = place.disabling(door).map_err(configuration)?;
    if changes.is_empty() {
        return Ok(desk.screen.say(&format!("{} asks for no code.", door.word()))?);
    }
    show(desk, &place, &changes)?;
    if asked.dry_run {
        return Ok(desk.screen.say("Nothing was changed: this was a dry run.")?);
    }
    consent(asked.consent.yes, &format!("From then on {} lets people in without a code.", door.word()))?;
    let journal = make(&place, door, &changes, None, || match door {
        Door::Ssh => machine::sshd_accepts(),
        _ => Ok(()),
    })?;
    tell(desk, "disabled", &journal)?;
    Ok(desk.screen.say(&format!("{} asks for no code any more.", door.word()))?)
}

/// What programs read.
#[derive(Serialize)]
struct Told<'a> {
    door: &'a str,
    state: &'a str,
    files: Vec<&'a str>,
    seconds_to_confirm: Option<u64>,
}

fn tell(desk: &Desk, state: &str, journal: &Journal) -> Result<(), Failure> {
    let files = journal.files.iter().map(|(path, _)| path.as_str()).collect();
    let left = (state != "disabled").then(|| left(journal));
    Ok(desk.screen.object(&Told { door: &journal.door, state, files, seconds_to_confirm: left })?)
}

fn left(journal: &Journal) -> u64 {
    journal.deadline_uptime.saturating_sub(machine::uptime()) / 1000
}

fn status(desk: &Desk, door: Door) -> Result<(), Failure> {
    let place = Place::default();
    only_root(&format!("{} status", door.word()))?;
    let pending = place.pending()?.filter(|journal| journal.door == door.word());
    let states = place.states(door);
    let asks = |state: &State| *state != State::Off;
    if let Some(journal) = &pending {
        tell(desk, "waits", journal)?;
        return Ok(desk.screen.say(&format!(
            "{} waits to be confirmed for another {}.",
            door.word(),
            duration(left(journal))
        ))?);
    }
    let on = !states.is_empty() && states.iter().all(|(_, state)| asks(state));
    let by_hand = states.first().is_some_and(|(_, state)| *state == State::ByHand);
    let (state, words) = match (on, by_hand) {
        (true, true) => ("by_hand", "asks for a code, by lines that `enable` has not written"),
        (true, false) => ("on", "asks for a code"),
        (false, _) if states.iter().any(|(_, state)| asks(state)) => {
            ("partly", "asks for a code in some of its files")
        }
        (false, _) => ("off", "asks for no code"),
    };
    desk.screen.object(&Told { door: door.word(), state, files: Vec::new(), seconds_to_confirm: None })?;
    Ok(desk.screen.say(&format!("{} {words}.", door.word()))?)
}

fn confirm(desk: &Desk, door: Door) -> Result<(), Failure> {
    let place = Place::default();
    only_root(&format!("{} confirm", door.word()))?;
    let pending = place.pending()?.filter(|journal| journal.door == door.word());
    let Some(journal) = pending else {
        return Err(Failure::Refused(format!("No change of {} waits to be confirmed.", door.word())));
    };
    let login = fresh::login(door, &fresh::ancestors())
        .filter(|login| journal.boot == machine::boot() && login.began_uptime >= journal.began_uptime);
    let Some(login) = login else {
        return Err(Failure::Refused(format!(
            "This is no login through {} that began after the change. Log in afresh and say it there, directly: not in \
             screen or tmux, which are older than the login. The change is taken back in {}.",
            door.word(),
            duration(left(&journal))
        )));
    };
    // A second for the trail's whole seconds.
    let age = machine::uptime().saturating_sub(login.began_uptime) / 1000 + 1;
    let since = crate::time::now().saturating_sub(age).max(journal.began);
    if !fresh::passed(door, &login.name, since, &trail(desk, since)?) {
        return Err(Failure::Refused(format!(
            "The trail knows of no code that {} gave for this login, so it shows nothing: `twofold audit --since 10min` \
             has what happened. The change is taken back in {}.",
            login.name,
            duration(left(&journal))
        )));
    }
    let turn = place.turn()?;
    if place.pending()?.is_none_or(|now| now.began != journal.began) {
        return Err(Failure::Refused("Too late: the change has been taken back.".to_owned()));
    }
    place.confirm(&turn, &journal)?;
    machine::disarm();
    tell(desk, "confirmed", &journal)?;
    Ok(desk.screen.say(&format!("{} asks for a code from now on.", door.word()))?)
}

fn trail(desk: &Desk, since: u64) -> Result<Vec<AuditEvent>, Failure> {
    let (mut events, mut after) = (Vec::new(), None);
    loop {
        let page =
            desk.call(&ReadAudit { account: None, after: after.clone(), since: Some(since), limit: PAGE })?;
        events.extend(page.events);
        if page.next.is_none() || page.next == after {
            return Ok(events);
        }
        after = page.next;
    }
}

/// `twofold rollout …`.
pub fn rollout(desk: &Desk, verb: &Rollout) -> Result<(), Failure> {
    let Rollout::Revert(asked) = verb;
    only_root("rollout revert")?;
    let place = Place::default();
    loop {
        let turn = place.turn()?;
        let Some(journal) = place.pending()? else {
            machine::disarm();
            return Ok(desk.screen.say("No change waits to be confirmed.")?);
        };
        if !asked.due || is_due(&journal) {
            take_back(&place, &turn, &journal)?;
            tell(desk, "reverted", &journal)?;
            return Ok(desk.screen.say(&format!("{} is as it was before.", journal.door))?);
        }
        drop(turn);
        if !asked.wait {
            return Ok(());
        }
        thread::sleep(Duration::from_secs(1));
    }
}

fn is_due(journal: &Journal) -> bool {
    journal.boot != machine::boot() || machine::uptime() >= journal.deadline_uptime
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::visible_lines;

    #[test]
    fn problems_are_told_one_a_line() {
        let text = visible_lines(&too_early(&["one thing".to_owned(), "another".to_owned()]));
        assert_eq!(text.lines().count(), 4, "{text}");
        assert!(text.ends_with("Nothing was changed."));
    }
}

//! `twofold key`: list, rotate, export, import, check.
//!
//! `twofoldd`, called as root and running as the authority's user, makes, copies and removes key files. The running
//! authority is told afterwards: it reads its keyring anew, seals every record with the newest key, and says which keys
//! nothing needs any more.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::fs::OFlags;
use twofold_shared::secret::SecretText;
use twofold_shared::wire::{
    CheckKeys, KeyKind, KeyReport, KeyView, ListKeys, NoteKeyCopy, ReloadKeys, RetireKeys,
};

use super::ledger::folder_of;
use super::rollout::only_root;
use crate::args::{Export, Key, KeyCheck, KeyFile, KeyPlace, Passphrase, Rotate};
use crate::ask::{Origin, say};
use crate::daemon::Daemon;
use crate::desk::Desk;
use crate::failure::Failure;
use crate::output::{table, visible};

const FLAG: &str = "--passphrase-fd";
/// How often the authority is asked how far it is.
const PAUSE: Duration = Duration::from_millis(200);
/// How long it may be away meanwhile: it may be restarted.
const PATIENCE: Duration = Duration::from_secs(60);

/// Does one of the verbs.
pub fn run(desk: &mut Desk, verb: &Key) -> Result<(), Failure> {
    match verb {
        Key::List => list(desk),
        Key::Rotate(rotate) => self::rotate(desk, rotate),
        Key::Export(export) => self::export(desk, export),
        Key::Import(file) => import(desk, file),
        Key::Check(check) => self::check(desk, check),
    }
}

fn list(desk: &Desk) -> Result<(), Failure> {
    let report = desk.call(&ListKeys {})?;
    desk.screen.object(&report)?;
    let row = |key: &KeyView| {
        let copied = match key.copied {
            _ if key.name.is_none() => "",
            Some(at) => &desk.calendar.relative(at),
            None => "never",
        };
        [
            called(key),
            visible(&key.id),
            word(key.kind).to_owned(),
            if key.current { "current" } else { "old" }.to_owned(),
            key.records.map_or_else(String::new, |records| records.to_string()),
            copied.to_owned(),
        ]
    };
    let rows: Vec<[String; 6]> = report.keys.iter().map(row).collect();
    desk.screen.line(&table(["KEY", "ID", "FOR", "USE", "NEEDED BY", "COPIED"], &rows))?;
    if report.keys.iter().any(|key| key.records.is_none()) {
        desk.screen.say("\nWhich records need which key is known after: twofold key check")?;
    }
    if report.looking {
        desk.screen.say(&format!(
            "\nThe ledger is being looked through: {} of {} records.",
            report.done, report.total
        ))?;
    }
    Ok(())
}

const fn word(kind: KeyKind) -> &'static str {
    match kind {
        KeyKind::Seal => "records",
        KeyKind::Pepper => "backup codes",
    }
}

fn called(key: &KeyView) -> String {
    key.name.as_deref().map_or_else(|| "LOST".to_owned(), visible)
}

fn daemon(place: &KeyPlace) -> Result<Daemon, Failure> {
    Daemon::new(&place.config, place.owner.as_deref())
}

fn rotate(desk: &Desk, rotate: &Rotate) -> Result<(), Failure> {
    only_root("key rotate")?;
    let before = desk.call(&ListKeys {})?;
    if before.credentials && !rotate.resume {
        return Err(Failure::Refused(
            "The keys are credentials of the service, which only systemd gives it. Put a new one beside the old: 32 random \
             bytes as 64 hexadecimal digits, and in a drop-in of twofoldd.service `LoadCredential=seal-2.key:FILE`. Restart \
             twofoldd, then: twofold key rotate --resume"
                .to_owned(),
        ));
    }
    if !rotate.resume {
        if !before.settled {
            let what = "A rotation is under way. To see it to its end: twofold key rotate --resume";
            return Err(Failure::Refused(what.to_owned()));
        }
        daemon(&rotate.place)?.word("--add-key").word("seal").run()?;
        if rotate.pepper {
            daemon(&rotate.place)?.word("--add-key").word("pepper").run()?;
        }
    }
    if !before.credentials {
        desk.call(&ReloadKeys {})?;
    }
    if rotate.resume {
        desk.call(&CheckKeys {})?;
    }
    let after = wait(desk)?;
    opens(&after)?;
    let gone = desk.call(&RetireKeys { uncopied: rotate.uncopied })?;
    for key in gone.retired.iter().filter(|_| !before.credentials) {
        daemon(&rotate.place)?.word("--remove-key").word(&key.id).run()?;
    }
    desk.screen.object(&gone)?;
    if let Some(key) = after.keys.iter().find(|key| key.current && key.kind == KeyKind::Seal) {
        desk.screen.say(&format!("All {} records are sealed with {}.", after.total, called(key)))?;
    }
    for key in &gone.retired {
        let what = if before.credentials { "nothing needs it: take it out of the unit" } else { "removed" };
        desk.screen.say(&format!("{}: {what}.", called(key)))?;
    }
    for key in &gone.kept {
        desk.screen.say(&why_kept(key))?;
    }
    if after.keys.iter().any(|key| key.current && key.copied.is_none()) {
        desk.screen.say("There is no copy of the new keys yet: twofold key export FILE")?;
    }
    Ok(())
}

fn why_kept(key: &KeyView) -> String {
    let name = called(key);
    match (key.records, key.kind) {
        (Some(records), KeyKind::Pepper) if records > 0 => format!(
            "{name} stays: the backup codes of {records} accounts need it. When they have new ones: twofold key rotate --resume"
        ),
        (Some(records), KeyKind::Seal) if records > 0 => format!("{name} stays: {records} records need it."),
        _ if key.copied.is_none() => format!(
            "{name} stays: backups from before need it, and there is no copy of it. Make one: twofold key export FILE; then: \
             twofold key rotate --resume"
        ),
        _ => format!(
            "{name} stays a few minutes more: calls that began before may use it. Then: twofold key rotate --resume"
        ),
    }
}

/// Waits until the authority has looked through the whole ledger, and shows how far it is.
fn wait(desk: &Desk) -> Result<KeyReport, Failure> {
    let mut away_since: Option<Instant> = None;
    let mut shown = None;
    loop {
        let report = match desk.call(&ListKeys {}) {
            Ok(report) => report,
            Err(Failure::Unreachable(why)) => {
                let since = *away_since.get_or_insert_with(Instant::now);
                if since.elapsed() > PATIENCE {
                    return Err(Failure::Unreachable(why));
                }
                sleep(PAUSE);
                continue;
            }
            Err(failure) => return Err(failure),
        };
        away_since = None;
        if !report.looking {
            progress(desk, &report, true)?;
            return Ok(report);
        }
        if shown != Some((report.done, report.waits.clone())) {
            progress(desk, &report, false)?;
            shown = Some((report.done, report.waits.clone()));
        }
        sleep(PAUSE);
    }
}

fn progress(desk: &Desk, report: &KeyReport, is_last: bool) -> Result<(), Failure> {
    if desk.screen.is_json() {
        return Ok(desk.screen.object(report)?);
    }
    if desk.screen.columns().is_none() {
        // Nobody watches: only what holds it up is worth a line.
        if let Some(why) = &report.waits {
            say(&format!("It waits: {}.", visible(why)));
        }
        return Ok(());
    }
    let waits = report.waits.as_deref().map(|why| format!(", and waits: {}", visible(why)));
    let line = format!("\r{} of {} records{}\u{1b}[K", report.done, report.total, waits.unwrap_or_default());
    let mut out = io::stdout().lock();
    out.write_all(line.as_bytes())?;
    if is_last {
        out.write_all(b"\n")?;
    }
    Ok(out.flush()?)
}

/// Whether every record opens, and is sealed with the current key.
fn opens(report: &KeyReport) -> Result<(), Failure> {
    if report.unreadable > 0 {
        let problem = report.problem.as_deref().map(visible).unwrap_or_default();
        return Err(Failure::Refused(format!(
            "{} records do not open; the first: {problem}. Put a missing key back with `twofold key import FILE`; what is \
             damaged comes back with a backup of the ledger.",
            report.unreadable
        )));
    }
    if !report.settled {
        return Err(Failure::Refused("The look was broken off; once more: twofold key check".to_owned()));
    }
    Ok(())
}

/// Whether the peppers of all backup codes are there.
fn has_peppers(report: &KeyReport) -> Result<(), Failure> {
    if let Some(pepper) = report.keys.iter().find(|key| key.name.is_none()) {
        return Err(Failure::Refused(format!(
            "The pepper {}… is lost: the backup codes of {} accounts are not taken. Put it back with `twofold key import FILE`, \
             or have them make new ones: twofold backup-codes --regenerate",
            visible(&pepper.id),
            pepper.records.unwrap_or(0)
        )));
    }
    Ok(())
}

fn check(desk: &mut Desk, check: &KeyCheck) -> Result<(), Failure> {
    only_root("key check")?;
    let held = match &check.file {
        Some(file) => {
            let secret = secret_of(desk, file, &check.passphrase)?;
            daemon(&check.place)?.word("--check-keys").word(file).run_with(secret.as_ref())?;
            Some(ids(&read(file)?))
        }
        None => None,
    };
    desk.call(&CheckKeys {})?;
    let report = wait(desk)?;
    opens(&report)?;
    has_peppers(&report)?;
    let Some(held) = held else {
        return Ok(desk.screen.say(&format!("The keys of this host open all {} records.", report.total))?);
    };
    let needed = report.keys.iter().filter(|key| key.records.is_some_and(|records| records > 0));
    let missing: Vec<String> = needed.filter(|key| !held.contains(&key.id)).map(called).collect();
    if missing.is_empty() {
        return Ok(desk.screen.say(&format!("The copy's keys open all {} records.", report.total))?);
    }
    Err(Failure::Refused(format!(
        "The copy lacks {}, which records of this ledger need. Make a new one: twofold key export FILE",
        missing.join(" and ")
    )))
}

fn export(desk: &mut Desk, export: &Export) -> Result<(), Failure> {
    only_root("key export")?;
    let Some(file) = &export.file else {
        let report = desk.call(&ListKeys {})?;
        let keys = report.keys.into_iter().filter(|key| key.name.is_some()).map(|key| key.id).collect();
        desk.call(&NoteKeyCopy { keys })?;
        return Ok(desk.screen.say("Noted that a copy of all keys is kept elsewhere.")?);
    };
    let secret = if export.plain { None } else { Some(new_passphrase(desk, &export.passphrase)?) };
    let mut daemon = daemon(&export.place)?.word("--export-keys");
    if export.plain {
        daemon = daemon.word("--plain");
    }
    let text = daemon.output(secret.as_ref())?;
    if file == Path::new("-") {
        let mut out = io::stdout().lock();
        out.write_all(text.as_bytes()).and_then(|()| out.flush())?;
    } else {
        keep(file, text.as_bytes()).map_err(|why| Failure::Refused(format!("{}: {why}", file.display())))?;
    }
    let keys = ids(&text);
    let count = keys.len();
    desk.call(&NoteKeyCopy { keys })?;
    if file != Path::new("-") {
        let how = if export.plain { "as they are: lock it away" } else { "sealed with the passphrase" };
        desk.screen.say(&format!(
            "{} holds {count} keys, {how}. Keep it apart from backups of the ledger, and not on this host alone.",
            file.display()
        ))?;
    }
    Ok(())
}

/// A new file for root alone, on the drive.
fn keep(file: &Path, bytes: &[u8]) -> io::Result<()> {
    let no_link = i32::try_from(OFlags::NOFOLLOW.bits()).unwrap_or(0);
    let mut to =
        OpenOptions::new().write(true).create_new(true).mode(0o600).custom_flags(no_link).open(file)?;
    let written = to
        .write_all(bytes)
        .and_then(|()| to.sync_all())
        .and_then(|()| File::open(folder_of(file))?.sync_all());
    if written.is_err() {
        // Half a copy must not be taken for one.
        let _ = fs::remove_file(file);
    }
    written
}

fn import(desk: &mut Desk, import: &KeyFile) -> Result<(), Failure> {
    only_root("key import")?;
    let secret = secret_of(desk, &import.file, &import.passphrase)?;
    daemon(&import.place)?.word("--import-keys").word(&import.file).run_with(secret.as_ref())?;
    match desk.call(&ReloadKeys {}) {
        // It reads them when it starts.
        Ok(_) | Err(Failure::Unreachable(_)) => Ok(()),
        Err(failure) => Err(failure),
    }
}

/// The text of a copy: its first lines name its keys.
fn read(file: &Path) -> Result<String, Failure> {
    fs::read_to_string(file).map_err(|why| Failure::Refused(format!("{}: {why}", file.display())))
}

/// The ids that a copy lists. `twofoldd` is what judges it.
fn ids(text: &str) -> Vec<String> {
    let keys = text.lines().map(|line| line.split(' ').collect::<Vec<_>>());
    let keys = keys.filter_map(|words| match words.as_slice() {
        [label, id] if label.starts_with("seal-") || label.starts_with("pepper-") => Some((*id).to_owned()),
        _ => None,
    });
    keys.collect()
}

/// The passphrase of a copy, where it is sealed with one.
fn secret_of(desk: &mut Desk, file: &Path, from: &Passphrase) -> Result<Option<SecretText>, Failure> {
    if !read(file)?.lines().any(|line| line.starts_with("argon2id ")) {
        return Ok(None);
    }
    let prompt = format!("Passphrase of {}: ", file.display());
    desk.asker.secret(Origin::new(from.passphrase_fd, FLAG), &prompt, FLAG).map(Some)
}

fn new_passphrase(desk: &mut Desk, from: &Passphrase) -> Result<SecretText, Failure> {
    let from = Origin::new(from.passphrase_fd, FLAG);
    loop {
        let chosen = desk.asker.secret(from, "Passphrase for the copy, 12 characters or more: ", FLAG)?;
        if from != Origin::Terminal {
            return Ok(chosen);
        }
        let again = desk.asker.secret(from, "The same again: ", FLAG)?;
        if again.reveal() == chosen.reveal() {
            return Ok(chosen);
        }
        say("The two differ. Once more:");
    }
}

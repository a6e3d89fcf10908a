//! The ledger's keys: whether every record opens with them, and whether there is a copy.

use std::thread::sleep;
use std::time::{Duration, Instant};

use twofold_shared::wire::{CheckKeys, KeyKind, KeyReport, KeyView, ListKeys};

use super::{Finding, error, warning};
use crate::desk::Desk;
use crate::failure::Failure;
use crate::output::visible;

/// How long the authority may take to look through the ledger before it is passed over.
const PATIENCE: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(100);

/// Everything here. That the authority is away is found elsewhere.
pub fn look(desk: &Desk) -> Vec<Finding> {
    report(desk).map(|report| judge(&report)).unwrap_or_default()
}

fn report(desk: &Desk) -> Result<KeyReport, Failure> {
    desk.call(&CheckKeys {})?;
    let until = Instant::now() + PATIENCE;
    loop {
        let report = desk.call(&ListKeys {})?;
        if !report.looking || Instant::now() > until {
            return Ok(report);
        }
        sleep(PAUSE);
    }
}

fn judge(report: &KeyReport) -> Vec<Finding> {
    let mut found = Vec::new();
    if report.unreadable > 0 {
        let problem = report.problem.as_deref().map(visible).unwrap_or_default();
        found.push(error(
            "records_unreadable",
            format!("{} records of the ledger cannot be read; the first: {problem}.", report.unreadable),
            "Whose they are cannot get in, or what they held is lost.",
            "If a key is missing: twofold key import FILE. If it is damage: twofold ledger restore FILE, as docs/operations.md says",
        ));
    }
    let held = |key: &&KeyView| key.name.is_some();
    if !report.keys.iter().filter(held).any(|key| key.kind == KeyKind::Pepper) {
        found.push(warning(
            "pepper_missing",
            format!("{} holds no pepper.", report.folder),
            "No backup code is taken, none can be made, and nobody can set up a first device.",
            "twofold key import FILE, or a new one: twofold key rotate --pepper",
        ));
    }
    for pepper in report.keys.iter().filter(|key| key.name.is_none() && key.kind == KeyKind::Pepper) {
        found.push(warning(
            "pepper_lost",
            format!(
                "The pepper {}… is lost; the backup codes of {} accounts were made with it.",
                visible(&pepper.id),
                pepper.records.unwrap_or_default()
            ),
            "Those backup codes are not taken. Everything else goes on.",
            "twofold key import FILE; without a copy: twofold backup-codes --regenerate --account NAME, for each",
        ));
    }
    if !report.settled && !report.looking && report.unreadable == 0 {
        found.push(warning(
            "rotation_unfinished",
            "Not every record is sealed with the newest key.",
            "An older key is still needed.",
            "twofold key rotate --resume",
        ));
    }
    let old = report.keys.iter().filter(held).filter(|key| !key.current && key.records == Some(0));
    for key in old.filter(|key| key.kind == KeyKind::Seal) {
        let name = key.name.as_deref().map(visible).unwrap_or_default();
        found.push(warning(
            "old_key",
            format!("{name} is there, and nothing in the ledger needs it."),
            "Whoever gets it opens backups from before the last rotation.",
            "twofold key export FILE, if there is no copy; then: twofold key rotate --resume",
        ));
    }
    let uncopied: Vec<String> = report
        .keys
        .iter()
        .filter(|key| key.copied.is_none())
        .filter_map(|key| key.name.as_deref().map(visible))
        .collect();
    if !uncopied.is_empty() {
        found.push(warning(
            "keys_without_copy",
            format!("No copy was made of {}.", uncopied.join(" and ")),
            "If this disk is lost, so is everything: no backup of the ledger opens without its keys.",
            "twofold key export FILE, and carry it away. If you have a copy: twofold key export --kept-elsewhere",
        ));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Severity;

    fn key(kind: KeyKind, name: Option<&str>, current: bool, records: u64, copied: Option<u64>) -> KeyView {
        let (id, name) = ("0123456789abcdef".to_owned(), name.map(str::to_owned));
        KeyView { kind, id, name, current, records: Some(records), copied }
    }

    fn good() -> KeyReport {
        KeyReport {
            keys: vec![
                key(KeyKind::Seal, Some("seal-1"), true, 9, Some(1)),
                key(KeyKind::Pepper, Some("pepper-1"), true, 2, Some(1)),
            ],
            folder: "/etc/twofold/keys".into(),
            credentials: false,
            looking: false,
            done: 9,
            total: 9,
            waits: None,
            settled: true,
            unreadable: 0,
            problem: None,
        }
    }

    fn found(change: impl FnOnce(&mut KeyReport)) -> Vec<(&'static str, Severity)> {
        let mut report = good();
        change(&mut report);
        judge(&report).into_iter().map(|finding| (finding.code, finding.severity)).collect()
    }

    #[test]
    fn each_thing_that_can_be_wrong_with_keys_is_found_by_its_name_and_good_ones_are_not() {
        use Severity::{Error, Warning};
        assert_eq!(found(|_| {}), []);
        let uncopied = |report: &mut KeyReport| report.keys.iter_mut().for_each(|key| key.copied = None);
        assert_eq!(found(uncopied), [("keys_without_copy", Warning)]);
        assert_eq!(found(|report| report.unreadable = 1), [("records_unreadable", Error)]);
        assert_eq!(found(|report| report.settled = false), [("rotation_unfinished", Warning)]);
        let old = |report: &mut KeyReport| {
            report.keys.insert(0, key(KeyKind::Seal, Some("seal-0"), false, 0, Some(1)));
        };
        assert_eq!(found(old), [("old_key", Warning)]);
        let lost = |report: &mut KeyReport| report.keys.push(key(KeyKind::Pepper, None, false, 2, None));
        assert_eq!(found(lost), [("pepper_lost", Warning)]);
        let gone = |report: &mut KeyReport| report.keys.retain(|key| key.kind == KeyKind::Seal);
        assert_eq!(found(gone), [("pepper_missing", Warning)]);
    }

    #[test]
    fn a_pepper_that_somebody_still_needs_is_no_finding() {
        let needed = |report: &mut KeyReport| {
            report.keys.push(key(KeyKind::Pepper, Some("pepper-0"), false, 2, Some(1)));
        };
        assert_eq!(found(needed), []);
    }
}

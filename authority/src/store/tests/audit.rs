//! The audit trail in the ledger.

use std::os::unix::fs::MetadataExt;

use twofold_shared::account::AccountId;

use super::*;
use crate::audit::Coalesce;

fn told(entries: Vec<Entry>) -> Commit {
    Commit { audit: entries, essential: true, ..Commit::default() }
}

fn throttled(account: u8) -> Entry {
    Entry { account: Some(AccountId([account; 16])), coalesce: Coalesce::Account, ..refusal("throttled") }
}

fn unknown(name: &str) -> Entry {
    Entry { name: Some(name.to_owned()), coalesce: Coalesce::UnknownNames, ..refusal("unknown name") }
}

#[tokio::test]
async fn events_are_told_in_the_order_of_their_commits() {
    let ledger = Ledger::new();
    let store = ledger.open();
    for number in 0..5 {
        let both = vec![refusal(&format!("{number} first")), refusal(&format!("{number} second"))];
        store.commit(told(both)).await.unwrap();
        // Even when the wall clock says otherwise.
        ledger.clock.step(-1);
    }
    let first = store.audit(None, 4).unwrap();
    let rest = store.audit(first.last().map(|(position, _)| *position), 100).unwrap();
    let reasons: Vec<_> =
        first.iter().chain(&rest).filter_map(|(_, event)| event.entry.reason.clone()).collect();
    let expected: Vec<_> =
        (0..5).flat_map(|number| [format!("{number} first"), format!("{number} second")]).collect();
    assert_eq!(
        reasons.into_iter().filter(|reason| !reason.contains("stepped")).collect::<Vec<_>>(),
        expected
    );
}

#[test]
fn a_position_survives_the_wire() {
    let position = Position { revision: 77, index: 3 };
    assert_eq!(Position::parse(&position.to_string()), Some(position));
    assert_eq!(Position::parse("no"), None);
    assert_eq!(Position::parse(""), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn throttled_refusals_are_one_event_a_minute_with_an_exact_count() {
    let ledger = Ledger::new();
    let store = ledger.open();
    for minute in 1..=2 {
        let commits = (0..300).map(|number: u16| {
            let store = store.clone();
            tokio::spawn(
                async move { store.commit(told(vec![throttled((number % 3) as u8)])).await.unwrap() },
            )
        });
        for commit in commits.collect::<Vec<_>>() {
            commit.await.unwrap();
        }
        let events = store.audit(None, 100).unwrap();
        assert_eq!(events.len(), 3 * minute);
        assert!(events.iter().all(|(_, event)| event.count == 100), "{events:?}");
        ledger.clock.pass(60);
    }
}

#[tokio::test]
async fn names_that_nobody_has_are_told_together_and_not_by_name() {
    let ledger = Ledger::new();
    let store = ledger.open();
    for number in 0..500 {
        store.commit(told(vec![unknown(&format!("unix:nobody{number}"))])).await.unwrap();
    }
    let events = store.audit(None, 100).unwrap();
    assert_eq!(events.len(), 1);
    assert_eq!((events[0].1.count, &events[0].1.entry.name), (500, &None));
}

#[tokio::test]
async fn a_count_goes_on_exactly_across_a_restart() {
    let ledger = Ledger::new();
    for _ in 0..3 {
        let store = ledger.open();
        for _ in 0..7 {
            store.commit(told(vec![throttled(1)])).await.unwrap();
        }
        store.close().await;
    }
    let events = ledger.open().audit(None, 100).unwrap();
    assert_eq!(events.iter().map(|(_, event)| event.count).sum::<u64>(), 21);
}

#[tokio::test]
async fn what_is_too_old_goes_and_what_is_not_stays() {
    let mut ledger = Ledger::new();
    ledger.options.retention = Retention { keep_seconds: 1000, keep_bytes: u64::MAX };
    let store = ledger.open();
    for number in 0..200 {
        store.commit(told(vec![refusal(&number.to_string())])).await.unwrap();
        ledger.clock.pass(10);
    }
    ledger.clock.pass(100);
    for _ in 0..10 {
        store.commit(told(vec![])).await.unwrap();
    }
    let now = store.now().await.unwrap().time;
    let kept = store.audit(None, 1000).unwrap();
    assert!(kept.iter().all(|(_, event)| now.0 - event.at.0 <= 1000), "{:?}", kept.first());
    assert_eq!(kept.len(), 90, "{:?}", kept.first());
}

#[tokio::test]
async fn what_is_too_much_goes_oldest_first() {
    let mut ledger = Ledger::new();
    ledger.options.retention = Retention { keep_seconds: u64::MAX, keep_bytes: 20_000 };
    let store = ledger.open();
    for number in 0..1000 {
        store.commit(told(vec![refusal(&format!("{number:04}"))])).await.unwrap();
    }
    let kept = store.audit(None, 2000).unwrap();
    let bytes: usize =
        store.core.tree.scan(Space::Audit, &[], None, 2000).unwrap().iter().map(|(_, v)| v.len()).sum();
    assert!((15_000..=20_500).contains(&bytes), "{bytes}");
    assert_eq!(kept.last().unwrap().1.entry.reason.as_deref(), Some("0999"));
    assert_eq!(store.core.state().audit_bytes, bytes as u64, "the tally is exact");
}

#[tokio::test]
async fn a_clock_that_jumped_ahead_erases_nothing() {
    let ledger = Ledger::new();
    let store = ledger.open();
    store.commit(told(vec![refusal("old")])).await.unwrap();
    ledger.clock.step(3 * 365 * 24 * 3600);
    for _ in 0..3 {
        ledger.clock.pass(100);
        store.commit(told(vec![refusal("new")])).await.unwrap();
    }
    assert_eq!(store.audit(None, 1).unwrap()[0].1.entry.reason.as_deref(), Some("old"));
}

/// How much of the disk the database takes, in bytes.
fn room_taken(ledger: &Ledger) -> u64 {
    fn walk(folder: &Path) -> u64 {
        let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
        let size = |entry: std::fs::DirEntry| match entry.file_type().unwrap().is_dir() {
            true => walk(&entry.path()),
            false => entry.metadata().map_or(0, |found| found.blocks() * 512),
        };
        entries.map(size).sum()
    }
    walk(&ledger.database())
}

/// Writes so many events, and gives what the database then takes.
async fn write_events(ledger: &Ledger, store: &Store, count: usize) -> u64 {
    for _ in 0..count / 250 {
        let commits = (0..250).map(|number| {
            let store = store.clone();
            let entry = refusal(&format!("an event of some hundred bytes, number {number:04}"));
            tokio::spawn(async move { store.commit(told(vec![entry])).await })
        });
        for commit in commits.collect::<Vec<_>>() {
            commit.await.unwrap().unwrap();
        }
    }
    room_taken(ledger)
}

#[tokio::test]
async fn a_trail_stays_at_its_limit_while_hundreds_of_events_come_at_once() {
    let mut ledger = Ledger::new();
    ledger.options.retention = Retention { keep_seconds: u64::MAX, keep_bytes: 1 << 20 };
    let store = ledger.open();
    write_events(&ledger, &store, 20_000).await;
    let bytes = store.core.state().audit_bytes;
    assert!((900 << 10..1200 << 10).contains(&bytes), "{bytes}");
}

/// sled gives no room back to the file system; what has been removed is written over.
#[tokio::test]
#[ignore = "long: ./dev test --all"]
async fn a_trail_at_its_limit_goes_on_in_the_room_that_it_has() {
    let mut ledger = Ledger::new();
    ledger.options.retention = Retention { keep_seconds: u64::MAX, keep_bytes: 4 << 20 };
    let store = ledger.open();
    let full = write_events(&ledger, &store, 50_000).await;
    let mut later = Vec::new();
    for _ in 0..5 {
        later.push(write_events(&ledger, &store, 50_000).await);
    }
    let most = later.iter().copied().max().unwrap_or_default();
    assert!(most < full * 2, "it took {full} bytes when it was full, and then {later:?}");
}

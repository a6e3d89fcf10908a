//! Copies while the ledger is written to: each is one moment, and nobody waits for it.

use std::fs::File;

use super::super::copying::Copying;
use super::super::snapshot::Snapshot;
use super::*;
use crate::keyring::{KeyCopy, Kind, Place, Sealing};

/// Records of two kinds, which lie pages apart in a copy.
const PAIRS: u32 = 1_500;

fn pair(number: u32, value: u32) -> [Write; 2] {
    [Space::Name, Space::Unknown].map(|space| Write {
        key: Key::new(space, format!("{number:05}")),
        expect: Expect::Any,
        value: Some(Zeroizing::new(value.to_be_bytes().to_vec())),
    })
}

async fn with_pairs(store: &Store) {
    for from in (0..PAIRS).step_by(500) {
        let writes = (from..from + 500).flat_map(|number| pair(number, 0)).collect();
        store.commit(Commit { writes, ..Commit::default() }).await.unwrap();
    }
}

fn all_of(store: &Store, space: Space) -> Vec<(Vec<u8>, Vec<u8>)> {
    let found = store.scan(space, &[], None, 10_000).unwrap();
    found.into_iter().map(|(key, found)| (key.name().to_vec(), found.value.to_vec())).collect()
}

/// The ledger that a copy makes, in a folder of this name.
fn restored(ledger: &Ledger, copy: &Path, name: &str) -> Store {
    let options = Options { folder: ledger.folder.path().join(name), ..ledger.options.clone() };
    Store::restore(&options, &ledger.keyring, &*ledger.clock, &mut File::open(copy).unwrap()).unwrap();
    let clock = Arc::clone(&ledger.clock) as Arc<dyn Clock>;
    Store::open(&options, Arc::clone(&ledger.keyring), clock, None).unwrap()
}

fn everything_in(mut snapshot: Snapshot) -> Vec<(Key, Vec<u8>)> {
    let mut all = Vec::new();
    while let Some(page) = snapshot.page().unwrap() {
        all.extend(page);
    }
    all
}

#[tokio::test]
async fn a_snapshot_shows_what_was_there_whatever_changes_between_its_pages() {
    let ledger = Ledger::new();
    let store = ledger.open();
    with_pairs(&store).await;
    store.commit(put("zz-removed", b"old", Expect::Absent)).await.unwrap();
    let begin = || Snapshot::begin(store.core.tree.clone(), store.core.keys(), Version(0));
    let whole = everything_in(begin());
    assert_eq!(whole.len() as u64, store.count().unwrap());

    let mut snapshot = begin();
    let notes = snapshot.notes();
    let mut seen = snapshot.page().unwrap().unwrap();
    let mut read = 1;
    // Behind it and ahead of it, and twice: what counts is what was there first.
    for round in 0..2 {
        let mut batch = super::super::sled::Batch::default();
        for name in ["00000", "00700", "01499", "00700x", "zzz"] {
            batch.insert(&key(name), format!("round {round}").into_bytes());
        }
        batch.insert(&Key::new(Space::Account, "behind"), vec![1]);
        batch.insert(&Key::new(Space::Unknown, "ahead"), vec![1]);
        batch.remove(&key("zz-removed"));
        batch.remove(&key("01000"));
        batch.remove(&Key::new(Space::Unknown, "00001"));
        notes.take(&store.core.tree, batch.keys()).unwrap();
        store.core.tree.commit(batch).unwrap();
        seen.extend(snapshot.page().unwrap().unwrap());
        read += 1;
    }
    while let Some(page) = snapshot.page().unwrap() {
        seen.extend(page);
        read += 1;
    }
    assert!(read > Space::ALL.len(), "some spaces have more than a page");
    assert_eq!(seen, whole);
    assert_ne!(everything_in(begin()), whole);
}

#[test]
fn spaces_are_read_in_the_order_of_their_keys() {
    assert!(Space::ALL.is_sorted());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commits_go_on_while_a_copy_is_written_and_none_is_half_in_it() {
    let ledger = Ledger::new();
    let store = ledger.open();
    with_pairs(&store).await;
    let mut meanwhile = 0;
    for round in 1..=5 {
        let copying = tokio::spawn({
            let store = store.clone();
            async move { store.copy().await }
        });
        // Both of a pair always change together; some come, and some go.
        let mut last = Version(0);
        for step in 0.. {
            let number = step * 7919 % (2 * PAIRS);
            let mut writes = pair(number, round).to_vec();
            if step % 3 == 0 {
                writes.iter_mut().for_each(|write| write.value = None);
            }
            last = store.commit(Commit { writes, ..Commit::default() }).await.unwrap().version;
            if copying.is_finished() {
                break;
            }
        }
        let copied = copying.await.unwrap().unwrap();
        meanwhile += last.0.saturating_sub(copied.revision.0);
        let there = restored(&ledger, &copied.path, &format!("restored-{round}"));
        assert_eq!(all_of(&there, Space::Name), all_of(&there, Space::Unknown), "round {round}");
        there.close().await;
    }
    assert!(meanwhile > 10, "{meanwhile} commits in all were made while five copies were written");
    store.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_needs_the_keys_of_its_beginning_alone_and_what_is_sealed_anew_waits() {
    let ledger = Ledger::new();
    let store = ledger.open();
    with_pairs(&store).await;
    let folder = ledger.folder.path().join("keys");
    let text = KeyCopy::write(&ledger.keyring, &Sealing::Plain).unwrap();
    Keyring::import(&folder, KeyCopy::read(&text, None).unwrap()).unwrap();
    Keyring::add(&folder, Kind::Seal).unwrap();
    let all: Vec<Key> = (0..PAIRS).flat_map(|number| pair(number, 0)).map(|write| write.key).collect();
    let (copied, keys, resealed) = tokio::join!(
        biased;
        store.copy(),
        store.use_keyring(Keyring::load(&folder, Place::Folder).unwrap()),
        store.reseal(all.clone()),
    );
    keys.unwrap();
    assert_eq!(resealed.unwrap(), all.len() as u64);
    Store::check_copy(&ledger.keyring, &mut File::open(copied.unwrap().path).unwrap()).unwrap();
    store.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_copies_at_once_one_waits_for_the_other() {
    let ledger = Ledger::new();
    let store = ledger.open();
    with_pairs(&store).await;
    let late = async {
        store.commit(put("late", b"1", Expect::Absent)).await.unwrap();
        store.copy().await
    };
    let (first, second) = tokio::join!(biased; store.copy(), late);
    let (first, second) = (first.unwrap(), second.unwrap());
    assert!(first.revision <= second.revision, "{first:?} {second:?}");
    assert_eq!(value(&restored(&ledger, &second.path, "restored"), "late").unwrap(), b"1");
    store.close().await;
}

#[tokio::test]
async fn a_ledger_that_is_closed_ends_its_copy_and_can_be_opened_at_once() {
    let ledger = Ledger::new();
    for _ in 0..10 {
        let store = ledger.open();
        with_pairs(&store).await;
        let copying = tokio::spawn({
            let store = store.clone();
            async move { store.copy().await }
        });
        tokio::task::yield_now().await;
        store.close().await;
        let ended = copying.await.unwrap();
        assert!(matches!(ended, Ok(_) | Err(StoreError::Failed(_))), "{ended:?}");
        drop(store);
    }
    assert!(!ledger.options.folder.join("copy.new").exists(), "half a copy is only in the way");
}

#[tokio::test]
async fn a_copy_leaves_the_room_that_logins_need() {
    let ledger = Ledger::new();
    let store = ledger.open();
    with_pairs(&store).await;
    let path = ledger.folder.path().join("copy");
    let begin = || Snapshot::begin(store.core.tree.clone(), store.core.keys(), Version(1));
    let (tell, told) = std::sync::mpsc::channel();
    let full = tell.clone();
    drop(Copying::start(begin(), path.clone(), u64::MAX, move |copied| full.send(copied).unwrap()));
    assert_eq!(told.recv().unwrap(), Err(StoreError::DiskFull));
    // As the writer does when room becomes scarce in the middle.
    let snapshot = begin();
    snapshot.notes().stop(StoreError::DiskFull);
    drop(Copying::start(snapshot, path.clone(), 0, move |copied| tell.send(copied).unwrap()));
    assert_eq!(told.recv().unwrap(), Err(StoreError::DiskFull));
    assert!(!path.exists() && !path.with_extension("new").exists());
}

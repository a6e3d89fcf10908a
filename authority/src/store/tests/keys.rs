//! Other keys while the ledger is written to.

use super::*;
use crate::keyring::{KeyCopy, Kind, Place, Sealing};

/// The keyring of a ledger in a folder, where it can get more keys.
fn on_disk(ledger: &Ledger) -> std::path::PathBuf {
    let folder = ledger.folder.path().join("keys");
    let text = KeyCopy::write(&ledger.keyring, &Sealing::Plain).unwrap();
    Keyring::import(&folder, KeyCopy::read(&text, None).unwrap()).unwrap();
    folder
}

/// Which keys have sealed the records of `space`, and how many each.
fn sealed_with(store: &Store, space: Space) -> Vec<String> {
    let looked = store.look(space, None, 10_000).unwrap();
    assert!(looked.iter().all(|looked| looked.problem.is_none()), "{looked:?}");
    let mut ids: Vec<String> = looked.iter().map(|looked| looked.sealed_with.unwrap().to_string()).collect();
    ids.sort();
    ids.dedup();
    ids
}

#[tokio::test]
async fn records_are_sealed_anew_under_the_versions_that_they_have() {
    let ledger = Ledger::new();
    let store = ledger.open();
    let names: Vec<String> = (0..50).map(|number| format!("{number:02}")).collect();
    for name in &names {
        store.commit(put(name, name.as_bytes(), Expect::Absent)).await.unwrap();
    }
    let read = store.get(&key("07")).unwrap().unwrap();
    let folder = on_disk(&ledger);
    let new = Keyring::add(&folder, Kind::Seal).unwrap().id().to_string();
    let old = store.keyring().current_sealing_key().id().to_string();
    store.use_keyring(Keyring::load(&folder, Place::Folder).unwrap()).await.unwrap();
    assert_eq!(sealed_with(&store, Space::Name), std::slice::from_ref(&old));
    store.commit(put("new", b"new", Expect::Absent)).await.unwrap();
    let mut both = vec![old, new.clone()];
    both.sort();
    assert_eq!(sealed_with(&store, Space::Name), both);

    let keys: Vec<Key> = names.iter().map(|name| key(name)).collect();
    assert_eq!(store.reseal(keys.clone()).await.unwrap(), 50);
    assert_eq!(store.reseal(keys).await.unwrap(), 0, "all of it is done");
    assert_eq!(sealed_with(&store, Space::Name), [new]);
    // Whoever had read a record before may still write it.
    let again = Commit {
        writes: vec![Write {
            key: key("07"),
            expect: Expect::Version(read.version),
            value: Some(read.value),
        }],
        ..Commit::default()
    };
    store.commit(again).await.unwrap();
    assert_eq!(value(&store, "07").unwrap(), b"07");
    store.close().await;
}

#[tokio::test]
async fn a_record_that_does_not_open_is_told_and_stays_as_it_is() {
    let ledger = Ledger::new();
    let store = ledger.open();
    store.commit(put("alice", b"1", Expect::Absent)).await.unwrap();
    let mut sealed = store.core.tree.get(&key("alice")).unwrap().unwrap();
    *sealed.last_mut().unwrap() ^= 1;
    let mut batch = super::super::sled::Batch::default();
    batch.insert(&key("alice"), sealed.clone());
    store.core.tree.commit(batch).unwrap();
    let looked = store.look(Space::Name, None, 10).unwrap();
    let problem = looked.first().unwrap().problem.clone().unwrap();
    assert!(problem.contains("changed or moved"), "{problem}");
    let folder = on_disk(&ledger);
    Keyring::add(&folder, Kind::Seal).unwrap();
    store.use_keyring(Keyring::load(&folder, Place::Folder).unwrap()).await.unwrap();
    assert_eq!(store.reseal(vec![key("alice")]).await.unwrap(), 0);
    assert_eq!(store.core.tree.get(&key("alice")).unwrap().unwrap(), sealed);
    // Others are not concerned.
    store.commit(put("bob", b"2", Expect::Absent)).await.unwrap();
    assert_eq!(value(&store, "bob").unwrap(), b"2");
    store.close().await;
}

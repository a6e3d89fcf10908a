//! What is opened, and what is refused and left alone.

use std::fs;

use super::*;

#[test]
fn a_ledger_is_never_made_by_opening() {
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
    let keyring = Arc::new(Keyring::ephemeral().unwrap());
    let opened = Store::open(&Options::new(folder.path()), keyring, ManualClock::at(NOON), None);
    assert!(matches!(opened, Err(OpenError::Missing(_))));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn a_ledger_is_never_made_over_another() {
    let ledger = Ledger::new();
    let again = Store::create(&ledger.options, &ledger.keyring, &*ledger.clock, None);
    assert!(matches!(again, Err(OpenError::Exists(_))));
    ledger.open();
}

#[tokio::test]
async fn a_second_authority_is_refused() {
    let ledger = Ledger::new();
    let store = ledger.open();
    let error = ledger.try_open().err().unwrap();
    assert!(matches!(error, OpenError::InUse(_)));
    assert!(error.to_string().contains("stop that one first"), "{error}");
    store.close().await;
    drop(store);
    ledger.open();
}

#[tokio::test]
async fn another_ledgers_keyring_is_told_apart_from_damage() {
    let mut ledger = Ledger::new();
    let ours = std::mem::replace(&mut ledger.keyring, Arc::new(Keyring::ephemeral().unwrap()));
    let error = ledger.try_open().err().unwrap();
    assert!(matches!(error, OpenError::Keyring { .. }), "{error}");
    assert!(error.to_string().contains("put that key's file back"), "{error}");
    ledger.keyring = ours;
    ledger.open();
}

#[tokio::test]
async fn an_emptied_database_is_damage_and_stays_as_it_is() {
    let ledger = Ledger::new();
    let store = ledger.open();
    store.commit(put("alice", b"1", Expect::Absent)).await.unwrap();
    store.close().await;
    drop(store);
    fs::File::options().write(true).open(ledger.database().join("db")).unwrap().set_len(0).unwrap();
    for entry in fs::read_dir(ledger.database()).unwrap().flatten() {
        if entry.file_name().to_string_lossy().starts_with("snap.") {
            fs::remove_file(entry.path()).unwrap();
        }
    }
    for _ in 0..2 {
        let error = ledger.try_open().err().unwrap();
        assert!(matches!(error, OpenError::Damaged { .. }), "{error}");
    }
}

#[tokio::test]
async fn a_database_without_its_file_is_missing() {
    let ledger = Ledger::new();
    ledger.open().close().await;
    fs::rename(ledger.database().join("db"), ledger.folder.path().join("elsewhere")).unwrap();
    assert!(matches!(ledger.try_open(), Err(OpenError::Missing(_))));
    assert!(!ledger.database().join("db").exists());
}

#[test]
fn a_folder_that_others_can_look_into_is_refused_with_the_fix() {
    let ledger = Ledger::new();
    fs::set_permissions(&ledger.options.folder, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let error = ledger.try_open().err().unwrap();
    assert!(error.to_string().contains("chmod 0700"), "{error}");
}

#[tokio::test]
async fn a_value_moved_to_another_key_does_not_open() {
    let ledger = Ledger::new();
    let store = ledger.open();
    store.commit(put("alice", b"1", Expect::Absent)).await.unwrap();
    let sealed = store.core.tree.get(&key("alice")).unwrap().unwrap();
    let mut batch = super::super::sled::Batch::default();
    batch.insert(&key("mallory"), sealed);
    store.core.tree.commit(batch).unwrap();
    let error = store.get(&key("mallory")).unwrap_err();
    assert_eq!(error, StoreError::Sealed(SealError::Broken(key("mallory"))));
    assert!(store.scan(Space::Name, b"", None, 10).is_err());
}

//! What is opened, and what is refused and left alone.

use std::fs;

use super::super::format::{FORMAT, Format};
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
    let again = Store::create(&ledger.options, &ledger.keyring, &*ledger.clock);
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

/// Puts another format's record, or none, where the ledger names its own.
async fn say_format(ledger: &Ledger, format: Option<Format>) {
    let store = ledger.open();
    let value = format.map(|format| format.encode().unwrap());
    let write = Write { key: Format::key(), expect: Expect::Any, value };
    store.commit(Commit { writes: vec![write], ..Commit::default() }).await.unwrap();
    store.close().await;
}

#[tokio::test]
async fn a_newer_ledger_is_refused_with_the_version_that_it_takes_and_nothing_is_written() {
    let ledger = Ledger::new();
    say_format(&ledger, Some(Format { number: FORMAT + 1, by: "7.1.0".into() })).await;
    let contents = || fs::read(ledger.database().join("db")).unwrap();
    let before = contents();
    for _ in 0..2 {
        let error = ledger.try_open().err().unwrap();
        assert!(matches!(error, OpenError::Newer { .. }), "{error}");
        assert!(error.to_string().contains("install 7.1.0"), "{error}");
    }
    assert!(contents() == before, "the database was written to");
}

#[tokio::test]
async fn a_ledger_from_before_formats_is_upgraded_once_after_a_copy_of_it_was_made() {
    let ledger = Ledger::new();
    let store = ledger.open();
    store.commit(put("alice", b"1", Expect::Absent)).await.unwrap();
    store.close().await;
    drop(store);
    say_format(&ledger, None).await;
    let copy = ledger.options.folder.join(format!("before-format-{FORMAT}"));
    assert!(!copy.exists());
    let store = ledger.open();
    let named = store.get(&Format::key()).unwrap().unwrap();
    assert_eq!(Format::decode(&named.value), Some(Format::current()));
    assert_eq!(value(&store, "alice").unwrap(), b"1");
    store.close().await;
    drop(store);
    let whole = Store::check_copy(&ledger.keyring, &mut fs::File::open(&copy).unwrap()).unwrap();
    assert!(whole.records >= 3, "{whole:?}");
    fs::remove_file(&copy).unwrap();
    ledger.open();
    assert!(!copy.exists(), "it was upgraded already");
}

#[tokio::test]
async fn a_copy_of_a_newer_ledger_is_not_restored() {
    let ledger = Ledger::new();
    let store = ledger.open();
    let newer = Format { number: FORMAT + 1, by: "7.1.0".into() };
    let write = Write { key: Format::key(), expect: Expect::Any, value: Some(newer.encode().unwrap()) };
    store.commit(Commit { writes: vec![write], ..Commit::default() }).await.unwrap();
    let copy = store.copy().await.unwrap().path;
    let read = || fs::File::open(&copy).unwrap();
    let error = Store::check_copy(&ledger.keyring, &mut read()).unwrap_err();
    assert!(error.to_string().contains("7.1.0"), "{error}");
    let elsewhere = Options::new(ledger.folder.path().join("elsewhere"));
    let restored = Store::restore(&elsewhere, &ledger.keyring, &*ledger.clock, &mut read());
    assert!(matches!(restored, Err(OpenError::Copy(CopyError::Newer { .. }))));
    assert!(!elsewhere.holds_ledger());
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

/// Damage at `place` in a copy of the ledger, opened and read whole: how many of its names are gone, or the refusal.
async fn damaged_at(ledger: &Ledger, place: usize, names: &[String]) -> Result<usize, OpenError> {
    let copy = ledger.folder.path().join(format!("copy{place}"));
    let copied = std::process::Command::new("cp").arg("-a").arg(&ledger.options.folder).arg(&copy).status();
    assert!(copied.unwrap().success());
    let mut bytes = fs::read(copy.join("ledger/db")).unwrap();
    bytes[place..].iter_mut().take(64).for_each(|byte| *byte ^= 0x55);
    fs::write(copy.join("ledger/db"), bytes).unwrap();

    let options = Options { folder: copy, ..ledger.options.clone() };
    let clock = Arc::clone(&ledger.clock) as Arc<dyn Clock>;
    let store = Store::open(&options, Arc::clone(&ledger.keyring), clock, None)?;
    let found = names.iter().map(|name| store.get(&key(name)));
    let lost = found.filter(|found| matches!(found, Ok(None))).count();
    store.close().await;
    Ok(lost)
}

#[tokio::test]
async fn a_ledger_that_damage_would_take_back_is_refused() {
    let ledger = Ledger::new();
    let store = ledger.open();
    let names: Vec<String> = (0..300).map(|number| format!("{number:03}")).collect();
    for name in &names {
        store.commit(put(name, &[7; 500], Expect::Absent)).await.unwrap();
    }
    store.close().await;
    drop(store);
    let length = fs::metadata(ledger.database().join("db")).unwrap().len();
    let mut refused = 0;
    for place in (0..length).step_by(usize::try_from(length / 30).unwrap()) {
        match damaged_at(&ledger, usize::try_from(place).unwrap(), &names).await {
            Ok(lost) => assert_eq!(lost, 0, "at {place}"),
            Err(OpenError::Older { .. } | OpenError::Damaged { .. }) => refused += 1,
            Err(error) => panic!("{error}"),
        }
    }
    assert!(refused > 5, "{refused}: this test damages the wrong places");
}

#[tokio::test]
async fn an_older_copy_is_refused_until_an_operator_says_so() {
    let ledger = Ledger::new();
    let older = ledger.folder.path().join("older");
    let copied = std::process::Command::new("cp").arg("-a").arg(ledger.database()).arg(&older).status();
    assert!(copied.unwrap().success());
    let store = ledger.open();
    store.commit(put("alice", b"spent", Expect::Absent)).await.unwrap();
    store.close().await;
    drop(store);
    fs::rename(ledger.database(), ledger.folder.path().join("newer")).unwrap();
    fs::rename(older, ledger.database()).unwrap();
    let error = ledger.try_open().err().unwrap();
    assert!(matches!(error, OpenError::Older { .. }), "{error}");
    let witness = ledger.options.folder.join("revision");
    assert!(error.to_string().contains(&format!("remove {}", witness.display())), "{error}");
    fs::remove_file(witness).unwrap();
    assert_eq!(value(&ledger.open(), "alice"), None);
}

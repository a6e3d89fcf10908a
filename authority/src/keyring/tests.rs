//! The keyring on disk: what is taken, and what is refused with the fix.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::PathBuf;

use tempfile::TempDir;

use super::*;

struct Keys {
    _parent: TempDir,
    folder: PathBuf,
}

impl Keys {
    fn new() -> Self {
        let parent = tempfile::tempdir().unwrap();
        let folder = parent.path().join("etc/twofold/keys");
        Keyring::generate(&folder).unwrap();
        Self { _parent: parent, folder }
    }

    fn load(&self) -> Result<Keyring, KeyringError> {
        Keyring::load(&self.folder, Place::Folder)
    }

    fn mode(&self, name: &str, mode: u32) {
        fs::set_permissions(self.folder.join(name), fs::Permissions::from_mode(mode)).unwrap();
    }

    fn put(&self, name: &str, content: &str) {
        fs::write(self.folder.join(name), content).unwrap();
        self.mode(name, 0o400);
    }

    fn refusal(&self) -> String {
        self.load().unwrap_err().to_string()
    }
}

#[test]
fn a_generated_keyring_loads_and_nobody_else_can_read_it() {
    let keys = Keys::new();
    let (one, two) = (keys.load().unwrap(), keys.load().unwrap());
    assert_eq!(one.current_sealing_key().id(), two.current_sealing_key().id());
    assert_eq!(one.current_pepper().unwrap().id(), two.current_pepper().unwrap().id());
    for name in ["seal-1.key", "pepper-1.key"] {
        assert_eq!(fs::metadata(keys.folder.join(name)).unwrap().mode() & 0o7777, 0o400);
    }
    assert_eq!(fs::metadata(&keys.folder).unwrap().mode() & 0o7777, 0o700);
}

#[test]
fn two_keyrings_have_nothing_in_common() {
    let (one, two) = (Keyring::ephemeral().unwrap(), Keyring::ephemeral().unwrap());
    assert_ne!(one.current_sealing_key().id(), two.current_sealing_key().id());
    let (pepper, other) = (one.current_pepper().unwrap(), two.current_pepper().unwrap());
    assert_ne!(*pepper.pepper(), *other.pepper());
    assert_ne!(one.current_sealing_key().id(), pepper.id());
}

#[test]
fn generating_never_overwrites() {
    let keys = Keys::new();
    let before = fs::read(keys.folder.join("seal-1.key")).unwrap();
    assert!(matches!(Keyring::generate(&keys.folder), Err(KeyringError::Exists(_))));
    assert_eq!(fs::read(keys.folder.join("seal-1.key")).unwrap(), before);
}

#[test]
fn a_new_key_is_current_and_the_old_one_still_opens() {
    let keys = Keys::new();
    let old = keys.load().unwrap();
    keys.put("seal-10.key", &"ab".repeat(32));
    keys.put("seal-9.key", &format!("{}\n", "cd".repeat(32)));
    keys.put("pepper-2.key", &"EF".repeat(32));
    let new = keys.load().unwrap();
    assert_eq!(new.sealing_keys().count(), 3);
    assert_eq!(*new.current_sealing_key().bytes, [0xab; 32]);
    assert!(new.sealing_keys().any(|key| key.id() == old.current_sealing_key().id()));
    assert!(new.pepper(old.current_pepper().unwrap().pepper_id()).is_some());
    assert_eq!(new.slot_of("unix:alice", 4096), old.slot_of("unix:alice", 4096), "a new pepper moves nobody");
}

#[test]
fn a_key_that_others_can_read_is_refused_with_the_fix() {
    for mode in [0o440, 0o404, 0o420, 0o660, 0o644, 0o777] {
        let keys = Keys::new();
        keys.mode("seal-1.key", mode);
        let refusal = keys.refusal();
        assert!(
            refusal.contains("run `chmod 0400 ") && refusal.contains("seal-1.key"),
            "{mode:o}: {refusal}"
        );
    }
    let keys = Keys::new();
    keys.mode("seal-1.key", 0o600);
    keys.load().unwrap();
}

#[test]
fn a_folder_that_others_can_write_to_is_refused_with_the_fix() {
    let keys = Keys::new();
    keys.mode("", 0o777);
    assert!(keys.refusal().contains("chmod go-w"));
}

#[test]
fn a_key_that_belongs_to_somebody_else_is_refused_with_the_fix() {
    let keys = Keys::new();
    std::os::unix::fs::chown(keys.folder.join("seal-1.key"), Some(12345), None).unwrap();
    let refusal = keys.refusal();
    assert!(refusal.contains("uid 12345") && refusal.contains("chown root"), "{refusal}");
}

#[test]
fn a_link_a_pipe_or_a_folder_in_a_keys_place_is_refused() {
    let keys = Keys::new();
    let key = keys.folder.join("seal-1.key");
    fs::rename(&key, keys.folder.join("elsewhere")).unwrap();
    symlink(keys.folder.join("elsewhere"), &key).unwrap();
    assert!(matches!(keys.load(), Err(KeyringError::NotAFile(_))));
    fs::remove_file(&key).unwrap();
    rustix::fs::mkfifoat(rustix::fs::CWD, &key, rustix::fs::Mode::RUSR).unwrap();
    assert!(matches!(keys.load(), Err(KeyringError::NotAFile(_))));
    fs::remove_file(&key).unwrap();
    fs::create_dir(&key).unwrap();
    assert!(matches!(keys.load(), Err(KeyringError::NotAFile(_))));

    let linked = keys.folder.with_file_name("linked");
    symlink(&keys.folder, &linked).unwrap();
    assert!(matches!(Keyring::load(&linked, Place::Folder), Err(KeyringError::NotAFile(_))));
}

#[test]
fn what_is_not_a_key_is_refused_by_name() {
    for (name, content) in [
        ("seal-2.key", String::new()),
        ("seal-2.key", "ab".repeat(31)),
        ("seal-2.key", "ab".repeat(33)),
        ("seal-2.key", "xy".repeat(32)),
        ("seal-2.key", "ab".repeat(5000)),
    ] {
        let keys = Keys::new();
        keys.put(name, &content);
        let refusal = keys.refusal();
        assert!(refusal.contains(name) && refusal.contains("64 hexadecimal digits"), "{refusal}");
        assert!(!refusal.contains("abab"), "a refusal shows nothing of a key");
    }
    for name in ["seal.key", "seal-01.key", "seal--1.key", "seal-x.key", "salt-1.key", "seal-99999999999.key"]
    {
        let keys = Keys::new();
        keys.put(name, &"ab".repeat(32));
        assert!(matches!(keys.load(), Err(KeyringError::Name(_))), "{name}");
    }
    let keys = Keys::new();
    keys.put("README", "not a key, and not named like one");
    keys.load().unwrap();
}

#[test]
fn a_missing_keyring_and_a_missing_sealing_key_say_what_to_do() {
    let keys = Keys::new();
    fs::remove_file(keys.folder.join("seal-1.key")).unwrap();
    assert!(keys.refusal().contains("twofold key import"), "{}", keys.refusal());
    fs::remove_dir_all(&keys.folder).unwrap();
    assert!(keys.refusal().contains("twofoldd --init"));
}

#[test]
fn a_keyring_without_a_pepper_still_opens_the_ledger() {
    let keys = Keys::new();
    let before = keys.load().unwrap();
    fs::remove_file(keys.folder.join("pepper-1.key")).unwrap();
    let after = keys.load().unwrap();
    assert!(after.current_pepper().is_none());
    assert_eq!(after.current_sealing_key().id(), before.current_sealing_key().id());
    assert!(after.slot_of("unix:alice", 4096) < 4096);
    // The new one has another number than the lost one, which may come back from a copy.
    Keyring::add(&keys.folder, Kind::Seal).unwrap();
    assert_eq!(Keyring::add(&keys.folder, Kind::Pepper).unwrap().file_name(), "pepper-3.key");
}

#[test]
fn a_key_that_is_added_is_current_and_whole_and_one_that_is_removed_is_gone() {
    let keys = Keys::new();
    let old = keys.load().unwrap().current_sealing_key().id();
    // What a power cut left of an earlier try is in nobody's way.
    keys.put(".seal-2.key.new", "half a k");
    keys.load().unwrap();
    let new = Keyring::add(&keys.folder, Kind::Seal).unwrap();
    assert_eq!(new.file_name(), "seal-2.key");
    assert_eq!(fs::metadata(keys.folder.join("seal-2.key")).unwrap().mode() & 0o7777, 0o400);
    assert!(!keys.folder.join(".seal-2.key.new").exists());
    let loaded = keys.load().unwrap();
    assert_eq!(loaded.current_sealing_key().id(), new.id());
    assert!(loaded.is_current(&new));

    assert!(matches!(Keyring::remove(&keys.folder, "00ff"), Err(KeyringError::Unknown { .. })));
    Keyring::remove(&keys.folder, &old.to_string()).unwrap();
    let ids: Vec<KeyId> = keys.load().unwrap().sealing_keys().map(SecretKey::id).collect();
    assert_eq!(ids, [new.id()]);
    let current = keys.load().unwrap().without(&[new.id()]);
    assert_eq!(current.current_sealing_key().id(), new.id(), "the current one is never let go");
}

#[test]
fn a_copy_brings_back_what_is_missing_and_overwrites_nothing() {
    let keys = Keys::new();
    let text = KeyCopy::write(&keys.load().unwrap(), &Sealing::Plain).unwrap();
    let copy = || KeyCopy::read(&text, None).unwrap();
    assert!(Keyring::import(&keys.folder, copy()).unwrap().is_empty());
    fs::remove_file(keys.folder.join("pepper-1.key")).unwrap();
    let back = Keyring::import(&keys.folder, copy()).unwrap();
    assert_eq!(back.iter().map(SecretKey::label).collect::<Vec<_>>(), ["pepper-1"]);

    let other = Keys::new();
    fs::remove_file(other.folder.join("pepper-1.key")).unwrap();
    let refusal = Keyring::import(&other.folder, copy()).unwrap_err();
    assert!(refusal.to_string().contains("move the folder away"), "{refusal}");
    assert!(!other.folder.join("pepper-1.key").exists(), "nothing of a copy is put back in part");
    fs::remove_dir_all(&other.folder).unwrap();
    Keyring::import(&other.folder, copy()).unwrap();
    let ids = |keys: &Keys| keys.load().unwrap().keys().map(SecretKey::id).collect::<Vec<_>>();
    assert_eq!(ids(&other), ids(&keys));
}

#[test]
fn credentials_may_be_readable_by_a_group_but_by_nobody_else() {
    let keys = Keys::new();
    keys.mode("seal-1.key", 0o440);
    Keyring::load(&keys.folder, Place::Credentials).unwrap();
    keys.mode("seal-1.key", 0o444);
    assert!(matches!(Keyring::load(&keys.folder, Place::Credentials), Err(KeyringError::Mode { .. })));
}

#[test]
fn no_key_is_ever_printed() {
    let keys = Keys::new();
    let hex = fs::read_to_string(keys.folder.join("seal-1.key")).unwrap();
    let printed = format!("{:?}", keys.load().unwrap());
    assert!(!printed.contains(hex.trim()) && !printed.contains("bytes"), "{printed}");
}

#[test]
fn names_spread_over_the_slots() {
    let keyring = Keyring::ephemeral().unwrap();
    let mut used: Vec<_> =
        (0..4096).map(|number| keyring.slot_of(&format!("unix:user{number}"), 4096)).collect();
    used.sort_unstable();
    used.dedup();
    assert!(used.iter().all(|slot| *slot < 4096));
    assert!((2400..2800).contains(&used.len()), "{} of 4096, where chance gives 2589", used.len());
}

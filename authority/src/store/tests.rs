//! The store as its users meet it: on a real disk, through the real writer.

use std::path::Path;
use std::sync::Arc;

use tempfile::TempDir;

use super::*;
use crate::audit::Outcome;
use crate::system_clock::ManualClock;

mod audit;
mod commits;
mod copies;
mod keys;
mod opening;
mod records;
mod time;

pub(super) const NOON: u64 = 1_800_000_000;

/// A ledger in a folder that vanishes.
pub(super) struct Ledger {
    pub folder: TempDir,
    pub keyring: Arc<Keyring>,
    pub clock: Arc<ManualClock>,
    pub options: Options,
}

impl Ledger {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut options = Options::new(folder.path().join("ledger"));
        options.reserve = ReserveSize { reserve: 1 << 20, margin: 1 << 20 };
        let keyring = Arc::new(Keyring::ephemeral().unwrap());
        let clock = ManualClock::at(NOON);
        Store::create(&options, &keyring, &*clock).unwrap();
        Self { folder, keyring, clock, options }
    }

    pub fn try_open(&self) -> Result<Store, OpenError> {
        Store::open(&self.options, Arc::clone(&self.keyring), Arc::clone(&self.clock) as Arc<dyn Clock>, None)
    }

    pub fn open(&self) -> Store {
        self.try_open().unwrap()
    }

    pub fn database(&self) -> std::path::PathBuf {
        Path::new(&self.options.folder).join("ledger")
    }
}

pub(super) fn put(name: &str, value: &[u8], expect: Expect) -> Commit {
    let write = Write { key: key(name), expect, value: Some(Zeroizing::new(value.to_vec())) };
    Commit { writes: vec![write], ..Commit::default() }
}

pub(super) fn key(name: &str) -> Key {
    Key::new(Space::Name, name)
}

pub(super) fn value(store: &Store, name: &str) -> Option<Vec<u8>> {
    store.get(&key(name)).unwrap().map(|found| found.value.to_vec())
}

pub(super) fn refusal(reason: &str) -> Entry {
    Entry { reason: Some(reason.to_owned()), ..Entry::new("verify", Outcome::Refused, "sshd on web1") }
}

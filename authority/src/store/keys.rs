//! The keys that the ledger is sealed with: replaced while it is written to, and every record sealed anew with them.
//!
//! The writer changes the keys between two batches and seals anew what it is told to, a bounded piece at a time, between
//! two batches too. A record keeps its version meanwhile, so nobody who read it before has to read it again. Which records
//! those are is found by reading all of them: no list is kept, so a look that was broken off is simply begun again.

use std::sync::Arc;

use tokio::sync::oneshot;
use twofold_shared::backup_code::PepperId;

use super::seal::{self, Sealer};
use super::writer::Job;
use super::{Key, Space, Store, StoreError, Version, failed, record};
use crate::keyring::{KeyId, Keyring};

/// A keyring and what is derived from it.
pub(super) struct Keys {
    pub keyring: Arc<Keyring>,
    pub sealer: Sealer,
    /// A sealed value as long as a name's, at a place where no name is.
    nobodys: (Key, Vec<u8>),
}

impl Keys {
    pub fn new(keyring: Arc<Keyring>) -> Self {
        let sealer = Sealer::new(&keyring);
        let place = Key::new(Space::Name, "nobody");
        // Without randomness nothing can be sealed at all, and time would be the least that tells.
        let sealed = sealer.seal(&place, Version(0), &[0; 16]).unwrap_or_default();
        Self { keyring, sealer, nobodys: (place, sealed) }
    }

    /// Opens what stands for the record of a name that nobody has: a name that somebody has takes that long.
    pub fn open_nobodys(&self) {
        let (place, sealed) = &self.nobodys;
        let _ = std::hint::black_box(self.sealer.open(place, sealed));
    }
}

/// A record, as a look through the ledger found it.
#[derive(Clone, Debug)]
pub struct Looked {
    /// Which.
    pub key: Key,
    /// The key that sealed it, if it is a sealed value at all.
    pub sealed_with: Option<KeyId>,
    /// The pepper that it needs.
    pub pepper: Option<PepperId>,
    /// Why it cannot be read.
    pub problem: Option<String>,
}

/// A piece of a look: up to so many records, in order.
pub type Piece = Vec<Looked>;

impl Store {
    /// Opens up to `limit` records of `space` after `after`. What cannot be read is told and not an error.
    ///
    /// # Errors
    /// [`StoreError::Failed`].
    pub fn look(&self, space: Space, after: Option<&Key>, limit: usize) -> Result<Piece, StoreError> {
        let found = self.core.tree.scan(space, &[], after, limit).map_err(failed)?;
        let keys = self.core.keys();
        let look = |(key, sealed): (Key, Vec<u8>)| {
            let sealed_with = seal::key_of(&key, &sealed).ok();
            let opened = keys.sealer.open(&key, &sealed).map_err(StoreError::from);
            let pepper = opened.and_then(|(_, value)| record::pepper_of(&key, &value));
            let (pepper, problem) = match pepper {
                Ok(pepper) => (pepper, None),
                Err(error) => (None, Some(error.to_string())),
            };
            Looked { key, sealed_with, pepper, problem }
        };
        Ok(found.into_iter().map(look).collect())
    }

    /// How many records there are: every one is counted.
    ///
    /// # Errors
    /// [`StoreError::Failed`].
    pub fn count(&self) -> Result<u64, StoreError> {
        self.core.tree.count().map_err(failed)
    }

    /// Seals with this keyring from now on. What came before is on the drive when this returns, and nothing more is
    /// sealed with the keyring before.
    ///
    /// # Errors
    /// As [`Self::commit`].
    pub async fn use_keyring(&self, keyring: Keyring) -> Result<(), StoreError> {
        let (answer, answered) = oneshot::channel();
        let keys = Arc::new(Keys::new(Arc::new(keyring)));
        self.queue.send(Job::Keys(keys, answer)).await.map_err(|_| self.gone())?;
        answered.await.map_err(|_| self.gone())?
    }

    /// Seals these records with the current key, and returns how many were not. On the drive with the next commit that
    /// is not fleeting.
    ///
    /// # Errors
    /// [`StoreError::DiskFull`] where there is no room for it, and as [`Self::commit`].
    pub async fn reseal(&self, records: Vec<Key>) -> Result<u64, StoreError> {
        let (answer, answered) = oneshot::channel();
        self.queue.send(Job::Reseal(records, answer)).await.map_err(|_| self.gone())?;
        answered.await.map_err(|_| self.gone())?
    }
}

//! What the ledger remembers of its keys: which one has sealed all of it, and of which there is a copy elsewhere.

use serde::{Deserialize, Serialize};
use twofold_shared::backup_code::PepperId;
use twofold_shared::clock::UnixTime;
use zeroize::Zeroizing;

use super::{account, decode, emergency, encode, invalid, login_enrolment};
use crate::keyring::KeyId;
use crate::store::{Expect, Key, Space, Store, StoreError, Write};

/// Copies remembered: more keys than any keyring has.
const MOST: usize = 256;

/// The record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyNotes {
    /// The key that had sealed every record when somebody last looked.
    pub sealed_with: Option<KeyId>,
    /// Keys of which a copy was made, and when last.
    pub copied: Vec<(KeyId, UnixTime)>,
}

impl KeyNotes {
    /// When a key was last copied.
    #[must_use]
    pub fn copied_at(&self, id: KeyId) -> Option<UnixTime> {
        self.copied.iter().find(|(copied, _)| *copied == id).map(|(_, at)| *at)
    }

    /// Notes a copy of a key.
    pub fn note_copy(&mut self, id: KeyId, at: UnixTime) {
        self.copied.retain(|(copied, _)| *copied != id);
        self.copied.push((id, at));
        let surplus = self.copied.len().saturating_sub(MOST);
        self.copied.drain(..surplus);
    }

    /// Where it lies.
    #[must_use]
    pub(in crate::store) fn key() -> Key {
        Key::new(Space::Meta, "keys")
    }

    pub(in crate::store) fn encode(&self) -> Result<Zeroizing<Vec<u8>>, StoreError> {
        let stored = Stored {
            sealed_with: self.sealed_with.map(|id| *id.as_bytes()),
            copied: self.copied.iter().map(|(id, at)| (*id.as_bytes(), at.0)).collect(),
        };
        encode(&Self::key(), &stored)
    }

    pub(in crate::store) fn decode(value: &[u8]) -> Result<Self, StoreError> {
        let stored: Stored = decode(&Self::key(), value)?;
        if stored.copied.len() > MOST {
            return Err(invalid(&Self::key(), "it names too many keys"));
        }
        let copied = stored.copied.into_iter().map(|(id, at)| (KeyId::from_bytes(id), UnixTime(at)));
        Ok(Self { sealed_with: stored.sealed_with.map(KeyId::from_bytes), copied: copied.collect() })
    }
}

#[derive(Serialize, Deserialize)]
struct Stored {
    sealed_with: Option<[u8; 8]>,
    copied: Vec<([u8; 8], u64)>,
}

/// The record, and what a write of it must expect.
///
/// # Errors
/// As [`Store::get`].
pub fn load_key_notes(store: &Store) -> Result<(KeyNotes, Expect), StoreError> {
    match store.get(&KeyNotes::key())? {
        Some(found) => Ok((KeyNotes::decode(&found.value)?, Expect::Version(found.version))),
        None => Ok((KeyNotes::default(), Expect::Absent)),
    }
}

/// Writes the record.
///
/// # Errors
/// [`StoreError::Record`], never in practice.
pub fn key_notes_write(notes: &KeyNotes, expect: Expect) -> Result<Write, StoreError> {
    Ok(Write { key: KeyNotes::key(), expect, value: Some(notes.encode()?) })
}

/// The pepper that a record needs, whatever record it is.
pub(in crate::store) fn pepper_of(key: &Key, value: &[u8]) -> Result<Option<PepperId>, StoreError> {
    match key.space() {
        Space::Account => Ok(account::decode(key, value)?.backup_codes.map(|codes| codes.pepper)),
        Space::LoginEnrolment => login_enrolment::pepper_of(key, value),
        Space::Emergency => emergency::pepper_of(key, value).map(Some),
        _ => Ok(None),
    }
}

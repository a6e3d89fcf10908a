//! What operators ask about the keys that seal the ledger. No key crosses the socket: names, ids and counts alone.

use serde::{Deserialize, Serialize};

/// What a key is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyKind {
    /// Seals records.
    Seal,
    /// Goes into the hashes of backup codes.
    Pepper,
}

/// A key that the authority has, or that a record needs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyView {
    /// What it is for.
    pub kind: KeyKind,
    /// Its id, in hex: computed from the key, and telling nothing of it. Of a pepper that is lost, the beginning.
    pub id: String,
    /// `seal-1`, `pepper-2`; absent where the keyring does not have it and a record needs it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Whether it is used for what is written from now on.
    pub current: bool,
    /// How many records need it, as the last look through the ledger found; absent where there was none yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub records: Option<u64>,
    /// When a copy of it was last made, in seconds since the epoch; absent: never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub copied: Option<u64>,
}

/// The keys, and how far the last look through the ledger is. A look opens every record, and seals anew what is not
/// sealed with the current key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyReport {
    /// Those of the keyring, then those that records need and the keyring lacks.
    pub keys: Vec<KeyView>,
    /// Where the keyring is.
    pub folder: String,
    /// Whether it is a service's credentials, which only the service manager changes.
    pub credentials: bool,
    /// Whether a look is under way.
    pub looking: bool,
    /// Records looked at, and in all.
    pub done: u64,
    /// How many there are.
    pub total: u64,
    /// Why it does not go on at the moment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waits: Option<String>,
    /// Whether every record is known to be sealed with the current key.
    pub settled: bool,
    /// Records that do not open, as the last whole look found.
    pub unreadable: u64,
    /// What is wrong with the first of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

/// Asks for the keys.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct ListKeys {}

/// Has the authority look through the whole ledger. The answer comes at once; ask for the keys to see how far it is.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct CheckKeys {}

/// Has the authority read its keyring again: a new key is used from then on, and every record sealed anew with it.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct ReloadKeys {}

/// Says that a copy of these keys was made, to be kept elsewhere.
#[derive(Debug, Serialize, Deserialize)]
pub struct NoteKeyCopy {
    /// Their ids.
    pub keys: Vec<String>,
}

/// Has the authority let go of keys that no record needs. Their files are the caller's to remove.
#[derive(Debug, Serialize, Deserialize)]
pub struct RetireKeys {
    /// Those too of which no copy was made: backups that were sealed with them can never be opened again.
    pub uncopied: bool,
}

/// What became of the keys that are no longer current.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetiredKeys {
    /// Let go.
    pub retired: Vec<KeyView>,
    /// Kept: a record needs them, or there is no copy.
    pub kept: Vec<KeyView>,
}

//! The keys that seal the ledger and the peppers of its hashes.
//!
//! One file a key, `seal-N.key` and `pepper-N.key`, each 32 bytes in hex; the highest number is the current one, the
//! others still open what they sealed. A key's id is computed from the key itself, so a keyring that belongs to
//! another ledger is told apart from a damaged one. Sealing keys and peppers are apart because they age differently: a
//! pepper stays until the last set of backup codes made with it is gone, and a keyring that has lost its peppers still
//! opens the ledger: backup codes are lost with them, and nothing else. Never printed, wiped on drop.

use std::fmt;
use std::path::{Path, PathBuf};

use data_encoding::HEXLOWER;
use hkdf::Hkdf;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use twofold_shared::backup_code::PepperId;
use zeroize::Zeroizing;

mod copy;
mod files;

pub use copy::{CopyError, KeyCopy, Sealing};
pub use files::Place;

/// A key's own number: the beginning of a hash of it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyId([u8; 8]);

impl KeyId {
    /// Wraps the raw bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 8]) -> Self {
        Self(bytes)
    }

    /// The raw bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 8] {
        &self.0
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&HEXLOWER.encode(&self.0))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyId({self})")
    }
}

/// One key of the keyring.
pub struct SecretKey {
    kind: Kind,
    id: KeyId,
    number: u32,
    bytes: Zeroizing<[u8; 32]>,
    /// What unknown names are scattered with: at hand, because deriving it would show in what such a name costs.
    scatter: Zeroizing<[u8; 32]>,
}

impl SecretKey {
    fn new(kind: Kind, number: u32, bytes: Zeroizing<[u8; 32]>) -> Self {
        let digest = Sha256::new()
            .chain_update("twofold key id ")
            .chain_update(kind.word())
            .chain_update(bytes.as_slice())
            .finalize();
        let mut id = [0; 8];
        id.copy_from_slice(digest.first_chunk::<8>().unwrap_or(&[0; 8]));
        let scatter = derive(&bytes, "twofold unknown names");
        Self { kind, id: KeyId(id), number, bytes, scatter }
    }

    /// What it is for.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Its number among those of its kind.
    #[must_use]
    pub fn number(&self) -> u32 {
        self.number
    }

    /// What its file is called.
    #[must_use]
    pub fn file_name(&self) -> String {
        format!("{}.key", self.label())
    }

    /// The same without its end: `seal-1`.
    #[must_use]
    pub fn label(&self) -> String {
        format!("{}-{}", self.kind.word(), self.number)
    }

    /// The key's id, as it stands in the header of what it sealed.
    #[must_use]
    pub fn id(&self) -> KeyId {
        self.id
    }

    /// The name of a pepper in the records that were made with it.
    #[must_use]
    pub fn pepper_id(&self) -> PepperId {
        PepperId(self.id.0.first_chunk::<4>().map_or(0, |bytes| u32::from_be_bytes(*bytes)))
    }

    /// The pepper itself.
    #[must_use]
    pub fn pepper(&self) -> Zeroizing<[u8; 32]> {
        self.derive("twofold pepper")
    }

    /// A key for one purpose (HKDF-SHA256). Different purposes tell nothing about each other.
    #[must_use]
    pub fn derive(&self, purpose: &str) -> Zeroizing<[u8; 32]> {
        derive(&self.bytes, purpose)
    }
}

fn derive(bytes: &[u8; 32], purpose: &str) -> Zeroizing<[u8; 32]> {
    let mut derived = Zeroizing::new([0; 32]);
    let expanded = Hkdf::<Sha256>::new(None, bytes).expand(purpose.as_bytes(), &mut *derived);
    debug_assert!(expanded.is_ok(), "32 bytes are within HKDF's limit");
    derived
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretKey({})", self.id)
    }
}

/// What a key is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Seals values.
    Seal,
    /// Goes into hashes.
    Pepper,
}

impl Kind {
    /// How its files' names begin.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Seal => "seal",
            Self::Pepper => "pepper",
        }
    }
}

/// Why there is no keyring. Each says which file, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum KeyringError {
    /// Nothing there.
    #[error("no keyring at {0}: as root, run `twofoldd --init`")]
    Missing(PathBuf),
    /// A folder without a key that opens anything.
    #[error(
        "{0} holds no seal-N.key: put it back from a copy, `twofold key import FILE`; a new one opens nothing"
    )]
    Lacking(PathBuf),
    /// Somebody else owns it.
    #[error("{path} belongs to uid {owner}, who could change it: run `chown root {path}`", path = path.display())]
    Owner {
        /// Which.
        path: PathBuf,
        /// Who.
        owner: u32,
    },
    /// Others may read or write it.
    #[error("{path} has mode {mode:04o}, open to others: run `chmod {fix} {path}`", path = path.display())]
    Mode {
        /// Which.
        path: PathBuf,
        /// As it is.
        mode: u32,
        /// As it should be.
        fix: &'static str,
    },
    /// A symbolic link, a pipe, a folder.
    #[error("{0} is not a regular file: put the key itself there, not a link")]
    NotAFile(PathBuf),
    /// Not 32 bytes in hex.
    #[error("{0} does not hold a key: expected one line of 64 hexadecimal digits")]
    Content(PathBuf),
    /// A name like a key's but not one.
    #[error("{0} is not named like a key: expected seal-N.key or pepper-N.key")]
    Name(PathBuf),
    /// A copy's key has the number of another.
    #[error(
        "{} is another key than the copy's: if no ledger of this host needs it, move the folder away and try again", .0.display()
    )]
    Other(PathBuf),
    /// Nobody here has such a key.
    #[error("there is no key {id} in {folder}", folder = .folder.display())]
    Unknown {
        /// Where.
        folder: PathBuf,
        /// Which.
        id: String,
    },
    /// `--init` never overwrites a key.
    #[error("{0} exists already, and is kept: a new key would open nothing of what it sealed")]
    Exists(PathBuf),
    /// The file could not be read or written.
    #[error("{path}: {error}", path = path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// How.
        error: std::io::Error,
    },
    /// The kernel gave none.
    #[error("no randomness from the kernel")]
    NoRandomness,
}

/// All keys of one ledger.
#[derive(Debug)]
pub struct Keyring {
    /// Ascending by number; never empty.
    seals: Vec<SecretKey>,
    /// Ascending by number; empty where they were lost.
    peppers: Vec<SecretKey>,
}

impl Keyring {
    /// Reads the keyring at `folder`.
    ///
    /// # Errors
    /// [`KeyringError`], with the fix in its text.
    pub fn load(folder: &Path, place: Place) -> Result<Self, KeyringError> {
        Self::from_keys(folder, files::read(folder, place)?)
    }

    /// Makes the first sealing key and the first pepper in `folder`, for whoever runs this.
    ///
    /// # Errors
    /// [`KeyringError::Exists`] when there is one already, and whatever keeps a file from being written.
    pub fn generate(folder: &Path) -> Result<Self, KeyringError> {
        let key = |kind| random().map(|bytes| SecretKey::new(kind, 1, bytes));
        let keys = vec![key(Kind::Pepper)?, key(Kind::Seal)?];
        files::make_folder(folder)?;
        if !files::read(folder, Place::Folder)?.is_empty() {
            return Err(KeyringError::Exists(folder.to_owned()));
        }
        files::write(folder, keys.iter())?;
        Self::from_keys(folder, keys)
    }

    /// Makes one more key in `folder`: the highest of its kind, which is the current one from the next load on.
    ///
    /// # Errors
    /// As [`Self::load`], and whatever keeps the file from being written: then there is none.
    pub fn add(folder: &Path, kind: Kind) -> Result<SecretKey, KeyringError> {
        let present = files::read(folder, Place::Folder)?;
        // Above those of both kinds: a number that was lost may come back from a copy.
        let numbers = present.iter().map(|key| key.number);
        let key = SecretKey::new(kind, numbers.max().unwrap_or(0).saturating_add(1), random()?);
        files::write(folder, std::iter::once(&key))?;
        Ok(key)
    }

    /// Removes a key from `folder` for good.
    ///
    /// # Errors
    /// As [`Self::load`], and [`KeyringError::Unknown`].
    pub fn remove(folder: &Path, id: &str) -> Result<SecretKey, KeyringError> {
        let present = files::read(folder, Place::Folder)?;
        let found = present.into_iter().find(|key| key.id.to_string() == id);
        let key =
            found.ok_or_else(|| KeyringError::Unknown { folder: folder.to_owned(), id: id.to_owned() })?;
        files::remove(folder, &key.file_name())?;
        Ok(key)
    }

    /// Puts the keys of a copy into `folder`, beside those that are there; gives the ones that were not there.
    ///
    /// # Errors
    /// [`KeyringError::Other`] where a number is taken by another key: then nothing was written.
    pub fn import(folder: &Path, copy: KeyCopy) -> Result<Vec<SecretKey>, KeyringError> {
        files::make_folder(folder)?;
        let present = files::read(folder, Place::Folder)?;
        let mut new = copy.into_keys();
        for key in &present {
            let same = |other: &SecretKey| other.label() == key.label();
            if new.iter().any(|other| same(other) && other.id != key.id) {
                return Err(KeyringError::Other(folder.join(key.file_name())));
            }
            new.retain(|other| !same(other));
        }
        files::write(folder, new.iter())?;
        Ok(new)
    }

    /// A keyring that lives in memory alone.
    ///
    /// # Errors
    /// [`KeyringError::NoRandomness`].
    pub fn ephemeral() -> Result<Self, KeyringError> {
        let keys = vec![SecretKey::new(Kind::Seal, 1, random()?), SecretKey::new(Kind::Pepper, 1, random()?)];
        Self::from_keys(Path::new("memory"), keys)
    }

    fn from_keys(folder: &Path, keys: Vec<SecretKey>) -> Result<Self, KeyringError> {
        let (mut seals, mut peppers): (Vec<_>, Vec<_>) =
            keys.into_iter().partition(|key| key.kind == Kind::Seal);
        if seals.is_empty() {
            return Err(KeyringError::Lacking(folder.to_owned()));
        }
        for list in [&mut seals, &mut peppers] {
            list.sort_by_key(|key| key.number);
        }
        Ok(Self { seals, peppers })
    }

    /// The same without some of its keys; the current sealing key stays whatever is said.
    #[must_use]
    pub fn without(mut self, ids: &[KeyId]) -> Self {
        let current = self.current_sealing_key().id;
        self.seals.retain(|key| key.id == current || !ids.contains(&key.id));
        self.peppers.retain(|key| !ids.contains(&key.id));
        self
    }

    /// Every key, sealing keys first.
    pub fn keys(&self) -> impl Iterator<Item = &SecretKey> {
        self.seals.iter().chain(&self.peppers)
    }

    /// Whether a key is the one that is used from now on.
    #[must_use]
    pub fn is_current(&self, key: &SecretKey) -> bool {
        let current = match key.kind {
            Kind::Seal => self.seals.last(),
            Kind::Pepper => self.peppers.last(),
        };
        current.is_some_and(|current| current.id == key.id)
    }

    /// Every key that may have sealed something.
    pub fn sealing_keys(&self) -> impl Iterator<Item = &SecretKey> {
        self.seals.iter()
    }

    /// The one that seals from now on.
    #[must_use]
    #[expect(clippy::expect_used, reason = "from_keys refuses a keyring without one, and `without` keeps it")]
    pub fn current_sealing_key(&self) -> &SecretKey {
        self.seals.last().expect("a keyring has a sealing key")
    }

    /// The pepper for new hashes; none where all were lost.
    #[must_use]
    pub fn current_pepper(&self) -> Option<&SecretKey> {
        self.peppers.last()
    }

    /// The pepper that an old hash was made with.
    #[must_use]
    pub fn pepper(&self, id: PepperId) -> Option<&SecretKey> {
        self.peppers.iter().find(|key| key.pepper_id() == id)
    }

    /// Which of `slots` the counters of an unknown name share: a keyed hash, so that nobody outside can choose whom to
    /// collide with. Keyed by the oldest pepper: a new one moves nobody. Where all were lost, by the oldest sealing key.
    #[must_use]
    pub fn slot_of(&self, name: &str, slots: u16) -> u16 {
        let Some(oldest) = self.peppers.first().or(self.seals.first()) else { return 0 };
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(oldest.scatter.as_slice()) else { return 0 };
        mac.update(name.as_bytes());
        let tag = mac.finalize().into_bytes();
        let number = tag.first_chunk::<8>().map_or(0, |bytes| u64::from_be_bytes(*bytes));
        u16::try_from(number % u64::from(slots.max(1))).unwrap_or(0)
    }
}

fn random() -> Result<Zeroizing<[u8; 32]>, KeyringError> {
    let mut bytes = Zeroizing::new([0; 32]);
    getrandom::fill(bytes.as_mut_slice()).map_err(|_| KeyringError::NoRandomness)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests;

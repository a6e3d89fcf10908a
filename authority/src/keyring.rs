//! The keys that seal the ledger and the peppers of its hashes.
//!
//! One file a key, `seal-N.key` and `pepper-N.key`, each 32 bytes in hex; the highest number is the current one, the
//! others still open what they sealed. A key's id is computed from the key itself, so a keyring that belongs to
//! another ledger is told apart from a damaged one. Sealing keys and peppers are apart because they age differently: a
//! pepper stays until the last set of backup codes made with it is gone. Never printed, wiped on drop.

use std::fmt;
use std::path::{Path, PathBuf};

use data_encoding::HEXLOWER;
use hkdf::Hkdf;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use twofold_shared::backup_code::PepperId;
use zeroize::Zeroizing;

mod files;

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
    id: KeyId,
    number: u32,
    bytes: Zeroizing<[u8; 32]>,
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
        Self { id: KeyId(id), number, bytes }
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
        let mut derived = Zeroizing::new([0; 32]);
        let expanded =
            Hkdf::<Sha256>::new(None, self.bytes.as_slice()).expand(purpose.as_bytes(), &mut *derived);
        debug_assert!(expanded.is_ok(), "32 bytes are within HKDF's limit");
        derived
    }
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
    /// A folder without one of the two kinds.
    #[error("{folder} holds no {}-N.key: put the missing key back from its backup; a new one opens nothing", kind.word())]
    Lacking {
        /// Where.
        folder: PathBuf,
        /// Which kind.
        kind: Kind,
    },
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
    /// Ascending by number; never empty.
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
        let key = |kind| random().map(|bytes| (kind, SecretKey::new(kind, 1, bytes)));
        let keys = vec![key(Kind::Pepper)?, key(Kind::Seal)?];
        files::write(folder, &keys)?;
        Self::from_keys(folder, keys)
    }

    /// A keyring that lives in memory alone.
    ///
    /// # Errors
    /// [`KeyringError::NoRandomness`].
    pub fn ephemeral() -> Result<Self, KeyringError> {
        let keys = vec![
            (Kind::Seal, SecretKey::new(Kind::Seal, 1, random()?)),
            (Kind::Pepper, SecretKey::new(Kind::Pepper, 1, random()?)),
        ];
        Self::from_keys(Path::new("memory"), keys)
    }

    fn from_keys(folder: &Path, keys: Vec<(Kind, SecretKey)>) -> Result<Self, KeyringError> {
        let (mut seals, mut peppers) = (Vec::new(), Vec::new());
        for (kind, key) in keys {
            match kind {
                Kind::Seal => seals.push(key),
                Kind::Pepper => peppers.push(key),
            }
        }
        for (kind, list) in [(Kind::Seal, &mut seals), (Kind::Pepper, &mut peppers)] {
            if list.is_empty() {
                return Err(KeyringError::Lacking { folder: folder.to_owned(), kind });
            }
            list.sort_by_key(|key| key.number);
        }
        Ok(Self { seals, peppers })
    }

    /// Every key that may have sealed something.
    pub fn sealing_keys(&self) -> impl Iterator<Item = &SecretKey> {
        self.seals.iter()
    }

    /// The one that seals from now on.
    #[must_use]
    pub fn current_sealing_key(&self) -> &SecretKey {
        newest(&self.seals)
    }

    /// The pepper for new hashes.
    #[must_use]
    pub fn current_pepper(&self) -> &SecretKey {
        newest(&self.peppers)
    }

    /// The pepper that an old hash was made with.
    #[must_use]
    pub fn pepper(&self, id: PepperId) -> Option<&SecretKey> {
        self.peppers.iter().find(|key| key.pepper_id() == id)
    }

    /// Which of `slots` the counters of an unknown name share: a keyed hash, so that nobody outside can choose whom to
    /// collide with. Keyed by the oldest pepper: a new one moves nobody.
    #[must_use]
    pub fn slot_of(&self, name: &str, slots: u16) -> u16 {
        let Some(oldest) = self.peppers.first() else { return 0 };
        let key = oldest.derive("twofold unknown names");
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key.as_slice()) else { return 0 };
        mac.update(name.as_bytes());
        let tag = mac.finalize().into_bytes();
        let number = tag.first_chunk::<8>().map_or(0, |bytes| u64::from_be_bytes(*bytes));
        u16::try_from(number % u64::from(slots.max(1))).unwrap_or(0)
    }
}

#[expect(clippy::expect_used, reason = "from_keys refuses an empty list, and nothing takes keys away")]
fn newest(keys: &[SecretKey]) -> &SecretKey {
    keys.last().expect("a keyring has a key of each kind")
}

fn random() -> Result<Zeroizing<[u8; 32]>, KeyringError> {
    let mut bytes = Zeroizing::new([0; 32]);
    getrandom::fill(bytes.as_mut_slice()).map_err(|_| KeyringError::NoRandomness)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests;

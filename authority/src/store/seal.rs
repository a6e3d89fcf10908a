//! Values at rest: sealed with XChaCha20-Poly1305, a key per key space, bound to their place and version.
//!
//! A sealed value is `format (1) | key id (8) | version (8) | nonce (24) | ciphertext and tag`. The associated data is
//! the record's whole key and the header, so a value moved to another key, or given another version, does not open.
//! What this cannot see is a whole ledger put back to an earlier state: that is a restore, and the docs say so.

use std::collections::HashMap;

use chacha20poly1305::aead::AeadInOut;
use chacha20poly1305::{KeyInit, Tag, XChaCha20Poly1305, XNonce};
use zeroize::Zeroizing;

use super::{Key, Space, Version};
use crate::keyring::{KeyId, Keyring};

/// The format that is written. The record codecs belong to it: another shape of a record is another format.
const FORMAT: u8 = 1;
const HEADER: usize = 1 + 8 + 8;
const NONCE: usize = 24;
const TAG: usize = 16;
const OVERHEAD: usize = HEADER + NONCE + TAG;

/// Why a value does not open.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// Not shaped like a sealed value at all.
    #[error("the value of {0:?} is damaged: it is not a sealed value")]
    Shape(Key),
    /// A later Twofold wrote it.
    #[error(
        "the value of {key:?} has format {format}, which this version does not know: a newer one wrote it"
    )]
    Format {
        /// Where.
        key: Key,
        /// Which.
        format: u8,
    },
    /// The keyring is not the one that sealed it.
    #[error(
        "the value of {key:?} was sealed with key {id}, which is not in the keyring: put that key's file back"
    )]
    UnknownKey {
        /// Where.
        key: Key,
        /// Which.
        id: KeyId,
    },
    /// The right key, but other bytes than were sealed here.
    #[error("the value of {0:?} was changed or moved: its seal does not match")]
    Broken(Key),
    /// The kernel gave no randomness for a nonce.
    #[error("no randomness from the kernel")]
    NoRandomness,
}

/// Seals and opens. Holds one derived key per sealing key and space, never the keyring's own keys.
pub struct Sealer {
    ciphers: HashMap<(KeyId, Space), XChaCha20Poly1305>,
    current: KeyId,
}

impl Sealer {
    /// Derives the keys of every space.
    #[must_use]
    pub fn new(keyring: &Keyring) -> Self {
        let mut ciphers = HashMap::new();
        for key in keyring.sealing_keys() {
            for space in Space::ALL {
                let derived = key.derive(&format!("twofold ledger {}", space.prefix()));
                ciphers.insert((key.id(), space), XChaCha20Poly1305::new((&*derived).into()));
            }
        }
        Self { ciphers, current: keyring.current_sealing_key().id() }
    }

    /// The key that seals.
    #[must_use]
    pub fn current(&self) -> KeyId {
        self.current
    }

    /// Seals `value` for its place.
    ///
    /// # Errors
    /// [`SealError::NoRandomness`].
    pub fn seal(&self, key: &Key, version: Version, value: &[u8]) -> Result<Vec<u8>, SealError> {
        let cipher = self
            .ciphers
            .get(&(self.current, key.space()))
            .ok_or_else(|| SealError::UnknownKey { key: key.clone(), id: self.current })?;
        let mut nonce = [0; NONCE];
        getrandom::fill(&mut nonce).map_err(|_| SealError::NoRandomness)?;
        let mut sealed = Vec::with_capacity(OVERHEAD + value.len());
        sealed.push(FORMAT);
        sealed.extend_from_slice(self.current.as_bytes());
        sealed.extend_from_slice(&version.0.to_be_bytes());
        let associated = associated(key, &sealed);
        sealed.extend_from_slice(&nonce);
        let body = sealed.len();
        sealed.extend_from_slice(value);
        let (_, plain) = sealed.split_at_mut(body);
        let tag = cipher
            .encrypt_inout_detached(&XNonce::from(nonce), &associated, plain.into())
            .map_err(|_| SealError::Broken(key.clone()))?;
        sealed.extend_from_slice(&tag);
        Ok(sealed)
    }

    /// Opens what [`Self::seal`] made, at the same place.
    ///
    /// # Errors
    /// A [`SealError`] that tells damage from a missing key.
    pub fn open(&self, key: &Key, sealed: &[u8]) -> Result<(Version, Zeroizing<Vec<u8>>), SealError> {
        let parts = Parts::read(key, sealed)?;
        let cipher = self
            .ciphers
            .get(&(parts.id, key.space()))
            .ok_or_else(|| SealError::UnknownKey { key: key.clone(), id: parts.id })?;
        let mut value = Zeroizing::new(parts.body.to_vec());
        cipher
            .decrypt_inout_detached(
                &XNonce::from(parts.nonce),
                &associated(key, parts.header),
                value.as_mut_slice().into(),
                &Tag::from(parts.tag),
            )
            .map_err(|_| SealError::Broken(key.clone()))?;
        Ok((parts.version, value))
    }
}

/// The version in a sealed value's header, for the writer's comparison; [`Sealer::open`] is what proves it.
///
/// # Errors
/// When it is not shaped like a sealed value.
pub(super) fn version_of(key: &Key, sealed: &[u8]) -> Result<Version, SealError> {
    Parts::read(key, sealed).map(|parts| parts.version)
}

/// The key that a sealed value's header names.
///
/// # Errors
/// When it is not shaped like a sealed value.
pub(super) fn key_of(key: &Key, sealed: &[u8]) -> Result<KeyId, SealError> {
    Parts::read(key, sealed).map(|parts| parts.id)
}

/// The key's length stands before it, so that no two pairs of key and header give the same bytes.
fn associated(key: &Key, header: &[u8]) -> Vec<u8> {
    let place = key.as_bytes();
    let length = u32::try_from(place.len()).unwrap_or(u32::MAX).to_be_bytes();
    [length.as_slice(), place, header].concat()
}

struct Parts<'a> {
    header: &'a [u8],
    id: KeyId,
    version: Version,
    nonce: [u8; NONCE],
    body: &'a [u8],
    tag: [u8; TAG],
}

impl<'a> Parts<'a> {
    fn read(key: &Key, sealed: &'a [u8]) -> Result<Self, SealError> {
        let damaged = || SealError::Shape(key.clone());
        let (format, rest) = sealed.split_first().ok_or_else(damaged)?;
        if *format != FORMAT {
            return Err(SealError::Format { key: key.clone(), format: *format });
        }
        let (id, rest) = rest.split_first_chunk::<8>().ok_or_else(damaged)?;
        let (version, rest) = rest.split_first_chunk::<8>().ok_or_else(damaged)?;
        let (nonce, rest) = rest.split_first_chunk::<NONCE>().ok_or_else(damaged)?;
        let (body, tag) = rest.split_last_chunk::<TAG>().ok_or_else(damaged)?;
        Ok(Self {
            header: sealed.get(..HEADER).ok_or_else(damaged)?,
            id: KeyId::from_bytes(*id),
            version: Version(u64::from_be_bytes(*version)),
            nonce: *nonce,
            body,
            tag: *tag,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key(name: &str) -> Key {
        Key::new(Space::Account, name)
    }

    fn sealer() -> Sealer {
        Sealer::new(&Keyring::ephemeral().unwrap())
    }

    proptest! {
        #[test]
        fn what_was_sealed_opens_at_its_place(value in prop::collection::vec(any::<u8>(), 0..500), version in any::<u64>()) {
            let sealer = sealer();
            let sealed = sealer.seal(&key("a"), Version(version), &value).unwrap();
            let (found, opened) = sealer.open(&key("a"), &sealed).unwrap();
            prop_assert_eq!((found, opened.as_slice()), (Version(version), value.as_slice()));
        }

        #[test]
        fn bytes_that_nobody_sealed_are_an_error_and_never_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(sealer().open(&key("a"), &bytes).is_err());
        }
    }

    #[test]
    fn a_value_changed_anywhere_does_not_open() {
        let sealer = sealer();
        let sealed = sealer.seal(&key("a"), Version(7), b"a secret").unwrap();
        for index in 0..sealed.len() {
            for bit in 0..8 {
                let mut changed = sealed.clone();
                changed[index] ^= 1 << bit;
                let error = sealer.open(&key("a"), &changed).unwrap_err();
                match index {
                    0 => assert!(matches!(error, SealError::Format { .. }), "{error}"),
                    1..=8 => assert!(matches!(error, SealError::UnknownKey { .. }), "{error}"),
                    _ => assert_eq!(error, SealError::Broken(key("a")), "byte {index}"),
                }
            }
        }
        for length in 0..sealed.len() {
            assert!(sealer.open(&key("a"), &sealed[..length]).is_err(), "{length} bytes");
        }
    }

    #[test]
    fn a_value_opens_only_under_its_own_key_and_kind() {
        let sealer = sealer();
        let sealed = sealer.seal(&key("a"), Version(7), b"a secret").unwrap();
        for other in [key("b"), key("a "), key(""), Key::new(Space::Name, "a"), Key::new(Space::Unknown, "a")]
        {
            assert_eq!(sealer.open(&other, &sealed).unwrap_err(), SealError::Broken(other));
        }
    }

    #[test]
    fn the_same_value_never_looks_the_same_twice() {
        let sealer = sealer();
        let seal = || sealer.seal(&key("a"), Version(7), b"a secret").unwrap();
        assert_ne!(seal()[HEADER..], seal()[HEADER..]);
        assert!(!seal().windows(8).any(|window| window == b"a secret"));
    }

    #[test]
    fn another_keyring_is_an_unknown_key_and_not_damage() {
        let sealed = sealer().seal(&key("a"), Version(7), b"a secret").unwrap();
        assert!(matches!(sealer().open(&key("a"), &sealed), Err(SealError::UnknownKey { .. })));
    }
}

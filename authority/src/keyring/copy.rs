//! A copy of a keyring in one file, to be kept apart from the ledger: sealed with a passphrase, or plain.
//!
//! It is text that can be printed: a line that says what it is, the keys' names and ids, how they are sealed, and the
//! keys. The names and ids are in the clear, so that it can be told which keys a copy holds without opening it; they are
//! bound into the seal.
//!
//! ```text
//! twofold keys 1
//! seal-1 6ff00add46fd8ac1
//! pepper-1 90a1f02fb64f16ab
//! argon2id 65536 3 1 SALT
//! NONCE SEALED-KEYS
//! ```

use std::fmt::Write as _;

use argon2::{Algorithm, Argon2, Params, Version};
use chacha20poly1305::aead::AeadInOut;
use chacha20poly1305::{KeyInit, Tag, XChaCha20Poly1305, XNonce};
use data_encoding::{HEXLOWER, HEXLOWER_PERMISSIVE};
use sha2::{Digest, Sha256};
use twofold_shared::secret::SecretText;
use zeroize::Zeroizing;

use super::files::{parse_key, parse_label};
use super::{Keyring, KeyringError, SecretKey};

/// Every copy begins with it.
const HEAD: &str = "twofold keys 1";
/// What stands where a passphrase's terms would.
const PLAIN: &str = "plain";
const ARGON2: &str = "argon2id";
/// At the end of a plain one: whoever types it in from paper learns of a slip.
const DIGEST: &str = "sha256";
/// The shortest passphrase, in characters: whoever finds the file can try as many as they like.
const SHORTEST: usize = 12;
/// The longest copy, in bytes: hundreds of keys.
const LONGEST: usize = 64 * 1024;
/// What a new copy's passphrase costs.
const COST: Cost = Cost { memory_kib: if cfg!(test) { 64 } else { 64 * 1024 }, passes: 3, lanes: 1 };

/// How a copy is protected.
#[derive(Debug)]
pub enum Sealing {
    /// Sealed with a key from a passphrase.
    Passphrase(SecretText),
    /// Not at all: the file is to be locked away.
    Plain,
}

/// What is wrong with a copy.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// Another file.
    #[error("this is no copy of a keyring, or one of a newer version")]
    Other,
    /// A line is not as it must be.
    #[error("line {0} of the copy is damaged")]
    Line(usize),
    /// It is sealed, and nobody said with what.
    #[error("the copy is sealed: it takes its passphrase")]
    NeedsPassphrase,
    /// Another passphrase, or other bytes.
    #[error("the copy does not open: another passphrase, or it was changed")]
    Broken,
    /// A key's id is not its own.
    #[error("the key {0} of the copy is not the one that it lists")]
    Key(String),
    /// Too easily guessed.
    #[error(
        "a passphrase needs at least {SHORTEST} characters: whoever finds the file can try as many as they like"
    )]
    Short,
    /// The kernel or the hash gave nothing.
    #[error(transparent)]
    Keyring(#[from] KeyringError),
}

/// What deriving a key from a passphrase costs (Argon2id).
#[derive(Clone, Copy)]
struct Cost {
    memory_kib: u32,
    passes: u32,
    lanes: u32,
}

impl Cost {
    /// Dearer ones are refused: the file says what is spent.
    const DEAREST: Self = Self { memory_kib: 1 << 20, passes: 16, lanes: 16 };

    fn parse(words: [&str; 3]) -> Option<Self> {
        let number = |word: &str, most: u32| word.parse::<u32>().ok().filter(|number| *number <= most);
        let [memory, passes, lanes] = words;
        Some(Self {
            memory_kib: number(memory, Self::DEAREST.memory_kib)?,
            passes: number(passes, Self::DEAREST.passes)?,
            lanes: number(lanes, Self::DEAREST.lanes)?,
        })
    }

    fn cipher(self, passphrase: &SecretText, salt: &[u8]) -> Option<XChaCha20Poly1305> {
        let params = Params::new(self.memory_kib, self.passes, self.lanes, Some(32)).ok()?;
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let mut key = Zeroizing::new([0; 32]);
        argon2.hash_password_into(passphrase.reveal().as_bytes(), salt, key.as_mut_slice()).ok()?;
        Some(XChaCha20Poly1305::new((&*key).into()))
    }
}

/// The keys of a copy.
#[derive(Debug)]
pub struct KeyCopy(Vec<SecretKey>);

impl KeyCopy {
    /// The text of a copy of all of a keyring's keys.
    ///
    /// # Errors
    /// [`CopyError::Short`], and [`CopyError::Keyring`] where the kernel gives no randomness.
    pub fn write(keyring: &Keyring, sealing: &Sealing) -> Result<Zeroizing<String>, CopyError> {
        let keys: Vec<&SecretKey> = keyring.keys().collect();
        // As large as it will be: a string that grows leaves its old self behind.
        let mut text = Zeroizing::new(String::with_capacity(1024 + keys.len() * 256));
        text.push_str(HEAD);
        text.push('\n');
        for key in &keys {
            let _ = writeln!(text, "{} {}", key.label(), key.id);
        }
        match sealing {
            Sealing::Plain => {
                text.push_str(PLAIN);
                text.push('\n');
                for key in &keys {
                    let digits = Zeroizing::new(HEXLOWER.encode(key.bytes.as_slice()));
                    text.push_str(&digits);
                    text.push('\n');
                }
                let digest = digest_of(&text);
                let _ = writeln!(text, "{DIGEST} {digest}");
            }
            Sealing::Passphrase(passphrase) => {
                if passphrase.reveal().chars().count() < SHORTEST {
                    return Err(CopyError::Short);
                }
                let (mut salt, mut nonce) = ([0; 16], [0; 24]);
                for bytes in [salt.as_mut_slice(), nonce.as_mut_slice()] {
                    getrandom::fill(bytes).map_err(|_| KeyringError::NoRandomness)?;
                }
                let Cost { memory_kib, passes, lanes } = COST;
                let _ = writeln!(text, "{ARGON2} {memory_kib} {passes} {lanes} {}", HEXLOWER.encode(&salt));
                let cipher = COST.cipher(passphrase, &salt).ok_or(CopyError::Broken)?;
                let mut sealed = Zeroizing::new(Vec::with_capacity(keys.len() * 32 + 16));
                keys.iter().for_each(|key| sealed.extend_from_slice(key.bytes.as_slice()));
                let tag = cipher
                    .encrypt_inout_detached(
                        &XNonce::from(nonce),
                        text.as_bytes(),
                        sealed.as_mut_slice().into(),
                    )
                    .map_err(|_| CopyError::Broken)?;
                sealed.extend_from_slice(&tag);
                let _ = writeln!(text, "{} {}", HEXLOWER.encode(&nonce), HEXLOWER.encode(&sealed));
            }
        }
        Ok(text)
    }

    /// Opens a copy.
    ///
    /// # Errors
    /// [`CopyError`].
    pub fn read(text: &str, passphrase: Option<&SecretText>) -> Result<Self, CopyError> {
        if text.len() > LONGEST {
            return Err(CopyError::Other);
        }
        let text = Zeroizing::new(text.replace("\r\n", "\n"));
        let mut lines = Lines { text: &text, at: 0, number: 0 };
        if lines.next() != Some(HEAD) {
            return Err(CopyError::Other);
        }
        let mut listed = Vec::new();
        let terms = loop {
            let line = lines.next().ok_or(CopyError::Line(lines.number))?;
            let Some((label, id)) = line.split_once(' ') else { break line };
            match parse_label(label) {
                Some(named) => listed.push((named, id)),
                None => break line,
            }
        };
        let bytes = if terms == PLAIN {
            let key = |_| lines.next().and_then(|line| parse_key(line.as_bytes()));
            let keys: Option<Vec<_>> = listed.iter().map(key).collect();
            let keys = keys.ok_or(CopyError::Line(lines.number))?;
            let digest = format!("{DIGEST} {}", digest_of(lines.read()));
            if lines.next() != Some(digest.as_str()) {
                return Err(CopyError::Broken);
            }
            keys
        } else {
            let passphrase = passphrase.ok_or(CopyError::NeedsPassphrase)?;
            unseal(terms, &mut lines, passphrase, listed.len())?
        };
        if lines.next().is_some() {
            return Err(CopyError::Line(lines.number));
        }
        let keys = listed.into_iter().zip(bytes).map(|(((kind, number), id), bytes)| {
            let key = SecretKey::new(kind, number, bytes);
            if key.id.to_string() == id { Ok(key) } else { Err(CopyError::Key(key.label())) }
        });
        Ok(Self(keys.collect::<Result<_, _>>()?))
    }

    /// Its keys.
    #[must_use]
    pub fn keys(&self) -> &[SecretKey] {
        &self.0
    }

    pub(super) fn into_keys(self) -> Vec<SecretKey> {
        self.0
    }
}

fn unseal(
    terms: &str,
    lines: &mut Lines<'_>,
    passphrase: &SecretText,
    count: usize,
) -> Result<Vec<Zeroizing<[u8; 32]>>, CopyError> {
    let damaged = CopyError::Line(lines.number);
    let words: Vec<&str> = terms.split(' ').collect();
    let &[ARGON2, memory, passes, lanes, salt] = words.as_slice() else { return Err(damaged) };
    let Some(cost) = Cost::parse([memory, passes, lanes]) else { return Err(damaged) };
    let Ok(salt) = HEXLOWER_PERMISSIVE.decode(salt.as_bytes()) else { return Err(damaged) };

    let bound = lines.read();
    let line = lines.next();
    let damaged = || CopyError::Line(lines.number);
    let (nonce, sealed) = line.and_then(|line| line.split_once(' ')).ok_or_else(damaged)?;
    let decode = |text: &str| HEXLOWER_PERMISSIVE.decode(text.as_bytes()).map_err(|_| damaged());
    let nonce: [u8; 24] = decode(nonce)?.try_into().map_err(|_| damaged())?;
    let mut sealed = Zeroizing::new(decode(sealed)?);
    let length = count * 32;
    if sealed.len() != length + 16 {
        return Err(damaged());
    }
    let (body, tag) = sealed.split_at_mut(length);
    let tag = Tag::try_from(&*tag).map_err(|_| damaged())?;
    let cipher = cost.cipher(passphrase, &salt).ok_or_else(damaged)?;
    cipher
        .decrypt_inout_detached(&XNonce::from(nonce), bound.as_bytes(), (&mut *body).into(), &tag)
        .map_err(|_| CopyError::Broken)?;
    let (keys, _) = body.as_chunks::<32>();
    Ok(keys.iter().map(|key| Zeroizing::new(*key)).collect())
}

fn digest_of(text: &str) -> String {
    HEXLOWER.encode(&Sha256::digest(text.as_bytes()))
}

/// A text's lines, and what was read of it so far.
struct Lines<'t> {
    text: &'t str,
    at: usize,
    number: usize,
}

impl<'t> Lines<'t> {
    fn next(&mut self) -> Option<&'t str> {
        self.number += 1;
        let rest = self.text.get(self.at..).filter(|rest| !rest.is_empty())?;
        let line = rest.split_once('\n').map_or(rest, |(line, _)| line);
        self.at = (self.at + line.len() + 1).min(self.text.len());
        Some(line)
    }

    fn read(&self) -> &'t str {
        self.text.get(..self.at).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::keyring::Kind;

    fn passphrase(text: &str) -> SecretText {
        SecretText::new(text.to_owned())
    }

    fn ids(keys: &[SecretKey]) -> Vec<String> {
        keys.iter().map(|key| format!("{} {}", key.label(), key.id)).collect()
    }

    #[test]
    fn a_copy_opens_with_its_passphrase_alone_and_shows_no_key() {
        let keyring = Keyring::ephemeral().unwrap();
        let sealing = Sealing::Passphrase(passphrase("correct horse battery"));
        let text = KeyCopy::write(&keyring, &sealing).unwrap();
        let hex = HEXLOWER.encode(keyring.current_sealing_key().bytes.as_slice());
        assert!(!text.contains(&hex));
        let opened = KeyCopy::read(&text, Some(&passphrase("correct horse battery"))).unwrap();
        let kept: Vec<String> = keyring.keys().map(|key| format!("{} {}", key.label(), key.id)).collect();
        assert_eq!(ids(opened.keys()), kept);
        assert_eq!(opened.keys().first().unwrap().kind(), Kind::Seal);
        assert!(matches!(KeyCopy::read(&text, None), Err(CopyError::NeedsPassphrase)));
        let other = passphrase("correct horse batterY");
        assert!(matches!(KeyCopy::read(&text, Some(&other)), Err(CopyError::Broken)));
        let short = Sealing::Passphrase(passphrase("elevenchars"));
        assert!(matches!(KeyCopy::write(&keyring, &short), Err(CopyError::Short)));
    }

    #[test]
    fn a_plain_copy_opens_also_with_a_passphrase_and_with_windows_line_ends() {
        let keyring = Keyring::ephemeral().unwrap();
        let text = KeyCopy::write(&keyring, &Sealing::Plain).unwrap();
        for text in [text.to_string(), text.replace('\n', "\r\n"), text.trim_end().to_owned()] {
            assert_eq!(KeyCopy::read(&text, None).unwrap().keys().len(), 2);
        }
        assert_eq!(KeyCopy::read(&text, Some(&passphrase("whatever it is"))).unwrap().keys().len(), 2);
    }

    #[test]
    fn a_copy_changed_anywhere_is_refused() {
        let keyring = Keyring::ephemeral().unwrap();
        let words = passphrase("correct horse battery");
        for sealing in [Sealing::Plain, Sealing::Passphrase(passphrase("correct horse battery"))] {
            let text = KeyCopy::write(&keyring, &sealing).unwrap();
            for place in 0..text.len() - 1 {
                let mut bytes = text.as_bytes().to_vec();
                bytes[place] = match bytes[place] {
                    b'0' => b'1',
                    b'\n' => b' ',
                    _ => b'0',
                };
                let changed = String::from_utf8(bytes).unwrap();
                assert!(KeyCopy::read(&changed, Some(&words)).is_err(), "{place}: {changed}");
            }
            for length in 0..text.len() - 1 {
                assert!(KeyCopy::read(&text[..length], Some(&words)).is_err(), "{length} of {}", text.len());
            }
            assert!(KeyCopy::read(&format!("{}and more", *text), Some(&words)).is_err());
        }
    }

    proptest! {
        #[test]
        fn text_that_nobody_wrote_is_an_error_and_never_a_panic(
            start in 0..5_usize, lines in prop::collection::vec("[ a-z0-9-]{0,80}|\\PC{0,40}", 0..8)
        ) {
            let head = ["", HEAD, "twofold keys 1\nseal-1 00", "twofold keys 1\nplain", "twofold keys 1\nargon2id 8 1 1 00"];
            let text = format!("{}\n{}", head.get(start).unwrap_or(&""), lines.join("\n"));
            prop_assert!(KeyCopy::read(&text, Some(&passphrase("correct horse battery"))).is_err());
        }
    }

    #[test]
    fn a_copy_that_asks_for_all_memory_is_refused_before_it_gets_it() {
        let keyring = Keyring::ephemeral().unwrap();
        let words = passphrase("correct horse battery");
        let text =
            KeyCopy::write(&keyring, &Sealing::Passphrase(passphrase("correct horse battery"))).unwrap();
        for dear in ["argon2id 4194304 3 1 ", "argon2id 64 4000000000 1 ", "argon2id 64 3 200 "] {
            let changed = text.replace("argon2id 64 3 1 ", dear);
            assert!(matches!(KeyCopy::read(&changed, Some(&words)), Err(CopyError::Line(4))), "{dear}");
        }
    }
}

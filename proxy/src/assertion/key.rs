//! The key that signs assertions: P-256, in a PKCS#8 file in PEM that only the gate reads.

use std::fmt;
use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use data_encoding::{BASE64, BASE64URL_NOPAD};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair, Signature};
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::pki_types::pem::PemObject;
use sha2::{Digest, Sha256};
use twofold_shared::config::{FileKind, read_file};
use zeroize::Zeroizing;

use super::Unsigned;

/// Why there is no key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The file cannot be read, or not be trusted.
    #[error("{0}")]
    File(String),
    /// What is in it is something else.
    #[error("holds no P-256 key as PKCS#8 in PEM; remove it, and the gate makes a new one")]
    Odd,
    /// There is no file, and none can be made.
    #[error(
        "cannot be made: {0}; make its folder, for the gate's user alone, or name another file in assertion_key"
    )]
    Unmade(String),
}

/// A key with its random numbers.
pub struct Key {
    pair: EcdsaKeyPair,
    random: SystemRandom,
    id: String,
}

impl Key {
    /// Reads the key, and makes one where there is none.
    ///
    /// # Errors
    /// [`KeyError`], without the file's name.
    pub fn open(file: &Path) -> Result<Self, KeyError> {
        match make(file) {
            Ok(()) => log::info!("a new key for assertions is in {}", file.display()),
            Err(why) if why.kind() == ErrorKind::AlreadyExists => {}
            Err(why) => return Err(KeyError::Unmade(why.to_string())),
        }
        Self::read(file)
    }

    /// Reads the key.
    ///
    /// # Errors
    /// [`KeyError`], without the file's name.
    pub fn read(file: &Path) -> Result<Self, KeyError> {
        let bytes = read_file(file, FileKind::Secret).map_err(KeyError::File)?;
        let key = PrivatePkcs8KeyDer::from_pem_slice(&bytes).map_err(|_| KeyError::Odd)?;
        let random = SystemRandom::new();
        let pair =
            EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, key.secret_pkcs8_der(), &random)
                .map_err(|_| KeyError::Odd)?;
        let mut key = Self { pair, random, id: String::new() };
        key.id = key.thumbprint();
        Ok(key)
    }

    /// The key's id: its thumbprint (RFC 7638).
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The public half as a JWK.
    #[must_use]
    pub fn public(&self) -> serde_json::Value {
        let (x, y) = self.point();
        serde_json::json!({ "kty": "EC", "crv": "P-256", "x": x, "y": y, "kid": self.id, "alg": "ES256", "use": "sig" })
    }

    /// Signs with ES256 (RFC 7518, 3.4).
    ///
    /// # Errors
    /// [`Unsigned`]: the kernel gives no randomness.
    pub fn sign(&self, message: &[u8]) -> Result<Signature, Unsigned> {
        self.pair.sign(&self.random, message).map_err(|_| Unsigned)
    }

    /// Both coordinates; ring's form has a byte in front that says "not compressed".
    fn point(&self) -> (String, String) {
        let point = self.pair.public_key().as_ref().get(1..).unwrap_or_default();
        let (x, y) = point.split_at_checked(point.len() / 2).unwrap_or_default();
        (BASE64URL_NOPAD.encode(x), BASE64URL_NOPAD.encode(y))
    }

    fn thumbprint(&self) -> String {
        let (x, y) = self.point();
        // The members that RFC 7638 wants, in its order.
        let text = format!("{{\"crv\":\"P-256\",\"kty\":\"EC\",\"x\":\"{x}\",\"y\":\"{y}\"}}");
        BASE64URL_NOPAD.encode(&Sha256::digest(text.as_bytes()))
    }
}

/// Makes a new key, never over a file.
fn make(file: &Path) -> std::io::Result<()> {
    let mut options = OpenOptions::new();
    let mut opened = options.write(true).create_new(true).mode(0o600).open(file)?;
    let made = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new())
        .map_err(|_| std::io::Error::other("the kernel gives no randomness"))?;
    let base64 = Zeroizing::new(BASE64.encode(made.as_ref()));
    let mut pem = Zeroizing::new(String::with_capacity(base64.len() + 100));
    pem.push_str("-----BEGIN PRIVATE KEY-----\n");
    for line in base64.as_bytes().chunks(64) {
        pem.push_str(std::str::from_utf8(line).unwrap_or_default());
        pem.push('\n');
    }
    pem.push_str("-----END PRIVATE KEY-----\n");
    opened.write_all(pem.as_bytes())?;
    opened.sync_all()
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({})", self.id)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_key_is_made_once_for_its_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("assertion.pem");
        let made = Key::open(&file).unwrap();
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(Key::open(&file).unwrap().id(), made.id());
        std::fs::set_permissions(&file, PermissionsExt::from_mode(0o604)).unwrap();
        assert!(matches!(Key::open(&file), Err(KeyError::File(why)) if why.contains("chmod")));
        std::fs::write(&file, "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n").unwrap();
        std::fs::set_permissions(&file, PermissionsExt::from_mode(0o600)).unwrap();
        assert_eq!(Key::open(&file).err(), Some(KeyError::Odd));
        assert!(matches!(Key::open(&folder.path().join("none/key")), Err(KeyError::Unmade(_))));
    }
}

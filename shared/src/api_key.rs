//! The shape of an API key, `tf_<id>_<secret>`: no key is judged here.
//!
//! The id is 64 bits in hex and names the key; the secret is 256 random bits in base64url. Nobody keeps a key: the
//! authority and the gate know its SHA-256, which is enough for so many random bits.

use data_encoding::{BASE64URL_NOPAD, HEXLOWER};
use zeroize::Zeroizing;

use crate::secret::SecretText;
use crate::wire::ApiKeyId;

/// What every key begins with, so that people and scanners of source code know one when they see it.
pub const PREFIX: &str = "tf_";

/// Bytes of a secret.
pub const SECRET_BYTES: usize = 32;

/// Bytes of an id as hex.
const ID: usize = 16;
/// Bytes of a secret as base64url.
const SECRET: usize = 43;
/// Bytes of a whole key.
const WHOLE: usize = PREFIX.len() + ID + 1 + SECRET;

/// Puts a key together.
#[must_use]
pub fn assemble(id: &ApiKeyId, secret: &[u8; SECRET_BYTES]) -> SecretText {
    let secret = Zeroizing::new(BASE64URL_NOPAD.encode(secret));
    let mut key = String::with_capacity(WHOLE);
    for piece in [PREFIX, &id.to_string(), "_", &secret] {
        key.push_str(piece);
    }
    SecretText::new(key)
}

/// The id within a whole key; `None` for what is none.
#[must_use]
pub fn id_of(key: &[u8]) -> Option<ApiKeyId> {
    let rest = key.strip_prefix(PREFIX.as_bytes())?;
    let (id, rest) = rest.split_at_checked(ID)?;
    let secret = rest.strip_prefix(b"_")?;
    let fits = secret.len() == SECRET
        && secret.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    let id = HEXLOWER.decode(id).ok().filter(|_| fits)?;
    Some(ApiKeyId::from_bytes(id.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_no_whole_key_has_no_id() {
        let id = ApiKeyId::from_bytes([7; 8]);
        let key = assemble(&id, &[9; SECRET_BYTES]);
        let key = key.reveal();
        assert_eq!((key.len(), id_of(key.as_bytes())), (WHOLE, Some(id)));
        for odd in [
            String::new(),
            "tf_".to_owned(),
            key[..key.len() - 1].to_owned(),
            format!("{key}a"),
            format!(" {key}"),
            key.replacen("tf_", "TF_", 1),
            key.replacen("07", "0G", 1),
            key.replacen("07", "A7", 1),
            format!("{}+", &key[..key.len() - 1]),
            key.replacen('_', "-", 2),
        ] {
            assert_eq!(id_of(odd.as_bytes()), None, "{odd}");
        }
    }

    proptest! {
        #[test]
        fn a_key_keeps_its_id_and_reading_never_panics(id: [u8; 8], secret: [u8; 32], bytes: Vec<u8>) {
            let id = ApiKeyId::from_bytes(id);
            prop_assert_eq!(id_of(assemble(&id, &secret).reveal().as_bytes()), Some(id));
            let _ = id_of(&bytes);
        }
    }
}

//! Keyed hashes that nobody outside this process can make: form tokens, and marks of an app's cookies.

use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// The key; a new one with each start.
pub struct Key(Zeroizing<[u8; 32]>);

impl Key {
    /// Draws one.
    ///
    /// # Errors
    /// When the kernel gives no randomness.
    pub fn generate() -> Result<Self, getrandom::Error> {
        let mut bytes = Zeroizing::new([0; 32]);
        getrandom::fill(bytes.as_mut_slice())?;
        Ok(Self(bytes))
    }

    /// The hash of `holder` for this purpose, in base64url.
    pub fn token(&self, purpose: &str, holder: &[u8]) -> String {
        use hmac::{Hmac, KeyInit, Mac};
        // HMAC takes keys of any length.
        let Ok(mut mac) = Hmac::<sha2::Sha256>::new_from_slice(self.0.as_slice()) else {
            return String::new();
        };
        mac.update(&(purpose.len() as u64).to_be_bytes());
        mac.update(purpose.as_bytes());
        mac.update(holder);
        data_encoding::BASE64URL_NOPAD.encode(&mac.finalize().into_bytes())
    }

    /// Whether `token` is the one that [`Key::token`] gave.
    pub fn fits(&self, token: Option<&str>, purpose: &str, holder: &[u8]) -> bool {
        let own = self.token(purpose, holder);
        !own.is_empty() && token.is_some_and(|token| token.as_bytes().ct_eq(own.as_bytes()).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_fits_its_purpose_and_its_holder() {
        let key = Key::generate().unwrap();
        let token = key.token("flow", b"holder");
        assert!(key.fits(Some(&token), "flow", b"holder"));
        for (purpose, holder) in [("flow", &b"other"[..]), ("other", b"holder"), ("flowh", b"older")] {
            assert!(!key.fits(Some(&token), purpose, holder));
        }
        assert!(!key.fits(None, "flow", b"holder") && !key.fits(Some(""), "flow", b"holder"));
        assert!(!Key::generate().unwrap().fits(Some(&token), "flow", b"holder"));
    }
}

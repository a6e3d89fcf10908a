//! Keyed hashes that nobody outside this process can make: form tokens, and marks of an app's cookies.

use data_encoding::BASE64URL_NOPAD;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// The letters of a page's number in a form's token: 128 bits in base64url.
const NUMBER_LENGTH: usize = 22;

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
        BASE64URL_NOPAD.encode(&mac.finalize().into_bytes())
    }

    /// The token of a page's forms for this purpose and `holder`: another one for each page, so that the form of one page is
    /// known from that of another.
    ///
    /// # Errors
    /// When the kernel gives no randomness.
    pub fn form_token(&self, purpose: &str, holder: &[u8]) -> Result<String, getrandom::Error> {
        let mut number = [0; 16];
        getrandom::fill(&mut number)?;
        let number = BASE64URL_NOPAD.encode(&number);
        let hash = self.numbered(&number, purpose, holder);
        Ok(number + &hash)
    }

    /// Whether `token` is one that [`Key::form_token`] gave.
    pub fn fits(&self, token: Option<&str>, purpose: &str, holder: &[u8]) -> bool {
        let Some((number, hash)) = token.and_then(|token| token.split_at_checked(NUMBER_LENGTH)) else {
            return false;
        };
        let own = self.numbered(number, purpose, holder);
        !own.is_empty() && hash.as_bytes().ct_eq(own.as_bytes()).into()
    }

    fn numbered(&self, number: &str, purpose: &str, holder: &[u8]) -> String {
        self.token(&format!("form {purpose}"), &[number.as_bytes(), holder].concat())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_fits_its_purpose_and_its_holder() {
        let key = Key::generate().unwrap();
        let token = key.form_token("flow", b"holder").unwrap();
        assert!(key.fits(Some(&token), "flow", b"holder"));
        let next = key.form_token("flow", b"holder").unwrap();
        assert!(next != token && key.fits(Some(&next), "flow", b"holder"), "each page has its own");
        let mixed = [&next[..NUMBER_LENGTH], &token[NUMBER_LENGTH..]].concat();
        assert!(!key.fits(Some(&mixed), "flow", b"holder"));
        for (purpose, holder) in [("flow", &b"other"[..]), ("other", b"holder"), ("flowh", b"older")] {
            assert!(!key.fits(Some(&token), purpose, holder));
        }
        for odd in ["", "x", &token[..NUMBER_LENGTH], &key.token("flow", b"holder")] {
            assert!(!key.fits(Some(odd), "flow", b"holder"), "{odd}");
        }
        assert!(!key.fits(None, "flow", b"holder"));
        assert!(!Key::generate().unwrap().fits(Some(&token), "flow", b"holder"));
    }
}

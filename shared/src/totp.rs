//! Time-based codes (RFC 6238): secrets, their parameters, and which step a code belongs to.
//!
//! Never says merely "right": it says which step matched, so that the caller can spend it. totp-rs computes; windows,
//! comparison and spending are ours.

#[cfg(test)]
mod tests;

use std::fmt;

use data_encoding::BASE32_NOPAD;
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq, ConstantTimeGreater};
use zeroize::{Zeroize, Zeroizing};

use crate::clock::UnixTime;
use crate::code::Code;
use crate::secret::SecretText;
use crate::wire::Algorithm;

/// Bytes of a secret that we make: 160 bits, as RFC 4226 recommends.
pub const GENERATED_BYTES: usize = 20;
/// Fewest bytes of a secret that we take: 128 bits, as RFC 4226 requires.
pub const MIN_BYTES: usize = 16;
/// Most bytes of a secret that we take: the longest block of the three hashes.
pub const MAX_BYTES: usize = 128;

/// The key beneath a device's codes. Redacted, wiped on drop, compared in constant time.
#[derive(Clone)]
pub struct Secret(Zeroizing<Vec<u8>>);

/// Why something cannot be a TOTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TotpError {
    /// The secret is not base32.
    #[error("the secret is not base32 (letters A to Z, digits 2 to 7)")]
    NotBase32,
    /// The secret is too short.
    #[error("the secret is shorter than 128 bits")]
    TooShort,
    /// The secret is too long.
    #[error("the secret is longer than 1024 bits")]
    TooLong,
    /// Codes are six to eight digits.
    #[error("a code has 6, 7 or 8 digits")]
    Digits,
    /// A code lasts 15 to 120 seconds.
    #[error("a code lasts 15 to 120 seconds")]
    Period,
}

impl Secret {
    /// Takes over raw bytes.
    ///
    /// # Errors
    /// [`TotpError::TooShort`] below 128 bits, [`TotpError::TooLong`] above 1024.
    pub fn from_bytes(bytes: impl Into<Vec<u8>>) -> Result<Self, TotpError> {
        let bytes = Zeroizing::new(bytes.into());
        match bytes.len() {
            0..MIN_BYTES => Err(TotpError::TooShort),
            MIN_BYTES..=MAX_BYTES => Ok(Self(bytes)),
            _ => Err(TotpError::TooLong),
        }
    }

    /// The secret we make of 160 random bits.
    #[must_use]
    pub fn generated(mut random: [u8; GENERATED_BYTES]) -> Self {
        let secret = Self(Zeroizing::new(random.to_vec()));
        random.zeroize();
        secret
    }

    /// Reads base32 as people have it: any case, spaces and hyphens between groups, padded or not.
    ///
    /// # Errors
    /// [`TotpError`] when it is not base32 or has the wrong length.
    pub fn from_base32(text: &str) -> Result<Self, TotpError> {
        let mut letters = Zeroizing::new(Vec::with_capacity(text.len()));
        letters.extend(
            text.trim()
                .trim_end_matches('=')
                .bytes()
                .filter(|b| !matches!(b, b' ' | b'-'))
                .map(|b| b.to_ascii_uppercase()),
        );
        // Deliberate: bits left over at the end are ignored, as every app does; some issuers do not clear them.
        let mut lenient = BASE32_NOPAD.specification();
        lenient.check_trailing_bits = false;
        let lenient = lenient.encoding().map_err(|_| TotpError::NotBase32)?;
        let bytes = lenient.decode(&letters).map_err(|_| TotpError::NotBase32)?;
        Self::from_bytes(bytes)
    }

    /// The raw bytes, for sealing.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Base32 without padding, on its one way to its owner's phone.
    #[must_use]
    pub fn to_base32(&self) -> SecretText {
        SecretText::new(BASE32_NOPAD.encode(&self.0))
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_slice().ct_eq(other.0.as_slice()).into()
    }
}

impl Eq for Secret {}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// Hash, digits and period: checked when made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TotpParameters {
    algorithm: Algorithm,
    digits: u8,
    period_seconds: u64,
}

impl Default for TotpParameters {
    /// What every authenticator app understands: SHA-1, six digits, thirty seconds.
    fn default() -> Self {
        Self { algorithm: Algorithm::Sha1, digits: 6, period_seconds: 30 }
    }
}

impl TotpParameters {
    /// Checks the parameters.
    ///
    /// # Errors
    /// [`TotpError::Digits`] or [`TotpError::Period`].
    pub const fn new(algorithm: Algorithm, digits: u8, period_seconds: u64) -> Result<Self, TotpError> {
        if digits < 6 || digits > 8 {
            return Err(TotpError::Digits);
        }
        if period_seconds < 15 || period_seconds > 120 {
            return Err(TotpError::Period);
        }
        Ok(Self { algorithm, digits, period_seconds })
    }

    /// The hash.
    #[must_use]
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Digits of a code: 6, 7 or 8.
    #[must_use]
    pub const fn digits(&self) -> u8 {
        self.digits
    }

    /// Seconds that a code lasts.
    #[must_use]
    pub const fn period_seconds(&self) -> u64 {
        self.period_seconds
    }

    /// The time step that `now` lies in.
    #[must_use]
    pub const fn step_at(&self, now: UnixTime) -> u64 {
        now.0 / self.period_seconds
    }

    /// The first second of a step.
    #[must_use]
    pub const fn begins(&self, step: u64) -> UnixTime {
        UnixTime(step.saturating_mul(self.period_seconds))
    }
}

/// A secret and how codes are made of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Totp {
    /// The key.
    pub secret: Secret,
    /// Hash, digits and period.
    pub parameters: TotpParameters,
}

/// Which step a code belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Match {
    /// A step later than the last one spent: spend it now.
    Step(u64),
    /// It is right, and its step is spent.
    AlreadyUsed,
    /// None in the window.
    None,
}

impl Totp {
    /// For names that are nobody's, so that they cost the same. What fits it opens nothing.
    #[must_use]
    pub fn nobodys() -> Self {
        Self { secret: Secret::generated([0; GENERATED_BYTES]), parameters: TotpParameters::default() }
    }

    /// The code of one step, as text.
    #[must_use]
    pub fn code_at(&self, step: u64) -> SecretText {
        let algorithm = match self.parameters.algorithm {
            Algorithm::Sha1 => totp_rs::Algorithm::SHA1,
            Algorithm::Sha256 => totp_rs::Algorithm::SHA256,
            Algorithm::Sha512 => totp_rs::Algorithm::SHA512,
        };
        // A period of one second makes totp-rs' time our step. Its checks are not asked again: ours are narrower.
        let totp = totp_rs::Builder::new()
            .with_algorithm(algorithm)
            .with_digits(self.parameters.digits)
            .with_step_duration(1)
            .with_secret(self.secret.as_bytes())
            .build_noncompliant();
        SecretText::new(totp.generate(step).to_string())
    }

    /// Finds the step of `code` among the current one and its two neighbours. Only a step later than `last_step` can
    /// be spent. All three are always computed and compared, whichever matches.
    #[must_use]
    pub fn match_step(&self, code: &Code, now: UnixTime, last_step: Option<u64>) -> Match {
        let current = self.parameters.step_at(now);
        // 0 stands for "nothing spent": steps are counted from one while comparing.
        let spent = last_step.map_or(0, |step| step.saturating_add(1));
        let (mut matched, mut fresh) = (Choice::from(0), 0);
        for step in [current.checked_sub(1), Some(current), current.checked_add(1)] {
            let exists = Choice::from(u8::from(step.is_some()));
            let step = step.unwrap_or(current);
            let equal = self.code_at(step).reveal().as_bytes().ct_eq(code.digits().as_bytes()) & exists;
            let counted = step.saturating_add(1);
            matched |= equal;
            fresh.conditional_assign(&counted, equal & counted.ct_gt(&spent));
        }
        match (fresh.checked_sub(1), bool::from(matched)) {
            (Some(step), _) => Match::Step(step),
            (None, true) => Match::AlreadyUsed,
            (None, false) => Match::None,
        }
    }

    /// How the codes of an app are made that ignored this device's hash, its digits or both, where `code` is one of them.
    #[must_use]
    pub fn ignored_by(&self, code: &Code, now: UnixTime) -> Option<TotpParameters> {
        let (own, usual) = (self.parameters, TotpParameters::default());
        let kinds = [
            TotpParameters { algorithm: usual.algorithm, ..own },
            TotpParameters { digits: usual.digits, ..own },
            TotpParameters { algorithm: usual.algorithm, digits: usual.digits, ..own },
        ];
        kinds.into_iter().filter(|kind| *kind != own).find(|kind| {
            let other = Self { secret: self.secret.clone(), parameters: *kind };
            other.match_step(code, now, None) != Match::None
        })
    }

    /// How long until the phone shows a code later than `last_step`'s, in seconds; at least one.
    #[must_use]
    pub fn seconds_until_next(&self, now: UnixTime, last_step: u64) -> u64 {
        let next = self.parameters.begins(last_step.saturating_add(1));
        next.0.saturating_sub(now.0).max(1)
    }

    /// The device as `otpauth://`, for a QR code. What every app takes for granted is left out, so that the picture
    /// stays small. A colon would end the issuer, so it is written as a dot.
    #[must_use]
    pub fn otpauth_uri(&self, issuer: &str, account: &str) -> SecretText {
        let (issuer, account) = (percent_encoded(issuer), percent_encoded(account));
        let secret = self.secret.to_base32();
        let mut uri = String::with_capacity(512);
        for part in
            ["otpauth://totp/", &issuer, ":", &account, "?secret=", secret.reveal(), "&issuer=", &issuer]
        {
            uri.push_str(part);
        }
        let usual = TotpParameters::default();
        if self.parameters.algorithm != usual.algorithm {
            uri.push_str(match self.parameters.algorithm {
                Algorithm::Sha1 => "&algorithm=SHA1",
                Algorithm::Sha256 => "&algorithm=SHA256",
                Algorithm::Sha512 => "&algorithm=SHA512",
            });
        }
        if self.parameters.digits != usual.digits {
            uri.push_str(&format!("&digits={}", self.parameters.digits));
        }
        if self.parameters.period_seconds != usual.period_seconds {
            uri.push_str(&format!("&period={}", self.parameters.period_seconds));
        }
        SecretText::new(uri)
    }
}

/// All but RFC 3986's unreserved characters as `%XX`.
fn percent_encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                encoded.push(char::from(byte))
            }
            b':' => encoded.push('.'),
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

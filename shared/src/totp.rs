//! Time-based codes (RFC 6238): secrets, their parameters, and which step a code belongs to.
//!
//! Never says merely "right": it says which step matched, so that the caller can spend it. totp-rs computes; windows,
//! comparison and spending are ours.

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

    /// How long until the phone shows a code later than `last_step`'s, in seconds; at least one.
    #[must_use]
    pub fn seconds_until_next(&self, now: UnixTime, last_step: u64) -> u64 {
        let next = self.parameters.begins(last_step.saturating_add(1));
        next.0.saturating_sub(now.0).max(1)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn totp() -> Totp {
        Totp { secret: Secret::generated(*b"12345678901234567890"), parameters: TotpParameters::default() }
    }

    fn code(totp: &Totp, step: u64) -> Code {
        Code::parse(totp.code_at(step).reveal()).unwrap()
    }

    /// The lines of a vector file as words.
    fn vectors(file: &str) -> impl Iterator<Item = Vec<&str>> {
        file.lines().filter(|line| !line.starts_with('#')).map(|line| line.split_whitespace().collect())
    }

    #[test]
    fn codes_are_those_of_rfc_4226() {
        let mut count = 0;
        for words in vectors(include_str!("../vectors/rfc4226.txt")) {
            let [key, counter, code] = words[..] else { panic!("three words: {words:?}") };
            let secret = Secret::from_bytes(data_encoding::HEXLOWER.decode(key.as_bytes()).unwrap()).unwrap();
            let totp = Totp { secret, parameters: TotpParameters::default() };
            assert_eq!(totp.code_at(counter.parse().unwrap()).reveal(), code, "counter {counter}");
            count += 1;
        }
        assert_eq!(count, 10);
    }

    #[test]
    fn codes_are_those_of_rfc_6238() {
        let mut count = 0;
        for words in vectors(include_str!("../vectors/rfc6238.txt")) {
            let [hash, time, expected] = words[..] else { panic!("three words: {words:?}") };
            let (algorithm, length) = match hash {
                "sha1" => (Algorithm::Sha1, 20),
                "sha256" => (Algorithm::Sha256, 32),
                "sha512" => (Algorithm::Sha512, 64),
                other => panic!("unknown hash {other}"),
            };
            let key: Vec<u8> = b"1234567890".iter().copied().cycle().take(length).collect();
            let parameters = TotpParameters::new(algorithm, 8, 30).unwrap();
            let totp = Totp { secret: Secret::from_bytes(key).unwrap(), parameters };
            let now = UnixTime(time.parse().unwrap());
            assert_eq!(totp.code_at(parameters.step_at(now)).reveal(), expected, "{hash} at {time}");
            let typed = Code::parse(expected).unwrap();
            assert_eq!(totp.match_step(&typed, now, None), Match::Step(parameters.step_at(now)));
            count += 1;
        }
        assert_eq!(count, 18);
    }

    #[test]
    fn one_step_either_side_of_now_matches_and_no_further() {
        let (totp, now) = (totp(), UnixTime(30 * 1000 + 7));
        for (step, expected) in [
            (998, Match::None),
            (999, Match::Step(999)),
            (1000, Match::Step(1000)),
            (1001, Match::Step(1001)),
            (1002, Match::None),
        ] {
            assert_eq!(totp.match_step(&code(&totp, step), now, None), expected, "step {step}");
        }
    }

    #[test]
    fn only_a_step_later_than_the_last_one_spent_matches() {
        let (totp, now) = (totp(), UnixTime(30 * 1000));
        for (step, expected) in
            [(999, Match::AlreadyUsed), (1000, Match::AlreadyUsed), (1001, Match::Step(1001))]
        {
            assert_eq!(totp.match_step(&code(&totp, step), now, Some(1000)), expected, "step {step}");
        }
        assert_eq!(totp.match_step(&code(&totp, 1001), now, Some(1001)), Match::AlreadyUsed);
        assert_eq!(totp.match_step(&code(&totp, 5), now, Some(1001)), Match::None);
    }

    #[test]
    fn the_next_code_comes_with_the_next_step() {
        let totp = totp();
        assert_eq!(totp.seconds_until_next(UnixTime(30_007), 1000), 23);
        assert_eq!(
            totp.seconds_until_next(UnixTime(30_007), 1001),
            53,
            "a code from ahead of its time was spent"
        );
        assert_eq!(totp.seconds_until_next(UnixTime(30_007), 999), 1, "it is on the phone already");
    }

    #[test]
    fn a_code_of_another_length_matches_nothing() {
        let totp = totp();
        let longer = Code::parse(&format!("0{}", totp.code_at(1000).reveal())).unwrap();
        assert_eq!(totp.match_step(&longer, UnixTime(30_000), None), Match::None);
    }

    #[test]
    fn the_ends_of_time_are_no_trouble() {
        let totp = totp();
        assert_eq!(totp.match_step(&code(&totp, 0), UnixTime(0), None), Match::Step(0));
        let last = UnixTime(u64::MAX);
        let step = totp.parameters.step_at(last);
        assert_eq!(totp.match_step(&code(&totp, step), last, None), Match::Step(step));
    }

    #[test]
    fn secrets_are_read_as_people_have_them() {
        let secret = Secret::generated(*b"12345678901234567890");
        for text in [
            "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ",
            "gezd gnbv gy3t qojq gezd gnbv gy3t qojq",
            " GEZD-GNBV-GY3T-QOJQ-GEZD-GNBV-GY3T-QOJQ\n",
        ] {
            assert_eq!(Secret::from_base32(text).unwrap(), secret, "{text:?}");
        }
        assert_eq!(Secret::from_base32("GEZDGNBVGY3TQOJQGEZDGNBVGY======").unwrap().as_bytes().len(), 16);
        assert_eq!(secret.to_base32().reveal(), "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
    }

    #[test]
    fn short_long_and_mistyped_secrets_are_refused() {
        assert_eq!(Secret::from_base32("GEZDGNBVGY3TQOJQGEZDGNBV"), Err(TotpError::TooShort));
        assert_eq!(Secret::from_base32(""), Err(TotpError::TooShort));
        assert_eq!(Secret::from_base32("0189"), Err(TotpError::NotBase32));
        assert_eq!(Secret::from_base32("GEZD=GNBV"), Err(TotpError::NotBase32));
        assert_eq!(Secret::from_bytes([0; 15]), Err(TotpError::TooShort));
        assert!(Secret::from_bytes([0; 16]).is_ok());
        assert_eq!(Secret::from_bytes([0; 129]), Err(TotpError::TooLong));
    }

    #[test]
    fn parameters_outside_their_range_are_refused() {
        for digits in [0, 5, 9, 255] {
            assert_eq!(TotpParameters::new(Algorithm::Sha1, digits, 30), Err(TotpError::Digits));
        }
        for period in [0, 14, 121, u64::MAX] {
            assert_eq!(TotpParameters::new(Algorithm::Sha1, 6, period), Err(TotpError::Period));
        }
    }

    #[test]
    fn a_secret_is_not_printed() {
        assert_eq!(format!("{:?}", totp().secret), "Secret(…)");
    }

    proptest! {
        #[test]
        fn every_code_of_the_window_is_found_under_every_parameter(
            key in proptest::collection::vec(any::<u8>(), MIN_BYTES..=MAX_BYTES),
            algorithm in prop_oneof![Just(Algorithm::Sha1), Just(Algorithm::Sha256), Just(Algorithm::Sha512)],
            digits in 6..=8_u8,
            period in 15..=120_u64,
            now in any::<u64>(),
            side in 0..=2_u64,
        ) {
            let parameters = TotpParameters::new(algorithm, digits, period).unwrap();
            let totp = Totp { secret: Secret::from_bytes(key).unwrap(), parameters };
            let step = (parameters.step_at(UnixTime(now)) + side).saturating_sub(1);
            let found = totp.match_step(&code(&totp, step), UnixTime(now), step.checked_sub(1));
            prop_assert!(matches!(found, Match::Step(found) if found >= step), "{:?}", found);
            prop_assert_eq!(totp.code_at(step).reveal().len(), usize::from(digits));
        }

        #[test]
        fn reading_a_secret_never_panics(text in any::<String>()) {
            let _ = Secret::from_base32(&text);
        }

        #[test]
        fn base32_round_trips(key in proptest::collection::vec(any::<u8>(), MIN_BYTES..=MAX_BYTES)) {
            let secret = Secret::from_bytes(key).unwrap();
            prop_assert_eq!(Secret::from_base32(secret.to_base32().reveal()).unwrap(), secret);
        }
    }
}

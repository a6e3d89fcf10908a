//! Backup codes: ten of eight digits, each good once, kept only as slow, salted, peppered digests.
//!
//! Argon2id depends on the set's salt and the code alone, so a caller computes it once, before the commit and outside
//! of any lock, and compares it with all ten at once. Nothing here is random: bytes come from the caller.

use std::fmt;

use argon2::{Algorithm, Argon2, Params, Version};
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};
use zeroize::{Zeroize, Zeroizing};

use crate::clock::UnixTime;
use crate::code::Code;
use crate::secret::SecretText;

/// Codes in a set.
pub const CODES: usize = 10;
/// Digits of a backup code.
pub const DIGITS: usize = 8;
/// Random bytes that [`generate`] needs for a set.
pub const RANDOM_BYTES: usize = 160;

/// The salt of a set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Salt(pub [u8; 16]);

impl Salt {
    /// For names that have no set, so that they cost the same.
    pub const DECOY: Self = Self(*b"twofold decoy   ");
}

/// Which pepper of the keyring a set was made with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PepperId(pub u32);

/// How slow a digest is; kept with the set, so that it can rise without breaking older sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cost {
    /// KiB of memory.
    pub memory_kib: u32,
    /// Passes over it.
    pub passes: u32,
    /// Lanes.
    pub lanes: u32,
}

impl Cost {
    /// What new sets get: OWASP's first choice for Argon2id.
    pub const CURRENT: Self = Self { memory_kib: 19 * 1024, passes: 2, lanes: 1 };
}

/// The digest of one code under one set's salt. It names the salt, so that a digest made for another set is noticed.
#[derive(Clone)]
pub struct BackupDigest {
    salt: Salt,
    bytes: Zeroizing<[u8; 32]>,
}

/// Ten digests, and which of them are spent.
#[derive(Clone, PartialEq, Eq)]
pub struct BackupCodes {
    /// The set's salt.
    pub salt: Salt,
    /// The pepper it was made with.
    pub pepper: PepperId,
    /// How slow.
    pub cost: Cost,
    /// The digests, in the order in which the codes were shown.
    pub digests: [[u8; 32]; CODES],
    /// Which codes are spent.
    pub used: [bool; CODES],
    /// When the set was made.
    pub created: UnixTime,
}

/// Why there is no digest or no set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BackupCodeError {
    /// Argon2 did not take the parameters, or there is no memory for it.
    #[error("cannot compute a backup code's digest: {0}")]
    Digest(argon2::Error),
    /// The random bytes given did not yield ten different codes: give others.
    #[error("the random bytes gave too few different backup codes")]
    Unlucky,
    /// A set has exactly ten codes.
    #[error("a set has ten backup codes")]
    Count,
}

/// Which of a set's codes a digest belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BackupMatch {
    /// This one, and it is unspent: spend it now.
    Unused(usize),
    /// One that is spent.
    AlreadyUsed,
    /// None.
    None,
}

/// Whether what was typed has the length of a backup code.
#[must_use]
pub fn fits(code: &Code) -> bool {
    code.digits().len() == DIGITS
}

/// Makes ten different codes of eight digits, each as likely as any other, from random bytes.
///
/// # Errors
/// [`BackupCodeError::Unlucky`] when the bytes run out, which good ones do less than once in 10^40 times.
pub fn generate(mut random: [u8; RANDOM_BYTES]) -> Result<Vec<SecretText>, BackupCodeError> {
    // The largest multiple of 10^8 below 2^32: what lies above would make some codes likelier.
    const FAIR: u32 = u32::MAX / 100_000_000 * 100_000_000;
    let mut numbers = Zeroizing::new(Vec::with_capacity(CODES));
    for word in random.chunks_exact(4) {
        let number = word.iter().fold(0, |number: u32, byte| number << 8 | u32::from(*byte));
        let code = number % 100_000_000;
        if number < FAIR && numbers.len() < CODES && !numbers.contains(&code) {
            numbers.push(code);
        }
    }
    random.zeroize();
    if numbers.len() < CODES {
        return Err(BackupCodeError::Unlucky);
    }
    Ok(numbers.iter().map(|code| SecretText::new(format!("{code:0DIGITS$}"))).collect())
}

/// The digest of `digits` under a set's salt, the keyring's pepper and the set's cost: slow on purpose.
///
/// # Errors
/// [`BackupCodeError::Digest`] when Argon2 refuses or finds no memory.
pub fn digest(digits: &str, salt: Salt, pepper: &[u8], cost: Cost) -> Result<BackupDigest, BackupCodeError> {
    let failed = BackupCodeError::Digest;
    let params = Params::new(cost.memory_kib, cost.passes, cost.lanes, Some(32)).map_err(failed)?;
    let argon2 =
        Argon2::new_with_secret(pepper, Algorithm::Argon2id, Version::V0x13, params).map_err(failed)?;
    let mut bytes = Zeroizing::new([0; 32]);
    argon2.hash_password_into(digits.as_bytes(), &salt.0, bytes.as_mut_slice()).map_err(failed)?;
    Ok(BackupDigest { salt, bytes })
}

impl BackupCodes {
    /// A new set of ten unspent codes, from the digests of all ten.
    ///
    /// # Errors
    /// [`BackupCodeError::Count`] unless there are ten, all made with `salt`.
    pub fn new(
        salt: Salt,
        pepper: PepperId,
        cost: Cost,
        digests: &[BackupDigest],
        created: UnixTime,
    ) -> Result<Self, BackupCodeError> {
        if digests.iter().any(|digest| digest.salt != salt) {
            return Err(BackupCodeError::Count);
        }
        let digests: Vec<[u8; 32]> = digests.iter().map(|digest| *digest.bytes).collect();
        let digests = digests.try_into().map_err(|_| BackupCodeError::Count)?;
        Ok(Self { salt, pepper, cost, digests, used: [false; CODES], created })
    }

    /// A set for names that are nobody's: as large as others, and no code's.
    #[must_use]
    pub const fn nobodys(pepper: PepperId) -> Self {
        Self {
            salt: Salt::DECOY,
            pepper,
            cost: Cost::CURRENT,
            digests: [[0; 32]; CODES],
            used: [false; CODES],
            created: UnixTime(1_500_000_000),
        }
    }

    /// How many are unspent.
    #[must_use]
    pub fn left(&self) -> u8 {
        self.used.iter().map(|used| u8::from(!used)).sum()
    }

    /// Whether a digest was made for this set.
    #[must_use]
    pub fn made_for(&self, digest: &BackupDigest) -> bool {
        self.salt == digest.salt
    }

    /// Compares a digest with all ten, always all, in constant time.
    #[must_use]
    pub fn find(&self, digest: &BackupDigest) -> BackupMatch {
        let (mut found, mut spent) = (0_u8, Choice::from(0));
        let same_set = Choice::from(u8::from(self.made_for(digest)));
        // Counted from one: 0 stands for none.
        for ((number, ours), used) in (1_u8..).zip(&self.digests).zip(&self.used) {
            let equal = ours.ct_eq(digest.bytes.as_ref()) & same_set;
            found.conditional_assign(&number, equal);
            spent |= equal & Choice::from(u8::from(*used));
        }
        match (found.checked_sub(1), bool::from(spent)) {
            (Some(_), true) => BackupMatch::AlreadyUsed,
            (Some(index), false) => BackupMatch::Unused(usize::from(index)),
            (None, _) => BackupMatch::None,
        }
    }

    /// The set with one code spent.
    #[must_use]
    pub fn spend(&self, index: usize) -> Self {
        let mut spent = self.clone();
        if let Some(used) = spent.used.get_mut(index) {
            *used = true;
        }
        spent
    }
}

impl fmt::Debug for BackupDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BackupDigest(…)")
    }
}

impl fmt::Debug for BackupCodes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BackupCodes({} left of {CODES}, …)", self.left())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    /// As quick as Argon2 gets.
    const QUICK: Cost = Cost { memory_kib: 8, passes: 1, lanes: 1 };
    const SALT: Salt = Salt([7; 16]);

    fn made(digits: &str) -> BackupDigest {
        digest(digits, SALT, b"pepper", QUICK).unwrap()
    }

    fn set() -> BackupCodes {
        let digests: Vec<_> = (0..10).map(|code| made(&format!("{code:08}"))).collect();
        BackupCodes::new(SALT, PepperId(1), QUICK, &digests, UnixTime(0)).unwrap()
    }

    #[test]
    fn a_backup_code_works_once() {
        let set = set();
        assert_eq!(set.find(&made("00000003")), BackupMatch::Unused(3));
        let spent = set.spend(3);
        assert_eq!(spent.find(&made("00000003")), BackupMatch::AlreadyUsed);
        assert_eq!(spent.find(&made("00000004")), BackupMatch::Unused(4));
        assert_eq!((set.left(), spent.left()), (10, 9));
    }

    #[test]
    fn another_code_is_none_of_them() {
        assert_eq!(set().find(&made("00000010")), BackupMatch::None);
    }

    #[test]
    fn salt_and_pepper_and_cost_make_another_digest() {
        let base = digest("12345678", SALT, b"pepper", QUICK).unwrap();
        for other in [
            digest("12345678", Salt([8; 16]), b"pepper", QUICK),
            digest("12345678", SALT, b"other pepper", QUICK),
            digest("12345678", SALT, b"pepper", Cost { passes: 2, ..QUICK }),
        ] {
            assert_ne!(*other.unwrap().bytes, *base.bytes);
        }
    }

    #[test]
    fn a_digest_of_another_set_matches_nothing() {
        let other = digest("00000003", Salt([8; 16]), b"pepper", QUICK).unwrap();
        assert!(!set().made_for(&other));
        assert_eq!(set().find(&other), BackupMatch::None);
    }

    #[test]
    fn a_set_has_ten_codes_of_one_salt() {
        assert_eq!(BackupCodes::new(SALT, PepperId(1), QUICK, &[], UnixTime(0)), Err(BackupCodeError::Count));
        let mut digests: Vec<_> = (0..9).map(|code| made(&format!("{code:08}"))).collect();
        digests.push(digest("00000009", Salt([8; 16]), b"pepper", QUICK).unwrap());
        assert_eq!(
            BackupCodes::new(SALT, PepperId(1), QUICK, &digests, UnixTime(0)),
            Err(BackupCodeError::Count)
        );
    }

    #[test]
    fn codes_that_would_make_some_likelier_are_skipped() {
        let mut random = [0xff; RANDOM_BYTES];
        assert_eq!(generate(random).unwrap_err(), BackupCodeError::Unlucky, "all above the last fair number");
        for (number, word) in (0_u32..).zip(random.chunks_exact_mut(4).skip(20)) {
            word.copy_from_slice(&number.to_be_bytes());
        }
        let codes = generate(random).unwrap();
        assert_eq!(codes[9].reveal(), "00000009");
    }

    #[test]
    fn the_same_code_is_not_given_twice() {
        assert_eq!(generate([0; RANDOM_BYTES]).unwrap_err(), BackupCodeError::Unlucky);
    }

    #[test]
    fn what_new_sets_cost_is_what_owasp_asks() {
        assert_eq!(Cost::CURRENT, Cost { memory_kib: 19 * 1024, passes: 2, lanes: 1 });
        assert!(digest("12345678", Salt::DECOY, b"", Cost::CURRENT).is_ok());
    }

    #[test]
    fn a_cost_that_cannot_be_is_an_error() {
        assert!(digest("12345678", SALT, b"", Cost { memory_kib: 0, passes: 0, lanes: 0 }).is_err());
    }

    #[test]
    fn nothing_of_a_set_is_printed() {
        assert_eq!(
            format!("{:?} {:?}", set(), made("12345678")),
            "BackupCodes(10 left of 10, …) BackupDigest(…)"
        );
    }

    proptest! {
        #[test]
        fn generated_codes_are_ten_different_ones_of_eight_digits(random in any::<[[u8; 32]; 5]>()) {
            let codes = generate(random.concat().try_into().unwrap()).unwrap();
            let different: HashSet<_> = codes.iter().map(|code| code.reveal().to_owned()).collect();
            prop_assert_eq!(different.len(), CODES);
            prop_assert!(different.iter().all(|code| fits(&Code::parse(code).unwrap())));
        }
    }
}

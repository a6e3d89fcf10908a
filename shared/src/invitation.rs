//! The code of an invitation: 128 random bits in base32, in groups that can be typed. No invitation is judged here.
//!
//! Nobody keeps a code: its SHA-256 is enough for so many random bits.

use data_encoding::BASE32_NOPAD;
use zeroize::{Zeroize, Zeroizing};

use crate::secret::SecretText;

/// Random bytes of a code.
pub const RANDOM_BYTES: usize = 16;

/// Letters of a code, without what separates its groups.
const LETTERS: usize = 26;

/// Letters of a group.
const GROUP: usize = 4;

/// The code of these random bytes, as a person types it: `abcd-efgh-…`, in small letters.
#[must_use]
pub fn assemble(mut random: [u8; RANDOM_BYTES]) -> SecretText {
    let letters = Zeroizing::new(BASE32_NOPAD.encode(&random));
    random.zeroize();
    let mut code = String::with_capacity(LETTERS + LETTERS / GROUP);
    for (at, letter) in letters.chars().enumerate() {
        if at > 0 && at % GROUP == 0 {
            code.push('-');
        }
        code.push(letter.to_ascii_lowercase());
    }
    SecretText::new(code)
}

/// A code in its one spelling, whatever case and separators it was typed with; `None` for what is none.
#[must_use]
pub fn canonical(typed: &str) -> Option<SecretText> {
    if typed.len() > 4 * LETTERS {
        return None;
    }
    let mut letters = Zeroizing::new(String::with_capacity(LETTERS + 1));
    for letter in typed.chars().filter(|letter| !matches!(letter, '-' | ' ' | '\u{a0}' | '\t')) {
        let is_base32 = letter.is_ascii_alphabetic() || matches!(letter, '2'..='7');
        if !is_base32 || letters.len() == LETTERS {
            return None;
        }
        letters.push(letter.to_ascii_uppercase());
    }
    let bytes: [u8; RANDOM_BYTES] = BASE32_NOPAD.decode(letters.as_bytes()).ok()?.try_into().ok()?;
    Some(assemble(bytes))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_code_has_one_spelling_however_it_is_typed(random: [u8; RANDOM_BYTES]) {
            let code = assemble(random);
            for typed in [
                code.reveal().to_owned(),
                code.reveal().to_uppercase(),
                code.reveal().replace('-', ""),
                format!("  {}\t", code.reveal().replace('-', " ")),
            ] {
                let read = canonical(&typed).unwrap();
                prop_assert_eq!(read.reveal(), code.reveal());
            }
        }

        #[test]
        fn reading_a_code_never_panics(typed: String) {
            if let Some(code) = canonical(&typed) {
                prop_assert_eq!(code.reveal().len(), LETTERS + 6);
            }
        }
    }

    #[test]
    fn what_is_no_code_is_none() {
        let code = assemble([7; RANDOM_BYTES]);
        for typed in
            ["", "abcd", &code.reveal()[1..], &format!("{}a", code.reveal()), &"a".repeat(500), "ünïc-öde1"]
        {
            assert!(canonical(typed).is_none(), "{typed}");
        }
    }
}

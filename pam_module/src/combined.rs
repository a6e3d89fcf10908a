//! A password and a code in one answer, for programs that ask one question only.
//!
//! The code is the last six digits; or, where a comma stands between the two, what follows the last comma, which also may be
//! a longer code. Without the comma a backup code could not be told from the end of a password and a six-digit code.

use twofold_shared::code::Code;
use zeroize::Zeroizing;

/// Digits of the code that is taken without a comma.
const DIGITS: usize = 6;

/// The two parts of an answer.
pub struct Parts {
    /// For the module below.
    pub password: Zeroizing<Vec<u8>>,
    /// For the authority.
    pub code: Code,
}

/// Takes an answer apart; none where there is no code in it.
pub fn split(answer: &[u8]) -> Option<Parts> {
    let comma = answer.iter().rposition(|&byte| byte == b',');
    let behind = comma.and_then(|at| parts(answer.get(..at)?, answer.get(at + 1..)?));
    behind
        .or_else(|| answer.split_at_checked(answer.len().checked_sub(DIGITS)?).and_then(|(p, c)| parts(p, c)))
}

fn parts(password: &[u8], code: &[u8]) -> Option<Parts> {
    // Digits alone: what a person puts between them is read in a question of its own, here it may be the password's.
    let digits =
        std::str::from_utf8(code).ok().filter(|code| code.bytes().all(|byte| byte.is_ascii_digit()))?;
    Some(Parts { password: Zeroizing::new(password.to_vec()), code: Code::parse(digits).ok()? })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(answer: &str) -> Option<(String, String)> {
        let parts = split(answer.as_bytes())?;
        Some((String::from_utf8(parts.password.to_vec()).unwrap(), parts.code.digits().to_owned()))
    }

    #[test]
    fn the_last_six_digits_are_the_code() {
        assert_eq!(read("hunter2123456"), Some(("hunter2".into(), "123456".into())));
        assert_eq!(read("12345678"), Some(("12".into(), "345678".into())));
        assert_eq!(read("123456"), Some((String::new(), "123456".into())));
        assert_eq!(read("a b,c123456"), Some(("a b,c".into(), "123456".into())));
    }

    #[test]
    fn behind_a_comma_it_may_be_longer() {
        assert_eq!(read("hunter2,12345678"), Some(("hunter2".into(), "12345678".into())));
        assert_eq!(read("hun,ter2,1234567"), Some(("hun,ter2".into(), "1234567".into())));
        assert_eq!(read("x,1234567890123456"), Some(("x".into(), "1234567890123456".into())));
        assert_eq!(read("x,123456"), Some(("x".into(), "123456".into())));
        // Nine digits are no code, so the comma is the password's.
        assert_eq!(read("x,123456789"), Some(("x,123".into(), "456789".into())));
    }

    #[test]
    fn without_a_code_there_is_none() {
        for answer in [
            "",
            "hunter2",
            "12345",
            "hunter2,",
            "hunter212345x",
            "hunter2 123 456",
            "hunter2,12345",
            "x123-456",
        ] {
            assert_eq!(read(answer), None, "{answer}");
        }
        assert!(split(b"\xff\xfe\xff\xff\xff\xff\xff").is_none());
        assert_eq!(&*split(b"\xff123456").unwrap().password, b"\xff");
    }

    proptest! {
        #[test]
        fn the_parts_are_the_answers_own(answer in any::<Vec<u8>>(), code in "[0-9]{6}") {
            let _ = split(&answer);
            let whole = [&answer[..], b",", code.as_bytes()].concat();
            let parts = split(&whole).unwrap();
            prop_assert_eq!(parts.code.digits(), code);
            prop_assert_eq!(&*parts.password, &answer);
        }
    }
}

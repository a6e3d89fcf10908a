//! The shape of what a person types: no code is judged here.

use crate::secret::SecretText;

/// The longest answer that can still be a code, separators included.
pub const MAX_TYPED: usize = 32;

/// Digits of an emergency code: too many to be guessed, so that no throttle need look at who guesses.
pub const EMERGENCY_DIGITS: usize = 16;

/// Six to eight digits as typed by a person, a device's code or a backup code; or sixteen, an emergency code.
///
/// Which of them, and whether it is right, only the authority knows.
#[derive(Debug)]
pub struct Code(SecretText);

/// Why an answer cannot be a code at all. Such an answer is refused at the door and charged to nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the answer does not have the shape of a code: six to eight digits, or sixteen")]
pub struct NotACode;

impl Code {
    /// Reads what a person typed: spaces and hyphens between the digits are theirs to use.
    ///
    /// # Errors
    /// [`NotACode`] unless six to eight ASCII digits are left, or sixteen.
    pub fn parse(typed: &str) -> Result<Self, NotACode> {
        let typed = typed.trim();
        if typed.len() > MAX_TYPED {
            return Err(NotACode);
        }
        let mut digits = String::with_capacity(MAX_TYPED);
        for character in typed.chars() {
            match character {
                '0'..='9' => digits.push(character),
                ' ' | '-' | '\u{a0}' => {}
                _ => return Err(NotACode),
            }
        }
        let code = Self(SecretText::new(digits));
        if matches!(code.digits().len(), 6..=8 | EMERGENCY_DIGITS) { Ok(code) } else { Err(NotACode) }
    }

    /// Whether it has the length of an emergency code, which no device makes.
    #[must_use]
    pub fn is_emergency(&self) -> bool {
        self.digits().len() == EMERGENCY_DIGITS
    }

    /// The digits alone.
    #[must_use]
    pub fn digits(&self) -> &str {
        self.0.reveal()
    }

    /// The same digits on their way into a message.
    #[must_use]
    pub fn into_secret(self) -> SecretText {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn separators_are_the_persons_to_use() {
        for typed in ["123456", " 123 456 ", "123-456", "12 34 56\n", "123\u{a0}456"] {
            assert_eq!(Code::parse(typed).unwrap().digits(), "123456", "{typed:?}");
        }
        assert_eq!(Code::parse("1234 5678").unwrap().digits(), "12345678");
    }

    #[test]
    fn sixteen_digits_are_an_emergency_code_and_nothing_else_is() {
        let code = Code::parse("1234 5678 9012 3456").unwrap();
        assert!(code.is_emergency() && code.digits() == "1234567890123456");
        assert!(!Code::parse("12345678").unwrap().is_emergency());
        for typed in ["123456789012345", "12345678901234567", "123456789012345x"] {
            assert!(Code::parse(typed).is_err(), "{typed}");
        }
    }

    #[test]
    fn what_has_another_number_of_digits_is_not_a_code() {
        for typed in
            ["", "12345", "123456789", "12345a", "١٢٣٤٥٦", "correct horse", "\u{8}\n\r\u{7f}INCORRECT"]
        {
            assert_eq!(Code::parse(typed).unwrap_err(), NotACode, "{typed:?}");
        }
    }

    #[test]
    fn a_code_is_not_printed() {
        assert!(!format!("{:?}", Code::parse("123456").unwrap()).contains("123"));
    }

    proptest! {
        #[test]
        fn parsing_never_panics(typed in ".*") {
            let _ = Code::parse(&typed);
        }
    }
}

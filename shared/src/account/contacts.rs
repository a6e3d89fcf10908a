//! What a person is called and where they are reached, as operators keep it. Nothing is decided by it.

use crate::account::PartError;
use crate::name::unseen;
use crate::wire;

/// Longest name of a person, in characters.
const MAX_NAME: usize = 64;
/// Longest e-mail address, in bytes (RFC 5321, section 4.5.3.1.3, without the angle brackets).
const MAX_EMAIL: usize = 254;

/// What a person is called and where they are reached.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Contacts {
    /// What people call them.
    display_name: Option<String>,
    /// Their e-mail address.
    email: Option<String>,
    /// Their telephone number, `+` and digits.
    phone: Option<String>,
}

impl Contacts {
    /// Reads what somebody said. Spaces and hyphens in a telephone number are left out.
    ///
    /// # Errors
    /// [`PartError`]: which of the three cannot be.
    pub fn parse(said: &wire::Contacts) -> Result<Self, PartError> {
        let display_name = said.display_name.as_deref().map(display_name).transpose()?;
        let email = said.email.as_deref().map(email).transpose()?;
        let phone = said.phone.as_deref().map(phone).transpose()?;
        Ok(Self { display_name, email, phone })
    }

    /// For the wire.
    #[must_use]
    pub fn to_wire(&self) -> wire::Contacts {
        let Self { display_name, email, phone } = self.clone();
        wire::Contacts { display_name, email, phone }
    }

    /// What people call them.
    #[must_use]
    pub fn display_name(&self) -> Option<&str> {
        self.display_name.as_deref()
    }

    /// Their e-mail address.
    #[must_use]
    pub fn email(&self) -> Option<&str> {
        self.email.as_deref()
    }
}

fn display_name(text: &str) -> Result<String, PartError> {
    let name = text.trim();
    let fits = (1..=MAX_NAME).contains(&name.chars().take(MAX_NAME + 1).count());
    if fits && !name.chars().any(unseen) { Ok(name.to_owned()) } else { Err(PartError::DisplayName) }
}

/// An address as it stands in a header: printable ASCII, one `@` with something on both sides. Whether mail arrives there
/// is another question.
fn email(text: &str) -> Result<String, PartError> {
    let email = text.trim();
    let printable = email
        .bytes()
        .all(|byte| byte.is_ascii_graphic() && !matches!(byte, b',' | b';' | b'<' | b'>' | b'"'));
    let halves = email.split_once('@');
    let fits = halves
        .is_some_and(|(local, domain)| !local.is_empty() && !domain.is_empty() && !domain.contains('@'));
    if printable && fits && email.len() <= MAX_EMAIL { Ok(email.to_owned()) } else { Err(PartError::Email) }
}

/// A number as E.164 has it.
fn phone(text: &str) -> Result<String, PartError> {
    let number: String = text.chars().filter(|letter| !matches!(letter, ' ' | '-' | '(' | ')')).collect();
    let digits = number.strip_prefix('+').unwrap_or_default();
    let fits = (7..=15).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    if fits && !digits.starts_with('0') { Ok(number) } else { Err(PartError::Phone) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_reached_or_seen_is_refused() {
        for good in ["a@b", "alice.liddell+x@example.com"] {
            assert_eq!(email(good).as_deref(), Ok(good));
        }
        for bad in ["", "alice", "@b", "a@", "a@b@c", "a b@c", "a@b,c@d", "ä@b", "a@b\r\nX: y", "<a@b>"] {
            assert_eq!(email(bad), Err(PartError::Email), "{bad:?}");
        }
        assert_eq!(email(&format!("{}@b", "a".repeat(253))), Err(PartError::Email));
        assert_eq!(phone("+49 (30) 123-4567").as_deref(), Ok("+49301234567"));
        for bad in ["", "030 1234567", "+0301234567", "+123456", "+1234567890123456", "+49 30 x"] {
            assert_eq!(phone(bad), Err(PartError::Phone), "{bad:?}");
        }
        assert_eq!(display_name(" Ålice Liddell ").as_deref(), Ok("Ålice Liddell"));
        for bad in [" ", "a\u{202e}b", "a\nb", &"a".repeat(65)] {
            assert_eq!(display_name(bad), Err(PartError::DisplayName), "{bad:?}");
        }
    }
}

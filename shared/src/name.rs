//! Names and realms: one canonical form per realm, made once, before anything is looked up or counted.
//!
//! `(realm, name)` is how a person is called; the account's id is who they are. What is not canonical does not exist as
//! a value, so no limit can be dodged and no factor reached by another spelling.

use std::fmt;

use unicode_normalization::UnicodeNormalization;

/// Longest name in the realm `unix`, in bytes.
const MAX_UNIX: usize = 64;

/// Longest name elsewhere, in bytes, in its canonical form.
const MAX_OTHER: usize = 128;

/// Nobody types more than this: longer input is refused before any work is done on it.
const MAX_TYPED: usize = 1024;

/// Where a name means something: the hosts' users, the ledger's own passwords, one site, one directory.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Realm(String);

/// A name in its realm, in canonical form.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Name {
    realm: Realm,
    name: String,
}

/// Why something cannot be a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// The realm is not lower-case letters, digits, dots and hyphens.
    #[error(
        "a realm is up to 63 lower-case letters, digits, dots and hyphens, and begins with a letter or digit"
    )]
    Realm,
    /// Nothing is left of the name.
    #[error("the name is empty")]
    Empty,
    /// The name is too long.
    #[error("the name is longer than {0} bytes")]
    TooLong(usize),
    /// The name has a character that no name in this realm has.
    #[error("the name has a character that names in this realm cannot have")]
    Character,
}

impl Realm {
    /// The hosts' users, as NSS names them.
    pub const UNIX: &str = "unix";
    /// Names whose password the ledger keeps.
    pub const LOCAL: &str = "local";

    /// The realm of the hosts' users.
    #[must_use]
    pub fn unix() -> Self {
        Self(Self::UNIX.to_owned())
    }

    /// The realm of the ledger's own passwords.
    #[must_use]
    pub fn local() -> Self {
        Self(Self::LOCAL.to_owned())
    }

    /// Reads a realm: `[a-z0-9][a-z0-9.-]{0,62}`.
    ///
    /// # Errors
    /// [`NameError::Realm`] for anything else.
    pub fn parse(realm: &str) -> Result<Self, NameError> {
        let good = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let first = realm.bytes().next().is_some_and(good);
        let rest = realm.bytes().all(|byte| good(byte) || byte == b'.' || byte == b'-');
        if first && rest && realm.len() <= 63 { Ok(Self(realm.to_owned())) } else { Err(NameError::Realm) }
    }

    /// As it is written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this is the hosts' realm.
    #[must_use]
    pub fn is_unix(&self) -> bool {
        self.0 == Self::UNIX
    }

    /// Whether this is the realm of the ledger's own passwords.
    #[must_use]
    pub fn is_local(&self) -> bool {
        self.0 == Self::LOCAL
    }
}

impl Name {
    /// The canonical form of what was typed or reported: exact in `unix`; elsewhere trimmed, lower case and NFC.
    ///
    /// # Errors
    /// [`NameError`] when it cannot be a name in this realm.
    pub fn canonical(realm: &Realm, typed: &str) -> Result<Self, NameError> {
        let name = if realm.is_unix() { exact(typed)? } else { folded(typed)? };
        Ok(Self { realm: realm.clone(), name })
    }

    /// Reads `REALM:NAME`, or `NAME` for the realm `unix`.
    ///
    /// # Errors
    /// [`NameError`] when realm or name cannot be.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        match text.split_once(':') {
            Some((realm, name)) => Self::canonical(&Realm::parse(realm)?, name),
            None => Self::canonical(&Realm::unix(), text),
        }
    }

    /// Its realm.
    #[must_use]
    pub fn realm(&self) -> &Realm {
        &self.realm
    }

    /// The name within the realm.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}

/// A host's user: what NSS would have to match byte by byte, so nothing is folded.
fn exact(typed: &str) -> Result<String, NameError> {
    if typed.is_empty() {
        return Err(NameError::Empty);
    }
    if typed.len() > MAX_UNIX {
        return Err(NameError::TooLong(MAX_UNIX));
    }
    if typed.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'/' && byte != b':') {
        Ok(typed.to_owned())
    } else {
        Err(NameError::Character)
    }
}

/// Anybody else: what people mean to be the same is the same.
fn folded(typed: &str) -> Result<String, NameError> {
    if typed.len() > MAX_TYPED {
        return Err(NameError::TooLong(MAX_OTHER));
    }
    let mut name = fold_once(typed);
    // Folding one spelling can open another (a lower-case letter that composes with the mark after it): go on until
    // nothing changes, so that the canonical form of a canonical form is itself.
    loop {
        let again = fold_once(&name);
        if again == name {
            break;
        }
        name = again;
    }
    if name.is_empty() {
        return Err(NameError::Empty);
    }
    if name.len() > MAX_OTHER {
        return Err(NameError::TooLong(MAX_OTHER));
    }
    if name.chars().any(|character| matches!(character, '/' | ':') || unseen(character)) {
        return Err(NameError::Character);
    }
    Ok(name)
}

fn fold_once(name: &str) -> String {
    // Most names, and each name is folded twice at every login: ASCII composes with nothing.
    if name.is_ascii() {
        return name.trim().to_ascii_lowercase();
    }
    name.trim().nfc().collect::<String>().to_lowercase().nfc().collect()
}

/// Whether a character cannot be seen, or changes how its neighbours are seen: no name or label may have one.
pub(crate) fn unseen(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}'
            | '\u{fff0}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

impl fmt::Display for Realm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.realm, self.name)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn local(typed: &str) -> Result<String, NameError> {
        Name::canonical(&Realm::local(), typed).map(|name| name.name().to_owned())
    }

    fn unix(typed: &str) -> Result<String, NameError> {
        Name::canonical(&Realm::unix(), typed).map(|name| name.name().to_owned())
    }

    #[test]
    fn spellings_of_one_name_are_one_name() {
        for typed in ["alice", "Alice", "ALICE", "alice ", " alice", "\talice\u{a0}", "alice\u{3000}"] {
            assert_eq!(local(typed).unwrap(), "alice", "{typed:?}");
        }
        assert_eq!(local("alic\u{e9}"), local("ALICE\u{301}"), "composed and decomposed");
        assert_eq!(local("Alice@Example.COM").unwrap(), "alice@example.com");
    }

    #[test]
    fn look_alikes_are_other_names() {
        for typed in ["alicé", "ａｌｉｃｅ", "аlice", "alice.", "al ice"] {
            assert_ne!(local(typed).unwrap(), "alice", "{typed:?}");
        }
    }

    #[test]
    fn a_hosts_name_is_exact() {
        assert_eq!(unix("alice").unwrap(), "alice");
        assert_eq!(unix("Alice").unwrap(), "Alice", "NSS tells Alice from alice, so we do");
        for typed in ["alice ", " alice", "alicé", "ａｌｉｃｅ", "al\tice"] {
            assert_eq!(unix(typed), Err(NameError::Character), "{typed:?}");
        }
    }

    #[test]
    fn what_would_be_a_path_or_a_record_is_no_name() {
        for realm in [Realm::unix(), Realm::local()] {
            for typed in ["a\0b", "alice\0", "a\nb", "a/b", "../a", "a:b", "a\u{7f}", "\u{1b}[2J"] {
                assert_eq!(Name::canonical(&realm, typed), Err(NameError::Character), "{realm} {typed:?}");
            }
        }
    }

    #[test]
    fn an_empty_name_is_no_name() {
        assert_eq!(unix(""), Err(NameError::Empty));
        for typed in ["", " ", "\n", "\u{3000}"] {
            assert_eq!(local(typed), Err(NameError::Empty), "{typed:?}");
        }
    }

    #[test]
    fn what_cannot_be_seen_is_in_no_name() {
        for typed in
            ["ali\u{200b}ce", "ali\u{ad}ce", "\u{202e}ecila", "alice\u{fe0f}", "\u{feff}alice", "a\u{e0061}"]
        {
            assert_eq!(local(typed), Err(NameError::Character), "{typed:?}");
        }
    }

    #[test]
    fn names_have_a_longest_length() {
        assert!(unix(&"a".repeat(64)).is_ok());
        assert_eq!(unix(&"a".repeat(65)), Err(NameError::TooLong(64)));
        assert!(local(&"a".repeat(128)).is_ok());
        assert_eq!(local(&"a".repeat(129)), Err(NameError::TooLong(128)));
        assert_eq!(local(&"a".repeat(1 << 20)), Err(NameError::TooLong(128)));
    }

    #[test]
    fn the_same_name_in_two_realms_is_two_names() {
        let wiki = Realm::parse("wiki").unwrap();
        let one = Name::canonical(&wiki, "root").unwrap();
        let other = Name::canonical(&Realm::unix(), "root").unwrap();
        assert_ne!(one, other);
        assert_eq!((one.to_string(), other.to_string()), ("wiki:root".to_owned(), "unix:root".to_owned()));
    }

    #[test]
    fn a_name_without_a_realm_is_a_hosts() {
        assert_eq!(Name::parse("alice").unwrap().to_string(), "unix:alice");
        assert_eq!(Name::parse("local:Alice").unwrap().to_string(), "local:alice");
        assert_eq!(Name::parse("local:a:b"), Err(NameError::Character));
        assert_eq!(Name::parse(":alice"), Err(NameError::Realm));
        assert_eq!(Name::parse("LOCAL:alice"), Err(NameError::Realm));
    }

    #[test]
    fn a_realm_is_a_host_like_word() {
        for realm in ["unix", "wiki.example.com", "0", "a-b", &"a".repeat(63)] {
            assert!(Realm::parse(realm).is_ok(), "{realm:?}");
        }
        for realm in ["", "-a", ".a", "A", "a_b", "a b", "a:b", "é", "a\0", &"a".repeat(64)] {
            assert_eq!(Realm::parse(realm), Err(NameError::Realm), "{realm:?}");
        }
    }

    proptest! {
        #[test]
        fn the_canonical_form_of_a_canonical_form_is_itself(typed in "\\PC*", unix in any::<bool>()) {
            let realm = if unix { Realm::unix() } else { Realm::local() };
            if let Ok(name) = Name::canonical(&realm, &typed) {
                prop_assert_eq!(&Name::canonical(&realm, name.name()).unwrap(), &name);
                prop_assert_eq!(&Name::parse(&name.to_string()).unwrap(), &name);
            }
        }

        #[test]
        fn parsing_never_panics(text in any::<String>()) {
            let _ = (Name::parse(&text), Realm::parse(&text));
        }
    }
}

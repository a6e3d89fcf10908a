//! The path that is judged is the path that is forwarded, byte for byte.
//!
//! Two readers of `/public/../admin`, `/admin%2fx` or `/a//b` may see two paths. The gate has no way to know which one
//! the app will see, so what is ambiguous is refused. What is left has one spelling: escapes of unreserved characters
//! are undone and the others written in upper case, and that spelling goes to the app.

use std::borrow::Cow;

/// The longest path and query together, in bytes.
pub const MAX_TARGET: usize = 16 * 1024;

/// A request's path and query in their one spelling.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target<'a> {
    bytes: Cow<'a, [u8]>,
    path: usize,
}

/// Why a target is refused. The words go to the log; the person learns only that the address is unclear.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Ambiguous {
    /// Longer than [`MAX_TARGET`].
    #[error("the address is longer than {MAX_TARGET} bytes")]
    TooLong,
    /// Not `/…`: absolute form, `*`, or nothing.
    #[error("the request target does not begin with a slash")]
    Form,
    /// `//`, `/./`, `/../`, with or without parameters behind.
    #[error("the path has an empty or dot segment")]
    Segment,
    /// A byte that has no place in a path: control, space, `\`, `#`, beyond ASCII.
    #[error("the path has a byte that readers disagree about")]
    Byte,
    /// `%` without two hex digits.
    #[error("the path has a broken escape")]
    BrokenEscape,
    /// An escaped `/`, `\`, `.`, `;`, control character, or an escape of an escape.
    #[error("the path has an escape that readers disagree about")]
    Escape,
    /// `;`, unless the site says that its app uses path parameters.
    #[error("the path has a `;`, and the site does not set path_parameters")]
    Parameter,
}

/// How `;` in a path is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parameters {
    /// Refused: some apps cut the segment there, others don't.
    Refused,
    /// The app is known to cut segments at `;` (Java's servlets).
    Cut,
}

impl<'a> Target<'a> {
    /// Reads the target of a request line.
    ///
    /// # Errors
    /// [`Ambiguous`].
    pub fn parse(raw: &'a [u8], parameters: Parameters) -> Result<Self, Ambiguous> {
        if raw.len() > MAX_TARGET {
            return Err(Ambiguous::TooLong);
        }
        if raw.first() != Some(&b'/') {
            return Err(Ambiguous::Form);
        }
        let end = raw.iter().position(|&byte| byte == b'?').unwrap_or(raw.len());
        let (path, query) = raw.split_at_checked(end).ok_or(Ambiguous::Form)?;
        if query.iter().any(|&byte| byte <= b' ' || byte == 0x7f || byte == b'#') {
            return Err(Ambiguous::Byte);
        }
        check_bytes(path, parameters)?;
        let spelled = spell(path)?;
        check_segments(&spelled)?;
        let length = spelled.len();
        let bytes = match spelled {
            Cow::Borrowed(_) => Cow::Borrowed(raw),
            Cow::Owned(mut path) => {
                path.extend_from_slice(query);
                Cow::Owned(path)
            }
        };
        Ok(Self { bytes, path: length })
    }

    /// Path and query, as they are forwarded.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The path alone, as it is forwarded and judged.
    #[must_use]
    pub fn path(&self) -> &[u8] {
        self.bytes.get(..self.path).unwrap_or_default()
    }

    /// What stands behind the `?`.
    #[must_use]
    pub fn query(&self) -> &[u8] {
        self.bytes.get(self.path + 1..).unwrap_or_default()
    }

    /// Whether this spelling is not the one that arrived.
    #[must_use]
    pub fn is_changed(&self) -> bool {
        matches!(self.bytes, Cow::Owned(_))
    }
}

/// A path without the parameters that the app cuts off its segments.
#[must_use]
pub fn cut_parameters(path: &[u8]) -> Cow<'_, [u8]> {
    if !path.contains(&b';') {
        return Cow::Borrowed(path);
    }
    let names = path
        .split(|&byte| byte == b'/')
        .map(|segment| segment.split(|&byte| byte == b';').next().unwrap_or_default());
    Cow::Owned(names.collect::<Vec<_>>().join(&b'/'))
}

fn check_bytes(path: &[u8], parameters: Parameters) -> Result<(), Ambiguous> {
    for &byte in path {
        match byte {
            b'\\' | b'#' | 0..=b' ' | 0x7f.. => return Err(Ambiguous::Byte),
            b';' if parameters == Parameters::Refused => return Err(Ambiguous::Parameter),
            _ => {}
        }
    }
    Ok(())
}

/// No empty segment but the last, and none that is a dot or two once its parameters are cut.
fn check_segments(path: &[u8]) -> Result<(), Ambiguous> {
    let mut segments = path.split(|&byte| byte == b'/').skip(1).peekable();
    while let Some(segment) = segments.next() {
        let is_last = segments.peek().is_none();
        let name = segment.split(|&byte| byte == b';').next().unwrap_or_default();
        let is_empty = name.is_empty() && !(is_last && segment.is_empty());
        if is_empty || name == b"." || name == b".." {
            return Err(Ambiguous::Segment);
        }
    }
    Ok(())
}

/// Undoes escapes that need not be, and writes the others in upper case. Borrowed when nothing changes.
fn spell(path: &[u8]) -> Result<Cow<'_, [u8]>, Ambiguous> {
    if !path.contains(&b'%') {
        return Ok(Cow::Borrowed(path));
    }
    let mut spelled = Vec::with_capacity(path.len());
    let mut rest = path;
    let mut before = 0;
    while let Some((&byte, after)) = rest.split_first() {
        if byte != b'%' {
            before = 0;
            spelled.push(byte);
            rest = after;
            continue;
        }
        let (value, after) = unescape(after).ok_or(Ambiguous::BrokenEscape)?;
        match value {
            b'/' | b'\\' | b'.' | b';' | 0..=0x1f | 0x7f => return Err(Ambiguous::Escape),
            // The second half of an over-long form: `%c0%ae` is a dot to a careless decoder.
            _ if is_overlong(before, value) => return Err(Ambiguous::Escape),
            b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'-' | b'_' | b'~' => spelled.push(value),
            _ => {
                const HEX: &[u8; 16] = b"0123456789ABCDEF";
                let digit = |nibble: u8| HEX.get(usize::from(nibble)).copied().unwrap_or(b'0');
                spelled.extend_from_slice(&[b'%', digit(value >> 4), digit(value & 15)]);
            }
        }
        before = value;
        rest = after;
    }
    if hides_an_escape(&spelled) {
        return Err(Ambiguous::Escape);
    }
    Ok(if spelled == path { Cow::Borrowed(path) } else { Cow::Owned(spelled) })
}

/// Whether two bytes begin a form of UTF-8 that is longer than it need be (RFC 3629): such a form of a dot or a slash is
/// refused by one reader and taken by another. Hindi, Thai and emoji begin with the same first byte, and are none.
fn is_overlong(first: u8, second: u8) -> bool {
    match (first, second) {
        (0xc0 | 0xc1, 0x80..=0xbf) | (0xe0, 0x80..=0x9f) | (0xf0, 0x80..=0x8f) => true,
        (_, _) => false,
    }
}

/// `%252e` is `%2e` to who decodes once and a dot to who decodes twice.
fn hides_an_escape(spelled: &[u8]) -> bool {
    spelled
        .windows(5)
        .any(|piece| piece.strip_prefix(b"%25").is_some_and(|digits| unescape(digits).is_some()))
}

/// The byte that the two hex digits at the front stand for, and what follows them.
fn unescape(bytes: &[u8]) -> Option<(u8, &[u8])> {
    let (digits, rest) = bytes.split_at_checked(2)?;
    let mut value = 0;
    for &digit in digits {
        value = value * 16 + char::from(digit).to_digit(16)?;
    }
    Some((u8::try_from(value).ok()?, rest))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn canonical(raw: &str) -> Result<String, Ambiguous> {
        Target::parse(raw.as_bytes(), Parameters::Refused)
            .map(|target| String::from_utf8(target.as_bytes().to_vec()).unwrap())
    }

    #[test]
    fn ordinary_paths_pass_unchanged() {
        for raw in [
            "/",
            "/a/b",
            "/a/",
            "/a.b/.well-known/x",
            "/...",
            "/a?b=//../%2e%2f;c",
            "/a%20b",
            "/%C3%A9",
            "/a?",
            "/~x/-_.!$&'()*+,=:@",
            "/%E0%A4%B9%E0%A4%BF/%E0%B9%84",
            "/%F0%9F%98%80.txt",
            "/what%3F",
            "/c%23",
            "/100%25",
            "/a|b^c",
        ] {
            assert_eq!(canonical(raw).as_deref(), Ok(raw));
        }
    }

    #[test]
    fn one_path_has_one_spelling() {
        assert_eq!(canonical("/%61dmin").unwrap(), "/admin");
        assert_eq!(canonical("/%7Ea%2d%5f").unwrap(), "/~a-_");
        assert_eq!(canonical("/%c3%a9?%c3").unwrap(), "/%C3%A9?%c3");
    }

    #[test]
    fn ambiguous_paths_are_refused() {
        for raw in [
            "",
            "*",
            "a",
            "http://wiki.localhost/",
            "//",
            "/a//b",
            "//evil.example",
            "/./a",
            "/../a",
            "/a/..",
            "/a/.",
            "/public/../admin",
            "/%2e%2e/a",
            "/%2E/a",
            "/.%2e/a",
            "/a%2fb",
            "/a%2Fb",
            "/a%5cb",
            "/a\\b",
            "/a%00",
            "/a%0d%0a",
            "/a%7f",
            "/a;b",
            "/a/..;/b",
            "/a%3bb",
            "/a%",
            "/a%2",
            "/a%zz",
            "/a%252e",
            "/a%252f",
            "/a%25%32%65",
            "/a%25%32e",
            "/a#b",
            "/a b",
            "/a\tb",
            "/%c0%ae%c0%ae/",
            "/%c0%afb",
            "/%e0%80%af",
            "/%e0%9f%bf",
            "/%f0%80%80%af",
            "/%f0%8f%bf%bf",
            "/a?b c",
            "/a?b#c",
            "/é",
        ] {
            assert!(canonical(raw).is_err(), "{raw:?} became {:?}", canonical(raw));
        }
        assert!(canonical(&format!("/{}", "a".repeat(MAX_TARGET))).is_err());
    }

    #[test]
    fn path_parameters_pass_only_where_the_site_says_so() {
        let cut = |raw: &str| Target::parse(raw.as_bytes(), Parameters::Cut).is_ok();
        assert!(cut("/app;jsessionid=1A/page;v=2"));
        for raw in ["/a/..;/b", "/a/.;x", "/a/;x/b", "/;/a", "/a%3bb", "/a/;"] {
            assert!(!cut(raw), "{raw}");
        }
    }

    #[test]
    fn path_and_query_are_told_apart() {
        let target = Target::parse(b"/%61?b=c?d", Parameters::Refused).unwrap();
        assert_eq!((target.path(), target.query()), (&b"/a"[..], &b"b=c?d"[..]));
        assert!(target.is_changed());
    }

    proptest! {
        #[test]
        fn reading_never_panics_and_is_idempotent(raw in proptest::collection::vec(any::<u8>(), 0..60)) {
            for parameters in [Parameters::Refused, Parameters::Cut] {
                if let Ok(once) = Target::parse(&raw, parameters) {
                    let again = Target::parse(once.as_bytes(), parameters).unwrap();
                    prop_assert_eq!(again.as_bytes(), once.as_bytes());
                    prop_assert!(!again.is_changed());
                }
            }
        }

        #[test]
        fn escapes_of_escapes_have_one_spelling(raw in "/(%25|%32|%65|%2|2|e|%){0,6}") {
            if let Ok(once) = Target::parse(raw.as_bytes(), Parameters::Refused) {
                let again = Target::parse(once.as_bytes(), Parameters::Refused).unwrap();
                prop_assert_eq!(again.as_bytes(), once.as_bytes());
            }
        }

        #[test]
        fn no_spelling_reaches_a_dot_segment(raw in "/([./;a%2eE5cCfF0]|%2e|%2E|%2f){0,12}") {
            if let Ok(target) = Target::parse(raw.as_bytes(), Parameters::Cut) {
                let path = String::from_utf8(target.path().to_vec()).unwrap().to_lowercase();
                prop_assert!(!path.contains("%2e") && !path.contains("%2f") && !path.contains("//"));
                prop_assert!(path.split('/').all(|segment| !matches!(segment.split(';').next(), Some("." | ".."))));
            }
        }
    }
}

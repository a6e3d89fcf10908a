//! The app's session cookies: which they are, as the app reads names, and whether the app set them here.

use std::fmt;

use http::HeaderMap;
use http::header::{HeaderValue, SET_COOKIE};

use crate::cookies::{self, Found};
use crate::key::Key;

/// Binds an app's cookies to the sign-in in which the app set them.
pub const MARKS: &str = "__Host-twofold-app";

/// How much of a keyed hash a mark is, in letters of base64url: 132 bits.
const MARK: usize = 22;
/// Marks that one browser carries; the oldest go.
const MOST_MARKS: usize = 12;

/// Names of session cookies, as the configuration writes them; a final `*` stands for any ending.
#[derive(Clone, PartialEq, Eq)]
pub struct AppCookies(Vec<String>);

/// A session cookie in a request, or one that an answer sets.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct AppCookie {
    /// Its name as the app reads it.
    pub name: Vec<u8>,
    /// Name and value as they were written.
    pub pair: Vec<u8>,
}

impl AppCookies {
    /// Those of these names.
    #[must_use]
    pub fn new(names: Vec<String>) -> Self {
        Self(names)
    }

    /// Whether the app would read a cookie of this name as one of its session's.
    #[must_use]
    pub fn is_session(&self, name: &[u8]) -> bool {
        let read = as_read(name);
        self.0.iter().any(|own| match own.strip_suffix('*') {
            Some(start) => read.starts_with(&as_read(start.as_bytes())),
            None => read == as_read(own.as_bytes()),
        })
    }

    /// The session cookies of a request, in one order; `None` where two of them are one to the app.
    #[must_use]
    pub fn presented(&self, headers: &HeaderMap) -> Option<Vec<AppCookie>> {
        let ours = cookies::pairs(headers).filter(|(name, _)| self.is_session(name));
        let mut found: Vec<AppCookie> = ours.map(|(name, value)| AppCookie::new(name, value)).collect();
        found.sort();
        let is_double = found.windows(2).any(|two| matches!(two, [one, other] if one.name == other.name));
        (!is_double).then_some(found)
    }

    /// The session cookies that an answer sets; one with nothing in it or that is over at once is being taken away.
    #[must_use]
    pub fn set_by(&self, headers: &HeaderMap) -> Vec<(AppCookie, bool)> {
        let lines = headers.get_all(SET_COOKIE).iter();
        let set = lines.filter_map(|line| {
            let text = std::str::from_utf8(line.as_bytes()).ok()?;
            let cookie = cookie::Cookie::parse(text).ok()?;
            let is_over = cookie.max_age().is_some_and(|age| !age.is_positive())
                || cookie.expires_datetime().is_some_and(|at| {
                    at <= cookie::time::OffsetDateTime::UNIX_EPOCH + cookie::time::Duration::days(365)
                });
            let gone = is_over || cookie.value().is_empty() || cookie.value() == "deleted";
            Some((AppCookie::new(cookie.name().as_bytes(), cookie.value().as_bytes()), gone))
        });
        set.filter(|(cookie, _)| self.is_session(&cookie.name)).collect()
    }

    /// Whether a `Set-Cookie` line sets one of them. What cannot be read counts as one.
    #[must_use]
    pub fn is_set_in(&self, line: &HeaderValue) -> bool {
        let piece = line.as_bytes().split(|&byte| byte == b';').next().unwrap_or_default();
        let name = piece.split(|&byte| byte == b'=').next().unwrap_or_default();
        self.is_session(name.trim_ascii())
    }
}

impl AppCookie {
    /// A cookie as it was written.
    #[must_use]
    pub fn new(name: &[u8], value: &[u8]) -> Self {
        Self { name: as_read(name), pair: [name, b"=", value].concat() }
    }

    fn mark(&self, key: &Key) -> String {
        let mut mark = key.token("app cookie", &self.pair);
        mark.truncate(MARK);
        mark
    }
}

impl fmt::Debug for AppCookies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

/// A name as PHP reads it, the most lenient reader there is: escapes undone, blanks before it cut, and dots, blanks and
/// brackets within it one and the same.
#[must_use]
pub fn as_read(name: &[u8]) -> Vec<u8> {
    let mut read = Vec::with_capacity(name.len());
    let mut rest = name;
    while let Some((&byte, after)) = rest.split_first() {
        let digits = after.get(..2).filter(|_| byte == b'%');
        let escaped = digits
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        let (byte, after) = match escaped {
            Some(escaped) => (escaped, after.get(2..).unwrap_or_default()),
            None => (byte, after),
        };
        rest = after;
        match byte {
            b' ' | b'+' if read.is_empty() => {}
            b' ' | b'+' | b'.' | b'[' => read.push(b'_'),
            0 => break,
            byte => read.push(byte),
        }
    }
    read
}

/// The marks that a browser carries of cookies which the app set here.
#[derive(Clone, Debug, Default)]
pub struct Marks(Vec<String>);

impl Marks {
    /// Those of a request.
    #[must_use]
    pub fn of(headers: &HeaderMap) -> Self {
        let Found::One(value) = cookies::find(headers, MARKS) else { return Self::default() };
        let whole = value.chunks_exact(MARK).filter_map(|mark| std::str::from_utf8(mark).ok());
        Self(whole.take(MOST_MARKS).map(str::to_owned).collect())
    }

    /// Whether the app set this cookie in this browser's sign-in.
    #[must_use]
    pub fn knows(&self, cookie: &AppCookie, key: &Key) -> bool {
        let mark = cookie.mark(key);
        mark.len() == MARK && self.0.contains(&mark)
    }

    /// The line that also carries the marks of these; `None` where all are carried already.
    #[must_use]
    pub fn line_with<'c>(&self, set: impl Iterator<Item = &'c AppCookie>, key: &Key) -> Option<HeaderValue> {
        let new: Vec<String> =
            set.map(|cookie| cookie.mark(key)).filter(|mark| !self.0.contains(mark)).collect();
        if new.is_empty() {
            return None;
        }
        let all: Vec<&String> = self.0.iter().chain(&new).collect();
        let kept: String =
            all.iter().skip(all.len().saturating_sub(MOST_MARKS)).map(|mark| mark.as_str()).collect();
        Some(cookies::set(MARKS, &kept, None))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn app() -> AppCookies {
        AppCookies::new(vec!["DokuWiki".into(), "DW*".into(), "app_id".into()])
    }

    fn headers(lines: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, value.parse().unwrap());
        }
        headers
    }

    #[test]
    fn a_name_is_a_session_cookies_in_every_spelling_that_the_app_reads_so() {
        for name in ["DokuWiki", "%44okuWiki", "DW1234", "app_id", "app.id", "app id", "%61pp%2eid", "app[id"]
        {
            assert!(app().is_session(name.as_bytes()), "{name}");
        }
        for name in ["dokuwiki", "theme", "xDW", "app_id2"] {
            assert!(!app().is_session(name.as_bytes()), "{name}");
        }
    }

    #[test]
    fn two_that_are_one_to_the_app_are_not_guessed_about() {
        let found =
            app().presented(&headers(&[("cookie", "b=1; app_id=2; DW1=x"), ("cookie", "theme=dark")]));
        let pairs: Vec<Vec<u8>> = found.unwrap().into_iter().map(|cookie| cookie.pair).collect();
        assert_eq!(pairs, [b"DW1=x".to_vec(), b"app_id=2".to_vec()]);
        assert!(app().presented(&headers(&[("cookie", "app_id=1; app.id=2")])).is_none());
    }

    #[test]
    fn an_answer_sets_or_takes_away() {
        let set = app().set_by(&headers(&[
            ("set-cookie", "DokuWiki=abc; path=/; HttpOnly"),
            ("set-cookie", "theme=dark"),
            ("set-cookie", "DW1=deleted; expires=Thu, 01-Jan-1970 00:00:01 GMT; Max-Age=0"),
            ("set-cookie", "app_id=; path=/"),
        ]));
        let told: Vec<(String, bool)> =
            set.into_iter().map(|(cookie, gone)| (String::from_utf8(cookie.pair).unwrap(), gone)).collect();
        assert_eq!(
            told,
            [
                ("DokuWiki=abc".to_owned(), false),
                ("DW1=deleted".to_owned(), true),
                ("app_id=".to_owned(), true)
            ]
        );
    }

    #[test]
    fn a_mark_is_for_one_cookie_with_one_value() {
        let (key, cookie) = (Key::generate().unwrap(), AppCookie::new(b"DW1", b"secret"));
        let line = Marks::default().line_with([&cookie].into_iter(), &key).unwrap();
        let value = line.to_str().unwrap().split([';']).next().unwrap();
        let marks = Marks::of(&headers(&[("cookie", value)]));
        assert!(marks.knows(&cookie, &key));
        assert!(!marks.knows(&AppCookie::new(b"DW1", b"other"), &key));
        assert!(!marks.knows(&cookie, &Key::generate().unwrap()));
        assert!(marks.line_with([&cookie].into_iter(), &key).is_none());
        let many: Vec<AppCookie> = (0..40).map(|number: u8| AppCookie::new(b"DW1", &[number])).collect();
        let line = marks.line_with(many.iter(), &key).unwrap();
        assert!(line.len() < 400);
    }
}

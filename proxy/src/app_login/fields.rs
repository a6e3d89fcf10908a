//! Fields of a request, as an app reads them: in the query, in a form, in a form of several parts.
//!
//! For two questions: is this the app's login, and does a request that is not carry a name or a password all the same?
//! Names are compared as [`super::cookies::as_read`] has them; what cannot be read counts as found.

use http::HeaderMap;
use http::header::CONTENT_TYPE;

use super::cookies::as_read;

/// The longest name that is looked at; a longer one is none of ours.
const LONGEST: usize = 256;
/// The longest line of a part's head, and head, that is looked at: longer ones count as found.
const LONGEST_LINE: usize = 4096;
/// The longest boundary that is looked for: longer ones count as found. RFC 2046 5.1.1 has 70.
const LONGEST_BOUNDARY: usize = 256;
/// The longest name of a field that is told.
const LONGEST_TOLD: usize = 32;

/// Whether one of `names` is in a query.
#[must_use]
pub fn in_query(names: &[String], query: &[u8]) -> bool {
    query
        .split(|&byte| matches!(byte, b'&' | b';'))
        .any(|pair| is_one_of(names, pair.split(|&byte| byte == b'=').next().unwrap_or_default()))
}

/// A field of a query or of a form, its name as [`as_read`] has it.
fn fields(pairs: &[u8]) -> impl Iterator<Item = (Vec<u8>, String)> {
    pairs.split(|&byte| byte == b'&').filter(|pair| !pair.is_empty()).map(|pair| {
        let name = pair.split(|&byte| byte == b'=').next().unwrap_or_default();
        let value = form_urlencoded::parse(pair).next().map(|(_, value)| value.into_owned());
        (as_read(name), value.unwrap_or_default())
    })
}

/// What a request is to an app that takes its logins where other requests go too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    /// It has not the field that tells a login.
    Another,
    /// It is a login and nothing besides.
    Login,
    /// It has the field, and more that may make something else of it.
    Unclear(String),
}

/// Reads a query, and the form behind it where that could be read whole. In a login every field has one value and is one of
/// `allowed`: the app may choose by any other, or by a second of the same name, to do something else for whoever gives a
/// password.
#[must_use]
pub fn told((name, value): (&str, &str), allowed: &[String], query: &[u8], form: Option<&[u8]>) -> Told {
    let all: Vec<(Vec<u8>, String)> = fields(query).chain(fields(form.unwrap_or_default())).collect();
    let name = as_read(name.as_bytes());
    if !all.iter().any(|(own, its)| *own == name && its == value) {
        return Told::Another;
    }
    if form.is_none() {
        return Told::Unclear("its body is no short form".to_owned());
    }
    let mut seen: Vec<(Vec<u8>, String)> = Vec::with_capacity(all.len());
    for (own, its) in all {
        let is_allowed = own == name || allowed.iter().any(|allowed| as_read(allowed.as_bytes()) == own);
        let written = || match own.iter().all(u8::is_ascii_graphic) && own.len() <= LONGEST_TOLD {
            true => format!("`{}`", String::from_utf8_lossy(&own)),
            false => "an odd one".to_owned(),
        };
        if !is_allowed {
            return Told::Unclear(format!("of its fields {} is not in login_fields", written()));
        }
        if seen.iter().any(|(before, other)| *before == own && *other != its) {
            return Told::Unclear(format!("of its fields {} comes twice", written()));
        }
        seen.push((own, its));
    }
    Told::Login
}

fn is_one_of(names: &[String], written: &[u8]) -> bool {
    let read = as_read(written);
    // `u[]` is `u` with several values, however the bracket is written; as_read has made one letter of it.
    let bracket = |at: &usize| {
        let rest = written.get(*at..).unwrap_or_default();
        rest.starts_with(b"[") || rest.get(..3).is_some_and(|escape| escape.eq_ignore_ascii_case(b"%5b"))
    };
    let stem = (0..written.len()).find(bracket).and_then(|at| written.get(..at)).map(as_read);
    names.iter().map(|name| as_read(name.as_bytes())).any(|name| name == read || stem.as_ref() == Some(&name))
}

/// Looks through a body as it passes.
#[derive(Debug)]
pub struct Scanner {
    names: Vec<String>,
    form: Form,
}

#[derive(Debug)]
enum Form {
    /// `a=1&b=2`.
    Pairs { name: Vec<u8>, in_name: bool },
    /// RFC 7578.
    Parts(Parts),
}

#[derive(Debug)]
struct Parts {
    boundary: Vec<u8>,
    line: Vec<u8>,
    /// What has come of the head of a part: all of its lines, one behind the other, as PHP joins those that are folded.
    head: Option<Vec<u8>>,
    has_begun: bool,
}

impl Scanner {
    /// A scanner for a request of this kind; `None` where the app reads no fields from its body.
    #[must_use]
    pub fn new(names: &[String], headers: &HeaderMap) -> Option<Self> {
        let kind = headers.get(CONTENT_TYPE)?.as_bytes();
        let lower = kind.to_ascii_lowercase();
        let form = if lower.trim_ascii_start().starts_with(b"multipart/") {
            Form::Parts(Parts { boundary: boundary(kind), line: Vec::new(), head: None, has_begun: false })
        } else if lower.trim_ascii_start().starts_with(b"application/x-www-form-urlencoded") {
            Form::Pairs { name: Vec::new(), in_name: true }
        } else {
            return None;
        };
        (!names.is_empty()).then(|| Self { names: names.to_vec(), form })
    }

    /// Looks at the next piece; true where it completes one of the names.
    pub fn finds_in(&mut self, piece: &[u8], is_last: bool) -> bool {
        match &mut self.form {
            Form::Pairs { name, in_name } => {
                for &byte in piece {
                    match byte {
                        b'&' => {
                            if *in_name && is_one_of(&self.names, name) {
                                return true;
                            }
                            name.clear();
                            *in_name = true;
                        }
                        b'=' if *in_name => {
                            if is_one_of(&self.names, name) {
                                return true;
                            }
                            *in_name = false;
                        }
                        byte if *in_name && name.len() < LONGEST => name.push(byte),
                        _ => {}
                    }
                }
                is_last && *in_name && is_one_of(&self.names, name)
            }
            Form::Parts(parts) => parts.find_in(&self.names, piece),
        }
    }
}

impl Parts {
    fn find_in(&mut self, names: &[String], piece: &[u8]) -> bool {
        if self.boundary.len() > LONGEST_BOUNDARY {
            return true;
        }
        for &byte in piece {
            if byte != b'\n' {
                if self.line.len() < LONGEST_LINE {
                    self.line.push(byte);
                }
                continue;
            }
            let line = std::mem::take(&mut self.line);
            let is_boundary = line.trim_ascii().starts_with(&self.boundary);
            // What stands before the first boundary readers cut into lines each in its own way.
            if !is_boundary && !self.has_begun {
                return true;
            }
            self.has_begun = true;
            if is_boundary {
                // In a head that has not ended, PHP takes it for a line of the head.
                if self.head.as_ref().is_some_and(|head| !head.is_empty()) {
                    return true;
                }
                self.head = Some(Vec::new());
            } else if let Some(head) = &mut self.head {
                if line.trim_ascii().is_empty() {
                    if has_part_name(names, head) {
                        return true;
                    }
                    self.head = None;
                } else {
                    head.extend_from_slice(line.strip_suffix(b"\r").unwrap_or(&line));
                    if head.len() >= LONGEST_LINE {
                        return true;
                    }
                }
            }
            self.line = line;
            self.line.clear();
        }
        false
    }
}

/// `--` and the boundary of a form of several parts, as PHP finds it: behind the first `=` after the word. Where there is
/// none, any line that could be one counts.
fn boundary(kind: &[u8]) -> Vec<u8> {
    let word = kind.to_ascii_lowercase().windows(8).position(|piece| piece == b"boundary");
    let after = word.and_then(|word| kind.get(word + 8..)).unwrap_or_default();
    let value = after.iter().position(|&byte| byte == b'=').and_then(|equals| after.get(equals + 1..));
    let value = value.unwrap_or_default();
    let value = match value.strip_prefix(b"\"") {
        Some(quoted) => quoted.split(|&byte| byte == b'"').next(),
        None => value.split(|&byte| matches!(byte, b';' | b',' | b' ')).next(),
    };
    [b"--", value.unwrap_or_default()].concat()
}

/// Whether a part's head has `name=` with one of these, wherever it stands: readers differ on quotes, on folded lines and
/// on which of several counts.
fn has_part_name(names: &[String], head: &[u8]) -> bool {
    let lower = head.to_ascii_lowercase();
    let starts = lower.windows(4).enumerate().filter(|(_, word)| *word == b"name").map(|(at, _)| at);
    starts.into_iter().any(|at| {
        let before = at.checked_sub(1).and_then(|before| lower.get(before));
        if before.is_some_and(u8::is_ascii_alphanumeric) {
            return false;
        }
        // `name*=utf-8''u` (RFC 2231) is a name as well.
        let mark = |byte: &u8| byte.is_ascii_whitespace() || *byte == b'*' || byte.is_ascii_digit();
        let rest = head.get(at + 4..).unwrap_or_default();
        let rest = rest.get(rest.iter().take_while(|byte| mark(byte)).count()..).unwrap_or_default();
        rest.strip_prefix(b"=").is_some_and(|value| values(value).iter().any(|value| is_one_of(names, value)))
    })
}

/// What may be meant by what follows `name=`.
fn values(rest: &[u8]) -> [Vec<u8>; 4] {
    let rest = rest.trim_ascii_start();
    let bare = |byte: &u8| !matches!(byte, b'"' | b'\'' | b'\\');
    let up_to = |ends: &dyn Fn(u8) -> bool, text: &[u8]| -> Vec<u8> {
        text.iter().copied().take_while(|&byte| !ends(byte)).filter(bare).collect()
    };
    let quote = rest.first().copied().filter(|first| matches!(first, b'"' | b'\''));
    let quoted = quote.and_then(|quote| {
        let inner = rest.get(1..)?;
        let end = (0..inner.len()).find(|&at| {
            inner.get(at) == Some(&quote) && at.checked_sub(1).and_then(|at| inner.get(at)) != Some(&b'\\')
        });
        Some(inner.get(..end.unwrap_or(inner.len()))?.iter().copied().filter(|&byte| byte != b'\\').collect())
    });
    let word = up_to(&|byte| byte == b';' || byte.is_ascii_whitespace(), rest);
    let charset = rest.windows(2).rposition(|pair| pair == b"''").and_then(|at| rest.get(at + 2..));
    [
        quoted.unwrap_or_default(),
        word,
        up_to(&|byte| byte == b';', rest).trim_ascii().to_vec(),
        charset
            .map(|rest| up_to(&|byte| byte == b';' || byte.is_ascii_whitespace(), rest))
            .unwrap_or_default(),
    ]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn names() -> Vec<String> {
        vec!["u".into(), "pass_word".into()]
    }

    fn found(kind: &str, body: &[u8], piece: usize) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, kind.parse().unwrap());
        let Some(mut scanner) = Scanner::new(&names(), &headers) else { return false };
        let pieces: Vec<&[u8]> = body.chunks(piece).collect();
        pieces.iter().enumerate().any(|(at, piece)| scanner.finds_in(piece, at + 1 == pieces.len()))
    }

    const PAIRS: &str = "application/x-www-form-urlencoded";

    #[test]
    fn credentials_are_found_in_every_spelling_and_however_they_are_cut() {
        for body in [
            "u=alice",
            "a=1&u=alice",
            "a=1&%75=x",
            "pass.word=1",
            "x&pass+word=1",
            "u[]=1",
            "u[a]=1",
            "+u=1",
            "u%5B%5D=1",
            "a&u",
        ] {
            for piece in 1..=body.len() {
                assert!(found(PAIRS, body.as_bytes(), piece), "{body} in pieces of {piece}");
            }
            assert!(in_query(&names(), body.as_bytes()), "{body}");
        }
        for body in ["", "user=1", "a=u", "a=%75%3d1", "U=1"] {
            assert!(!found(PAIRS, body.as_bytes(), 3), "{body}");
            assert!(!in_query(&names(), body.as_bytes()), "{body}");
        }
    }

    #[test]
    fn credentials_are_found_in_parts() {
        let kind = "multipart/form-data; boundary=\"xyz\"";
        let body = |line: &str| format!("--xyz\r\nX-A: b\r\n{line}\r\n\r\nvalue\r\n--xyz--\r\n");
        for line in [
            "Content-Disposition: form-data; name=\"u\"",
            "content-disposition:form-data;name=u",
            "Content-Disposition: form-data; filename=\"a\"; name='pass.word'",
            // PHP takes the last of several, joins folded lines and those without a colon, and honours quotes.
            "Content-Disposition: form-data; name=\"x\"; name=\"u\"",
            "Content-Disposition: form-data;\r\n name=\"u\"",
            "Content-Disposition: form-data; na\r\nme=u",
            "Content-Disposition: form-data; x=\"; name=h; y=\"; name=\"u\"",
            "Content-Disposition: form-data; name =  u trailing",
            "Content-Disposition: form-data; name=\"\\u\"",
            "Content-Disposition: form-data; name*=utf-8''u",
            "Content-Disposition: form-data; name=\"u[]\"",
        ] {
            for piece in [1, 2, 7, 1000] {
                assert!(found(kind, body(line).as_bytes(), piece), "{line}");
            }
        }
        assert!(!found(kind, body("Content-Disposition: form-data; name=\"user\"").as_bytes(), 5));
        let inside = "--xyz\r\nContent-Disposition: form-data; name=\"f\"\r\n\r\nContent-Disposition: form-data; name=\"u\"\r\n--xyz--";
        assert!(!found(kind, inside.as_bytes(), 5), "what a file says is not a field");
        assert!(!found("application/json", b"u=1", 1));
        // What no browser sends counts as found.
        let cut = "--xyz\r\nContent-Disposition: form-data; name=\"u\"\r\n--xyz\r\n\r\nvalue\r\n--xyz--\r\n";
        assert!(found(kind, cut.as_bytes(), 5), "a boundary in a head");
        let long =
            format!("Content-Disposition: form-data; x=\"{}\"; name=\"user\"", "x".repeat(LONGEST_LINE));
        assert!(found(kind, body(&long).as_bytes(), 100), "a head that is too long");
        assert!(found(kind, b"before\r\n--xyz\r\n", 5), "something before the first part");
        assert!(
            found(&format!("multipart/form-data; boundary={}", "x".repeat(300)), b"x", 1),
            "a long boundary"
        );
        let line = "Content-Disposition: form-data; name=\"u\"";
        for kind in ["boundary =xyz", "boundary-is=xyz", "BOUNDARY=xyz; charset=x", "charset=x"] {
            assert!(found(&format!("multipart/form-data; {kind}"), body(line).as_bytes(), 9), "{kind}");
        }
    }

    #[test]
    fn a_login_has_one_value_of_each_field_and_no_others() {
        let allowed = ["u", "p", "id", "sectok"].map(str::to_owned);
        let told = |query: &str, form: Option<&str>| {
            super::told(("do", "login"), &allowed, query.as_bytes(), form.map(str::as_bytes))
        };
        assert_eq!(told("do=login&id=x", Some("")), Told::Login);
        assert_eq!(told("", Some("sectok=&u=a&p=b&d%6F=login")), Told::Login);
        assert_eq!(told("do=login&id=x", Some("do=login&id=x&u=a")), Told::Login);
        assert_eq!(told("do=logout", Some("x=login")), Told::Another);
        assert_eq!(told("", None), Told::Another);
        for (query, form, word) in [
            ("do=login", Some("do=export_raw&u=a"), "`do` comes twice"),
            ("do=export_raw", Some("do=login"), "`do` comes twice"),
            ("do=login&id=a", Some("i%64=b"), "`id` comes twice"),
            ("do=login", Some("idx=1"), "`idx` is not in login_fields"),
            ("do=login&u[]=1", Some(""), "`u_]` is not in login_fields"),
            ("do=login&%01=1", Some(""), "an odd one is not in login_fields"),
            ("do=login", None, "no short form"),
        ] {
            match told(query, form) {
                Told::Unclear(why) => assert!(why.contains(word), "{query} {form:?}: {why}"),
                other => panic!("{query} {form:?}: {other:?}"),
            }
        }
    }

    proptest! {
        #[test]
        fn looking_through_a_body_never_panics(kind in ".{0,40}", body in prop::collection::vec(any::<u8>(), 0..200)) {
            if kind.parse::<http::HeaderValue>().is_ok() {
                found(&kind, &body, 7);
            }
            found("multipart/form-data; boundary=x", &body, 7);
        }
    }
}

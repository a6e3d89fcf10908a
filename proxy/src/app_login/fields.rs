//! Fields of a request, as an app reads them: in the query, in a form, in a form of several parts.
//!
//! For two questions: is this the app's login, and does a request that is not carry a name or a password all the same?
//! Names are compared as [`super::cookies::as_read`] has them; what cannot be read counts as found.

use http::HeaderMap;
use http::header::CONTENT_TYPE;

use super::cookies::as_read;

/// The longest name that is looked at; a longer one is none of ours.
const LONGEST: usize = 256;
/// How much of a line of a part's head is looked at.
const LONGEST_LINE: usize = 4096;

/// Whether one of `names` is in a query.
#[must_use]
pub fn in_query(names: &[String], query: &[u8]) -> bool {
    query
        .split(|&byte| matches!(byte, b'&' | b';'))
        .any(|pair| is_one_of(names, pair.split(|&byte| byte == b'=').next().unwrap_or_default()))
}

/// Whether a field of a short form, or of the query, has this value.
#[must_use]
pub fn has((name, value): (&str, &str), query: &[u8], body: &[u8]) -> bool {
    let is_it = |pairs: &[u8]| {
        form_urlencoded::parse(pairs)
            .any(|(own, its)| as_read(own.as_bytes()) == as_read(name.as_bytes()) && its == value)
    };
    is_it(query) || is_it(body)
}

fn is_one_of(names: &[String], written: &[u8]) -> bool {
    let read = as_read(written);
    // `u[]` is `u` with several values; as_read has made one letter of the bracket.
    let stem = written.split(|&byte| byte == b'[').next().map(as_read).unwrap_or_default();
    names.iter().map(|name| as_read(name.as_bytes())).any(|name| name == read || name == stem)
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
    Parts { boundary: Vec<u8>, line: Vec<u8>, in_head: bool },
}

impl Scanner {
    /// A scanner for a request of this kind; `None` where the app reads no fields from its body.
    #[must_use]
    pub fn new(names: &[String], headers: &HeaderMap) -> Option<Self> {
        let kind = headers.get(CONTENT_TYPE)?.as_bytes();
        let lower = kind.to_ascii_lowercase();
        let form = if lower.trim_ascii_start().starts_with(b"multipart/") {
            Form::Parts { boundary: boundary(kind), line: Vec::new(), in_head: false }
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
            Form::Parts { boundary, line, in_head } => {
                for &byte in piece {
                    if byte != b'\n' {
                        if line.len() < LONGEST_LINE {
                            line.push(byte);
                        }
                        continue;
                    }
                    let whole = line.trim_ascii();
                    if whole.starts_with(boundary) {
                        *in_head = true;
                    } else if *in_head {
                        if part_name(whole).is_some_and(|name| is_one_of(&self.names, &name)) {
                            return true;
                        }
                        *in_head = !whole.is_empty();
                    }
                    line.clear();
                }
                false
            }
        }
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

/// The name in a line of a part's head, quotes and backslashes aside.
fn part_name(line: &[u8]) -> Option<Vec<u8>> {
    let lower = line.to_ascii_lowercase();
    if !lower.starts_with(b"content-disposition") {
        return None;
    }
    let parameters = line.split(|&byte| byte == b';');
    parameters.skip(1).find_map(|parameter| {
        let (name, value) = parameter.split_at_checked(parameter.iter().position(|&byte| byte == b'=')?)?;
        let bare = |byte: &u8| !matches!(byte, b'"' | b'\'' | b'\\');
        let value: Vec<u8> = value.get(1..)?.trim_ascii().iter().copied().filter(bare).collect();
        name.trim_ascii().eq_ignore_ascii_case(b"name").then_some(value)
    })
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
        ] {
            for piece in [1, 2, 7, 1000] {
                assert!(found(kind, body(line).as_bytes(), piece), "{line}");
            }
        }
        assert!(!found(kind, body("Content-Disposition: form-data; name=\"user\"").as_bytes(), 5));
        let inside = "--xyz\r\nContent-Disposition: form-data; name=\"f\"\r\n\r\nContent-Disposition: form-data; name=\"u\"\r\n--xyz--";
        assert!(!found(kind, inside.as_bytes(), 5), "what a file says is not a field");
        assert!(!found("application/json", b"u=1", 1));
        let line = "Content-Disposition: form-data; name=\"u\"";
        for kind in ["boundary =xyz", "boundary-is=xyz", "BOUNDARY=xyz; charset=x", "charset=x"] {
            assert!(found(&format!("multipart/form-data; {kind}"), body(line).as_bytes(), 9), "{kind}");
        }
    }

    #[test]
    fn the_login_is_told_by_a_field_of_query_or_form() {
        assert!(has(("do", "login"), b"do=login&id=x", b""));
        assert!(has(("do", "login"), b"", b"u=a&do=login"));
        assert!(!has(("do", "login"), b"do=logout", b"x=login"));
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

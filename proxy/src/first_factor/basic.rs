//! Names and passwords of HTTP Basic (RFC 7617) in a request, as far as the gate must know them.
//!
//! The password is only looked for API keys and hashed with a key of this process; it is neither kept nor logged.

use data_encoding::{BASE64, BASE64_NOPAD};
use http::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use zeroize::Zeroizing;

use crate::api_key;
use crate::key::Key;

/// What a request's `Authorization` says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Given {
    /// Nothing that is a name and a password; another scheme, an API key.
    Nothing,
    /// A name and a password.
    Credentials(Credentials),
    /// More than one line: nobody can say which is meant.
    Several,
}

/// A name and a password as they were given.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The name.
    pub user: String,
    /// The whole line, as it is sent on.
    pub line: HeaderValue,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Credentials(…)")
    }
}

impl Credentials {
    /// A keyed hash that tells these from all others.
    #[must_use]
    pub fn proof(&self, key: &Key) -> String {
        key.token("basic credentials", self.line.as_bytes())
    }
}

/// Reads a request's `Authorization`.
#[must_use]
pub fn given(headers: &HeaderMap) -> Given {
    let mut lines = headers.get_all(AUTHORIZATION).iter();
    match (lines.next(), lines.next()) {
        (None, _) => Given::Nothing,
        (Some(_), Some(_)) => Given::Several,
        (Some(line), None) => match user(line) {
            Some(user) => Given::Credentials(Credentials { user, line: line.clone() }),
            None => Given::Nothing,
        },
    }
}

fn user(line: &HeaderValue) -> Option<String> {
    if api_key::is_ours(line) {
        return None;
    }
    let line = line.as_bytes().trim_ascii();
    let (scheme, rest) = line.split_at_checked(line.iter().position(u8::is_ascii_whitespace)?)?;
    if !scheme.eq_ignore_ascii_case(b"basic") {
        return None;
    }
    let rest = rest.trim_ascii();
    let pair = BASE64.decode(rest).or_else(|_| BASE64_NOPAD.decode(rest)).map(Zeroizing::new).ok()?;
    let colon = pair.iter().position(|&byte| byte == b':')?;
    let user = std::str::from_utf8(pair.get(..colon)?).ok()?;
    (!user.trim().is_empty() && !user.chars().any(char::is_control)).then(|| user.to_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn lines(values: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(AUTHORIZATION, value.parse().unwrap());
        }
        headers
    }

    fn basic(pair: &str) -> String {
        format!("Basic {}", BASE64.encode(pair.as_bytes()))
    }

    #[test]
    fn a_name_and_a_password_are_read_and_nothing_else() {
        for value in
            [basic("alice:correct: horse"), basic("alice:").replace("Basic", "bAsIc "), basic("alice:x")]
        {
            let Given::Credentials(found) = given(&lines(&[&value])) else { panic!("{value}") };
            assert_eq!((found.user.as_str(), found.line.to_str().unwrap()), ("alice", value.as_str()));
        }
        for value in [
            basic("no colon"),
            basic(":password"),
            basic("al\nice:x"),
            basic("alice:tf_0123456789abcdef_x"),
            "Basic !!".to_owned(),
            "Basic".to_owned(),
            "Bearer abc".to_owned(),
            "Negotiate abc".to_owned(),
        ] {
            assert_eq!(given(&lines(&[&value])), Given::Nothing, "{value}");
        }
        assert_eq!(given(&lines(&[])), Given::Nothing);
        assert_eq!(given(&lines(&[&basic("a:b"), "Bearer x"])), Given::Several);
    }

    #[test]
    fn a_proof_is_of_these_credentials_by_this_process() {
        let key = Key::generate().unwrap();
        let proof = |pair: &str, key: &Key| match given(&lines(&[&basic(pair)])) {
            Given::Credentials(found) => found.proof(key),
            other => panic!("{other:?}"),
        };
        assert_eq!(proof("alice:x", &key), proof("alice:x", &key));
        assert_ne!(proof("alice:x", &key), proof("alice:y", &key));
        assert_ne!(proof("alice:x", &key), proof("alice:x", &Key::generate().unwrap()));
    }

    proptest! {
        #[test]
        fn reading_never_panics(scheme in "(Basic|[a-z]{0,5}) ?", bytes: Vec<u8>) {
            let mut line = scheme.into_bytes();
            line.extend(bytes);
            if let Ok(line) = HeaderValue::from_bytes(&line) {
                let _ = user(&line);
            }
        }
    }
}

//! API keys in requests: where a program may put one, and how it is kept from the app.
//!
//! A key is looked at in the bytes that arrived and leaves as its digest; decoded bytes are wiped. What begins like a key
//! is taken for one: a key that was cut in half must not reach an app either, nor one in the place of Basic's user name.

use data_encoding::{BASE64, BASE64_NOPAD};
use http::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use sha2::{Digest, Sha256};
use twofold_shared::api_key::{PREFIX, id_of};
use twofold_shared::wire::{ApiKeyId, SessionDigest};
use zeroize::Zeroizing;

/// A header of our own, for programs whose `Authorization` is the app's.
pub const TWOFOLD_KEY: HeaderName = HeaderName::from_static("twofold-key");

/// A key as far as the gate keeps it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Presented {
    /// Its number.
    pub id: ApiKeyId,
    /// SHA-256 of the whole key.
    pub digest: SessionDigest,
}

/// The keys in a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// There is none.
    None,
    /// Exactly one.
    One(Presented),
    /// One that cannot be a key.
    Damaged,
    /// More than one: nobody can say which is meant.
    Several,
}

/// Looks in `Twofold-Key`, and in `Authorization` for a bearer's token or Basic's password.
#[must_use]
pub fn find(headers: &HeaderMap) -> Found {
    let own = headers.get_all(&TWOFOLD_KEY).iter().map(|line| read(line.as_bytes().trim_ascii()));
    let standard = headers.get_all(AUTHORIZATION).iter().filter_map(in_authorization);
    let mut keys = own.chain(standard);
    match (keys.next(), keys.next()) {
        (None, _) => Found::None,
        (Some(key), None) => key,
        (Some(_), Some(_)) => Found::Several,
    }
}

/// Whether an `Authorization` line holds a key of ours, and so is no app's business.
#[must_use]
pub fn is_ours(line: &HeaderValue) -> bool {
    in_authorization(line).is_some()
}

fn in_authorization(line: &HeaderValue) -> Option<Found> {
    let line = line.as_bytes().trim_ascii();
    let space = line.iter().position(u8::is_ascii_whitespace)?;
    let (scheme, rest) = line.split_at_checked(space)?;
    let rest = rest.trim_ascii();
    if scheme.eq_ignore_ascii_case(b"bearer") {
        return begins_like_one(rest).then(|| read(rest));
    }
    if !scheme.eq_ignore_ascii_case(b"basic") {
        return None;
    }
    let pair = BASE64.decode(rest).or_else(|_| BASE64_NOPAD.decode(rest)).map(Zeroizing::new).ok()?;
    let colon = pair.iter().position(|&byte| byte == b':')?;
    let (user, password) = (pair.get(..colon)?, pair.get(colon + 1..)?);
    if begins_like_one(password) {
        return Some(read(password));
    }
    id_of(user).map(|_| Found::Damaged)
}

fn begins_like_one(text: &[u8]) -> bool {
    text.starts_with(PREFIX.as_bytes())
}

fn read(text: &[u8]) -> Found {
    id_of(text).map_or(Found::Damaged, |id| {
        let digest = SessionDigest::from_bytes(Sha256::digest(text).into());
        Found::One(Presented { id, digest })
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const KEY: &str = "tf_0123456789abcdef_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

    fn headers(lines: &[(&str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
            headers.append(name, HeaderValue::from_str(value).unwrap());
        }
        headers
    }

    fn basic(pair: &str) -> String {
        format!("Basic {}", BASE64.encode(pair.as_bytes()))
    }

    #[test]
    fn a_key_is_found_in_three_places() {
        let presented = read(KEY.as_bytes());
        assert!(matches!(presented, Found::One(_)));
        for (name, value) in [
            ("Authorization", format!("Bearer {KEY}")),
            ("Authorization", format!("bearer   {KEY} ")),
            ("Authorization", format!("Bearer\t{KEY}")),
            ("Twofold-Key", KEY.to_owned()),
            ("Authorization", basic(&format!("anybody:{KEY}"))),
            ("Authorization", basic(&format!(":{KEY}"))),
            ("Authorization", basic(&format!("anybody:{KEY}")).replace('=', "").replace("Basic", "BASIC")),
        ] {
            assert_eq!(find(&headers(&[(name, &value)])), presented, "{value}");
        }
    }

    #[test]
    fn what_is_no_key_of_ours_is_left_to_the_app() {
        for value in [
            "Bearer ghp_0123".to_owned(),
            basic("alice:correct horse"),
            basic("tf_admin:x"),
            basic("no colon"),
            "Basic !!".to_owned(),
            "Basic".to_owned(),
            format!("Digest {KEY}"),
            KEY.to_owned(),
        ] {
            let headers = headers(&[("Authorization", &value)]);
            assert_eq!(find(&headers), Found::None, "{value}");
            assert!(!is_ours(headers.get(AUTHORIZATION).unwrap()));
        }
    }

    #[test]
    fn a_damaged_key_is_still_ours() {
        let half = &KEY[..30];
        for value in [format!("Bearer {half}"), basic(&format!("a:{half}")), basic(&format!("{KEY}:"))] {
            let headers = headers(&[("Authorization", &value)]);
            assert_eq!(find(&headers), Found::Damaged);
            assert!(is_ours(headers.get(AUTHORIZATION).unwrap()));
        }
        assert_eq!(find(&headers(&[("Twofold-Key", "anything")])), Found::Damaged);
    }

    #[test]
    fn two_keys_are_too_many() {
        let (bearer, basic) = (format!("Bearer {KEY}"), basic(&format!("a:{KEY}")));
        for lines in [
            &[("Authorization", bearer.as_str()), ("Twofold-Key", KEY)][..],
            &[("Authorization", &bearer), ("Authorization", &basic)],
            &[("Twofold-Key", KEY), ("Twofold-Key", "x")],
        ] {
            assert_eq!(find(&headers(lines)), Found::Several);
        }
    }

    proptest! {
        #[test]
        fn looking_never_panics(scheme in "(Basic|Bearer|[a-z]{0,5}) ?", bytes: Vec<u8>) {
            let mut line = scheme.into_bytes();
            line.extend(bytes);
            if let Ok(line) = HeaderValue::from_bytes(&line) {
                let _ = is_ours(&line);
            }
        }
    }
}

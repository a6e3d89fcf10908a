//! The gate's cookies: found, made, and kept apart from the app's.
//!
//! `__Host-` makes a browser refuse them from a subdomain or over http. They never reach an app, an app cannot set
//! them, and a request with two of one name is refused: one of them is somebody else's.

use cookie::{Cookie, SameSite};
use http::header::{COOKIE, SET_COOKIE, ValueIter};
use http::{HeaderMap, HeaderValue};
use memchr::memchr;
use sha2::{Digest, Sha256};
use twofold_shared::wire::SessionDigest;
use zeroize::Zeroizing;

/// The session at an app's host.
pub const SITE: &str = "__Host-twofold";
/// The session at the portal.
pub const PORTAL: &str = "__Host-twofold-id";
/// Binds the portal's forms to this browser.
pub const FORM: &str = "__Host-twofold-form";
/// Knows a browser again in which a code was given, at the portal.
pub const BROWSER: &str = "__Host-twofold-browser";
/// The language that a reader chose, at the portal.
pub const LANGUAGE: &str = "__Host-twofold-language";
/// How many digits the last code had that was given in a browser, at the portal.
pub const DIGITS: &str = "__Host-twofold-digits";
/// How long browsers keep these: as long as any keeps a cookie.
pub const BROWSER_LIFE: std::time::Duration = std::time::Duration::from_secs(400 * 24 * 60 * 60);
/// What a browser holds that redeemed an invitation, at the portal.
pub const INVITATION: &str = "__Host-twofold-invitation";
/// As long as an invitation is good.
pub const INVITATION_LIFE: std::time::Duration = std::time::Duration::from_secs(60 * 60);
/// The beginning of the cookies that bind a flow to the browser that began it, at the app's host.
pub const FLOW: &str = "__Host-twofold-flow-";

/// What all of ours begin with; other cookies never do.
const OURS: &[u8] = b"__host-twofold";

/// 256 random bits in base64url: the length of a session cookie's value.
const SESSION_LENGTH: usize = 43;

/// One of ours in a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found<'a> {
    /// No cookie of that name.
    None,
    /// Exactly one.
    One(&'a [u8]),
    /// More than one: nobody can say which is ours.
    Several,
}

/// Looks for the cookie `name` in all `Cookie` lines. Names are compared without regard to case, as browsers compare
/// prefixes.
#[must_use]
pub fn find<'a>(headers: &'a HeaderMap, name: &str) -> Found<'a> {
    let mut found = Found::None;
    // A quick look first: most cookies are the app's.
    let likely = pieces(headers.get_all(COOKIE).iter()).filter(|piece| begins_with(piece, name.as_bytes()));
    for (_, value) in likely.map(split).filter(|(cookie, _)| cookie.len() == name.len()) {
        found = match found {
            Found::None => Found::One(value),
            Found::One(_) | Found::Several => return Found::Several,
        };
    }
    found
}

/// The names behind `prefix` of all cookies that begin with it, in the request's order: the oldest come first.
#[must_use]
pub fn names_with<'a>(headers: &'a HeaderMap, prefix: &str) -> Vec<&'a str> {
    pairs(headers)
        .filter_map(|(name, _)| name.strip_prefix(prefix.as_bytes()))
        .filter_map(|rest| std::str::from_utf8(rest).ok())
        .filter(|rest| rest.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_'))
        .collect()
}

/// The `Cookie` line for the app: everything but ours, and of the rest what `keep` says. `None` leaves the lines as they
/// are.
#[must_use]
pub fn kept(headers: &HeaderMap, keep: &dyn Fn(&[u8], &[u8]) -> bool) -> Option<Vec<u8>> {
    let all = headers.get_all(COOKIE);
    let mut lines = all.iter();
    let longest = lines.next()?.len();
    let several_lines = lines.next().is_some();
    let mut left_out = false;
    let mut kept = Vec::with_capacity(longest);
    for piece in pieces(all.iter()).filter(|piece| !piece.is_empty()) {
        let is_kept = |(name, value)| keep(name, value);
        if is_ours(piece) || !is_kept(split(piece)) {
            left_out = true;
            continue;
        }
        if !kept.is_empty() {
            kept.extend_from_slice(b"; ");
        }
        kept.extend_from_slice(piece);
    }
    (left_out || several_lines).then_some(kept)
}

/// Whether a `Set-Cookie` from an app would set one of ours.
#[must_use]
pub fn sets_ours(value: &HeaderValue) -> bool {
    let piece = value.as_bytes().split(|&byte| byte == b';').next().unwrap_or_default();
    is_ours(piece.trim_ascii())
}

/// Whether a cookie, with or without its value, is one of ours.
fn is_ours(cookie: &[u8]) -> bool {
    begins_with(cookie, OURS)
}

/// Without regard to case.
fn begins_with(cookie: &[u8], name: &[u8]) -> bool {
    cookie.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name))
}

fn pieces(lines: ValueIter<'_, HeaderValue>) -> impl Iterator<Item = &[u8]> {
    lines.flat_map(|line| Pieces(Some(line.as_bytes()))).map(<[u8]>::trim_ascii)
}

/// What stands between the semicolons of a line. Every request has a long one, so they are not looked for byte by byte.
struct Pieces<'a>(Option<&'a [u8]>);

impl<'a> Iterator for Pieces<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let rest = self.0?;
        let (piece, rest) = match memchr(b';', rest).and_then(|at| rest.split_at_checked(at)) {
            Some((piece, rest)) => (piece, rest.get(1..)),
            None => (rest, None),
        };
        self.0 = rest;
        Some(piece)
    }
}

/// Every cookie of a request: name and value.
pub fn pairs(headers: &HeaderMap) -> impl Iterator<Item = (&[u8], &[u8])> {
    pieces(headers.get_all(COOKIE).iter()).map(split)
}

fn split(piece: &[u8]) -> (&[u8], &[u8]) {
    match memchr(b'=', piece) {
        Some(at) => {
            let (name, value) = piece.split_at_checked(at).unwrap_or((piece, &[]));
            (name.trim_ascii(), value.get(1..).unwrap_or_default().trim_ascii())
        }
        None => (piece, &[]),
    }
}

/// The digest of a session cookie's value; `None` when it cannot be one of ours. Nothing slow: the value has 256 random
/// bits.
#[must_use]
pub fn digest(value: &[u8]) -> Option<SessionDigest> {
    let shaped = value.len() == SESSION_LENGTH
        && value.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    shaped.then(|| SessionDigest::from_bytes(Sha256::digest(value).into()))
}

/// A new secret value for a cookie or an address, and its digest.
pub struct Fresh {
    /// 256 random bits in base64url.
    pub value: Zeroizing<String>,
    /// Its SHA-256.
    pub digest: SessionDigest,
}

impl Fresh {
    /// Draws one from the kernel.
    ///
    /// # Errors
    /// When the kernel gives no randomness.
    pub fn generate() -> Result<Self, getrandom::Error> {
        let mut bytes = Zeroizing::new([0_u8; 32]);
        getrandom::fill(bytes.as_mut_slice())?;
        let value = Zeroizing::new(data_encoding::BASE64URL_NOPAD.encode(bytes.as_slice()));
        let digest = SessionDigest::from_bytes(Sha256::digest(value.as_bytes()).into());
        Ok(Self { value, digest })
    }
}

/// The `Set-Cookie` line for one of ours; without a life it ends with the browser's session.
#[must_use]
pub fn set(name: &str, value: &str, life: Option<std::time::Duration>) -> HeaderValue {
    let life = life.and_then(|life| cookie::time::Duration::try_from(life).ok());
    line(ours(name, value), life)
}

/// The `Set-Cookie` line that takes one of ours away.
#[must_use]
pub fn unset(name: &str) -> HeaderValue {
    line(ours(name, ""), Some(cookie::time::Duration::ZERO))
}

/// Adds a `Set-Cookie` line to `headers`.
pub fn add(headers: &mut HeaderMap, line: HeaderValue) {
    headers.append(SET_COOKIE, line);
}

fn ours<'a>(name: &'a str, value: &'a str) -> Cookie<'a> {
    Cookie::build((name, value)).secure(true).http_only(true).same_site(SameSite::Lax).path("/").build()
}

fn line(mut cookie: Cookie<'_>, life: Option<cookie::time::Duration>) -> HeaderValue {
    cookie.set_max_age(life);
    let text = Zeroizing::new(cookie.to_string());
    // Names and values are letters, digits, `-` and `_`: always a header value.
    HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static(""))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn headers(lines: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(COOKIE, HeaderValue::from_str(line).unwrap());
        }
        headers
    }

    #[test]
    fn our_cookie_is_found_alone_or_refused() {
        assert_eq!(find(&headers(&["a=1; __Host-twofold=x; b=2"]), SITE), Found::One(b"x"));
        assert_eq!(find(&headers(&["__Host-twofold-id=y"]), SITE), Found::None);
        for doubled in [
            &["__Host-twofold=x; __Host-twofold=y"][..],
            &["__Host-twofold=x", "__Host-twofold=y"],
            &["__Host-twofold=x;__host-TWOFOLD=y"],
            &["__Host-twofold=x; __Host-twofold"],
        ] {
            assert_eq!(find(&headers(doubled), SITE), Found::Several, "{doubled:?}");
        }
    }

    #[test]
    fn the_app_sees_none_of_ours() {
        let kept =
            |lines: &[&str]| kept(&headers(lines), &|_, _| true).map(|kept| String::from_utf8(kept).unwrap());
        assert_eq!(kept(&["a=1; b=2"]), None);
        assert_eq!(kept(&[]), None);
        assert_eq!(kept(&["a=1; __Host-twofold=x; b=\"2\""]).unwrap(), "a=1; b=\"2\"");
        assert_eq!(kept(&["__Host-twofold=x;  __HOST-TWOFOLD-flow-1=y"]).unwrap(), "");
        assert_eq!(kept(&["a=1", "b=2"]).unwrap(), "a=1; b=2");
        assert_eq!(kept(&["__Host-twofold"]).unwrap(), "");
    }

    #[test]
    fn the_app_cannot_set_ours() {
        for (line, ours) in [
            ("__Host-twofold=x; Path=/", true),
            (" __host-twofold-id =x", true),
            ("__Host-twofold-flow-1=x", true),
            ("session=__Host-twofold", false),
            ("__Host-other=x", false),
        ] {
            assert_eq!(sets_ours(&HeaderValue::from_str(line).unwrap()), ours, "{line}");
        }
    }

    #[test]
    fn our_lines_carry_every_attribute() {
        let line = set(SITE, "value", Some(std::time::Duration::from_secs(600)));
        assert_eq!(line, "__Host-twofold=value; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=600");
        assert_eq!(unset(PORTAL), "__Host-twofold-id=; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=0");
    }

    #[test]
    fn only_a_value_of_our_shape_has_a_digest() {
        let fresh = Fresh::generate().unwrap();
        assert_eq!(digest(fresh.value.as_bytes()), Some(fresh.digest));
        assert_eq!(digest(b"short"), None);
        assert_eq!(digest(&[b' '; SESSION_LENGTH]), None);
        assert_ne!(Fresh::generate().unwrap().digest, fresh.digest);
    }

    #[test]
    fn flow_names_come_oldest_first() {
        let headers =
            headers(&["__Host-twofold-flow-a=1; x=2; __Host-twofold-flow-b=3; __Host-twofold-flow-c c=4"]);
        assert_eq!(names_with(&headers, FLOW), ["a", "b"]);
    }

    proptest! {
        #[test]
        fn whatever_the_line_none_of_ours_is_left(line in "[ -~]{0,60}", more in "(; ?__Host-twofold(-id)?=[a-z]{0,3}){0,3}") {
            let headers = headers(&[&format!("{line}{more}")]);
            let kept = kept(&headers, &|_, _| true);
            let mut after = HeaderMap::new();
            after.append(COOKIE, kept.map_or_else(
                || headers.get(COOKIE).unwrap().clone(), |kept| HeaderValue::from_bytes(&kept).unwrap()));
            prop_assert_eq!(find(&after, SITE), Found::None);
            prop_assert_eq!(find(&after, PORTAL), Found::None);
        }
    }
}

//! What an app learns from a request's headers: who the person is, as the gate knows it and nobody else says it.
//!
//! Names are compared as an app may read them: `Remote_User`, `REMOTE-USER` and `Remote.User` are all one variable to
//! CGI. Pingora has taken the headers nominated by `Connection` away before anything is set here, so a client cannot
//! nominate ours.

use std::net::IpAddr;

use http::Method;
use http::header::{
    AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, COOKIE, EXPIRES, HOST, HeaderMap, HeaderName, HeaderValue,
    PRAGMA, SET_COOKIE,
};
use http::request::Parts as ReqParts;
use pingora::http::{RequestHeader, ResponseHeader};
use pingora::{ErrorType, OrErr, Result};

use crate::api_key;
use crate::cookies;
use crate::elsewhere::is_override;
use crate::session::Known;
use crate::site::Site;

/// The person's name.
pub const REMOTE_USER: HeaderName = HeaderName::from_static("remote-user");
/// The person's groups, with commas between.
pub const REMOTE_GROUPS: HeaderName = HeaderName::from_static("remote-groups");
/// What people call the person, in UTF-8; only where the ledger knows.
pub const REMOTE_NAME: HeaderName = HeaderName::from_static("remote-name");
/// The person's e-mail address; only where the ledger knows.
pub const REMOTE_EMAIL: HeaderName = HeaderName::from_static("remote-email");
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
/// Of those that begin with `x-`, what scripts send to say that they are the page's own.
const USUAL: &[&str] = &["x-requested-with", "x-csrf-token", "x-csrftoken", "x-xsrf-token"];
/// How many headers are set at most.
const OURS: usize = 9;
/// What shared caches obey rather than `Cache-Control`, each its own.
const FOR_SHARED_CACHES: &[&str] =
    &["edge-control", "surrogate-control", "x-accel-expires", "x-litespeed-cache-control"];
/// The ending of what RFC 9213 lets each of them have besides.
const TARGETED: &str = "cdn-cache-control";

/// Names that speak for the gate, in lower case with hyphens. Those that end in `*` are beginnings.
const SPOKEN_FOR: &[&str] = &[
    "remote-user",
    "remote-groups",
    "remote-name",
    "remote-email",
    "x-remote-*",
    "x-forwarded-*",
    "x-twofold-*",
    "x-original-url",
    "x-original-uri",
    "x-rewrite-url",
    "x-real-ip",
    "forwarded",
    // An API key is the gate's business.
    "twofold-key",
    // `Proxy` becomes HTTP_PROXY to CGI.
    "proxy",
];

/// Whether a client's header of this name must not reach an app.
#[must_use]
pub fn is_spoken_for(name: &str) -> bool {
    // A quick look first: nearly every header leaves here.
    let first = name.as_bytes().first().map(u8::to_ascii_lowercase);
    if !matches!(first, Some(b'r' | b'x' | b'f' | b'p' | b't')) {
        return false;
    }
    SPOKEN_FOR.iter().any(|entry| is_spelled(name, entry))
}

/// Whether an app may read `name` as `entry`, in lower case with hyphens; with a final `*`, as one that begins so.
#[must_use]
pub fn is_spelled(name: &str, entry: &str) -> bool {
    let alike = |own: &str| name.bytes().zip(own.bytes()).all(|(byte, own)| normal(byte) == own);
    match entry.strip_suffix('*') {
        Some(start) => name.len() >= start.len() && alike(start),
        None => name.len() == entry.len() && alike(entry),
    }
}

fn normal(byte: u8) -> u8 {
    if byte.is_ascii_alphanumeric() { byte.to_ascii_lowercase() } else { b'-' }
}

/// Takes away what a client must not say and says what the gate knows; without `known` the app is asked by nobody. `keep`
/// says which cookies go along.
///
/// # Errors
/// Pingora's, when a header cannot be set: the request is not forwarded.
pub fn prepare_request(
    request: &mut RequestHeader,
    site: &Site,
    known: Option<&Known>,
    address: Option<IpAddr>,
    keep: &dyn Fn(&[u8], &[u8]) -> bool,
) -> Result<()> {
    change(request, |parts| {
        if parts.method != Method::POST {
            // Nobody has judged it as another method.
            strip(&mut parts.headers, &is_override);
        }
        prepare(&mut parts.headers, site, known, address, keep)
    })
}

/// Forgets how the client wrote the names of its headers, before pingora copies them: they go on in lower case, as HTTP/2
/// has them.
///
/// # Errors
/// Pingora's, when the target cannot be kept: the request is not forwarded.
pub fn forget_spelling(request: &mut RequestHeader) -> Result<()> {
    change(request, |_| Ok(()))
}

/// Takes away what no browser says by itself, before a second factor has passed: an app may choose by it to do something
/// else than show its login page or take a login.
///
/// # Errors
/// Pingora's, when the target cannot be kept: the request is not forwarded.
pub fn keep_usual(request: &mut RequestHeader) -> Result<()> {
    change(request, |parts| {
        strip(&mut parts.headers, &|name| name.starts_with("x-") && !USUAL.contains(&name));
        Ok(())
    })
}

/// Changes a request without the second map that pingora keeps of names as they were written, which would double the cost
/// of every change.
fn change(request: &mut RequestHeader, how: impl FnOnce(&mut ReqParts) -> Result<()>) -> Result<()> {
    let raw = (!request.raw_path_is_utf8()).then(|| request.raw_path().to_vec());
    let empty = RequestHeader::from(http::Request::new(()).into_parts().0);
    let mut parts = ReqParts::from(std::mem::replace(request, empty));
    let changed = how(&mut parts);
    *request = RequestHeader::from(parts);
    if let Some(raw) = raw {
        request.set_raw_path(&raw)?;
    }
    changed
}

fn prepare(
    headers: &mut HeaderMap,
    site: &Site,
    known: Option<&Known>,
    address: Option<IpAddr>,
    keep: &dyn Fn(&[u8], &[u8]) -> bool,
) -> Result<()> {
    strip(headers, &is_spoken_for);
    // Once for all that comes.
    headers.reserve(OURS);
    if let Some(name) = site.user_header() {
        let spelled: Vec<u8> = name.as_str().bytes().map(normal).collect();
        let spelled = String::from_utf8_lossy(&spelled);
        strip(headers, &|name| is_spelled(name, &spelled));
    }
    if !site.forwards_authorization() || headers.get_all(AUTHORIZATION).iter().any(api_key::is_ours) {
        headers.remove(AUTHORIZATION);
    }
    if let Some(kept) = cookies::kept(headers, keep) {
        if kept.is_empty() {
            headers.remove(COOKIE);
        } else {
            headers.insert(COOKIE, shared_value(kept)?);
        }
    }
    if headers.get(HOST) != Some(site.authority()) {
        headers.insert(HOST, site.authority().clone());
    }
    if let Some(known) = known {
        headers.insert(REMOTE_USER, known.user().clone());
        headers.insert(REMOTE_GROUPS, known.groups().clone());
        if let Some(name) = known.display_name() {
            headers.insert(REMOTE_NAME, name.clone());
        }
        if let Some(email) = known.email() {
            headers.insert(REMOTE_EMAIL, email.clone());
        }
        if let Some(name) = site.user_header() {
            headers.insert(name, known.user().clone());
        }
    }
    headers.insert(FORWARDED_HOST, site.authority().clone());
    headers.insert(FORWARDED_PROTO, site.scheme().clone());
    if let Some(address) = address {
        headers.insert(FORWARDED_FOR, written(address)?);
    }
    Ok(())
}

fn strip(headers: &mut HeaderMap, is_to_go: &dyn Fn(&str) -> bool) {
    loop {
        let found = headers.keys().find(|name| is_to_go(name.as_str())).cloned();
        match found {
            // Removes every line of that name.
            Some(name) => drop(headers.remove(&name)),
            None => return,
        }
    }
}

/// Keeps an app's answer out of shared caches, and its pages out of the browser's once the person has signed out.
///
/// Nothing that the app said is weakened: `private` and `no-store` are only ever added.
///
/// # Errors
/// Pingora's, when a header cannot be set: the answer is not passed on.
pub fn prepare_response(response: &mut ResponseHeader, kind: Kind) -> Result<()> {
    if response.headers.get_all(SET_COOKIE).iter().any(cookies::sets_ours) {
        let kept: Vec<HeaderValue> = response
            .headers
            .get_all(SET_COOKIE)
            .iter()
            .filter(|line| !cookies::sets_ours(line))
            .cloned()
            .collect();
        response.remove_header(&SET_COOKIE);
        for line in kept {
            response.append_header(SET_COOKIE, line)?;
        }
    }
    remove_all(response, is_for_shared_caches);
    if kind == Kind::Page {
        return set_cache_control(response, HeaderValue::from_static("no-store"));
    }
    let mut lines = response.headers.get_all(CACHE_CONTROL).iter();
    let value = match (lines.next(), lines.next()) {
        (None, _) => HeaderValue::from_static("private, no-cache"),
        (Some(line), None) if is_private(line.as_bytes()) => return Ok(()),
        _ => made_private(response)?,
    };
    set_cache_control(response, value)
}

/// What an app answers with, as far as it matters to the gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// HTML, or what browsers take for it.
    Page,
    /// Events, for as long as the app likes.
    EventStream,
    /// Anything else.
    Other,
}

impl Kind {
    /// As the answer's `Content-Type` says.
    #[must_use]
    pub fn of(response: &ResponseHeader) -> Self {
        let line = response.headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes).unwrap_or_default();
        let begins =
            |page: &[u8]| line.get(..page.len()).is_some_and(|start| start.eq_ignore_ascii_case(page));
        if begins(b"text/html") || begins(b"application/xhtml") {
            return Self::Page;
        }
        let bare = line.split(|&byte| byte == b';').next().unwrap_or_default().trim_ascii();
        if bare.eq_ignore_ascii_case(b"text/event-stream") { Self::EventStream } else { Self::Other }
    }
}

fn set_cache_control(response: &mut ResponseHeader, value: HeaderValue) -> Result<()> {
    // Older ways to say what Cache-Control says.
    if value == "no-store" {
        remove_all(response, |name| name == EXPIRES || name == PRAGMA);
    }
    response.insert_header(CACHE_CONTROL, value)?;
    Ok(())
}

/// Removes headers in one pass: few answers have any.
fn remove_all(response: &mut ResponseHeader, is_one: impl Fn(&HeaderName) -> bool) {
    while let Some(name) = response.headers.keys().find(|name| is_one(name)).cloned() {
        response.remove_header(&name);
    }
}

/// Whether only a shared cache reads it, and might keep what `Cache-Control` forbids.
fn is_for_shared_caches(name: &HeaderName) -> bool {
    let name = name.as_str();
    name.ends_with(TARGETED) || FOR_SHARED_CACHES.contains(&name)
}

/// Whether no shared cache may keep it as it is.
fn is_private(value: &[u8]) -> bool {
    directives(value).any(|directive| {
        directive.eq_ignore_ascii_case(b"private") || directive.eq_ignore_ascii_case(b"no-store")
    })
}

fn directives(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(|&byte| byte == b',').map(<[u8]>::trim_ascii).filter(|directive| !directive.is_empty())
}

/// The app's directives but those for shared caches, with `private` in front.
fn made_private(response: &ResponseHeader) -> Result<HeaderValue> {
    let mut value = b"private".to_vec();
    for line in response.headers.get_all(CACHE_CONTROL) {
        for directive in directives(line.as_bytes()) {
            let shared = [&b"public"[..], b"private", b"s-maxage", b"proxy-revalidate"].iter().any(|word| {
                directive.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word))
            });
            if !shared {
                value.extend_from_slice(b", ");
                value.extend_from_slice(directive);
            }
        }
    }
    shared_value(value)
}

/// An address as text. IPv4 by hand: the standard library's formatting costs more than three of these headers.
fn written(address: IpAddr) -> Result<HeaderValue> {
    let IpAddr::V4(address) = address else { return shared_value(address.to_string().into_bytes()) };
    let (mut text, mut length) = ([0; 15], 0);
    let mut put = |byte| {
        if let Some(place) = text.get_mut(length) {
            *place = byte;
            length += 1;
        }
    };
    for (index, octet) in address.octets().into_iter().enumerate() {
        if index > 0 {
            put(b'.');
        }
        if octet >= 100 {
            put(b'0' + octet / 100);
        }
        if octet >= 10 {
            put(b'0' + octet / 10 % 10);
        }
        put(b'0' + octet % 10);
    }
    let text = text.get(..length).unwrap_or_default();
    HeaderValue::from_bytes(text).or_err(ErrorType::InternalError, "a header of ours")
}

/// Takes the bytes over without copying them.
fn shared_value(bytes: Vec<u8>) -> Result<HeaderValue> {
    HeaderValue::from_maybe_shared(bytes::Bytes::from(bytes))
        .or_err(ErrorType::InternalError, "a header of ours")
}

#[cfg(test)]
mod tests;

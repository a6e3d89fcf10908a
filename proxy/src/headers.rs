//! What an app learns from a request's headers: who the person is, as the gate knows it and nobody else says it.
//!
//! Names are compared as an app may read them: `Remote_User`, `REMOTE-USER` and `Remote.User` are all one variable to
//! CGI. Pingora has taken the headers nominated by `Connection` away before anything is set here, so a client cannot
//! nominate ours.

use http::header::{
    AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, COOKIE, EXPIRES, HOST, HeaderName, HeaderValue, PRAGMA,
    SET_COOKIE,
};
use pingora::Result;
use pingora::http::{RequestHeader, ResponseHeader};

use crate::cookies;
use crate::session::Known;
use crate::site::Site;

/// The person's name.
pub const REMOTE_USER: HeaderName = HeaderName::from_static("remote-user");
/// The person's groups, with commas between.
pub const REMOTE_GROUPS: HeaderName = HeaderName::from_static("remote-groups");
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const FORWARDED_PORT: HeaderName = HeaderName::from_static("x-forwarded-port");

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
    // `Proxy` becomes HTTP_PROXY to CGI.
    "proxy",
];

/// Whether a client's header of this name must not reach an app.
#[must_use]
pub fn is_spoken_for(name: &str) -> bool {
    // A quick look first: nearly every header leaves here.
    if !matches!(name.as_bytes().first(), Some(b'r' | b'R' | b'x' | b'X' | b'f' | b'F' | b'p' | b'P')) {
        return false;
    }
    SPOKEN_FOR.iter().any(|entry| match entry.strip_suffix('*') {
        Some(start) => {
            name.len() >= start.len()
                && name.bytes().zip(start.bytes()).all(|(byte, own)| normal(byte) == own)
        }
        None => {
            name.len() == entry.len()
                && name.bytes().zip(entry.bytes()).all(|(byte, own)| normal(byte) == own)
        }
    })
}

fn normal(byte: u8) -> u8 {
    if byte.is_ascii_alphanumeric() { byte.to_ascii_lowercase() } else { b'-' }
}

/// Takes away what a client must not say and says what the gate knows.
///
/// # Errors
/// Pingora's, when a header cannot be set: the request is not forwarded.
pub fn prepare_request(
    request: &mut RequestHeader,
    site: &Site,
    known: &Known,
    address: Option<std::net::IpAddr>,
) -> Result<()> {
    strip_spoken_for(request);
    if !site.forwards_authorization() {
        request.remove_header(&AUTHORIZATION);
    }
    if let Some(kept) = cookies::without_ours(&request.headers) {
        request.remove_header(&COOKIE);
        if !kept.is_empty() {
            request.insert_header(COOKIE, shared_value(kept)?)?;
        }
    }
    request.insert_header(HOST, site.authority().clone())?;
    request.insert_header(REMOTE_USER, known.user().clone())?;
    request.insert_header(REMOTE_GROUPS, known.groups().clone())?;
    request.insert_header(FORWARDED_HOST, site.authority().clone())?;
    request.insert_header(FORWARDED_PROTO, site.scheme().clone())?;
    request.insert_header(FORWARDED_PORT, site.port().clone())?;
    if let Some(address) = address {
        request.insert_header(FORWARDED_FOR, shared_value(address.to_string().into_bytes())?)?;
    }
    Ok(())
}

fn strip_spoken_for(request: &mut RequestHeader) {
    loop {
        let found = request.headers.keys().find(|name| is_spoken_for(name.as_str())).cloned();
        match found {
            // Removes every line of that name.
            Some(name) => drop(request.remove_header(&name)),
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
pub fn prepare_response(response: &mut ResponseHeader) -> Result<()> {
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
    if is_page(response) {
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

fn set_cache_control(response: &mut ResponseHeader, value: HeaderValue) -> Result<()> {
    // Older ways to say what Cache-Control says, and what only a shared cache reads.
    for name in [&EXPIRES, &PRAGMA] {
        if value == "no-store" {
            response.remove_header(name);
        }
    }
    for name in ["surrogate-control", "cdn-cache-control"] {
        response.remove_header(name);
    }
    response.insert_header(CACHE_CONTROL, value)?;
    Ok(())
}

fn is_page(response: &ResponseHeader) -> bool {
    let kind = response.headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes).unwrap_or_default();
    [&b"text/html"[..], b"application/xhtml"]
        .iter()
        .any(|page| kind.get(..page.len()).is_some_and(|start| start.eq_ignore_ascii_case(page)))
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

/// Takes the bytes over without copying them.
fn shared_value(bytes: Vec<u8>) -> Result<HeaderValue> {
    HeaderValue::from_maybe_shared(bytes::Bytes::from(bytes))
        .map_err(|why| pingora::Error::because(pingora::ErrorType::InternalError, "a header of ours", why))
}

#[cfg(test)]
mod tests;

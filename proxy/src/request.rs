//! What kind of request this is: what may not pass at all, and who is to be answered with a page.

use http::header::{
    ACCEPT, CONNECTION, CONTENT_LENGTH, COOKIE, HOST, HeaderMap, HeaderName, ORIGIN, UPGRADE,
};
use http::{Method, Version};
use pingora::http::RequestHeader;

const SEC_FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");
const SEC_FETCH_DEST: HeaderName = HeaderName::from_static("sec-fetch-dest");
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const X_REQUESTED_WITH: HeaderName = HeaderName::from_static("x-requested-with");
const SEC_WEBSOCKET_KEY: HeaderName = HeaderName::from_static("sec-websocket-key");

/// Methods that are passed on: HTTP's own but CONNECT and TRACE, and those of WebDAV and CalDAV.
pub const METHODS: &[&str] = &[
    "GET",
    "HEAD",
    "POST",
    "PUT",
    "PATCH",
    "DELETE",
    "OPTIONS",
    "PROPFIND",
    "PROPPATCH",
    "MKCOL",
    "COPY",
    "MOVE",
    "LOCK",
    "UNLOCK",
    "REPORT",
    "SEARCH",
    "MKCALENDAR",
    "ACL",
];

/// Why a request is not even looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// CONNECT, TRACE, or a method nobody knows.
    #[error("a method that is not passed on")]
    Method,
    /// Neither HTTP/1.0, 1.1 nor 2.
    #[error("an unknown version of HTTP")]
    Version,
    /// A half or odd upgrade: two readers could disagree where the request ends.
    #[error("an upgrade that is not a whole websocket handshake")]
    Upgrade,
}

/// Whether this connection may become something else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Upgrading {
    /// An ordinary request.
    No,
    /// An `Upgrade` that is not to a websocket: to be ignored, as RFC 9110 7.8 allows.
    Ignored,
    /// A whole websocket handshake.
    Websocket,
}

/// Whether a method is passed on to apps.
#[must_use]
pub fn is_passed_on(method: &Method) -> bool {
    METHODS.contains(&method.as_str())
}

/// Refuses what no app should ever see.
///
/// # Errors
/// [`Unfit`].
pub fn check(request: &RequestHeader) -> Result<Upgrading, Unfit> {
    if !is_passed_on(&request.method) {
        return Err(Unfit::Method);
    }
    if !matches!(request.version, Version::HTTP_10 | Version::HTTP_11 | Version::HTTP_2) {
        return Err(Unfit::Version);
    }
    let mut upgrades = request.headers.get_all(UPGRADE).iter();
    let Some(upgrade) = upgrades.next() else { return Ok(Upgrading::No) };
    if !upgrade.as_bytes().trim_ascii().eq_ignore_ascii_case(b"websocket") {
        let names_it = upgrade.as_bytes().to_ascii_lowercase().windows(9).any(|part| part == b"websocket");
        return if names_it { Err(Unfit::Upgrade) } else { Ok(Upgrading::Ignored) };
    }
    let whole = upgrades.next().is_none()
        && request.method == Method::GET
        && request.version == Version::HTTP_11
        && request.headers.contains_key(SEC_WEBSOCKET_KEY)
        && !request.headers.contains_key(CONTENT_LENGTH)
        && !request.headers.contains_key(http::header::TRANSFER_ENCODING)
        && has_token(&request.headers, &CONNECTION, b"upgrade");
    if whole { Ok(Upgrading::Websocket) } else { Err(Unfit::Upgrade) }
}

fn has_token(headers: &HeaderMap, name: &HeaderName, token: &[u8]) -> bool {
    let mut tokens =
        headers.get_all(name).iter().flat_map(|line| line.as_bytes().split(|&byte| byte == b','));
    tokens.any(|one| one.trim_ascii().eq_ignore_ascii_case(token))
}

/// The only host that is asked for; pingora refuses two, and one that is not also the target's. HTTP/2 has it in the target.
#[must_use]
pub fn host(request: &RequestHeader) -> &[u8] {
    match (request.headers.get(HOST), request.uri.authority()) {
        (Some(host), _) => host.as_bytes(),
        (None, Some(authority)) if request.version == Version::HTTP_2 => authority.as_str().as_bytes(),
        (None, _) => &[],
    }
}

/// The length that a body is said to have; pingora has checked that there is one at most.
#[must_use]
pub fn announced_length(headers: &HeaderMap) -> u64 {
    let length = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok());
    length.and_then(|length| length.trim().parse().ok()).unwrap_or(0)
}

/// Whether a person looks at what comes back: a page may be shown, a redirect be followed to another origin.
#[must_use]
pub fn is_navigation(headers: &HeaderMap) -> bool {
    if headers.contains_key(UPGRADE) || headers.contains_key(SEC_WEBSOCKET_KEY) {
        return false;
    }
    match headers.get(SEC_FETCH_MODE) {
        Some(mode) => {
            mode == "navigate" && headers.get(SEC_FETCH_DEST).is_none_or(|dest| dest != "serviceworker")
        }
        None => !headers.contains_key(X_REQUESTED_WITH) && accepts_pages(headers),
    }
}

fn accepts_pages(headers: &HeaderMap) -> bool {
    let mut kinds =
        headers.get_all(ACCEPT).iter().flat_map(|line| line.as_bytes().split(|&byte| byte == b','));
    kinds.any(|kind| {
        let kind = kind.split(|&byte| byte == b';').next().unwrap_or_default().trim_ascii();
        kind.eq_ignore_ascii_case(b"text/html") || kind.eq_ignore_ascii_case(b"application/xhtml+xml")
    })
}

/// Whether to say that HTTP Basic is taken: git, WebDAV and CalDAV clients send nothing before they are asked. Not to a
/// browser, which would ask the person for a name and a password.
#[must_use]
pub fn is_asked_for_basic(headers: &HeaderMap) -> bool {
    let browsers =
        [SEC_FETCH_MODE, SEC_FETCH_DEST, SEC_FETCH_SITE, X_REQUESTED_WITH, SEC_WEBSOCKET_KEY, ORIGIN, COOKIE];
    !browsers.iter().any(|name| headers.contains_key(name)) && !accepts_pages(headers)
}

/// Who, as far as the browser says, caused a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// A page of this very origin, or the person's own hand.
    Own,
    /// Another origin.
    Foreign,
    /// An old browser, or no browser: it does not say.
    Unsaid,
}

/// Reads `Sec-Fetch-Site`; where there is none, `Origin`. A page without referrer sends `Origin: null` to itself.
#[must_use]
pub fn cause(headers: &HeaderMap, own: &str) -> Cause {
    match headers.get(SEC_FETCH_SITE) {
        Some(site) if site == "same-origin" || site == "none" => Cause::Own,
        Some(_) => Cause::Foreign,
        None => match headers.get(http::header::ORIGIN) {
            Some(origin) if origin.as_bytes() == own.as_bytes() => Cause::Own,
            Some(origin) if origin != "null" => Cause::Foreign,
            _ => Cause::Unsaid,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(method: &str, lines: &[(&str, &str)]) -> RequestHeader {
        let mut request = RequestHeader::build(method, b"/", None).unwrap();
        request.set_version(Version::HTTP_11);
        for (name, value) in lines {
            request.append_header((*name).to_owned(), *value).unwrap();
        }
        request
    }

    const WEBSOCKET: &[(&str, &str)] =
        &[("Upgrade", "websocket"), ("Connection", "keep-alive, Upgrade"), ("Sec-WebSocket-Key", "x")];

    #[test]
    fn unknown_methods_do_not_pass() {
        for method in ["TRACE", "CONNECT", "BREW", "get", "TRACK"] {
            assert_eq!(check(&request(method, &[])), Err(Unfit::Method), "{method}");
        }
        for method in METHODS {
            assert_eq!(check(&request(method, &[])), Ok(Upgrading::No), "{method}");
        }
    }

    #[test]
    fn only_a_whole_websocket_handshake_upgrades() {
        assert_eq!(check(&request("GET", WEBSOCKET)), Ok(Upgrading::Websocket));
        assert_eq!(check(&request("POST", WEBSOCKET)), Err(Unfit::Upgrade));
        assert_eq!(check(&request("GET", &WEBSOCKET[..1])), Err(Unfit::Upgrade));
        assert_eq!(check(&request("GET", &WEBSOCKET[..2])), Err(Unfit::Upgrade));
        assert_eq!(check(&request("GET", &[WEBSOCKET, WEBSOCKET].concat())), Err(Unfit::Upgrade));
        assert_eq!(
            check(&request("GET", &[WEBSOCKET, &[("Content-Length", "3")]].concat())),
            Err(Unfit::Upgrade)
        );
        assert_eq!(check(&request("GET", &[("Upgrade", "h2c, websocket")])), Err(Unfit::Upgrade));
        assert_eq!(check(&request("GET", &[("Upgrade", "h2c")])), Ok(Upgrading::Ignored));
    }

    #[test]
    fn a_navigation_is_told_from_a_script() {
        for (lines, navigation) in [
            (&[("Sec-Fetch-Mode", "navigate"), ("Sec-Fetch-Dest", "document")][..], true),
            (&[("Sec-Fetch-Mode", "cors"), ("Accept", "text/html")], false),
            (&[("Sec-Fetch-Mode", "websocket")], false),
            (&[("Sec-Fetch-Mode", "same-origin"), ("Sec-Fetch-Dest", "serviceworker")], false),
            (&[("Accept", "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8")], true),
            (&[("Accept", "text/html"), ("X-Requested-With", "XMLHttpRequest")], false),
            (&[("Accept", "text/event-stream")], false),
            (&[("Accept", "*/*")], false),
            (&[], false),
            (WEBSOCKET, false),
        ] {
            assert_eq!(is_navigation(&request("GET", lines).headers), navigation, "{lines:?}");
        }
    }

    #[test]
    fn only_programs_are_asked_for_basic() {
        for (lines, asked) in [
            (&[("User-Agent", "git/2.39.5"), ("Accept", "*/*")][..], true),
            (&[("Authorization", "Basic YTpi"), ("Accept", "*/*")], true),
            (&[], true),
            (&[("Sec-Fetch-Mode", "cors")], false),
            (&[("Accept", "text/html")], false),
            (&[("X-Requested-With", "XMLHttpRequest")], false),
            (&[("Origin", "https://wiki.example.com")], false),
            (&[("Cookie", "app=1")], false),
            (WEBSOCKET, false),
        ] {
            assert_eq!(is_asked_for_basic(&request("GET", lines).headers), asked, "{lines:?}");
        }
    }

    #[test]
    fn a_foreign_cause_is_seen() {
        let own = "https://id.example.com";
        for (lines, expected) in [
            (&[("Sec-Fetch-Site", "same-origin"), ("Origin", "null")][..], Cause::Own),
            (&[("Sec-Fetch-Site", "none")], Cause::Own),
            (&[("Sec-Fetch-Site", "same-site"), ("Origin", own)], Cause::Foreign),
            (&[("Sec-Fetch-Site", "cross-site")], Cause::Foreign),
            (&[("Origin", own)], Cause::Own),
            (&[("Origin", "https://evil.example")], Cause::Foreign),
            (&[("Origin", "null")], Cause::Unsaid),
            (&[], Cause::Unsaid),
        ] {
            assert_eq!(cause(&request("POST", lines).headers, own), expected, "{lines:?}");
        }
    }
}

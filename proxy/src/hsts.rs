//! `Strict-Transport-Security`: browsers that saw it once come over https ever after.

use std::time::Duration;

use http::HeaderValue;
use http::header::{HeaderMap, STRICT_TRANSPORT_SECURITY};
use pingora::Result;
use pingora::http::ResponseHeader;

/// What the gate promises for each of its https origins.
#[derive(Clone, Debug, Default)]
pub struct Hsts(Option<Promise>);

#[derive(Clone, Debug)]
struct Promise {
    seconds: u64,
    line: HeaderValue,
}

impl Hsts {
    /// For this long; nothing is promised for zero, or where the origins are http.
    #[must_use]
    pub fn new(life: Duration, is_secure: bool) -> Self {
        let seconds = life.as_secs();
        let line = HeaderValue::from_str(&format!("max-age={seconds}")).ok();
        Self(line.filter(|_| is_secure && seconds > 0).map(|line| Promise { seconds, line }))
    }

    /// Adds it to an answer of the gate's own.
    pub fn add(&self, headers: &mut HeaderMap) {
        if let Some(promise) = &self.0 {
            headers.insert(STRICT_TRANSPORT_SECURITY, promise.line.clone());
        }
    }

    /// Adds it to an app's answer. What the app itself promises is never weakened: a longer life stays, and so does all
    /// that it says besides.
    ///
    /// # Errors
    /// Pingora's, when a header cannot be set.
    pub fn strengthen(&self, response: &mut ResponseHeader) -> Result<()> {
        let Some(promise) = &self.0 else { return Ok(()) };
        // Browsers read the first line alone (RFC 6797, 8.1).
        let line = match response.headers.get(STRICT_TRANSPORT_SECURITY) {
            None => promise.line.clone(),
            Some(own) if max_age(own.as_bytes()).is_some_and(|seconds| seconds >= promise.seconds) => {
                return Ok(());
            }
            Some(own) => longer(own.as_bytes(), promise),
        };
        response.insert_header(STRICT_TRANSPORT_SECURITY, line)?;
        Ok(())
    }
}

fn directives(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    line.split(|&byte| byte == b';').map(<[u8]>::trim_ascii)
}

fn is_max_age(directive: &[u8]) -> bool {
    directive.get(..7).is_some_and(|name| name.eq_ignore_ascii_case(b"max-age"))
}

fn max_age(line: &[u8]) -> Option<u64> {
    let directive = directives(line).find(|directive| is_max_age(directive))?;
    let value = directive.get(7..)?.trim_ascii_start().strip_prefix(b"=")?.trim_ascii();
    std::str::from_utf8(value).ok()?.trim_matches('"').parse().ok()
}

/// The app's line with the gate's life.
fn longer(line: &[u8], promise: &Promise) -> HeaderValue {
    let mut longer = promise.line.as_bytes().to_vec();
    for directive in directives(line).filter(|directive| !directive.is_empty() && !is_max_age(directive)) {
        longer.extend_from_slice(b"; ");
        longer.extend_from_slice(directive);
    }
    HeaderValue::from_bytes(&longer).unwrap_or_else(|_| promise.line.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_apps_own_promise_is_never_weakened() {
        let hsts = Hsts::new(Duration::from_secs(1000), true);
        for (own, sent) in [
            (None, "max-age=1000"),
            (Some("max-age=1000; preload"), "max-age=1000; preload"),
            (Some("includeSubDomains; Max-Age = \"5000\""), "includeSubDomains; Max-Age = \"5000\""),
            (Some("max-age=0"), "max-age=1000"),
            (Some("max-age=999 ; includeSubDomains;preload"), "max-age=1000; includeSubDomains; preload"),
            (Some("rubbish"), "max-age=1000; rubbish"),
        ] {
            let mut response = ResponseHeader::build(200, None).unwrap();
            if let Some(own) = own {
                response.insert_header(STRICT_TRANSPORT_SECURITY, own).unwrap();
            }
            hsts.strengthen(&mut response).unwrap();
            assert_eq!(response.headers[STRICT_TRANSPORT_SECURITY], sent, "{own:?}");
        }
    }

    #[test]
    fn nothing_is_promised_for_zero_or_for_http() {
        for hsts in [Hsts::new(Duration::ZERO, true), Hsts::new(Duration::from_secs(1), false)] {
            let mut response = ResponseHeader::build(200, None).unwrap();
            hsts.strengthen(&mut response).unwrap();
            let mut headers = HeaderMap::new();
            hsts.add(&mut headers);
            assert!(response.headers.is_empty() && headers.is_empty());
        }
    }
}

//! `X-Twofold-Assertion`: a signed word about who asks, for apps that do not want to trust whoever reaches their port.
//!
//! A JWT (RFC 7519) by ES256, good for a minute at one site. The key never leaves the gate; its public half is at
//! `/.twofold/jwks.json` of the portal.

mod key;

pub use key::{Key, KeyError};

use std::sync::Arc;

use data_encoding::BASE64URL_NOPAD;
use http::StatusCode;
use http::header::{CACHE_CONTROL, HeaderName, HeaderValue};
use serde_json::json;

use crate::answer::Answer;
use crate::session::Known;
use crate::site::Site;

/// The header.
pub const ASSERTION: HeaderName = HeaderName::from_static("x-twofold-assertion");
/// Where the public key is, at the portal.
pub const JWKS: &str = "/.twofold/jwks.json";

/// How long an assertion is good for, in seconds.
const LIFE: u64 = 60;
/// For how many seconds it is sent again, because signing costs as much as everything else that the gate does.
const SENT_FOR: u64 = 30;

/// The kernel gave no randomness, or the claims cannot stand in a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an assertion cannot be signed")]
pub struct Unsigned;

/// An assertion and when a new one is due.
#[derive(Clone, Debug)]
pub struct Signed {
    audience: String,
    line: HeaderValue,
    until: u64,
}

/// Makes assertions.
#[derive(Debug)]
pub struct Assertions {
    key: Key,
    issuer: String,
    head: String,
    jwks: String,
}

impl Assertions {
    /// With this key, in the name of the portal at `issuer`.
    #[must_use]
    pub fn new(key: Key, issuer: String) -> Self {
        let head = json!({ "alg": "ES256", "typ": "JWT", "kid": key.id() }).to_string();
        let jwks = json!({ "keys": [key.public()] }).to_string();
        Self { head: BASE64URL_NOPAD.encode(head.as_bytes()), jwks, key, issuer }
    }

    /// What the app at `site` is told of `known`, at `now` in seconds of Unix time.
    ///
    /// # Errors
    /// [`Unsigned`]: the request must not be forwarded.
    pub fn line(&self, site: &Site, known: &Known, now: u64) -> Result<HeaderValue, Unsigned> {
        if let Some(signed) = &*known.signed().load()
            && now < signed.until
            && signed.audience == site.host()
        {
            return Ok(signed.line.clone());
        }
        let line = HeaderValue::try_from(self.token(site.host(), known, now)?).map_err(|_| Unsigned)?;
        let (audience, until) = (site.host().to_owned(), now.saturating_add(SENT_FOR));
        known.signed().store(Some(Arc::new(Signed { audience, line: line.clone(), until })));
        Ok(line)
    }

    fn token(&self, audience: &str, known: &Known, now: u64) -> Result<String, Unsigned> {
        let text = |value: Option<&HeaderValue>| {
            value.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
        };
        let mut claims = json!({
            "iss": self.issuer,
            "aud": audience,
            "sub": known.account(),
            "name": known.name(),
            "groups": known.group_names().collect::<Vec<_>>(),
            "level": known.level(),
            "iat": now,
            "exp": now.saturating_add(LIFE),
        });
        for (claim, value) in [("display_name", text(known.display_name())), ("email", text(known.email()))] {
            if let (Some(value), Some(claims)) = (value, claims.as_object_mut()) {
                claims.insert(claim.to_owned(), value.into());
            }
        }
        let mut token = format!("{}.{}", self.head, BASE64URL_NOPAD.encode(claims.to_string().as_bytes()));
        let signature = self.key.sign(token.as_bytes())?;
        token.push('.');
        token.push_str(&BASE64URL_NOPAD.encode(signature.as_ref()));
        Ok(token)
    }

    /// The public key for apps (RFC 7517).
    #[must_use]
    pub fn jwks(&self) -> Answer {
        let mut answer = Answer::json(StatusCode::OK, &json!(null));
        answer.body = self.jwks.clone().into();
        answer.with(CACHE_CONTROL, HeaderValue::from_static("public, max-age=300"))
    }
}

#[cfg(test)]
mod tests {
    use twofold_shared::wire::{Level, SessionView};

    use super::*;
    use crate::config::SiteConfig;
    use crate::rules::Rules;

    fn site(origin: &str) -> Site {
        Site::new(&SiteConfig {
            origin: crate::origin::Origin::parse(origin).unwrap(),
            upstream: "127.0.0.1:1".parse().unwrap(),
            max_body: None,
            title: String::new(),
            path_parameters: false,
            ignore_case: false,
            rules: Rules::default(),
            enrolments: crate::enrolment::Enrolments::default(),
            first_factor: crate::first_factor::FirstFactor::Password,
            create: false,
            assertion: true,
            trusted_browsers: None,
            forward_authorization: false,
        })
    }

    #[test]
    fn an_assertion_is_sent_again_for_half_its_life_and_at_its_site_alone() {
        let folder = tempfile::tempdir().unwrap();
        let key = Key::open(&folder.path().join("key")).unwrap();
        let assertions = Assertions::new(key, "https://id.example.com".to_owned());
        let view = SessionView {
            account: "1".to_owned(),
            name: "local:alice".to_owned(),
            realm: "local".to_owned(),
            groups: Vec::new(),
            contacts: twofold_shared::wire::Contacts {
                email: Some("alice@example.com".to_owned()),
                ..twofold_shared::wire::Contacts::default()
            },
            enrolled: true,
            level: Level::Second,
            second_at: Some(1),
            trusted_at: None,
            ends_at: 9_999,
            idle_seconds: 9_999,
            operates: false,
        };
        let known = Known::new(view, None, 1_000).unwrap();
        let (wiki, shop) = (site("https://wiki.example.com"), site("https://shop.example.com"));
        let first = assertions.line(&wiki, &known, 1_000).unwrap();
        assert_eq!(assertions.line(&wiki, &known, 1_029).unwrap(), first);
        let other = assertions.line(&shop, &known, 1_029).unwrap();
        assert_ne!(other, first);
        let later = assertions.line(&wiki, &known, 1_030).unwrap();
        assert!(later != first && later != other);
        let claims = |line: &HeaderValue| {
            let middle = line.to_str().unwrap().split('.').nth(1).unwrap().as_bytes();
            serde_json::from_slice::<serde_json::Value>(&BASE64URL_NOPAD.decode(middle).unwrap()).unwrap()
        };
        assert_eq!(
            claims(&first),
            json!({ "iss": "https://id.example.com", "aud": "wiki.example.com", "sub": "1", "name": "alice",
                    "groups": [], "email": "alice@example.com", "level": "second", "iat": 1_000, "exp": 1_060 })
        );
        assert_eq!(claims(&other)["aud"], "shop.example.com");
    }
}

//! Asking the app who somebody is: one GET to a place that only the app's own session can fill in.

use std::time::Duration;

use http::header::{
    ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, COOKIE, EXPECT, HeaderMap,
    HeaderValue, IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE, IF_UNMODIFIED_SINCE, RANGE,
    TRANSFER_ENCODING, UPGRADE, WWW_AUTHENTICATE,
};
use http::{Method, StatusCode};
use pingora::connectors::http::Connector;
use pingora::http::RequestHeader;
use pingora::upstreams::peer::HttpPeer;
use regex::Regex;
use tokio::time::timeout;

use super::AppCookie;

/// How long the app may take to say who it is.
const PATIENCE: Duration = Duration::from_secs(5);
/// How much of its answer is looked at, in bytes.
const LONGEST: usize = 512 * 1024;
/// The longest name that anybody has, in bytes.
const LONGEST_NAME: usize = 256;

/// Where and how the app says who somebody is.
#[derive(Clone, Debug)]
pub enum Identity {
    /// The first group of a regular expression, found in what `path` answers.
    Pattern {
        /// The path and query.
        path: String,
        /// The expression.
        pattern: Regex,
    },
    /// A JSON pointer (RFC 6901) into what `path` answers.
    Pointer {
        /// The path and query.
        path: String,
        /// The pointer.
        pointer: String,
    },
}

impl PartialEq for Identity {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Pattern { path, pattern }, Self::Pattern { path: other, pattern: others }) => {
                path == other && pattern.as_str() == others.as_str()
            }
            (Self::Pointer { path, pointer }, Self::Pointer { path: other, pointer: others }) => {
                path == other && pointer == others
            }
            (Self::Pattern { .. }, Self::Pointer { .. }) | (Self::Pointer { .. }, Self::Pattern { .. }) => {
                false
            }
        }
    }
}

impl Eq for Identity {}

/// Who somebody is to the app.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Who {
    /// This name.
    Somebody(String),
    /// Nobody who has signed in.
    Nobody,
}

/// What an app that asks for HTTP Basic thinks of a name and a password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Basic {
    /// They are right.
    Right,
    /// They are not, or there are none: what it asks browsers with.
    Asks(Vec<HeaderValue>),
}

/// An app's answer to a question.
struct Answered {
    status: StatusCode,
    headers: HeaderMap,
    body: Vec<u8>,
}

/// The app did not say: nothing is known, so nothing passes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the app does not say who this is: {0}")]
pub struct NoAnswer(String);

impl Identity {
    fn path(&self) -> &str {
        match self {
            Self::Pattern { path, .. } | Self::Pointer { path, .. } => path,
        }
    }

    fn find(&self, body: &[u8]) -> Who {
        let found = match self {
            Self::Pattern { pattern, .. } => pattern
                .captures(&String::from_utf8_lossy(body))
                .and_then(|found| found.get(1).map(|name| unescaped(name.as_str()))),
            Self::Pointer { pointer, .. } => serde_json::from_slice::<serde_json::Value>(body)
                .ok()
                .and_then(|value| Some(value.pointer(pointer)?.as_str()?.to_owned())),
        };
        match found.as_deref().map(str::trim) {
            Some(name) if !name.is_empty() && name.len() <= LONGEST_NAME => Who::Somebody(name.to_owned()),
            Some(_) | None => Who::Nobody,
        }
    }
}

/// A name as a page writes it.
fn unescaped(text: &str) -> String {
    let named = text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"");
    named.replace("&#39;", "'").replace("&#039;", "'").replace("&amp;", "&")
}

/// What asks.
pub struct Probe(Connector);

impl Default for Probe {
    fn default() -> Self {
        Self(Connector::new(None))
    }
}

impl Probe {
    /// Asks the app at `peer` who has these cookies. `as_sent` is a request of the same browser as it goes to the app:
    /// some apps tie a session to what a browser says of itself.
    ///
    /// # Errors
    /// [`NoAnswer`].
    pub async fn who(
        &self,
        peer: &HttpPeer,
        identity: &Identity,
        as_sent: &RequestHeader,
        cookies: &[AppCookie],
    ) -> Result<Who, NoAnswer> {
        let answered = self.answer(peer, question(identity.path(), as_sent, cookies)?).await?;
        match answered.status {
            status if status.is_success() => Ok(identity.find(&answered.body)),
            // The way to its own login, or a plain refusal.
            status if status.is_redirection() || status.is_client_error() => Ok(Who::Nobody),
            status => Err(NoAnswer(format!("it answers {status}"))),
        }
    }

    /// The same where "nobody" lets a request pass: it is only believed where the app shows that it has looked (2xx without a
    /// name, a way to its login, 401, 403). The question has nothing of the request but what [`plain`] keeps, so that its
    /// sender cannot turn the answer into one about something else.
    ///
    /// # Errors
    /// [`NoAnswer`].
    pub async fn who_if_anybody(
        &self,
        peer: &HttpPeer,
        identity: &Identity,
        as_sent: &RequestHeader,
        cookies: &[AppCookie],
    ) -> Result<Who, NoAnswer> {
        let answered = self.answer(peer, question(identity.path(), &plain(as_sent)?, cookies)?).await?;
        match answered.status {
            status if status.is_success() => Ok(identity.find(&answered.body)),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Ok(Who::Nobody),
            status if status.is_redirection() && status != StatusCode::NOT_MODIFIED => Ok(Who::Nobody),
            status => Err(NoAnswer(format!("it answers {status}"))),
        }
    }

    /// Asks the app at `peer` for `path` with this `Authorization`, or without any.
    ///
    /// # Errors
    /// [`NoAnswer`].
    pub async fn basic(
        &self,
        peer: &HttpPeer,
        path: &str,
        as_sent: &RequestHeader,
        authorization: Option<&HeaderValue>,
    ) -> Result<Basic, NoAnswer> {
        let mut request = question(path, &plain(as_sent)?, &[])?;
        if let Some(line) = authorization {
            request.insert_header(AUTHORIZATION, line).map_err(failed)?;
        }
        let answered = self.answer(peer, request).await?;
        match answered.status {
            status if status.is_success() => Ok(Basic::Right),
            StatusCode::UNAUTHORIZED => {
                let lines = answered.headers.get_all(WWW_AUTHENTICATE).iter();
                let basic = lines.filter(|line| is_basic(line)).cloned().collect();
                Ok(Basic::Asks(basic))
            }
            status => Err(NoAnswer(format!("it answers {status}"))),
        }
    }

    async fn answer(&self, peer: &HttpPeer, request: RequestHeader) -> Result<Answered, NoAnswer> {
        match timeout(PATIENCE, self.ask(peer, request)).await {
            Ok(answered) => answered,
            Err(_) => Err(NoAnswer("it took too long".to_owned())),
        }
    }

    async fn ask(&self, peer: &HttpPeer, request: RequestHeader) -> Result<Answered, NoAnswer> {
        let (mut session, _) = self.0.get_http_session(peer).await.map_err(failed)?;
        session.set_read_timeout(Some(PATIENCE));
        session.write_request_header(Box::new(request)).await.map_err(failed)?;
        session.finish_request_body().await.map_err(failed)?;
        session.read_response_header().await.map_err(failed)?;
        let header = session.response_header();
        let status = header.map_or(StatusCode::BAD_GATEWAY, |header| header.status);
        let headers = header.map_or_else(HeaderMap::new, |header| header.headers.clone());
        let mut body = Vec::new();
        while let Some(piece) = session.read_response_body().await.map_err(failed)? {
            body.extend_from_slice(&piece);
            if body.len() > LONGEST {
                break;
            }
        }
        if session.response_done() {
            self.0.release_http_session(session, peer, Some(PATIENCE)).await;
        }
        Ok(Answered { status, headers, body })
    }
}

/// The kind alone: pingora's own words may quote a request.
#[expect(clippy::boxed_local, reason = "as `map_err` gives it")]
fn failed(error: Box<pingora::Error>) -> NoAnswer {
    NoAnswer(format!("{:?}", error.etype()))
}

/// What a question keeps of the request that it is about, where a header could change what the app answers to: a method
/// override, a kind of answer that it does not have.
fn plain(as_sent: &RequestHeader) -> Result<RequestHeader, NoAnswer> {
    let mut plain = RequestHeader::build(Method::GET, b"/", None).map_err(failed)?;
    let is_kept = |name: &str| matches!(name, "host" | "user-agent") || name.starts_with("x-forwarded-");
    for (name, value) in as_sent.headers.iter().filter(|(name, _)| is_kept(name.as_str())) {
        plain.append_header(name.clone(), value.clone()).map_err(failed)?;
    }
    Ok(plain)
}

/// Whether a challenge asks for HTTP Basic.
fn is_basic(line: &HeaderValue) -> bool {
    let scheme = line.as_bytes().trim_ascii().split(u8::is_ascii_whitespace).next().unwrap_or_default();
    scheme.eq_ignore_ascii_case(b"basic")
}

fn question(path: &str, as_sent: &RequestHeader, cookies: &[AppCookie]) -> Result<RequestHeader, NoAnswer> {
    let mut request = RequestHeader::build(Method::GET, path.as_bytes(), Some(as_sent.headers.len() + 2))
        .map_err(failed)?;
    // Also what a script's request says of itself: an app may answer that in another way, or as another method.
    let about_this_request = [
        ACCEPT,
        CONTENT_LENGTH,
        CONTENT_TYPE,
        COOKIE,
        EXPECT,
        IF_MATCH,
        IF_MODIFIED_SINCE,
        IF_NONE_MATCH,
        IF_RANGE,
        IF_UNMODIFIED_SINCE,
        RANGE,
        TRANSFER_ENCODING,
        UPGRADE,
        ACCEPT_ENCODING,
    ];
    for (name, value) in &as_sent.headers {
        let is_own = about_this_request.contains(name)
            || ["sec-websocket", "x-requested-with", "x-http-method", "x-method"]
                .iter()
                .any(|start| name.as_str().starts_with(start))
            || name == http::header::CONNECTION;
        if !is_own {
            request.append_header(name.clone(), value.clone()).map_err(failed)?;
        }
    }
    let pairs: Vec<&[u8]> = cookies.iter().map(|cookie| cookie.pair.as_slice()).collect();
    if !pairs.is_empty() {
        let line =
            HeaderValue::from_bytes(&pairs.join(&b"; "[..])).map_err(|why| NoAnswer(why.to_string()))?;
        request.insert_header(COOKIE, line).map_err(failed)?;
    }
    request.insert_header(ACCEPT, "*/*").map_err(failed)?;
    request.insert_header(ACCEPT_ENCODING, "identity").map_err(failed)?;
    Ok(request)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_apps_answer_names_somebody_or_nobody() {
        let page = Identity::Pattern {
            path: "/".into(),
            pattern: Regex::new("Logged in as: <bdi>([^<]*)</bdi>").unwrap(),
        };
        assert_eq!(page.find(b"x Logged in as: <bdi> A &amp; B </bdi>"), Who::Somebody("A & B".into()));
        for nobody in [&b"Log in"[..], b"Logged in as: <bdi></bdi>", b"\xff\xfe"] {
            assert_eq!(page.find(nobody), Who::Nobody);
        }
        let json = Identity::Pointer { path: "/me".into(), pointer: "/user/name".into() };
        assert_eq!(json.find(br#"{"user":{"name":"alice"}}"#), Who::Somebody("alice".into()));
        for nobody in [&b"{}"[..], br#"{"user":null}"#, br#"{"user":{"name":7}}"#, b"no json", b""] {
            assert_eq!(json.find(nobody), Who::Nobody);
        }
    }

    #[test]
    fn the_question_is_the_browsers_own_without_what_belongs_to_its_request() {
        let mut sent = RequestHeader::build("POST", b"/login", None).unwrap();
        for (name, value) in [
            ("user-agent", "Firefox"),
            ("cookie", "all=1"),
            ("content-length", "5"),
            ("range", "bytes=0-1"),
            ("host", "wiki.example.com"),
            ("accept-encoding", "gzip"),
            ("sec-websocket-key", "x"),
            ("accept", "x/y"),
            ("x-requested-with", "XMLHttpRequest"),
            ("x-http-method-override", "OPTIONS"),
        ] {
            sent.append_header(name, value).unwrap();
        }
        let cookies = vec![AppCookie { name: b"a".to_vec(), pair: b"a=1".to_vec() }];
        let asked = question("/me?x=1", &sent, &cookies).unwrap();
        assert_eq!((asked.method.as_str(), asked.raw_path()), ("GET", &b"/me?x=1"[..]));
        let lines: Vec<(&str, &str)> =
            asked.headers.iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap())).collect();
        for line in [
            ("user-agent", "Firefox"),
            ("host", "wiki.example.com"),
            ("cookie", "a=1"),
            ("accept", "*/*"),
            ("accept-encoding", "identity"),
        ] {
            assert!(lines.contains(&line), "{line:?} in {lines:?}");
        }
        assert_eq!(lines.len(), 5);
    }

    #[test]
    fn a_plain_question_has_nothing_that_could_turn_it_into_another() {
        let mut sent = RequestHeader::build("POST", b"/login", None).unwrap();
        for (name, value) in [
            ("user-agent", "Firefox"),
            ("host", "wiki.example.com"),
            ("x-forwarded-for", "192.0.2.7"),
            ("x-http-method-override", "OPTIONS"),
            ("accept", "x/y"),
            ("accept-language", "de"),
            ("authorization", "Basic x"),
            ("x-requested-with", "XMLHttpRequest"),
        ] {
            sent.append_header(name, value).unwrap();
        }
        let asked = question("/", &plain(&sent).unwrap(), &[]).unwrap();
        let mut lines: Vec<String> = asked
            .headers
            .iter()
            .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
            .collect();
        lines.sort();
        let expected = [
            "accept-encoding: identity",
            "accept: */*",
            "host: wiki.example.com",
            "user-agent: Firefox",
            "x-forwarded-for: 192.0.2.7",
        ];
        assert_eq!(lines, expected);
    }
}

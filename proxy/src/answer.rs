//! Answers of the gate's own: pages, redirects and JSON, with the headers that every one of them carries.

use std::sync::Arc;

use bytes::Bytes;
use http::header::{
    CACHE_CONTROL, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue,
    LOCATION, REFERRER_POLICY, TRANSFER_ENCODING, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use http::{Method, StatusCode, Version};
use pingora::http::ResponseHeader;
use pingora::proxy::Session;
use pingora::{Error, ErrorType, Result};
use tokio::sync::{Mutex, mpsc};

const OPENER_POLICY: HeaderName = HeaderName::from_static("cross-origin-opener-policy");
const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");
const ROBOTS: HeaderName = HeaderName::from_static("x-robots-tag");

/// One answer.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The headers but Content-Length.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
    /// Where it is not known whole: what comes after `body`, until it ends.
    pub(crate) parts: Option<Parts>,
}

/// The rest of an answer did not come: it is cut off, so that nobody takes it for whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cut;

/// A body that comes in parts. Of several copies of an answer the first that is sent has them.
pub(crate) type Parts = Arc<Mutex<mpsc::Receiver<std::result::Result<Bytes, Cut>>>>;

impl Answer {
    fn new(status: StatusCode, kind: &'static str, body: impl Into<Bytes>) -> Self {
        let mut headers = HeaderMap::with_capacity(12);
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
        headers.insert(RESOURCE_POLICY, HeaderValue::from_static("same-origin"));
        headers.insert(
            CONTENT_SECURITY_POLICY,
            HeaderValue::from_static(
                "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
            ),
        );
        Self { status, headers, body: body.into(), parts: None }
    }

    /// A page whose style comes from the portal's origin. Its forms may post to their own origin, and what answers
    /// them may lead on to `leads_to`: browsers hold redirects after a post to the same rule.
    #[must_use]
    pub fn page(status: StatusCode, html: String, portal: &str, leads_to: Option<&str>) -> Self {
        let mut answer = Self::new(status, "text/html; charset=utf-8", html);
        let policy = format!(
            "default-src 'none'; style-src {portal}; script-src {portal}; img-src {portal}; form-action 'self'{}{}; \
             frame-ancestors 'none'; base-uri 'none'",
            if leads_to.is_some() { " " } else { "" },
            leads_to.unwrap_or_default()
        );
        if let Ok(policy) = HeaderValue::from_str(&policy) {
            answer.headers.insert(CONTENT_SECURITY_POLICY, policy);
        }
        answer.headers.insert(X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
        answer.headers.insert(OPENER_POLICY, HeaderValue::from_static("same-origin"));
        answer.headers.insert(ROBOTS, HeaderValue::from_static("noindex"));
        answer
    }

    /// "Look there", with GET.
    #[must_use]
    pub fn redirect(to: &str) -> Self {
        let mut answer = Self::new(StatusCode::SEE_OTHER, "text/plain; charset=utf-8", Bytes::new());
        match HeaderValue::from_str(to) {
            Ok(to) => drop(answer.headers.insert(LOCATION, to)),
            // Addresses are made of checked parts; should one not fit, nobody is sent anywhere.
            Err(_) => answer.status = StatusCode::INTERNAL_SERVER_ERROR,
        }
        answer
    }

    /// "It is there, and always was", with the same method.
    #[must_use]
    pub fn moved(to: &str) -> Self {
        let mut answer = Self::redirect(to);
        if answer.status == StatusCode::SEE_OTHER {
            answer.status = StatusCode::PERMANENT_REDIRECT;
        }
        answer
    }

    /// Plain text, for one reader.
    #[must_use]
    pub fn text(text: &str) -> Self {
        Self::new(StatusCode::OK, "text/plain; charset=utf-8", Bytes::copy_from_slice(text.as_bytes()))
    }

    /// What a program reads.
    #[must_use]
    pub fn json(status: StatusCode, value: &serde_json::Value) -> Self {
        Self::new(status, "application/json", value.to_string())
    }

    /// A body that is made while it is sent.
    #[must_use]
    pub fn in_parts(kind: &'static str, parts: mpsc::Receiver<std::result::Result<Bytes, Cut>>) -> Self {
        let answer = Self::new(StatusCode::OK, kind, Bytes::new());
        Self { parts: Some(Arc::new(Mutex::new(parts))), ..answer }
    }

    /// A file of the pages' own: public, the same for everybody, and named by its contents.
    #[must_use]
    pub fn file(kind: &'static str, contents: &'static [u8]) -> Self {
        let mut answer = Self::new(StatusCode::OK, kind, Bytes::from_static(contents));
        answer.headers.insert(CACHE_CONTROL, HeaderValue::from_static("public, max-age=31536000, immutable"));
        answer.headers.insert(RESOURCE_POLICY, HeaderValue::from_static("cross-origin"));
        answer
    }

    /// The same with a `Set-Cookie` line.
    #[must_use]
    pub fn with_cookie(mut self, line: HeaderValue) -> Self {
        crate::cookies::add(&mut self.headers, line);
        self
    }

    /// The same with one more header.
    #[must_use]
    pub fn with(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }

    /// Sends it.
    ///
    /// # Errors
    /// Pingora's, when the connection is gone.
    pub async fn send(self, session: &mut Session) -> Result<()> {
        let mut header = ResponseHeader::build(self.status, Some(self.headers.len() + 3))?;
        for (name, value) in &self.headers {
            header.append_header(name.clone(), value.clone())?;
        }
        if let Some(parts) = self.parts {
            return send_parts(session, header, &parts).await;
        }
        header.insert_header(CONTENT_LENGTH, self.body.len())?;
        let is_bare = session.req_header().method == Method::HEAD || self.body.is_empty();
        session.write_response_header(Box::new(header), is_bare).await?;
        if is_bare { Ok(()) } else { session.write_response_body(Some(self.body), true).await }
    }
}

/// Sends a body as it comes. One that is cut off is not ended: the connection is.
async fn send_parts(
    session: &mut Session,
    mut header: ResponseHeader,
    parts: &Mutex<mpsc::Receiver<std::result::Result<Bytes, Cut>>>,
) -> Result<()> {
    let is_bare = session.req_header().method == Method::HEAD;
    if session.req_header().version == Version::HTTP_11 {
        header.insert_header(TRANSFER_ENCODING, "chunked")?;
    }
    session.write_response_header(Box::new(header), is_bare).await?;
    if is_bare {
        return Ok(());
    }
    let mut parts = parts.lock().await;
    while let Some(part) = parts.recv().await {
        let part = part.map_err(|Cut| Error::explain(ErrorType::InternalError, "the rest did not come"))?;
        if !part.is_empty() {
            session.write_response_body(Some(part), false).await?;
        }
    }
    session.write_response_body(None, true).await
}

//! Plain http, to lead to https: known hosts are told where they are, and nothing is ever passed on.

use std::sync::Arc;

use async_trait::async_trait;
use http::{Method, StatusCode};
use pingora::http::RequestHeader;
use pingora::proxy::{FailToProxy, ProxyHttp, ProxyWarnLogContext, Session};
use pingora::upstreams::peer::HttpPeer;
use pingora::{Error, ErrorType, Result};

use crate::answer::Answer;
use crate::door;
use crate::path::{Parameters, Target};
use crate::refusal::Refusal;
use crate::request;
use crate::site::{Place, Places};

/// Answers at the addresses of `redirect_http`.
pub struct Redirect {
    places: Arc<Places>,
}

impl Redirect {
    /// To these hosts.
    #[must_use]
    pub fn new(places: Arc<Places>) -> Self {
        Self { places }
    }

    fn answer(&self, request: &RequestHeader) -> Answer {
        match self.address(request) {
            Ok(address) => Answer::moved(&address),
            Err(refusal) => refused(refusal),
        }
    }

    /// Where the request should have gone.
    fn address(&self, request: &RequestHeader) -> Result<String, Refusal<'static>> {
        if request::check(request).is_err() || !matches!(request.method, Method::GET | Method::HEAD) {
            return Err(Refusal::Unclear);
        }
        let found = self.places.find(request::host(request)).map_err(|_| Refusal::Unclear)?;
        let place = found.ok_or(Refusal::NoSuchSite)?;
        let parameters = match place {
            Place::Portal => Parameters::Refused,
            Place::Site(site) => site.parameters(),
        };
        let target = Target::parse(request.raw_path(), parameters).map_err(|_| Refusal::Unclear)?;
        Ok(format!("{}{}", self.places.origin(place), String::from_utf8_lossy(target.as_bytes())))
    }
}

fn refused(refusal: Refusal<'_>) -> Answer {
    Answer::json(refusal.status(), &serde_json::json!({ "error": refusal.word() }))
}

#[async_trait]
impl ProxyHttp for Redirect {
    type CTX = ();

    fn new_ctx(&self) {
        door::head_is_whole();
    }

    fn init_downstream_modules(&self, _: &mut pingora::modules::http::HttpModules) {}

    async fn request_filter(&self, session: &mut Session, (): &mut ()) -> Result<bool> {
        let answer = self.answer(session.req_header());
        // What else comes belongs to https.
        session.set_keepalive(None);
        answer.send(session).await?;
        Ok(true)
    }

    async fn upstream_peer(&self, _: &mut Session, (): &mut ()) -> Result<Box<HttpPeer>> {
        Error::e_explain(ErrorType::InternalError, "nothing is passed on here")
    }

    async fn fail_to_proxy(&self, _: &mut Session, _: &Error, (): &mut ()) -> FailToProxy {
        FailToProxy { error_code: StatusCode::INTERNAL_SERVER_ERROR.as_u16(), can_reuse_downstream: false }
    }

    fn suppress_error_log(&self, _: &Session, (): &(), _: &Error) -> bool {
        true
    }

    fn suppress_proxy_warn_log(&self, _: &Session, (): &(), _: &Error, _: ProxyWarnLogContext) -> bool {
        true
    }

    fn request_summary(&self, _: &Session, (): &()) -> String {
        String::new()
    }
}

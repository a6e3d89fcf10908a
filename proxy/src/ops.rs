//! Health and metrics, on a listener of their own: nothing of it is reachable where browsers are.

use std::net::IpAddr;
use std::sync::Arc;

use async_trait::async_trait;
use http::header::{CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderValue, Method, Response, StatusCode};
use pingora::apps::http_app::ServeHttp;
use pingora::protocols::http::ServerSession;

use crate::client::Trusted;
use crate::in_flight::InFlight;
use crate::metrics::{Metrics, Now};
use crate::session::{Sessions, Sight};
use crate::tls::chooser::Chooser;

/// What the answers are made of.
pub struct Ops {
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// What is remembered, and how well the gate sees.
    pub sessions: Arc<Sessions>,
    /// Connections of clients.
    pub connections: Arc<InFlight>,
    /// Requests under way.
    pub in_flight: Arc<InFlight>,
    /// The certificates in use.
    pub chooser: Option<Arc<Chooser>>,
    /// Who may ask besides this host.
    pub trusted: Trusted,
}

impl Ops {
    fn answer(&self, peer: Option<IpAddr>, method: &Method, target: &[u8]) -> (StatusCode, Vec<u8>) {
        let is_near = |peer: IpAddr| peer.to_canonical().is_loopback() || self.trusted.contains(peer);
        if !peer.is_some_and(is_near) {
            return say(StatusCode::FORBIDDEN, "only this host and trusted proxies may ask");
        }
        if !matches!(*method, Method::GET | Method::HEAD) {
            return say(StatusCode::METHOD_NOT_ALLOWED, "GET or HEAD");
        }
        match target.split(|&byte| byte == b'?').next().unwrap_or_default() {
            b"/healthz/live" => say(StatusCode::OK, "live"),
            b"/healthz/ready" => match self.sessions.sight() {
                Sight::Clear => say(StatusCode::OK, "ready"),
                Sight::Blind => {
                    say(StatusCode::SERVICE_UNAVAILABLE, "blind: the authority's watch is not heard")
                }
                Sight::Dark => say(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "dark: the authority's watch is not heard, nobody passes",
                ),
            },
            b"/metrics" => match self.metrics.text(self.now()) {
                Ok(text) => (StatusCode::OK, text),
                Err(why) => {
                    log::error!("the metrics cannot be written down: {why}");
                    say(StatusCode::INTERNAL_SERVER_ERROR, "see the log")
                }
            },
            _ => say(StatusCode::NOT_FOUND, "/healthz/live, /healthz/ready, /metrics"),
        }
    }

    fn now(&self) -> Now {
        Now {
            sight: self.sessions.sight(),
            sessions: self.sessions.count(),
            connections: self.connections.count(),
            under_way: self.in_flight.count(),
            certificate_ends: self.chooser.as_ref().map_or(0, |chooser| chooser.ends_at()),
        }
    }
}

fn say(status: StatusCode, text: &str) -> (StatusCode, Vec<u8>) {
    (status, format!("{text}\n").into_bytes())
}

#[async_trait]
impl ServeHttp for Ops {
    async fn response(&self, session: &mut ServerSession) -> Response<Vec<u8>> {
        let peer = session.client_addr().and_then(|address| address.as_inet()).map(std::net::SocketAddr::ip);
        let request = session.req_header();
        let is_head = request.method == Method::HEAD;
        let (status, text) = self.answer(peer, &request.method, request.raw_path());
        let length = text.len();
        let mut response = Response::new(if is_head { Vec::new() } else { text });
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response
    }
}

//! Pingora's hooks: each request is decided once, and forwarded only with a pass in hand.
//!
//! Fail closed twice: [`Gate::request_filter`] decides, and [`Gate::upstream_peer`] names no app without a [`Pass`],
//! because a filter that forgets to say "answered" would forward the request.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::Bytes;
use http::header::{HeaderMap, REFERER, UPGRADE};
use http::{Method, StatusCode};
use pingora::http::{RequestHeader, ResponseHeader};
use pingora::proxy::{FailToProxy, ProxyHttp, ProxyWarnLogContext, Session};
use pingora::upstreams::peer::HttpPeer;
use pingora::{Error, ErrorSource, ErrorType, OrErr, Result};
use zeroize::Zeroizing;

use crate::answer::Answer;
use crate::assertion::{ASSERTION, Assertions, JWKS};
use crate::authority::Authority;
use crate::client::{Client, Trusted};
use crate::clock::Clock;
use crate::config::Limits;
use crate::cookies::{self, Found, SITE};
use crate::door;
use crate::headers;
use crate::hsts::Hsts;
use crate::in_flight::{InFlight, Underway};
use crate::metrics::Metrics;
use crate::path::{Parameters, Target};
use crate::portal::{MAX_BODY, Portal, Visit, number};
use crate::refusal::Refusal;
use crate::request::{self, Upgrading};
use crate::rules::{self, Asked, Need, Pass, Ruling};
use crate::session::{Sessions, Verdict};
use crate::site::{Place, Places, Site};
use crate::tls::name::Came;

/// How long the rest of a refused body is read, so that the connection can be kept.
const DRAIN: Duration = Duration::from_secs(5);
/// How long a websocket may be silent.
const WEBSOCKET_SILENCE: Duration = Duration::from_secs(24 * 60 * 60);

/// The gate.
pub struct Gate {
    places: Arc<Places>,
    authority: Arc<Authority>,
    sessions: Arc<Sessions>,
    portal: Portal,
    in_flight: Arc<InFlight>,
    hsts: Hsts,
    limits: Limits,
    metrics: Arc<Metrics>,
    assertions: Option<Assertions>,
    trusted: Trusted,
    clock: Clock,
}

/// What a gate is made of.
pub struct Parts {
    /// The hosts.
    pub places: Arc<Places>,
    /// Who decides.
    pub authority: Arc<Authority>,
    /// What is remembered of it.
    pub sessions: Arc<Sessions>,
    /// The pages.
    pub portal: Portal,
    /// How much is under way.
    pub in_flight: Arc<InFlight>,
    /// What browsers are promised.
    pub hsts: Hsts,
    /// What a client may take.
    pub limits: Limits,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// What signs assertions, where a site wants any.
    pub assertions: Option<Assertions>,
}

/// What is known of one request.
pub struct Context {
    client: Client,
    pass: Option<Pass>,
    upgrading: bool,
    /// How much of the body has come.
    received: u64,
    began: Instant,
    _underway: Underway,
}

impl Context {
    /// Whether more has come than the site takes. What follows an upgrade is no body.
    fn is_too_long(&self) -> bool {
        let limit = self.pass.as_ref().map(|pass| pass.site().max_body());
        !self.upgrading && limit.is_some_and(|limit| self.received > limit)
    }
}

/// A request that an app is to answer.
struct Wanted {
    /// How much of the target is its path.
    path_length: usize,
    upgrading: Upgrading,
}

/// What becomes of a request.
enum Decision {
    Forward(Pass),
    Answer(Answer),
}

impl Gate {
    /// Puts the parts together.
    #[must_use]
    pub fn new(parts: Parts, trusted: Trusted, clock: Clock) -> Self {
        let Parts { places, authority, sessions, portal, in_flight, hsts, limits, metrics, assertions } =
            parts;
        Self {
            places,
            authority,
            sessions,
            portal,
            in_flight,
            hsts,
            limits,
            metrics,
            assertions,
            trusted,
            clock,
        }
    }

    async fn decide(&self, session: &mut Session, context: &mut Context) -> Result<Decision> {
        let request = session.req_header();
        let upgrading = match request::check(request) {
            Ok(upgrading) => upgrading,
            Err(why) => return Ok(Decision::Answer(self.unclear(session, &why.to_string()))),
        };
        match self.trusted.client(peer(session), &request.headers) {
            Ok(client) => context.client = client,
            Err(why) => return Ok(Decision::Answer(self.unclear(session, &why.to_string()))),
        }
        let came = Came::over(session.digest());
        let is_near = |peer: IpAddr| peer.is_loopback() || self.trusted.contains(peer);
        if !came.is_tls() && peer(session).is_some_and(|peer| !is_near(peer)) {
            return Ok(Decision::Answer(
                self.unclear(session, "it came over plain http from no trusted proxy"),
            ));
        }
        let place = match self.places.find(request::host(request)) {
            Ok(Some(place)) if came.agrees_with(self.places.origin(place).host().as_str()) => place.clone(),
            Ok(found) if found.is_some() || !came.agrees_with_header(request::host(request)) => {
                return Ok(Decision::Answer(self.refuse(
                    session,
                    Refusal::Misdirected,
                    "its host is not the one that the connection was opened for",
                )));
            }
            Ok(_) => {
                return Ok(Decision::Answer(self.refuse(
                    session,
                    Refusal::NoSuchSite,
                    "no site has this host",
                )));
            }
            Err(why) => return Ok(Decision::Answer(self.unclear(session, &why.to_string()))),
        };
        let parameters = match &place {
            Place::Portal => Parameters::Refused,
            Place::Site(site) => site.parameters(),
        };
        let target = match Target::parse(request.raw_path(), parameters) {
            Ok(target) => target,
            Err(why) => return Ok(Decision::Answer(self.unclear(session, &why.to_string()))),
        };
        if context.client.came_plain && self.places.origin(&place).is_secure() {
            return Ok(Decision::Answer(self.to_https(session, &place, &target)));
        }
        // Nothing is copied on the hot path: a target in its one spelling stays where it is.
        let respelled = target.is_changed().then(|| target.as_bytes().to_vec());
        let path_length = target.path().len();
        if matches!(place, Place::Portal) || is_own(target.path()) {
            let (path, query) =
                (String::from_utf8_lossy(target.path()).into_owned(), target.query().to_vec());
            // Boxed, so that the hot path's future does not carry the portal's.
            let answered = Box::pin(self.answer_own(session, context, &place, path, query));
            return answered.await.map(Decision::Answer);
        }
        let Place::Site(site) = place else {
            return Ok(Decision::Answer(self.refuse(session, Refusal::Internal, "neither portal nor site")));
        };
        if let Some(respelled) = respelled {
            session.req_header_mut().set_raw_path(&respelled)?;
        }
        self.decide_at_site(session, context, site, Wanted { path_length, upgrading }).await
    }

    /// A browser that came over plain http to a proxy in front is sent to where the site is.
    fn to_https(&self, session: &Session, place: &Place, target: &Target<'_>) -> Answer {
        let request = session.req_header();
        if !matches!(request.method, Method::GET | Method::HEAD) {
            return self.unclear(session, "it was sent over plain http");
        }
        let path = String::from_utf8_lossy(target.as_bytes());
        Answer::redirect(&format!("{}{path}", self.places.origin(place)))
    }

    /// Answers a request to the gate itself.
    async fn answer_own(
        &self,
        session: &mut Session,
        context: &Context,
        place: &Place,
        path: String,
        query: Vec<u8>,
    ) -> Result<Answer> {
        let Some(visit) = visit(session, context.client.address, path, query).await? else {
            return Ok(self.refuse(session, Refusal::TooLong, "the body is too long"));
        };
        Ok(match (place, &self.assertions) {
            (Place::Portal, Some(assertions)) if visit.path == JWKS => assertions.jwks(),
            (Place::Portal, _) => self.portal.answer(&visit).await,
            (Place::Site(site), _) => self.portal.answer_at_site(&visit, site).await,
        })
    }

    async fn decide_at_site(
        &self,
        session: &mut Session,
        context: &mut Context,
        site: Arc<Site>,
        wanted: Wanted,
    ) -> Result<Decision> {
        let digest = match cookies::find(&session.req_header().headers, SITE) {
            Found::Several => return Ok(Decision::Answer(self.unclear(session, "two session cookies"))),
            Found::One(value) => cookies::digest(value),
            Found::None => None,
        };
        let verdict = match digest {
            Some(digest) => self.sessions.verdict(&self.authority, digest, Some(site.host())).await,
            None => Verdict::Nobody,
        };
        let (known, is_undecided) = match verdict {
            Verdict::Known(known) => (Some(known), false),
            Verdict::Nobody => (None, false),
            Verdict::Undecided => (None, true),
        };
        let request = session.req_header();
        let path = request.raw_path().get(..wanted.path_length).unwrap_or_default();
        let asked = Asked {
            path: &site.judged(path),
            method: &request.method,
            address: context.client.address,
            is_in: None,
        };
        let ruling = rules::decide(&site, known, &asked, self.clock.unix());
        match ruling {
            Ruling::Pass(pass) if request::announced_length(&request.headers) > pass.site().max_body() => Ok(
                Decision::Answer(self.refuse(session, Refusal::TooLong, "the body is longer than max_body")),
            ),
            Ruling::Pass(pass) => {
                context.upgrading = wanted.upgrading == Upgrading::Websocket;
                if context.upgrading {
                    session.set_read_timeout(Some(WEBSOCKET_SILENCE));
                } else if session.req_header().headers.contains_key(UPGRADE) {
                    session.req_header_mut().remove_header(&UPGRADE);
                }
                Ok(Decision::Forward(pass))
            }
            Ruling::Denied { rule } => {
                Ok(Decision::Answer(self.refuse(session, Refusal::Denied, &format!("rule {rule} says deny"))))
            }
            Ruling::Needs(_) if is_undecided => Ok(Decision::Answer(self.refuse(
                session,
                Refusal::Undecided,
                "the session could not be decided",
            ))),
            Ruling::Needs(need) => Ok(Decision::Answer(self.ask_to_sign_in(session, context, &site, need))),
        }
    }

    /// A navigation goes to the portal; a script is told; what was posted is not kept.
    fn ask_to_sign_in(&self, session: &Session, context: &Context, site: &Arc<Site>, need: Need) -> Answer {
        let request = session.req_header();
        self.metrics.refused("second_factor_required");
        let origin = site.origin().to_string();
        let begin = Portal::begin_address(need, &came_from(&request.headers, &origin));
        let refusal = match request.method {
            _ if !request::is_navigation(&request.headers) => Some(Refusal::SecondFactor { site: &origin }),
            Method::GET | Method::HEAD => None,
            _ => Some(Refusal::NotHeld { begin: &begin }),
        };
        if let Some(refusal) = refusal {
            let number = number();
            // Whoever has no session may ask as often as they like; the log should not grow with it.
            log::debug!("request {number}: refused, no session at {origin} has what is needed");
            return refusal.answer(self.portal.pages(), &request.headers, &number);
        }
        let visit = Visit {
            method: request.method.clone(),
            path: String::new(),
            query: Vec::new(),
            headers: request.headers.clone(),
            body: Zeroizing::new(Vec::new()),
            address: context.client.address,
        };
        self.portal.begin(&visit, site, request.raw_path(), need)
    }

    fn unclear(&self, session: &Session, why: &str) -> Answer {
        self.refuse(session, Refusal::Unclear, why)
    }

    fn refuse(&self, session: &Session, refusal: Refusal<'_>, why: &str) -> Answer {
        let number = number();
        log::info!("request {number}: refused, {why}");
        self.metrics.refused(refusal.word());
        refusal.answer(self.portal.pages(), &session.req_header().headers, &number)
    }
}

/// Whether a path at a site is the gate's own.
#[must_use]
pub fn is_own(path: &[u8]) -> bool {
    path.strip_prefix(b"/.twofold").is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/"))
}

/// The address at the other end of the connection.
fn peer(session: &Session) -> Option<IpAddr> {
    Some(session.client_addr().and_then(|address| address.as_inet())?.ip())
}

/// The path at the site whose page caused the request, as far as the browser says so; otherwise the front page.
fn came_from(headers: &HeaderMap, origin: &str) -> String {
    let referer = headers.get(REFERER).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let path = referer.strip_prefix(origin).filter(|path| path.starts_with('/'));
    path.unwrap_or("/").to_owned()
}

/// Reads a request to the gate itself; `None` when its body is too long.
async fn visit(
    session: &mut Session,
    address: Option<IpAddr>,
    path: String,
    query: Vec<u8>,
) -> Result<Option<Visit>> {
    let mut body = Zeroizing::new(Vec::new());
    // One allocation, so that no half of a password is left behind by growing.
    body.reserve_exact(MAX_BODY);
    if !session.is_body_empty() {
        while let Some(piece) = session.read_request_body().await? {
            if body.len() + piece.len() > MAX_BODY {
                session.set_keepalive(None);
                return Ok(None);
            }
            body.extend_from_slice(&piece);
        }
    }
    let request = session.req_header();
    Ok(Some(Visit {
        method: request.method.clone(),
        path,
        query,
        headers: request.headers.clone(),
        body,
        address,
    }))
}

#[async_trait]
impl ProxyHttp for Gate {
    type CTX = Context;

    fn new_ctx(&self) -> Context {
        door::head_is_whole();
        Context {
            client: Client::default(),
            pass: None,
            upgrading: false,
            received: 0,
            began: Instant::now(),
            _underway: self.in_flight.enter(),
        }
    }

    fn init_downstream_modules(&self, _: &mut pingora::modules::http::HttpModules) {
        // Deliberate: no compression. A gate that compresses what it did not write invites BREACH.
    }

    async fn request_filter(&self, session: &mut Session, context: &mut Context) -> Result<bool> {
        if session.get_keepalive().is_some() {
            session.set_keepalive(Some(self.limits.idle.as_secs()));
        }
        session.set_read_timeout(Some(self.limits.body));
        session.set_write_timeout(Some(self.limits.body));
        session.set_total_drain_timeout(Some(DRAIN));
        match self.decide(session, context).await? {
            Decision::Forward(pass) => {
                self.metrics.passed();
                context.pass = Some(pass);
                Ok(false)
            }
            Decision::Answer(mut answer) => {
                if !context.client.came_plain {
                    self.hsts.add(&mut answer.headers);
                }
                Box::pin(answer.send(session)).await?;
                Ok(true)
            }
        }
    }

    async fn upstream_peer(&self, _: &mut Session, context: &mut Context) -> Result<Box<HttpPeer>> {
        let Some(pass) = &context.pass else {
            return Error::e_explain(ErrorType::InternalError, "no pass");
        };
        let mut peer = Box::new(pass.site().peer().clone());
        if context.upgrading {
            peer.options.read_timeout = Some(WEBSOCKET_SILENCE);
        }
        Ok(peer)
    }

    async fn request_body_filter(
        &self,
        _: &mut Session,
        body: &mut Option<Bytes>,
        _: bool,
        context: &mut Context,
    ) -> Result<()> {
        let Some(piece) = body else { return Ok(()) };
        context.received = context.received.saturating_add(u64::try_from(piece.len()).unwrap_or(u64::MAX));
        if context.is_too_long() {
            return Error::e_explain(ErrorType::InternalError, "the body is longer than max_body");
        }
        Ok(())
    }

    async fn upstream_request_filter(
        &self,
        _: &mut Session,
        request: &mut RequestHeader,
        context: &mut Context,
    ) -> Result<()> {
        let Some(pass) = &context.pass else {
            return Error::e_explain(ErrorType::InternalError, "no pass");
        };
        headers::prepare_request(request, pass.site(), pass.known(), context.client.address)?;
        if let (Some(assertions), Some(known), true) =
            (&self.assertions, pass.known(), pass.site().wants_assertion())
        {
            let line = assertions.line(pass.site(), known, self.clock.unix());
            let line = line.or_err(ErrorType::InternalError, "no assertion")?;
            request.insert_header(ASSERTION, line)?;
        }
        Ok(())
    }

    async fn response_filter(
        &self,
        _: &mut Session,
        response: &mut ResponseHeader,
        _: &mut Context,
    ) -> Result<()> {
        if response.status.is_informational() && response.status != StatusCode::SWITCHING_PROTOCOLS {
            return Ok(());
        }
        self.hsts.strengthen(response)?;
        headers::prepare_response(response)
    }

    async fn fail_to_proxy(
        &self,
        session: &mut Session,
        error: &Error,
        context: &mut Context,
    ) -> FailToProxy {
        let refusal = match (&context.pass, error.esource()) {
            _ if context.is_too_long() => Refusal::TooLong,
            // The connection to the browser is gone: nobody to answer.
            (_, ErrorSource::Downstream) if is_gone(error) => return failed(0),
            (_, ErrorSource::Downstream) if *error.etype() == ErrorType::ReadTimedout => Refusal::TooSlow,
            (_, ErrorSource::Downstream) => Refusal::Unclear,
            (Some(pass), ErrorSource::Upstream) => Refusal::UpstreamDown { host: pass.site().host() },
            (_, ErrorSource::Upstream | ErrorSource::Internal | ErrorSource::Unset) => Refusal::Internal,
        };
        let number = number();
        // The kind alone: pingora's own words may quote a request or an answer. Those about a handshake quote neither.
        let handshake = matches!(error.etype(), ErrorType::TLSHandshakeFailure).then(|| format!(": {error}"));
        let detail = handshake.unwrap_or_default();
        log::warn!(
            "request {number}: {} ({:?}, {:?}){detail}",
            refusal.word(),
            error.etype(),
            error.esource()
        );
        let mut answer = refusal.answer(self.portal.pages(), &session.req_header().headers, &number);
        self.hsts.add(&mut answer.headers);
        let status = answer.status.as_u16();
        if session.response_written().is_none() {
            session.set_keepalive(None);
            if let Err(why) = answer.send(session).await {
                log::debug!("request {number}: the refusal was not sent: {:?}", why.etype());
            }
        }
        failed(status)
    }

    async fn logging(&self, _: &mut Session, _: Option<&Error>, context: &mut Context) {
        // A websocket is as long as a person stays: no measure of anything.
        if !context.upgrading {
            self.metrics.took(context.began.elapsed());
        }
    }

    fn suppress_error_log(&self, _: &Session, _: &Context, _: &Error) -> bool {
        // Said by `fail_to_proxy` already, without quoting.
        true
    }

    fn suppress_proxy_warn_log(&self, _: &Session, _: &Context, _: &Error, _: ProxyWarnLogContext) -> bool {
        true
    }

    fn request_summary(&self, _: &Session, _: &Context) -> String {
        // Pingora's own would quote the address with its handoff code.
        String::new()
    }
}

fn is_gone(error: &Error) -> bool {
    matches!(
        error.etype(),
        ErrorType::WriteError | ErrorType::WriteTimedout | ErrorType::ReadError | ErrorType::ConnectionClosed
    )
}

fn failed(error_code: u16) -> FailToProxy {
    FailToProxy { error_code, can_reuse_downstream: false }
}

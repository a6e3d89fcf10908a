//! Pingora's hooks: each request is decided once, and forwarded only with a pass in hand.
//!
//! Fail closed twice: [`Gate::request_filter`] decides, and [`Gate::upstream_peer`] names no app without a [`Pass`],
//! because a filter that forgets to say "answered" would forward the request.

use std::os::fd::RawFd;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::StatusCode;
use http::header::{AUTHORIZATION, CONNECTION};
use pingora::http::{RequestHeader, ResponseHeader};
use pingora::protocols::Digest;
use pingora::proxy::{FailToProxy, ProxyHttp, ProxyWarnLogContext, Session};
use pingora::upstreams::peer::HttpPeer;
use pingora::{Error, ErrorSource, ErrorType, OrErr, Result};
use twofold_shared::wire::SessionDigest;

use crate::app_login::fields::Scanner;
use crate::app_login::members::Members;
use crate::app_login::{AppCookie, Marks, Probe};
use crate::assertion::{ASSERTION, Assertions};
use crate::authority::Authority;
use crate::client::{Client, Trusted};
use crate::clock::{Clock, Moment};
use crate::config::Limits;
use crate::door;
use crate::first_factor::FirstFactor;
use crate::first_factor::challenges::Challenges;
use crate::first_factor::guesses::Guesses;
use crate::headers::{self, Kind};
use crate::hsts::Hsts;
use crate::in_flight::{InFlight, Underway};
use crate::key::Key;
use crate::metrics::Metrics;
use crate::portal::{Portal, number};
use crate::refusal::Refusal;
use crate::rules::Pass;
use crate::session::Sessions;
use crate::site::Places;
use crate::streams::Stream;

mod app_login;
mod by_code;
mod decide;
mod with_request;

use app_login::AppStep;
pub use decide::is_own;
use decide::{Decision, Wanted};

/// How long the rest of a refused body is read, so that the connection can be kept.
const DRAIN: Duration = Duration::from_secs(5);
/// How long a websocket may be silent.
const WEBSOCKET_SILENCE: Duration = Duration::from_secs(24 * 60 * 60);

/// The gate, and all that it is made of.
pub struct Gate {
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
    /// Proxies in front that may be believed.
    pub trusted: Trusted,
    /// The time.
    pub clock: Clock,
    /// What marks an app's cookies.
    pub key: Arc<Key>,
    /// Who is who to which app.
    pub members: Arc<Members>,
    /// What asks the apps.
    pub probe: Probe,
    /// What apps that ask for HTTP Basic ask with.
    pub challenges: Challenges,
    /// How fast passwords may be tried at them.
    pub guesses: Guesses,
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
    /// The session that was judged, and the revocations until then.
    session: Option<(SessionDigest, u64)>,
    /// The connection to the app, while there is one.
    upstream: Option<RawFd>,
    /// What keeps a websocket or an event stream in view.
    stream: Option<Stream>,
    /// What an app's own login has to do with it.
    app: AppStep,
    /// Looks for a login where none is.
    scanner: Option<Scanner>,
    /// The answer was replaced by one without a body.
    drops_body: bool,
    /// What the app answered could not be decided about, and is not passed on.
    is_held_back: bool,
    /// A login was found where none is.
    has_login: bool,
    upgrading: bool,
    /// How much of the body has come.
    received: u64,
    began: Moment,
    _underway: Underway,
}

impl Context {
    /// Whether more has come than the site takes. What follows an upgrade is no body.
    fn is_too_long(&self) -> bool {
        let limit = self.pass.as_ref().map(|pass| pass.site().max_body());
        !self.upgrading && limit.is_some_and(|limit| self.received > limit)
    }
}

impl Gate {
    /// From now on the connection lasts longer than the request that was judged.
    fn keep_in_view(&self, context: &mut Context) -> Result<()> {
        let known = context.pass.as_ref().and_then(Pass::known);
        // What everybody may see ends when its reader likes.
        let Some(known) = known else { return Ok(()) };
        let (Some((session, before)), Some(descriptor)) = (context.session, context.upstream) else {
            return Error::e_explain(ErrorType::InternalError, "a stream without a session");
        };
        match self.sessions.stream(descriptor, session, Arc::clone(known), before) {
            Ok(stream) => context.stream = Some(stream),
            Err(why) => {
                log::warn!("a stream of account {} does not begin: {why}", known.account());
                return Error::e_explain(ErrorType::InternalError, "a stream that could not be cut");
            }
        }
        Ok(())
    }
}

#[async_trait]
impl ProxyHttp for Gate {
    type CTX = Context;

    fn new_ctx(&self) -> Context {
        door::head_is_whole();
        Context {
            client: Client::default(),
            pass: None,
            session: None,
            upstream: None,
            stream: None,
            app: AppStep::None,
            scanner: None,
            drops_body: false,
            is_held_back: false,
            has_login: false,
            upgrading: false,
            received: 0,
            began: self.clock.moment(),
            _underway: self.in_flight.enter(),
        }
    }

    fn init_downstream_modules(&self, _: &mut pingora::modules::http::HttpModules) {
        // Deliberate: no compression. A gate that compresses what it did not write invites BREACH.
    }

    async fn request_filter(&self, session: &mut Session, context: &mut Context) -> Result<bool> {
        session.set_read_timeout(Some(self.limits.body));
        session.set_write_timeout(Some(self.limits.body));
        session.set_total_drain_timeout(Some(DRAIN));
        match self.decide(session, context).await? {
            Decision::Forward(pass) => {
                headers::forget_spelling(session.req_header_mut())?;
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
        is_last: bool,
        context: &mut Context,
    ) -> Result<()> {
        let piece = body.as_deref().unwrap_or_default();
        context.received = context.received.saturating_add(u64::try_from(piece.len()).unwrap_or(u64::MAX));
        if context.is_too_long() {
            return Error::e_explain(ErrorType::InternalError, "the body is longer than max_body");
        }
        if let Some(scanner) = &mut context.scanner
            && scanner.finds_in(piece, is_last)
        {
            context.has_login = true;
            return Error::e_explain(ErrorType::InternalError, "a name or a password where no login is");
        }
        // What a person sends over a websocket is a use of their session, as a request is.
        if context.stream.is_some()
            && !piece.is_empty()
            && let Some(known) = context.pass.as_ref().and_then(Pass::known)
        {
            known.touch(self.clock.unix());
        }
        Ok(())
    }

    async fn connected_to_upstream(
        &self,
        _: &mut Session,
        _: bool,
        _: &HttpPeer,
        descriptor: RawFd,
        _: Option<&Digest>,
        context: &mut Context,
    ) -> Result<()> {
        context.upstream = Some(descriptor);
        Ok(())
    }

    async fn upstream_request_filter(
        &self,
        session: &mut Session,
        request: &mut RequestHeader,
        context: &mut Context,
    ) -> Result<()> {
        let Some(pass) = &context.pass else {
            return Error::e_explain(ErrorType::InternalError, "no pass");
        };
        let (site, known, address) = (pass.site(), pass.known().map(Arc::as_ref), context.client.address);
        if matches!(site.first_factor(), FirstFactor::Basic(_)) && !matches!(context.app, AppStep::Checked) {
            request.remove_header(&AUTHORIZATION);
        }
        if let AppStep::Before { is_login } = context.app
            && (!is_login || site.form().is_some_and(|form| form.login_field.is_some()))
        {
            headers::keep_usual(request)?;
        }
        match site.app_cookies() {
            None => headers::prepare_request(request, site, known, address, &|_, _| true)?,
            Some(cookies) => {
                let marks = Marks::of(&session.req_header().headers);
                let keep = |name: &[u8], value: &[u8]| {
                    self.takes_along(context, cookies, &marks, &AppCookie::new(name, value))
                };
                headers::prepare_request(request, site, known, address, &keep)?;
            }
        }
        if let (Some(assertions), Some(known), true) = (&self.assertions, known, site.wants_assertion()) {
            let line = assertions.line(site, known, self.clock.unix());
            let line = line.or_err(ErrorType::InternalError, "no assertion")?;
            request.insert_header(ASSERTION, line)?;
        }
        Ok(())
    }

    async fn response_filter(
        &self,
        session: &mut Session,
        response: &mut ResponseHeader,
        context: &mut Context,
    ) -> Result<()> {
        let is_upgrade = response.status == StatusCode::SWITCHING_PROTOCOLS;
        if response.status.is_informational() && !is_upgrade {
            return Ok(());
        }
        let kind = Kind::of(response);
        if is_upgrade || kind == Kind::EventStream {
            self.keep_in_view(context)?;
        }
        if !is_upgrade {
            // Pingora says it in its own words. Now there is room for what is added, and the map does not have to grow.
            response.remove_header(&CONNECTION);
        }
        self.hsts.strengthen(response)?;
        headers::prepare_response(response, kind)?;
        if !is_upgrade && !matches!(context.app, AppStep::None) {
            Box::pin(self.answer_of_app(session, response, context)).await?;
        }
        Ok(())
    }

    fn response_body_filter(
        &self,
        _: &mut Session,
        body: &mut Option<Bytes>,
        _: bool,
        context: &mut Context,
    ) -> Result<Option<Duration>> {
        if context.drops_body {
            *body = None;
        }
        Ok(None)
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
            _ if context.has_login => Refusal::LoginElsewhere,
            (Some(pass), _) if context.is_held_back => Refusal::UpstreamDown { host: pass.site().host() },
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
        let mut answer = refusal.answer(
            self.portal.pages(&session.req_header().headers),
            &session.req_header().headers,
            &number,
        );
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
            self.metrics.took(context.began.instant.elapsed());
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

//! What becomes of a request: where it is for, who asks, what the rules say, and what is answered instead.

use std::net::IpAddr;
use std::sync::Arc;

use http::Method;
use http::header::{HeaderMap, REFERER, UPGRADE};
use pingora::http::RequestHeader;
use pingora::proxy::Session;
use pingora::{ErrorType, OrErr, Result};
use zeroize::Zeroizing;

use super::app_login::AppStep;
use super::with_request::Held;
use super::{Context, Gate, WEBSOCKET_SILENCE};
use crate::answer::Answer;
use crate::api_key;
use crate::assertion::JWKS;
use crate::cookies::{self, Found, SITE};
use crate::elsewhere::{DESTINATION, Elsewhere};
use crate::first_factor::{FirstFactor, NameAndCode};
use crate::path::{Parameters, Target};
use crate::portal::{MAX_BODY, Portal, Visit, number};
use crate::refusal::{KeyRefused, Refusal};
use crate::request::{self, Upgrading};
use crate::rules::{self, Asked, Need, Pass, Ruling};
use crate::session::{Known, Verdict};
use crate::site::{Place, Site};
use crate::tls::name::Came;

/// A request that an app is to answer.
pub(super) struct Wanted {
    /// How much of the target is its path.
    path_length: usize,
    upgrading: Upgrading,
}

impl Wanted {
    /// Path and query of a request in its one spelling.
    pub(super) fn split<'r>(&self, request: &'r RequestHeader) -> (&'r [u8], &'r [u8]) {
        let (path, query) = request.raw_path().split_at_checked(self.path_length).unwrap_or_default();
        (path, query.strip_prefix(b"?").unwrap_or_default())
    }
}

/// What becomes of a request.
pub(super) enum Decision {
    Forward(Pass),
    Answer(Answer),
}

impl Gate {
    pub(super) async fn decide(&self, session: &mut Session, context: &mut Context) -> Result<Decision> {
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
        context: &mut Context,
        place: &Place,
        path: String,
        query: Vec<u8>,
    ) -> Result<Answer> {
        let Some(visit) = visit(session, context.client.address, path, query).await? else {
            return Ok(self.refuse(session, Refusal::TooLong, "the body is too long"));
        };
        if let Place::Site(site) = place
            && visit.path == "/.twofold/sign-in"
            && let Some(answer) = self.sign_in_here(session, context, site, &visit.query).await?
        {
            return Ok(answer);
        }
        Ok(match (place, &self.assertions) {
            (Place::Portal, Some(assertions)) if visit.path == JWKS => assertions.jwks(),
            (Place::Portal, _) => self.portal.answer(&visit).await,
            (Place::Site(site), _) => self.portal.answer_at_site(&visit, site).await,
        })
    }

    /// `/.twofold/sign-in` at sites where more than the portal has a say in it. None: the portal begins it.
    async fn sign_in_here(
        &self,
        session: &Session,
        context: &mut Context,
        site: &Arc<Site>,
        query: &[u8],
    ) -> Result<Option<Answer>> {
        let (need, target) = Portal::wanted(site, query);
        let onwards = (target.as_bytes(), need);
        if site.is_told_by_requests() {
            return self.begin_with_request(session, context, site, onwards).await.map(Some);
        }
        let (Some(form), Found::One(value)) =
            (site.form(), cookies::find(&session.req_header().headers, SITE))
        else {
            return Ok(None);
        };
        let Some(digest) = cookies::digest(value) else { return Ok(None) };
        let before = self.sessions.before();
        match self.sessions.verdict(&self.authority, digest, Some(site.host()), context.began).await {
            Verdict::Known(known) => {
                context.session = Some((digest, before));
                self.ask_for_fresh_code(session, context, (site, form), &known, onwards).await
            }
            Verdict::Nobody | Verdict::Undecided => Ok(None),
        }
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
        let key = api_key::find(&session.req_header().headers);
        let before = self.sessions.before();
        let verdict = match (key, digest) {
            (api_key::Found::Several, _) => {
                return Ok(Decision::Answer(self.unclear(session, "two API keys")));
            }
            (api_key::Found::One(key), _) => {
                context.session = Some((key.digest, before));
                let address = context.client.address;
                self.sessions.key_verdict(&self.authority, key, site.host(), address, context.began).await
            }
            (api_key::Found::None, Some(digest)) => {
                context.session = Some((digest, before));
                self.sessions.verdict(&self.authority, digest, Some(site.host()), context.began).await
            }
            (api_key::Found::Damaged, _) | (api_key::Found::None, None) => Verdict::Nobody,
        };
        let (known, is_undecided) = match verdict {
            Verdict::Known(known) => (Some(known), false),
            Verdict::Nobody => (None, false),
            Verdict::Undecided => (None, true),
        };
        let is_key = key != api_key::Found::None;
        let known = match known {
            Some(known) if site.is_told_by_requests() && !is_key => {
                match Box::pin(self.hold(session, context, &site, known)).await {
                    Held::On(known) => known,
                    Held::Answer(answer) => return Ok(Decision::Answer(answer)),
                }
            }
            known => known,
        };
        if let Some(form) = site.form() {
            let step = Box::pin(self.step_of_login(session, context, (&site, form), known.as_ref(), &wanted));
            if let Some(decision) = step.await? {
                return Ok(decision);
            }
        }
        let member = site.form().filter(|_| !is_key).and_then(|_| known.clone());
        let elsewhere = match Elsewhere::read(session.req_header(), &site) {
            Ok(elsewhere) => elsewhere,
            Err(why) => return Ok(Decision::Answer(self.unclear(session, &why.to_string()))),
        };
        let (ruling, key_is_good) = {
            let request = session.req_header();
            let (path, _) = wanted.split(request);
            let (path, address) = (site.judged(path), context.client.address);
            let asked = Asked { path: &path, method: &request.method, address, is_in: None };
            self.judge(&site, known, &asked, &elsewhere, context.began.unix)
        };
        if let Some(path) = &elsewhere.path {
            let line = site.destination(path).or_err(ErrorType::InternalError, "a destination")?;
            session.req_header_mut().insert_header(DESTINATION, line)?;
        }
        match ruling {
            Ruling::Pass(pass) if announced_length(session) > pass.site().max_body() => Ok(Decision::Answer(
                self.refuse(session, Refusal::TooLong, "the body is longer than max_body"),
            )),
            Ruling::Pass(pass) => {
                // Boxed where there is something to ask, so that the hot path of the others does not carry it.
                if !matches!(
                    site.first_factor(),
                    FirstFactor::Password | FirstFactor::Directory(_) | FirstFactor::Header(_)
                ) {
                    let asked = self.confirm(session, context, &site, (pass.known(), is_key));
                    if let Some(answer) = Box::pin(asked).await? {
                        return Ok(Decision::Answer(answer));
                    }
                }
                match wanted.upgrading {
                    Upgrading::No => {}
                    Upgrading::Ignored => drop(session.req_header_mut().remove_header(&UPGRADE)),
                    Upgrading::Websocket => {
                        context.upgrading = true;
                        session.set_read_timeout(Some(WEBSOCKET_SILENCE));
                    }
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
            Ruling::Needs(_) if is_key => Ok(Decision::Answer(self.refuse_key(session, &site, key_is_good))),
            Ruling::Needs(need) if site.is_told_by_requests() => {
                let target = session.req_header().raw_path().to_vec();
                let begun = self.begin_with_request(session, context, &site, (&target, need));
                Ok(Decision::Answer(Box::pin(begun).await?))
            }
            Ruling::Needs(need) => {
                if let (Some(form), Some(known)) = (site.form(), &member) {
                    let target = session.req_header().raw_path().to_vec();
                    let asked =
                        self.ask_for_fresh_code(session, context, (&site, form), known, (&target, need));
                    if let Some(answer) = Box::pin(asked).await? {
                        return Ok(Decision::Answer(answer));
                    }
                }
                Ok(Decision::Answer(self.ask_to_sign_in(session, context, &site, need)))
            }
        }
    }

    /// What the rules say about all that a request does: they must let it pass with each of its methods at each of its
    /// paths. Also whether an API key's grant covers that.
    fn judge(
        &self,
        site: &Arc<Site>,
        known: Option<Arc<Known>>,
        asked: &Asked<'_>,
        elsewhere: &Elsewhere,
        now: u64,
    ) -> (Ruling, Option<bool>) {
        let covers = |asked: &Asked<'_>| known.as_ref().map(|known| known.covers(site, asked));
        let mut is_covered = covers(asked);
        if *elsewhere == Elsewhere::default() {
            return (rules::decide(site, known, asked, now), is_covered);
        }
        let other = elsewhere.path.as_deref().map(|path| site.judged(path));
        let paths = [Some(asked.path), other.as_deref()];
        let methods = [Some(asked.method), elsewhere.method.as_ref()];
        let mut strictest = rules::decide(site, known.clone(), asked, now);
        for path in paths.into_iter().flatten() {
            for method in methods.into_iter().flatten() {
                let asked = Asked { path, method, ..*asked };
                is_covered = is_covered.zip(covers(&asked)).map(|(all, this)| all && this);
                if let Ruling::Pass(_) = strictest {
                    let ruling = rules::decide(site, known.clone(), &asked, now);
                    if !matches!(ruling, Ruling::Pass(_)) {
                        strictest = ruling;
                    }
                }
            }
        }
        (strictest, is_covered)
    }

    /// What the app must agree to before a request with a pass goes on, by where the first factor comes from. None: it
    /// does. `is_key`: no person asks, but a program with an API key.
    async fn confirm(
        &self,
        session: &Session,
        context: &mut Context,
        site: &Arc<Site>,
        (known, is_key): (Option<&Arc<Known>>, bool),
    ) -> Result<Option<Answer>> {
        if site.app_cookies().is_some() {
            context.app = AppStep::Nobody;
        }
        match (site.first_factor(), known) {
            (FirstFactor::Form(form), Some(known)) => {
                self.confirm_member(session, context, (site, form), known).await
            }
            (FirstFactor::Basic(basic), Some(_)) if !is_key => {
                self.check_credentials(session, context, (site, basic)).await
            }
            (FirstFactor::Code(NameAndCode { app: Some(app), .. }), Some(known)) if !is_key => {
                self.confirm_guest(session, context, (site, app), known).await
            }
            _ => Ok(None),
        }
    }

    /// A program with a key that is not enough; never sent to the portal. `is_good`: the key's grant covers the request,
    /// where it is a key at all.
    fn refuse_key(&self, session: &Session, site: &Site, is_good: Option<bool>) -> Answer {
        let why = match is_good {
            None => KeyRefused::Unknown,
            Some(false) => KeyRefused::Grant,
            Some(true) => KeyRefused::FreshCode,
        };
        let number = number();
        // The authority's audit trail tells of keys that it refused.
        log::debug!("request {number}: refused, its API key is not enough ({why:?})");
        let origin = site.origin().to_string();
        let refusal = Refusal::Key { site: &origin, why };
        self.metrics.refused(refusal.word());
        refusal.answer(
            self.portal.pages(&session.req_header().headers),
            &session.req_header().headers,
            &number,
        )
    }

    /// A navigation goes to the portal; a script is told; what was posted is not kept.
    pub(super) fn ask_to_sign_in(
        &self,
        session: &Session,
        context: &Context,
        site: &Arc<Site>,
        need: Need,
    ) -> Answer {
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
            return refusal.answer(self.portal.pages(&request.headers), &request.headers, &number);
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

    pub(super) fn unclear(&self, session: &Session, why: &str) -> Answer {
        self.refuse(session, Refusal::Unclear, why)
    }

    pub(super) fn refuse(&self, session: &Session, refusal: Refusal<'_>, why: &str) -> Answer {
        self.refuse_at(log::Level::Info, session, refusal, why)
    }

    /// What anybody may cause as often as they like is a detail in the log.
    pub(super) fn refuse_quietly(&self, session: &Session, refusal: Refusal<'_>, why: &str) -> Answer {
        self.refuse_at(log::Level::Debug, session, refusal, why)
    }

    fn refuse_at(&self, level: log::Level, session: &Session, refusal: Refusal<'_>, why: &str) -> Answer {
        let number = number();
        log::log!(level, "request {number}: refused, {why}");
        self.metrics.refused(refusal.word());
        refusal.answer(
            self.portal.pages(&session.req_header().headers),
            &session.req_header().headers,
            &number,
        )
    }
}

/// Whether a path at a site is the gate's own.
#[must_use]
pub fn is_own(path: &[u8]) -> bool {
    path.strip_prefix(b"/.twofold").is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/"))
}

/// The address at the other end of the connection.
pub(super) fn peer(session: &Session) -> Option<IpAddr> {
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

/// How long the body will be, as far as the request says.
fn announced_length(session: &Session) -> u64 {
    request::announced_length(&session.req_header().headers)
}

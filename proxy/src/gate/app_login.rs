//! The gate's part in an app's own login: what passes before the second factor, and that the app and the session mean the
//! same person afterwards.

use std::sync::Arc;

use bytes::Bytes;
use http::header::{
    CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, LOCATION, SET_COOKIE, STRICT_TRANSPORT_SECURITY,
};
use http::{HeaderValue, Method, StatusCode};
use pingora::http::{RequestHeader, ResponseHeader};
use pingora::proxy::Session;
use pingora::{Error, ErrorType, Result};
use twofold_shared::wire::{Level, SessionDigest};

use super::by_code::Guest;
use super::{Context, Decision, Gate, Wanted};
use crate::answer::Answer;
use crate::app_login::members::hash;
use crate::app_login::{AppCookie, AppCookies, Form, MARKS, Marks, Step, Who, fields};
use crate::authority::{Believed, Visitor};
use crate::browser;
use crate::cookies::{self, Fresh, SITE};
use crate::first_factor::{FirstFactor, NameAndCode};
use crate::flow::Asserted;
use crate::headers;
use crate::refusal::Refusal;
use crate::request;
use crate::return_address::ReturnAddress;
use crate::rules::{Need, Pass};
use crate::session::Known;
use crate::site::Site;

/// What is read of a body to see whether it is a login, in bytes: what pingora can still send on.
const LONGEST_LOGIN: usize = 60 * 1024;

/// Where an app says that it answers whom; kept with the request.
#[derive(Debug, Default)]
pub(super) enum AppStep {
    /// The site has another first factor.
    #[default]
    None,
    /// On the way in: the app's cookies pass as far as it set them in this sign-in.
    Before {
        /// Whether this is the login itself.
        is_login: bool,
    },
    /// Everybody may see this: the app's session stays out of it, both ways.
    Nobody,
    /// Somebody who has passed, with the session cookies that they present.
    Member(Vec<AppCookie>),
    /// Somebody who gave a code before the app's own login.
    Guest(Guest),
    /// The name and password for the app were checked for this session.
    Checked,
}

impl Gate {
    /// Lets the login page and the login through, and nothing that is a login elsewhere. None: the rules decide.
    pub(super) async fn step_of_login(
        &self,
        session: &mut Session,
        context: &mut Context,
        (site, form): (&Arc<Site>, &Form),
        known: Option<&Arc<Known>>,
        wanted: &Wanted,
    ) -> Result<Option<Decision>> {
        if form.cookies.presented(&session.req_header().headers).is_none() {
            return Ok(Some(Decision::Answer(self.unclear(session, "two cookies that are one to the app"))));
        }
        let (path, _) = wanted.split(session.req_header());
        let body = match form.needs_body(&session.req_header().method, path) {
            true => short_form(session).await?,
            false => None,
        };
        let request = session.req_header();
        let (path, query) = wanted.split(request);
        let is_in =
            known.is_some_and(|known| site.enrolments().are_met(known, site.second(), self.clock.unix()));
        let is_login = match form.step(&request.method, path, query, body.as_deref()) {
            Step::Login => true,
            Step::Unclear(why) => {
                let why = format!("a login at the app that may be something else as well: {why}");
                return Ok(Some(Decision::Answer(self.refuse(session, Refusal::LoginElsewhere, &why))));
            }
            Step::Page if !is_in => false,
            Step::Page | Step::Other => {
                if fields::in_query(&form.credentials, query) {
                    let why = "a name or a password in the address";
                    return Ok(Some(Decision::Answer(self.refuse(session, Refusal::LoginElsewhere, why))));
                }
                context.scanner = fields::Scanner::new(&form.credentials, &request.headers);
                return Ok(None);
            }
        };
        context.app = AppStep::Before { is_login };
        Ok(Some(Decision::Forward(Pass::to_sign_in(site))))
    }

    /// Somebody who is in asks for a page that needs a fresh code: their first factor stands as long as the app knows them as
    /// the same person. None: they sign in there first.
    pub(super) async fn ask_for_fresh_code(
        &self,
        session: &Session,
        context: &mut Context,
        (site, form): (&Arc<Site>, &Form),
        known: &Arc<Known>,
        onwards: (&[u8], Need),
    ) -> Result<Option<Answer>> {
        let request = session.req_header();
        let is_page =
            request::is_navigation(&request.headers) && matches!(request.method, Method::GET | Method::HEAD);
        let is_in_app = form.cookies.presented(&request.headers).is_some_and(|own| !own.is_empty());
        let Some((digest, _)) = context.session else { return Ok(None) };
        if !is_page || !is_in_app || known.level() != Level::Second {
            return Ok(None);
        }
        if let Some(answer) = self.confirm_member(session, context, (site, form), known).await? {
            return Ok(Some(answer));
        }
        context.app = AppStep::None;
        let user = self.members.user(&digest).unwrap_or_else(|| known.name().to_owned());
        self.has_passed(session, context, site, onwards, (user, String::new())).await.map(Some)
    }

    /// Before a person's request goes on to their app: the app must know them as the same person. None: it does.
    pub(super) async fn confirm_member(
        &self,
        session: &Session,
        context: &mut Context,
        (site, form): (&Arc<Site>, &Form),
        known: &Arc<Known>,
    ) -> Result<Option<Answer>> {
        let Some((digest, _)) = context.session else { return Ok(None) };
        let presented = form.cookies.presented(&session.req_header().headers).unwrap_or_default();
        let cookies = hash(&presented, &self.key);
        if !presented.is_empty() && !self.members.is_confirmed(&digest, &cookies, self.clock.millis()) {
            let sent = as_sent(session, site, context)?;
            let user = self.members.user(&digest).unwrap_or_else(|| known.name().to_owned());
            match self.probe.who(site.peer(), &form.identity, &sent, &presented).await {
                Ok(Who::Somebody(name)) if is_same(&name, &user) => {
                    self.members.confirm(digest, &user, cookies, self.clock.millis());
                }
                Ok(Who::Somebody(_) | Who::Nobody) => {
                    self.end_level(digest, known, "the app no longer knows them as the same person").await;
                    let answer = self.ask_to_sign_in(session, context, site, site.second());
                    return Ok(Some(answer.with_cookie(cookies::unset(SITE))));
                }
                Err(why) => {
                    let refusal = Refusal::UpstreamDown { host: site.host() };
                    return Ok(Some(self.refuse(session, refusal, &why.to_string())));
                }
            }
        }
        context.app = AppStep::Member(presented);
        Ok(None)
    }

    /// Which of the app's cookies a request takes along.
    pub(super) fn takes_along(
        &self,
        context: &Context,
        cookies: &AppCookies,
        marks: &Marks,
        cookie: &AppCookie,
    ) -> bool {
        match &context.app {
            AppStep::None | AppStep::Member(_) | AppStep::Guest(_) | AppStep::Checked => true,
            AppStep::Nobody => !cookies.is_session(&cookie.name),
            AppStep::Before { .. } => !cookies.is_session(&cookie.name) || marks.knows(cookie, &self.key),
        }
    }

    /// What an app's answer becomes, by where its reader is.
    pub(super) async fn answer_of_app(
        &self,
        session: &Session,
        response: &mut ResponseHeader,
        context: &mut Context,
    ) -> Result<()> {
        let Some(site) = context.pass.as_ref().map(Pass::shared_site) else { return Ok(()) };
        match (std::mem::take(&mut context.app), site.first_factor()) {
            (AppStep::Nobody, _) => match site.app_cookies() {
                Some(cookies) => keep_cookies(response, |line| !cookies.is_set_in(line)),
                None => Ok(()),
            },
            (AppStep::Before { is_login }, FirstFactor::Form(form)) => {
                self.answer_before(session, response, context, (&site, form), is_login).await
            }
            (AppStep::Member(presented), FirstFactor::Form(form)) => {
                self.answer_to_member(session, response, context, (&site, form), &presented).await
            }
            (AppStep::Guest(guest), FirstFactor::Code(NameAndCode { app: Some(app), .. })) => {
                self.answer_to_guest(session, response, context, (&site, app), guest).await
            }
            (AppStep::None | AppStep::Checked, _) => Ok(()),
            (AppStep::Before { .. } | AppStep::Member(_) | AppStep::Guest(_), _) => {
                Error::e_explain(ErrorType::InternalError, "an answer at a site of another kind")
            }
        }
    }

    async fn answer_before(
        &self,
        session: &Session,
        response: &mut ResponseHeader,
        context: &mut Context,
        (site, form): (&Arc<Site>, &Form),
        is_login: bool,
    ) -> Result<()> {
        let request = &session.req_header().headers;
        let marks = Marks::of(request);
        let mut jar = form.cookies.presented(request).unwrap_or_default();
        jar.retain(|cookie| marks.knows(cookie, &self.key));
        let set = form.cookies.set_by(&response.headers);
        let merged = merge(&jar, &set);
        let may_be_in = is_login && !response.status.is_client_error() && !response.status.is_server_error();
        if may_be_in && form.may_know(&merged) {
            let sent = as_sent(session, site, context)?;
            match self.probe.who(site.peer(), &form.identity, &sent, &merged).await {
                Ok(Who::Somebody(user)) if merged != jar => {
                    return self.first_factor_passed(session, response, context, (site, form), user).await;
                }
                // The browser holds that number already, so it could not be held back.
                Ok(Who::Somebody(_)) => return cannot_be_held(session, response, context, site),
                Ok(Who::Nobody) => {}
                Err(why) => return self.undecided(context, site, &why.to_string()),
            }
        }
        let fresh = set.iter().filter(|(_, gone)| !gone).map(|(cookie, _)| cookie);
        if let Some(line) = marks.line_with(fresh, &self.key) {
            response.append_header(SET_COOKIE, line)?;
        }
        Ok(())
    }

    /// The app has let somebody in: what it gave them is held back until the second factor has passed too.
    async fn first_factor_passed(
        &self,
        session: &Session,
        response: &mut ResponseHeader,
        context: &mut Context,
        (site, form): (&Arc<Site>, &Form),
        user: String,
    ) -> Result<()> {
        let request = session.req_header();
        let fresh =
            Fresh::generate().map_err(|why| Error::because(ErrorType::InternalError, "randomness", why))?;
        let visitor = Visitor {
            address: context.client.address,
            browser: browser::describe(&request.headers),
            known_by: None,
            invitation: None,
        };
        let asked = self.authority.assert_first(&visitor, &form.realm, user.clone(), fresh.digest).await;
        let lines = response.headers.get_all(SET_COOKIE).iter();
        let held = lines.cloned().collect();
        let location = own_path(response, site);
        keep_cookies(response, |_| false)?;
        let asserted = match asked {
            Ok(Believed::Somebody(signed_in)) => {
                log::info!("account {} passed the first factor at {}", signed_in.account, site.host());
                Some(Asserted::new(fresh, signed_in.account, user, held, location))
            }
            Ok(Believed::Newcomer) => {
                log::info!("somebody new passed the first factor at {}", site.host());
                Some(Asserted::of_newcomer(fresh, user, held, location, self.clock.millis()))
            }
            Ok(Believed::Nobody) => None,
            Err(_) => return self.undecided(context, site, "the authority did not decide on a first factor"),
        };
        let onwards = match asserted {
            Some(asserted) => {
                let (id, lines) =
                    self.portal.assert(&request.headers, context.client.address, site, asserted)?;
                for line in lines {
                    response.append_header(SET_COOKIE, line)?;
                }
                format!("/.twofold/continue/{id}")
            }
            None => "/.twofold/unknown".to_owned(),
        };
        if request::is_navigation(&request.headers) {
            replace(response, context, StatusCode::SEE_OTHER, Some(&onwards))?;
        } else if form.login_field.is_some() {
            // What an app answers where it also answers everything else may be everything else.
            replace(response, context, StatusCode::OK, None)?;
        }
        Ok(())
    }

    /// Watches that the app's session stays the same person's.
    async fn answer_to_member(
        &self,
        session: &Session,
        response: &mut ResponseHeader,
        context: &mut Context,
        (site, form): (&Arc<Site>, &Form),
        presented: &[AppCookie],
    ) -> Result<()> {
        let merged = merge(presented, &form.cookies.set_by(&response.headers));
        let (Some(known), Some((digest, _))) =
            (context.pass.as_ref().and_then(Pass::known).cloned(), context.session)
        else {
            return Ok(());
        };
        if merged == presented {
            return Ok(());
        }
        let user = self.members.user(&digest).unwrap_or_else(|| known.name().to_owned());
        let sent = as_sent(session, site, context)?;
        let who = match form.may_know(&merged) {
            true => self.probe.who(site.peer(), &form.identity, &sent, &merged).await,
            false => Ok(Who::Nobody),
        };
        match who {
            Ok(Who::Somebody(name)) if is_same(&name, &user) => {
                self.members.confirm(digest, &user, hash(&merged, &self.key), self.clock.millis());
                Ok(())
            }
            Ok(Who::Nobody) if presented.is_empty() => Ok(()),
            Ok(Who::Nobody) => {
                self.end_level(digest, &known, "they signed out of the app").await;
                response.append_header(SET_COOKIE, cookies::unset(SITE))?;
                Ok(())
            }
            Ok(Who::Somebody(_)) => {
                self.take_back(session, response, context, (digest, &known), &form.page()).await
            }
            Err(why) => self.undecided(context, site, &why.to_string()),
        }
    }

    /// The app took somebody for another person: what it answered goes no further, and the session ends.
    pub(super) async fn take_back(
        &self,
        session: &Session,
        response: &mut ResponseHeader,
        context: &mut Context,
        (digest, known): (SessionDigest, &Known),
        onwards: &str,
    ) -> Result<()> {
        self.end_level(digest, known, "the app took them for somebody else").await;
        keep_cookies(response, |_| false)?;
        response.append_header(SET_COOKIE, cookies::unset(SITE))?;
        match request::is_navigation(&session.req_header().headers) {
            true => replace(response, context, StatusCode::SEE_OTHER, Some(onwards)),
            false => replace(response, context, StatusCode::UNAUTHORIZED, None),
        }
    }

    pub(super) async fn end_level(&self, session: SessionDigest, known: &Known, why: &str) {
        log::info!("a session of account {} ends: {why}", known.account());
        // Where the authority is away, its session ends with its own limits; here it is over now.
        let _ = self.authority.end(session).await;
        self.sessions.forget_account(known.account());
        self.sessions.forget(&session);
        self.members.forget(&session);
    }

    pub(super) fn undecided(&self, context: &mut Context, site: &Site, why: &str) -> Result<()> {
        log::warn!("an answer of {} is not passed on: {why}", site.host());
        context.is_held_back = true;
        Error::e_explain(ErrorType::InternalError, "the app's session could not be decided")
    }
}

/// An app that keeps its session's number at a login: what it answers is not passed on, and the number goes no further.
fn cannot_be_held(
    session: &Session,
    response: &mut ResponseHeader,
    context: &mut Context,
    site: &Site,
) -> Result<()> {
    log::error!(
        "the app of {} keeps its session cookie at a login, so the login cannot be held back; nobody gets in there",
        site.host()
    );
    keep_cookies(response, |_| false)?;
    response.append_header(SET_COOKIE, cookies::unset(MARKS))?;
    match request::is_navigation(&session.req_header().headers) {
        true => replace(response, context, StatusCode::SEE_OTHER, Some("/.twofold/not-held")),
        false => replace(response, context, StatusCode::FORBIDDEN, None),
    }
}

/// A request as it goes to the app, to ask the app by: as nobody, so that it answers for its own session alone.
pub(super) fn as_sent(session: &Session, site: &Site, context: &Context) -> Result<RequestHeader> {
    let mut sent = session.req_header().clone();
    headers::prepare_request(&mut sent, site, None, context.client.address, &|_, _| true)?;
    Ok(sent)
}

/// The session cookies that a browser has after an answer.
pub(super) fn merge(presented: &[AppCookie], set: &[(AppCookie, bool)]) -> Vec<AppCookie> {
    let mut all = presented.to_vec();
    for (cookie, gone) in set {
        all.retain(|own| own.name != cookie.name);
        if !gone {
            all.push(cookie.clone());
        }
    }
    all.sort();
    all
}

/// Names are the app's own both times; apps that fold case do so each time they are asked.
pub(super) fn is_same(name: &str, user: &str) -> bool {
    name.trim() == user.trim()
}

/// The path that an answer leads to, where that is on its own site.
fn own_path(response: &ResponseHeader, site: &Site) -> Option<ReturnAddress> {
    let to = response.headers.get(LOCATION)?.to_str().ok()?;
    let path = to.strip_prefix(&site.origin().to_string()).unwrap_or(to);
    path.starts_with('/').then(|| ReturnAddress::from_path(path.as_bytes(), site.parameters()))
}

pub(super) fn keep_cookies(response: &mut ResponseHeader, keep: impl Fn(&HeaderValue) -> bool) -> Result<()> {
    let lines: Vec<HeaderValue> = response.headers.get_all(SET_COOKIE).iter().cloned().collect();
    if lines.iter().all(&keep) {
        return Ok(());
    }
    response.remove_header(&SET_COOKIE);
    for line in lines.into_iter().filter(|line| keep(line)) {
        response.append_header(SET_COOKIE, line)?;
    }
    Ok(())
}

/// Makes an answer one without a body; cookies that it sets stay.
pub(super) fn replace(
    response: &mut ResponseHeader,
    context: &mut Context,
    status: StatusCode,
    location: Option<&str>,
) -> Result<()> {
    let lines: Vec<HeaderValue> = response.headers.get_all(SET_COOKIE).iter().cloned().collect();
    let mut other = ResponseHeader::build(status, Some(lines.len() + 3))?;
    for line in lines {
        other.append_header(SET_COOKIE, line)?;
    }
    if let Some(promised) = response.headers.get(STRICT_TRANSPORT_SECURITY) {
        other.insert_header(STRICT_TRANSPORT_SECURITY, promised)?;
    }
    other.insert_header(CACHE_CONTROL, "no-store")?;
    other.insert_header(CONTENT_LENGTH, 0)?;
    if let Some(location) = location {
        other.insert_header(LOCATION, location)?;
    }
    *response = other;
    context.drops_body = true;
    Ok(())
}

/// A short form, which still goes on to the app afterwards; nothing where the body is longer, or something else.
async fn short_form(session: &mut Session) -> Result<Option<Bytes>> {
    let headers = &session.req_header().headers;
    let mut kinds = headers.get_all(CONTENT_TYPE).iter();
    let is_form = match (kinds.next(), kinds.next()) {
        (None, _) => true,
        (Some(kind), None) => {
            let kind = kind.as_bytes().split(|&byte| byte == b';').next().unwrap_or_default();
            kind.trim_ascii().eq_ignore_ascii_case(b"application/x-www-form-urlencoded")
        }
        (Some(_), Some(_)) => false,
    };
    let length = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    if !is_form || length.is_none_or(|length| length > LONGEST_LOGIN) {
        return Ok(None);
    }
    session.enable_retry_buffering();
    while session.read_request_body().await?.is_some() {}
    Ok(Some(session.get_retry_buffer().unwrap_or_default()))
}

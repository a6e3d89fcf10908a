//! First factors that come with each request: the app's own HTTP Basic, and the name that a proxy in front sets.
//!
//! Neither is believed longer than it is said. Without a session no password reaches the app but by the gate's own question;
//! within one only what was checked for it, and a request that names somebody else ends it.

use std::net::IpAddr;
use std::sync::Arc;

use http::header::{RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue, Method};
use pingora::Result;
use pingora::proxy::Session;
use zeroize::Zeroizing;

use super::app_login::{AppStep, as_sent, is_same};
use super::decide::peer;
use super::{Context, Gate};
use crate::answer::Answer;
use crate::app_login::probe;
use crate::authority::{Believed, Visitor};
use crate::browser;
use crate::client::Trusted;
use crate::cookies::{self, Fresh, SITE};
use crate::first_factor::basic::{Credentials, Given, given};
use crate::first_factor::guesses::Guess;
use crate::first_factor::{Basic, FirstFactor, UserHeader, is_named};
use crate::flow::Asserted;
use crate::portal::Visit;
use crate::refusal::Refusal;
use crate::request;
use crate::rules::Need;
use crate::session::Known;
use crate::site::Site;

/// How a session stands to what came with the request.
pub(super) enum Held {
    /// It goes on; without anybody where nobody is named.
    On(Option<Arc<Known>>),
    /// It does not.
    Answer(Answer),
}

/// Whom a proxy in front names.
enum Named {
    Somebody(String),
    Nobody,
    Several,
}

/// What an app thinks of a name and a password.
enum Checked {
    Right,
    No(Answer),
}

impl Gate {
    /// Holds a session to what its request says of who sends it.
    pub(super) async fn hold(
        &self,
        session: &Session,
        context: &Context,
        site: &Arc<Site>,
        known: Arc<Known>,
    ) -> Held {
        let headers = &session.req_header().headers;
        match site.first_factor() {
            FirstFactor::Basic(_) => match given(headers) {
                Given::Several => Held::Answer(self.unclear(session, "two Authorization headers")),
                Given::Credentials(own) if !self.is_known_as(context, site, &known, &own.user) => {
                    self.end_of(context, &known, "a request of it gave somebody else's name and password")
                        .await;
                    let why = "it gives somebody else's name and password";
                    let answer = self.refuse(session, Refusal::SomebodyElse, why);
                    Held::Answer(answer.with_cookie(cookies::unset(SITE)))
                }
                Given::Credentials(_) | Given::Nothing => Held::On(Some(known)),
            },
            FirstFactor::Header(header) => match named(header, &self.trusted, peer(session), headers) {
                Named::Several => Held::Answer(self.unclear(session, "two names from a proxy in front")),
                Named::Nobody => Held::On(None),
                Named::Somebody(name) if self.is_known_as(context, site, &known, &name) => {
                    Held::On(Some(known))
                }
                Named::Somebody(_) => {
                    self.end_of(context, &known, "the proxy in front names somebody else").await;
                    Held::On(None)
                }
            },
            FirstFactor::Password
            | FirstFactor::Directory(_)
            | FirstFactor::Form(_)
            | FirstFactor::Code(_) => Held::On(Some(known)),
        }
    }

    /// Lets a name and a password through to the app that were checked for this very session. None: the request goes on,
    /// with them or without.
    pub(super) async fn check_credentials(
        &self,
        session: &Session,
        context: &mut Context,
        (site, basic): (&Arc<Site>, &Basic),
    ) -> Result<Option<Answer>> {
        let Given::Credentials(own) = given(&session.req_header().headers) else { return Ok(None) };
        let Some((digest, _)) = context.session else { return Ok(None) };
        let proof = own.proof(&self.key);
        if !self.members.has_confirmed(&digest, &proof) {
            match self.check_at_app(session, context, (site, basic), &own).await? {
                Checked::No(answer) => return Ok(Some(answer)),
                Checked::Right => {
                    let user = self.members.user(&digest).unwrap_or_else(|| own.user.clone());
                    self.members.confirm(digest, &user, proof, self.clock.millis());
                }
            }
        }
        context.app = AppStep::Checked;
        Ok(None)
    }

    /// A page is asked for, and the session has not what is needed: what came with the request is the first factor.
    pub(super) async fn begin_with_request(
        &self,
        session: &Session,
        context: &Context,
        site: &Arc<Site>,
        (target, need): (&[u8], Need),
    ) -> Result<Answer> {
        let request = session.req_header();
        let is_page =
            request::is_navigation(&request.headers) && matches!(request.method, Method::GET | Method::HEAD);
        if !is_page {
            return Ok(self.ask_to_sign_in(session, context, site, need));
        }
        match site.first_factor() {
            FirstFactor::Basic(basic) => {
                self.begin_with_basic(session, context, (site, basic), (target, need)).await
            }
            FirstFactor::Header(header) => {
                match named(header, &self.trusted, peer(session), &request.headers) {
                    Named::Several => Ok(self.unclear(session, "two names from a proxy in front")),
                    Named::Nobody => Ok(self.refuse_quietly(
                        session,
                        Refusal::NobodyNamed,
                        "no proxy in front names anybody",
                    )),
                    Named::Somebody(name) => {
                        self.has_passed(session, context, site, (target, need), (name, String::new())).await
                    }
                }
            }
            FirstFactor::Password
            | FirstFactor::Directory(_)
            | FirstFactor::Form(_)
            | FirstFactor::Code(_) => Ok(self.ask_to_sign_in(session, context, site, need)),
        }
    }

    async fn begin_with_basic(
        &self,
        session: &Session,
        context: &Context,
        (site, basic): (&Arc<Site>, &Basic),
        onwards: (&[u8], Need),
    ) -> Result<Answer> {
        match given(&session.req_header().headers) {
            Given::Several => Ok(self.unclear(session, "two Authorization headers")),
            Given::Nothing => Ok(match self.challenge(session, context, (site, basic)).await? {
                Ok(lines) => self.asks(session, lines),
                Err(answer) => answer,
            }),
            Given::Credentials(own) => {
                match self.check_at_app(session, context, (site, basic), &own).await? {
                    Checked::No(answer) => Ok(answer),
                    Checked::Right => {
                        let proof = own.proof(&self.key);
                        self.has_passed(session, context, site, onwards, (own.user, proof)).await
                    }
                }
            }
        }
    }

    /// Asks the app, by one GET to its probe path, whether a name and a password are right.
    async fn check_at_app(
        &self,
        session: &Session,
        context: &Context,
        (site, basic): (&Arc<Site>, &Basic),
        own: &Credentials,
    ) -> Result<Checked> {
        if let Err(answer) = self.challenge(session, context, (site, basic)).await? {
            return Ok(Checked::No(answer));
        }
        let guess = Guess::new(&self.key, site.host(), &own.user, context.client.address);
        if let Err(seconds) = self.guesses.begin(&guess, self.clock.millis()) {
            let answer = self.refuse_quietly(
                session,
                Refusal::TooManyTries { seconds },
                "too many names and passwords",
            );
            return Ok(Checked::No(answer.with(RETRY_AFTER, HeaderValue::from(seconds))));
        }
        let sent = as_sent(session, site, context)?;
        match self.probe.basic(site.peer(), &basic.probe, &sent, Some(&own.line)).await {
            Ok(probe::Basic::Right) => {
                self.guesses.was_right(&guess, self.clock.millis());
                Ok(Checked::Right)
            }
            Ok(probe::Basic::Asks(lines)) => Ok(Checked::No(self.asks(session, lines))),
            Err(why) => Ok(Checked::No(self.undecided_by_app(session, site, &why.to_string()))),
        }
    }

    /// What the app asks browsers with, when it is given no name and no password; the refusal where it does not ask, for then
    /// its probe path is open to everybody and proves nothing. Asked once a minute at most.
    async fn challenge(
        &self,
        session: &Session,
        context: &Context,
        (site, basic): (&Arc<Site>, &Basic),
    ) -> Result<std::result::Result<Vec<HeaderValue>, Answer>> {
        let now = self.clock.millis();
        if let Some(lines) = self.challenges.recall(site.host(), now) {
            return Ok(Ok(lines));
        }
        let sent = as_sent(session, site, context)?;
        let why = match self.probe.basic(site.peer(), &basic.probe, &sent, None).await {
            Ok(probe::Basic::Asks(lines)) if !lines.is_empty() => {
                self.challenges.keep(site.host(), lines.clone(), now);
                return Ok(Ok(lines));
            }
            Ok(probe::Basic::Asks(_)) => {
                "the app asks for a name and a password, but not by HTTP Basic".to_owned()
            }
            Ok(probe::Basic::Right) => {
                "the app's probe path is open without a name and a password, so it proves nothing".to_owned()
            }
            Err(why) => why.to_string(),
        };
        Ok(Err(self.undecided_by_app(session, site, &why)))
    }

    fn asks(&self, session: &Session, lines: Vec<HeaderValue>) -> Answer {
        let why = "the app asks for its own name and password";
        let answer = self.refuse_quietly(session, Refusal::AsksForPassword, why);
        let headers = &session.req_header().headers;
        // A script's request is no reason to ask the person; the next page is.
        match request::is_navigation(headers) {
            true => lines.into_iter().fold(answer, |answer, line| answer.with(WWW_AUTHENTICATE, line)),
            false => answer,
        }
    }

    fn undecided_by_app(&self, session: &Session, site: &Site, why: &str) -> Answer {
        let host = site.host();
        self.refuse(session, Refusal::AppUndecided { host }, &format!("{host}: {why}"))
    }

    /// The first factor has passed for `user`: on to the code.
    pub(super) async fn has_passed(
        &self,
        session: &Session,
        context: &Context,
        site: &Arc<Site>,
        onwards: (&[u8], Need),
        (user, proof): (String, String),
    ) -> Result<Answer> {
        let headers = &session.req_header().headers;
        let visit = Visit {
            method: Method::GET,
            path: String::new(),
            query: Vec::new(),
            headers: headers.clone(),
            body: Zeroizing::new(Vec::new()),
            address: context.client.address,
        };
        self.metrics.refused("second_factor_required");
        if let Some(answer) = self.portal.go_on_asserted(&visit, site, onwards, &user) {
            return Ok(answer);
        }
        let Ok(fresh) = Fresh::generate() else {
            return Ok(self.refuse(session, Refusal::Internal, "the kernel gives no randomness"));
        };
        let visitor = Visitor {
            address: context.client.address,
            browser: browser::describe(headers),
            known_by: None,
            invitation: None,
        };
        let realm = site.first_factor().realm().unwrap_or_default();
        Ok(match self.authority.assert_first(&visitor, realm, user.clone(), fresh.digest).await {
            Ok(Believed::Somebody(signed_in)) => {
                log::info!("account {} passed the first factor at {}", signed_in.account, site.host());
                let asserted =
                    Asserted::new(fresh, signed_in.account, user, Vec::new(), None).with_proof(proof);
                self.portal.begin_asserted(&visit, site, onwards, asserted)
            }
            Ok(Believed::Newcomer) => {
                log::info!("somebody new passed the first factor at {}", site.host());
                let now = self.clock.millis();
                let asserted = Asserted::of_newcomer(fresh, user, Vec::new(), None, now).with_proof(proof);
                self.portal.begin_asserted(&visit, site, onwards, asserted)
            }
            Ok(Believed::Nobody) => Answer::redirect("/.twofold/unknown"),
            Err(away) => Refusal::Undecided.answer(self.portal.pages(headers), headers, &away.request),
        })
    }

    /// Whether `given` is who the session is. The name that began it is remembered as it was; after a restart of the gate
    /// the ledger's form of it serves.
    fn is_known_as(&self, context: &Context, site: &Site, known: &Known, given: &str) -> bool {
        let remembered = context.session.and_then(|(digest, _)| self.members.user(&digest));
        let realm = site.first_factor().realm().unwrap_or_default();
        match remembered {
            Some(user) => is_same(&user, given),
            None => is_named(realm, known.name(), given),
        }
    }

    async fn end_of(&self, context: &Context, known: &Known, why: &str) {
        if let Some((digest, _)) = context.session {
            self.end_level(digest, known, why).await;
        }
    }
}

/// Whom a proxy in front names. What anybody else sends under this name, or under one that only looks like it, is nothing.
fn named(header: &UserHeader, trusted: &Trusted, peer: Option<IpAddr>, headers: &HeaderMap) -> Named {
    if !peer.is_some_and(|peer| trusted.contains(peer)) {
        return Named::Nobody;
    }
    let mut lines = headers.get_all(&header.name).iter();
    match (lines.next(), lines.next()) {
        (None, _) => Named::Nobody,
        (Some(_), Some(_)) => Named::Several,
        (Some(line), None) => match std::str::from_utf8(line.as_bytes()).map(str::trim) {
            Ok("") | Err(_) => Named::Nobody,
            Ok(name) => Named::Somebody(name.to_owned()),
        },
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderName;

    use super::*;

    #[test]
    fn only_a_trusted_proxy_names_somebody_and_only_once() {
        let header = UserHeader { realm: "sso".into(), name: HeaderName::from_static("x-sso-user") };
        let trusted = Trusted::new(vec!["10.0.0.0/8".parse().unwrap()]);
        let named = |peer: &str, lines: &[(&'static str, &str)]| {
            let mut headers = HeaderMap::new();
            for (name, value) in lines {
                headers.append(*name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
            }
            match super::named(&header, &trusted, Some(peer.parse().unwrap()), &headers) {
                Named::Somebody(name) => name,
                Named::Nobody => "nobody".to_owned(),
                Named::Several => "several".to_owned(),
            }
        };
        assert_eq!(named("10.0.0.1", &[("x-sso-user", " alice ")]), "alice");
        assert_eq!(named("::ffff:10.0.0.1", &[("x-sso-user", "alicé")]), "alicé");
        assert_eq!(named("192.0.2.1", &[("x-sso-user", "alice")]), "nobody");
        assert_eq!(named("10.0.0.1", &[("x_sso_user", "alice"), ("x-sso.user", "bob")]), "nobody");
        assert_eq!(named("10.0.0.1", &[("x-sso-user", " ")]), "nobody");
        assert_eq!(named("10.0.0.1", &[("x-sso-user", "alice"), ("x-sso-user", "alice")]), "several");
    }
}

//! The code: the second factor. A right one gives the browser a new session id. Where the site takes that, a browser that
//! was trusted with one is asked for none.

use std::sync::Arc;

use http::{HeaderMap, HeaderValue, StatusCode};
use twofold_shared::code::Code;
use twofold_shared::permit::Permit;
use twofold_shared::wire::{Level, Notice, NoticeKind, Refused as Said, SessionDigest, Word};

use super::form::Fields;
use super::{Guest, Portal, Refused, Visit, refused_status};
use crate::answer::Answer;
use crate::authority::{Raise, Step};
use crate::cookies::{self, BROWSER, BROWSER_LIFE, DIGITS, Found, Fresh};
use crate::flow::Flow;
use crate::pages::{CodeAsked, TrustBox};
use crate::refusal::Refusal;
use crate::session::Known;

/// What a browser has once its session has risen.
pub(super) struct Next {
    pub session: Fresh,
    pub browser: Fresh,
}

impl Next {
    pub fn generate() -> Result<Self, getrandom::Error> {
        Ok(Self { session: Fresh::generate()?, browser: Fresh::generate()? })
    }

    pub fn raise<'a>(&self, session: SessionDigest, flow: &'a Flow) -> Raise<'a> {
        Raise {
            session,
            next: self.session.digest,
            site: Portal::site_of(flow),
            next_browser: self.browser.digest,
        }
    }
}

/// Why the page is shown once more.
struct Again {
    status: StatusCode,
    error: String,
    wants_trust: bool,
}

impl Portal {
    pub(super) async fn code(&self, visit: &Visit, flow: &Flow) -> Result<Answer, Refused> {
        let guest = self.guest_of(visit, flow).await?;
        let (session, known) = match &guest {
            Guest::Signed(session, known) if !self.may_go_on(flow, session, known) => (*session, known),
            // Who has what is needed already goes on without spending a code, whatever the form's token.
            Guest::Signed(..) | Guest::Nobody => return Ok(self.next_step(visit, flow, &guest)),
        };
        if !known.is_enrolled() {
            return self.without(visit, flow, (session, known)).await;
        }
        if !visit.is_post() {
            return match self.pass_trusted(visit, flow, (session, known)).await? {
                Some(passed) => Ok(passed),
                None => self.code_page(visit, flow, known, None),
            };
        }
        let fields = Fields::read(&visit.headers, &visit.body);
        let wants_trust = fields.get("trust") == Some("yes");
        let again = |status, error: String| Some(Again { status, error, wants_trust });
        if !self.is_own(visit, flow, &fields)? {
            let stale = self.read_by(visit).words().stale_form.to_owned();
            return self.code_page(visit, flow, known, again(StatusCode::FORBIDDEN, stale));
        }
        match Code::parse(fields.get("code").unwrap_or_default()) {
            Ok(code) => self.try_code(visit, flow, (session, known), (code, wants_trust)).await,
            // Not the shape of a code: charged to nobody.
            Err(_) => {
                let wrong = self
                    .read_by(visit)
                    .words()
                    .say
                    .refused_code(Said { word: Word::Wrong, wait_seconds: None });
                self.code_page(visit, flow, known, again(StatusCode::FORBIDDEN, wrong))
            }
        }
    }

    async fn try_code(
        &self,
        visit: &Visit,
        flow: &Flow,
        (session, known): (SessionDigest, &Arc<Known>),
        (code, wants_trust): (Code, bool),
    ) -> Result<Answer, Refused> {
        let next = Next::generate()?;
        let trust_seconds = flow.need().trust.filter(|_| wants_trust);
        let raise = next.raise(session, flow);
        let digits = code.digits().len();
        match self.authority.verify(&visit.visitor()?, raise, code, trust_seconds).await? {
            Step::Refused(Said { word: Word::Unenrolled, .. }) => {
                Ok(self.read_by(visit).not_enrolled(flow.id.as_str(), known.name(), Self::site_of(flow)))
            }
            Step::Refused(said) => {
                let error = self.read_by(visit).words().say.refused_code(said);
                let again = Again { status: refused_status(said.word), error, wants_trust };
                self.code_page(visit, flow, known, Some(again))
            }
            // The browser may hold a newer cookie by now: it is looked at again.
            Step::Gone => Ok(self.next_step(visit, flow, &Guest::Nobody)),
            Step::Passed(passed) => {
                let line = digits_line(digits, &passed.1);
                let risen = self.risen(visit, flow, known, next, passed).await?;
                Ok(line.into_iter().fold(risen, Answer::with_cookie))
            }
        }
    }

    /// Goes on without a code where the flow's site takes a trusted browser, and this is one. Not where a fresh code is
    /// asked for, and not for who has given one.
    async fn pass_trusted(
        &self,
        visit: &Visit,
        flow: &Flow,
        (session, known): (SessionDigest, &Arc<Known>),
    ) -> Result<Option<Answer>, Refused> {
        let need = flow.need();
        let visitor = visit.visitor()?;
        let (Some(trust), Some(_), None, Level::First) =
            (need.trust, visitor.known_by, need.max_age, known.level())
        else {
            return Ok(None);
        };
        let next = Next::generate()?;
        match self.authority.pass_trusted(&visitor, next.raise(session, flow), trust).await? {
            Step::Refused(_) => Ok(None),
            Step::Gone => Ok(Some(self.next_step(visit, flow, &Guest::Nobody))),
            Step::Passed(passed) => self.risen(visit, flow, known, next, passed).await.map(Some),
        }
    }

    /// The session of `known` has risen: the browser gets what it has from now on, and goes on.
    async fn risen(
        &self,
        visit: &Visit,
        flow: &Flow,
        known: &Known,
        next: Next,
        (permit, notices): (Permit, Vec<Notice>),
    ) -> Result<Answer, Refused> {
        // The sessions of sites under the old one end with it, and not only when the watch says so.
        self.sessions.forget_account(known.account());
        if permit.account() != known.account() {
            return Err(Refused::because(Refusal::Undecided, "the second factor was another account's"));
        }
        log::info!("request {}: account {} passed the second factor", permit.nonce(), permit.account());
        let step = if notices.is_empty() { "continue" } else { "notices" };
        flow.keep_news(next.session.digest, notices);
        let mut lines = self.keep_session(visit, flow, (next.session.digest, &next.session.value)).await?;
        lines.push(cookies::set(BROWSER, &next.browser.value, Some(BROWSER_LIFE)));
        let next_page = Answer::redirect(&format!("/{step}/{}", flow.id.as_str()));
        Ok(lines.into_iter().fold(next_page, Answer::with_cookie))
    }

    fn code_page(
        &self,
        visit: &Visit,
        flow: &Flow,
        known: &Known,
        again: Option<Again>,
    ) -> Result<Answer, Refused> {
        let is_ticked = again.as_ref().is_some_and(|again| again.wants_trust);
        let trust = flow.need().trust.map(|seconds| TrustBox { seconds, is_ticked });
        let (status, error) = again.map_or((StatusCode::OK, None), |again| (again.status, Some(again.error)));
        let left = 30 - self.clock.unix() % 30;
        let digits = known_digits(&visit.headers);
        self.page_with_form(visit, flow, error, |form| {
            self.read_by(visit).code(status, form, known, CodeAsked { trust, left, digits })
        })
    }
}

/// How many digits a code of this browser's device has. Only the browser knows: nobody is told who has the password alone.
fn known_digits(headers: &HeaderMap) -> Option<u8> {
    let Found::One(value) = cookies::find(headers, DIGITS) else { return None };
    std::str::from_utf8(value).ok()?.parse().ok().filter(|digits| (6..=8).contains(digits))
}

/// The line with which a browser keeps how many digits the code had that was right: a device's, and no backup code.
pub(super) fn digits_line(digits: usize, notices: &[Notice]) -> Option<HeaderValue> {
    let is_devices =
        (6..=8).contains(&digits) && !notices.iter().any(|notice| notice.kind == NoticeKind::BackupCodeUsed);
    is_devices.then(|| cookies::set(DIGITS, &digits.to_string(), Some(BROWSER_LIFE)))
}

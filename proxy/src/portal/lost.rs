//! A lost device: a backup code signs in and leads straight to a new one, which takes the place of all that was there.

use http::StatusCode;
use twofold_shared::code::Code;

use super::code::Next;
use super::form::Fields;
use super::{Guest, Portal, Refused, Visit, refused_status};
use crate::answer::Answer;
use crate::authority::Step;
use crate::cookies::{self, BROWSER, BROWSER_LIFE};
use crate::flow::Flow;
use crate::session::Known;

/// Digits of a backup code.
const DIGITS: usize = 8;

impl Portal {
    /// `/lost/ID`.
    pub(super) async fn lost(&self, visit: &Visit, flow: &Flow) -> Result<Answer, Refused> {
        let guest = self.guest_of(visit, flow).await?;
        let (session, known) = match &guest {
            Guest::Signed(session, known) if known.is_enrolled() => (*session, known),
            Guest::Signed(..) | Guest::Nobody => return Ok(self.next_step(visit, flow, &guest)),
        };
        if !visit.is_post() {
            return self.lost_page(visit, flow, known, StatusCode::OK, None);
        }
        let fields = Fields::read(&visit.headers, &visit.body);
        let words = self.read_by(visit).words();
        if !self.is_own(visit, flow, &fields)? {
            let stale = words.stale_form.to_owned();
            return self.lost_page(visit, flow, known, StatusCode::FORBIDDEN, Some(stale));
        }
        let code = Code::parse(fields.get("code").unwrap_or_default()).ok();
        let Some(code) = code.filter(|code| code.digits().len() == DIGITS) else {
            let odd = words.wizard.not_a_backup_code.to_owned();
            return self.lost_page(visit, flow, known, StatusCode::UNPROCESSABLE_ENTITY, Some(odd));
        };
        let next = Next::generate()?;
        match self.authority.verify(&visit.visitor()?, next.raise(session, flow), code, None).await? {
            Step::Gone => Ok(self.next_step(visit, flow, &Guest::Nobody)),
            Step::Refused(said) => {
                let (status, error) = (refused_status(said.word), words.say.refused_code(said));
                self.lost_page(visit, flow, known, status, Some(error))
            }
            Step::Passed((permit, notices)) => {
                self.sessions.forget_account(known.account());
                if permit.account() != known.account() {
                    return Err(Refused::because(
                        crate::refusal::Refusal::Undecided,
                        "the second factor was another account's",
                    ));
                }
                log::info!("request {}: account {} has lost its device", permit.nonce(), permit.account());
                flow.renew(self.clock.millis());
                flow.keep_news(next.session.digest, notices);
                flow.enrolling.begin_anew(next.session.digest);
                let raised = (next.session.digest, next.session.value.as_str());
                let mut lines = self.keep_session(visit, flow, raised).await?;
                lines.push(cookies::set(BROWSER, &next.browser.value, Some(BROWSER_LIFE)));
                let wizard = Answer::redirect(&format!("/enrol/{}", flow.id.as_str()));
                Ok(lines.into_iter().fold(wizard, Answer::with_cookie))
            }
        }
    }

    fn lost_page(
        &self,
        visit: &Visit,
        flow: &Flow,
        known: &Known,
        status: StatusCode,
        error: Option<String>,
    ) -> Result<Answer, Refused> {
        self.page_with_form(visit, flow, error, |form| self.read_by(visit).lost(status, form, known.name()))
    }
}

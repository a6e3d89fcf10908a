//! The code: the second factor. A right one gives the browser a new session id.

use std::sync::Arc;

use http::StatusCode;
use twofold_shared::code::Code;
use twofold_shared::wire::{Refused as Said, SessionDigest, Word};

use super::form::Fields;
use super::{Guest, Portal, Refused, Visit, refused_status};
use crate::answer::Answer;
use crate::authority::Step;
use crate::cookies::Fresh;
use crate::flow::Flow;
use crate::pages::Form;
use crate::refusal::Refusal;
use crate::session::Known;
use crate::site::Site;

impl Portal {
    pub(super) async fn code(&self, visit: &Visit, flow: &Flow) -> Result<Answer, Refused> {
        let guest = self.guest_of(visit, flow).await?;
        let (session, known) = match &guest {
            Guest::Signed(session, known) if !known.meets(flow.need(), self.clock.unix()) => {
                (*session, known)
            }
            // Who has what is needed already goes on without spending a code, whatever the form's token.
            Guest::Signed(..) | Guest::Nobody => return Ok(self.next_step(flow, &guest)),
        };
        if !known.is_enrolled() {
            return Ok(self.pages.not_enrolled(flow.id.as_str(), known.name(), Self::site_of(flow)));
        }
        if !visit.is_post() {
            return self.code_page(visit, flow, known, StatusCode::OK, None);
        }
        let fields = Fields::read(&visit.headers, &visit.body);
        if !self.is_own(visit, flow, &fields)? {
            let stale = self.pages.words().stale_form.to_owned();
            return self.code_page(visit, flow, known, StatusCode::FORBIDDEN, Some(stale));
        }
        match Code::parse(fields.get("code").unwrap_or_default()) {
            Ok(code) => self.try_code(visit, flow, (session, known), code).await,
            // Not the shape of a code: charged to nobody.
            Err(_) => {
                let wrong = self.pages.words().refused_code(Said { word: Word::Wrong, wait_seconds: None });
                self.code_page(visit, flow, known, StatusCode::FORBIDDEN, Some(wrong))
            }
        }
    }

    async fn try_code(
        &self,
        visit: &Visit,
        flow: &Flow,
        (session, known): (SessionDigest, &Arc<Known>),
        code: Code,
    ) -> Result<Answer, Refused> {
        let next = Fresh::generate()?;
        let site = Self::site_of(flow).map(Site::host);
        match self.authority.verify(&visit.visitor(), (session, next.digest), site, code).await? {
            Step::Refused(Said { word: Word::Unenrolled, .. }) => {
                Ok(self.pages.not_enrolled(flow.id.as_str(), known.name(), Self::site_of(flow)))
            }
            Step::Refused(said) => {
                let words = self.pages.words().refused_code(said);
                self.code_page(visit, flow, known, refused_status(said.word), Some(words))
            }
            // The browser may hold a newer cookie by now: it is looked at again.
            Step::Gone => Ok(self.next_step(flow, &Guest::Nobody)),
            Step::Passed((permit, notices)) => {
                // The sessions of sites under the old one end with it, and not only when the watch says so.
                self.sessions.forget_account(known.account());
                if permit.account() != known.account() {
                    return Err(Refused::because(Refusal::Undecided, "the code was another account's"));
                }
                log::info!(
                    "request {}: account {} passed the second factor",
                    permit.nonce(),
                    permit.account()
                );
                let step = if notices.is_empty() { "continue" } else { "notices" };
                flow.keep_news(next.digest, notices);
                let lines = self.keep_session(visit, flow, (next.digest, &next.value)).await?;
                let next_page = Answer::redirect(&format!("/{step}/{}", flow.id.as_str()));
                Ok(lines.into_iter().fold(next_page, Answer::with_cookie))
            }
        }
    }

    fn code_page(
        &self,
        visit: &Visit,
        flow: &Flow,
        known: &Known,
        status: StatusCode,
        error: Option<String>,
    ) -> Result<Answer, Refused> {
        let binding = self.binding(visit)?;
        let token = self.key.token(flow.id.as_str(), binding.holder.as_bytes());
        let form = Form { flow: flow.id.as_str(), token: &token, error, site: Self::site_of(flow) };
        let page = self.pages.code(status, &form, known);
        Ok(match binding.line {
            Some(line) => page.with_cookie(line),
            None => page,
        })
    }
}

//! A name and a code on one page, with nothing before: the portal's part of `first_factor = "code"`.
//!
//! Nobody has proved a first factor here, so what comes of it is a session of that one site and never one of the portal: it
//! is handed over as it is, and no other site learns of it.

use http::StatusCode;
use twofold_shared::code::Code;
use twofold_shared::wire::{Refused as Said, SessionDigest, Word};

use super::form::Fields;
use super::sign_in::MAX_NAME;
use super::{Portal, Refused, Visit, refused_status};
use crate::answer::Answer;
use crate::authority::Step;
use crate::cookies::{self, FLOW, Found, Fresh, SITE};
use crate::first_factor::NameAndCode;
use crate::flow::{COOKIE_LIFE, Flow, Proven};
use crate::handoff::Handoff;
use crate::refusal::Refusal;
use crate::session::Verdict;
use crate::site::Site;

const WRONG: Said = Said { word: Word::Wrong, wait_seconds: None };

impl Portal {
    /// What the browser that gave a right code holds of this flow.
    pub(super) fn holder(visit: &Visit, flow: &Flow) -> Option<SessionDigest> {
        let Found::One(value) = cookies::find(&visit.headers, &format!("{FLOW}{}", flow.id.short())) else {
            return None;
        };
        cookies::digest(value).filter(|holder| flow.is_proven_by(holder))
    }

    pub(super) async fn name_and_code(
        &self,
        visit: &Visit,
        flow: &Flow,
        first: &NameAndCode,
    ) -> Result<Answer, Refused> {
        if Self::holder(visit, flow).is_some() {
            // Back again, after it has passed.
            return Ok(Answer::redirect(&format!("/continue/{}", flow.id.as_str())));
        }
        if !visit.is_post() {
            return self.name_and_code_page(visit, flow, StatusCode::OK, "", None);
        }
        let fields = Fields::read(&visit.headers, &visit.body);
        let name = fields.get("name").unwrap_or_default();
        let words = self.read_by(visit).words();
        if !self.is_own(visit, flow, &fields)? {
            let stale = Some(words.stale_form.to_owned());
            return self.name_and_code_page(visit, flow, StatusCode::FORBIDDEN, name, stale);
        }
        let code = fields.get("code").unwrap_or_default();
        if name.trim().is_empty() || code.trim().is_empty() {
            let both = Some(words.name_and_code.to_owned());
            return self.name_and_code_page(visit, flow, StatusCode::UNPROCESSABLE_ENTITY, name, both);
        }
        match Code::parse(code).ok().filter(|_| name.len() <= MAX_NAME) {
            Some(code) => self.try_name_and_code(visit, flow, (first, name), code).await,
            // Not the shape of a code, or of a name: charged to nobody.
            None => self.refused_name_and_code(visit, flow, name, WRONG),
        }
    }

    async fn try_name_and_code(
        &self,
        visit: &Visit,
        flow: &Flow,
        (first, name): (&NameAndCode, &str),
        code: Code,
    ) -> Result<Answer, Refused> {
        let (session, holder) = (Fresh::generate()?, Fresh::generate()?);
        let Some(site) = Self::site_of(flow) else {
            return Err(Refused::because(Refusal::Internal, "a code without a site"));
        };
        let place = (site.host(), session.digest);
        match self.authority.verify_name(&visit.visitor()?, (&first.realm, name), place, code).await? {
            Step::Refused(said) => self.refused_name_and_code(visit, flow, name, said),
            Step::Gone => {
                let stale = Some(self.read_by(visit).words().stale_form.to_owned());
                self.name_and_code_page(visit, flow, StatusCode::CONFLICT, name, stale)
            }
            Step::Passed((permit, notices)) => {
                log::info!(
                    "request {}: account {} gave a code at {}",
                    permit.nonce(),
                    permit.account(),
                    site.host()
                );
                let step = if notices.is_empty() { "continue" } else { "notices" };
                flow.keep_news(holder.digest, notices);
                flow.prove(Proven { holder: holder.digest, session: Some(session.value) });
                let line =
                    cookies::set(&format!("{FLOW}{}", flow.id.short()), &holder.value, Some(COOKIE_LIFE));
                Ok(Answer::redirect(&format!("/{step}/{}", flow.id.as_str())).with_cookie(line))
            }
        }
    }

    fn refused_name_and_code(
        &self,
        visit: &Visit,
        flow: &Flow,
        name: &str,
        said: Said,
    ) -> Result<Answer, Refused> {
        let words = Some(self.read_by(visit).words().refused_name_and_code(said));
        self.name_and_code_page(visit, flow, refused_status(said.word), name, words)
    }

    fn name_and_code_page(
        &self,
        visit: &Visit,
        flow: &Flow,
        status: StatusCode,
        name: &str,
        error: Option<String>,
    ) -> Result<Answer, Refused> {
        self.page_with_form(visit, flow, error, |form| self.read_by(visit).name_and_code(status, form, name))
    }

    /// The browser comes back to its site, whose session the code has opened already.
    pub(super) async fn hand_over(
        &self,
        visit: &Visit,
        site: &std::sync::Arc<Site>,
        handoff: &Handoff,
    ) -> Result<Answer, Refused> {
        let Some(value) = handoff.flow.hand_over() else { return self.missed(visit, site).await };
        let digest = cookies::digest(value.as_bytes());
        let digest = digest.ok_or_else(|| Refused::because(Refusal::Internal, "an odd session of ours"))?;
        let need = handoff.destination.need;
        match self.sessions.ask(&self.authority, digest, Some(site.host())).await {
            Verdict::Known(known) if known.meets(need, self.clock.unix()) => {}
            Verdict::Known(_) | Verdict::Nobody => {
                return Err(Refused::because(Refusal::Expired, "the session that a code opened is gone"));
            }
            Verdict::Undecided => {
                return Err(Refused::because(
                    Refusal::Undecided,
                    "the authority did not decide on a session",
                ));
            }
        }
        if let Found::One(old) = cookies::find(&visit.headers, SITE)
            && let Some(old) = cookies::digest(old)
        {
            // A new id at every rise: the one before is worth nothing from here.
            self.authority.end(old).await?;
            self.sessions.forget(&old);
        }
        let return_to = handoff.flow.return_to().rechecked(site.parameters());
        Ok(Answer::redirect(return_to.as_str())
            .with_cookie(cookies::set(SITE, &value, None))
            .with_cookie(cookies::unset(&format!("{FLOW}{}", handoff.flow.id.short()))))
    }
}

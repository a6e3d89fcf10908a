//! People without a second factor: led to the wizard, told where to set one up, or let pass a while longer.

use http::StatusCode;
use twofold_shared::wire::SessionDigest;

use super::form::Fields;
use super::{Portal, Refused, Visit};
use crate::answer::Answer;
use crate::enrolment::{Enrolment, Enrolments};
use crate::flow::Flow;
use crate::pages::Action;
use crate::pages::wizard::Choice;
use crate::session::Known;
use crate::site::Site;

impl Portal {
    /// The rules about people without a second factor where a flow leads.
    fn enrolments<'a>(&'a self, flow: &'a Flow) -> &'a Enrolments {
        Self::site_of(flow).map_or(&self.enrolments, Site::enrolments)
    }

    /// Whether the person of a session may go on where a flow leads.
    pub(super) fn may_go_on(&self, flow: &Flow, session: &SessionDigest, known: &Known) -> bool {
        let (need, now) = (flow.need(), self.clock.unix());
        // Counted whatever is asked for here: the session that this opens passes everywhere at the site before the day.
        let is_uncounted = !known.is_enrolled()
            && matches!(self.enrolments(flow).policy(known, now), Enrolment::RequiredFrom { .. })
            && !flow.enrolling.is_spared(session);
        self.enrolments(flow).are_met(known, need, now) && !is_uncounted
    }

    /// Whether somebody without a second factor sets none up here, but elsewhere.
    pub(super) fn sets_up_nothing(&self, flow: &Flow, known: &Known) -> bool {
        !known.is_enrolled() && self.enrolments(flow).policy(known, self.clock.unix()) == Enrolment::Off
    }

    /// The page for the person of a session who has no second factor, where one is asked for.
    pub(super) async fn without(
        &self,
        visit: &Visit,
        flow: &Flow,
        (session, known): (SessionDigest, &Known),
    ) -> Result<Answer, Refused> {
        let wizard = format!("/enrol/{}", flow.id.as_str());
        let now = self.clock.unix();
        match self.enrolments(flow).policy(known, now) {
            Enrolment::Off => {
                Ok(self.read_by(visit).not_enrolled(flow.id.as_str(), known.name(), Self::site_of(flow)))
            }
            Enrolment::RequiredFrom { from, sign_ins }
                if self.enrolments(flow).are_met(known, flow.need(), now) =>
            {
                match self.authority.spare(session, sign_ins).await? {
                    Some(left) => self.soon(visit, flow, (session, known), (from, left)),
                    None => Ok(Answer::redirect(&wizard)),
                }
            }
            Enrolment::Required | Enrolment::Optional | Enrolment::RequiredFrom { .. } => {
                Ok(Answer::redirect(&wizard))
            }
        }
    }

    /// "From a day on": the wizard now, or not now. The sign-in counts when this page is shown.
    fn soon(
        &self,
        visit: &Visit,
        flow: &Flow,
        (session, known): (SessionDigest, &Known),
        (from, left): (u64, u32),
    ) -> Result<Answer, Refused> {
        let fields = Fields::read(&visit.headers, &visit.body);
        if visit.is_post() && self.is_own(visit, flow, &fields)? {
            flow.enrolling.spare(session);
            return Ok(Answer::redirect(&format!("/continue/{}", flow.id.as_str())));
        }
        let words = self.read_by(visit).words();
        let title = Self::site_of(flow).map_or(self.pages.product(), Site::title);
        let choice = Choice {
            title: words.wizard.soon,
            text: &words.wizard.say.required_from(title, from, left),
            action: Some(Action { label: words.wizard.set_up, href: format!("/enrol/{}", flow.id.as_str()) }),
            address: &format!("/code/{}", flow.id.as_str()),
            button: words.wizard.not_now,
            name: Some(known.name()),
        };
        self.choice_page(visit, flow, StatusCode::OK, choice)
    }
}

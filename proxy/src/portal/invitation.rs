//! Invitations: the page shows a button and asks nobody anything; its POST redeems, for this browser alone.

use http::StatusCode;
use twofold_shared::secret::SecretText;
use twofold_shared::wire::InvitationOutcome;

use super::form::Fields;
use super::{Portal, Refused, Visit};
use crate::answer::Answer;
use crate::cookies::{self, Found, Fresh, INVITATION, INVITATION_LIFE};
use crate::first_factor::FirstFactor;
use crate::pages::Action;
use crate::pages::wizard::Choice;

/// The longest code that is passed on, separators included.
const MAX_CODE: usize = 104;

impl Portal {
    /// `/invitation/CODE`.
    pub(super) async fn invitation(&self, visit: &Visit, code: &str) -> Result<Answer, Refused> {
        let pages = self.read_by(visit);
        let wizard = pages.words().wizard;
        let fits =
            code.len() <= MAX_CODE && code.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        let over = || {
            pages.message(StatusCode::GONE, wizard.invitation_over, wizard.invitation_over_text, None, None)
        };
        if !fits {
            return Ok(over());
        }
        let held = match cookies::find(&visit.headers, INVITATION) {
            Found::One(value) => cookies::digest(value),
            Found::None | Found::Several => None,
        };
        let fields = Fields::read(&visit.headers, &visit.body);
        let is_own = visit.is_post() && self.is_own_at(visit, INVITATION, &fields)?;
        let Some(holder) = held.filter(|_| is_own) else {
            return self.invitation_page(visit, code, held.is_none());
        };
        let code = SecretText::new(code.to_owned());
        let redeemed = self.authority.redeem(&visit.visitor()?, code, holder).await?;
        Ok(match redeemed.outcome {
            InvitationOutcome::Unknown => over(),
            InvitationOutcome::AtLogin => pages.message(
                StatusCode::FORBIDDEN,
                wizard.invitation_at_login,
                wizard.invitation_at_login_text,
                None,
                None,
            ),
            InvitationOutcome::Redeemed => {
                log::info!("request {}: an invitation was redeemed", redeemed.nonce);
                let href = self.first_factor_of(&redeemed.realms);
                let action = Some(Action { label: pages.words().sign_in, href });
                pages.message(StatusCode::OK, wizard.accepted, wizard.accepted_text, action, None)
            }
        })
    }

    /// The button. What binds the invitation to this browser is there before it is pressed, so that pressing it twice is
    /// pressing it once.
    fn invitation_page(&self, visit: &Visit, code: &str, is_new: bool) -> Result<Answer, Refused> {
        let pages = self.read_by(visit);
        let wizard = pages.words().wizard;
        let choice = Choice {
            title: wizard.invitation,
            text: wizard.invitation_text,
            action: None,
            address: &format!("/invitation/{code}"),
            button: wizard.accept,
            name: None,
        };
        let binding = self.binding(visit)?;
        let token = self.key.form_token(INVITATION, binding.holder.as_bytes())?;
        let mut page = pages.choice(StatusCode::OK, choice, &token, None);
        if is_new {
            page =
                page.with_cookie(cookies::set(INVITATION, &Fresh::generate()?.value, Some(INVITATION_LIFE)));
        }
        Ok(match binding.line {
            Some(line) => page.with_cookie(line),
            None => page,
        })
    }

    /// Where somebody passes their first factor who has a name in one of these realms: on the way to the wizard, where the
    /// portal checks it, or else the site whose realm it is.
    fn first_factor_of(&self, realms: &[String]) -> String {
        let own = self.directory.as_deref().unwrap_or("local");
        if realms.iter().any(|realm| realm == own) {
            return "/enrol".to_owned();
        }
        let is_theirs = |first: &FirstFactor| match first {
            FirstFactor::Password => realms.iter().any(|realm| realm == "local"),
            other => other.realm().is_some_and(|realm| realms.iter().any(|known| known == realm)),
        };
        let site = self.places.sites().iter().find(|site| is_theirs(site.first_factor()));
        site.map_or_else(|| "/".to_owned(), |site| format!("{}/", site.origin()))
    }
}

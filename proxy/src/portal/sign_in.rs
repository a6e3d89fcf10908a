//! Name and password: the first factor of `password` sites.

use http::StatusCode;
use twofold_shared::secret::SecretText;

use super::form::Fields;
use super::{Guest, Portal, Refused, Visit, refused_status};
use crate::answer::Answer;
use crate::authority::Step;
use crate::cookies::{self, Fresh, PORTAL};
use crate::first_factor::FirstFactor;
use crate::flow::Flow;
use crate::site::Site;

/// Longer names and passwords are nobody's.
pub(super) const MAX_NAME: usize = 128;
const MAX_PASSWORD: usize = 1024;

impl Portal {
    pub(super) async fn sign_in(&self, visit: &Visit, flow: &Flow) -> Result<Answer, Refused> {
        match Self::site_of(flow).map(Site::first_factor) {
            None | Some(FirstFactor::Password) => {}
            Some(FirstFactor::Code(code)) => return self.name_and_code(visit, flow, code).await,
            Some(FirstFactor::Form(_) | FirstFactor::Basic(_) | FirstFactor::Header(_)) => {
                return Ok(self.next_step(flow, &self.guest_of(visit, flow).await?));
            }
        }
        let guest = self.guest_of(visit, flow).await?;
        if !visit.is_post() {
            return match guest {
                Guest::Nobody => self.sign_in_page(visit, flow, StatusCode::OK, "", None),
                Guest::Signed(..) => Ok(self.next_step(flow, &guest)),
            };
        }
        let fields = Fields::read(&visit.headers, &visit.body);
        let name = fields.get("name").unwrap_or_default();
        if !self.is_own(visit, flow, &fields)? {
            let stale = self.pages.words().stale_form.to_owned();
            return self.sign_in_page(visit, flow, StatusCode::FORBIDDEN, name, Some(stale));
        }
        let password = fields.get("password").unwrap_or_default();
        if name.trim().is_empty() || password.is_empty() {
            let both = self.pages.words().name_and_password.to_owned();
            return self.sign_in_page(visit, flow, StatusCode::UNPROCESSABLE_ENTITY, name, Some(both));
        }
        if let Guest::Signed(_, known) = &guest
            && known.name() == name.trim()
        {
            // Another tab of the same person was quicker.
            return Ok(self.next_step(flow, &guest));
        }
        if name.len() > MAX_NAME || password.len() > MAX_PASSWORD {
            let wrong = self.pages.words().wrong_password.to_owned();
            return self.sign_in_page(visit, flow, StatusCode::FORBIDDEN, "", Some(wrong));
        }
        self.try_password(visit, flow, &guest, name, password).await
    }

    async fn try_password(
        &self,
        visit: &Visit,
        flow: &Flow,
        guest: &Guest,
        name: &str,
        password: &str,
    ) -> Result<Answer, Refused> {
        let fresh = Fresh::generate()?;
        let password = SecretText::new(password.to_owned());
        match self.authority.sign_in(&visit.visitor()?, name.to_owned(), password, fresh.digest).await? {
            Step::Refused(refused) => {
                let words = self.pages.words().refused_password(refused);
                self.sign_in_page(visit, flow, refused_status(refused.word), name, Some(words))
            }
            Step::Gone => {
                let stale = self.pages.words().stale_form.to_owned();
                self.sign_in_page(visit, flow, StatusCode::CONFLICT, name, Some(stale))
            }
            Step::Passed(signed_in) => {
                if let Guest::Signed(old, known) = guest {
                    // Somebody else now: the browser's former session and its sites end.
                    self.authority.end(*old).await?;
                    self.sessions.forget_account(known.account());
                }
                log::info!("account {} passed the first factor at the portal", signed_in.account);
                let next = Answer::redirect(&format!("/code/{}", flow.id.as_str()));
                Ok(next.with_cookie(cookies::set(PORTAL, &fresh.value, None)))
            }
        }
    }

    fn sign_in_page(
        &self,
        visit: &Visit,
        flow: &Flow,
        status: StatusCode,
        name: &str,
        error: Option<String>,
    ) -> Result<Answer, Refused> {
        self.page_with_form(visit, flow, error, |form| self.pages.sign_in(status, form, name))
    }
}

//! Name and password: the first factor of `password` sites, checked against the ledger or by a directory.

use http::StatusCode;
use twofold_shared::secret::SecretText;
use twofold_shared::wire::{Refused as Said, Word};

use super::form::Fields;
use super::{Guest, Portal, Refused, Visit, refused_status};
use crate::answer::Answer;
use crate::authority::{Believed, Step};
use crate::cookies::{self, FLOW, Fresh, PORTAL};
use crate::directory::{Away, Verdict};
use crate::first_factor::FirstFactor;
use crate::flow::{Asserted, COOKIE_LIFE, Flow};
use crate::refusal::Refusal;
use crate::site::Site;

/// Longer names and passwords are nobody's.
pub(super) const MAX_NAME: usize = 128;
const MAX_PASSWORD: usize = 1024;

impl Portal {
    pub(super) async fn sign_in(&self, visit: &Visit, flow: &Flow) -> Result<Answer, Refused> {
        match Self::site_of(flow).map(Site::first_factor) {
            None | Some(FirstFactor::Password | FirstFactor::Directory(_)) => {}
            Some(FirstFactor::Code(code)) => return self.name_and_code(visit, flow, code).await,
            Some(FirstFactor::Form(_) | FirstFactor::Basic(_) | FirstFactor::Header(_)) => {
                return Ok(self.next_step(visit, flow, &self.guest_of(visit, flow).await?));
            }
        }
        let guest = self.guest_of(visit, flow).await?;
        if !visit.is_post() {
            return match guest {
                Guest::Nobody => self.sign_in_page(visit, flow, StatusCode::OK, "", None),
                Guest::Signed(..) => Ok(self.next_step(visit, flow, &guest)),
            };
        }
        let fields = Fields::read(&visit.headers, &visit.body);
        let name = fields.get("name").unwrap_or_default();
        if !self.is_own(visit, flow, &fields)? {
            let stale = self.read_by(visit).words().stale_form.to_owned();
            return self.sign_in_page(visit, flow, StatusCode::FORBIDDEN, name, Some(stale));
        }
        let password = fields.get("password").unwrap_or_default();
        if name.trim().is_empty() || password.is_empty() {
            let both = self.read_by(visit).words().name_and_password.to_owned();
            return self.sign_in_page(visit, flow, StatusCode::UNPROCESSABLE_ENTITY, name, Some(both));
        }
        if let Guest::Signed(_, known) = &guest
            && known.name() == name.trim()
        {
            // Another tab of the same person was quicker.
            return Ok(self.next_step(visit, flow, &guest));
        }
        if name.len() > MAX_NAME || password.len() > MAX_PASSWORD {
            let wrong = self.read_by(visit).words().wrong_password.to_owned();
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
        let step = match self.directory_of(flow) {
            None => {
                self.authority.sign_in(&visit.visitor()?, name.to_owned(), password, fresh.digest).await?
            }
            Some(realm) => match self.ask_directory(visit, realm, name, password).await? {
                Verdict::Right(name) => {
                    let visitor = visit.visitor()?;
                    match self.authority.assert_first(&visitor, realm, name.clone(), fresh.digest).await? {
                        Believed::Somebody(signed_in) => Step::Passed(signed_in),
                        // They are who they say, and the ledger has nobody of that name, or keeps them out.
                        Believed::Newcomer => return Ok(self.newcomer_here(flow, name, fresh)),
                        Believed::Nobody => return Ok(self.unknown_to_ledger(visit, flow)),
                    }
                }
                Verdict::Wrong => Step::Refused(Said { word: Word::Wrong, wait_seconds: None }),
                Verdict::Wait(seconds) => {
                    Step::Refused(Said { word: Word::Wait, wait_seconds: Some(seconds) })
                }
            },
        };
        match step {
            Step::Refused(refused) => {
                let words = self.read_by(visit).words().refused_password(refused);
                self.sign_in_page(visit, flow, refused_status(refused.word), name, Some(words))
            }
            Step::Gone => {
                let stale = self.read_by(visit).words().stale_form.to_owned();
                self.sign_in_page(visit, flow, StatusCode::CONFLICT, name, Some(stale))
            }
            Step::Passed(signed_in) if self.is_somebody_elses(visit, flow).await? => {
                log::info!("account {} passed the first factor at the portal", signed_in.account);
                flow.assert(Asserted::at_portal(signed_in.account));
                let line =
                    cookies::set(&format!("{FLOW}{}", flow.id.short()), &fresh.value, Some(COOKIE_LIFE));
                Ok(Answer::redirect(&format!("/code/{}", flow.id.as_str())).with_cookie(line))
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

    /// What the directory of this realm thinks of a name and a password.
    async fn ask_directory(
        &self,
        visit: &Visit,
        realm: &str,
        name: &str,
        password: SecretText,
    ) -> Result<Verdict, Refused> {
        self.directories.check(realm, name, password, visit.address).await.map_err(|Away| {
            Refused::because(Refusal::Undecided, "the directory did not decide on a password")
        })
    }

    /// Whether the portal's session came by another realm than the one that this flow asks: it is left alone.
    async fn is_somebody_elses(&self, visit: &Visit, flow: &Flow) -> Result<bool, Refused> {
        let Some(FirstFactor::Directory(realm)) = Self::site_of(flow).map(Site::first_factor) else {
            return Ok(false);
        };
        Ok(match self.guest(visit).await? {
            Guest::Signed(_, known) => !known.is_of_realm(realm),
            Guest::Nobody => false,
        })
    }

    pub(super) fn unknown_to_ledger(&self, visit: &Visit, flow: &Flow) -> Answer {
        let words = self.read_by(visit).words();
        let text = words.say.unknown_here(Self::site_of(flow).map_or(words.directory, Site::title));
        self.read_by(visit).message(StatusCode::FORBIDDEN, words.not_known_yet, &text, None, None)
    }

    fn sign_in_page(
        &self,
        visit: &Visit,
        flow: &Flow,
        status: StatusCode,
        name: &str,
        error: Option<String>,
    ) -> Result<Answer, Refused> {
        self.page_with_form(visit, flow, error, |form| self.read_by(visit).sign_in(status, form, name))
    }
}

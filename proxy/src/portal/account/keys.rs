//! API keys of one's own: made, suspended and resumed here.

use http::StatusCode;
use twofold_shared::wire::{ApiKeyGrant, CreateApiKey, ResumeApiKey, SuspendApiKey};

use super::super::form::Fields;
use super::super::{Portal, Visit};
use super::{Detour, Owner, Turn};
use crate::answer::Answer;
use crate::authority::{Asked, Unfit};
use crate::pages::account::{KeyField, KeyForm};

const DAY: u64 = 24 * 60 * 60;

impl Portal {
    /// The form, as it was filled in so far.
    pub(super) fn new_key_page(&self, visit: &Visit, owner: &Owner, form: &KeyForm) -> Answer {
        let sites = self.places.sites().iter().map(|site| &**site);
        let status = if form.error.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
        self.read_by(visit).new_key(status, form, sites, &owner.token)
    }

    /// Makes a key and shows it.
    pub(super) async fn make_key(&self, visit: &Visit, owner: &Owner, fields: &Fields) -> Turn<Answer> {
        let text = |name| fields.get(name).unwrap_or_default().trim().to_owned();
        let mut form = KeyForm {
            label: text("label"),
            sites: fields.all("site").map(str::to_owned).collect(),
            paths: text("paths"),
            is_read_only: fields.get("read_only") == Some("yes"),
            networks: text("networks"),
            days: text("days"),
            error: None,
        };
        let words = self.read_by(visit).words();
        let days: Option<u64> = form.days.parse().ok().filter(|days| (1..=36_500).contains(days));
        let wrong = match (form.label.is_empty(), form.sites.is_empty()) {
            (true, _) => Some((KeyField::Label, words.account.choose_a_site)),
            (false, true) => Some((KeyField::Sites, words.account.choose_a_site)),
            (false, false) if days.is_none() && !form.days.is_empty() => {
                Some((KeyField::Days, words.account.key_days_odd))
            }
            (false, false) => None,
        };
        if let Some((field, why)) = wrong {
            form.error = Some((field, why.to_owned()));
            return Ok(self.new_key_page(visit, owner, &form));
        }
        let methods = if form.is_read_only { vec!["GET".to_owned()] } else { Vec::new() };
        let request = CreateApiKey {
            account: None,
            label: form.label.clone(),
            grant: ApiKeyGrant {
                sites: form.sites.clone(),
                paths: lines(&form.paths),
                methods,
                networks: lines(&form.networks),
            },
            ends_at: days.map(|days| self.clock.unix() + days * DAY),
            code: None,
        };
        match self.authority.as_person(&visit.visitor()?, owner.session, None, &request).await? {
            Asked::Done(fresh) => Ok(self.read_by(visit).fresh_key(&fresh.key)),
            Asked::Unfit(unfit) => {
                form.error = Some((field_of(&unfit), words.say.unfit(&unfit)));
                Ok(self.new_key_page(visit, owner, &form))
            }
            Asked::Refused(said) => {
                form.error = Some((KeyField::Label, words.say.refused_code(said)));
                Ok(self.new_key_page(visit, owner, &form))
            }
            Asked::NeedsCode => Err(Detour::To(Answer::redirect(&self.begin_for_account(visit, true)?))),
            Asked::Gone | Asked::Missing => Err(Detour::To(Answer::redirect("/account"))),
        }
    }

    /// Suspends a key, or lets it open again what it may.
    pub(super) async fn pause_key(
        &self,
        visit: &Visit,
        owner: &Owner,
        pause: bool,
        id: &str,
    ) -> Turn<Answer> {
        let Some(key) = self.key_of(visit, owner, id).await? else {
            return Err(Detour::To(Answer::redirect("/account")));
        };
        let id = key.id;
        if pause {
            self.quietly(visit, owner, &SuspendApiKey { account: None, id }).await
        } else {
            self.quietly(visit, owner, &ResumeApiKey { account: None, id, code: None }).await
        }
    }
}

fn field_of(unfit: &Unfit) -> KeyField {
    match unfit {
        Unfit::Path(_) => KeyField::Paths,
        Unfit::Network(_) => KeyField::Networks,
        Unfit::Label | Unfit::Other => KeyField::Label,
    }
}

fn lines(text: &str) -> Vec<String> {
    text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

//! Somebody whose name is new: asked whether they have an account already, then offered one where the site says so.
//!
//! Their realm's first factor has passed a moment ago, in this flow and in this browser. What they type here names an account
//! that may be anybody's, so a wrong name and a wrong code read the same, and the authority counts them apart.

use http::StatusCode;
use twofold_shared::code::Code;
use twofold_shared::permit::Permit;
use twofold_shared::wire::{Notice, Refused as Said, Word};

use super::form::Fields;
use super::sign_in::MAX_NAME;
use super::{Guest, Portal, Refused, Visit, refused_status};
use crate::answer::Answer;
use crate::authority::{Believed, Joined};
use crate::cookies::{self, FLOW, Found, Fresh, PORTAL};
use crate::first_factor::FirstFactor;
use crate::flow::{Asserted, COOKIE_LIFE, Flow, Newcomer};
use crate::pages::Action;
use crate::pages::join::{Elsewhere, JoinForm};
use crate::site::{Place, Site};

/// The longest address of another site that is read.
const MAX_SITE: usize = 253;

const WRONG: Said = Said { word: Word::Wrong, wait_seconds: None };

impl Portal {
    /// Who is new in this flow, by what their browser holds of it.
    pub(super) fn newcomer(visit: &Visit, flow: &Flow) -> Option<Newcomer> {
        let Found::One(value) = cookies::find(&visit.headers, &format!("{FLOW}{}", flow.id.short())) else {
            return None;
        };
        flow.newcomer(&cookies::digest(value)?)
    }

    /// A directory knows somebody whom the ledger does not.
    pub(super) fn newcomer_here(&self, flow: &Flow, name: String, holder: Fresh) -> Answer {
        let newcomer = Newcomer::new(name, holder.digest, self.clock.millis());
        flow.assert(Asserted::newcomer_at_portal(newcomer));
        let line = cookies::set(&format!("{FLOW}{}", flow.id.short()), &holder.value, Some(COOKIE_LIFE));
        Answer::redirect(&format!("/join/{}", flow.id.as_str())).with_cookie(line)
    }

    /// `/join/ID`.
    pub(super) async fn join(&self, visit: &Visit, flow: &Flow) -> Result<Answer, Refused> {
        let Some(newcomer) = Self::newcomer(visit, flow) else {
            let guest = self.guest_of(visit, flow).await?;
            return Ok(self.next_step(visit, flow, &guest));
        };
        if newcomer.is_late(self.clock.millis()) {
            let words = self.read_by(visit).words();
            return Ok(self.begin_anew(
                visit,
                flow,
                StatusCode::GONE,
                (words.join.late, words.join.late_text),
            ));
        }
        if !visit.is_post() {
            return self.join_page(visit, flow, (&newcomer, &JoinForm::default()), None);
        }
        let fields = Fields::read(&visit.headers, &visit.body);
        let words = self.read_by(visit).words();
        let text = |name| fields.get(name).unwrap_or_default().trim().to_owned();
        let form =
            JoinForm { name: text("name"), place: Elsewhere::of(fields.get("where")), site: text("site") };
        let again = |status, error: &str| {
            self.join_page(visit, flow, (&newcomer, &form), Some((status, error.to_owned())))
        };
        if !self.is_own(visit, flow, &fields)? {
            return again(StatusCode::FORBIDDEN, words.stale_form);
        }
        if fields.get("new") == Some("yes") && Self::site_of(flow).is_some_and(Site::creates_accounts) {
            return self.make_account(visit, flow, newcomer).await;
        }
        let code = fields.get("code").unwrap_or_default();
        if form.name.is_empty() || code.trim().is_empty() {
            return again(StatusCode::UNPROCESSABLE_ENTITY, words.name_and_code);
        }
        if form.place == Elsewhere::Site && form.site.is_empty() {
            return again(StatusCode::UNPROCESSABLE_ENTITY, words.join.which_site);
        }
        let fits = form.name.len() <= MAX_NAME && form.site.len() <= MAX_SITE;
        let Some(code) = Code::parse(code).ok().filter(|_| fits) else {
            // Not the shape of a code, or of a name: charged to nobody.
            return again(StatusCode::FORBIDDEN, &words.refused_name_and_code(WRONG));
        };
        let fresh = Fresh::generate()?;
        let names = (self.realm_of(flow), newcomer.name.as_str());
        let host = Self::site_of(flow).map_or_else(|| self.origin.host().as_str(), Site::host);
        let (visitor, account) = (visit.visitor()?, self.account_meant(&form));
        match self.authority.join(&visitor, names, account, (host, fresh.digest), code).await? {
            Joined::Passed(passed) => self.has_joined(visit, flow, (newcomer, fresh), passed).await,
            Joined::Refused(said) => again(refused_status(said.word), &words.refused_name_and_code(said)),
            Joined::Taken => {
                let said = (words.join.taken, words.join.taken_text);
                Ok(self.begin_anew(visit, flow, StatusCode::CONFLICT, said))
            }
            Joined::Full => {
                let said = (words.join.full, words.join.full_text);
                Ok(self.begin_anew(visit, flow, StatusCode::CONFLICT, said))
            }
        }
    }

    /// The name is one of the account's: its session goes on to the site, and the person reads what has happened.
    async fn has_joined(
        &self,
        visit: &Visit,
        flow: &Flow,
        (newcomer, session): (Newcomer, Fresh),
        (permit, notices): (Permit, Vec<Notice>),
    ) -> Result<Answer, Refused> {
        log::info!("request {}: a name joined account {}", permit.nonce(), permit.account());
        self.sessions.forget_account(permit.account());
        flow.has_joined(permit.account().to_owned());
        flow.keep_joining(session.digest, newcomer.name);
        flow.keep_news(session.digest, notices);
        flow.renew(self.clock.millis());
        let lines = match (&flow.destination, self.guest(visit).await?) {
            (None, Guest::Signed(old, known)) => {
                // At the portal's own page they are this account from now on, and no other.
                self.authority.end(old).await?;
                self.sessions.forget_account(known.account());
                vec![cookies::set(PORTAL, &session.value, None)]
            }
            (Some(_), _) | (None, Guest::Nobody) => {
                self.keep_session(visit, flow, (session.digest, &session.value)).await?
            }
        };
        let next = Answer::redirect(&format!("/notices/{}", flow.id.as_str()));
        Ok(lines.into_iter().fold(next, Answer::with_cookie))
    }

    /// They have none: one is made for the name, as its site says, and what follows is as for everybody without a second
    /// factor.
    async fn make_account(&self, visit: &Visit, flow: &Flow, newcomer: Newcomer) -> Result<Answer, Refused> {
        let (fresh, visitor) = (Fresh::generate()?, visit.visitor()?);
        let realm = self.realm_of(flow);
        match self.authority.create_account(&visitor, realm, newcomer.name, fresh.digest).await? {
            Believed::Somebody(signed_in) => {
                log::info!("account {} was made for somebody new", signed_in.account);
                flow.has_joined(signed_in.account);
                let line =
                    cookies::set(&format!("{FLOW}{}", flow.id.short()), &fresh.value, Some(COOKIE_LIFE));
                Ok(Answer::redirect(&format!("/code/{}", flow.id.as_str())).with_cookie(line))
            }
            Believed::Newcomer | Believed::Nobody => Ok(self.unknown_to_ledger(visit, flow)),
        }
    }

    /// The realm whose first factor leads through a flow; empty where there is none to vouch for.
    fn realm_of<'a>(&'a self, flow: &'a Flow) -> &'a str {
        let realm = match Self::site_of(flow) {
            Some(site) => site.first_factor().realm(),
            None => self.directory.as_deref(),
        };
        realm.unwrap_or_default()
    }

    /// The account that somebody means, as the authority reads it. A site that is not here is nobody's realm.
    fn account_meant(&self, form: &JoinForm) -> String {
        let realm = match form.place {
            Elsewhere::Host => "unix".to_owned(),
            Elsewhere::Portal => "local".to_owned(),
            Elsewhere::Site => {
                let host = form.site.trim_start_matches("https://").trim_start_matches("http://");
                let host = host.split('/').next().unwrap_or_default().to_lowercase();
                match self.places.find(host.as_bytes()) {
                    Ok(Some(Place::Site(site))) => match site.first_factor() {
                        FirstFactor::Password => "local".to_owned(),
                        other => other.realm().unwrap_or_default().to_owned(),
                    },
                    Ok(Some(Place::Portal)) => "local".to_owned(),
                    Ok(None) | Err(_) => host,
                }
            }
        };
        format!("{realm}:{}", form.name)
    }

    fn begin_anew(&self, visit: &Visit, flow: &Flow, status: StatusCode, said: (&str, &str)) -> Answer {
        let words = self.read_by(visit).words();
        let href = match Self::site_of(flow) {
            Some(site) => format!("{}{}", site.origin(), flow.return_to().as_str()),
            None => "/".to_owned(),
        };
        let action = Some(Action { label: words.sign_in, href });
        self.read_by(visit).message(status, said.0, said.1, action, None)
    }

    fn join_page(
        &self,
        visit: &Visit,
        flow: &Flow,
        (newcomer, typed): (&Newcomer, &JoinForm),
        error: Option<(StatusCode, String)>,
    ) -> Result<Answer, Refused> {
        let (status, error) = error.map_or((StatusCode::OK, None), |(status, error)| (status, Some(error)));
        self.page_with_form(visit, flow, error, |form| {
            self.read_by(visit).join(status, form, (&newcomer.name, typed))
        })
    }
}

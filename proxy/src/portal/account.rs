//! A person's own account: what there is, and what they change about it.
//!
//! Only a session that has passed the second factor gets here, and the authority asks the same again at each call.
//! Changes to the second factor itself take a code or the password on their own page; the rest takes one that was given
//! in the last minutes, or leads to the code page and back.

mod changes;
mod keys;

use std::sync::Arc;

use twofold_shared::wire::{
    GetAccount, ListApiKeys, ListBrowsers, ListSessions, ReadActivity, ReopenAccount, Request,
    RevokeBrowsers, RevokeSessions, SessionDigest,
};

use super::{Guest, Portal, Refused, Visit};
use crate::answer::Answer;
use crate::authority::Asked;
use crate::pages::account::{Overview, Reader};
use crate::path::Parameters;
use crate::refusal::Refusal;
use crate::return_address::ReturnAddress;
use crate::rules::Need;
use crate::session::Known;

/// Events on the account page, and on a page of older ones.
const EVENTS: u32 = 10;
const OLDER_EVENTS: u32 = 50;
/// How many hex digits of a session's digest lists name it by.
const ID_DIGITS: usize = 16;

/// A person at their account.
pub(super) struct Owner {
    session: SessionDigest,
    known: Arc<Known>,
    token: String,
}

impl Owner {
    /// The session as lists name it.
    fn id(&self) -> String {
        self.session.to_string().chars().take(ID_DIGITS).collect()
    }
}

/// How an answer that is no page comes about: `?` leads there.
pub(super) enum Detour {
    /// Elsewhere first.
    To(Answer),
    /// Not at all.
    Refused(Refused),
}

impl<T: Into<Refused>> From<T> for Detour {
    fn from(why: T) -> Self {
        Self::Refused(why.into())
    }
}

type Turn<T> = Result<T, Detour>;

impl Portal {
    /// Answers `/account` and what is below it.
    pub(super) async fn account(&self, visit: &Visit, below: Option<&str>) -> Result<Answer, Refused> {
        match self.account_page(visit, below).await {
            Ok(answer) | Err(Detour::To(answer)) => Ok(answer),
            Err(Detour::Refused(refused)) => Err(refused),
        }
    }

    async fn account_page(&self, visit: &Visit, below: Option<&str>) -> Turn<Answer> {
        let (page, id) = match below.unwrap_or_default().split_once('/') {
            Some((page, id)) => (page, Some(id)),
            None => (below.unwrap_or_default(), None),
        };
        if !is_known(page, id.is_some()) {
            return Err(Refused::because(Refusal::NotFound, "no such page of an account").into());
        }
        let owner = self.owner(visit).await?;
        if !visit.is_post() {
            if is_action(page) {
                return Err(Refused::because(Refusal::WrongMethod, "a form's address and no page").into());
            }
            return match (page, id) {
                ("", None) => self.overview(visit, &owner).await,
                ("activity", Some(before)) => self.older(visit, &owner, before).await,
                ("key", None) => {
                    Ok(self.new_key_page(visit, &owner, &crate::pages::account::KeyForm::default()))
                }
                (page, id) => self.ask_first(visit, &owner, (page, id.unwrap_or_default()), None).await,
            };
        }
        if matches!(page, "" | "activity") {
            return Err(Refused::because(Refusal::WrongMethod, "a page that takes no form").into());
        }
        let fields = self.own_form(visit)?;
        if !self.key.fits(fields.get("token"), "account", owner.session.as_bytes()) {
            // From an older session of this browser, or from nowhere: nothing is done, and the page is shown anew.
            log::info!("a form of the account page with another session's token was not used");
            let back = if is_action(page) { "/account" } else { &visit.path };
            return Err(Detour::To(Answer::redirect(back)));
        }
        match (page, id) {
            ("session", Some(id)) => {
                let request = RevokeSessions { account: None, id: Some(id.to_owned()), code: None };
                self.quietly(visit, &owner, &request).await
            }
            ("sessions", None) => {
                self.quietly(visit, &owner, &RevokeSessions { account: None, id: None, code: None }).await
            }
            ("browser", Some(id)) => {
                let request = RevokeBrowsers { account: None, id: Some(id.to_owned()), code: None };
                self.quietly(visit, &owner, &request).await
            }
            ("browsers", None) => {
                self.quietly(visit, &owner, &RevokeBrowsers { account: None, id: None, code: None }).await
            }
            ("codes.txt", None) => Ok(self.fresh_codes_file(visit, &owner, &fields)?),
            ("reopen", None) => {
                self.quietly(visit, &owner, &ReopenAccount { account: None, code: None }).await
            }
            ("key", None) => self.make_key(visit, &owner, &fields).await,
            ("suspend" | "resume", Some(id)) => self.pause_key(visit, &owner, page == "suspend", id).await,
            (page, id) => self.do_it(visit, &owner, (page, id.unwrap_or_default()), &fields).await,
        }
    }

    /// Who is here. Whoever has not come far enough goes on to where they get further, and comes back.
    async fn owner(&self, visit: &Visit) -> Turn<Owner> {
        match self.guest(visit).await? {
            Guest::Signed(session, known) if known.meets(Need::SECOND, self.clock.unix()) => {
                let token = self.key.form_token("account", session.as_bytes())?;
                Ok(Owner { session, known, token })
            }
            Guest::Signed(_, known) if !known.is_enrolled() && visit.path == "/account" => {
                let policy = self.enrolments.policy(&known, self.clock.unix());
                Err(Detour::To(self.read_by(visit).account_off(&known, policy)))
            }
            Guest::Signed(..) | Guest::Nobody => {
                Err(Detour::To(Answer::redirect(&self.begin_for_account(visit, false)?)))
            }
        }
    }

    /// A flow that leads back here; one that asks for a fresh code whatever was given before.
    fn begin_for_account(&self, visit: &Visit, afresh: bool) -> Result<String, Refused> {
        let flow = self.flows.begin(None, visit.address, self.clock.millis())?;
        let back = if visit.is_post() { "/account" } else { visit.path.as_str() };
        flow.lead_to(ReturnAddress::from_path(back.as_bytes(), Parameters::Refused));
        if afresh {
            flow.ask_afresh();
            return Ok(format!("/code/{}", flow.id.as_str()));
        }
        Ok(format!("/sign-in/{}", flow.id.as_str()))
    }

    /// Asks the authority as this person; what cannot be answered leads elsewhere.
    async fn tell<R: Request>(&self, visit: &Visit, owner: &Owner, request: &R) -> Turn<R::Reply> {
        let asked = self.authority.as_person(&visit.visitor()?, owner.session, None, request).await?;
        match asked {
            Asked::Done(reply) => Ok(reply),
            Asked::NeedsCode => Err(Detour::To(Answer::redirect(&self.begin_for_account(visit, true)?))),
            Asked::Gone => {
                self.sessions.forget(&owner.session);
                Err(Detour::To(Answer::redirect("/account")))
            }
            Asked::Missing => Err(Detour::To(Answer::redirect("/account"))),
            Asked::Refused(_) | Asked::Unfit(_) => {
                Err(Refused::because(Refusal::Unclear, "the authority took it for unfit").into())
            }
        }
    }

    /// Does something that has no page of its own, and shows the account again.
    async fn quietly<R: Request>(&self, visit: &Visit, owner: &Owner, request: &R) -> Turn<Answer> {
        self.tell(visit, owner, request).await?;
        self.sessions.forget_account(owner.known.account());
        Ok(Answer::redirect("/account"))
    }

    fn reader<'a>(&self, owner: &'a Owner, session: &'a str) -> Reader<'a> {
        Reader {
            name: owner.known.name(),
            token: &owner.token,
            session,
            now: self.clock.unix(),
            operates: owner.known.operates(),
        }
    }

    async fn overview(&self, visit: &Visit, owner: &Owner) -> Turn<Answer> {
        let latest = ReadActivity { account: None, before: None, limit: EVENTS };
        // All at once: the person waits for the slowest, and not for their sum.
        let (account, sessions, browsers, keys, activity) = tokio::try_join!(
            self.tell(visit, owner, &GetAccount { account: None }),
            self.tell(visit, owner, &ListSessions { account: None }),
            self.tell(visit, owner, &ListBrowsers { account: None }),
            self.tell(visit, owner, &ListApiKeys { account: None }),
            self.tell(visit, owner, &latest),
        )?;
        let overview = Overview {
            account: &account,
            sessions: &sessions.sessions,
            browsers: &browsers.browsers,
            keys: &keys.api_keys,
            activity: &activity,
        };
        Ok(self.read_by(visit).account(self.reader(owner, &owner.id()), &overview))
    }

    async fn older(&self, visit: &Visit, owner: &Owner, before: &str) -> Turn<Answer> {
        let request = ReadActivity { account: None, before: Some(before.to_owned()), limit: OLDER_EVENTS };
        let activity = self.tell(visit, owner, &request).await?;
        Ok(self.read_by(visit).activity(&activity, self.clock.unix()))
    }
}

/// Whether there is such a page, with something named behind it or not.
fn is_known(page: &str, has_id: bool) -> bool {
    match page {
        "" | "codes" | "codes.txt" | "off" | "key" | "sessions" | "browsers" | "reopen" => !has_id,
        "rename" | "remove" | "part" | "rotate" | "revoke" | "activity" | "session" | "browser"
        | "suspend" | "resume" => has_id,
        _ => false,
    }
}

/// What is done from the account page, without a page of its own.
fn is_action(page: &str) -> bool {
    matches!(
        page,
        "session" | "sessions" | "browser" | "browsers" | "suspend" | "resume" | "reopen" | "codes.txt"
    )
}

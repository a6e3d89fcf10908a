//! Owners at the portal: what they ask there is asked as the person of a session that has passed the second factor.
//!
//! The gate says which session; whose it is, how far it has got and how fresh its code is, the ledger says. Whatever a
//! code would be asked for takes a code in the call, one given in this session in the last five minutes, or the `local`
//! password with the call.

use std::sync::Arc;

use tokio::time::Instant;
use twofold_shared::account::{Account, AccountId};
use twofold_shared::clock::UnixTime;
use twofold_shared::secret::SecretText;
use twofold_shared::trail::Action;
use twofold_shared::wire::{AsPerson, Fault, FaultKind, Level, Nonce, SessionDigest};

use super::attempt::{Subject, line, refusal_entry, word};
use super::browser::source_of;
use super::fault::{Outcome, fault, not_permitted, refused};
use super::session::Live;
use super::settings::DEADLINE;
use super::told::{PORTAL, Place, entry};
use crate::audit::Entry;
use crate::authority::Authority;
use crate::store::StoreError;

/// For how long a code that was given stands for one in the call, in seconds.
pub(super) const ELEVATED_SECONDS: u64 = 5 * 60;

/// An owner in a session of the portal.
#[derive(Clone, Debug)]
pub struct Person {
    /// Their account.
    pub account: AccountId,
    /// The session that they speak in.
    pub session: SessionDigest,
    /// Where their browser is.
    pub place: Place,
    /// The number of their request.
    pub nonce: Nonce,
    /// What stands for a code in the call.
    pub elevated: Option<Elevated>,
}

/// What a person gave lately.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Elevated {
    /// A code, in this session.
    ByCode,
    /// Their password, with this call.
    ByPassword,
}

impl Person {
    /// An event of theirs.
    pub fn entry(&self, action: Action) -> Entry {
        entry(action, PORTAL, &self.place, &self.nonce)
    }
}

impl Authority {
    /// Who speaks in a session, and with how much behind it.
    pub(crate) async fn person(&self, request: &AsPerson) -> Outcome<Person> {
        let now = self.now().await?.time;
        let live = self.at_second(&request.session, now)?;
        let mut place = Place::browser(&request.source);
        let event = Entry {
            account: Some(live.account.id),
            name: Some(live.session.name.to_string()),
            ..entry(Action::PasswordCheck, PORTAL, &place, &request.nonce)
        };
        let known = self.met_browser(live.account.id, request.browser_value.as_ref(), &event).await?;
        if let Some(id) = known {
            place = place.with(source_of(&id));
        }
        let fresh = live.session.second_at.is_some_and(|at| now < at.plus(ELEVATED_SECONDS));
        let mut person = Person {
            account: live.account.id,
            session: request.session,
            place,
            nonce: request.nonce.clone(),
            elevated: fresh.then_some(Elevated::ByCode),
        };
        if let Some(password) = &request.password {
            if !live.account.names.iter().any(|name| name.name.realm().is_local()) {
                return Err(not_permitted());
            }
            self.check_password(&person, password, event).await?;
            person.elevated = person.elevated.or(Some(Elevated::ByPassword));
        }
        Ok(person)
    }

    /// The session, if it is the portal's and has passed the second factor. One that rests on a trusted browser has not,
    /// here: whoever copied it shall change nothing.
    pub(super) fn at_second(&self, session: &SessionDigest, now: UnixTime) -> Outcome<Live> {
        let live = self.live(session, None, now)?;
        let live = live.filter(|live| live.session.level == Level::Second && live.session.trusted.is_none());
        live.ok_or_else(signed_out)
    }

    /// Checks the person's password, and counts a wrong one.
    async fn check_password(&self, person: &Person, password: &SecretText, event: Entry) -> Outcome<()> {
        let deadline = Instant::now() + DEADLINE;
        let origin = &person.place.origin;
        let password = Arc::new(SecretText::new(password.reveal().to_owned()));
        let subject = Subject::Account(person.account);
        let first = self.read_subject(&subject).await?;
        let line = line(&first.account, origin, first.now);
        let _turn = self.turns.take(person.account, line, deadline).await?;
        while Instant::now() < deadline {
            let read = self.read_subject(&subject).await?;
            let (after, judged) = match read.account.may_try_password(origin, read.now.time) {
                Err(refusal) => (read.account.clone(), Err(refusal)),
                Ok(()) => {
                    let kept = read.account.password.clone();
                    let right = self.password_fits(kept, &password, line, deadline).await?;
                    read.account.password_tried(right, origin, read.now.time)
                }
            };
            let Err(refusal) = judged else { return Ok(()) };
            let entry = refusal_entry(&event, &subject, refusal.reason);
            match self.commit_refusal(&subject, &read, &after, entry).await {
                Ok(()) => return Err(password_refused(refusal.refused)),
                Err(StoreError::Conflict) => {}
                Err(error) => return Err(self.failed(&error)),
            }
        }
        Err(password_refused(word(twofold_shared::wire::Word::Busy)))
    }

    /// The person's account, as long as their session is.
    pub(super) fn account_of(&self, person: &Person, now: UnixTime) -> Outcome<Account> {
        let live = self.at_second(&person.session, now)?;
        if live.account.id == person.account { Ok(live.account) } else { Err(signed_out()) }
    }
}

fn signed_out() -> Fault {
    fault(
        FaultKind::NoSuchSession,
        "this session is over, or has not passed the second factor; sign in again",
    )
}

fn password_refused(refusal: twofold_shared::wire::Refused) -> Fault {
    Fault { detail: "the password was refused".to_owned(), ..refused(refusal) }
}

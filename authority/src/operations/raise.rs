//! A code given in the browser, or a browser that was trusted with one: the only ways from a first factor to a second.
//!
//! The old session ends, with every site's session under it, and a new one begins, in the commit that spends the code or
//! finds the browser trusted: a cookie that somebody fixed or saw before is worth nothing after.

use twofold_shared::account::Factor;
use twofold_shared::code::Code;
use twofold_shared::throttle::Stage;
use twofold_shared::trail::Action;
use twofold_shared::wire::{
    Approval, BrowserValue, EmergencyDoor, Level, Nonce, Notice, PassTrusted, Refused, VerifyReply,
    VerifySession, Word,
};

use super::attempt::{Change, CodeGiven, Subject, Tried, word};
use super::browser::{Passed, new_browser, source_of};
use super::by_code::device_of;
use super::fault::{Outcome, invalid, refused};
use super::session::Live;
use super::told::{Place, entry, web_door};
use crate::audit::{self, Entry};
use crate::authority::Authority;
use crate::store::record::{BrowserId, Session};

impl Authority {
    /// Judges a code for a session, and raises it.
    pub(crate) async fn verify_session(&self, request: VerifySession) -> Outcome<VerifyReply> {
        let VerifySession { nonce, session, next, site, source, code, browser, trust_seconds } = request;
        let Some(live) = self.live(&session, None, self.now().await?.time)? else {
            return Err(gone());
        };
        let Ok(code) = Code::parse(code.reveal()) else {
            return Ok(reply(nonce, Err(word(Word::Wrong))));
        };
        let mut place = Place::browser(&source);
        let door = web_door(site.as_deref());
        let entry = entry_of(&live, Action::Verify, &door, &place, &nonce);
        let known = self.browser_of(&live, browser, &entry).await?;
        if let Some((id, _)) = &known {
            place = place.with(source_of(id));
        }
        let subject = Subject::Account(live.account.id);
        let given = CodeGiven {
            subject,
            code: &code,
            origin: &place.origin,
            stage: Stage::AfterFirst,
            emergency: Some(EmergencyDoor::Web),
            entry,
        };
        let tried = self.try_code(&given, |change| {
            change.essential = true;
            let now = change.time();
            // Looked at again: it may have ended while the code waited for its turn.
            let live = self.live(&session, None, now)?.ok_or_else(gone)?;
            self.end_sessions(change, |other| other.digest == session)?;
            let raised = Session {
                digest: next,
                level: Level::Second,
                seen: now,
                second_at: Some(now),
                device: device_of(change),
                trusted: None,
                source: place.words.clone().or(live.session.source),
                ..live.session
            };
            if let Some((id, value)) = known {
                // What an operator lends once makes no browser trusted.
                let lent = change.factor == Some(Factor::EmergencyCode);
                self.keep(change, (id, value), &raised, trust_seconds.filter(|_| !lent))?;
            }
            self.begin_session(change, &raised)
        });
        Ok(match tried.await? {
            Tried::Passed((), notices) => {
                let approval = Approval { account: live.account.id.to_string(), door, level: Level::Second };
                reply(nonce, Ok((approval, notices.iter().map(|notice| notice.to_wire()).collect())))
            }
            Tried::Refused(refusal) => reply(nonce, Err(refusal)),
        })
    }

    /// Raises a session without a code, where its browser is trusted. Nothing is guessed here, so nothing is counted. News
    /// are told and kept until a code was given: a copied browser must not take them from their owner.
    pub(crate) async fn pass_trusted(&self, request: PassTrusted) -> Outcome<VerifyReply> {
        let PassTrusted { nonce, session, next, site, source, browser, trust_seconds } = request;
        let now = self.now().await?;
        let Some(live) = self.live(&session, None, now.time)? else {
            return Err(gone());
        };
        let account = live.account.id;
        let place = Place::browser(&source);
        let door = web_door(Some(&site));
        let entry = entry_of(&live, Action::PassTrusted, &door, &place, &nonce);
        let known = self.met_browser(account, browser.presented.as_ref(), &entry).await?;
        // Looked at before: most browsers are not trusted, and finding that out costs no commit.
        let Some(id) = known else { return Ok(reply(nonce, Err(word(Word::Wrong)))) };
        if self.trust_of(&account, id, now, trust_seconds)?.is_none() {
            return Ok(reply(nonce, Err(word(Word::Wrong))));
        }
        let entry = Entry { outcome: audit::Outcome::Approved, ..entry };
        let raising = self.make_change(account, &entry, |change| {
            change.essential = true;
            let live = self.live(&session, None, change.time())?.ok_or_else(gone)?;
            let trust = self.trust_of(&account, id, change.now, trust_seconds)?;
            let (trust, told) = trust.ok_or_else(|| refused(word(Word::Wrong)))?;
            if live.session.level != Level::First || !change.account.enrolled() {
                return Err(refused(word(Word::Wrong)));
            }
            change.entry.factor = Some(told);
            self.end_sessions(change, |other| other.digest == session)?;
            let raised = Session {
                digest: next,
                level: Level::Second,
                seen: change.time(),
                second_at: None,
                device: None,
                trusted: Some((id, trust.at)),
                source: place.words.clone().or(live.session.source),
                ..live.session
            };
            self.keep(change, (id, browser), &raised, None)?;
            self.begin_session(change, &raised)?;
            Ok(change.account.notices.iter().map(|notice| notice.to_wire()).collect())
        });
        let notices = raising.await?;
        let approval = Approval { account: account.to_string(), door, level: Level::Second };
        Ok(reply(nonce, Ok((approval, notices))))
    }

    /// The number of the browser that a code is given in, known or new.
    pub(super) async fn browser_of(
        &self,
        live: &Live,
        browser: Option<BrowserValue>,
        entry: &Entry,
    ) -> Outcome<Option<(BrowserId, BrowserValue)>> {
        let Some(value) = browser else { return Ok(None) };
        let known = self.met_browser(live.account.id, value.presented.as_ref(), entry).await?;
        Ok(Some((known.map_or_else(new_browser, Ok)?, value)))
    }

    pub(super) fn keep(
        &self,
        change: &mut Change,
        (id, value): (BrowserId, BrowserValue),
        raised: &Session,
        trust_seconds: Option<u64>,
    ) -> Outcome<()> {
        let source = raised.source.as_deref();
        self.keep_browser(change, &Passed { id, value, name: &raised.browser, source, trust_seconds })
    }
}

fn entry_of(live: &Live, action: Action, door: &str, place: &Place, nonce: &Nonce) -> Entry {
    Entry {
        account: Some(live.account.id),
        name: Some(live.session.name.to_string()),
        ..entry(action, door, place, nonce)
    }
}

fn reply(nonce: Nonce, judged: Result<(Approval, Vec<Notice>), Refused>) -> VerifyReply {
    match judged {
        Ok((approval, notices)) => VerifyReply { nonce, approval: Some(approval), refusal: None, notices },
        Err(refusal) => VerifyReply { nonce, approval: None, refusal: Some(refusal), notices: Vec::new() },
    }
}

pub(super) fn gone() -> twofold_shared::wire::Fault {
    invalid("session: has ended; sign in again")
}

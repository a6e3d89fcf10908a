//! A code given in the browser: the only way from a first factor to a second.
//!
//! The old session ends, with every site's session under it, and a new one begins, in the commit that spends the code:
//! a cookie that somebody fixed or saw before is worth nothing after.

use twofold_shared::code::Code;
use twofold_shared::throttle::Stage;
use twofold_shared::wire::{Approval, Level, Notice, Refused, VerifyReply, VerifySession, Word};

use super::attempt::{CodeGiven, Subject, Tried, word};
use super::by_code::device_of;
use super::fault::{Outcome, invalid};
use super::told::{Place, entry, web_door};
use crate::authority::Authority;
use crate::store::record::Session;

impl Authority {
    /// Judges a code for a session, and raises it.
    pub(crate) async fn verify_session(&self, request: VerifySession) -> Outcome<VerifyReply> {
        let VerifySession { nonce, session, next, site, source, code } = request;
        let reply = |approval: Option<Approval>, refusal: Option<Refused>, notices: Vec<Notice>| {
            VerifyReply { nonce: nonce.clone(), approval, refusal, notices }
        };
        let Some(live) = self.live(&session, None, self.now().await?.time)? else {
            return Err(gone());
        };
        let Ok(code) = Code::parse(code.reveal()) else {
            return Ok(reply(None, Some(word(Word::Wrong)), Vec::new()));
        };
        let place = Place::browser(&source);
        let door = web_door(site.as_deref());
        let mut entry = entry("verify", door.as_str(), &place, &nonce);
        (entry.account, entry.name) = (Some(live.account.id), Some(live.session.name.to_string()));
        let subject = Subject::Account(live.account.id);
        let given =
            CodeGiven { subject, code: &code, origin: &place.origin, stage: Stage::AfterFirst, entry };
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
                source: place.words.clone().or(live.session.source),
                ..live.session
            };
            self.begin_session(change, &raised)
        });
        Ok(match tried.await? {
            Tried::Passed((), notices) => {
                let approval = Approval { account: live.account.id.to_string(), door, level: Level::Second };
                reply(Some(approval), None, notices.iter().map(|notice| notice.to_wire()).collect())
            }
            Tried::Refused(refusal) => reply(None, Some(refusal), Vec::new()),
        })
    }
}

fn gone() -> twofold_shared::wire::Fault {
    invalid("session: has ended; sign in again")
}

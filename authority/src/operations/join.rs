//! A name joins an account: its own realm's first factor has just passed, and a code of the account is given.
//!
//! Whoever can sign in at a site could type any account's name here, so tries count where nothing has passed before, and
//! a name that nobody has costs and says the same.

use twofold_shared::account::AccountName;
use twofold_shared::code::Code;
use twofold_shared::name::{Name, Realm};
use twofold_shared::throttle::Stage;
use twofold_shared::wire::{Approval, JoinAccount, Level, VerifyReply, Word};

use super::account::{name_taken, unchangeable};
use super::attempt::{CodeGiven, Tried, word};
use super::by_code::device_of;
use super::fault::{Outcome, invalid, not_permitted};
use super::session::LONGEST_SITE;
use super::sign_in::shortened;
use super::told::{Place, entry, web_door};
use crate::audit::{self, Entry};
use crate::authority::Authority;
use crate::store::Expect;
use crate::store::record::{self, Session};

impl Authority {
    /// Judges a code for a name that wants to be one of the account's.
    pub(crate) async fn join_account(&self, request: JoinAccount) -> Outcome<VerifyReply> {
        let JoinAccount { nonce, realm, name, account, site, source, browser, session, code } = request;
        let realm = Realm::parse(&realm).map_err(|_| not_permitted())?;
        // Names of hosts join at their hosts, or by root.
        if realm.is_local() || realm.is_unix() || !self.settings.gate_realms.contains(&realm) {
            return Err(not_permitted());
        }
        if site.is_empty() || site.len() > LONGEST_SITE {
            return Err(invalid("site: must be a host"));
        }
        let joining = Name::canonical(&realm, &name).map_err(|why| invalid(format!("name: {why}")))?;
        if self.holder_id(&joining)?.is_some() {
            return Err(name_taken(&joining));
        }
        let refused = |refusal| VerifyReply {
            nonce: nonce.clone(),
            approval: None,
            refusal: Some(refusal),
            notices: Vec::new(),
        };
        // What does not have a code's shape was no guess: charged to nobody, whoever was meant.
        let Ok(code) = Code::parse(code.reveal()) else { return Ok(refused(word(Word::Wrong))) };
        let place = Place::browser(&source);
        let door = web_door(Some(&site));
        let meant = Name::parse(account.trim()).ok();
        let mut entry = entry("join", door.as_str(), &place, &nonce);
        entry.name = meant.as_ref().map(Name::to_string);
        let subject = self.named_at_web(meant.as_ref(), &mut entry).await?;
        let stage = Stage::BeforeFirst;
        let (origin, entry_of) = (&place.origin, entry.clone());
        let given = CodeGiven { subject, code: &code, origin, stage, emergency: None, entry: entry_of };
        let tried = self.try_code(&given, |change| {
            let now = change.time();
            if self.holder_id(&joining)?.is_some() {
                return Err(name_taken(&joining));
            }
            let named = AccountName { name: joining.clone(), uid: None };
            change.account = change.account.with_name(named, now).map_err(unchangeable)?;
            let write = record::name_write(&joining, &change.account.id, Expect::Absent);
            change.writes.push(write.map_err(|error| self.failed(&error))?);
            change.also.push(Entry {
                action: "name_link".to_owned(),
                outcome: audit::Outcome::Done,
                name: Some(joining.to_string()),
                ..change.entry.clone()
            });
            let opened = Session {
                digest: session,
                account: change.account.id,
                name: joining.clone(),
                level: Level::Second,
                site: None,
                parent: None,
                created: now,
                seen: now,
                second_at: Some(now),
                device: device_of(change),
                trusted: None,
                browser: shortened(&browser),
                source: place.words.clone(),
            };
            self.begin_session(change, &opened)
        });
        Ok(match (tried.await?, entry.account) {
            (Tried::Passed((), notices), Some(account)) => {
                let approval = Approval { account: account.to_string(), door, level: Level::Second };
                let notices = notices.iter().map(|notice| notice.to_wire()).collect();
                VerifyReply { nonce, approval: Some(approval), refusal: None, notices }
            }
            (Tried::Passed((), _), None) => return Err(not_permitted()),
            (Tried::Refused(refusal), _) => refused(refusal),
        })
    }
}

//! A name joins an account: its own realm's first factor has just passed, and a code of the account is given.
//!
//! Whoever can sign in at a site could type any account's name here, so tries count where nothing has passed before, and
//! a name that nobody has costs and says the same.

use twofold_shared::account::{AccountName, Notice};
use twofold_shared::code::Code;
use twofold_shared::name::{Name, Realm};
use twofold_shared::trail::Action;
use twofold_shared::wire::{JoinAccount, VerifyReply, Word};

use super::account::{name_taken, unchangeable};
use super::attempt::{occasion, word};
use super::by_code::AtSite;
use super::fault::{Outcome, invalid, not_permitted};
use super::told::Place;
use crate::audit::{self, Entry};
use crate::authority::Authority;
use crate::store::Expect;
use crate::store::record;

impl Authority {
    /// Judges a code for a name that wants to be one of the account's.
    pub(crate) async fn join_account(&self, request: JoinAccount) -> Outcome<VerifyReply> {
        let JoinAccount { nonce, realm, name, account, site, source, browser, session, code } = request;
        let realm = Realm::parse(&realm).map_err(|_| not_permitted())?;
        // Names of hosts join at their hosts, or by root.
        if realm.is_local() || realm.is_unix() || !self.settings.gate_realms.contains(&realm) {
            return Err(not_permitted());
        }
        let at = AtSite { nonce, site, browser, session, place: Place::browser(&source) }.checked()?;
        let joining = Name::canonical(&realm, &name).map_err(|why| invalid(format!("name: {why}")))?;
        if self.holder_id(&joining)?.is_some() {
            return Err(name_taken(&joining));
        }
        // What does not have a code's shape was no guess: charged to nobody, whoever was meant.
        let Ok(code) = Code::parse(code.reveal()) else { return Ok(at.refused(word(Word::Wrong))) };
        let meant = Name::parse(account.trim()).ok();
        let (subject, entry) = self.named_at_web(meant.as_ref(), at.entry(Action::Join)).await?;
        let account = entry.account;
        let given = at.given(subject, &code, entry);
        let tried = self.try_code(&given, |change| {
            if self.holder_id(&joining)?.is_some() {
                return Err(name_taken(&joining));
            }
            let named = AccountName { name: joining.clone(), uid: None };
            let news =
                Notice::NameJoined { name: joining.clone(), occasion: occasion(&change.entry, change.now) };
            let named = change.account.with_name(named, change.time()).map_err(unchangeable)?;
            change.account = named.with_notice(news);
            let write = record::name_write(&joining, &change.account.id, Expect::Absent);
            change.writes.push(write.map_err(|error| self.failed(&error))?);
            change.also.push(Entry {
                action: Action::NameLink.to_string(),
                outcome: audit::Outcome::Done,
                name: Some(joining.to_string()),
                ..change.entry.clone()
            });
            self.begin_session(change, &at.session(change, joining.clone(), None))
        });
        let tried = tried.await?;
        at.reply(tried, account)
    }
}

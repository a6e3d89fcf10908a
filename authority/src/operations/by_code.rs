//! A name and a code at a site where nothing was proved before: the portal's part of `first_factor = "code"`.
//!
//! A name that nobody has, an account of the system, one without a second factor and a wrong code cost the same and are
//! answered alike. Failures count where nothing has passed before, and so delay nobody who has. What a right code opens
//! is a session of that one site, at level second, without a portal session behind it: no other site takes it for a first
//! factor that nobody has passed.

use twofold_shared::account::{AccountId, Factor};
use twofold_shared::code::Code;
use twofold_shared::name::{Name, Realm};
use twofold_shared::throttle::Stage;
use twofold_shared::trail::{Action, Why};
use twofold_shared::wire::{Approval, Level, Nonce, Refused, SessionDigest, VerifyName, VerifyReply, Word};

use super::attempt::{Change, CodeGiven, Subject, Tried, word};
use super::fault::{Outcome, invalid, not_permitted};
use super::login::unnameable;
use super::session::LONGEST_SITE;
use super::sign_in::shortened;
use super::told::{Place, entry, web_door};
use crate::audit::Entry;
use crate::authority::Authority;
use crate::store::record::Session;

impl Authority {
    /// Judges a code for a name that nothing has proved yet.
    pub(crate) async fn verify_name(&self, request: VerifyName) -> Outcome<VerifyReply> {
        let VerifyName { nonce, realm, name, site, source, browser, session, code } = request;
        let realm = Realm::parse(&realm).map_err(|_| not_permitted())?;
        if realm.is_local() || !self.settings.gate_realms.contains(&realm) {
            return Err(not_permitted());
        }
        let place = Place::browser(&source);
        let at = AtSite { nonce, site, browser, session, place }.checked()?;
        // What does not have a code's shape was no guess: charged to nobody, whoever was meant.
        let Ok(code) = Code::parse(code.reveal()) else { return Ok(at.refused(word(Word::Wrong))) };
        let name = Name::canonical(&realm, &name).ok();
        let (subject, entry) = self.named_at_web(name.as_ref(), at.entry(Action::Verify)).await?;
        let account = entry.account;
        let given = at.given(subject, &code, entry);
        let tried = self.try_code(&given, |change| {
            change.essential = true;
            let site = Some(at.site.clone());
            self.begin_session(change, &at.session(change, name.clone().ok_or_else(not_permitted)?, site))
        });
        let tried = tried.await?;
        at.reply(tried, account)
    }

    /// Whose code it may be, and the event with what is known of them. Accounts of the system are nobody's here, but the
    /// trail says why.
    pub(super) async fn named_at_web(
        &self,
        name: Option<&Name>,
        mut entry: Entry,
    ) -> Outcome<(Subject, Entry)> {
        entry.name = name.map(Name::to_string);
        let Some(name) = name else { return Ok((Subject::Nobody(unnameable()?), entry)) };
        let Some(account) = self.holder(name)? else { return Ok((Subject::Nobody(name.clone()), entry)) };
        entry.account = Some(account.id);
        if self.barred_from_web(&account).await {
            entry.reason = Some(Why::SystemAccount.to_string());
            return Ok((Subject::Nobody(name.clone()), entry));
        }
        Ok((Subject::Account(account.id), entry))
    }
}

/// A code at a site where nothing was proved before, as the gate passes it on.
pub(super) struct AtSite {
    pub nonce: Nonce,
    pub site: String,
    pub browser: String,
    pub session: SessionDigest,
    pub place: Place,
}

impl AtSite {
    /// The same, where its site can be one.
    pub fn checked(self) -> Outcome<Self> {
        if self.site.is_empty() || self.site.len() > LONGEST_SITE {
            return Err(invalid("site: must be a host"));
        }
        Ok(self)
    }

    fn door(&self) -> String {
        web_door(Some(&self.site))
    }

    /// The event as far as it is known.
    pub fn entry(&self, action: Action) -> Entry {
        entry(action, self.door(), &self.place, &self.nonce)
    }

    /// The code, for whom it may be.
    pub fn given<'a>(&'a self, subject: Subject, code: &'a Code, entry: Entry) -> CodeGiven<'a> {
        let (origin, stage) = (&self.place.origin, Stage::BeforeFirst);
        CodeGiven { subject, code, origin, stage, emergency: None, entry }
    }

    /// What a right code opens: a session of `site`, or of the portal.
    pub fn session(&self, change: &Change, name: Name, site: Option<String>) -> Session {
        let now = change.time();
        Session {
            digest: self.session,
            account: change.account.id,
            name,
            level: Level::Second,
            site,
            parent: None,
            created: now,
            seen: now,
            second_at: Some(now),
            device: device_of(change),
            trusted: None,
            browser: shortened(&self.browser),
            source: self.place.words.clone(),
        }
    }

    /// The answer to a refused code.
    pub fn refused(self, refusal: Refused) -> VerifyReply {
        VerifyReply { nonce: self.nonce, approval: None, refusal: Some(refusal), notices: Vec::new() }
    }

    /// The answer to a code that was judged.
    pub fn reply(self, tried: Tried<()>, account: Option<AccountId>) -> Outcome<VerifyReply> {
        match (tried, account) {
            (Tried::Passed((), notices), Some(account)) => {
                let (account, door) = (account.to_string(), self.door());
                let approval = Some(Approval { account, door, level: Level::Second });
                let notices = notices.iter().map(|notice| notice.to_wire()).collect();
                Ok(VerifyReply { nonce: self.nonce, approval, refusal: None, notices })
            }
            (Tried::Passed((), _), None) => Err(not_permitted()),
            (Tried::Refused(refusal), _) => Ok(self.refused(refusal)),
        }
    }
}

/// The device whose code it was; none for a backup or an emergency code.
pub(super) fn device_of(change: &Change) -> Option<twofold_shared::account::DeviceId> {
    match &change.factor {
        Some(Factor::Device { id, .. }) => Some(*id),
        Some(Factor::BackupCode | Factor::EmergencyCode) | None => None,
    }
}

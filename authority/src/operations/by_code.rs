//! A name and a code at a site where nothing was proved before: the portal's part of `first_factor = "code"`.
//!
//! A name that nobody has, an account of the system, one without a second factor and a wrong code cost the same and are
//! answered alike. Failures count where nothing has passed before, and so delay nobody who has. What a right code opens
//! is a session of that one site, at level second, without a portal session behind it: no other site takes it for a first
//! factor that nobody has passed.

use twofold_shared::account::Factor;
use twofold_shared::code::Code;
use twofold_shared::name::{Name, Realm};
use twofold_shared::throttle::Stage;
use twofold_shared::wire::{Approval, Level, VerifyName, VerifyReply, Word};

use super::attempt::{Change, CodeGiven, Subject, Tried, word};
use super::fault::{Outcome, invalid, not_permitted};
use super::login::unnameable;
use super::session::LONGEST_SITE;
use super::sign_in::{SYSTEM_ACCOUNT, shortened};
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
        if site.is_empty() || site.len() > LONGEST_SITE {
            return Err(invalid("site: must be a host"));
        }
        // What does not have a code's shape was no guess: charged to nobody, whoever was meant.
        let Ok(code) = Code::parse(code.reveal()) else {
            let refusal = Some(word(Word::Wrong));
            return Ok(VerifyReply { nonce, approval: None, refusal, notices: Vec::new() });
        };
        let name = Name::canonical(&realm, &name).ok();
        let place = Place::browser(&source);
        let door = web_door(Some(&site));
        let mut entry = entry("verify", door.as_str(), &place, &nonce);
        entry.name = name.as_ref().map(Name::to_string);
        let subject = self.named_at_web(name.as_ref(), &mut entry).await?;
        let given = CodeGiven {
            subject,
            code: &code,
            origin: &place.origin,
            stage: Stage::BeforeFirst,
            emergency: None,
            entry: entry.clone(),
        };
        let tried = self.try_code(&given, |change| {
            let name = name.clone().ok_or_else(not_permitted)?;
            let now = change.time();
            change.essential = true;
            let opened = Session {
                digest: session,
                account: change.account.id,
                name,
                level: Level::Second,
                site: Some(site.clone()),
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
            (Tried::Refused(refusal), _) => {
                VerifyReply { nonce, approval: None, refusal: Some(refusal), notices: Vec::new() }
            }
        })
    }

    /// Whose code it may be. Accounts of the system are nobody's here, but the trail says why.
    pub(super) async fn named_at_web(&self, name: Option<&Name>, entry: &mut Entry) -> Outcome<Subject> {
        let Some(name) = name else { return unnameable().map(Subject::Nobody) };
        let Some(account) = self.holder(name)? else { return Ok(Subject::Nobody(name.clone())) };
        entry.account = Some(account.id);
        if self.barred_from_web(&account).await {
            entry.reason = Some(SYSTEM_ACCOUNT.to_owned());
            return Ok(Subject::Nobody(name.clone()));
        }
        Ok(Subject::Account(account.id))
    }
}

/// The device whose code it was; none for a backup or an emergency code.
pub(super) fn device_of(change: &Change) -> Option<twofold_shared::account::DeviceId> {
    match &change.factor {
        Some(Factor::Device { id, .. }) => Some(*id),
        Some(Factor::BackupCode | Factor::EmergencyCode) | None => None,
    }
}

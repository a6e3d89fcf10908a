//! Emergency codes: what an operator gives somebody whose devices are gone.
//!
//! Sixteen random digits, good once, for fifteen minutes of the clock that nobody can set, at one kind of door. There are
//! so many of them that guessing needs no throttle: it is not asked and nothing is counted, so neither a closed account nor
//! a storm of guesses stands in the way of a right one, and wrong ones cost nobody their tries. A right one is spent in
//! the commit that answers. It opens a door and nothing else: it begins no grace, makes no source known, and changes
//! nothing by itself. Who owns the account is told when they next come in with a code of their own.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;
use tokio::time::Instant;
use twofold_shared::account::{Account, AccountId, Factor, Notice, Reason, Refusal};
use twofold_shared::code::EMERGENCY_DIGITS;
use twofold_shared::secret::SecretText;
use twofold_shared::trail::Action;
use twofold_shared::wire::{EmergencyCode, EmergencyDoor, FaultKind, IssueEmergencyCode, Word};
use zeroize::Zeroizing;

use super::attempt::{Change, CodeGiven, Read, Tried, line, occasion, refused_entry, word};
use super::backup_codes::no_pepper;
use super::fault::{Outcome, busy, fault, internal};
use super::permission::Actor;
use super::settings::DEADLINE;
use super::told::change_entry;
use crate::audit::{self, Entry};
use crate::authority::Authority;
use crate::keyring::SecretKey;
use crate::store::record::{self, Emergency};
use crate::store::{Expect, Moment, StoreError, Version};

/// How long an emergency code is good.
pub(super) const EMERGENCY_SECONDS: u64 = 15 * 60;

/// What the pepper's key for emergency codes is derived for.
const PURPOSE: &str = "twofold emergency codes";

impl Emergency {
    /// Whether it is void by its age.
    pub(super) fn expired(&self, now: &Moment) -> bool {
        now.since_ms(&self.issued).is_none_or(|age| age >= EMERGENCY_SECONDS * 1000)
    }
}

impl Authority {
    /// Makes an emergency code; an earlier one of the account's is dead with it.
    pub(crate) async fn issue_emergency_code(
        &self,
        actor: &Actor,
        request: IssueEmergencyCode,
    ) -> Outcome<EmergencyCode> {
        let IssueEmergencyCode { account, door } = request;
        let account = self.meant(actor, Some(&account)).await?;
        let code = generated()?;
        let keyring = self.store.keyring();
        let pepper = keyring.current_pepper().ok_or_else(no_pepper)?;
        let emergency = Emergency {
            account: account.id,
            door,
            pepper: pepper.pepper_id(),
            digest: digest(Some(pepper), &account.id, code.reveal()),
            issued: self.store.moment(),
        };
        let entry = Entry {
            factor: Some(where_it_opens(door).to_owned()),
            ..change_entry(Action::EmergencyCode, actor, &account)
        };
        let replaced = self
            .make_change(account.id, &entry, |change| {
                if change.account.is_locked(change.time()) {
                    return Err(fault(
                        FaultKind::NotPermitted,
                        "the account is locked, so no code opens anything; run first: twofold account unlock",
                    ));
                }
                let write = record::emergency_write(&emergency).map_err(|error| self.failed(&error))?;
                change.writes.push(write);
                Ok(self.live_emergency(&change.account.id)?.is_some())
            })
            .await?;
        Ok(EmergencyCode { code, expires_seconds: EMERGENCY_SECONDS, replaced })
    }

    /// Whether there is one of the account's, for the doors of this host, that is still good.
    pub(super) fn awaits_emergency_code(
        &self,
        account: &Account,
        given: Option<EmergencyDoor>,
    ) -> Outcome<bool> {
        let found = self.live_emergency(&account.id)?;
        Ok(found.is_some_and(|(emergency, _)| Some(emergency.door) == given))
    }

    /// Voids it, as a part of a change.
    pub(super) fn void_emergency_code(&self, change: &mut Change) -> Outcome<()> {
        let id = change.account.id;
        if record::load_emergency(&self.store, &id).map_err(|error| self.failed(&error))?.is_some() {
            change.writes.push(record::emergency_removal(&id, Expect::Any));
        }
        Ok(())
    }

    /// Judges sixteen digits, as [`Authority::try_code`] judges fewer.
    pub(super) async fn try_emergency_code<T>(
        &self,
        given: &CodeGiven<'_>,
        first: Read,
        passed: impl Fn(&mut Change) -> Outcome<T>,
    ) -> Outcome<Tried<T>> {
        let deadline = Instant::now() + DEADLINE;
        let line = line(&first.account, given.origin, first.now);
        let Ok(turn) = self.turns.take(first.account.id, line, deadline).await else {
            return Ok(Tried::Refused(word(Word::Busy)));
        };
        let mut first = Some(first).filter(|_| !turn.waited());
        while Instant::now() < deadline {
            let read = match first.take() {
                Some(read) => read,
                None => self.read_subject(&given.subject).await?,
            };
            let committed = match self.matching(given, &read)? {
                None => {
                    let refusal = Refusal::new(Word::Wrong, Reason::WrongEmergencyCode);
                    let entry = refused_entry(given, refusal);
                    let commit = self.commit_refusal(&given.subject, &read, &read.account, entry).await;
                    commit.map(|()| Tried::Refused(refusal.refused))
                }
                Some(version) => {
                    let entry = Entry {
                        outcome: audit::Outcome::Approved,
                        factor: Some(Factor::EmergencyCode.to_string()),
                        ..given.entry.clone()
                    };
                    let occasion = occasion(&entry, read.now);
                    let told = read.account.with_notice(Notice::EmergencyCodeUsed { occasion });
                    let mut change = Change::new(told, read.now, entry);
                    change.factor = Some(Factor::EmergencyCode);
                    change
                        .writes
                        .push(record::emergency_removal(&change.account.id, Expect::Version(version)));
                    let value = passed(&mut change)?;
                    // News are the owner's, and this may be somebody else: they wait.
                    self.commit_change(change, read.expect).await.map(|()| Tried::Passed(value, Vec::new()))
                }
            };
            match committed {
                Ok(tried) => return Ok(tried),
                Err(StoreError::Conflict) => {}
                Err(error) => return Err(self.failed(&error)),
            }
        }
        Err(busy())
    }

    /// The version of the account's emergency code, where that is what was given. The same work is done where there is
    /// none, and for nobody.
    fn matching(&self, given: &CodeGiven<'_>, read: &Read) -> Outcome<Option<Version>> {
        let (account, locked) = (&read.account, read.account.is_locked(read.now.time));
        let found = self.live_emergency(&account.id)?;
        let found = found.filter(|(emergency, _)| Some(emergency.door) == given.emergency && !locked);
        let keyring = self.store.keyring();
        let (pepper, expected, version) = match &found {
            Some((emergency, version)) => {
                (keyring.pepper(emergency.pepper), emergency.digest, Some(*version))
            }
            None => (keyring.current_pepper(), [0; 32], None),
        };
        let same = digest(pepper, &account.id, given.code.digits()).ct_eq(&expected);
        Ok(version.filter(|_| bool::from(same) && pepper.is_some()))
    }

    fn live_emergency(&self, account: &AccountId) -> Outcome<Option<(Emergency, Version)>> {
        let found = record::load_emergency(&self.store, account).map_err(|error| self.failed(&error))?;
        let now = self.store.moment();
        Ok(found.filter(|(emergency, _)| !emergency.expired(&now)))
    }
}

/// For the trail.
const fn where_it_opens(door: EmergencyDoor) -> &'static str {
    match door {
        EmergencyDoor::Host => "for this host's doors",
        EmergencyDoor::Web => "for the portal",
    }
}

/// What of a code is kept: nothing that tells it without the pepper, which is not in the ledger. Slow hashing would add
/// nothing to fifty-three bits that are dead in a quarter of an hour.
fn digest(pepper: Option<&SecretKey>, account: &AccountId, digits: &str) -> [u8; 32] {
    let key = pepper.map_or_else(|| Zeroizing::new([0; 32]), |pepper| pepper.derive(PURPOSE));
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key.as_slice()) else { return [0; 32] };
    mac.update(&account.0);
    mac.update(digits.as_bytes());
    mac.finalize().into_bytes().into()
}

/// Sixteen digits, each number as likely as any other.
fn generated() -> Outcome<SecretText> {
    const CODES: u64 = 10_u64.pow(EMERGENCY_DIGITS as u32);
    // What lies above the largest multiple would make some likelier.
    const FAIR: u64 = u64::MAX / CODES * CODES;
    loop {
        let mut random = Zeroizing::new([0; 8]);
        getrandom::fill(random.as_mut_slice()).map_err(|_| internal("no randomness from the kernel"))?;
        let number = u64::from_be_bytes(*random);
        if number < FAIR {
            return Ok(SecretText::new(format!("{:0EMERGENCY_DIGITS$}", number % CODES)));
        }
    }
}

//! Invitations: an operator's word that the owner of an account may set up its first device.
//!
//! A code of 128 random bits, good once and for an hour; the ledger keeps its digest. One browser redeems it, and from
//! then on it is worth nothing to another; it is used up by the device that is enrolled with it. It opens nothing by
//! itself: the account's first factor comes before the device.

use sha2::{Digest, Sha256};
use twofold_shared::account::Account;
use twofold_shared::clock::UnixTime;
use twofold_shared::invitation::{RANDOM_BYTES, assemble, canonical};
use twofold_shared::secret::SecretText;
use twofold_shared::trail::{Action, Why};
use twofold_shared::wire::{
    Invitation as Invited, InvitationOutcome, InviteAccount, RedeemInvitation, RedeemedInvitation,
    SessionDigest,
};

use super::attempt::Change;
use super::enrolment::random;
use super::fault::{Outcome, invalid};
use super::permission::Actor;
use super::session::TRIES;
use super::told::{PORTAL, Place, entry};
use crate::audit::{self, Coalesce, Entry};
use crate::authority::Authority;
use crate::store::record::{self, Invitation};
use crate::store::{Commit, Expect, StoreError, Version};

/// How long an invitation is good, in seconds.
const INVITATION_SECONDS: u64 = 3600;

impl Authority {
    /// Invites an account's owner. What was made before for the same account is void.
    pub(crate) async fn invite_account(&self, actor: &Actor, request: InviteAccount) -> Outcome<Invited> {
        let account = self.meant(actor, Some(&request.account)).await?;
        if account.enrolled() {
            return Err(invalid(
                "account: has a second factor already; for a person who lost it, run `twofold reset` first",
            ));
        }
        if account.is_locked(self.now().await?.time) {
            return Err(invalid("account: is locked; run `twofold account unlock` first"));
        }
        if self.barred_from_web(&account).await {
            return Err(invalid(
                "account: belongs to the system; root sets it up with `twofold enroll --account`",
            ));
        }
        let code = assemble(random::<RANDOM_BYTES>()?);
        let digest = digest_of(code.reveal());
        self.change(actor, Some(&request.account), None, Action::Invite, |change| {
            self.end_invitation(change)?;
            let (created, until) = (change.time(), change.time().plus(INVITATION_SECONDS));
            let invitation = Invitation { digest, account: change.account.id, created, until, holder: None };
            let writes = record::invitation_writes(&invitation, Expect::Absent);
            change.writes.extend(writes.map_err(|error| self.failed(&error))?);
            change.keep_last_writes();
            Ok(())
        })
        .await?;
        let portal = self.settings.portal.as_ref().filter(|_| !self.web_realms(&account).is_empty());
        let link = portal.map(|portal| format!("{portal}/invitation/{}", code.reveal()));
        Ok(Invited { code, link: link.unwrap_or_default(), expires_seconds: INVITATION_SECONDS })
    }

    /// Redeems an invitation for the browser that holds `holder`; the same browser may come again.
    pub(crate) async fn redeem_invitation(&self, request: RedeemInvitation) -> Outcome<RedeemedInvitation> {
        let RedeemInvitation { nonce, code, holder, source } = request;
        let entry = entry(Action::InvitationRedeem, PORTAL, &Place::browser(&source), &nonce);
        let answer = |outcome, realms| RedeemedInvitation { nonce: nonce.clone(), outcome, realms };
        let digest = canonical(code.reveal()).map(|code| digest_of(code.reveal()));
        for _ in 0..TRIES {
            let now = self.now().await?.time;
            let found = match &digest {
                Some(digest) => self.good_invitation(digest, now)?,
                None => None,
            };
            let Some((invitation, version, account)) = found else {
                self.tell(unknown(entry, None)).await?;
                return Ok(answer(InvitationOutcome::Unknown, Vec::new()));
            };
            if invitation.holder.is_some_and(|other| other != holder) {
                // Its owner, or whoever was quicker, has it: worth an event of its own.
                self.tell(unknown(entry, Some(&account))).await?;
                return Ok(answer(InvitationOutcome::Unknown, Vec::new()));
            }
            let realms = self.web_realms(&account);
            if realms.is_empty() {
                return Ok(answer(InvitationOutcome::AtLogin, Vec::new()));
            }
            let redeemed = Invitation { holder: Some(holder), ..invitation };
            let writes = record::invitation_writes(&redeemed, Expect::Version(version));
            let writes = writes.map_err(|error| self.failed(&error))?.to_vec();
            let audit = vec![Entry { outcome: audit::Outcome::Done, ..about(entry.clone(), &account) }];
            match self.store.commit(Commit { writes, audit, ..Commit::default() }).await {
                Ok(_) => return Ok(answer(InvitationOutcome::Redeemed, realms)),
                Err(StoreError::Conflict) => {}
                Err(error) => return Err(self.failed(&error)),
            }
        }
        Err(super::fault::busy())
    }

    /// Whether the browser that holds `holder` has redeemed a good invitation of this account.
    pub(super) fn is_invited(
        &self,
        account: &Account,
        holder: Option<&SessionDigest>,
        now: UnixTime,
    ) -> Outcome<bool> {
        let Some(holder) = holder else { return Ok(false) };
        let found =
            record::load_invitation_of(&self.store, &account.id).map_err(|error| self.failed(&error))?;
        Ok(found.is_some_and(|(invitation, _)| invitation.is_good(now) && invitation.holder == Some(*holder)))
    }

    /// Whether a code is a good invitation of this account, and no browser's: one that was redeemed at the portal is good
    /// there. A wrong one is told.
    pub(super) async fn invites(
        &self,
        account: &Account,
        code: &SecretText,
        told: Entry,
        now: UnixTime,
    ) -> Outcome<bool> {
        let digest = canonical(code.reveal()).map(|code| digest_of(code.reveal()));
        let found = match &digest {
            Some(digest) => self.good_invitation(digest, now)?,
            None => None,
        };
        let good = found
            .is_some_and(|(invitation, ..)| invitation.account == account.id && invitation.holder.is_none());
        if !good {
            self.tell(unknown(told, None)).await?;
        }
        Ok(good)
    }

    /// Ends the account's invitation, if there is one, as a part of a change.
    pub(super) fn end_invitation(&self, change: &mut Change) -> Outcome<()> {
        let found = record::load_invitation_of(&self.store, &change.account.id);
        if let Some((invitation, version)) = found.map_err(|error| self.failed(&error))? {
            change.writes.extend(record::invitation_removal(&invitation, Expect::Version(version)));
        }
        Ok(())
    }

    /// An invitation that is good now, with the account that it is for.
    fn good_invitation(
        &self,
        digest: &SessionDigest,
        now: UnixTime,
    ) -> Outcome<Option<(Invitation, Version, Account)>> {
        let found = record::load_invitation(&self.store, digest).map_err(|error| self.failed(&error))?;
        let Some((invitation, version)) = found.filter(|(found, _)| found.is_good(now)) else {
            return Ok(None);
        };
        let account = self.account(&invitation.account)?;
        let account = account.filter(|account| !account.is_locked(now) && !account.enrolled());
        Ok(account.map(|account| (invitation, version, account)))
    }

    /// The realms in which an account can pass a first factor at the gate.
    fn web_realms(&self, account: &Account) -> Vec<String> {
        let can = |realm: &twofold_shared::name::Realm| {
            (realm.is_local() && account.password.is_some()) || self.settings.gate_realms.contains(realm)
        };
        let realms = account.names.iter().map(|name| name.name.realm()).filter(|realm| can(realm));
        let mut realms: Vec<String> = realms.map(ToString::to_string).collect();
        realms.dedup();
        realms
    }

    async fn tell(&self, entry: Entry) -> Outcome<()> {
        let told = self.store.commit(Commit { audit: vec![entry], ..Commit::default() }).await;
        told.map(drop).map_err(|error| self.failed(&error))
    }
}

fn digest_of(code: &str) -> SessionDigest {
    SessionDigest::from_bytes(Sha256::digest(code.as_bytes()).into())
}

fn about(entry: Entry, account: &Account) -> Entry {
    let name = account.names.first().map(|name| name.name.to_string());
    Entry { account: Some(account.id), name, ..entry }
}

/// What an attacker can repeat without end is told by the minute.
fn unknown(entry: Entry, account: Option<&Account>) -> Entry {
    let (reason, coalesce) = match account {
        None => (Why::UnknownInvitation, Coalesce::UnknownNames),
        Some(_) => (Why::InvitationTaken, Coalesce::Account),
    };
    let entry =
        Entry { outcome: audit::Outcome::Refused, reason: Some(reason.to_string()), coalesce, ..entry };
    match account {
        Some(account) => about(entry, account),
        None => entry,
    }
}

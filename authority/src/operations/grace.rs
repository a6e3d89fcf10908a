//! Grace: a code that was given at a door serves there for a while, from the same source alone.
//!
//! A source is a public key that sshd has verified together with the address, or a terminal of the host together with the
//! session it is used in, known by its leader's process and the moment that began. An address by itself never is one.
//! While the clock is in doubt there is no grace, and none outlives the doubt.

use std::cmp::Reverse;
use std::time::Duration;

use sha2::{Digest, Sha256};
use twofold_shared::account::{Account, AccountId, Factor};
use twofold_shared::throttle::SourceKind;
use twofold_shared::trail::Action;
use twofold_shared::wire::{EndGraces, GraceEntry, GraceList, ListGraces, Revoked};

use super::attempt::Change;
use super::fault::{Outcome, invalid};
use super::login::Believed;
use super::permission::Actor;
use crate::authority::Authority;
use crate::store::record::{self, Grace, GraceId};
use crate::store::{Expect, Now, Room};

/// Graces of one account, at most; the oldest gives way.
const MOST: usize = 32;

/// How many hex digits name a grace to people. It opens nothing.
const ID_DIGITS: usize = 16;

impl Authority {
    /// Where a login's grace would lie; none where its source can be nobody's alone.
    pub(super) fn grace_id(&self, believed: &Believed) -> Option<GraceId> {
        let source = |kind| believed.place.origin.sources.iter().find(|source| source.kind == kind);
        let boot = record::boot_id(&self.store);
        let digests = source(SourceKind::PublicKey).zip(source(SourceKind::Address));
        let parts: Vec<&[u8]> = match (digests, &believed.source.terminal, &believed.source.session) {
            (Some((key, address)), _, _) => vec![b"key", &key.digest, &address.digest],
            (None, Some(terminal), Some(session)) if believed.source.address.is_none() => {
                vec![b"session", terminal.as_bytes(), session.as_bytes(), boot.as_bytes()]
            }
            _ => return None,
        };
        let mut hash = Sha256::new();
        for part in std::iter::once(believed.door.as_bytes()).chain(parts) {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        let mut id = [0; 16];
        id.iter_mut().zip(hash.finalize()).for_each(|(to, from)| *to = from);
        Some(GraceId(id))
    }

    /// Whether a code that was given here before still serves, where policy says for how long.
    pub(super) fn has_grace(
        &self,
        account: &Account,
        believed: &Believed,
        longest: Option<Duration>,
        now: Now,
    ) -> Outcome<bool> {
        let (Some(longest), Some(id)) = (longest, self.grace_id(believed)) else { return Ok(false) };
        // What is set for the account itself comes before any rule, and so before a rule's grace.
        if account.is_locked(now.time)
            || !account.enrolled()
            || account.requirement.is_some()
            || !now.trusted()
        {
            return Ok(false);
        }
        let found = record::load_grace(&self.store, &account.id, &id).map_err(|error| self.failed(&error))?;
        Ok(found.is_some_and(|grace| {
            let age = now.time.since(grace.at);
            now.time < grace.until && age.is_some_and(|age| age < longest.as_secs())
        }))
    }

    /// Begins a grace, as a part of the commit that spends the code.
    pub(super) fn begin_grace(
        &self,
        change: &mut Change,
        believed: &Believed,
        length: Option<Duration>,
    ) -> Outcome<()> {
        let (Some(length), Some(id)) = (length, self.grace_id(believed)) else { return Ok(()) };
        let by_own_code = matches!(change.factor, Some(Factor::Device { .. } | Factor::BackupCode));
        let ruled = change.account.requirement.is_none();
        if !by_own_code || !ruled || !change.now.trusted() || self.store.room() != Room::Plenty {
            return Ok(());
        }
        let now = change.time();
        let mut others = self.graces_of(&change.account.id)?;
        others.retain(|grace| grace.id != id);
        others.sort_by_key(|grace| Reverse(grace.at));
        let surplus = others.iter().skip(MOST - 1);
        change.writes.extend(surplus.map(|grace| record::grace_removal(grace, Expect::Any)));
        let grace = Grace {
            id,
            account: change.account.id,
            at: now,
            until: now.plus(length.as_secs()),
            door: believed.door.clone(),
            source: believed.place.words.clone(),
        };
        change.writes.push(record::grace_write(&grace).map_err(|error| self.failed(&error))?);
        Ok(())
    }

    /// Ends every grace of an account, as a part of a change; gives how many there were.
    pub(super) fn end_graces_of(&self, change: &mut Change) -> Outcome<u64> {
        let graces = self.graces_of(&change.account.id)?;
        change.writes.extend(graces.iter().map(|grace| record::grace_removal(grace, Expect::Any)));
        Ok(graces.len() as u64)
    }

    /// The graces of an account.
    pub(crate) async fn list_graces(&self, actor: &Actor, request: ListGraces) -> Outcome<GraceList> {
        let account = self.meant(actor, request.account.as_deref()).await?;
        let now = self.now().await?;
        let mut graces = self.graces_of(&account.id)?;
        graces.retain(|grace| now.trusted() && now.time < grace.until && now.time >= grace.at);
        graces.sort_by_key(|grace| Reverse(grace.at));
        Ok(GraceList { graces: graces.iter().map(listed).collect() })
    }

    /// Ends a grace, or all of an account.
    pub(crate) async fn end_graces(&self, actor: &Actor, request: EndGraces) -> Outcome<Revoked> {
        let EndGraces { account, id } = request;
        self.narrow(actor, account.as_deref(), Action::GraceEnd, |change| {
            let Some(id) = &id else {
                change.entry.factor = Some("every grace".to_owned());
                return self.end_graces_of(change).map(|count| Revoked { count });
            };
            let found = self.graces_of(&change.account.id)?.into_iter().find(|grace| short(&grace.id) == *id);
            let grace = found
                .ok_or_else(|| invalid("id: no such grace; `twofold grace list` shows all there are"))?;
            change.entry.factor = Some(format!("grace {id} ({})", grace.door));
            change.writes.push(record::grace_removal(&grace, Expect::Any));
            Ok(Revoked { count: 1 })
        })
        .await
    }

    fn graces_of(&self, account: &AccountId) -> Outcome<Vec<Grace>> {
        record::load_graces_of(&self.store, account).map_err(|error| self.failed(&error))
    }
}

fn short(id: &GraceId) -> String {
    id.to_string().chars().take(ID_DIGITS).collect()
}

fn listed(grace: &Grace) -> GraceEntry {
    GraceEntry {
        id: short(&grace.id),
        door: grace.door.clone(),
        source: grace.source.clone(),
        at: grace.at.0,
        until: grace.until.0,
    }
}

//! What the gate asks about API keys: "whose is it, and what may it be used for?", and when they were last used.
//!
//! A key that is unknown and one whose secret is wrong are answered alike, at the same cost. Nothing is counted: 256
//! random bits are not guessed, and a count would let strangers lock a program out. Refusals are told by the minute.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry as Slot;

use subtle::ConstantTimeEq;
use twofold_shared::account::{Account, Group, Occasion};
use twofold_shared::clock::UnixTime;
use twofold_shared::trail::{Action, Why};
use twofold_shared::wire::{
    ApiKeyId, CheckApiKey, CheckApiKeyReply, Done, LiveApiKey, SessionDigest, Source, TouchApiKeys,
};

use super::api_key::told;
use super::fault::{Outcome, busy, invalid};
use super::session::{LONGEST_SITE, TRIES};
use super::told::{Place, entry, web_door};
use crate::audit::{self, Coalesce, Entry};
use crate::authority::Authority;
use crate::store::record::{self, ApiKey};
use crate::store::{Commit, Expect, StoreError, Version, Write};

/// What is compared with where there is no such key.
const NOBODYS: SessionDigest = SessionDigest::from_bytes([0; 32]);

/// What is to be thought of a key.
enum Judged {
    /// It opens this site.
    Live(Box<(ApiKey, Version, Account)>),
    /// There is no such key, or its secret is another.
    Unknown,
    /// Its secret is right, and it opens nothing here; the reason is for the audit trail.
    Refused(Box<ApiKey>, Why),
}

impl Authority {
    /// "Is this a key, whose, and what may it be used for?"
    pub(crate) async fn check_api_key(&self, request: CheckApiKey) -> Outcome<CheckApiKeyReply> {
        let CheckApiKey { nonce, id, digest, site, source } = request;
        if site.is_empty() || site.len() > LONGEST_SITE {
            return Err(invalid("site: must be a host"));
        }
        let entry = entry(Action::ApiKey, web_door(Some(&site)), &Place::browser(&source), &nonce);
        for _ in 0..TRIES {
            let now = self.now().await?.time;
            let (live, writes, entry) = match self.judge_key(&id, &digest, &site, now).await? {
                Judged::Live(found) => {
                    let (api_key, version, account) = *found;
                    let live = live(&api_key, &account);
                    let entry = Entry { outcome: audit::Outcome::Approved, ..of_key(&entry, &api_key) };
                    let used = Occasion { at: now, door: entry.door.clone(), source: entry.source.clone() };
                    let used = ApiKey { last_used: Some(used), ..api_key };
                    let write = record::api_key_write(&used, Expect::Version(version));
                    (Some(live), vec![write.map_err(|error| self.failed(&error))?], entry)
                }
                Judged::Unknown => {
                    let reason = Some(Why::UnknownKey.to_string());
                    (None, Vec::new(), Entry { reason, coalesce: Coalesce::UnknownNames, ..entry.clone() })
                }
                Judged::Refused(api_key, reason) => {
                    (None, Vec::new(), Entry { reason: Some(reason.to_string()), ..of_key(&entry, &api_key) })
                }
            };
            let commit =
                Commit { writes, audit: vec![entry], essential: true, fleeting: true, ..Commit::default() };
            match self.store.commit(commit).await {
                Ok(_) => return Ok(CheckApiKeyReply { nonce, api_key: live }),
                Err(StoreError::Conflict) => {}
                Err(error) => return Err(self.failed(&error)),
            }
        }
        Err(busy())
    }

    async fn judge_key(
        &self,
        id: &ApiKeyId,
        digest: &SessionDigest,
        site: &str,
        now: UnixTime,
    ) -> Outcome<Judged> {
        let found = record::load_api_key(&self.store, id).map_err(|error| self.failed(&error))?;
        let kept = found.as_ref().map_or(NOBODYS, |(api_key, _)| api_key.digest);
        let is_right = bool::from(kept.as_bytes().ct_eq(digest.as_bytes()));
        let Some((api_key, version)) = found.filter(|_| is_right) else { return Ok(Judged::Unknown) };
        let Some(account) = self.account(&api_key.account)? else { return Ok(Judged::Unknown) };
        let reason = match () {
            () if account.is_locked(now) => Why::Locked,
            () if api_key.suspended => Why::Suspended,
            () if api_key.expired(now) => Why::Expired,
            () if !api_key.grant.has_site(site) => Why::OtherSite,
            () if self.barred_from_web(&account).await => Why::SystemAccount,
            () => return Ok(Judged::Live(Box::new((api_key, version, account)))),
        };
        Ok(Judged::Refused(Box::new(api_key), reason))
    }

    /// When and from where keys were last used.
    pub(crate) async fn touch_api_keys(&self, request: TouchApiKeys) -> Outcome<Done> {
        self.write_touches(|now| self.key_touches(&request, now)).await
    }

    fn key_touches(&self, request: &TouchApiKeys, now: UnixTime) -> Result<Vec<Write>, StoreError> {
        let mut seen: BTreeMap<ApiKeyId, (ApiKey, Version)> = BTreeMap::new();
        for used in request.used.iter().filter(|used| used.site.len() <= LONGEST_SITE) {
            let (api_key, _) = match seen.entry(used.id) {
                Slot::Occupied(found) => found.into_mut(),
                Slot::Vacant(place) => match record::load_api_key(&self.store, &used.id)? {
                    Some(found) => place.insert(found),
                    None => continue,
                },
            };
            // Nobody has used anything in a time that has not come.
            let at = UnixTime(used.at).min(now);
            if api_key.last_used.as_ref().is_none_or(|last| last.at < at) {
                let place = Place::browser(&Source { address: used.address, ..Source::default() });
                api_key.last_used =
                    Some(Occasion { at, door: web_door(Some(&used.site)), source: place.words });
            }
        }
        let writes =
            seen.values().map(|(api_key, version)| record::api_key_write(api_key, Expect::Version(*version)));
        writes.collect()
    }
}

/// An event about a key that was presented with its right secret: one a minute for an account.
fn of_key(entry: &Entry, api_key: &ApiKey) -> Entry {
    Entry {
        account: Some(api_key.account),
        factor: Some(told(api_key)),
        coalesce: Coalesce::Account,
        ..entry.clone()
    }
}

/// What the gate is told. Apps know people by their `local` names; who has none is known by their first.
fn live(api_key: &ApiKey, account: &Account) -> LiveApiKey {
    let local = account.names.iter().find(|name| name.name.realm().is_local());
    let name = local.or(account.names.first()).map(|name| name.name.name().to_owned());
    LiveApiKey {
        account: account.id.to_string(),
        name: name.unwrap_or_default(),
        groups: account.groups.iter().map(Group::to_string).collect(),
        contacts: account.contacts.to_wire(),
        grant: api_key.grant.to_wire(),
        ends_at: api_key.ends_at.map(|at| at.0),
    }
}

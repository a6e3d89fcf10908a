//! API keys, as their owners and operators have them: made, listed, suspended, resumed, rotated, revoked.
//!
//! A key leaves once, when it is made or rotated; what stays is its digest. What widens takes a code, what only takes
//! away does not. Whatever makes a key open less is told to the gate among the ended sessions, in the same commit.

use sha2::{Digest, Sha256};
use twofold_shared::account::Label;
use twofold_shared::api_key::{self, SECRET_BYTES};
use twofold_shared::clock::UnixTime;
use twofold_shared::grant::Grant;
use twofold_shared::secret::SecretText;
use twofold_shared::trail::Action;
use twofold_shared::wire::{
    ApiKeyId, ApiKeyList, CreateApiKey, Done, Fault, FaultKind, FreshApiKey, ListApiKeys, ResumeApiKey,
    RevokeApiKey, RotateApiKey, SessionDigest, SuspendApiKey,
};
use zeroize::Zeroizing;

use super::attempt::{Change, occasion};
use super::fault::{Outcome, fault, internal, invalid};
use super::permission::Actor;
use crate::authority::Authority;
use crate::store::record::{self, ApiKey};
use crate::store::{Expect, StoreError, Version, Write};

/// Keys of one account, at most.
const MOST_KEYS: usize = 64;

impl Authority {
    /// Makes a key.
    pub(crate) async fn create_api_key(&self, actor: &Actor, request: CreateApiKey) -> Outcome<FreshApiKey> {
        let CreateApiKey { account, label, grant, ends_at, code } = request;
        let label = Label::parse(&label).map_err(|why| invalid(format!("label: {why}")))?;
        let grant = Grant::parse(&grant).map_err(|why| invalid(why.to_string()))?;
        let ends_at = ends_at.map(UnixTime);
        if self.barred_from_web(&self.meant(actor, account.as_deref()).await?).await {
            return Err(invalid(
                "account: belongs to the system, and such accounts never come in from the web",
            ));
        }
        let mut id = [0; 8];
        getrandom::fill(&mut id).map_err(|_| no_randomness())?;
        let id = ApiKeyId::from_bytes(id);
        let (key, digest) = fresh(&id)?;
        let api_key = self
            .change(actor, account.as_deref(), code, Action::ApiKeyCreate, |change| {
                if ends_at.is_some_and(|end| end <= change.time()) {
                    return Err(invalid("ends_at: lies in the past"));
                }
                if self.api_keys_of(change)?.len() >= MOST_KEYS {
                    return Err(invalid(format!(
                        "an account has at most {MOST_KEYS} API keys; revoke one first"
                    )));
                }
                let api_key = ApiKey {
                    id,
                    account: change.account.id,
                    digest,
                    label: label.clone(),
                    grant: grant.clone(),
                    suspended: false,
                    ends_at,
                    created: occasion(&change.entry, change.now),
                    rotated_at: None,
                    last_used: None,
                };
                change.entry.factor = Some(told(&api_key));
                let writes = record::api_key_opening(&api_key).map_err(|error| self.failed(&error))?;
                change.writes.extend(writes);
                Ok(api_key.view())
            })
            .await?;
        Ok(FreshApiKey { key, api_key })
    }

    /// The keys of an account.
    pub(crate) async fn list_api_keys(&self, actor: &Actor, request: ListApiKeys) -> Outcome<ApiKeyList> {
        let account = self.meant(actor, request.account.as_deref()).await?;
        let found =
            record::load_api_keys_of(&self.store, &account.id).map_err(|error| self.failed(&error))?;
        Ok(ApiKeyList { api_keys: found.iter().map(|(api_key, _)| api_key.view()).collect() })
    }

    /// Lets a key open nothing until it is resumed.
    pub(crate) async fn suspend_api_key(&self, actor: &Actor, request: SuspendApiKey) -> Outcome<Done> {
        let SuspendApiKey { account, id } = request;
        self.narrow(actor, account.as_deref(), Action::ApiKeySuspend, |change| {
            let (api_key, version) = self.api_key_of(change, &id)?;
            change.ended.push(api_key.digest);
            self.replace(change, &ApiKey { suspended: true, ..api_key }, version)
        })
        .await
    }

    /// Takes the suspension back.
    pub(crate) async fn resume_api_key(&self, actor: &Actor, request: ResumeApiKey) -> Outcome<Done> {
        let ResumeApiKey { account, id, code } = request;
        self.change(actor, account.as_deref(), code, Action::ApiKeyResume, |change| {
            let (api_key, version) = self.api_key_of(change, &id)?;
            self.replace(change, &ApiKey { suspended: false, ..api_key }, version)
        })
        .await
    }

    /// Gives a key a new secret; the old one is dead at once.
    pub(crate) async fn rotate_api_key(&self, actor: &Actor, request: RotateApiKey) -> Outcome<FreshApiKey> {
        let RotateApiKey { account, id, code } = request;
        let (key, digest) = fresh(&id)?;
        let api_key = self
            .change(actor, account.as_deref(), code, Action::ApiKeyRotate, |change| {
                let (api_key, version) = self.api_key_of(change, &id)?;
                if api_key.expired(change.time()) {
                    return Err(invalid(
                        "the API key has expired, and a new secret would be no use; make a new key",
                    ));
                }
                change.ended.push(api_key.digest);
                let api_key = ApiKey { digest, rotated_at: Some(change.time()), ..api_key };
                self.replace(change, &api_key, version)?;
                Ok(api_key.view())
            })
            .await?;
        Ok(FreshApiKey { key, api_key })
    }

    /// Removes a key for good.
    pub(crate) async fn revoke_api_key(&self, actor: &Actor, request: RevokeApiKey) -> Outcome<Done> {
        let RevokeApiKey { account, id } = request;
        self.narrow(actor, account.as_deref(), Action::ApiKeyRevoke, |change| {
            let (api_key, version) = self.api_key_of(change, &id)?;
            change.entry.factor = Some(told(&api_key));
            change.ended.push(api_key.digest);
            change.writes.extend(record::api_key_removal(&api_key, Expect::Version(version)));
            Ok(Done {})
        })
        .await
    }

    /// Removes all keys of an account as a part of its removal.
    pub(super) fn remove_api_keys(&self, change: &mut Change) -> Outcome<()> {
        for (api_key, _) in self.api_keys_of(change)? {
            change.ended.push(api_key.digest);
            change.writes.extend(record::api_key_removal(&api_key, Expect::Any));
        }
        Ok(())
    }

    /// Has the gate think anew of all keys of an account: what it was told of them may not hold any longer.
    pub(super) fn recall_api_keys(&self, change: &mut Change) -> Outcome<()> {
        let digests: Vec<SessionDigest> =
            self.api_keys_of(change)?.iter().map(|(api_key, _)| api_key.digest).collect();
        change.ended.extend(digests);
        Ok(())
    }

    fn api_keys_of(&self, change: &Change) -> Outcome<Vec<(ApiKey, Version)>> {
        record::load_api_keys_of(&self.store, &change.account.id).map_err(|error| self.failed(&error))
    }

    /// A key of the account that is changed; another's is answered as none.
    fn api_key_of(&self, change: &Change, id: &ApiKeyId) -> Outcome<(ApiKey, Version)> {
        let found = record::load_api_key(&self.store, id).map_err(|error| self.failed(&error))?;
        found.filter(|(api_key, _)| api_key.account == change.account.id).ok_or_else(no_such_api_key)
    }

    fn replace(&self, change: &mut Change, api_key: &ApiKey, version: Version) -> Outcome<Done> {
        let write: Result<Write, StoreError> = record::api_key_write(api_key, Expect::Version(version));
        change.writes.push(write.map_err(|error| self.failed(&error))?);
        change.entry.factor = Some(told(api_key));
        Ok(Done {})
    }
}

/// A key as the audit trail names it.
pub(super) fn told(api_key: &ApiKey) -> String {
    format!("API key {} ({})", api_key.label, api_key.id)
}

/// A new secret for the key `id`, and the digest that stays.
fn fresh(id: &ApiKeyId) -> Outcome<(SecretText, SessionDigest)> {
    let mut secret = Zeroizing::new([0; SECRET_BYTES]);
    getrandom::fill(secret.as_mut_slice()).map_err(|_| no_randomness())?;
    let key = api_key::assemble(id, &secret);
    let digest = SessionDigest::from_bytes(Sha256::digest(key.reveal()).into());
    Ok((key, digest))
}

fn no_randomness() -> Fault {
    internal("no randomness from the kernel")
}

fn no_such_api_key() -> Fault {
    fault(FaultKind::NoSuchApiKey, "no such API key; `twofold api-key list` shows all there are")
}

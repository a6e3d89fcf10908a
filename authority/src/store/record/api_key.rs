//! API keys. Of the secret there is only a digest: nobody can make a key from what lies here.

use serde::{Deserialize, Serialize};
use twofold_shared::account::{AccountId, Label, Occasion};
use twofold_shared::clock::UnixTime;
use twofold_shared::grant::Grant;
use twofold_shared::wire::{ApiKeyGrant, ApiKeyId, ApiKeyView, SessionDigest};
use zeroize::Zeroizing;

use super::account::{StoredOccasion, occasion, store_occasion};
use super::{decode, invalid, removal, write};
use crate::store::{Expect, Key, Space, Store, StoreError, Version, Write};

/// Records read at a time: more than an account may have.
const PAGE: usize = 256;

/// A program's key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiKey {
    /// Its number, which stands in the key too.
    pub id: ApiKeyId,
    /// Whose.
    pub account: AccountId,
    /// SHA-256 of the whole key: 256 random bits need nothing slower.
    pub digest: SessionDigest,
    /// What its owner calls it.
    pub label: Label,
    /// What it may be used for.
    pub grant: Grant,
    /// It opens nothing until it is resumed.
    pub suspended: bool,
    /// From when on it opens nothing.
    pub ends_at: Option<UnixTime>,
    /// When and where it was made.
    pub created: Occasion,
    /// When it was last given a new secret.
    pub rotated_at: Option<UnixTime>,
    /// When, at which site and from where it was last used.
    pub last_used: Option<Occasion>,
}

impl ApiKey {
    /// For the wire.
    #[must_use]
    pub fn view(&self) -> ApiKeyView {
        ApiKeyView {
            id: self.id,
            label: self.label.to_string(),
            grant: self.grant.to_wire(),
            suspended: self.suspended,
            ends_at: self.ends_at.map(|at| at.0),
            created: self.created.to_wire(),
            rotated_at: self.rotated_at.map(|at| at.0),
            last_used: self.last_used.as_ref().map(Occasion::to_wire),
        }
    }

    /// Whether its time is over.
    #[must_use]
    pub fn expired(&self, now: UnixTime) -> bool {
        self.ends_at.is_some_and(|end| now >= end)
    }
}

#[derive(Serialize, Deserialize)]
struct StoredApiKey<'a> {
    account: [u8; 16],
    digest: [u8; 32],
    label: &'a str,
    #[serde(borrow)]
    sites: Vec<&'a str>,
    #[serde(borrow)]
    paths: Vec<&'a str>,
    #[serde(borrow)]
    methods: Vec<&'a str>,
    #[serde(borrow)]
    networks: Vec<&'a str>,
    suspended: bool,
    ends_at: Option<u64>,
    #[serde(borrow)]
    created: StoredOccasion<'a>,
    rotated_at: Option<u64>,
    #[serde(borrow)]
    last_used: Option<StoredOccasion<'a>>,
}

fn api_key_key(id: &ApiKeyId) -> Key {
    Key::new(Space::ApiKey, id.to_string())
}

fn api_key_of_key(account: &AccountId, id: &ApiKeyId) -> Key {
    Key::new(Space::ApiKeyOf, format!("{account}/{id}"))
}

/// One key.
///
/// # Errors
/// As [`Store::get`], and [`StoreError::Record`] for a record that is not an API key.
pub fn load_api_key(store: &Store, id: &ApiKeyId) -> Result<Option<(ApiKey, Version)>, StoreError> {
    let key = api_key_key(id);
    let Some(found) = store.get(&key)? else { return Ok(None) };
    Ok(Some((api_key(&key, *id, &found.value)?, found.version)))
}

fn api_key(key: &Key, id: ApiKeyId, value: &[u8]) -> Result<ApiKey, StoreError> {
    let stored: StoredApiKey<'_> = decode(key, value)?;
    let owned = |list: &[&str]| list.iter().map(|&text| text.to_owned()).collect();
    let grant = Grant::parse(&ApiKeyGrant {
        sites: owned(&stored.sites),
        paths: owned(&stored.paths),
        methods: owned(&stored.methods),
        networks: owned(&stored.networks),
    });
    Ok(ApiKey {
        id,
        account: AccountId(stored.account),
        digest: SessionDigest::from_bytes(stored.digest),
        label: Label::parse(stored.label).map_err(|error| invalid(key, error))?,
        grant: grant.map_err(|error| invalid(key, error))?,
        suspended: stored.suspended,
        ends_at: stored.ends_at.map(UnixTime),
        created: occasion(&stored.created),
        rotated_at: stored.rotated_at.map(UnixTime),
        last_used: stored.last_used.as_ref().map(occasion),
    })
}

fn id_of(key: &Key, hex: &[u8]) -> Result<ApiKeyId, StoreError> {
    let id = data_encoding::HEXLOWER.decode(hex).ok().and_then(|bytes| bytes.try_into().ok());
    id.map(ApiKeyId::from_bytes).ok_or_else(|| invalid(key, "its key is not an API key's"))
}

/// Every key of an account, by number.
///
/// # Errors
/// As [`load_api_key`].
pub fn load_api_keys_of(store: &Store, account: &AccountId) -> Result<Vec<(ApiKey, Version)>, StoreError> {
    let prefix = format!("{account}/");
    let mut api_keys = Vec::new();
    for (key, _) in store.scan(Space::ApiKeyOf, prefix.as_bytes(), None, PAGE)? {
        let id = id_of(&key, key.name().strip_prefix(prefix.as_bytes()).unwrap_or_default())?;
        api_keys.extend(load_api_key(store, &id)?);
    }
    Ok(api_keys)
}

/// Up to `limit` keys of anybody after `after`, by number.
///
/// # Errors
/// As [`load_api_key`].
pub fn load_api_keys(
    store: &Store,
    after: Option<&ApiKeyId>,
    limit: usize,
) -> Result<Vec<(ApiKey, Version)>, StoreError> {
    let found = store.scan(Space::ApiKey, &[], after.map(api_key_key).as_ref(), limit)?;
    let read = found.into_iter().map(|(key, found)| {
        let id = id_of(&key, key.name())?;
        Ok((api_key(&key, id, &found.value)?, found.version))
    });
    read.collect()
}

/// Makes the key.
///
/// # Errors
/// [`StoreError::Record`], never in practice.
pub fn api_key_opening(api_key: &ApiKey) -> Result<[Write; 2], StoreError> {
    let listed = Write {
        key: api_key_of_key(&api_key.account, &api_key.id),
        expect: Expect::Absent,
        value: Some(Zeroizing::new(Vec::new())),
    };
    Ok([api_key_write(api_key, Expect::Absent)?, listed])
}

/// Writes the whole key.
///
/// # Errors
/// [`StoreError::Record`], never in practice.
pub fn api_key_write(api_key: &ApiKey, expect: Expect) -> Result<Write, StoreError> {
    let grant = api_key.grant.to_wire();
    let stored = StoredApiKey {
        account: api_key.account.0,
        digest: *api_key.digest.as_bytes(),
        label: api_key.label.as_str(),
        sites: grant.sites.iter().map(String::as_str).collect(),
        paths: grant.paths.iter().map(String::as_str).collect(),
        methods: grant.methods.iter().map(String::as_str).collect(),
        networks: grant.networks.iter().map(String::as_str).collect(),
        suspended: api_key.suspended,
        ends_at: api_key.ends_at.map(|at| at.0),
        created: store_occasion(&api_key.created),
        rotated_at: api_key.rotated_at.map(|at| at.0),
        last_used: api_key.last_used.as_ref().map(store_occasion),
    };
    write(api_key_key(&api_key.id), &stored, expect)
}

/// Removes the key.
#[must_use]
pub fn api_key_removal(api_key: &ApiKey, expect: Expect) -> [Write; 2] {
    let listed = removal(api_key_of_key(&api_key.account, &api_key.id), Expect::Any);
    [removal(api_key_key(&api_key.id), expect), listed]
}

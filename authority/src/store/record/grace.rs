//! Graces: that a code which was given at a door, from a source, still serves there.

use serde::{Deserialize, Serialize};
use twofold_shared::account::AccountId;
use twofold_shared::clock::UnixTime;

use super::{before_settling, decode, invalid, removal, write};
use crate::store::{Expect, Key, Space, Store, StoreError, Version, Write};

/// Records of one account read at a time: more than it may have.
const PAGE: usize = 256;

/// Door and source of a grace, as a digest: it names them, and keeps neither key nor address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct GraceId(pub [u8; 16]);

impl std::fmt::Display for GraceId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&data_encoding::HEXLOWER.encode(&self.0))
    }
}

/// One grace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grace {
    /// Where it holds.
    pub id: GraceId,
    /// Whose.
    pub account: AccountId,
    /// When the code was given.
    pub at: UnixTime,
    /// When it ends.
    pub until: UnixTime,
    /// `sudo on web1`, for people.
    pub door: String,
    /// Address or terminal, for people.
    pub source: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct StoredGrace<'a> {
    at: u64,
    until: u64,
    door: &'a str,
    source: Option<&'a str>,
}

fn grace_key(account: &AccountId, id: &GraceId) -> Key {
    Key::new(Space::Grace, format!("{account}/{id}"))
}

fn parse_key(key: &Key) -> Option<(AccountId, GraceId)> {
    let (account, id) = std::str::from_utf8(key.name()).ok()?.split_once('/')?;
    let id = data_encoding::HEXLOWER.decode(id.as_bytes()).ok()?.try_into().ok()?;
    Some((AccountId::parse(account).ok()?, GraceId(id)))
}

fn grace(key: &Key, value: &[u8]) -> Result<Grace, StoreError> {
    let (account, id) = parse_key(key).ok_or_else(|| invalid(key, "its key is not a grace's"))?;
    let stored: StoredGrace<'_> = decode(key, value)?;
    Ok(Grace {
        id,
        account,
        at: UnixTime(stored.at),
        until: UnixTime(stored.until),
        door: stored.door.to_owned(),
        source: stored.source.map(ToOwned::to_owned),
    })
}

/// One grace; none where it was given before the clock's last doubt was settled, for nobody knows how old it is.
///
/// # Errors
/// As [`Store::get`], and [`StoreError::Record`] for a record that is not a grace.
pub fn load_grace(store: &Store, account: &AccountId, id: &GraceId) -> Result<Option<Grace>, StoreError> {
    let key = grace_key(account, id);
    let found = store.get(&key)?.filter(|found| !before_settling(store, found.version));
    found.map(|found| grace(&key, &found.value)).transpose()
}

/// Every grace of an account, by number.
///
/// # Errors
/// As [`load_graces`].
pub fn load_graces_of(store: &Store, account: &AccountId) -> Result<Vec<Grace>, StoreError> {
    let found = store.scan(Space::Grace, format!("{account}/").as_bytes(), None, PAGE)?;
    let found = found.into_iter().filter(|(_, found)| !before_settling(store, found.version));
    found.map(|(key, found)| grace(&key, &found.value)).collect()
}

/// Up to `limit` graces of all accounts, after `after`.
///
/// # Errors
/// As [`Store::scan`], and [`StoreError::Record`] for a record that is not a grace.
pub fn load_graces(
    store: &Store,
    after: Option<&Grace>,
    limit: usize,
) -> Result<Vec<(Grace, Version)>, StoreError> {
    let after = after.map(|grace| grace_key(&grace.account, &grace.id));
    let found = store.scan(Space::Grace, &[], after.as_ref(), limit)?;
    found.into_iter().map(|(key, found)| Ok((grace(&key, &found.value)?, found.version))).collect()
}

/// Writes the grace, in place of one that was there.
///
/// # Errors
/// [`StoreError::Record`], never in practice.
pub fn grace_write(grace: &Grace) -> Result<Write, StoreError> {
    let stored = StoredGrace {
        at: grace.at.0,
        until: grace.until.0,
        door: &grace.door,
        source: grace.source.as_deref(),
    };
    write(grace_key(&grace.account, &grace.id), &stored, Expect::Any)
}

/// Ends the grace.
#[must_use]
pub fn grace_removal(grace: &Grace, expect: Expect) -> Write {
    removal(grace_key(&grace.account, &grace.id), expect)
}

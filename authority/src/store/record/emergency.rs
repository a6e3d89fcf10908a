//! Emergency codes that wait to be used: one of an account at most.

use serde::{Deserialize, Serialize};
use twofold_shared::account::AccountId;
use twofold_shared::backup_code::PepperId;
use twofold_shared::wire::EmergencyDoor;

use super::{decode, invalid, removal, write};
use crate::store::{Expect, Key, Moment, Space, Store, StoreError, Version, Write};

/// An emergency code, as a keyed digest.
#[derive(Clone, PartialEq, Eq)]
pub struct Emergency {
    /// Whose.
    pub account: AccountId,
    /// Where it opens.
    pub door: EmergencyDoor,
    /// The pepper that it is digested with.
    pub pepper: PepperId,
    /// The digest.
    pub digest: [u8; 32],
    /// When it was made, by the boot clock.
    pub issued: Moment,
}

#[derive(Serialize, Deserialize)]
struct StoredEmergency<'a> {
    door: StoredDoor,
    pepper: u32,
    digest: [u8; 32],
    boot_id: &'a str,
    boottime_ms: u64,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
enum StoredDoor {
    Host,
    Web,
}

fn emergency_key(account: &AccountId) -> Key {
    Key::new(Space::Emergency, account.to_string())
}

/// The emergency code of an account, whether it is still good or not.
///
/// # Errors
/// As [`Store::get`], and [`StoreError::Record`] for a record that is not one.
pub fn load_emergency(
    store: &Store,
    account: &AccountId,
) -> Result<Option<(Emergency, Version)>, StoreError> {
    let key = emergency_key(account);
    let found = store.get(&key)?;
    found.map(|found| Ok((emergency(&key, &found.value)?, found.version))).transpose()
}

/// Up to `limit` of them after that of the account `after`, for who sweeps the expired ones.
///
/// # Errors
/// As [`load_emergency`].
pub fn load_emergencies(
    store: &Store,
    after: Option<&AccountId>,
    limit: usize,
) -> Result<Vec<(Emergency, Version)>, StoreError> {
    let found = store.scan(Space::Emergency, &[], after.map(emergency_key).as_ref(), limit)?;
    found.into_iter().map(|(key, found)| Ok((emergency(&key, &found.value)?, found.version))).collect()
}

fn emergency(key: &Key, value: &[u8]) -> Result<Emergency, StoreError> {
    let account = std::str::from_utf8(key.name()).ok().and_then(|id| AccountId::parse(id).ok());
    let account = account.ok_or_else(|| invalid(key, "its key is not an account's"))?;
    let stored: StoredEmergency<'_> = decode(key, value)?;
    let door = match stored.door {
        StoredDoor::Host => EmergencyDoor::Host,
        StoredDoor::Web => EmergencyDoor::Web,
    };
    let issued = Moment { boot_id: stored.boot_id.to_owned(), boottime_ms: stored.boottime_ms };
    Ok(Emergency { account, door, pepper: PepperId(stored.pepper), digest: stored.digest, issued })
}

/// The pepper that one is digested with.
pub(in crate::store) fn pepper_of(key: &Key, value: &[u8]) -> Result<PepperId, StoreError> {
    emergency(key, value).map(|emergency| emergency.pepper)
}

/// Writes it, in place of one that was there.
///
/// # Errors
/// [`StoreError::Record`], never in practice.
pub fn emergency_write(emergency: &Emergency) -> Result<Write, StoreError> {
    let stored = StoredEmergency {
        door: match emergency.door {
            EmergencyDoor::Host => StoredDoor::Host,
            EmergencyDoor::Web => StoredDoor::Web,
        },
        pepper: emergency.pepper.0,
        digest: emergency.digest,
        boot_id: &emergency.issued.boot_id,
        boottime_ms: emergency.issued.boottime_ms,
    };
    write(emergency_key(&emergency.account), &stored, Expect::Any)
}

/// Ends it: used, or void.
#[must_use]
pub fn emergency_removal(account: &AccountId, expect: Expect) -> Write {
    removal(emergency_key(account), expect)
}

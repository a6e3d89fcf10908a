//! Enrolments that no code has confirmed yet.

use std::fmt;

use data_encoding::HEXLOWER_PERMISSIVE as HEX;
use serde::{Deserialize, Serialize};
use twofold_shared::account::{AccountId, DeviceId, Label, PendingEnrolment};

use super::account::{StoredOccasion, StoredTotp, occasion, store_occasion, store_totp, totp};
use super::{decode, invalid, removal, write};
use crate::store::{Expect, Key, Space, Store, StoreError, Version, Write};

/// An enrolment's number. Who knows it may confirm it, so it is random.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EnrolmentId(pub [u8; 16]);

impl EnrolmentId {
    /// Reads hex; `None` for anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        HEX.decode(text.as_bytes()).ok().and_then(|bytes| bytes.try_into().ok()).map(Self)
    }
}

impl fmt::Display for EnrolmentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&HEX.encode(&self.0))
    }
}

impl fmt::Debug for EnrolmentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EnrolmentId(…)")
    }
}

#[derive(Serialize, Deserialize)]
struct StoredEnrolment<'a> {
    account: [u8; 16],
    #[serde(borrow)]
    pending: StoredPending<'a>,
}

/// A device that waits for its first code, wherever it was begun.
#[derive(Serialize, Deserialize)]
pub(super) struct StoredPending<'a> {
    device: [u8; 8],
    label: &'a str,
    #[serde(borrow)]
    totp: StoredTotp<'a>,
    #[serde(borrow)]
    begun: StoredOccasion<'a>,
}

pub(super) fn pending(
    key: &Key,
    account: AccountId,
    stored: &StoredPending<'_>,
) -> Result<PendingEnrolment, StoreError> {
    Ok(PendingEnrolment {
        account,
        device: DeviceId(stored.device),
        label: Label::parse(stored.label).map_err(|error| invalid(key, error))?,
        totp: totp(&stored.totp).map_err(|error| invalid(key, error))?,
        begun: occasion(&stored.begun),
    })
}

pub(super) fn store_pending(pending: &PendingEnrolment) -> StoredPending<'_> {
    StoredPending {
        device: pending.device.0,
        label: pending.label.as_str(),
        totp: store_totp(&pending.totp),
        begun: store_occasion(&pending.begun),
    }
}

fn enrolment_key(id: &EnrolmentId) -> Key {
    Key::new(Space::Enrolment, id.to_string())
}

/// One enrolment, whether it has expired or not.
///
/// # Errors
/// As [`Store::get`], and [`StoreError::Record`] for a record that is not an enrolment.
pub fn load_enrolment(
    store: &Store,
    id: &EnrolmentId,
) -> Result<Option<(PendingEnrolment, Version)>, StoreError> {
    let key = enrolment_key(id);
    let Some(found) = store.get(&key)? else { return Ok(None) };
    Ok(Some((enrolment(&key, &found.value)?, found.version)))
}

/// Up to `limit` enrolments after `after`, in the order of their numbers: who sweeps the expired ones reads them here.
///
/// # Errors
/// As [`load_enrolment`].
pub fn load_enrolments(
    store: &Store,
    after: Option<&EnrolmentId>,
    limit: usize,
) -> Result<Vec<(EnrolmentId, PendingEnrolment, Version)>, StoreError> {
    let found = store.scan(Space::Enrolment, &[], after.map(enrolment_key).as_ref(), limit)?;
    found
        .into_iter()
        .map(|(key, found)| {
            let id = std::str::from_utf8(key.name()).ok().and_then(EnrolmentId::parse);
            let id = id.ok_or_else(|| invalid(&key, "its key is not an enrolment's"))?;
            Ok((id, enrolment(&key, &found.value)?, found.version))
        })
        .collect()
}

fn enrolment(key: &Key, value: &[u8]) -> Result<PendingEnrolment, StoreError> {
    let stored: StoredEnrolment<'_> = decode(key, value)?;
    pending(key, AccountId(stored.account), &stored.pending)
}

/// Writes the whole enrolment.
///
/// # Errors
/// [`StoreError::Record`], never in practice.
pub fn enrolment_write(
    id: &EnrolmentId,
    pending: &PendingEnrolment,
    expect: Expect,
) -> Result<Write, StoreError> {
    let stored = StoredEnrolment { account: pending.account.0, pending: store_pending(pending) };
    write(enrolment_key(id), &stored, expect)
}

/// Ends the enrolment: confirmed, given up or expired.
#[must_use]
pub fn enrolment_removal(id: &EnrolmentId, expect: Expect) -> Write {
    removal(enrolment_key(id), expect)
}

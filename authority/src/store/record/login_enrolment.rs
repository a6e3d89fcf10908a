//! Enrolments begun while somebody logged in: one of an account at most, so that a new one ends the one before.

use serde::{Deserialize, Serialize};
use twofold_shared::account::{AccountId, PendingEnrolment};
use twofold_shared::backup_code::{BackupCodes, PepperId};

use super::account::{StoredBackupCodes, backup_codes, store_backup_codes};
use super::enrolment::{StoredPending, pending, store_pending};
use super::{EnrolmentId, decode, invalid, removal, write};
use crate::store::{Expect, Key, Space, Store, StoreError, Version, Write};

/// One enrolment.
#[derive(Clone, Debug)]
pub struct LoginEnrolment {
    /// Its number. Who knows it may confirm it, so it is random.
    pub id: EnrolmentId,
    /// The device to be.
    pub pending: PendingEnrolment,
    /// What its first code has brought, once that was given.
    pub confirmed: Option<Confirmed>,
}

/// What an enrolment waits with to be switched on.
#[derive(Clone, Debug)]
pub struct Confirmed {
    /// The step of its first code, which is spent.
    pub step: u64,
    /// The backup codes that its owner has been shown.
    pub backup_codes: BackupCodes,
}

#[derive(Serialize, Deserialize)]
struct StoredLoginEnrolment<'a> {
    id: [u8; 16],
    #[serde(borrow)]
    pending: StoredPending<'a>,
    confirmed: Option<(u64, StoredBackupCodes)>,
}

fn key(account: &AccountId) -> Key {
    Key::new(Space::LoginEnrolment, account.to_string())
}

fn enrolment(key: &Key, value: &[u8]) -> Result<LoginEnrolment, StoreError> {
    let account = std::str::from_utf8(key.name()).ok().and_then(|id| AccountId::parse(id).ok());
    let account = account.ok_or_else(|| invalid(key, "its key is not an account's"))?;
    let stored: StoredLoginEnrolment<'_> = decode(key, value)?;
    Ok(LoginEnrolment {
        id: EnrolmentId(stored.id),
        pending: pending(key, account, &stored.pending)?,
        confirmed: stored
            .confirmed
            .map(|(step, codes)| Confirmed { step, backup_codes: backup_codes(codes) }),
    })
}

/// The pepper of the backup codes that one waits with.
pub(in crate::store) fn pepper_of(key: &Key, value: &[u8]) -> Result<Option<PepperId>, StoreError> {
    Ok(enrolment(key, value)?.confirmed.map(|confirmed| confirmed.backup_codes.pepper))
}

/// The enrolment of an account, whether it has expired or not.
///
/// # Errors
/// As [`Store::get`], and [`StoreError::Record`] for a record that is not one.
pub fn load_login_enrolment(
    store: &Store,
    account: &AccountId,
) -> Result<Option<(LoginEnrolment, Version)>, StoreError> {
    let key = key(account);
    let Some(found) = store.get(&key)? else { return Ok(None) };
    Ok(Some((enrolment(&key, &found.value)?, found.version)))
}

/// Up to `limit` of them after that of the account `after`, for who sweeps the expired ones.
///
/// # Errors
/// As [`load_login_enrolment`].
pub fn load_login_enrolments(
    store: &Store,
    after: Option<&AccountId>,
    limit: usize,
) -> Result<Vec<(LoginEnrolment, Version)>, StoreError> {
    let found = store.scan(Space::LoginEnrolment, &[], after.map(key).as_ref(), limit)?;
    found.into_iter().map(|(key, found)| Ok((enrolment(&key, &found.value)?, found.version))).collect()
}

/// Writes the whole enrolment.
///
/// # Errors
/// [`StoreError::Record`], never in practice.
pub fn login_enrolment_write(enrolment: &LoginEnrolment, expect: Expect) -> Result<Write, StoreError> {
    let stored = StoredLoginEnrolment {
        id: enrolment.id.0,
        pending: store_pending(&enrolment.pending),
        confirmed: enrolment
            .confirmed
            .as_ref()
            .map(|confirmed| (confirmed.step, store_backup_codes(&confirmed.backup_codes))),
    };
    write(key(&enrolment.pending.account), &stored, expect)
}

/// Ends the enrolment: on, given up or expired.
#[must_use]
pub fn login_enrolment_removal(account: &AccountId, expect: Expect) -> Write {
    removal(key(account), expect)
}

//! Records: what lies in the ledger, apart from what the rules work with.
//!
//! Each kind has its own serialised type (postcard) that converts at this border, and what does not convert is an error
//! and never a guess. Postcard does not describe itself: another shape needs another format number in
//! [`super::seal`]. Encoded values are wiped on drop; decoding borrows from them, so no secret is copied on the way.

use serde::{Deserialize, Serialize};
use twofold_shared::account::{Account, AccountId};
use twofold_shared::backup_code::PepperId;
use twofold_shared::clock::UnixTime;
use twofold_shared::name::Name;
use zeroize::Zeroizing;

use super::{Expect, Key, Space, Store, StoreError, Version, Write};
use crate::keyring::SecretKey;

mod account;
mod api_key;
mod browser;
mod emergency;
mod enrolment;
mod event;
mod grace;
mod invitation;
mod keys;
mod login_enrolment;
mod session;
mod throttle;

pub use api_key::{
    ApiKey, api_key_opening, api_key_removal, api_key_write, load_api_key, load_api_keys, load_api_keys_of,
};
pub use browser::{
    Browser, BrowserId, Trust, browser_removal, browser_writes, load_browser_with, load_browsers,
    load_browsers_of,
};
pub use emergency::{Emergency, emergency_removal, emergency_write, load_emergencies, load_emergency};
pub use enrolment::{EnrolmentId, enrolment_removal, enrolment_write, load_enrolment, load_enrolments};
pub(super) use event::{encode_event, event};
pub use grace::{Grace, GraceId, grace_removal, grace_write, load_grace, load_graces, load_graces_of};
pub use invitation::{
    Invitation, Spared, invitation_removal, invitation_writes, load_invitation, load_invitation_of,
    load_invitations, load_spared, spared_removal, spared_write,
};
pub(super) use keys::pepper_of;
pub use keys::{KeyNotes, key_notes_write, load_key_notes};
pub use login_enrolment::{
    Confirmed, LoginEnrolment, load_login_enrolment, load_login_enrolments, login_enrolment_removal,
    login_enrolment_write,
};
pub(super) use session::ended_range_restored;
pub use session::{
    Ended, EndedRange, Session, digest_of, ended_range_write, ended_removal, ended_write, load_ended,
    load_ended_range, load_session, load_sessions, load_sessions_of, session_ending, session_opening,
    session_write,
};

/// How many slots the names that nobody has share. Bounds what inventing names can write.
pub const UNKNOWN_SLOTS: u16 = 4096;

/// Serialises a record; the buffer is made once, at its size, and wiped on drop.
pub(super) fn encode<T: Serialize>(key: &Key, record: &T) -> Result<Zeroizing<Vec<u8>>, StoreError> {
    let unreadable =
        |error: postcard::Error| StoreError::Record { key: key.clone(), what: error.to_string() };
    let size = postcard::experimental::serialized_size(record).map_err(unreadable)?;
    let mut bytes = Zeroizing::new(vec![0; size]);
    postcard::to_slice(record, &mut bytes).map_err(unreadable)?;
    Ok(bytes)
}

/// Reads a record; anything left over is an error too.
pub(super) fn decode<'a, T: Deserialize<'a>>(key: &Key, bytes: &'a [u8]) -> Result<T, StoreError> {
    match decode_beginning(key, bytes)? {
        (record, []) => Ok(record),
        (_, rest) => Err(invalid(key, format!("{} bytes too many", rest.len()))),
    }
}

/// Reads a record behind which more may stand: that is given back.
fn decode_beginning<'a, T: Deserialize<'a>>(key: &Key, bytes: &'a [u8]) -> Result<(T, &'a [u8]), StoreError> {
    postcard::take_from_bytes(bytes).map_err(|error| invalid(key, error))
}

/// Why a value that was read cannot be what it claims to be.
pub(super) fn invalid(key: &Key, error: impl std::fmt::Display) -> StoreError {
    StoreError::Record { key: key.clone(), what: error.to_string() }
}

/// A write of `record`.
fn write<T: Serialize>(key: Key, record: &T, expect: Expect) -> Result<Write, StoreError> {
    let value = encode(&key, record)?;
    Ok(Write { key, expect, value: Some(value) })
}

/// A removal.
fn removal(key: Key, expect: Expect) -> Write {
    Write { key, expect, value: None }
}

// ------------------------------------------------------------------------------------------------- accounts

/// An account's value as it is put back from a copy ([`Account::restored`]).
pub(super) fn restored_account(
    key: &Key,
    value: &[u8],
    now: UnixTime,
) -> Result<Zeroizing<Vec<u8>>, StoreError> {
    account::encode(key, &account::decode(key, value)?.restored(now))
}

fn account_key(id: &AccountId) -> Key {
    Key::new(Space::Account, id.to_string())
}

/// The account, as it counts now: what the clock's settling changes for it is applied.
///
/// # Errors
/// As [`Store::get`], and [`StoreError::Record`] for a record that is not an account.
pub fn load_account(store: &Store, id: &AccountId) -> Result<Option<(Account, Version)>, StoreError> {
    let key = account_key(id);
    let Some(found) = store.get(&key)? else { return Ok(None) };
    let account = settled(store, account::decode(&key, &found.value)?, found.version);
    if account.id != *id {
        return Err(invalid(&key, "it is another account's"));
    }
    Ok(Some((account, found.version)))
}

/// Up to `limit` accounts after `after`, in the order of their ids.
///
/// # Errors
/// As [`load_account`].
pub fn load_accounts(
    store: &Store,
    after: Option<&AccountId>,
    limit: usize,
) -> Result<Vec<(Account, Version)>, StoreError> {
    let found = store.scan(Space::Account, &[], after.map(account_key).as_ref(), limit)?;
    found
        .into_iter()
        .map(|(key, found)| {
            let account = account::decode(&key, &found.value)?;
            Ok((settled(store, account, found.version), found.version))
        })
        .collect()
}

/// An account last written before the clock was settled may have spent steps that lie ahead of the right time.
fn settled(store: &Store, account: Account, version: Version) -> Account {
    match store.core.state().settled {
        Some(settled) if version < settled.revision => account.clock_settled(settled.time).unwrap_or(account),
        _ => account,
    }
}

/// Whether a record was last written before the clock's last doubt was settled.
fn before_settling(store: &Store, version: Version) -> bool {
    store.core.state().settled.is_some_and(|settled| version < settled.revision)
}

/// Which start of the machine the ledger has last seen.
#[must_use]
pub fn boot_id(store: &Store) -> String {
    store.core.state().clock.boot_id.clone()
}

/// Writes the whole account.
///
/// # Errors
/// [`StoreError::Record`], for an account too large to be one.
pub fn account_write(account: &Account, expect: Expect) -> Result<Write, StoreError> {
    let key = account_key(&account.id);
    let value = account::encode(&key, account)?;
    Ok(Write { key, expect, value: Some(value) })
}

/// Removes the account. Its names are records of their own.
#[must_use]
pub fn account_removal(id: &AccountId, expect: Expect) -> Write {
    removal(account_key(id), expect)
}

// ---------------------------------------------------------------------------------------------------- names

fn name_key(name: &Name) -> Key {
    Key::new(Space::Name, name.to_string())
}

/// Whose name it is.
///
/// # Errors
/// As [`load_account`].
pub fn load_name(store: &Store, name: &Name) -> Result<Option<(AccountId, Version)>, StoreError> {
    let key = name_key(name);
    let Some(found) = store.get(&key)? else { return Ok(None) };
    let id: [u8; 16] = decode(&key, &found.value)?;
    Ok(Some((AccountId(id), found.version)))
}

/// Gives the name to an account.
///
/// # Errors
/// [`StoreError::Record`], never in practice.
pub fn name_write(name: &Name, account: &AccountId, expect: Expect) -> Result<Write, StoreError> {
    write(name_key(name), &account.0, expect)
}

/// Gives the name back to nobody.
#[must_use]
pub fn name_removal(name: &Name, expect: Expect) -> Write {
    removal(name_key(name), expect)
}

// -------------------------------------------------------------------------------------------- unknown names

/// Where the counters of a name that nobody has are kept; others share them. The decoy's id tells where.
fn unknown_id(store: &Store, name: &Name) -> AccountId {
    let slot = store.keyring().slot_of(&name.to_string(), UNKNOWN_SLOTS);
    let mut id = [0; 16];
    if let Some(last) = id.last_chunk_mut::<2>() {
        *last = slot.to_be_bytes();
    }
    AccountId(id)
}

fn unknown_key(id: &AccountId) -> Key {
    Key::new(Space::Unknown, id.0.last_chunk::<2>().copied().unwrap_or_default())
}

/// The decoy that an unknown name is verified against, and what a write of it must expect: it goes through the same
/// rules and the same commit as somebody's account, and weighs as much, so that neither time nor disk tells that there is
/// nobody.
///
/// # Errors
/// As [`load_account`].
pub fn load_unknown(store: &Store, name: &Name) -> Result<(Account, Expect), StoreError> {
    store.core.keys().open_nobodys();
    let id = unknown_id(store, name);
    let key = unknown_key(&id);
    let pepper = store.keyring().current_pepper().map_or(PepperId(0), SecretKey::pepper_id);
    let Some(found) = store.get(&key)? else {
        let decoy = Account::decoy(id, UnixTime(0)).weighing_as_most(pepper);
        // The first one in its slot has nothing to open and to read. Sealing what it would be takes as long as opening.
        let value = account::encode(&key, &decoy)?;
        let sealed = store.core.keys().sealer.seal(&key, Version(0), &value);
        let _ = std::hint::black_box((sealed, account::decode(&key, &value)?));
        return Ok((decoy, Expect::Absent));
    };
    let decoy = settled(store, account::decode(&key, &found.value)?, found.version);
    Ok((decoy.weighing_as_most(pepper), Expect::Version(found.version)))
}

/// Writes what a try did to the counters of an unknown name.
///
/// # Errors
/// As [`account_write`].
pub fn unknown_write(decoy: &Account, expect: Expect) -> Result<Write, StoreError> {
    let key = unknown_key(&decoy.id);
    let value = account::encode(&key, decoy)?;
    Ok(Write { key, expect, value: Some(value) })
}

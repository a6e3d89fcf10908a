//! Invitations to set up a first device; and how often an account was let pass without one.

use serde::{Deserialize, Serialize};
use twofold_shared::account::AccountId;
use twofold_shared::clock::UnixTime;
use twofold_shared::wire::SessionDigest;

use super::{decode, invalid, removal, write};
use crate::store::{Expect, Key, Space, Store, StoreError, Version, Write};

/// One invitation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invitation {
    /// SHA-256 of its code.
    pub digest: SessionDigest,
    /// Whose device it is for.
    pub account: AccountId,
    /// When it was made.
    pub created: UnixTime,
    /// When it is void.
    pub until: UnixTime,
    /// SHA-256 of what the browser holds that redeemed it.
    pub holder: Option<SessionDigest>,
}

impl Invitation {
    /// Whether it is good: also not when it was made in a time that has not come.
    #[must_use]
    pub fn is_good(&self, now: UnixTime) -> bool {
        self.created <= now && now < self.until
    }
}

#[derive(Serialize, Deserialize)]
struct StoredInvitation {
    account: [u8; 16],
    created: u64,
    until: u64,
    holder: Option<[u8; 32]>,
}

fn invitation_key(digest: &SessionDigest) -> Key {
    Key::new(Space::Invitation, digest.to_string())
}

fn invitation_of_key(account: &AccountId) -> Key {
    Key::new(Space::InvitationOf, account.to_string())
}

fn invitation(key: &Key, digest: SessionDigest, value: &[u8]) -> Result<Invitation, StoreError> {
    let stored: StoredInvitation = decode(key, value)?;
    Ok(Invitation {
        digest,
        account: AccountId(stored.account),
        created: UnixTime(stored.created),
        until: UnixTime(stored.until),
        holder: stored.holder.map(SessionDigest::from_bytes),
    })
}

/// The invitation whose code has this digest, whether it is over or not.
///
/// # Errors
/// As [`Store::get`], and [`StoreError::Record`] for a record that is not an invitation.
pub fn load_invitation(
    store: &Store,
    digest: &SessionDigest,
) -> Result<Option<(Invitation, Version)>, StoreError> {
    let key = invitation_key(digest);
    let Some(found) = store.get(&key)? else { return Ok(None) };
    Ok(Some((invitation(&key, *digest, &found.value)?, found.version)))
}

/// The one invitation of an account.
///
/// # Errors
/// As [`load_invitation`].
pub fn load_invitation_of(
    store: &Store,
    account: &AccountId,
) -> Result<Option<(Invitation, Version)>, StoreError> {
    let key = invitation_of_key(account);
    let Some(found) = store.get(&key)? else { return Ok(None) };
    let digest: [u8; 32] = decode(&key, &found.value)?;
    load_invitation(store, &SessionDigest::from_bytes(digest))
}

/// Up to `limit` invitations after `after`, in the order of their digests.
///
/// # Errors
/// As [`load_invitation`].
pub fn load_invitations(
    store: &Store,
    after: Option<&SessionDigest>,
    limit: usize,
) -> Result<Vec<(Invitation, Version)>, StoreError> {
    let found = store.scan(Space::Invitation, &[], after.map(invitation_key).as_ref(), limit)?;
    found
        .into_iter()
        .map(|(key, found)| {
            let digest =
                super::digest_of(&key).ok_or_else(|| invalid(&key, "its key is not an invitation's"))?;
            Ok((invitation(&key, digest, &found.value)?, found.version))
        })
        .collect()
}

/// Writes the invitation, and that it is its account's one.
///
/// # Errors
/// [`StoreError::Record`], never in practice.
pub fn invitation_writes(invitation: &Invitation, expect: Expect) -> Result<[Write; 2], StoreError> {
    let stored = StoredInvitation {
        account: invitation.account.0,
        created: invitation.created.0,
        until: invitation.until.0,
        holder: invitation.holder.map(|holder| *holder.as_bytes()),
    };
    Ok([
        write(invitation_key(&invitation.digest), &stored, expect)?,
        write(invitation_of_key(&invitation.account), invitation.digest.as_bytes(), Expect::Any)?,
    ])
}

/// Ends the invitation: used, replaced or over.
#[must_use]
pub fn invitation_removal(invitation: &Invitation, expect: Expect) -> [Write; 2] {
    [
        removal(invitation_key(&invitation.digest), expect),
        removal(invitation_of_key(&invitation.account), Expect::Any),
    ]
}

/// How often an account was let pass without a second factor before one was asked for, and the last session that was.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spared {
    /// How often.
    pub count: u32,
    /// The digest of the session, whose further looks count no more.
    pub last: [u8; 32],
}

fn spared_key(account: &AccountId) -> Key {
    Key::new(Space::Spared, account.to_string())
}

/// How often an account was spared so far, and what a write of it must expect.
///
/// # Errors
/// As [`Store::get`], and [`StoreError::Record`] for a record that is no such count.
pub fn load_spared(store: &Store, account: &AccountId) -> Result<(Spared, Expect), StoreError> {
    let key = spared_key(account);
    match store.get(&key)? {
        Some(found) => Ok((decode(&key, &found.value)?, Expect::Version(found.version))),
        None => Ok((Spared::default(), Expect::Absent)),
    }
}

/// Writes the count.
///
/// # Errors
/// [`StoreError::Record`], never in practice.
pub fn spared_write(account: &AccountId, spared: &Spared, expect: Expect) -> Result<Write, StoreError> {
    write(spared_key(account), spared, expect)
}

/// Forgets the count of an account that is no more.
#[must_use]
pub fn spared_removal(account: &AccountId) -> Write {
    removal(spared_key(account), Expect::Any)
}

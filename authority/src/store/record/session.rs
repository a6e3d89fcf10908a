//! Sessions, and the numbered news of those that ended.

use serde::{Deserialize, Serialize};
use twofold_shared::account::{AccountId, DeviceId};
use twofold_shared::clock::UnixTime;
use twofold_shared::name::{Name, Realm};
use twofold_shared::wire::{Level, SessionDigest};
use zeroize::Zeroizing;

use super::browser::BrowserId;
use super::{decode, encode, invalid, removal, write};
use crate::store::{Expect, Key, Space, Store, StoreError, Version, Write};

/// Records read at a time.
const PAGE: usize = 256;

/// A browser's session at the portal, or one of a site under it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// SHA-256 of its cookie.
    pub digest: SessionDigest,
    /// Whose.
    pub account: AccountId,
    /// The name signed in with.
    pub name: Name,
    /// How far they have proved who they are.
    pub level: Level,
    /// The site it is for; absent for the portal's own.
    pub site: Option<String>,
    /// The portal's session that a site's session lives under.
    pub parent: Option<SessionDigest>,
    /// When it began.
    pub created: UnixTime,
    /// When it was last used.
    pub seen: UnixTime,
    /// When the second factor was last passed in it.
    pub second_at: Option<UnixTime>,
    /// The device whose code that was; absent for a backup code.
    pub device: Option<DeviceId>,
    /// The browser on whose trust it rests, where it was raised without a code; and when the code was given on which
    /// that trust rests.
    pub trusted: Option<(BrowserId, UnixTime)>,
    /// What the browser says it is.
    pub browser: String,
    /// Address it began at, where known.
    pub source: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct StoredSession<'a> {
    account: [u8; 16],
    realm: &'a str,
    name: &'a str,
    second: bool,
    site: Option<&'a str>,
    parent: Option<[u8; 32]>,
    created: u64,
    seen: u64,
    second_at: Option<u64>,
    device: Option<[u8; 8]>,
    trusted: Option<([u8; 8], u64)>,
    browser: &'a str,
    source: Option<&'a str>,
}

fn session_key(digest: &SessionDigest) -> Key {
    Key::new(Space::Session, digest.to_string())
}

/// One session.
///
/// # Errors
/// As [`Store::get`], and [`StoreError::Record`] for a record that is not a session.
pub fn load_session(store: &Store, digest: &SessionDigest) -> Result<Option<(Session, Version)>, StoreError> {
    let key = session_key(digest);
    let Some(found) = store.get(&key)? else { return Ok(None) };
    Ok(Some((session(&key, *digest, &found.value)?, found.version)))
}

fn session(key: &Key, digest: SessionDigest, value: &[u8]) -> Result<Session, StoreError> {
    let stored: StoredSession<'_> = decode(key, value)?;
    let realm = Realm::parse(stored.realm).map_err(|error| invalid(key, error))?;
    Ok(Session {
        digest,
        account: AccountId(stored.account),
        name: Name::canonical(&realm, stored.name).map_err(|error| invalid(key, error))?,
        level: if stored.second { Level::Second } else { Level::First },
        site: stored.site.map(ToOwned::to_owned),
        parent: stored.parent.map(SessionDigest::from_bytes),
        created: UnixTime(stored.created),
        seen: UnixTime(stored.seen),
        second_at: stored.second_at.map(UnixTime),
        device: stored.device.map(DeviceId),
        trusted: stored.trusted.map(|(browser, at)| (BrowserId(browser), UnixTime(at))),
        browser: stored.browser.to_owned(),
        source: stored.source.map(ToOwned::to_owned),
    })
}

/// Up to `limit` sessions after `after`, in the order of their digests.
///
/// # Errors
/// As [`load_session`].
pub fn load_sessions(
    store: &Store,
    after: Option<&SessionDigest>,
    limit: usize,
) -> Result<Vec<(Session, Version)>, StoreError> {
    let found = store.scan(Space::Session, &[], after.map(session_key).as_ref(), limit)?;
    found
        .into_iter()
        .map(|(key, found)| {
            let digest = digest_of(&key).ok_or_else(|| invalid(&key, "its key is not a session's"))?;
            Ok((session(&key, digest, &found.value)?, found.version))
        })
        .collect()
}

/// The session whose record lies at `key`, as [`crate::store::Watch`] and scans give it.
#[must_use]
pub fn digest_of(key: &Key) -> Option<SessionDigest> {
    digest_in(key.name())
}

fn session_of_key(account: &AccountId, digest: &SessionDigest) -> Key {
    Key::new(Space::SessionOf, format!("{account}/{digest}"))
}

/// Every session of an account, as many as there are.
///
/// # Errors
/// As [`load_session`].
pub fn load_sessions_of(store: &Store, account: &AccountId) -> Result<Vec<(Session, Version)>, StoreError> {
    let prefix = format!("{account}/");
    let (mut sessions, mut after) = (Vec::new(), None);
    loop {
        let found = store.scan(Space::SessionOf, prefix.as_bytes(), after.as_ref(), PAGE)?;
        for (key, _) in &found {
            let digest = key.name().strip_prefix(prefix.as_bytes()).and_then(digest_in);
            let digest = digest.ok_or_else(|| invalid(key, "its key is not a session's"))?;
            sessions.extend(load_session(store, &digest)?);
        }
        match found.into_iter().last() {
            Some((last, _)) => after = Some(last),
            None => return Ok(sessions),
        }
    }
}

fn digest_in(hex: &[u8]) -> Option<SessionDigest> {
    let bytes = data_encoding::HEXLOWER.decode(hex).ok()?;
    Some(SessionDigest::from_bytes(bytes.try_into().ok()?))
}

/// Begins the session.
///
/// # Errors
/// [`StoreError::Record`], never in practice.
pub fn session_opening(session: &Session) -> Result<[Write; 2], StoreError> {
    let listed = Write {
        key: session_of_key(&session.account, &session.digest),
        expect: Expect::Absent,
        value: Some(Zeroizing::new(Vec::new())),
    };
    Ok([session_write(session, Expect::Absent)?, listed])
}

/// Writes the whole session.
///
/// # Errors
/// [`StoreError::Record`], never in practice.
pub fn session_write(session: &Session, expect: Expect) -> Result<Write, StoreError> {
    let stored = StoredSession {
        account: session.account.0,
        realm: session.name.realm().as_str(),
        name: session.name.name(),
        second: match session.level {
            Level::First => false,
            Level::Second => true,
        },
        site: session.site.as_deref(),
        parent: session.parent.map(|parent| *parent.as_bytes()),
        created: session.created.0,
        seen: session.seen.0,
        second_at: session.second_at.map(|at| at.0),
        device: session.device.map(|device| device.0),
        trusted: session.trusted.map(|(browser, at)| (browser.0, at.0)),
        browser: &session.browser,
        source: session.source.as_deref(),
    };
    write(session_key(&session.digest), &stored, expect)
}

/// Ends the session.
#[must_use]
pub fn session_ending(session: &Session, expect: Expect) -> [Write; 2] {
    let listed = removal(session_of_key(&session.account, &session.digest), Expect::Any);
    [removal(session_key(&session.digest), expect), listed]
}

// ---------------------------------------------------------------------------------------------------- ended

/// The sessions that ended under one number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// Their digests.
    pub sessions: Vec<SessionDigest>,
}

/// Which numbers are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EndedRange {
    /// The first one that is kept.
    pub oldest: u64,
    /// The last one given; below `oldest` when there is none.
    pub newest: u64,
}

fn ended_key(number: u64) -> Key {
    Key::new(Space::Revocation, format!("{number:020}"))
}

fn range_key() -> Key {
    Key::new(Space::Meta, "ended")
}

/// Which numbers there are, and what a write of the range must expect.
///
/// # Errors
/// As [`load_session`].
pub fn load_ended_range(store: &Store) -> Result<(EndedRange, Expect), StoreError> {
    let key = range_key();
    let Some(found) = store.get(&key)? else {
        return Ok((EndedRange { oldest: 1, newest: 0 }, Expect::Absent));
    };
    let (oldest, newest) = decode(&key, &found.value)?;
    Ok((EndedRange { oldest, newest }, Expect::Version(found.version)))
}

/// Writes the range.
///
/// # Errors
/// [`StoreError::Record`], never in practice.
pub fn ended_range_write(range: &EndedRange, expect: Expect) -> Result<Write, StoreError> {
    write(range_key(), &(range.oldest, range.newest), expect)
}

/// The range of a ledger that was put back from a copy: empty, and beyond every number that was given before.
pub(in crate::store) fn ended_range_restored(
    revision: Version,
) -> Result<(Key, Zeroizing<Vec<u8>>), StoreError> {
    let key = range_key();
    let value = encode(&key, &(revision.0.saturating_add(1), revision.0))?;
    Ok((key, value))
}

/// The sessions of one number, where it is kept.
///
/// # Errors
/// As [`load_session`].
pub fn load_ended(store: &Store, number: u64) -> Result<Option<Ended>, StoreError> {
    let key = ended_key(number);
    let Some(found) = store.get(&key)? else { return Ok(None) };
    let digests: Vec<[u8; 32]> = decode(&key, &found.value)?;
    Ok(Some(Ended { sessions: digests.into_iter().map(SessionDigest::from_bytes).collect() }))
}

/// Files sessions under a new number.
///
/// # Errors
/// [`StoreError::Record`], never in practice.
pub fn ended_write(number: u64, ended: &Ended) -> Result<Write, StoreError> {
    let digests: Vec<[u8; 32]> = ended.sessions.iter().map(|digest| *digest.as_bytes()).collect();
    write(ended_key(number), &digests, Expect::Absent)
}

/// Forgets a number.
#[must_use]
pub fn ended_removal(number: u64) -> Write {
    removal(ended_key(number), Expect::Any)
}

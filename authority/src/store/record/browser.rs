//! Browsers that an account is known by. Of their cookie there are only digests.

use serde::{Deserialize, Serialize};
use twofold_shared::account::AccountId;
use twofold_shared::browser::{Standing, Value, Values};
use twofold_shared::clock::UnixTime;
use twofold_shared::wire::SessionDigest;

use super::{decode, invalid, removal, write};
use crate::store::{Expect, Key, Space, Store, StoreError, Version, Write};

/// Records of one account read at a time: more than it may have.
const PAGE: usize = 256;

/// A browser's number within its account. It names the browser and opens nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BrowserId(pub [u8; 8]);

impl std::fmt::Display for BrowserId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&data_encoding::HEXLOWER.encode(&self.0))
    }
}

/// A browser in which a code of its account was once given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Browser {
    /// Its number.
    pub id: BrowserId,
    /// Whose.
    pub account: AccountId,
    /// The values of its cookie.
    pub values: Values,
    /// What it says it is.
    pub name: String,
    /// The address it was last used at, where known.
    pub source: Option<String>,
    /// When it first passed.
    pub created: UnixTime,
    /// When it last passed.
    pub seen: UnixTime,
    /// Whether it needs no code for a while.
    pub trust: Option<Trust>,
}

/// That a browser needs no code for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trust {
    /// When the code was given on which it rests.
    pub at: UnixTime,
    /// When it ends.
    pub until: UnixTime,
}

#[derive(Serialize, Deserialize)]
struct StoredBrowser<'a> {
    values: Vec<StoredValue>,
    name: &'a str,
    source: Option<&'a str>,
    created: u64,
    seen: u64,
    trust: Option<(u64, u64)>,
}

#[derive(Serialize, Deserialize)]
struct StoredValue {
    digest: [u8; 32],
    standing: StoredStanding,
}

#[derive(Serialize, Deserialize)]
enum StoredStanding {
    New,
    Presented,
    Left { at: u64 },
}

fn browser_key(account: &AccountId, id: &BrowserId) -> Key {
    Key::new(Space::Browser, format!("{account}/{id}"))
}

fn value_key(value: &SessionDigest) -> Key {
    Key::new(Space::BrowserValue, value.to_string())
}

fn parse_key(key: &Key) -> Option<(AccountId, BrowserId)> {
    let (account, id) = std::str::from_utf8(key.name()).ok()?.split_once('/')?;
    let id = data_encoding::HEXLOWER.decode(id.as_bytes()).ok()?.try_into().ok()?;
    Some((AccountId::parse(account).ok()?, BrowserId(id)))
}

fn browser(key: &Key, value: &[u8]) -> Result<Browser, StoreError> {
    let (account, id) = parse_key(key).ok_or_else(|| invalid(key, "its key is not a browser's"))?;
    let stored: StoredBrowser<'_> = decode(key, value)?;
    let values = stored.values.into_iter().map(|value| Value {
        digest: SessionDigest::from_bytes(value.digest),
        standing: match value.standing {
            StoredStanding::New => Standing::New,
            StoredStanding::Presented => Standing::Presented,
            StoredStanding::Left { at } => Standing::Left(UnixTime(at)),
        },
    });
    Ok(Browser {
        id,
        account,
        values: Values::new(values.collect()),
        name: stored.name.to_owned(),
        source: stored.source.map(ToOwned::to_owned),
        created: UnixTime(stored.created),
        seen: UnixTime(stored.seen),
        trust: stored.trust.map(|(at, until)| Trust { at: UnixTime(at), until: UnixTime(until) }),
    })
}

/// The browser whose cookie has, or had, this value: found at the same cost whatever account is asked for.
///
/// # Errors
/// As [`load_browsers_of`].
pub fn load_browser_with(
    store: &Store,
    value: &SessionDigest,
) -> Result<Option<(Browser, Version)>, StoreError> {
    let key = value_key(value);
    let Some(found) = store.get(&key)? else { return Ok(None) };
    let (account, id): ([u8; 16], [u8; 8]) = decode(&key, &found.value)?;
    let key = browser_key(&AccountId(account), &BrowserId(id));
    let Some(found) = store.get(&key)? else { return Ok(None) };
    Ok(Some((browser(&key, &found.value)?, found.version)))
}

/// Every browser of an account, by number.
///
/// # Errors
/// As [`Store::scan`], and [`StoreError::Record`] for a record that is not a browser.
pub fn load_browsers_of(store: &Store, account: &AccountId) -> Result<Vec<(Browser, Version)>, StoreError> {
    let found = store.scan(Space::Browser, format!("{account}/").as_bytes(), None, PAGE)?;
    found.into_iter().map(|(key, found)| Ok((browser(&key, &found.value)?, found.version))).collect()
}

/// Up to `limit` browsers of all accounts, after `after`.
///
/// # Errors
/// As [`load_browsers_of`].
pub fn load_browsers(
    store: &Store,
    after: Option<&Browser>,
    limit: usize,
) -> Result<Vec<(Browser, Version)>, StoreError> {
    let after = after.map(|browser| browser_key(&browser.account, &browser.id));
    let found = store.scan(Space::Browser, &[], after.as_ref(), limit)?;
    found.into_iter().map(|(key, found)| Ok((browser(&key, &found.value)?, found.version))).collect()
}

/// Writes the whole browser, and whose the values are that it has beyond those of `before`.
///
/// # Errors
/// [`StoreError::Record`], never in practice.
pub fn browser_writes(
    browser: &Browser,
    before: Option<(&Browser, Version)>,
) -> Result<Vec<Write>, StoreError> {
    let known = before.map_or(&[][..], |(before, _)| before.values.all());
    let is_in = |values: &[Value], digest: &SessionDigest| values.iter().any(|value| value.digest == *digest);
    let mut writes = Vec::new();
    for value in browser.values.all().iter().filter(|value| !is_in(known, &value.digest)) {
        let whose = (browser.account.0, browser.id.0);
        writes.push(write(value_key(&value.digest), &whose, Expect::Absent)?);
    }
    let gone = known.iter().filter(|value| !is_in(browser.values.all(), &value.digest));
    writes.extend(gone.map(|value| removal(value_key(&value.digest), Expect::Any)));
    let expect = before.map_or(Expect::Absent, |(_, version)| Expect::Version(version));
    writes.push(write(browser_key(&browser.account, &browser.id), &stored(browser), expect)?);
    Ok(writes)
}

fn stored(browser: &Browser) -> StoredBrowser<'_> {
    let values = browser.values.all().iter().map(|value| StoredValue {
        digest: *value.digest.as_bytes(),
        standing: match value.standing {
            Standing::New => StoredStanding::New,
            Standing::Presented => StoredStanding::Presented,
            Standing::Left(at) => StoredStanding::Left { at: at.0 },
        },
    });
    StoredBrowser {
        values: values.collect(),
        name: &browser.name,
        source: browser.source.as_deref(),
        created: browser.created.0,
        seen: browser.seen.0,
        trust: browser.trust.map(|trust| (trust.at.0, trust.until.0)),
    }
}

/// Forgets the browser and its values.
#[must_use]
pub fn browser_removal(browser: &Browser, expect: Expect) -> Vec<Write> {
    let values = browser.values.all().iter().map(|value| removal(value_key(&value.digest), Expect::Any));
    values.chain([removal(browser_key(&browser.account, &browser.id), expect)]).collect()
}

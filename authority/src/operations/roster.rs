//! The roster: every account by name, with just enough beside it to find a page of them without opening all.
//!
//! It is made from the ledger when it is first asked for, follows the ledger's changes from then on, and is dropped when
//! nobody has asked for a while. It decides nothing: what it finds is read from the ledger, and looked at again, before
//! it is told.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Bound;
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::Instant;
use twofold_shared::account::{Account, AccountId, Charge, Group};
use twofold_shared::clock::UnixTime;
use twofold_shared::name::Name;
use twofold_shared::wire::{AccountOrder, AccountState};

use super::people::is_system;
use crate::store::{Change, Key, Space, Store, StoreError, Watch, record};

/// Accounts read at a time.
const PAGE: usize = 1_000;

/// How often it takes in what has changed, so that it never misses any.
const FOLLOWS: Duration = Duration::from_millis(100);

/// How long it is kept after it was last asked.
const KEPT: Duration = Duration::from_secs(15 * 60);

/// The most accounts opened for one page: what the roster finds and the ledger denies costs time too.
const OPENED: usize = 500;

/// Backup codes of which it is said that they are few.
pub(super) const FEW_CODES: u8 = 3;

// What is known of an account besides its name. Lock and closing may be over by now; nothing else changes by itself.
const ENROLLED: u8 = 1;
const LOCKED: u8 = 1 << 1;
const CLOSED: u8 = 1 << 2;
const FEW: u8 = 1 << 3;
/// It is in charge of others.
const OPERATOR: u8 = 1 << 4;
/// It is the system's.
const SYSTEM: u8 = 1 << 5;
/// It stands under several names; this is the first of them.
const SEVERAL: u8 = 1 << 6;
const FIRST: u8 = 1 << 7;

/// What is looked for.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// What a name begins with.
    pub prefix: String,
    /// In which state.
    pub state: Option<AccountState>,
    /// In which order.
    pub order: AccountOrder,
    /// Where the page before ended.
    pub after: Option<Place>,
    /// How many.
    pub limit: usize,
    /// For whom: an operator; none: root, who sees everybody.
    pub charge: Option<Charge>,
}

/// A place between two accounts of a page, in any order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The account before it.
    id: AccountId,
    /// What it was sorted by: its name, or when it was used.
    by: String,
}

impl Place {
    /// Reads what [`std::fmt::Display`] wrote.
    pub fn parse(text: &str) -> Option<Self> {
        let (id, by) = text.split_once('.')?;
        Some(Self { id: AccountId::parse(id).ok()?, by: by.to_owned() })
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.id, self.by)
    }
}

/// A page.
#[derive(Debug, Default)]
pub struct Found {
    /// The accounts, as the ledger has them.
    pub accounts: Vec<Account>,
    /// Where the next page begins; none: this was the last.
    pub next: Option<Place>,
}

/// The roster, where it is there.
#[derive(Debug, Default)]
pub struct Roster(Mutex<Option<Live>>);

#[derive(Debug)]
struct Live {
    rows: Rows,
    accounts: Watch,
    names: Watch,
    asked: Instant,
}

impl Roster {
    /// A page of accounts.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn search(
        self: &Arc<Self>,
        store: &Store,
        wanted: &Wanted,
        now: UnixTime,
    ) -> Result<Found, StoreError> {
        let mut live = self.0.lock().await;
        let rows = self.current(store, &mut live, now).await?;
        rows.page(store, wanted, now)
    }

    /// Those in charge of others, by name.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn operators(self: &Arc<Self>, store: &Store) -> Result<Vec<Account>, StoreError> {
        let now = store.now().await?.time;
        let mut live = self.0.lock().await;
        let rows = self.current(store, &mut live, now).await?;
        let both = FIRST | OPERATOR;
        let first = rows.by_name.iter().filter(|(_, row)| row.flags & both == both);
        let mut found = Vec::new();
        for (key, _) in first {
            found.extend(record::load_account(store, &key.id)?.map(|(account, _)| account));
        }
        Ok(found)
    }

    /// The rows as the ledger is now: a commit that was answered before is in them.
    async fn current<'l>(
        self: &Arc<Self>,
        store: &Store,
        live: &'l mut Option<Live>,
        now: UnixTime,
    ) -> Result<&'l Rows, StoreError> {
        let followed = match live {
            Some(live) => live.follow(store, now)?,
            None => false,
        };
        if !followed {
            let is_new = live.is_none();
            *live = None;
            let all = store.clone();
            let made = tokio::task::spawn_blocking(move || Live::read(&all, now)).await;
            let made = made.map_err(|error| StoreError::Failed(error.to_string()))??;
            *live = Some(made);
            if is_new {
                tokio::spawn(keep_up(Arc::downgrade(self), store.clone()));
            }
        }
        match live {
            Some(live) => {
                live.asked = Instant::now();
                Ok(&live.rows)
            }
            None => Err(StoreError::Failed("the roster is gone".to_owned())),
        }
    }
}

#[cfg(test)]
impl Roster {
    /// Keeps it from looking at what changes.
    pub(super) async fn held(&self) -> impl Drop + '_ {
        self.0.lock().await
    }
}

/// Follows the ledger for as long as the roster is wanted.
async fn keep_up(roster: Weak<Roster>, store: Store) {
    loop {
        tokio::time::sleep(FOLLOWS).await;
        let Some(roster) = roster.upgrade() else { return };
        let Ok(now) = store.now().await else { return };
        let mut live = roster.0.lock().await;
        let keeps = match &mut *live {
            Some(live) if live.asked.elapsed() < KEPT => live.follow(&store, now.time).unwrap_or(false),
            Some(_) | None => false,
        };
        if !keeps {
            *live = None;
            return;
        }
    }
}

impl Live {
    fn read(store: &Store, now: UnixTime) -> Result<Self, StoreError> {
        // Before the first look, so that nothing falls between the two.
        let (accounts, names) = (store.watch(Space::Account, b""), store.watch(Space::Name, b""));
        let mut rows = Rows::default();
        let mut after = None;
        loop {
            let found = record::load_accounts(store, after.as_ref(), PAGE)?;
            let Some((last, _)) = found.last() else { break };
            after = Some(last.id);
            for (account, _) in &found {
                rows.put(account, now);
            }
        }
        Ok(Self { rows, accounts, names, asked: Instant::now() })
    }

    /// Takes in what has changed. False: more than can be told, so everything has to be read again.
    fn follow(&mut self, store: &Store, now: UnixTime) -> Result<bool, StoreError> {
        let (mut accounts, mut names) = (BTreeSet::new(), BTreeSet::new());
        for (watch, changed) in [(&mut self.accounts, &mut accounts), (&mut self.names, &mut names)] {
            while let Some(change) = watch.look() {
                match change {
                    Change::Keys(keys) => changed.extend(keys),
                    Change::Missed => return Ok(false),
                }
            }
        }
        for key in &names {
            self.rows.strike(store, &under(text_of_key(key)))?;
        }
        for key in &accounts {
            let id = std::str::from_utf8(key.name()).ok().and_then(|id| AccountId::parse(id).ok());
            let Some(id) = id else { continue };
            if let Some((account, _)) = record::load_account(store, &id)? {
                self.rows.put(&account, now);
            }
        }
        Ok(true)
    }
}

/// Where an account stands: under a name, in small letters and without its realm.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Under {
    text: Box<str>,
    id: AccountId,
}

/// What is known of an account under one of its names.
#[derive(Clone, Copy, Debug)]
struct Row {
    /// When it was last used, in seconds since the epoch; 0 for never.
    used: u32,
    /// Which groups it is in, as a number of [`Rows::groups`].
    groups: u32,
    flags: u8,
}

#[derive(Debug, Default)]
struct Rows {
    by_name: BTreeMap<Under, Row>,
    /// Every list of groups that an account has had, once.
    groups: Vec<Arc<[Group]>>,
    numbers: HashMap<Arc<[Group]>, u32>,
}

impl Rows {
    /// Enters an account under each of its names, or what is new about it.
    fn put(&mut self, account: &Account, now: UnixTime) {
        let texts = texts_of(account);
        let groups = self.number_of(&account.groups);
        let used = account.devices.iter().filter_map(|device| device.last_used.as_ref());
        let used = used.map(|used| used.at.0).max().unwrap_or(0);
        let used = u32::try_from(used).unwrap_or(u32::MAX);
        let several = if texts.len() > 1 { SEVERAL } else { 0 };
        let flags = flags_of(account, now) | several;
        for (index, text) in texts.into_iter().enumerate() {
            let flags = if index == 0 { flags | FIRST } else { flags };
            let key = Under { text: text.into_boxed_str(), id: account.id };
            self.by_name.insert(key, Row { used, groups, flags });
        }
    }

    /// Strikes out whoever stands under a name that they do not have any more.
    fn strike(&mut self, store: &Store, text: &str) -> Result<(), StoreError> {
        let from = Under { text: text.into(), id: AccountId([0; 16]) };
        let there = self.by_name.range(from..).take_while(|(key, _)| *key.text == *text);
        let there: Vec<Under> = there.map(|(key, _)| key.clone()).collect();
        for key in there {
            let account = record::load_account(store, &key.id)?;
            let stays = account.is_some_and(|(account, _)| texts_of(&account).iter().any(|own| own == text));
            if !stays {
                self.by_name.remove(&key);
            }
        }
        Ok(())
    }

    fn number_of(&mut self, groups: &[Group]) -> u32 {
        if let Some(number) = self.numbers.get(groups) {
            return *number;
        }
        let groups: Arc<[Group]> = groups.into();
        let number = u32::try_from(self.groups.len()).unwrap_or(u32::MAX);
        self.groups.push(Arc::clone(&groups));
        self.numbers.insert(groups, number);
        number
    }

    fn page(&self, store: &Store, wanted: &Wanted, now: UnixTime) -> Result<Found, StoreError> {
        let sieve = Sieve::new(self, wanted);
        let mut filling = Filling { store, wanted, now, found: Found::default(), opened: 0 };
        match wanted.order {
            AccountOrder::Name => {
                let start = match &wanted.after {
                    Some(after) => Bound::Excluded(Under { text: after.by.as_str().into(), id: after.id }),
                    None => {
                        Bound::Included(Under { text: wanted.prefix.as_str().into(), id: AccountId([0; 16]) })
                    }
                };
                let from = self.by_name.range((start, Bound::Unbounded));
                let from = from.take_while(|(key, _)| key.text.starts_with(&wanted.prefix));
                for (key, row) in from.filter(|(_, row)| sieve.takes(row)) {
                    let place = Place { id: key.id, by: key.text.to_string() };
                    if filling.is_full_with(place, row, Some(&key.text))? {
                        return Ok(filling.found);
                    }
                }
                filling.found.next = None;
            }
            AccountOrder::Recent | AccountOrder::Idle => {
                let (next, more) = self.by_use(wanted, &sieve);
                for (used, id, row) in next {
                    if filling.is_full_with(Place { id, by: used.to_string() }, &row, None)? {
                        return Ok(filling.found);
                    }
                }
                filling.found.next = filling.found.next.filter(|_| more);
            }
        }
        Ok(filling.found)
    }

    /// Those who are next in the order of use, each once under whatever name, and whether there are more.
    fn by_use(&self, wanted: &Wanted, sieve: &Sieve) -> (Vec<(u32, AccountId, Row)>, bool) {
        let recent = wanted.order == AccountOrder::Recent;
        // Turned round, so that the smallest comes first either way.
        let turned = |used: u32| if recent { u32::MAX - used } else { used };
        let after = wanted.after.as_ref();
        let after = after.and_then(|after| Some((turned(after.by.parse().ok()?), after.id)));
        let mut next: BTreeMap<(u32, AccountId), Row> = BTreeMap::new();
        let begin = Under { text: wanted.prefix.as_str().into(), id: AccountId([0; 16]) };
        let among = self.by_name.range(begin..);
        let among = among.take_while(|(key, _)| key.text.starts_with(&wanted.prefix));
        let most = OPENED.min(wanted.limit.saturating_mul(4)).saturating_add(1);
        let mut last = None;
        let mut more = false;
        for (key, row) in among {
            let place = (turned(row.used), key.id);
            let behind = last.is_some_and(|last| place > last);
            if behind || after.is_some_and(|after| place <= after) || !sieve.takes(row) {
                continue;
            }
            next.insert(place, *row);
            if next.len() > most {
                next.pop_last();
                more = true;
                last = next.last_key_value().map(|(place, _)| *place);
            }
        }
        (next.into_iter().map(|((used, id), row)| (turned(used), id, row)).collect(), more)
    }
}

/// What of a row is looked at before its account is opened.
struct Sieve {
    must: u8,
    must_not: u8,
    /// By number of groups, whether the reader is in charge of those; none: root.
    charged: Option<Vec<bool>>,
    /// Without a prefix everybody comes once, under their first name.
    firsts: bool,
}

impl Sieve {
    fn new(rows: &Rows, wanted: &Wanted) -> Self {
        let (must, must_not) = match wanted.state {
            None => (0, 0),
            Some(AccountState::Enrolled) => (ENROLLED, 0),
            Some(AccountState::NotEnrolled) => (0, ENROLLED),
            Some(AccountState::Locked) => (LOCKED, 0),
            Some(AccountState::Closed) => (CLOSED, 0),
            Some(AccountState::FewCodes) => (FEW, 0),
        };
        let hidden = if wanted.charge.is_some() { OPERATOR | SYSTEM } else { 0 };
        let charged = wanted.charge.as_ref();
        let charged = charged.map(|charge| rows.groups.iter().map(|groups| charge.has(groups)).collect());
        Self { must, must_not: must_not | hidden, charged, firsts: wanted.prefix.is_empty() }
    }

    fn takes(&self, row: &Row) -> bool {
        let charged = match &self.charged {
            None => true,
            Some(charged) => charged.get(row.groups as usize).is_some_and(|charged| *charged),
        };
        charged
            && row.flags & self.must == self.must
            && row.flags & self.must_not == 0
            && (!self.firsts || row.flags & FIRST != 0)
    }
}

/// A page as it fills up.
struct Filling<'s> {
    store: &'s Store,
    wanted: &'s Wanted,
    now: UnixTime,
    found: Found,
    opened: usize,
}

impl Filling<'_> {
    /// Opens the account at a place and takes it in, if it is what is wanted. True: there is no room for it, and the page
    /// ends before it.
    fn is_full_with(&mut self, place: Place, row: &Row, text: Option<&str>) -> Result<bool, StoreError> {
        if self.found.accounts.len() >= self.wanted.limit || self.opened >= OPENED {
            return Ok(true);
        }
        self.opened += 1;
        if let Some((account, _)) = record::load_account(self.store, &place.id)?
            && self.is_wanted(&account, row, text)
        {
            self.found.accounts.push(account);
        }
        self.found.next = Some(place);
        Ok(false)
    }

    fn is_wanted(&self, account: &Account, row: &Row, text: Option<&str>) -> bool {
        let Wanted { prefix, state, charge, .. } = self.wanted;
        if row.flags & SEVERAL != 0 && !prefix.is_empty() {
            // Under several names that fit it comes once: at the smallest.
            let fits = texts_of(account);
            let smallest = fits.iter().filter(|own| own.starts_with(prefix.as_str())).min();
            if text.is_some_and(|text| smallest.is_none_or(|smallest| smallest != text)) {
                return false;
            }
        }
        let flags = flags_of(account, self.now);
        let in_state = match state {
            None => true,
            Some(AccountState::Enrolled) => flags & ENROLLED != 0,
            Some(AccountState::NotEnrolled) => flags & ENROLLED == 0,
            Some(AccountState::Locked) => flags & LOCKED != 0,
            Some(AccountState::Closed) => flags & CLOSED != 0,
            Some(AccountState::FewCodes) => flags & FEW != 0,
        };
        in_state && charge.as_ref().is_none_or(|charge| charge.is_over(account) && flags & SYSTEM == 0)
    }
}

fn flags_of(account: &Account, now: UnixTime) -> u8 {
    let system = account.names.iter().any(|name| {
        name.name.realm().is_unix() && (name.name.name() == "root" || name.uid.is_some_and(is_system))
    });
    let all = [
        (ENROLLED, account.enrolled()),
        (LOCKED, account.is_locked(now)),
        (CLOSED, account.throttle.closed_to_strangers(now)),
        (FEW, account.enrolled() && account.backup_codes_left() <= FEW_CODES),
        (OPERATOR, account.charge.is_some()),
        (SYSTEM, system),
    ];
    all.into_iter().filter(|(_, is_so)| *is_so).fold(0, |flags, (flag, _)| flags | flag)
}

/// The names that an account stands under, the first one first, each once.
fn texts_of(account: &Account) -> Vec<String> {
    let mut texts: Vec<String> = Vec::with_capacity(1);
    for name in &account.names {
        let text = text_of(&name.name);
        if !texts.contains(&text) {
            texts.push(text);
        }
    }
    texts
}

fn text_of(name: &Name) -> String {
    under(name.name())
}

/// How a name, or the beginning of one, is looked for.
pub fn under(text: &str) -> String {
    text.trim().to_lowercase()
}

/// The name in the key of its record, without the realm.
fn text_of_key(key: &Key) -> &str {
    let name = std::str::from_utf8(key.name()).unwrap_or_default();
    name.split_once(':').map_or(name, |(_, name)| name)
}

//! The roster: every account by name, with just enough beside it to find a page of them without opening all.
//!
//! It is made from the ledger when it is first asked for, follows the ledger's changes from then on, and is dropped when
//! nobody has asked for a while. It decides nothing: what it finds is read from the ledger, and looked at again, before
//! it is told.

mod rows;

use std::collections::BTreeSet;
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::Instant;
use twofold_shared::account::{Account, AccountId, Charge};
use twofold_shared::clock::UnixTime;
use twofold_shared::name::Name;
use twofold_shared::wire::{AccountOrder, AccountState};

use self::rows::{CLOSED, ENROLLED, FEW, LOCKED, Rows, SYSTEM, View, flags_of};
use crate::store::{Change, Space, Store, StoreError, Watch, record};

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
        page(rows, store, wanted, now)
    }

    /// Those in charge of others, by name.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn operators(self: &Arc<Self>, store: &Store) -> Result<Vec<Account>, StoreError> {
        let now = store.now().await?.time;
        let mut live = self.0.lock().await;
        let rows = self.current(store, &mut live, now).await?;
        let mut found = Vec::new();
        for under in rows.operators() {
            found.extend(record::load_account(store, &under.id)?.map(|(account, _)| account));
        }
        Ok(found)
    }

    /// The rows as the ledger is now: a commit that was answered before is in them.
    async fn current<'l>(
        self: &Arc<Self>,
        store: &Store,
        live: &'l mut Option<Live>,
        now: UnixTime,
    ) -> Result<&'l mut Rows, StoreError> {
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
                Ok(&mut live.rows)
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
        let accounts = store.watch(Space::Account, b"");
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
        Ok(Self { rows, accounts, asked: Instant::now() })
    }

    /// Takes in what has changed. False: more than can be told, so everything has to be read again.
    fn follow(&mut self, store: &Store, now: UnixTime) -> Result<bool, StoreError> {
        let mut changed = BTreeSet::new();
        while let Some(change) = self.accounts.look() {
            match change {
                Change::Keys(keys) => changed.extend(keys),
                Change::Missed => return Ok(false),
            }
        }
        for key in &changed {
            let id = std::str::from_utf8(key.name()).ok().and_then(|id| AccountId::parse(id).ok());
            let Some(id) = id else { continue };
            match record::load_account(store, &id)? {
                Some((account, _)) => self.rows.put(&account, now),
                None => self.rows.strike(id),
            }
        }
        Ok(true)
    }
}

/// A page of those who are what is wanted. Whoever is not, though the rows say so, is entered as they are now: the next
/// look passes them by.
fn page(rows: &mut Rows, store: &Store, wanted: &Wanted, now: UnixTime) -> Result<Found, StoreError> {
    let mut filling = Filling { store, wanted, now, found: Found::default(), opened: 0, others: Vec::new() };
    let has_more = filling.fill(&rows.look(wanted))?;
    filling.others.iter().for_each(|account| rows.put(account, now));
    let next = filling.found.next.filter(|_| has_more);
    Ok(Found { next, ..filling.found })
}

/// A page as it fills up.
struct Filling<'s> {
    store: &'s Store,
    wanted: &'s Wanted,
    now: UnixTime,
    found: Found,
    opened: usize,
    /// Opened, and not in the state that is wanted.
    others: Vec<Account>,
}

impl Filling<'_> {
    /// Opens those who may be what is wanted, until the page is full. True: it is, and there may be more.
    fn fill(&mut self, view: &View<'_>) -> Result<bool, StoreError> {
        match self.wanted.order {
            AccountOrder::Name => {
                for under in view.by_name() {
                    let place = Place { id: under.id, by: under.text.to_string() };
                    if self.is_full_with(place, Some(&under.text))? {
                        return Ok(true);
                    }
                }
            }
            AccountOrder::Recent | AccountOrder::Idle => {
                for (used, id) in view.by_use() {
                    if self.is_full_with(Place { id, by: used.to_string() }, None)? {
                        return Ok(true);
                    }
                }
            }
        }
        Ok(false)
    }

    /// Opens the account at a place and takes it in, if it is what is wanted. True: there is no room for it, and the page
    /// ends before it.
    fn is_full_with(&mut self, place: Place, text: Option<&str>) -> Result<bool, StoreError> {
        if self.found.accounts.len() >= self.wanted.limit || self.opened >= OPENED {
            return Ok(true);
        }
        self.opened += 1;
        if let Some((account, _)) = record::load_account(self.store, &place.id)? {
            if self.is_wanted(&account, text) {
                self.found.accounts.push(account);
            } else if self.wanted.state.is_some() {
                self.others.push(account);
            }
        }
        self.found.next = Some(place);
        Ok(false)
    }

    fn is_wanted(&self, account: &Account, text: Option<&str>) -> bool {
        let Wanted { prefix, state, charge, .. } = self.wanted;
        if let Some(text) = text.filter(|_| account.names.len() > 1 && !prefix.is_empty()) {
            // Under several names that fit it comes once: at the smallest.
            let fits = texts_of(account);
            let smallest = fits.iter().filter(|own| own.starts_with(prefix.as_str())).min();
            if smallest.is_none_or(|smallest| smallest != text) {
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

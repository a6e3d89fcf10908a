//! The authority's state, for people and monitors; and root's word that the clock is right.

use std::sync::{Mutex, PoisonError};

use twofold_shared::trail::Action;
use twofold_shared::wire::{AcceptClock, CopyLedger, Done, GetInfo, Info, LedgerCopy};

use super::fault::{Outcome, internal};
use super::permission::Actor;
use super::told::COMMAND;
use crate::audit::{self, Entry};
use crate::authority::Authority;
use crate::store::{Commit, Key, Room, Space, Store, StoreError};

/// Records read at a time.
const PAGE: usize = 1000;

/// How many accounts there are: counted when first asked for, and kept from then on.
#[derive(Debug, Default)]
pub struct Count(Mutex<Option<u64>>);

impl Count {
    fn change(&self, change: impl FnOnce(u64) -> u64) {
        let mut count = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *count = count.map(change);
    }

    /// One more.
    pub fn added(&self) {
        self.change(|count| count.saturating_add(1));
    }

    /// One less.
    pub fn removed(&self) {
        self.change(|count| count.saturating_sub(1));
    }
}

impl Authority {
    /// The authority's state.
    pub(crate) async fn get_info(&self, _: GetInfo) -> Outcome<Info> {
        let known = *self.accounts.0.lock().unwrap_or_else(PoisonError::into_inner);
        let accounts = match known {
            Some(count) => count,
            None => {
                let store = self.store.clone();
                let counted = tokio::task::spawn_blocking(move || count(&store)).await;
                let counted = counted.map_err(|_| internal("counting the accounts failed"))?;
                let counted = counted.map_err(|error| self.failed(&error))?;
                *self.accounts.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(counted);
                counted
            }
        };
        Ok(Info {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            clock_trusted: self.now().await?.trusted(),
            disk_full: self.store.room() != Room::Plenty,
            accounts,
        })
    }

    /// Ends the doubt about the clock. It goes on when the disk is full: without it no code can be checked.
    pub(crate) async fn accept_clock(&self, actor: &Actor, _: AcceptClock) -> Outcome<Done> {
        let entry =
            Entry { actor: actor.name(), ..Entry::new(Action::ClockAccept, audit::Outcome::Done, COMMAND) };
        let commit = Commit { audit: vec![entry], essential: true, accept_clock: true, ..Commit::default() };
        self.store.commit(commit).await.map_err(|error| self.failed(&error))?;
        Ok(Done {})
    }
}

impl Authority {
    /// Writes a copy of the ledger. That it was made is told first, so that the copy tells it too.
    pub(crate) async fn copy_ledger(&self, actor: &Actor, _: CopyLedger) -> Outcome<LedgerCopy> {
        let entry =
            Entry { actor: actor.name(), ..Entry::new(Action::LedgerCopy, audit::Outcome::Done, COMMAND) };
        let commit = Commit { audit: vec![entry], ..Commit::default() };
        self.store.commit(commit).await.map_err(|error| self.failed(&error))?;
        let copied = self.store.copy().await.map_err(|error| self.failed(&error))?;
        let path = copied.path.display().to_string();
        Ok(LedgerCopy { path, revision: copied.revision.0, records: copied.records })
    }
}

fn count(store: &Store) -> Result<u64, StoreError> {
    let (mut count, mut after): (u64, Option<Key>) = (0, None);
    loop {
        let found = store.scan(Space::Account, b"", after.as_ref(), PAGE)?;
        count += found.len() as u64;
        match found.into_iter().last() {
            Some((last, _)) => after = Some(last),
            None => return Ok(count),
        }
    }
}

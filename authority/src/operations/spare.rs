//! Signing in without a second factor for a while longer: before a deadline of the gate's, so many times.
//!
//! The gate says how many; how often it was, the ledger knows. A session counts once.

use twofold_shared::trail::Action;
use twofold_shared::wire::{Level, SpareSession, SparedSession};

use super::fault::{Outcome, busy};
use super::raise::gone;
use super::session::TRIES;
use super::told::PORTAL;
use crate::audit::{Entry, Outcome as Ended};
use crate::authority::Authority;
use crate::store::record::{self, Spared};
use crate::store::{Commit, StoreError};

impl Authority {
    /// Lets a session pass once more.
    pub(crate) async fn spare_session(&self, request: SpareSession) -> Outcome<SparedSession> {
        let SpareSession { nonce, session, most } = request;
        for _ in 0..TRIES {
            let live = self.live(&session, None, self.now().await?.time)?.ok_or_else(gone)?;
            if live.account.enrolled() || live.session.level != Level::First {
                return Ok(SparedSession { left: None });
            }
            let account = live.account.id;
            let (spared, expect) =
                record::load_spared(&self.store, &account).map_err(|error| self.failed(&error))?;
            if spared.last == *session.as_bytes() && spared.count > 0 {
                return Ok(SparedSession { left: Some(most.saturating_sub(spared.count)) });
            }
            if spared.count >= most {
                return Ok(SparedSession { left: None });
            }
            let spared = Spared { count: spared.count.saturating_add(1), last: *session.as_bytes() };
            let write =
                record::spared_write(&account, &spared, expect).map_err(|error| self.failed(&error))?;
            let entry = Entry {
                account: Some(account),
                name: Some(live.session.name.to_string()),
                source: live.session.source.clone(),
                request: Some(nonce.to_string()),
                ..Entry::new(Action::Spare, Ended::Approved, PORTAL)
            };
            let commit =
                Commit { writes: vec![write], audit: vec![entry], essential: true, ..Commit::default() };
            match self.store.commit(commit).await {
                Ok(_) => return Ok(SparedSession { left: Some(most.saturating_sub(spared.count)) }),
                Err(StoreError::Conflict) => {}
                Err(error) => return Err(self.failed(&error)),
            }
        }
        Err(busy())
    }
}

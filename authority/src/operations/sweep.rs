//! What has expired is removed: sessions that outlived their limits, browsers that nobody used for
//! long, graces that are over, enrolments that nobody confirmed, invitations and emergency codes that nobody used, API keys
//! whose end is long over.
//!
//! Nothing depends on it: whoever reads them judges for themselves. It only keeps the ledger small.

use std::sync::Weak;
use std::time::Duration;

use twofold_shared::clock::UnixTime;

use super::browser::forgotten;
use super::session::expired;
use super::watch::Endings;
use crate::config::Sessions;
use crate::store::record;
use crate::store::{Commit, Expect, Store, StoreError, Write};

/// How often.
const EVERY: Duration = Duration::from_secs(300);

/// How long an API key stays in its owner's list after its end, in seconds: so they see why it opens nothing.
const API_KEY_KEPT: u64 = 30 * 24 * 3600;

/// Records read at a time.
const PAGE: usize = 256;

/// Sweeps for as long as the authority lives.
pub(crate) async fn sweep_forever(endings: Weak<Endings>, limits: Sessions) {
    loop {
        tokio::time::sleep(EVERY).await;
        let Some(endings) = Weak::upgrade(&endings) else { return };
        if let Err(error) = sweep(&endings, limits).await {
            log::warn!("what has expired cannot be removed: {error}");
        }
    }
}

/// Removes what has expired; what another commit changed meanwhile is left for the next time.
pub(super) async fn sweep(endings: &Endings, limits: Sessions) -> Result<(), StoreError> {
    sweep_sessions(endings, limits).await?;
    sweep_browsers(&endings.store).await?;
    sweep_graces(&endings.store).await?;
    sweep_invitations(&endings.store).await?;
    sweep_enrolments(&endings.store).await?;
    sweep_login_enrolments(&endings.store).await?;
    sweep_api_keys(endings).await?;
    sweep_emergency_codes(&endings.store).await
}

/// What another commit changed meanwhile is left for the next time.
async fn remove(store: &Store, writes: Vec<Write>) -> Result<(), StoreError> {
    match store.commit(Commit { writes, ..Commit::default() }).await {
        Ok(_) | Err(StoreError::Conflict) => Ok(()),
        Err(error) => Err(error),
    }
}

async fn sweep_browsers(store: &Store) -> Result<(), StoreError> {
    let mut after = None;
    loop {
        let now = store.now().await?.time;
        let found = record::load_browsers(store, after.as_ref(), PAGE)?;
        let Some((last, _)) = found.last() else { return Ok(()) };
        after = Some(last.clone());
        for (browser, version) in found.iter().filter(|(browser, _)| forgotten(browser, now)) {
            remove(store, record::browser_removal(browser, Expect::Version(*version))).await?;
        }
    }
}

async fn sweep_graces(store: &Store) -> Result<(), StoreError> {
    let mut after = None;
    loop {
        let now = store.now().await?.time;
        let found = record::load_graces(store, after.as_ref(), PAGE)?;
        let Some((last, _)) = found.last() else { return Ok(()) };
        after = Some(last.clone());
        for (grace, version) in found.iter().filter(|(grace, _)| now >= grace.until || now < grace.at) {
            remove(store, vec![record::grace_removal(grace, Expect::Version(*version))]).await?;
        }
    }
}

async fn sweep_sessions(endings: &Endings, limits: Sessions) -> Result<(), StoreError> {
    let store = &endings.store;
    let mut after = None;
    loop {
        let now = store.now().await?.time;
        let found = record::load_sessions(store, after.as_ref(), PAGE)?;
        let Some((last, _)) = found.last() else { return Ok(()) };
        after = Some(last.digest);
        for (session, version) in found.iter().filter(|(session, _)| expired(session, limits, now)) {
            let writes = record::session_ending(session, Expect::Version(*version)).to_vec();
            let commit = Commit { writes, ..Commit::default() };
            // The gate is told, though it knows the limits: its clock may be another.
            match endings.commit(commit, &[session.digest]).await {
                Ok(_) | Err(StoreError::Conflict) => {}
                Err(error) => return Err(error),
            }
        }
    }
}

async fn sweep_invitations(store: &Store) -> Result<(), StoreError> {
    let mut after = None;
    loop {
        let now = store.now().await?.time;
        let found = record::load_invitations(store, after.as_ref(), PAGE)?;
        let Some((last, _)) = found.last() else { return Ok(()) };
        after = Some(last.digest);
        for (invitation, version) in found.iter().filter(|(invitation, _)| !invitation.is_good(now)) {
            let writes = record::invitation_removal(invitation, Expect::Version(*version)).to_vec();
            match store.commit(Commit { writes, ..Commit::default() }).await {
                Ok(_) | Err(StoreError::Conflict) => {}
                Err(error) => return Err(error),
            }
        }
    }
}

async fn sweep_enrolments(store: &Store) -> Result<(), StoreError> {
    let mut after = None;
    loop {
        let now = store.now().await?.time;
        let found = record::load_enrolments(store, after.as_ref(), PAGE)?;
        let Some((last, ..)) = found.last() else { return Ok(()) };
        after = Some(*last);
        for (id, _, version) in found.iter().filter(|(_, pending, _)| pending.expired(now)) {
            remove(store, vec![record::enrolment_removal(id, Expect::Version(*version))]).await?;
        }
    }
}

async fn sweep_login_enrolments(store: &Store) -> Result<(), StoreError> {
    let mut after = None;
    loop {
        let now = store.now().await?.time;
        let found = record::load_login_enrolments(store, after.as_ref(), PAGE)?;
        let Some((last, _)) = found.last() else { return Ok(()) };
        after = Some(last.pending.account);
        for (enrolment, version) in found.iter().filter(|(enrolment, _)| enrolment.pending.expired(now)) {
            let account = &enrolment.pending.account;
            remove(store, vec![record::login_enrolment_removal(account, Expect::Version(*version))]).await?;
        }
    }
}

async fn sweep_api_keys(endings: &Endings) -> Result<(), StoreError> {
    let store = &endings.store;
    let mut after = None;
    loop {
        let now = store.now().await?;
        // A clock that jumped a year ahead must not end what is in use.
        if !now.trusted() {
            return Ok(());
        }
        let kept_from = UnixTime(now.time.0.saturating_sub(API_KEY_KEPT));
        let found = record::load_api_keys(store, after.as_ref(), PAGE)?;
        let Some((last, _)) = found.last() else { return Ok(()) };
        after = Some(last.id);
        for (api_key, version) in found.iter().filter(|(api_key, _)| api_key.expired(kept_from)) {
            let writes = record::api_key_removal(api_key, Expect::Version(*version)).to_vec();
            let commit = Commit { writes, ..Commit::default() };
            match endings.commit(commit, &[api_key.digest]).await {
                Ok(_) | Err(StoreError::Conflict) => {}
                Err(error) => return Err(error),
            }
        }
    }
}

async fn sweep_emergency_codes(store: &Store) -> Result<(), StoreError> {
    let mut after = None;
    loop {
        let now = store.moment();
        let found = record::load_emergencies(store, after.as_ref(), PAGE)?;
        let Some((last, _)) = found.last() else { return Ok(()) };
        after = Some(last.account);
        for (emergency, version) in found.iter().filter(|(emergency, _)| emergency.expired(&now)) {
            remove(store, vec![record::emergency_removal(&emergency.account, Expect::Version(*version))])
                .await?;
        }
    }
}

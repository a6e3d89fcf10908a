//! `twofoldd --restore` and `--check-copy`: a ledger from a copy, and whether a copy is whole.
//!
//! A ledger that is there is never touched: whoever restores moves it away first.

use std::fs::File;
use std::io::{self, BufReader};
use std::path::{Path, PathBuf};
use twofold_shared::trail::{Action, By};

use crate::audit::{Entry, Outcome};
use crate::config::Config;
use crate::init::{InitError, become_owner, prepare};
use crate::keyring::{Keyring, KeyringError, Place};
use crate::operations::COMMAND;
use crate::store::{Commit, CopyError, OpenError, Options, Store, StoreError};
use crate::system_clock::SystemClock;

/// Why nothing was restored, or a copy is no good.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// Folders and users.
    #[error(transparent)]
    Init(#[from] InitError),
    /// The keyring.
    #[error(transparent)]
    Keyring(#[from] KeyringError),
    /// The ledger.
    #[error(transparent)]
    Ledger(#[from] OpenError),
    /// The copy.
    #[error("{}: {}", .0.display(), .1)]
    Copy(PathBuf, #[source] CopyError),
    /// The new ledger does not take a first commit.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The copy, or what the system keeps, cannot be read.
    #[error("{}: {}", .0.display(), .1)]
    Io(PathBuf, #[source] io::Error),
}

fn about(path: &Path) -> impl FnOnce(io::Error) -> RestoreError {
    move |error| RestoreError::Io(path.to_owned(), error)
}

/// Opens every record of a copy with the keys that are here.
///
/// # Errors
/// [`RestoreError`], which says which page is bad or which key is missing.
pub fn check(config: &Config, copy: &Path, owner: Option<&str>) -> Result<(), RestoreError> {
    let mut file = BufReader::new(File::open(copy).map_err(about(copy))?);
    become_owner(owner)?;
    let keyring = Keyring::load(&config.keys, Place::Folder)?;
    let found =
        Store::check_copy(&keyring, &mut file).map_err(|error| RestoreError::Copy(copy.to_owned(), error))?;
    log::info!("{}: whole, with {} accounts in {} records", copy.display(), found.accounts, found.records);
    Ok(())
}

/// Makes the ledger from a copy, and writes into it that this was done.
///
/// # Errors
/// [`RestoreError`]; a ledger that is there already is left alone.
pub fn restore(config: &Config, copy: &Path, owner: Option<&str>) -> Result<(), RestoreError> {
    // Before this becomes somebody who may not read it.
    let mut file = BufReader::new(File::open(copy).map_err(about(copy))?);
    prepare(config, owner)?;
    let keyring = Keyring::load(&config.keys, Place::Folder)?;
    let clock = SystemClock::new().map_err(about(Path::new("/proc")))?;
    let options = Options::new(&config.ledger);
    let found = Store::restore(&options, &keyring, &clock, &mut file)?;
    let store = Store::open(&options, keyring.into(), std::sync::Arc::new(clock), None)?;
    let entry = Entry {
        actor: Some(By::Root.to_string()),
        ..Entry::new(Action::LedgerRestore, Outcome::Done, COMMAND)
    };
    let runtime = tokio::runtime::Builder::new_current_thread().build().map_err(about(copy))?;
    runtime.block_on(async {
        store.commit(Commit { audit: vec![entry], ..Commit::default() }).await?;
        store.close().await;
        Ok::<(), StoreError>(())
    })?;
    log::info!(
        "{} accounts are back. Backup codes and sessions are gone, and codes that phones show now are not taken: the next \
         but one is",
        found.accounts
    );
    Ok(())
}

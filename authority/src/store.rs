//! The ledger: `get`, `scan`, `commit`, `watch`.
//!
//! A handle that is cheap to clone. Everything is written by one thread ([`writer`]): it drains a queue, checks what
//! each commit expects, writes the batch, flushes once and only then answers. So an answer that left was on disk, and
//! two commits that expect the same version can never both pass. Values are sealed ([`seal`]) before they reach sled;
//! nothing outside this module knows that there is a sled.

use std::sync::{Arc, RwLock};

use tokio::sync::{broadcast, mpsc, oneshot, watch};
use twofold_shared::clock::{self, ClockState, UnixTime};
use zeroize::Zeroizing;

use crate::audit::{Entry, Event, Position, Syslog};
use crate::keyring::Keyring;
use crate::system_clock::Clock;

mod copy;
mod copying;
mod format;
mod key;
mod keys;
mod open;
mod plan;
pub mod record;
mod reserve;
mod retention;
mod seal;
mod sled;
mod snapshot;
mod state;
mod witness;
mod writer;

pub use copy::{Copied, CopyError, Restored};
pub use key::{Key, Space};
pub use keys::{Looked, Piece};
pub use open::{OpenError, Options};
pub use reserve::{ReserveSize, Room};
pub use retention::Retention;
pub use seal::SealError;

use keys::Keys;
use seal::Sealer;
use sled::Tree;
use state::State;

/// When a record was last written: the ledger's revision then. Never given twice, not even to a record that was removed
/// and made again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Version(pub(crate) u64);

/// A record's value and version.
#[derive(Clone, Debug)]
pub struct Versioned {
    /// The value, opened. Wiped on drop.
    pub value: Zeroizing<Vec<u8>>,
    /// For [`Expect::Version`].
    pub version: Version,
}

/// What a write expects to find; otherwise the whole commit is a [`StoreError::Conflict`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expect {
    /// No record.
    Absent,
    /// The record as it was read.
    Version(Version),
    /// Whatever there is.
    Any,
}

/// One record to write.
#[derive(Clone)]
pub struct Write {
    /// Where.
    pub key: Key,
    /// What must be there.
    pub expect: Expect,
    /// The value; `None` removes the record.
    pub value: Option<Zeroizing<Vec<u8>>>,
}

/// What is written together: all of it or nothing, on disk before the answer.
#[derive(Clone, Default)]
pub struct Commit {
    /// The records.
    pub writes: Vec<Write>,
    /// What the audit trail tells of it.
    pub audit: Vec<Entry>,
    /// Whether it goes on when the disk is nearly full: consuming a code, counting a failure.
    pub essential: bool,
    /// Whether a power cut may take it back: a code's step or a failed guess is worth nothing minutes later, when the
    /// machine is up again. Everything else is synchronised before its answer.
    pub fleeting: bool,
    /// Root says that the wall clock is right.
    pub accept_clock: bool,
}

/// A commit that is on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Committed {
    /// The version that each of its records has now.
    pub version: Version,
}

/// Why the store did not do it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// Something expected was not so: read again, decide again.
    #[error("another commit came first")]
    Conflict,
    /// Only essential commits are taken.
    #[error("the disk is full")]
    DiskFull,
    /// The storage failed; the process ends.
    #[error("the ledger failed: {0}")]
    Failed(String),
    /// A value does not open.
    #[error(transparent)]
    Sealed(#[from] SealError),
    /// A value opens but is not a record of its kind.
    #[error("the record at {key:?} cannot be read: {what}")]
    Record {
        /// Where.
        key: Key,
        /// Why.
        what: String,
    },
}

/// The time, and whether codes can be checked by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now {
    /// The wall clock.
    pub time: UnixTime,
    /// What the clock rule says of it.
    pub state: ClockState,
}

impl Now {
    /// Whether codes from an app can be checked.
    #[must_use]
    pub fn trusted(&self) -> bool {
        self.state.trusted()
    }
}

/// A moment on the boot clock, which nobody can set and which counts through suspend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moment {
    /// Which start of the machine.
    pub boot_id: String,
    /// Milliseconds since then.
    pub boottime_ms: u64,
}

impl Moment {
    /// How many milliseconds have passed since `earlier`; none across a start of the machine.
    #[must_use]
    pub fn since_ms(&self, earlier: &Self) -> Option<u64> {
        let same = self.boot_id == earlier.boot_id;
        self.boottime_ms.checked_sub(earlier.boottime_ms).filter(|_| same)
    }
}

/// The ledger's handle.
#[derive(Clone)]
pub struct Store {
    core: Arc<Core>,
    queue: mpsc::Sender<writer::Job>,
}

/// What the handles and the writer have in common. The queue is not in it: it ends with the last handle.
struct Core {
    tree: Tree,
    /// Replaced by the writer alone, between two batches.
    keys: RwLock<Arc<Keys>>,
    clock: Arc<dyn Clock>,
    /// The ledger's own record, as the last commit left it.
    state: RwLock<Arc<State>>,
    changes: broadcast::Sender<Arc<[Key]>>,
    room: watch::Sender<Room>,
    failure: watch::Sender<Option<String>>,
    /// Holds the lock on the folder. Last: it goes after the database.
    _lock: open::Lock,
}

impl Store {
    /// Makes an empty ledger, for whoever runs this.
    ///
    /// # Errors
    /// [`OpenError::Exists`] when there is one: nothing is ever overwritten.
    pub fn create(options: &Options, keyring: &Keyring, clock: &dyn Clock) -> Result<(), OpenError> {
        open::create(options, keyring, clock)
    }

    /// Opens the ledger and starts its writer. What cannot be opened is left as it is.
    ///
    /// # Errors
    /// [`OpenError`], which says what to do.
    pub fn open(
        options: &Options,
        keyring: Arc<Keyring>,
        clock: Arc<dyn Clock>,
        syslog: Option<Syslog>,
    ) -> Result<Self, OpenError> {
        open::open(options, keyring, clock, syslog)
    }

    /// One record.
    ///
    /// # Errors
    /// [`StoreError::Sealed`] for a value that does not open, [`StoreError::Failed`] for failing storage.
    pub fn get(&self, key: &Key) -> Result<Option<Versioned>, StoreError> {
        self.opened(|| {
            let sealed = self.core.tree.get(key).map_err(failed)?;
            sealed.map(|sealed| self.unseal(key, &sealed)).transpose()
        })
    }

    /// Up to `limit` records of `space` whose names begin with `prefix`, in order, after `after`.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub fn scan(
        &self,
        space: Space,
        prefix: &[u8],
        after: Option<&Key>,
        limit: usize,
    ) -> Result<Vec<(Key, Versioned)>, StoreError> {
        self.opened(|| {
            let found = self.core.tree.scan(space, prefix, after, limit).map_err(failed)?;
            let opened = found.into_iter().map(|(key, sealed)| {
                let opened = self.unseal(&key, &sealed)?;
                Ok((key, opened))
            });
            opened.collect()
        })
    }

    /// Reads; once more where a value was read just before the key that sealed it was let go.
    fn opened<T>(&self, read: impl Fn() -> Result<T, StoreError>) -> Result<T, StoreError> {
        match read() {
            Err(StoreError::Sealed(SealError::UnknownKey { .. })) => read(),
            read => read,
        }
    }

    /// The keys are looked up after the value was read: what is there was sealed with a key that is known by then.
    fn unseal(&self, key: &Key, sealed: &[u8]) -> Result<Versioned, StoreError> {
        let (version, value) = self.core.keys().sealer.open(key, sealed)?;
        Ok(Versioned { value, version })
    }

    /// Writes all of it or nothing, and returns once it is on disk.
    ///
    /// # Errors
    /// [`StoreError`]; after anything but [`StoreError::Failed`] nothing of it was written.
    pub async fn commit(&self, commit: Commit) -> Result<Committed, StoreError> {
        let (answer, answered) = oneshot::channel();
        let job = writer::Job::Commit(Box::new(commit), answer);
        self.queue.send(job).await.map_err(|_| self.gone())?;
        answered.await.map_err(|_| self.gone())?
    }

    fn gone(&self) -> StoreError {
        let failure = self.core.failure.borrow().clone();
        StoreError::Failed(failure.unwrap_or_else(|| "it is being closed".to_owned()))
    }

    /// The time and whether it can be believed. Costs no write, unless the clock has just been settled: then that is on
    /// disk first, for accounts are read differently from then on.
    ///
    /// # Errors
    /// As [`Self::commit`].
    pub async fn now(&self) -> Result<Now, StoreError> {
        let reading = self.core.clock.now();
        let (_, state) = clock::look(&self.core.state().clock, &reading);
        if state == ClockState::Settled {
            self.commit(Commit { essential: true, ..Commit::default() }).await?;
        }
        Ok(Now { time: reading.now(), state })
    }

    /// Now, by the clock that nobody can set.
    #[must_use]
    pub fn moment(&self) -> Moment {
        let reading = self.core.clock.now();
        Moment { boot_id: reading.boot_id, boottime_ms: reading.boottime_ms }
    }

    /// The keys that commits change from now on.
    #[must_use]
    pub fn watch(&self, space: Space, prefix: &[u8]) -> Watch {
        Watch { changes: self.core.changes.subscribe(), prefix: Key::new(space, prefix) }
    }

    /// Up to `limit` events of the audit trail after `after`, oldest first.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub fn audit(&self, after: Option<Position>, limit: usize) -> Result<Vec<(Position, Event)>, StoreError> {
        let after = after.map(|position| Key::new(Space::Audit, position.to_bytes()));
        let found = self.scan(Space::Audit, &[], after.as_ref(), limit)?;
        found.iter().map(|(key, found)| record::event(key, &found.value)).collect()
    }

    /// Up to `limit` events of the audit trail before `before`, the newest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn audit_before(
        &self,
        before: Option<Position>,
        limit: usize,
    ) -> Result<Vec<(Position, Event)>, StoreError> {
        let before = before.map(|position| Key::new(Space::Audit, position.to_bytes()));
        self.opened(|| {
            let found = self.core.tree.scan_back(Space::Audit, before.as_ref(), limit).map_err(failed)?;
            let opened = found.into_iter().map(|(key, sealed)| {
                let opened = self.unseal(&key, &sealed)?;
                record::event(&key, &opened.value)
            });
            opened.collect()
        })
    }

    /// The keyring that the ledger is sealed with: its peppers are for the hashes of backup codes.
    #[must_use]
    pub fn keyring(&self) -> Arc<Keyring> {
        Arc::clone(&self.core.keys().keyring)
    }

    /// The room on the disk, as the last batch saw it.
    #[must_use]
    pub fn room(&self) -> Room {
        *self.core.room.borrow()
    }

    /// Waits until the storage fails, and says how. The process must end then: what is in memory may not be on disk.
    pub async fn failed(&self) -> String {
        let mut failure = self.core.failure.subscribe();
        let failed = failure.wait_for(Option::is_some).await;
        failed.ok().and_then(|failed| failed.clone()).unwrap_or_else(|| "the writer is gone".to_owned())
    }

    /// Writes a sealed copy of everything beside the database, as it is between two batches. Commits do not wait for it.
    ///
    /// # Errors
    /// [`StoreError::DiskFull`] where there is no room for it, and as [`Self::commit`].
    pub async fn copy(&self) -> Result<Copied, StoreError> {
        let (answer, answered) = oneshot::channel();
        self.queue.send(writer::Job::Copy(answer, self.queue.downgrade())).await.map_err(|_| self.gone())?;
        answered.await.map_err(|_| self.gone())?
    }

    /// Makes a ledger from a copy, where there is none. See [`copy`] for what is different in it.
    ///
    /// # Errors
    /// [`OpenError::Exists`] when there is one, [`OpenError::Copy`] for a copy that is damaged or another keyring's.
    pub fn restore(
        options: &Options,
        keyring: &Keyring,
        clock: &dyn Clock,
        copy: &mut dyn std::io::Read,
    ) -> Result<Restored, OpenError> {
        open::restore(options, keyring, clock, copy)
    }

    /// Reads a copy to its end, and changes nothing.
    ///
    /// # Errors
    /// [`CopyError`].
    pub fn check_copy(keyring: &Keyring, copy: &mut dyn std::io::Read) -> Result<Restored, CopyError> {
        copy::check(&Sealer::new(keyring), copy)
    }

    /// Takes nothing more, finishes what was taken, and returns when it is on disk and the writer has ended.
    pub async fn close(&self) {
        let (answer, ended) = oneshot::channel();
        if self.queue.send(writer::Job::Stop(answer)).await.is_ok() {
            let _ = ended.await;
        }
    }
}

fn failed(error: sled::TreeError) -> StoreError {
    StoreError::Failed(error.to_string())
}

impl Core {
    fn keys(&self) -> Arc<Keys> {
        Arc::clone(&self.keys.read().unwrap_or_else(std::sync::PoisonError::into_inner))
    }

    fn state(&self) -> Arc<State> {
        Arc::clone(&self.state.read().unwrap_or_else(std::sync::PoisonError::into_inner))
    }
}

/// What a [`Watch`] saw.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// These records changed, in one batch.
    Keys(Vec<Key>),
    /// Too much changed at once: read everything again.
    Missed,
}

/// Follows the changes under a prefix.
#[derive(Debug)]
pub struct Watch {
    changes: broadcast::Receiver<Arc<[Key]>>,
    prefix: Key,
}

impl Watch {
    /// Waits for the next change; `None` when the store has closed.
    pub async fn next(&mut self) -> Option<Change> {
        loop {
            let keys = match self.changes.recv().await {
                Ok(keys) => keys,
                Err(broadcast::error::RecvError::Lagged(_)) => return Some(Change::Missed),
                Err(broadcast::error::RecvError::Closed) => return None,
            };
            let ours = keys.iter().filter(|key| key.as_bytes().starts_with(self.prefix.as_bytes()));
            let ours: Vec<Key> = ours.cloned().collect();
            if !ours.is_empty() {
                return Some(Change::Keys(ours));
            }
        }
    }

    /// What has changed since the last look, without waiting; `None` when nothing has.
    pub fn look(&mut self) -> Option<Change> {
        loop {
            let keys = match self.changes.try_recv() {
                Ok(keys) => keys,
                Err(broadcast::error::TryRecvError::Lagged(_)) => return Some(Change::Missed),
                Err(broadcast::error::TryRecvError::Empty | broadcast::error::TryRecvError::Closed) => {
                    return None;
                }
            };
            let ours = keys.iter().filter(|key| key.as_bytes().starts_with(self.prefix.as_bytes()));
            let ours: Vec<Key> = ours.cloned().collect();
            if !ours.is_empty() {
                return Some(Change::Keys(ours));
            }
        }
    }
}

#[cfg(test)]
mod tests;

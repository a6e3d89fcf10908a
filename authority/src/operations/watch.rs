//! Telling the gate which sessions have ended: numbered, kept in the ledger, resumable.
//!
//! Every commit that ends sessions also writes the next number with their digests. A gate that was away, or an
//! authority that was killed, goes on from the last number heard; one that was away for too long is told to forget
//! everything. Nothing is kept in memory that a restart could lose.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Mutex, mpsc, watch};
use twofold_shared::wire::{SessionDigest, SessionNews, WatchSessions};

use crate::authority::Authority;
use crate::store::record::{self, Ended};
use crate::store::{Commit, Committed, Store, StoreError};
use crate::varlink::Reply;

/// The longest silence on a watch. Below the promised 300 ms, to leave room for a busy machine.
const HEARTBEAT: Duration = Duration::from_millis(200);

/// How many numbers are kept for gates that were away.
const KEPT: u64 = 4096;

/// The most digests in one number, so that one message holds it.
const TOGETHER: usize = 1000;

/// Messages that may wait for a slow gate.
const WAITING: usize = 4;

/// Ends sessions, one number after the other.
pub(crate) struct Endings {
    pub(super) store: Store,
    /// Held while a number is taken: otherwise everyone but the first would find it taken and begin again.
    order: Mutex<()>,
    /// Wakes those who watch.
    newest: watch::Sender<u64>,
}

impl Endings {
    /// The endings of one ledger.
    pub fn new(store: Store) -> Arc<Self> {
        Arc::new(Self { store, order: Mutex::new(()), newest: watch::Sender::new(0) })
    }

    /// Commits, and in the same commit takes the next number for the sessions that end with it.
    pub async fn commit(&self, mut commit: Commit, ended: &[SessionDigest]) -> Result<Committed, StoreError> {
        if ended.is_empty() {
            return self.store.commit(commit).await;
        }
        let _turn = self.order.lock().await;
        let (mut range, expect) = record::load_ended_range(&self.store)?;
        for together in ended.chunks(TOGETHER) {
            range.newest += 1;
            commit.writes.push(record::ended_write(range.newest, &Ended { sessions: together.to_vec() })?);
        }
        while range.newest.saturating_sub(range.oldest) >= KEPT {
            commit.writes.push(record::ended_removal(range.oldest));
            range.oldest += 1;
        }
        commit.writes.push(record::ended_range_write(&range, expect)?);
        let committed = self.store.commit(commit).await?;
        self.newest.send_replace(range.newest);
        Ok(committed)
    }
}

impl Authority {
    /// Begins a watch. It ends when the caller goes away or the ledger cannot be read.
    pub(crate) fn watch_sessions(&self, request: &WatchSessions) -> mpsc::Receiver<Reply> {
        let (sender, receiver) = mpsc::channel(WAITING);
        tokio::spawn(tell(self.store.clone(), self.endings.newest.subscribe(), request.after, sender));
        receiver
    }
}

async fn tell(store: Store, mut wake: watch::Receiver<u64>, mut heard: Option<u64>, to: mpsc::Sender<Reply>) {
    loop {
        // Read on every beat, not only when woken: a commit whose caller was cut off wakes nobody.
        let Ok(news) = news(&store, heard) else { return };
        heard = Some(news.number);
        let more = !news.ended.is_empty();
        let Ok(message) = Reply::of(&news) else { return };
        if to.send(message).await.is_err() {
            return;
        }
        if more {
            continue;
        }
        tokio::select! {
            changed = wake.changed() => if changed.is_err() { return },
            () = tokio::time::sleep(HEARTBEAT) => {}
            () = to.closed() => return,
        }
    }
}

/// What ended since `heard`: at most one number's worth.
fn news(store: &Store, heard: Option<u64>) -> Result<SessionNews, StoreError> {
    let (range, _) = record::load_ended_range(store)?;
    let now = SessionNews { number: range.newest, ended: Vec::new(), forget_all: false };
    let Some(heard) = heard else { return Ok(now) };
    if heard == range.newest {
        return Ok(now);
    }
    let next = heard.saturating_add(1);
    // A number that this ledger has not given yet: it is a restored one, and knows nothing of what the gate knows.
    let unknown = heard > range.newest || next < range.oldest;
    match if unknown { None } else { record::load_ended(store, next)? } {
        Some(Ended { sessions }) => Ok(SessionNews { number: next, ended: sessions, forget_all: false }),
        None => Ok(SessionNews { forget_all: true, ..now }),
    }
}

//! How long the audit trail is kept: oldest first, a bounded piece at a time.

use twofold_shared::clock::UnixTime;

use super::sled::{Tree, TreeError};
use super::{Key, Space};

/// What is kept of the audit trail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// For how long, in seconds.
    pub keep_seconds: u64,
    /// How much, in bytes.
    pub keep_bytes: u64,
}

impl Default for Retention {
    fn default() -> Self {
        Self { keep_seconds: 400 * 24 * 3600, keep_bytes: 1 << 30 }
    }
}

/// The most events that one batch removes, besides twice as many as it adds: so the trail shrinks also while each batch
/// adds hundreds, and what a batch does stays bounded.
const PIECE: usize = 64;
/// How long nothing is looked at after there was nothing to remove, in milliseconds.
const REST_MS: u64 = 60_000;

/// Removes what is too old or too much.
pub(super) struct Sweeper {
    retention: Retention,
    /// By the boot clock.
    next_look_ms: u64,
}

/// What to remove with the next batch.
#[derive(Default)]
pub(super) struct Sweep {
    pub keys: Vec<Key>,
    pub bytes: u64,
}

impl Sweeper {
    pub fn new(retention: Retention) -> Self {
        Self { retention, next_look_ms: 0 }
    }

    /// Looks for events to remove from a trail of so many bytes, in a batch that adds so many. `now` is absent while the clock is in doubt: a clock that jumped a year ahead must not
    /// erase a year.
    pub fn sweep(
        &mut self,
        tree: &Tree,
        (audit_bytes, added): (u64, usize),
        now: Option<UnixTime>,
        boottime_ms: u64,
        told_at: impl Fn(&Key, &[u8]) -> Option<UnixTime>,
    ) -> Result<Sweep, TreeError> {
        let mut sweep = Sweep::default();
        let too_much = audit_bytes > self.retention.keep_bytes;
        if !too_much && boottime_ms < self.next_look_ms {
            return Ok(sweep);
        }
        let oldest_kept = now.map(|now| UnixTime(now.0.saturating_sub(self.retention.keep_seconds)));
        for (key, sealed) in tree.scan(Space::Audit, &[], None, PIECE + 2 * added)? {
            let left = audit_bytes.saturating_sub(sweep.bytes);
            let too_old = || {
                // What cannot be read is not known to be old: it stays until it is too much.
                oldest_kept.is_some_and(|oldest| told_at(&key, &sealed).is_some_and(|at| at < oldest))
            };
            if left <= self.retention.keep_bytes && !too_old() {
                self.next_look_ms = boottime_ms.saturating_add(REST_MS);
                break;
            }
            sweep.bytes = sweep.bytes.saturating_add(cost(&sealed));
            sweep.keys.push(key);
        }
        Ok(sweep)
    }
}

/// What an event counts against the limit.
pub(super) fn cost(sealed: &[u8]) -> u64 {
    sealed.len() as u64
}

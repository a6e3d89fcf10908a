//! What the ledger remembers about itself, in one record that each batch rewrites: the clock, the size of the trail.

use serde::{Deserialize, Serialize};
use twofold_shared::clock::{ClockRecord, UnixTime};
use zeroize::Zeroizing;

use super::{Key, Space, StoreError, Version};

/// The last time that doubts about the clock were settled. An account that was last written before it may have spent
/// steps that lie ahead; they are lowered when it is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Settled {
    pub revision: Version,
    pub time: UnixTime,
}

/// The record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct State {
    pub clock: ClockRecord,
    pub settled: Option<Settled>,
    /// About how many bytes the audit trail has.
    pub audit_bytes: u64,
}

#[derive(Serialize, Deserialize)]
struct Stored {
    newest: u64,
    boot_id: String,
    wall_minus_boot_ms: i64,
    trusted: bool,
    settled: Option<(u64, u64)>,
    audit_bytes: u64,
}

impl State {
    pub fn key() -> Key {
        Key::new(Space::Meta, "state")
    }

    pub fn encode(&self) -> Result<Zeroizing<Vec<u8>>, StoreError> {
        let stored = Stored {
            newest: self.clock.newest.0,
            boot_id: self.clock.boot_id.clone(),
            wall_minus_boot_ms: self.clock.wall_minus_boot_ms,
            trusted: self.clock.trusted,
            settled: self.settled.map(|settled| (settled.revision.0, settled.time.0)),
            audit_bytes: self.audit_bytes,
        };
        super::record::encode(&Self::key(), &stored)
    }

    pub fn decode(value: &[u8]) -> Result<Self, StoreError> {
        let stored: Stored = super::record::decode(&Self::key(), value)?;
        Ok(Self {
            clock: ClockRecord {
                newest: UnixTime(stored.newest),
                boot_id: stored.boot_id,
                wall_minus_boot_ms: stored.wall_minus_boot_ms,
                trusted: stored.trusted,
            },
            settled: stored
                .settled
                .map(|(revision, time)| Settled { revision: Version(revision), time: UnixTime(time) }),
            audit_bytes: stored.audit_bytes,
        })
    }
}

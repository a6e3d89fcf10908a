//! One batch in the making: what each commit expects, what it writes, and what of it is told.

use std::collections::BTreeMap;
use std::sync::Arc;

use twofold_shared::clock::UnixTime;

use super::keys::Keys;
use super::retention::{Sweep, cost};
use super::sled::Batch;
use super::state::State;
use super::{Commit, Committed, Core, Expect, Key, Space, StoreError, Version, Write, record, seal};
use crate::audit::{Coalescer, Event, Position};

/// What the batch does to one record.
enum Planned {
    Put(Version, Vec<u8>),
    Remove,
}

pub(super) struct Plan<'a> {
    core: &'a Core,
    keys: Arc<Keys>,
    revision: Version,
    now: UnixTime,
    writes: BTreeMap<Key, Planned>,
    /// What the system log is told once the batch is on disk.
    pub told: Vec<Event>,
    /// How many events it adds.
    pub events: usize,
    pub audit_grew: u64,
    pub audit_shrank: u64,
}

impl<'a> Plan<'a> {
    /// `revision` is that of the last commit.
    pub fn new(core: &'a Core, revision: Version, now: UnixTime) -> Self {
        Self {
            core,
            keys: core.keys(),
            revision,
            now,
            writes: BTreeMap::new(),
            told: Vec::new(),
            events: 0,
            audit_grew: 0,
            audit_shrank: 0,
        }
    }

    pub fn is_empty(&self) -> bool {
        self.writes.is_empty()
    }

    /// The revision after everything planned so far.
    pub fn next_revision(&self) -> Version {
        Version(self.revision.0.saturating_add(1))
    }

    /// Takes a commit into the batch, whole or not at all.
    pub fn add(&mut self, commit: Commit, coalescer: &mut Coalescer) -> Result<Committed, StoreError> {
        for write in &commit.writes {
            if !self.holds(write)? {
                return Err(StoreError::Conflict);
            }
        }
        let version = self.next_revision();
        let mut planned = Vec::with_capacity(commit.writes.len() + commit.audit.len());
        for write in commit.writes {
            let plan = match write.value {
                Some(value) => Planned::Put(version, self.keys.sealer.seal(&write.key, version, &value)?),
                None => Planned::Remove,
            };
            planned.push((write.key, plan));
        }
        for (index, entry) in commit.audit.into_iter().enumerate() {
            let index = u16::try_from(index).unwrap_or(u16::MAX);
            let placed = coalescer.place(entry, self.now, Position { revision: version.0, index });
            let key = Key::new(Space::Audit, placed.position.to_bytes());
            let sealed = self.keys.sealer.seal(&key, version, &record::encode_event(&key, &placed.event)?)?;
            if placed.first {
                self.audit_grew = self.audit_grew.saturating_add(cost(&sealed));
                self.events += 1;
                self.told.push(placed.event);
            }
            planned.push((key, Planned::Put(version, sealed)));
        }
        self.writes.extend(planned);
        self.revision = version;
        Ok(Committed { version })
    }

    fn holds(&self, write: &Write) -> Result<bool, StoreError> {
        let found = match self.writes.get(&write.key) {
            Some(Planned::Put(version, _)) => Some(*version),
            Some(Planned::Remove) => None,
            None => self.stored_version(&write.key)?,
        };
        Ok(match write.expect {
            Expect::Any => true,
            Expect::Absent => found.is_none(),
            Expect::Version(version) => found == Some(version),
        })
    }

    fn stored_version(&self, key: &Key) -> Result<Option<Version>, StoreError> {
        let sealed = self.core.tree.get(key).map_err(|error| StoreError::Failed(error.to_string()))?;
        Ok(sealed.map(|sealed| seal::version_of(key, &sealed)).transpose()?)
    }

    /// Takes the removal of old events into the batch.
    pub fn remove_events(&mut self, sweep: Sweep) {
        self.audit_shrank = self.audit_shrank.saturating_add(sweep.bytes);
        self.writes.extend(sweep.keys.into_iter().map(|key| (key, Planned::Remove)));
    }

    /// The keys that change, the ledger's own record apart.
    pub fn changed(&self) -> Vec<Key> {
        self.writes.keys().cloned().collect()
    }

    /// The whole batch, with the ledger's own record: its version is what the next start counts on from.
    pub fn batch(&mut self, state: &State) -> Result<Batch, StoreError> {
        let version = self.next_revision();
        let mut batch = Batch::default();
        for (key, planned) in &mut self.writes {
            match planned {
                Planned::Put(_, sealed) => batch.insert(key, std::mem::take(sealed)),
                Planned::Remove => batch.remove(key),
            }
        }
        let key = State::key();
        batch.insert(&key, self.keys.sealer.seal(&key, version, &state.encode()?)?);
        Ok(batch)
    }
}

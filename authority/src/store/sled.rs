//! sled, and nothing but sled: bytes under keys, batches, one flush. No other file knows its types.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::Duration;

use super::{Key, Space};
use crate::process::words;

/// Filled only as accounts are used. Holds a hundred thousand of them: with a quarter of it, verifications over so many
/// were a quarter slower.
const CACHE_BYTES: u64 = 256 << 20;

/// How often, and how long between, an ending authority is waited for: two seconds in all.
const LOCK_TRIES: u32 = 200;
const LOCK_PAUSE: Duration = Duration::from_millis(10);

/// The open database.
#[derive(Clone)]
pub(super) struct Tree {
    db: sled::Db,
}

/// sled's own words for what went wrong.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct TreeError(String);

impl From<sled::Error> for TreeError {
    fn from(error: sled::Error) -> Self {
        Self(error.to_string())
    }
}

/// Writes that become visible and durable together.
#[derive(Default)]
pub(super) struct Batch {
    writes: sled::Batch,
    keys: Vec<Key>,
}

impl Batch {
    pub fn insert(&mut self, key: &Key, sealed: Vec<u8>) {
        self.writes.insert(key.as_bytes(), sealed);
        self.keys.push(key.clone());
    }

    pub fn remove(&mut self, key: &Key) {
        self.writes.remove(key.as_bytes());
        self.keys.push(key.clone());
    }

    /// What it changes.
    pub fn keys(&self) -> &[Key] {
        &self.keys
    }
}

impl Tree {
    /// Opens the database at `path`, or makes one where `new`.
    ///
    /// Whoever calls holds the folder's lock, so sled's own can only be held by what is left of an authority that is just
    /// ending: its I/O threads keep the file for a moment after it was closed.
    pub fn open(path: &Path, new: bool) -> Result<Self, TreeError> {
        let mut tries = LOCK_TRIES;
        loop {
            match Self::open_once(path, new) {
                Err(sled::Error::Io(error))
                    if tries > 0 && error.to_string().contains("could not acquire lock") =>
                {
                    tries -= 1;
                    std::thread::sleep(LOCK_PAUSE);
                }
                opened => return Ok(opened?),
            }
        }
    }

    /// sled panics over some damage: that is an error here.
    fn open_once(path: &Path, new: bool) -> Result<Self, sled::Error> {
        let config = sled::Config::new()
            .path(path)
            .create_new(new)
            .cache_capacity(CACHE_BYTES)
            .mode(sled::Mode::HighThroughput)
            // The writer flushes; a second flusher would only compete with it.
            .flush_every_ms(None);
        let opened = catch_unwind(AssertUnwindSafe(|| config.open()));
        let db = opened
            .map_err(|panic| sled::Error::ReportableBug(format!("sled gave up: {}", words(&*panic))))??;
        Ok(Self { db })
    }

    pub fn get(&self, key: &Key) -> Result<Option<Vec<u8>>, TreeError> {
        Ok(self.db.get(key.as_bytes())?.map(|value| value.to_vec()))
    }

    /// Up to `limit` records of `space` whose names begin with `prefix`, in order, after `after`.
    pub fn scan(
        &self,
        space: Space,
        prefix: &[u8],
        after: Option<&Key>,
        limit: usize,
    ) -> Result<Vec<(Key, Vec<u8>)>, TreeError> {
        use std::ops::Bound;
        let prefix = Key::new(space, prefix);
        let from = match after.filter(|after| after.as_bytes() >= prefix.as_bytes()) {
            Some(after) => Bound::Excluded(after.as_bytes()),
            None => Bound::Included(prefix.as_bytes()),
        };
        let mut found = Vec::new();
        for record in self.db.range::<&[u8], _>((from, Bound::Unbounded)).take(limit) {
            let (key, value) = record?;
            if !key.starts_with(prefix.as_bytes()) {
                break;
            }
            if let Some(key) = Key::from_stored(space, &key) {
                found.push((key, value.to_vec()));
            }
        }
        Ok(found)
    }

    /// Up to `limit` records of `space` before `before`, the last first.
    pub fn scan_back(
        &self,
        space: Space,
        before: Option<&Key>,
        limit: usize,
    ) -> Result<Vec<(Key, Vec<u8>)>, TreeError> {
        use std::ops::Bound;
        let prefix = Key::new(space, []);
        // Behind the slash that ends each space's prefix comes the zero.
        let end = [prefix.as_bytes().strip_suffix(b"/").unwrap_or_default(), b"0"].concat();
        let until = before.map_or(end.as_slice(), Key::as_bytes);
        let range = (Bound::Included(prefix.as_bytes()), Bound::Excluded(until));
        let mut found = Vec::new();
        for record in self.db.range::<&[u8], _>(range).rev().take(limit) {
            let (key, value) = record?;
            if let Some(key) = Key::from_stored(space, &key) {
                found.push((key, value.to_vec()));
            }
        }
        Ok(found)
    }

    /// How many records there are.
    pub fn count(&self) -> Result<u64, TreeError> {
        let mut count = 0;
        for record in self.db.iter() {
            record?;
            count += 1;
        }
        Ok(count)
    }

    /// Applies a batch and returns once the kernel is writing it, which is as far as sled's flush goes (`sync_file_range(2)`):
    /// safe against the death of this process. Against a power cut the writer waits for the drive.
    pub fn commit(&self, batch: Batch) -> Result<(), TreeError> {
        self.db.apply_batch(batch.writes)?;
        self.db.flush()?;
        Ok(())
    }
}

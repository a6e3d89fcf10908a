//! Everything in the ledger as it was at one moment, read a page at a time while it goes on being written to.
//!
//! What sled's iterators show is what is there as they come by. So the writer notes, before each batch, what lies under the
//! keys that the batch changes; and where there is a note for a record of a page, the note is what the page shows. A
//! note is taken before its batch can be seen and looked for after the page was read, so none is missed. What the reader
//! is past is not noted, and a page's notes go with it: memory holds each record that changes meanwhile once, at most.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::keys::Keys;
use super::sled::{Tree, TreeError};
use super::{Key, Space, StoreError, Version, failed};

/// Records of a page, before its notes.
const PAGE: usize = 500;

/// Records as they lie in the ledger, in order.
type Records = Vec<(Key, Vec<u8>)>;

/// What was under a key; `None` where nothing was.
type Before = Option<Vec<u8>>;

struct Noted {
    /// Every key before this one was read; all of them where it is `None`.
    next: Option<Key>,
    before: BTreeMap<Key, Before>,
    /// Why nothing more is to be read.
    stopped: Option<StoreError>,
}

/// What the writer and a snapshot's reader have in common.
pub(super) struct Notes(Mutex<Noted>);

impl Notes {
    fn noted(&self) -> MutexGuard<'_, Noted> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes what is under these keys, which are about to change. Before the change, or it is too late.
    pub fn take<'a>(&self, tree: &Tree, keys: impl IntoIterator<Item = &'a Key>) -> Result<(), TreeError> {
        let mut noted = self.noted();
        for key in keys {
            let is_read = noted.next.as_ref().is_none_or(|next| key < next);
            if !is_read && !noted.before.contains_key(key) {
                noted.before.insert(key.clone(), tree.get(key)?);
            }
        }
        Ok(())
    }

    /// The reader's next page is this error.
    pub fn stop(&self, why: StoreError) {
        self.noted().stopped.get_or_insert(why);
    }
}

/// One moment of a ledger.
pub(super) struct Snapshot {
    tree: Tree,
    /// The last commit that is in it.
    pub revision: Version,
    /// What its records are sealed with, and nothing newer.
    pub keys: Arc<Keys>,
    notes: Arc<Notes>,
    /// Where the next page begins; `None` after the last.
    place: Option<(Space, Option<Key>)>,
}

impl Snapshot {
    /// This moment. From now on whoever writes has to note what they change.
    pub fn begin(tree: Tree, keys: Arc<Keys>, revision: Version) -> Self {
        let [first, ..] = Space::ALL;
        let noted = Noted { next: Some(Key::new(first, [])), before: BTreeMap::new(), stopped: None };
        let notes = Arc::new(Notes(Mutex::new(noted)));
        Self { tree, revision, keys, notes, place: Some((first, None)) }
    }

    pub fn notes(&self) -> Arc<Notes> {
        Arc::clone(&self.notes)
    }

    /// The next records in order, which may be none of a space; `None` when all were read.
    pub fn page(&mut self) -> Result<Option<Records>, StoreError> {
        let Some((space, after)) = &self.place else { return Ok(None) };
        let found = self.tree.scan(*space, &[], after.as_ref(), PAGE).map_err(failed)?;
        let (place, next) = match found.last() {
            Some((last, _)) if found.len() == PAGE => {
                (Some((*space, Some(last.clone()))), Some(directly_after(last)))
            }
            _ => {
                let space = Space::ALL.into_iter().find(|other| other > space);
                (space.map(|space| (space, None)), space.map(|space| Key::new(space, [])))
            }
        };
        let mut noted = self.notes.noted();
        if let Some(why) = &noted.stopped {
            return Err(why.clone());
        }
        let later = next.as_ref().map(|next| noted.before.split_off(next)).unwrap_or_default();
        let here = std::mem::replace(&mut noted.before, later);
        noted.next = next;
        drop(noted);
        self.place = place;
        Ok(Some(as_it_was(found, here)))
    }
}

/// No key lies between the two.
fn directly_after(key: &Key) -> Key {
    Key::new(key.space(), [key.name(), &[0]].concat())
}

fn as_it_was(found: Records, before: BTreeMap<Key, Before>) -> Records {
    if before.is_empty() {
        return found;
    }
    let mut page: BTreeMap<Key, Vec<u8>> = found.into_iter().collect();
    for (key, before) in before {
        match before {
            Some(value) => drop(page.insert(key, value)),
            None => drop(page.remove(&key)),
        }
    }
    page.into_iter().collect()
}

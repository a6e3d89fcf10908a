//! How many connections each caller holds, and how many there are.
//!
//! Counted by socket and uid: root in a container can use up its own door, never the main socket of root outside.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Semaphore, watch};

use crate::peer::{Caller, Standing};

/// Calls of one uid at one socket that are worked on at a time, of a person.
const CALLS_OF_A_PERSON: usize = 8;

/// The same at a door: a host's logins.
const CALLS_OF_A_DOOR: usize = 64;

/// A complaint that a caller can cause is made once in this time.
const SELDOM: Duration = Duration::from_secs(10);

/// The books.
#[derive(Clone)]
pub(super) struct Quota(Arc<Books>);

struct Books {
    per_uid: usize,
    total: usize,
    held: Mutex<HashMap<Holder, Held>>,
    open: watch::Sender<usize>,
    complained: Mutex<Option<Instant>>,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Holder {
    socket: usize,
    uid: u32,
}

struct Held {
    connections: usize,
    calls: Arc<Semaphore>,
}

/// The right to one connection, given back when dropped.
pub(super) struct Slot {
    books: Quota,
    holder: Holder,
    /// Shared by all connections of this holder: who works on how many calls at a time.
    pub(super) calls: Arc<Semaphore>,
}

impl Quota {
    /// Books for `per_uid` connections of each uid at each socket, and `total` in all.
    pub(super) fn new(per_uid: usize, total: usize) -> Self {
        let (open, _) = watch::channel(0);
        let books = Books { per_uid, total, held: Mutex::default(), open, complained: Mutex::default() };
        Self(Arc::new(books))
    }

    /// A connection for `caller` at the socket with this number, or none because it has too many.
    pub(super) fn take(&self, socket: usize, caller: &Caller) -> Option<Slot> {
        let (own, shared, calls) = match caller.standing {
            Standing::Main { administrator, gate } if administrator || gate => {
                (self.0.total, self.0.total, Semaphore::MAX_PERMITS)
            }
            // Half is kept for root and the gate, however many people and doors there are.
            Standing::Main { .. } | Standing::Nobody => (self.0.per_uid, self.0.total / 2, CALLS_OF_A_PERSON),
            Standing::Door(_) => (self.0.per_uid, self.0.total / 2, CALLS_OF_A_DOOR),
        };
        let holder = Holder { socket, uid: caller.uid };
        let mut books = self.0.held.lock().unwrap_or_else(PoisonError::into_inner);
        let open = *self.0.open.borrow();
        let connections = books.get(&holder).map_or(0, |held| held.connections);
        if connections >= own || open >= shared {
            drop(books);
            self.complain(&format!("uid {} has {connections} connections and gets no more", caller.uid));
            return None;
        }
        let held = books
            .entry(holder)
            .or_insert_with(|| Held { connections: 0, calls: Arc::new(Semaphore::new(calls)) });
        held.connections += 1;
        self.0.open.send_modify(|open| *open += 1);
        Some(Slot { books: self.clone(), holder, calls: Arc::clone(&held.calls) })
    }

    /// Waits until no connection is open.
    pub(super) async fn emptied(&self) {
        // The sender is in the books, which we hold: the wait cannot fail.
        let _ = self.0.open.subscribe().wait_for(|open| *open == 0).await;
    }

    /// Waits until one is.
    pub(super) async fn entered(&self) {
        let _ = self.0.open.subscribe().wait_for(|open| *open > 0).await;
    }

    /// Logs what a caller can cause, but not as often as it can cause it.
    pub(super) fn complain(&self, what: &str) {
        let mut complained = self.0.complained.lock().unwrap_or_else(PoisonError::into_inner);
        if complained.is_none_or(|then| then.elapsed() >= SELDOM) {
            *complained = Some(Instant::now());
            log::warn!("{what}");
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut books = self.books.0.held.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(held) = books.get_mut(&self.holder) {
            held.connections -= 1;
            if held.connections == 0 {
                books.remove(&self.holder);
            }
        }
        self.books.0.open.send_modify(|open| *open -= 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::peer::DoorListener;
    use twofold_shared::name::Realm;

    fn main_socket(uid: u32, administrator: bool) -> Caller {
        Caller { uid, standing: Standing::Main { administrator, gate: false } }
    }

    fn door(uid: u32) -> Caller {
        let listener = DoorListener {
            services: vec!["sshd".into()],
            host: "a".into(),
            realm: Realm::unix(),
            enrol: false,
        };
        Caller { uid, standing: Standing::Door(Arc::new(listener)) }
    }

    #[test]
    fn one_uid_uses_up_only_its_own() {
        let quota = Quota::new(2, 100);
        let held: Vec<Slot> = (0..2).filter_map(|_| quota.take(0, &main_socket(1000, false))).collect();
        assert_eq!(held.len(), 2);
        assert!(quota.take(0, &main_socket(1000, false)).is_none());
        assert!(quota.take(0, &main_socket(1001, false)).is_some());
        drop(held);
        assert!(quota.take(0, &main_socket(1000, false)).is_some());
    }

    #[test]
    fn root_in_a_container_does_not_count_as_root_outside() {
        let quota = Quota::new(2, 100);
        let _held: Vec<Slot> = (0..2).filter_map(|_| quota.take(1, &door(0))).collect();
        assert!(quota.take(1, &door(0)).is_none());
        assert!(quota.take(2, &door(0)).is_some());
        let outside: Vec<Slot> = (0..50).filter_map(|_| quota.take(0, &main_socket(0, true))).collect();
        assert_eq!(outside.len(), 50);
    }

    #[test]
    fn people_and_doors_together_leave_half_for_root() {
        let quota = Quota::new(10, 20);
        let _people: Vec<Slot> =
            (1000..1020).filter_map(|uid| quota.take(0, &main_socket(uid, false))).collect();
        assert!(quota.take(0, &main_socket(2000, false)).is_none());
        let roots: Vec<Slot> = (0..20).filter_map(|_| quota.take(0, &main_socket(0, true))).collect();
        assert_eq!(roots.len(), 10);
    }

    #[tokio::test]
    async fn the_last_to_leave_is_noticed() {
        let quota = Quota::new(2, 100);
        let slot = quota.take(0, &main_socket(1000, false)).unwrap();
        quota.entered().await;
        let waiting = {
            let quota = quota.clone();
            tokio::spawn(async move { quota.emptied().await })
        };
        drop(slot);
        waiting.await.unwrap();
    }
}

//! Turns: who may work on something at a time, and who waits for it.
//!
//! One verification per account runs at a time; those who wait are bounded, known sources go first, and nobody waits
//! beyond their deadline. The same queue guards the Argon2 pool. It decides nothing but the order.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;
use tokio::time::{Instant, timeout_at};

/// Too many wait already, or the deadline passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too many requests at once")]
pub struct Busy;

/// Which of the two waiting lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line {
    /// Sources that the account knows: served first.
    Known,
    /// Everybody else.
    Strangers,
}

/// Lanes by key, each with so many slots and two bounded lines of waiters.
#[derive(Debug)]
pub struct Turns<K: Eq + Hash + Clone> {
    lanes: Mutex<HashMap<K, Lane<K>>>,
    slots: usize,
    waiting: usize,
}

#[derive(Debug)]
struct Lane<K: Eq + Hash + Clone> {
    running: usize,
    known: VecDeque<oneshot::Sender<Turn<K>>>,
    strangers: VecDeque<oneshot::Sender<Turn<K>>>,
}

/// A slot in a lane. Dropping it hands it to the next in line.
#[derive(Debug)]
#[must_use = "a turn that is dropped at once is somebody else's"]
pub struct Turn<K: Eq + Hash + Clone> {
    turns: Arc<Turns<K>>,
    key: K,
    waited: bool,
}

impl<K: Eq + Hash + Clone> Turns<K> {
    /// `slots` at work in each lane, at most `waiting` in each of its lines.
    pub fn new(slots: usize, waiting: usize) -> Arc<Self> {
        Arc::new(Self { lanes: Mutex::new(HashMap::new()), slots: slots.max(1), waiting })
    }

    /// Waits for a turn.
    ///
    /// # Errors
    /// [`Busy`] when the line is full or `deadline` passes.
    pub async fn take(self: &Arc<Self>, key: K, line: Line, deadline: Instant) -> Result<Turn<K>, Busy> {
        let waiter = {
            let mut lanes = self.lock();
            let lane = lanes.entry(key.clone()).or_insert_with(Lane::new);
            if lane.running < self.slots {
                lane.running += 1;
                return Ok(Turn { turns: Arc::clone(self), key, waited: false });
            }
            let line = lane.line(line);
            // Those who gave up don't count; swept only when it matters.
            if line.len() >= self.waiting {
                line.retain(|waiter| !waiter.is_closed());
            }
            if line.len() >= self.waiting {
                return Err(Busy);
            }
            let (sender, receiver) = oneshot::channel();
            line.push_back(sender);
            receiver
        };
        match timeout_at(deadline, waiter).await {
            Ok(Ok(turn)) => Ok(turn),
            Ok(Err(_)) | Err(_) => Err(Busy),
        }
    }

    /// Gives a slot that has become free to the next in line. A turn that was sent but never received is dropped
    /// with its channel and comes back here, so no slot is lost to a caller who went away.
    fn hand_over(self: &Arc<Self>, key: &K) {
        let next = {
            let mut lanes = self.lock();
            let Some(lane) = lanes.get_mut(key) else { return };
            let next = lane.next();
            if next.is_none() {
                lane.running = lane.running.saturating_sub(1);
                if lane.running == 0 {
                    lanes.remove(key);
                }
            }
            next
        };
        if let Some(waiter) = next {
            // Sent outside the lock: a receiver that is gone gives the turn back, and its drop locks again.
            drop(waiter.send(Turn { turns: Arc::clone(self), key: key.clone(), waited: true }));
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<K, Lane<K>>> {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Eq + Hash + Clone> Lane<K> {
    fn new() -> Self {
        Self { running: 0, known: VecDeque::new(), strangers: VecDeque::new() }
    }

    fn line(&mut self, line: Line) -> &mut VecDeque<oneshot::Sender<Turn<K>>> {
        match line {
            Line::Known => &mut self.known,
            Line::Strangers => &mut self.strangers,
        }
    }

    fn next(&mut self) -> Option<oneshot::Sender<Turn<K>>> {
        while let Some(waiter) = self.known.pop_front().or_else(|| self.strangers.pop_front()) {
            if !waiter.is_closed() {
                return Some(waiter);
            }
        }
        None
    }
}

impl<K: Eq + Hash + Clone> Turn<K> {
    /// Whether somebody else was at work first.
    pub fn waited(&self) -> bool {
        self.waited
    }
}

impl<K: Eq + Hash + Clone> Drop for Turn<K> {
    fn drop(&mut self) {
        self.turns.hand_over(&self.key);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(5)
    }

    #[tokio::test]
    async fn one_at_a_time_in_a_lane_and_lanes_apart() {
        let turns = Turns::new(1, 8);
        let first = turns.take("a", Line::Strangers, soon()).await.unwrap();
        let _other = turns.take("b", Line::Strangers, soon()).await.unwrap();
        let past = Instant::now();
        assert_eq!(turns.take("a", Line::Strangers, past).await.unwrap_err(), Busy);
        drop(first);
        let _next = turns.take("a", Line::Strangers, soon()).await.unwrap();
    }

    #[tokio::test]
    async fn known_sources_go_first() {
        let turns = Turns::new(1, 8);
        let first = turns.take((), Line::Strangers, soon()).await.unwrap();
        let (order, mut seen) = tokio::sync::mpsc::unbounded_channel();
        for (name, line) in [("stranger", Line::Strangers), ("known", Line::Known)] {
            let (turns, order) = (Arc::clone(&turns), order.clone());
            tokio::spawn(async move {
                let turn = turns.take((), line, soon()).await.unwrap();
                order.send(name).unwrap();
                drop(turn);
            });
        }
        while turns.lock().get(&()).is_none_or(|lane| lane.known.len() + lane.strangers.len() < 2) {
            tokio::task::yield_now().await;
        }
        drop(first);
        assert_eq!((seen.recv().await, seen.recv().await), (Some("known"), Some("stranger")));
    }

    #[tokio::test]
    async fn a_full_line_is_busy_at_once_and_leaves_room_to_known_sources() {
        let turns = Turns::new(1, 1);
        let first = turns.take((), Line::Strangers, soon()).await.unwrap();
        let waiting = tokio::spawn({
            let turns = Arc::clone(&turns);
            async move { turns.take((), Line::Strangers, soon()).await.map(drop) }
        });
        while turns.lock().get(&()).is_none_or(|lane| lane.strangers.is_empty()) {
            tokio::task::yield_now().await;
        }
        assert_eq!(turns.take((), Line::Strangers, soon()).await.unwrap_err(), Busy);
        let known = tokio::spawn({
            let turns = Arc::clone(&turns);
            async move { turns.take((), Line::Known, soon()).await.map(drop) }
        });
        drop(first);
        assert_eq!((waiting.await.unwrap(), known.await.unwrap()), (Ok(()), Ok(())));
        assert!(turns.lock().is_empty(), "an idle lane costs nothing");
    }

    #[tokio::test]
    async fn who_gives_up_loses_no_slot() {
        let turns = Turns::new(1, 8);
        let first = turns.take((), Line::Strangers, soon()).await.unwrap();
        let gone = tokio::spawn({
            let turns = Arc::clone(&turns);
            async move { turns.take((), Line::Known, soon()).await.map(drop) }
        });
        while turns.lock().get(&()).is_none_or(|lane| lane.known.is_empty()) {
            tokio::task::yield_now().await;
        }
        gone.abort();
        assert!(gone.await.unwrap_err().is_cancelled());
        drop(first);
        let _next = turns.take((), Line::Strangers, soon()).await.unwrap();
    }
}

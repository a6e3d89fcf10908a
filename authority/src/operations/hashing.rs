//! Where Argon2 runs: few at a time, a bounded number waiting, never on the threads that answer.

use std::num::NonZero;
use std::sync::Arc;
#[cfg(test)]
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::time::Instant;

use super::turn::{Busy, Line, Turns};

/// How many may wait in each line. At some 30 ms a run nobody further back would be served within the deadline.
const WAITING: usize = 128;

/// The bounded pool.
#[derive(Debug)]
pub struct Hashing {
    turns: Arc<Turns<()>>,
    #[cfg(test)]
    runs: AtomicU64,
}

impl Hashing {
    /// As many at once as the machine has processors; each takes some 19 MiB.
    #[must_use]
    pub fn new() -> Self {
        let processors = std::thread::available_parallelism().map_or(1, NonZero::get);
        Self {
            turns: Turns::new(processors, WAITING),
            #[cfg(test)]
            runs: AtomicU64::new(0),
        }
    }

    /// Runs `work` on a thread of its own, when its turn comes.
    ///
    /// # Errors
    /// [`Busy`] when too many wait or `deadline` passes first. Work that has begun is finished.
    pub async fn run<T: Send + 'static>(
        &self,
        line: Line,
        deadline: Instant,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Busy> {
        let turn = self.turns.take((), line, deadline).await?;
        #[cfg(test)]
        self.runs.fetch_add(1, Ordering::Relaxed);
        let job = tokio::task::spawn_blocking(move || {
            let result = work();
            drop(turn);
            result
        });
        job.await.map_err(|_| Busy)
    }

    /// How often it ran: what a test of equal work counts.
    #[cfg(test)]
    pub fn runs(&self) -> u64 {
        self.runs.load(Ordering::Relaxed)
    }
}

impl Default for Hashing {
    fn default() -> Self {
        Self::new()
    }
}

//! Where Argon2 runs: few at a time, a bounded number waiting, never on the threads that answer.

use std::num::NonZero;
use std::panic::{AssertUnwindSafe, catch_unwind};
#[cfg(test)]
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread;

use tokio::sync::oneshot;
use tokio::time::Instant;

use super::turn::{Busy, Line, Turns};

/// How many may wait in each line. At some 30 ms a run nobody further back would be served within the deadline.
const WAITING: usize = 128;

type Job = Box<dyn FnOnce() + Send>;

/// The bounded pool.
///
/// Deliberate: threads of its own. An allocator keeps what a thread has freed for that thread, so 19 MiB a run on
/// whichever of tokio's many threads is idle would add up to hundreds.
#[derive(Debug)]
pub struct Hashing {
    turns: Arc<Turns<()>>,
    jobs: mpsc::Sender<Job>,
    #[cfg(test)]
    runs: AtomicU64,
}

impl Hashing {
    /// As many at once as the machine has processors; each takes some 19 MiB.
    #[must_use]
    pub fn new() -> Self {
        let processors = thread::available_parallelism().map_or(1, NonZero::get);
        let (jobs, queue) = mpsc::channel::<Job>();
        let queue = Arc::new(Mutex::new(queue));
        for _ in 0..processors {
            let queue = Arc::clone(&queue);
            // Without any thread the queue is gone, and every run is refused as busy.
            if let Err(error) = thread::Builder::new().name("argon2".to_owned()).spawn(move || work(&queue)) {
                log::error!("cannot start a thread for Argon2: {error}");
            }
        }
        Self {
            turns: Turns::new(processors, WAITING),
            jobs,
            #[cfg(test)]
            runs: AtomicU64::new(0),
        }
    }

    /// Runs `work` on a thread of the pool, when its turn comes.
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
        let (answer, result) = oneshot::channel();
        let job = Box::new(move || {
            let result = work();
            drop(turn);
            // Whoever asked may have left.
            let _ = answer.send(result);
        });
        self.jobs.send(job).map_err(|_| Busy)?;
        result.await.map_err(|_| Busy)
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

/// What a thread does until the pool is dropped. Work that panics answers nobody and takes no thread along.
fn work(queue: &Mutex<mpsc::Receiver<Job>>) {
    loop {
        let next = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(job) = next else { return };
        if catch_unwind(AssertUnwindSafe(job)).is_err() {
            log::error!("a run of Argon2 panicked");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn runs_stay_on_few_threads_and_a_panic_ends_none() {
        let hashing = Hashing::new();
        let deadline = Instant::now() + Duration::from_secs(60);
        let run = |work: fn() -> thread::ThreadId| hashing.run(Line::Known, deadline, work);
        let processors = thread::available_parallelism().unwrap().get();
        for _ in 0..=processors {
            assert_eq!(run(|| panic!("as asked")).await, Err(Busy));
        }
        let mut threads = HashSet::new();
        for _ in 0..processors * 8 {
            threads.insert(run(|| thread::current().id()).await.unwrap());
        }
        assert!(threads.len() <= processors, "{}", threads.len());
    }
}

//! What sled itself can do for many that each wait for their own write: the measure of ours.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, oneshot};

/// Accounts in the database.
const ACCOUNTS: u64 = 10_000;
/// Coprime to it: what comes next lies anywhere.
const STRIDE: u64 = 7919;

/// What a verification leaves, in bytes.
#[derive(Clone, Copy)]
pub struct Sizes {
    /// The account, which is replaced.
    pub account: usize,
    /// The event, which is new.
    pub event: usize,
}

type Raw = ([(String, Vec<u8>); 2], oneshot::Sender<()>);

/// sled as its own documentation would have it written to by many: one thread, one batch, one flush. The records are
/// those of a verification, but unsealed, unchecked and read by nobody.
pub struct Ceiling {
    queue: mpsc::Sender<Raw>,
    writer: std::thread::JoinHandle<()>,
    written: Arc<AtomicU64>,
    sizes: Sizes,
}

impl Ceiling {
    /// A database of its own at `path`. sled's flush outlives the process and not a power cut: whether it `waits` for the
    /// drive after each, as ours does.
    pub fn open(path: &Path, sizes: Sizes, waits: bool) -> Self {
        let db = sled::Config::new()
            .path(path)
            .mode(sled::Mode::HighThroughput)
            .cache_capacity(64 << 20)
            .flush_every_ms(None)
            .open()
            .unwrap();
        for number in 0..ACCOUNTS {
            let [(account, value), _] = records(number, sizes);
            db.insert(account, value).unwrap();
        }
        db.flush().unwrap();
        let (queue, waiting) = mpsc::channel(1024);
        let drive = waits.then(|| File::open(path.join("db")).unwrap());
        let writer = std::thread::spawn(move || write(&db, drive.as_ref(), waiting));
        Self { queue, writer, written: Arc::new(AtomicU64::new(ACCOUNTS)), sizes }
    }

    /// Verifications a second, if they were nothing but this, for `clients` that each wait for the flush.
    pub async fn rate(&self, clients: usize, lasting: Duration) -> f64 {
        let (queue, written, sizes) = (self.queue.clone(), Arc::clone(&self.written), self.sizes);
        rate(clients, lasting, move |_| {
            let queue = queue.clone();
            let number = written.fetch_add(1, Ordering::Relaxed);
            async move {
                let (answer, answered) = oneshot::channel();
                queue.send((records(number, sizes), answer)).await.unwrap();
                answered.await.unwrap();
            }
        })
        .await
    }

    /// Ends the writer.
    pub fn close(self) {
        drop(self.queue);
        self.writer.join().unwrap();
    }
}

/// sled writes nothing where the value is what it was: each is another.
fn records(number: u64, sizes: Sizes) -> [(String, Vec<u8>); 2] {
    let value = |bytes: usize| number.to_be_bytes().repeat(bytes / 8);
    let account = number * STRIDE % ACCOUNTS;
    [
        (format!("account/{account:032x}"), value(sizes.account)),
        (format!("audit/{number:010}"), value(sizes.event)),
    ]
}

fn write(db: &sled::Db, drive: Option<&File>, mut waiting: mpsc::Receiver<Raw>) {
    while let Some(first) = waiting.blocking_recv() {
        let mut jobs = vec![first];
        while let Ok(next) = waiting.try_recv() {
            jobs.push(next);
        }
        let mut batch = sled::Batch::default();
        for (records, _) in &jobs {
            for (key, value) in records {
                batch.insert(key.as_bytes(), value.as_slice());
            }
        }
        db.apply_batch(batch).unwrap();
        db.flush().unwrap();
        if let Some(drive) = drive {
            drive.sync_data().unwrap();
        }
        for (_, answer) in jobs {
            let _ = answer.send(());
        }
    }
}

/// How often `clients`, each waiting for its own `commit` before the next, are answered in a second.
pub async fn rate<F>(
    clients: usize,
    lasting: Duration,
    commit: impl Fn(usize) -> F + Clone + Send + 'static,
) -> f64
where
    F: Future<Output = ()> + Send + 'static,
{
    let begun = Instant::now();
    let tasks: Vec<_> = (0..clients)
        .map(|client| {
            let commit = commit.clone();
            tokio::spawn(async move {
                let mut done = 0_u32;
                while begun.elapsed() < lasting {
                    commit(client).await;
                    done += 1;
                }
                done
            })
        })
        .collect();
    let mut done = 0.0;
    for task in tasks {
        done += f64::from(task.await.unwrap());
    }
    done / begun.elapsed().as_secs_f64()
}

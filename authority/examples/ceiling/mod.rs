//! What sled itself can do for many that each wait for their own write: the measure of ours.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, oneshot};

/// Whether a batch is on the drive, and not only on its way there, before it is answered.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Flush {
    /// sled's own flush and no more: `sync_file_range(2)`.
    Sled,
    /// And `fdatasync(2)` of the database.
    Drive,
}

type Raw = (Vec<u8>, Vec<u8>, oneshot::Sender<()>);

/// sled as its own documentation would have it written to by many: one thread, one batch, one flush.
pub struct Ceiling {
    queue: mpsc::Sender<Raw>,
    writer: std::thread::JoinHandle<()>,
    written: Arc<AtomicU64>,
    bytes: usize,
}

impl Ceiling {
    /// A database of its own at `path`, whose every write has so many `bytes`.
    pub fn open(path: &Path, flush: Flush, bytes: usize) -> Self {
        let db = sled::Config::new()
            .path(path)
            .mode(sled::Mode::HighThroughput)
            .cache_capacity(64 << 20)
            .flush_every_ms(None)
            .open()
            .unwrap();
        let file = (flush == Flush::Drive).then(|| File::open(path.join("db")).unwrap());
        let (queue, waiting) = mpsc::channel(1024);
        let writer = std::thread::spawn(move || write(&db, file.as_ref(), waiting));
        Self { queue, writer, written: Arc::default(), bytes }
    }

    /// Writes a second for `clients`, each of which writes anew when its last write is on disk.
    pub async fn rate(&self, clients: usize, lasting: Duration) -> f64 {
        let (queue, written, bytes) = (self.queue.clone(), Arc::clone(&self.written), self.bytes);
        rate(clients, lasting, move |client| {
            let queue = queue.clone();
            // sled writes nothing where the value is what it was.
            let number = written.fetch_add(1, Ordering::Relaxed);
            async move {
                let (answer, answered) = oneshot::channel();
                let value = number.to_be_bytes().repeat(bytes / 8);
                queue.send((format!("account/{client}").into_bytes(), value, answer)).await.unwrap();
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

fn write(db: &sled::Db, file: Option<&File>, mut waiting: mpsc::Receiver<Raw>) {
    while let Some(first) = waiting.blocking_recv() {
        let mut jobs = vec![first];
        while let Ok(next) = waiting.try_recv() {
            jobs.push(next);
        }
        let mut batch = sled::Batch::default();
        for (key, value, _) in &jobs {
            batch.insert(key.as_slice(), value.as_slice());
        }
        db.apply_batch(batch).unwrap();
        db.flush().unwrap();
        if let Some(file) = file {
            file.sync_data().unwrap();
        }
        for (_, _, answer) in jobs {
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

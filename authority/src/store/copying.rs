//! A copy under way: written by a thread of its own, so that nobody who logs in waits for it.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::{Builder, JoinHandle};

use super::StoreError;
use super::copy::{self, Copied};
use super::snapshot::{Notes, Snapshot};
use crate::process::words;

/// Ends the copy when it is dropped, and waits for that.
pub(super) struct Copying {
    notes: Arc<Notes>,
    thread: Option<JoinHandle<()>>,
}

impl Copying {
    /// Writes a copy to `path` as long as the disk has more room than `floor`, in bytes, and tells `done` of its end.
    pub fn start(
        snapshot: Snapshot,
        path: PathBuf,
        floor: u64,
        done: impl FnOnce(Result<Copied, StoreError>) + Send + 'static,
    ) -> io::Result<Self> {
        let notes = snapshot.notes();
        let thread = Builder::new().name("copy".into()).spawn(move || {
            // sled panics over some failures: that must be an answer, too.
            let written = catch_unwind(AssertUnwindSafe(|| copy::write(snapshot, &path, floor)));
            done(written.unwrap_or_else(|panic| Err(StoreError::Failed(words(&*panic)))));
        })?;
        Ok(Self { notes, thread: Some(thread) })
    }

    /// Where the writer notes what it changes.
    pub fn notes(&self) -> &Notes {
        &self.notes
    }
}

impl Drop for Copying {
    fn drop(&mut self) {
        self.notes.stop(StoreError::Failed("it is being closed".to_owned()));
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

//! The wall clock as programs under test see it, moved by libfaketime. The monotonic clock and CLOCK_BOOTTIME stay
//! real, as they would when somebody sets the clock.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use tempfile::TempDir;

/// A clock that one or more programs share.
#[derive(Clone, Debug)]
pub struct Clock(Option<Arc<Fake>>);

#[derive(Debug)]
struct Fake {
    folder: TempDir,
    offset: AtomicI64,
}

impl Clock {
    /// The machine's own clock; it cannot be moved.
    #[must_use]
    pub fn real() -> Self {
        Self(None)
    }

    /// A clock that can be moved; right until it is.
    #[must_use]
    pub fn fake() -> Self {
        let folder = tempfile::tempdir().expect("there is room for a folder");
        super::authority::open_to_all(folder.path());
        let clock = Self(Some(Arc::new(Fake { folder, offset: AtomicI64::new(0) })));
        clock.shift(0);
        clock
    }

    /// Whether it can be moved.
    #[must_use]
    pub fn is_fake(&self) -> bool {
        self.0.is_some()
    }

    /// Seconds since the epoch on this clock.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "codes are made for the time at which they are used")]
    pub fn now(&self) -> u64 {
        let real = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is after 1970").as_secs();
        let offset = self.0.as_ref().map_or(0, |fake| fake.offset.load(Ordering::SeqCst));
        real.checked_add_signed(offset).expect("nobody goes back before 1970")
    }

    /// Moves it by so many seconds, back when negative, for every program that runs on it, at once.
    ///
    /// # Panics
    /// When it is the machine's own.
    pub fn shift(&self, seconds: i64) {
        let fake = self.0.as_ref().expect("the machine's own clock is not moved");
        let offset = fake.offset.fetch_add(seconds, Ordering::SeqCst) + seconds;
        // A program may read it at any moment: replaced whole.
        let new = fake.folder.path().join("offset.new");
        fs::write(&new, format!("{offset:+}\n")).expect("the folder can be written");
        fs::rename(&new, self.file()).expect("the folder can be written");
    }

    fn file(&self) -> PathBuf {
        self.folder().join("offset")
    }

    /// Where its file is, for a container.
    pub(crate) fn folder(&self) -> &Path {
        self.0.as_ref().expect("only asked of a fake clock").folder.path()
    }

    /// Lets `command` run on this clock.
    pub fn apply(&self, command: &mut Command) {
        if self.is_fake() {
            command
                // The loader itself fills in $LIB.
                .env("LD_PRELOAD", "/usr/$LIB/faketime/libfaketimeMT.so.1")
                .env("FAKETIME_TIMESTAMP_FILE", self.file())
                .env("FAKETIME_NO_CACHE", "1")
                .env("DONT_FAKE_MONOTONIC", "1")
                .env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
        }
    }
}

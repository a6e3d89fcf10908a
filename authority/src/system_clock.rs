//! The one place that reads the clock, behind a trait that tests replace.

use std::time::{SystemTime, UNIX_EPOCH};

use rustix::time::{ClockId, clock_gettime};
use twofold_shared::clock::Reading;

/// Reads all that the clock rule needs at one moment.
pub trait Clock: Send + Sync {
    /// What the clocks say now.
    fn now(&self) -> Reading;
}

/// The machine's clocks.
pub struct SystemClock {
    boot_id: String,
}

/// By how much the kernel's clock and ours may differ for its word to count for ours.
const SAME_CLOCK_MS: u64 = 2_000;

impl SystemClock {
    /// Reads the boot id once: a process does not live through a boot.
    ///
    /// # Errors
    /// When `/proc` is not there.
    pub fn new() -> std::io::Result<Self> {
        let boot_id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id")?;
        Ok(Self { boot_id: boot_id.trim().to_owned() })
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Reading {
        let wall_ms = wall_ms();
        Reading {
            wall_ms,
            boottime_ms: milliseconds(clock_gettime(ClockId::Boottime)),
            boot_id: self.boot_id.clone(),
            synchronised: synchronised(wall_ms),
        }
    }
}

/// Deliberate: through the C library, unlike the boot clock, so that tests can shift this one clock of the real program
/// (libfaketime) as a person shifts it with `date`.
#[expect(clippy::disallowed_methods, reason = "this is the adapter that everybody else is sent to")]
fn wall_ms() -> u64 {
    // A clock before 1970 reads as 1970: far behind, so it is not believed.
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

/// Whether the kernel says that something (NTP, PTP) keeps its clock right.
///
/// The kernel vouches for its own clock: where the one that we read differs from it, its word says nothing about ours.
fn synchronised(wall_ms: u64) -> bool {
    /// What adjtimex(2) returns for a clock that nobody keeps (`TIME_ERROR`).
    const UNSYNCHRONISED: i32 = 5;
    let mut query = rtime_clock::adjtime::Timex::new();
    let kept = rtime_clock::adjtime::adjtimex(&mut query).is_ok_and(|state| state != UNSYNCHRONISED);
    kept && milliseconds(clock_gettime(ClockId::Realtime)).abs_diff(wall_ms) < SAME_CLOCK_MS
}

fn milliseconds(time: rustix::time::Timespec) -> u64 {
    let (seconds, nanoseconds) = (u64::try_from(time.tv_sec), u64::try_from(time.tv_nsec));
    seconds.unwrap_or(0).saturating_mul(1000).saturating_add(nanoseconds.unwrap_or(0) / 1_000_000)
}

/// A clock that tests set.
#[cfg(test)]
#[derive(Debug)]
pub(crate) struct ManualClock(std::sync::Mutex<Reading>);

#[cfg(test)]
impl ManualClock {
    /// Both clocks run from here; nobody keeps them right.
    pub fn at(seconds: u64) -> std::sync::Arc<Self> {
        std::sync::Arc::new(Self(std::sync::Mutex::new(Reading {
            wall_ms: seconds * 1000,
            boottime_ms: 1_000_000,
            boot_id: "boot".to_owned(),
            synchronised: false,
        })))
    }

    /// Changes what the clocks say.
    pub fn change(&self, change: impl FnOnce(&mut Reading)) {
        change(&mut self.0.lock().unwrap());
    }

    /// Time goes by.
    pub fn pass(&self, seconds: u64) {
        self.change(|reading| {
            reading.wall_ms += seconds * 1000;
            reading.boottime_ms += seconds * 1000;
        });
    }

    /// Somebody sets the wall clock.
    pub fn step(&self, seconds: i64) {
        self.change(|reading| reading.wall_ms = reading.wall_ms.saturating_add_signed(seconds * 1000));
    }
}

#[cfg(test)]
impl Clock for ManualClock {
    fn now(&self) -> Reading {
        self.0.lock().unwrap().clone()
    }
}

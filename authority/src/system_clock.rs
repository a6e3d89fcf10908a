//! The one place that reads the clock, behind a trait that tests replace.

use std::sync::{Mutex, PoisonError};
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
    word: Mutex<Option<KernelsWord>>,
}

/// What the kernel said of its clock, and when. Asking costs more than all else that is read here, so it is not asked at
/// every look: only once [`GOOD_FOR_MS`] have passed, or when a clock was set, which takes the word back.
#[derive(Clone, Copy)]
struct KernelsWord {
    synchronised: bool,
    boottime_ms: u64,
    wall_ms: u64,
}

/// How long the kernel's word holds, in milliseconds.
const GOOD_FOR_MS: u64 = 1_000;
/// By how much the wall clock may run apart from the boot clock within that time without having been set: NTP slews by
/// half a millisecond a second, and reading two clocks takes a moment.
const SLEWED_MS: u64 = 20;

impl KernelsWord {
    fn holds(&self, wall_ms: u64, boottime_ms: u64) -> bool {
        let passed = boottime_ms.checked_sub(self.boottime_ms);
        passed.is_some_and(|passed| {
            passed < GOOD_FOR_MS && (self.wall_ms + passed).abs_diff(wall_ms) < SLEWED_MS
        })
    }
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
        Ok(Self { boot_id: boot_id.trim().to_owned(), word: Mutex::new(None) })
    }

    fn synchronised(&self, wall_ms: u64, boottime_ms: u64) -> bool {
        let mut word = self.word.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(word) = word.filter(|word| word.holds(wall_ms, boottime_ms)) {
            return word.synchronised;
        }
        let synchronised = synchronised(wall_ms);
        *word = Some(KernelsWord { synchronised, boottime_ms, wall_ms });
        synchronised
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Reading {
        let (wall_ms, boottime_ms) = (wall_ms(), milliseconds(clock_gettime(ClockId::Boottime)));
        Reading {
            wall_ms,
            boottime_ms,
            boot_id: self.boot_id.clone(),
            synchronised: self.synchronised(wall_ms, boottime_ms),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_word_of_its_clock_is_taken_back_when_a_clock_is_set_or_a_second_has_passed() {
        let word = KernelsWord { synchronised: true, boottime_ms: 5_000, wall_ms: 1_000_000 };
        assert!(word.holds(1_000_000, 5_000));
        assert!(word.holds(1_000_999, 5_999), "time has passed");
        assert!(word.holds(1_000_510, 5_500), "slewed");
        assert!(!word.holds(1_001_000, 6_000), "a second is over");
        assert!(!word.holds(1_000_600, 5_500), "set forward");
        assert!(!word.holds(999_900, 5_000), "set back");
        assert!(!word.holds(1_000_000, 4_999), "the boot clock never goes back");
    }
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

//! What is counted: failures in a row, which delay, and failures in a long window, which close.

use crate::clock::UnixTime;

/// Failures that cost nothing.
pub const FREE: u32 = 5;
/// The longest delay, in seconds.
pub const LONGEST_DELAY_SECONDS: u64 = 900;
/// One failure in a row is forgotten for each hour without another.
pub const FORGET_SECONDS: u64 = 3600;
/// More in a row than this change nothing: the delay is the longest.
const MOST: u32 = FREE + 11;
const DAY_SECONDS: u64 = 24 * 3600;

/// Failures in a row and when the last one was: they delay the next try.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Streak {
    /// How many.
    pub failures: u32,
    /// When the last one was.
    pub last: UnixTime,
}

impl Streak {
    /// Seconds until the next try counts; none when it counts now.
    ///
    /// A `last` that lies ahead was written under another clock: it delays nobody, for nobody knows how long ago it was.
    #[must_use]
    pub fn wait_seconds(&self, now: UnixTime) -> Option<u64> {
        let elapsed = now.since(self.last)?;
        let wait = delay_seconds(self.failures).saturating_sub(elapsed);
        (wait > 0).then_some(wait)
    }

    /// One more.
    #[must_use]
    pub fn failed(self, now: UnixTime) -> Self {
        Self { failures: self.remembered(now).saturating_add(1).min(MOST), last: now }
    }

    /// `count` fewer.
    #[must_use]
    pub fn fewer(self, count: u32) -> Self {
        Self { failures: self.failures.saturating_sub(count), last: self.last }
    }

    /// After the clock was settled: a failure that lies ahead counts as of now.
    #[must_use]
    pub(super) fn settled(self, now: UnixTime) -> Self {
        Self { failures: self.failures, last: self.last.min(now) }
    }

    /// Failures in a row that are not forgotten yet.
    #[must_use]
    pub(super) fn remembered(self, now: UnixTime) -> u32 {
        let forgotten = now.since(self.last).unwrap_or(0) / FORGET_SECONDS;
        self.failures.saturating_sub(u32::try_from(forgotten).unwrap_or(u32::MAX))
    }
}

/// The delay after so many failures in a row: five free, then 1, 2, 4 … seconds up to fifteen minutes.
#[must_use]
pub fn delay_seconds(failures: u32) -> u64 {
    match failures.checked_sub(FREE + 1) {
        None => 0,
        Some(doublings) => 1_u64
            .checked_shl(doublings)
            .map_or(LONGEST_DELAY_SECONDS, |delay| delay.min(LONGEST_DELAY_SECONDS)),
    }
}

/// Failures in a rolling window of days: a number for each day that had any.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Window {
    /// Days since the epoch, oldest first, and how many failures each had.
    pub days: Vec<DayCount>,
}

/// One day's failures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DayCount {
    /// Days since the epoch.
    pub day: u32,
    /// Failures on it.
    pub failures: u32,
}

impl Window {
    /// Failures within the last `days` days; a day counts until it is over by that much.
    #[must_use]
    pub fn within(&self, now: UnixTime, days: u32) -> u32 {
        let oldest = day(now).saturating_sub(days);
        self.days
            .iter()
            .filter(|count| count.day >= oldest)
            .fold(0, |sum, count| sum.saturating_add(count.failures))
    }

    /// One more, and what is older than `days` days dropped.
    #[must_use]
    pub fn failed(mut self, now: UnixTime, days: u32) -> Self {
        let today = day(now);
        self.days.retain(|count| count.day >= today.saturating_sub(days));
        match self.days.iter_mut().find(|count| count.day == today) {
            Some(count) => count.failures = count.failures.saturating_add(1),
            None => self.days.push(DayCount { day: today, failures: 1 }),
        }
        self.days.sort_by_key(|count| count.day);
        self
    }

    /// `count` fewer, the newest first.
    #[must_use]
    pub fn fewer(mut self, mut count: u32) -> Self {
        for newest in self.days.iter_mut().rev() {
            let taken = newest.failures.min(count);
            newest.failures -= taken;
            count -= taken;
        }
        self.days.retain(|count| count.failures > 0);
        self
    }

    /// Days that lie ahead, written under another clock, become today.
    #[must_use]
    pub(super) fn settled(mut self, now: UnixTime) -> Self {
        let today = day(now);
        let ahead = self
            .days
            .iter()
            .filter(|count| count.day > today)
            .fold(0_u32, |sum, count| sum.saturating_add(count.failures));
        self.days.retain(|count| count.day <= today);
        if ahead > 0 {
            match self.days.iter_mut().find(|count| count.day == today) {
                Some(count) => count.failures = count.failures.saturating_add(ahead),
                None => self.days.push(DayCount { day: today, failures: ahead }),
            }
        }
        self
    }
}

fn day(now: UnixTime) -> u32 {
    u32::try_from(now.0 / DAY_SECONDS).unwrap_or(u32::MAX)
}

/// A streak and a window together: it delays, and it can be used up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counter {
    /// Failures in a row.
    pub streak: Streak,
    /// Failures in the long window.
    pub window: Window,
}

impl Counter {
    /// One more failure.
    #[must_use]
    pub fn failed(self, now: UnixTime, days: u32) -> Self {
        Self { streak: self.streak.failed(now), window: self.window.failed(now, days) }
    }

    /// `count` failures given back.
    #[must_use]
    pub fn fewer(self, count: u32) -> Self {
        Self { streak: self.streak.fewer(count), window: self.window.fewer(count) }
    }

    /// After the clock was settled.
    #[must_use]
    pub(super) fn settled(self, now: UnixTime) -> Self {
        Self { streak: self.streak.settled(now), window: self.window.settled(now) }
    }
}

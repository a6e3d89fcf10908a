//! The clock rule: when the wall clock cannot be believed, codes from an app cannot be checked.
//!
//! Pure: an adapter reads the clocks, the ledger keeps the record, this decides. TOTP is refused while in doubt; backup
//! codes work, for they know no time.

use std::fmt;

/// Seconds since the epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UnixTime(pub u64);

impl UnixTime {
    /// This much later.
    #[must_use]
    pub const fn plus(self, seconds: u64) -> Self {
        Self(self.0.saturating_add(seconds))
    }

    /// How many seconds have passed since `earlier`; none when it lies ahead.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Option<u64> {
        self.0.checked_sub(earlier.0)
    }
}

impl fmt::Display for UnixTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What the clocks say at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    /// `CLOCK_REALTIME`, in milliseconds since the epoch.
    pub wall_ms: u64,
    /// `CLOCK_BOOTTIME`, in milliseconds: it counts through suspend and nobody can set it.
    pub boottime_ms: u64,
    /// `/proc/sys/kernel/random/boot_id`.
    pub boot_id: String,
    /// Whether the kernel calls its clock synchronised.
    pub synchronised: bool,
}

impl Reading {
    /// The wall clock in seconds.
    #[must_use]
    pub const fn now(&self) -> UnixTime {
        UnixTime(self.wall_ms / 1000)
    }

    fn wall_minus_boot_ms(&self) -> i64 {
        i64::try_from(i128::from(self.wall_ms) - i128::from(self.boottime_ms)).unwrap_or(i64::MAX)
    }
}

/// What the ledger remembers of the clock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClockRecord {
    /// The newest wall time that was believed.
    pub newest: UnixTime,
    /// The boot in which it was last looked at.
    pub boot_id: String,
    /// `CLOCK_REALTIME` − `CLOCK_BOOTTIME` at that look, in milliseconds.
    pub wall_minus_boot_ms: i64,
    /// Whether the clock is believed. Doubt stays until it is settled.
    pub trusted: bool,
}

/// Why the clock is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doubt {
    /// It is this many seconds behind the newest time that was believed.
    Behind(u64),
    /// Within one boot it was set back by this many seconds.
    SetBack(u64),
    /// Within one boot it was set forward by this many seconds.
    SetForward(u64),
    /// Doubted at an earlier look, and nothing has settled it since.
    Unsettled,
}

/// What one look at the clock found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClockState {
    /// Believed.
    Trusted,
    /// Believed, and stepped by this many milliseconds since the last look: for the audit trail.
    Stepped(i64),
    /// Believed again, because the kernel calls it synchronised. Every later `last_step` must come down to the current
    /// one ([`crate::account::Account::clock_settled`]).
    Settled,
    /// Not believed: TOTP is refused.
    Doubtful(Doubt),
}

impl ClockState {
    /// Whether codes from an app can be checked.
    #[must_use]
    pub const fn trusted(self) -> bool {
        !matches!(self, Self::Doubtful(_))
    }
}

/// How far behind the newest time is too far, in seconds.
pub const BEHIND_SECONDS: u64 = 120;
/// How far back the clock may be set within one boot, in seconds.
pub const BACK_SECONDS: u64 = 60;
/// How far forward the clock may be set within one boot, in seconds.
pub const FORWARD_SECONDS: u64 = 30 * 24 * 3600;
/// Differences below this many milliseconds are slewing and rounding, not steps.
pub const STEP_MS: i64 = 1000;

/// The record of a ledger that has never seen a clock.
#[must_use]
pub fn first_look(reading: &Reading) -> ClockRecord {
    accept(reading)
}

/// Looks at the clock: the record to keep, and whether the clock is believed.
#[must_use]
pub fn look(record: &ClockRecord, reading: &Reading) -> (ClockRecord, ClockState) {
    let doubt = if record.trusted { doubt(record, reading) } else { Some(Doubt::Unsettled) };
    match doubt {
        Some(_) if reading.synchronised => (accept(reading), ClockState::Settled),
        // The rest of the record stays: an unbelieved clock must not raise the newest time, or the right one would be
        // behind it for ever.
        Some(doubt) => (ClockRecord { trusted: false, ..record.clone() }, ClockState::Doubtful(doubt)),
        None => {
            let stepped = step_ms(record, reading).filter(|step| step.abs() >= STEP_MS);
            let newest = record.newest.max(reading.now());
            (
                ClockRecord { newest, ..accept(reading) },
                stepped.map_or(ClockState::Trusted, ClockState::Stepped),
            )
        }
    }
}

/// Root has looked, and the wall clock is right: now is the newest time. Every later `last_step` must come down to the
/// current one ([`crate::account::Account::clock_settled`]).
#[must_use]
pub fn accept(reading: &Reading) -> ClockRecord {
    ClockRecord {
        newest: reading.now(),
        boot_id: reading.boot_id.clone(),
        wall_minus_boot_ms: reading.wall_minus_boot_ms(),
        trusted: true,
    }
}

fn doubt(record: &ClockRecord, reading: &Reading) -> Option<Doubt> {
    if let Some(step) = step_ms(record, reading) {
        let seconds = step.unsigned_abs() / 1000;
        if step < 0 && step.unsigned_abs() > BACK_SECONDS * 1000 {
            return Some(Doubt::SetBack(seconds));
        }
        if step > 0 && step.unsigned_abs() > FORWARD_SECONDS * 1000 {
            return Some(Doubt::SetForward(seconds));
        }
    }
    let behind = record.newest.0.saturating_sub(reading.now().0);
    (behind > BEHIND_SECONDS).then_some(Doubt::Behind(behind))
}

/// By how much the wall clock moved against the boot clock since the last look; none across boots.
fn step_ms(record: &ClockRecord, reading: &Reading) -> Option<i64> {
    (record.boot_id == reading.boot_id)
        .then(|| reading.wall_minus_boot_ms().saturating_sub(record.wall_minus_boot_ms))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: u64 = 1_800_000_000_000;

    fn reading(wall_ms: u64, boottime_ms: u64) -> Reading {
        Reading { wall_ms, boottime_ms, boot_id: "one".to_owned(), synchronised: false }
    }

    fn record() -> ClockRecord {
        first_look(&reading(NOW, 1_000))
    }

    #[test]
    fn time_that_passes_is_believed() {
        let (after, state) = look(&record(), &reading(NOW + 3_600_000, 3_601_000));
        assert_eq!(state, ClockState::Trusted);
        assert_eq!(after.newest, UnixTime(NOW / 1000 + 3600));
    }

    #[test]
    fn a_small_step_is_told_and_believed() {
        let (after, state) = look(&record(), &reading(NOW - 50_000, 1_000));
        assert_eq!(state, ClockState::Stepped(-50_000));
        assert_eq!(after.newest, UnixTime(NOW / 1000), "the newest time stays the newest");
        let (_, state) = look(&after, &reading(NOW - 50_000, 1_000));
        assert_eq!(state, ClockState::Trusted, "and is told once");
    }

    #[test]
    fn many_small_steps_back_add_up_to_doubt() {
        let mut record = record();
        let mut states = Vec::new();
        for back in 1..=3 {
            let (after, state) = look(&record, &reading(NOW - back * 50_000, 1_000));
            record = after;
            states.push(state.trusted());
        }
        assert_eq!(states, [true, true, false]);
    }

    #[test]
    fn a_clock_set_back_within_one_boot_is_doubted() {
        let (after, state) = look(&record(), &reading(NOW + 600_000 - 61_000, 601_000));
        assert_eq!(state, ClockState::Doubtful(Doubt::SetBack(61)), "though it is ahead of the newest time");
        assert!(!after.trusted);
    }

    #[test]
    fn a_clock_behind_the_newest_time_is_doubted_across_boots() {
        let other_boot = |wall_ms| Reading { boot_id: "two".to_owned(), ..reading(wall_ms, 5) };
        assert_eq!(look(&record(), &other_boot(NOW - 120_000)).1, ClockState::Trusted);
        assert_eq!(look(&record(), &other_boot(NOW - 121_000)).1, ClockState::Doubtful(Doubt::Behind(121)));
    }

    #[test]
    fn a_clock_set_far_forward_within_one_boot_is_doubted_and_does_not_become_the_newest_time() {
        let year = 365 * 24 * 3_600_000;
        let (after, state) = look(&record(), &reading(NOW + year, 1_000));
        assert_eq!(state, ClockState::Doubtful(Doubt::SetForward(year / 1000)));
        assert_eq!(after.newest, UnixTime(NOW / 1000));
        let month = 30 * 24 * 3_600_000;
        assert_eq!(look(&record(), &reading(NOW + month, 1_000)).1, ClockState::Stepped(month as i64));
    }

    #[test]
    fn doubt_stays_when_the_clock_comes_back_by_itself() {
        let (doubted, _) = look(&record(), &reading(NOW - 600_000, 1_000));
        let (after, state) = look(&doubted, &reading(NOW + 1_000, 2_000));
        assert_eq!(state, ClockState::Doubtful(Doubt::Unsettled));
        assert!(!after.trusted);
    }

    #[test]
    fn doubt_ends_when_the_kernel_is_synchronised_or_root_accepts() {
        let (doubted, _) = look(&record(), &reading(NOW - 600_000, 1_000));
        let synchronised = Reading { synchronised: true, ..reading(NOW - 600_000, 2_000) };
        let (settled, state) = look(&doubted, &synchronised);
        assert_eq!(state, ClockState::Settled);
        let accepted = accept(&reading(NOW - 600_000, 2_000));
        assert_eq!(settled, accepted);
        assert_eq!(accepted.newest, UnixTime(NOW / 1000 - 600), "now is the newest time");
        assert_eq!(look(&accepted, &reading(NOW - 599_000, 3_000)).1, ClockState::Trusted);
    }

    proptest! {
        #[test]
        fn looking_never_panics_and_the_newest_time_of_a_trusted_clock_never_falls(
            wall in any::<u64>(), boot in any::<u64>(), wall2 in any::<u64>(), boot2 in any::<u64>(), same in any::<bool>(),
        ) {
            let record = first_look(&reading(wall, boot));
            let boot_id = if same { "one" } else { "two" }.to_owned();
            let (after, state) = look(&record, &Reading { boot_id, ..reading(wall2, boot2) });
            prop_assert!(after.newest >= record.newest);
            prop_assert_eq!(after.trusted, state.trusted());
        }
    }
}

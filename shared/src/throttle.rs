//! The guess limit: it stops guessing at all doors together, and strangers cannot turn it into a lock-out.
//!
//! Sources that have passed before are *known* and have counters of their own; all others share counters that no known
//! source ever waits for. Delays follow failures in a row; windows close what has failed too often. Only a refused code
//! or password is a failure: a try that is made to wait is not looked at, and costs nothing.

mod counter;
#[cfg(test)]
mod odds;
mod origin;
#[cfg(test)]
mod tests;

pub use counter::{Counter, DayCount, FREE, LONGEST_DELAY_SECONDS, Streak, Window, delay_seconds};
pub use origin::{Origin, SourceId, SourceKind};

use crate::clock::UnixTime;

/// Known sources of an account, at most.
pub const MAX_KNOWN: usize = 16;
/// Failures after which a known source is a stranger again.
pub const KNOWN_FAILURES: u32 = 30;
/// Days in which they are counted.
pub const KNOWN_DAYS: u32 = 30;
/// Failures after which a shared counter is closed.
pub const STRANGER_FAILURES: u32 = crate::odds::GUESSES;
/// Days in which they are counted.
pub const STRANGER_DAYS: u32 = crate::odds::DAYS;
/// Failures that one success gives back to a known source, at most. One, for a neighbour behind the same address who
/// guesses between its owner's logins must be demoted some day.
pub const KNOWN_GIVEN_BACK: u32 = 1;
/// Failures that one success gives back to strangers, at most: its owner's typing.
pub const GIVEN_BACK: u32 = 3;
/// How long ago a stranger's failure may be to be given back, in seconds.
pub const GIVEN_BACK_SECONDS: u64 = 900;
/// Strangers' failures remembered with their source. The delays let fewer than this into [`GIVEN_BACK_SECONDS`].
const MAX_RECENT: usize = 16;

/// Whether a first factor has passed before the code is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Not yet, or nobody knows: these failures delay nobody who has passed one.
    BeforeFirst,
    /// Yes.
    AfterFirst,
}

/// What a typed code may be, by its length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Guesses {
    /// A device's code.
    pub device: bool,
    /// A backup code.
    pub backup: bool,
}

/// Why a try is not even looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Throttled {
    /// Not for so many seconds.
    Wait(u64),
    /// Not from here until the account is reopened or the window has passed.
    Closed,
}

/// A source that has passed, and what has failed there since.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownSource {
    /// Which.
    pub id: SourceId,
    /// When it last passed.
    pub last_success: UnixTime,
    /// Codes that failed after a first factor.
    pub codes: Counter,
    /// Codes that failed before any: a neighbour behind the same address must not delay its owner.
    pub before_first: Counter,
    /// Wrong passwords.
    pub passwords: Streak,
}

/// A stranger's recent failure, to be given back if its owner passes from there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecentFailure {
    /// From where.
    pub source: SourceId,
    /// When.
    pub at: UnixTime,
    /// Before or after a first factor.
    pub stage: Stage,
    /// Which counters it raised.
    pub guesses: Guesses,
}

/// Everything that limits guesses at one account.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Throttle {
    /// Known sources, at most [`MAX_KNOWN`].
    pub known: Vec<KnownSource>,
    /// Devices' codes that failed anywhere else, after a first factor.
    pub strangers: Counter,
    /// Backup codes that failed anywhere else, after a first factor.
    pub strangers_backup: Counter,
    /// Codes that failed anywhere else, before any first factor.
    pub before_first: Counter,
    /// Wrong passwords anywhere else. Never closes.
    pub strangers_passwords: Streak,
    /// Strangers' failures of the last minutes.
    pub recent: Vec<RecentFailure>,
}

/// Who pays for a failure.
enum Payer {
    Known(usize),
    Strangers,
}

impl Throttle {
    /// Whether a code may be looked at, and as what: where strangers' guesses at devices are used up, a backup code is
    /// still one.
    ///
    /// # Errors
    /// [`Throttled`] when it may not be looked at at all.
    pub fn admit(
        &self,
        origin: &Origin,
        stage: Stage,
        fits: Guesses,
        now: UnixTime,
    ) -> Result<Guesses, Throttled> {
        match (self.payer(origin, stage, now), stage) {
            (Payer::Known(index), _) => {
                match self.known.get(index).and_then(|known| known.counter(stage).streak.wait_seconds(now)) {
                    Some(wait) => Err(Throttled::Wait(wait)),
                    None => Ok(fits),
                }
            }
            (Payer::Strangers, Stage::BeforeFirst) => open(&self.before_first, now).map(|()| fits),
            (Payer::Strangers, Stage::AfterFirst) => {
                let device = open(&self.strangers, now);
                let backup = open(&self.strangers_backup, now);
                let admitted =
                    Guesses { device: fits.device && device.is_ok(), backup: fits.backup && backup.is_ok() };
                if admitted.device || admitted.backup {
                    return Ok(admitted);
                }
                // What it fits is shut. Of two reasons, the one that ends sooner.
                match (fits.device.then_some(device), fits.backup.then_some(backup)) {
                    (Some(Err(one)), Some(Err(other))) => Err(one.sooner(other)),
                    (Some(Err(only)), _) | (_, Some(Err(only))) => Err(only),
                    _ => Ok(fits),
                }
            }
        }
    }

    /// The throttle after a code that was looked at, as `tried`, and refused.
    #[must_use]
    pub fn failed(&self, origin: &Origin, stage: Stage, tried: Guesses, now: UnixTime) -> Self {
        let mut after = self.clone();
        match self.payer(origin, stage, now) {
            Payer::Known(index) => after.known_failed(index, stage, now),
            Payer::Strangers => after.stranger_failed(origin, stage, tried, now),
        }
        after
    }

    /// The throttle after a right code: its source is known, and its owner's typing is given back.
    #[must_use]
    pub fn succeeded(&self, origin: &Origin, stage: Stage, now: UnixTime) -> Self {
        let mut after = self.clone();
        if let Payer::Known(index) = self.payer(origin, stage, now)
            && let Some(known) = after.known.get_mut(index)
        {
            known.forgive(now);
        }
        after.give_back(origin, now);
        for source in &origin.sources {
            match after.known.iter_mut().find(|known| known.id == *source) {
                Some(known) => known.last_success = now,
                None => after.known.push(KnownSource::new(*source, now)),
            }
        }
        // Addresses give way first: they are the ones that strangers can come to share.
        while after.known.len() > MAX_KNOWN {
            let rank = |known: &KnownSource| (known.id.kind != SourceKind::Address, known.last_success);
            let Some((least, _)) = after.known.iter().enumerate().min_by_key(|(_, known)| rank(known)) else {
                break;
            };
            after.known.swap_remove(least);
        }
        after
    }

    /// Whether a password may be looked at.
    ///
    /// # Errors
    /// [`Throttled::Wait`]; passwords never close.
    pub fn admit_password(&self, origin: &Origin, now: UnixTime) -> Result<(), Throttled> {
        let known = self.known_index(origin).and_then(|index| self.known.get(index));
        let streak = known.map_or(&self.strangers_passwords, |known| &known.passwords);
        streak.wait_seconds(now).map_or(Ok(()), |wait| Err(Throttled::Wait(wait)))
    }

    /// The throttle after a wrong password. A right one changes nothing.
    #[must_use]
    pub fn password_failed(&self, origin: &Origin, now: UnixTime) -> Self {
        let mut after = self.clone();
        match self.known_index(origin).and_then(|index| after.known.get_mut(index)) {
            Some(known) => known.passwords = known.passwords.failed(now),
            None => after.strangers_passwords = after.strangers_passwords.failed(now),
        }
        after
    }

    /// Whether the origin has passed before, and is not demoted.
    #[must_use]
    pub fn knows(&self, origin: &Origin, now: UnixTime) -> bool {
        matches!(self.payer(origin, Stage::AfterFirst, now), Payer::Known(_))
    }

    /// Whether strangers' guesses at devices are used up.
    #[must_use]
    pub fn closed_to_strangers(&self, now: UnixTime) -> bool {
        used_up(&self.strangers, now)
    }

    /// Open to strangers again. Known sources keep what they have.
    #[must_use]
    pub fn reopened(&self) -> Self {
        Self { known: self.known.clone(), strangers_passwords: self.strangers_passwords, ..Self::default() }
    }

    /// Without the browsers that are known no more.
    #[must_use]
    pub fn with_browsers(&self, known: &[SourceId]) -> Self {
        let mut after = self.clone();
        after.known.retain(|source| source.id.kind != SourceKind::Browser || known.contains(&source.id));
        after
    }

    /// After the clock was settled: what was written in a time that has not come counts as of now.
    #[must_use]
    pub fn settled(&self, now: UnixTime) -> Self {
        let mut after = self.clone();
        for known in &mut after.known {
            known.last_success = known.last_success.min(now);
            known.passwords = known.passwords.settled(now);
            for counter in [&mut known.codes, &mut known.before_first] {
                *counter = std::mem::take(counter).settled(now);
            }
        }
        for counter in [&mut after.strangers, &mut after.strangers_backup, &mut after.before_first] {
            *counter = std::mem::take(counter).settled(now);
        }
        after.strangers_passwords = after.strangers_passwords.settled(now);
        after.recent.retain(|recent| recent.at <= now);
        after
    }

    /// The strongest of the origin's sources that has passed before.
    fn known_index(&self, origin: &Origin) -> Option<usize> {
        origin.sources.iter().find_map(|source| self.known.iter().position(|known| known.id == *source))
    }

    /// The strongest of the origin's known sources that is not worn out. A worn one stays in the list: forgotten, its
    /// owner's next login would make it new, and give whoever wore it out as many guesses again.
    fn payer(&self, origin: &Origin, stage: Stage, now: UnixTime) -> Payer {
        let usable = |source: &SourceId| {
            self.known.iter().position(|known| known.id == *source && !known.worn(stage, now))
        };
        origin.sources.iter().find_map(usable).map_or(Payer::Strangers, Payer::Known)
    }

    fn known_failed(&mut self, index: usize, stage: Stage, now: UnixTime) {
        if let Some(known) = self.known.get_mut(index) {
            let counter = known.counter_mut(stage);
            *counter = std::mem::take(counter).failed(now, KNOWN_DAYS);
        }
    }

    fn stranger_failed(&mut self, origin: &Origin, stage: Stage, guesses: Guesses, now: UnixTime) {
        for counter in self.charged(stage, guesses) {
            *counter = std::mem::take(counter).failed(now, STRANGER_DAYS);
        }
        self.recent.retain(|recent| is_recent(recent, now));
        if let Some(source) = origin.weakest() {
            if self.recent.len() == MAX_RECENT {
                self.recent.remove(0);
            }
            self.recent.push(RecentFailure { source, at: now, stage, guesses });
        }
    }

    /// Gives back what failed a moment ago where its owner has now passed, and forgets the rest of it.
    fn give_back(&mut self, origin: &Origin, now: UnixTime) {
        let recent = std::mem::take(&mut self.recent);
        let (theirs, others): (Vec<_>, Vec<_>) = recent
            .into_iter()
            .filter(|recent| is_recent(recent, now))
            .partition(|recent| origin.sources.contains(&recent.source));
        self.recent = others;
        for failure in theirs.iter().rev().take(GIVEN_BACK as usize) {
            for counter in self.charged(failure.stage, failure.guesses) {
                *counter = std::mem::take(counter).fewer(1);
            }
        }
    }

    /// The shared counters that a stranger's failure raises.
    fn charged(&mut self, stage: Stage, guesses: Guesses) -> impl Iterator<Item = &mut Counter> {
        let after = stage == Stage::AfterFirst;
        // What fits nothing is charged to the devices' counter: every refusal is counted somewhere.
        let device = guesses.device || !guesses.backup;
        [
            (after && device).then_some(&mut self.strangers),
            (after && guesses.backup).then_some(&mut self.strangers_backup),
            (!after).then_some(&mut self.before_first),
        ]
        .into_iter()
        .flatten()
    }
}

impl KnownSource {
    /// A source that has just passed.
    #[must_use]
    pub fn new(id: SourceId, now: UnixTime) -> Self {
        Self {
            id,
            last_success: now,
            codes: Counter::default(),
            before_first: Counter::default(),
            passwords: Streak::default(),
        }
    }

    /// Demoted to a stranger. Failures before a first factor demote only for tries before one.
    fn worn(&self, stage: Stage, now: UnixTime) -> bool {
        self.counter(stage).window.within(now, KNOWN_DAYS) >= KNOWN_FAILURES
    }

    const fn counter(&self, stage: Stage) -> &Counter {
        match stage {
            Stage::BeforeFirst => &self.before_first,
            Stage::AfterFirst => &self.codes,
        }
    }

    const fn counter_mut(&mut self, stage: Stage) -> &mut Counter {
        match stage {
            Stage::BeforeFirst => &mut self.before_first,
            Stage::AfterFirst => &mut self.codes,
        }
    }

    /// A success ends every delay here, and gives back one failure where the source is not worn out already.
    fn forgive(&mut self, now: UnixTime) {
        for stage in [Stage::BeforeFirst, Stage::AfterFirst] {
            if !self.worn(stage, now) {
                let counter = self.counter_mut(stage);
                let recent = counter.streak.remembered(now).min(KNOWN_GIVEN_BACK);
                *counter = std::mem::take(counter).fewer(recent);
                counter.streak = Streak::default();
            }
        }
        self.passwords = Streak::default();
    }
}

impl Throttled {
    fn sooner(self, other: Self) -> Self {
        match (self, other) {
            (Self::Wait(one), Self::Wait(two)) => Self::Wait(one.min(two)),
            (Self::Wait(wait), Self::Closed) | (Self::Closed, Self::Wait(wait)) => Self::Wait(wait),
            (Self::Closed, Self::Closed) => Self::Closed,
        }
    }
}

fn used_up(counter: &Counter, now: UnixTime) -> bool {
    counter.window.within(now, STRANGER_DAYS) >= STRANGER_FAILURES
}

fn open(counter: &Counter, now: UnixTime) -> Result<(), Throttled> {
    if used_up(counter, now) {
        return Err(Throttled::Closed);
    }
    counter.streak.wait_seconds(now).map_or(Ok(()), |wait| Err(Throttled::Wait(wait)))
}

fn is_recent(recent: &RecentFailure, now: UnixTime) -> bool {
    now.since(recent.at).is_some_and(|ago| ago <= GIVEN_BACK_SECONDS)
}

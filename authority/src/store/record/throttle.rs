//! The throttle as it is stored.

use serde::{Deserialize, Serialize};
use twofold_shared::clock::UnixTime;
use twofold_shared::throttle::{
    Counter, DayCount, Guesses, KnownSource, RecentFailure, SourceId, SourceKind, Stage, Streak, Throttle,
    Window,
};

#[derive(Serialize, Deserialize)]
pub(super) struct StoredThrottle {
    known: Vec<StoredKnown>,
    strangers: StoredCounter,
    strangers_backup: StoredCounter,
    before_first: StoredCounter,
    strangers_passwords: StoredStreak,
    recent: Vec<StoredRecent>,
}

#[derive(Serialize, Deserialize)]
struct StoredKnown {
    id: StoredSource,
    last_success: u64,
    codes: StoredCounter,
    before_first: StoredCounter,
    passwords: StoredStreak,
}

#[derive(Serialize, Deserialize)]
struct StoredRecent {
    source: StoredSource,
    at: u64,
    after_first: bool,
    device: bool,
    backup: bool,
}

#[derive(Serialize, Deserialize)]
struct StoredSource {
    kind: StoredKind,
    digest: [u8; 16],
}

#[derive(Serialize, Deserialize)]
enum StoredKind {
    Browser,
    PublicKey,
    Terminals,
    Address,
}

#[derive(Serialize, Deserialize)]
struct StoredCounter {
    streak: StoredStreak,
    days: Vec<(u32, u32)>,
}

#[derive(Serialize, Deserialize)]
struct StoredStreak {
    failures: u32,
    last: u64,
}

impl From<&Throttle> for StoredThrottle {
    fn from(throttle: &Throttle) -> Self {
        Self {
            known: throttle.known.iter().map(StoredKnown::from).collect(),
            strangers: (&throttle.strangers).into(),
            strangers_backup: (&throttle.strangers_backup).into(),
            before_first: (&throttle.before_first).into(),
            strangers_passwords: throttle.strangers_passwords.into(),
            recent: throttle.recent.iter().map(StoredRecent::from).collect(),
        }
    }
}

impl From<StoredThrottle> for Throttle {
    fn from(stored: StoredThrottle) -> Self {
        Self {
            known: stored.known.into_iter().map(KnownSource::from).collect(),
            strangers: stored.strangers.into(),
            strangers_backup: stored.strangers_backup.into(),
            before_first: stored.before_first.into(),
            strangers_passwords: stored.strangers_passwords.into(),
            recent: stored.recent.into_iter().map(RecentFailure::from).collect(),
        }
    }
}

impl From<&KnownSource> for StoredKnown {
    fn from(known: &KnownSource) -> Self {
        Self {
            id: known.id.into(),
            last_success: known.last_success.0,
            codes: (&known.codes).into(),
            before_first: (&known.before_first).into(),
            passwords: known.passwords.into(),
        }
    }
}

impl From<StoredKnown> for KnownSource {
    fn from(stored: StoredKnown) -> Self {
        Self {
            id: stored.id.into(),
            last_success: UnixTime(stored.last_success),
            codes: stored.codes.into(),
            before_first: stored.before_first.into(),
            passwords: stored.passwords.into(),
        }
    }
}

impl From<&RecentFailure> for StoredRecent {
    fn from(recent: &RecentFailure) -> Self {
        Self {
            source: recent.source.into(),
            at: recent.at.0,
            after_first: match recent.stage {
                Stage::BeforeFirst => false,
                Stage::AfterFirst => true,
            },
            device: recent.guesses.device,
            backup: recent.guesses.backup,
        }
    }
}

impl From<StoredRecent> for RecentFailure {
    fn from(stored: StoredRecent) -> Self {
        Self {
            source: stored.source.into(),
            at: UnixTime(stored.at),
            stage: if stored.after_first { Stage::AfterFirst } else { Stage::BeforeFirst },
            guesses: Guesses { device: stored.device, backup: stored.backup },
        }
    }
}

impl From<SourceId> for StoredSource {
    fn from(id: SourceId) -> Self {
        let kind = match id.kind {
            SourceKind::Browser => StoredKind::Browser,
            SourceKind::PublicKey => StoredKind::PublicKey,
            SourceKind::Terminals => StoredKind::Terminals,
            SourceKind::Address => StoredKind::Address,
        };
        Self { kind, digest: id.digest }
    }
}

impl From<StoredSource> for SourceId {
    fn from(stored: StoredSource) -> Self {
        let kind = match stored.kind {
            StoredKind::Browser => SourceKind::Browser,
            StoredKind::PublicKey => SourceKind::PublicKey,
            StoredKind::Terminals => SourceKind::Terminals,
            StoredKind::Address => SourceKind::Address,
        };
        Self { kind, digest: stored.digest }
    }
}

impl From<&Counter> for StoredCounter {
    fn from(counter: &Counter) -> Self {
        let days = counter.window.days.iter().map(|count| (count.day, count.failures)).collect();
        Self { streak: counter.streak.into(), days }
    }
}

impl From<StoredCounter> for Counter {
    fn from(stored: StoredCounter) -> Self {
        let days = stored.days.into_iter().map(|(day, failures)| DayCount { day, failures }).collect();
        Self { streak: stored.streak.into(), window: Window { days } }
    }
}

impl From<Streak> for StoredStreak {
    fn from(streak: Streak) -> Self {
        Self { failures: streak.failures, last: streak.last.0 }
    }
}

impl From<StoredStreak> for Streak {
    fn from(stored: StoredStreak) -> Self {
        Self { failures: stored.failures, last: UnixTime(stored.last) }
    }
}

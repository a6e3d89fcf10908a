//! The audit trail: who, at which door, from where, how it ended and why. Never a code, a password, a cookie or a key.
//!
//! An entry is written in the same commit as what it tells ([`crate::store`]), so neither exists without the other.
//! What an attacker can cause without end (throttled refusals, names that nobody has) is told once a minute with a
//! count, by rewriting one record: each refusal costs the same commit, and the disk does not fill.

use std::fmt;

use data_encoding::HEXLOWER;
use twofold_shared::account::AccountId;
use twofold_shared::clock::UnixTime;
use twofold_shared::trail::Action;

mod coalesce;
mod line;
mod syslog;

pub(crate) use coalesce::Coalescer;
pub use line::line;
pub use syslog::{Syslog, Urgency};

/// The factor of who came in with one, as [`twofold_shared::account::Factor`] calls it.
const EMERGENCY_CODE: &str = "emergency code";

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// Somebody passed.
    Approved,
    /// Somebody did not.
    Refused,
    /// Something was changed.
    Done,
}

impl Outcome {
    /// The word for it on the wire and in the log.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Approved => "approved",
            Self::Refused => "refused",
            Self::Done => "done",
        }
    }
}

/// Whether an entry may be told together with others like it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Coalesce {
    /// Its own event.
    #[default]
    Never,
    /// One event a minute for an account, action, reason and factor: throttled refusals, and an API key's use.
    Account,
    /// One event a minute for an action and reason, whoever was named: names that nobody has. Neither the name nor an
    /// account is kept.
    UnknownNames,
}

/// Something to tell. The store adds when, and where in the trail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// What, as [`Action`] says it; in an old ledger perhaps a word that is used no more.
    pub action: String,
    /// How it ended.
    pub outcome: Outcome,
    /// The account, where there is one.
    pub account: Option<AccountId>,
    /// The name used, `realm:name`.
    pub name: Option<String>,
    /// The door.
    pub door: String,
    /// Address or terminal, where known.
    pub source: Option<String>,
    /// Which device, or `backup code`.
    pub factor: Option<String>,
    /// The internal reason of a refusal.
    pub reason: Option<String>,
    /// Who did it, where it was not the account's owner.
    pub actor: Option<String>,
    /// The request's number, in hex.
    pub request: Option<String>,
    /// Whether it may be told together with others.
    pub coalesce: Coalesce,
}

impl Entry {
    /// An entry with nothing but its three certain parts.
    #[must_use]
    pub fn new(action: Action, outcome: Outcome, door: impl Into<String>) -> Self {
        Self {
            action: action.to_string(),
            outcome,
            account: None,
            name: None,
            door: door.into(),
            source: None,
            factor: None,
            reason: None,
            actor: None,
            request: None,
            coalesce: Coalesce::Never,
        }
    }
}

/// An entry as it stands in the trail. `entry.coalesce` is not kept: a told event is always [`Coalesce::Never`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// When the first of them happened.
    pub at: UnixTime,
    /// How many are told by this one event.
    pub count: u64,
    /// What happened.
    pub entry: Entry,
}

impl Event {
    /// How loud it is told: that an emergency code was made, or opened a door, is an alert.
    #[must_use]
    pub fn urgency(&self) -> Urgency {
        let opened =
            self.entry.outcome == Outcome::Approved && self.entry.factor.as_deref() == Some(EMERGENCY_CODE);
        if opened || self.entry.action == Action::EmergencyCode.as_str() {
            Urgency::Alert
        } else {
            Urgency::Usual
        }
    }
}

/// Where an event stands in the trail: sorts in the order of the commits, and is never given twice.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// The commit's revision.
    pub(crate) revision: u64,
    /// The entry's place in its commit.
    pub(crate) index: u16,
}

impl Position {
    /// Its name within the key space of the trail.
    pub(crate) fn to_bytes(self) -> [u8; 10] {
        let mut bytes = [0; 10];
        let (revision, index) = bytes.split_at_mut(8);
        revision.copy_from_slice(&self.revision.to_be_bytes());
        index.copy_from_slice(&self.index.to_be_bytes());
        bytes
    }

    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (revision, index) = bytes.split_first_chunk::<8>()?;
        let index = index.try_into().ok().map(u16::from_be_bytes)?;
        Some(Self { revision: u64::from_be_bytes(*revision), index })
    }

    /// Reads what [`fmt::Display`] wrote.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::from_bytes(&HEXLOWER.decode(text.as_bytes()).ok()?)
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&HEXLOWER.encode(&self.to_bytes()))
    }
}

impl fmt::Debug for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Position({self})")
    }
}

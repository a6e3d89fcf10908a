//! Telling the same thing once a minute, with an exact count.
//!
//! Lives in the store's writer, so that a count and the commit it belongs to are one. After a restart a new event
//! begins: the sum over the events stays exact.

use std::collections::HashMap;

use twofold_shared::account::AccountId;
use twofold_shared::clock::UnixTime;

use super::{Coalesce, Entry, Event, Outcome, Position};

/// What two entries have in common that are told together.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Alike {
    action: String,
    outcome: Outcome,
    reason: Option<String>,
    account: Option<AccountId>,
    factor: Option<String>,
}

#[derive(Clone)]
struct Open {
    position: Position,
    event: Event,
}

/// Where an entry goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Placed {
    /// The event's position: a new one, or that of the event that tells this entry too.
    pub position: Position,
    /// The event as it is to be written.
    pub event: Event,
    /// Whether a new event begins here.
    pub first: bool,
}

/// The events of the current minute that may still grow. Bounded by the number of accounts attacked within a minute.
#[derive(Clone, Default)]
pub(crate) struct Coalescer {
    minute: u64,
    open: HashMap<Alike, Open>,
}

impl Coalescer {
    /// Ends the events of an earlier minute, and gives those that told more than one entry: the system log has only
    /// seen the first of each.
    pub fn turn(&mut self, now: UnixTime) -> Vec<Event> {
        let minute = now.0 / 60;
        if minute == self.minute {
            return Vec::new();
        }
        self.minute = minute;
        self.open.drain().map(|(_, open)| open.event).filter(|event| event.count > 1).collect()
    }

    /// Places one entry; `fresh` is its position should it be an event of its own.
    pub fn place(&mut self, mut entry: Entry, now: UnixTime, fresh: Position) -> Placed {
        let coalesce = std::mem::take(&mut entry.coalesce);
        if coalesce == Coalesce::UnknownNames {
            (entry.name, entry.account) = (None, None);
        }
        if coalesce == Coalesce::Never {
            return Placed { position: fresh, event: Event { at: now, count: 1, entry }, first: true };
        }
        let alike = Alike {
            action: entry.action.clone(),
            outcome: entry.outcome,
            reason: entry.reason.clone(),
            account: entry.account,
            factor: entry.factor.clone(),
        };
        if let Some(open) = self.open.get_mut(&alike) {
            open.event.count = open.event.count.saturating_add(1);
            merge(&mut open.event.entry, &entry);
            return Placed { position: open.position, event: open.event.clone(), first: false };
        }
        let event = Event { at: now, count: 1, entry };
        self.open.insert(alike, Open { position: fresh, event: event.clone() });
        Placed { position: fresh, event, first: true }
    }
}

/// What differs between entries told together cannot be told: better no source than a wrong one.
fn merge(told: &mut Entry, entry: &Entry) {
    if told.door != entry.door {
        told.door = "several".into();
    }
    if told.source != entry.source {
        told.source = Some("several".into());
    }
    if told.name != entry.name {
        told.name = None;
    }
    if told.request != entry.request {
        told.request = None;
    }
}

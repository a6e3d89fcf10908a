//! An event of the audit trail as it is stored.

use serde::{Deserialize, Serialize};
use twofold_shared::account::AccountId;
use twofold_shared::clock::UnixTime;
use zeroize::Zeroizing;

use super::{decode, encode, invalid};
use crate::audit::{Coalesce, Entry, Event, Outcome, Position};
use crate::store::{Key, StoreError};

#[derive(Serialize, Deserialize)]
struct StoredEvent<'a> {
    at: u64,
    count: u64,
    action: &'a str,
    outcome: StoredOutcome,
    account: Option<[u8; 16]>,
    name: Option<&'a str>,
    door: &'a str,
    source: Option<&'a str>,
    factor: Option<&'a str>,
    reason: Option<&'a str>,
    actor: Option<&'a str>,
    request: Option<&'a str>,
}

#[derive(Serialize, Deserialize)]
enum StoredOutcome {
    Approved,
    Refused,
    Done,
}

pub(in crate::store) fn encode_event(key: &Key, event: &Event) -> Result<Zeroizing<Vec<u8>>, StoreError> {
    let entry = &event.entry;
    encode(
        key,
        &StoredEvent {
            at: event.at.0,
            count: event.count,
            action: &entry.action,
            outcome: match entry.outcome {
                Outcome::Approved => StoredOutcome::Approved,
                Outcome::Refused => StoredOutcome::Refused,
                Outcome::Done => StoredOutcome::Done,
            },
            account: entry.account.map(|id| id.0),
            name: entry.name.as_deref(),
            door: &entry.door,
            source: entry.source.as_deref(),
            factor: entry.factor.as_deref(),
            reason: entry.reason.as_deref(),
            actor: entry.actor.as_deref(),
            request: entry.request.as_deref(),
        },
    )
}

/// Reads an event and, from its key, where it stands.
pub(in crate::store) fn event(key: &Key, value: &[u8]) -> Result<(Position, Event), StoreError> {
    let position =
        Position::from_bytes(key.name()).ok_or_else(|| invalid(key, "its key is not a position"))?;
    let stored: StoredEvent<'_> = decode(key, value)?;
    let own = |text: Option<&str>| text.map(ToOwned::to_owned);
    let entry = Entry {
        action: stored.action.to_owned(),
        outcome: match stored.outcome {
            StoredOutcome::Approved => Outcome::Approved,
            StoredOutcome::Refused => Outcome::Refused,
            StoredOutcome::Done => Outcome::Done,
        },
        account: stored.account.map(AccountId),
        name: own(stored.name),
        door: stored.door.to_owned(),
        source: own(stored.source),
        factor: own(stored.factor),
        reason: own(stored.reason),
        actor: own(stored.actor),
        request: own(stored.request),
        coalesce: Coalesce::Never,
    };
    Ok((position, Event { at: UnixTime(stored.at), count: stored.count, entry }))
}

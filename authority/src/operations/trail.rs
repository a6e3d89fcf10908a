//! The audit trail, read and followed: everybody's by an operator, one's own by everybody else.

use std::time::Duration;
use tokio::sync::mpsc;
use twofold_shared::account::AccountId;
use twofold_shared::clock::UnixTime;
use twofold_shared::wire::{ActivityPage, AuditEvent, AuditPage, ReadActivity, ReadAudit};

use super::fault::{Outcome, internal, invalid};
use super::permission::Actor;
use crate::audit::{Event, Position};
use crate::authority::Authority;
use crate::store::{Space, Store, StoreError};
use crate::varlink::Reply;

/// The most events in one message.
const PAGE: u32 = 500;

/// The most events looked through for one message: one that names an account may have to pass many others'.
const LOOKED_THROUGH: usize = 20_000;

/// The same, from the newest backwards: a busy host has others' events between an account's.
const LOOKED_BACK: usize = 50_000;

/// Events read at a time on the way back.
const LOOKED_AT_ONCE: usize = 1_000;

/// Messages that may wait for a slow reader.
const WAITING: usize = 4;

/// How long a follower sleeps at most before it looks again.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// What is to be read.
#[derive(Clone, Debug)]
struct Wanted {
    account: Option<AccountId>,
    after: Option<Position>,
    limit: usize,
}

impl Authority {
    /// A page of the trail.
    pub(crate) async fn read_audit(&self, actor: &Actor, request: ReadAudit) -> Outcome<AuditPage> {
        let wanted = self.wanted(actor, request).await?;
        let read = page(self.store.clone(), wanted).await;
        read.map(|(page, _)| page).map_err(|error| self.failed(&error))
    }

    /// The trail as it grows: what there is already comes first.
    pub(crate) async fn follow_audit(
        &self,
        actor: &Actor,
        request: ReadAudit,
    ) -> Outcome<mpsc::Receiver<Reply>> {
        let mut wanted = self.wanted(actor, request).await?;
        let (sender, receiver) = mpsc::channel(WAITING);
        let store = self.store.clone();
        tokio::spawn(async move {
            // Before the first look, so that nothing falls between the two.
            let mut changes = store.watch(Space::Audit, b"");
            loop {
                let Ok((page, reached)) = page(store.clone(), wanted.clone()).await else { return };
                if !page.events.is_empty() {
                    let Ok(message) = Reply::of(&page) else { return };
                    if sender.send(message).await.is_err() {
                        return;
                    }
                }
                if let Some(reached) = reached {
                    wanted.after = Some(reached);
                    continue;
                }
                tokio::select! {
                    change = changes.next() => if change.is_none() { return },
                    () = tokio::time::sleep(LOOK_AGAIN) => {}
                    () = sender.closed() => return,
                }
            }
        });
        Ok(receiver)
    }

    /// What happened to an account, the newest first.
    pub(crate) async fn read_activity(&self, actor: &Actor, request: ReadActivity) -> Outcome<ActivityPage> {
        let account = self.meant(actor, request.account.as_deref()).await?.id;
        let before = match &request.before {
            Some(before) => {
                Some(Position::parse(before).ok_or_else(|| invalid("before: is not a position"))?)
            }
            None => None,
        };
        let limit = usize::try_from(request.limit.clamp(1, PAGE)).unwrap_or(1);
        let store = self.store.clone();
        let read = tokio::task::spawn_blocking(move || newest(&store, account, before, limit));
        let read = read.await.map_err(|_| internal("reading the audit trail failed"))?;
        read.map_err(|error| self.failed(&error))
    }

    async fn wanted(&self, actor: &Actor, request: ReadAudit) -> Outcome<Wanted> {
        let id = request.account.as_deref().and_then(|account| account.strip_prefix("id:"));
        let account = match (actor, &request.account, id) {
            (Actor::Root { .. }, None, _) => None,
            // By its id an account can be looked up after it was removed.
            (Actor::Root { .. }, Some(_), Some(id)) => {
                Some(AccountId::parse(id).map_err(|why| invalid(format!("account: {why}")))?)
            }
            (_, account, _) => Some(self.meant(actor, account.as_deref()).await?.id),
        };
        let after = match &request.after {
            Some(after) => Some(Position::parse(after).ok_or_else(|| invalid("after: is not a position"))?),
            None => None,
        };
        let after = match request.since {
            Some(since) => after.max(self.before(UnixTime(since)).await?),
            None => after,
        };
        let limit = usize::try_from(request.limit.clamp(1, PAGE)).unwrap_or(1);
        Ok(Wanted { account, after, limit })
    }

    /// The place in the trail up to which everything is older than `since`: found by halving, for the trail may be
    /// long, and its places are in the order of time.
    async fn before(&self, since: UnixTime) -> Outcome<Option<Position>> {
        let store = self.store.clone();
        let halved = tokio::task::spawn_blocking(move || {
            let Some((first, event)) = store.audit(None, 1)?.into_iter().next() else { return Ok(None) };
            if event.at >= since {
                return Ok(None);
            }
            // All entries of one commit have one time.
            let end_of = |revision| Position { revision, index: u16::MAX };
            let (mut older, mut newer) = (first.revision, u64::MAX);
            while older < newer {
                let middle = older + (newer - older) / 2;
                match store.audit(Some(end_of(middle)), 1)?.first() {
                    Some((_, event)) if event.at < since => older = middle + 1,
                    Some(_) | None => newer = middle,
                }
            }
            Ok(Some(end_of(older)))
        });
        let halved = halved.await.map_err(|_| internal("reading the audit trail failed"))?;
        halved.map_err(|error: StoreError| self.failed(&error))
    }
}

/// Reads up to a page, off the threads that answer; and how far it read, if anywhere.
async fn page(store: Store, wanted: Wanted) -> Result<(AuditPage, Option<Position>), StoreError> {
    let read = tokio::task::spawn_blocking(move || {
        let (mut events, mut reached, mut looked) = (Vec::new(), None, 0);
        let mut after = wanted.after;
        while events.len() < wanted.limit && looked < LOOKED_THROUGH {
            let found = store.audit(after, wanted.limit)?;
            let Some((last, _)) = found.last() else { break };
            (after, reached) = (Some(*last), Some(*last));
            for (position, event) in found {
                looked += 1;
                if wanted.account.is_some_and(|account| event.entry.account != Some(account)) {
                    continue;
                }
                events.push(told(event));
                if events.len() == wanted.limit {
                    reached = Some(position);
                    break;
                }
            }
        }
        let next = reached.map(|reached| reached.to_string());
        Ok((AuditPage { events, next }, reached))
    });
    read.await.map_err(|error| StoreError::Failed(error.to_string()))?
}

/// The newest events of an account, and where to go on if any may be older.
fn newest(
    store: &Store,
    account: AccountId,
    mut before: Option<Position>,
    limit: usize,
) -> Result<ActivityPage, StoreError> {
    let (mut events, mut looked) = (Vec::new(), 0);
    while looked < LOOKED_BACK {
        let found = store.audit_before(before, LOOKED_AT_ONCE)?;
        if found.is_empty() {
            return Ok(ActivityPage { events, before: None });
        }
        looked += found.len();
        for (position, event) in found {
            before = Some(position);
            if event.entry.account == Some(account) {
                events.push(told(event));
            }
            if events.len() == limit {
                return Ok(ActivityPage { events, before: Some(position.to_string()) });
            }
        }
    }
    Ok(ActivityPage { events, before: before.map(|before| before.to_string()) })
}

fn told(event: Event) -> AuditEvent {
    let Event { at, count, entry } = event;
    AuditEvent {
        at: at.0,
        action: entry.action,
        outcome: entry.outcome.as_str().to_owned(),
        account: entry.account.map(|account| account.to_string()),
        name: entry.name,
        door: entry.door,
        source: entry.source,
        factor: entry.factor,
        reason: entry.reason,
        actor: entry.actor,
        request: entry.request,
        count,
    }
}

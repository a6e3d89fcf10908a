//! Sessions as their owners and operators have them: listed and revoked. What ends is told to the gate in the same commit.

use std::cmp::Reverse;

use twofold_shared::account::AccountId;
use twofold_shared::clock::UnixTime;
use twofold_shared::trail::Action;
use twofold_shared::wire::{
    FaultKind, ListSessions, RevokeSessions, Revoked, SessionDigest, SessionEntry, SessionList,
};

use super::fault::{Outcome, fault};
use super::permission::Actor;
use super::session::expired;
use super::told::web_door;
use crate::authority::Authority;
use crate::config::Sessions;
use crate::store::record::{self, Session};

/// How many hex digits of a digest name a session. Of 256 bits these 64 open nothing.
const ID_DIGITS: usize = 16;

impl Authority {
    /// The live sessions of an account.
    pub(crate) async fn list_sessions(&self, actor: &Actor, request: ListSessions) -> Outcome<SessionList> {
        let account = self.meant(actor, request.account.as_deref()).await?;
        let now = self.now().await?.time;
        let mut sessions = self.sessions_of(&account.id, now)?;
        sessions.sort_by_key(|session| Reverse((session.seen, session.created)));
        let limits = self.settings.sessions;
        Ok(SessionList { sessions: sessions.iter().map(|session| listed(session, limits)).collect() })
    }

    /// Ends a session with those under it, or all of an account. With all of them every browser's trust ends too.
    pub(crate) async fn revoke_sessions(&self, actor: &Actor, request: RevokeSessions) -> Outcome<Revoked> {
        let RevokeSessions { account, id, code } = request;
        self.change(actor, account.as_deref(), code, Action::SessionRevoke, |change| {
            match &id {
                None => {
                    change.entry.factor = Some("all sessions".to_owned());
                    // Who says so at the portal goes on there.
                    let own = match actor {
                        Actor::Person(person) => Some(person.session),
                        Actor::Root { .. }
                        | Actor::Gate
                        | Actor::Owner { .. }
                        | Actor::Operator(_)
                        | Actor::Door(_) => None,
                    };
                    self.end_sessions(change, |session| {
                        own.is_none_or(|own| session.digest != own && session.parent != Some(own))
                    })?;
                    self.end_trust(change)?;
                }
                Some(id) => {
                    let sessions = self.sessions_of(&change.account.id, change.time())?;
                    let session = sessions.iter().find(|session| id_of(&session.digest) == *id);
                    let session = session.ok_or_else(|| {
                        let detail = "no such session; `twofold session list` shows all there are";
                        fault(FaultKind::NoSuchSession, detail)
                    })?;
                    let place = web_door(session.site.as_deref());
                    change.entry.factor = Some(format!("session {id} ({place}, {})", session.browser));
                    self.end_sessions(change, |other| other.digest == session.digest)?;
                }
            }
            Ok(Revoked { count: change.ended.len() as u64 })
        })
        .await
    }

    pub(super) fn sessions_of(&self, account: &AccountId, now: UnixTime) -> Outcome<Vec<Session>> {
        let found = record::load_sessions_of(&self.store, account).map_err(|error| self.failed(&error))?;
        let live = found.into_iter().map(|(session, _)| session);
        Ok(live.filter(|session| !expired(session, self.settings.sessions, now)).collect())
    }
}

fn id_of(digest: &SessionDigest) -> String {
    digest.to_string().chars().take(ID_DIGITS).collect()
}

fn listed(session: &Session, limits: Sessions) -> SessionEntry {
    let absolute = session.created.plus(limits.absolute.as_secs());
    SessionEntry {
        id: id_of(&session.digest),
        site: session.site.clone(),
        name: session.name.name().to_owned(),
        level: session.level,
        trusted: session.trusted.is_some(),
        browser: session.browser.clone(),
        source: session.source.clone(),
        created: session.created.0,
        seen: session.seen.0,
        ends_at: absolute.min(session.seen.plus(limits.idle.as_secs())).0,
    }
}

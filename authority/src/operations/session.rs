//! Sessions at the gate: check, open under a portal session, touch, end.
//!
//! A session is a record under the digest of its cookie. The portal's own carries those of the sites under it: they
//! end with it. A session of one host is nothing at another. A rise of level is a new session ([`super::raise`]).

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use twofold_shared::account::{Account, Group};
use twofold_shared::clock::UnixTime;
use twofold_shared::trail::Action;
use twofold_shared::wire::{
    CheckSession, CheckSessionReply, Done, EndSession, Level, OpenSite, SessionDigest, SessionView,
    TouchSessions,
};

use super::attempt::Change;
use super::browser::rests_on_fresh_code;
use super::fault::{Outcome, busy, invalid};
use super::told::web_door;
use crate::audit;
use crate::authority::Authority;
use crate::config::Sessions;
use crate::store::record::{self, Session};
use crate::store::{Commit, Expect, StoreError, Version, Write};

/// Live sessions of one account, those of sites included; whoever signs in once more ends the one that was used least
/// recently, of those that have passed the first factor alone while there are any: a password does not push a code out.
const MOST_SESSIONS: usize = 64;

/// The longest host of a site, in bytes.
pub(super) const LONGEST_SITE: usize = 253;

/// How often a commit is tried again when others come first.
pub(super) const TRIES: usize = 16;

/// A session that is live, with its account as it is now.
pub(super) struct Live {
    pub session: Session,
    pub version: Version,
    pub account: Account,
}

impl Authority {
    /// "Who is this, and how far have they got?"
    pub(crate) async fn check_session(&self, request: CheckSession) -> Outcome<CheckSessionReply> {
        let now = self.now().await?.time;
        let live = self.live(&request.session, request.site.as_deref(), now)?;
        let session = live.map(|live| self.session_view(&live.session, &live.account));
        Ok(CheckSessionReply { nonce: request.nonce, session })
    }

    /// Opens a site's session under a portal session, with its account and level.
    pub(crate) async fn open_site(&self, request: OpenSite) -> Outcome<CheckSessionReply> {
        let OpenSite { nonce, portal, site, session: digest, trust_seconds } = request;
        if site.is_empty() || site.len() > LONGEST_SITE {
            return Err(invalid("site: must be a host"));
        }
        for _ in 0..TRIES {
            let now = self.now().await?.time;
            let Some(live) = self.live(&portal, None, now)? else {
                return Ok(CheckSessionReply { nonce, session: None });
            };
            let session = Session {
                digest,
                site: Some(site.clone()),
                parent: Some(portal),
                seen: now,
                ..live.session.clone()
            };
            let session = as_far_as_taken(session, trust_seconds, now);
            let portal = Session { seen: live.session.seen.max(now), ..live.session.clone() };
            let writes =
                opening_under(&session, &portal, live.version).map_err(|error| self.failed(&error))?;
            let entry = audit::Entry {
                request: Some(nonce.to_string()),
                ..session_entry(Action::SiteOpen, &session)
            };
            let commit = Commit { writes, audit: vec![entry], essential: true, ..Commit::default() };
            match self.store.commit(commit).await {
                Ok(_) => {
                    let view = self.session_view(&session, &live.account);
                    return Ok(CheckSessionReply { nonce, session: Some(view) });
                }
                Err(StoreError::Conflict) => self.refuse_known(&digest)?,
                Err(error) => return Err(self.failed(&error)),
            }
        }
        Err(busy())
    }

    /// When sessions were last used. A site's use is its portal session's too.
    pub(crate) async fn touch_sessions(&self, request: TouchSessions) -> Outcome<Done> {
        self.write_touches(|now| self.touches(&request, now)).await
    }

    /// Writes what was last used when, read anew as long as others write the same records.
    pub(super) async fn write_touches(
        &self,
        touches: impl Fn(UnixTime) -> Result<Vec<Write>, StoreError> + Send + Sync,
    ) -> Outcome<Done> {
        for _ in 0..TRIES {
            let now = self.now().await?.time;
            let writes = touches(now).map_err(|error| self.failed(&error))?;
            if writes.is_empty() {
                return Ok(Done {});
            }
            match self.store.commit(Commit { writes, ..Commit::default() }).await {
                Ok(_) => return Ok(Done {}),
                Err(StoreError::Conflict) => {}
                Err(error) => return Err(self.failed(&error)),
            }
        }
        Err(busy())
    }

    fn touches(&self, request: &TouchSessions, now: UnixTime) -> Result<Vec<Write>, StoreError> {
        let mut seen: BTreeMap<SessionDigest, (Session, Version)> = BTreeMap::new();
        for used in &request.used {
            // Nobody has used anything in a time that has not come.
            let at = UnixTime(used.at).min(now);
            let mut next = Some(used.session);
            while let Some(digest) = next.take() {
                let (session, _) = match seen.entry(digest) {
                    Entry::Occupied(found) => found.into_mut(),
                    Entry::Vacant(place) => match record::load_session(&self.store, &digest)? {
                        Some(found) => place.insert(found),
                        None => continue,
                    },
                };
                session.seen = session.seen.max(at);
                next = session.parent;
            }
        }
        let writes =
            seen.values().map(|(session, version)| record::session_write(session, Expect::Version(*version)));
        writes.collect()
    }

    /// Signs out: ends the portal's session and all under it. Ending what is not there is no error.
    pub(crate) async fn end_session(&self, request: EndSession) -> Outcome<Done> {
        let failed = |error: StoreError| self.failed(&error);
        for _ in 0..TRIES {
            let found = record::load_session(&self.store, &request.session).map_err(failed)?;
            let Some((session, _)) = found else { return Ok(Done {}) };
            let portal = session.parent.unwrap_or(session.digest);
            let (writes, ended) =
                self.ending(&session.account, |other| other.digest == portal).map_err(failed)?;
            let commit = Commit {
                writes,
                audit: vec![session_entry(Action::SignOut, &session)],
                essential: true,
                ..Commit::default()
            };
            match self.endings.commit(commit, &ended).await {
                Ok(_) => return Ok(Done {}),
                Err(StoreError::Conflict) => {}
                Err(error) => return Err(failed(error)),
            }
        }
        Err(busy())
    }

    /// The session, if it is one here and now: of this host, within its limits, under a live portal session, of an
    /// account that still is and is not locked.
    pub(super) fn live(
        &self,
        digest: &SessionDigest,
        site: Option<&str>,
        now: UnixTime,
    ) -> Outcome<Option<Live>> {
        let failed = |error: StoreError| self.failed(&error);
        let Some((session, version)) = record::load_session(&self.store, digest).map_err(failed)? else {
            return Ok(None);
        };
        if session.site.as_deref() != site || self.expired(&session, now) {
            return Ok(None);
        }
        if let Some(parent) = &session.parent {
            let portal = record::load_session(&self.store, parent).map_err(failed)?;
            if portal
                .is_none_or(|(portal, _)| portal.account != session.account || self.expired(&portal, now))
            {
                return Ok(None);
            }
        }
        let account = self.account(&session.account)?.filter(|account| !account.is_locked(now));
        Ok(account.map(|account| Live { session, version, account }))
    }

    fn expired(&self, session: &Session, now: UnixTime) -> bool {
        expired(session, self.settings.sessions, now)
    }

    fn session_view(&self, session: &Session, account: &Account) -> SessionView {
        let limits = self.settings.sessions;
        SessionView {
            account: session.account.to_string(),
            name: session.name.name().to_owned(),
            realm: session.name.realm().to_string(),
            groups: account.groups.iter().map(Group::to_string).collect(),
            contacts: account.contacts.to_wire(),
            enrolled: account.enrolled(),
            level: session.level,
            second_at: session.second_at.map(|at| at.0),
            trusted_at: session.trusted.map(|(_, at)| at.0),
            ends_at: session.created.plus(limits.absolute.as_secs()).0,
            idle_seconds: limits.idle.as_secs(),
            operates: account.charge.is_some() && self.settings.operators_at_web,
        }
    }

    /// A session's number that is there already is nobody's to give again.
    pub(super) fn refuse_known(&self, digest: &SessionDigest) -> Outcome<()> {
        match record::load_session(&self.store, digest).map_err(|error| self.failed(&error))? {
            Some(_) => Err(invalid("session: is there already")),
            None => Ok(()),
        }
    }

    /// The writes that end an account's sessions, and their digests: those that `which` names, and all under them.
    /// Each expects the session as it was read, so that one opened meanwhile makes the commit fail and look again.
    pub(super) fn ending(
        &self,
        account: &twofold_shared::account::AccountId,
        which: impl Fn(&Session) -> bool,
    ) -> Result<(Vec<Write>, Vec<SessionDigest>), StoreError> {
        let sessions = record::load_sessions_of(&self.store, account)?;
        let named: Vec<SessionDigest> = sessions
            .iter()
            .filter(|(session, _)| which(session))
            .map(|(session, _)| session.digest)
            .collect();
        let (mut writes, mut ended) = (Vec::new(), Vec::new());
        for (session, version) in &sessions {
            if named.contains(&session.digest) || session.parent.is_some_and(|parent| named.contains(&parent))
            {
                writes.extend(record::session_ending(session, Expect::Version(*version)));
                ended.push(session.digest);
            }
        }
        Ok((writes, ended))
    }

    /// Ends sessions as a part of a change.
    pub(super) fn end_sessions(&self, change: &mut Change, which: impl Fn(&Session) -> bool) -> Outcome<()> {
        let (writes, ended) = self.ending(&change.account.id, which).map_err(|error| self.failed(&error))?;
        change.writes.extend(writes);
        change.ended.extend(ended);
        Ok(())
    }

    /// Has the gate ask anew about an account's sessions, as a part of a change that touches what it was told of them.
    pub(super) fn recall_sessions(&self, change: &mut Change) -> Outcome<()> {
        let sessions = record::load_sessions_of(&self.store, &change.account.id);
        let sessions = sessions.map_err(|error| self.failed(&error))?;
        let digests = sessions.into_iter().map(|(session, _)| session.digest);
        let recalled: Vec<SessionDigest> = digests.filter(|digest| !change.ended.contains(digest)).collect();
        change.ended.extend(recalled);
        Ok(())
    }

    /// Begins a portal session as a part of a change, and makes room for it.
    pub(super) fn begin_session(&self, change: &mut Change, session: &Session) -> Outcome<()> {
        self.refuse_known(&session.digest)?;
        let failed = |error: StoreError| self.failed(&error);
        let mut others = record::load_sessions_of(&self.store, &session.account).map_err(failed)?;
        others.retain(|(other, _)| !change.ended.contains(&other.digest));
        if others.len() >= MOST_SESSIONS
            && let Some(oldest) = others
                .iter()
                .map(|(other, _)| other)
                .filter(|other| other.parent.is_none())
                .min_by_key(|other| (other.level == Level::Second, other.seen))
        {
            let (writes, ended) =
                self.ending(&session.account, |other| other.digest == oldest.digest).map_err(failed)?;
            change.writes.extend(writes);
            change.ended.extend(ended);
        }
        change.writes.extend(record::session_opening(session).map_err(failed)?);
        Ok(())
    }
}

/// Whether a session has outlived one of its two limits.
pub(super) fn expired(session: &Session, limits: Sessions, now: UnixTime) -> bool {
    now >= session.created.plus(limits.absolute.as_secs()) || now >= session.seen.plus(limits.idle.as_secs())
}

/// A session as its site takes it: where it rests on a trusted browser, and on a code that was given longer ago than the
/// site takes, it has passed the first factor alone.
fn as_far_as_taken(session: Session, trust_seconds: Option<u64>, now: UnixTime) -> Session {
    match session.trusted {
        Some((_, at)) if !rests_on_fresh_code(at, trust_seconds, now) => {
            Session { level: Level::First, trusted: None, ..session }
        }
        Some(_) | None => session,
    }
}

/// A site's session, and its portal session written again: should that end at this very moment, one of the two commits
/// fails.
fn opening_under(session: &Session, portal: &Session, version: Version) -> Result<Vec<Write>, StoreError> {
    let mut writes = record::session_opening(session)?.to_vec();
    writes.push(record::session_write(portal, Expect::Version(version))?);
    Ok(writes)
}

/// The event of something that a session's owner did in it.
fn session_entry(action: Action, session: &Session) -> audit::Entry {
    audit::Entry {
        account: Some(session.account),
        name: Some(session.name.to_string()),
        source: session.source.clone(),
        ..audit::Entry::new(action, audit::Outcome::Done, web_door(session.site.as_deref()))
    }
}

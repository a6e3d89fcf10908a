//! `twofold session …`: where an account is signed in on the web.

use twofold_shared::wire::{Level, ListSessions, RevokeSessions, SessionEntry};

use super::revoke::find;
use crate::args::{ListOf, Revocation, Session};
use crate::ask::consent;
use crate::desk::{Desk, called, codes_from};
use crate::failure::Failure;
use crate::output::{table, visible};
use crate::time::Calendar;

/// Does one of the verbs.
pub fn run(desk: &mut Desk, verb: &Session) -> Result<(), Failure> {
    match verb {
        Session::List(of) => list(desk, of),
        Session::Revoke(revocation) => revoke(desk, revocation),
    }
}

fn list(desk: &Desk, of: &ListOf) -> Result<(), Failure> {
    let sessions = sessions(desk, of.account())?;
    for session in &sessions {
        desk.screen.object(session)?;
    }
    if sessions.is_empty() {
        return Ok(desk.screen.say(&format!("{} is signed in nowhere.", called(of.account())))?);
    }
    let rows: Vec<[String; 8]> = sessions.iter().map(|session| row(session, &desk.calendar)).collect();
    let head = ["ID", "WHERE", "LEVEL", "BROWSER", "FROM", "BEGAN", "LAST USED", "ENDS"];
    Ok(desk.screen.line(&table(head, &rows))?)
}

fn row(session: &SessionEntry, calendar: &Calendar) -> [String; 8] {
    let level = match (session.level, session.trusted) {
        (Level::First, _) => "first",
        (Level::Second, false) => "second",
        (Level::Second, true) => "second, trusted browser",
    };
    [
        session.id.clone(),
        session.site.clone().unwrap_or_else(|| "portal".to_owned()),
        level.to_owned(),
        session.browser.clone(),
        session.source.clone().unwrap_or_default(),
        calendar.relative(session.created),
        calendar.relative(session.seen),
        calendar.exact(session.ends_at),
    ]
}

fn revoke(desk: &mut Desk, revocation: &Revocation) -> Result<(), Failure> {
    let account = revocation.whose.account.clone();
    let whose = called(account.as_deref());
    let id = match &revocation.id {
        Some(wanted) => {
            let sessions = sessions(desk, account.as_deref())?;
            Some(find(&sessions, |session| &session.id, wanted, "session")?.id.clone())
        }
        None => None,
    };
    let what = match &id {
        Some(id) => format!("This ends the session {}, and those of sites under it, at once.", visible(id)),
        None => format!("This ends every session of {whose} at once, and every browser needs a code again."),
    };
    consent(revocation.consent.yes, &what)?;
    let revoked = desk.change(&whose, codes_from(&revocation.codes), |code| RevokeSessions {
        account: account.clone(),
        id: id.clone(),
        code,
    })?;
    desk.screen.object(&revoked)?;
    let sessions = if revoked.count == 1 { "session has" } else { "sessions have" };
    Ok(desk.screen.say(&format!("{} {sessions} ended.", revoked.count))?)
}

fn sessions(desk: &Desk, account: Option<&str>) -> Result<Vec<SessionEntry>, Failure> {
    Ok(desk.call(&ListSessions { account: account.map(str::to_owned) })?.sessions)
}

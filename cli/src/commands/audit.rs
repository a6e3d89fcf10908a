//! `twofold audit`: what happened, oldest first; with `--follow` as it happens.

use std::fmt::Write as _;
use std::thread;
use std::time::Duration;

use twofold_shared::client::{CallError, Client};
use twofold_shared::wire::{AuditEvent, AuditPage, ReadAudit};

use crate::args::Audit;
use crate::desk::Desk;
use crate::failure::Failure;
use crate::output::{short_name, visible};
use crate::time::Calendar;

/// Events asked for at once.
const PAGE: u32 = 500;
/// How long a quiet stream is waited on before it is asked for anew.
const QUIET: Duration = Duration::from_hours(1);
/// How long to wait before asking an authority that went away.
const PAUSE: Duration = Duration::from_secs(1);
/// How often in a row it may be away.
const ABSENCES: u32 = 30;

/// Prints the trail, and goes on if asked to.
pub fn run(desk: &Desk, arguments: &Audit) -> Result<(), Failure> {
    let since = desk
        .calendar
        .beginning(&arguments.since)
        .map_err(|error| Failure::Usage(format!("--since reaches too far: {error}. Use --since all.")))?;
    let mut reader = Reader { desk, account: arguments.account.clone(), since, after: None, seen: false };
    reader.past()?;
    if arguments.follow {
        return reader.future();
    }
    if !reader.seen {
        let hint = if since.is_some() { " Look further back with --since 30d or --since all." } else { "" };
        desk.screen.say(&format!("Nothing happened in that time.{hint}"))?;
    }
    Ok(())
}

/// Where in the trail we are.
struct Reader<'a> {
    desk: &'a Desk,
    account: Option<String>,
    since: Option<u64>,
    after: Option<String>,
    seen: bool,
}

impl Reader<'_> {
    fn request(&self) -> ReadAudit {
        ReadAudit { account: self.account.clone(), after: self.after.clone(), since: self.since, limit: PAGE }
    }

    /// All there is.
    fn past(&mut self) -> Result<(), Failure> {
        loop {
            let page = self.desk.call(&self.request())?;
            // A page can be empty and not the last: of an account with few events among many.
            let moved = page.next.is_some() && page.next != self.after;
            self.print(page)?;
            if !moved {
                return Ok(());
            }
        }
    }

    /// What comes, across restarts of the authority.
    fn future(&mut self) -> Result<(), Failure> {
        let patient = Client::new(self.desk.authority.path(), QUIET);
        let mut absences = 0;
        loop {
            let stream = match patient.stream(&self.request()) {
                Ok(stream) => stream,
                Err(CallError::Unreachable { .. }) if absences < ABSENCES => {
                    absences += 1;
                    thread::sleep(PAUSE);
                    continue;
                }
                Err(error) => return Err(error.into()),
            };
            for page in stream {
                match page {
                    Ok(page) => {
                        absences = 0;
                        self.print(page)?;
                    }
                    Err(CallError::TimedOut) => break,
                    Err(CallError::Broken(_)) if absences < ABSENCES => {
                        absences += 1;
                        thread::sleep(PAUSE);
                        break;
                    }
                    Err(error) => return Err(error.into()),
                }
            }
        }
    }

    fn print(&mut self, page: AuditPage) -> Result<(), Failure> {
        for event in page.events.iter().filter(|event| self.since.is_none_or(|since| event.at >= since)) {
            self.seen = true;
            self.desk.screen.object(event)?;
            self.desk.screen.line(&line(event, &self.desk.calendar))?;
        }
        if page.next.is_some() {
            self.after = page.next;
        }
        Ok(())
    }
}

/// `2026-03-01 09:12:31  refused   verify  alice · sshd on web1 · from 203.0.113.9 · wrong_code · 3 times`
fn line(event: &AuditEvent, calendar: &Calendar) -> String {
    let whose = match (&event.name, &event.account) {
        (Some(name), _) => short_name(name),
        (None, Some(id)) => format!("id:{}", visible(id)),
        (None, None) => "–".to_owned(),
    };
    let mut line = format!(
        "{}  {:<8}  {:<16}  {whose} · {}",
        calendar.exact(event.at),
        visible(&event.outcome),
        visible(&event.action),
        visible(&event.door)
    );
    let parts = [("from ", &event.source), ("", &event.factor), ("", &event.reason), ("by ", &event.actor)];
    for (word, part) in parts {
        if let Some(part) = part {
            let _ = write!(line, " · {word}{}", visible(part));
        }
    }
    if event.count > 1 {
        let _ = write!(line, " · {} times", event.count);
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event() -> AuditEvent {
        AuditEvent {
            at: 1_772_366_400,
            action: "verify".into(),
            outcome: "refused".into(),
            account: Some("5f".into()),
            name: Some("unix:alice".into()),
            door: "sshd on web1".into(),
            source: Some("203.0.113.9".into()),
            factor: None,
            reason: Some("wrong_code".into()),
            actor: None,
            request: None,
            count: 3,
        }
    }

    #[test]
    fn a_line_says_who_where_from_and_why() {
        let line = line(&event(), &Calendar::today());
        assert!(line.ends_with("alice · sshd on web1 · from 203.0.113.9 · wrong_code · 3 times"), "{line}");
        assert!(line.contains("refused   verify "));
    }

    #[test]
    fn a_line_stays_a_line() {
        let attack = AuditEvent { name: None, account: None, door: "a\nb\u{1b}[2J".into(), ..event() };
        let line = line(&attack, &Calendar::today());
        assert!(!line.contains(['\n', '\u{1b}']));
        assert!(line.contains("–"));
    }
}

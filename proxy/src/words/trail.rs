//! The audit trail as people read it: what each of its words is in a language, and the sentence that they make.
//!
//! The words are [`twofold_shared::trail`]'s, matched in full: what the authority can write, every language can say. What it
//! wrote in another version stands as it is.

use twofold_shared::trail::{Action, By, Deed, Door, Why};
use twofold_shared::wire::AuditEvent;

use super::Say;

/// Where the command runs, as the trail has it: the command's own door says as much.
const LOCAL: &str = "local";

/// The trail in one language.
pub trait Tells: Say {
    /// Somebody passed, or did something.
    fn done(&self, action: Action, told: &Told<'_>) -> String;

    /// What somebody in charge did to somebody else.
    fn deed(&self, action: Action, whom: &str) -> String;

    /// Something was refused; `key` is the API key that was.
    fn refused(&self, key: Option<&str>, why: &str) -> String;

    /// Why something was refused.
    fn why(&self, why: Option<Why>) -> &'static str;

    /// Why no code was asked for.
    fn unasked(&self, why: Option<Why>) -> &'static str;

    /// How often, where that is more than once.
    fn times(&self, count: u64) -> String;

    /// Who did it; none: that goes without saying.
    fn by(&self, by: By<'_>) -> Option<String>;

    /// What a door is called.
    fn called(&self, door: Door<'_>) -> String;

    /// The same after what happened there.
    fn at(&self, door: Door<'_>) -> String;
}

/// What an event is about.
#[derive(Clone, Copy, Default)]
pub struct Told<'a> {
    /// The name that was used, `REALM:NAME`.
    pub name: Option<&'a str>,
    /// With what, or about what.
    pub factor: Option<&'a str>,
    /// Why, where that is known.
    pub why: Option<Why>,
    /// Whether the account's owner did it.
    pub is_own: bool,
}

/// A name in its realm, of `REALM:NAME`.
pub fn named(tells: &dyn Tells, name: &str) -> String {
    let (realm, plain) = name.split_once(':').unwrap_or(("local", name));
    tells.name_in_realm(realm, plain)
}

/// What happened, in one line.
pub fn event(tells: &dyn Tells, event: &AuditEvent) -> String {
    let why = event.reason.as_deref().and_then(Why::parse);
    let (name, factor) = (event.name.as_deref(), event.factor.as_deref());
    let told = Told { name, factor, why, is_own: event.actor.is_none() };
    let what = match Action::parse(&event.action) {
        Some(action) if event.outcome == "refused" => {
            let key = told.factor.filter(|_| action == Action::ApiKey).map(label_of_key);
            let why = match (why, &event.reason) {
                (None, Some(reason)) => reason.replace('_', " "),
                (why, _) => tells.why(why).to_owned(),
            };
            tells.refused(key, &why)
        }
        Some(Action::Acted) => match told.factor.and_then(Deed::read) {
            Some(deed) => tells.deed(deed.action, &named(tells, deed.whom)),
            None => tells.done(Action::Acted, &told),
        },
        Some(action) => tells.done(action, &told),
        None => as_it_stands(event),
    };
    let times = if event.count > 1 { tells.times(event.count) } else { String::new() };
    let by = event.actor.as_deref().and_then(|actor| match By::read(actor) {
        Some(by) => tells.by(by),
        None => Some(actor.to_owned()),
    });
    let by = by.map(|by| format!(", {by}")).unwrap_or_default();
    format!("{what}{times}{by}")
}

/// A word of another version's.
fn as_it_stands(event: &AuditEvent) -> String {
    let action = event.action.replace('_', " ");
    match &event.factor {
        Some(factor) => format!("{action}: {factor}"),
        None => action,
    }
}

/// What a door is called.
pub fn called(tells: &dyn Tells, door: &str) -> String {
    Door::read(door).map_or_else(|| door.to_owned(), |door| tells.called(door))
}

/// The same after what happened there.
pub fn at(tells: &dyn Tells, door: &str) -> String {
    Door::read(door).map_or_else(|| door.to_owned(), |door| tells.at(door))
}

/// From where, where that says more than the door.
pub fn whence(source: Option<&str>) -> Option<&str> {
    source.filter(|source| *source != LOCAL)
}

/// Which sessions somebody ended, as the audit trail has it: all others, or one at a door in a browser.
pub enum Ended<'a> {
    /// All but the one that says so.
    Others,
    /// One.
    One {
        /// Of a site or the portal.
        door: &'a str,
        /// What it calls itself.
        browser: &'a str,
    },
}

impl<'a> Ended<'a> {
    /// Reads `all sessions`, or `session ID (DOOR, BROWSER)`.
    pub fn read(told: &'a str) -> Option<Self> {
        if told == "all sessions" {
            return Some(Self::Others);
        }
        let (_, about) = told.strip_prefix("session ")?.split_once(" (")?;
        let (door, browser) = about.strip_suffix(')')?.split_once(", ")?;
        Some(Self::One { door, browser })
    }
}

/// What an API key is called, of `API key LABEL (ID)`.
pub fn label_of_key(told: &str) -> &str {
    let plain = told.strip_prefix("API key ").unwrap_or(told);
    plain.rsplit_once(" (").map_or(plain, |(label, _)| label)
}

#[cfg(test)]
mod tests;

//! `twofold grace …`: where a code still serves.

use twofold_shared::wire::{EndGraces, GraceEntry, ListGraces};

use super::revoke::find;
use crate::args::{EndOf, Grace, ListOf};
use crate::ask::consent;
use crate::desk::{Desk, called};
use crate::failure::Failure;
use crate::output::{table, visible};

/// Does one of the verbs.
pub fn run(desk: &Desk, verb: &Grace) -> Result<(), Failure> {
    match verb {
        Grace::List(of) => list(desk, of),
        Grace::End(end) => end_some(desk, end),
    }
}

fn list(desk: &Desk, of: &ListOf) -> Result<(), Failure> {
    let graces = graces(desk, of.account())?;
    for grace in &graces {
        desk.screen.object(grace)?;
    }
    if graces.is_empty() {
        return Ok(desk
            .screen
            .say(&format!("{} has no grace: each login needs a code.", called(of.account())))?);
    }
    let row = |grace: &GraceEntry| {
        [
            grace.id.clone(),
            grace.door.clone(),
            grace.source.clone().unwrap_or_default(),
            desk.calendar.relative(grace.at),
            desk.calendar.exact(grace.until),
        ]
    };
    let rows: Vec<[String; 5]> = graces.iter().map(row).collect();
    Ok(desk.screen.line(&table(["ID", "WHERE", "FROM", "CODE GIVEN", "ENDS"], &rows))?)
}

fn end_some(desk: &Desk, end: &EndOf) -> Result<(), Failure> {
    let account = end.whose.account.clone();
    let whose = called(account.as_deref());
    let id = match &end.id {
        Some(wanted) => {
            let graces = graces(desk, account.as_deref())?;
            Some(find(&graces, |grace| &grace.id, wanted, "grace")?.id.clone())
        }
        None => None,
    };
    let what = match &id {
        Some(id) => format!("This ends the grace {}: the next login there needs a code.", visible(id)),
        None => format!("This ends every grace of {whose}: the next login anywhere needs a code."),
    };
    consent(end.consent.yes, &what)?;
    let ended = desk.call(&EndGraces { account, id })?;
    desk.screen.object(&ended)?;
    let graces = if ended.count == 1 { "grace has" } else { "graces have" };
    Ok(desk.screen.say(&format!("{} {graces} ended.", ended.count))?)
}

fn graces(desk: &Desk, account: Option<&str>) -> Result<Vec<GraceEntry>, Failure> {
    Ok(desk.call(&ListGraces { account: account.map(str::to_owned) })?.graces)
}

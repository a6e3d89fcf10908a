//! `twofold browser …`: the browsers that an account is known by.

use twofold_shared::wire::{BrowserEntry, ListBrowsers, RevokeBrowsers};

use super::revoke::find;
use crate::args::{Browser, ListOf, Revocation};
use crate::ask::consent;
use crate::desk::{Desk, called, codes_from};
use crate::failure::Failure;
use crate::output::{table, visible};
use crate::time::Calendar;

/// Does one of the verbs.
pub fn run(desk: &mut Desk, verb: &Browser) -> Result<(), Failure> {
    match verb {
        Browser::List(of) => list(desk, of),
        Browser::Revoke(revocation) => revoke(desk, revocation),
    }
}

fn list(desk: &Desk, of: &ListOf) -> Result<(), Failure> {
    let browsers = browsers(desk, of.account())?;
    for browser in &browsers {
        desk.screen.object(browser)?;
    }
    if browsers.is_empty() {
        return Ok(desk.screen.say(&format!("{} is known by no browser.", called(of.account())))?);
    }
    let rows: Vec<[String; 6]> = browsers.iter().map(|browser| row(browser, &desk.calendar)).collect();
    Ok(desk.screen.line(&table(["ID", "BROWSER", "FROM", "SINCE", "LAST USED", "NO CODE UNTIL"], &rows))?)
}

fn row(browser: &BrowserEntry, calendar: &Calendar) -> [String; 6] {
    [
        browser.id.clone(),
        browser.browser.clone(),
        browser.source.clone().unwrap_or_default(),
        calendar.relative(browser.created),
        calendar.relative(browser.seen),
        browser.trusted_until.map_or_else(|| "needs a code".to_owned(), |until| calendar.exact(until)),
    ]
}

fn revoke(desk: &mut Desk, revocation: &Revocation) -> Result<(), Failure> {
    let account = revocation.whose.account.clone();
    let whose = called(account.as_deref());
    let (id, what) = match &revocation.id {
        Some(wanted) => {
            let browsers = browsers(desk, account.as_deref())?;
            let found = find(&browsers, |browser| &browser.id, wanted, "browser")?;
            (Some(found.id.clone()), visible(&found.browser))
        }
        None => (None, "every browser".to_owned()),
    };
    consent(
        revocation.consent.yes,
        &format!("This forgets {what} of {whose}: the next sign-in there needs a code."),
    )?;
    let revoked = desk.change(&whose, codes_from(&revocation.codes), |code| RevokeBrowsers {
        account: account.clone(),
        id: id.clone(),
        code,
    })?;
    desk.screen.object(&revoked)?;
    let browsers = if revoked.count == 1 { "browser is" } else { "browsers are" };
    Ok(desk.screen.say(&format!("{} {browsers} forgotten.", revoked.count))?)
}

fn browsers(desk: &Desk, account: Option<&str>) -> Result<Vec<BrowserEntry>, Failure> {
    Ok(desk.call(&ListBrowsers { account: account.map(str::to_owned) })?.browsers)
}

//! Browsers that an account is known by: a code was once given in them, and their cookie says so.
//!
//! A known browser is a source of its own to the throttle, at whatever address, and may be trusted for a while: then it
//! needs no code where a site takes that. It belongs to one account; what it says counts for no other. A value of its
//! cookie that it has left comes from a copy: the browser ends, and what rests on its trust with it.

use std::cmp::Reverse;

use twofold_shared::account::{AccountId, Notice};
use twofold_shared::browser::{Seen, Values};
use twofold_shared::clock::UnixTime;
use twofold_shared::throttle::{SourceId, SourceKind};
use twofold_shared::trail::Action;
use twofold_shared::wire::{
    BrowserEntry, BrowserList, BrowserValue, Fault, FaultKind, ListBrowsers, RevokeBrowsers, Revoked,
    SessionDigest,
};

use super::attempt::{Change, occasion};
use super::fault::{Outcome, fault, internal};
use super::permission::Actor;
use crate::audit::{self, Entry};
use crate::authority::Authority;
use crate::store::record::{self, Browser, BrowserId, Trust};
use crate::store::{Expect, Now, Version};

/// Browsers of one account, at most; one more drives out the one that was used least recently. Half of the throttle's
/// known sources, so that addresses and keys find room beside them.
const MOST_BROWSERS: usize = 8;

/// A browser that has not passed for so long is forgotten. No browser keeps a cookie for longer.
const FORGOTTEN_SECONDS: u64 = 400 * 24 * 3600;

/// Nobody trusts a browser for longer, whatever the gate says.
const LONGEST_TRUST_SECONDS: u64 = 90 * 24 * 3600;

/// What is kept of a browser that has just passed.
pub(super) struct Passed<'a> {
    /// Its number, known or new.
    pub id: BrowserId,
    /// Its cookie, before and after.
    pub value: BrowserValue,
    /// What it says it is.
    pub name: &'a str,
    /// Where it is, where known.
    pub source: Option<&'a str>,
    /// For how long it needs no code from now on, where that is asked for.
    pub trust_seconds: Option<u64>,
}

/// What a cookie says.
enum Met {
    Known(BrowserId),
    Stolen(BrowserId),
    Unknown,
}

impl Authority {
    /// Which of the account's browsers has this cookie. One whose cookie was copied ends, which `event` tells.
    pub(super) async fn met_browser(
        &self,
        account: AccountId,
        presented: Option<&SessionDigest>,
        event: &Entry,
    ) -> Outcome<Option<BrowserId>> {
        let Some(presented) = presented else { return Ok(None) };
        let now = self.now().await?.time;
        match self.recognised(&account, presented, now)? {
            Met::Known(id) => Ok(Some(id)),
            Met::Unknown => Ok(None),
            Met::Stolen(id) => {
                self.end_stolen(account, id, presented, event).await?;
                Ok(None)
            }
        }
    }

    fn recognised(&self, account: &AccountId, presented: &SessionDigest, now: UnixTime) -> Outcome<Met> {
        let found = self.browser_with(account, presented)?;
        Ok(match found.map(|(browser, _)| (browser.values.look(presented, now), browser)) {
            Some((Seen::Good, browser)) if !forgotten(&browser, now) => Met::Known(browser.id),
            Some((Seen::Stolen, browser)) => Met::Stolen(browser.id),
            Some((Seen::Good | Seen::Unknown, _)) | None => Met::Unknown,
        })
    }

    /// Ends a browser whose cookie was copied, with the sessions that rest on its trust; its owner will be told.
    async fn end_stolen(
        &self,
        account: AccountId,
        id: BrowserId,
        presented: &SessionDigest,
        event: &Entry,
    ) -> Outcome<()> {
        let event = Entry {
            action: Action::BrowserStolen.to_string(),
            outcome: audit::Outcome::Done,
            account: Some(account),
            ..event.clone()
        };
        let ended = self.make_change(account, &event, |change| {
            let found = self.browsers_of(&account)?.into_iter().find(|(browser, _)| browser.id == id);
            let (browser, version) = found
                .filter(|(browser, _)| browser.values.look(presented, change.time()) == Seen::Stolen)
                .ok_or_else(no_such_browser)?;
            let occasion = occasion(&change.entry, change.now);
            let news = Notice::BrowserEnded { browser: browser.name.clone(), occasion };
            change.account = change.account.clone().with_notice(news);
            change.essential = true;
            change.entry.factor = Some(told(&browser));
            self.forget(change, &browser, version)
        });
        match ended.await {
            // Somebody else was quicker.
            Err(fault) if fault.kind == FaultKind::NoSuchBrowser => Ok(()),
            other => other,
        }
    }

    /// Keeps a browser that has just passed, as a part of that; the account's throttle knows it from then on, and
    /// forgets those that are no more.
    pub(super) fn keep_browser(&self, change: &mut Change, passed: &Passed<'_>) -> Outcome<()> {
        let now = change.time();
        let mut others = self.browsers_of(&change.account.id)?;
        let found = others.iter().position(|(browser, _)| browser.id == passed.id);
        let before = found.map(|index| others.swap_remove(index));
        let begun = || passed.begun(change.account.id, now);
        let mut browser = before.as_ref().map_or_else(begun, |(before, _)| before.clone());
        let presented = passed.value.presented.as_ref();
        let values =
            presented.map_or_else(|| browser.values.clone(), |was| browser.values.presented(was, now));
        browser.values = values.with(passed.value.next);
        browser.name = passed.name.to_owned();
        browser.source = passed.source.map(str::to_owned);
        browser.seen = now;
        if let Some(seconds) = passed.trust_seconds.filter(|_| change.now.trusted()) {
            let until = now.plus(seconds.min(LONGEST_TRUST_SECONDS));
            browser.trust = Some(Trust { at: now, until });
            change.also.push(Entry {
                action: Action::BrowserTrust.to_string(),
                outcome: audit::Outcome::Done,
                factor: Some(told(&browser)),
                ..change.entry.clone()
            });
        }
        self.write(change, &browser, before.as_ref().map(|(before, version)| (before, *version)))?;
        others.sort_by_key(|(browser, _)| Reverse(browser.seen));
        let mut known = vec![source_of(&browser.id)];
        for (other, version) in &others {
            if known.len() < MOST_BROWSERS && !forgotten(other, now) {
                known.push(source_of(&other.id));
            } else {
                change.writes.extend(record::browser_removal(other, Expect::Version(*version)));
            }
        }
        change.account.throttle = change.account.throttle.with_browsers(&known);
        Ok(())
    }

    /// Notes what a browser presented, as a part of its first factor: the values it did not keep are left.
    pub(super) fn browser_presented(
        &self,
        change: &mut Change,
        presented: Option<&SessionDigest>,
    ) -> Outcome<()> {
        let Some(presented) = presented else { return Ok(()) };
        let Some((browser, version)) = self.browser_with(&change.account.id, presented)? else {
            return Ok(());
        };
        let values = browser.values.presented(presented, change.time());
        if values == browser.values {
            return Ok(());
        }
        self.write(change, &Browser { values, ..browser.clone() }, Some((&browser, version)))
    }

    /// The trust that a browser has now, where it rests on a code no older than `seconds`. None while the clock is in
    /// doubt. With the browser, as the trail names it.
    pub(super) fn trust_of(
        &self,
        account: &AccountId,
        id: BrowserId,
        now: Now,
        seconds: u64,
    ) -> Outcome<Option<(Trust, String)>> {
        let found = self.browsers_of(account)?.into_iter().find(|(browser, _)| browser.id == id);
        let Some((browser, _)) = found else { return Ok(None) };
        let trust = browser.trust.filter(|trust| {
            now.trusted() && now.time < trust.until && rests_on_fresh_code(trust.at, Some(seconds), now.time)
        });
        Ok(trust.map(|trust| (trust, told(&browser))))
    }

    /// Takes every browser's trust back, as a part of a change. They stay known.
    pub(super) fn end_trust(&self, change: &mut Change) -> Outcome<()> {
        for (browser, version) in self.browsers_of(&change.account.id)? {
            if browser.trust.is_some() {
                self.write(change, &Browser { trust: None, ..browser.clone() }, Some((&browser, version)))?;
            }
        }
        Ok(())
    }

    /// Forgets every browser, as a part of a change that ends all sessions; gives how many there were.
    pub(super) fn remove_browsers(&self, change: &mut Change) -> Outcome<u64> {
        let mut count = 0;
        for (browser, version) in self.browsers_of(&change.account.id)? {
            change.writes.extend(record::browser_removal(&browser, Expect::Version(version)));
            count += 1;
        }
        change.account.throttle = change.account.throttle.with_browsers(&[]);
        Ok(count)
    }

    /// Forgets one browser, and ends what rests on its trust.
    fn forget(&self, change: &mut Change, browser: &Browser, version: Version) -> Outcome<()> {
        change.writes.extend(record::browser_removal(browser, Expect::Version(version)));
        let others = self.browsers_of(&change.account.id)?.into_iter().map(|(other, _)| source_of(&other.id));
        let others: Vec<SourceId> = others.filter(|other| *other != source_of(&browser.id)).collect();
        change.account.throttle = change.account.throttle.with_browsers(&others);
        self.end_sessions(change, |session| session.trusted.is_some_and(|(id, _)| id == browser.id))
    }

    /// The browsers that an account is known by.
    pub(crate) async fn list_browsers(&self, actor: &Actor, request: ListBrowsers) -> Outcome<BrowserList> {
        let account = self.meant(actor, request.account.as_deref()).await?;
        let now = self.now().await?.time;
        let mut browsers = self.browsers_of(&account.id)?;
        browsers.retain(|(browser, _)| !forgotten(browser, now));
        browsers.sort_by_key(|(browser, _)| Reverse(browser.seen));
        Ok(BrowserList { browsers: browsers.iter().map(|(browser, _)| listed(browser, now)).collect() })
    }

    /// Forgets a browser, or all of an account.
    pub(crate) async fn revoke_browsers(&self, actor: &Actor, request: RevokeBrowsers) -> Outcome<Revoked> {
        let RevokeBrowsers { account, id, code } = request;
        self.change(actor, account.as_deref(), code, Action::BrowserRevoke, |change| {
            let Some(id) = &id else {
                change.entry.factor = Some("all browsers".to_owned());
                self.end_sessions(change, |session| session.trusted.is_some())?;
                return self.remove_browsers(change).map(|count| Revoked { count });
            };
            let found = self.browsers_of(&change.account.id)?;
            let found = found.into_iter().find(|(browser, _)| browser.id.to_string() == *id);
            let (browser, version) = found.ok_or_else(no_such_browser)?;
            change.entry.factor = Some(told(&browser));
            self.forget(change, &browser, version)?;
            Ok(Revoked { count: 1 })
        })
        .await
    }

    /// The account's browser whose cookie has, or had, this value.
    fn browser_with(
        &self,
        account: &AccountId,
        value: &SessionDigest,
    ) -> Outcome<Option<(Browser, Version)>> {
        let found = record::load_browser_with(&self.store, value).map_err(|error| self.failed(&error))?;
        Ok(found.filter(|(browser, _)| browser.account == *account))
    }

    fn write(
        &self,
        change: &mut Change,
        browser: &Browser,
        before: Option<(&Browser, Version)>,
    ) -> Outcome<()> {
        let writes = record::browser_writes(browser, before).map_err(|error| self.failed(&error))?;
        change.writes.extend(writes);
        Ok(())
    }

    fn browsers_of(&self, account: &AccountId) -> Outcome<Vec<(Browser, Version)>> {
        record::load_browsers_of(&self.store, account).map_err(|error| self.failed(&error))
    }
}

impl Passed<'_> {
    fn begun(&self, account: AccountId, now: UnixTime) -> Browser {
        Browser {
            id: self.id,
            account,
            values: Values::default(),
            name: self.name.to_owned(),
            source: None,
            created: now,
            seen: now,
            trust: None,
        }
    }
}

/// Whether a session that rests on trust may serve where codes up to `seconds` old are taken.
pub(super) fn rests_on_fresh_code(at: UnixTime, seconds: Option<u64>, now: UnixTime) -> bool {
    let longest = |seconds: u64| seconds.min(LONGEST_TRUST_SECONDS);
    now.since(at).zip(seconds).is_some_and(|(age, seconds)| age < longest(seconds))
}

/// Whether a browser has not passed for too long.
pub(super) fn forgotten(browser: &Browser, now: UnixTime) -> bool {
    now >= browser.seen.plus(FORGOTTEN_SECONDS)
}

/// A number for a browser that nobody knows yet.
pub(super) fn new_browser() -> Outcome<BrowserId> {
    let mut id = [0; 8];
    getrandom::fill(&mut id).map_err(|_| internal("no randomness from the kernel"))?;
    Ok(BrowserId(id))
}

/// A browser as the throttle knows it.
pub(super) fn source_of(id: &BrowserId) -> SourceId {
    SourceId::new(SourceKind::Browser, "", &id.0)
}

/// A browser as the audit trail names it.
fn told(browser: &Browser) -> String {
    format!("browser {} ({})", browser.name, browser.id)
}

fn listed(browser: &Browser, now: UnixTime) -> BrowserEntry {
    BrowserEntry {
        id: browser.id.to_string(),
        browser: browser.name.clone(),
        source: browser.source.clone(),
        created: browser.created.0,
        seen: browser.seen.0,
        trusted_until: browser.trust.map(|trust| trust.until).filter(|until| now < *until).map(|at| at.0),
        ends_at: browser.seen.plus(FORGOTTEN_SECONDS).0,
    }
}

fn no_such_browser() -> Fault {
    fault(FaultKind::NoSuchBrowser, "no such browser; `twofold browser list` shows all there are")
}

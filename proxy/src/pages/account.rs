//! The pages of a person's own account.

use askama::Template;
use http::StatusCode;
use twofold_shared::secret::SecretText;
use twofold_shared::wire::{
    AccountView, ActivityPage, ApiKeyView, AuditEvent, BrowserEntry, Contacts, DeviceView, SessionEntry,
};

use super::{Frame, PagesFor};
use crate::answer::Answer;
use crate::enrolment::Enrolment;
use crate::session::Known;
use crate::site::Site;
use crate::words::wizard::Wizard;

/// All that the account page shows.
pub struct Overview<'a> {
    /// The account.
    pub account: &'a AccountView,
    /// Its sessions.
    pub sessions: &'a [SessionEntry],
    /// The browsers that know it.
    pub browsers: &'a [BrowserEntry],
    /// Its API keys.
    pub keys: &'a [ApiKeyView],
    /// What happened lately.
    pub activity: &'a ActivityPage,
}

/// Whose page it is.
#[derive(Clone, Copy)]
pub struct Reader<'a> {
    /// The name signed in with.
    pub name: &'a str,
    /// Binds the page's forms to the session.
    pub token: &'a str,
    /// The session as lists name it.
    pub session: &'a str,
    /// Seconds since the epoch.
    pub now: u64,
    /// Whether they are in charge of others.
    pub operates: bool,
}

/// A field of a question.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Field {
    /// The label.
    Label,
    /// The password, or the code where there is none.
    Password,
    /// The code.
    Code,
}

/// A question before something is done.
pub struct Confirm<'a> {
    /// The title.
    pub title: &'static str,
    /// What will happen.
    pub text: String,
    /// The button.
    pub button: &'static str,
    /// Where the form goes.
    pub action: String,
    /// Whether it takes something away for good.
    pub is_danger: bool,
    /// A label that may be changed.
    pub label: Option<&'a str>,
    /// Where the person begins, or mends what went wrong.
    pub at: Field,
    /// Whether a code or a password is asked for.
    pub asks: bool,
    /// Whether a password serves.
    pub has_password: bool,
    /// What went wrong.
    pub error: Option<String>,
}

impl Confirm<'_> {
    fn begins_at_label(&self) -> bool {
        self.at == Field::Label
    }

    fn begins_at_password(&self) -> bool {
        self.at == Field::Password && self.has_password
    }

    fn begins_at_code(&self) -> bool {
        self.at == Field::Code || (self.at == Field::Password && !self.has_password)
    }
}

/// What was typed for a new key.
#[derive(Default)]
pub struct KeyForm {
    /// What it is for.
    pub label: String,
    /// The hosts that were ticked.
    pub sites: Vec<String>,
    /// Lines.
    pub paths: String,
    /// Only GET and HEAD.
    pub is_read_only: bool,
    /// Lines.
    pub networks: String,
    /// Days.
    pub days: String,
    /// In which field something went wrong, and what.
    pub error: Option<(KeyField, String)>,
}

/// A field of the form for a new API key.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum KeyField {
    /// What it is for.
    Label,
    /// The hosts.
    Sites,
    /// The paths.
    Paths,
    /// The networks.
    Networks,
    /// The days.
    Days,
}

impl KeyForm {
    fn is_wrong_at(&self, field: KeyField) -> bool {
        self.error.as_ref().is_some_and(|(at, _)| *at == field)
    }

    fn begins_at_label(&self) -> bool {
        self.error.is_none() || self.is_wrong_at(KeyField::Label)
    }
}

#[derive(Template)]
#[template(path = "account.html")]
struct AccountPage<'a> {
    frame: Frame<'a>,
    who: String,
    contacts: Vec<(&'static str, &'a str)>,
    token: &'a str,
    closed: bool,
    devices: Vec<DeviceRow<'a>>,
    codes_left: String,
    few_codes: bool,
    sessions: Vec<SessionRow<'a>>,
    browsers: Vec<BrowserRow<'a>>,
    keys: Vec<KeyRow<'a>>,
    events: Vec<EventRow>,
    older: Option<&'a str>,
    names: Vec<NameRow<'a>>,
    operates: bool,
}

struct DeviceRow<'a> {
    id: &'a str,
    label: &'a str,
    used: String,
    exact: String,
}

struct Seen {
    ago: String,
    exact: String,
}

struct SessionRow<'a> {
    id: &'a str,
    browser: String,
    place: String,
    created: Seen,
    seen: Seen,
    is_own: bool,
    is_trusted: bool,
}

struct BrowserRow<'a> {
    id: &'a str,
    browser: String,
    place: &'a str,
    created: Seen,
    seen: Seen,
    trusted: Option<String>,
}

struct KeyRow<'a> {
    id: String,
    label: &'a str,
    grant: String,
    used: String,
    exact: String,
    is_suspended: bool,
    is_over: bool,
}

struct EventRow {
    at: String,
    exact: String,
    what: String,
    place: String,
}

struct NameRow<'a> {
    name: &'a str,
    shown: String,
    may_part: bool,
}

#[derive(Template)]
#[template(path = "account_off.html")]
struct AccountOffPage<'a> {
    frame: Frame<'a>,
    who: String,
    text: &'static str,
    may_set_up: bool,
    phone: Option<&'a str>,
}

#[derive(Template)]
#[template(path = "activity.html")]
struct ActivityTemplate<'a> {
    frame: Frame<'a>,
    events: Vec<EventRow>,
    older: Option<&'a str>,
}

#[derive(Template)]
#[template(path = "confirm.html")]
struct ConfirmPage<'a> {
    frame: Frame<'a>,
    confirm: &'a Confirm<'a>,
    token: &'a str,
}

#[derive(Template)]
#[template(path = "new_key.html")]
struct NewKeyPage<'a> {
    frame: Frame<'a>,
    form: &'a KeyForm,
    sites: Vec<SiteBox<'a>>,
    token: &'a str,
}

struct SiteBox<'a> {
    title: &'a str,
    host: &'a str,
    is_ticked: bool,
}

#[derive(Template)]
#[template(path = "shown_once.html")]
struct ShownOncePage<'a> {
    frame: Frame<'a>,
    title: &'static str,
    text: &'static str,
    secrets: Vec<String>,
    /// Of the form that makes a file of codes; none: it is a key.
    token: Option<&'a str>,
    wizard: &'static Wizard,
}

impl PagesFor<'_> {
    /// The account.
    #[must_use]
    pub fn account(self, reader: Reader<'_>, overview: &Overview<'_>) -> Answer {
        let account = overview.account;
        let page = AccountPage {
            frame: self.frame(),
            who: self.words().say.as_somebody(reader.name),
            contacts: self.contacts(&account.contacts),
            token: reader.token,
            closed: account.closed_to_strangers,
            devices: account.devices.iter().map(|device| self.device(device, reader.now)).collect(),
            codes_left: self.words().say.codes_left(account.backup_codes_left),
            few_codes: account.backup_codes_left <= 3,
            sessions: overview.sessions.iter().map(|session| self.session(session, reader)).collect(),
            browsers: overview.browsers.iter().map(|browser| self.browser(browser, reader.now)).collect(),
            keys: overview.keys.iter().map(|key| self.key(key, reader.now)).collect(),
            events: overview.activity.events.iter().map(|event| self.event(event, reader.now)).collect(),
            older: overview.activity.before.as_deref(),
            names: self.names(&account.names),
            operates: reader.operates,
        };
        self.answer(StatusCode::OK, &page, None)
    }

    /// The account of somebody without a second factor, of whom this is asked.
    #[must_use]
    pub fn account_off(self, known: &Known, policy: Enrolment) -> Answer {
        let who = self.words().say.as_somebody(known.name());
        let words = &self.words().account;
        let (text, may_set_up) = match policy {
            Enrolment::Required => (words.is_off_required, true),
            Enrolment::RequiredFrom { .. } | Enrolment::Optional => (words.is_off_text, true),
            Enrolment::Off => (words.is_off_here, false),
        };
        let page = AccountOffPage { frame: self.frame(), who, text, may_set_up, phone: known.phone() };
        self.answer(StatusCode::OK, &page, None)
    }

    /// What happened, further back.
    #[must_use]
    pub fn activity(self, activity: &ActivityPage, now: u64) -> Answer {
        let events = activity.events.iter().map(|event| self.event(event, now)).collect();
        let older = activity.before.as_deref();
        self.answer(StatusCode::OK, &ActivityTemplate { frame: self.frame(), events, older }, None)
    }

    /// "Really?"
    #[must_use]
    pub fn confirm(self, status: StatusCode, confirm: &Confirm<'_>, token: &str) -> Answer {
        self.answer(status, &ConfirmPage { frame: self.frame(), confirm, token }, None)
    }

    /// The form for a new API key.
    #[must_use]
    pub fn new_key<'b>(
        self,
        status: StatusCode,
        form: &KeyForm,
        sites: impl Iterator<Item = &'b Site>,
        token: &str,
    ) -> Answer {
        let sites = sites
            .map(|site| SiteBox {
                title: site.title(),
                host: site.host(),
                is_ticked: form.sites.iter().any(|host| host == site.host()),
            })
            .collect();
        self.answer(status, &NewKeyPage { frame: self.frame(), form, sites, token }, None)
    }

    /// A new key, shown this once.
    #[must_use]
    pub fn fresh_key(self, key: &SecretText) -> Answer {
        let words = &self.words().account;
        self.shown_once(words.your_key, words.your_key_text, vec![key.reveal().to_owned()], None)
    }

    /// New backup codes, shown this once.
    #[must_use]
    pub fn fresh_codes(self, codes: &[SecretText], token: &str) -> Answer {
        let words = &self.words().account;
        let codes = codes.iter().map(|code| in_groups(code.reveal())).collect();
        self.shown_once(words.new_codes, words.new_codes_text, codes, Some(token))
    }

    fn shown_once(
        self,
        title: &'static str,
        text: &'static str,
        secrets: Vec<String>,
        token: Option<&str>,
    ) -> Answer {
        let wizard = self.words().wizard;
        let page = ShownOncePage { frame: self.frame(), title, text, secrets, token, wizard };
        let answer = self.answer(StatusCode::OK, &page, None);
        page.secrets.into_iter().for_each(|secret| drop(zeroize::Zeroizing::new(secret)));
        answer
    }
}

impl PagesFor<'_> {
    fn device(self, device: &DeviceView, now: u64) -> DeviceRow<'_> {
        let say = self.words().say;
        let (used, exact) = match &device.last_used {
            Some(used) => (
                say.used(&say.ago(used.at, now), &say.place(&used.door, used.source.as_deref())),
                say.moment(used.at),
            ),
            None => (self.words().account.never_used.to_owned(), String::new()),
        };
        DeviceRow { id: &device.id, label: &device.label, used, exact }
    }

    fn session<'v>(self, session: &'v SessionEntry, reader: Reader<'_>) -> SessionRow<'v> {
        let say = self.words().say;
        let place = match (&session.site, &session.source) {
            (Some(site), Some(source)) => format!("{site} · {source}"),
            (Some(only), None) | (None, Some(only)) => only.clone(),
            (None, None) => String::new(),
        };
        SessionRow {
            id: &session.id,
            browser: say.browser(&session.browser),
            place,
            created: Seen {
                ago: say.signed_in(&say.ago(session.created, reader.now)),
                exact: say.moment(session.created),
            },
            seen: Seen {
                ago: say.last_seen(&say.ago(session.seen, reader.now)),
                exact: say.moment(session.seen),
            },
            is_own: session.id == reader.session,
            is_trusted: session.trusted,
        }
    }

    fn browser(self, browser: &BrowserEntry, now: u64) -> BrowserRow<'_> {
        let say = self.words().say;
        let until = browser.trusted_until.filter(|until| *until > now);
        BrowserRow {
            id: &browser.id,
            browser: say.browser(&browser.browser),
            place: browser.source.as_deref().unwrap_or_default(),
            created: Seen {
                ago: say.first_seen(&say.ago(browser.created, now)),
                exact: say.moment(browser.created),
            },
            seen: Seen { ago: say.last_seen(&say.ago(browser.seen, now)), exact: say.moment(browser.seen) },
            trusted: until.map(|until| say.trusted_until(&say.moment(until))),
        }
    }

    fn key(self, key: &ApiKeyView, now: u64) -> KeyRow<'_> {
        let say = self.words().say;
        let (used, exact) = match &key.last_used {
            Some(used) => (
                say.used(&say.ago(used.at, now), &say.place(&used.door, used.source.as_deref())),
                say.moment(used.at),
            ),
            None => (self.words().account.never_used.to_owned(), String::new()),
        };
        let grant = &key.grant;
        let parts = [&grant.sites, &grant.paths, &grant.methods, &grant.networks];
        let parts = parts.into_iter().filter(|part| !part.is_empty()).map(|part| part.join(", "));
        let ends = key.ends_at.filter(|ends| *ends > now);
        let ends = ends.map(|ends| self.words().account.key_ends.replace("{}", &say.moment(ends)));
        let parts: Vec<String> = parts.chain(ends).collect();
        KeyRow {
            id: key.id.to_string(),
            label: &key.label,
            grant: parts.join(" · "),
            used,
            exact,
            is_suspended: key.suspended,
            is_over: key.ends_at.is_some_and(|ends| ends <= now),
        }
    }

    fn event(self, event: &AuditEvent, now: u64) -> EventRow {
        let say = self.words().say;
        EventRow {
            at: say.ago(event.at, now),
            exact: say.moment(event.at),
            what: say.event(event),
            place: say.place(&event.door, event.source.as_deref()),
        }
    }

    fn contacts(self, contacts: &Contacts) -> Vec<(&'static str, &str)> {
        let words = &self.words().account;
        let all = [
            (words.display_name, &contacts.display_name),
            (words.email, &contacts.email),
            (words.phone, &contacts.phone),
        ];
        all.into_iter().filter_map(|(label, value)| Some((label, value.as_deref()?))).collect()
    }

    fn names(self, names: &[String]) -> Vec<NameRow<'_>> {
        let row = |name| {
            let (realm, plain) = str::split_once(name, ':').unwrap_or(("unix", name));
            let shown = self.words().say.name_in_realm(realm, plain);
            NameRow { name, shown, may_part: names.len() > 1 && realm != "unix" }
        };
        names.iter().map(|name| row(name)).collect()
    }
}

/// `1234 5678`: easier to read and to copy by hand.
fn in_groups(code: &str) -> String {
    match code.split_at_checked(code.len() / 2) {
        Some((first, second)) => format!("{first} {second}"),
        None => code.to_owned(),
    }
}

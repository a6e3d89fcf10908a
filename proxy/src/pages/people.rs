//! The pages of those in charge of others: who there is, one of them, and what is done to them.

use askama::Template;
use http::StatusCode;
use twofold_shared::wire::{
    AccountOrder, AccountRow, AccountRows, AccountState, AccountView, Charge, Invitation, Lock, Requirement,
};

use super::{Frame, PagesFor};
use crate::answer::Answer;

/// Below this many backup codes they are few: as the authority counts them.
const FEW_CODES: u8 = 3;

/// What is looked for, as the address says it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// What a name begins with.
    pub prefix: String,
    /// In which state.
    pub state: Option<AccountState>,
    /// In which order.
    pub order: AccountOrder,
    /// Where the page before ended.
    pub after: Option<String>,
}

/// The words for states and orders in an address.
const STATES: [(&str, AccountState); 5] = [
    ("on", AccountState::Enrolled),
    ("off", AccountState::NotEnrolled),
    ("locked", AccountState::Locked),
    ("closed", AccountState::Closed),
    ("few-codes", AccountState::FewCodes),
];
const ORDERS: [(&str, AccountOrder); 3] =
    [("name", AccountOrder::Name), ("recent", AccountOrder::Recent), ("idle", AccountOrder::Idle)];

impl Filter {
    /// Reads a query; what it does not know is as if it were not there.
    #[must_use]
    pub fn parse(query: &[u8]) -> Self {
        let mut filter = Self::default();
        for (field, value) in form_urlencoded::parse(query) {
            match field.as_ref() {
                "name" => filter.prefix = value.trim().to_owned(),
                "state" => {
                    filter.state = STATES.iter().find(|(word, _)| *word == value).map(|(_, state)| *state);
                }
                "order" => {
                    let order = ORDERS.iter().find(|(word, _)| *word == value);
                    filter.order = order.map_or(AccountOrder::Name, |(_, order)| *order);
                }
                "after" => filter.after = Some(value.into_owned()).filter(|after| !after.is_empty()),
                _ => {}
            }
        }
        filter
    }

    /// An address with this filter, from another place on.
    #[must_use]
    pub fn address(&self, path: &str, after: Option<&str>) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        if !self.prefix.is_empty() {
            query.append_pair("name", &self.prefix);
        }
        if let Some((word, _)) = STATES.iter().find(|(_, state)| Some(*state) == self.state) {
            query.append_pair("state", word);
        }
        if let Some((word, _)) = ORDERS.iter().find(|(_, order)| *order == self.order)
            && self.order != AccountOrder::Name
        {
            query.append_pair("order", word);
        }
        if let Some(after) = after {
            query.append_pair("after", after);
        }
        let query = query.finish();
        if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
    }

    fn is_everybody(&self) -> bool {
        self.prefix.is_empty() && self.state.is_none()
    }
}

/// What is done to somebody: each has a page of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// An invitation to set up the first device.
    Invite,
    /// A clean slate.
    Reset,
    /// Nothing passes.
    Lock,
    /// It does again.
    Unlock,
    /// Open to strangers.
    Reopen,
    /// A second factor is required.
    Require,
    /// All sessions end.
    EndSessions,
}

impl Act {
    /// All of them, by the last part of their address.
    pub const ALL: [(&'static str, Self); 7] = [
        ("invite", Self::Invite),
        ("reset", Self::Reset),
        ("lock", Self::Lock),
        ("unlock", Self::Unlock),
        ("reopen", Self::Reopen),
        ("require", Self::Require),
        ("end-sessions", Self::EndSessions),
    ];

    /// Whether there is anything to do to this account.
    #[must_use]
    pub fn fits(self, account: &AccountView) -> bool {
        match self {
            Self::Invite => !account.enrolled && !account.locked,
            Self::Reset => account.enrolled,
            Self::Lock => !account.locked,
            Self::Unlock => account.lock.as_ref().is_some_and(|lock| lock.operator.is_some()),
            Self::Reopen => account.closed_to_strangers,
            Self::Require => {
                !matches!(account.requirement, Some(Requirement::Required | Requirement::Exempt))
            }
            Self::EndSessions => account.sessions.is_some_and(|sessions| sessions > 0),
        }
    }

    fn is_danger(self) -> bool {
        match self {
            Self::Reset | Self::Lock | Self::EndSessions => true,
            Self::Invite | Self::Unlock | Self::Reopen | Self::Require => false,
        }
    }
}

#[derive(Template)]
#[template(path = "people.html")]
struct PeoplePage<'a> {
    frame: Frame<'a>,
    charge: String,
    prefix: &'a str,
    states: Vec<Choice>,
    orders: Vec<Choice>,
    rows: Vec<PersonRow<'a>>,
    is_everybody: bool,
    first: Option<String>,
    next: Option<String>,
    csv: String,
    json: String,
}

struct Choice {
    word: &'static str,
    label: &'static str,
    is_chosen: bool,
}

struct PersonRow<'a> {
    id: &'a str,
    name: String,
    about: String,
    second: String,
    used: String,
    exact: String,
    states: Vec<String>,
}

#[derive(Template)]
#[template(path = "person.html")]
struct PersonPage<'a> {
    frame: Frame<'a>,
    title: String,
    lede: Option<&'a str>,
    lock: Vec<String>,
    is_closed: bool,
    facts: Vec<(&'static str, String)>,
    devices: Vec<PersonsDevice<'a>>,
    codes_left: Option<String>,
    acts: Vec<ActLink>,
}

struct PersonsDevice<'a> {
    label: &'a str,
    set_up: String,
    used: String,
    exact: String,
}

struct ActLink {
    href: String,
    label: &'static str,
    is_danger: bool,
}

#[derive(Template)]
#[template(path = "person_act.html")]
struct ActPage<'a> {
    frame: Frame<'a>,
    title: &'static str,
    who: String,
    text: &'static str,
    action: String,
    back: String,
    token: &'a str,
    is_danger: bool,
    is_lock: bool,
    why: &'a str,
    error: Option<&'static str>,
}

#[derive(Template)]
#[template(path = "person_invited.html")]
struct InvitedPage<'a> {
    frame: Frame<'a>,
    who: String,
    link: &'a str,
    code: &'a str,
    back: String,
}

impl PagesFor<'_> {
    /// Those who fit.
    #[must_use]
    pub fn people(self, filter: &Filter, found: &AccountRows, now: u64) -> Answer {
        let words = self.words().people;
        let states = [
            ("", words.any_state, None),
            ("on", words.on, Some(AccountState::Enrolled)),
            ("off", words.off, Some(AccountState::NotEnrolled)),
            ("locked", words.locked, Some(AccountState::Locked)),
            ("closed", words.closed, Some(AccountState::Closed)),
            ("few-codes", words.few_codes, Some(AccountState::FewCodes)),
        ];
        let orders = [
            ("name", words.by_name, AccountOrder::Name),
            ("recent", words.recent, AccountOrder::Recent),
            ("idle", words.idle, AccountOrder::Idle),
        ];
        let choice = |(word, label, is_chosen)| Choice { word, label, is_chosen };
        let page = PeoplePage {
            frame: self.frame(),
            charge: self.charge(found.charge.as_ref()),
            prefix: &filter.prefix,
            states: states.map(|(word, label, state)| choice((word, label, state == filter.state))).into(),
            orders: orders.map(|(word, label, order)| choice((word, label, order == filter.order))).into(),
            rows: found.accounts.iter().map(|row| self.person_row(row, now)).collect(),
            is_everybody: filter.is_everybody(),
            first: filter.after.as_ref().map(|_| filter.address("/people", None)),
            next: found.next.as_deref().map(|next| filter.address("/people", Some(next))),
            csv: filter.address("/people/people.csv", None),
            json: filter.address("/people/people.json", None),
        };
        self.answer(StatusCode::OK, &page, None)
    }

    /// One of them.
    #[must_use]
    pub fn person(self, account: &AccountView, now: u64) -> Answer {
        let words = self.words().people;
        let say = self.words().say;
        let devices = account.devices.iter().map(|device| {
            let (used, exact) = match &device.last_used {
                Some(used) => (
                    say.used(&say.ago(used.at, now), &say.place(&used.door, used.source.as_deref())),
                    say.moment(used.at),
                ),
                None => (self.words().account.never_used.to_owned(), String::new()),
            };
            let set_up = words.set_up.replace("{}", &say.ago(device.created.at, now));
            PersonsDevice { label: &device.label, set_up, used, exact }
        });
        let acts = Act::ALL.into_iter().filter(|(_, act)| act.fits(account)).map(|(word, act)| ActLink {
            href: format!("/people/{}/{word}", account.id),
            label: self.act_words(act).0,
            is_danger: act.is_danger(),
        });
        let page = PersonPage {
            frame: self.frame(),
            title: self.name_of(&account.names),
            lede: account.contacts.display_name.as_deref(),
            lock: account.lock.as_ref().map(|lock| self.lock(lock)).unwrap_or_default(),
            is_closed: account.closed_to_strangers,
            facts: self.facts(account),
            devices: devices.collect(),
            codes_left: account.enrolled.then(|| say.codes_left(account.backup_codes_left)),
            acts: acts.collect(),
        };
        self.answer(StatusCode::OK, &page, None)
    }

    /// What will happen to somebody, and the button for it.
    #[must_use]
    pub fn act(
        self,
        act: Act,
        account: &AccountView,
        token: &str,
        refused: Option<(&'static str, &str)>,
    ) -> Answer {
        let (title, text) = self.act_words(act);
        let word = Act::ALL.iter().find(|(_, other)| *other == act).map_or("", |(word, _)| word);
        let page = ActPage {
            frame: self.frame(),
            title,
            who: self.name_of(&account.names),
            text,
            action: format!("/people/{}/{word}", account.id),
            back: format!("/people/{}", account.id),
            token,
            is_danger: act.is_danger(),
            is_lock: act == Act::Lock,
            why: refused.map_or("", |(_, why)| why),
            error: refused.map(|(error, _)| error),
        };
        let status = if refused.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
        self.answer(status, &page, None)
    }

    /// An invitation, shown this once.
    #[must_use]
    pub fn invited(self, account: &AccountView, invitation: &Invitation) -> Answer {
        let page = InvitedPage {
            frame: self.frame(),
            who: self.name_of(&account.names),
            link: &invitation.link,
            code: invitation.code.reveal(),
            back: format!("/people/{}", account.id),
        };
        self.answer(StatusCode::OK, &page, None)
    }

    fn charge(self, charge: Option<&Charge>) -> String {
        let words = self.words().people;
        match charge {
            Some(charge) if !charge.everybody => words.of_groups.replace("{}", &charge.groups.join(", ")),
            Some(_) | None => words.of_everybody.to_owned(),
        }
    }

    fn name_of(self, names: &[String]) -> String {
        names.first().map(|name| self.named(name)).unwrap_or_default()
    }

    fn named(self, name: &str) -> String {
        let (realm, plain) = name.split_once(':').unwrap_or(("unix", name));
        self.words().say.name_in_realm(realm, plain)
    }

    fn act_words(self, act: Act) -> (&'static str, &'static str) {
        let words = self.words().people;
        match act {
            Act::Invite => (words.invite, words.invite_text),
            Act::Reset => (words.reset, words.reset_text),
            Act::Lock => (words.lock, words.lock_text),
            Act::Unlock => (words.unlock, words.unlock_text),
            Act::Reopen => (words.reopen, words.reopen_text),
            Act::Require => (words.require, words.require_text),
            Act::EndSessions => (words.end_sessions, words.end_sessions_text),
        }
    }

    fn person_row(self, row: &AccountRow, now: u64) -> PersonRow<'_> {
        let (words, say) = (self.words().people, self.words().say);
        let (used, exact) = match &row.last_used {
            Some(used) => (say.ago(used.at, now), say.moment(used.at)),
            None => (words.never.to_owned(), String::new()),
        };
        let display = row.display_name.iter().map(String::as_str);
        let others = row.names.iter().skip(1).map(|name| self.named(name));
        let about: Vec<String> = display.map(str::to_owned).chain(others).collect();
        PersonRow {
            id: &row.id,
            name: self.name_of(&row.names),
            about: about.join(" · "),
            second: self.second(row.devices, row.backup_codes_left),
            used,
            exact,
            states: self.states(row),
        }
    }

    fn second(self, devices: u8, codes: u8) -> String {
        let words = self.words().people;
        let codes = match codes {
            1 => words.one_code.to_owned(),
            codes => words.codes.replace("{}", &codes.to_string()),
        };
        match devices {
            0 => words.is_off.to_owned(),
            1 => format!("{}, {codes}", words.one_device),
            devices => format!("{}, {codes}", words.devices.replace("{}", &devices.to_string())),
        }
    }

    fn states(self, row: &AccountRow) -> Vec<String> {
        let (words, say) = (self.words().people, self.words().say);
        let lock = row.lock.as_ref().map(|lock| match lock.until {
            Some(until) => words.locked_until.replace("{}", &say.moment(until)),
            None => words.locked.to_owned(),
        });
        let closed = row.closed_to_strangers.then(|| words.closed_short.to_owned());
        let few = row.devices > 0 && row.backup_codes_left <= FEW_CODES;
        let few = few.then(|| words.few_codes.to_owned());
        [lock, closed, few].into_iter().flatten().collect()
    }

    fn lock(self, lock: &Lock) -> Vec<String> {
        let (words, say) = (self.words().people, self.words().say);
        let by = lock.operator.as_deref().map_or("root".to_owned(), |operator| self.named(operator));
        let put = words.locked_by.replacen("{}", &by, 1).replacen("{}", &say.moment(lock.at), 1);
        let ends = lock.until.map(|until| words.lock_ends.replace("{}", &say.moment(until)));
        let why = lock.reason.as_ref().map(|why| words.lock_reason.replace("{}", why));
        [Some(put), ends, why].into_iter().flatten().collect()
    }

    fn facts(self, account: &AccountView) -> Vec<(&'static str, String)> {
        let (words, of, say) = (self.words().people, &self.words().account, self.words().say);
        let names: Vec<String> = account.names.iter().map(|name| self.named(name)).collect();
        let asked = match account.requirement {
            Some(Requirement::Required) => words.required,
            Some(Requirement::Optional) => words.optional,
            Some(Requirement::Exempt) => words.exempt,
            None => words.by_policy,
        };
        let or_none = |text: String| if text.is_empty() { words.none.to_owned() } else { text };
        let facts = [
            Some((words.names, names.join(", "))),
            Some((words.groups, or_none(account.groups.join(", ")))),
            account.contacts.email.clone().map(|email| (of.email, email)),
            account.contacts.phone.clone().map(|phone| (of.phone, phone)),
            Some((words.sessions, account.sessions.unwrap_or(0).to_string())),
            Some((words.asked, asked.to_owned())),
            Some((words.since, say.moment(account.created))),
        ];
        facts.into_iter().flatten().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_is_what_its_address_says() {
        for filter in [
            Filter::default(),
            Filter { prefix: "al & b=c".to_owned(), ..Filter::default() },
            Filter {
                prefix: "ä".to_owned(),
                state: Some(AccountState::FewCodes),
                order: AccountOrder::Idle,
                after: None,
            },
        ] {
            let address = filter.address("/people", None);
            let query = address.split_once('?').map_or("", |(_, query)| query);
            assert_eq!(Filter::parse(query.as_bytes()), filter, "{address}");
        }
        let next = Filter::default().address("/people", Some("00.a&b"));
        assert_eq!(next, "/people?after=00.a%26b");
        let odd = Filter::parse(b"state=everything&order=sideways&name=%20x%20&foo=bar&after=");
        assert_eq!(odd, Filter { prefix: "x".to_owned(), ..Filter::default() });
    }
}

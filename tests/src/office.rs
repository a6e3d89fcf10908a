//! People, some of them in charge of others, with a real authority and gate.

use crate::{Authority, Clock, Enrolled, Gate, Setup, Upstream};

/// Everybody's password.
pub const PASSWORD: &str = "correct horse battery";

/// carol is in charge of the group sales, frank of the group kitchen, dave of everybody. bob and erin are in sales, alice is in
/// staff. Everybody but erin has a second factor.
#[derive(Debug)]
pub struct Office {
    /// The gate, with a wiki behind it.
    pub gate: Gate,
    /// The wiki.
    pub wiki: Upstream,
    /// The authority.
    pub authority: Authority,
    /// Who has a phone, by name.
    pub phones: Vec<(&'static str, Enrolled)>,
}

impl Office {
    /// On a clock that can be moved.
    #[must_use]
    pub fn open() -> Self {
        Self::with(Setup { clock: Clock::fake(), ..Setup::default() })
    }

    /// With an authority that is set up so.
    #[must_use]
    pub fn with(setup: Setup) -> Self {
        let mut authority = Authority::prepare(setup);
        let wiki = Upstream::start("The wiki");
        let mut gate = Gate::prepare(&authority, &[("wiki", wiki.address())], "");
        authority.tell_portal(&gate.origin("id"));
        authority.restart();
        let groups =
            [("alice", "staff"), ("bob", "sales"), ("carol", "sales"), ("dave", "staff"), ("erin", "sales")];
        for (name, group) in groups.into_iter().chain([("frank", "kitchen")]) {
            let account = format!("local:{name}");
            authority.twofold(&["account", "add", &account, "--group", group]).expect_success();
            authority.set_password(&account, PASSWORD);
        }
        let enrolled = ["alice", "bob", "carol", "dave", "frank"];
        let phones = enrolled.map(|name| (name, authority.enrol_existing(&format!("local:{name}"))));
        for (name, group) in [("carol", "sales"), ("frank", "kitchen")] {
            authority
                .twofold(&["operator", "add", &format!("local:{name}"), "--group", group])
                .expect_success();
        }
        authority.twofold(&["operator", "add", "local:dave", "--everybody"]).expect_success();
        gate.restart();
        Self { gate, wiki, authority, phones: phones.into() }
    }

    /// Somebody's phone and backup codes.
    ///
    /// # Panics
    /// When they have none.
    #[must_use]
    pub fn phone(&self, name: &str) -> &Enrolled {
        let found = self.phones.iter().find(|(own, _)| *own == name);
        found.map(|(_, enrolled)| enrolled).unwrap_or_else(|| panic!("{name} has no phone"))
    }

    /// An address of the portal.
    #[must_use]
    pub fn page(&self, path: &str) -> String {
        format!("{}{path}", self.gate.origin("id"))
    }

    /// Somebody's account, as root sees it.
    ///
    /// # Panics
    /// When there is none.
    #[must_use]
    pub fn account(&self, name: &str) -> twofold_shared::wire::AccountView {
        let request = twofold_shared::wire::GetAccount { account: Some(format!("local:{name}")) };
        self.authority.call(&request).unwrap_or_else(|why| panic!("{name}: {why}"))
    }

    /// How often something was done to somebody, as the audit trail has it.
    #[must_use]
    pub fn told(&self, name: &str, action: &str) -> usize {
        let id = self.account(name).id;
        let events = self.authority.audit();
        let told = events.iter().filter(|event| event.action == action && event.outcome == "done");
        told.filter(|event| event.account.as_ref() == Some(&id)).count()
    }
}

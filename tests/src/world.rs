//! What most tests of the portal begin with: two apps behind a gate, somebody with a phone and somebody without.

use twofold_shared::wire::{AccountView, GetAccount};

use crate::{Authority, Enrolled, Gate, Setup, Upstream};

/// Everybody's password at the portal.
pub const PASSWORD: &str = "correct horse battery";

/// A wiki and a mail behind a gate; `local:alice`, who has a password and a phone; `local:bob`, who has a password.
#[derive(Debug)]
pub struct World {
    /// An app.
    pub wiki: Upstream,
    /// Another.
    pub mail: Upstream,
    /// In front of both.
    pub gate: Gate,
    /// What alice has.
    pub alice: Enrolled,
    /// Behind it.
    pub authority: Authority,
}

impl World {
    /// One with everything as it is by default.
    #[must_use]
    pub fn start() -> Self {
        Self::with("", "")
    }

    /// With more of the authority's and of the gate's configuration.
    #[must_use]
    pub fn with(authority: &str, gate: &str) -> Self {
        let authority = Authority::with(Setup { more: authority.to_owned(), ..Setup::default() });
        for name in ["local:alice", "local:bob"] {
            authority.add(name);
            authority.set_password(name, PASSWORD);
        }
        let alice = authority.enrol_existing("local:alice");
        let (wiki, mail) = (Upstream::start("The wiki"), Upstream::start("The mail"));
        let mut gate = Gate::prepare(&authority, &[("wiki", wiki.address()), ("mail", mail.address())], gate);
        gate.restart();
        Self { wiki, mail, gate, alice, authority }
    }

    /// One more account at the web, with a password and no second factor.
    pub fn add(&self, name: &str) {
        self.authority.add(name);
        self.authority.set_password(name, PASSWORD);
    }

    /// An address: `id` is the portal.
    #[must_use]
    pub fn page(&self, site: &str, path: &str) -> String {
        format!("{}{path}", self.gate.origin(site))
    }

    /// An account as its operators see it, by its name at the portal.
    ///
    /// # Panics
    /// When there is none.
    #[must_use]
    pub fn account(&self, name: &str) -> AccountView {
        let asked = self.authority.call(&GetAccount { account: Some(format!("local:{name}")) });
        asked.unwrap_or_else(|why| panic!("{name}: {why}"))
    }
}

//! What the audit trail and a person are told of where something happened: doors, sources, events.

use twofold_shared::account::Account;
use twofold_shared::throttle::{Origin, SourceId};
use twofold_shared::trail::{Action, Door};
use twofold_shared::wire::{Nonce, Source};

use super::permission::Actor;
use crate::audit::{Entry, Outcome};

/// The door of those who use the command.
pub const COMMAND: Door<'static> = Door::Command;

/// The same, where root does it for somebody: they are told so at their next login.
pub const ROOTS_COMMAND: Door<'static> = Door::RootsCommand;

/// The door of those who sign in at the portal.
pub const PORTAL: Door<'static> = Door::Portal;

/// The most characters kept of a terminal's name.
const LONGEST_TERMINAL: usize = 64;

/// Where somebody is: for the throttle, and in words.
#[derive(Clone, Debug)]
pub struct Place {
    /// For the throttle.
    pub origin: Origin,
    /// Address or terminal, where known.
    pub words: Option<String>,
}

impl Place {
    /// What a PAM stack reported. `reporter` is the host of the door listener it came through; empty on the main socket.
    pub fn reported(source: &Source, host: &str, reporter: &str) -> Self {
        let address = source.address.map(|address| address.to_canonical().to_string());
        let terminal =
            source.terminal.as_ref().map(|terminal| terminal.chars().take(LONGEST_TERMINAL).collect());
        Self { origin: Origin::reported(source, host, reporter), words: address.or(terminal) }
    }

    /// What the gate reported: an address, and nothing that only a host can know.
    pub fn browser(source: &Source) -> Self {
        let source = Source { address: source.address, ..Source::default() };
        Self::reported(&source, "", "")
    }

    /// The same of a browser that is known to its account by a cookie.
    pub fn with(self, source: SourceId) -> Self {
        Self { origin: self.origin.with(source), ..self }
    }

    /// A process on this host that is not root: all that is known of it is where it runs.
    pub fn local(host: &str) -> Self {
        let source = Source { terminal: Some("local".to_owned()), ..Source::default() };
        Self::reported(&source, host, "")
    }
}

/// The name of a PAM door.
pub fn pam_door(service: &str, host: &str) -> String {
    Door::Service { service, host }.to_string()
}

/// The name of the gate's door to a site, or of the portal.
pub fn web_door(site: Option<&str>) -> String {
    site.map_or(PORTAL, Door::Site).to_string()
}

/// An event at a door.
pub fn entry(action: Action, door: impl Into<String>, place: &Place, nonce: &Nonce) -> Entry {
    Entry {
        source: place.words.clone(),
        request: Some(nonce.to_string()),
        ..Entry::new(action, Outcome::Refused, door)
    }
}

/// The event of a change to an account.
pub fn change_entry(action: Action, actor: &Actor, account: &Account) -> Entry {
    let person = match actor {
        Actor::Person(person) => Some(&**person),
        Actor::Operator(operator) => operator.person.as_ref(),
        Actor::Root { .. } | Actor::Gate | Actor::Owner { .. } | Actor::Door(_) => None,
    };
    let entry = match person {
        Some(person) => Entry { outcome: Outcome::Done, ..person.entry(action) },
        None => Entry::new(action, Outcome::Done, COMMAND),
    };
    Entry {
        account: Some(account.id),
        name: account.names.first().map(|name| name.name.to_string()),
        actor: actor.name(),
        ..entry
    }
}

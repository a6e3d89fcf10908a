//! What a login must do before any code is looked at.

use twofold_shared::account::Account;
use twofold_shared::wire::{Ask, FirstFactor, Requirement};

/// Whose login it is.
#[derive(Clone, Copy, Debug)]
pub enum Login<'a> {
    /// An account's.
    Account(&'a Account),
    /// A name that the host knows and the ledger does not.
    Unlisted,
    /// Nobody's, as far as can be told.
    Unknown,
}

/// What it must do, where `service` is what policy says of the service.
///
/// Nothing but a code passes unless a first factor holds: otherwise whoever takes one line out of a PAM stack would
/// open the door. A name that has no account is asked for a code like any other where policy says required; where it
/// says optional or exempt, somebody who has never heard of Twofold must not be locked out by it.
#[must_use]
pub fn ask(login: Login<'_>, first: FirstFactor, service: Requirement) -> Ask {
    match first {
        FirstFactor::None => return Ask::Code,
        FirstFactor::Above | FirstFactor::Publickey => {}
    }
    match login {
        Login::Unknown => Ask::Code,
        Login::Unlisted => match service {
            Requirement::Required => Ask::Code,
            Requirement::Optional => Ask::Optional,
            Requirement::Exempt => Ask::Exempt,
        },
        Login::Account(account) if account.locked => Ask::Code,
        Login::Account(account) => match (account.requirement.unwrap_or(service), account.enrolled()) {
            (Requirement::Exempt, _) => Ask::Exempt,
            (Requirement::Required | Requirement::Optional, true) => Ask::Code,
            (Requirement::Optional, false) => Ask::Optional,
            (Requirement::Required, false) => Ask::Unenrolled,
        },
    }
}

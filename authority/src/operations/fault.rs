//! Why a call has no answer, in words for the person who made it.

use twofold_shared::wire::{Fault, FaultKind, Refused};

use super::turn::Busy;

/// What an operation comes to.
pub type Outcome<T> = Result<T, Fault>;

/// A fault without a refusal.
pub fn fault(kind: FaultKind, detail: impl Into<String>) -> Fault {
    Fault { kind, detail: detail.into(), refusal: None }
}

/// A field that cannot be.
pub fn invalid(detail: impl Into<String>) -> Fault {
    fault(FaultKind::Invalid, detail)
}

/// The caller may not do this. One sentence for all reasons: it tells nothing about others' accounts.
pub fn not_permitted() -> Fault {
    fault(FaultKind::NotPermitted, "this caller may not do this here")
}

/// Nobody has this name or id.
pub fn no_such_account() -> Fault {
    fault(FaultKind::NoSuchAccount, "no such account; `twofold account list` shows all there are")
}

/// The authority itself failed.
pub fn internal(detail: impl Into<String>) -> Fault {
    fault(FaultKind::Internal, detail)
}

/// The code in a call was refused.
pub fn refused(refusal: Refused) -> Fault {
    Fault { kind: FaultKind::Refused, detail: "the code was refused".to_owned(), refusal: Some(refusal) }
}

/// Too much at once, or changed underneath.
pub fn busy() -> Fault {
    fault(FaultKind::Busy, "too much at once; try again")
}

impl From<Busy> for Fault {
    fn from(_: Busy) -> Self {
        busy()
    }
}

//! Why a call has no answer.

use serde::{Deserialize, Serialize};

use super::Refused;

/// Why a call has no answer. On the wire an error's name is [`super::INTERFACE`], a dot and the kind, or one of
/// `org.varlink.service`'s own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FaultKind {
    /// This caller may not do this on this listener.
    NotPermitted,
    /// A field cannot be: `detail` says which and why.
    Invalid,
    /// No such account.
    NoSuchAccount,
    /// No such device in this account.
    NoSuchDevice,
    /// No such API key of this account.
    NoSuchApiKey,
    /// No such session of this account.
    NoSuchSession,
    /// No such browser of this account.
    NoSuchBrowser,
    /// No such enrolment, or it has expired.
    NoSuchEnrolment,
    /// The name belongs to an account already.
    NameTaken,
    /// This change needs a fresh code in the same call.
    NeedsCode,
    /// The code in the call was refused: `refusal` says how.
    Refused,
    /// The disk is full: only codes are checked.
    DiskFull,
    /// Something changed underneath, or there is too much at once: try again.
    Busy,
    /// The authority itself failed; its log says how.
    Internal,
}

/// An error's parameters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// Which. On the wire it is in the error's name.
    #[serde(skip, default = "internal")]
    pub kind: FaultKind,
    /// One sentence for the person, and what to do.
    pub detail: String,
    /// With [`FaultKind::Refused`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refusal: Option<Refused>,
}

const fn internal() -> FaultKind {
    FaultKind::Internal
}

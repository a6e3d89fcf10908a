//! What a PAM door asks.

use serde::{Deserialize, Serialize};

use super::{FirstFactor, Level, Nonce, Notice, Refused, Source};
use crate::secret::{SecretText, revealed};

/// One try to get in through PAM.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Login {
    /// `PAM_USER`, as the host has it. The listener gives the realm.
    pub name: String,
    /// `PAM_SERVICE`.
    pub service: String,
    /// Where the first factor came from.
    pub first: FirstFactor,
    /// Where the person is.
    pub source: Source,
}

/// "What must this login do?" Changes nothing; where no code is asked, the audit trail tells it.
#[derive(Debug, Serialize, Deserialize)]
pub struct Consult {
    /// The request's number.
    pub nonce: Nonce,
    /// The login.
    pub login: Login,
}

/// The answer to [`Consult`].
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConsultReply {
    /// The request's number.
    pub nonce: Nonce,
    /// What to do.
    pub ask: Ask,
    /// In which language the person is spoken to.
    #[serde(default)]
    pub language: Language,
}

/// A language that messages are written in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Language {
    /// English.
    #[default]
    English,
    /// German.
    German,
}

/// What a login must do. A name without an account is asked for a code where policy says required.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ask {
    /// Ask for a code and [`Verify`] it.
    Code,
    /// Exempt by policy; only where a first factor holds.
    Exempt,
    /// A code that was given here before still serves; only where a first factor holds.
    Grace,
    /// Not enrolled, and policy says optional; only where a first factor holds.
    Optional,
    /// Not enrolled, and policy says required: refuse and say how to enrol; only where a first factor holds.
    Unenrolled,
    /// The same, but a second factor may be set up now: [`super::BeginEnrolmentAtLogin`].
    Enrol,
    /// The same, but that takes an operator's invitation.
    Invitation,
}

/// A code given at a PAM door.
#[derive(Debug, Serialize, Deserialize)]
pub struct Verify {
    /// The request's number.
    pub nonce: Nonce,
    /// The login.
    pub login: Login,
    /// The digits.
    #[serde(with = "revealed")]
    pub code: SecretText,
}

/// The answer to [`Verify`] and [`super::VerifySession`]: exactly one of `approval` and `refusal`. A door reads it through
/// [`crate::permit::judge`].
#[derive(Debug, Serialize, Deserialize)]
pub struct VerifyReply {
    /// The request's number.
    pub nonce: Nonce,
    /// Present when the code was right and is now spent, on disk.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval: Option<Approval>,
    /// Present otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refusal: Option<Refused>,
    /// What the person should learn now that they have passed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notices: Vec<Notice>,
}

/// Who was approved, where and how far.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approval {
    /// The account's immutable id.
    pub account: String,
    /// The door: `sshd on web1`, `web portal`.
    pub door: String,
    /// The level reached.
    pub level: Level,
}

//! What policy says of a login, and why.

use serde::{Deserialize, Serialize};

use super::{Ask, FirstFactor, Requirement, Source};

/// Asks what a login on this host would have to do. Changes nothing, and nothing is written down.
#[derive(Debug, Serialize, Deserialize)]
pub struct ExplainPolicy {
    /// Whose: `NAME` or `REALM:NAME`.
    pub name: String,
    /// At which PAM service.
    pub service: String,
    /// Where the first factor came from.
    pub first: FirstFactor,
    /// Where the person is.
    pub source: Source,
    /// The person's groups, instead of those that the host says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub groups: Option<Vec<String>>,
}

/// The answer to [`ExplainPolicy`].
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyExplained {
    /// What the login would have to do.
    pub ask: Ask,
    /// What decides that.
    pub decided_by: Decider,
    /// With [`Decider::Rule`]: its line in the configuration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
    /// What it says.
    pub requirement: Requirement,
    /// For how long a code serves at the same door and source; absent: for one login.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grace_seconds: Option<u64>,
    /// Every rule that was looked at, up to the first that applies.
    pub rules: Vec<RuleEntry>,
    /// What the person's first device takes; absent where there is one, or nobody has the name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_device: Option<FirstDevice>,
}

/// What somebody's first device takes, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FirstDevice {
    /// Who may begin it.
    pub takes: FirstTakes,
    /// What decides that.
    pub decided_by: FirstDecider,
    /// With [`FirstDecider::Group`]: which.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
}

/// Who may begin somebody's first device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FirstTakes {
    /// Root, or its owner with an invitation.
    Invitation,
    /// Its owner, after the first factor.
    Login,
    /// Its owner, also with the command under the own user.
    Own,
}

/// What decides what a first device takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FirstDecider {
    /// The owner is in charge of others.
    Charge,
    /// A group that the owner is in.
    Group,
    /// It cannot be told in which groups the owner is, so that the strictest of all holds.
    Untold,
    /// None of these: what is said for everybody.
    Default,
}

/// What decides what a login must do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decider {
    /// No first factor holds, so that policy is not asked.
    NoFirstFactor,
    /// Nobody has the name, neither in the ledger nor on the host.
    UnknownName,
    /// The account is locked.
    Lock,
    /// The account's own requirement.
    Account,
    /// A rule.
    Rule,
    /// The table of services.
    Service,
    /// The default.
    Default,
}

/// A rule that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleEntry {
    /// Its line in the configuration.
    pub line: u64,
    /// Whether it applies.
    pub applies: RuleApplies,
    /// If not, or if it cannot be told: because of which of its keys.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// What it asks.
    pub requirement: Requirement,
    /// Its grace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grace_seconds: Option<u64>,
}

/// Whether a rule applies to a login.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RuleApplies {
    /// It does.
    Yes,
    /// It does not.
    No,
    /// It cannot be told, so that the stricter of it and what comes after it holds.
    Unknown,
}

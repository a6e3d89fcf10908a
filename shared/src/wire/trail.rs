//! The audit trail, as it is read.

use serde::{Deserialize, Serialize};

/// Asks for the audit trail, oldest first. With `more` it follows.
#[derive(Debug, Serialize, Deserialize)]
pub struct ReadAudit {
    /// Whose events; absent: everybody's (root) or the caller's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// The last position read; absent: from the beginning.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// Nothing older than this, in seconds since the epoch; absent: whatever is kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<u64>,
    /// How many at most; the authority gives no more than 500 a message.
    pub limit: u32,
}

/// A page of the audit trail.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditPage {
    /// The events.
    pub events: Vec<AuditEvent>,
    /// Pass it as `after` for what comes next; absent when nothing has come yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// Asks what happened to an account, the newest first.
#[derive(Debug, Serialize, Deserialize)]
pub struct ReadActivity {
    /// Whose.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// Only what is older than this position; absent: up to now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    /// How many at most; the authority gives no more than 500.
    pub limit: u32,
}

/// What happened to an account, the newest first.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActivityPage {
    /// The events.
    pub events: Vec<AuditEvent>,
    /// Pass it as `before` for what is older; absent when there is nothing more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
}

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditEvent {
    /// Seconds since the epoch.
    pub at: u64,
    /// What: `verify`, `sign_in`, `enrol`, `account_lock`, …
    pub action: String,
    /// `approved`, `refused` or `done`.
    pub outcome: String,
    /// The account's id, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// The name used, `REALM:NAME`; absent for names that nobody has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The door.
    pub door: String,
    /// Address or terminal, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// Which device or `backup code`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub factor: Option<String>,
    /// The internal reason of a refusal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Who did it, where it was not the account's owner: `root`, `gate`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
    /// The request's number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<String>,
    /// How many like it within the minute are told by this one event.
    pub count: u64,
}

//! Graces: where an account's code still serves, so that none is asked.

use serde::{Deserialize, Serialize};

/// Asks where no code is asked of an account for a while.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct ListGraces {
    /// Whose.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
}

/// The graces of an account, the newest first.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GraceList {
    /// The graces.
    pub graces: Vec<GraceEntry>,
}

/// A grace: one door, from one source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GraceEntry {
    /// 16 hex digits.
    pub id: String,
    /// `sudo on web1`.
    pub door: String,
    /// Address or terminal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// When the code was given, in seconds since the epoch.
    pub at: u64,
    /// When the next one is asked for, at the latest.
    pub until: u64,
}

/// Ends a grace, or all of an account. It gives nothing, so it takes no code.
#[derive(Debug, Serialize, Deserialize)]
pub struct EndGraces {
    /// Whose.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// Which, as the list names it; absent: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
}

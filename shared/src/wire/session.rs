//! Sessions and browsers, as their owners and operators have them: listed and revoked.

use serde::{Deserialize, Serialize};

use super::Level;
use crate::secret::{SecretText, revealed_option};

/// Asks for the live sessions of an account.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct ListSessions {
    /// Whose.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
}

/// The live sessions of an account, the one used last first.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionList {
    /// The sessions.
    pub sessions: Vec<SessionEntry>,
}

/// A session in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionEntry {
    /// The beginning of its digest, 16 hex digits: names the session and opens nothing.
    pub id: String,
    /// The site's host; absent for the portal's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub site: Option<String>,
    /// The name signed in with.
    pub name: String,
    /// The level reached.
    pub level: Level,
    /// It was raised without a code, because its browser is trusted.
    pub trusted: bool,
    /// What the browser says it is.
    pub browser: String,
    /// The address it began at, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// When it began, in seconds since the epoch.
    pub created: u64,
    /// When it was last used.
    pub seen: u64,
    /// When it ends unless it is used.
    pub ends_at: u64,
}

/// Ends a session, with those of the sites under it, or all of an account; with all of them every browser needs a code
/// again.
#[derive(Debug, Serialize, Deserialize)]
pub struct RevokeSessions {
    /// Whose.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// Which session, as the list names it; absent: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// A fresh code; root needs none.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "revealed_option")]
    pub code: Option<SecretText>,
}

/// How many were revoked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revoked {
    /// How many: of sessions, those of sites included.
    pub count: u64,
}

/// Asks for the browsers that an account is known by.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct ListBrowsers {
    /// Whose.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
}

/// The browsers that an account is known by, the one used last first.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BrowserList {
    /// The browsers.
    pub browsers: Vec<BrowserEntry>,
}

/// A browser in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BrowserEntry {
    /// Its number: names the browser and opens nothing.
    pub id: String,
    /// What the browser says it is.
    pub browser: String,
    /// The address it was last used at, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// When it first passed, in seconds since the epoch.
    pub created: u64,
    /// When it last passed.
    pub seen: u64,
    /// Until when it needs no code where a site takes that; absent: it is known, not trusted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trusted_until: Option<u64>,
    /// When it is forgotten unless it is used.
    pub ends_at: u64,
}

/// Forgets a browser, or all of an account; sessions that rest on their trust end.
#[derive(Debug, Serialize, Deserialize)]
pub struct RevokeBrowsers {
    /// Whose.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// Which browser, as the list names it; absent: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// A fresh code; root needs none.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "revealed_option")]
    pub code: Option<SecretText>,
}

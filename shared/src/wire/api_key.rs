//! API keys: what owners and operators ask, and what the gate asks when a program presents one.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::{ApiKeyId, Contacts, Nonce, Occasion, SessionDigest, Source};
use crate::secret::{SecretText, revealed, revealed_option};

/// What a key may be used for. It opens what all four allow; an empty list of paths, methods or networks allows all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiKeyGrant {
    /// Hosts of sites; at least one.
    pub sites: Vec<String>,
    /// Paths as in the gate's rules: a place and all below it, or a glob.
    #[serde(default)]
    pub paths: Vec<String>,
    /// Methods; GET is HEAD too.
    #[serde(default)]
    pub methods: Vec<String>,
    /// Addresses and networks that it may come from.
    #[serde(default)]
    pub networks: Vec<String>,
}

/// An API key without its secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiKeyView {
    /// Its number, which stands in the key too.
    pub id: ApiKeyId,
    /// What its owner calls it.
    pub label: String,
    /// What it may be used for.
    pub grant: ApiKeyGrant,
    /// It opens nothing until it is resumed.
    pub suspended: bool,
    /// From when on it opens nothing, in seconds since the epoch; absent: it does not expire.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends_at: Option<u64>,
    /// When and where it was made.
    pub created: Occasion,
    /// When it was last given a new secret, in seconds since the epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rotated_at: Option<u64>,
    /// When, where and from where it was last used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_used: Option<Occasion>,
}

/// Makes an API key.
#[derive(Debug, Serialize, Deserialize)]
pub struct CreateApiKey {
    /// Whose.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// What its owner calls it.
    pub label: String,
    /// What it may be used for.
    pub grant: ApiKeyGrant,
    /// From when on it opens nothing, in seconds since the epoch; absent: it does not expire.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends_at: Option<u64>,
    /// A fresh code; root needs none.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "revealed_option")]
    pub code: Option<SecretText>,
}

/// A key, shown this once.
#[derive(Debug, Serialize, Deserialize)]
pub struct FreshApiKey {
    /// The whole key: `tf_`, its number, `_`, its secret.
    #[serde(with = "revealed")]
    pub key: SecretText,
    /// What is known of it from now on.
    pub api_key: ApiKeyView,
}

/// Asks for the keys of an account.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct ListApiKeys {
    /// Whose.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
}

/// The keys of an account, by number.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiKeyList {
    /// The keys.
    pub api_keys: Vec<ApiKeyView>,
}

/// Lets a key open nothing until it is resumed. Takes no code: it only takes away.
#[derive(Debug, Serialize, Deserialize)]
pub struct SuspendApiKey {
    /// Whose.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// Which key.
    pub id: ApiKeyId,
}

/// Takes the suspension back.
#[derive(Debug, Serialize, Deserialize)]
pub struct ResumeApiKey {
    /// Whose.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// Which key.
    pub id: ApiKeyId,
    /// A fresh code; root needs none.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "revealed_option")]
    pub code: Option<SecretText>,
}

/// Gives a key a new secret; the old one is dead at once. All else about the key stays.
#[derive(Debug, Serialize, Deserialize)]
pub struct RotateApiKey {
    /// Whose.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// Which key.
    pub id: ApiKeyId,
    /// A fresh code; root needs none.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "revealed_option")]
    pub code: Option<SecretText>,
}

/// Removes a key for good. Takes no code: it only takes away.
#[derive(Debug, Serialize, Deserialize)]
pub struct RevokeApiKey {
    /// Whose.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// Which key.
    pub id: ApiKeyId,
}

/// "Is this a key, whose, and what may it be used for?"
#[derive(Debug, Serialize, Deserialize)]
pub struct CheckApiKey {
    /// The request's number.
    pub nonce: Nonce,
    /// The number in the key.
    pub id: ApiKeyId,
    /// SHA-256 of the whole key.
    pub digest: SessionDigest,
    /// The site it is presented at.
    pub site: String,
    /// Where the program is.
    pub source: Source,
}

/// The answer to [`CheckApiKey`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckApiKeyReply {
    /// The request's number.
    pub nonce: Nonce,
    /// Absent when it opens nothing at this site, for whatever reason. Paths, methods and networks are the gate's to
    /// compare.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api_key: Option<LiveApiKey>,
}

/// A key that opens something. It may be remembered under its digest until a watch names that among the ended sessions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LiveApiKey {
    /// The account's immutable id.
    pub account: String,
    /// The name that apps are told.
    pub name: String,
    /// The account's groups.
    pub groups: Vec<String>,
    /// What the person is called and where they are reached.
    pub contacts: Contacts,
    /// What it may be used for.
    pub grant: ApiKeyGrant,
    /// From when on it opens nothing, in seconds since the epoch; absent: it does not expire.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends_at: Option<u64>,
}

/// When and from where keys were last used; sent in batches.
#[derive(Debug, Serialize, Deserialize)]
pub struct TouchApiKeys {
    /// The keys' last uses.
    pub used: Vec<ApiKeyUse>,
}

/// One key's last use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiKeyUse {
    /// Which key.
    pub id: ApiKeyId,
    /// Seconds since the epoch.
    pub at: u64,
    /// The site.
    pub site: String,
    /// Where the program was, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<IpAddr>,
}

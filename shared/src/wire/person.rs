//! What the owner of an account asks in a browser.

use serde::{Deserialize, Serialize};

use super::{Nonce, Opaque, SessionDigest, Source};
use crate::secret::{SecretText, revealed_option};

/// Calls a method of an account's owner, or an operator's, as the person of a session of the portal at level second.
/// Changes that take a code take none where one was given in this session in the last five minutes, or where the
/// password of a `local` name comes with the call. Allowed to the gate.
#[derive(Debug, Serialize, Deserialize)]
pub struct AsPerson {
    /// The request's number.
    pub nonce: Nonce,
    /// The portal's session.
    pub session: SessionDigest,
    /// Where the browser is.
    pub source: Source,
    /// SHA-256 of the browser's cookie, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub browser_value: Option<SessionDigest>,
    /// The person's `local` password, typed for this call.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "revealed_option")]
    pub password: Option<SecretText>,
    /// The method's name within this interface.
    pub method: String,
    /// Its parameters.
    pub parameters: Opaque,
}

/// The method's reply.
#[derive(Debug, Serialize, Deserialize)]
pub struct PersonsReply {
    /// The request's number.
    pub nonce: Nonce,
    /// What the method replied.
    pub reply: Opaque,
}

//! What an operator asks for somebody whose devices are gone.

use serde::{Deserialize, Serialize};

use crate::secret::{SecretText, revealed};

/// Makes an emergency code: sixteen digits that stand for a code once, within fifteen minutes. An earlier one of the
/// account's is dead with it.
#[derive(Debug, Serialize, Deserialize)]
pub struct IssueEmergencyCode {
    /// Whose.
    pub account: String,
    /// Where it opens.
    pub door: EmergencyDoor,
}

/// Where an emergency code opens: nowhere else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EmergencyDoor {
    /// The PAM services of the authority's own host.
    Host,
    /// The portal.
    Web,
}

/// An emergency code, shown this once.
#[derive(Debug, Serialize, Deserialize)]
pub struct EmergencyCode {
    /// Sixteen digits.
    #[serde(with = "revealed")]
    pub code: SecretText,
    /// Seconds until it is void, by a clock that nobody can set.
    pub expires_seconds: u64,
    /// Whether an earlier one, not yet used, is dead now.
    pub replaced: bool,
}

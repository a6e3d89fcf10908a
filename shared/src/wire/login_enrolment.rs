//! What a PAM door asks when somebody sets up a second factor while they log in.
//!
//! Begun and confirmed in the auth phase, on in the account phase of the same login: that is run only where every module
//! of the auth phase was content, so who gave a wrong password has enrolled nothing.

use serde::{Deserialize, Serialize};

use super::{Approval, Login, Nonce, Refused, VerifyReply};
use crate::secret::{SecretText, revealed, revealed_list, revealed_option};

/// Begins an enrolment for who must have a second factor, has none, and may set one up here ([`super::Ask::Enrol`]), or has been invited to. One
/// that was begun before at a login is void with it: whoever saw its secret may have kept it.
#[derive(Debug, Serialize, Deserialize)]
pub struct BeginEnrolmentAtLogin {
    /// The request's number.
    pub nonce: Nonce,
    /// The login.
    pub login: Login,
    /// An invitation's code, where that is needed ([`super::Ask::Invitation`]).
    #[serde(default, skip_serializing_if = "Option::is_none", with = "revealed_option")]
    pub invitation: Option<SecretText>,
}

/// The secret on its one way to its owner's phone.
#[derive(Debug, Serialize, Deserialize)]
pub struct BegunEnrolmentAtLogin {
    /// The request's number.
    pub nonce: Nonce,
    /// Names this enrolment.
    pub enrolment: String,
    /// Base32 without padding.
    #[serde(with = "revealed")]
    pub secret: SecretText,
    /// Its QR code in half blocks, lines of text without colours, for light letters on a dark ground.
    #[serde(with = "revealed")]
    pub picture: SecretText,
    /// Seconds until it is void.
    pub expires_seconds: u64,
}

/// Gives the first code of the new device. Nothing is on yet.
#[derive(Debug, Serialize, Deserialize)]
pub struct ConfirmEnrolmentAtLogin {
    /// The request's number.
    pub nonce: Nonce,
    /// The login.
    pub login: Login,
    /// Which enrolment.
    pub enrolment: String,
    /// The digits.
    #[serde(with = "revealed")]
    pub code: SecretText,
}

/// Exactly one of `approval` and `refusal`; [`ConfirmedEnrolmentAtLogin::parts`] makes of it what a door judges.
#[derive(Debug, Serialize, Deserialize)]
pub struct ConfirmedEnrolmentAtLogin {
    /// The request's number.
    pub nonce: Nonce,
    /// Present when the code was the new device's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval: Option<Approval>,
    /// Present otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refusal: Option<Refused>,
    /// With an approval: ten backup codes, shown this once, good when the device is on.
    #[serde(with = "revealed_list")]
    pub backup_codes: Vec<SecretText>,
}

impl ConfirmedEnrolmentAtLogin {
    /// The verdict in the form of every other, and the backup codes.
    #[must_use]
    pub fn parts(self) -> (VerifyReply, Vec<SecretText>) {
        let Self { nonce, approval, refusal, backup_codes } = self;
        (VerifyReply { nonce, approval, refusal, notices: Vec::new() }, backup_codes)
    }
}

/// Switches the confirmed device on, in the account phase.
#[derive(Debug, Serialize, Deserialize)]
pub struct ActivateEnrolmentAtLogin {
    /// The request's number.
    pub nonce: Nonce,
    /// The login.
    pub login: Login,
    /// Which enrolment.
    pub enrolment: String,
}

/// The device is on.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActivatedEnrolmentAtLogin {
    /// The request's number.
    pub nonce: Nonce,
}

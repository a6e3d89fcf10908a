//! Devices set up at the portal, and invitations to do so.
//!
//! The gate names a session of the portal and never a person; whether that session may enrol, the authority decides.

use serde::{Deserialize, Serialize};

use super::{Algorithm, BrowserValue, ConfirmedEnrolment, Nonce, Refused, SessionDigest, Source};
use crate::secret::{SecretText, revealed};

/// Begins a device in a session of the portal, or gives the one again that waits there: the same session may see the
/// secret of a device that is not on yet.
#[derive(Debug, Serialize, Deserialize)]
pub struct BeginSessionEnrolment {
    /// The request's number.
    pub nonce: Nonce,
    /// The portal's session.
    pub session: SessionDigest,
    /// The site that the flow leads to, for the audit trail.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub site: Option<String>,
    /// Where the browser is.
    pub source: Source,
    /// The hash of a new device.
    #[serde(default)]
    pub algorithm: Algorithm,
    /// Its digits: 6, 7 or 8.
    pub digits: u8,
    /// Whether to begin again where one waits; that one is void then.
    #[serde(default)]
    pub again: bool,
    /// Whether it is to take the place of all devices that there are, as [`ConfirmSessionEnrolment::anew`] will say.
    #[serde(default)]
    pub anew: bool,
    /// SHA-256 of what the browser holds that redeemed an invitation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invitation: Option<SessionDigest>,
}

/// The answer to [`BeginSessionEnrolment`]: exactly one of `waiting` and `refusal`.
#[derive(Debug, Serialize, Deserialize)]
pub struct SessionEnrolment {
    /// The request's number.
    pub nonce: Nonce,
    /// What waits for its first code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting: Option<WaitingEnrolment>,
    /// Why nothing does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refusal: Option<EnrolmentRefusal>,
}

/// A device that waits for its first code.
#[derive(Debug, Serialize, Deserialize)]
pub struct WaitingEnrolment {
    /// Names it in [`ConfirmSessionEnrolment`].
    pub enrolment: String,
    /// Base32 without padding.
    #[serde(with = "revealed")]
    pub secret: SecretText,
    /// The same as `otpauth://`, for a QR code.
    #[serde(with = "revealed")]
    pub uri: SecretText,
    /// The hash.
    pub algorithm: Algorithm,
    /// Digits of a code.
    pub digits: u8,
    /// Whether it is the account's first.
    pub first: bool,
    /// Seconds until it is void.
    pub expires_seconds: u64,
}

/// Why a session may not enrol a device now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EnrolmentRefusal {
    /// A first device takes a first factor passed in the last five minutes.
    FirstFactor,
    /// A further one takes a code given in the last five minutes.
    SecondFactor,
    /// The first device of this account takes an invitation, redeemed in this browser.
    Invitation,
    /// There are as many devices as an account may have.
    TooManyDevices,
}

/// Gives the first code of a device that waits in a session. The device is on, the code is spent and the session is at
/// level second, all at once.
#[derive(Debug, Serialize, Deserialize)]
pub struct ConfirmSessionEnrolment {
    /// The request's number.
    pub nonce: Nonce,
    /// The session as it is; it ends with a right code.
    pub session: SessionDigest,
    /// Its new id at level second.
    pub next: SessionDigest,
    /// Which enrolment.
    pub enrolment: String,
    /// The site that the flow leads to, for the audit trail.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub site: Option<String>,
    /// Where the browser is.
    pub source: Source,
    /// The digits.
    #[serde(with = "revealed")]
    pub code: SecretText,
    /// What the owner calls the device.
    pub label: String,
    /// What the app makes after all, where it ignored what was asked of it; absent: as begun.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub makes: Option<CodeKind>,
    /// Whether the device takes the place of all devices and backup codes that there are; the account's other sessions end.
    #[serde(default)]
    pub anew: bool,
    /// The browser's cookie, which is known from then on.
    pub browser: BrowserValue,
    /// SHA-256 of what the browser holds that redeemed an invitation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invitation: Option<SessionDigest>,
}

/// How codes are made, the period aside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CodeKind {
    /// The hash.
    pub algorithm: Algorithm,
    /// Digits of a code.
    pub digits: u8,
}

/// The answer to [`ConfirmSessionEnrolment`]: exactly one of `confirmed` and `refusal`.
#[derive(Debug, Serialize, Deserialize)]
pub struct SessionEnrolmentConfirmed {
    /// The request's number.
    pub nonce: Nonce,
    /// The device is on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirmed: Option<ConfirmedEnrolment>,
    /// It is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refusal: Option<Refused>,
    /// With `wrong`: the code is right for an app that makes this kind, so it ignored what was asked of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub makes: Option<CodeKind>,
}

/// Gives up the device that waits in a session.
#[derive(Debug, Serialize, Deserialize)]
pub struct CancelSessionEnrolment {
    /// The portal's session.
    pub session: SessionDigest,
}

/// Invites the owner of an account to set up its first device. One that was made before is void.
#[derive(Debug, Serialize, Deserialize)]
pub struct InviteAccount {
    /// Whose.
    pub account: String,
}

/// An invitation, shown this once.
#[derive(Debug, Serialize, Deserialize)]
pub struct Invitation {
    /// Base32, in groups of four.
    #[serde(with = "revealed")]
    pub code: SecretText,
    /// The portal's address with the code in it, where the authority's configuration names the portal and the account has a
    /// first factor there.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub link: String,
    /// Seconds until it is void.
    pub expires_seconds: u64,
}

/// Redeems an invitation for one browser.
#[derive(Debug, Serialize, Deserialize)]
pub struct RedeemInvitation {
    /// The request's number.
    pub nonce: Nonce,
    /// The code.
    #[serde(with = "revealed")]
    pub code: SecretText,
    /// SHA-256 of what the browser holds: it alone may use the invitation from then on.
    pub holder: SessionDigest,
    /// Where the browser is.
    pub source: Source,
}

/// The answer to [`RedeemInvitation`].
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RedeemedInvitation {
    /// The request's number.
    pub nonce: Nonce,
    /// What came of it.
    pub outcome: InvitationOutcome,
    /// With `redeemed`: the realms in which its account can pass a first factor at the web.
    pub realms: Vec<String>,
}

/// What came of an invitation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InvitationOutcome {
    /// This browser may enrol the account's first device, after its first factor.
    Redeemed,
    /// There is none such: never was, is over, or another browser has it.
    Unknown,
    /// Its account has no first factor at the web; it is still good at a login.
    AtLogin,
}

/// "This site's own first factor has just passed for this name, and its owner says which account they have." With a right
/// code the name is that account's from then on. Allowed to the gate, in its sites' realms only, and never in `unix`.
#[derive(Debug, Serialize, Deserialize)]
pub struct JoinAccount {
    /// The request's number.
    pub nonce: Nonce,
    /// The site's realm.
    pub realm: String,
    /// The name that the first factor proved. It must be nobody's.
    pub name: String,
    /// A name of the account: `NAME` (realm `unix`) or `REALM:NAME`.
    pub account: String,
    /// The site's host, for the audit trail.
    pub site: String,
    /// Where the browser is.
    pub source: Source,
    /// What the browser says it is, shortened.
    pub browser: String,
    /// The new portal session at level second, should the code be right.
    pub session: SessionDigest,
    /// A fresh code of that account, or a backup code.
    #[serde(with = "revealed")]
    pub code: SecretText,
}

/// Lets a session pass once more without a second factor where one will be asked for soon: counted once for a session.
#[derive(Debug, Serialize, Deserialize)]
pub struct SpareSession {
    /// The request's number.
    pub nonce: Nonce,
    /// The portal's session.
    pub session: SessionDigest,
    /// How often in all.
    pub most: u32,
}

/// The answer to [`SpareSession`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SparedSession {
    /// How often more; absent: not this time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left: Option<u32>,
}

//! What operators and owners ask about accounts.

use serde::{Deserialize, Serialize};

use super::{Charge, Language, Lock};
use crate::secret::{SecretText, revealed, revealed_list, revealed_option};

/// The authority's state, for people and monitors.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Info {
    /// The program's version.
    pub version: String,
    /// False while the clock is in doubt and codes from an app are refused.
    pub clock_trusted: bool,
    /// True while the disk is full: codes are checked, everything else is refused.
    pub disk_full: bool,
    /// How many accounts there are.
    pub accounts: u64,
}

/// Asks for [`Info`]. Anybody on the main socket may.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct GetInfo {}

/// Asks for one account. Everywhere below, `account` is `NAME` (realm `unix`), `REALM:NAME` or `id:ID`; absent it is
/// the caller's own.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct GetAccount {
    /// Whose.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
}

/// An account without anything secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountView {
    /// The immutable id.
    pub id: String,
    /// `REALM:NAME`, the first one first.
    pub names: Vec<String>,
    /// Groups in the ledger.
    pub groups: Vec<String>,
    /// What its person is called and where they are reached.
    pub contacts: Contacts,
    /// Locked by an operator: nothing passes.
    pub locked: bool,
    /// The lock, while it holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lock: Option<Lock>,
    /// Whom it is in charge of; absent: it is no operator's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub charge: Option<Charge>,
    /// Whether a second factor is set up.
    pub enrolled: bool,
    /// Whether there is a `local` password.
    pub has_password: bool,
    /// Whether this account must, may or need not have a second factor; absent: the service's policy decides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requirement: Option<Requirement>,
    /// The language that its person is spoken to in at hosts' doors; absent: the host's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<Language>,
    /// The devices.
    pub devices: Vec<DeviceView>,
    /// Backup codes that have not been used.
    pub backup_codes_left: u8,
    /// Strangers' budget is used up: only known sources and backup codes get in until it is reopened.
    pub closed_to_strangers: bool,
    /// Seconds since the epoch.
    pub created: u64,
    /// How many sessions are live; told by [`GetAccount`] alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sessions: Option<u64>,
    /// The uids that its `unix` names were first seen with; told by [`ListAccounts`] alone, which is root's.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub uids: Vec<SeenUid>,
}

/// The uid that a name of the host's users was first seen with: the same name with another uid is another person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeenUid {
    /// The name as the host has it, without a realm.
    pub name: String,
    /// The uid.
    pub uid: u32,
}

/// What a person is called and where they are reached, as operators keep it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contacts {
    /// What people call them: 1 to 64 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// Their e-mail address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// Their telephone number, `+` and digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
}

/// Whether a second factor is asked of an account or at a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Requirement {
    /// No code, no entry; who has not enrolled is refused.
    Required,
    /// Who has enrolled is asked; who has not, passes on the first factor.
    Optional,
    /// Nobody is asked, enrolled or not.
    Exempt,
}

/// A device without its secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceView {
    /// Its id within the account.
    pub id: String,
    /// What its owner calls it.
    pub label: String,
    /// The hash.
    pub algorithm: Algorithm,
    /// Digits of a code.
    pub digits: u8,
    /// Seconds a code lasts.
    pub period_seconds: u64,
    /// When and where it was enrolled.
    pub created: Occasion,
    /// When and where it was last used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_used: Option<Occasion>,
}

/// When, at which door, from where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Occasion {
    /// Seconds since the epoch.
    pub at: u64,
    /// `sudo on web1`, `web portal`, `root's command`.
    pub door: String,
    /// Address or terminal, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
}

/// The hash beneath a TOTP (RFC 6238).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Algorithm {
    /// HMAC-SHA-1: what every authenticator app understands.
    #[default]
    Sha1,
    /// HMAC-SHA-256.
    Sha256,
    /// HMAC-SHA-512.
    Sha512,
}

/// Asks for a page of accounts, by id.
#[derive(Debug, Serialize, Deserialize)]
pub struct ListAccounts {
    /// The last id of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// How many at most; the authority gives no more than 500.
    pub limit: u32,
}

/// A page of accounts.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountPage {
    /// The accounts.
    pub accounts: Vec<AccountView>,
    /// Pass it as `after` for the next page; absent on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// Makes an account with one name.
#[derive(Debug, Serialize, Deserialize)]
pub struct AddAccount {
    /// `NAME` or `REALM:NAME`.
    pub name: String,
    /// Groups in the ledger.
    #[serde(default)]
    pub groups: Vec<String>,
}

/// Removes an account, its sessions, its names and its API keys.
#[derive(Debug, Serialize, Deserialize)]
pub struct RemoveAccount {
    /// Whose.
    pub account: String,
}

/// Locks an account: nothing passes, all sessions end, its API keys open nothing. A lock that is there already is replaced.
#[derive(Debug, Serialize, Deserialize)]
pub struct LockAccount {
    /// Whose.
    pub account: String,
    /// Why, for those in charge: 1 to 200 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// When it ends by itself, in seconds since the epoch; absent: it does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<u64>,
}

/// Takes the lock back.
#[derive(Debug, Serialize, Deserialize)]
pub struct UnlockAccount {
    /// Whose.
    pub account: String,
}

/// Reopens the account to strangers after their budget was used up.
#[derive(Debug, Serialize, Deserialize)]
pub struct ReopenAccount {
    /// Whose.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// A fresh code from a known source; root needs none.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "revealed_option")]
    pub code: Option<SecretText>,
}

/// Gives an account one more name.
#[derive(Debug, Serialize, Deserialize)]
pub struct LinkName {
    /// Whose.
    pub account: String,
    /// `REALM:NAME`; it must belong to nobody.
    pub name: String,
}

/// Takes a name from an account; the last one stays.
#[derive(Debug, Serialize, Deserialize)]
pub struct UnlinkName {
    /// Whose.
    pub account: String,
    /// `REALM:NAME`.
    pub name: String,
    /// A fresh code; root needs none.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "revealed_option")]
    pub code: Option<SecretText>,
}

/// Says whether this account must have a second factor, before any service's policy.
#[derive(Debug, Serialize, Deserialize)]
pub struct SetRequirement {
    /// Whose.
    pub account: String,
    /// Absent: as the service's policy says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requirement: Option<Requirement>,
}

/// Says in which language a person is spoken to at hosts' doors.
#[derive(Debug, Serialize, Deserialize)]
pub struct SetLanguage {
    /// Whose.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// Absent: in the host's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<Language>,
}

/// Says what a person is called and where they are reached; what is absent is unknown from then on.
#[derive(Debug, Serialize, Deserialize)]
pub struct SetContacts {
    /// Whose.
    pub account: String,
    /// All there is.
    pub contacts: Contacts,
}

/// Sets the password of a `local` name.
#[derive(Debug, Serialize, Deserialize)]
pub struct SetPassword {
    /// Whose.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// The new password.
    #[serde(with = "revealed")]
    pub password: SecretText,
    /// A fresh code; root needs none.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "revealed_option")]
    pub code: Option<SecretText>,
}

/// Begins an enrolment: a new secret that waits ten minutes for its first code.
#[derive(Debug, Serialize, Deserialize)]
pub struct BeginEnrolment {
    /// Whose.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// What the owner calls the device.
    pub label: String,
    /// SHA-1 unless there is a reason: most apps ignore anything else silently.
    #[serde(default)]
    pub algorithm: Algorithm,
    /// 6, 7 or 8.
    pub digits: u8,
    /// 15 to 120.
    pub period_seconds: u64,
    /// An existing secret in base32, 128 bits or more, to import; absent: 160 new bits.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "revealed_option")]
    pub import: Option<SecretText>,
    /// A fresh code of a device there is already; root needs none.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "revealed_option")]
    pub code: Option<SecretText>,
}

/// The secret on its one way to its owner's phone.
#[derive(Debug, Serialize, Deserialize)]
pub struct BegunEnrolment {
    /// Names this enrolment in [`ConfirmEnrolment`].
    pub enrolment: String,
    /// Base32 without padding.
    #[serde(with = "revealed")]
    pub secret: SecretText,
    /// The same as `otpauth://`, for a QR code.
    #[serde(with = "revealed")]
    pub uri: SecretText,
    /// Seconds until it is void.
    pub expires_seconds: u64,
}

/// Gives the first code of a new device. Only now is it on; the code is spent.
#[derive(Debug, Serialize, Deserialize)]
pub struct ConfirmEnrolment {
    /// Which enrolment.
    pub enrolment: String,
    /// The digits.
    #[serde(with = "revealed")]
    pub code: SecretText,
}

/// The device is on.
#[derive(Debug, Serialize, Deserialize)]
pub struct ConfirmedEnrolment {
    /// The device.
    pub device: DeviceView,
    /// Ten backup codes, shown this once, when the account had none.
    #[serde(default, with = "revealed_list")]
    pub backup_codes: Vec<SecretText>,
}

/// Makes ten new backup codes; the old ones are dead at once.
#[derive(Debug, Serialize, Deserialize)]
pub struct RegenerateBackupCodes {
    /// Whose.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// A fresh code; root needs none.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "revealed_option")]
    pub code: Option<SecretText>,
}

/// Ten backup codes, shown this once.
#[derive(Debug, Serialize, Deserialize)]
pub struct FreshBackupCodes {
    /// Eight digits each.
    #[serde(with = "revealed_list")]
    pub backup_codes: Vec<SecretText>,
}

/// Calls a device something else.
#[derive(Debug, Serialize, Deserialize)]
pub struct RenameDevice {
    /// Whose.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// The device's id.
    pub device: String,
    /// The new label.
    pub label: String,
    /// A fresh code; root needs none.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "revealed_option")]
    pub code: Option<SecretText>,
}

/// Removes one device.
#[derive(Debug, Serialize, Deserialize)]
pub struct RemoveDevice {
    /// Whose.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// The device's id.
    pub device: String,
    /// A fresh code; root needs none.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "revealed_option")]
    pub code: Option<SecretText>,
}

/// Turns two-factor off: devices and backup codes are gone at once.
#[derive(Debug, Serialize, Deserialize)]
pub struct DisableAccount {
    /// Whose.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// A fresh code; root needs none.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "revealed_option")]
    pub code: Option<SecretText>,
}

/// The operator's way to let a locked-out person begin again: devices, backup codes and sessions are gone, counters
/// cleared.
#[derive(Debug, Serialize, Deserialize)]
pub struct ResetAccount {
    /// Whose.
    pub account: String,
}

/// Ends the state `clock`: root has looked, and the wall clock is right.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct AcceptClock {}

/// Writes a sealed copy of the whole ledger beside it, as it is at one moment. Only root may; calls wait meanwhile.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct CopyLedger {}

/// The copy that was written. The next one takes its place.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LedgerCopy {
    /// Where it is.
    pub path: String,
    /// The last change that is in it.
    pub revision: u64,
    /// How many records it holds.
    pub records: u64,
}

//! The messages of `org.twofold.Authority`: what crosses the socket, and nothing that is decided with.
//!
//! Varlink: NUL-terminated JSON over a Unix stream socket. `org.twofold.Authority.varlink` beside this file is the
//! interface description that the authority serves; a test holds the two together. What a caller may do follows from
//! the listener and the peer's credentials, never from a field in here.

use std::fmt;
use std::net::IpAddr;

use data_encoding::HEXLOWER_PERMISSIVE as HEX;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::secret::{SecretText, revealed, revealed_list, revealed_option};

/// The interface's name; a method's full name is this, a dot, and [`Request::METHOD`].
pub const INTERFACE: &str = "org.twofold.Authority";

/// The interface description, as a Varlink client reads it.
pub const DESCRIPTION: &str = include_str!("org.twofold.Authority.varlink");

/// The longest message either side accepts, in bytes, the final NUL included.
pub const MAX_MESSAGE: usize = 256 * 1024;

/// A request and the method it calls.
pub trait Request: Serialize + DeserializeOwned {
    /// The method's name within [`INTERFACE`].
    const METHOD: &'static str;
    /// What the authority answers.
    type Reply: Serialize + DeserializeOwned;
}

macro_rules! methods {
    ($($request:ident -> $reply:ty;)*) => {
        $(impl Request for $request {
            const METHOD: &'static str = stringify!($request);
            type Reply = $reply;
        })*
        /// Every method of the interface, in the order of this file.
        pub const METHODS: &[&str] = &[$(stringify!($request)),*];
    };
}

methods! {
    Consult -> ConsultReply;
    Verify -> VerifyReply;
    SignIn -> SignInReply;
    AssertFirst -> SignInReply;
    VerifySession -> VerifyReply;
    OpenSite -> CheckSessionReply;
    CheckSession -> CheckSessionReply;
    TouchSessions -> Done;
    EndSession -> Done;
    WatchSessions -> SessionNews;
    GetInfo -> Info;
    GetAccount -> AccountView;
    ListAccounts -> AccountPage;
    AddAccount -> AccountView;
    RemoveAccount -> Done;
    LockAccount -> Done;
    UnlockAccount -> Done;
    ReopenAccount -> Done;
    LinkName -> AccountView;
    UnlinkName -> AccountView;
    SetRequirement -> Done;
    SetPassword -> Done;
    BeginEnrolment -> BegunEnrolment;
    ConfirmEnrolment -> ConfirmedEnrolment;
    RegenerateBackupCodes -> FreshBackupCodes;
    RenameDevice -> Done;
    RemoveDevice -> Done;
    DisableAccount -> Done;
    ResetAccount -> Done;
    ReadAudit -> AuditPage;
    AcceptClock -> Done;
}

// ---------------------------------------------------------------------------------------------- identifiers

/// A request's own 128-bit number, in hex on the wire. The answer repeats it; the audit trail files the event under it.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Nonce([u8; 16]);

/// SHA-256 of a session cookie, in hex on the wire. The authority never sees the cookie itself.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SessionDigest([u8; 32]);

macro_rules! hex_bytes {
    ($name:ident, $len:literal) => {
        impl $name {
            /// Wraps the raw bytes.
            #[must_use]
            pub const fn from_bytes(bytes: [u8; $len]) -> Self {
                Self(bytes)
            }

            /// The raw bytes.
            #[must_use]
            pub const fn as_bytes(&self) -> &[u8; $len] {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&HEX.encode(&self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.serialize_str(&HEX.encode(&self.0))
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                let text = String::deserialize(from)?;
                let bytes = HEX.decode(text.as_bytes()).ok().and_then(|bytes| bytes.try_into().ok());
                bytes.map(Self).ok_or_else(|| {
                    serde::de::Error::custom(concat!("expected ", stringify!($len), " bytes in hex"))
                })
            }
        }
    };
}

hex_bytes!(Nonce, 16);
hex_bytes!(SessionDigest, 32);

impl Nonce {
    /// A new one from the kernel's randomness.
    ///
    /// # Errors
    /// When the kernel gives none; a door that meets this refuses.
    pub fn generate() -> Result<Self, getrandom::Error> {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes)?;
        Ok(Self(bytes))
    }
}

// ---------------------------------------------------------------------------------------------- shared words

/// How far a person has proved who they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// A first factor: a password, a key, the app's own login.
    First,
    /// And then a code.
    Second,
}

/// Where the first factor came from, as only the PAM stack knows (`first=`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FirstFactor {
    /// Not said, or said and not true: nobody passes without a code.
    None,
    /// A `requisite` module above in the stack.
    Above,
    /// sshd has completed `publickey`.
    Publickey,
}

/// Where a login comes from. Only what the listener and the peer's credentials let be believed is believed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Source {
    /// The client's address. Parsed, never resolved; an IPv4-mapped IPv6 address counts as IPv4.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<IpAddr>,
    /// The terminal's device name, for local logins.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub terminal: Option<String>,
    /// The public key that sshd has just verified: type and base64 blob, as `SSH_AUTH_INFO_0` has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub public_key: Option<String>,
}

/// The public word of a refusal. The internal reason is in the audit trail only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Word {
    /// The code did not match, or anything that must look the same.
    Wrong,
    /// The code was right once and is spent. Said only after a code that did match.
    Used,
    /// Too many tries: `wait_seconds` says how long.
    Wait,
    /// The clock is in doubt, so codes from an app cannot be checked; backup codes can.
    Clock,
    /// Too many wrong codes came from sources that the account does not know. Said only after a first factor.
    Closed,
    /// Too many requests at once for this account, or the authority is short of something.
    Busy,
    /// No second factor is set up. Said only after a first factor.
    Unenrolled,
}

/// A refusal as a person may see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    /// What to say.
    pub word: Word,
    /// With [`Word::Wait`] the seconds until the next try counts; with [`Word::Used`] those until the next code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait_seconds: Option<u64>,
}

/// What a person should learn at the next occasion, once they have passed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// Which news.
    pub kind: NoticeKind,
    /// With [`NoticeKind::BackupCodeUsed`]: how many are left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left: Option<u8>,
    /// With [`NoticeKind::DeviceEnrolled`]: what its owner calls the device.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// With [`NoticeKind::DeviceEnrolled`]: at which door.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub door: Option<String>,
    /// With [`NoticeKind::DeviceEnrolled`]: from where, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// With [`NoticeKind::DeviceEnrolled`]: when, in seconds since the epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<u64>,
}

/// The kinds of [`Notice`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoticeKind {
    /// A backup code was just spent.
    BackupCodeUsed,
    /// A device was enrolled since the owner last passed.
    DeviceEnrolled,
}

/// Nothing to say but that it is done, and on disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Done {}

// ---------------------------------------------------------------------------------------------- the doors

/// One try to get in through PAM.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Login {
    /// `PAM_USER`, as the host has it. The listener gives the realm.
    pub name: String,
    /// `PAM_SERVICE`.
    pub service: String,
    /// Where the first factor came from.
    pub first: FirstFactor,
    /// Where the person is.
    pub source: Source,
}

/// "What must this login do?" Changes nothing.
#[derive(Debug, Serialize, Deserialize)]
pub struct Consult {
    /// The request's number.
    pub nonce: Nonce,
    /// The login.
    pub login: Login,
}

/// The answer to [`Consult`].
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConsultReply {
    /// The request's number.
    pub nonce: Nonce,
    /// What to do.
    pub ask: Ask,
}

/// What a login must do. Unknown names are asked for a code like known ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ask {
    /// Ask for a code and [`Verify`] it.
    Code,
    /// Exempt by policy; only where a first factor holds.
    Exempt,
    /// Not enrolled, and policy says optional; only where a first factor holds.
    Optional,
    /// Not enrolled, and policy says required: refuse and say how to enrol; only where a first factor holds.
    Unenrolled,
}

/// A code given at a PAM door.
#[derive(Debug, Serialize, Deserialize)]
pub struct Verify {
    /// The request's number.
    pub nonce: Nonce,
    /// The login.
    pub login: Login,
    /// The digits.
    #[serde(with = "revealed")]
    pub code: SecretText,
}

/// The answer to [`Verify`] and [`VerifySession`]: exactly one of `approval` and `refusal`. A door reads it through
/// [`crate::permit::judge`].
#[derive(Debug, Serialize, Deserialize)]
pub struct VerifyReply {
    /// The request's number.
    pub nonce: Nonce,
    /// Present when the code was right and is now spent, on disk.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval: Option<Approval>,
    /// Present otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refusal: Option<Refused>,
    /// What the person should learn now that they have passed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notices: Vec<Notice>,
}

/// Who was approved, where and how far.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approval {
    /// The account's immutable id.
    pub account: String,
    /// The door: `sshd on web1`, `web portal`.
    pub door: String,
    /// The level reached.
    pub level: Level,
}

// ---------------------------------------------------------------------------------------------- the gate

/// A name and password given at the portal, checked against the ledger's `local` passwords.
#[derive(Debug, Serialize, Deserialize)]
pub struct SignIn {
    /// The request's number.
    pub nonce: Nonce,
    /// The name as typed.
    pub name: String,
    /// The password as typed.
    #[serde(with = "revealed")]
    pub password: SecretText,
    /// Where the browser is.
    pub source: Source,
    /// What the browser says it is, shortened: for the list of sessions.
    pub browser: String,
    /// The new session at level first, should the password be right.
    pub session: SessionDigest,
}

/// "This site's own first factor has just passed for this name." Allowed to the gate, in its sites' realms only.
#[derive(Debug, Serialize, Deserialize)]
pub struct AssertFirst {
    /// The request's number.
    pub nonce: Nonce,
    /// The site's realm.
    pub realm: String,
    /// The name that the first factor proved.
    pub name: String,
    /// Where the browser is.
    pub source: Source,
    /// What the browser says it is, shortened.
    pub browser: String,
    /// The new session at level first.
    pub session: SessionDigest,
}

/// The answer to [`SignIn`] and [`AssertFirst`]: exactly one of `signed_in` and `refusal`.
#[derive(Debug, Serialize, Deserialize)]
pub struct SignInReply {
    /// The request's number.
    pub nonce: Nonce,
    /// Present when the first factor passed; the session is on disk.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signed_in: Option<SignedIn>,
    /// Present otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refusal: Option<Refused>,
}

/// Who has passed a first factor.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedIn {
    /// The account's immutable id.
    pub account: String,
    /// The name signed in with, in its canonical form.
    pub name: String,
    /// Whether there is a second factor to ask for.
    pub enrolled: bool,
}

/// A code given at the portal for a session at level first, or for a fresh one at level second.
#[derive(Debug, Serialize, Deserialize)]
pub struct VerifySession {
    /// The request's number.
    pub nonce: Nonce,
    /// The session as it is; it ends with a right code.
    pub session: SessionDigest,
    /// The session's new id at level second.
    pub next: SessionDigest,
    /// The site that the flow leads to, for the audit trail; the portal's own pages when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub site: Option<String>,
    /// Where the browser is.
    pub source: Source,
    /// The digits.
    #[serde(with = "revealed")]
    pub code: SecretText,
}

/// Opens a site's session under a portal session: it has the same account and level, and ends with it.
#[derive(Debug, Serialize, Deserialize)]
pub struct OpenSite {
    /// The request's number.
    pub nonce: Nonce,
    /// The portal's session.
    pub portal: SessionDigest,
    /// The site's host.
    pub site: String,
    /// The site's new session.
    pub session: SessionDigest,
}

/// "Who is this, and how far have they got?"
#[derive(Debug, Serialize, Deserialize)]
pub struct CheckSession {
    /// The request's number.
    pub nonce: Nonce,
    /// The session.
    pub session: SessionDigest,
    /// The site it is presented at; absent for the portal. A session of one host is nothing at another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub site: Option<String>,
}

/// The answer to [`CheckSession`] and [`OpenSite`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckSessionReply {
    /// The request's number.
    pub nonce: Nonce,
    /// Absent when there is no such session here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<SessionView>,
}

/// A live session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionView {
    /// The account's immutable id.
    pub account: String,
    /// The name signed in with.
    pub name: String,
    /// The account's groups.
    pub groups: Vec<String>,
    /// Whether the account has a second factor.
    pub enrolled: bool,
    /// The level reached.
    pub level: Level,
    /// When the second factor was last passed in it, in seconds since the epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub second_at: Option<u64>,
    /// When it ends even if it is used, in seconds since the epoch.
    pub ends_at: u64,
    /// How long it lives unused, in seconds.
    pub idle_seconds: u64,
}

/// When sessions were last used; sent in batches.
#[derive(Debug, Serialize, Deserialize)]
pub struct TouchSessions {
    /// The sessions and the seconds since the epoch at which each was last used.
    pub used: Vec<SessionUse>,
}

/// One session's last use.
#[derive(Debug, Serialize, Deserialize)]
pub struct SessionUse {
    /// The session.
    pub session: SessionDigest,
    /// Seconds since the epoch.
    pub at: u64,
}

/// Signs out: ends the session's portal session and every site's session under it.
#[derive(Debug, Serialize, Deserialize)]
pub struct EndSession {
    /// A portal's or a site's session.
    pub session: SessionDigest,
}

/// Asks to be told of ended sessions; called with `more`, it never completes. A message without news comes at least
/// every 300 ms.
#[derive(Debug, Serialize, Deserialize)]
pub struct WatchSessions {
    /// The last number heard; all that came later is sent again. Absent at a first start: from now on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<u64>,
}

/// One message of the watch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionNews {
    /// The number to resume after.
    pub number: u64,
    /// Sessions that are no more, or no longer what they were: forget what you know of them.
    pub ended: Vec<SessionDigest>,
    /// The authority no longer knows what ended since `after`: forget everything.
    #[serde(default)]
    pub forget_all: bool,
}

// ---------------------------------------------------------------------------------------------- accounts

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

/// Asks for [`Info`]. Any caller may.
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
    /// Locked by an operator: nothing passes.
    pub locked: bool,
    /// Whether a second factor is set up.
    pub enrolled: bool,
    /// Whether there is a `local` password.
    pub has_password: bool,
    /// Whether this account must, may or need not have a second factor; absent: the service's policy decides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requirement: Option<Requirement>,
    /// The devices.
    pub devices: Vec<DeviceView>,
    /// Backup codes that have not been used.
    pub backup_codes_left: u8,
    /// Strangers' budget is used up: only known sources and backup codes get in until it is reopened.
    pub closed_to_strangers: bool,
    /// Seconds since the epoch.
    pub created: u64,
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

/// Removes an account, its sessions and its names.
#[derive(Debug, Serialize, Deserialize)]
pub struct RemoveAccount {
    /// Whose.
    pub account: String,
}

/// Locks an account: nothing passes, all sessions end.
#[derive(Debug, Serialize, Deserialize)]
pub struct LockAccount {
    /// Whose.
    pub account: String,
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

// ---------------------------------------------------------------------------------------------- audit

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

// ---------------------------------------------------------------------------------------------- errors

/// Why a call has no answer. On the wire an error's name is [`INTERFACE`], a dot and the kind, or one of
/// `org.varlink.service`'s own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FaultKind {
    /// This caller may not do this on this listener.
    NotPermitted,
    /// A field cannot be: `detail` says which and why.
    Invalid,
    /// No such account.
    NoSuchAccount,
    /// No such device in this account.
    NoSuchDevice,
    /// No such enrolment, or it has expired.
    NoSuchEnrolment,
    /// The name belongs to an account already.
    NameTaken,
    /// This change needs a fresh code in the same call.
    NeedsCode,
    /// The code in the call was refused: `refusal` says how.
    Refused,
    /// The disk is full: only codes are checked.
    DiskFull,
    /// Something changed underneath, or there is too much at once: try again.
    Busy,
    /// The authority itself failed; its log says how.
    Internal,
}

/// An error's parameters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// Which. On the wire it is in the error's name.
    #[serde(skip, default = "internal")]
    pub kind: FaultKind,
    /// One sentence for the person, and what to do.
    pub detail: String,
    /// With [`FaultKind::Refused`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refusal: Option<Refused>,
}

const fn internal() -> FaultKind {
    FaultKind::Internal
}

#[cfg(test)]
mod description;

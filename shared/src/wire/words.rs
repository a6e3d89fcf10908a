//! Words that several messages share.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

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
    /// The methods that sshd has completed in this login, as `SSH_AUTH_INFO_0` has them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub auth: Vec<AuthMethod>,
    /// Which session of the host's a terminal is used in: its leader's process and when that began, as one opaque word.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
}

/// A method of sshd's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuthMethod {
    /// `publickey`.
    Publickey,
    /// `password`.
    Password,
    /// `keyboard-interactive`.
    KeyboardInteractive,
    /// `hostbased`.
    Hostbased,
    /// `gssapi-with-mic`.
    Gssapi,
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
    /// With [`Word::Wait`] the seconds until the next try counts; with [`Word::Used`] those until the device's next code, and
    /// none for a backup code.
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
    /// With [`NoticeKind::DeviceEnrolled`]: what its owner calls the device. With [`NoticeKind::BrowserEnded`]: what the
    /// browser says it is. With [`NoticeKind::NameJoined`]: the name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// Where it happened: at which door.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub door: Option<String>,
    /// From where, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// When, in seconds since the epoch.
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
    /// A value of a browser's cookie came that the browser had left: it was copied, and the browser is known no more.
    BrowserEnded,
    /// Somebody came in with an emergency code, which an operator had made.
    EmergencyCodeUsed,
    /// A name of a site became one of the account's, for a code of it.
    NameJoined,
}

/// Nothing to say but that it is done, and on disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Done {}

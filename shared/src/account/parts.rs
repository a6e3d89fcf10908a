//! The parts of an account, each checked when it is made.

use std::fmt;

use data_encoding::HEXLOWER_PERMISSIVE as HEX;
use zeroize::Zeroizing;

use crate::clock::UnixTime;
use crate::name::{Name, unseen};
use crate::totp::Totp;
use crate::wire;

/// Longest label of a device, in characters.
const MAX_LABEL: usize = 64;
/// Zero width joiner and variation selector 16: half of what phones offer as emoji has one of them.
const JOINERS: [char; 2] = ['\u{200d}', '\u{fe0f}'];
/// Longest name of a group, in bytes.
const MAX_GROUP: usize = 64;

macro_rules! hex_id {
    ($(#[$doc:meta])* $name:ident, $len:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(pub [u8; $len]);

        impl $name {
            /// Reads hex.
            ///
            /// # Errors
            /// [`PartError::Id`] when it is not hex of the right length.
            pub fn parse(text: &str) -> Result<Self, PartError> {
                let bytes = HEX.decode(text.as_bytes()).ok().and_then(|bytes| bytes.try_into().ok());
                bytes.map(Self).ok_or(PartError::Id)
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
    };
}

hex_id!(
    /// An account's immutable number.
    AccountId, 16
);
hex_id!(
    /// A device's number within its account.
    DeviceId, 8
);

/// Why a part cannot be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PartError {
    /// Not an id.
    #[error("an id is hexadecimal digits, as `account list` and `device list` show it")]
    Id,
    /// Not a label.
    #[error("a label is 1 to 64 characters that can be seen")]
    Label,
    /// Not a group.
    #[error("a group is 1 to 64 letters, digits, dots, underscores and hyphens")]
    Group,
    /// Not what a person is called.
    #[error("a person's name is 1 to 64 characters that can be seen")]
    DisplayName,
    /// Not an e-mail address.
    #[error("an e-mail address is NAME@DOMAIN, in ASCII and without spaces")]
    Email,
    /// Not a telephone number.
    #[error("a telephone number is + and the country's code and number, such as +49301234567")]
    Phone,
    /// Neither everybody nor some groups.
    #[error("an operator is in charge of everybody, or of one to sixteen groups")]
    Charge,
    /// Not a reason.
    #[error("a reason is 1 to 200 characters that can be seen")]
    LockReason,
    /// Not a password's hash.
    #[error("a password's hash is an Argon2id PHC string")]
    PasswordHash,
}

/// One of an account's names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountName {
    /// Realm and name.
    pub name: Name,
    /// The uid first seen with it, in the realm `unix`: the same name with another uid is another person.
    pub uid: Option<u32>,
}

/// What its owner calls a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label(String);

impl Label {
    /// Reads a label, trimmed.
    ///
    /// # Errors
    /// [`PartError::Label`] when it is empty, longer than 64 characters, or has a character that cannot be seen; but for
    /// those that make several characters one emoji.
    pub fn parse(text: &str) -> Result<Self, PartError> {
        let label = text.trim();
        let fits = (1..=MAX_LABEL).contains(&label.chars().take(MAX_LABEL + 1).count());
        let is_seen = |character| !unseen(character) || JOINERS.contains(&character);
        if fits && label.chars().all(is_seen) && !label.chars().all(unseen) {
            Ok(Self(label.to_owned()))
        } else {
            Err(PartError::Label)
        }
    }

    /// As it is written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A group in the ledger. Its letters are safe in a header and a list.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Group(String);

impl Group {
    /// Reads a group's name.
    ///
    /// # Errors
    /// [`PartError::Group`] when it is empty, too long, or has another character than `[A-Za-z0-9._-]`.
    pub fn parse(text: &str) -> Result<Self, PartError> {
        let good =
            text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'));
        if good && (1..=MAX_GROUP).contains(&text.len()) {
            Ok(Self(text.to_owned()))
        } else {
            Err(PartError::Group)
        }
    }

    /// As it is written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A `local` password at rest: an Argon2id PHC string. Redacted, wiped on drop.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(Zeroizing<String>);

impl PasswordHash {
    /// Takes over a PHC string.
    ///
    /// # Errors
    /// [`PartError::PasswordHash`] when it is not Argon2id's.
    pub fn new(phc: String) -> Result<Self, PartError> {
        let phc = Zeroizing::new(phc);
        if phc.starts_with("$argon2id$") && phc.len() <= 512 {
            Ok(Self(phc))
        } else {
            Err(PartError::PasswordHash)
        }
    }

    /// The PHC string, for checking and sealing.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

/// When, at which door, from where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Occasion {
    /// When.
    pub at: UnixTime,
    /// `sudo on web1`, `web portal`, `command`.
    pub door: String,
    /// Address or terminal, where known.
    pub source: Option<String>,
}

impl Occasion {
    /// For the wire.
    #[must_use]
    pub fn to_wire(&self) -> wire::Occasion {
        wire::Occasion { at: self.at.0, door: self.door.clone(), source: self.source.clone() }
    }
}

/// A device that makes codes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    /// Its number.
    pub id: DeviceId,
    /// What its owner calls it.
    pub label: Label,
    /// Its secret and how codes are made.
    pub totp: Totp,
    /// The last step spent: only later ones pass.
    pub last_step: u64,
    /// When and where it was enrolled.
    pub created: Occasion,
    /// When and where it last passed.
    pub last_used: Option<Occasion>,
}

/// What an owner learns when they pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// A backup code was just spent.
    BackupCodeUsed {
        /// How many are left.
        left: u8,
    },
    /// A device was enrolled since they last passed.
    DeviceEnrolled {
        /// What it is called.
        label: Label,
        /// When and where.
        occasion: Occasion,
    },
    /// A value of a browser's cookie came that the browser had left: it was copied, and the browser is known no more.
    BrowserEnded {
        /// What the browser says it is.
        browser: String,
        /// When and where the old value came.
        occasion: Occasion,
    },
    /// Somebody came in with an emergency code, which an operator had made.
    EmergencyCodeUsed {
        /// When and where.
        occasion: Occasion,
    },
    /// A name of a site became one of the account's, for a code of it.
    NameJoined {
        /// The name.
        name: Name,
        /// When and where.
        occasion: Occasion,
    },
}

impl Notice {
    /// For the wire.
    #[must_use]
    pub fn to_wire(&self) -> wire::Notice {
        match self {
            Self::BackupCodeUsed { left } => wire::Notice {
                kind: wire::NoticeKind::BackupCodeUsed,
                left: Some(*left),
                label: None,
                door: None,
                source: None,
                at: None,
            },
            Self::DeviceEnrolled { label, occasion } => wire::Notice {
                kind: wire::NoticeKind::DeviceEnrolled,
                left: None,
                label: Some(label.as_str().to_owned()),
                door: Some(occasion.door.clone()),
                source: occasion.source.clone(),
                at: Some(occasion.at.0),
            },
            Self::BrowserEnded { browser, occasion } => wire::Notice {
                kind: wire::NoticeKind::BrowserEnded,
                left: None,
                label: Some(browser.clone()),
                door: Some(occasion.door.clone()),
                source: occasion.source.clone(),
                at: Some(occasion.at.0),
            },
            Self::EmergencyCodeUsed { occasion } => wire::Notice {
                kind: wire::NoticeKind::EmergencyCodeUsed,
                left: None,
                label: None,
                door: Some(occasion.door.clone()),
                source: occasion.source.clone(),
                at: Some(occasion.at.0),
            },
            Self::NameJoined { name, occasion } => wire::Notice {
                kind: wire::NoticeKind::NameJoined,
                left: None,
                label: Some(name.to_string()),
                door: Some(occasion.door.clone()),
                source: occasion.source.clone(),
                at: Some(occasion.at.0),
            },
        }
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(…)")
    }
}

//! Where a record lies: a key space and a name within it.

use std::fmt;

/// The key spaces. Each seals its values with a key of its own, so that no record can stand in for one of another kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Space {
    /// Accounts, by id.
    Account,
    /// Who a name belongs to, by `realm:name`.
    Name,
    /// Enrolments that no code has confirmed yet.
    Enrolment,
    /// Enrolments begun while somebody logged in, by their account's id.
    LoginEnrolment,
    /// Emergency codes that wait to be used, by their account's id.
    Emergency,
    /// Invitations to enrol, by the digest of their code.
    Invitation,
    /// The one invitation of an account, by its id.
    InvitationOf,
    /// How often accounts passed without a second factor before one was asked for, by id.
    Spared,
    /// Sessions, by the digest of their cookie.
    Session,
    /// Which sessions an account has, by its id and their digest.
    SessionOf,
    /// Browsers that an account is known by, by its id and theirs.
    Browser,
    /// Whose browser a value of the cookie is, by its digest.
    BrowserValue,
    /// Graces, by their account's id and their own digest.
    Grace,
    /// API keys, by id.
    ApiKey,
    /// Which API keys an account has, by its id and theirs.
    ApiKeyOf,
    /// Ended sessions, by number, so that a gate which looked away can catch up.
    Revocation,
    /// The audit trail, by position.
    Audit,
    /// The counters of names that nobody has, by slot.
    Unknown,
    /// What the ledger knows about itself.
    Meta,
}

impl Space {
    /// Every space: each gets its sealing key at start.
    pub const ALL: [Self; 19] = [
        Self::Account,
        Self::Name,
        Self::Enrolment,
        Self::LoginEnrolment,
        Self::Emergency,
        Self::Invitation,
        Self::InvitationOf,
        Self::Spared,
        Self::Session,
        Self::SessionOf,
        Self::Browser,
        Self::BrowserValue,
        Self::Grace,
        Self::ApiKey,
        Self::ApiKeyOf,
        Self::Revocation,
        Self::Audit,
        Self::Unknown,
        Self::Meta,
    ];

    /// The first part of the keys, the slash included. Part of the format: a change makes old values unreadable.
    #[must_use]
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::Account => "account/",
            Self::Name => "name/",
            Self::Enrolment => "enrolment/",
            Self::LoginEnrolment => "login_enrolment/",
            Self::Emergency => "emergency/",
            Self::Invitation => "invitation/",
            Self::InvitationOf => "invitation_of/",
            Self::Spared => "spared/",
            Self::Session => "session/",
            Self::SessionOf => "session_of/",
            Self::Browser => "browser/",
            Self::BrowserValue => "browser_value/",
            Self::Grace => "grace/",
            Self::ApiKey => "apikey/",
            Self::ApiKeyOf => "apikey_of/",
            Self::Revocation => "revocation/",
            Self::Audit => "audit/",
            Self::Unknown => "unknown/",
            Self::Meta => "meta/",
        }
    }
}

/// A record's whole key.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    space: Space,
    bytes: Box<[u8]>,
}

impl Key {
    /// The record called `name` in `space`. Any bytes will do: a key is never a path.
    #[must_use]
    pub fn new(space: Space, name: impl AsRef<[u8]>) -> Self {
        let bytes = [space.prefix().as_bytes(), name.as_ref()].concat();
        Self { space, bytes: bytes.into_boxed_slice() }
    }

    /// Reads a key as it lies in the ledger; none of ours gives `None`.
    pub(super) fn from_stored(space: Space, bytes: &[u8]) -> Option<Self> {
        bytes.starts_with(space.prefix().as_bytes()).then(|| Self { space, bytes: bytes.into() })
    }

    /// Which kind of record.
    #[must_use]
    pub fn space(&self) -> Space {
        self.space
    }

    /// What it is called within its space.
    #[must_use]
    pub fn name(&self) -> &[u8] {
        self.bytes.strip_prefix(self.space.prefix().as_bytes()).unwrap_or_default()
    }

    /// The key as it lies in the ledger.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({})", self.bytes.escape_ascii())
    }
}

//! Where the first factor of a site comes from.
//!
//! The portal's own page, or the app behind the gate, or a proxy in front of it; at `code` sites there is none, and the code
//! comes before the app's own login. Whatever says who somebody is, the ledger decides whose account that is.

use http::HeaderName;

use crate::app_login::{AppCookies, Form, Identity};

pub mod basic;
pub mod challenges;
pub mod config;
pub mod guesses;

/// Where the first factor of a site comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FirstFactor {
    /// The portal's page, checked against the ledger's passwords.
    Password,
    /// The portal's page, checked by the directory of this realm.
    Directory(String),
    /// The app's own login page.
    Form(Form),
    /// The app's own HTTP Basic.
    Basic(Basic),
    /// A header that a trusted proxy in front sets.
    Header(UserHeader),
    /// None: a name and a code at the portal, and then the app's own login.
    Code(NameAndCode),
}

/// An app that asks for HTTP Basic itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Basic {
    /// The realm of its names.
    pub realm: String,
    /// The path and query that answers 401 without the right name and password, and 2xx with them.
    pub probe: String,
}

/// A proxy in front that says who somebody is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserHeader {
    /// The realm of its names.
    pub realm: String,
    /// The header.
    pub name: HeaderName,
}

/// A name and a code, with nothing before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameAndCode {
    /// The realm of the names.
    pub realm: String,
    /// How the app says who has signed in there afterwards, where it can be asked.
    pub app: Option<AppIdentity>,
}

/// How an app says who somebody is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppIdentity {
    /// The cookies of the app's session.
    pub cookies: AppCookies,
    /// Where the answer is.
    pub identity: Identity,
}

impl FirstFactor {
    /// The word for it in the configuration.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Password | Self::Directory(_) => "password",
            Self::Form(_) => "form",
            Self::Basic(_) => "basic",
            Self::Header(_) => "header",
            Self::Code(_) => "code",
        }
    }

    /// Why no account can be made for whom it proves; none where one can.
    #[must_use]
    pub fn why_not_create(&self) -> Option<&'static str> {
        match self {
            Self::Password | Self::Code(_) => Some(
                "is for first factors of an app, a directory or a proxy: here nobody is known whom the ledger isn't",
            ),
            Self::Directory(_) | Self::Form(_) | Self::Basic(_) | Self::Header(_) => {
                (self.realm() == Some("unix")).then_some(
                    "would make accounts for users of hosts: they set up at their hosts, or root adds them",
                )
            }
        }
    }

    /// The realm of its names, where the gate vouches for them.
    #[must_use]
    pub fn realm(&self) -> Option<&str> {
        match self {
            Self::Password => None,
            Self::Directory(realm) => Some(realm),
            Self::Form(form) => Some(&form.realm),
            Self::Basic(basic) => Some(&basic.realm),
            Self::Header(header) => Some(&header.realm),
            Self::Code(code) => Some(&code.realm),
        }
    }
}

/// Whether `given` names whom the ledger calls `name` in `realm`. Host users are exact; elsewhere case does not matter.
/// What folds further than that is not known here and counts as another.
#[must_use]
pub fn is_named(realm: &str, name: &str, given: &str) -> bool {
    if realm == "unix" { given == name } else { given.trim().to_lowercase() == name }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_user_is_exact_and_others_are_folded() {
        assert!(is_named("wiki.example.com", "alice", " Alice "));
        assert!(
            !is_named("wiki.example.com", "alice", "alicé") && !is_named("wiki.example.com", "alice", "")
        );
        assert!(is_named("unix", "alice", "alice"));
        assert!(!is_named("unix", "alice", "Alice") && !is_named("unix", "alice", " alice"));
    }
}

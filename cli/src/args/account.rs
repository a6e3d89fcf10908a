//! Flags of the verbs about accounts.

use clap::{Args, Subcommand, ValueEnum};

use super::{Codes, Consent};

/// `account`.
#[derive(Debug, Subcommand)]
pub enum Account {
    /// Everybody
    List,
    /// Make an account
    Add {
        /// A login name, or REALM:NAME
        name: String,
        /// A group in the ledger; may be repeated
        #[arg(long = "group", value_name = "GROUP")]
        groups: Vec<String>,
    },
    /// One account in full
    Show(OneAccount),
    /// Let nothing pass, and end all sessions
    Lock(OneAccount),
    /// Take the lock back
    Unlock(OneAccount),
    /// Let unknown places try again, after too many wrong codes came from them
    Reopen {
        /// Whose; your own when absent, and root has to say
        account: Option<String>,
        /// Where codes come from
        #[command(flatten)]
        codes: Codes,
    },
    /// Remove an account, its devices, names, sessions and API keys
    Remove(Named),
    /// Give an account one more name
    Link {
        /// Whose
        account: String,
        /// The new name, such as local:alice; it must belong to nobody
        name: String,
    },
    /// Take a name away; the last one stays
    Unlink {
        /// Whose
        account: String,
        /// The name
        name: String,
    },
    /// Say what a person is called and where they are reached; what is not named stays as it is
    Contacts {
        /// Whose
        account: String,
        /// What people call them; '' for nothing
        #[arg(long, value_name = "NAME")]
        name: Option<String>,
        /// Their e-mail address; '' for none
        #[arg(long, value_name = "ADDRESS")]
        email: Option<String>,
        /// Their telephone number, such as +49301234567; '' for none
        #[arg(long, value_name = "NUMBER")]
        phone: Option<String>,
    },
    /// Say in which language ssh, sudo and the like speak to a person
    Language {
        /// Which
        #[arg(value_enum)]
        language: Language,
        /// Whose; your own when absent, and root has to say
        account: Option<String>,
    },
    /// Say whether this account must have a second factor, whatever the service's policy
    Require {
        /// Whose
        account: String,
        /// What is asked of it
        #[arg(value_enum)]
        requirement: Requirement,
    },
}

/// A language.
#[derive(Clone, Copy, Debug, ValueEnum, PartialEq, Eq)]
pub enum Language {
    /// English
    En,
    /// Deutsch
    De,
    /// Whatever the host speaks
    Host,
}

/// What is asked of one account.
#[derive(Clone, Copy, Debug, ValueEnum, PartialEq, Eq)]
pub enum Requirement {
    /// No code, no entry
    Required,
    /// Asked once it is set up
    Optional,
    /// Never asked
    Exempt,
    /// As the service's policy says
    Policy,
}

/// One account, by name.
#[derive(Debug, Args)]
pub struct OneAccount {
    /// Whose
    pub account: String,
}

/// One account, by name, and consent.
#[derive(Debug, Args)]
pub struct Named {
    /// Whose
    pub account: String,
    /// Consent
    #[command(flatten)]
    pub consent: Consent,
}

/// `invite`.
#[derive(Debug, Args)]
pub struct Invite {
    /// Whom
    pub account: String,
}

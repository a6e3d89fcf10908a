//! Flags of the verbs about accounts.

use clap::{Args, Subcommand, ValueEnum};

use super::{Codes, Consent};
use crate::time::Until;

/// `account`.
#[derive(Debug, Subcommand)]
pub enum Account {
    /// Everybody
    List,
    /// Those whose name begins so, or who are in some state; operators find the accounts in their charge
    Find {
        /// What the name begins with, without a realm
        #[arg(value_name = "BEGINNING")]
        prefix: Option<String>,
        /// Only these
        #[arg(long, value_enum)]
        state: Option<State>,
        /// In this order
        #[arg(long, value_enum, default_value_t = Order::Name)]
        order: Order,
    },
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
    Lock {
        /// Whose
        account: String,
        /// Why; its owner may read it
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
        /// When it ends by itself: 7d, 2027-03-01, '2027-03-01 09:00' or never
        #[arg(long, value_name = "WHEN", default_value = "never")]
        until: Until,
        /// Where codes come from
        #[command(flatten)]
        codes: Codes,
    },
    /// Take the lock back
    Unlock {
        /// Whose
        account: String,
        /// Where codes come from
        #[command(flatten)]
        codes: Codes,
    },
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
    /// Say which groups of the ledger an account is in; those that are not named it leaves
    Groups {
        /// Whose
        account: String,
        /// All of them
        #[arg(value_name = "GROUP", required_unless_present = "none", conflicts_with = "none")]
        groups: Vec<String>,
        /// In none
        #[arg(long)]
        none: bool,
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
        /// Where codes come from
        #[command(flatten)]
        codes: Codes,
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

/// What accounts are found by.
#[derive(Clone, Copy, Debug, ValueEnum, PartialEq, Eq)]
pub enum State {
    /// A second factor is set up
    On,
    /// None is
    Off,
    /// Nothing passes
    Locked,
    /// Closed to unknown places
    Closed,
    /// Few backup codes are left
    FewCodes,
}

/// In which order accounts are found.
#[derive(Clone, Copy, Debug, ValueEnum, PartialEq, Eq)]
pub enum Order {
    /// By name
    Name,
    /// Used last first
    Recent,
    /// Not used for longest first
    Idle,
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

/// `reset`.
#[derive(Debug, Args)]
pub struct Reset {
    /// Whose
    #[command(flatten)]
    pub named: Named,
    /// Where codes come from
    #[command(flatten)]
    pub codes: Codes,
}

/// `invite`.
#[derive(Debug, Args)]
pub struct Invite {
    /// Whom
    pub account: String,
    /// Where codes come from
    #[command(flatten)]
    pub codes: Codes,
}

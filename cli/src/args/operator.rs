//! `operator`: who is in charge of others.

use clap::{Args, Subcommand};

/// `operator`.
#[derive(Debug, Subcommand)]
pub enum Operator {
    /// Everybody who is in charge of others
    List,
    /// Put an account in charge of everybody, or of the accounts in some groups; what was said before is replaced
    Add(Charge),
    /// Take that back
    Remove {
        /// Whose
        account: String,
    },
}

/// Who is put in charge, and of whom.
#[derive(Debug, Args)]
pub struct Charge {
    /// Who
    pub account: String,
    /// Of the accounts in this group of the ledger; may be repeated
    #[arg(
        long = "group",
        value_name = "GROUP",
        required_unless_present = "everybody",
        conflicts_with = "everybody"
    )]
    pub groups: Vec<String>,
    /// Of every account
    #[arg(long)]
    pub everybody: bool,
}

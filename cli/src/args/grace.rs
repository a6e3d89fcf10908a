//! `grace`: its verbs and flags.

use clap::{Args, Subcommand};

use super::{Consent, ListOf, Whose};

/// `grace`.
#[derive(Debug, Subcommand)]
pub enum Grace {
    /// Where no code is asked for a while, because one was given there
    List(ListOf),
    /// Have the next code asked for at once
    End(EndOf),
}

/// What is ended.
#[derive(Debug, Args)]
pub struct EndOf {
    /// Which, by its id or the beginning of that, as the list shows it
    #[arg(value_name = "ID", required_unless_present = "all", conflicts_with = "all")]
    pub id: Option<String>,
    /// All of them
    #[arg(long)]
    pub all: bool,
    /// Whose
    #[command(flatten)]
    pub whose: Whose,
    /// Consent
    #[command(flatten)]
    pub consent: Consent,
}

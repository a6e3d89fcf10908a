//! `api-key`: its verbs and flags.

use clap::{Args, Subcommand};

use super::{Codes, Consent, Whose};
use crate::time::Until;

/// `api-key`.
#[derive(Debug, Subcommand)]
pub enum ApiKey {
    /// Make a key; it is shown this once
    #[command(after_help = "\
What is left out is not limited, but a site must be named. A path is that place and all below it; `*` stays within a
segment, `**` does not.

Examples:
  twofold api-key create 'wiki backup' --site wiki.example.com --path /export --method GET
  sudo twofold api-key create ci --account build --site git.example.com --network 192.0.2.0/24 --expires 90d
  twofold api-key create calendar --site dav.example.com --json | jq -r .key")]
    Create(CreateApiKey),
    /// The keys of an account: what they may do, when and from where they were last used
    List(Whose),
    /// Let a key open nothing until it is resumed; takes no code
    Suspend(OneApiKey),
    /// Let a suspended key open again
    Resume(ChangedApiKey),
    /// Give a key a new secret; the old one is dead at once
    Rotate(ChangedApiKey),
    /// Remove a key for good; takes no code
    Revoke {
        /// Which
        #[command(flatten)]
        one: OneApiKey,
        /// Consent
        #[command(flatten)]
        consent: Consent,
    },
}

/// `api-key create`.
#[derive(Debug, Args)]
pub struct CreateApiKey {
    /// What you call it: the program that will use it
    pub label: String,
    /// A site's host, such as wiki.example.com; may be repeated
    #[arg(long = "site", value_name = "HOST", required = true)]
    pub sites: Vec<String>,
    /// A path at these sites; may be repeated
    #[arg(long = "path", value_name = "PATH")]
    pub paths: Vec<String>,
    /// A method, such as GET; may be repeated
    #[arg(long = "method", value_name = "METHOD")]
    pub methods: Vec<String>,
    /// An address or a network that the program is at; may be repeated
    #[arg(long = "network", value_name = "NETWORK")]
    pub networks: Vec<String>,
    /// Until when: 90d, 2027-03-01, or never
    #[arg(long, value_name = "WHEN", default_value = "365d")]
    pub expires: Until,
    /// Whose
    #[command(flatten)]
    pub whose: Whose,
    /// Where codes come from
    #[command(flatten)]
    pub codes: Codes,
}

/// One key.
#[derive(Debug, Args)]
pub struct OneApiKey {
    /// The key's name or id
    #[arg(value_name = "KEY")]
    pub api_key: String,
    /// Whose
    #[command(flatten)]
    pub whose: Whose,
}

/// One key, and a code for the change.
#[derive(Debug, Args)]
pub struct ChangedApiKey {
    /// Which
    #[command(flatten)]
    pub one: OneApiKey,
    /// Where codes come from
    #[command(flatten)]
    pub codes: Codes,
}

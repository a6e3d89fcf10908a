//! `ledger`: its verbs and flags.

use std::path::PathBuf;

use clap::Subcommand;

/// `ledger`.
#[derive(Debug, Subcommand)]
pub enum Ledger {
    /// Write all of it, as it is at one moment, sealed, into a new file
    Backup {
        /// The file; it must not be there
        file: PathBuf,
    },
    /// Whether a backup is whole and opens with the keys of this host
    Check {
        /// The file
        file: PathBuf,
        /// The authority's configuration
        #[arg(long, value_name = "FILE", default_value = "/etc/twofold/authority.toml")]
        config: PathBuf,
    },
    /// Make the ledger from a backup, where there is none: the authority is stopped, the old one moved away
    #[command(after_help = "\
Backup codes, sessions and known browsers are not restored, and codes that apps show at that moment are not taken: they
may have been used since the backup was made.")]
    Restore {
        /// The file
        file: PathBuf,
        /// The user that runs the authority, where it is not called twofold
        #[arg(long, value_name = "USER")]
        owner: Option<String>,
        /// The authority's configuration
        #[arg(long, value_name = "FILE", default_value = "/etc/twofold/authority.toml")]
        config: PathBuf,
    },
}

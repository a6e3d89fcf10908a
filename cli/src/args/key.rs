//! `key`: its verbs and flags.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// `key`.
#[derive(Debug, Subcommand)]
pub enum Key {
    /// Which keys there are, which records need them, and when they were last copied
    List,
    /// A new sealing key; every record is sealed anew with it while logins go on, and the old key is removed
    #[command(after_help = "\
An old key goes only when no record needs it and a copy of it was made: backups from before need it. A pepper goes when
nobody has backup codes any more that were made with it.
Whatever ends this command, the authority goes on: `twofold key rotate --resume` looks after the rest.")]
    Rotate(Rotate),
    /// Copy the keys into a new file, sealed with a passphrase: to be kept apart from backups of the ledger
    Export(Export),
    /// Put the keys of a copy back, beside those that are here
    Import(KeyFile),
    /// Whether the keys of this host, or those of a copy, open every record of the ledger
    Check(KeyCheck),
}

/// `key rotate`.
#[derive(Debug, Args)]
pub struct Rotate {
    /// A new pepper too: backup codes that are made from now on are hashed with it
    #[arg(long, conflicts_with = "resume")]
    pub pepper: bool,
    /// Make no key: go on with a rotation, and remove what nothing needs any more
    #[arg(long)]
    pub resume: bool,
    /// Remove an old key also where no copy of it was made: backups from before can then never be read
    #[arg(long)]
    pub uncopied: bool,
    /// Where
    #[command(flatten)]
    pub place: KeyPlace,
}

/// `key export`.
#[derive(Debug, Args)]
pub struct Export {
    /// The file; it must not be there. `-` for standard output, to be printed on paper
    #[arg(required_unless_present = "kept_elsewhere")]
    pub file: Option<PathBuf>,
    /// No passphrase: whoever has the file has the keys
    #[arg(long)]
    pub plain: bool,
    /// Make no file: a copy of all keys is kept already
    #[arg(long, conflicts_with_all = ["file", "plain"])]
    pub kept_elsewhere: bool,
    /// The passphrase
    #[command(flatten)]
    pub passphrase: Passphrase,
    /// Where
    #[command(flatten)]
    pub place: KeyPlace,
}

/// `key import`.
#[derive(Debug, Args)]
pub struct KeyFile {
    /// The file
    pub file: PathBuf,
    /// Its passphrase
    #[command(flatten)]
    pub passphrase: Passphrase,
    /// Where
    #[command(flatten)]
    pub place: KeyPlace,
}

/// `key check`.
#[derive(Debug, Args)]
pub struct KeyCheck {
    /// The copy; without one, the keys of this host are tried
    pub file: Option<PathBuf>,
    /// Its passphrase
    #[command(flatten)]
    pub passphrase: Passphrase,
    /// Where
    #[command(flatten)]
    pub place: KeyPlace,
}

/// Where a passphrase comes from.
#[derive(Debug, Args)]
pub struct Passphrase {
    /// Read the passphrase from this file descriptor, a line, instead of asking on the terminal
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i32).range(0..))]
    pub passphrase_fd: Option<i32>,
}

/// Whose keys.
#[derive(Debug, Args)]
pub struct KeyPlace {
    /// The user that runs the authority, where it is not called twofold
    #[arg(long, value_name = "USER")]
    pub owner: Option<String>,
    /// The authority's configuration
    #[arg(long, value_name = "FILE", default_value = "/etc/twofold/authority.toml")]
    pub config: PathBuf,
}

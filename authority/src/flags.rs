//! The flags of `twofoldd`.

use std::path::PathBuf;

use crate::keyring::Kind;
use clap::Parser;

/// The authority of Twofold: the one process that reads and writes the ledger of second factors.
///
/// It listens on Unix sockets only. See twofoldd(8) and /etc/twofold/authority.toml.
#[derive(Debug, Parser)]
#[command(name = "twofoldd", version)]
pub struct Flags {
    /// The configuration file
    #[arg(long, value_name = "FILE", default_value = "/etc/twofold/authority.toml")]
    pub config: PathBuf,

    /// Read the configuration, report every mistake in it, and leave; opens no socket and no ledger
    #[arg(long, conflicts_with = "init")]
    pub check: bool,

    /// Make the keys and the ledger where there are none yet, and leave; never touches those that are there
    #[arg(long, group = "makes")]
    pub init: bool,

    /// Make the ledger from a copy that `twofold ledger backup` made, where there is none, and leave
    #[arg(long, value_name = "COPY", group = "makes", conflicts_with_all = ["init", "check"])]
    pub restore: Option<PathBuf>,

    /// Read a copy to its end with the keys that are here, and leave
    #[arg(long, value_name = "COPY", group = "makes", conflicts_with_all = ["init", "check", "restore"])]
    pub check_copy: Option<PathBuf>,

    /// Make one more key of this kind in the keyring, `seal` or `pepper`: `twofold key rotate` calls it
    #[arg(long, value_name = "KIND", group = "makes", value_parser = kind, conflicts_with = "check")]
    pub add_key: Option<Kind>,

    /// Remove a key from the keyring for good: `twofold key rotate` calls it when nothing needs the key
    #[arg(long, value_name = "ID", group = "makes", conflicts_with = "check")]
    pub remove_key: Option<String>,

    /// Write a copy of the keyring to standard output, sealed with the passphrase on standard input
    #[arg(long, group = "makes", conflicts_with = "check")]
    pub export_keys: bool,

    /// Put the keys of such a copy into the keyring; its passphrase is read from standard input
    #[arg(long, value_name = "FILE", group = "makes", conflicts_with = "check")]
    pub import_keys: Option<PathBuf>,

    /// Open such a copy, and leave; its passphrase is read from standard input
    #[arg(long, value_name = "FILE", group = "makes", conflicts_with = "check")]
    pub check_keys: Option<PathBuf>,

    /// With --export-keys: no passphrase, the file is to be locked away
    #[arg(long, requires = "export_keys", conflicts_with_all = ["import_keys", "check_keys"])]
    pub plain: bool,

    /// With anything that makes or reads keys or ledgers, as root: the user that will run the authority [default: twofold if there is one, else root]
    #[arg(long, value_name = "USER", requires = "makes")]
    pub owner: Option<String>,

    /// Say more; twice: say everything
    #[arg(short, long, action = clap::ArgAction::Count)]
    pub verbose: u8,
}

fn kind(word: &str) -> Result<Kind, String> {
    [Kind::Seal, Kind::Pepper]
        .into_iter()
        .find(|kind| kind.word() == word)
        .ok_or_else(|| "is `seal` or `pepper`".to_owned())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_flags_agree_with_each_other() {
        Flags::command().debug_assert();
    }

    #[test]
    fn one_run_does_one_thing() {
        let read = |arguments: &[&str]| Flags::try_parse_from([&["twofoldd"], arguments].concat());
        assert!(read(&["--check", "--init"]).is_err());
        assert!(read(&["--owner", "root", "--check"]).is_err());
        assert!(read(&["--restore", "a", "--init"]).is_err());
        assert!(read(&["--add-key", "salt"]).is_err() && read(&["--add-key", "seal", "--init"]).is_err());
        assert!(read(&["--export-keys", "--import-keys", "a"]).is_err());
        assert!(read(&["--import-keys", "a", "--plain"]).is_err());
        assert_eq!(read(&[]).unwrap().config, PathBuf::from("/etc/twofold/authority.toml"));
    }
}

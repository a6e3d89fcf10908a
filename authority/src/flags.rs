//! The flags of `twofoldd`.

use std::path::PathBuf;

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

    /// With --init, --restore or --check-copy as root: the user that will run the authority [default: twofold if there is one, else root]
    #[arg(long, value_name = "USER", requires = "makes")]
    pub owner: Option<String>,

    /// Say more; twice: say everything
    #[arg(short, long, action = clap::ArgAction::Count)]
    pub verbose: u8,
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
        assert_eq!(read(&[]).unwrap().config, PathBuf::from("/etc/twofold/authority.toml"));
    }
}

//! Every verb and every flag, in one place.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use twofold_shared::client::DEFAULT_SOCKET;
use twofold_shared::wire;

use crate::time::Since;

mod account;
mod api_key;
mod grace;
mod key;
mod ledger;
mod operator;
mod policy;
mod rollout;
mod session;

pub use account::*;
pub use api_key::*;
pub use grace::*;
pub use key::*;
pub use ledger::*;
pub use operator::*;
pub use policy::*;
pub use rollout::*;
pub use session::*;

const EXAMPLES: &str = "\
Examples:
  twofold enroll                     set up an authenticator app for yourself
  twofold status                     what is set up, and when it was last used
  twofold backup-codes --regenerate  ten new backup codes; the old ones die
  twofold api-key create ci --site git.example.com   a key for a program
  twofold session list               where you are signed in on the web
  sudo twofold account list          everybody, for whoever runs this host
  sudo twofold reset alice           let a locked-out person begin again

ACCOUNT is a login name (alice), a name in another realm (local:alice) or id:ID.
Exit status: 0 done, 1 refused or failed, 2 the authority cannot be reached, 64 usage, 78 configuration.";

/// One second factor for SSH, sudo and web apps.
#[derive(Debug, Parser)]
#[command(name = "twofold", version, after_help = EXAMPLES, max_term_width = 100)]
#[command(subcommand_required = true, arg_required_else_help = true)]
pub struct Arguments {
    /// The authority's socket
    #[arg(long, global = true, value_name = "PATH", default_value = DEFAULT_SOCKET)]
    pub socket: PathBuf,
    /// Print JSON for programs, one object a line, times in seconds since 1970
    #[arg(long, global = true)]
    pub json: bool,
    /// What to do
    #[command(subcommand)]
    pub command: Command,
}

/// The verbs.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Set up an authenticator app: QR code, first code, backup codes
    #[command(
        visible_alias = "enrol",
        after_help = "\
Nothing is on until the first code is given; an enrolment that is left stays void.

Examples:
  twofold enroll --label 'Pixel 9'
  sudo twofold enroll --account alice
  twofold enroll --uri --code-fd 3 3<codes     for programs: prints otpauth://…, reads codes from descriptor 3
  twofold enroll --import-fd 3 3<old-secret    bring a secret along instead of making one"
    )]
    Enroll(Enroll),
    /// What is set up: devices, backup codes, locks
    #[command(after_help = "Examples:\n  twofold status\n  sudo twofold status --account alice --json")]
    Status(Whose),
    /// Accounts: list, find, add, show, lock, unlock, reopen, remove, link, unlink, groups, contacts, require
    #[command(
        subcommand,
        after_help = "\
Examples:
  sudo twofold account add alice
  sudo twofold account link alice local:alice    one account for SSH and the portal
  sudo twofold account require backup exempt     no code for this account
  sudo twofold account lock mallory --reason 'laptop stolen' --until 7d
  twofold account find ali --state locked        for operators too"
    )]
    Account(Account),
    /// Who is in charge of other accounts, to help people who are locked out: list, add, remove (root)
    #[command(
        subcommand,
        after_help = "\
An operator acts at the portal, or with this command, on accounts in their charge: look, invite, require, lock, unlock, reopen,
reset, end sessions. Each of these takes a code of the operator's own. Nobody but root acts on operators.

Examples:
  sudo twofold operator add carol --group sales
  sudo twofold operator list
  sudo twofold operator remove carol"
    )]
    Operator(Operator),
    /// Check a code, and spend it
    #[command(after_help = "\
The exit status is 0 for a right code and 1 for a refused one.

Examples:
  twofold verify
  echo 123456 | sudo twofold verify --account alice --code-fd 0 --json")]
    Verify(Verify),
    /// How many backup codes are left, or ten new ones
    #[command(after_help = "Examples:\n  twofold backup-codes\n  twofold backup-codes --regenerate")]
    BackupCodes(BackupCodes),
    /// One code for somebody whose devices are gone: works once, for 15 minutes (root)
    #[command(after_help = "\
Be sure that it is them before you pass it on. It changes nothing else: `twofold reset` lets them set up a new device.

Examples:
  sudo twofold emergency-code alice
  sudo twofold emergency-code alice --door web")]
    EmergencyCode(EmergencyCode),
    /// Devices: list, rename, remove
    #[command(
        subcommand,
        after_help = "\
DEVICE is a device's name, or its id as `--json` prints it.

Examples:
  twofold device list
  twofold device rename 'Pixel 9' 'old phone'
  twofold device remove 'old phone'"
    )]
    Device(Device),
    /// API keys for programs, which cannot type a code: create, list, suspend, resume, rotate, revoke
    #[command(
        subcommand,
        after_help = "\
KEY is a key's name, or its id. A program sends its key as the password of HTTP Basic, under any name, or in the header
`Authorization: Bearer tf_…`.

Examples:
  twofold api-key create 'wiki backup' --site wiki.example.com --path /export
  twofold api-key list
  twofold api-key suspend 'wiki backup'"
    )]
    ApiKey(ApiKey),
    /// Sessions at the portal and at sites: list, revoke
    #[command(
        subcommand,
        after_help = "\
Examples:
  twofold session list
  twofold session revoke 3f9c2a71
  sudo twofold session revoke --all --account alice"
    )]
    Session(Session),
    /// Browsers that you are known by, and those that need no code for a while: list, revoke
    #[command(
        subcommand,
        after_help = "\
Examples:
  twofold browser list
  twofold browser revoke --all
  sudo twofold browser revoke 3f9c2a71 --account alice"
    )]
    Browser(Browser),
    /// Logins that need no code for a while, because one was given there: list, end
    #[command(
        subcommand,
        after_help = "\
Examples:
  twofold grace list
  twofold grace end --all
  sudo twofold grace end 3f9c2a71 --account alice"
    )]
    Grace(Grace),
    /// What policy asks of a login: check (root)
    #[command(
        subcommand,
        after_help = "\
Examples:
  sudo twofold policy check --service sshd --account alice --address 192.0.2.7 --auth publickey
  sudo twofold policy check --service sudo --account alice --tty pts/0 --auth above --group admins"
    )]
    Policy(Policy),
    /// Turn two-factor off: devices and backup codes are gone at once
    #[command(after_help = "Examples:\n  twofold disable\n  sudo twofold disable --account alice --yes")]
    Disable(Disable),
    /// Let a locked-out person begin again: devices, backup codes and sessions are gone (root, operators)
    #[command(after_help = "Example:\n  sudo twofold reset alice")]
    Reset(Reset),
    /// Invite somebody to set up their first device: a link and a code, good once and for an hour (root, operators)
    #[command(after_help = "\
Who needs one is in authority.toml: [enrolment]. For somebody who lost everything, `twofold reset` comes first.

Examples:
  sudo twofold invite alice
  sudo twofold invite local:alice --json | jq -r .link")]
    Invite(Invite),
    /// Set the password of a `local` name, for the portal
    #[command(after_help = "\
Examples:
  twofold password
  sudo twofold password --account local:alice --password-fd 3 3<password")]
    Password(Password),
    /// What happened: who, at which door, from where
    #[command(after_help = "\
Examples:
  twofold audit --since 7d
  sudo twofold audit --account alice --since 2026-03-01
  sudo twofold audit --follow --json | jq -c 'select(.outcome == \"refused\")'")]
    Audit(Audit),
    /// The keys that seal the ledger: list, rotate, export, import, check (root)
    #[command(
        subcommand,
        after_help = "\
Examples:
  sudo twofold key export /var/backups/twofold-keys    then carry it away from this host
  sudo twofold key check /var/backups/twofold-keys
  sudo twofold key rotate"
    )]
    Key(Key),
    /// The ledger as a whole: backup, check, restore (root)
    #[command(
        subcommand,
        after_help = "\
A backup is sealed with the ledger's keys: without a copy of them (`twofold key export`), kept apart, nobody can read it.

Examples:
  sudo twofold ledger backup /var/backups/twofold-2026-03-01
  sudo twofold ledger check /var/backups/twofold-2026-03-01
  sudo twofold ledger restore /var/backups/twofold-2026-03-01"
    )]
    Ledger(Ledger),
    /// The authority's clock
    #[command(subcommand)]
    Clock(Clock),
    /// The authority: version, clock, disk, how many accounts
    Info,
    /// Look for what is wrong on this host: authority, files, PAM stacks, sshd, accounts (root)
    #[command(after_help = "\
It changes nothing. Each finding says why it matters and what to do.
Exit status: 0 nothing to mend, 1 something to mend, 2 somebody can get in without a code, or nobody can get in.

Examples:
  sudo twofold doctor
  sudo twofold doctor --json | jq -r '.fix'")]
    Doctor,
    /// Codes at SSH logins: enable, disable, status, confirm (root)
    #[command(
        subcommand,
        after_help = "\
A change is taken back by itself unless it is confirmed from a fresh login, also when the connection, this command or
the host ends meanwhile. `rollout revert` takes it back at once.

Examples:
  sudo twofold ssh enable --first publickey --dry-run
  sudo twofold ssh enable --first publickey
  sudo twofold ssh confirm                       in a fresh login"
    )]
    Ssh(SshDoor),
    /// Codes at sudo and `sudo -i`: enable, disable, status, confirm (root)
    #[command(
        subcommand,
        after_help = "Examples:\n  sudo twofold sudo enable\n  sudo -k twofold sudo confirm"
    )]
    Sudo(HostDoor),
    /// Codes at su and `su -`, the target's: enable, disable, status, confirm (root)
    #[command(subcommand)]
    Su(HostDoor),
    /// Codes at the console's login: enable, disable, status, confirm (root)
    #[command(subcommand)]
    Login(HostDoor),
    /// Man pages and completion for bash, written into a folder: for who makes packages
    #[command(hide = true)]
    Pages {
        /// The folder
        #[arg(value_name = "FOLDER")]
        into: PathBuf,
    },
    /// The change that waits to be confirmed: revert (root)
    #[command(subcommand)]
    Rollout(Rollout),
}

/// Whose account.
#[derive(Debug, Args)]
pub struct Whose {
    /// Whose account; your own when absent, and root has to say
    #[arg(long, value_name = "ACCOUNT")]
    pub account: Option<String>,
}

/// Where codes come from.
#[derive(Debug, Args)]
pub struct Codes {
    /// Read codes from this file descriptor, a line each, instead of asking on the terminal
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i32).range(0..))]
    pub code_fd: Option<i32>,
}

/// Consent in advance.
#[derive(Debug, Args)]
pub struct Consent {
    /// Don't ask whether to go on
    #[arg(long, short)]
    pub yes: bool,
}

/// `enroll`.
#[derive(Debug, Args)]
pub struct Enroll {
    /// Whose account
    #[command(flatten)]
    pub whose: Whose,
    /// What you call the device
    #[arg(long, default_value = "authenticator app")]
    pub label: String,
    /// The hash; most apps silently ignore anything but sha1
    #[arg(long, value_enum, default_value_t = Algorithm::Sha1)]
    pub algorithm: Algorithm,
    /// Digits of a code
    #[arg(long, default_value_t = 6, value_parser = clap::value_parser!(u8).range(6..=8))]
    pub digits: u8,
    /// Seconds a code lasts
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(15..=120))]
    pub period: u64,
    /// Import a secret in base32 from this file descriptor instead of making one
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i32).range(0..))]
    pub import_fd: Option<i32>,
    /// Show no QR code, only the key to type
    #[arg(long)]
    pub no_qr: bool,
    /// Print the otpauth:// address alone, for programs
    #[arg(long, conflicts_with = "json")]
    pub uri: bool,
    /// Where codes come from
    #[command(flatten)]
    pub codes: Codes,
}

/// The hash of a TOTP.
#[derive(Clone, Copy, Debug, ValueEnum, PartialEq, Eq)]
pub enum Algorithm {
    /// HMAC-SHA-1: what every app understands
    Sha1,
    /// HMAC-SHA-256
    Sha256,
    /// HMAC-SHA-512
    Sha512,
}

impl From<Algorithm> for wire::Algorithm {
    fn from(algorithm: Algorithm) -> Self {
        match algorithm {
            Algorithm::Sha1 => Self::Sha1,
            Algorithm::Sha256 => Self::Sha256,
            Algorithm::Sha512 => Self::Sha512,
        }
    }
}

/// `verify`.
#[derive(Debug, Args)]
pub struct Verify {
    /// Whose code
    #[command(flatten)]
    pub whose: Whose,
    /// Where the code comes from
    #[command(flatten)]
    pub codes: Codes,
}

/// `backup-codes`.
#[derive(Debug, Args)]
pub struct BackupCodes {
    /// Whose
    #[command(flatten)]
    pub whose: Whose,
    /// Make ten new ones; the old ones are dead at once
    #[arg(long)]
    pub regenerate: bool,
    /// Where codes come from
    #[command(flatten)]
    pub codes: Codes,
}

/// `emergency-code`.
#[derive(Debug, Args)]
pub struct EmergencyCode {
    /// Whose
    pub account: String,
    /// Where it opens
    #[arg(long, value_enum, default_value_t = Door::Host)]
    pub door: Door,
}

/// Where an emergency code opens.
#[derive(Clone, Copy, Debug, ValueEnum, PartialEq, Eq)]
pub enum Door {
    /// The PAM services of this host
    Host,
    /// The web portal
    Web,
}

/// `device`.
#[derive(Debug, Subcommand)]
pub enum Device {
    /// The devices of an account
    List(Whose),
    /// Call a device something else
    Rename {
        /// The device's name or id
        device: String,
        /// The new name
        label: String,
        /// Whose
        #[command(flatten)]
        whose: Whose,
        /// Where codes come from
        #[command(flatten)]
        codes: Codes,
    },
    /// Remove one device
    Remove {
        /// The device's name or id
        device: String,
        /// Whose
        #[command(flatten)]
        whose: Whose,
        /// Where codes come from
        #[command(flatten)]
        codes: Codes,
        /// Consent
        #[command(flatten)]
        consent: Consent,
    },
}

/// `disable`.
#[derive(Debug, Args)]
pub struct Disable {
    /// Whose
    #[command(flatten)]
    pub whose: Whose,
    /// Where codes come from
    #[command(flatten)]
    pub codes: Codes,
    /// Consent
    #[command(flatten)]
    pub consent: Consent,
}

/// `password`.
#[derive(Debug, Args)]
pub struct Password {
    /// Whose
    #[command(flatten)]
    pub whose: Whose,
    /// Read the new password from this file descriptor, one line, instead of asking on the terminal
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i32).range(0..))]
    pub password_fd: Option<i32>,
    /// Where codes come from
    #[command(flatten)]
    pub codes: Codes,
}

/// `audit`.
#[derive(Debug, Args)]
pub struct Audit {
    /// Whose events; everybody's for root, your own otherwise
    #[arg(long, value_name = "ACCOUNT")]
    pub account: Option<String>,
    /// How far back: 90min, 7d, 2026-03-01, or all
    #[arg(long, value_name = "WHEN", default_value = "1d")]
    pub since: Since,
    /// Go on as things happen, until Ctrl-C
    #[arg(long, short)]
    pub follow: bool,
}

/// `clock`.
#[derive(Debug, Subcommand)]
pub enum Clock {
    /// Say that the host's clock is right now, so that codes from apps are checked again (root)
    #[command(after_help = "Look first: run `date`, and compare with a clock you trust.")]
    Accept,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_arguments_are_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn every_verb_explains_itself() {
        for verb in Arguments::command().get_subcommands() {
            assert!(verb.get_about().is_some(), "{}", verb.get_name());
        }
    }

    #[test]
    fn no_flag_takes_a_secret_itself() {
        fn walk(command: &clap::Command) {
            for argument in command.get_arguments() {
                let id = argument.get_id().as_str();
                assert!(!["code", "password", "secret", "import", "key"].contains(&id), "{id}");
            }
            command.get_subcommands().for_each(walk);
        }
        walk(&Arguments::command());
    }

    #[test]
    fn what_no_app_can_show_is_refused() {
        for wrong in [
            &["enroll", "--digits", "5"][..],
            &["enroll", "--digits", "9"],
            &["enroll", "--period", "14"],
            &["enroll", "--period", "121"],
            &["enroll", "--algorithm", "md5"],
            &["enroll", "--code-fd", "-1"],
            &["audit", "--since", "yesterweek"],
            &["account", "require", "alice", "maybe"],
        ] {
            assert!(Arguments::try_parse_from(["twofold"].iter().chain(wrong)).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn global_flags_go_anywhere() {
        for line in [["--json", "status"], ["status", "--json"]] {
            assert!(Arguments::try_parse_from(["twofold"].iter().chain(&line)).unwrap().json);
        }
    }
}

//! `policy`: its verbs and flags.

use std::net::IpAddr;

use clap::{Args, Subcommand, ValueEnum};
use twofold_shared::wire::AuthMethod;

/// `policy`.
#[derive(Debug, Subcommand)]
pub enum Policy {
    /// What a login would have to do, which rule decides that, and why those before it do not (root)
    Check(PolicyCheck),
}

/// The login in question.
#[derive(Debug, Args)]
pub struct PolicyCheck {
    /// The PAM service
    #[arg(long, value_name = "SERVICE")]
    pub service: String,
    /// Whose login
    #[arg(long, value_name = "ACCOUNT")]
    pub account: String,
    /// The address it comes from
    #[arg(long, value_name = "IP", conflicts_with = "tty")]
    pub address: Option<IpAddr>,
    /// The terminal of this host that it is made at
    #[arg(long, value_name = "TTY")]
    pub tty: Option<String>,
    /// A first factor that has passed; may be repeated
    #[arg(long, value_enum, value_name = "METHOD")]
    pub auth: Vec<Passed>,
    /// A group to be in, instead of those that this host says; may be repeated
    #[arg(long = "group", value_name = "GROUP")]
    pub groups: Vec<String>,
}

/// A first factor that has passed.
#[derive(Clone, Copy, Debug, ValueEnum, PartialEq, Eq)]
pub enum Passed {
    /// sshd has verified a public key
    Publickey,
    /// sshd's own password method
    Password,
    /// sshd's keyboard-interactive, completed before
    KeyboardInteractive,
    /// sshd has verified a host
    Hostbased,
    /// sshd has taken a Kerberos ticket
    GssapiWithMic,
    /// A module above in the PAM stack, such as pam_unix.so: first=above
    Above,
}

impl Passed {
    /// sshd's method; none for the stack's word.
    pub const fn method(self) -> Option<AuthMethod> {
        match self {
            Self::Publickey => Some(AuthMethod::Publickey),
            Self::Password => Some(AuthMethod::Password),
            Self::KeyboardInteractive => Some(AuthMethod::KeyboardInteractive),
            Self::Hostbased => Some(AuthMethod::Hostbased),
            Self::GssapiWithMic => Some(AuthMethod::Gssapi),
            Self::Above => None,
        }
    }
}

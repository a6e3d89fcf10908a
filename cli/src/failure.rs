//! Why a command did not do what it was told, as a person reads it and as a script does.

use std::io;
use std::process::ExitCode;

use twofold_shared::client::CallError;
use twofold_shared::wire::{Fault, FaultKind};

use crate::words;

const FAILED: u8 = 1;
const UNREACHABLE: u8 = 2;
/// The exit status for a mistake in the arguments (sysexits: EX_USAGE).
pub const USAGE: u8 = 64;
const CONFIGURATION: u8 = 78;

/// Why nothing, or not all, was done.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The call cannot be meant so.
    #[error("{0}")]
    Usage(String),
    /// Something on this host has to be put right first.
    #[error("{0}")]
    Configuration(String),
    /// The authority refused, or it cannot be done.
    #[error("{0}")]
    Refused(String),
    /// Nobody answered, or not to the end.
    #[error("{0}")]
    Unreachable(String),
    /// What was looked at is not in order; what was found has been printed. Holds the exit status.
    #[error("")]
    Found(u8),
    /// Ctrl-C at a prompt.
    #[error("{0}")]
    Interrupted(String),
    /// Standard output cannot be written.
    #[error("cannot write: {0}")]
    Output(#[source] io::Error),
    /// Who read standard output has gone; there is nobody to tell.
    #[error("")]
    NobodyReads,
}

impl Failure {
    /// The exit status, as `--help` lists them.
    pub fn exit_code(&self) -> ExitCode {
        ExitCode::from(match self {
            Self::Usage(_) => USAGE,
            Self::Configuration(_) => CONFIGURATION,
            Self::Unreachable(_) => UNREACHABLE,
            Self::Found(status) => *status,
            // What a shell reports for a process that SIGINT ended.
            Self::Interrupted(_) => 130,
            Self::Refused(_) | Self::Output(_) | Self::NobodyReads => FAILED,
        })
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe { Self::NobodyReads } else { Self::Output(error) }
    }
}

impl From<CallError> for Failure {
    fn from(error: CallError) -> Self {
        match error {
            CallError::Unreachable { path, why } if why.kind() == io::ErrorKind::PermissionDenied => {
                Self::Configuration(format!(
                    "{} does not let you in: {why}. Look at the modes of the socket and its folder, or give another \
                     with --socket.",
                    path.display()
                ))
            }
            CallError::Unreachable { path, why } if why.kind() == io::ErrorKind::InvalidFilename => {
                Self::Configuration(format!("{} cannot be a socket: {why}. Check --socket.", path.display()))
            }
            CallError::Unreachable { path, why } => Self::Unreachable(format!(
                "nobody answers at {}: {why}. Is the authority running? Try: systemctl status twofoldd",
                path.display()
            )),
            CallError::Broken(_) | CallError::TimedOut => Self::Unreachable(format!(
                "{error}. It may or may not have done what you asked: look with `twofold status` before you repeat it."
            )),
            CallError::TooLong | CallError::Garbled(_) => Self::Configuration(format!(
                "{error}. Is it the authority's socket, and of the same version as this command?"
            )),
            CallError::Fault(fault) => Self::Refused(describe(&fault)),
        }
    }
}

fn describe(fault: &Fault) -> String {
    match (fault.kind, fault.refusal) {
        (FaultKind::Refused, Some(refused)) => words::refusal(&refused),
        (FaultKind::Invalid, _) if fault.detail == "account: say whose" => {
            "You administer every account, so say whose: --account NAME.".to_owned()
        }
        (FaultKind::NotPermitted, _) if !nix::unistd::geteuid().is_root() => {
            format!("{} Root can, with sudo.", words::sentence(&fault.detail))
        }
        (FaultKind::Internal, _) => {
            format!("{} Its log says more: journalctl -u twofoldd", words::sentence(&fault.detail))
        }
        _ => words::sentence(&fault.detail),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unreachable(kind: io::ErrorKind) -> Failure {
        CallError::Unreachable { path: "/run/a.sock".into(), why: kind.into() }.into()
    }

    #[test]
    fn each_failure_has_its_exit_status_and_says_what_to_do() {
        let absent = unreachable(io::ErrorKind::NotFound);
        assert_eq!(absent.exit_code(), ExitCode::from(2));
        assert!(absent.to_string().contains("systemctl status twofoldd"));
        let locked = unreachable(io::ErrorKind::PermissionDenied);
        assert_eq!(locked.exit_code(), ExitCode::from(78));
        assert!(locked.to_string().contains("modes"));
        let late = Failure::from(CallError::TimedOut);
        assert_eq!(late.exit_code(), ExitCode::from(2));
        assert!(late.to_string().contains("may or may not"));
    }

    #[test]
    fn a_gone_reader_is_told_nothing() {
        assert_eq!(Failure::from(io::Error::from(io::ErrorKind::BrokenPipe)).to_string(), "");
    }
}

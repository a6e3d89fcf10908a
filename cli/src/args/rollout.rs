//! `ssh`, `sudo`, `su`, `login` and `rollout`: their verbs and flags.

use std::time::Duration;

use clap::{Args, Subcommand};
use jiff::SignedDuration;

use super::Consent;
use crate::rollout::door::First;

/// `sudo`, `su`, `login`.
#[derive(Debug, Subcommand)]
pub enum HostDoor {
    /// Ask for a code after the password, and take that back unless it is confirmed
    Enable(Enable),
    /// Ask for none
    Disable(Change),
    /// Whether a code is asked for, and what waits to be confirmed
    Status,
    /// Keep a change: from a login that began after it and has passed the second factor
    Confirm,
}

/// `ssh`.
#[derive(Debug, Subcommand)]
pub enum SshDoor {
    /// Ask for a code after a key or a password, and take that back unless it is confirmed
    Enable(SshEnable),
    /// Ask for none
    Disable(Change),
    /// Whether a code is asked for, and what waits to be confirmed
    Status,
    /// Keep a change: from a login that began after it and has passed the second factor
    Confirm,
}

/// What is asked before a change.
#[derive(Debug, Args)]
pub struct Change {
    /// Show what would be changed, and change nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Consent
    #[command(flatten)]
    pub consent: Consent,
}

/// `enable`.
#[derive(Debug, Args)]
pub struct Enable {
    /// How it is changed
    #[command(flatten)]
    pub change: Change,
    /// When to take it back unless it is confirmed
    #[arg(long, value_name = "TIME", default_value = "2m", value_parser = revert_after)]
    pub revert_after: Duration,
    /// Read root's password, which shows that the console is a way in, from this file descriptor
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i32).range(0..))]
    pub root_password_fd: Option<i32>,
    /// Go on although no systemd would take the change back if the host restarts meanwhile
    #[arg(long)]
    pub without_systemd: bool,
}

/// `ssh enable`.
#[derive(Debug, Args)]
pub struct SshEnable {
    /// What sshd asks for before the code
    #[arg(long, value_enum)]
    pub first: First,
    /// Leave `Match` blocks that say something else about logins
    #[arg(long)]
    pub keep_match: bool,
    /// As for every door
    #[command(flatten)]
    pub enable: Enable,
}

/// `rollout`.
#[derive(Debug, Subcommand)]
pub enum Rollout {
    /// Take back the change that waits to be confirmed
    Revert(Revert),
}

/// `rollout revert`.
#[derive(Debug, Args)]
pub struct Revert {
    /// Only if its time is over
    #[arg(long)]
    pub due: bool,
    /// Wait until its time is over
    #[arg(long, requires = "due")]
    pub wait: bool,
}

/// Long enough to log in, and not for ever.
fn revert_after(typed: &str) -> Result<Duration, String> {
    let wrong = || "write 10s to 1h, as in 2m".to_owned();
    let time: SignedDuration = typed.parse().map_err(|_| wrong())?;
    let time = Duration::try_from(time).map_err(|_| wrong())?;
    if (Duration::from_secs(10)..=Duration::from_hours(1)).contains(&time) { Ok(time) } else { Err(wrong()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_to_confirm_has_a_unit_and_bounds() {
        assert_eq!(revert_after("2m"), Ok(Duration::from_mins(2)));
        assert_eq!(revert_after("1h"), Ok(Duration::from_hours(1)));
        for wrong in ["", "2", "9s", "61m", "-2m", "soon"] {
            assert!(revert_after(wrong).is_err(), "{wrong}");
        }
    }
}

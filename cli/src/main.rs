//! `twofold`: the operator's and the user's command.
//!
//! It asks the authority and prints what it answers; it decides nothing, reads no ledger and keeps no secret. Secrets
//! come from the terminal or a named file descriptor, never from the command line or the environment.

mod args;
mod ask;
mod commands;
mod daemon;
mod desk;
mod doctor;
mod failure;
mod output;
mod rollout;
mod time;
mod words;

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;

use crate::args::Arguments;
use crate::desk::Desk;
use crate::failure::Failure;

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return show_usage(&error),
    };
    match Desk::open(&arguments).and_then(|mut desk| commands::run(&mut desk, arguments.command)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            report(&failure);
            if matches!(failure, Failure::Interrupted(_)) {
                ask::die_of_interrupt();
            }
            failure.exit_code()
        }
    }
}

/// Prints help or what is wrong with the arguments. `--help` and `--version` are no mistakes.
fn show_usage(error: &clap::Error) -> ExitCode {
    let printed = error.print();
    if error.use_stderr() || printed.is_err() { ExitCode::from(failure::USAGE) } else { ExitCode::SUCCESS }
}

fn report(failure: &Failure) {
    let said = failure.to_string();
    if !said.is_empty() {
        // Nobody is left to tell when standard error is gone.
        let _ = writeln!(std::io::stderr().lock(), "{}", output::visible_lines(&format!("twofold: {said}")));
    }
}

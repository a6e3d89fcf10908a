//! `twofold pages`: what `--help` says, as man pages, and completion for bash.

use std::path::Path;

use clap::CommandFactory;
use clap_complete::Shell;

use crate::args::Arguments;
use crate::failure::Failure;

/// Writes them into a folder: a page for each verb.
pub fn run(into: &Path) -> Result<(), Failure> {
    clap_mangen::generate_to(Arguments::command(), into)?;
    clap_complete::generate_to(Shell::Bash, &mut Arguments::command(), "twofold", into)?;
    Ok(())
}

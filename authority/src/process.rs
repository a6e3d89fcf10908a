//! What the process is to the kernel: no core dump, no looking in, closed files, enough descriptors.

use std::io;

use rustix::fs::Mode;
use rustix::process::{
    DumpableBehavior, Resource, Rlimit, getrlimit, set_dumpable_behavior, setrlimit, umask,
};

/// Descriptors to ask for; a service's own limit may be lower.
const DESCRIPTORS: u64 = 65_536;

/// Before anything secret is in memory: nobody but root may look into it, and no core of it is written.
///
/// # Errors
/// When the kernel refuses: better no authority than one that can be read.
pub fn harden() -> io::Result<()> {
    private_files();
    set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) })?;
    Ok(())
}

/// From here on new files are for this process's user alone.
pub fn private_files() {
    umask(Mode::RWXG | Mode::RWXO);
}

/// From here on everybody may look at new files and folders: for folders that others must pass through.
pub fn public_files() {
    umask(Mode::WGRP | Mode::WOTH);
}

/// Raises the limit of open descriptors as far as this process may, and says how many it has now.
#[must_use]
pub fn descriptors() -> usize {
    let limit = getrlimit(Resource::Nofile);
    let wanted = limit.maximum.unwrap_or(DESCRIPTORS).min(DESCRIPTORS);
    if limit.current.is_some_and(|current| current < wanted) {
        // May be refused; then what there is has to do.
        let _ = setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum: limit.maximum });
    }
    let now = getrlimit(Resource::Nofile).current.unwrap_or(DESCRIPTORS);
    usize::try_from(now).unwrap_or(usize::MAX)
}

/// What a panic said, where it said anything.
pub(crate) fn words(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(ToString::to_string);
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no words".to_owned())
}

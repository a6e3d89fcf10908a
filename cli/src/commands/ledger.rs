//! `twofold ledger`: backup, check, restore.
//!
//! The authority writes the copy, sealed; this carries it away. What reads one is `twofoldd`, which alone has the keys.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::OFlags;
use twofold_shared::client::Client;
use twofold_shared::wire::CopyLedger;

use super::rollout::only_root;
use crate::args::Ledger;
use crate::daemon::Daemon;
use crate::desk::Desk;
use crate::failure::Failure;

/// How long a copy may take.
const PATIENCE: Duration = Duration::from_mins(10);

/// Does one of the verbs.
pub fn run(desk: &Desk, verb: &Ledger) -> Result<(), Failure> {
    match verb {
        Ledger::Backup { file } => backup(desk, file),
        Ledger::Check { file, config } => {
            only_root("ledger check")?;
            Daemon::new(config, None)?.word("--check-copy").word(file).run()
        }
        Ledger::Restore { file, owner, config } => {
            only_root("ledger restore")?;
            Daemon::new(config, owner.as_deref())?.word("--restore").word(file).run()
        }
    }
}

fn backup(desk: &Desk, file: &Path) -> Result<(), Failure> {
    only_root("ledger backup")?;
    let patient = Client::new(desk.authority.path(), PATIENCE);
    let copied = patient.call(&CopyLedger {})?;
    let source = PathBuf::from(&copied.path);
    carry(&source, file).map_err(|why| Failure::Refused(format!("{}: {why}", file.display())))?;
    desk.screen.object(&copied)?;
    Ok(desk.screen.say(&format!(
        "{} holds all {} records. Keep it apart from copies of /etc/twofold/keys: together they are everything.",
        file.display(),
        copied.records
    ))?)
}

/// The copy lies in the authority's own folder: no link there turns root's hand, and none at the target does.
fn carry(source: &Path, file: &Path) -> io::Result<()> {
    let no_link = i32::try_from(OFlags::NOFOLLOW.bits()).unwrap_or(0);
    let mut from = OpenOptions::new().read(true).custom_flags(no_link).open(source)?;
    if !from.metadata()?.is_file() {
        return Err(io::Error::other("the authority's copy is no file"));
    }
    let mut to = OpenOptions::new().write(true).create_new(true).mode(0o600).open(file)?;
    let written = io::copy(&mut from, &mut to)
        .and_then(|_| to.sync_all())
        .and_then(|()| File::open(folder_of(file))?.sync_all());
    if written.is_err() {
        // Half a backup must not be taken for one.
        let _ = fs::remove_file(file);
    }
    let _ = fs::remove_file(source);
    written
}

pub(super) fn folder_of(file: &Path) -> &Path {
    file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

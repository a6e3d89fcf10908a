//! A witness beside the database: the last revision that was answered for.
//!
//! sled takes damage in the middle of its log for a write that was cut short, and silently goes back to what came
//! before. A ledger that went back would accept spent codes again, so it must be noticed: the witness is a file of its
//! own, and a database that knows less than it is damaged. It is written only after the database was synchronised with
//! the drive, so after a power cut it can only be older, which is no contradiction.

use std::fs::File;
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;

use super::Version;

pub(super) struct Witness {
    path: PathBuf,
    file: File,
}

impl Witness {
    pub fn open(folder: &Path) -> io::Result<Self> {
        let path = folder.join("revision");
        let file = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .custom_flags(i32::try_from(OFlags::NOFOLLOW.bits()).unwrap_or(0))
            .open(&path)?;
        Ok(Self { path, file })
    }

    /// What was noted last. None for a witness that never noted anything, or whose bytes are not what [`Self::note`]
    /// writes: a lost witness must not keep a whole ledger from opening.
    pub fn noted(&self) -> Option<Version> {
        let mut bytes = [0; 16];
        self.file.read_exact_at(&mut bytes, 0).ok()?;
        let (number, inverse) =
            (u64::from_be_bytes(*bytes.first_chunk()?), u64::from_be_bytes(*bytes.last_chunk()?));
        (number == !inverse).then_some(Version(number))
    }

    /// Notes a revision that the drive has.
    pub fn note(&self, version: Version) -> io::Result<()> {
        let mut bytes = [0; 16];
        let (number, inverse) = bytes.split_at_mut(8);
        number.copy_from_slice(&version.0.to_be_bytes());
        inverse.copy_from_slice(&(!version.0).to_be_bytes());
        self.file.write_all_at(&bytes, 0)
    }

    pub fn path(&self) -> &Path {
        &self.path
    }
}

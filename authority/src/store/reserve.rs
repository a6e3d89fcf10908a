//! Room on the disk: a reserve file that is given up so that verification goes on when the disk is full.
//!
//! sled does not survive a write that finds no space, so space is looked at before each batch and not when it is too
//! late. The reserve is given up a piece at a time: whoever fills the disk would otherwise take all of it at once.

use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::{FallocateFlags, OFlags, fallocate, fstatvfs};
use rustix::io::Errno;

/// How much room there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Room {
    /// Enough for everything.
    Plenty,
    /// The reserve is being eaten: verification goes on, everything else is refused.
    Scarce,
    /// Not even for that.
    None,
}

/// How much is kept back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReserveSize {
    /// The reserve file, in bytes.
    pub reserve: u64,
    /// What must be free before a batch, in bytes. Several times what a batch can take.
    pub margin: u64,
}

impl Default for ReserveSize {
    fn default() -> Self {
        Self { reserve: 64 << 20, margin: 8 << 20 }
    }
}

/// The reserve file and the folder whose disk it keeps from filling.
pub(super) struct Reserve {
    path: PathBuf,
    file: File,
    held: u64,
    size: ReserveSize,
}

impl Reserve {
    /// Opens the reserve in `folder`, or begins an empty one: [`Self::look`] fills it when there is room.
    pub fn open(folder: &Path, size: ReserveSize) -> io::Result<Self> {
        let path = folder.join("reserve");
        let file = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .custom_flags(i32::try_from(OFlags::NOFOLLOW.bits()).unwrap_or(0))
            .open(&path)?;
        let held = file.metadata()?.len();
        Ok(Self { path, file, held, size })
    }

    /// Looks at the disk, gives up or takes back what it must, and says what room that leaves.
    pub fn look(&mut self) -> io::Result<Room> {
        self.make_room(self.size.margin)
    }

    /// The same where more than the margin will be needed at once.
    pub fn make_room(&mut self, needed: u64) -> io::Result<Room> {
        let mut free = self.free()?;
        if free < needed && self.held > 0 {
            // Twice what is needed, so that not every batch has to come back for more.
            let given = (2 * needed - free).min(self.held);
            self.file.set_len(self.held - given)?;
            self.held -= given;
            free = self.free()?;
        } else if self.held < self.size.reserve && free >= self.missing() + 3 * self.size.margin {
            self.refill()?;
            free = self.free()?;
        }
        Ok(if free < needed.min(self.size.margin) / 2 {
            Room::None
        } else if self.held < self.size.reserve {
            Room::Scarce
        } else {
            Room::Plenty
        })
    }

    /// Where it is, for messages.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whoever may wait leaves so much room free, in bytes: with less the next batch could find the reserve too small.
    pub fn floor(&self) -> u64 {
        self.size.margin.saturating_mul(3)
    }

    fn missing(&self) -> u64 {
        self.size.reserve.saturating_sub(self.held)
    }

    fn free(&self) -> io::Result<u64> {
        let disk = fstatvfs(&self.file)?;
        Ok(disk.f_bavail.saturating_mul(disk.f_frsize))
    }

    fn refill(&mut self) -> io::Result<()> {
        match fallocate(&self.file, FallocateFlags::empty(), self.held, self.missing()) {
            Ok(()) => {}
            Err(Errno::OPNOTSUPP | Errno::NOSYS) => self.fill_by_writing()?,
            Err(errno) => return Err(errno.into()),
        }
        self.file.sync_all()?;
        self.held = self.file.metadata()?.len();
        Ok(())
    }

    /// For file systems without fallocate, which are also those that compress: only noise takes the room it seems to.
    fn fill_by_writing(&mut self) -> io::Result<()> {
        let mut noise = vec![0; 1 << 16];
        getrandom::fill(&mut noise).map_err(io::Error::other)?;
        self.file.seek(SeekFrom::Start(self.held))?;
        let mut missing = self.missing();
        while missing > 0 {
            // A fresh start of each block keeps deduplication from seeing the same one again and again.
            if let Some(start) = noise.first_chunk_mut::<8>() {
                *start = missing.to_be_bytes();
            }
            let piece = usize::try_from(missing).unwrap_or(usize::MAX).min(noise.len());
            self.file.write_all(noise.get(..piece).unwrap_or_default())?;
            missing -= piece as u64;
        }
        Ok(())
    }
}

//! Copies of a whole ledger: written from a snapshot, so that one holds exactly what was committed when it was begun; read
//! back into a new ledger.
//!
//! A copy is a line that says what it is, and pages. Each page is sealed like a record of the ledger, under its own
//! number and with the ledger's revision; the last one, which is empty, says that it is the last. So pages can be neither
//! left out, swapped, added nor taken from another copy, and without the keyring all of it is noise.
//!
//! What a copy does not know is what happened since. A ledger that is put back from one therefore takes no code that
//! phones show now, holds no backup codes, sessions, enrolments, graces or known browsers, and goes on with a revision
//! that the lost one never reached.

use std::fs::{self, File};
use std::io::{self, BufWriter, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::fstatvfs;
use twofold_shared::clock::{self, Reading};
use zeroize::Zeroizing;

use super::format::Format;
use super::record::KeyNotes;
use super::seal::{SealError, Sealer};
use super::sled::{Batch, Tree, TreeError};
use super::snapshot::Snapshot;
use super::state::State;
use super::{Key, Space, StoreError, Version, record};

/// Every copy begins with it.
const HEAD: &[u8] = b"twofold ledger copy 1\n";
/// Records on a page, at most.
const PAGE: usize = 500;
/// After so many bytes the drive is waited for, so that whoever else waits for it never waits for many of a copy's.
const PIECE: u64 = 2 << 20;
/// A page is never longer: records are small.
const LONGEST: usize = 64 << 20;
/// How far a restored ledger's revision is ahead of its copy's: more commits than any lost ledger has made since.
const AHEAD: u64 = 1 << 32;

/// A copy that was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Copied {
    /// Where.
    pub path: PathBuf,
    /// The last commit that is in it.
    pub revision: Version,
    /// How many records.
    pub records: u64,
}

/// What was found in a copy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Restored {
    /// Accounts.
    pub accounts: u64,
    /// Records in all.
    pub records: u64,
}

/// What is wrong with a copy.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// Another file.
    #[error("this is no copy of a ledger, or one of a newer version")]
    Other,
    /// A later Twofold wrote it.
    #[error(
        "the copy has format {}, written by Twofold {}, which this version ({}) does not know: use that one or a later one",
        format, by, env!("CARGO_PKG_VERSION")
    )]
    Newer {
        /// Its format.
        format: u32,
        /// The version that brought the ledger to that format.
        by: String,
    },
    /// It ends too soon, or goes on.
    #[error("the copy is not whole: page {0} is cut short, missing or one too many")]
    Cut(u64),
    /// It does not open.
    #[error("page {page} of the copy does not open: {error}")]
    Sealed {
        /// Which.
        page: u64,
        /// How.
        error: SealError,
    },
    /// It opens, and holds something else.
    #[error("the copy cannot be used: {0}")]
    Content(String),
    /// It cannot be read.
    #[error("the copy cannot be read: {0}")]
    Io(#[from] io::Error),
}

impl From<StoreError> for CopyError {
    fn from(error: StoreError) -> Self {
        Self::Content(error.to_string())
    }
}

impl From<TreeError> for CopyError {
    fn from(error: TreeError) -> Self {
        Self::Content(error.to_string())
    }
}

/// A record as it lies in the ledger: its key and its sealed value.
type Record = (Vec<u8>, Vec<u8>);

fn page_key(number: u64, is_last: bool) -> Key {
    let what = if is_last { "last" } else { "page" };
    Key::new(Space::Meta, format!("copy/{what}/{number}"))
}

/// What the copy beside the database is called until it is carried away.
pub(super) const NAME: &str = "copy";

/// Writes a copy to `path`, in the place of the one before, as long as the disk has more room than `floor`, in bytes.
pub(super) fn write(snapshot: Snapshot, path: &Path, floor: u64) -> Result<Copied, StoreError> {
    let (folder, unfinished) = (path.parent().unwrap_or(Path::new(".")), path.with_extension("new"));
    match fs::remove_file(&unfinished) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(&unfinished, &error)),
        _ => {}
    }
    let revision = snapshot.revision;
    let written = Out::create(&unfinished, floor).and_then(|out| pages(snapshot, out)).and_then(|records| {
        fs::rename(&unfinished, path)
            .and_then(|()| File::open(folder)?.sync_all())
            .map_err(|error| failed(path, &error))?;
        Ok(records)
    });
    match written {
        Ok(records) => Ok(Copied { path: path.to_owned(), revision, records }),
        Err(error) => {
            // Half a copy is only in the way.
            let _ = fs::remove_file(&unfinished);
            Err(error)
        }
    }
}

fn failed(path: &Path, error: &io::Error) -> StoreError {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => StoreError::DiskFull,
        _ => StoreError::Failed(format!("{}: {error}", path.display())),
    }
}

fn pages(mut snapshot: Snapshot, mut out: Out<'_>) -> Result<u64, StoreError> {
    let (keys, revision) = (Arc::clone(&snapshot.keys), snapshot.revision);
    let sealed = |key: &Key, page: &Vec<Record>| -> Result<Vec<u8>, StoreError> {
        Ok(keys.sealer.seal(key, revision, &record::encode(key, page)?)?)
    };
    let (mut number, mut records) = (0, 0);
    while let Some(found) = snapshot.page()? {
        let mut page: Vec<Record> =
            found.into_iter().map(|(key, sealed)| (key.as_bytes().to_vec(), sealed)).collect();
        while !page.is_empty() {
            let rest = page.split_off(page.len().min(PAGE));
            out.put(&sealed(&page_key(number, false), &page)?)?;
            records += page.len() as u64;
            number += 1;
            page = rest;
        }
    }
    out.put(&sealed(&page_key(number, true), &Vec::new())?)?;
    out.finish()?;
    Ok(records)
}

/// The file that a copy is written to.
struct Out<'a> {
    path: &'a Path,
    file: BufWriter<File>,
    floor: u64,
    /// Bytes since the drive was waited for.
    piece: u64,
}

impl<'a> Out<'a> {
    fn create(path: &'a Path, floor: u64) -> Result<Self, StoreError> {
        let file = File::options().write(true).create_new(true).mode(0o600).open(path);
        let file = file.map_err(|error| failed(path, &error))?;
        let mut out = Self { path, file: BufWriter::new(file), floor, piece: 0 };
        out.look_for_room()?;
        out.write(HEAD)?;
        Ok(out)
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        self.piece += bytes.len() as u64;
        self.file.write_all(bytes).map_err(|error| failed(self.path, &error))
    }

    /// One page, after its length.
    fn put(&mut self, sealed: &[u8]) -> Result<(), StoreError> {
        self.write(&u32::try_from(sealed.len()).unwrap_or(u32::MAX).to_be_bytes())?;
        self.write(sealed)?;
        if self.piece < PIECE {
            return Ok(());
        }
        self.piece = 0;
        self.synchronise()?;
        self.look_for_room()
    }

    fn synchronise(&mut self) -> Result<(), StoreError> {
        let done = self.file.flush().and_then(|()| self.file.get_ref().sync_data());
        done.map_err(|error| failed(self.path, &error))
    }

    /// Logins come first.
    fn look_for_room(&self) -> Result<(), StoreError> {
        let disk =
            fstatvfs(self.file.get_ref()).map_err(|error| failed(self.path, &io::Error::from(error)))?;
        let free = disk.f_bavail.saturating_mul(disk.f_frsize);
        if free < self.floor { Err(StoreError::DiskFull) } else { Ok(()) }
    }

    fn finish(mut self) -> Result<(), StoreError> {
        self.synchronise()?;
        self.file.get_ref().sync_all().map_err(|error| failed(self.path, &error))
    }
}

/// Reads a copy to its end, each page's records in turn, and gives its revision.
fn read(
    sealer: &Sealer,
    from: &mut dyn Read,
    mut each: impl FnMut(Vec<Record>) -> Result<(), CopyError>,
) -> Result<Version, CopyError> {
    let mut head = [0; HEAD.len()];
    from.read_exact(&mut head).map_err(|_| CopyError::Other)?;
    if head != HEAD {
        return Err(CopyError::Other);
    }
    let mut revision = None;
    for number in 0.. {
        let sealed = take(from, number)?;
        let (is_last, opened) = match sealer.open(&page_key(number, false), &sealed) {
            Ok(opened) => (false, opened),
            Err(error) => match sealer.open(&page_key(number, true), &sealed) {
                Ok(opened) => (true, opened),
                Err(_) => return Err(CopyError::Sealed { page: number, error }),
            },
        };
        let (version, page) = opened;
        if *revision.get_or_insert(version) != version {
            return Err(CopyError::Content(format!("page {number} is of another copy")));
        }
        if is_last {
            return match from.read(&mut [0])? {
                0 => Ok(version),
                _ => Err(CopyError::Cut(number)),
            };
        }
        each(record::decode(&page_key(number, false), &page)?)?;
    }
    Err(CopyError::Cut(u64::MAX))
}

fn take(from: &mut dyn Read, number: u64) -> Result<Vec<u8>, CopyError> {
    let mut length = [0; 4];
    from.read_exact(&mut length).map_err(|_| CopyError::Cut(number))?;
    let length = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
    if length > LONGEST {
        return Err(CopyError::Cut(number));
    }
    let mut sealed = vec![0; length];
    from.read_exact(&mut sealed).map_err(|_| CopyError::Cut(number))?;
    Ok(sealed)
}

/// The key of a record in a copy.
fn key_of(bytes: &[u8]) -> Result<Key, CopyError> {
    let found = Space::ALL.into_iter().find_map(|space| Key::from_stored(space, bytes));
    found.ok_or_else(|| CopyError::Content("a record of a kind that this version does not know".to_owned()))
}

/// Opens everything in a copy.
pub(super) fn check(sealer: &Sealer, from: &mut dyn Read) -> Result<Restored, CopyError> {
    let mut found = Restored::default();
    read(sealer, from, |page| {
        for (bytes, sealed) in page {
            let key = key_of(&bytes)?;
            let (_, value) = open(sealer, &key, &sealed)?;
            if key == Format::key() {
                known_format(&value)?;
            }
            found.records += 1;
            found.accounts += u64::from(key.space() == Space::Account);
        }
        Ok(())
    })?;
    Ok(found)
}

fn open(sealer: &Sealer, key: &Key, sealed: &[u8]) -> Result<(Version, Zeroizing<Vec<u8>>), CopyError> {
    sealer.open(key, sealed).map_err(|error| CopyError::Content(error.to_string()))
}

/// The format of the copy's ledger, if this version can read it.
fn known_format(value: &[u8]) -> Result<Format, CopyError> {
    let format = Format::decode(value)
        .ok_or_else(|| CopyError::Content("the record that names its format is damaged".to_owned()))?;
    if format.is_known() {
        return Ok(format);
    }
    Err(CopyError::Newer { format: format.number, by: format.by })
}

/// Whether a kind of record is put back. What is not would let somebody in, or in again, on what was so then.
const fn is_kept(space: Space) -> bool {
    match space {
        Space::Account
        | Space::Name
        | Space::Spared
        | Space::ApiKey
        | Space::ApiKeyOf
        | Space::Audit
        | Space::Unknown => true,
        Space::Enrolment
        | Space::LoginEnrolment
        | Space::Emergency
        | Space::Invitation
        | Space::InvitationOf
        | Space::Session
        | Space::SessionOf
        | Space::Browser
        | Space::BrowserValue
        | Space::Grace
        | Space::Revocation
        | Space::Meta => false,
    }
}

/// Fills a new database from a copy.
pub(super) fn restore(
    tree: &Tree,
    sealer: &Sealer,
    now: &Reading,
    from: &mut dyn Read,
) -> Result<Restored, CopyError> {
    let (mut found, mut audit_bytes, mut format) = (Restored::default(), 0, None);
    let mut notes = KeyNotes::default();
    let sealed_anew = |key: &Key, version, value: &[u8]| {
        sealer.seal(key, version, value).map_err(|error| CopyError::Content(error.to_string()))
    };
    let revision = read(sealer, from, |page| {
        let mut batch = Batch::default();
        for (bytes, sealed) in page {
            let key = key_of(&bytes)?;
            let (version, value) = open(sealer, &key, &sealed)?;
            found.records += 1;
            if key == State::key() {
                audit_bytes = State::decode(&value)?.audit_bytes;
            }
            if key == Format::key() {
                format = Some(known_format(&value)?);
            }
            if key == KeyNotes::key() {
                // Copies of keys are where they were; what is put back may be sealed with any of them.
                notes = KeyNotes { sealed_with: None, ..KeyNotes::decode(&value)? };
            }
            if !is_kept(key.space()) {
                continue;
            }
            let kept = if key.space() == Space::Account {
                found.accounts += 1;
                let restored = record::restored_account(&key, &value, now.now())?;
                sealed_anew(&key, version, &restored)?
            } else {
                sealed
            };
            batch.insert(&key, kept);
        }
        Ok(tree.commit(batch)?)
    })?;
    let revision = Version(revision.0.saturating_add(AHEAD));
    let state = State { clock: clock::first_look(now), settled: None, audit_bytes };
    let mut batch = Batch::default();
    batch.insert(&State::key(), sealed_anew(&State::key(), revision, &state.encode()?)?);
    batch.insert(&KeyNotes::key(), sealed_anew(&KeyNotes::key(), revision, &notes.encode()?)?);
    // As old as the copy: opening it brings it up to date.
    if let Some(format) = format {
        batch.insert(&Format::key(), sealed_anew(&Format::key(), revision, &format.encode()?)?);
    }
    // No gate has heard of this number, so each asks anew about every session that it remembers.
    let (range, value) = record::ended_range_restored(revision)?;
    batch.insert(&range, sealed_anew(&range, revision, &value)?);
    tree.commit(batch)?;
    Ok(found)
}

//! Copies of a whole ledger: written by the writer between two batches, so that one holds exactly what was committed
//! then; read back into a new ledger.
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

use twofold_shared::clock::{self, Reading};
use zeroize::Zeroizing;

use super::format::Format;
use super::record::KeyNotes;
use super::seal::{SealError, Sealer};
use super::sled::{Batch, Tree, TreeError};
use super::state::State;
use super::{Key, Space, StoreError, Version, record};

/// Every copy begins with it.
const HEAD: &[u8] = b"twofold ledger copy 1\n";
/// Records on a page.
const PAGE: usize = 500;
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

/// Writes a copy to `path`, in the place of the one before. Nothing changes meanwhile: the writer calls it, or there is
/// none yet.
pub(super) fn write(
    tree: &Tree,
    sealer: &Sealer,
    revision: Version,
    path: &Path,
) -> Result<Copied, StoreError> {
    let (folder, unfinished) = (path.parent().unwrap_or(Path::new(".")), path.with_extension("new"));
    let failed = |error: io::Error| match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => StoreError::DiskFull,
        _ => StoreError::Failed(format!("{}: {error}", unfinished.display())),
    };
    match fs::remove_file(&unfinished) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
        _ => {}
    }
    let file = File::options().write(true).create_new(true).mode(0o600).open(&unfinished).map_err(failed)?;
    let written = pages(tree, sealer, revision, &file, failed);
    let records = written.and_then(|records| {
        file.sync_all()
            .and_then(|()| fs::rename(&unfinished, path))
            .and_then(|()| File::open(folder)?.sync_all())
            .map_err(failed)?;
        Ok(records)
    });
    match records {
        Ok(records) => Ok(Copied { path: path.to_owned(), revision, records }),
        Err(error) => {
            // Half a copy is only in the way.
            let _ = fs::remove_file(&unfinished);
            Err(error)
        }
    }
}

fn pages(
    tree: &Tree,
    sealer: &Sealer,
    revision: Version,
    file: &File,
    failed: impl Fn(io::Error) -> StoreError + Copy,
) -> Result<u64, StoreError> {
    let mut out = BufWriter::new(file);
    out.write_all(HEAD).map_err(failed)?;
    let (mut number, mut records) = (0, 0);
    for space in Space::ALL {
        let mut after: Option<Key> = None;
        loop {
            let found = tree.scan(space, &[], after.as_ref(), PAGE);
            let found = found.map_err(|error| StoreError::Failed(error.to_string()))?;
            let Some((last, _)) = found.last() else { break };
            after = Some(last.clone());
            records += found.len() as u64;
            let page: Vec<Record> =
                found.into_iter().map(|(key, sealed)| (key.as_bytes().to_vec(), sealed)).collect();
            put(&mut out, sealer, &page_key(number, false), revision, &page, failed)?;
            number += 1;
        }
    }
    put(&mut out, sealer, &page_key(number, true), revision, &Vec::new(), failed)?;
    out.flush().map_err(failed)?;
    Ok(records)
}

fn put(
    out: &mut impl Write,
    sealer: &Sealer,
    key: &Key,
    revision: Version,
    page: &Vec<Record>,
    failed: impl Fn(io::Error) -> StoreError,
) -> Result<(), StoreError> {
    let sealed = sealer.seal(key, revision, &record::encode(key, page)?)?;
    let length = u32::try_from(sealed.len()).unwrap_or(u32::MAX).to_be_bytes();
    out.write_all(&length).and_then(|()| out.write_all(&sealed)).map_err(failed)
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

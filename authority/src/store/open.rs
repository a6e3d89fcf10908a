//! Making and opening a ledger. What cannot be opened is left exactly as it is: an empty ledger in its place would
//! accept every code again and let everybody enrol anew.

use std::fs::{self, File};
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::{Arc, RwLock};

use rustix::fs::{FlockOperation, Mode, OFlags, flock};
use rustix::io::Errno;
use tokio::sync::{broadcast, mpsc, watch};
use twofold_shared::clock;

use super::copy::{self, CopyError, Restored};
use super::format::{FORMAT, Format};
use super::keys::Keys;
use super::record::KeyNotes;
use super::reserve::{Reserve, ReserveSize};
use super::retention::Retention;
use super::seal::{SealError, Sealer};
use super::sled::{Batch, Tree, TreeError};
use super::snapshot::Snapshot;
use super::state::State;
use super::witness::Witness;
use super::writer::{self, Writer};
use super::{Core, Store, StoreError, Version, failed};
use crate::audit::Syslog;
use crate::keyring::Keyring;
use crate::system_clock::Clock;

/// Where the ledger is and how much is kept.
#[derive(Clone, Debug)]
pub struct Options {
    /// The folder that holds the database, the reserve and the lock.
    pub folder: PathBuf,
    /// The audit trail's limits.
    pub retention: Retention,
    /// The room that is kept back.
    pub reserve: ReserveSize,
}

impl Options {
    /// The ledger in `folder`, all else as it is by default.
    #[must_use]
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into(), retention: Retention::default(), reserve: ReserveSize::default() }
    }

    /// Whether there is a ledger, in whatever state.
    #[must_use]
    pub fn holds_ledger(&self) -> bool {
        self.database().exists()
    }

    fn database(&self) -> PathBuf {
        self.folder.join("ledger")
    }
}

/// Why there is no ledger to work with. Each says what to do.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Nothing there.
    #[error("no ledger in {}: as root, run `twofoldd --init`; if there was one, put its backup back", .0.display())]
    Missing(PathBuf),
    /// `--init` never overwrites a ledger.
    #[error("there is a ledger in {} already, and it is kept", .0.display())]
    Exists(PathBuf),
    /// Another authority has it.
    #[error("another twofoldd has the ledger in {} open: stop that one first", .0.display())]
    InUse(PathBuf),
    /// The folder is somebody else's.
    #[error("{path} belongs to uid {owner}: run `chown -R {me} {path}`", path = path.display())]
    Owner {
        /// Which.
        path: PathBuf,
        /// Whose.
        owner: u32,
        /// Whose it should be.
        me: u32,
    },
    /// Others may look in.
    #[error("{path} has mode {mode:04o}, open to others: run `chmod 0700 {path}`", path = path.display())]
    Mode {
        /// Which.
        path: PathBuf,
        /// As it is.
        mode: u32,
    },
    /// The keyring belongs to another ledger, or lacks a key of this one.
    #[error(
        "the ledger in {} is not sealed with this keyring: {}, or `twofold key import` a copy of it", path.display(), error
    )]
    Keyring {
        /// Which.
        path: PathBuf,
        /// How that showed.
        error: SealError,
    },
    /// The database is there and cannot be read.
    #[error(
        "the ledger in {} is damaged and was left as it is: {what}; move it away and put its backup back: `twofold ledger \
         restore FILE`", path.display()
    )]
    Damaged {
        /// Which.
        path: PathBuf,
        /// How that showed.
        what: String,
    },
    /// The database is older than what was answered for.
    #[error(
        "the ledger in {} knows revision {found}, but {} had been answered for: it is damaged, or an older copy, and would \
         accept spent codes again; put the right one back, or, to go on with this one, remove {}",
        path.display(), noted, witness.display()
    )]
    Older {
        /// Which.
        path: PathBuf,
        /// What it knows.
        found: u64,
        /// What was answered for.
        noted: u64,
        /// The file that knows better.
        witness: PathBuf,
    },
    /// A later Twofold wrote it.
    #[error(
        "the ledger in {} has format {format}, written by Twofold {by}, and this version ({}) knows formats up to {FORMAT}; \
         nothing was changed: install {by} or a later one again, or restore a backup from before it with `twofold ledger \
         restore FILE`", path.display(), env!("CARGO_PKG_VERSION")
    )]
    Newer {
        /// Which.
        path: PathBuf,
        /// Its format.
        format: u32,
        /// The version that brought it to that format.
        by: String,
    },
    /// It is of an older format, and could not be brought to this version's.
    #[error("the ledger in {} has the older format {format} and stays as it is: {what}", path.display())]
    Upgrade {
        /// Which.
        path: PathBuf,
        /// Its format.
        format: u32,
        /// Why.
        what: String,
    },
    /// The copy to restore from is no whole one.
    #[error(transparent)]
    Copy(#[from] CopyError),
    /// The kernel refused something.
    #[error("{}: {error}", path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// How.
        error: io::Error,
    },
}

/// The lock on the folder, held while this lives.
pub(super) struct Lock {
    _folder: OwnedFd,
}

impl Lock {
    fn take(folder: &Path) -> Result<Self, OpenError> {
        let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let opened = rustix::fs::open(folder, flags, Mode::empty()).map_err(|errno| match errno {
            Errno::NOENT => OpenError::Missing(folder.to_owned()),
            errno => io_error(folder, errno.into()),
        })?;
        let stat = rustix::fs::fstat(&opened).map_err(|errno| io_error(folder, errno.into()))?;
        let me = rustix::process::geteuid().as_raw();
        if stat.st_uid != me {
            return Err(OpenError::Owner { path: folder.to_owned(), owner: stat.st_uid, me });
        }
        if stat.st_mode & 0o077 != 0 {
            return Err(OpenError::Mode { path: folder.to_owned(), mode: stat.st_mode & 0o7777 });
        }
        match flock(&opened, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Self { _folder: opened }),
            Err(Errno::WOULDBLOCK) => Err(OpenError::InUse(folder.to_owned())),
            Err(errno) => Err(io_error(folder, errno.into())),
        }
    }
}

pub(super) fn create(options: &Options, keyring: &Keyring, clock: &dyn Clock) -> Result<(), OpenError> {
    make(options, |path| write_first_record(path, keyring, clock))
}

pub(super) fn restore(
    options: &Options,
    keyring: &Keyring,
    clock: &dyn Clock,
    copy: &mut dyn io::Read,
) -> Result<Restored, OpenError> {
    make(options, |path| {
        let damaged = |what: String| OpenError::Damaged { path: path.to_owned(), what };
        let tree = Tree::open(path, true).map_err(|error| damaged(error.to_string()))?;
        Ok(copy::restore(&tree, &Sealer::new(keyring), &clock.now(), copy)?)
    })
}

/// Makes the folder and what `fill` puts into the database. It has its name only once it is whole.
fn make<T>(options: &Options, fill: impl FnOnce(&Path) -> Result<T, OpenError>) -> Result<T, OpenError> {
    let folder = &options.folder;
    let made = |error| io_error(folder, error);
    if let Some(parent) = folder.parent() {
        fs::create_dir_all(parent).map_err(made)?;
    }
    match rustix::fs::mkdir(folder, Mode::RWXU) {
        Ok(()) | Err(Errno::EXIST) => {}
        Err(errno) => return Err(made(errno.into())),
    }
    if options.holds_ledger() {
        return Err(OpenError::Exists(folder.clone()));
    }
    let _lock = Lock::take(folder)?;
    // Under another name until it is whole: a ledger without its first record would be taken for a damaged one.
    let unfinished = folder.join("ledger.new");
    match fs::remove_dir_all(&unfinished) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(made(error)),
        _ => {}
    }
    let filled = fill(&unfinished)?;
    Reserve::open(folder, options.reserve).and_then(|mut reserve| reserve.look()).map_err(made)?;
    fs::rename(&unfinished, options.database()).map_err(made)?;
    File::open(folder).and_then(|opened| opened.sync_all()).map_err(made)?;
    Ok(filled)
}

fn write_first_record(path: &Path, keyring: &Keyring, clock: &dyn Clock) -> Result<(), OpenError> {
    let damaged = |what: String| OpenError::Damaged { path: path.to_owned(), what };
    let tree = Tree::open(path, true).map_err(|error| damaged(error.to_string()))?;
    let state = State { clock: clock::first_look(&clock.now()), settled: None, audit_bytes: 0 };
    let notes = KeyNotes { sealed_with: Some(keyring.current_sealing_key().id()), ..KeyNotes::default() };
    let sealer = Sealer::new(keyring);
    let mut batch = Batch::default();
    for (key, value) in [
        (State::key(), state.encode()),
        (Format::key(), Format::current().encode()),
        (KeyNotes::key(), notes.encode()),
    ] {
        let value = value.map_err(|error| damaged(error.to_string()))?;
        let sealed = sealer.seal(&key, Version(1), &value).map_err(|error| damaged(error.to_string()))?;
        batch.insert(&key, sealed);
    }
    tree.commit(batch).map_err(|error| damaged(error.to_string()))
}

pub(super) fn open(
    options: &Options,
    keyring: Arc<Keyring>,
    clock: Arc<dyn Clock>,
    syslog: Option<Syslog>,
) -> Result<Store, OpenError> {
    let folder = &options.folder;
    let lock = Lock::take(folder)?;
    let database = options.database();
    // sled would make what is not there; that must only ever happen on purpose.
    if !database.join("conf").is_file() || !database.join("db").is_file() {
        return Err(OpenError::Missing(folder.clone()));
    }
    let mut reserve = Reserve::open(folder, options.reserve).map_err(|error| io_error(folder, error))?;
    let room = reserve
        .make_room(options.reserve.margin + room_to_open(&database))
        .map_err(|error| io_error(reserve.path(), error))?;
    let tree = Tree::open(&database, false).map_err(|error| damaged(folder, &error))?;
    let keys = Arc::new(Keys::new(keyring));
    let format = read_format(folder, &tree, &keys.sealer)?;
    let (version, state) = read_state(folder, &tree, &keys.sealer)?;

    let witness = Witness::open(folder).map_err(|error| io_error(folder, error))?;
    if let Some(noted) = witness.noted().filter(|noted| *noted > version) {
        let (path, witness) = (folder.clone(), witness.path().to_owned());
        return Err(OpenError::Older { path, found: version.0, noted: noted.0, witness });
    }

    let file = database.join("db");
    let file = File::options().write(true).open(&file).map_err(|error| io_error(&file, error))?;
    if format < FORMAT {
        let why = |what: String| OpenError::Upgrade { path: folder.clone(), format, what };
        upgrade(folder, &tree, &keys, version).map_err(|error| why(error.to_string()))?;
        file.sync_data().map_err(|error| why(error.to_string()))?;
    }

    let (queue, jobs) = mpsc::channel(writer::QUEUE);
    let core = Arc::new(Core {
        tree,
        keys: RwLock::new(keys),
        clock,
        state: RwLock::new(Arc::new(state)),
        changes: broadcast::Sender::new(1024),
        room: watch::Sender::new(room),
        failure: watch::Sender::new(None),
        _lock: lock,
    });
    let disk = writer::Disk { reserve, witness, database: file, synchronised_ms: 0 };
    let writer = Writer::new(Arc::clone(&core), version, disk, options.retention, syslog);
    writer.start(jobs).map_err(|error| io_error(folder, error))?;
    Ok(Store { core, queue })
}

/// sled writes a new snapshot when it opens: about as large as the last one.
fn room_to_open(database: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(database) else { return 0 };
    let snapshots =
        entries.flatten().filter(|entry| entry.file_name().to_string_lossy().starts_with("snap."));
    2 * snapshots.filter_map(|entry| entry.metadata().ok()).map(|found| found.len()).max().unwrap_or(0)
}

/// The ledger's format; 0 where it says none.
fn read_format(folder: &Path, tree: &Tree, sealer: &Sealer) -> Result<u32, OpenError> {
    let sealed = tree.get(&Format::key()).map_err(|error| damaged(folder, &error))?;
    let Some(sealed) = sealed else { return Ok(0) };
    let format = Format::open(sealer, &sealed).map_err(|error| unsealed(folder, error))?;
    if format.is_known() {
        return Ok(format.number);
    }
    Err(OpenError::Newer { path: folder.to_owned(), format: format.number, by: format.by })
}

/// Brings a ledger of the format before to this version's, after a copy of it was made. From 0 to 1, 1 to 2 and 2 to
/// 3 no record changes: from then on the ledger says what it is.
fn upgrade(folder: &Path, tree: &Tree, keys: &Arc<Keys>, version: Version) -> Result<(), StoreError> {
    let snapshot = Snapshot::begin(tree.clone(), Arc::clone(keys), version);
    let copied = copy::write(snapshot, &folder.join(format!("before-format-{FORMAT}")), 0)?;
    let key = Format::key();
    let mut batch = Batch::default();
    batch.insert(&key, keys.sealer.seal(&key, version, &Format::current().encode()?)?);
    tree.commit(batch).map_err(failed)?;
    log::warn!(
        "the ledger has format {FORMAT} now; {} is a backup of it from before, to be removed when all is well",
        copied.path.display()
    );
    Ok(())
}

fn read_state(folder: &Path, tree: &Tree, sealer: &Sealer) -> Result<(Version, State), OpenError> {
    let sealed = tree.get(&State::key()).map_err(|error| damaged(folder, &error))?;
    let sealed = sealed.ok_or_else(|| OpenError::Damaged {
        path: folder.to_owned(),
        what: "the record that every ledger begins with is gone".to_owned(),
    })?;
    let (version, value) = sealer.open(&State::key(), &sealed).map_err(|error| unsealed(folder, error))?;
    let state = State::decode(&value).map_err(|error: StoreError| OpenError::Damaged {
        path: folder.to_owned(),
        what: error.to_string(),
    })?;
    Ok((version, state))
}

/// What it means that one of the ledger's own records does not open.
fn unsealed(folder: &Path, error: SealError) -> OpenError {
    match error {
        SealError::UnknownKey { .. } => OpenError::Keyring { path: folder.to_owned(), error },
        SealError::Format { format, .. } => OpenError::Newer {
            path: folder.to_owned(),
            format: u32::from(format),
            by: "a later version".to_owned(),
        },
        error => OpenError::Damaged { path: folder.to_owned(), what: error.to_string() },
    }
}

fn damaged(folder: &Path, error: &TreeError) -> OpenError {
    OpenError::Damaged { path: folder.to_owned(), what: error.to_string() }
}

fn io_error(path: &Path, error: io::Error) -> OpenError {
    OpenError::Io { path: path.to_owned(), error }
}

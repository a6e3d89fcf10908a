//! Key files: read only where nobody else could have written or read them, written once and never over another.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use data_encoding::HEXLOWER_PERMISSIVE;
use rustix::fs::{self, AtFlags, FileType, Mode, OFlags};
use rustix::io::Errno;
use zeroize::Zeroizing;

use super::{KeyringError, Kind, SecretKey};

/// Whose rules a folder of keys follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// `/etc/twofold/keys`: files that only root or the authority can read.
    Folder,
    /// A service's credentials folder: systemd owns the files and may open them to us by an access list, which shows
    /// as a readable group.
    Credentials,
}

/// Where systemd puts a service's credentials.
const CREDENTIALS: &str = "/run/credentials";

impl Place {
    /// Whose rules a folder follows, by where it lies.
    #[must_use]
    pub fn of(folder: &Path) -> Self {
        if folder.starts_with(CREDENTIALS) { Self::Credentials } else { Self::Folder }
    }

    /// Mode bits that a key file must not have.
    const fn forbidden(self) -> u32 {
        match self {
            Self::Folder => 0o077,
            Self::Credentials => 0o027,
        }
    }
}

/// The longest content that can still be a key: 64 digits and a line's end.
const LONGEST: usize = 66;

pub(super) fn read(folder: &Path, place: Place) -> Result<Vec<SecretKey>, KeyringError> {
    let directory = open(folder)?;
    let mut keys = Vec::new();
    for entry in fs::Dir::read_from(&directory).map_err(|errno| io(folder, errno))? {
        let entry = entry.map_err(|errno| io(folder, errno))?;
        let Ok(name) = entry.file_name().to_str() else { continue };
        if !name.ends_with(".key") || name.starts_with('.') {
            continue;
        }
        let path = folder.join(name);
        let Some((kind, number)) = parse_name(name) else {
            return Err(KeyringError::Name(path));
        };
        keys.push(SecretKey::new(kind, number, read_key(directory.as_fd(), name, &path, place)?));
    }
    Ok(keys)
}

/// The folder itself. One that others can write to lets them put their own key there.
fn open(folder: &Path) -> Result<OwnedFd, KeyringError> {
    let opened = fs::open(folder, OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty());
    let directory = opened.map_err(|errno| match errno {
        Errno::NOENT => KeyringError::Missing(folder.to_owned()),
        Errno::LOOP | Errno::NOTDIR => KeyringError::NotAFile(folder.to_owned()),
        errno => io(folder, errno),
    })?;
    check(folder, directory.as_fd(), FileType::Directory, 0o022, "go-w")?;
    Ok(directory)
}

fn read_key(
    directory: BorrowedFd<'_>,
    name: &str,
    path: &Path,
    place: Place,
) -> Result<Zeroizing<[u8; 32]>, KeyringError> {
    // NONBLOCK: a pipe in a key's place must not hold us up before we have seen that it is one.
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = fs::openat(directory, name, flags, Mode::empty()).map_err(|errno| match errno {
        Errno::LOOP => KeyringError::NotAFile(path.to_owned()),
        errno => io(path, errno),
    })?;
    check(path, file.as_fd(), FileType::RegularFile, place.forbidden(), "0400")?;

    let mut content = Zeroizing::new([0_u8; LONGEST + 1]);
    let mut filled = 0;
    while let Some(space) = content.get_mut(filled..).filter(|space| !space.is_empty()) {
        match rustix::io::read(&file, space) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(Errno::INTR) => {}
            Err(errno) => return Err(io(path, errno)),
        }
    }
    let content = content.get(..filled).unwrap_or_default();
    parse_key(content.trim_ascii_end()).ok_or_else(|| KeyringError::Content(path.to_owned()))
}

fn parse_name(name: &str) -> Option<(Kind, u32)> {
    parse_label(name.strip_suffix(".key")?)
}

/// Reads `seal-1`.
pub(super) fn parse_label(label: &str) -> Option<(Kind, u32)> {
    let (kind, number) = label.split_once('-')?;
    let kind = [Kind::Seal, Kind::Pepper].into_iter().find(|each| each.word() == kind)?;
    let parsed = number.parse::<u32>().ok()?;
    // One spelling for one number: `seal-01.key` beside `seal-1.key` would leave open which is current.
    (parsed.to_string() == number).then_some((kind, parsed))
}

/// Reads 64 hexadecimal digits.
pub(super) fn parse_key(text: &[u8]) -> Option<Zeroizing<[u8; 32]>> {
    if text.len() != 64 {
        return None;
    }
    let mut bytes = Zeroizing::new([0; 32]);
    HEXLOWER_PERMISSIVE.decode_mut(text, bytes.as_mut_slice()).ok()?;
    Some(bytes)
}

fn check(
    path: &Path,
    file: BorrowedFd<'_>,
    kind: FileType,
    forbidden: u32,
    fix: &'static str,
) -> Result<(), KeyringError> {
    let stat = fs::fstat(file).map_err(|errno| io(path, errno))?;
    if FileType::from_raw_mode(stat.st_mode) != kind {
        return Err(KeyringError::NotAFile(path.to_owned()));
    }
    if stat.st_uid != 0 && stat.st_uid != rustix::process::geteuid().as_raw() {
        return Err(KeyringError::Owner { path: path.to_owned(), owner: stat.st_uid });
    }
    let mode = stat.st_mode & 0o7777;
    if mode & forbidden != 0 {
        return Err(KeyringError::Mode { path: path.to_owned(), mode, fix });
    }
    Ok(())
}

/// Makes the folder where there is none.
pub(super) fn make_folder(folder: &Path) -> Result<(), KeyringError> {
    if let Some(parent) = folder.parent() {
        std::fs::create_dir_all(parent)
            .map_err(|error| KeyringError::Io { path: parent.to_owned(), error })?;
    }
    match fs::mkdir(folder, Mode::RWXU) {
        Ok(()) | Err(Errno::EXIST) => Ok(()),
        Err(errno) => Err(io(folder, errno)),
    }
}

/// Writes keys beside those that are there, each whole or not at all, and returns when they are on the drive.
pub(super) fn write<'k>(
    folder: &Path,
    keys: impl Iterator<Item = &'k SecretKey>,
) -> Result<(), KeyringError> {
    let directory = open(folder)?;
    for key in keys {
        let name = key.file_name();
        write_key(directory.as_fd(), &name, key).map_err(|errno| match errno {
            Errno::EXIST => KeyringError::Exists(folder.join(&name)),
            errno => io(&folder.join(&name), errno),
        })?;
    }
    fs::fsync(&directory).map_err(|errno| io(folder, errno))
}

/// Removes a key's file.
pub(super) fn remove(folder: &Path, name: &str) -> Result<(), KeyringError> {
    let directory = open(folder)?;
    fs::unlinkat(&directory, name, AtFlags::empty()).map_err(|errno| io(&folder.join(name), errno))?;
    fs::fsync(&directory).map_err(|errno| io(folder, errno))
}

/// The file gets its name once it is whole and on the drive: half a key would keep the authority from starting.
fn write_key(directory: BorrowedFd<'_>, name: &str, key: &SecretKey) -> Result<(), Errno> {
    let unfinished = format!(".{name}.new");
    match fs::unlinkat(directory, &unfinished, AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT) => {}
        Err(errno) => return Err(errno),
    }
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let file: OwnedFd = fs::openat(directory, &unfinished, flags, Mode::RUSR)?;
    let mut text = Zeroizing::new([b'\n'; 65]);
    if let Some(digits) = text.get_mut(..64) {
        HEXLOWER_PERMISSIVE.encode_mut(key.bytes.as_slice(), digits);
    }
    let mut rest = text.as_slice();
    while !rest.is_empty() {
        let written = rustix::io::write(&file, rest)?;
        rest = rest.get(written..).unwrap_or_default();
    }
    fs::fsync(&file)?;
    // A link and not a rename: it fails where a key has the name already.
    fs::linkat(directory, &unfinished, directory, name, AtFlags::empty())?;
    fs::unlinkat(directory, &unfinished, AtFlags::empty())
}

fn io(path: &Path, errno: Errno) -> KeyringError {
    KeyringError::Io { path: PathBuf::from(path), error: errno.into() }
}

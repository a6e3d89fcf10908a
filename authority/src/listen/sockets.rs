//! Socket files, made so that nobody else can have put them there, and sockets that systemd hands over.

use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType};

use crate::config::Config;
use crate::peer::Entrance;

/// Everybody may connect: the kernel says who it is, and that decides.
const SOCKET_MODE: u32 = 0o666;

/// A socket that listens.
#[derive(Debug)]
pub struct Socket {
    /// The listener itself.
    pub listener: UnixListener,
    /// Where it is.
    pub path: PathBuf,
    /// What its callers are.
    pub entrance: Entrance,
    /// Device and inode of the file, if this process made it.
    made: Option<(u64, u64)>,
}

/// Why there is no socket.
#[derive(Debug, thiserror::Error)]
pub enum SocketError {
    /// The folder is not there.
    #[error("the folder {folder} of the socket is not there: run `install -d -m 0755 -o {owner} {folder}`", folder = .folder.display())]
    NoFolder {
        /// Which.
        folder: PathBuf,
        /// Who should own it.
        owner: u32,
    },
    /// Somebody else could replace the socket.
    #[error("{folder} belongs to uid {owner}, who could replace the socket: run `chown {fix} {folder}`", folder = .folder.display())]
    Owner {
        /// Which.
        folder: PathBuf,
        /// Whose it is.
        owner: u32,
        /// Whose it should be.
        fix: u32,
    },
    /// Anybody could replace the socket.
    #[error("{folder} has mode {mode:04o}, so others could replace the socket: run `chmod go-w {folder}`", folder = .folder.display())]
    Mode {
        /// Which.
        folder: PathBuf,
        /// As it is.
        mode: u32,
    },
    /// Something that is no socket is in its place.
    #[error("{0} is there and is no socket: it is not ours to remove")]
    InTheWay(PathBuf),
    /// Another process listens there.
    #[error("another process listens at {0}: stop it first, or give this authority another `socket`")]
    Taken(PathBuf),
    /// systemd hands over a socket that the configuration does not know.
    #[error(
        "systemd hands over a socket at {0} that the configuration does not name: make ListenStream= and `socket` or a listener's `path` agree"
    )]
    Unexpected(String),
    /// systemd hands over something else.
    #[error("systemd hands over a descriptor that is no listening Unix stream socket: {0}")]
    Strange(io::Error),
    /// The system said no.
    #[error("{path}: {error}", path = .path.display())]
    Io {
        /// Where.
        path: PathBuf,
        /// What.
        error: io::Error,
    },
}

impl SocketError {
    /// Whether the operator has to mend something, rather than the machine.
    #[must_use]
    pub fn is_configuration(&self) -> bool {
        !matches!(self, Self::Taken(_) | Self::Io { .. })
    }
}

/// The sockets that `config` names: those that systemd `passed`, and the others made here. Says whether systemd holds
/// them all, so that leaving closes none.
///
/// # Errors
/// [`SocketError`]; sockets made before are removed again.
pub fn open(config: &Config, passed: Vec<UnixListener>) -> Result<(Vec<Socket>, bool), SocketError> {
    let mut passed = by_path(passed)?;
    let doors = config.listeners.iter();
    let doors = doors.map(|listener| (&listener.path, Entrance::Door(Arc::clone(&listener.door))));
    let mut sockets = Vec::new();
    for (path, entrance) in std::iter::once((&config.socket, Entrance::Main)).chain(doors) {
        let handed = passed.iter().position(|(at, _)| at == path);
        let socket = match handed {
            Some(index) => Socket::handed(passed.swap_remove(index), entrance),
            None => Socket::make(path, entrance),
        };
        match socket {
            Ok(socket) => sockets.push(socket),
            Err(error) => {
                for made in &sockets {
                    Socket::remove(made);
                }
                return Err(error);
            }
        }
    }
    if let Some((path, _)) = passed.first() {
        return Err(SocketError::Unexpected(path.display().to_string()));
    }
    let all_held = sockets.iter().all(|socket| socket.made.is_none());
    Ok((sockets, all_held))
}

fn by_path(passed: Vec<UnixListener>) -> Result<Vec<(PathBuf, UnixListener)>, SocketError> {
    let path = |listener: &UnixListener| {
        let address = listener.local_addr().map_err(SocketError::Strange)?;
        match address.as_pathname() {
            Some(path) => Ok(path.components().collect()),
            None => Err(SocketError::Unexpected("no path".to_owned())),
        }
    };
    passed.into_iter().map(|listener| Ok((path(&listener)?, listener))).collect()
}

impl Socket {
    fn handed((path, listener): (PathBuf, UnixListener), entrance: Entrance) -> Result<Self, SocketError> {
        listener.set_nonblocking(true).map_err(SocketError::Strange)?;
        Ok(Self { listener, path, entrance, made: None })
    }

    /// Makes the socket file, in the place of one that nobody listens at any more.
    ///
    /// # Errors
    /// [`SocketError`].
    pub fn make(path: &Path, entrance: Entrance) -> Result<Self, SocketError> {
        let io = |error: io::Error| SocketError::Io { path: path.to_owned(), error };
        check_folder(path.parent().unwrap_or(Path::new("/")))?;
        clear(path)?;
        let listener = UnixListener::bind(path).map_err(io)?;
        // From bind to here the umask kept it closed.
        fs::set_permissions(path, fs::Permissions::from_mode(SOCKET_MODE)).map_err(io)?;
        listener.set_nonblocking(true).map_err(io)?;
        let made = fs::symlink_metadata(path).map_err(io)?;
        Ok(Self { listener, path: path.to_owned(), entrance, made: Some((made.dev(), made.ino())) })
    }

    /// Removes the file if this process made it and it is still the same; says whether it was made here.
    pub fn remove(&self) -> bool {
        let Some(made) = self.made else { return false };
        let same = |found: &Metadata| (found.dev(), found.ino()) == made;
        if fs::symlink_metadata(&self.path).is_ok_and(|found| same(&found))
            && let Err(error) = fs::remove_file(&self.path)
        {
            log::warn!("cannot remove {}: {error}", self.path.display());
        }
        true
    }
}

/// Only root and this process's user may be able to put something into the socket's folder.
fn check_folder(folder: &Path) -> Result<(), SocketError> {
    let own = rustix::process::geteuid().as_raw();
    let found = match fs::metadata(folder) {
        Ok(found) if found.is_dir() => found,
        Ok(_) => return Err(SocketError::InTheWay(folder.to_owned())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(SocketError::NoFolder { folder: folder.to_owned(), owner: own });
        }
        Err(error) => return Err(SocketError::Io { path: folder.to_owned(), error }),
    };
    if found.uid() != 0 && found.uid() != own {
        return Err(SocketError::Owner { folder: folder.to_owned(), owner: found.uid(), fix: own });
    }
    if found.mode() & 0o022 != 0 {
        return Err(SocketError::Mode { folder: folder.to_owned(), mode: found.mode() & 0o7777 });
    }
    Ok(())
}

/// Removes a socket that nobody listens at; leaves everything else.
fn clear(path: &Path) -> Result<(), SocketError> {
    let io = |error: io::Error| SocketError::Io { path: path.to_owned(), error };
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(io(error)),
        Ok(found) if !found.file_type().is_socket() => return Err(SocketError::InTheWay(path.to_owned())),
        Ok(_) => {}
    }
    match knock(path) {
        Err(Errno::CONNREFUSED) => fs::remove_file(path).map_err(io),
        // Nobody is in there, and somebody else has just cleared it.
        Err(Errno::NOENT) => Ok(()),
        // A full queue is a listener too.
        Ok(()) | Err(Errno::AGAIN) => Err(SocketError::Taken(path.to_owned())),
        Err(errno) => Err(io(errno.into())),
    }
}

/// Connects without waiting.
fn knock(path: &Path) -> Result<(), Errno> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
    rustix::net::connect(&socket, &SocketAddrUnix::new(path)?)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;
    use std::os::unix::net::UnixStream;

    use super::*;

    fn folder() -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("authority.sock");
        (folder, path)
    }

    fn make(path: &Path) -> Result<Socket, SocketError> {
        Socket::make(path, Entrance::Main)
    }

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().mode() & 0o7777
    }

    #[test]
    fn everybody_may_connect_to_a_new_socket() {
        let (_folder, path) = folder();
        let socket = make(&path).unwrap();
        assert_eq!(mode(&path), 0o666);
        UnixStream::connect(&path).unwrap();
        assert!(socket.remove());
        assert!(!path.exists());
    }

    #[test]
    fn a_stale_socket_is_replaced_and_a_live_one_is_not() {
        let (_folder, path) = folder();
        drop(UnixListener::bind(&path).unwrap());
        let socket = make(&path).unwrap();
        assert!(matches!(make(&path), Err(SocketError::Taken(_))));
        UnixStream::connect(&path).unwrap();
        drop(socket);
        assert!(make(&path).is_ok());
    }

    #[test]
    fn what_is_no_socket_stays() {
        let (folder, path) = folder();
        fs::write(&path, "precious").unwrap();
        assert!(matches!(make(&path), Err(SocketError::InTheWay(_))));
        let link = folder.path().join("link.sock");
        symlink(&path, &link).unwrap();
        assert!(matches!(make(&link), Err(SocketError::InTheWay(_))));
        assert_eq!(fs::read(&path).unwrap(), b"precious");
    }

    #[test]
    fn a_folder_that_others_can_write_is_refused_with_the_fix() {
        let (folder, path) = folder();
        for mode in [0o777, 0o775, 0o1777] {
            fs::set_permissions(folder.path(), fs::Permissions::from_mode(mode)).unwrap();
            let error = make(&path).unwrap_err();
            assert!(error.is_configuration());
            assert!(
                error.to_string().contains(&format!("chmod go-w {}", folder.path().display())),
                "{error}"
            );
        }
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        assert!(make(&path).is_ok());
    }

    #[test]
    fn a_missing_folder_is_told_with_the_fix() {
        let (folder, _) = folder();
        let error = make(&folder.path().join("run/authority.sock")).unwrap_err();
        assert!(error.to_string().contains("install -d -m 0755"), "{error}");
    }

    #[test]
    fn a_file_that_somebody_put_in_our_place_is_not_removed() {
        let (_folder, path) = folder();
        let socket = make(&path).unwrap();
        fs::remove_file(&path).unwrap();
        fs::write(&path, "theirs").unwrap();
        socket.remove();
        assert!(path.exists());
    }
}

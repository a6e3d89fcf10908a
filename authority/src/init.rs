//! `twofoldd --init`: keys and ledger where there are none. What is there already is never touched.
//!
//! Root only makes the folders and gives them away; everything inside is made under the owner's own uid, so that no
//! link an owner might leave in a folder can turn root's hand.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, lchown};
use std::path::{Path, PathBuf};

use nix::unistd::{Uid, User, setgid, setgroups, setuid};

use crate::config::Config;
use crate::keyring::{Keyring, KeyringError, Place};
use crate::process;
use crate::store::{OpenError, Options, Store};
use crate::system_clock::SystemClock;

/// The user that packages make for the authority.
const USER: &str = "twofold";

/// Why nothing, or not everything, was made.
#[derive(Debug, thiserror::Error)]
pub enum InitError {
    /// `--owner` names nobody.
    #[error("there is no user `{0}`; run: useradd --system --no-create-home {0}")]
    NoSuchUser(String),
    /// Only root can give away.
    #[error("only root can make the ledger for another user; leave out --owner, or run this as root")]
    NotRoot,
    /// Something else is in a folder's place.
    #[error("{0} is there and is no folder: move it away")]
    NotAFolder(PathBuf),
    /// A folder is there and not as it must be.
    #[error("{folder} belongs to uid {uid} and has mode {mode:04o}; run: chown {owner} {folder} && chmod 0700 {folder}", folder = .folder.display())]
    Folder {
        /// Which.
        folder: PathBuf,
        /// Whose it is.
        uid: u32,
        /// As it is.
        mode: u32,
        /// Whose it should be.
        owner: u32,
    },
    /// A ledger without its keys.
    #[error("{ledger} holds a ledger, but its keys are not in {keys}: put the keys back from their copy; new ones would open nothing", ledger = .ledger.display(), keys = .keys.display())]
    KeysLost {
        /// The ledger's folder.
        ledger: PathBuf,
        /// The keys' folder.
        keys: PathBuf,
    },
    /// The keyring.
    #[error(transparent)]
    Keyring(#[from] KeyringError),
    /// The ledger.
    #[error(transparent)]
    Ledger(#[from] OpenError),
    /// The system said no.
    #[error("{path}: {error}", path = .path.display())]
    Io {
        /// Where.
        path: PathBuf,
        /// What.
        error: io::Error,
    },
}

impl InitError {
    /// Whether the operator has to mend something before another try makes sense.
    #[must_use]
    pub fn is_configuration(&self) -> bool {
        match self {
            Self::NoSuchUser(_) | Self::NotRoot | Self::NotAFolder(_) | Self::Folder { .. } => true,
            Self::KeysLost { .. } | Self::Keyring(_) | Self::Ledger(_) | Self::Io { .. } => false,
        }
    }
}

/// Makes what `config` names and is not there, for `owner` if root says so.
///
/// # Errors
/// [`InitError`]; what was made until then stays and is taken up by the next try.
pub fn init(config: &Config, owner: Option<&str>) -> Result<(), InitError> {
    prepare(config, owner)?;
    make_keys_and_ledger(config)
}

/// Makes the folders, and becomes whoever will run the authority.
pub(crate) fn prepare(config: &Config, owner: Option<&str>) -> Result<(), InitError> {
    let owner = find_owner(owner)?;
    process::public_files();
    let uid = owner.as_ref().map_or(Uid::effective(), |owner| owner.uid);
    for folder in [&config.keys, &config.ledger] {
        make_folder(folder, 0o700, owner.as_ref())?;
        check_folder(folder, uid)?;
    }
    let sockets = config.listeners.iter().map(|listener| &listener.path);
    for folder in std::iter::once(&config.socket).chain(sockets).filter_map(|socket| socket.parent()) {
        // Whether one that is there already will do is judged at every start.
        make_folder(folder, 0o755, owner.as_ref())?;
    }
    process::private_files();
    if let Some(owner) = owner {
        become_user(&owner).map_err(|errno| io_error(&config.keys, errno.into()))?;
    }
    Ok(())
}

/// Becomes whoever runs the authority, where root runs this: keys are opened by nobody else.
pub(crate) fn become_owner(owner: Option<&str>) -> Result<(), InitError> {
    let Some(owner) = find_owner(owner)? else { return Ok(()) };
    become_user(&owner).map_err(|errno| io_error(Path::new(&owner.name), errno.into()))
}

/// For whom: `None` where it is whoever runs this.
fn find_owner(named: Option<&str>) -> Result<Option<User>, InitError> {
    let own = Uid::effective();
    let find = |name: &str| User::from_name(name).map_err(|errno| io_error(Path::new(name), errno.into()));
    let owner = match named {
        Some(name) => Some(find(name)?.ok_or_else(|| InitError::NoSuchUser(name.to_owned()))?),
        None if own.is_root() => find(USER)?,
        None => None,
    };
    match owner {
        Some(owner) if owner.uid == own => Ok(None),
        Some(_) if !own.is_root() => Err(InitError::NotRoot),
        owner => Ok(owner),
    }
}

fn make_folder(folder: &Path, mode: u32, owner: Option<&User>) -> Result<(), InitError> {
    if let Some(parent) = folder.parent() {
        fs::create_dir_all(parent).map_err(|error| io_error(parent, error))?;
    }
    match DirBuilder::new().mode(mode).create(folder) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(()),
        Err(error) => return Err(io_error(folder, error)),
    }
    let Some(owner) = owner else { return Ok(()) };
    lchown(folder, Some(owner.uid.as_raw()), Some(owner.gid.as_raw()))
        .map_err(|error| io_error(folder, error))
}

/// A folder of secrets belongs to whoever runs the authority and is closed to everybody else.
fn check_folder(folder: &Path, owner: Uid) -> Result<(), InitError> {
    let found = fs::symlink_metadata(folder).map_err(|error| io_error(folder, error))?;
    if found.is_dir() && found.uid() == owner.as_raw() && found.mode() & 0o077 == 0 {
        return Ok(());
    }
    if !found.is_dir() {
        return Err(InitError::NotAFolder(folder.to_owned()));
    }
    let (uid, mode) = (found.uid(), found.mode() & 0o7777);
    Err(InitError::Folder { folder: folder.to_owned(), uid, mode, owner: owner.as_raw() })
}

fn become_user(user: &User) -> nix::Result<()> {
    setgroups(&[])?;
    setgid(user.gid)?;
    setuid(user.uid)
}

fn make_keys_and_ledger(config: &Config) -> Result<(), InitError> {
    let options = Options::new(&config.ledger);
    if options.holds_ledger() {
        return match Keyring::load(&config.keys, Place::Folder) {
            Err(KeyringError::Missing(_) | KeyringError::Lacking(_)) => {
                Err(InitError::KeysLost { ledger: config.ledger.clone(), keys: config.keys.clone() })
            }
            Err(error) => Err(error.into()),
            Ok(_) => {
                log::info!("{} and {} are kept as they are", config.keys.display(), config.ledger.display());
                Ok(())
            }
        };
    }
    let keyring = match Keyring::generate(&config.keys) {
        Err(KeyringError::Exists(_)) => Keyring::load(&config.keys, Place::Folder)?,
        made => {
            let keyring = made?;
            log::info!(
                "made the keys in {}: keep a copy apart from copies of the ledger",
                config.keys.display()
            );
            keyring
        }
    };
    let clock = SystemClock::new().map_err(|error| io_error(Path::new("/proc"), error))?;
    Store::create(&options, &keyring, &clock)?;
    log::info!("made the ledger in {}", config.ledger.display());
    Ok(())
}

fn io_error(path: &Path, error: io::Error) -> InitError {
    InitError::Io { path: path.to_owned(), error }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    /// A folder that vanishes, and a configuration whose every path lies in it.
    fn place() -> (tempfile::TempDir, Config) {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("authority.toml");
        let at = |name: &str| folder.path().join(name).display().to_string();
        let text = format!(
            "ledger = \"{}\"\nkeys = \"{}\"\nsocket = \"{}\"\n",
            at("lib/ledger"),
            at("etc/keys"),
            at("run/authority.sock")
        );
        fs::write(&file, text).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
        (folder, Config::load(&file).unwrap())
    }

    /// Makes it for this very user, whoever that is.
    fn make(config: &Config) -> Result<(), InitError> {
        let own = User::from_uid(Uid::effective()).unwrap().unwrap();
        init(config, Some(&own.name))
    }

    fn contents(folder: &Path) -> Vec<(String, Vec<u8>)> {
        let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let mut files: Vec<_> =
            files.map(|path| (path.display().to_string(), fs::read(&path).unwrap_or_default())).collect();
        files.sort();
        files
    }

    #[test]
    fn everything_is_made_once_and_kept_ever_after() {
        let (_folder, config) = place();
        make(&config).unwrap();
        for folder in [&config.keys, &config.ledger] {
            assert_eq!(fs::metadata(folder).unwrap().mode() & 0o7777, 0o700);
        }
        assert_eq!(fs::metadata(config.socket.parent().unwrap()).unwrap().mode() & 0o7777, 0o755);
        let keys = contents(&config.keys);
        assert!(keys.len() >= 2);
        make(&config).unwrap();
        assert_eq!(contents(&config.keys), keys);
    }

    #[test]
    fn an_interrupted_try_is_taken_up() {
        let (_folder, config) = place();
        make(&config).unwrap();
        let keys = contents(&config.keys);
        fs::remove_dir_all(&config.ledger).unwrap();
        make(&config).unwrap();
        assert_eq!(contents(&config.keys), keys);
    }

    #[test]
    fn a_ledger_without_its_keys_gets_no_new_ones() {
        let (_folder, config) = place();
        make(&config).unwrap();
        fs::remove_dir_all(&config.keys).unwrap();
        let error = make(&config).unwrap_err();
        assert!(matches!(error, InitError::KeysLost { .. }), "{error}");
        assert!(contents(&config.keys).is_empty());
    }

    #[test]
    fn a_folder_open_to_others_is_refused_with_the_fix() {
        let (_folder, config) = place();
        make(&config).unwrap();
        fs::set_permissions(&config.ledger, fs::Permissions::from_mode(0o750)).unwrap();
        let error = make(&config).unwrap_err().to_string();
        assert!(error.contains(&format!("chmod 0700 {}", config.ledger.display())), "{error}");
        fs::remove_dir_all(&config.ledger).unwrap();
        std::os::unix::fs::symlink("/tmp", &config.ledger).unwrap();
        assert!(matches!(make(&config), Err(InitError::NotAFolder(_))));
    }

    #[test]
    fn an_owner_must_exist() {
        let (_folder, config) = place();
        assert!(
            init(&config, Some("no-such-user-here")).unwrap_err().to_string().contains("useradd --system")
        );
    }
}

//! `twofoldd --add-key` and the like: what root does to the files of the keyring, as the user who runs the authority.
//!
//! A running authority is not touched by any of it: `twofold key` tells it afterwards to read its keyring again.

use std::fs::File;
use std::io::{self, IsTerminal, Read, Write};
use std::path::{Path, PathBuf};

use twofold_shared::secret::SecretText;
use zeroize::Zeroizing;

use crate::config::Config;
use crate::init::{InitError, become_owner, prepare};
use crate::keyring::{CopyError, KeyCopy, Keyring, KeyringError, Kind, Place, Sealing};

/// The longest passphrase or copy that is read, in bytes.
const LONGEST: u64 = 64 * 1024;

/// Why nothing was done to the keys.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// Folders and users.
    #[error(transparent)]
    Init(#[from] InitError),
    /// The keyring.
    #[error(transparent)]
    Keyring(#[from] KeyringError),
    /// A copy.
    #[error("{}: {}", .0.display(), .1)]
    Copy(PathBuf, #[source] CopyError),
    /// systemd makes them.
    #[error(
        "{} holds credentials of a service: their files are where its unit says, `LoadCredential=`; add, copy and remove them \
         there and restart twofoldd", .0.display()
    )]
    Credentials(PathBuf),
    /// Asked for nothing, or for what nobody meant.
    #[error("a copy of the keyring is not printed on a terminal: use `twofold key export FILE`")]
    Terminal,
    /// A file, or standard input, cannot be read.
    #[error("{}: {}", .0.display(), .1)]
    Io(PathBuf, #[source] io::Error),
}

fn about(path: &Path) -> impl FnOnce(io::Error) -> KeyFileError {
    move |error| KeyFileError::Io(path.to_owned(), error)
}

fn no_credentials(config: &Config) -> Result<(), KeyFileError> {
    match Place::of(&config.keys) {
        Place::Folder => Ok(()),
        Place::Credentials => Err(KeyFileError::Credentials(config.keys.clone())),
    }
}

/// Makes one more key, the current one from the next load on.
///
/// # Errors
/// [`KeyFileError`]; then there is none.
pub fn add(config: &Config, kind: Kind, owner: Option<&str>) -> Result<(), KeyFileError> {
    no_credentials(config)?;
    prepare(config, owner)?;
    let key = Keyring::add(&config.keys, kind)?;
    log::info!("made {}", config.keys.join(key.file_name()).display());
    Ok(())
}

/// Removes a key for good.
///
/// # Errors
/// [`KeyFileError`].
pub fn remove(config: &Config, id: &str, owner: Option<&str>) -> Result<(), KeyFileError> {
    no_credentials(config)?;
    become_owner(owner)?;
    let key = Keyring::remove(&config.keys, id)?;
    log::info!("removed {}", config.keys.join(key.file_name()).display());
    Ok(())
}

/// Writes a copy of the keyring to standard output, sealed with the passphrase on standard input unless `plain`.
///
/// # Errors
/// [`KeyFileError`].
pub fn export(config: &Config, plain: bool, owner: Option<&str>) -> Result<(), KeyFileError> {
    let mut out = io::stdout().lock();
    if out.is_terminal() {
        return Err(KeyFileError::Terminal);
    }
    become_owner(owner)?;
    let keyring = Keyring::load(&config.keys, Place::of(&config.keys))?;
    let sealing = if plain { Sealing::Plain } else { Sealing::Passphrase(passphrase()?) };
    let place = Path::new("standard output");
    let text =
        KeyCopy::write(&keyring, &sealing).map_err(|error| KeyFileError::Copy(place.to_owned(), error))?;
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(about(place))
}

/// Puts the keys of a copy beside those that are here.
///
/// # Errors
/// [`KeyFileError`]; then nothing was written.
pub fn import(config: &Config, file: &Path, owner: Option<&str>) -> Result<(), KeyFileError> {
    no_credentials(config)?;
    let copy = open(file)?;
    prepare(config, owner)?;
    let new = Keyring::import(&config.keys, copy)?;
    for key in &new {
        log::info!("put back {}", config.keys.join(key.file_name()).display());
    }
    if new.is_empty() {
        log::info!("{} holds no key that is not here", file.display());
    }
    Ok(())
}

/// Opens a copy.
///
/// # Errors
/// [`KeyFileError`].
pub fn check(file: &Path) -> Result<(), KeyFileError> {
    let copy = open(file)?;
    log::info!("{}: whole, with {} keys", file.display(), copy.keys().len());
    Ok(())
}

/// Before this becomes somebody who may not read it.
fn open(file: &Path) -> Result<KeyCopy, KeyFileError> {
    let mut text = Zeroizing::new(String::with_capacity(LONGEST as usize));
    let opened = File::open(file).map_err(about(file))?;
    opened.take(LONGEST).read_to_string(&mut text).map_err(about(file))?;
    let copy = |error| KeyFileError::Copy(file.to_owned(), error);
    match KeyCopy::read(&text, None) {
        Err(CopyError::NeedsPassphrase) => KeyCopy::read(&text, Some(&passphrase()?)).map_err(copy),
        read => read.map_err(copy),
    }
}

/// Standard input to its end, without the line's.
fn passphrase() -> Result<SecretText, KeyFileError> {
    let mut text = Zeroizing::new(String::with_capacity(LONGEST as usize));
    let place = Path::new("standard input");
    io::stdin().lock().take(LONGEST).read_to_string(&mut text).map_err(about(place))?;
    Ok(SecretText::new(text.trim_end_matches(['\r', '\n']).to_owned()))
}

//! What turning a door on or off changes, before anything is changed.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;

use super::door::{Door, First, State};
use super::journal::{Change, Place};
use super::pam_file::without_blocks;
use super::pam_stack::StackError;
use super::sshd_file::{DROP_IN, Files, MAIN, drop_in_comes_first, with_include};

const PUBLICKEY: &str = include_str!("../../../packaging/sshd/publickey.conf");
const PASSWORD: &str = include_str!("../../../packaging/sshd/password.conf");

/// Why there is no plan.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// What is in a file does not allow it.
    #[error(transparent)]
    Stack(#[from] StackError),
    /// Our module is there already, and not by `enable`.
    #[error(
        "/etc/pam.d/{0} has pam_twofold.so already, written by somebody else: take those lines out first"
    )]
    ByHand(String),
    /// A file cannot be used.
    #[error("{0}")]
    File(String),
}

/// A file as characters: one for each byte, so that nothing is lost whatever its encoding.
fn decode(bytes: &[u8]) -> String {
    bytes.iter().map(|&byte| char::from(byte)).collect()
}

/// The way back; what was put in is ASCII.
fn encode(text: &str) -> Vec<u8> {
    text.chars().map(|character| u8::try_from(u32::from(character)).unwrap_or(b'?')).collect()
}

impl Place {
    /// A service's file, or one that it includes.
    pub fn pam_file(&self, name: &str) -> Option<String> {
        let folders = ["/etc/pam.d", "/usr/lib/pam.d"];
        let read = |folder: &&str| fs::read(self.at(&format!("{folder}/{name}"))).ok();
        folders.iter().find_map(read).map(|bytes| decode(&bytes))
    }

    /// What a door does now, by its services that are there.
    pub fn states(&self, door: Door) -> Vec<(&'static str, State)> {
        let read = |name: &str| self.pam_file(name);
        let state =
            |service: &&'static str| Some((*service, Door::state(service, &self.pam_file(service)?, &read)));
        door.services().iter().filter_map(state).collect()
    }

    /// What is in a file that is to be changed. It must be root's, and nobody else's to write.
    fn changeable(&self, path: &str) -> Result<Option<Vec<u8>>, PlanError> {
        let file = self.at(path);
        let found = match fs::symlink_metadata(&file) {
            Ok(found) => found,
            Err(why) if why.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(why) => return Err(PlanError::File(format!("{path}: {why}"))),
        };
        if found.is_symlink() {
            return Err(PlanError::File(format!(
                "{path} is a symbolic link: whatever keeps it would undo a change. Make it a file, or change its target \
                 by hand"
            )));
        }
        if !found.is_file() {
            return Err(PlanError::File(format!("{path} is no file")));
        }
        if found.mode() & 0o022 != 0 || found.uid() != nix::unistd::geteuid().as_raw() {
            return Err(PlanError::File(format!(
                "{path} can be written by others than root. Mend it: chown root:root {path} && chmod 644 {path}"
            )));
        }
        fs::read(&file).map(Some).map_err(|why| PlanError::File(format!("{path}: {why}")))
    }

    /// What makes a door ask for a code. Nothing when it does already. `first` is sshd's.
    ///
    /// # Errors
    /// [`PlanError`].
    pub fn enabling(&self, door: Door, first: First) -> Result<Vec<Change>, PlanError> {
        let mut changes: Vec<Change> = Vec::new();
        for (index, service) in door.services().iter().enumerate() {
            let path = format!("/etc/pam.d/{service}");
            let Some(before) = self.changeable(&path)? else {
                if index == 0 {
                    return Err(PlanError::File(format!(
                        "there is no {path}: is {} installed?",
                        door.word()
                    )));
                }
                continue;
            };
            let text = decode(&before);
            // A file may include another one that has just been changed.
            let read = |name: &str| {
                let changed = changes.iter().find(|change| change.path == format!("/etc/pam.d/{name}"));
                let after = changed.and_then(|change| change.after.as_deref());
                after.map(decode).or_else(|| self.pam_file(name))
            };
            match Door::state(service, &text, &read) {
                State::ByHand if index > 0 && self.includes(service, door) => continue,
                State::ByHand => return Err(PlanError::ByHand((*service).to_owned())),
                State::On | State::Off => {}
            }
            let after = encode(&door.enabled(service, &text, first, &read)?);
            changes.push(Change { path, before: Some(before), after: Some(after) });
        }
        if door == Door::Ssh {
            self.enabling_sshd(first, &mut changes)?;
        }
        changes.retain(|change| change.before != change.after);
        Ok(changes)
    }

    /// Whether a service gets our module from its door's first service.
    fn includes(&self, service: &str, door: Door) -> bool {
        let text = self.pam_file(service).unwrap_or_default();
        let by_itself = |name: &str| {
            let text = self.pam_file(name)?;
            Some(if door.services().contains(&name) { without_blocks(&text) } else { text })
        };
        Door::state(service, &text, &by_itself) == State::Off
    }

    fn enabling_sshd(&self, first: First, changes: &mut Vec<Change>) -> Result<(), PlanError> {
        let Some(main) = self.changeable(MAIN)? else {
            return Err(PlanError::File(format!("there is no {MAIN}: is openssh-server installed?")));
        };
        let ours = match first {
            First::Publickey => PUBLICKEY,
            First::Password => PASSWORD,
        };
        let before = self.changeable(DROP_IN)?;
        changes.push(Change { path: DROP_IN.to_owned(), before, after: Some(ours.as_bytes().to_vec()) });
        let text = decode(&main);
        if !drop_in_comes_first(&without_blocks(&text), self) {
            let after = encode(&with_include(&text));
            changes.push(Change { path: MAIN.to_owned(), before: Some(main), after: Some(after) });
        }
        Ok(())
    }

    /// What makes a door ask for none.
    ///
    /// # Errors
    /// [`PlanError`].
    pub fn disabling(&self, door: Door) -> Result<Vec<Change>, PlanError> {
        let mut files: Vec<String> =
            door.services().iter().map(|service| format!("/etc/pam.d/{service}")).collect();
        if door == Door::Ssh {
            // sshd's settings first: they ask for what the stack would no longer do.
            files.insert(0, MAIN.to_owned());
        }
        let mut changes = Vec::new();
        for path in files {
            let Some(before) = self.changeable(&path)? else { continue };
            let after = encode(&without_blocks(&decode(&before)));
            changes.push(Change { path, before: Some(before), after: Some(after) });
        }
        if door == Door::Ssh
            && let Some(before) = self.changeable(DROP_IN)?
        {
            changes.insert(0, Change { path: DROP_IN.to_owned(), before: Some(before), after: None });
        }
        for (service, state) in self.states(door) {
            if state == State::ByHand && !(self.includes(service, door)) {
                return Err(PlanError::ByHand(service.to_owned()));
            }
        }
        changes.retain(|change| change.before != change.after);
        Ok(changes)
    }
}

impl Files for Place {
    fn read(&self, path: &str) -> Option<String> {
        fs::read(self.at(path)).ok().map(|bytes| decode(&bytes))
    }

    fn list(&self, folder: &str) -> Vec<String> {
        let entries = fs::read_dir(self.at(folder)).into_iter().flatten().flatten();
        let mut names: Vec<String> =
            entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_the_encoding_no_byte_is_lost() {
        let all: Vec<u8> = (0..=255).collect();
        assert_eq!(encode(&decode(&all)), all);
    }
}

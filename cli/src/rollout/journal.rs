//! A change of files that is taken back unless it is confirmed.
//!
//! Before the first file is touched the journal says which will be. Each file that is replaced lives on under a second
//! name beside it, so that taking it back is a rename: it gives back the very file, with owner, mode and attributes, and
//! needs no space. Whatever moment this process, or the host, ends in, [`Place::revert`] finds its way from there, any
//! number of times.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::durable::{beside, remove, replace, sync_folder_of, write_new};
use super::machine;

/// Where journal and backups are. root's alone.
const STATE: &str = "/var/lib/twofold-rollout";
const OLD: &str = ".twofold-old";
const NEW: &str = ".twofold-new";
/// How long to wait for somebody else's change, before the process that makes it is ended.
const PATIENCE: Duration = Duration::from_secs(10);

/// A file, and what is to be in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Its absolute path.
    pub path: String,
    /// What is in it; `None`: it is not there.
    pub before: Option<Vec<u8>>,
    /// What is to be in it; `None`: it is to go.
    pub after: Option<Vec<u8>>,
}

/// A change under way.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Journal {
    /// The format of this file.
    pub version: u32,
    /// What was said: `twofold ssh enable`.
    pub door: String,
    /// The process that makes the change, and when that began, in clock ticks since boot.
    pub process: (u32, u64),
    /// The boot in which it was made.
    pub boot: String,
    /// When, in seconds since the epoch.
    pub began: u64,
    /// When, in milliseconds since boot.
    pub began_uptime: u64,
    /// Until when it waits to be confirmed, in milliseconds since boot.
    pub deadline_uptime: u64,
    /// Every file it changes, and whether that was there before.
    pub files: Vec<(String, bool)>,
}

/// Why a change cannot be made or taken back.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// Something about a file.
    #[error("{0}: {1}")]
    File(PathBuf, #[source] io::Error),
    /// The journal says something else than we write.
    #[error("{0} cannot be read: {1}. Backups of what was changed are in {STATE}/backups")]
    Garbled(PathBuf, String),
    /// Two at once.
    #[error("another change is being made; try again in a moment")]
    Busy,
}

/// The files of a host. In tests, a folder in their place.
#[derive(Clone, Debug)]
pub struct Place {
    root: PathBuf,
}

/// Held while files are being changed.
#[derive(Debug)]
pub struct Turn {
    _lock: File,
}

fn about(path: &Path) -> impl FnOnce(io::Error) -> JournalError {
    move |why| JournalError::File(path.to_owned(), why)
}

impl Default for Place {
    fn default() -> Self {
        Self { root: PathBuf::from("/") }
    }
}

impl Place {
    /// One below a folder.
    #[cfg(test)]
    pub fn below(root: &Path) -> Self {
        Self { root: root.to_owned() }
    }

    /// Where a file is.
    pub fn at(&self, path: &str) -> PathBuf {
        self.root.join(path.trim_start_matches('/'))
    }

    fn state(&self, name: &str) -> PathBuf {
        self.at(STATE).join(name)
    }

    fn pending_file(&self) -> PathBuf {
        self.state("pending.json")
    }

    fn backup(&self, journal: &Journal, path: &str) -> PathBuf {
        // A door may be turned on and off again within a second.
        let folder = format!("backups/{}.{:03}-{}", journal.began, journal.began_uptime % 1000, journal.door);
        self.state(&folder).join(path.trim_start_matches('/'))
    }

    /// The change that waits to be confirmed or taken back.
    ///
    /// # Errors
    /// When there is one that cannot be read.
    pub fn pending(&self) -> Result<Option<Journal>, JournalError> {
        let path = self.pending_file();
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(why) if why.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(why) => return Err(JournalError::File(path, why)),
        };
        let journal: Journal = serde_json::from_slice(&text)
            .map_err(|why| JournalError::Garbled(path.clone(), why.to_string()))?;
        if journal.version == 1 {
            Ok(Some(journal))
        } else {
            Err(JournalError::Garbled(path, format!("it is of format {}", journal.version)))
        }
    }

    /// Waits for its turn. A process that holds it and does not move on is ended, if it is the one that makes the
    /// pending change: it could be stopped, or wait for a terminal that has gone.
    ///
    /// # Errors
    /// When somebody else has it for long.
    pub fn turn(&self) -> Result<Turn, JournalError> {
        let path = self.state("lock");
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(self.at(STATE))
            .map_err(about(&self.at(STATE)))?;
        let lock = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&path);
        let lock = lock.map_err(about(&path))?;
        let began = Instant::now();
        let mut ended_it = false;
        loop {
            match lock.try_lock() {
                Ok(()) => return Ok(Turn { _lock: lock }),
                Err(fs::TryLockError::Error(why)) => return Err(JournalError::File(path, why)),
                Err(fs::TryLockError::WouldBlock) => {}
            }
            if began.elapsed() > PATIENCE {
                match self.pending()? {
                    Some(journal) if !ended_it => ended_it = machine::end_process(journal.process),
                    _ => return Err(JournalError::Busy),
                }
            }
            if began.elapsed() > PATIENCE * 2 {
                return Err(JournalError::Busy);
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Writes down what will be changed. From here on [`Self::revert`] is owed.
    ///
    /// # Errors
    /// When it cannot be written; then nothing is owed.
    pub fn begin(&self, _turn: &Turn, journal: &Journal) -> Result<(), JournalError> {
        let (path, new) = (self.pending_file(), self.state(".pending.json.new"));
        remove(&new).map_err(about(&new))?;
        let text = serde_json::to_string_pretty(journal)
            .map_err(|why| JournalError::Garbled(path.clone(), why.to_string()))?;
        let written = write_new(&new, text.as_bytes(), None).and_then(|()| replace(&new, &path));
        written.map_err(|why| {
            // Nobody is served by half of one.
            let _ = remove(&new);
            JournalError::File(path, why)
        })
    }

    /// Makes what the changes need beside their files, and a backup of each; then puts them in place.
    ///
    /// # Errors
    /// At the first that fails; [`Self::revert`] takes back what was done.
    pub fn make(&self, _turn: &Turn, journal: &Journal, changes: &[Change]) -> Result<(), JournalError> {
        for change in changes {
            self.prepare(journal, change)?;
        }
        for change in changes {
            let path = self.at(&change.path);
            let put = match change.after {
                Some(_) => replace(&beside(&path, NEW), &path),
                None => fs::remove_file(&path).and_then(|()| sync_folder_of(&path)),
            };
            put.map_err(about(&path))?;
        }
        Ok(())
    }

    fn prepare(&self, journal: &Journal, change: &Change) -> Result<(), JournalError> {
        let path = self.at(&change.path);
        let (old, new) = (beside(&path, OLD), beside(&path, NEW));
        let like = change.before.is_some().then_some(path.as_path());
        if let Some(before) = &change.before {
            let backup = self.backup(journal, &change.path);
            let folder = backup.parent().unwrap_or(Path::new("/"));
            fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(about(folder))?;
            write_new(&backup, before, like).map_err(about(&backup))?;
            remove(&old).map_err(about(&old))?;
            fs::hard_link(&path, &old).map_err(about(&old))?;
        }
        if let Some(after) = &change.after {
            let folder = path.parent().unwrap_or(Path::new("/"));
            fs::create_dir_all(folder).map_err(about(folder))?;
            remove(&new).map_err(about(&new))?;
            write_new(&new, after, like).map_err(about(&new))?;
        }
        sync_folder_of(&path).map_err(about(&path))
    }

    /// Takes a change back, however far it came. The journal stays, until [`Self::forget`].
    ///
    /// # Errors
    /// When a file cannot be put back; what could be is.
    pub fn revert(&self, _turn: &Turn, journal: &Journal) -> Result<(), JournalError> {
        let mut failed = None;
        for (path, was_there) in &journal.files {
            if let Err(why) = self.put_back(journal, path, *was_there) {
                failed = Some(why);
            }
        }
        failed.map_or(Ok(()), Err)
    }

    /// Nothing is owed any more: the files are back, and who reads them has read them again.
    ///
    /// # Errors
    /// When the journal cannot be put away; then it is done once more.
    pub fn forget(&self, _turn: &Turn) -> Result<(), JournalError> {
        self.close("last-reverted.json")
    }

    fn put_back(&self, journal: &Journal, name: &str, was_there: bool) -> Result<(), JournalError> {
        let path = self.at(name);
        let (old, new) = (beside(&path, OLD), beside(&path, NEW));
        remove(&new).map_err(about(&new))?;
        let backup = self.backup(journal, name);
        let restored = if !was_there {
            self.set_aside(journal, name, None);
            remove(&path)
        } else if same_file(&old, &path) {
            remove(&old)
        } else if old.exists() {
            self.set_aside(journal, name, fs::read(&old).ok());
            fs::rename(&old, &path)
        } else {
            restore_from(&backup, &path, &new)
        };
        restored.map_err(about(&path))?;
        match sync_folder_of(&path) {
            // The folder was never made.
            Err(why) if why.kind() == io::ErrorKind::NotFound => Ok(()),
            other => other.map_err(about(&path)),
        }
    }

    /// Keeps what is in a file now, for whoever has changed it meanwhile; as well as it goes.
    fn set_aside(&self, journal: &Journal, name: &str, before: Option<Vec<u8>>) {
        let Ok(now) = fs::read(self.at(name)) else { return };
        let aside = self.backup(journal, &format!("{name}.reverted"));
        if Some(&now) != before.as_ref() && !aside.exists() {
            let _ = fs::create_dir_all(aside.parent().unwrap_or(Path::new("/")));
            let _ = write_new(&aside, &now, None);
        }
    }

    /// Makes a change stay.
    ///
    /// # Errors
    /// When the journal cannot be put away; then it is still owed to be taken back.
    pub fn confirm(&self, _turn: &Turn, journal: &Journal) -> Result<(), JournalError> {
        self.close("last-confirmed.json")?;
        for (name, _) in &journal.files {
            let path = self.at(name);
            let old = beside(&path, OLD);
            remove(&old).and_then(|()| sync_folder_of(&path)).map_err(about(&old))?;
        }
        Ok(())
    }

    fn close(&self, name: &str) -> Result<(), JournalError> {
        let pending = self.pending_file();
        fs::rename(&pending, self.state(name))
            .and_then(|()| sync_folder_of(&pending))
            .map_err(about(&pending))
    }
}

fn same_file(one: &Path, other: &Path) -> bool {
    match (fs::symlink_metadata(one), fs::symlink_metadata(other)) {
        (Ok(one), Ok(other)) => (one.dev(), one.ino()) == (other.dev(), other.ino()),
        _ => false,
    }
}

/// The way back where the second name is gone: the backup, if the file is not like it.
fn restore_from(backup: &Path, path: &Path, new: &Path) -> io::Result<()> {
    let before = match fs::read(backup) {
        Ok(before) => before,
        // It never came as far as a backup, so nothing was changed either.
        Err(why) if why.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(why) => return Err(why),
    };
    if fs::read(path).ok().as_ref() == Some(&before) {
        return Ok(());
    }
    write_new(new, &before, Some(backup))?;
    fs::rename(new, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILES: [&str; 3] =
        ["/etc/pam.d/sshd", "/etc/ssh/sshd_config", "/etc/ssh/sshd_config.d/00-twofold.conf"];

    struct Host {
        _folder: tempfile::TempDir,
        place: Place,
    }

    fn host() -> Host {
        let folder = tempfile::tempdir().unwrap();
        let place = Place::below(folder.path());
        for path in FILES.iter().take(2) {
            fs::create_dir_all(place.at(path).parent().unwrap()).unwrap();
            fs::write(place.at(path), format!("old {path}")).unwrap();
        }
        Host { _folder: folder, place }
    }

    fn changes() -> Vec<Change> {
        let before = |path: &str| Some(format!("old {path}").into_bytes());
        vec![
            Change { path: FILES[0].into(), before: before(FILES[0]), after: Some(b"new pam".to_vec()) },
            Change { path: FILES[2].into(), before: None, after: Some(b"new drop-in".to_vec()) },
            Change { path: FILES[1].into(), before: before(FILES[1]), after: Some(b"new sshd".to_vec()) },
        ]
    }

    fn journal(changes: &[Change]) -> Journal {
        Journal {
            version: 1,
            door: "ssh".into(),
            process: (u32::MAX, 0),
            boot: String::new(),
            began: 5,
            began_uptime: 0,
            deadline_uptime: 0,
            files: changes.iter().map(|change| (change.path.clone(), change.before.is_some())).collect(),
        }
    }

    /// All files below, without state; and inodes, which taking back keeps.
    fn all(place: &Place) -> Vec<(PathBuf, Vec<u8>, u64)> {
        let mut found = Vec::new();
        let mut open = vec![place.at("/etc")];
        while let Some(folder) = open.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    open.push(path);
                } else {
                    found.push((path.clone(), fs::read(&path).unwrap(), fs::metadata(&path).unwrap().ino()));
                }
            }
        }
        found.sort();
        found
    }

    /// Stops after so many steps, as a killed process would; each step is what one system call makes visible.
    fn go_part_of_the_way(place: &Place, turn: &Turn, steps: usize) -> Journal {
        let changes = changes();
        let journal = journal(&changes);
        place.begin(turn, &journal).unwrap();
        for (index, change) in changes.iter().enumerate() {
            if index < steps {
                place.prepare(&journal, change).unwrap();
            }
        }
        for (index, change) in changes.iter().enumerate() {
            if index + 3 < steps {
                replace(&beside(&place.at(&change.path), NEW), &place.at(&change.path)).unwrap();
            }
        }
        journal
    }

    #[test]
    fn wherever_it_stops_the_very_files_come_back() {
        for steps in 0..=6 {
            let host = host();
            let before = all(&host.place);
            let turn = host.place.turn().unwrap();
            go_part_of_the_way(&host.place, &turn, steps);
            // Whoever takes it back knows the journal alone; a second time changes nothing.
            let found = host.place.pending().unwrap().unwrap();
            host.place.revert(&turn, &found).unwrap();
            assert_eq!(all(&host.place), before, "{steps} steps");
            assert!(host.place.pending().unwrap().is_some());
            host.place.revert(&turn, &found).unwrap();
            host.place.forget(&turn).unwrap();
            assert!(host.place.pending().unwrap().is_none());
            assert_eq!(all(&host.place), before, "{steps} steps, twice");
        }
    }

    #[test]
    fn a_change_that_is_made_and_confirmed_stays_and_leaves_nothing_beside_it() {
        let host = host();
        let turn = host.place.turn().unwrap();
        let changes = changes();
        let journal = journal(&changes);
        host.place.begin(&turn, &journal).unwrap();
        host.place.make(&turn, &journal, &changes).unwrap();
        host.place.confirm(&turn, &journal).unwrap();
        let texts: Vec<Vec<u8>> = all(&host.place).into_iter().map(|(_, text, _)| text).collect();
        assert_eq!(texts.len(), 3);
        assert!(texts.iter().all(|text| text.starts_with(b"new")));
        assert!(host.place.pending().unwrap().is_none());
        assert_eq!(fs::read(host.place.backup(&journal, FILES[0])).unwrap(), b"old /etc/pam.d/sshd");
    }

    #[test]
    fn a_door_that_is_turned_on_and_off_within_a_second_leaves_a_backup_of_each() {
        let host = host();
        let turn = host.place.turn().unwrap();
        let on = changes();
        let back = |change: &Change| Change {
            path: change.path.clone(),
            before: change.after.clone(),
            after: change.before.clone(),
        };
        let off: Vec<Change> = on.iter().map(back).collect();
        for (changes, began_uptime, before) in [(on, 1_999, "old /etc/pam.d/sshd"), (off, 2_001, "new pam")] {
            let journal = Journal { began_uptime, ..journal(&changes) };
            host.place.begin(&turn, &journal).unwrap();
            host.place.make(&turn, &journal, &changes).unwrap();
            host.place.confirm(&turn, &journal).unwrap();
            assert_eq!(fs::read(host.place.backup(&journal, FILES[0])).unwrap(), before.as_bytes());
        }
    }

    #[test]
    fn without_the_second_name_the_backup_comes_back_and_what_somebody_wrote_meanwhile_is_kept() {
        let host = host();
        let turn = host.place.turn().unwrap();
        let changes = changes();
        let journal = journal(&changes);
        host.place.begin(&turn, &journal).unwrap();
        host.place.make(&turn, &journal, &changes).unwrap();
        let (pam, sshd) = (host.place.at(FILES[0]), host.place.at(FILES[1]));
        fs::remove_file(beside(&pam, OLD)).unwrap();
        fs::write(&sshd, "somebody's").unwrap();
        host.place.revert(&turn, &journal).unwrap();
        assert_eq!(fs::read(&pam).unwrap(), b"old /etc/pam.d/sshd");
        assert_eq!(fs::read(&sshd).unwrap(), b"old /etc/ssh/sshd_config");
        let aside = host.place.backup(&journal, &format!("{}.reverted", FILES[1]));
        assert_eq!(fs::read(aside).unwrap(), b"somebody's");
    }

    #[test]
    fn a_journal_that_is_not_ours_is_never_taken_for_none() {
        let host = host();
        let _turn = host.place.turn().unwrap();
        for text in ["", "{", "{\"version\": 2}"] {
            fs::write(host.place.pending_file(), text).unwrap();
            assert!(matches!(host.place.pending(), Err(JournalError::Garbled(..))), "{text}");
        }
    }
}

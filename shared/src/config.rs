//! Reading a daemon's configuration file: TOML, every mistake with file, line and key, all of them at once.
//!
//! A daemon walks the file with [`Table`]'s methods and builds its checked configuration on the way: what is asked for
//! is known, every other key is a mistake. Nothing here opens a socket or knows what a key means.

use std::cell::RefCell;
use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::Read;
use std::ops::Deref;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use toml::de::DeTable;

mod table;

pub use table::Table;

/// The longest configuration file that is read, in bytes.
const MAX_FILE: u64 = 1024 * 1024;

/// One mistake in a configuration file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// The line, from 1; 0 for the file as a whole.
    pub line: usize,
    /// The key with its tables, as in `listener.2.path`; empty for the file as a whole.
    pub key: String,
    /// What is wrong, and what to write instead.
    pub message: String,
}

/// Every mistake in a configuration file, in the order of its lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistakes {
    /// The file.
    pub file: PathBuf,
    /// At least one.
    pub list: Vec<Mistake>,
}

impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, mistake) in self.list.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{}", self.file.display())?;
            if mistake.line > 0 {
                write!(f, ":{}", mistake.line)?;
            }
            if !mistake.key.is_empty() {
                write!(f, ": {}", mistake.key)?;
            }
            write!(f, ": {}", mistake.message)?;
        }
        Ok(())
    }
}

impl std::error::Error for Mistakes {}

/// Opens `file` safely and reads it with `check`: not through a symbolic link, and only if nobody but root and this
/// process's user could have written it.
///
/// # Errors
/// [`Mistakes`]: the file's own state, or everything that [`read`] finds in it.
pub fn load<T>(file: &Path, check: impl FnOnce(&mut Table<'_>) -> Option<T>) -> Result<T, Mistakes> {
    let text = open(file).map_err(|message| Mistakes {
        file: file.to_owned(),
        list: vec![Mistake { line: 0, key: String::new(), message }],
    })?;
    read(file, &text, check)
}

/// Reads `text` as the contents of `file`. `check` builds the configuration; it may return `None` only after it noted
/// a mistake.
///
/// # Errors
/// [`Mistakes`], whatever `check` returned, if there is a single one.
pub fn read<T>(
    file: &Path,
    text: &str,
    check: impl FnOnce(&mut Table<'_>) -> Option<T>,
) -> Result<T, Mistakes> {
    let sheet = Rc::new(Sheet { text: text.to_owned(), mistakes: RefCell::default() });
    let (table, errors) = DeTable::parse_recoverable(text);
    for error in &errors {
        let line = error.span().map_or(0, |span| sheet.line(span.start));
        sheet.note(line, "", error.message().to_owned());
    }
    let mut checked = None;
    // A file that is not TOML would only produce further mistakes that are none.
    if errors.is_empty() {
        let place = Place { line: 0, key: String::new(), sheet: Rc::clone(&sheet) };
        checked = check(&mut Table::new(table.into_inner(), place));
    }
    let mut list = sheet.mistakes.take();
    list.sort_by_key(|mistake| mistake.line);
    match checked {
        Some(checked) if list.is_empty() => Ok(checked),
        _ => {
            if list.is_empty() {
                let message = "this configuration cannot be used".to_owned();
                list.push(Mistake { line: 0, key: String::new(), message });
            }
            Err(Mistakes { file: file.to_owned(), list })
        }
    }
}

fn open(file: &Path) -> Result<String, String> {
    let opened = OpenOptions::new()
        .read(true)
        // Without NONBLOCK a FIFO in the file's place would hold the daemon for ever.
        .custom_flags((rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK).bits().cast_signed())
        .open(file)
        .map_err(|why| match why.raw_os_error().map(rustix::io::Errno::from_raw_os_error) {
            Some(rustix::io::Errno::LOOP) => "is a symbolic link; name the file itself".to_owned(),
            _ => format!("cannot be opened: {why}"),
        })?;
    check_owner(file, &opened)?;
    let mut text = String::new();
    opened.take(MAX_FILE + 1).read_to_string(&mut text).map_err(|why| format!("cannot be read: {why}"))?;
    if text.len() as u64 > MAX_FILE {
        return Err("is longer than 1 MiB".to_owned());
    }
    Ok(text)
}

fn check_owner(file: &Path, opened: &File) -> Result<(), String> {
    let metadata = opened.metadata().map_err(|why| format!("cannot be looked at: {why}"))?;
    let own = rustix::process::geteuid().as_raw();
    if !metadata.is_file() {
        return Err("is not a regular file".to_owned());
    }
    if metadata.uid() != 0 && metadata.uid() != own {
        return Err(format!("belongs to uid {}; run: chown root {}", metadata.uid(), file.display()));
    }
    if metadata.mode() & 0o022 != 0 {
        return Err(format!("can be written by others; run: chmod go-w {}", file.display()));
    }
    Ok(())
}

/// The text and what has been found wrong with it so far.
#[derive(Debug)]
struct Sheet {
    text: String,
    mistakes: RefCell<Vec<Mistake>>,
}

impl Sheet {
    fn line(&self, offset: usize) -> usize {
        let before = self.text.as_bytes().get(..offset).unwrap_or(self.text.as_bytes());
        1 + before.iter().filter(|&&byte| byte == b'\n').count()
    }

    fn note(&self, line: usize, key: &str, message: String) {
        self.mistakes.borrow_mut().push(Mistake { line, key: key.to_owned(), message });
    }
}

/// A place in the file: where a mistake is reported.
#[derive(Clone, Debug)]
pub struct Place {
    line: usize,
    key: String,
    sheet: Rc<Sheet>,
}

impl Place {
    /// Reports a mistake at this place.
    pub fn mistake(&self, message: impl Into<String>) {
        self.sheet.note(self.line, &self.key, message.into());
    }

    /// The line, from 1; 0 for the file as a whole.
    #[must_use]
    pub fn line(&self) -> usize {
        self.line
    }

    fn below(&self, key: &str, line: usize) -> Self {
        let key = if self.key.is_empty() { key.to_owned() } else { format!("{}.{key}", self.key) };
        Self { line, key, sheet: Rc::clone(&self.sheet) }
    }
}

/// A value and where it stands.
#[derive(Clone, Debug)]
pub struct At<T> {
    /// The value.
    pub value: T,
    /// Where it stands.
    pub place: Place,
}

impl<T> Deref for At<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T> At<T> {
    /// Makes something of the value, or reports why it cannot be.
    pub fn check<U>(self, check: impl FnOnce(T) -> Result<U, String>) -> Option<At<U>> {
        match check(self.value) {
            Ok(value) => Some(At { value, place: self.place }),
            Err(message) => {
                self.place.mistake(message);
                None
            }
        }
    }
}

#[cfg(test)]
mod tests;

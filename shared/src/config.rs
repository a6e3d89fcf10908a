//! Reading a daemon's configuration file: TOML, every mistake with file, line and key, all of them at once.
//!
//! A daemon walks the file with [`Table`]'s methods and builds its checked configuration on the way: what is asked for
//! is known, every other key is a mistake. Nothing here opens a socket or knows what a key means.

use std::cell::RefCell;
use std::fmt;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use toml::de::DeTable;

mod file;
mod table;

pub use file::{Kind as FileKind, read as read_file};
pub use table::Table;

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
    let unusable = |message| Mistakes {
        file: file.to_owned(),
        list: vec![Mistake { line: 0, key: String::new(), message }],
    };
    let bytes = read_file(file, FileKind::Settings).map_err(unusable)?;
    let text = std::str::from_utf8(&bytes).map_err(|why| unusable(format!("is not text: {why}")))?;
    read(file, text, check)
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

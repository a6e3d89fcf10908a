//! Reading a daemon's configuration file: TOML, every mistake with file, line and key, all of them at once.
//!
//! A daemon walks the file with [`Table`]'s methods and builds its checked configuration on the way: what is asked for
//! is known, every other key is a mistake. Nothing here opens a socket or knows what a key means.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::Read;
use std::ops::{Deref, RangeInclusive};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

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

/// A table of the file. Asking for a key makes it known; keys that nobody asked for are mistakes when the table is
/// dropped.
#[derive(Debug)]
pub struct Table<'t> {
    entries: BTreeMap<String, (usize, Spanned<DeValue<'t>>)>,
    known: Vec<String>,
    place: Place,
}

impl Drop for Table<'_> {
    fn drop(&mut self) {
        for (key, (line, _)) in &self.entries {
            let near = self.known.iter().min_by_key(|known| distance(known, key));
            let hint = match near {
                Some(near) if distance(near, key) <= 2 => format!("unknown key; did you mean `{near}`?"),
                _ => format!("unknown key; known here: {}", self.known.join(", ")),
            };
            self.place.below(key, *line).mistake(hint);
        }
    }
}

impl<'t> Table<'t> {
    fn new(table: DeTable<'t>, place: Place) -> Self {
        let entries = table
            .into_iter()
            .map(|(key, value)| {
                let line = place.sheet.line(key.span().start);
                (key.into_inner().into_owned(), (line, value))
            })
            .collect();
        Self { entries, known: Vec::new(), place }
    }

    /// Where the table itself begins.
    #[must_use]
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// The keys that nobody has asked for yet: for tables whose keys are names, such as services.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        self.entries.keys().cloned().collect()
    }

    /// Reports that `key`, which was not found, is needed; nothing more if it was there but wrong.
    pub fn need<T>(&self, key: &str, value: Option<T>, example: &str) -> Option<T> {
        if value.is_none() {
            let place = self.place.below(key, self.place.line);
            let within = |key: &str| {
                key.strip_prefix(&place.key).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
            };
            let reported = self.place.sheet.mistakes.borrow().iter().any(|mistake| within(&mistake.key));
            if !reported {
                place.mistake(format!("is missing; for example: {key} = {example}"));
            }
        }
        value
    }

    /// A string.
    pub fn text(&mut self, key: &str) -> Option<At<String>> {
        self.take(key, "a string", |value| match value {
            DeValue::String(text) => Some(text.into_owned()),
            _ => None,
        })
    }

    /// An absolute path without `..`.
    pub fn path(&mut self, key: &str) -> Option<At<PathBuf>> {
        self.text(key)?.check(|text| {
            let path = PathBuf::from(text);
            if !path.is_absolute() {
                return Err("must be an absolute path".to_owned());
            }
            if path.components().any(|part| part == std::path::Component::ParentDir) {
                return Err("must not contain `..`".to_owned());
            }
            // Rebuilt from its parts, so that `//` and `/./` make no second spelling.
            Ok(path.components().collect())
        })
    }

    /// `true` or `false`.
    pub fn boolean(&mut self, key: &str) -> Option<At<bool>> {
        self.take(key, "true or false", |value| value.as_bool())
    }

    /// A whole number within `range`.
    pub fn number(&mut self, key: &str, range: RangeInclusive<u64>) -> Option<At<u64>> {
        self.take(key, "a whole number", |value| {
            value.as_integer().map(|number| i128::from_str_radix(number.as_str(), number.radix()).ok())
        })?
        .check(|number| {
            number
                .and_then(|number| u64::try_from(number).ok())
                .filter(|number| range.contains(number))
                .ok_or_else(|| format!("must be between {} and {}", range.start(), range.end()))
        })
    }

    /// A duration with its unit (`"30s"`, `"1h 30m"`, `"400d"`) within `range`.
    pub fn duration(&mut self, key: &str, range: RangeInclusive<Duration>) -> Option<At<Duration>> {
        self.take(key, "a duration with its unit, such as \"30s\"", |value| {
            value.as_str().map(humantime::parse_duration)
        })?
        .check(|duration| {
            let duration = duration.map_err(|why| format!("is not a duration such as \"30s\": {why}"))?;
            if range.contains(&duration) {
                return Ok(duration);
            }
            let (least, most) =
                (humantime::format_duration(*range.start()), humantime::format_duration(*range.end()));
            Err(format!("must be between {least} and {most}"))
        })
    }

    /// One of the words in `choices`.
    pub fn choice<T: Copy>(&mut self, key: &str, choices: &[(&str, T)]) -> Option<At<T>> {
        self.text(key)?.check(|text| {
            choices.iter().find(|(word, _)| *word == text).map(|(_, choice)| *choice).ok_or_else(|| {
                let words: Vec<&str> = choices.iter().map(|(word, _)| *word).collect();
                format!("must be one of {}", words.join(", "))
            })
        })
    }

    /// A list of strings, each with its own place. Absent it is empty, and so it is when it is not a list.
    pub fn texts(&mut self, key: &str) -> Vec<At<String>> {
        let list = self.take(key, "a list of strings", |value| match value {
            DeValue::Array(array) => Some(array.into_iter().collect::<Vec<_>>()),
            _ => None,
        });
        let Some(list) = list else { return Vec::new() };
        let texts = list.value.into_iter().enumerate().filter_map(|(index, value)| {
            let line = list.place.sheet.line(value.span().start);
            let place =
                Place { line, key: format!("{}.{}", list.place.key, index + 1), ..list.place.clone() };
            match value.into_inner() {
                DeValue::String(text) => Some(At { value: text.into_owned(), place }),
                other => {
                    place.mistake(format!("expected a string, found {}", article(&other)));
                    None
                }
            }
        });
        texts.collect()
    }

    /// A table.
    pub fn table(&mut self, key: &str) -> Option<Table<'t>> {
        let table = self.take(key, "a table", |value| match value {
            DeValue::Table(table) => Some(table),
            _ => None,
        })?;
        Some(Table::new(table.value, table.place))
    }

    /// A list of tables, as `[[key]]` writes it. Absent it is empty.
    pub fn tables(&mut self, key: &str) -> Vec<Table<'t>> {
        let list =
            self.take(key, "tables, each begun with its name in double brackets", |value| match value {
                DeValue::Array(array) if array.iter().all(|value| value.get_ref().is_table()) => {
                    Some(array.into_iter().collect::<Vec<_>>())
                }
                _ => None,
            });
        let Some(list) = list else { return Vec::new() };
        let tables = list.value.into_iter().enumerate().filter_map(|(index, value)| {
            let line = list.place.sheet.line(value.span().start);
            let place =
                Place { line, key: format!("{}.{}", list.place.key, index + 1), ..list.place.clone() };
            match value.into_inner() {
                DeValue::Table(table) => Some(Table::new(table, place)),
                _ => None,
            }
        });
        tables.collect()
    }

    /// Takes `key` out of the table as what `convert` makes of it.
    fn take<T>(
        &mut self,
        key: &str,
        expected: &str,
        convert: impl FnOnce(DeValue<'t>) -> Option<T>,
    ) -> Option<At<T>> {
        self.known.push(key.to_owned());
        let (line, value) = self.entries.remove(key)?;
        let place = self.place.below(key, line);
        let value = value.into_inner();
        let found = article(&value);
        match convert(value) {
            Some(value) => Some(At { value, place }),
            None => {
                place.mistake(format!("expected {expected}, found {found}"));
                None
            }
        }
    }
}

fn article(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) | DeValue::Float(_) => "a bare number",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

/// How many letters differ between two keys (Levenshtein).
fn distance(one: &str, other: &str) -> usize {
    let mut row: Vec<usize> = (0..=other.chars().count()).collect();
    for (i, a) in one.chars().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        for (cell, b) in row.iter_mut().skip(1).zip(other.chars()) {
            let best = (diagonal + usize::from(a != b)).min(left + 1).min(*cell + 1);
            diagonal = *cell;
            left = best;
            *cell = best;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests;

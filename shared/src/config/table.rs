//! Walking a table: a method for each kind of value, and every key that nobody asked for is a mistake.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::{At, Place};

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
    pub(super) fn new(table: DeTable<'t>, place: Place) -> Self {
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
        self.list(key).unwrap_or_default()
    }

    /// The same, where absent is not empty.
    pub fn list(&mut self, key: &str) -> Option<Vec<At<String>>> {
        let list = self.take(key, "a list of strings", |value| match value {
            DeValue::Array(array) => Some(array.into_iter().collect::<Vec<_>>()),
            _ => None,
        });
        let list = list?;
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
        Some(texts.collect())
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
pub(super) fn distance(one: &str, other: &str) -> usize {
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

//! What is printed: lines and tables for people, one JSON object a line for programs, never both.
//!
//! What comes from the ledger may hold anything a stranger typed at a login: nothing of it reaches a terminal
//! unescaped.

use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write};

use serde::Serialize;
use twofold_shared::secret::SecretText;
use zeroize::Zeroizing;

/// The longest line of sentences, in characters.
const LINE: usize = 78;

/// Standard output.
#[derive(Debug)]
pub struct Screen {
    json: bool,
}

impl Screen {
    /// For programs when `json`, for people otherwise.
    pub const fn new(json: bool) -> Self {
        Self { json }
    }

    /// Whether a program reads.
    pub const fn is_json(&self) -> bool {
        self.json
    }

    /// A line for people; programs don't see it.
    ///
    /// # Errors
    /// When standard output cannot be written.
    pub fn line(&self, text: &str) -> io::Result<()> {
        if self.json { Ok(()) } else { self.raw(text) }
    }

    /// Sentences for people, folded at word ends; programs don't see them.
    ///
    /// # Errors
    /// When standard output cannot be written.
    pub fn say(&self, text: &str) -> io::Result<()> {
        self.line(&fold(text))
    }

    /// A line for whoever reads.
    ///
    /// # Errors
    /// When standard output cannot be written.
    pub fn raw(&self, text: &str) -> io::Result<()> {
        let mut out = io::stdout().lock();
        out.write_all(text.as_bytes())?;
        out.write_all(b"\n")?;
        out.flush()
    }

    /// An object for programs, on a line of its own; people don't see it.
    ///
    /// # Errors
    /// When standard output cannot be written.
    pub fn object(&self, object: &impl Serialize) -> io::Result<()> {
        if self.json { self.raw(&json(object)?) } else { Ok(()) }
    }

    /// The width of the terminal that standard output is; `None` where it is none.
    pub fn columns(&self) -> Option<usize> {
        let out = io::stdout();
        if !out.is_terminal() {
            return None;
        }
        rustix::termios::tcgetwinsize(&out)
            .ok()
            .map(|size| usize::from(size.ws_col))
            .filter(|&width| width > 0)
    }
}

/// JSON in which no character steers a terminal: those that JSON itself leaves alone are escaped too.
fn json(object: &impl Serialize) -> io::Result<Zeroizing<String>> {
    let text = Zeroizing::new(serde_json::to_string(object)?);
    if !text.chars().any(steers) {
        return Ok(text);
    }
    let mut safe = Zeroizing::new(String::with_capacity(text.len() * 2));
    for character in text.chars() {
        if steers(character) {
            // All of them lie in the basic plane, so one escape is enough.
            let _ = write!(safe, "\\u{:04x}", u32::from(character));
        } else {
            safe.push(character);
        }
    }
    Ok(safe)
}

/// Control characters, and those that reorder or hide what stands around them.
fn steers(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// Text from elsewhere, safe to print on one line.
pub fn visible(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        if steers(character) {
            safe.extend(character.escape_default());
        } else {
            safe.push(character);
        }
    }
    safe
}

/// The same for sentences of our own that quote such text: visible, and folded.
pub fn visible_lines(text: &str) -> String {
    fold(&text.split('\n').map(visible).collect::<Vec<_>>().join("\n"))
}

/// Breaks long lines at word ends, so that the terminal does not break them within.
pub fn fold(text: &str) -> String {
    let mut folded = String::with_capacity(text.len() + 8);
    let mut column = 0;
    for piece in text.split_inclusive([' ', '\n']) {
        let word = piece.trim_end_matches([' ', '\n']).chars().count();
        if column > 0 && column + word > LINE {
            folded.truncate(folded.trim_end_matches(' ').len());
            folded.push('\n');
            column = 0;
        }
        folded.push_str(piece);
        column = if piece.ends_with('\n') { 0 } else { column + piece.chars().count() };
    }
    folded
}

/// A name of the realm that a terminal's reader means anyway is shown without it.
pub fn short_name(name: &str) -> String {
    visible(name.strip_prefix("unix:").unwrap_or(name))
}

/// Columns as wide as their widest cell, two spaces apart, every cell made visible.
pub fn table<const N: usize>(head: [&str; N], rows: &[[String; N]]) -> String {
    let rows: Vec<[String; N]> = std::iter::once(head.map(str::to_owned))
        .chain(rows.iter().map(|row| row.clone().map(|cell| visible(&cell))))
        .collect();
    let mut widths = [0; N];
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.chars().count().max(*width);
        }
    }
    let lines = rows.iter().map(|row| {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(widths) {
            let _ = write!(line, "{cell:<width$}  ");
        }
        line.trim_end().to_owned()
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// `JBSWY3DPEHPK3PXP` as `JBSW Y3DP EHPK 3PXP`, easy to type.
pub fn groups_of_four(text: &str) -> Zeroizing<String> {
    let mut grouped = Zeroizing::new(String::with_capacity(text.len() * 5 / 4 + 1));
    for (index, character) in text.chars().enumerate() {
        if index > 0 && index % 4 == 0 {
            grouped.push(' ');
        }
        grouped.push(character);
    }
    grouped
}

/// Backup codes in two columns, in groups of four.
pub fn backup_codes(codes: &[SecretText]) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::with_capacity(codes.len() * 16));
    for (index, code) in codes.iter().enumerate() {
        text.push_str(match index {
            0 => "  ",
            _ if index % 2 == 0 => "\n  ",
            _ => "    ",
        });
        text.push_str(&groups_of_four(code.reveal()));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_come_in_groups_of_four() {
        assert_eq!(*groups_of_four("JBSWY3DPEHPK3PXPAB"), "JBSW Y3DP EHPK 3PXP AB");
        assert_eq!(*groups_of_four(""), "");
        assert_eq!(*groups_of_four("ABCD"), "ABCD");
    }

    #[test]
    fn backup_codes_stand_in_two_columns() {
        let codes = ["12345678", "23456789", "34567890"].map(|code| SecretText::new(code.to_owned()));
        assert_eq!(*backup_codes(&codes), "  1234 5678    2345 6789\n  3456 7890");
    }

    #[test]
    fn nothing_from_the_ledger_steers_the_terminal() {
        for attack in ["\u{1b}]0;owned\u{7}", "a\nb", "\u{9b}2J", "\u{202e}txt", "\u{7f}", "\r", "a\u{200b}b"]
        {
            assert!(!visible(attack).chars().any(steers), "{attack:?}");
            let object = json(&[attack]).unwrap();
            assert!(!object.chars().any(steers), "{attack:?}");
            assert_eq!(serde_json::from_str::<Vec<String>>(&object).unwrap(), [attack]);
        }
        assert_eq!(visible("Pixel 9 · Zoë"), "Pixel 9 · Zoë");
        assert_eq!(visible("\u{1b}[2J"), "\\u{1b}[2J");
    }

    #[test]
    fn sentences_are_folded_between_words() {
        let text = "word ".repeat(40);
        let folded = fold(text.trim_end());
        assert!(folded.lines().all(|line| line.len() <= LINE && !line.ends_with(' ')));
        assert_eq!(folded.replace('\n', " "), text.trim_end());
        assert_eq!(fold("short\n  indented\n"), "short\n  indented\n");
        let path = "x".repeat(100);
        assert_eq!(fold(&path), path);
    }

    #[test]
    fn a_table_lines_up() {
        let rows = [["alice".to_owned(), "on".to_owned()], ["Zoë\n".to_owned(), "off".to_owned()]];
        assert_eq!(table(["NAME", "TWO-FACTOR"], &rows), "NAME   TWO-FACTOR\nalice  on\nZoë\\n  off");
    }
}

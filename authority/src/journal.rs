//! The daemon's own log: one line an event on stderr, where journald adds the time. Never a secret, and never a
//! character that could end a line or drive a terminal.

use std::fmt::Write as _;
use std::io::Write as _;

use log::{Level, LevelFilter, Log, Metadata, Record};

struct Journal;

/// Starts logging; `verbosity` is how often `-v` was given.
pub fn start(verbosity: u8) {
    let level = match verbosity {
        0 => LevelFilter::Info,
        1 => LevelFilter::Debug,
        _ => LevelFilter::Trace,
    };
    log::set_max_level(level);
    // Fails only if a logger is set already, which then does the work.
    let _ = log::set_logger(&Journal);
}

impl Log for Journal {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        // What sled and tokio tell about themselves is noise to an operator.
        let ours = metadata.target().starts_with("twofold");
        ours || metadata.level() <= Level::Warn
    }

    fn log(&self, record: &Record<'_>) {
        if self.enabled(record.metadata()) {
            let line = line(record.level(), &record.args().to_string());
            // Nobody is left to tell when stderr is gone.
            let _ = std::io::stderr().lock().write_all(line.as_bytes());
        }
    }

    fn flush(&self) {}
}

/// One line: several lines of text become one event each, so that none can pass for another's.
fn line(level: Level, text: &str) -> String {
    let word = match level {
        Level::Error => "error: ",
        Level::Warn => "warning: ",
        Level::Info => "",
        Level::Debug | Level::Trace => "debug: ",
    };
    let mut line = String::with_capacity(word.len() + text.len() + 1);
    for part in text.lines() {
        line.push_str(word);
        for character in part.chars() {
            if character.is_control() {
                let _ = write!(line, "{}", character.escape_default());
            } else {
                line.push(character);
            }
        }
        line.push('\n');
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_drive_a_terminal_or_forge_an_event() {
        assert_eq!(line(Level::Warn, "uid \u{1b}[2J\u{7} x"), "warning: uid \\u{1b}[2J\\u{7} x\n");
        assert_eq!(line(Level::Error, "one\rerror: two"), "error: one\\rerror: two\n");
    }

    #[test]
    fn several_mistakes_are_several_lines() {
        assert_eq!(line(Level::Error, "a\nb"), "error: a\nerror: b\n");
        assert_eq!(line(Level::Info, "ready"), "ready\n");
    }
}

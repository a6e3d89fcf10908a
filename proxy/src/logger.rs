//! The gate's log: one line an event on standard error. Pingora may only warn: below that it quotes requests.

use std::io::Write;

use log::{Level, LevelFilter, Log, Metadata, Record};

struct Logger;

static LOGGER: Logger = Logger;

/// Starts logging: warnings and news, with one `-v` also details.
pub fn start(verbosity: u8) {
    let level = if verbosity == 0 { LevelFilter::Info } else { LevelFilter::Debug };
    if log::set_logger(&LOGGER).is_ok() {
        log::set_max_level(level);
    }
}

impl Log for Logger {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("twofold_gate") || metadata.level() <= Level::Warn
    }

    fn log(&self, record: &Record<'_>) {
        if !self.enabled(record.metadata()) {
            return;
        }
        let text = record.args().to_string();
        let mut line = String::with_capacity(text.len() + 16);
        line.push_str(match record.level() {
            Level::Error => "error: ",
            Level::Warn => "warning: ",
            Level::Info => "",
            Level::Debug | Level::Trace => "debug: ",
        });
        // A name or a reason from outside must not begin a line of its own.
        for character in text.chars() {
            if character.is_control() {
                line.extend(character.escape_default())
            } else {
                line.push(character)
            }
        }
        line.push('\n');
        // Nobody is left to tell when standard error is gone.
        let _ = std::io::stderr().lock().write_all(line.as_bytes());
    }

    fn flush(&self) {}
}

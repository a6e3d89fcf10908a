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

/// What pingora calls an error and anybody on the network can cause at will, such as a handshake that fails: a detail.
fn is_noise(record: &Record<'_>, text: &str) -> bool {
    record.target() == "pingora_core::services::listening" && text.starts_with("Downstream handshake")
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
        let level = if is_noise(record, &text) { Level::Debug } else { record.level() };
        if level > log::max_level() {
            return;
        }
        let mut line = String::with_capacity(text.len() + 16);
        line.push_str(match level {
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

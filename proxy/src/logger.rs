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

/// What pingora calls an error or a warning although anybody on the network can cause it at will, by where it comes from
/// and how it begins: a detail.
const NOISE: &[(&str, &str)] = &[
    ("pingora_core::services::listening", "Downstream handshake"),
    ("pingora_core::apps", "H2 handshake error"),
    ("pingora_core::protocols::tls::rustls::server", "TLS shutdown failed"),
    // While a head is read; what goes wrong later is told by the gate itself.
    ("pingora_proxy", "Fail to proxy"),
    ("pingora_proxy", "failed to send error response"),
];

fn is_noise(target: &str, text: &str) -> bool {
    NOISE.iter().any(|(source, start)| target == *source && text.starts_with(start))
}

impl Log for Logger {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        // The LDAP crate quotes entries in its warnings; what matters of them the gate says itself.
        let is_quoting = metadata.target().starts_with("ldap3");
        metadata.target().starts_with("twofold_gate") || metadata.level() <= Level::Warn && !is_quoting
    }

    fn log(&self, record: &Record<'_>) {
        if !self.enabled(record.metadata()) {
            return;
        }
        let text = record.args().to_string();
        let level = if is_noise(record.target(), &text) { Level::Debug } else { record.level() };
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

//! The audit trail's second home: the system log, facility authpriv.
//!
//! Written from a thread of its own, because a log daemon that does not read would otherwise hold up every
//! verification. When it falls behind, lines are dropped, counted and confessed; the ledger has them all.

use std::fmt::Display;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};

use syslog::{Facility, LogFormat, Logger, LoggerBackend, Severity};

/// How many lines may wait for the log daemon.
const WAITING: usize = 4096;

/// How loud a line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Urgency {
    /// `info`.
    Usual,
    /// `alert`: somebody in charge should look now.
    Alert,
}

/// The way to the system log. Cheap to clone; the thread ends with the last clone.
#[derive(Clone)]
pub struct Syslog {
    lines: SyncSender<(String, Urgency)>,
    dropped: Arc<AtomicU64>,
}

impl Syslog {
    /// Starts the thread that writes to the system's log socket.
    ///
    /// # Errors
    /// When the thread cannot be started. A log daemon that is not there is no error: it may come later.
    pub fn start() -> std::io::Result<Self> {
        Self::start_at(None)
    }

    /// The same with the log socket at `path`.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub fn start_at(path: Option<PathBuf>) -> std::io::Result<Self> {
        let (lines, receiver) = sync_channel(WAITING);
        let dropped = Arc::new(AtomicU64::new(0));
        let mut sink = Sink { path, logger: None, dropped: Arc::clone(&dropped) };
        std::thread::Builder::new().name("syslog".into()).spawn(move || sink.run(&receiver))?;
        Ok(Self { lines, dropped })
    }

    /// Hands over one line; never waits.
    pub fn send(&self, line: String, urgency: Urgency) {
        if let Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) =
            self.lines.try_send((line, urgency))
        {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}

struct Sink {
    path: Option<PathBuf>,
    logger: Option<Logger<LoggerBackend, Authpriv>>,
    dropped: Arc<AtomicU64>,
}

impl Sink {
    fn run(&mut self, lines: &Receiver<(String, Urgency)>) {
        while let Ok((line, urgency)) = lines.recv() {
            if !self.write(&line, urgency) {
                self.dropped.fetch_add(1, Ordering::Relaxed);
                continue;
            }
            let dropped = self.dropped.swap(0, Ordering::Relaxed);
            if dropped > 0 && !self.write(&confession(dropped), Urgency::Usual) {
                self.dropped.fetch_add(dropped, Ordering::Relaxed);
            }
        }
    }

    /// Two tries: a log daemon that was restarted has a new socket.
    fn write(&mut self, line: &str, urgency: Urgency) -> bool {
        for _ in 0..2 {
            if self.logger.is_none() {
                self.logger = connect(self.path.as_deref());
            }
            let Some(logger) = self.logger.as_mut() else { return false };
            let written = match urgency {
                Urgency::Usual => logger.info(line),
                Urgency::Alert => logger.alert(line),
            };
            if written.is_ok() {
                return true;
            }
            self.logger = None;
        }
        false
    }
}

fn confession(dropped: u64) -> String {
    format!("audit lines lost on the way to the system log: {dropped}; the ledger has them")
}

fn connect(path: Option<&Path>) -> Option<Logger<LoggerBackend, Authpriv>> {
    match path {
        Some(path) => syslog::unix_custom(Authpriv, path).ok(),
        None => syslog::unix(Authpriv).ok(),
    }
}

/// The local form of a line, without a time: the log daemon adds its own, which no stepped clock of ours can confuse.
#[derive(Clone)]
struct Authpriv;

impl<T: Display> LogFormat<T> for Authpriv {
    fn format<W: Write>(&self, w: &mut W, severity: Severity, message: T) -> Result<(), syslog::Error> {
        let priority = Facility::LOG_AUTHPRIV as u8 | severity as u8;
        write!(w, "<{priority}>twofoldd[{}]: {message}", std::process::id()).map_err(syslog::Error::Write)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixDatagram;
    use std::time::Duration;

    use super::*;

    fn receive(socket: &UnixDatagram) -> String {
        let mut bytes = [0; 4096];
        let length = socket.recv(&mut bytes).unwrap();
        String::from_utf8(bytes[..length].to_vec()).unwrap()
    }

    fn listen(path: &Path) -> UnixDatagram {
        let socket = UnixDatagram::bind(path).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        socket
    }

    #[test]
    fn a_line_goes_to_authpriv() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let socket = listen(&path);
        Syslog::start_at(Some(path)).unwrap().send("verify approved".to_owned(), Urgency::Usual);
        let expected = format!("<{}>twofoldd[{}]: verify approved", 10 * 8 + 6, std::process::id());
        assert_eq!(receive(&socket), expected);
    }

    #[test]
    fn what_somebody_should_look_at_is_an_alert() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let socket = listen(&path);
        Syslog::start_at(Some(path)).unwrap().send("emergency_code done".to_owned(), Urgency::Alert);
        assert!(receive(&socket).starts_with(&format!("<{}>", 10 * 8 + 1)));
    }

    #[test]
    fn lines_lost_while_nobody_listened_are_counted_when_somebody_does() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let syslog = Syslog::start_at(Some(path.clone())).unwrap();
        syslog.send("lost".to_owned(), Urgency::Usual);
        syslog.send("lost too".to_owned(), Urgency::Usual);
        while syslog.dropped.load(Ordering::Relaxed) < 2 {
            std::thread::yield_now();
        }
        let socket = listen(&path);
        syslog.send("heard".to_owned(), Urgency::Usual);
        assert!(receive(&socket).ends_with(": heard"));
        assert!(receive(&socket).ends_with("lost on the way to the system log: 2; the ledger has them"));

        // The log daemon comes back with a new socket.
        drop(socket);
        std::fs::remove_file(&path).unwrap();
        let socket = listen(&path);
        syslog.send("heard again".to_owned(), Urgency::Usual);
        assert!(receive(&socket).ends_with(": heard again"));
    }
}

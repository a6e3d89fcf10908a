//! The thread that finds new certificates. Connections go on with the old ones, the next handshake has the new ones.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Duration;

use crate::clock::Clock;
use crate::tls::chooser::Chooser;

/// How often the files are looked at.
const PAUSE: Duration = Duration::from_secs(2);
/// From this many seconds before its end a certificate is warned about at start and at every renewal.
const SOON: i64 = 7 * 24 * 60 * 60;

/// Makes the thread look at once.
#[derive(Clone, Debug)]
pub struct Nudge(Sender<()>);

impl Nudge {
    /// Reads the certificates again, whether or not their files look changed.
    pub fn now(&self) {
        // The thread ends with the process.
        let _ = self.0.send(());
    }
}

/// Starts watching the files of `chooser`.
///
/// # Errors
/// When no thread can be started.
pub fn start(chooser: Arc<Chooser>, clock: Clock) -> std::io::Result<Nudge> {
    let (nudge, nudges) = channel();
    warn_of_the_end(&chooser, clock);
    thread::Builder::new().name("renewal".to_owned()).spawn(move || watch(&chooser, &nudges, clock))?;
    Ok(Nudge(nudge))
}

fn watch(chooser: &Chooser, nudges: &Receiver<()>, clock: Clock) {
    let mut used = chooser.stamps_at_start().to_vec();
    let mut seen = used.clone();
    loop {
        let nudged = match nudges.recv_timeout(PAUSE) {
            Ok(()) => true,
            Err(RecvTimeoutError::Timeout) => false,
            Err(RecvTimeoutError::Disconnected) => return,
        };
        let now = chooser.stamps();
        // Whoever renews writes two files: both are read when neither has changed for a while.
        let is_still = now == seen;
        seen = now;
        if !nudged && (!is_still || seen == used) {
            continue;
        }
        used.clone_from(&seen);
        match chooser.reload() {
            Ok(()) => {
                log::info!("the certificates were read again; new connections have them");
                warn_of_the_end(chooser, clock);
            }
            Err(why) => log::error!("the certificates in use stay, because {why}"),
        }
    }
}

fn warn_of_the_end(chooser: &Chooser, clock: Clock) {
    let left = chooser.ends_at().saturating_sub(i64::try_from(clock.unix()).unwrap_or(i64::MAX));
    if left <= 0 {
        log::warn!("a certificate has ended; browsers refuse it until it is renewed");
    } else if left < SOON {
        log::warn!("a certificate ends in {} h", left / 3600);
    }
}

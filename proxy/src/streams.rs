//! Websockets and event streams, which outlive the request that was judged: cut as soon as their session is taken back.
//!
//! For as long as one lasts, a duplicate of the descriptor of its connection to the app is kept; shutting that down ends
//! both sides, idle or not. Only such connections are kept: an ordinary one serves other sessions afterwards.

use std::collections::HashMap;
use std::os::fd::{OwnedFd, RawFd};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::io::Errno;
use rustix::net::Shutdown;
use rustix::process::{PidfdFlags, PidfdGetfdFlags, getpid, pidfd_getfd, pidfd_open};
use twofold_shared::wire::SessionDigest;

use crate::session::Known;

/// All that are open.
pub struct Streams {
    open: Mutex<HashMap<u64, Open>>,
    next: AtomicU64,
    /// This process: duplicates are made through it, because a bare number of a descriptor proves nothing.
    process: Result<OwnedFd, Errno>,
}

struct Open {
    session: SessionDigest,
    known: Arc<Known>,
    connection: OwnedFd,
}

/// One of them; forgotten when this is dropped.
pub struct Stream {
    streams: Arc<Streams>,
    number: u64,
}

impl Default for Streams {
    fn default() -> Self {
        let process = pidfd_open(getpid(), PidfdFlags::empty());
        Self { open: Mutex::default(), next: AtomicU64::new(0), process }
    }
}

impl Streams {
    /// Keeps the connection to the app that has this descriptor, which must be open now.
    ///
    /// # Errors
    /// When the kernel gives no duplicate: then nobody could cut it, and it must not begin.
    pub fn keep(
        self: &Arc<Self>,
        descriptor: RawFd,
        session: SessionDigest,
        known: Arc<Known>,
    ) -> Result<Stream, Errno> {
        let process = self.process.as_ref().map_err(|why| *why)?;
        let connection = pidfd_getfd(process, descriptor, PidfdGetfdFlags::empty())?;
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        self.lock().insert(number, Open { session, known, connection });
        Ok(Stream { streams: Arc::clone(self), number })
    }

    /// Cuts those whose session `is_over` says is over.
    pub fn cut(&self, is_over: impl Fn(&SessionDigest, &Known) -> bool) {
        for open in self.lock().values().filter(|open| is_over(&open.session, &open.known)) {
            if let Err(why) = rustix::net::shutdown(&open.connection, Shutdown::Both)
                && why != Errno::NOTCONN
            {
                log::error!("a stream of account {} cannot be cut: {why}", open.known.account());
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<u64, Open>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.streams.lock().remove(&self.number);
    }
}

//! Sockets and connections: limits, so that who misbehaves hurts only itself.
//!
//! Nothing here knows an operation. A connection is accepted, its caller asked of the kernel, its messages cut out and
//! handed to a [`Service`] one at a time; every wait has an end. Nothing said by a caller decides what it may use up.

use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use rustix::io::Errno;
use serde_json::value::RawValue;
use tokio::net::UnixListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::config::Limits;
use crate::peer::{Caller, Uids};
use crate::varlink::Answer;

mod connection;
mod quota;
pub mod sockets;

use connection::Connection;
use quota::Quota;
use sockets::Socket;

/// How long accepting rests when the process or the kernel has run out of something.
const PAUSE: Duration = Duration::from_millis(100);

/// File descriptors that connections never use up: the ledger, its reserve, syslog.
const SPARE_DESCRIPTORS: usize = 64;

/// What the sockets serve: the authority, or a stand-in in tests.
pub trait Service: Send + Sync + 'static {
    /// Answers one call. `method` is one of [`twofold_shared::wire::METHODS`], `parameters` a JSON object; a
    /// [`Answer::Stream`] is only for callers that said `more`. Never cancelled once begun.
    fn call(
        &self,
        caller: &Caller,
        method: &'static str,
        parameters: &RawValue,
        more: bool,
    ) -> impl Future<Output = Answer> + Send;
}

/// When to stop, and what holds until then.
#[derive(Clone, Copy, Debug)]
pub struct Terms {
    /// What one caller may use up.
    pub limits: Limits,
    /// The uids that mean something.
    pub uids: Uids,
    /// Descriptors this process may have.
    pub descriptors: usize,
    /// Leave after this long without a connection; `None`: never.
    pub idle_exit: Option<Duration>,
}

/// Serves `sockets` until `leave` resolves or nobody has come for [`Terms::idle_exit`]; then takes nothing more,
/// finishes what was accepted, and returns. Socket files that it made are gone before the last connection is.
pub async fn serve<S: Service>(
    service: Arc<S>,
    sockets: Vec<Socket>,
    terms: Terms,
    leave: impl Future<Output = ()>,
) -> io::Result<()> {
    let quota =
        Quota::new(terms.limits.connections_per_uid, terms.descriptors.saturating_sub(SPARE_DESCRIPTORS));
    let (leaving, left) = watch::channel(false);
    let mut doors = JoinSet::new();
    for (number, socket) in sockets.into_iter().enumerate() {
        let listener = UnixListener::from_std(socket.listener.try_clone()?)?;
        let entrance = Entrance { number, socket, listener, terms, quota: quota.clone(), left: left.clone() };
        doors.spawn(entrance.open(Arc::clone(&service)));
    }
    drop(left);
    tokio::select! {
        () = leave => log::info!("leaving: asked to"),
        () = idle(&quota, terms.idle_exit) => log::info!("leaving: nobody has called for a while"),
    }
    leaving.send_replace(true);
    while doors.join_next().await.is_some() {}
    // Every connection bounds each of its waits, so this ends.
    quota.emptied().await;
    Ok(())
}

async fn idle(quota: &Quota, patience: Option<Duration>) {
    let Some(patience) = patience else { return std::future::pending().await };
    loop {
        quota.emptied().await;
        if tokio::time::timeout(patience, quota.entered()).await.is_err() {
            return;
        }
    }
}

/// One listening socket.
struct Entrance {
    number: usize,
    socket: Socket,
    listener: UnixListener,
    terms: Terms,
    quota: Quota,
    left: watch::Receiver<bool>,
}

impl Entrance {
    async fn open<S: Service>(mut self, service: Arc<S>) {
        loop {
            let accepted = tokio::select! {
                accepted = self.listener.accept() => accepted,
                _ = self.left.wait_for(|left| *left) => break,
            };
            match accepted {
                Ok((stream, _)) => self.admit(stream, &service),
                Err(error) => self.endure(&error).await,
            }
        }
        // Whoever found the socket while it was there is served, unless systemd keeps them for the next process.
        if self.socket.remove() {
            while let Ok((stream, _)) = self.socket.listener.accept() {
                let taken =
                    stream.set_nonblocking(true).and_then(|()| tokio::net::UnixStream::from_std(stream));
                if let Ok(stream) = taken {
                    self.admit(stream, &service);
                }
            }
        }
    }

    fn admit<S: Service>(&self, stream: tokio::net::UnixStream, service: &Arc<S>) {
        let caller = match Caller::of(&stream, &self.socket.entrance, self.terms.uids) {
            Ok(caller) => caller,
            Err(error) => return log::warn!("a connection whose caller the kernel does not know: {error}"),
        };
        let Some(slot) = self.quota.take(self.number, &caller) else { return };
        let connection =
            Connection::new(stream, caller, self.terms.limits, Arc::new(slot), self.left.clone());
        tokio::spawn(connection.serve(Arc::clone(service)));
    }

    /// Accepting failed: nothing that goes away by ending.
    async fn endure(&self, error: &io::Error) {
        match Errno::from_io_error(error) {
            // The peer was quicker to leave than we to accept.
            Some(Errno::CONNABORTED | Errno::INTR) => {}
            _ => {
                self.quota.complain(&format!("cannot accept at {}: {error}", self.socket.path.display()));
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

#[cfg(test)]
mod tests;

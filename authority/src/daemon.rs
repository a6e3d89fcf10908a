//! From a checked configuration to a running authority and back: ledger, sockets, service, leaving.

use std::io;
use std::os::unix::net::UnixListener;
use std::sync::Arc;

use listenfd::ListenFd;
use sd_notify::NotifyState;
use tokio::signal::unix::{SignalKind, signal};

use crate::audit::Syslog;
use crate::config::Config;
use crate::keyring::{Keyring, KeyringError, Place};
use crate::listen::sockets::{self, SocketError};
use crate::listen::{Service, Terms, serve};
use crate::peer::Uids;
use crate::process;
use crate::store::{OpenError, Options, Retention, Store};
use crate::system_clock::SystemClock;

/// Why the authority does not run, or no longer.
#[derive(Debug, thiserror::Error)]
pub enum DaemonError {
    /// The keyring.
    #[error(transparent)]
    Keyring(#[from] KeyringError),
    /// The ledger.
    #[error(transparent)]
    Ledger(#[from] OpenError),
    /// The ledger while it was in use.
    #[error("the ledger failed, and the authority ends so that it starts again from what is on disk: {0}")]
    LedgerFailed(String),
    /// The sockets.
    #[error(transparent)]
    Socket(#[from] SocketError),
    /// The system said no.
    #[error("{doing}: {error}")]
    System {
        /// To what.
        doing: &'static str,
        /// What.
        error: io::Error,
    },
}

impl DaemonError {
    /// Whether the operator has to mend something before another start makes sense.
    #[must_use]
    pub fn is_configuration(&self) -> bool {
        match self {
            Self::Keyring(KeyringError::Io { .. } | KeyringError::NoRandomness) => false,
            Self::Keyring(_) => true,
            Self::Ledger(error) => match error {
                OpenError::Missing(_) | OpenError::Owner { .. } | OpenError::Mode { .. } => true,
                OpenError::Keyring { .. } | OpenError::Newer { .. } => true,
                OpenError::Exists(_)
                | OpenError::InUse(_)
                | OpenError::Damaged { .. }
                | OpenError::Older { .. }
                | OpenError::Upgrade { .. }
                | OpenError::Copy(_)
                | OpenError::Io { .. } => false,
            },
            Self::Socket(error) => error.is_configuration(),
            Self::LedgerFailed(_) | Self::System { .. } => false,
        }
    }
}

fn doing(doing: &'static str) -> impl FnOnce(io::Error) -> DaemonError {
    move |error| DaemonError::System { doing, error }
}

/// Serves what `service` makes of the open ledger, until asked to leave, or, where systemd holds all sockets, until
/// nobody has called for a while.
///
/// # Errors
/// [`DaemonError`].
pub fn run<S: Service>(config: &Config, service: impl FnOnce(Store) -> S) -> Result<(), DaemonError> {
    // Before any thread: both only look at this process.
    let passed = passed_sockets()?;
    let descriptors = process::descriptors();
    let store = open_ledger(config)?;
    // After the ledger: its lock says that no other authority is at work, so a socket in our place is a dead one's.
    let (sockets, all_held) = sockets::open(config, passed)?;
    let terms = Terms {
        limits: config.limits,
        uids: Uids::of_this_process(config.gate.as_ref().map(|gate| gate.uid)),
        descriptors,
        idle_exit: all_held.then_some(config.idle_exit),
    };
    warn_of_shared_uids(terms.uids);
    let runtime = tokio::runtime::Runtime::new().map_err(doing("cannot start the threads"))?;
    let ended = runtime.block_on(async {
        let leave = asked_to_leave()?;
        let service = Arc::new(service(store.clone()));
        for socket in &sockets {
            log::info!("listening at {}", socket.path.display());
        }
        tell(NotifyState::Ready);
        let ended = tokio::select! {
            ended = serve(service, sockets, terms, leave) => ended,
            why = store.failed() => return Err(DaemonError::LedgerFailed(why)),
        };
        tell(NotifyState::Stopping);
        store.close().await;
        ended.map_err(doing("cannot listen"))
    });
    // A user database that does not answer must not hold us up: all that was accepted is done.
    runtime.shutdown_background();
    ended
}

fn open_ledger(config: &Config) -> Result<Store, DaemonError> {
    let keyring = Keyring::load(&config.keys, Place::of(&config.keys))?;
    if keyring.current_pepper().is_none() {
        log::error!(
            "{} holds no pepper: no backup code is taken, and none can be made; put it back from a copy, or make a new one \
             with `twofold key rotate --pepper`",
            config.keys.display()
        );
    }
    let clock = SystemClock::new().map_err(doing("cannot read the boot id"))?;
    let syslog = match config.audit.syslog {
        true => Some(Syslog::start().map_err(doing("cannot start the thread for syslog"))?),
        false => None,
    };
    let mut options = Options::new(&config.ledger);
    options.retention =
        Retention { keep_seconds: config.audit.keep.as_secs(), keep_bytes: config.audit.keep_mib << 20 };
    Ok(Store::open(&options, Arc::new(keyring), Arc::new(clock), syslog)?)
}

fn passed_sockets() -> Result<Vec<UnixListener>, DaemonError> {
    let mut passed = ListenFd::from_env();
    let listeners = (0..passed.len()).filter_map(|index| passed.take_unix_listener(index).transpose());
    Ok(listeners.collect::<io::Result<_>>().map_err(SocketError::Strange)?)
}

/// Convenient for a demonstration, and a hole elsewhere.
fn warn_of_shared_uids(uids: Uids) {
    match uids.gate {
        Some(0) => log::warn!("the gate runs as root: whoever takes over the gate owns the ledger"),
        Some(gate) if gate == uids.own => {
            log::warn!(
                "the gate runs as the authority's own user: whoever takes over the gate owns the ledger"
            );
        }
        _ => {}
    }
}

fn asked_to_leave() -> Result<impl Future<Output = ()>, DaemonError> {
    let catch = |kind| signal(kind).map_err(doing("cannot catch signals"));
    let mut signals =
        [catch(SignalKind::terminate())?, catch(SignalKind::interrupt())?, catch(SignalKind::hangup())?];
    Ok(async move {
        let [terminate, interrupt, hangup] = &mut signals;
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
            _ = hangup.recv() => {}
        }
    })
}

/// Tells the service manager, if there is one.
fn tell(state: NotifyState<'_>) {
    if let Err(error) = sd_notify::notify(&[state]) {
        log::warn!("cannot tell the service manager: {error}");
    }
}

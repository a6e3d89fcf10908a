//! The process itself: keeps its memory to itself, says when it is ready, and stops as soon as nothing is under way.

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use nix::sys::prctl::set_dumpable;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::signal::{SigSet, Signal};
use pingora::server::configuration::ServerConf;
use pingora::server::{ExecutionPhase, Server, ShutdownSignal, ShutdownSignalWatch};
use tokio::signal::unix::{SignalKind, signal};

use crate::in_flight::InFlight;
use crate::tls::renewal::Nudge;

/// How long requests under way may take once the gate was told to stop.
const GRACE_SECONDS: u64 = 10;

/// Connections kept to the apps: fewer than requests at one time would halve the throughput.
const KEPT_TO_UPSTREAMS: usize = 1024;

/// No core files, no ptrace by others of the same user, and as many files as the system lets us have.
pub fn harden() {
    if let Err(why) = set_dumpable(false) {
        log::warn!("the process stays dumpable: {why}");
    }
    if let Err(why) = setrlimit(Resource::RLIMIT_CORE, 0, 0) {
        log::warn!("core files stay on: {why}");
    }
    let raised = getrlimit(Resource::RLIMIT_NOFILE)
        .and_then(|(_, hard)| setrlimit(Resource::RLIMIT_NOFILE, hard, hard));
    if let Err(why) = raised {
        log::warn!("the limit of open files stays as it is: {why}");
    }
}

/// Keeps SIGHUP waiting until [`Signals`] takes it: before that it would end the process. To be called while there is one
/// thread, which the others get this from.
pub fn hold_hangup() {
    if let Err(why) = hangup().thread_block() {
        log::warn!("a SIGHUP before the start is over ends the process: {why}");
    }
}

fn hangup() -> SigSet {
    SigSet::from_iter([Signal::SIGHUP])
}

/// Pingora's own settings; nothing of them is for the administrator.
#[must_use]
pub fn server_conf() -> ServerConf {
    ServerConf {
        threads: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
        upstream_keepalive_pool_size: KEPT_TO_UPSTREAMS,
        grace_period_seconds: Some(GRACE_SECONDS),
        graceful_shutdown_timeout_seconds: Some(1),
        max_retries: 2,
        // Pingora's default is a folder that everybody can write to; upgrades are not offered yet.
        upgrade_sock: "/run/twofold-gate/upgrade.sock".to_owned(),
        ..ServerConf::default()
    }
}

/// SIGTERM and SIGINT stop gracefully, SIGHUP reads the certificates again.
pub struct Signals {
    /// Whom to tell of a SIGHUP; without anybody it is ignored.
    pub on_hangup: Option<Nudge>,
}

#[async_trait]
impl ShutdownSignalWatch for Signals {
    async fn recv(&self) -> ShutdownSignal {
        let (Ok(mut terminate), Ok(mut interrupt), Ok(mut hangup)) =
            (signal(SignalKind::terminate()), signal(SignalKind::interrupt()), signal(SignalKind::hangup()))
        else {
            log::error!("signals cannot be watched; only SIGKILL ends this process");
            return std::future::pending().await;
        };
        // One that came meanwhile arrives now.
        if let Err(why) = self::hangup().thread_unblock() {
            log::error!("certificates are not read again on SIGHUP: {why}");
        }
        loop {
            tokio::select! {
                _ = terminate.recv() => break,
                _ = interrupt.recv() => break,
                Some(()) = hangup.recv() => self.on_hangup.iter().for_each(Nudge::now),
            }
        }
        log::info!("stopping");
        ShutdownSignal::GracefulTerminate
    }
}

/// Says that it is ready, and ends the process as soon as it was told to stop and nothing is under way: pingora alone
/// would wait for its whole grace period.
///
/// # Errors
/// When no thread can be started.
pub fn watch_phases(
    server: &Server,
    in_flight: Arc<InFlight>,
    last_words: impl Fn() + Send + 'static,
) -> std::io::Result<()> {
    let mut phases = server.watch_execution_phase();
    std::thread::Builder::new().name("phases".to_owned()).spawn(move || {
        while let Ok(phase) = phases.blocking_recv() {
            match phase {
                ExecutionPhase::Running => {
                    log::info!("ready");
                    if let Err(why) = sd_notify::notify(&[sd_notify::NotifyState::Ready]) {
                        log::warn!("systemd was not told: {why}");
                    }
                }
                ExecutionPhase::ShutdownStarted => {
                    let began = Instant::now();
                    while in_flight.count() > 0 && began.elapsed() < Duration::from_secs(GRACE_SECONDS) {
                        std::thread::sleep(Duration::from_millis(20));
                    }
                    last_words();
                    log::info!("stopped with {} requests under way", in_flight.count());
                    #[expect(
                        clippy::exit,
                        reason = "nothing is under way, and pingora would sleep for seconds"
                    )]
                    std::process::exit(0);
                }
                _ => {}
            }
        }
    })?;
    Ok(())
}

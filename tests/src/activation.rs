//! Sockets held as systemd holds them: an authority is started when somebody calls, and may leave when nobody does.

use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixDatagram, UnixListener};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::authority::open_to_all;
use crate::{Authority, Process, eventually};

/// Takes the two listeners from standard input and output and hands them on as systemd does.
const HAND_OVER: &str = "exec 3<&0 4<&1 0</dev/null 1>&2; LISTEN_FDS=2 LISTEN_PID=$$ exec \"$@\"";

/// The main socket and the door of `web1`, held, and the authority behind them, whenever there is one.
#[derive(Debug)]
pub struct Activated {
    notify: UnixDatagram,
    seen: Arc<Seen>,
    manager: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Seen {
    ending: AtomicBool,
    /// What each process ended with.
    exits: Mutex<Vec<i32>>,
}

impl Activated {
    /// Holds the sockets of an authority that was prepared and not started. Nothing runs until somebody calls.
    ///
    /// # Panics
    /// When the sockets cannot be made.
    #[must_use]
    pub fn new(authority: &Authority) -> Self {
        let listen = |path: &Path| {
            let listener = UnixListener::bind(path).unwrap_or_else(|why| panic!("{}: {why}", path.display()));
            open_to_all(path);
            OwnedFd::from(listener)
        };
        let sockets = [listen(&authority.socket()), listen(&authority.door_socket("web1"))];
        let path = authority.path("notify");
        let notify = UnixDatagram::bind(&path).expect("our folder can be written");
        notify.set_read_timeout(Some(Duration::from_secs(20))).expect("a socket can time out");
        open_to_all(&path);
        let daemon = handed(&authority.daemon(), &path);
        let seen = Arc::new(Seen::default());
        let manager = std::thread::spawn({
            let seen = Arc::clone(&seen);
            move || seen.manage(&sockets, daemon)
        });
        Self { notify, seen, manager: Some(manager) }
    }

    /// What the next process, or the same one, tells the service manager next.
    ///
    /// # Panics
    /// When it tells nothing for twenty seconds.
    #[must_use]
    pub fn told(&self) -> String {
        let mut message = [0; 1024];
        let length = self.notify.recv(&mut message).expect("it tells something");
        String::from_utf8_lossy(message.get(..length).unwrap_or_default()).trim_end().to_owned()
    }

    /// Waits until `count` processes have come and gone, each by itself and well.
    ///
    /// # Panics
    /// When they don't.
    pub fn have_left(&self, count: usize) {
        let exits = || self.seen.exits.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let left = eventually("it leaves when nobody calls", Duration::from_secs(20), || {
            Some(exits()).filter(|exits| exits.len() >= count)
        });
        assert_eq!(left, vec![0; count]);
    }
}

/// `daemon` behind [`HAND_OVER`].
fn handed(daemon: &Command, notify: &Path) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", HAND_OVER, "sh"]).arg(daemon.get_program()).args(daemon.get_args());
    for (name, value) in daemon.get_envs() {
        command.env(name, value.unwrap_or_default());
    }
    command.env("NOTIFY_SOCKET", notify);
    command
}

impl Seen {
    fn manage(&self, sockets: &[OwnedFd; 2], mut daemon: Command) {
        while self.called(sockets) {
            let [main, door] = sockets;
            let end = |socket: &OwnedFd| Stdio::from(socket.try_clone().expect("a socket can be had twice"));
            let mut process = Process::start_with("twofoldd", &mut daemon, end(main), end(door));
            let exit = loop {
                if let Some(exit) = process.ended() {
                    break exit;
                }
                if self.ending.load(Ordering::Relaxed) {
                    break process.terminate();
                }
                std::thread::sleep(Duration::from_millis(5));
            };
            self.exits.lock().unwrap_or_else(PoisonError::into_inner).push(exit);
        }
    }

    /// Waits for a caller; false when the test is over.
    fn called(&self, sockets: &[OwnedFd; 2]) -> bool {
        let a_while = Timespec { tv_sec: 0, tv_nsec: 50_000_000 };
        while !self.ending.load(Ordering::Relaxed) {
            let mut polled = sockets.each_ref().map(|socket| PollFd::new(socket, PollFlags::IN));
            if poll(&mut polled, Some(&a_while)).is_ok_and(|ready| ready > 0) {
                return true;
            }
        }
        false
    }
}

impl Drop for Activated {
    fn drop(&mut self) {
        self.seen.ending.store(true, Ordering::Relaxed);
        if let Some(manager) = self.manager.take() {
            let _ = manager.join();
        }
    }
}

//! A `/dev/log` of one's own, for a container or a daemon: what is said to it lands in one of the run's logs.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::Write;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use crate::process::new_log;

/// A syslog daemon that keeps every line.
#[derive(Debug)]
pub struct Syslog {
    socket: PathBuf,
    log: PathBuf,
    /// What wakes the listener at the end.
    bell: UnixDatagram,
    ending: Arc<AtomicBool>,
    listener: Option<JoinHandle<()>>,
}

impl Syslog {
    /// Listens at `folder/log`.
    #[must_use]
    pub fn start(folder: &Path, name: &str) -> Self {
        let socket = folder.join("log");
        let listening = UnixDatagram::bind(&socket).expect("the folder can be written");
        super::authority::open_to_all(&socket);
        let bell = UnixDatagram::unbound().expect("there are descriptors");
        bell.connect(&socket).expect("somebody listens");
        let log = new_log(&format!("{name}-syslog"));
        let mut file = File::create(&log).expect("the run's folder can be written");
        let ending = Arc::new(AtomicBool::new(false));
        let listener = std::thread::spawn({
            let ending = Arc::clone(&ending);
            move || {
                let mut message = vec![0; 64 * 1024];
                // The bell comes after whatever has been said before.
                while let Ok(length) = listening.recv(&mut message)
                    && !(length == 0 && ending.load(Ordering::Acquire))
                {
                    let line = message.get(..length).unwrap_or_default();
                    let _ = file.write_all(line).and_then(|()| file.write_all(b"\n"));
                }
            }
        });
        Self { socket, log, bell, ending, listener: Some(listener) }
    }

    /// The socket, to be mounted at `/dev/log`.
    #[must_use]
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// Lets `command` find it at `/dev/log`, in a mount namespace of its own; the machine may have no `/dev/log`, or one
    /// that is not ours to read. Needs root.
    #[must_use]
    pub fn around(&self, command: &Command) -> Command {
        const MOUNT: &str =
            "mount -t tmpfs none /dev && mkdir -m 1777 /dev/shm && ln -s \"$0\" /dev/log && exec \"$@\"";
        let mut wrapped = Command::new("unshare");
        // The environment is the program's own: libfaketime in the wrappers would tell it of semaphores in another /dev.
        wrapped.args(["--mount", "sh", "-c", MOUNT]).arg(&self.socket).arg("env");
        for (name, _) in command.get_envs().filter(|(_, value)| value.is_none()) {
            wrapped.arg("-u").arg(name);
        }
        for (name, value) in command.get_envs() {
            if let Some(value) = value {
                wrapped.arg([name, value].join(OsStr::new("=")));
            }
        }
        wrapped.arg(command.get_program()).args(command.get_args());
        wrapped
    }

    /// What has been said so far.
    #[must_use]
    pub fn text(&self) -> String {
        fs::read(&self.log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
    }
}

impl Drop for Syslog {
    fn drop(&mut self) {
        self.ending.store(true, Ordering::Release);
        let _ = self.bell.send(&[]);
        if let Some(listener) = self.listener.take() {
            let _ = listener.join();
        }
    }
}

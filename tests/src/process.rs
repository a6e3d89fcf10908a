//! Running programs: to their end ([`run`]), or beside the test until it ends ([`Process`]).

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::place;

/// Waits until `condition` gives something, looking every ten milliseconds; panics with `what` after `patience`.
pub fn eventually<T>(what: &str, patience: Duration, mut condition: impl FnMut() -> Option<T>) -> T {
    let until = Instant::now() + patience;
    loop {
        if let Some(found) = condition() {
            return found;
        }
        assert!(Instant::now() < until, "not within {patience:?}: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// How a program ended and what it said.
#[derive(Debug)]
pub struct Run {
    /// The exit code; a signal's number plus 128.
    pub code: i32,
    /// Its standard output.
    pub stdout: String,
    /// Its standard error.
    pub stderr: String,
}

impl Run {
    /// Whether it ended with 0.
    #[must_use]
    pub fn succeeded(&self) -> bool {
        self.code == 0
    }

    /// Its standard output, when it ended with 0.
    ///
    /// # Panics
    /// Otherwise, with all it said.
    pub fn expect_success(self) -> String {
        assert!(self.succeeded(), "{self:?}");
        self.stdout
    }
}

/// Runs a program to its end with nothing on its standard input.
pub fn run(command: &mut Command) -> Run {
    run_with_input(command, "")
}

/// Runs a program to its end with `input` on its standard input.
pub fn run_with_input(command: &mut Command, input: &str) -> Run {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|why| panic!("{command:?}: {why}"));
    let mut stdin = child.stdin.take().expect("it was piped");
    // A program may end without reading; what it then says tells more than a broken pipe.
    let _ = stdin.write_all(input.as_bytes());
    drop(stdin);
    let output = child.wait_with_output().expect("a child can be waited for");
    Run {
        code: exit_code(output.status),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

fn exit_code(status: ExitStatus) -> i32 {
    status.code().or_else(|| status.signal().map(|signal| 128 + signal)).expect("it has ended somehow")
}

/// A program that runs beside the test; ended with it at the latest.
#[derive(Debug)]
pub struct Process {
    child: Child,
    log: PathBuf,
}

/// A new file for a log, kept after the test.
#[must_use]
pub fn new_log(name: &str) -> PathBuf {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let folder = place::run_folder().join("logs");
    fs::create_dir_all(&folder).expect("the run's folder can be written");
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    folder.join(format!("{}-{number}-{name}.log", std::process::id()))
}

impl Process {
    /// Starts `command`; all it says goes to a log.
    pub fn start(name: &str, command: &mut Command) -> Self {
        let log = new_log(name);
        let file =
            File::options().append(true).create(true).open(&log).expect("the run's folder can be written");
        Self::start_between(command, Stdio::null(), file.into(), log)
    }

    /// The same with something else for standard input and output; what it says on standard error is its log.
    pub fn start_with(name: &str, command: &mut Command, stdin: Stdio, stdout: Stdio) -> Self {
        Self::start_between(command, stdin, stdout, new_log(name))
    }

    fn start_between(command: &mut Command, stdin: Stdio, stdout: Stdio, log: PathBuf) -> Self {
        // Both ends write at the end: neither overwrites the other.
        let file =
            File::options().append(true).create(true).open(&log).expect("the run's folder can be written");
        let child = command
            .stdin(stdin)
            .stdout(stdout)
            .stderr(file)
            .spawn()
            .unwrap_or_else(|why| panic!("{command:?}: {why}"));
        Self { child, log }
    }

    /// Its process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// What it has said so far.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read(&self.log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
    }

    /// Its log's file.
    #[must_use]
    pub fn log_file(&self) -> &Path {
        &self.log
    }

    /// Its exit code, when it has ended.
    pub fn ended(&mut self) -> Option<i32> {
        self.child.try_wait().expect("a child can be waited for").map(exit_code)
    }

    /// Waits until `condition` gives something; panics with the log when the program ends before.
    pub fn until<T>(&mut self, what: &str, mut condition: impl FnMut() -> Option<T>) -> T {
        eventually(what, Duration::from_secs(20), || {
            let found = condition();
            if found.is_none()
                && let Some(code) = self.ended()
            {
                panic!("ended with {code} before {what}; it said:\n{}", self.log());
            }
            found
        })
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        let id = i32::try_from(self.child.id()).expect("process ids are small");
        // It may have ended in this moment.
        let _ = kill(Pid::from_raw(id), signal);
    }

    /// Waits for its end and gives its exit code.
    pub fn wait(&mut self) -> i32 {
        eventually("the program ends", Duration::from_secs(20), || self.ended())
    }

    /// SIGTERM, and its exit code.
    pub fn terminate(&mut self) -> i32 {
        self.signal(Signal::SIGTERM);
        self.wait()
    }

    /// SIGKILL, and waits until it is gone.
    pub fn kill(&mut self) {
        self.signal(Signal::SIGKILL);
        self.wait();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

//! A scripted authority: a thread that speaks Varlink and answers what the test says.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;

use serde_json::{Value, json};

/// A reply, or an error's kind and parameters as `[kind, parameters]`.
pub type Answer = Result<Value, Value>;

/// The thread, its socket and what it was asked.
pub struct Scripted {
    pub socket: PathBuf,
    calls: Arc<(Mutex<Vec<String>>, Condvar)>,
    _folder: tempfile::TempDir,
}

/// How a run of the command ended.
pub struct Run {
    pub status: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Run {
    /// Standard error in one line, however it was folded.
    pub fn said(&self) -> String {
        self.stderr.replace('\n', " ")
    }
}

impl Scripted {
    /// Answers each call with what `script` makes of its method and parameters, then closes the connection.
    pub fn new(script: impl Fn(&str, &Value) -> Answer + Send + Sync + 'static) -> Self {
        Self::start(move |mut stream, method, parameters| {
            let message = match script(method, parameters) {
                Ok(reply) => json!({ "parameters": reply }),
                Err(fault) => json!({
                    "error": format!("org.twofold.Authority.{}", fault[0].as_str().unwrap()),
                    "parameters": fault[1],
                }),
            };
            let _ = stream.write_all(format!("{message}\0").as_bytes());
        })
    }

    /// Answers every call with these bytes.
    pub fn raw(answer: &'static [u8]) -> Self {
        Self::start(move |mut stream, _, _| {
            let _ = stream.write_all(answer);
        })
    }

    fn start(serve: impl Fn(UnixStream, &str, &Value) + Send + Sync + 'static) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("authority.sock");
        let listener = UnixListener::bind(&socket).unwrap();
        let calls = Arc::new((Mutex::new(Vec::new()), Condvar::new()));
        let heard = Arc::clone(&calls);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let stream = stream.unwrap();
                let mut message = Vec::new();
                BufReader::new(&stream).read_until(0, &mut message).unwrap();
                message.pop();
                let call: Value = serde_json::from_slice(&message).unwrap();
                let method = call["method"].as_str().unwrap();
                let method = method.strip_prefix("org.twofold.Authority.").unwrap();
                heard.0.lock().unwrap().push(method.to_owned());
                heard.1.notify_all();
                serve(stream, method, &call["parameters"]);
            }
        });
        Self { socket, calls, _folder: folder }
    }

    /// What was called so far.
    pub fn calls(&self) -> Vec<String> {
        self.calls.0.lock().unwrap().clone()
    }

    /// Runs the command against this authority.
    pub fn run(&self, arguments: &[&str], stdin: &str) -> Run {
        twofold(&[&["--socket", self.socket.to_str().unwrap()], arguments].concat(), stdin)
    }

    /// Runs the command until the authority was called this often, then ends it.
    pub fn run_until(&self, arguments: &[&str], calls: usize) -> Run {
        let socket = ["--socket", self.socket.to_str().unwrap()];
        let mut child = command(&[&socket, arguments].concat()).spawn().unwrap();
        let heard = self.calls.0.lock().unwrap();
        drop(self.calls.1.wait_while(heard, |heard| heard.len() < calls).unwrap());
        child.kill().unwrap();
        finish(child)
    }
}

/// Runs the command with this on its standard input.
pub fn twofold(arguments: &[&str], stdin: &str) -> Run {
    let mut child = command(arguments).spawn().unwrap();
    // The command may end before it reads.
    let _ = child.stdin.take().unwrap().write_all(stdin.as_bytes());
    finish(child)
}

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_twofold"));
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn finish(child: std::process::Child) -> Run {
    let output = child.wait_with_output().unwrap();
    Run {
        status: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// An error with a sentence.
pub fn fault(kind: &str, detail: &str) -> Value {
    json!([kind, { "detail": detail }])
}

/// Alice with so many devices.
pub fn alice(devices: usize) -> Value {
    let devices: Vec<Value> = (0..devices)
        .map(|number| {
            json!({
                "id": format!("d{number}"), "label": format!("device {number}"), "algorithm": "sha1",
                "digits": 6, "period_seconds": 30, "created": {"at": 1_772_000_000, "door": "sshd on web1"},
                "last_used": {"at": 1_772_300_000, "door": "sudo on web1", "source": "192.0.2.7"},
            })
        })
        .collect();
    json!({
        "id": "5f".repeat(16), "names": ["unix:alice", "local:alice"], "groups": ["staff"], "contacts": {}, "locked": false,
        "enrolled": !devices.is_empty(), "has_password": true, "devices": devices, "backup_codes_left": 8,
        "closed_to_strangers": false, "created": 1_772_000_000,
    })
}

/// Something that happened.
pub fn event(number: u64) -> Value {
    json!({
        "at": 1_772_000_000 + number, "action": "verify", "outcome": "refused", "account": "5f".repeat(16),
        "name": "unix:alice", "door": "sshd on web1", "source": "203.0.113.9", "reason": "wrong_code", "count": 1,
    })
}

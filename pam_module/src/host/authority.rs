//! An authority that follows a script: what it does with each connection, one after the other.

use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

/// The module's patience in tests that do not wait for it to end.
pub const PATIENCE: &str = "timeout=5s";

/// What the authority does with one call.
pub enum Does {
    /// Answers with these parameters; `nonce` is added from the question.
    Answers(Value),
    /// Answers with these parameters and another request's nonce.
    AnswersAnother(Value),
    /// Answers with an error: the name within the interface, and the parameters.
    Fails(&'static str, Value),
    /// Sends these bytes and closes.
    Sends(Vec<u8>),
    /// Says nothing for this long, then closes.
    Waits(Duration),
}

/// See the file's head.
pub struct Authority {
    folder: TempDir,
    served: JoinHandle<Vec<Value>>,
}

impl Authority {
    /// One that does this, and is gone afterwards.
    pub fn that(script: impl IntoIterator<Item = Does>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(folder.path().join("authority.sock")).unwrap();
        let script: Vec<Does> = script.into_iter().collect();
        let served = thread::spawn(move || {
            script.into_iter().map(|does| serve(listener.accept().unwrap().0, does)).collect()
        });
        Self { folder, served }
    }

    /// One that has a code asked and approves it.
    pub fn that_approves() -> Self {
        Self::that([Does::Answers(json!({"ask": "code"})), Does::Answers(approval())])
    }

    /// One that answers a login's first question like this.
    pub fn that_says(ask: &str) -> Self {
        Self::that([Does::Answers(json!({ "ask": ask }))])
    }

    /// One that has a code asked and refuses it.
    pub fn that_refuses(refusal: Value) -> Self {
        Self::that([Does::Answers(json!({"ask": "code"})), Does::Answers(json!({ "refusal": refusal }))])
    }

    /// Where it listens.
    pub fn socket(&self) -> PathBuf {
        self.folder.path().join("authority.sock")
    }

    /// The words of the module's line: its socket, patience, and these.
    pub fn words(&self, more: &[&str]) -> Vec<String> {
        let socket = format!("socket={}", self.socket().display());
        [socket.as_str(), PATIENCE].iter().chain(more).map(|&word| word.to_owned()).collect()
    }

    /// What it was asked; fails the test if the script is not through.
    pub fn asked(self) -> Vec<Value> {
        // Whoever still waits for a call meets a caller that says nothing, and fails.
        while !self.served.is_finished() {
            let _ = UnixStream::connect(self.socket());
        }
        self.served.join().expect("every call of the script was made")
    }
}

/// An approval at the level of a second factor.
pub fn approval() -> Value {
    json!({"approval": {"account": "0a", "door": "sshd on web1", "level": "second"}})
}

fn serve(mut stream: UnixStream, does: Does) -> Value {
    let mut message = Vec::new();
    let mut byte = [0];
    loop {
        stream.read_exact(&mut byte).expect("a whole question");
        if byte == [0] {
            break;
        }
        message.extend(byte);
    }
    let question: Value = serde_json::from_slice(&message).unwrap();
    let answer = |mut parameters: Value, nonce: Value| {
        parameters.as_object_mut().unwrap().insert("nonce".to_owned(), nonce);
        format!("{}\0", json!({ "parameters": parameters })).into_bytes()
    };
    let bytes = match does {
        Does::Answers(parameters) => answer(parameters, question["parameters"]["nonce"].clone()),
        Does::AnswersAnother(parameters) => answer(parameters, json!("00".repeat(16))),
        Does::Fails(name, parameters) => {
            let error = format!("org.twofold.Authority.{name}");
            format!("{}\0", json!({"error": error, "parameters": parameters})).into_bytes()
        }
        Does::Sends(bytes) => bytes,
        Does::Waits(how_long) => {
            thread::sleep(how_long);
            Vec::new()
        }
    };
    // A module that has heard enough closes first.
    let _ = stream.write_all(&bytes);
    question
}

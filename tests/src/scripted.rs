//! An authority that says what a test wants it to say, to a real module.

use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;

use serde_json::{Value, json};
use tempfile::TempDir;

/// A socket, and who answers at it until the test ends.
#[derive(Debug)]
pub struct ScriptedAuthority {
    folder: TempDir,
}

impl ScriptedAuthority {
    /// One that does this with every connection, whose question is still unread.
    ///
    /// # Panics
    /// When there is no room for a folder.
    #[must_use]
    pub fn that(behaviour: impl Fn(UnixStream) + Send + Sync + 'static) -> Self {
        let folder = tempfile::tempdir().expect("there is room for a folder");
        let listener =
            UnixListener::bind(folder.path().join("authority.sock")).expect("our folder can be written");
        let behaviour = Arc::new(behaviour);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let behaviour = Arc::clone(&behaviour);
                thread::spawn(move || behaviour(stream));
            }
        });
        Self { folder }
    }

    /// One that answers every question with what `says` makes of its method and parameters; null closes the connection, and
    /// a text is the name of an error.
    #[must_use]
    pub fn that_says(says: impl Fn(&str, &Value) -> Value + Send + Sync + 'static) -> Self {
        Self::that(move |mut stream| {
            let question = question(&mut stream);
            let method =
                question["method"].as_str().and_then(|name| name.rsplit('.').next()).unwrap_or_default();
            let mut parameters = says(method, &question["parameters"]);
            if let Some(name) = parameters.as_str() {
                let error =
                    json!({"error": format!("org.twofold.Authority.{name}"), "parameters": {"detail": "no"}});
                let _ = stream.write_all(format!("{error}\0").as_bytes());
            } else if !parameters.is_null() {
                parameters["nonce"] = question["parameters"]["nonce"].clone();
                answer(&mut stream, &parameters);
            }
        })
    }

    /// Where it listens.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.folder.path().join("authority.sock")
    }
}

/// Reads a question; null where none came.
pub fn question(stream: &mut UnixStream) -> Value {
    let mut message = Vec::new();
    let mut byte = [0];
    while stream.read_exact(&mut byte).is_ok() && byte != [0] {
        message.extend(byte);
    }
    serde_json::from_slice(&message).unwrap_or_default()
}

/// Answers with these parameters. A module that has heard enough closes first.
pub fn answer(stream: &mut UnixStream, parameters: &Value) {
    let _ = stream.write_all(format!("{}\0", json!({ "parameters": parameters })).as_bytes());
}

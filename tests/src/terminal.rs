//! A program on a terminal of its own, read and typed to as a person would.

use std::io::{Read, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::process::eventually;

/// A running program and its screen.
#[derive(Debug)]
pub struct Terminal {
    child: Child,
    keyboard: Option<ChildStdin>,
    screen: Arc<Mutex<String>>,
    /// How much of the screen earlier waits have read.
    read: usize,
}

impl Terminal {
    /// Starts a command. No argument may contain a single quote.
    ///
    /// # Panics
    /// When `script` of util-linux is missing.
    #[must_use]
    pub fn start(command: &Command) -> Self {
        let words: Vec<String> = std::iter::once(command.get_program())
            .chain(command.get_args())
            .map(|word| format!("'{}'", word.to_string_lossy()))
            .collect();
        let line = format!("stty columns 100 rows 60; exec {}", words.join(" "));
        let mut child = Command::new("script")
            .args(["--quiet", "--return", "--echo", "never", "--command", &line, "/dev/null"])
            .env("TERM", "xterm-256color")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("util-linux has script");
        let mut output = child.stdout.take().expect("it was piped");
        let screen = Arc::new(Mutex::new(String::new()));
        std::thread::spawn({
            let screen = Arc::clone(&screen);
            move || {
                let (mut bytes, mut piece) = (Vec::new(), [0; 4096]);
                while let Ok(length) = output.read(&mut piece) {
                    bytes.extend_from_slice(piece.get(..length).unwrap_or_default());
                    *screen.lock().expect("nobody panics with it") =
                        String::from_utf8_lossy(&bytes).into_owned();
                    if length == 0 {
                        break;
                    }
                }
            }
        });
        let keyboard = child.stdin.take();
        Self { child, keyboard, screen, read: 0 }
    }

    /// All that was shown so far.
    #[must_use]
    pub fn screen(&self) -> String {
        self.screen.lock().expect("nobody panics with it").clone()
    }

    /// Waits until `text` is shown after what earlier waits have seen, and gives what came up to its end.
    pub fn until(&mut self, text: &str) -> String {
        let read = self.read;
        let what = format!("the terminal shows {text:?}");
        let screen = &self.screen;
        let (seen, end) = std::panic::catch_unwind(|| {
            eventually(&what, Duration::from_secs(20), || {
                let screen = screen.lock().expect("nobody panics with it");
                let fresh = screen.get(read..)?;
                let at = fresh.find(text)? + text.len();
                Some((fresh.get(..at)?.to_owned(), read + at))
            })
        })
        .unwrap_or_else(|_| panic!("{what}; it shows:\n{}", self.screen()));
        self.read = end;
        seen
    }

    /// Types a line.
    ///
    /// # Panics
    /// When the program has ended.
    pub fn enter(&mut self, line: &str) {
        self.press(&format!("{line}\r"));
    }

    /// Presses these keys.
    ///
    /// # Panics
    /// When the program has ended.
    pub fn press(&mut self, keys: &str) {
        let keyboard = self.keyboard.as_mut().expect("it has a keyboard");
        keyboard.write_all(keys.as_bytes()).expect("the program runs");
        keyboard.flush().expect("the program runs");
    }

    /// Waits for its end and gives its exit code.
    ///
    /// # Panics
    /// When it takes longer than twenty seconds.
    pub fn wait(&mut self) -> i32 {
        let child = &mut self.child;
        let status = eventually("the program on the terminal ends", Duration::from_secs(20), || {
            child.try_wait().expect("a child can be waited for")
        });
        status.code().expect("script ends by itself")
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

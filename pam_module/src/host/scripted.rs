//! A host that follows a script, and fails the test on a missing or an extra prompt.

use std::cell::RefCell;
use std::collections::HashMap;
use std::collections::VecDeque;
use std::thread::panicking;

use zeroize::Zeroizing;

use super::{Answer, GaveUp, Host, Level, MAX_ANSWER, NoUser, NotTaken, Tone};
use crate::options::Echo;

/// What happens at one prompt.
enum Line {
    Typed(Vec<u8>),
    GivesUp,
}

/// See the file's head.
pub struct Scripted {
    user: Option<Vec<u8>>,
    remote: Option<Vec<u8>>,
    terminal: Option<Vec<u8>>,
    password: RefCell<Option<Vec<u8>>>,
    echo: Echo,
    session: Option<(i32, Vec<u8>)>,
    environment: HashMap<String, Vec<u8>>,
    script: RefCell<VecDeque<(String, Line)>>,
    told: RefCell<Vec<(Tone, String)>>,
    logged: RefCell<Vec<(Level, String)>>,
    memory: RefCell<Option<Vec<u8>>>,
}

impl Scripted {
    /// alice at `sshd`, and nobody is asked anything.
    pub fn new() -> Self {
        Self {
            user: Some(b"alice".to_vec()),
            remote: None,
            terminal: None,
            password: RefCell::default(),
            echo: Echo::Off,
            session: None,
            environment: HashMap::new(),
            script: RefCell::default(),
            told: RefCell::default(),
            logged: RefCell::default(),
            memory: RefCell::default(),
        }
    }

    pub fn user(mut self, user: impl Into<Vec<u8>>) -> Self {
        self.user = Some(user.into());
        self
    }

    pub fn nobody(mut self) -> Self {
        self.user = None;
        self
    }

    pub fn remote(mut self, remote: impl Into<Vec<u8>>) -> Self {
        self.remote = Some(remote.into());
        self
    }

    pub fn terminal(mut self, terminal: impl Into<Vec<u8>>) -> Self {
        self.terminal = Some(terminal.into());
        self
    }

    pub fn session(mut self, leader: i32, stat: impl Into<Vec<u8>>) -> Self {
        self.session = Some((leader, stat.into()));
        self
    }

    pub fn password(self, password: &str) -> Self {
        self.password.replace(Some(password.into()));
        self
    }

    /// Answers are seen while they are typed.
    pub fn aloud(mut self) -> Self {
        self.echo = Echo::On;
        self
    }

    /// What the modules below have for a password.
    pub fn left_password(&self) -> Option<Vec<u8>> {
        self.password.borrow().clone()
    }

    pub fn environment(mut self, name: &str, value: impl Into<Vec<u8>>) -> Self {
        self.environment.insert(name.to_owned(), value.into());
        self
    }

    /// At this prompt, this is typed.
    pub fn types(self, prompt: &str, typed: impl Into<Vec<u8>>) -> Self {
        self.script.borrow_mut().push_back((prompt.to_owned(), Line::Typed(typed.into())));
        self
    }

    /// At this prompt, the person gives up or the conversation breaks.
    pub fn gives_up(self, prompt: &str) -> Self {
        self.script.borrow_mut().push_back((prompt.to_owned(), Line::GivesUp));
        self
    }

    /// What the person was told, in order.
    pub fn told(&self) -> Vec<(Tone, String)> {
        self.told.borrow().clone()
    }

    /// The lines in the log.
    pub fn logged(&self) -> Vec<(Level, String)> {
        self.logged.borrow().clone()
    }

    /// The log as one text.
    pub fn log_text(&self) -> String {
        self.logged().into_iter().map(|(_, line)| line + "\n").collect()
    }
}

impl Drop for Scripted {
    fn drop(&mut self) {
        if !panicking() {
            assert!(self.script.borrow().is_empty(), "a prompt of the script was never asked");
        }
    }
}

impl Host for Scripted {
    fn user(&self) -> Result<Vec<u8>, NoUser> {
        self.user.clone().ok_or(NoUser)
    }

    fn service(&self) -> Option<Vec<u8>> {
        Some(b"sshd".to_vec())
    }

    fn remote_host(&self) -> Option<Vec<u8>> {
        self.remote.clone()
    }

    fn terminal(&self) -> Option<Vec<u8>> {
        self.terminal.clone()
    }

    fn session(&self) -> Option<(i32, Vec<u8>)> {
        self.session.clone()
    }

    fn pam_environment(&self, name: &str) -> Option<Vec<u8>> {
        self.environment.get(name).cloned()
    }

    fn is_password(&self, answer: &[u8]) -> bool {
        self.password.borrow().as_deref() == Some(answer)
    }

    fn password(&self) -> Option<Answer> {
        let bytes = self.password.borrow().clone()?;
        Some(Answer { length: bytes.len(), bytes: Zeroizing::new(bytes) })
    }

    fn set_password(&self, password: &[u8]) -> Result<(), NotTaken> {
        self.password.replace(Some(password.to_vec()));
        Ok(())
    }

    fn ask(&self, prompt: &str, echo: Echo) -> Result<Answer, GaveUp> {
        assert_eq!(echo, self.echo, "{prompt}");
        let next = self.script.borrow_mut().pop_front();
        let (expected, line) = next.unwrap_or_else(|| panic!("an extra prompt: {prompt:?}"));
        // The whole question, or what of it is certain.
        let fits = match expected.split_once('…') {
            Some((start, end)) => prompt.starts_with(start) && prompt.ends_with(end),
            None => prompt == expected,
        };
        assert!(fits, "{prompt:?} is not {expected:?}");
        match line {
            Line::GivesUp => Err(GaveUp),
            Line::Typed(bytes) => {
                let length = bytes.len();
                let kept = if length <= MAX_ANSWER { bytes } else { Vec::new() };
                Ok(Answer { bytes: Zeroizing::new(kept), length })
            }
        }
    }

    fn tell(&self, tone: Tone, text: &str) {
        self.told.borrow_mut().push((tone, text.to_owned()));
    }

    fn log(&self, level: Level, line: &str) {
        assert!(!line.contains(char::is_control), "a log line is one line: {line:?}");
        self.logged.borrow_mut().push((level, line.to_owned()));
    }

    fn remember(&self, memory: Vec<u8>) {
        *self.memory.borrow_mut() = Some(memory);
    }

    fn recall(&self) -> Option<Vec<u8>> {
        self.memory.borrow().clone()
    }
}

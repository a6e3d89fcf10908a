//! The program that loaded the module, as the logic sees it.
//!
//! The real one is behind `ffi`; the unit tests bring a scripted one that fails on a missing or an extra prompt.

use zeroize::Zeroizing;

use crate::options::Echo;

/// The longest answer that is kept. PAM's own limit is 512 bytes; no code is nearly as long.
pub const MAX_ANSWER: usize = 512;

/// What the host, the stack above and the person say.
pub trait Host {
    /// `PAM_USER`; asks for it where the host has not set it.
    fn user(&self) -> Result<Vec<u8>, NoUser>;

    /// `PAM_SERVICE`.
    fn service(&self) -> Option<Vec<u8>>;

    /// `PAM_RHOST`: an address or a name, and nothing that may be resolved.
    fn remote_host(&self) -> Option<Vec<u8>>;

    /// `PAM_TTY`.
    fn terminal(&self) -> Option<Vec<u8>>;

    /// The leader of the process's session, and its `/proc/<leader>/stat`.
    fn session(&self) -> Option<(i32, Vec<u8>)>;

    /// A variable of the PAM environment. The process's own environment is never read.
    fn pam_environment(&self, name: &str) -> Option<Vec<u8>>;

    /// Whether the answer is what an earlier module took as the password.
    fn is_password(&self, answer: &[u8]) -> bool;

    /// What an earlier module took as the password.
    fn password(&self) -> Option<Answer>;

    /// Hands a later module its password.
    fn set_password(&self, password: &[u8]) -> Result<(), NotTaken>;

    /// Asks one question.
    fn ask(&self, prompt: &str, echo: Echo) -> Result<Answer, GaveUp>;

    /// Tells the person something; whether it arrives is the host's affair.
    fn tell(&self, tone: Tone, text: &str);

    /// Writes a line to the log of authentications.
    fn log(&self, level: Level, line: &str);

    /// Keeps something for the later phases of this transaction.
    fn remember(&self, memory: Vec<u8>);

    /// What an earlier phase of this transaction kept.
    fn recall(&self) -> Option<Vec<u8>>;
}

/// Nobody said who wants to come in.
#[derive(Debug)]
pub struct NoUser;

/// libpam did not take it.
#[derive(Debug)]
pub struct NotTaken;

/// The conversation failed, or the person ended it.
#[derive(Debug)]
pub struct GaveUp;

/// What a person, or a program in their place, typed.
pub struct Answer {
    /// Empty where the answer was longer than [`MAX_ANSWER`].
    pub bytes: Zeroizing<Vec<u8>>,
    /// How long it was.
    pub length: usize,
}

/// How a message is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// Something they wanted did not happen.
    Refusal,
    /// Something they should know.
    News,
}

/// How urgent a line in the log is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// The module cannot do its work: somebody has to mend something.
    Error,
    /// Somebody was refused.
    Notice,
    /// Somebody passed.
    Info,
}

#[cfg(test)]
pub mod authority;
#[cfg(test)]
pub mod scripted;

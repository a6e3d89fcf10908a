//! The words on the module's line in `/etc/pam.d`.
//!
//! A word that is not understood refuses the login: a typing mistake must not quietly weaken a door.

use std::path::PathBuf;
use std::time::Duration;

use twofold_shared::client::DEFAULT_SOCKET;
use twofold_shared::wire::Language;

/// How long one question to the authority may take: its own deadline for a verification is five seconds.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(8);
const SHORTEST_TIMEOUT: Duration = Duration::from_millis(100);
const LONGEST_TIMEOUT: Duration = Duration::from_secs(60);

/// How often the question may be asked in one login at most: each host asks again by itself, too.
const MOST_TRIES: u8 = 5;

/// A Unix socket's address holds no longer path.
const LONGEST_SOCKET: usize = 107;
const LONGEST_PROMPT: usize = 200;

/// Which line of the stack the words stand on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// `auth`.
    Auth,
    /// `account`.
    Account,
}

/// What `first=` claims about the stack.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum First {
    /// Nothing was said: nobody passes without a code.
    #[default]
    Unsaid,
    /// `first=above`: a module above has taken the first factor, and nobody gets here without it.
    Above,
    /// `first=publickey`: sshd has, and says so in `SSH_AUTH_INFO_0`.
    Publickey,
}

/// Whether the answer is seen while it is typed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Echo {
    /// Unseen.
    #[default]
    Off,
    /// Seen.
    On,
}

/// Where the answer comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AnswerFrom {
    /// It is asked for.
    #[default]
    Prompt,
    /// `try_first_pass`: what a module above has been given, if it can be an answer; else it is asked for.
    FirstPassOrPrompt,
    /// `use_first_pass`: what a module above has been given, and nothing else.
    FirstPass,
}

/// How the answer is come by, and what is in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Passing {
    /// Where it comes from.
    pub answer: AnswerFrom,
    /// `forward_pass`: it is the password with the code behind it; the module below gets the password.
    pub combined: bool,
}

/// The checked words.
#[derive(Debug, PartialEq, Eq)]
pub struct Options {
    /// `socket=`: where the authority listens.
    pub socket: PathBuf,
    /// `timeout=`: how long one question to it may take.
    pub timeout: Duration,
    /// `prompt=`: what to ask; `%u` becomes the name.
    pub prompt: Option<String>,
    /// `first=`.
    pub first: First,
    /// `echo=`.
    pub echo: Echo,
    /// `tries=`: how often the code is asked for in one login.
    pub tries: u8,
    /// `lang=`: in which language, where the line says it.
    pub language: Option<Language>,
    /// `forward_pass`, `try_first_pass`, `use_first_pass`.
    pub passing: Passing,
    /// `need=factor`: the account phase refuses whoever met neither a permit nor an exemption.
    pub need_factor: bool,
    /// `panic`: a panic on demand.
    #[cfg(feature = "test-panic")]
    pub panic: bool,
}

/// A word that cannot stand there, and what to write instead.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum OptionError {
    /// A word of another module.
    #[error("option \"{0}\" is another module's: {1}")]
    Foreign(String, &'static str),
    /// A word of nobody's.
    #[error(
        "unknown option \"{0}\": auth takes socket=, timeout=, lang=, prompt=, first=, echo=, tries=, forward_pass, \
         try_first_pass and use_first_pass; account takes socket=, timeout=, lang=, need= and first=publickey"
    )]
    Unknown(String),
    /// A word for the other line.
    #[error("option \"{0}\" belongs on the {1} line")]
    WrongLine(&'static str, &'static str),
    /// A word said twice.
    #[error("option \"{0}\" is given twice")]
    Twice(&'static str),
    /// Two words that cannot both hold.
    #[error("option \"{0}\" cannot stand beside {1}")]
    Contradict(&'static str, &'static str),
    /// A value that cannot be.
    #[error("{0}= takes {1}")]
    Value(&'static str, &'static str),
}

/// What people know from other modules, and what does the same here.
const FOREIGN: &[(&str, &str)] = &[
    ("alwaysok", "nobody passes without a code"),
    ("authtok_prompt", "use prompt="),
    ("debug", "refusals are logged always; the authority's trail says more: twofold audit"),
    ("digits", "digits belong to each device: twofold device list"),
    ("echo_verification_code", "use echo=on"),
    ("grace_period", "how long a login holds is the authority's policy"),
    ("no_increment_hotp", "counters are kept by the authority"),
    ("nullok", "who may come in without a second factor is the authority's policy: default = \"optional\""),
    ("secret", "secrets are kept by the authority: twofold enroll"),
    ("user", "secrets are kept by the authority, which runs as a user of its own"),
    ("usersfile", "secrets are kept by the authority: twofold enroll"),
    ("window", "one step either side of now is accepted, always"),
];

impl Options {
    /// Reads the words of one line.
    ///
    /// # Errors
    /// The first word that cannot stand there.
    pub fn parse(phase: Phase, words: &[String]) -> Result<Self, OptionError> {
        let mut read = Read::default();
        for word in words {
            read.word(phase, word)?;
        }
        let passing = read.passing()?;
        Ok(Self {
            socket: read.socket.unwrap_or_else(|| DEFAULT_SOCKET.into()),
            timeout: read.timeout.unwrap_or(DEFAULT_TIMEOUT),
            prompt: read.prompt,
            first: read.first.unwrap_or_default(),
            echo: read.echo.unwrap_or_default(),
            tries: read.tries.unwrap_or(1),
            language: read.language,
            passing,
            need_factor: read.need_factor.is_some(),
            #[cfg(feature = "test-panic")]
            panic: read.panic.is_some(),
        })
    }
}

/// The words read so far.
#[derive(Default)]
struct Read {
    socket: Option<PathBuf>,
    timeout: Option<Duration>,
    prompt: Option<String>,
    first: Option<First>,
    echo: Option<Echo>,
    tries: Option<u8>,
    language: Option<Language>,
    forward_pass: Option<()>,
    try_first_pass: Option<()>,
    use_first_pass: Option<()>,
    need_factor: Option<()>,
    #[cfg(feature = "test-panic")]
    panic: Option<()>,
}

impl Read {
    fn word(&mut self, phase: Phase, word: &str) -> Result<(), OptionError> {
        let (key, value) = word.split_once('=').unwrap_or((word, ""));
        match key {
            "socket" => once(&mut self.socket, "socket", socket(value)?),
            "timeout" => once(&mut self.timeout, "timeout", timeout(value)?),
            "lang" => once(&mut self.language, "lang", language(value)?),
            // Nothing stands above an account line that could have taken a first factor.
            "first" if phase == Phase::Auth || value == "publickey" => {
                once(&mut self.first, "first", first(value)?)
            }
            "need" if phase == Phase::Account => once(&mut self.need_factor, "need", need(value)?),
            "first" => Err(OptionError::WrongLine("first", "auth")),
            "need" => Err(OptionError::WrongLine("need", "account")),
            #[cfg(feature = "test-panic")]
            "panic" => once(&mut self.panic, "panic", ()),
            _ if phase == Phase::Auth => self.question_word(word, key, value),
            _ => Err(match QUESTION_WORDS.iter().find(|ours| **ours == key) {
                Some(ours) => OptionError::WrongLine(ours, "auth"),
                None => not_ours(key),
            }),
        }
    }

    /// Words about the question and its answer: the auth line's alone.
    fn question_word(&mut self, word: &str, key: &str, value: &str) -> Result<(), OptionError> {
        let flag = |name| if word == name { Ok(()) } else { Err(OptionError::Value(name, "no value")) };
        match key {
            "prompt" => once(&mut self.prompt, "prompt", prompt(value)?),
            "echo" => once(&mut self.echo, "echo", echo(value)?),
            "tries" => once(&mut self.tries, "tries", tries(value)?),
            "forward_pass" => once(&mut self.forward_pass, "forward_pass", flag("forward_pass")?),
            "try_first_pass" => once(&mut self.try_first_pass, "try_first_pass", flag("try_first_pass")?),
            "use_first_pass" => once(&mut self.use_first_pass, "use_first_pass", flag("use_first_pass")?),
            _ => Err(not_ours(key)),
        }
    }

    /// How the answer is come by. With a first factor above, what was given there is the password: it is no code, and the
    /// code is none for the module below.
    fn passing(&self) -> Result<Passing, OptionError> {
        let answer = match (self.use_first_pass, self.try_first_pass) {
            (None, None) => AnswerFrom::Prompt,
            (None, Some(())) => AnswerFrom::FirstPassOrPrompt,
            (Some(()), None) => AnswerFrom::FirstPass,
            (Some(()), Some(())) => return Err(OptionError::Contradict("try_first_pass", "use_first_pass")),
        };
        let passing = Passing { answer, combined: self.forward_pass.is_some() };
        match (self.first, passing) {
            (Some(_), Passing { combined: true, .. }) => {
                Err(OptionError::Contradict("forward_pass", "first="))
            }
            (
                Some(First::Above),
                Passing { answer: AnswerFrom::FirstPass | AnswerFrom::FirstPassOrPrompt, .. },
            ) => Err(OptionError::Contradict("first=above", "use_first_pass or try_first_pass")),
            _ => Ok(passing),
        }
    }
}

/// Words of the auth line alone.
const QUESTION_WORDS: [&str; 6] =
    ["prompt", "echo", "tries", "forward_pass", "try_first_pass", "use_first_pass"];

fn not_ours(key: &str) -> OptionError {
    match FOREIGN.iter().find(|(foreign, _)| *foreign == key) {
        Some((_, ours)) => OptionError::Foreign(key.to_owned(), ours),
        None => OptionError::Unknown(key.to_owned()),
    }
}

fn once<T>(slot: &mut Option<T>, key: &'static str, value: T) -> Result<(), OptionError> {
    match slot.replace(value) {
        None => Ok(()),
        Some(_) => Err(OptionError::Twice(key)),
    }
}

fn socket(value: &str) -> Result<PathBuf, OptionError> {
    if value.starts_with('/') && value.len() <= LONGEST_SOCKET {
        Ok(value.into())
    } else {
        Err(OptionError::Value("socket", "an absolute path of at most 107 bytes"))
    }
}

fn timeout(value: &str) -> Result<Duration, OptionError> {
    let digits = value.trim_end_matches(|character: char| character.is_ascii_lowercase());
    let number = digits.parse::<u32>().ok().filter(|_| digits.bytes().all(|byte| byte.is_ascii_digit()));
    let unit = value.get(digits.len()..).unwrap_or_default();
    let duration = match (number, unit) {
        (Some(number), "ms") => Some(Duration::from_millis(number.into())),
        (Some(number), "" | "s") => Some(Duration::from_secs(number.into())),
        _ => None,
    };
    duration
        .filter(|duration| (SHORTEST_TIMEOUT..=LONGEST_TIMEOUT).contains(duration))
        .ok_or(OptionError::Value("timeout", "100ms to 60s; a bare number means seconds"))
}

fn prompt(value: &str) -> Result<String, OptionError> {
    if value.is_empty() || value.len() > LONGEST_PROMPT || value.chars().any(char::is_control) {
        return Err(OptionError::Value("prompt", "at most 200 bytes without control characters"));
    }
    Ok(value.to_owned())
}

fn first(value: &str) -> Result<First, OptionError> {
    match value {
        "above" => Ok(First::Above),
        "publickey" => Ok(First::Publickey),
        _ => Err(OptionError::Value("first", "\"above\" or \"publickey\"")),
    }
}

fn echo(value: &str) -> Result<Echo, OptionError> {
    match value {
        "on" => Ok(Echo::On),
        "off" => Ok(Echo::Off),
        _ => Err(OptionError::Value("echo", "\"on\" or \"off\"")),
    }
}

fn tries(value: &str) -> Result<u8, OptionError> {
    let number = value.parse().ok().filter(|_| value.bytes().all(|byte| byte.is_ascii_digit()));
    number.filter(|number| (1..=MOST_TRIES).contains(number)).ok_or(OptionError::Value("tries", "1 to 5"))
}

fn language(value: &str) -> Result<Language, OptionError> {
    match value {
        "en" => Ok(Language::English),
        "de" => Ok(Language::German),
        _ => Err(OptionError::Value("lang", "\"en\" or \"de\"")),
    }
}

fn need(value: &str) -> Result<(), OptionError> {
    if value == "factor" { Ok(()) } else { Err(OptionError::Value("need", "\"factor\"")) }
}

#[cfg(test)]
mod tests;

//! The words on the module's line in `/etc/pam.d`.
//!
//! A word that is not understood refuses the login: a typing mistake must not quietly weaken a door.

use std::path::PathBuf;
use std::time::Duration;

use twofold_shared::client::DEFAULT_SOCKET;

/// How long one question to the authority may take: its own deadline for a verification is five seconds.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(8);
const SHORTEST_TIMEOUT: Duration = Duration::from_millis(100);
const LONGEST_TIMEOUT: Duration = Duration::from_secs(60);

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
        "unknown option \"{0}\": auth takes socket=, timeout=, prompt= and first=, account takes socket=, timeout=, need= and \
         first=publickey"
    )]
    Unknown(String),
    /// A word for the other line.
    #[error("option \"{0}\" belongs on the {1} line")]
    WrongLine(&'static str, &'static str),
    /// A word said twice.
    #[error("option \"{0}\" is given twice")]
    Twice(&'static str),
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
    ("echo_verification_code", "codes are not shown while they are typed"),
    ("forward_pass", "the code has a prompt of its own, and passwords are left to the modules above"),
    ("grace_period", "how long a login holds is the authority's policy"),
    ("no_increment_hotp", "counters are kept by the authority"),
    ("nullok", "who may come in without a second factor is the authority's policy: default = \"optional\""),
    ("secret", "secrets are kept by the authority: twofold enroll"),
    ("try_first_pass", "the code has a prompt of its own"),
    ("use_first_pass", "the code has a prompt of its own"),
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
        Ok(Self {
            socket: read.socket.unwrap_or_else(|| DEFAULT_SOCKET.into()),
            timeout: read.timeout.unwrap_or(DEFAULT_TIMEOUT),
            prompt: read.prompt,
            first: read.first.unwrap_or_default(),
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
            "prompt" if phase == Phase::Auth => once(&mut self.prompt, "prompt", prompt(value)?),
            // Nothing stands above an account line that could have taken a first factor.
            "first" if phase == Phase::Auth || value == "publickey" => {
                once(&mut self.first, "first", first(value)?)
            }
            "need" if phase == Phase::Account => once(&mut self.need_factor, "need", need(value)?),
            "prompt" => Err(OptionError::WrongLine("prompt", "auth")),
            "first" => Err(OptionError::WrongLine("first", "auth")),
            "need" => Err(OptionError::WrongLine("need", "account")),
            #[cfg(feature = "test-panic")]
            "panic" => once(&mut self.panic, "panic", ()),
            _ => Err(match FOREIGN.iter().find(|(foreign, _)| *foreign == key) {
                Some((_, ours)) => OptionError::Foreign(key.to_owned(), ours),
                None => OptionError::Unknown(key.to_owned()),
            }),
        }
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

fn need(value: &str) -> Result<(), OptionError> {
    if value == "factor" { Ok(()) } else { Err(OptionError::Value("need", "\"factor\"")) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(phase: Phase, line: &[&str]) -> Result<Options, OptionError> {
        Options::parse(phase, &line.iter().map(|&word| word.to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn no_words_mean_the_defaults() {
        let options = parse(Phase::Auth, &[]).unwrap();
        assert_eq!(options.socket, PathBuf::from("/run/twofold/authority.sock"));
        assert_eq!(options.timeout, Duration::from_secs(8));
        assert_eq!((options.first, options.need_factor, options.prompt), (First::Unsaid, false, None));
    }

    #[test]
    fn each_word_is_read() {
        let auth = parse(
            Phase::Auth,
            &["socket=/run/twofold/web1.sock", "timeout=2500ms", "prompt=Token for %u: ", "first=publickey"],
        )
        .unwrap();
        assert_eq!(auth.socket, PathBuf::from("/run/twofold/web1.sock"));
        assert_eq!(auth.timeout, Duration::from_millis(2500));
        assert_eq!(auth.prompt.as_deref(), Some("Token for %u: "));
        assert_eq!(auth.first, First::Publickey);
        assert_eq!(parse(Phase::Auth, &["first=above"]).unwrap().first, First::Above);
        assert!(parse(Phase::Account, &["need=factor"]).unwrap().need_factor);
        assert_eq!(parse(Phase::Account, &["first=publickey"]).unwrap().first, First::Publickey);
    }

    #[test]
    fn a_bare_number_is_seconds() {
        assert_eq!(parse(Phase::Auth, &["timeout=3"]).unwrap().timeout, Duration::from_secs(3));
        assert_eq!(parse(Phase::Auth, &["timeout=3s"]).unwrap().timeout, Duration::from_secs(3));
    }

    #[test]
    fn a_timeout_that_is_none_is_refused() {
        for value in ["", "s", "0", "0s", "99ms", "61", "-1", "+1", "1.5s", "1m", "8 s", "99999999999", "８"]
        {
            let word = format!("timeout={value}");
            assert!(matches!(parse(Phase::Auth, &[&word]), Err(OptionError::Value("timeout", _))), "{word}");
        }
    }

    #[test]
    fn values_that_cannot_be_are_refused() {
        let long = format!("socket=/{}", "x".repeat(107));
        let words = [
            "socket=",
            "socket=run/x",
            &long,
            "prompt=",
            "prompt=a\nb",
            "first=",
            "first=ABOVE",
            "first=password",
        ];
        for word in words {
            assert!(matches!(parse(Phase::Auth, &[word]), Err(OptionError::Value(..))), "{word}");
        }
        for word in ["need", "need=", "need=code"] {
            assert!(matches!(parse(Phase::Account, &[word]), Err(OptionError::Value(..))), "{word}");
        }
    }

    #[test]
    fn a_word_of_another_module_is_refused_and_ours_is_named() {
        for (word, ours) in FOREIGN {
            let error = parse(Phase::Auth, &[&format!("{word}=x")]).unwrap_err().to_string();
            assert!(error.contains(word) && error.contains(ours), "{error}");
            assert!(parse(Phase::Auth, &[word]).is_err());
            assert!(parse(Phase::Account, &[word]).is_err());
        }
        assert!(parse(Phase::Auth, &["nullok"]).unwrap_err().to_string().contains("optional"));
    }

    #[test]
    fn a_word_of_nobodys_is_refused() {
        for word in ["frist=above", "First=above", "", "=", "sockets=/x", "first"] {
            assert!(parse(Phase::Auth, &[word]).is_err(), "{word:?}");
        }
    }

    #[test]
    fn a_word_on_the_wrong_line_is_refused() {
        assert_eq!(parse(Phase::Auth, &["need=factor"]), Err(OptionError::WrongLine("need", "account")));
        assert_eq!(parse(Phase::Account, &["first=above"]), Err(OptionError::WrongLine("first", "auth")));
    }

    #[test]
    fn a_word_said_twice_is_refused() {
        assert_eq!(parse(Phase::Auth, &["first=above", "first=above"]), Err(OptionError::Twice("first")));
    }

    proptest! {
        #[test]
        fn parsing_never_panics(words in proptest::collection::vec(".*", 0..4)) {
            let _ = Options::parse(Phase::Auth, &words);
        }

        #[test]
        fn nothing_but_our_own_words_is_taken(word in "[a-z_]{1,12}(=.*)?") {
            let key = word.split('=').next().unwrap_or_default();
            prop_assume!(!["socket", "timeout", "prompt", "first", "panic"].contains(&key));
            prop_assert!(Options::parse(Phase::Auth, &[word]).is_err());
        }
    }
}

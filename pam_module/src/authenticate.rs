//! The question, the answer, the verdict.

use pamsm::PamError;
use twofold_shared::code::Code;
use twofold_shared::wire::{Ask, FirstFactor, Login};

use crate::account::remember;
use crate::attempt::{Attempt, refused_login};
use crate::host::{Answer, Host, Level, Tone};
use crate::messages;
use crate::options::{Options, Phase};
use crate::outcome::{LetBy, Memory, Outcome, Refusal, Why};
use crate::source::describe;

/// `pam_sm_authenticate`. `silent`: the host wants no messages.
pub fn authenticate(host: &impl Host, words: &[String], silent: bool) -> PamError {
    let attempt = match begin(host, words) {
        Ok(attempt) => attempt,
        Err(refusal) => {
            remember(host, &[], Memory::Refused);
            return refuse(host, refused_login(host).as_ref(), &refusal, silent);
        }
    };
    let outcome = decide(host, &attempt).unwrap_or_else(Outcome::Refused);
    remember(host, &attempt.user, outcome.memory());
    match &outcome {
        Outcome::Passed(permit, notices) => {
            for news in notices.iter().filter_map(messages::notice) {
                tell(host, silent, Tone::News, &news);
            }
            log(host, Level::Info, "accepted", &attempt.login, &format!("request {}", permit.nonce()));
        }
        Outcome::LetBy(why, request) => {
            let why = match why {
                LetBy::Exempt => "exempt by policy",
                LetBy::Grace => "a code given here before still serves",
                LetBy::Optional => "not enrolled, and policy says optional",
            };
            log(host, Level::Info, "let by", &attempt.login, &format!("{why}; request {request}"));
        }
        Outcome::Refused(refusal) => {
            refuse(host, Some(&attempt.login), refusal, silent);
        }
    }
    outcome.code()
}

fn begin(host: &impl Host, words: &[String]) -> Result<Attempt, Refusal> {
    let options =
        Options::parse(Phase::Auth, words).map_err(|error| Refusal { why: error.into(), request: None })?;
    #[cfg(feature = "test-panic")]
    #[expect(clippy::panic, reason = "what the feature is for")]
    if options.panic {
        panic!("a panic on demand");
    }
    Attempt::begin(host, options)
}

/// Ends in an [`Outcome::Refused`] whatever fails.
fn decide(host: &impl Host, attempt: &Attempt) -> Result<Outcome, Refusal> {
    // Only where a first factor holds can anything but a code let somebody in, so otherwise nothing is asked.
    if attempt.login.first != FirstFactor::None {
        let (ask, request) = attempt.consult()?;
        match ask {
            Ask::Code => {}
            Ask::Exempt => return Ok(Outcome::LetBy(LetBy::Exempt, request)),
            Ask::Grace => return Ok(Outcome::LetBy(LetBy::Grace, request)),
            Ask::Optional => return Ok(Outcome::LetBy(LetBy::Optional, request)),
            Ask::Unenrolled => return Err(Refusal { why: Why::Unenrolled, request: Some(request) }),
        }
    }
    let prompt = messages::prompt(attempt.options.prompt.as_deref(), &attempt.login.name);
    let answer = host.ask(&prompt).map_err(|_| Refusal { why: Why::GaveUp, request: None })?;
    match code(host, &answer) {
        Some(code) => attempt.verify(code).map(|(permit, notices)| Outcome::Passed(permit, notices)),
        None => Err(attempt.verify_nothing(&answer)),
    }
}

/// The code in an answer. sshd's `password` method answers every hidden prompt with the password: that is none.
fn code(host: &impl Host, answer: &Answer) -> Option<Code> {
    if host.is_password(&answer.bytes) {
        return None;
    }
    Code::parse(std::str::from_utf8(&answer.bytes).ok()?).ok()
}

/// Tells and logs a refusal, and says its code.
pub fn refuse(host: &impl Host, login: Option<&Login>, refusal: &Refusal, silent: bool) -> PamError {
    if let Some(sentence) = messages::refusal(refusal) {
        tell(host, silent, Tone::Refusal, &sentence);
    }
    let level = match refusal.why {
        Why::Misconfigured(_) | Why::Unavailable(_) | Why::Panicked => Level::Error,
        Why::NoUser | Why::GaveUp | Why::NotACode(_) | Why::Said(_) | Why::Unenrolled | Why::NoFactor => {
            Level::Notice
        }
    };
    let mut reason = refusal.why.to_string();
    if let Some(request) = &refusal.request {
        reason = format!("{reason}; request {request}");
    }
    match login {
        Some(login) => log(host, level, "refused", login, &reason),
        None => host.log(level, &one_line(format!("refused: {reason}"))),
    }
    refusal.why.code()
}

fn tell(host: &impl Host, silent: bool, tone: Tone, text: &str) {
    if !silent {
        host.tell(tone, text);
    }
}

fn log(host: &impl Host, level: Level, verdict: &str, login: &Login, rest: &str) {
    // The name is quoted, and stands after the address: nobody names themselves into another's.
    let line = format!("{verdict} from {}, user {:?}: {rest}", describe(&login.source), login.name);
    host.log(level, &one_line(line));
}

/// Escapes what could begin another line or speak to a terminal.
fn one_line(text: String) -> String {
    if text.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
        return text;
    }
    let mut line = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_control() || matches!(character, '\u{2028}' | '\u{2029}') {
            line.extend(character.escape_unicode());
        } else {
            line.push(character);
        }
    }
    line
}

#[cfg(test)]
mod tests;

//! The question, the answer, the verdict.

use pamsm::PamError;
use twofold_shared::code::Code;
use twofold_shared::wire::{Ask, FirstFactor, Language, Login, Word};
use zeroize::Zeroizing;

use crate::account::remember;
use crate::attempt::{Attempt, refused_login};
use crate::combined::split;
use crate::enrol::{enrol, enrol_invited};
use crate::host::{Answer, Host, Level, Tone};
use crate::messages::{self, Words};
use crate::options::{AnswerFrom, Options, Passing, Phase};
use crate::outcome::{LetBy, Memory, Outcome, Refusal, Why};
use crate::source::describe;

/// `pam_sm_authenticate`. `silent`: the host wants no messages.
pub fn authenticate(host: &impl Host, words: &[String], silent: bool) -> PamError {
    let mut attempt = match begin(host, words) {
        Ok(attempt) => attempt,
        Err(refusal) => {
            remember(host, &[], &Memory::Refused);
            let words = messages::words(Language::default());
            return refuse(host, (words, silent), refused_login(host).as_ref(), &refusal);
        }
    };
    let (outcome, tries) = match decide(host, &mut attempt) {
        Ok(outcome) => (outcome, Tries::Left),
        Err((refusal, tries)) => (Outcome::Refused(refusal), tries),
    };
    remember(host, &attempt.user, &outcome.memory());
    let code = outcome.code();
    match outcome {
        Outcome::Passed(permit, notices) => {
            for news in notices.iter().filter_map(|notice| messages::notice(attempt.words(), notice)) {
                tell(host, silent, Tone::News, &news);
            }
            log(host, Level::Info, "accepted", &attempt.login, &format!("request {}", permit.nonce()));
        }
        Outcome::Enrolled(permit, _) => {
            let rest = format!("a second factor was set up; request {}", permit.nonce());
            log(host, Level::Info, "accepted", &attempt.login, &rest);
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
            refuse(host, (attempt.words(), silent), Some(&attempt.login), &refusal);
        }
    }
    match tries {
        Tries::Left => code,
        Tries::UsedUp => PamError::MAXTRIES,
    }
}

/// Whether the line's `tries=` are used up: then the host need not begin again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tries {
    Left,
    UsedUp,
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

/// Ends in a refusal whatever fails.
fn decide(host: &impl Host, attempt: &mut Attempt) -> Result<Outcome, (Refusal, Tries)> {
    let at_once = |refusal| (refusal, Tries::Left);
    // Only where a first factor holds can anything but a code let somebody in, so otherwise nothing is asked.
    if attempt.login.first != FirstFactor::None {
        let (ask, request) = attempt.consult().map_err(at_once)?;
        match ask {
            Ask::Code => {}
            Ask::Exempt => return Ok(Outcome::LetBy(LetBy::Exempt, request)),
            Ask::Grace => return Ok(Outcome::LetBy(LetBy::Grace, request)),
            Ask::Optional => return Ok(Outcome::LetBy(LetBy::Optional, request)),
            Ask::Enrol => return enrol(host, attempt).map_err(at_once),
            Ask::Invitation => return enrol_invited(host, attempt).map_err(at_once),
            Ask::Unenrolled => return Err(at_once(Refusal { why: Why::Unenrolled, request: Some(request) })),
        }
    }
    let tries = attempt.options.tries;
    let mut before = String::new();
    for left in (0..tries).rev() {
        let (refusal, again) = match give(host, attempt, &before) {
            Ok(outcome) => return Ok(outcome),
            Err(refused) => refused,
        };
        if again == Again::No {
            return Err(at_once(refusal));
        }
        if left == 0 {
            return Err((refusal, if tries > 1 { Tries::UsedUp } else { Tries::Left }));
        }
        log_refusal(host, Some(&attempt.login), &refusal);
        // In the question itself, because some clients show nothing else.
        before = messages::refusal(attempt.words(), &refusal).unwrap_or_default() + "\n";
    }
    // There is at least one try.
    Err(at_once(Refusal { why: Why::GaveUp, request: None }))
}

/// Whether another answer could help.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Again {
    Yes,
    No,
}

/// One answer: come by, looked at, judged. `before` stands before the question.
fn give(host: &impl Host, attempt: &Attempt, before: &str) -> Result<Outcome, (Refusal, Again)> {
    let passing = attempt.options.passing;
    let (answer, asked) = answer(host, attempt, before).map_err(|refusal| (refusal, Again::No))?;
    // sshd's `password` method answers every hidden question with the password, and will the next time.
    let is_password = asked && host.is_password(&answer.bytes);
    let (password, code) = match read(&answer, passing).filter(|_| !is_password) {
        Some(read) => read,
        None => {
            let again = if is_password || !asked { Again::No } else { Again::Yes };
            let refusal = attempt.verify_nothing(&answer);
            return Err((refusal, again));
        }
    };
    match attempt.verify(code) {
        Ok((permit, notices)) => {
            if let Some(password) = password {
                host.set_password(&password).map_err(|_| {
                    let why = Why::Unavailable("libpam does not take the password".to_owned());
                    (Refusal { why, request: Some(permit.nonce().clone()) }, Again::No)
                })?;
            }
            Ok(Outcome::Passed(permit, notices))
        }
        Err(refusal) => {
            let again = match &refusal.why {
                Why::Said(refused) if asked && matches!(refused.word, Word::Wrong | Word::Used) => Again::Yes,
                _ => Again::No,
            };
            Err((refusal, again))
        }
    }
}

/// The answer, and whether it was asked for now.
fn answer(host: &impl Host, attempt: &Attempt, before: &str) -> Result<(Answer, bool), Refusal> {
    let options = &attempt.options;
    let given = match options.passing.answer {
        AnswerFrom::Prompt => None,
        AnswerFrom::FirstPass => {
            Some(host.password().ok_or(Refusal { why: Why::NoPassword, request: None })?)
        }
        AnswerFrom::FirstPassOrPrompt => {
            // Asked again, it is the person's turn.
            host.password().filter(|given| before.is_empty() && read(given, options.passing).is_some())
        }
    };
    if let Some(given) = given {
        return Ok((given, false));
    }
    let (words, name) = (attempt.words(), &attempt.login.name);
    let question = messages::prompt(words, options.prompt.as_deref(), name, options.passing.combined);
    let answer = host.ask(&format!("{before}{question}"), options.echo);
    Ok((answer.map_err(|_| Refusal { why: Why::GaveUp, request: None })?, true))
}

/// The code in an answer, and the password before it where both come together.
fn read(answer: &Answer, passing: Passing) -> Option<(Option<Zeroizing<Vec<u8>>>, Code)> {
    if passing.combined {
        return split(&answer.bytes).map(|parts| (Some(parts.password), parts.code));
    }
    Some((None, Code::parse(std::str::from_utf8(&answer.bytes).ok()?).ok()?))
}

/// Tells and logs a refusal, and says its code. `silent`: the host wants no messages.
pub fn refuse(
    host: &impl Host,
    (words, silent): (&Words, bool),
    login: Option<&Login>,
    refusal: &Refusal,
) -> PamError {
    if let Some(sentence) = messages::refusal(words, refusal) {
        tell(host, silent, Tone::Refusal, &sentence);
    }
    log_refusal(host, login, refusal);
    refusal.why.code()
}

fn log_refusal(host: &impl Host, login: Option<&Login>, refusal: &Refusal) {
    let level = match refusal.why {
        Why::Misconfigured(_) | Why::Unavailable(_) | Why::Panicked | Why::NoPassword => Level::Error,
        Why::NoUser
        | Why::GaveUp
        | Why::NotACode(_)
        | Why::Said(_)
        | Why::Unenrolled
        | Why::Invitation
        | Why::EnrolmentLeft
        | Why::NotSwitchedOn
        | Why::NoFactor => Level::Notice,
    };
    let mut reason = refusal.why.to_string();
    if let Some(request) = &refusal.request {
        reason = format!("{reason}; request {request}");
    }
    match login {
        Some(login) => log(host, level, "refused", login, &reason),
        None => host.log(level, &one_line(format!("refused: {reason}"))),
    }
}

fn tell(host: &impl Host, silent: bool, tone: Tone, text: &str) {
    if !silent {
        host.tell(tone, text);
    }
}

/// Writes one line about a login to the log.
pub fn log(host: &impl Host, level: Level, verdict: &str, login: &Login, rest: &str) {
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

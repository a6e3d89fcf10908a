//! Everything that can come of a login, and PAM's code for it. `docs/pam-return-codes.md` shows this table.
//!
//! `PAM_SUCCESS` from `authenticate` needs a [`Permit`]. `PAM_IGNORE` from it comes of three states alone, and only
//! where the stack's claim about the first factor holds. Everything else is a refusal, so `?` fails closed.

use pamsm::PamError;
use twofold_shared::permit::Permit;
use twofold_shared::wire::{Nonce, Notice, Refused, Word};

use crate::options::OptionError;

/// What came of a login.
#[derive(Debug)]
pub enum Outcome {
    /// The authority approved this very request.
    Passed(Permit, Vec<Notice>),
    /// A second factor was set up, and waits for the account phase to be switched on under this number.
    Enrolled(Permit, String),
    /// No code is asked here, says the authority's policy.
    LetBy(LetBy, Nonce),
    /// Everything else.
    Refused(Refusal),
}

/// Why somebody need not give a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LetBy {
    /// Exempt by policy.
    Exempt,
    /// A code that was given here before still serves.
    Grace,
    /// Not enrolled, while policy says optional.
    Optional,
}

/// Nobody came in, for this reason.
#[derive(Debug)]
pub struct Refusal {
    /// The reason.
    pub why: Why,
    /// The request at the authority that it came of, if one was made.
    pub request: Option<Nonce>,
}

/// The reasons.
#[derive(Debug, thiserror::Error)]
pub enum Why {
    /// A word in the stack's line cannot stand there.
    #[error("{0}")]
    Misconfigured(#[from] OptionError),
    /// There is no user to ask for.
    #[error("the host names no user")]
    NoUser,
    /// The conversation failed, or the person ended it.
    #[error("the conversation failed or was ended")]
    GaveUp,
    /// What was typed is no code, or is the password.
    #[error("the answer was not a code; nobody is charged")]
    NotACode(Refused),
    /// The authority said no.
    #[error("{}", said(.0.word))]
    Said(Refused),
    /// Nobody is enrolled under the name, and policy asks for a code.
    #[error("not enrolled")]
    Unenrolled,
    /// The same, and setting one up takes an invitation.
    #[error("not enrolled; an invitation is needed")]
    Invitation,
    /// An enrolment was begun, and not finished.
    #[error("the enrolment was not finished")]
    EnrolmentLeft,
    /// In the account phase: the enrolment of this login is void.
    #[error("the enrolment of this login is void")]
    NotSwitchedOn,
    /// The line says that the answer was given to a module above, and none was.
    #[error("use_first_pass, and no module above has asked for anything")]
    NoPassword,
    /// In the account phase: the login met neither a permit nor an exemption, and the stack needs one.
    #[error("this login has met no second factor, and need=factor asks for one")]
    NoFactor,
    /// The authority could not be asked, or its answer decides nothing.
    #[error("{0}")]
    Unavailable(String),
    /// The module itself broke.
    #[error("the module panicked")]
    Panicked,
}

const fn said(word: Word) -> &'static str {
    match word {
        Word::Wrong => "wrong code",
        Word::Used => "used code",
        Word::Wait => "too many tries",
        Word::Clock => "the clock is in doubt",
        Word::Closed => "closed to unknown places",
        Word::Busy => "busy",
        Word::Unenrolled => "not enrolled",
    }
}

impl Outcome {
    /// What `pam_sm_authenticate` returns.
    pub const fn code(&self) -> PamError {
        match self {
            Self::Passed(_, _) | Self::Enrolled(_, _) => PamError::SUCCESS,
            Self::LetBy(LetBy::Exempt | LetBy::Grace | LetBy::Optional, _) => PamError::IGNORE,
            Self::Refused(refusal) => refusal.why.code(),
        }
    }

    /// What the later phases need to know.
    pub fn memory(&self) -> Memory {
        match self {
            Self::Passed(_, _) => Memory::Passed,
            Self::Enrolled(_, enrolment) => Memory::Enrolled(enrolment.clone()),
            Self::LetBy(_, _) => Memory::LetBy,
            Self::Refused(_) => Memory::Refused,
        }
    }
}

impl Why {
    /// What an entry point returns for a refusal; never `PAM_SUCCESS`, never `PAM_IGNORE`.
    pub const fn code(&self) -> PamError {
        match self {
            Self::NotACode(_) | Self::NoPassword => PamError::AUTH_ERR,
            Self::Said(Refused { word, .. }) => match word {
                // Another password in the same connection will not help: sshd need not ask for one.
                Word::Unenrolled => PamError::MAXTRIES,
                Word::Wrong | Word::Used | Word::Wait | Word::Clock | Word::Closed | Word::Busy => {
                    PamError::AUTH_ERR
                }
            },
            Self::Unenrolled | Self::Invitation | Self::EnrolmentLeft => PamError::MAXTRIES,
            Self::NoFactor | Self::NotSwitchedOn => PamError::PERM_DENIED,
            Self::GaveUp => PamError::CONV_ERR,
            Self::NoUser => PamError::USER_UNKNOWN,
            Self::Unavailable(_) => PamError::AUTHINFO_UNAVAIL,
            Self::Misconfigured(_) | Self::Panicked => PamError::SYSTEM_ERR,
        }
    }
}

/// What of a login outlives `authenticate`, within the same transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Memory {
    /// A permit was met.
    Passed,
    /// So it was, by setting up a second factor, which waits to be switched on.
    Enrolled(String),
    /// An exemption was met.
    LetBy,
    /// Neither.
    Refused,
}

impl Memory {
    /// What `pam_sm_setcred` returns; `None` where `authenticate` was not run in this process.
    pub fn setcred_code(memory: Option<&Self>) -> PamError {
        match memory {
            // In sshd `authenticate` ran in a child whose memory is gone. There are no credentials to set.
            None | Some(Self::Passed | Self::Enrolled(_)) => PamError::SUCCESS,
            Some(Self::LetBy) => PamError::IGNORE,
            Some(Self::Refused) => PamError::CRED_ERR,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = include_str!("../../docs/pam-return-codes.md");

    fn refused(word: Word) -> Why {
        Why::Said(Refused { word, wait_seconds: None })
    }

    /// Each refusal as the page names it.
    fn refusals() -> Vec<(&'static str, Why)> {
        vec![
            ("wrong code, or whatever must look the same", refused(Word::Wrong)),
            ("code already used", refused(Word::Used)),
            ("too many tries", refused(Word::Wait)),
            ("clock in doubt", refused(Word::Clock)),
            ("closed to unknown places", refused(Word::Closed)),
            ("too much at once", refused(Word::Busy)),
            ("not enrolled, policy says required", refused(Word::Unenrolled)),
            ("not enrolled, policy says required", Why::Unenrolled),
            (
                "the answer is the password, or has no code's shape",
                Why::NotACode(Refused { word: Word::Wait, wait_seconds: None }),
            ),
            ("not enrolled, and setting one up takes an invitation", Why::Invitation),
            ("an enrolment was begun and not finished", Why::EnrolmentLeft),
            ("`use_first_pass`, and no module above has asked", Why::NoPassword),
            ("conversation failed, or ended by the person", Why::GaveUp),
            ("no user named", Why::NoUser),
            ("authority absent, refusing, silent, late, or unreadable", Why::Unavailable(String::new())),
            ("unknown or misplaced option", Why::Misconfigured(OptionError::Unknown(String::new()))),
            ("a panic in the module", Why::Panicked),
            ("`need=factor`, and neither permit nor exemption met", Why::NoFactor),
            ("the enrolment of this login is void", Why::NotSwitchedOn),
        ]
    }

    fn on_page(row: &str, code: PamError) {
        let line = PAGE.lines().find(|line| line.starts_with(&format!("| {row} |")));
        let line = line.unwrap_or_else(|| panic!("the page has no row {row:?}"));
        assert!(line.contains(&format!("`PAM_{code}`")), "{line} should say {code}");
    }

    #[test]
    fn the_page_shows_the_code_of_every_refusal() {
        for (row, why) in refusals() {
            on_page(row, why.code());
        }
        let rows = PAGE.lines().filter(|line| line.starts_with("| ") && line.contains("PAM_")).count();
        on_page("the last of several tries (`tries=`) was wrong", PamError::MAXTRIES);
        assert_eq!(rows, 19 + 5 + 4, "refusals, passes, and setcred's rows");
    }

    #[test]
    fn the_page_shows_setcreds_codes() {
        on_page("authenticate passed", Memory::setcred_code(Some(&Memory::Passed)));
        on_page("authenticate let by", Memory::setcred_code(Some(&Memory::LetBy)));
        on_page("authenticate refused", Memory::setcred_code(Some(&Memory::Refused)));
        on_page("authenticate ran elsewhere", Memory::setcred_code(None));
    }

    #[test]
    fn the_page_shows_the_five_ways_in() {
        on_page("right code: a permit", PamError::SUCCESS);
        on_page("a second factor was set up in this login: a permit", PamError::SUCCESS);
        on_page("exempt by policy, first factor holds", PamError::IGNORE);
        on_page("a code given here before still serves, first factor holds", PamError::IGNORE);
        on_page("not enrolled, policy says optional, first factor holds", PamError::IGNORE);
    }

    #[test]
    fn no_refusal_is_success_or_ignore() {
        for (row, why) in refusals() {
            assert!(!matches!(why.code(), PamError::SUCCESS | PamError::IGNORE), "{row}");
        }
    }
}

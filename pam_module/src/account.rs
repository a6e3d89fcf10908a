//! The phases after `authenticate`: what they remember of it, and whether that is enough.
//!
//! Without `need=factor` the account phase asks nobody anything, so that cron, NOPASSWD and root's `su` go on when the
//! authority is away.

use pamsm::PamError;
use twofold_shared::wire::{Ask, FirstFactor};

use crate::attempt::Attempt;
use crate::host::Host;
use crate::options::{First, Options, Phase};
use crate::outcome::{Memory, Refusal, Why};

/// Keeps what came of `authenticate`, for this user only.
pub fn remember(host: &impl Host, user: &[u8], memory: Memory) {
    let mark = match memory {
        Memory::Passed => b'p',
        Memory::LetBy => b'l',
        Memory::Refused => b'r',
    };
    host.remember([&[mark], user].concat());
}

/// What came of `authenticate` in this transaction; nothing if it was not run, or for another user.
fn recall(host: &impl Host) -> Option<Memory> {
    let kept = host.recall()?;
    let (mark, user) = kept.split_first()?;
    match (mark, host.user()) {
        (b'p', Ok(name)) if name == user => Some(Memory::Passed),
        (b'l', Ok(name)) if name == user => Some(Memory::LetBy),
        // Refused; or a user that changed underneath, which no module may do.
        _ => Some(Memory::Refused),
    }
}

/// `pam_sm_setcred`: there are no credentials to set.
pub fn setcred(host: &impl Host) -> PamError {
    Memory::setcred_code(recall(host))
}

/// `pam_sm_acct_mgmt`.
pub fn account(host: &impl Host, words: &[String], silent: bool) -> PamError {
    let options = match Options::parse(Phase::Account, words) {
        Ok(options) if !options.need_factor => return PamError::IGNORE,
        Ok(options) => options,
        Err(error) => {
            let refusal = Refusal { why: error.into(), request: None };
            return crate::authenticate::refuse(host, None, &refusal, silent);
        }
    };
    match recall(host) {
        Some(Memory::Passed | Memory::LetBy) => PamError::IGNORE,
        Some(Memory::Refused) => {
            crate::authenticate::refuse(host, None, &Refusal { why: Why::NoFactor, request: None }, silent)
        }
        None => without_authentication(host, options, silent),
    }
}

/// sshd after a public key alone: `authenticate` was never run, and only policy can say that none was needed.
fn without_authentication(host: &impl Host, options: Options, silent: bool) -> PamError {
    let attempt = match Attempt::begin(host, Options { first: First::Publickey, ..options }) {
        Ok(attempt) => attempt,
        Err(refusal) => return crate::authenticate::refuse(host, None, &refusal, silent),
    };
    let refusal = match attempt.login.first {
        FirstFactor::Publickey => match attempt.consult() {
            Ok((Ask::Exempt | Ask::Optional, _)) => return PamError::IGNORE,
            Ok((Ask::Code | Ask::Unenrolled, request)) => {
                Refusal { why: Why::NoFactor, request: Some(request) }
            }
            Err(refusal) => refusal,
        },
        FirstFactor::None | FirstFactor::Above => Refusal { why: Why::NoFactor, request: None },
    };
    crate::authenticate::refuse(host, Some(&attempt.login), &refusal, silent)
}

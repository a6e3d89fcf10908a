//! The phases after `authenticate`: what they remember of it, and whether that is enough.
//!
//! Without `need=factor`, and unless a second factor was set up in this very login, the account phase asks nobody
//! anything, so that cron, NOPASSWD and root's `su` go on when the
//! authority is away.

use pamsm::PamError;
use twofold_shared::wire::{Ask, FirstFactor, Language};

use crate::attempt::{Attempt, refused_login};
use crate::authenticate::{log, refuse};
use crate::host::{Host, Level};
use crate::messages;
use crate::options::{First, Options, Phase};
use crate::outcome::{Memory, Refusal, Why};
use crate::source::sshd_asks;

/// Hex digits of an enrolment's number.
const ENROLMENT_DIGITS: usize = 32;

/// Keeps what came of `authenticate`, for this user only.
pub fn remember(host: &impl Host, user: &[u8], memory: &Memory) {
    let mark = match memory {
        Memory::Passed => "p",
        Memory::LetBy => "l",
        Memory::Refused => "r",
        // Its number is all hex, and as long as each: what stands behind it is the user.
        Memory::Enrolled(enrolment) if enrolment.len() == ENROLMENT_DIGITS => {
            return host.remember([b"e", enrolment.as_bytes(), user].concat());
        }
        Memory::Enrolled(_) => "r",
    };
    host.remember([mark.as_bytes(), user].concat());
}

/// What came of `authenticate` in this transaction; nothing if it was not run, or for another user.
fn recall(host: &impl Host) -> Option<Memory> {
    let kept = host.recall()?;
    let (mark, rest) = kept.split_first()?;
    let (enrolment, user) = match mark {
        b'e' => rest.split_at_checked(ENROLMENT_DIGITS)?,
        _ => (b"".as_slice(), rest),
    };
    Some(match (mark, host.user()) {
        (b'p', Ok(name)) if name == user => Memory::Passed,
        (b'l', Ok(name)) if name == user => Memory::LetBy,
        (b'e', Ok(name)) if name == user => Memory::Enrolled(String::from_utf8_lossy(enrolment).into_owned()),
        // Refused; or a user that changed underneath, which no module may do.
        _ => Memory::Refused,
    })
}

/// `pam_sm_setcred`: there are no credentials to set.
pub fn setcred(host: &impl Host) -> PamError {
    Memory::setcred_code(recall(host).as_ref())
}

/// `pam_sm_acct_mgmt`.
pub fn account(host: &impl Host, words: &[String], silent: bool) -> PamError {
    let options = match Options::parse(Phase::Account, words) {
        Ok(options) => options,
        Err(error) => {
            let refusal = Refusal { why: error.into(), request: None };
            let words = messages::words(Language::default());
            return refuse(host, (words, silent), refused_login(host).as_ref(), &refusal);
        }
    };
    match recall(host) {
        Some(Memory::Enrolled(enrolment)) => switch_on(host, options, &enrolment, silent),
        _ if !options.need_factor => PamError::IGNORE,
        Some(Memory::Passed | Memory::LetBy) => PamError::IGNORE,
        Some(Memory::Refused) => {
            let refusal = Refusal { why: Why::NoFactor, request: None };
            let words = messages::words(options.language.unwrap_or_default());
            refuse(host, (words, silent), refused_login(host).as_ref(), &refusal)
        }
        None => without_authentication(host, options, silent),
    }
}

/// This login has set up a second factor, and every module before was content: now it is on.
fn switch_on(host: &impl Host, options: Options, enrolment: &str, silent: bool) -> PamError {
    let words = messages::words(options.language.unwrap_or_default());
    let attempt = match Attempt::begin(host, options) {
        Ok(attempt) => attempt,
        Err(refusal) => return refuse(host, (words, silent), None, &refusal),
    };
    match attempt.activate_enrolment(enrolment) {
        Ok(request) => {
            remember(host, &attempt.user, &Memory::Passed);
            let rest = format!("the second factor is on; request {request}");
            log(host, Level::Info, "accepted", &attempt.login, &rest);
            PamError::IGNORE
        }
        Err(refusal) => {
            remember(host, &attempt.user, &Memory::Refused);
            refuse(host, (words, silent), Some(&attempt.login), &refusal)
        }
    }
}

/// sshd after a public key alone: `authenticate` was never run, and only policy can say that none was needed.
///
/// sshd asks here for whom it has authenticated, but it puts the last method on its list only afterwards: that it was a
/// public key, the line has to say.
fn without_authentication(host: &impl Host, options: Options, silent: bool) -> PamError {
    let claimed = options.first == First::Publickey && sshd_asks(host);
    let words = messages::words(options.language.unwrap_or_default());
    let mut attempt = match Attempt::begin(host, Options { first: First::Publickey, ..options }) {
        Ok(attempt) => attempt,
        Err(refusal) => return refuse(host, (words, silent), None, &refusal),
    };
    if claimed {
        attempt.login.first = FirstFactor::Publickey;
    }
    let refusal = match attempt.login.first {
        FirstFactor::Publickey => match attempt.consult() {
            Ok((Ask::Exempt | Ask::Grace | Ask::Optional, _)) => return PamError::IGNORE,
            Ok((Ask::Code | Ask::Unenrolled | Ask::Enrol | Ask::Invitation, request)) => {
                Refusal { why: Why::NoFactor, request: Some(request) }
            }
            Err(refusal) => refusal,
        },
        FirstFactor::None | FirstFactor::Above => Refusal { why: Why::NoFactor, request: None },
    };
    refuse(host, (attempt.words(), silent), Some(&attempt.login), &refusal)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::authenticate::authenticate;
    use crate::host::authority::{Authority, Does};
    use crate::host::scripted::Scripted;

    const KEY: &str = "publickey ssh-ed25519 AAAAC3Nz\n";

    fn need_factor(host: &Scripted, authority: &Authority) -> PamError {
        account(host, &authority.words(&["need=factor"]), false)
    }

    /// What need=factor and setcred make of a login that `authority` answers.
    fn afterwards(host: &Scripted, authority: Authority) -> (PamError, PamError) {
        authenticate(host, &authority.words(&["first=above"]), true);
        let codes = (need_factor(host, &authority), setcred(host));
        authority.asked();
        codes
    }

    #[test]
    fn without_need_nothing_is_asked_and_nothing_is_decided() {
        let (host, authority) = (Scripted::new().nobody(), Authority::that([]));
        assert_eq!(account(&host, &authority.words(&[]), false), PamError::IGNORE);
        assert_eq!(account(&host, &["socket=/nonexistent".to_owned()], false), PamError::IGNORE);
        assert!(host.logged().is_empty());
        authority.asked();
    }

    #[test]
    fn a_permit_and_an_exemption_are_enough() {
        let host = Scripted::new().types("Code for alice: ", "123456");
        assert_eq!(afterwards(&host, Authority::that_approves()), (PamError::IGNORE, PamError::SUCCESS));
        for ask in ["exempt", "grace", "optional"] {
            let codes = afterwards(&Scripted::new(), Authority::that_says(ask));
            assert_eq!(codes, (PamError::IGNORE, PamError::IGNORE));
        }
    }

    #[test]
    fn a_refusal_is_not() {
        let host = Scripted::new().types("Code for alice: ", "123456");
        let authority = Authority::that_refuses(json!({"word": "wrong"}));
        assert_eq!(afterwards(&host, authority), (PamError::PERM_DENIED, PamError::CRED_ERR));
        let fault = Authority::that([Does::Sends(Vec::new())]);
        assert_eq!(afterwards(&Scripted::new(), fault), (PamError::PERM_DENIED, PamError::CRED_ERR));
    }

    #[test]
    fn a_later_refusal_takes_an_earlier_permit_back() {
        let host = Scripted::new().types("Code for alice: ", "123456").types("Code for alice: ", "123456");
        assert_eq!(afterwards(&host, Authority::that_approves()).0, PamError::IGNORE);
        let refusing = Authority::that_refuses(json!({"word": "used"}));
        assert_eq!(afterwards(&host, refusing).0, PamError::PERM_DENIED);
        let misconfigured = ["nullok".to_owned()];
        authenticate(&host, &misconfigured, true);
        assert_eq!(setcred(&host), PamError::CRED_ERR);
    }

    #[test]
    fn anothers_permit_is_not() {
        let host = Scripted::new();
        remember(&host, b"bob", &Memory::Passed);
        assert_eq!(need_factor(&host, &Authority::that([])), PamError::PERM_DENIED);
        assert_eq!(setcred(&host), PamError::CRED_ERR);
    }

    #[test]
    fn a_public_key_alone_is_refused_unless_policy_exempts() {
        for (ask, code) in [
            ("code", PamError::PERM_DENIED),
            ("unenrolled", PamError::PERM_DENIED),
            ("exempt", PamError::IGNORE),
            ("grace", PamError::IGNORE),
            ("optional", PamError::IGNORE),
        ] {
            let host = Scripted::new().environment("SSH_AUTH_INFO_0", KEY);
            let authority = Authority::that_says(ask);
            assert_eq!(need_factor(&host, &authority), code, "{ask}");
            assert_eq!(authority.asked()[0]["parameters"]["login"]["first"], "publickey");
        }
    }

    /// As sshd has it: the list is there, and the key is not on it yet.
    #[test]
    fn a_public_key_alone_is_sshds_and_the_lines_word_together() {
        let sshd = || Scripted::new().environment("SSH_AUTH_INFO_0", "");
        let claiming = |host: &Scripted, authority: &Authority| {
            account(host, &authority.words(&["need=factor", "first=publickey"]), false)
        };
        for (ask, code) in [("code", PamError::PERM_DENIED), ("exempt", PamError::IGNORE)] {
            let authority = Authority::that_says(ask);
            assert_eq!(claiming(&sshd(), &authority), code, "{ask}");
            assert_eq!(authority.asked()[0]["parameters"]["login"]["first"], "publickey");
        }
        let nobody = Authority::that([]);
        assert_eq!(need_factor(&sshd(), &nobody), PamError::PERM_DENIED);
        assert_eq!(claiming(&Scripted::new(), &nobody), PamError::PERM_DENIED);
        nobody.asked();
    }

    #[test]
    fn a_public_key_alone_is_refused_when_the_authority_is_away() {
        let host = Scripted::new().environment("SSH_AUTH_INFO_0", KEY);
        let words = ["need=factor".to_owned(), "socket=/nonexistent/authority.sock".to_owned()];
        assert_eq!(account(&host, &words, false), PamError::AUTHINFO_UNAVAIL);
    }

    #[test]
    fn no_first_factor_at_all_is_refused_without_asking() {
        let (host, authority) = (Scripted::new(), Authority::that([]));
        assert_eq!(need_factor(&host, &authority), PamError::PERM_DENIED);
        assert!(host.told()[0].1.contains("second factor"));
        authority.asked();
    }

    #[test]
    fn anothers_enrolment_is_not_switched_on() {
        let host = Scripted::new();
        remember(&host, b"bob", &Memory::Enrolled("00".repeat(16)));
        assert_eq!(need_factor(&host, &Authority::that([])), PamError::PERM_DENIED);
        remember(&host, b"alice", &Memory::Enrolled("short".to_owned()));
        assert_eq!(need_factor(&host, &Authority::that([])), PamError::PERM_DENIED);
    }

    #[test]
    fn a_bad_option_refuses() {
        let host = Scripted::new();
        assert_eq!(account(&host, &["need=code".to_owned()], false), PamError::SYSTEM_ERR);
        assert_eq!(account(&host, &["first=above".to_owned()], false), PamError::SYSTEM_ERR);
        assert_eq!(host.logged().len(), 2);
    }
}

//! A second factor set up while its owner logs in: key, first code, backup codes, each in a question of its own.
//!
//! Everything that the person needs stands in the question: some clients show no other text. What was set up here is on
//! only when the account phase says so.

use twofold_shared::code::Code;
use twofold_shared::secret::SecretText;
use twofold_shared::wire::{BegunEnrolmentAtLogin, Word};

use crate::attempt::Attempt;
use crate::host::{Answer, Host};
use crate::messages;
use crate::outcome::{Outcome, Refusal, Why};

/// Wrong first codes at most; they are not guesses, for the key is on the screen.
const MOST_WRONG: usize = 5;

/// Tries at an invitation's code: it is long.
const MOST_INVITATIONS: usize = 3;

/// Questions at most, wishes for the other picture included.
const MOST_QUESTIONS: usize = 20;

/// What an answer to the question for the first code is.
enum Said {
    Code(Code),
    /// The other picture.
    Inverse,
    Other,
}

/// Leads through an enrolment.
///
/// # Errors
/// Every [`Refusal`] that the person, the authority or a fault can bring; nothing is on then.
pub fn enrol(host: &impl Host, attempt: &Attempt) -> Result<Outcome, Refusal> {
    lead(host, attempt, attempt.begin_enrolment(None)?)
}

/// The same after an invitation's code.
///
/// # Errors
/// As [`enrol`].
pub fn enrol_invited(host: &impl Host, attempt: &Attempt) -> Result<Outcome, Refusal> {
    let mut question = messages::invitation(attempt.words(), &attempt.login.name, false);
    let mut refused = left();
    for _ in 0..MOST_INVITATIONS {
        let answer = host.ask(&question, attempt.options.echo).map_err(|_| left())?;
        if host.is_password(&answer.bytes) {
            return Err(left());
        }
        let code = SecretText::new(String::from_utf8_lossy(&answer.bytes).into_owned());
        match attempt.begin_enrolment(Some(code)) {
            Ok(begun) => return lead(host, attempt, begun),
            Err(refusal @ Refusal { why: Why::Invitation, .. }) => refused = refusal,
            Err(refusal) => return Err(refusal),
        }
        question = messages::invitation(attempt.words(), &attempt.login.name, true);
    }
    Err(refused)
}

fn lead(host: &impl Host, attempt: &Attempt, begun: BegunEnrolmentAtLogin) -> Result<Outcome, Refusal> {
    let (words, name) = (attempt.words(), &attempt.login.name);
    let shown = (&begun.picture, &begun.secret);
    let (mut inverse, mut wrong) = (false, 0);
    let mut question = messages::enrol(words, name, shown, inverse);
    for _ in 0..MOST_QUESTIONS {
        let answer = host.ask(&question, attempt.options.echo).map_err(|_| left())?;
        // sshd's `password` method answers every hidden question with the password, and shows none.
        if host.is_password(&answer.bytes) {
            return Err(left());
        }
        question = match read(&answer) {
            Said::Inverse => {
                inverse = !inverse;
                messages::enrol(words, name, shown, inverse)
            }
            Said::Code(code) => match attempt.confirm_enrolment(&begun.enrolment, code) {
                Ok((permit, codes)) => {
                    let shown = messages::enrolled(words, name, &codes);
                    host.ask(&shown, attempt.options.echo).map_err(|_| left())?;
                    return Ok(Outcome::Enrolled(permit, begun.enrolment));
                }
                Err(Refusal { why: Why::Said(refused), .. }) if refused.word == Word::Wrong => {
                    wrong += 1;
                    messages::enrol_again(words, &begun.secret)
                }
                Err(refusal) => return Err(refusal),
            },
            Said::Other => {
                wrong += 1;
                messages::enrol_again(words, &begun.secret)
            }
        };
        if wrong == MOST_WRONG {
            break;
        }
    }
    Err(left())
}

fn read(answer: &Answer) -> Said {
    let Ok(text) = std::str::from_utf8(&answer.bytes) else { return Said::Other };
    match text.trim() {
        "i" | "I" => Said::Inverse,
        typed => Code::parse(typed).map_or(Said::Other, Said::Code),
    }
}

fn left() -> Refusal {
    Refusal { why: Why::EnrolmentLeft, request: None }
}

#[cfg(test)]
mod tests {
    use pamsm::PamError;
    use serde_json::{Value, json};

    use crate::account::{account, setcred};
    use crate::authenticate::authenticate;
    use crate::host::authority::{Authority, Does, approval};
    use crate::host::scripted::Scripted;

    const FIRST: &str = "alice, this server asks for a second factor…Then the code that the app shows: ";
    const AGAIN: &str = "That isn't the app's code for this key.…Then the code that the app shows: ";
    const LAST: &str = "It works. Here are backup codes for alice…then press Enter: ";
    const ID: &str = "0123456789abcdef0123456789abcdef";

    fn begins() -> [Does; 2] {
        let begun = json!({"enrolment": ID, "secret": "JBSWY3DPEHPK3PXP", "picture": "█▀▄ \n▄▄▄▄",
                           "expires_seconds": 600});
        [Does::Answers(json!({"ask": "enrol"})), Does::Answers(begun)]
    }

    fn confirms() -> Does {
        let mut answer = approval();
        answer["backup_codes"] = json!(["12345678", "87654321"]);
        Does::Answers(answer)
    }

    fn refuses() -> Does {
        Does::Answers(json!({"refusal": {"word": "wrong"}, "backup_codes": []}))
    }

    fn login(host: &Scripted, authority: &Authority) -> PamError {
        authenticate(host, &authority.words(&["first=above"]), false)
    }

    #[test]
    fn key_code_and_backup_codes_and_then_it_is_switched_on_in_the_account_phase() {
        let script = begins().into_iter().chain([confirms(), Does::Answers(json!({}))]);
        let authority = Authority::that(script);
        let host = Scripted::new().types(FIRST, "123 456").types(LAST, "");
        assert_eq!(login(&host, &authority), PamError::SUCCESS);
        assert_eq!(setcred(&host), PamError::SUCCESS);
        assert_eq!(account(&host, &authority.words(&["need=factor"]), false), PamError::IGNORE);
        // Once: whoever asks again meets a permit.
        assert_eq!(account(&host, &authority.words(&["need=factor"]), false), PamError::IGNORE);
        let asked = authority.asked();
        let method = |at: usize| asked[at]["method"].as_str().unwrap().rsplit('.').next().unwrap().to_owned();
        assert_eq!(method(1), "BeginEnrolmentAtLogin");
        assert_eq!(
            (method(2), &asked[2]["parameters"]["code"]),
            ("ConfirmEnrolmentAtLogin".into(), &json!("123456"))
        );
        assert_eq!(
            (method(3), &asked[3]["parameters"]["enrolment"]),
            ("ActivateEnrolmentAtLogin".into(), &json!(ID))
        );
        assert!(host.told().is_empty());
        assert!(host.log_text().contains("a second factor was set up"), "{}", host.log_text());
        assert!(!host.log_text().contains("JBSW") && !host.log_text().contains("1234"));
    }

    #[test]
    fn it_is_switched_on_without_need_factor_too() {
        let script = begins().into_iter().chain([confirms(), Does::Answers(json!({}))]);
        let authority = Authority::that(script);
        let host = Scripted::new().types(FIRST, "123456").types(LAST, "");
        assert_eq!(login(&host, &authority), PamError::SUCCESS);
        assert_eq!(account(&host, &authority.words(&[]), false), PamError::IGNORE);
        authority.asked();
    }

    #[test]
    fn what_is_not_switched_on_is_no_login() {
        for fault in [
            Does::Fails("NoSuchEnrolment", json!({"detail": "expired"})),
            Does::AnswersAnother(json!({})),
            Does::Sends(Vec::new()),
        ] {
            let script = begins().into_iter().chain([confirms(), fault]);
            let authority = Authority::that(script);
            let host = Scripted::new().types(FIRST, "123456").types(LAST, "");
            assert_eq!(login(&host, &authority), PamError::SUCCESS);
            let code = account(&host, &authority.words(&[]), false);
            assert!(matches!(code, PamError::PERM_DENIED | PamError::AUTHINFO_UNAVAIL), "{code}");
            assert_eq!(host.told().len(), 1);
            authority.asked();
        }
    }

    #[test]
    fn a_wrong_code_shows_the_key_again_and_i_the_inverse_picture() {
        let authority = Authority::that(begins().into_iter().chain([refuses(), confirms()]));
        let host = Scripted::new()
            .types(FIRST, "i")
            .types("alice, this…\n ▄▀█\n▀▀▀▀\nOr type this key into the app: JBSW Y3DP EHPK 3PXP\nThen the code that the app shows: ", "rubbish")
            .types(AGAIN, "111111")
            .types(AGAIN, "123456")
            .types(LAST, "x");
        assert_eq!(login(&host, &authority), PamError::SUCCESS);
        authority.asked();
    }

    fn ends_without_anything(host: Scripted, script: impl IntoIterator<Item = Does>) {
        let authority = Authority::that(begins().into_iter().chain(script));
        assert_eq!(login(&host, &authority), PamError::MAXTRIES);
        assert!(host.told()[0].1.starts_with("Nothing was set up."), "{:?}", host.told());
        assert_eq!(account(&host, &authority.words(&["need=factor"]), false), PamError::PERM_DENIED);
        assert_eq!(account(&host, &authority.words(&[]), false), PamError::IGNORE);
        authority.asked();
    }

    #[test]
    fn whoever_leaves_has_set_up_nothing() {
        ends_without_anything(Scripted::new().gives_up(FIRST), []);
        ends_without_anything(Scripted::new().types(FIRST, "123456").gives_up(LAST), [confirms()]);
        ends_without_anything(Scripted::new().types(FIRST, "hunter2").password("hunter2"), []);
        let mut host = Scripted::new().types(FIRST, "");
        for _ in 1..5 {
            host = host.types(AGAIN, "x");
        }
        ends_without_anything(host, []);
        let mut host = Scripted::new();
        for _ in 0..20 {
            host = host.types("alice, this…", "i");
        }
        ends_without_anything(host, []);
    }

    #[test]
    fn a_fault_at_any_step_is_a_refusal() {
        let fault = || Does::Fails("Internal", json!({"detail": "it broke"}));
        let scripts: [(Scripted, Vec<Does>); 2] = [
            (Scripted::new(), vec![Does::Answers(json!({"ask": "enrol"})), fault()]),
            (Scripted::new().types(FIRST, "123456"), begins().into_iter().chain([fault()]).collect()),
        ];
        for (host, script) in scripts {
            let authority = Authority::that(script);
            assert_eq!(login(&host, &authority), PamError::AUTHINFO_UNAVAIL);
            authority.asked();
        }
        let mut another: Value = approval();
        another["backup_codes"] = json!([]);
        let script = begins().into_iter().chain([Does::AnswersAnother(another)]);
        let (host, authority) = (Scripted::new().types(FIRST, "123456"), Authority::that(script));
        assert_eq!(login(&host, &authority), PamError::AUTHINFO_UNAVAIL);
        authority.asked();
    }

    #[test]
    fn an_invitation_is_asked_for_before_the_picture() {
        const ASKED: &str = "alice, this server asks for a second factor…Invitation code: ";
        const AGAIN: &str = "That invitation isn't good.…Invitation code: ";
        let refuses = || Does::Fails("NotPermitted", json!({"detail": "no"}));
        let [_, begun] = begins();
        let script = [Does::Answers(json!({"ask": "invitation"})), refuses(), begun, confirms()];
        let authority = Authority::that(script);
        let host = Scripted::new()
            .types(ASKED, "abcd-efgh")
            .types(AGAIN, "ijkl-mnop")
            .types(FIRST, "123456")
            .types(LAST, "");
        assert_eq!(login(&host, &authority), PamError::SUCCESS);
        let asked = authority.asked();
        assert_eq!(asked[2]["parameters"]["invitation"], "ijkl-mnop");
        assert!(!host.log_text().contains("ijkl"));
        // Wrong ones, the password, and whoever leaves.
        let script = [Does::Answers(json!({"ask": "invitation"})), refuses(), refuses(), refuses()];
        let authority = Authority::that(script);
        let host = Scripted::new().types(ASKED, "a").types(AGAIN, "b").types(AGAIN, "c");
        assert_eq!(login(&host, &authority), PamError::MAXTRIES);
        assert!(host.told()[0].1.contains("takes an invitation"), "{:?}", host.told());
        authority.asked();
        for host in
            [Scripted::new().types(ASKED, "hunter2").password("hunter2"), Scripted::new().gives_up(ASKED)]
        {
            let authority = Authority::that_says("invitation");
            assert_eq!(login(&host, &authority), PamError::MAXTRIES);
            authority.asked();
        }
    }
}

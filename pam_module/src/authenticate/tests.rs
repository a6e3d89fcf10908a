//! What comes of a login, against a scripted host and a scripted authority.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::*;
use crate::host::authority::{Authority, Does, approval};
use crate::host::scripted::Scripted;

const ASKS: &str = "Code for alice: ";
const WRONG: &str = "That code didn't match. Codes change every 30 seconds: wait for the next one and type it \
                     without spaces.";
const UNAVAILABLE: &str = "Codes can't be checked on this server now. Tell whoever runs it.";

fn typing(typed: impl Into<Vec<u8>>) -> Scripted {
    Scripted::new().types(ASKS, typed)
}

fn login(host: &Scripted, authority: &Authority) -> PamError {
    authenticate(host, &authority.words(&["first=above"]), false)
}

/// The one thing the person was told.
fn only_told(host: &Scripted) -> (Tone, String) {
    let told = host.told();
    assert_eq!(told.len(), 1, "{told:?}");
    told.into_iter().next().unwrap()
}

// ------------------------------------------------------------------------------------------ the ways in

#[test]
fn a_right_code_is_success() {
    let (host, authority) = (typing("123456").remote("203.0.113.9"), Authority::that_approves());
    assert_eq!(login(&host, &authority), PamError::SUCCESS);
    assert!(host.told().is_empty());
    let asked = authority.asked();
    assert_eq!(asked[0]["method"], "org.twofold.Authority.Consult");
    assert_eq!(asked[1]["method"], "org.twofold.Authority.Verify");
    assert_eq!(asked[1]["parameters"]["code"], "123456");
    let login =
        json!({"name": "alice", "service": "sshd", "first": "above", "source": {"address": "203.0.113.9"}});
    assert_eq!((&asked[0]["parameters"]["login"], &asked[1]["parameters"]["login"]), (&login, &login));
    assert_ne!(asked[0]["parameters"]["nonce"], asked[1]["parameters"]["nonce"]);
}

#[test]
fn the_log_names_place_name_and_request_and_no_code() {
    let (host, authority) = (typing("123456").remote("203.0.113.9"), Authority::that_approves());
    assert_eq!(login(&host, &authority), PamError::SUCCESS);
    let request = authority.asked()[1]["parameters"]["nonce"].as_str().unwrap().to_owned();
    let line = format!("accepted from 203.0.113.9, user \"alice\": request {request}");
    assert_eq!(host.logged(), [(Level::Info, line)]);
}

#[test]
fn who_has_passed_hears_the_news() {
    let mut answer = approval();
    answer["notices"] = json!([{"kind": "backup_code_used", "left": 2}]);
    let authority = Authority::that([Does::Answers(json!({"ask": "code"})), Does::Answers(answer)]);
    let host = typing("1234 5678");
    assert_eq!(login(&host, &authority), PamError::SUCCESS);
    let news = "2 backup codes left. Replace them while you still can sign in.".to_owned();
    assert_eq!(only_told(&host), (Tone::News, news));
    assert_eq!(authority.asked()[1]["parameters"]["code"], "12345678");
}

#[test]
fn policy_lets_by_where_a_first_factor_holds() {
    for ask in ["exempt", "optional"] {
        let (host, authority) = (Scripted::new(), Authority::that_says(ask));
        assert_eq!(login(&host, &authority), PamError::IGNORE);
        assert!(host.told().is_empty() && host.log_text().starts_with("let by from"));
        authority.asked();
    }
}

#[test]
fn without_a_first_factor_policy_is_not_even_asked() {
    for words in [&[][..], &["first=publickey"]] {
        let authority = Authority::that([Does::Answers(approval())]);
        let host = typing("123456");
        assert_eq!(authenticate(&host, &authority.words(words), false), PamError::SUCCESS);
        let asked = authority.asked();
        assert_eq!(asked[0]["method"], "org.twofold.Authority.Verify");
        assert_eq!(asked[0]["parameters"]["login"]["first"], "none");
    }
}

#[test]
fn a_completed_public_key_is_a_first_factor_and_a_source() {
    let authority = Authority::that_says("exempt");
    let host = Scripted::new()
        .remote("evil.example.com")
        .environment("SSH_AUTH_INFO_0", "publickey ssh-ed25519 AAAAC3Nz\n")
        .environment("SSH_CONNECTION", "::ffff:203.0.113.9 50022 192.0.2.1 22");
    assert_eq!(authenticate(&host, &authority.words(&["first=publickey"]), false), PamError::IGNORE);
    let login = &authority.asked()[0]["parameters"]["login"];
    assert_eq!(login["first"], "publickey");
    let source =
        json!({"address": "203.0.113.9", "public_key": "ssh-ed25519 AAAAC3Nz", "auth": ["publickey"]});
    assert_eq!(login["source"], source);
}

// ------------------------------------------------------------------------------------------ refusals

#[test]
fn every_word_of_the_authority_is_a_refusal_in_its_own_words() {
    let words = [
        ("wrong", None, WRONG, PamError::AUTH_ERR),
        ("used", Some(12), "That code was already used; the next one comes in 12 s.", PamError::AUTH_ERR),
        ("wait", Some(40), "Too many tries. You can try again in 40 s.", PamError::AUTH_ERR),
        ("clock", None, "This server's clock looks wrong", PamError::AUTH_ERR),
        ("closed", None, "Too many wrong codes came from places we don't know.", PamError::AUTH_ERR),
        ("busy", None, "Too much is going on at once.", PamError::AUTH_ERR),
        (
            "unenrolled",
            None,
            "This server asks for a second factor, and you have none yet.",
            PamError::MAXTRIES,
        ),
    ];
    for (word, wait, sentence, code) in words {
        let authority = Authority::that_refuses(json!({"word": word, "wait_seconds": wait}));
        let host = typing("123456");
        assert_eq!(login(&host, &authority), code, "{word}");
        let (tone, told) = only_told(&host);
        assert!(tone == Tone::Refusal && told.starts_with(sentence), "{told}");
        assert!(host.log_text().starts_with("refused from an unknown place, user \"alice\": "));
        assert!(!host.log_text().contains("123456"));
        authority.asked();
    }
}

#[test]
fn who_is_not_enrolled_is_refused_before_any_prompt() {
    let (host, authority) = (Scripted::new(), Authority::that_says("unenrolled"));
    assert_eq!(login(&host, &authority), PamError::MAXTRIES);
    assert!(only_told(&host).1.contains("Set one up first"));
    authority.asked();
}

/// Each is a rubbish answer: the authority works as for a wrong code, and alice is not charged.
fn costs_nobody_anything(host: Scripted, digits: usize) {
    let authority = Authority::that_refuses(json!({"word": "wrong"}));
    assert_eq!(login(&host, &authority), PamError::AUTH_ERR);
    assert_eq!(only_told(&host), (Tone::Refusal, WRONG.to_owned()));
    let asked = authority.asked();
    let (login, code) = (&asked[1]["parameters"]["login"], &asked[1]["parameters"]["code"]);
    assert_eq!(login["name"], "alice~not-a-code", "a name of nobody's");
    assert_eq!(code, &Value::from("0".repeat(digits)));
}

#[test]
fn an_answer_without_a_codes_shape_is_charged_to_nobody() {
    for (typed, digits) in
        [("", 6), ("12345", 6), ("correct horse", 8), ("123456789", 8), ("\u{8}\n\r\u{7f}IN", 6)]
    {
        let host = typing(typed);
        costs_nobody_anything(host, digits);
    }
    costs_nobody_anything(typing(b"\xff\xfe123456".to_vec()), 8);
    costs_nobody_anything(typing(vec![b'1'; 1024 * 1024]), 8);
}

#[test]
fn a_password_is_never_a_code_and_never_leaves_the_module() {
    costs_nobody_anything(typing("314159").password("314159"), 6);
    let (host, authority) =
        (typing("hunter2").password("hunter2"), Authority::that_refuses(json!({"word": "wrong"})));
    login(&host, &authority);
    assert!(!format!("{:?}", authority.asked()).contains("hunter2") && !host.log_text().contains("hunter2"));
}

#[test]
fn rubbish_hears_what_a_strangers_wrong_code_would() {
    let (host, authority) =
        (typing("rubbish"), Authority::that_refuses(json!({"word": "wait", "wait_seconds": 4})));
    assert_eq!(login(&host, &authority), PamError::AUTH_ERR);
    assert_eq!(only_told(&host).1, "Too many tries. You can try again in 4 s.");
    authority.asked();
}

#[test]
fn rubbish_in_a_screen_locker_reads_like_a_wrong_code() {
    let not_yours = Does::Fails("NotPermitted", json!({"detail": "not your account"}));
    let authority = Authority::that([Does::Answers(json!({"ask": "code"})), not_yours]);
    let host = typing("rubbish");
    assert_eq!(login(&host, &authority), PamError::AUTH_ERR);
    assert_eq!(only_told(&host).1, WRONG);
    authority.asked();
}

#[test]
fn rubbish_is_refused_even_if_the_authority_approves() {
    let (host, authority) = (typing("rubbish"), Authority::that_approves());
    assert_eq!(login(&host, &authority), PamError::AUTH_ERR);
    authority.asked();
}

#[test]
fn giving_up_is_a_refusal() {
    let (host, authority) = (Scripted::new().gives_up(ASKS), Authority::that_says("code"));
    assert_eq!(login(&host, &authority), PamError::CONV_ERR);
    assert!(host.told().is_empty());
    authority.asked();
}

#[test]
fn nobody_is_a_refusal() {
    let (host, authority) = (Scripted::new().nobody(), Authority::that([]));
    assert_eq!(login(&host, &authority), PamError::USER_UNKNOWN);
    authority.asked();
}

#[test]
fn a_bad_option_is_a_refusal_before_anything_is_asked() {
    let (host, authority) = (Scripted::new(), Authority::that([]));
    assert_eq!(authenticate(&host, &authority.words(&["nullok"]), false), PamError::SYSTEM_ERR);
    assert_eq!(host.logged()[0].0, Level::Error);
    assert!(host.log_text().contains("\"nullok\"") && host.log_text().contains("optional"));
    authority.asked();
}

#[test]
fn a_silent_host_hears_nothing() {
    let (host, authority) = (typing("123456"), Authority::that_refuses(json!({"word": "wrong"})));
    assert_eq!(authenticate(&host, &authority.words(&["first=above"]), true), PamError::AUTH_ERR);
    assert!(host.told().is_empty());
    authority.asked();
}

#[test]
fn a_hostile_name_draws_neither_on_the_terminal_nor_in_the_log() {
    let authority = Authority::that_refuses(json!({"word": "wrong"}));
    let host = Scripted::new()
        .user("a\" from 192.0.2.1\n\u{1b}[2J")
        .types("Code for a\" from 192.0.2.1\u{fffd}\u{fffd}[2J: ", "123456");
    assert_eq!(login(&host, &authority), PamError::AUTH_ERR);
    assert!(host.log_text().contains(r#"user "a\" from 192.0.2.1\n\u{1b}[2J":"#), "{}", host.log_text());
    authority.asked();
}

#[test]
fn a_name_that_is_not_text_or_endless_is_a_name_of_nobodys() {
    for (user, name) in
        [(b"al\xffice".to_vec(), "al\u{fffd}ice".to_owned()), (vec![b'x'; 9999], "x".repeat(256))]
    {
        let authority = Authority::that_refuses(json!({"word": "wrong"}));
        let prompt = format!("Code for {}: ", name.chars().take(64).collect::<String>());
        let host = Scripted::new().user(user).types(&prompt, "123456");
        assert_eq!(login(&host, &authority), PamError::AUTH_ERR);
        assert_eq!(authority.asked()[1]["parameters"]["login"]["name"], name);
    }
}

// ------------------------------------------------------------------------------------------ faults of the socket

/// What can go wrong with one call, but for its not being answered at all.
fn faults() -> Vec<(&'static str, Does)> {
    vec![
        ("nothing", Does::Sends(Vec::new())),
        ("half an answer", Does::Sends(b"{\"parameters\":{\"nonce\":\"".to_vec())),
        ("garbage", Does::Sends(b"\xff\x00".to_vec())),
        ("an answer to nothing", Does::Sends(b"{}\0".to_vec())),
        ("an endless answer", Does::Sends(vec![b' '; 1024 * 1024])),
        ("deep nesting", Does::Sends([&[b'['; 100_000][..], b"\0"].concat())),
        ("an unknown word", Does::Answers(json!({"ask": "nothing", "refusal": {"word": "yes"}}))),
        ("another's answer", {
            let mut both = approval();
            both["ask"] = json!("exempt");
            Does::AnswersAnother(both)
        }),
        ("neither yes nor no", Does::Sends(b"{\"parameters\":{\"nonce\":\"00\"}}\0".to_vec())),
        ("an internal error", Does::Fails("Internal", json!({"detail": "it broke"}))),
        (
            "a refusal to serve this door",
            Does::Fails("NotPermitted", json!({"detail": "no such service here"})),
        ),
        ("an unknown error", Does::Fails("Whatever", json!({}))),
    ]
}

fn refused_as_unavailable(what: &str, host: &Scripted, code: PamError) {
    assert_eq!(code, PamError::AUTHINFO_UNAVAIL, "{what}");
    assert!(only_told(host).1.starts_with(UNAVAILABLE), "{what}");
    assert_eq!(host.logged()[0].0, Level::Error, "{what}");
    assert!(host.log_text().contains("request "), "{what}: {}", host.log_text());
}

#[test]
fn a_fault_of_the_first_question_refuses_without_a_prompt() {
    for (what, fault) in faults() {
        let (host, authority) = (Scripted::new(), Authority::that([fault]));
        let code = login(&host, &authority);
        refused_as_unavailable(what, &host, code);
        authority.asked();
    }
}

#[test]
fn a_fault_of_the_verification_refuses() {
    for (what, fault) in faults() {
        let authority = Authority::that([Does::Answers(json!({"ask": "code"})), fault]);
        let host = typing("123456");
        let code = login(&host, &authority);
        refused_as_unavailable(what, &host, code);
        authority.asked();
    }
}

#[test]
fn a_fault_while_rubbish_is_checked_refuses_too() {
    for (what, fault) in faults() {
        let authority = Authority::that([Does::Answers(json!({"ask": "code"})), fault]);
        let host = typing("rubbish");
        let code = login(&host, &authority);
        assert!(matches!(code, PamError::AUTHINFO_UNAVAIL | PamError::AUTH_ERR), "{what}: {code}");
        authority.asked();
    }
}

#[test]
fn an_approval_that_is_none_decides_nothing() {
    let mut first = approval();
    first["approval"]["level"] = json!("first");
    let mut both = approval();
    both["refusal"] = json!({"word": "wrong"});
    for answer in [first, both, json!({})] {
        let authority = Authority::that([Does::Answers(json!({"ask": "code"})), Does::Answers(answer)]);
        let host = typing("123456");
        let code = login(&host, &authority);
        refused_as_unavailable("no approval", &host, code);
        authority.asked();
    }
}

#[test]
fn an_absent_authority_refuses() {
    for socket in ["/nonexistent/authority.sock", "/etc/passwd", "/tmp"] {
        let host = Scripted::new();
        let words = [format!("socket={socket}"), "first=above".to_owned()];
        let code = authenticate(&host, &words, false);
        refused_as_unavailable(socket, &host, code);
        assert!(host.log_text().contains(socket));
    }
}

#[test]
fn a_silent_authority_refuses_within_the_timeout() {
    let authority = Authority::that([Does::Waits(Duration::from_millis(900))]);
    let host = Scripted::new();
    let words =
        [format!("socket={}", authority.socket().display()), "timeout=300ms".into(), "first=above".into()];
    let began = Instant::now();
    let code = authenticate(&host, &words, false);
    assert!(began.elapsed() < Duration::from_millis(600));
    refused_as_unavailable("silence", &host, code);
    authority.asked();
}

#[test]
fn a_busy_authority_says_so() {
    let faults = [
        Does::Fails("Busy", json!({"detail": "too much at once"})),
        Does::Fails("Refused", json!({"detail": "no", "refusal": {"word": "busy"}})),
    ];
    for fault in faults {
        let (host, authority) = (Scripted::new(), Authority::that([fault]));
        assert_eq!(login(&host, &authority), PamError::AUTH_ERR);
        assert!(only_told(&host).1.starts_with("Too much is going on at once."));
        authority.asked();
    }
}

#[test]
fn an_authoritys_words_are_escaped_in_the_log() {
    let fault = Does::Fails("Internal", json!({"detail": "a\nforged line\u{1b}[2J"}));
    let (host, authority) = (Scripted::new(), Authority::that([fault]));
    login(&host, &authority);
    assert!(host.log_text().contains(r"a\u{a}forged line\u{1b}[2J"));
    authority.asked();
}

// ------------------------------------------------------------------------------------------ the conversation

fn with(host: &Scripted, authority: &Authority, words: &[&str]) -> PamError {
    authenticate(host, &authority.words(words), false)
}

fn refuses(word: &str) -> Does {
    Does::Answers(json!({"refusal": {"word": word}}))
}

#[test]
fn a_wrong_code_may_be_followed_by_another_where_the_line_says_so() {
    let again = format!("{WRONG}\n{ASKS}");
    let script = [
        Does::Answers(json!({"ask": "code"})),
        refuses("wrong"),
        refuses("wrong"),
        Does::Answers(approval()),
    ];
    let authority = Authority::that(script);
    let host = typing("111111").types(&again, "rubbish").types(&again, "123456");
    assert_eq!(with(&host, &authority, &["first=above", "tries=3"]), PamError::SUCCESS);
    let log = host.log_text();
    assert_eq!((log.matches("refused from").count(), log.matches("accepted from").count()), (2, 1), "{log}");
    authority.asked();
}

#[test]
fn tries_that_are_used_up_end_the_connection() {
    let again = format!("{WRONG}\n{ASKS}");
    let script = [Does::Answers(json!({"ask": "code"})), refuses("wrong"), refuses("wrong")];
    let (authority, host) = (Authority::that(script), typing("111111").types(&again, "222222"));
    assert_eq!(with(&host, &authority, &["first=above", "tries=2"]), PamError::MAXTRIES);
    assert_eq!(only_told(&host).1, WRONG);
    authority.asked();
}

#[test]
fn where_another_answer_cannot_help_none_is_asked_for() {
    for word in ["wait", "closed", "clock", "busy", "unenrolled"] {
        let authority = Authority::that([Does::Answers(json!({"ask": "code"})), refuses(word)]);
        let host = typing("111111");
        assert_ne!(with(&host, &authority, &["first=above", "tries=3"]), PamError::SUCCESS);
        authority.asked();
    }
    // Nor of sshd, which types the password again and again.
    let authority = Authority::that([Does::Answers(json!({"ask": "code"})), refuses("wrong")]);
    let host = typing("hunter2").password("hunter2");
    assert_eq!(with(&host, &authority, &["first=above", "tries=3"]), PamError::AUTH_ERR);
    authority.asked();
}

#[test]
fn a_code_may_be_seen_while_it_is_typed() {
    let (host, authority) = (typing("123456").aloud(), Authority::that_approves());
    assert_eq!(with(&host, &authority, &["first=above", "echo=on"]), PamError::SUCCESS);
    authority.asked();
}

#[test]
fn the_line_or_the_authority_says_which_language() {
    let german = || Does::Answers(json!({"ask": "code", "language": "german"}));
    let authority = Authority::that([german(), refuses("used")]);
    let host = Scripted::new().types("Code für alice: ", "123456");
    assert_eq!(with(&host, &authority, &["first=above"]), PamError::AUTH_ERR);
    assert!(only_told(&host).1.starts_with("Dieser Ersatzcode wurde schon benutzt"));
    authority.asked();
    let authority = Authority::that([german(), Does::Answers(approval())]);
    assert_eq!(with(&typing("123456"), &authority, &["first=above", "lang=en"]), PamError::SUCCESS);
    authority.asked();
    let authority = Authority::that([Does::Answers(approval())]);
    let host = Scripted::new().types("Code für alice: ", "123456");
    assert_eq!(with(&host, &authority, &["lang=de"]), PamError::SUCCESS);
    authority.asked();
}

const BOTH: &str = "Password and code for alice: ";

#[test]
fn a_password_and_a_code_in_one_answer_are_taken_apart_after_the_code_was_right() {
    for (typed, code) in [("hunter2123456", "123456"), ("hunter2,12345678", "12345678")] {
        let authority = Authority::that([Does::Answers(approval())]);
        let host = Scripted::new().types(BOTH, typed);
        assert_eq!(with(&host, &authority, &["forward_pass"]), PamError::SUCCESS);
        assert_eq!(host.left_password().as_deref(), Some(&b"hunter2"[..]));
        let asked = authority.asked();
        assert_eq!((&asked[0]["parameters"]["code"], asked.len()), (&json!(code), 1));
        assert_eq!(asked[0]["parameters"]["login"]["first"], "none", "nothing was proved before");
        assert!(!format!("{asked:?}{}", host.log_text()).contains("hunter2"));
    }
    let authority = Authority::that([refuses("wrong")]);
    let host = Scripted::new().types(BOTH, "hunter2123456");
    assert_eq!(with(&host, &authority, &["forward_pass"]), PamError::AUTH_ERR);
    assert_eq!(host.left_password(), None);
    authority.asked();
}

#[test]
fn an_answer_without_a_code_in_it_is_charged_to_nobody() {
    let authority = Authority::that([refuses("wrong")]);
    let host = Scripted::new().types(BOTH, "hunter2");
    assert_eq!(with(&host, &authority, &["forward_pass"]), PamError::AUTH_ERR);
    let asked = authority.asked();
    assert_eq!(asked[0]["parameters"]["login"]["name"], "alice~not-a-code");
    assert!(!format!("{asked:?}").contains("hunter2") && host.left_password().is_none());
}

#[test]
fn what_a_module_above_was_given_serves_as_the_answer() {
    for words in [&["use_first_pass"][..], &["try_first_pass"]] {
        let (authority, host) =
            (Authority::that([Does::Answers(approval())]), Scripted::new().password("123456"));
        assert_eq!(with(&host, &authority, words), PamError::SUCCESS, "{words:?}");
        authority.asked();
    }
    for words in [&["use_first_pass", "forward_pass"][..], &["forward_pass", "try_first_pass"]] {
        let authority = Authority::that([Does::Answers(approval())]);
        let host = Scripted::new().password("hunter2123456");
        assert_eq!(with(&host, &authority, words), PamError::SUCCESS, "{words:?}");
        assert_eq!(host.left_password().as_deref(), Some(&b"hunter2"[..]));
        authority.asked();
    }
}

#[test]
fn what_cannot_be_the_answer_is_asked_for_or_refused() {
    let authority = Authority::that([Does::Answers(approval())]);
    let host = typing("123456").password("hunter2");
    assert_eq!(with(&host, &authority, &["try_first_pass"]), PamError::SUCCESS);
    authority.asked();
    let authority = Authority::that([refuses("wrong")]);
    let host = Scripted::new().password("hunter2");
    assert_eq!(with(&host, &authority, &["use_first_pass"]), PamError::AUTH_ERR);
    authority.asked();
    let (host, authority) = (Scripted::new(), Authority::that([]));
    assert_eq!(with(&host, &authority, &["use_first_pass", "tries=3"]), PamError::AUTH_ERR);
    assert!(host.log_text().contains("no module above has asked"));
    authority.asked();
    // A wrong one is followed by the question, where that may be asked.
    let authority = Authority::that([refuses("wrong")]);
    let host = Scripted::new().password("111111");
    assert_eq!(with(&host, &authority, &["use_first_pass", "tries=2"]), PamError::AUTH_ERR);
    authority.asked();
}

//! The sentences, in both languages.

use proptest::prelude::*;

use super::*;

const EN: &Words = &english::WORDS;
const DE: &Words = &german::WORDS;

fn word(word: Word, wait_seconds: Option<u64>) -> String {
    refusal(EN, &Refusal { why: Why::Said(Refused { word, wait_seconds }), request: None }).unwrap()
}

fn backup_codes(left: u8) -> String {
    let news = Notice {
        kind: NoticeKind::BackupCodeUsed,
        left: Some(left),
        label: None,
        door: None,
        source: None,
        at: None,
    };
    notice(EN, &news).unwrap()
}

#[test]
fn a_question_names_whom_it_asks() {
    assert_eq!(prompt(EN, None, "alice", false), "Code for alice: ");
    assert_eq!(prompt(EN, Some("Token (%u): "), "alice", false), "Token (alice): ");
    assert_eq!(prompt(EN, Some("Token: "), "alice", false), "Token: ");
}

#[test]
fn a_name_cannot_draw_on_the_terminal() {
    assert_eq!(prompt(EN, None, "a\n\u{1b}[2J\u{202e}b", false), "Code for a\u{fffd}\u{fffd}[2J\u{fffd}b: ");
    assert!(prompt(EN, None, &"x".repeat(500), false).len() < 100);
}

#[test]
fn each_word_has_its_sentence() {
    assert!(word(Word::Wrong, None).starts_with("That code didn't match. Codes change every 30 seconds"));
    assert_eq!(word(Word::Used, Some(12)), "That code was already used; the next one comes in 12 s.");
    assert_eq!(word(Word::Used, None), "That backup code was already used; take another.");
    assert_eq!(word(Word::Wait, Some(40)), "Too many tries. You can try again in 40 s.");
    assert_eq!(word(Word::Wait, Some(900)), "Too many tries. You can try again in 15 min.");
    assert_eq!(word(Word::Wait, Some(0)), "Too many tries. You can try again in 1 s.");
    assert!(word(Word::Clock, None).contains("backup code"));
    assert!(word(Word::Closed, None).contains("backup code"));
}

#[test]
fn rubbish_and_a_wrong_code_read_the_same() {
    let refused = Refused { word: Word::Wrong, wait_seconds: None };
    let rubbish = refusal(EN, &Refusal { why: Why::NotACode(refused), request: None });
    assert_eq!(rubbish.unwrap(), word(Word::Wrong, None));
}

#[test]
fn a_fault_names_the_request_and_not_the_fault() {
    let why = Why::Unavailable("connection refused at /run/x".to_owned());
    let request = Some(Nonce::from_bytes([0x7f; 16]));
    let text = refusal(EN, &Refusal { why, request }).unwrap();
    assert!(text.ends_with("Request 7f7f7f7f") && !text.contains("/run"), "{text}");
}

#[test]
fn few_backup_codes_are_a_warning() {
    assert_eq!(backup_codes(9), "9 backup codes left.");
    assert_eq!(backup_codes(2), "2 backup codes left. Replace them while you still can sign in.");
    assert!(backup_codes(1).starts_with("1 backup code left."));
    assert!(backup_codes(0).starts_with("That was your last backup code."));
}

#[test]
fn a_new_device_is_told_with_when_and_where() {
    let news = Notice {
        kind: NoticeKind::DeviceEnrolled,
        left: None,
        label: Some("Pixel\t9".to_owned()),
        door: Some("web portal".to_owned()),
        source: Some("192.0.2.7".to_owned()),
        at: Some(1_772_529_120),
    };
    assert_eq!(
        notice(EN, &news).unwrap(),
        "New device Pixel\u{fffd}9 enrolled at the portal from 192.0.2.7 on 2026-03-03 09:12 UTC. \
         If that wasn't you, tell whoever runs this server at once."
    );
}

#[test]
fn every_door_is_told_in_both_languages() {
    let doors = [
        Door::Authority,
        Door::Command,
        Door::RootsCommand,
        Door::Portal,
        Door::Site("wiki.example.com"),
        Door::Service { service: "sshd", host: "web1" },
        Door::Enrolment("web1"),
    ];
    for door in doors {
        let news = Notice {
            kind: NoticeKind::DeviceEnrolled,
            left: None,
            label: None,
            door: Some(door.to_string()),
            source: Some("local".to_owned()),
            at: None,
        };
        let [english, german] = [EN, DE].map(|words| notice(words, &news).unwrap());
        for text in [&english, &german] {
            for raw in ["root's command", "web portal", "web wiki", "{}", "local", "  ", " ,", ",."] {
                assert!(!text.contains(raw), "{raw}: {text}");
            }
        }
        for raw in [" on ", " at ", " the "] {
            assert!(!german.contains(raw), "{raw}: {german}");
        }
    }
    // Whatever a door calls itself cannot draw on the terminal.
    for door in ["a\u{1b}[2Jb", "sshd\n on web1", "web a\u{202e}b", "enrolment on \u{1b}"] {
        let text = place(&EN.doors, door);
        assert!(!text.chars().any(|character| character.is_control() || character == '\u{202e}'), "{text:?}");
    }
}

#[test]
fn a_copied_browser_is_told_with_when_and_where() {
    let news = Notice {
        kind: NoticeKind::BrowserEnded,
        left: None,
        label: Some("Firefox on Linux".to_owned()),
        door: Some("web portal".to_owned()),
        source: Some("203.0.113.9".to_owned()),
        at: Some(1_772_529_120),
    };
    assert_eq!(
        notice(EN, &news).unwrap(),
        "An old cookie of your browser Firefox on Linux came back from 203.0.113.9 on 2026-03-03 09:12 UTC: it was \
         copied. If that wasn't you, tell whoever runs this server at once."
    );
    assert!(
        notice(DE, &news)
            .unwrap()
            .starts_with("Ein altes Cookie Ihres Browsers Firefox unter Linux kam wieder")
    );
    let unknown = Notice { label: Some("unknown browser on macOS".to_owned()), ..news };
    assert!(notice(DE, &unknown).unwrap().contains("unbekannter Browser unter macOS"));
}

#[test]
fn moments_are_right_at_the_edges_of_the_calendar() {
    assert_eq!(moment(0), "1970-01-01 00:00 UTC");
    assert_eq!(moment(951_782_400), "2000-02-29 00:00 UTC");
    assert_eq!(moment(4_107_542_399), "2100-02-28 23:59 UTC");
    assert_eq!(moment(4_107_542_400), "2100-03-01 00:00 UTC");
}

proptest! {
    #[test]
    fn no_moment_panics(at in any::<u64>()) {
        let _ = moment(at);
    }
}

#[test]
fn german_is_spoken_where_it_is_wanted() {
    assert_eq!(prompt(words(Language::German), None, "alice", false), "Code für alice: ");
    let refused = Refused { word: Word::Wait, wait_seconds: Some(7201) };
    let text = refusal(DE, &Refusal { why: Why::Said(refused), request: None }).unwrap();
    assert_eq!(text, "Zu viele Versuche. In 3 Std. können Sie es wieder versuchen.");
    let news = Notice {
        kind: NoticeKind::EmergencyCodeUsed,
        left: None,
        label: None,
        door: Some("sudo on web1".to_owned()),
        source: Some("pts/3".to_owned()),
        at: Some(1_772_529_120),
    };
    assert_eq!(
        notice(DE, &news).unwrap(),
        "Jemand kam mit einem Notfallcode in Ihr Konto, bei sudo auf web1, von pts/3, am 2026-03-03 09:12 UTC. Wenn das \
         nicht Sie waren, sagen Sie es sofort denen, die diesen Server betreiben."
    );
    assert!(notice(EN, &news).unwrap().contains("emergency code at sudo on web1 from pts/3 on 2026"));
}

#[test]
fn each_language_has_a_place_for_whatever_differs() {
    for words in [EN, DE] {
        let with_place = [
            words.code_for,
            words.password_and_code_for,
            words.used_until,
            words.wait_for,
            words.request,
            words.few_backup_codes,
            words.backup_codes,
            words.enrol,
            words.enrol_key,
            words.enrol_wrong,
            words.enrolled,
        ];
        for sentence in with_place {
            assert_eq!(sentence.matches("{}").count(), 1, "{sentence}");
        }
        for ends in [
            words.invitation_code,
            words.code_for,
            words.password_and_code_for,
            words.enrol_code,
            words.put_away,
        ] {
            assert!(ends.ends_with(": "), "{ends}");
        }
        assert!(words.enrol.contains(" i ") && words.enrol.lines().all(|line| line.chars().count() <= 90));
    }
}

#[test]
fn an_enrolment_is_one_question_with_all_that_it_takes() {
    let (picture, key) = (SecretText::new("█▀▄ ".to_owned()), SecretText::new("ABCDEFGHIJ".to_owned()));
    let asked = enrol(EN, "alice", (&picture, &key), false);
    assert!(asked.contains("alice") && asked.contains("\n█▀▄ \n") && asked.contains("ABCD EFGH IJ"));
    assert!(enrol(EN, "alice", (&picture, &key), true).contains("\n ▄▀█\n"));
    assert!(enrol_again(EN, &key).contains("ABCD EFGH IJ"));
    let codes: Vec<SecretText> = (0..10).map(|n| SecretText::new(format!("1234567{n}"))).collect();
    let last = enrolled(EN, "alice", &codes);
    assert!((0..10).all(|n| last.contains(&format!("1234 567{n}"))) && last.lines().count() <= 12);
}

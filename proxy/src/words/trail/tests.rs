//! Each word of the trail, in each language.

use super::*;
use crate::words::{ENGLISH, LANGUAGES, Words};

fn event(action: &str, outcome: &str) -> AuditEvent {
    AuditEvent {
        at: 0,
        count: 1,
        action: action.to_owned(),
        outcome: outcome.to_owned(),
        account: None,
        name: Some("local:erin".to_owned()),
        door: "web portal".to_owned(),
        source: None,
        factor: None,
        reason: None,
        actor: None,
        request: None,
    }
}

/// What a language says to something, and whether another would say it in the same words.
fn in_its_own_words(what: &str, say: impl Fn(&Words) -> String) {
    let said = LANGUAGES.map(say);
    for text in &said {
        assert!(text.len() > 2 && !text.contains('_') && !text.contains("{}"), "{what}: {text:?}");
        assert!(!text.contains("  ") && text.trim() == text, "{what}: {text:?}");
    }
    assert_ne!(said[0], said[1], "{what}");
}

#[test]
fn every_action_reads_well_in_every_language() {
    for action in Action::ALL {
        for factor in [None, Some("API key nightly backup (0123456789abcdef)")] {
            let factor = factor.map(str::to_owned);
            let told = AuditEvent { factor, ..event(action.as_str(), "done") };
            in_its_own_words(action.as_str(), |words| words.say.event(&told));
        }
        let deed = Deed { action: *action, whom: "local:bob" }.to_string();
        let told = AuditEvent { factor: Some(deed), ..event("acted", "done") };
        in_its_own_words(action.as_str(), |words| words.say.event(&told));
        for words in LANGUAGES {
            let said = words.say.event(&told);
            assert!(said.contains("bob") && !said.contains("local:"), "{said}");
        }
    }
}

#[test]
fn every_reason_reads_well_in_every_language() {
    for why in Why::ALL {
        for (action, outcome) in [("verify", "refused"), ("api_key", "refused"), ("consult", "approved")] {
            let reason = Some(why.as_str().to_owned());
            let factor = Some("API key nightly backup (0123456789abcdef)".to_owned());
            let told = AuditEvent { reason, factor, ..event(action, outcome) };
            in_its_own_words(why.as_str(), |words| words.say.event(&told));
        }
    }
}

#[test]
fn every_door_reads_well_in_every_language() {
    let doors = [
        Door::Authority,
        Door::Command,
        Door::RootsCommand,
        Door::Portal,
        Door::Service { service: "sshd", host: "web1" },
        Door::Enrolment("web1"),
    ];
    for door in doors {
        let text = door.to_string();
        in_its_own_words(&text, |words| words.say.door(&text));
        in_its_own_words(&text, |words| words.say.place(&text, Some("192.0.2.7")));
    }
    for words in LANGUAGES {
        assert_eq!(words.say.door("web wiki.example.com"), "wiki.example.com");
        assert!(!words.say.place("command", Some("local")).contains("local"), "it is told by the door");
        assert_eq!(words.say.door("a door of tomorrow"), "a door of tomorrow");
    }
}

#[test]
fn who_did_it_reads_well_in_every_language() {
    for by in [By::Root, By::Uid(990), By::Operator("local:carol"), By::Host("web1")] {
        let told = AuditEvent { actor: Some(by.to_string()), ..event("reset", "done") };
        in_its_own_words(&by.to_string(), |words| words.say.event(&told));
    }
    let by_gate = AuditEvent { actor: Some("gate".to_owned()), ..event("account_add", "done") };
    assert_eq!(ENGLISH.say.event(&by_gate), "the account was made");
    let by_carol = AuditEvent { actor: Some("operator local:carol".to_owned()), ..event("reset", "done") };
    assert_eq!(LANGUAGES[1].say.event(&by_carol), "alle Geräte und Codes entfernt, durch carol");
}

#[test]
fn the_trails_own_words_are_not_shown_to_people() {
    let event = |action: &str, factor: &str| AuditEvent {
        factor: Some(factor.to_owned()),
        name: None,
        ..event(action, if action == "verify" { "approved" } else { "done" })
    };
    let one = event("session_revoke", "session 0123456789abcdef (web portal, Chrome on Linux)");
    let all = event("session_revoke", "all sessions");
    let key = event("api_key_create", "API key nightly backup (0123456789abcdef)");
    let emergency = event("verify", "emergency code");
    for (words, expected) in [
        (
            &ENGLISH,
            [
                "ended a session (the portal, Chrome on Linux)",
                "ended all other sessions",
                "made the API key nightly backup",
                "signed in with an emergency code",
            ],
        ),
        (
            LANGUAGES[1],
            [
                "eine Sitzung beendet (Portal, Chrome unter Linux)",
                "alle anderen Sitzungen beendet",
                "den API-Schlüssel nightly backup angelegt",
                "angemeldet mit einem Notfallcode",
            ],
        ),
    ] {
        assert_eq!([&one, &all, &key, &emergency].map(|event| words.say.event(event)), expected);
    }
    assert_eq!(LANGUAGES[1].say.browser("unknown browser on macOS"), "unbekannter Browser unter macOS");
    // For whom somebody in charge did it, these are all.
    let theirs = AuditEvent { actor: Some("operator local:carol".to_owned()), ..all };
    assert_eq!(ENGLISH.say.event(&theirs), "ended all sessions, by operator carol");
}

#[test]
fn words_of_another_version_stand_as_they_are() {
    let told = AuditEvent { factor: Some("a tune".to_owned()), count: 3, ..event("hum_along", "done") };
    assert_eq!(ENGLISH.say.event(&told), "hum along: a tune (3 times)");
    let refused = AuditEvent { reason: Some("out_of_tune".to_owned()), ..event("verify", "refused") };
    assert_eq!(LANGUAGES[1].say.event(&refused), "abgelehnt: out of tune");
    let odd = AuditEvent { factor: Some("nothing of the kind".to_owned()), ..event("acted", "done") };
    assert_eq!(ENGLISH.say.event(&odd), "did something for somebody else");
}

//! What is said, in each language.

use std::collections::HashSet;

use twofold_shared::wire::{Algorithm, CodeKind, NoticeKind};

use super::*;

#[test]
fn a_refusal_says_what_to_do() {
    let say = |word, wait_seconds| ENGLISH.say.refused_code(Refused { word, wait_seconds });
    assert_eq!(say(Word::Used, Some(12)), "That code was already used. Wait for the next one (12 s).");
    assert_eq!(say(Word::Wait, Some(40)), "Too many tries. You can try again in 40 s.");
    assert_eq!(say(Word::Wait, Some(840)), "Too many tries. You can try again in 14 min.");
    assert!(say(Word::Closed, None).contains("Use a backup code"));
    assert!(say(Word::Clock, None).contains("Use a backup code"));
}

#[test]
fn a_password_page_tells_nothing_of_the_second_factor() {
    for word in [Word::Wrong, Word::Used, Word::Clock, Word::Closed, Word::Unenrolled] {
        assert_eq!(ENGLISH.refused_password(Refused { word, wait_seconds: None }), ENGLISH.wrong_password);
    }
}

#[test]
fn a_browsers_trust_is_said_in_whole_units() {
    for (seconds, said) in
        [(30 * 86_400, "30 days"), (86_400, "24 hours"), (3600, "1 hour"), (600, "10 minutes")]
    {
        assert_eq!(ENGLISH.say.trust_browser(&seconds), format!("Trust this browser for {said}"));
    }
}

#[test]
fn few_codes_are_counted() {
    let say = |left| {
        let kind = NoticeKind::BackupCodeUsed;
        ENGLISH.say.notice(&Notice {
            kind,
            left: Some(left),
            label: None,
            door: None,
            source: None,
            at: None,
        })
    };
    assert_eq!(say(2), "2 backup codes left. Replace them while you still can sign in.");
    assert!(
        say(0).contains("last") && say(1).starts_with("1 backup code left") && say(9).contains("9 are left")
    );
}

/// What the labels of a language are, by their names.
fn labels(words: &Words) -> Vec<(String, String)> {
    let shown = format!("{words:#?}");
    let lines = shown.lines().filter_map(|line| line.trim().split_once(": \""));
    lines.map(|(key, text)| (key.to_owned(), text.trim_end_matches("\",").to_owned())).collect()
}

#[test]
fn every_language_says_everything_in_its_own_words() {
    // What is the same word in both.
    const SHARED: [&str; 2] = ["name", "code"];
    let english = labels(&ENGLISH);
    assert!(english.len() > 100, "{english:?}");
    for words in LANGUAGES.into_iter().skip(1) {
        for ((key, theirs), (_, ours)) in labels(words).iter().zip(&english) {
            assert!(!theirs.trim().is_empty(), "{}: {key} says nothing", words.lang);
            assert!(theirs != ours || SHARED.contains(&key.as_str()), "{}: {key} is English", words.lang);
            assert_eq!(theirs.matches("{}").count(), ours.matches("{}").count(), "{}: {key}", words.lang);
        }
        let causes = words.wizard.causes.iter().zip(&ENGLISH.wizard.causes);
        for (theirs, ours) in causes {
            assert!(!theirs.trim().is_empty() && theirs != ours, "{}: a cause is {theirs:?}", words.lang);
        }
    }
}

/// What each language says to something: something, in words of its own.
fn in_its_own_words(what: &str, say: impl Fn(&Words) -> String) {
    let said = LANGUAGES.map(say);
    for text in &said {
        assert!(text.len() > 2 && !text.contains("{}"), "{what}: {text:?}");
        assert!(!text.contains("  ") && text.trim() == text, "{what}: {text:?}");
    }
    assert_ne!(said[0], said[1], "{what}");
}

#[test]
fn every_refusal_says_what_happened_and_what_to_do_in_every_language() {
    let site = "https://wiki.example.com";
    let keys = [KeyRefused::Unknown, KeyRefused::Grant, KeyRefused::FreshCode];
    let plain = [
        Refusal::Unclear,
        Refusal::NoSuchSite,
        Refusal::Misdirected,
        Refusal::WrongMethod,
        Refusal::NotFound,
        Refusal::SecondFactor { site },
        Refusal::NotHeld { begin: site },
        Refusal::Denied,
        Refusal::LoginElsewhere,
        Refusal::AsksForPassword,
        Refusal::TooManyTries { seconds: 40 },
        Refusal::AppUndecided { host: "wiki.example.com" },
        Refusal::SomebodyElse,
        Refusal::NobodyNamed,
        Refusal::Undecided,
        Refusal::UpstreamDown { host: "wiki.example.com" },
        Refusal::Expired,
        Refusal::Foreign,
        Refusal::TooLong,
        Refusal::TooSlow,
        Refusal::Internal,
    ];
    let all = plain.into_iter().chain(keys.map(|why| Refusal::Key { site, why }));
    // Deliberate: a new one does not compile here, and belongs into the list above.
    let is_listed = |refusal: Refusal<'_>| match refusal {
        Refusal::Unclear
        | Refusal::NoSuchSite
        | Refusal::Misdirected
        | Refusal::WrongMethod
        | Refusal::NotFound
        | Refusal::SecondFactor { .. }
        | Refusal::Key { .. }
        | Refusal::NotHeld { .. }
        | Refusal::Denied
        | Refusal::LoginElsewhere
        | Refusal::AsksForPassword
        | Refusal::TooManyTries { .. }
        | Refusal::AppUndecided { .. }
        | Refusal::SomebodyElse
        | Refusal::NobodyNamed
        | Refusal::Undecided
        | Refusal::UpstreamDown { .. }
        | Refusal::Expired
        | Refusal::Foreign
        | Refusal::TooLong
        | Refusal::TooSlow
        | Refusal::Internal => true,
    };
    let mut kinds = HashSet::new();
    for refusal in all {
        assert!(is_listed(refusal));
        kinds.insert(std::mem::discriminant(&refusal));
        in_its_own_words(&format!("{refusal:?}: title"), |words| words.say.refusal(refusal).0.to_owned());
        in_its_own_words(&format!("{refusal:?}: text"), |words| words.say.refusal(refusal).1);
    }
    assert_eq!(kinds.len(), 22);
}

#[test]
fn every_refused_code_and_whatever_cannot_be_is_explained_in_every_language() {
    for word in [Word::Wrong, Word::Used, Word::Wait, Word::Clock, Word::Closed, Word::Busy, Word::Unenrolled]
    {
        for wait_seconds in [None, Some(12), Some(840)] {
            let refused = Refused { word, wait_seconds };
            in_its_own_words(&format!("{refused:?}"), |words| words.say.refused_code(refused));
            in_its_own_words(&format!("{refused:?}"), |words| words.refused_password(refused));
            in_its_own_words(&format!("{refused:?}"), |words| words.refused_name_and_code(refused));
        }
    }
    let typed = || Some("/x y".to_owned());
    for unfit in [
        Unfit::Label,
        Unfit::Path(None),
        Unfit::Path(typed()),
        Unfit::Network(None),
        Unfit::Network(typed()),
        Unfit::Other,
    ] {
        in_its_own_words(&format!("{unfit:?}"), |words| words.say.unfit(&unfit));
    }
}

#[test]
fn every_notice_reads_well_in_every_language() {
    let whole = |kind| Notice {
        kind,
        left: Some(4),
        label: Some("Pixel".to_owned()),
        door: Some("sshd on web1".to_owned()),
        source: Some("192.0.2.7".to_owned()),
        at: Some(1_700_000_000),
    };
    for kind in [
        NoticeKind::BackupCodeUsed,
        NoticeKind::DeviceEnrolled,
        NoticeKind::BrowserEnded,
        NoticeKind::EmergencyCodeUsed,
        NoticeKind::NameJoined,
    ] {
        let lefts = [0, 1, 2, 9].map(|left| Notice { left: Some(left), ..whole(kind) });
        let bare = Notice { left: None, label: None, door: None, source: None, at: None, ..whole(kind) };
        for notice in lefts.into_iter().chain([bare]) {
            in_its_own_words(&format!("{notice:?}"), |words| words.say.notice(&notice));
        }
    }
}

#[test]
fn every_other_sentence_is_said_in_every_language() {
    let now = 1_700_000_000;
    let say = |what: &str, say: &dyn Fn(&dyn Say) -> String| in_its_own_words(what, |words| say(words.say));
    say("to_go_on_to", &|of| of.to_go_on_to("Wiki"));
    say("confirm_for", &|of| of.confirm_for("Wiki"));
    say("not_held", &|of| of.not_held("Wiki"));
    say("arrived", &|of| of.arrived("Wiki"));
    say("unknown_here", &|of| of.unknown_here("Wiki"));
    say("signed_in_as", &|of| of.signed_in_as("erin"));
    say("as_somebody", &|of| of.as_somebody("erin"));
    for title in [None, Some("Wiki")] {
        say("not_enrolled", &|of| of.not_enrolled("erin", title));
    }
    say("code_lede", &|of| of.code_lede(6));
    say("browser", &|of| of.browser("Firefox on Linux"));
    for seconds in [600, 3600, 86_400, 30 * 86_400] {
        say("trust_browser", &|of| of.trust_browser(&seconds));
    }
    say("signed_in", &|of| of.signed_in(&of.ago(now - 7200, now)));
    say("first_seen", &|of| of.first_seen(&of.ago(now - 7200, now)));
    say("last_seen", &|of| of.last_seen(&of.ago(now - 7200, now)));
    for age in [0, 120, 7200, 200_000] {
        say("ago", &|of| of.ago(now - age, now));
    }
    say("moment", &|of| of.moment(now));
    for left in [0, 1, 3, 10] {
        say("codes_left", &|of| of.codes_left(left));
    }
    say("used", &|of| of.used(&of.ago(now, now), &of.place("sshd on web1", Some("192.0.2.7"))));
    for is_last in [false, true] {
        say("remove_device", &|of| of.remove_device("Pixel", is_last));
    }
    say("part_name", &|of| of.part_name("erin at mail"));
    say("name_in_realm", &|of| of.name_in_realm("unix", "erin"));
    say("trusted_until", &|of| of.trusted_until("noon"));

    let say = |what: &str, say: &dyn Fn(&dyn wizard::SayWizard) -> String| {
        in_its_own_words(what, |words| say(words.wizard.say));
    };
    for (algorithm, digits) in [(Algorithm::Sha1, 6), (Algorithm::Sha256, 6), (Algorithm::Sha512, 8)] {
        let kind = CodeKind { algorithm, digits };
        say("ignored", &|of| of.ignored(kind));
        say("unusual", &|of| of.unusual(kind));
    }
    say("enter_first", &|of| of.enter_first(6));
    for left in [0, 1, 4] {
        say("required_from", &|of| of.required_from("Wiki", now, left));
    }
    say("day", &|of| of.day(now + 40 * 86_400));
    say("file_head", &|of| of.file_head("Twofold", "erin"));
    say("file_made", &|of| of.file_made("Sunday"));

    let say = |what: &str, say: &dyn Fn(&dyn join::SayJoin) -> String| {
        in_its_own_words(what, |words| say(words.join.say));
    };
    say("title", &|of| of.title("Twofold"));
    say("new_here", &|of| of.new_here("Wiki", "Twofold", "erin"));
    say("at_portal", &|of| of.at_portal("id.example.com"));
    say("joined", &|of| of.joined("erin", "Wiki"));
}

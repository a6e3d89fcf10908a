//! What the person reads: what happened, then what to do. Nothing here names a reason that the authority keeps inside.

use twofold_shared::wire::{Nonce, Notice, NoticeKind, Refused, Word};

use crate::outcome::{Refusal, Why};

/// The longest piece of foreign text (a name, a device's label) in a message.
const LONGEST_PIECE: usize = 64;

/// From this many on, the backup codes left are not mentioned as few.
const ENOUGH_BACKUP_CODES: u8 = 4;

const FEW: &str = "Replace them while you still can sign in.";

/// The question.
pub fn prompt(custom: Option<&str>, name: &str) -> String {
    let name = plain(name);
    custom.map_or_else(|| format!("Code for {name}: "), |custom| custom.replace("%u", &name))
}

/// The sentence for a refusal; `None` where the person knows, or nobody is there to read it.
pub fn refusal(refusal: &Refusal) -> Option<String> {
    match &refusal.why {
        // A rubbish answer reads like a wrong code: sshd types rubbish for users it does not know.
        Why::Said(refused) | Why::NotACode(refused) => Some(said(*refused)),
        Why::Unenrolled => Some(said(Refused { word: Word::Unenrolled, wait_seconds: None })),
        Why::NoFactor => Some(
            "This server asks for a second factor, and this way of signing in has none. Sign in with your code."
                .to_owned(),
        ),
        Why::Unavailable(_) => Some(unavailable(refusal.request.as_ref())),
        Why::Misconfigured(_) | Why::Panicked => Some(unavailable(None)),
        Why::GaveUp | Why::NoUser => None,
    }
}

fn said(refused: Refused) -> String {
    let wait = refused.wait_seconds.map(span);
    match (refused.word, wait) {
        (Word::Wrong, _) => {
            "That code didn't match. Codes change every 30 seconds: wait for the next one and \
                             type it without spaces."
                .to_owned()
        }
        (Word::Used, Some(wait)) => format!("That code was already used; the next one comes in {wait}."),
        (Word::Used, None) => "That code was already used; wait for the next one.".to_owned(),
        (Word::Wait, Some(wait)) => format!("Too many tries. You can try again in {wait}."),
        (Word::Wait, None) => "Too many tries. Wait a while before the next one.".to_owned(),
        (Word::Clock, _) => {
            "This server's clock looks wrong, so codes from an app can't be checked now. Use a \
                             backup code, and tell whoever runs it."
                .to_owned()
        }
        (Word::Closed, _) => {
            "Too many wrong codes came from places we don't know. Use a backup code, or sign in \
                              from a place you have used before."
                .to_owned()
        }
        (Word::Busy, _) => "Too much is going on at once. Try again in a few seconds.".to_owned(),
        (Word::Unenrolled, _) => {
            "This server asks for a second factor, and you have none yet. Set one up first: \
                                  whoever runs this server knows where."
                .to_owned()
        }
    }
}

fn unavailable(request: Option<&Nonce>) -> String {
    let mut text = "Codes can't be checked on this server now. Tell whoever runs it.".to_owned();
    if let Some(request) = request {
        text.push_str(" Request ");
        text.extend(request.to_string().chars().take(8));
    }
    text
}

/// What somebody who has just passed should know.
pub fn notice(notice: &Notice) -> Option<String> {
    match notice.kind {
        NoticeKind::BackupCodeUsed => Some(match notice.left? {
            0 => "That was your last backup code. Make new ones while you still can sign in.".to_owned(),
            1 => format!("1 backup code left. {FEW}"),
            few @ 2..ENOUGH_BACKUP_CODES => format!("{few} backup codes left. {FEW}"),
            left => format!("{left} backup codes left."),
        }),
        NoticeKind::DeviceEnrolled => {
            let mut text = "New device".to_owned();
            let pieces = [("", &notice.label), (" at ", &notice.door), (" from ", &notice.source)];
            for (index, (joint, piece)) in pieces.into_iter().enumerate() {
                if let Some(piece) = piece {
                    text.push_str(if index == 0 { " " } else { joint });
                    text.push_str(&plain(piece));
                }
                if index == 0 {
                    text.push_str(" enrolled");
                }
            }
            if let Some(at) = notice.at {
                text.push_str(" on ");
                text.push_str(&moment(at));
            }
            text.push_str(". If that wasn't you, tell whoever runs this server at once.");
            Some(text)
        }
        NoticeKind::BrowserEnded => {
            let mut text = "An old cookie of your browser".to_owned();
            for (joint, piece) in [(" ", &notice.label), (" came back from ", &notice.source)] {
                if let Some(piece) = piece {
                    text.push_str(joint);
                    text.push_str(&plain(piece));
                }
            }
            if let Some(at) = notice.at {
                text.push_str(" on ");
                text.push_str(&moment(at));
            }
            text.push_str(": it was copied. If that wasn't you, tell whoever runs this server at once.");
            Some(text)
        }
    }
}

/// Foreign text, fit for a terminal: no control characters, nothing that reorders what stands around it.
fn plain(text: &str) -> String {
    let odd = |character: char| {
        character.is_control()
            || matches!(character, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
    };
    text.chars()
        .take(LONGEST_PIECE)
        .map(|character| if odd(character) { '\u{fffd}' } else { character })
        .collect()
}

/// A wait as a person says it.
fn span(seconds: u64) -> String {
    match seconds {
        0..=120 => format!("{} s", seconds.max(1)),
        121..=7200 => format!("{} min", seconds.div_ceil(60)),
        _ => format!("{} h", seconds.div_ceil(3600)),
    }
}

/// Seconds since the epoch as `2026-03-03 09:12 UTC`: the host's time zone is in its environment, which is not read.
fn moment(at: u64) -> String {
    let (days, minutes) = (at / 86_400, at % 86_400 / 60);
    // The proleptic Gregorian calendar in eras of 400 years, each beginning on 1 March.
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    format!("{year}-{month:02}-{day:02} {:02}:{:02} UTC", minutes / 60, minutes % 60)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn word(word: Word, wait_seconds: Option<u64>) -> String {
        refusal(&Refusal { why: Why::Said(Refused { word, wait_seconds }), request: None }).unwrap()
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
        notice(&news).unwrap()
    }

    #[test]
    fn a_question_names_whom_it_asks() {
        assert_eq!(prompt(None, "alice"), "Code for alice: ");
        assert_eq!(prompt(Some("Token (%u): "), "alice"), "Token (alice): ");
        assert_eq!(prompt(Some("Token: "), "alice"), "Token: ");
    }

    #[test]
    fn a_name_cannot_draw_on_the_terminal() {
        assert_eq!(prompt(None, "a\n\u{1b}[2J\u{202e}b"), "Code for a\u{fffd}\u{fffd}[2J\u{fffd}b: ");
        assert!(prompt(None, &"x".repeat(500)).len() < 100);
    }

    #[test]
    fn each_word_has_its_sentence() {
        assert!(word(Word::Wrong, None).starts_with("That code didn't match. Codes change every 30 seconds"));
        assert_eq!(word(Word::Used, Some(12)), "That code was already used; the next one comes in 12 s.");
        assert_eq!(word(Word::Wait, Some(40)), "Too many tries. You can try again in 40 s.");
        assert_eq!(word(Word::Wait, Some(900)), "Too many tries. You can try again in 15 min.");
        assert_eq!(word(Word::Wait, Some(0)), "Too many tries. You can try again in 1 s.");
        assert!(word(Word::Clock, None).contains("backup code"));
        assert!(word(Word::Closed, None).contains("backup code"));
    }

    #[test]
    fn rubbish_and_a_wrong_code_read_the_same() {
        let refused = Refused { word: Word::Wrong, wait_seconds: None };
        let rubbish = refusal(&Refusal { why: Why::NotACode(refused), request: None });
        assert_eq!(rubbish.unwrap(), word(Word::Wrong, None));
    }

    #[test]
    fn a_fault_names_the_request_and_not_the_fault() {
        let why = Why::Unavailable("connection refused at /run/x".to_owned());
        let request = Some(Nonce::from_bytes([0x7f; 16]));
        let text = refusal(&Refusal { why, request }).unwrap();
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
            notice(&news).unwrap(),
            "New device Pixel\u{fffd}9 enrolled at web portal from 192.0.2.7 on 2026-03-03 09:12 UTC. \
             If that wasn't you, tell whoever runs this server at once."
        );
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
            notice(&news).unwrap(),
            "An old cookie of your browser Firefox on Linux came back from 203.0.113.9 on 2026-03-03 09:12 UTC: it was \
             copied. If that wasn't you, tell whoever runs this server at once."
        );
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
}

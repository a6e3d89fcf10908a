//! What is said when the authority says no, and what is said after it said yes.

use twofold_shared::trail::Door;
use twofold_shared::wire::{Notice, NoticeKind, Refused, Word};

/// A refusal as one sentence, and what to do.
pub fn refusal(refused: &Refused) -> String {
    match (refused.word, refused.wait_seconds) {
        (Word::Wrong, _) => {
            "That code didn't match. Codes change every 30 seconds: wait for the next one.".to_owned()
        }
        (Word::Used, Some(seconds)) => {
            format!("That code was already used; the next one comes in {}.", duration(seconds))
        }
        (Word::Used, None) => "That backup code was already used. Take another.".to_owned(),
        (Word::Wait, Some(seconds)) => {
            format!("Too many tries. You can try again in {}.", duration(seconds))
        }
        (Word::Wait, None) => "Too many tries. Wait a little before the next.".to_owned(),
        (Word::Clock, _) => {
            "This host's clock looks wrong, so codes from an app can't be checked now. Use a backup \
             code, and tell whoever runs it."
                .to_owned()
        }
        (Word::Closed, _) => {
            "Too many wrong codes came from places we don't know. Use a backup code, or sign in \
             from a place you have used before."
                .to_owned()
        }
        (Word::Busy, _) => "Too much at once for this account. Try again in a moment.".to_owned(),
        (Word::Unenrolled, _) => {
            "No second factor is set up for this account. Set one up with: twofold enroll".to_owned()
        }
    }
}

/// News for the owner, as a line.
pub fn notice(notice: &Notice) -> String {
    match notice.kind {
        NoticeKind::BackupCodeUsed => match notice.left {
            Some(1) => "That was a backup code; 1 is left.".to_owned(),
            Some(left) => format!("That was a backup code; {left} are left."),
            None => "That was a backup code.".to_owned(),
        },
        NoticeKind::DeviceEnrolled => {
            let label = notice.label.as_deref().unwrap_or("a device");
            let (door, from) = place(notice);
            format!(
                "Since you last came, the device “{label}” was set up{door}{from}. Not you? Remove it now."
            )
        }
        NoticeKind::EmergencyCodeUsed => {
            let (door, from) = place(notice);
            format!("Since you last came, an operator's emergency code opened your account{door}{from}.")
        }
        NoticeKind::NameJoined => {
            let name = notice.label.as_deref().unwrap_or("a name");
            let from = notice.source.as_ref().map(|source| format!(" from {source}")).unwrap_or_default();
            format!(
                "Since you last came, {name} became a name of your account{from}, with one of your codes. Not you? Tell an \
                 administrator now."
            )
        }
        NoticeKind::BrowserEnded => {
            let browser = notice.label.as_deref().unwrap_or("unknown browser");
            let from = notice.source.as_ref().map(|source| format!(" from {source}")).unwrap_or_default();
            format!(
                "Since you last came, an old cookie of your browser “{browser}” came{from}: it was copied, so that browser \
                 is known no more. Unless you copied it yourself: twofold session revoke --all"
            )
        }
    }
}

/// At which door something happened, and from where, each with the blank before it.
fn place(notice: &Notice) -> (String, String) {
    let door = notice.door.as_deref().map(|door| match Door::read(door) {
        Some(Door::Authority) => " by the authority itself".to_owned(),
        Some(Door::Command) => " with the command twofold".to_owned(),
        Some(Door::RootsCommand) => " by root, with the command twofold".to_owned(),
        Some(Door::Portal) => " at the portal".to_owned(),
        Some(Door::Site(host)) => format!(" at {host}"),
        Some(Door::Enrolment(host)) => format!(" on {host}"),
        Some(Door::Service { .. }) | None => format!(" at {door}"),
    });
    // Of the command the door says as much.
    let source = notice.source.as_deref().filter(|source| *source != "local");
    (door.unwrap_or_default(), source.map(|source| format!(" from {source}")).unwrap_or_default())
}

/// Seconds as a person says them.
pub fn duration(seconds: u64) -> String {
    match seconds {
        0..=119 => format!("{seconds} s"),
        120..=7199 => format!("{} min", seconds.div_ceil(60)),
        _ => format!("{} h", seconds.div_ceil(3600)),
    }
}

/// A capital in front and a full stop behind, whatever the authority wrote.
pub fn sentence(detail: &str) -> String {
    let detail = detail.trim();
    let mut characters = detail.chars();
    let Some(first) = characters.next() else {
        return "The authority said no, and not why.".to_owned();
    };
    let stop = if detail.ends_with(['.', '!', '?', ':', ')']) { "" } else { "." };
    format!("{}{}{stop}", first.to_uppercase(), characters.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_says_how_long() {
        let said = |word, wait_seconds| refusal(&Refused { word, wait_seconds });
        assert_eq!(said(Word::Used, Some(12)), "That code was already used; the next one comes in 12 s.");
        assert_eq!(said(Word::Wait, Some(40)), "Too many tries. You can try again in 40 s.");
        assert_eq!(said(Word::Wait, Some(900)), "Too many tries. You can try again in 15 min.");
    }

    #[test]
    fn a_copied_browser_is_told_with_what_to_do() {
        let news = Notice {
            kind: NoticeKind::BrowserEnded,
            left: None,
            label: Some("Firefox on Linux".to_owned()),
            door: Some("web portal".to_owned()),
            source: Some("203.0.113.9".to_owned()),
            at: Some(1),
        };
        let said = notice(&news);
        for part in ["“Firefox on Linux”", "from 203.0.113.9", "twofold session revoke --all"] {
            assert!(said.contains(part), "{said}");
        }
    }

    #[test]
    fn a_door_is_told_in_words() {
        let said = |door: &str, source: &str| {
            notice(&Notice {
                kind: NoticeKind::DeviceEnrolled,
                left: None,
                label: Some("phone".to_owned()),
                door: Some(door.to_owned()),
                source: Some(source.to_owned()),
                at: Some(1),
            })
        };
        for (door, source, expected) in [
            ("root's command", "local", "was set up by root, with the command twofold. Not you?"),
            ("web portal", "192.0.2.7", "was set up at the portal from 192.0.2.7. Not you?"),
            ("web wiki.example.com", "192.0.2.7", "was set up at wiki.example.com from 192.0.2.7."),
            ("sshd on web1", "192.0.2.7", "was set up at sshd on web1 from 192.0.2.7."),
            ("enrolment on web1", "192.0.2.7", "was set up on web1 from 192.0.2.7."),
        ] {
            assert!(said(door, source).contains(expected), "{}", said(door, source));
        }
    }

    #[test]
    fn every_detail_becomes_a_sentence() {
        assert_eq!(sentence("the name is taken"), "The name is taken.");
        assert_eq!(sentence("Done."), "Done.");
        assert!(!sentence("").is_empty());
    }
}

//! What the person reads: what happened, then what to do. Nothing here names a reason that the authority keeps inside.
//!
//! A file for each language; a word that one of them lacks is a word that does not compile. `{}` stands for what differs.

use twofold_shared::secret::SecretText;
use twofold_shared::trail::Door;
use twofold_shared::wire::{Language, Nonce, Notice, NoticeKind, Refused, Word};
use zeroize::Zeroizing;

use crate::outcome::{Refusal, Why};

mod english;
mod german;

/// The longest piece of foreign text (a name, a device's label) in a message.
const LONGEST_PIECE: usize = 64;

/// From this many on, the backup codes left are not mentioned as few.
const ENOUGH_BACKUP_CODES: u8 = 4;

/// One language.
#[derive(Debug)]
pub struct Words {
    /// The question; `{}`: the name.
    code_for: &'static str,
    /// The question where password and code come together; `{}`: the name.
    password_and_code_for: &'static str,
    wrong: &'static str,
    used: &'static str,
    /// `{}`: how long.
    used_until: &'static str,
    wait: &'static str,
    /// `{}`: how long.
    wait_for: &'static str,
    clock: &'static str,
    closed: &'static str,
    busy: &'static str,
    unenrolled: &'static str,
    invitation: &'static str,
    /// Above the question for its code; `{}`: the name.
    invitation_wanted: &'static str,
    /// The same after a wrong one.
    invitation_wrong: &'static str,
    invitation_code: &'static str,
    no_factor: &'static str,
    unavailable: &'static str,
    /// `{}`: the beginning of a request's number.
    request: &'static str,
    /// After seconds, minutes and hours.
    units: [&'static str; 3],
    last_backup_code: &'static str,
    one_backup_code: &'static str,
    /// `{}`: how many.
    few_backup_codes: &'static str,
    /// `{}`: how many.
    backup_codes: &'static str,
    doors: Doors,
    /// One that nobody knows, and between a browser and its system.
    browser: [&'static str; 2],
    device_enrolled: News,
    browser_ended: News,
    emergency_code_used: News,
    name_joined: News,
    /// Above the picture; `{}`: the name.
    enrol: &'static str,
    /// Below it; `{}`: the key.
    enrol_key: &'static str,
    /// The question for the first code.
    enrol_code: &'static str,
    /// After a wrong one; `{}`: the key.
    enrol_wrong: &'static str,
    /// When it is done; `{}`: the name.
    enrolled: &'static str,
    /// Below the backup codes.
    put_away: &'static str,
    enrolment_left: &'static str,
    not_switched_on: &'static str,
}

/// A sentence of parts that may be missing.
#[derive(Debug)]
struct News {
    start: &'static str,
    /// Before what something is called, and after it.
    called: [&'static str; 2],
    /// Before the door, as [`Doors`] says it; none where that is not told.
    at: Option<&'static str>,
    from: &'static str,
    on: &'static str,
    end: &'static str,
}

/// A door, after what happened there.
#[derive(Debug)]
struct Doors {
    authority: &'static str,
    command: &'static str,
    roots_command: &'static str,
    portal: &'static str,
    /// `{}`: a site, or a service of a host.
    place: &'static str,
    /// Between a service and its host.
    on: &'static str,
    /// `{}`: the host that sets people up.
    enrolment: &'static str,
}

/// The words of a language.
pub const fn words(language: Language) -> &'static Words {
    match language {
        Language::English => &english::WORDS,
        Language::German => &german::WORDS,
    }
}

/// The question.
pub fn prompt(words: &Words, custom: Option<&str>, name: &str, with_password: bool) -> String {
    let name = plain(name);
    match custom {
        Some(custom) => custom.replace("%u", &name),
        None if with_password => filled(words.password_and_code_for, &name),
        None => filled(words.code_for, &name),
    }
}

/// The sentence for a refusal; `None` where the person knows, or nobody is there to read it.
pub fn refusal(words: &Words, refusal: &Refusal) -> Option<String> {
    match &refusal.why {
        // A rubbish answer reads like a wrong code: sshd types rubbish for users it does not know.
        Why::Said(refused) | Why::NotACode(refused) => Some(said(words, *refused)),
        Why::Unenrolled => Some(words.unenrolled.to_owned()),
        Why::Invitation => Some(words.invitation.to_owned()),
        Why::NoFactor => Some(words.no_factor.to_owned()),
        Why::EnrolmentLeft => Some(words.enrolment_left.to_owned()),
        Why::NotSwitchedOn => Some(words.not_switched_on.to_owned()),
        Why::Unavailable(_) => Some(unavailable(words, refusal.request.as_ref())),
        Why::Misconfigured(_) | Why::Panicked | Why::NoPassword => Some(unavailable(words, None)),
        Why::GaveUp | Why::NoUser => None,
    }
}

fn said(words: &Words, refused: Refused) -> String {
    let wait = refused.wait_seconds.map(|seconds| span(words, seconds));
    match (refused.word, wait) {
        (Word::Wrong, _) => words.wrong.to_owned(),
        (Word::Used, Some(wait)) => filled(words.used_until, &wait),
        (Word::Used, None) => words.used.to_owned(),
        (Word::Wait, Some(wait)) => filled(words.wait_for, &wait),
        (Word::Wait, None) => words.wait.to_owned(),
        (Word::Clock, _) => words.clock.to_owned(),
        (Word::Closed, _) => words.closed.to_owned(),
        (Word::Busy, _) => words.busy.to_owned(),
        (Word::Unenrolled, _) => words.unenrolled.to_owned(),
    }
}

fn unavailable(words: &Words, request: Option<&Nonce>) -> String {
    let mut text = words.unavailable.to_owned();
    if let Some(request) = request {
        let beginning: String = request.to_string().chars().take(8).collect();
        text.push_str(&filled(words.request, &beginning));
    }
    text
}

/// What somebody who has just passed should know.
pub fn notice(words: &Words, notice: &Notice) -> Option<String> {
    let news = match notice.kind {
        NoticeKind::BackupCodeUsed => {
            return Some(match notice.left? {
                0 => words.last_backup_code.to_owned(),
                1 => words.one_backup_code.to_owned(),
                few @ 2..ENOUGH_BACKUP_CODES => filled(words.few_backup_codes, &few.to_string()),
                left => filled(words.backup_codes, &left.to_string()),
            });
        }
        NoticeKind::DeviceEnrolled => &words.device_enrolled,
        NoticeKind::BrowserEnded => &words.browser_ended,
        NoticeKind::EmergencyCodeUsed => &words.emergency_code_used,
        NoticeKind::NameJoined => &words.name_joined,
    };
    let mut text = news.start.to_owned();
    let [before, after] = news.called;
    if let Some(label) = &notice.label {
        text.push_str(before);
        text.push_str(&match notice.kind {
            NoticeKind::BrowserEnded => browser(words, &plain(label)),
            NoticeKind::BackupCodeUsed
            | NoticeKind::DeviceEnrolled
            | NoticeKind::EmergencyCodeUsed
            | NoticeKind::NameJoined => plain(label),
        });
    }
    text.push_str(after);
    if let (Some(joint), Some(door)) = (news.at, &notice.door) {
        text.push_str(joint);
        text.push_str(&place(&words.doors, door));
    }
    // Of the command the door says as much.
    if let Some(source) = notice.source.as_deref().filter(|source| *source != "local") {
        text.push_str(news.from);
        text.push_str(&plain(source));
    }
    if let Some(at) = notice.at {
        text.push_str(news.on);
        text.push_str(&moment(at));
    }
    text.push_str(news.end);
    Some(text)
}

/// What a browser is called, of `Firefox on Linux`.
fn browser(words: &Words, described: &str) -> String {
    let [unknown, on] = words.browser;
    described.replace("unknown browser", unknown).replacen(" on ", on, 1)
}

/// Where something happened; a door that is not known here stands as it is.
fn place(words: &Doors, door: &str) -> String {
    match Door::read(door) {
        Some(Door::Authority) => words.authority.to_owned(),
        Some(Door::Command) => words.command.to_owned(),
        Some(Door::RootsCommand) => words.roots_command.to_owned(),
        Some(Door::Portal) => words.portal.to_owned(),
        Some(Door::Site(host)) => filled(words.place, &plain(host)),
        Some(Door::Service { service, host }) => {
            filled(words.place, &format!("{}{}{}", plain(service), words.on, plain(host)))
        }
        Some(Door::Enrolment(host)) => filled(words.enrolment, &plain(host)),
        None => filled(words.place, &plain(door)),
    }
}

/// The question for an invitation's code; `again`: after a wrong one.
pub fn invitation(words: &Words, name: &str, again: bool) -> String {
    let lead =
        if again { words.invitation_wrong.to_owned() } else { filled(words.invitation_wanted, &plain(name)) };
    format!("{lead}\n{}", words.invitation_code)
}

/// What begins an enrolment: all in one question, because some clients show nothing else. `swapped`: for dark letters on a
/// light ground.
pub fn enrol(
    words: &Words,
    name: &str,
    (picture, secret): (&SecretText, &SecretText),
    swapped: bool,
) -> Zeroizing<String> {
    let picture = if swapped { swap(picture.reveal()) } else { Zeroizing::new(picture.reveal().to_owned()) };
    let key = groups_of_four(secret.reveal());
    let (head, key_line) = (filled(words.enrol, &plain(name)), Zeroizing::new(filled(words.enrol_key, &key)));
    Zeroizing::new(format!("{head}\n{}\n{}\n{}", *picture, *key_line, words.enrol_code))
}

/// The question again, after an answer that was not the first code.
pub fn enrol_again(words: &Words, secret: &SecretText) -> Zeroizing<String> {
    let key = groups_of_four(secret.reveal());
    let line = Zeroizing::new(filled(words.enrol_wrong, &key));
    Zeroizing::new(format!("{}\n{}", *line, words.enrol_code))
}

/// What ends an enrolment: the backup codes, and a question that anything answers.
pub fn enrolled(words: &Words, name: &str, codes: &[SecretText]) -> Zeroizing<String> {
    let mut text = Zeroizing::new(filled(words.enrolled, &plain(name)));
    for (index, code) in codes.iter().enumerate() {
        text.push_str(if index % 2 == 0 { "\n  " } else { "    " });
        text.push_str(&groups_of_four(code.reveal()));
    }
    text.push('\n');
    text.push_str(words.put_away);
    text
}

fn filled(sentence: &str, piece: &str) -> String {
    sentence.replacen("{}", piece, 1)
}

fn groups_of_four(text: &str) -> Zeroizing<String> {
    let mut groups = Zeroizing::new(String::with_capacity(text.len() * 2));
    for (index, character) in text.chars().enumerate() {
        if index > 0 && index % 4 == 0 {
            groups.push(' ');
        }
        groups.push(character);
    }
    groups
}

/// Half blocks with light and dark changed for each other.
fn swap(picture: &str) -> Zeroizing<String> {
    let mut swapped = Zeroizing::new(String::with_capacity(picture.len() * 3));
    swapped.extend(picture.chars().map(|block| match block {
        '█' => ' ',
        ' ' => '█',
        '▀' => '▄',
        '▄' => '▀',
        other => other,
    }));
    swapped
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
fn span(words: &Words, seconds: u64) -> String {
    let [second, minute, hour] = words.units;
    match seconds {
        0..=120 => format!("{} {second}", seconds.max(1)),
        121..=7200 => format!("{} {minute}", seconds.div_ceil(60)),
        _ => format!("{} {hour}", seconds.div_ceil(3600)),
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
mod tests;

//! English.

mod trail;
mod wizard;

use twofold_shared::wire::{AuditEvent, Notice, NoticeKind, Refused, Word};

use super::trail::{self as told, whence};
use super::{Say, Words, account, duration, join, local, people};
use crate::authority::Unfit;
use crate::refusal::Refusal;

/// English.
pub const ENGLISH: Words = Words {
    lang: "en",
    name_of_language: "English",
    mistake: "Error",
    help: "Stuck? Ask the people who run this service.",
    sign_in: "Sign in",
    name: "Name",
    password: "Password",
    go_on: "Continue",
    code: "Code",
    code_lede: "Enter the code from your phone, or a backup code.",
    seconds_left: "{} s left",
    verify: "Verify",
    trust_hint: "It then asks for no code here. Don't tick this where others use the same browser.",
    lost_device: "I lost my device",
    lost_device_text: "Type one of your backup codes into the same field; each works once. If you have none left, ask the \
        people who run this service to let you set up a new device.",
    not_you: "Not you?",
    sign_out: "Sign out",
    start_again: "Start again",
    enrol_first: "Set up your second factor first",
    enrol_shell: "Do you log in to this server with SSH? Then run this there; it shows a code to scan with your phone:",
    enrol_ask: "If you don't, or if this page stays, ask the people who run this service to set you up.",
    enrol_done: "It's set up",
    signed_in: "You are signed in",
    your_sites: "From here you can go to",
    sign_out_text: "This ends your session here and on every site.",
    signed_out: "You are signed out",
    signed_out_text: "Here and on every site. You can close this page.",
    before_you_go_on: "Before you go on",
    name_and_password: "Type your name and your password.",
    name_and_code: "Type your name and a code.",
    directory: "The directory",
    wrong_password: "That name and password don't match. Check both and type them again.",
    stale_form: "This page was out of date, so nothing was sent. Type it again.",
    one_moment: "One moment",
    one_moment_text: "Your name and password are right. Next comes the code from your phone.",
    nobody_gets_in: "Nobody gets in here",
    not_known_yet: "You aren't set up here yet",
    request: "Request",
    wrong_name_and_code: "That name and code don't match. Check the name. Codes change every 30 seconds: wait for the next \
        one and type it without spaces.",
    account: account::ENGLISH,
    join: &join::ENGLISH,
    people: &people::ENGLISH,
    wizard: &wizard::WIZARD,
    say: &English,
};

#[derive(Debug)]
struct English;

impl Say for English {
    fn to_go_on_to(&self, title: &str) -> String {
        format!("to go on to {title}")
    }

    fn confirm_for(&self, title: &str) -> String {
        format!("{title} asks for a fresh code here")
    }

    fn not_held(&self, title: &str) -> String {
        format!(
            "{title} signs people in without a new session cookie, so a code cannot come in between. Tell the people who \
             run this service; their log says the same."
        )
    }

    fn arrived(&self, title: &str) -> String {
        format!("You are signed in. {title} opens by itself.")
    }

    fn unknown_here(&self, title: &str) -> String {
        format!(
            "{title} knows you, but a code from your phone is asked for as well now, and there is no account for your \
             name yet. Ask the people who run this service to add you; they will say how to set \
             up your phone."
        )
    }

    fn signed_in_as(&self, name: &str) -> String {
        format!("Signed in as {name}.")
    }

    fn as_somebody(&self, name: &str) -> String {
        format!("as {name}")
    }

    fn not_enrolled(&self, name: &str, title: Option<&str>) -> String {
        let asker = title.unwrap_or("This place");
        format!(
            "{asker} asks for a code from your phone besides your password, and {name} has no phone set up yet."
        )
    }

    fn code_lede(&self, digits: u8) -> String {
        format!("Enter the {digits} digits from your phone, or a backup code.")
    }

    fn unfit(&self, unfit: &Unfit) -> String {
        match unfit {
            Unfit::Label => "That name can't be used. Take 1 to 64 letters, digits and signs.".to_owned(),
            Unfit::Path(Some(path)) => format!(
                "“{path}” can't be a path. Write each as in an address, beginning with a slash and without ? and ;, such as /api."
            ),
            Unfit::Network(Some(network)) => {
                format!("“{network}” is no address and no network. Write 192.0.2.7 or 192.0.2.0/24.")
            }
            Unfit::Path(None) | Unfit::Network(None) => "Those are too many lines: 32 at most.".to_owned(),
            Unfit::Other => "That can't be done: there may be as many as there can be. Remove what you no longer need, then try again."
                .to_owned(),
        }
    }

    fn browser(&self, described: &str) -> String {
        described.to_owned()
    }

    fn refused_code(&self, refused: Refused) -> String {
        match (refused.word, refused.wait_seconds) {
            (Word::Wrong, _) => {
                "That code didn't match. Codes change every 30 seconds: wait for the next one and type it \
                without spaces."
                    .to_owned()
            }
            (Word::Used, None) => {
                "That backup code was already used: each works once. Take another.".to_owned()
            }
            (Word::Used, Some(seconds)) => {
                format!("That code was already used. Wait for the next one ({}).", duration(seconds))
            }
            (Word::Wait, None) => "Too many tries. Wait a little before the next one.".to_owned(),
            (Word::Wait, Some(seconds)) => {
                format!("Too many tries. You can try again in {}.", duration(seconds))
            }
            (Word::Clock, _) => {
                "This server's clock looks wrong, so codes from an app can't be checked now. Use a backup \
                code, and tell whoever runs it."
                    .to_owned()
            }
            (Word::Closed, _) => {
                "Too many wrong codes came from places we don't know. Use a backup code, or sign in from \
                a place you have used before."
                    .to_owned()
            }
            (Word::Busy, _) => "Too much is going on at once. Try again in a moment.".to_owned(),
            (Word::Unenrolled, _) => "You have no second factor set up.".to_owned(),
        }
    }

    fn notice(&self, notice: &Notice) -> String {
        match notice.kind {
            NoticeKind::BackupCodeUsed => match notice.left {
                Some(0) => "That was your last backup code. Replace them now, while you can still sign in."
                    .to_owned(),
                Some(1) => "1 backup code left. Replace them while you still can sign in.".to_owned(),
                Some(left @ 2..=3) => {
                    format!("{left} backup codes left. Replace them while you still can sign in.")
                }
                Some(left) => format!("You used a backup code; {left} are left."),
                None => "You used a backup code.".to_owned(),
            },
            NoticeKind::DeviceEnrolled => {
                let label = notice.label.as_deref().unwrap_or("A new device");
                let mut text = format!("“{label}” was set up as your second factor");
                if let Some(at) = notice.at {
                    text.push_str(&format!(" on {}", moment(at)));
                }
                text.push_str(&where_it_was(notice));
                text.push_str(". If that wasn't you, tell the people who run this service now.");
                text
            }
            NoticeKind::BrowserEnded => browser_ended(notice),
            NoticeKind::EmergencyCodeUsed => emergency_code_used(notice),
            NoticeKind::NameJoined => name_joined(notice),
        }
    }

    fn trust_browser(&self, seconds: &u64) -> String {
        let (count, unit) = match seconds / 3600 {
            0 => (seconds.div_ceil(60), "minute"),
            hours @ 1..48 => (hours, "hour"),
            hours => (hours / 24, "day"),
        };
        let plural = if count == 1 { "" } else { "s" };
        format!("Trust this browser for {count} {unit}{plural}")
    }

    fn signed_in(&self, ago: &str) -> String {
        format!("signed in {ago}")
    }

    fn first_seen(&self, ago: &str) -> String {
        format!("first seen {ago}")
    }

    fn last_seen(&self, ago: &str) -> String {
        format!("last seen {ago}")
    }

    fn ago(&self, at: u64, now: u64) -> String {
        match now.saturating_sub(at) {
            0..60 => "just now".to_owned(),
            seconds @ 60..3600 => format!("{} min ago", seconds / 60),
            seconds @ 3600..172_800 => format!("{} h ago", seconds / 3600),
            seconds @ 172_800..2_592_000 => format!("{} days ago", seconds / 86_400),
            _ => local(at).map_or_else(String::new, |at| at.strftime("%-d %B %Y").to_string()),
        }
    }

    fn moment(&self, at: u64) -> String {
        moment(at)
    }

    fn door(&self, door: &str) -> String {
        told::called(self, door)
    }

    fn place(&self, door: &str, source: Option<&str>) -> String {
        let door = self.door(door);
        whence(source).map_or_else(|| door.clone(), |source| format!("{door} from {source}"))
    }

    fn event(&self, event: &AuditEvent) -> String {
        told::event(self, event)
    }

    fn codes_left(&self, left: u8) -> String {
        match left {
            0 => "None left. Replace them while you still can sign in.".to_owned(),
            1..=3 => format!("{left} of 10 left. Replace them while you still can sign in."),
            _ => format!("{left} of 10 left."),
        }
    }

    fn used(&self, when: &str, place: &str) -> String {
        format!("used {when}, {place}")
    }

    fn remove_device(&self, label: &str, is_last: bool) -> String {
        let last = if is_last { " It is your last one, so two-factor is off afterwards." } else { "" };
        format!("Codes from “{label}” stop working at once, and sessions that rest on it end.{last}")
    }

    fn part_name(&self, name: &str) -> String {
        format!(
            "{name} is no longer you: sessions signed in under it end, and a code from your phone is no good there."
        )
    }

    fn name_in_realm(&self, realm: &str, name: &str) -> String {
        match realm {
            "unix" => format!("{name} on this host"),
            "local" => name.to_owned(),
            realm => format!("{name} at {realm}"),
        }
    }

    fn trusted_until(&self, moment: &str) -> String {
        format!("needs no code until {moment}")
    }

    fn refusal(&self, refusal: Refusal<'_>) -> (&'static str, String) {
        let (title, text) = match refusal {
            Refusal::Unclear => (
                "This address isn't clear",
                "It can be read in more than one way, so it wasn't passed on. Go back and follow the link again, or type \
                 the address anew.",
            ),
            Refusal::NoSuchSite => {
                ("No such site", "Nothing is set up under this name. Check the address for a typing mistake.")
            }
            Refusal::Misdirected => (
                "This went to the wrong place",
                "The connection was opened for another name than this one, so nothing was passed on. Open the address anew.",
            ),
            Refusal::NotFound => {
                ("Nothing here", "There is no page at this address. Check it for a typing mistake.")
            }
            Refusal::WrongMethod => (
                "Nothing to do here",
                "This address doesn't take what was sent to it. Go back and try from the page before.",
            ),
            Refusal::SecondFactor { .. } => ("Sign in first", "This needs a second factor."),
            Refusal::Key { .. } => ("This API key opens nothing here", "Use another one, or sign in."),
            Refusal::Denied => (
                ENGLISH.nobody_gets_in,
                "A rule of this gate keeps this part closed. If you need it, tell the people who run this service.",
            ),
            Refusal::LoginElsewhere => (
                "Sign in on the sign-in page",
                "A name or a password was sent where neither is asked for, so it wasn't passed on. Open the site's sign-in \
                 page and type them there.",
            ),
            Refusal::NotHeld { .. } => (
                "You need to sign in first",
                "What you just sent was not passed on and is not kept here. Sign in or confirm that it's you, then come \
                 back to it with your browser's back button and send it again.",
            ),
            Refusal::AsksForPassword => (
                ENGLISH.sign_in,
                "This site asks for its own name and password first. Reload the page to type them.",
            ),
            Refusal::TooManyTries { seconds } => {
                return ("Too many tries", format!("You can try again in {}.", duration(seconds)));
            }
            Refusal::AppUndecided { host } => {
                let text = format!(
                    "{host} doesn't say whether your name and password are right, so nobody is let in. Try again in a \
                     moment; if it lasts, tell the people who run this service."
                );
                return ("The site isn't answering", text);
            }
            Refusal::SomebodyElse => (
                "You are signed in as somebody else",
                "What was sent named another person than this session's, so it wasn't passed on and the session has \
                 ended. Open the page again to sign in.",
            ),
            Refusal::NobodyNamed => (
                "Nobody said who you are",
                "The service in front of this one names the people who sign in, and it named nobody. Open the site by its \
                 usual address, or sign in there again.",
            ),
            Refusal::Undecided => (
                "We can't check sign-ins right now",
                "The service that does it isn't answering, so nobody is let in. Try again in a moment; if it lasts, tell \
                 the people who run this service.",
            ),
            Refusal::UpstreamDown { host } => {
                let text = format!("{host} isn't answering. You are signed in; try again in a moment.");
                return ("The site isn't answering", text);
            }
            Refusal::Expired => (
                "This sign-in has run out",
                "Each one lasts ten minutes and belongs to the browser it was begun in. Nothing is lost: start again.",
            ),
            Refusal::Foreign => (
                "This came from another site",
                "A form was sent here from somewhere else, so it wasn't used. Open this page yourself and try again.",
            ),
            Refusal::TooLong => (
                "That is too long",
                "What was sent is longer than what is taken here, so it wasn't used. Send less at a time, or ask the people who run this service.",
            ),
            Refusal::TooSlow => (
                "That took too long",
                "The rest of what you sent didn't come in time. Try again from a better connection.",
            ),
            Refusal::Internal => (
                "Something broke on our side",
                "Nothing was passed on. Try again in a moment; if it lasts, tell the people who run this service.",
            ),
        };
        (title, text.to_owned())
    }
}

/// At which door, and from where.
fn where_it_was(notice: &Notice) -> String {
    let door = notice.door.as_ref().map(|door| format!(", {}", told::at(&English, door)));
    let source = whence(notice.source.as_deref()).map(|source| format!(", from {source}"));
    door.into_iter().chain(source).collect()
}

fn emergency_code_used(notice: &Notice) -> String {
    let mut text = String::from("Somebody came into your account with an emergency code");
    if let Some(at) = notice.at {
        text.push_str(&format!(" on {}", moment(at)));
    }
    text.push_str(&where_it_was(notice));
    text.push_str(". If that wasn't you, tell the people who run this service now.");
    text
}

fn name_joined(notice: &Notice) -> String {
    let name =
        notice.label.as_deref().map_or_else(|| "A name".to_owned(), |name| told::named(&English, name));
    let mut text = format!("{name} became one of your account's names, with one of your codes");
    if let Some(at) = notice.at {
        text.push_str(&format!(", on {}", moment(at)));
    }
    if let Some(source) = &notice.source {
        text.push_str(&format!(", from {source}"));
    }
    text.push_str(
        ". If that wasn't you, part it on your account page and tell the people who run this service now.",
    );
    text
}

fn browser_ended(notice: &Notice) -> String {
    let browser = notice.label.as_deref().unwrap_or("a browser");
    let mut text = format!("Somebody came with an old cookie of your browser “{browser}”");
    if let Some(at) = notice.at {
        text.push_str(&format!(" on {}", moment(at)));
    }
    if let Some(source) = &notice.source {
        text.push_str(&format!(", from {source}"));
    }
    text.push_str(
        ". It was copied, so that browser is no longer known and needs a code. If you didn't copy it yourself, change \
         your password and tell the people who run this service now.",
    );
    text
}

fn moment(at: u64) -> String {
    local(at).map_or_else(String::new, |at| at.strftime("%-d %B %Y at %H:%M").to_string())
}

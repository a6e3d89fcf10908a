//! Every word that a person reads, in one place; a second language is a second value of [`Words`].
//!
//! Second person, present tense, short: what happened, then what to do.

use twofold_shared::wire::{Notice, NoticeKind, Refused, Word};

use crate::refusal::{KeyRefused, Refusal};

/// One language.
#[derive(Debug)]
pub struct Words {
    /// The language's tag.
    pub lang: &'static str,
    /// The product.
    pub product: &'static str,
    /// At the foot of each page.
    pub help: &'static str,
    /// A title and a button.
    pub sign_in: &'static str,
    /// A field.
    pub name: &'static str,
    /// A field.
    pub password: &'static str,
    /// A button.
    pub go_on: &'static str,
    /// A title and a field.
    pub code: &'static str,
    /// Above the field.
    pub code_lede: &'static str,
    /// Beside the field, with the seconds until the next code for `{}`.
    pub seconds_left: &'static str,
    /// A button.
    pub verify: &'static str,
    /// Below the box that trusts a browser.
    pub trust_hint: &'static str,
    /// Opens an explanation.
    pub lost_device: &'static str,
    /// The explanation.
    pub lost_device_text: &'static str,
    /// Beside the name of who is signed in.
    pub not_you: &'static str,
    /// A title and a button.
    pub sign_out: &'static str,
    /// A link.
    pub start_again: &'static str,
    /// A title.
    pub enrol_first: &'static str,
    /// A way to set up a second factor.
    pub enrol_shell: &'static str,
    /// Another way.
    pub enrol_ask: &'static str,
    /// A button.
    pub enrol_done: &'static str,
    /// A title.
    pub signed_in: &'static str,
    /// Above the list of sites.
    pub your_sites: &'static str,
    /// What signing out does.
    pub sign_out_text: &'static str,
    /// A title.
    pub signed_out: &'static str,
    /// What has happened.
    pub signed_out_text: &'static str,
    /// A title.
    pub before_you_go_on: &'static str,
    /// Both fields are needed.
    pub name_and_password: &'static str,
    /// Both fields are needed.
    pub name_and_code: &'static str,
    /// What checks the passwords of a company.
    pub directory: &'static str,
    /// The password did not fit the name.
    pub wrong_password: &'static str,
    /// The page was too old or came from elsewhere.
    pub stale_form: &'static str,
    /// A title, between an app's login and the code.
    pub one_moment: &'static str,
    /// What comes next.
    pub one_moment_text: &'static str,
    /// A title.
    pub nobody_gets_in: &'static str,
    /// A title: the app knows them, the ledger does not.
    pub not_known_yet: &'static str,
    /// Before a request's number.
    pub request: &'static str,
}

/// English.
pub const ENGLISH: Words = Words {
    lang: "en",
    product: "Twofold",
    help: "Stuck? Ask the people who run this service.",
    sign_in: "Sign in",
    name: "Name",
    password: "Password",
    go_on: "Continue",
    code: "Code",
    code_lede: "Enter the 6 digits from your phone, or a backup code.",
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
};

impl Words {
    /// Under the title of the sign-in page.
    #[must_use]
    pub fn to_go_on_to(&self, title: &str) -> String {
        format!("to go on to {title}")
    }

    /// Above the field of somebody who has given a code before.
    #[must_use]
    pub fn confirm_for(&self, title: &str) -> String {
        format!("{title} asks for a fresh code here")
    }

    /// Where an app's login cannot be held back.
    #[must_use]
    pub fn not_held(&self, title: &str) -> String {
        format!(
            "{title} signs people in without a new session cookie, so a code cannot come in between. Tell the people who \
             run this service; their log says the same."
        )
    }

    /// On the way from the code into an app.
    #[must_use]
    pub fn arrived(&self, title: &str) -> String {
        format!("You are signed in. {title} opens by itself.")
    }

    /// To somebody whom an app knows and the ledger does not.
    #[must_use]
    pub fn unknown_here(&self, title: &str) -> String {
        format!(
            "{title} knows you, but a code from your phone is asked for as well now, and there is no account for your \
             name yet. Ask the people who run this service to add you; they will say how to set \
             up your phone."
        )
    }

    /// Who is signed in.
    #[must_use]
    pub fn signed_in_as(&self, name: &str) -> String {
        format!("Signed in as {name}.")
    }

    /// Under "You are signed in".
    #[must_use]
    pub fn as_somebody(&self, name: &str) -> String {
        format!("as {name}")
    }

    /// Why an account without a second factor does not get on.
    #[must_use]
    pub fn not_enrolled(&self, name: &str, title: Option<&str>) -> String {
        let asker = title.unwrap_or("This place");
        format!(
            "{asker} asks for a code from your phone besides your password, and {name} has no phone set up yet."
        )
    }

    /// What to say to a refused code.
    #[must_use]
    pub fn refused_code(&self, refused: Refused) -> String {
        match (refused.word, refused.wait_seconds) {
            (Word::Wrong, _) => {
                "That code didn't match. Codes change every 30 seconds: wait for the next one and type it \
                without spaces."
                    .to_owned()
            }
            (Word::Used, None) => "That code was already used. Wait for the next one.".to_owned(),
            (Word::Used, Some(seconds)) => {
                format!("That code was already used. Wait for the next one ({}).", self.duration(seconds))
            }
            (Word::Wait, None) => "Too many tries. Wait a little before the next one.".to_owned(),
            (Word::Wait, Some(seconds)) => {
                format!("Too many tries. You can try again in {}.", self.duration(seconds))
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

    /// What to say to a refused code where nothing was proved before: neither is said to be right.
    #[must_use]
    pub fn refused_name_and_code(&self, refused: Refused) -> String {
        match refused.word {
            Word::Wrong | Word::Closed | Word::Unenrolled => {
                "That name and code don't match. Check the name. Codes change every 30 seconds: wait for the next one and \
                 type it without spaces."
                    .to_owned()
            }
            Word::Used | Word::Wait | Word::Clock | Word::Busy => self.refused_code(refused),
        }
    }

    /// What to say to a refused password.
    #[must_use]
    pub fn refused_password(&self, refused: Refused) -> String {
        match refused.word {
            Word::Wait | Word::Busy => self.refused_code(refused),
            Word::Wrong | Word::Used | Word::Clock | Word::Closed | Word::Unenrolled => {
                self.wrong_password.to_owned()
            }
        }
    }

    /// What a person should learn before they go on.
    #[must_use]
    pub fn notice(&self, notice: &Notice) -> String {
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
                    text.push_str(&format!(" on {}", self.moment(at)));
                }
                match notice.door.as_deref() {
                    Some("command") => text.push_str(" with the twofold command"),
                    Some(door) if door.ends_with("command") => text.push_str(&format!(" with {door}")),
                    Some(door) => text.push_str(&format!(", at {door}")),
                    None => {}
                }
                if let Some(source) = &notice.source {
                    text.push_str(&format!(", from {source}"));
                }
                text.push_str(". If that wasn't you, tell the people who run this service now.");
                text
            }
            NoticeKind::BrowserEnded => self.browser_ended(notice),
        }
    }

    /// Beside the box that trusts a browser, for so many seconds.
    #[must_use]
    pub fn trust_browser(&self, seconds: &u64) -> String {
        let (count, unit) = match seconds / 3600 {
            0 => (seconds.div_ceil(60), "minute"),
            hours @ 1..48 => (hours, "hour"),
            hours => (hours / 24, "day"),
        };
        let plural = if count == 1 { "" } else { "s" };
        format!("Trust this browser for {count} {unit}{plural}")
    }

    fn browser_ended(&self, notice: &Notice) -> String {
        let browser = notice.label.as_deref().unwrap_or("a browser");
        let mut text = format!("Somebody came with an old cookie of your browser “{browser}”");
        if let Some(at) = notice.at {
            text.push_str(&format!(" on {}", self.moment(at)));
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

    /// Title and text of a refusal's page.
    #[must_use]
    pub fn refusal(&self, refusal: Refusal<'_>) -> (&'static str, String) {
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
            Refusal::SecondFactor { .. } => ("Sign in first", "This needs a second factor."),
            Refusal::Key { .. } => ("This API key opens nothing here", "Use another one, or sign in."),
            Refusal::Denied => (
                self.nobody_gets_in,
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
                self.sign_in,
                "This site asks for its own name and password first. Reload the page to type them.",
            ),
            Refusal::TooManyTries { seconds } => {
                return ("Too many tries", format!("You can try again in {}.", self.duration(seconds)));
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
            Refusal::TooLong => {
                ("That is too long", "What was sent is longer than what is taken here, so it wasn't used.")
            }
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

    /// What a program's author should do.
    #[must_use]
    pub fn help_for_programs(&self, refusal: Refusal<'_>) -> String {
        match refusal {
            Refusal::SecondFactor { site } => format!(
                "use an API key: as the password of HTTP Basic, or in `Authorization: Bearer tf_…`; `twofold api-key \
                 create` makes one; or open {site} in a browser and sign in"
            ),
            Refusal::Key { why: KeyRefused::Unknown, .. } => {
                "use an API key that is good here: this one is wrong, suspended, expired, revoked or for another site; \
                 see `twofold api-key list`"
                    .to_owned()
            }
            Refusal::Key { why: KeyRefused::Grant, .. } => {
                "use an API key for this: this one is good, but not for this site, path, method or address; see `twofold \
                 api-key list`"
                    .to_owned()
            }
            Refusal::Key { why: KeyRefused::FreshCode, site } => {
                format!("open {site} in a browser: here a fresh code is asked for, and no API key can stand for it")
            }
            other => self.refusal(other).1,
        }
    }

    fn duration(&self, seconds: u64) -> String {
        match seconds {
            0..=90 => format!("{seconds} s"),
            _ => format!("{} min", seconds.div_ceil(60)),
        }
    }

    fn moment(&self, at: u64) -> String {
        let at = i64::try_from(at).ok().and_then(|at| jiff::Timestamp::from_second(at).ok());
        at.map_or_else(String::new, |at| {
            at.to_zoned(jiff::tz::TimeZone::system()).strftime("%-d %B %Y at %H:%M").to_string()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_says_what_to_do() {
        let say = |word, wait_seconds| ENGLISH.refused_code(Refused { word, wait_seconds });
        assert_eq!(say(Word::Used, Some(12)), "That code was already used. Wait for the next one (12 s).");
        assert_eq!(say(Word::Wait, Some(40)), "Too many tries. You can try again in 40 s.");
        assert_eq!(say(Word::Wait, Some(840)), "Too many tries. You can try again in 14 min.");
        assert!(say(Word::Closed, None).contains("Use a backup code"));
        assert!(say(Word::Clock, None).contains("Use a backup code"));
    }

    #[test]
    fn a_password_page_tells_nothing_of_the_second_factor() {
        for word in [Word::Wrong, Word::Used, Word::Clock, Word::Closed, Word::Unenrolled] {
            assert_eq!(
                ENGLISH.refused_password(Refused { word, wait_seconds: None }),
                ENGLISH.wrong_password
            );
        }
    }

    #[test]
    fn a_browsers_trust_is_said_in_whole_units() {
        for (seconds, said) in
            [(30 * 86_400, "30 days"), (86_400, "24 hours"), (3600, "1 hour"), (600, "10 minutes")]
        {
            assert_eq!(ENGLISH.trust_browser(&seconds), format!("Trust this browser for {said}"));
        }
    }

    #[test]
    fn few_codes_are_counted() {
        let say = |left| {
            let kind = NoticeKind::BackupCodeUsed;
            ENGLISH.notice(&Notice {
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
            say(0).contains("last")
                && say(1).starts_with("1 backup code left")
                && say(9).contains("9 are left")
        );
    }
}

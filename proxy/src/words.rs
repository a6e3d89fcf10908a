//! Every word that a person reads: a file for each language. A word that one of them lacks is a word that does not compile.
//!
//! Second person, present tense, short: what happened, then what to do.

mod account;
mod english;
mod german;
pub mod join;
mod language;
pub mod people;
mod trail;
pub mod wizard;

use twofold_shared::wire::{AuditEvent, Notice, Refused, Word};

pub use self::english::ENGLISH;
pub use self::language::{LANGUAGES, of_reader, of_tag};
use crate::authority::Unfit;
use crate::refusal::{KeyRefused, Refusal};

/// One language.
#[derive(Debug)]
pub struct Words {
    /// The language's tag.
    pub lang: &'static str,
    /// What its speakers call it.
    pub name_of_language: &'static str,
    /// Before the title of a page that says what went wrong.
    pub mistake: &'static str,
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
    /// Above the field, where nobody knows how many digits a code has.
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
    /// Neither is said to be right.
    pub wrong_name_and_code: &'static str,
    /// The account page.
    pub account: account::AccountWords,
    /// To somebody whose name is new.
    pub join: &'static join::JoinWords,
    /// The pages of those in charge.
    pub people: &'static people::PeopleWords,
    /// About setting up a device.
    pub wizard: &'static wizard::Wizard,
    /// The sentences.
    pub say: &'static dyn Say,
}

/// The sentences of one language, made of what has happened.
pub trait Say: std::fmt::Debug + Sync {
    /// Under the title of the sign-in page.
    fn to_go_on_to(&self, title: &str) -> String;
    /// Above the field of somebody who has given a code before.
    fn confirm_for(&self, title: &str) -> String;
    /// Where an app's login cannot be held back.
    fn not_held(&self, title: &str) -> String;
    /// On the way from the code into an app.
    fn arrived(&self, title: &str) -> String;
    /// To somebody whom an app knows and the ledger does not.
    fn unknown_here(&self, title: &str) -> String;
    /// Who is signed in.
    fn signed_in_as(&self, name: &str) -> String;
    /// Under "You are signed in".
    fn as_somebody(&self, name: &str) -> String;
    /// Why an account without a second factor does not get on.
    fn not_enrolled(&self, name: &str, title: Option<&str>) -> String;
    /// Above the field for a code of so many digits.
    fn code_lede(&self, digits: u8) -> String;
    /// What to say to a refused code.
    fn refused_code(&self, refused: Refused) -> String;
    /// What to say to what cannot be.
    fn unfit(&self, unfit: &Unfit) -> String;
    /// A browser, as the sign-in describes it: `Firefox on Linux`.
    fn browser(&self, described: &str) -> String;
    /// What a person should learn before they go on.
    fn notice(&self, notice: &Notice) -> String;
    /// Beside the box that trusts a browser, for so many seconds.
    fn trust_browser(&self, seconds: &u64) -> String;
    /// When a session began: `signed in 2 h ago`.
    fn signed_in(&self, ago: &str) -> String;
    /// When a browser came first.
    fn first_seen(&self, ago: &str) -> String;
    /// When a session or a browser was last there.
    fn last_seen(&self, ago: &str) -> String;
    /// When something was, as people say it: `2 h ago`; a date when it is longer ago.
    fn ago(&self, at: u64, now: u64) -> String;

    /// When something was, to the minute.
    fn moment(&self, at: u64) -> String;

    /// A door, as the audit trail names it.
    fn door(&self, door: &str) -> String;

    /// At which door and from where something happened.
    fn place(&self, door: &str, source: Option<&str>) -> String;

    /// What happened, in one line.
    fn event(&self, event: &AuditEvent) -> String;

    /// How many backup codes are left, of ten.
    fn codes_left(&self, left: u8) -> String;

    /// To whom a device was last of use.
    fn used(&self, when: &str, place: &str) -> String;

    /// What removing this device means.
    fn remove_device(&self, label: &str, is_last: bool) -> String;

    /// What parting this name means.
    fn part_name(&self, name: &str) -> String;

    /// A realm and a name in it.
    fn name_in_realm(&self, realm: &str, name: &str) -> String;

    /// Until when a browser needs no code.
    fn trusted_until(&self, moment: &str) -> String;

    /// Title and text of a refusal's page.
    fn refusal(&self, refusal: Refusal<'_>) -> (&'static str, String);
}

impl Words {
    /// What to say to a refused code where nothing was proved before: neither is said to be right.
    #[must_use]
    pub fn refused_name_and_code(&self, refused: Refused) -> String {
        match refused.word {
            Word::Wrong | Word::Closed | Word::Unenrolled => self.wrong_name_and_code.to_owned(),
            Word::Used | Word::Wait | Word::Clock | Word::Busy => self.say.refused_code(refused),
        }
    }

    /// What to say to a refused password.
    #[must_use]
    pub fn refused_password(&self, refused: Refused) -> String {
        match refused.word {
            Word::Wait | Word::Busy => self.say.refused_code(refused),
            Word::Wrong | Word::Used | Word::Clock | Word::Closed | Word::Unenrolled => {
                self.wrong_password.to_owned()
            }
        }
    }
}

/// What a program's author should do, in English as all that programs read.
#[must_use]
pub fn help_for_programs(refusal: Refusal<'_>) -> String {
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
        other => ENGLISH.say.refusal(other).1,
    }
}

/// Short enough to be read beside a field; the units are the same in every language that we have.
fn duration(seconds: u64) -> String {
    match seconds {
        0..=90 => format!("{seconds} s"),
        _ => format!("{} min", seconds.div_ceil(60)),
    }
}

/// A moment in this host's time.
fn local(at: u64) -> Option<jiff::Zoned> {
    let at = jiff::Timestamp::from_second(i64::try_from(at).ok()?).ok()?;
    Some(at.to_zoned(jiff::tz::TimeZone::system()))
}

#[cfg(test)]
mod tests;

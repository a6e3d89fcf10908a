//! What the pages say that set up a device, and those that lead there.

use twofold_shared::wire::{Algorithm, CodeKind};

/// One language's words about setting up a device.
#[derive(Debug)]
pub struct Wizard {
    /// A title.
    pub title: &'static str,
    /// Which step: the first.
    pub step_scan: &'static str,
    /// The second.
    pub step_verify: &'static str,
    /// The third.
    pub step_codes: &'static str,
    /// Above the picture.
    pub scan: &'static str,
    /// For those without an app.
    pub any_app: &'static str,
    /// What the picture is, for who cannot see it.
    pub picture: &'static str,
    /// Above the key.
    pub type_key: &'static str,
    /// Beside it, once it may be told that it was done.
    pub copy: &'static str,
    /// That it was.
    pub copied: &'static str,
    /// Before a link.
    pub on_this_phone: &'static str,
    /// The link that opens an app.
    pub open_app: &'static str,
    /// Below the key.
    pub keep_secret: &'static str,
    /// Opens a choice.
    pub other_kinds: &'static str,
    /// What it is worth.
    pub other_kinds_text: &'static str,
    /// A field.
    pub hash: &'static str,
    /// A field.
    pub digits: &'static str,
    /// A button.
    pub new_picture: &'static str,
    /// A link to the next step.
    pub next: &'static str,
    /// A button that gives up.
    pub cancel: &'static str,
    /// A field.
    pub label: &'static str,
    /// Below it.
    pub label_hint: &'static str,
    /// A link to the step before.
    pub back: &'static str,
    /// Above what may be the matter with a code.
    pub wrong: &'static str,
    /// What may be the matter, the likeliest first.
    pub causes: [&'static str; 4],
    /// A newer picture was made.
    pub replaced: &'static str,
    /// A title: an earlier picture is void.
    pub expired_title: &'static str,
    /// What that means.
    pub expired: &'static str,
    /// A title.
    pub backup_codes: &'static str,
    /// Above the backup codes.
    pub codes: &'static str,
    /// Where there are no new ones.
    pub codes_stay: &'static str,
    /// A button.
    pub download: &'static str,
    /// A button.
    pub print: &'static str,
    /// Beside a box.
    pub kept: &'static str,
    /// The box was not ticked.
    pub keep_first: &'static str,
    /// The last button.
    pub finish: &'static str,
    /// What the file is called, without its ending.
    pub file: &'static str,
    /// In the file, above the codes.
    pub file_used_on: &'static str,
    /// Its last sentence.
    pub file_end: &'static str,
    /// A title: the device is given up.
    pub cancelled: &'static str,
    /// What that means.
    pub cancelled_text: &'static str,
    /// A button.
    pub set_up: &'static str,
    /// A title.
    pub invitation_needed: &'static str,
    /// What to do.
    pub invitation_needed_text: &'static str,
    /// A title.
    pub sign_in_again: &'static str,
    /// Why.
    pub sign_in_again_text: &'static str,
    /// A title.
    pub too_many: &'static str,
    /// What to do.
    pub too_many_text: &'static str,
    /// A title.
    pub soon: &'static str,
    /// A button.
    pub not_now: &'static str,
    /// A title.
    pub invitation: &'static str,
    /// What the button does.
    pub invitation_text: &'static str,
    /// The button.
    pub accept: &'static str,
    /// A title.
    pub invitation_over: &'static str,
    /// Why that may be.
    pub invitation_over_text: &'static str,
    /// A title.
    pub invitation_at_login: &'static str,
    /// What to do.
    pub invitation_at_login_text: &'static str,
    /// A title.
    pub accepted: &'static str,
    /// What comes next.
    pub accepted_text: &'static str,
    /// A title: the device is lost.
    pub lost: &'static str,
    /// What a backup code does.
    pub lost_text: &'static str,
    /// A field.
    pub backup_code: &'static str,
    /// A button.
    pub set_up_anew: &'static str,
    /// For who has none.
    pub lost_without: &'static str,
    /// A link.
    pub back_to_code: &'static str,
    /// Not a backup code's shape.
    pub not_a_backup_code: &'static str,
    /// The sentences.
    pub say: &'static dyn SayWizard,
}

/// The sentences of one language about setting up a device.
pub trait SayWizard: std::fmt::Debug + Sync {
    /// Above the field for the first code.
    fn enter_first(&self, digits: u8) -> String;
    /// An app does not do as it was asked.
    fn ignored(&self, makes: CodeKind) -> String;
    /// How a key is to be typed in, where it is not as usual.
    fn unusual(&self, kind: CodeKind) -> String;
    /// From a day on, in so many sign-ins.
    fn required_from(&self, title: &str, from: u64, left: u32) -> String;
    /// When, as a day in the host's time.
    fn day(&self, at: u64) -> String;
    /// In the file: what the codes are for.
    fn file_head(&self, product: &str, name: &str) -> String;
    /// In the file: when they were made.
    fn file_made(&self, day: &str) -> String;
}

/// `SHA-1`, as everybody writes it.
#[must_use]
pub const fn hash(algorithm: Algorithm) -> &'static str {
    match algorithm {
        Algorithm::Sha1 => "SHA-1",
        Algorithm::Sha256 => "SHA-256",
        Algorithm::Sha512 => "SHA-512",
    }
}

//! English about setting up a device.

use twofold_shared::wire::CodeKind;

use super::super::local;
use super::super::wizard::{SayWizard, Wizard, hash};

pub(super) const WIZARD: Wizard = Wizard {
    title: "Set up your phone",
    step_scan: "Step 1 of 3 · Scan",
    step_verify: "Step 2 of 3 · Verify",
    step_codes: "Step 3 of 3 · Backup codes",
    scan: "Open the authenticator app on your phone and scan this.",
    any_app: "Any authenticator app will do. If you have none, your phone's app store has several.",
    picture: "QR code with the key below",
    type_key: "Can't scan? Type this key:",
    copy: "Copy",
    copied: "Copied",
    on_this_phone: "On this phone?",
    open_app: "Open the app",
    keep_secret: "Keep the key to yourself: whoever has it can make your codes.",
    other_kinds: "Other kinds of codes",
    other_kinds_text: "Most apps make no others. Change this only if you know that yours does.",
    hash: "Hash",
    digits: "Digits",
    new_picture: "Show a new QR code",
    next: "Next",
    cancel: "Cancel",
    label: "What do you call this phone?",
    label_hint: "You see the name again where your devices are listed. You may leave it empty.",
    back: "Back to the QR code",
    wrong: "That code didn't match. What it may be, the likeliest first:",
    causes: [
        "It changed while you typed. Wait for the next one.",
        "Your phone's clock is off. Let it set its time by itself.",
        "It is of another entry in the app. Take the newest.",
        "The key was mistyped. Delete the entry and scan the QR code.",
    ],
    replaced: "Another QR code was made meanwhile, so the earlier one is void. Delete its entry from the app and scan this one.",
    expired_title: "This QR code is void",
    expired: "It was good for ten minutes, or somebody was quicker. Nothing was turned on with it: delete its entry from the \
        app and begin again.",
    backup_codes: "Your backup codes",
    codes: "Two-factor is on. Keep these codes like a password, and not on the phone. Each works once in place of a code, \
        until it is used or all are replaced.",
    codes_stay: "The device is on. The backup codes that you have stay good.",
    download: "Download .txt",
    print: "Print",
    kept: "I have put them somewhere safe",
    keep_first: "Keep the codes and tick the box: they are not shown again.",
    finish: "Finish",
    file: "backup-codes",
    file_used_on: "used on",
    file_end: "When few are left, make new ones in your account. Then these are dead.",
    cancelled: "Nothing was turned on",
    cancelled_text: "If you have scanned the QR code already, delete its entry from the app: it is void.",
    set_up: "Set it up",
    invitation_needed: "You need an invitation",
    invitation_needed_text: "Setting up the first phone of your account takes an invitation. Ask the people who run this \
        service for one, open it in this browser, and sign in again.",
    sign_in_again: "Sign in once more",
    sign_in_again_text: "Setting up a phone takes a sign-in that is no older than five minutes.",
    too_many: "There are as many devices as there can be",
    too_many_text: "Remove one of yours first.",
    soon: "Set up your phone soon",
    not_now: "Not now",
    invitation: "You are invited to set up your phone",
    invitation_text: "The button uses the invitation up for this browser. Then you sign in and scan a QR code.",
    accept: "Begin",
    invitation_over: "This invitation isn't good any more",
    invitation_over_text: "Each is good for an hour and for one browser. Ask the people who run this service for a new one. If \
        you haven't used it, tell them that, too.",
    invitation_at_login: "Use this invitation where you log in",
    invitation_at_login_text: "Your account has no sign-in on the web. Log in with SSH, and type the invitation's code when you \
        are asked for it. It is still good.",
    accepted: "Now sign in",
    accepted_text: "This browser can set up your phone for an hour. Sign in first.",
    lost: "I lost my device",
    lost_text: "A backup code lets you set up a new phone. Then the codes of all your devices so far stop \
        working, you get new backup codes, and you are signed out everywhere else.",
    backup_code: "Backup code, 8 digits",
    set_up_anew: "Set up a new phone",
    lost_without: "No backup code left? Ask the people who run this service: they can turn two-factor off for you and invite \
        you to set it up again.",
    back_to_code: "I have it again",
    not_a_backup_code: "That isn't a backup code. They have eight digits.",
    say: &EnglishWizard,
};

#[derive(Debug)]
struct EnglishWizard;

impl SayWizard for EnglishWizard {
    fn enter_first(&self, digits: u8) -> String {
        format!("Enter the {digits} digits that the app shows now.")
    }

    fn ignored(&self, makes: CodeKind) -> String {
        format!(
            "Your app makes codes in its usual way ({}), whatever is asked of it. They are good as well: to take them, type \
             the next code.",
            self.unusual(makes)
        )
    }

    fn unusual(&self, kind: CodeKind) -> String {
        format!("{}, {} digits", hash(kind.algorithm), kind.digits)
    }

    fn required_from(&self, title: &str, from: u64, left: u32) -> String {
        let times = match left {
            0 => "This is the last time that you can sign in without.".to_owned(),
            1 => "You can sign in once more without.".to_owned(),
            left => format!("You can sign in {left} more times without."),
        };
        format!(
            "From {} on, {title} asks for a code from your phone besides your password. {times}",
            self.day(from)
        )
    }

    fn day(&self, at: u64) -> String {
        local(at).map_or_else(String::new, |at| at.strftime("%-d %B %Y").to_string())
    }

    fn file_head(&self, product: &str, name: &str) -> String {
        format!("{product}: backup codes of {name}")
    }

    fn file_made(&self, day: &str) -> String {
        format!("Made on {day}. Each works once in place of a code from the phone.")
    }
}

//! The audit trail in English.

use twofold_shared::trail::{Action, By, Door, Why};

use super::English;
use crate::words::Say as _;
use crate::words::trail::{Ended, Tells, Told, label_of_key, named};

impl Tells for English {
    fn done(&self, action: Action, told: &Told<'_>) -> String {
        let key = || match told.factor {
            Some(told) => format!("the API key {}", label_of_key(told)),
            None => "an API key".to_owned(),
        };
        let name = || {
            told.name.map_or_else(|| "a name".to_owned(), |name| format!("the name {}", named(self, name)))
        };
        let device = |what: &str| match told.factor {
            Some(label) => format!("{what} the device {label}"),
            None => format!("{what} a device"),
        };
        match action {
            Action::Verify => signed_in(told.factor),
            Action::Consult => format!("no code was asked for: {}", self.unasked(told.why)),
            Action::PassTrusted => "signed in without a code, in a trusted browser".to_owned(),
            Action::SignIn | Action::AssertFirst | Action::PasswordCheck => "password accepted".to_owned(),
            Action::Spare => "went on without a second factor, before it is required".to_owned(),
            Action::SiteOpen => "opened the site".to_owned(),
            Action::SignOut => "signed out".to_owned(),
            Action::Join => "gave a code to add a name".to_owned(),
            Action::ApiKey => format!("{} was used", key()),
            Action::EnrolBegin => "began to set up a device".to_owned(),
            Action::EnrolConfirm => "gave the first code of a new device".to_owned(),
            Action::Enrol => device("set up"),
            Action::EnrolCancel => "left off setting up a device".to_owned(),
            Action::Invite => "was invited to set up a device".to_owned(),
            Action::InvitationRedeem => "used the invitation".to_owned(),
            Action::DeviceRename => told.factor.map_or_else(
                || "renamed a device".to_owned(),
                |label| format!("renamed a device to {label}"),
            ),
            Action::DeviceRemove => device("removed"),
            Action::BackupCodesRegenerate => "replaced the backup codes".to_owned(),
            Action::EmergencyCode => "an emergency code was made".to_owned(),
            Action::Disable => "turned two-factor off".to_owned(),
            Action::Reset => "removed all devices and codes".to_owned(),
            Action::PasswordSet => "set a new password".to_owned(),
            Action::SessionRevoke => match told.factor.and_then(Ended::read) {
                Some(Ended::Others) if told.is_own => "ended all other sessions".to_owned(),
                Some(Ended::Others) => "ended all sessions".to_owned(),
                Some(Ended::One { door, browser }) => {
                    format!("ended a session ({}, {})", self.door(door), self.browser(browser))
                }
                None => "ended sessions".to_owned(),
            },
            Action::BrowserTrust => "trusted a browser".to_owned(),
            Action::BrowserRevoke => "forgot a browser".to_owned(),
            Action::BrowserStolen => {
                "an old cookie of a browser came back; the browser was forgotten".to_owned()
            }
            Action::GraceEnd => "a code that was given before serves no longer again".to_owned(),
            Action::ApiKeyCreate => format!("made {}", key()),
            Action::ApiKeySuspend => format!("suspended {}", key()),
            Action::ApiKeyResume => format!("resumed {}", key()),
            Action::ApiKeyRotate => format!("gave {} a new secret", key()),
            Action::ApiKeyRevoke => format!("revoked {}", key()),
            Action::AccountAdd => "the account was made".to_owned(),
            Action::AccountRemove => "the account was removed".to_owned(),
            Action::AccountLock => "the account was locked".to_owned(),
            Action::AccountUnlock => "the account was unlocked".to_owned(),
            Action::AccountReopen => "codes are taken from everywhere again".to_owned(),
            Action::NameLink => format!("added {}", name()),
            Action::NameUnlink => format!("parted {}", name()),
            Action::RequirementSet => "it was changed whether a code is asked".to_owned(),
            Action::ContactsSet => "name, e-mail or phone were changed".to_owned(),
            Action::LanguageSet => "the language of the terminal was changed".to_owned(),
            Action::GroupsSet => "the groups were changed".to_owned(),
            Action::OperatorAdd => "was put in charge of others".to_owned(),
            Action::OperatorRemove => "is in charge of nobody any more".to_owned(),
            Action::Operate => "gave a code to act for others".to_owned(),
            Action::Acted => "did something for somebody else".to_owned(),
            Action::Clock => "the server's clock was looked at".to_owned(),
            Action::ClockAccept => "the server's clock was taken for right".to_owned(),
            Action::LedgerCopy => "a copy of the ledger was made".to_owned(),
            Action::LedgerRestore => "the ledger was made from a copy".to_owned(),
            Action::KeyAdd => "a key of the ledger was added".to_owned(),
            Action::KeyCopy => "a copy of a key was made".to_owned(),
            Action::KeyRetire => "a key of the ledger was let go".to_owned(),
            Action::KeyReseal => "the ledger was sealed with its newest key".to_owned(),
        }
    }

    fn deed(&self, action: Action, whom: &str) -> String {
        match action {
            Action::Invite => format!("invited {whom} to set up a device"),
            Action::Reset => format!("removed all devices and codes of {whom}"),
            Action::AccountLock => format!("locked {whom}"),
            Action::AccountUnlock => format!("unlocked {whom}"),
            Action::AccountReopen => format!("had codes of {whom} taken from everywhere again"),
            Action::RequirementSet => format!("changed whether {whom} is asked for a code"),
            Action::SessionRevoke => format!("ended all sessions of {whom}"),
            other => format!("{whom}: {}", self.done(other, &Told::default())),
        }
    }

    fn refused(&self, key: Option<&str>, why: &str) -> String {
        match key {
            Some(key) => format!("refused: the API key {key}, because {why}"),
            None => format!("refused: {why}"),
        }
    }

    fn why(&self, why: Option<Why>) -> &'static str {
        match why {
            Some(Why::WrongCode) => "wrong code",
            Some(Why::UsedCode) => "a code that was used before",
            Some(Why::UsedBackupCode) => "a backup code that was used before",
            Some(Why::WrongEmergencyCode) => "wrong emergency code",
            Some(Why::Throttled) => "too many tries",
            Some(Why::ClosedToStrangers) => "too many wrong codes from places that aren't known",
            Some(Why::ClockInDoubt) => "the server's clock looked wrong",
            Some(Why::Locked) => "the account is locked",
            Some(Why::NotEnrolled) => "no second factor set up",
            Some(Why::OtherPerson) => "the name belongs to another person now",
            Some(Why::WrongPassword) => "wrong password",
            Some(Why::UnknownName) => "nobody has this name",
            Some(Why::StaleDigest) => "the backup codes were replaced meanwhile",
            Some(Why::SystemAccount) => "it is an account of the system",
            Some(Why::UnknownKey) => "there is no such API key",
            Some(Why::Suspended) => "it is suspended",
            Some(Why::Expired) => "it has ended",
            Some(Why::OtherSite) => "it is for other sites",
            Some(Why::UnknownInvitation) => "there is no such invitation",
            Some(Why::InvitationTaken) => "the invitation was used in another browser",
            Some(why @ (Why::Exempt | Why::Grace | Why::Optional)) => self.unasked(Some(why)),
            None => "no reason given",
        }
    }

    fn unasked(&self, why: Option<Why>) -> &'static str {
        match why {
            Some(Why::Exempt) => "none is needed here",
            Some(Why::Grace) => "one was given a short while ago",
            Some(Why::Optional) => "no second factor is set up",
            Some(_) | None => "none was needed",
        }
    }

    fn times(&self, count: u64) -> String {
        format!(" ({count} times)")
    }

    fn by(&self, by: By<'_>) -> Option<String> {
        match by {
            By::Root => Some("by root".to_owned()),
            By::Uid(uid) => Some(format!("by the authority's own user ({uid})")),
            By::Operator(name) => Some(format!("by operator {}", named(self, name))),
            By::Host(host) => Some(format!("by {host}")),
            By::Gate => None,
        }
    }

    fn called(&self, door: Door<'_>) -> String {
        match door {
            Door::Authority => "the server itself".to_owned(),
            Door::Command => "the twofold command".to_owned(),
            Door::RootsCommand => "root's twofold command".to_owned(),
            Door::Portal => "the portal".to_owned(),
            Door::Site(host) => host.to_owned(),
            Door::Service { service, host } => format!("{service} on {host}"),
            Door::Enrolment(host) => format!("setting up on {host}"),
        }
    }

    fn at(&self, door: Door<'_>) -> String {
        match door {
            Door::Authority => "by the server itself".to_owned(),
            Door::Command => "with the twofold command".to_owned(),
            Door::RootsCommand => "by root, with the twofold command".to_owned(),
            Door::Enrolment(host) => format!("on {host}"),
            Door::Portal | Door::Site(_) | Door::Service { .. } => format!("at {}", self.called(door)),
        }
    }
}

fn signed_in(factor: Option<&str>) -> String {
    match factor {
        Some("backup code") => "signed in with a backup code".to_owned(),
        Some("emergency code") => "signed in with an emergency code".to_owned(),
        Some(device) => format!("signed in with a code from {device}"),
        None => "signed in".to_owned(),
    }
}

//! The words of the audit trail: what the authority writes there, and what whoever shows it to people reads.
//!
//! A language that lacks a word for one of these does not compile: each is matched in full where it is said. What a later
//! or an earlier authority has written is no error; it is shown as it stands.

use std::fmt;

macro_rules! words {
    ($(#[$about:meta])* $kind:ident { $($(#[$what:meta])* $word:ident = $text:literal,)* }) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $kind { $($(#[$what])* $word,)* }

        impl $kind {
            /// Every one of them.
            pub const ALL: &[Self] = &[$(Self::$word),*];

            /// As the trail has it. Stable.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$word => $text,)* }
            }

            /// Reads it; none: a word that is not known here.
            #[must_use]
            pub fn parse(text: &str) -> Option<Self> {
                match text {
                    $($text => Some(Self::$word),)*
                    _ => None,
                }
            }
        }

        impl fmt::Display for $kind {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

words! {
    /// What happened.
    Action {
        /// A code was given.
        Verify = "verify",
        /// A login asked what it must do, and no code was asked for.
        Consult = "consult",
        /// A trusted browser passed without a code.
        PassTrusted = "pass_trusted",
        /// Name and password were given at the portal.
        SignIn = "sign_in",
        /// A site's own first factor has passed.
        AssertFirst = "assert_first",
        /// The password was given once more, for a change.
        PasswordCheck = "password_check",
        /// Somebody passed without a second factor, before it is required.
        Spare = "spare",
        /// A session went on to a site.
        SiteOpen = "site_open",
        /// A session ended, by its owner.
        SignOut = "sign_out",
        /// A code was given for a name that joins.
        Join = "join",
        /// An API key was presented.
        ApiKey = "api_key",
        /// A device's secret was made.
        EnrolBegin = "enrol_begin",
        /// A device that is set up at a login has given its first code.
        EnrolConfirm = "enrol_confirm",
        /// A device is on.
        Enrol = "enrol",
        /// A device that waited for its first code is void.
        EnrolCancel = "enrol_cancel",
        /// An invitation was made.
        Invite = "invite",
        /// An invitation was used.
        InvitationRedeem = "invitation_redeem",
        /// A device has another label.
        DeviceRename = "device_rename",
        /// A device is gone.
        DeviceRemove = "device_remove",
        /// There are new backup codes.
        BackupCodesRegenerate = "backup_codes_regenerate",
        /// An emergency code was made.
        EmergencyCode = "emergency_code",
        /// The second factor was turned off by its owner.
        Disable = "disable",
        /// All devices and codes were removed by somebody in charge.
        Reset = "reset",
        /// There is a new `local` password.
        PasswordSet = "password_set",
        /// Sessions ended.
        SessionRevoke = "session_revoke",
        /// A browser is trusted.
        BrowserTrust = "browser_trust",
        /// Browsers are known no more.
        BrowserRevoke = "browser_revoke",
        /// A browser's cookie was copied.
        BrowserStolen = "browser_stolen",
        /// A code serves no longer again.
        GraceEnd = "grace_end",
        /// An API key was made.
        ApiKeyCreate = "api_key_create",
        /// An API key opens nothing for now.
        ApiKeySuspend = "api_key_suspend",
        /// It opens again.
        ApiKeyResume = "api_key_resume",
        /// It has a new secret.
        ApiKeyRotate = "api_key_rotate",
        /// It is gone.
        ApiKeyRevoke = "api_key_revoke",
        /// An account was made.
        AccountAdd = "account_add",
        /// It is gone.
        AccountRemove = "account_remove",
        /// Nothing passes.
        AccountLock = "account_lock",
        /// It does again.
        AccountUnlock = "account_unlock",
        /// It is open to strangers again.
        AccountReopen = "account_reopen",
        /// It has one more name.
        NameLink = "name_link",
        /// It has one name less.
        NameUnlink = "name_unlink",
        /// Whether it must have a second factor.
        RequirementSet = "requirement_set",
        /// How its owner is called and reached.
        ContactsSet = "contacts_set",
        /// In which language terminals speak to its owner.
        LanguageSet = "language_set",
        /// Which groups it is in.
        GroupsSet = "groups_set",
        /// It is in charge of others.
        OperatorAdd = "operator_add",
        /// It is in charge of nobody.
        OperatorRemove = "operator_remove",
        /// Somebody in charge gave a code to act.
        Operate = "operate",
        /// Somebody in charge has acted: told to themselves, beside what is told to whom it was done.
        Acted = "acted",
        /// What was found about the host's clock.
        Clock = "clock",
        /// Root has taken the clock for right.
        ClockAccept = "clock_accept",
        /// A copy of the ledger was made.
        LedgerCopy = "ledger_copy",
        /// The ledger was made from a copy.
        LedgerRestore = "ledger_restore",
        /// There is a new key.
        KeyAdd = "key_add",
        /// A copy of a key was made.
        KeyCopy = "key_copy",
        /// A key was let go.
        KeyRetire = "key_retire",
        /// Everything is sealed with the newest key.
        KeyReseal = "key_reseal",
    }
}

words! {
    /// Why something was refused, or why no code was asked for.
    Why {
        /// No device and no backup code matched.
        WrongCode = "wrong_code",
        /// A device's code matched, and it was used before.
        UsedCode = "used_code",
        /// A backup code matched, and it was used before.
        UsedBackupCode = "used_backup_code",
        /// No emergency code that is still good matched.
        WrongEmergencyCode = "wrong_emergency_code",
        /// Too many failures shortly before.
        Throttled = "throttled",
        /// Strangers' guesses are used up.
        ClosedToStrangers = "closed_to_strangers",
        /// The host's clock is in doubt.
        ClockInDoubt = "clock_in_doubt",
        /// The account is locked.
        Locked = "locked",
        /// It has no second factor.
        NotEnrolled = "not_enrolled",
        /// The name is another person's by now.
        OtherPerson = "other_person",
        /// The password is wrong.
        WrongPassword = "wrong_password",
        /// Nobody has the name.
        UnknownName = "unknown_name",
        /// The backup codes were replaced while they were looked at.
        StaleDigest = "stale_digest",
        /// An account of the system, which has no business on the web.
        SystemAccount = "system_account",
        /// There is no such API key.
        UnknownKey = "unknown_key",
        /// The API key is suspended.
        Suspended = "suspended",
        /// The API key has ended.
        Expired = "expired",
        /// The API key is for other sites.
        OtherSite = "other_site",
        /// There is no such invitation.
        UnknownInvitation = "unknown_invitation",
        /// The invitation is another browser's by now.
        InvitationTaken = "invitation_taken",
        /// None is asked for there.
        Exempt = "exempt",
        /// One was given a short while ago.
        Grace = "grace",
        /// One is asked for only from those who have a device.
        Optional = "optional",
    }
}

/// Where it happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door<'a> {
    /// In the authority itself.
    Authority,
    /// The command, by the account's owner or for the whole host.
    Command,
    /// The command, by root for somebody else.
    RootsCommand,
    /// The portal.
    Portal,
    /// A site behind the gate.
    Site(&'a str),
    /// A PAM service of a host.
    Service {
        /// The service.
        service: &'a str,
        /// The host.
        host: &'a str,
    },
    /// What sets people up at a host.
    Enrolment(&'a str),
}

impl<'a> Door<'a> {
    /// Reads what [`fmt::Display`] wrote; none: no door that is known here.
    #[must_use]
    pub fn read(text: &'a str) -> Option<Self> {
        match text {
            "authority" => return Some(Self::Authority),
            "command" => return Some(Self::Command),
            "root's command" => return Some(Self::RootsCommand),
            "web portal" => return Some(Self::Portal),
            _ => {}
        }
        if let Some(site) = text.strip_prefix("web ").filter(|site| !site.is_empty() && !site.contains(' ')) {
            return Some(Self::Site(site));
        }
        match text.split_once(" on ").filter(|(service, host)| !service.is_empty() && !host.is_empty())? {
            ("enrolment", host) => Some(Self::Enrolment(host)),
            (service, host) => Some(Self::Service { service, host }),
        }
    }
}

impl fmt::Display for Door<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Authority => f.write_str("authority"),
            Self::Command => f.write_str("command"),
            Self::RootsCommand => f.write_str("root's command"),
            Self::Portal => f.write_str("web portal"),
            Self::Site(host) => write!(f, "web {host}"),
            Self::Service { service, host } => write!(f, "{service} on {host}"),
            Self::Enrolment(host) => write!(f, "enrolment on {host}"),
        }
    }
}

impl From<Door<'_>> for String {
    fn from(door: Door<'_>) -> Self {
        door.to_string()
    }
}

/// Who did something, where it was not the account's owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By<'a> {
    /// Root.
    Root,
    /// The authority's own user, who administers it too.
    Uid(u32),
    /// The gate.
    Gate,
    /// Somebody in charge, by their name.
    Operator(&'a str),
    /// What speaks for a host.
    Host(&'a str),
}

impl<'a> By<'a> {
    /// Reads what [`fmt::Display`] wrote; none: nobody who is known here.
    #[must_use]
    pub fn read(text: &'a str) -> Option<Self> {
        match text {
            "root" => Some(Self::Root),
            "gate" => Some(Self::Gate),
            _ => None,
        }
        .or_else(|| text.strip_prefix("operator ").map(Self::Operator))
        .or_else(|| text.strip_prefix("door of ").map(Self::Host))
        .or_else(|| text.strip_prefix("uid ")?.parse().ok().map(Self::Uid))
    }
}

impl fmt::Display for By<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root => f.write_str("root"),
            Self::Uid(uid) => write!(f, "uid {uid}"),
            Self::Gate => f.write_str("gate"),
            Self::Operator(name) => write!(f, "operator {name}"),
            Self::Host(host) => write!(f, "door of {host}"),
        }
    }
}

/// What somebody in charge did to whom, as their own trail has it beside [`Action::Acted`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deed<'a> {
    /// What.
    pub action: Action,
    /// To whom, `REALM:NAME`.
    pub whom: &'a str,
}

impl<'a> Deed<'a> {
    /// Reads what [`fmt::Display`] wrote.
    #[must_use]
    pub fn read(text: &'a str) -> Option<Self> {
        let (action, whom) = text.split_once(' ')?;
        Some(Self { action: Action::parse(action)?, whom })
    }
}

impl fmt::Display for Deed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.action, self.whom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_is_read_as_it_is_written_and_is_one_word() {
        let is_word = |text: &str| text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
        for action in Action::ALL {
            assert_eq!(Action::parse(action.as_str()), Some(*action));
            assert!(is_word(action.as_str()), "{action}");
        }
        for why in Why::ALL {
            assert_eq!(Why::parse(why.as_str()), Some(*why));
            assert!(is_word(why.as_str()), "{why}");
        }
        assert_eq!((Action::parse("Verify"), Why::parse("")), (None, None));
    }

    #[test]
    fn doors_are_read_as_they_are_written() {
        for door in [
            Door::Authority,
            Door::Command,
            Door::RootsCommand,
            Door::Portal,
            Door::Site("wiki.example.com"),
            Door::Service { service: "sshd", host: "web1" },
            Door::Service { service: "web", host: "web1" },
            Door::Enrolment("web1"),
        ] {
            assert_eq!(Door::read(&door.to_string()), Some(door));
        }
        for odd in ["", "web ", "Command", " on web1", "sshd on ", "anything"] {
            assert!(Door::read(odd).is_none_or(|door| door.to_string() == odd), "{odd}");
        }
        assert_eq!(Door::read("anything"), None);
    }

    #[test]
    fn who_acted_and_on_whom_is_read_as_it_is_written() {
        for by in [By::Root, By::Uid(990), By::Gate, By::Operator("local:carol"), By::Host("web1")] {
            assert_eq!(By::read(&by.to_string()), Some(by));
        }
        assert_eq!((By::read("uid x"), By::read("somebody")), (None, None));
        let deed = Deed { action: Action::AccountLock, whom: "local:bob the builder" };
        assert_eq!(Deed::read(&deed.to_string()), Some(deed));
        assert_eq!((Deed::read("account_lock"), Deed::read("sing local:bob")), (None, None));
    }
}

//! The doors of a host that can be made to ask for a code, and what is written into their files for that.

use clap::ValueEnum;

use super::pam_file::{Phase, has_block, insert, without_blocks};
use super::pam_stack::{Reader, StackError, Step, check, steps};

/// A door.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    /// sshd.
    Ssh,
    /// sudo.
    Sudo,
    /// su.
    Su,
    /// login at the console.
    Login,
}

/// What sshd asks for before the code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum First {
    /// A public key
    Publickey,
    /// A password, asked by PAM
    Password,
}

/// What is in a service's file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Nothing of ours.
    Off,
    /// What `enable` writes.
    On,
    /// Our module, written by somebody else.
    ByHand,
}

const WHY: &str = "a code is asked for here; `twofold DOOR disable` takes this out";
const AFTER: [&str; 1] = ["auth       requisite  pam_twofold.so first=above"];
const ALONE: [&str; 3] = [
    "# sshd has verified a public key: nothing below this block is asked for.",
    "auth       requisite  pam_twofold.so first=publickey",
    "auth       sufficient pam_permit.so",
];
const BREAK_GLASS: &str =
    "account    [success=1 default=ignore]  pam_succeed_if.so quiet user ingroup twofold-breakglass";
const ACCOUNT_AFTER: &str = "account    required   pam_twofold.so need=factor";
const ACCOUNT_ALONE: &str = "account    required   pam_twofold.so need=factor first=publickey";

impl Door {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Ssh, Self::Sudo, Self::Su, Self::Login];

    /// As in `twofold ssh enable`.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Ssh => "ssh",
            Self::Sudo => "sudo",
            Self::Su => "su",
            Self::Login => "login",
        }
    }

    /// Its PAM services. The first must be there; `sudo -i` and `su -` have files of their own on Debian.
    pub const fn services(self) -> &'static [&'static str] {
        match self {
            Self::Ssh => &["sshd"],
            Self::Sudo => &["sudo", "sudo-i"],
            Self::Su => &["su", "su-l"],
            Self::Login => &["login"],
        }
    }

    /// The programs that a login through it runs under.
    pub const fn programs(self) -> &'static [&'static str] {
        match self {
            Self::Ssh => &["sshd", "sshd-session"],
            Self::Sudo => &["sudo", "sudo-rs"],
            Self::Su => &["su", "su-rs"],
            Self::Login => &["login"],
        }
    }

    /// A service's file with our module in it. `first` is sshd's; the others ask for a password.
    ///
    /// # Errors
    /// Why it cannot be put in.
    pub fn enabled(
        self,
        service: &str,
        text: &str,
        first: First,
        read: Reader<'_>,
    ) -> Result<String, StackError> {
        let why = WHY.replace("DOOR", self.word());
        let plain = without_blocks(text);
        let auth = steps(service, &plain, Phase::Auth, read)?;
        let nothing = |phase| StackError::Nothing(service.to_owned(), phase);
        let alone = self == Self::Ssh && first == First::Publickey;
        let edited = if alone {
            let top = auth.first().ok_or_else(|| nothing("auth"))?;
            insert(&plain, top.top.line, &why, &ALONE)
        } else {
            let top = auth.last().ok_or_else(|| nothing("auth"))?;
            insert(&plain, top.top.last_line + 1, &why, &AFTER)
        };
        let lines: &[&str] = match self {
            Self::Ssh if alone => &[BREAK_GLASS, ACCOUNT_ALONE],
            Self::Ssh => &[BREAK_GLASS, ACCOUNT_AFTER],
            // Switches on what was set up while logging in.
            Self::Login => &["account    required   pam_twofold.so"],
            Self::Sudo | Self::Su => &[],
        };
        let edited = if lines.is_empty() {
            edited
        } else {
            let account = steps(service, &edited, Phase::Account, read)?;
            let top = account.first().ok_or_else(|| nothing("account"))?;
            insert(&edited, top.top.line, &why, lines)
        };
        check(service, &steps(service, &edited, Phase::Auth, read)?)?;
        Ok(edited)
    }

    /// What a service's file is now.
    pub fn state(service: &str, text: &str, read: Reader<'_>) -> State {
        let asks = |text: &str| {
            let steps = steps(service, text, Phase::Auth, read);
            steps.is_ok_and(|steps| steps.iter().any(Step::is_ours))
        };
        if asks(&without_blocks(text)) {
            State::ByHand
        } else if has_block(text) {
            State::On
        } else {
            State::Off
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMMON_AUTH: &str = "auth\t[success=1 default=ignore]\tpam_unix.so nullok\nauth\trequisite\tpam_deny.so\n\
                               auth\trequired\tpam_permit.so\n";
    const COMMON_ACCOUNT: &str = "account\t[success=1 new_authtok_reqd=done default=ignore]\tpam_unix.so \n\
                                  account\trequisite\tpam_deny.so\naccount\trequired\tpam_permit.so\n";

    fn read(name: &str) -> Option<String> {
        match name {
            "common-auth" => Some(COMMON_AUTH.to_owned()),
            "common-account" => Some(COMMON_ACCOUNT.to_owned()),
            "su" => Some(
                "auth sufficient pam_rootok.so\n@include common-auth\n@include common-account\n".to_owned(),
            ),
            _ => None,
        }
    }

    #[test]
    fn awkward_files_take_it_in_and_give_it_back_to_the_byte() {
        for text in [
            "@include common-auth\n@include common-account\n",
            "#%PAM-1.0\r\n@include common-auth\naccount required pam_nologin.so\n@include common-account",
            "@include common-account\n\n\n@include common-auth",
            "account required \\\n  pam_unix.so\nauth requisite \\\n\\\n pam_unix.so \\\n nullok",
            "auth requisite pam_unix.so # \\\naccount required pam_unix.so\n# twofold: what a nice thing\n",
            "  AUTH\tRequisite /lib/x86_64-linux-gnu/security/pam_unix.so\n-account optional pam_sss.so\n",
            "auth [success=2 default=ignore] pam_unix.so\nauth [success=1 default=ignore] pam_ldap.so\n\
             auth requisite pam_deny.so\nauth required pam_permit.so\naccount required pam_unix.so\n",
            "session required pam_limits.so\n@include common-auth\nauth optional pam_group.so\n@include common-account",
            "# caf\u{e9} \u{fe}\nauth substack common-auth\naccount include common-account\n",
            "@include su\n",
            "auth include su\naccount include su\n",
            "auth requisite pam_unix.so\n\n\naccount required pam_permit.so\n\n\n",
            // A rule over three lines whose last is the file's, without its end; brackets with blanks and an escaped one;
            // a comment that looks like the beginning of a block of ours; a tab before the line's end.
            "\t \n#twofold: begin\n auth\t[ success=ok  default=die ]\tpam_exec.so [a \\] b]\t\nauth requisite pam_unix.so \\\n\
             \tnullok\naccount [default=bad success=ok user_unknown=ignore] \\\n pam_sss.so \\\n  quiet",
        ] {
            for first in [First::Password, First::Publickey] {
                let edited = Door::Ssh.enabled("sshd", text, first, &read);
                let edited = edited.unwrap_or_else(|why| panic!("{why}: {text:?}"));
                assert_eq!(without_blocks(&edited), text, "{edited}");
                assert_eq!(Door::Ssh.enabled("sshd", &edited, first, &read).as_ref(), Ok(&edited));
                assert_eq!(Door::state("sshd", &edited, &read), State::On);
                assert_eq!(Door::state("sshd", text, &read), State::Off);
            }
        }
    }

    #[test]
    fn a_file_that_would_not_ask_everybody_is_refused_and_one_by_hand_is_seen() {
        for text in
            ["auth sufficient pam_unix.so\nauth required pam_deny.so\n", "auth required pam_unix.so\n"]
        {
            assert!(Door::Sudo.enabled("sudo", text, First::Password, &read).is_err(), "{text}");
        }
        let by_hand = "auth requisite pam_unix.so\nauth requisite pam_twofold.so first=above\n";
        assert_eq!(Door::state("sudo", by_hand, &read), State::ByHand);
    }

    #[test]
    fn login_has_the_line_that_switches_on_what_is_set_up_there() {
        let text = "@include common-auth\n@include common-account\n";
        let edited = Door::Login.enabled("login", text, First::Password, &read).unwrap();
        let account = steps("login", &edited, Phase::Account, &read).unwrap();
        assert!(account.first().is_some_and(Step::is_ours) && !edited.contains("need=factor"), "{edited}");
        assert_eq!(without_blocks(&edited), text);
    }

    #[test]
    fn the_account_line_comes_before_all_others() {
        let text = "@include common-auth\naccount sufficient pam_permit.so\n@include common-account\n";
        let edited = Door::Ssh.enabled("sshd", text, First::Publickey, &read).unwrap();
        let account = steps("sshd", &edited, Phase::Account, &read).unwrap();
        assert!(account.get(1).is_some_and(Step::is_ours), "{edited}");
        assert!(
            edited.find("need=factor").unwrap()
                < edited.find("sufficient pam_permit.so\n@").unwrap_or(usize::MAX)
        );
    }
}

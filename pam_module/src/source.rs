//! Where the person is, as far as the host can be believed.
//!
//! Addresses are parsed, never resolved: a name that its owner's DNS gives is no proof of a place.

use std::net::IpAddr;

use twofold_shared::wire::{AuthMethod, FirstFactor, Source};

use crate::host::Host;
use crate::options::First;

/// sshd's own record of the connection: client address and port, server address and port.
const SSH_CONNECTION: &str = "SSH_CONNECTION";
/// sshd's list of the methods completed so far, one a line, with the key where there is one.
const SSH_AUTH_INFO: &str = "SSH_AUTH_INFO_0";

/// A longer terminal name or key is nobody's; as a source it would be known to nobody either.
const LONGEST_TERMINAL: usize = 64;
const LONGEST_KEY: usize = 8 * 1024;

/// What the surroundings say about a login.
#[derive(Debug, PartialEq, Eq)]
pub struct Surroundings {
    /// Where the first factor came from, if what `first=` claims holds.
    pub first: FirstFactor,
    /// Where the person is.
    pub source: Source,
}

impl Surroundings {
    /// Looks around.
    pub fn look(host: &impl Host, claimed: First) -> Self {
        let info = host.pam_environment(SSH_AUTH_INFO);
        let key = info.as_deref().and_then(completed_key);
        let first = match (claimed, &key) {
            (First::Unsaid, _) | (First::Publickey, None) => FirstFactor::None,
            (First::Above, _) => FirstFactor::Above,
            (First::Publickey, Some(_)) => FirstFactor::Publickey,
        };
        let remote = host.remote_host().filter(|remote| !remote.is_empty());
        let connection = host.pam_environment(SSH_CONNECTION);
        let address = connection.as_deref().and_then(first_word).or(remote.as_deref()).and_then(address);
        // Who comes from elsewhere is at no terminal of this host's, whatever sshd or telnetd put there.
        let local = remote.is_none() && connection.is_none();
        let terminal = if local { host.terminal().as_deref().and_then(terminal) } else { None };
        // Only where a terminal is a source is it looked at whose session that is in.
        let session = terminal.as_ref().and_then(|_| host.session());
        let session = session.and_then(|(leader, stat)| session_word(leader, &stat));
        let auth = info.as_deref().map(completed).unwrap_or_default();
        Self { first, source: Source { address, terminal, public_key: key.flatten(), auth, session } }
    }
}

/// Whether sshd asks: no other program writes its list, which after a public key alone is still empty.
pub fn sshd_asks(host: &impl Host) -> bool {
    host.pam_environment(SSH_AUTH_INFO).is_some()
}

/// The source in a log line.
pub fn describe(source: &Source) -> String {
    match (source.address, &source.terminal) {
        (Some(address), _) => address.to_string(),
        (None, Some(terminal)) => format!("terminal {terminal:?}"),
        (None, None) => "an unknown place".to_owned(),
    }
}

fn address(text: &[u8]) -> Option<IpAddr> {
    std::str::from_utf8(text).ok()?.parse::<IpAddr>().ok().map(|address| address.to_canonical())
}

fn first_word(text: &[u8]) -> Option<&[u8]> {
    text.split(|&byte| byte == b' ').next()
}

fn terminal(text: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(text).ok()?;
    let name = text.strip_prefix("/dev/").unwrap_or(text);
    let plain = name.bytes().all(|byte| byte.is_ascii_graphic());
    (plain && (1..=LONGEST_TERMINAL).contains(&name.len())).then(|| name.to_owned())
}

/// A session by its leader and the moment that began, for process numbers are given again: field 22 of proc(5)'s `stat`,
/// in ticks since the machine started. The program's name comes before it in parentheses and may hold anything.
fn session_word(leader: i32, stat: &[u8]) -> Option<String> {
    let after_name = stat.iter().rposition(|&byte| byte == b')')?;
    let mut fields =
        stat.get(after_name + 1..)?.split(|&byte| byte == b' ').filter(|field| !field.is_empty());
    // Fields 3 to 21 come before.
    let started = std::str::from_utf8(fields.nth(19)?).ok()?.parse::<u64>().ok()?;
    Some(format!("{leader}@{started}"))
}

/// The methods that sshd has completed, each once; one that it has learnt since is left out.
fn completed(info: &[u8]) -> Vec<AuthMethod> {
    let mut methods = Vec::new();
    for line in info.split(|&byte| byte == b'\n') {
        let method = match line.split(|&byte| byte == b' ').next() {
            Some(b"publickey") => AuthMethod::Publickey,
            Some(b"password") => AuthMethod::Password,
            Some(b"keyboard-interactive") => AuthMethod::KeyboardInteractive,
            Some(b"hostbased") => AuthMethod::Hostbased,
            Some(b"gssapi-with-mic") => AuthMethod::Gssapi,
            _ => continue,
        };
        if !methods.contains(&method) {
            methods.push(method);
        }
    }
    methods
}

/// The public key that sshd has just verified, from lines such as `publickey ssh-ed25519 AAAA…`.
///
/// `Some(None)`: a key was verified, but its text is not one that can name a source.
#[expect(
    clippy::option_option,
    reason = "whether there was a key, and whether it can be named, are two questions"
)]
fn completed_key(info: &[u8]) -> Option<Option<String>> {
    info.split(|&byte| byte == b'\n').find_map(|line| {
        let mut words = line.split(|&byte| byte == b' ');
        if words.next() != Some(b"publickey".as_slice()) {
            return None;
        }
        let kind = words.next().filter(|kind| !kind.is_empty() && kind.iter().all(u8::is_ascii_graphic));
        let blob = words.next().map(|blob| blob.strip_suffix(b",").unwrap_or(blob));
        Some(kind.zip(blob).and_then(|(kind, blob)| key_text(kind, blob)))
    })
}

fn key_text(kind: &[u8], blob: &[u8]) -> Option<String> {
    let base64 = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=');
    if blob.is_empty() || kind.len() + blob.len() > LONGEST_KEY || !blob.iter().all(base64) {
        return None;
    }
    String::from_utf8([kind, b" ", blob].concat()).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::host::scripted::Scripted;

    const KEY: &str = "publickey ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBrd\n";

    fn look(host: &Scripted, first: First) -> Surroundings {
        Surroundings::look(host, first)
    }

    fn from(remote: &str) -> Option<IpAddr> {
        look(&Scripted::new().remote(remote), First::Above).source.address
    }

    #[test]
    fn an_address_is_parsed_and_a_name_is_not_resolved() {
        assert_eq!(from("203.0.113.9"), "203.0.113.9".parse().ok());
        assert_eq!(from("2001:db8::1"), "2001:db8::1".parse().ok());
        for name in
            ["localhost", "", "UNKNOWN", "10.0.0.1.example.com", "0x7f000001", "127.1", "fe80::1%eth0"]
        {
            assert_eq!(from(name), None, "{name:?}");
        }
    }

    #[test]
    fn an_ipv4_mapped_address_is_ipv4() {
        assert_eq!(from("::ffff:203.0.113.9"), "203.0.113.9".parse().ok());
    }

    #[test]
    fn sshds_own_record_goes_before_a_name_from_dns() {
        let host = Scripted::new()
            .remote("10.0.0.1")
            .environment("SSH_CONNECTION", "203.0.113.9 50022 192.0.2.1 22");
        assert_eq!(look(&host, First::Above).source.address, "203.0.113.9".parse().ok());
    }

    #[test]
    fn a_terminal_counts_only_where_nobody_comes_from_elsewhere() {
        let local = look(&Scripted::new().terminal("/dev/pts/3"), First::Above);
        assert_eq!(local.source.terminal.as_deref(), Some("pts/3"));
        let telnet = look(&Scripted::new().terminal("/dev/pts/3").remote("evil.example.com"), First::Above);
        assert_eq!(telnet.source, Source::default());
        for odd in ["", "/dev/", "pts 3", "pts\n3", &"x".repeat(65)] {
            assert_eq!(look(&Scripted::new().terminal(odd), First::Above).source.terminal, None, "{odd:?}");
        }
    }

    #[test]
    fn publickey_holds_only_when_sshd_names_one() {
        let with = |info: &str| look(&Scripted::new().environment("SSH_AUTH_INFO_0", info), First::Publickey);
        let held = with(KEY);
        assert_eq!(held.first, FirstFactor::Publickey);
        assert_eq!(held.source.public_key.as_deref(), Some("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBrd"));
        assert_eq!(with(&format!("password\n{KEY}")).first, FirstFactor::Publickey);
        for info in
            ["", "password\n", "hostbased ssh-ed25519 AAAA\n", "xpublickey a b\n", "password publickey\n"]
        {
            assert_eq!(with(info).first, FirstFactor::None, "{info:?}");
        }
        assert_eq!(look(&Scripted::new(), First::Publickey).first, FirstFactor::None);
    }

    #[test]
    fn every_method_that_sshd_names_is_told_once_and_nothing_else_is() {
        let host = Scripted::new().environment(
            "SSH_AUTH_INFO_0",
            "hostbased a\npassword\npublickey ssh-ed25519 AAAA\npassword\nhoma\n password\npasswords\n",
        );
        let methods = [AuthMethod::Hostbased, AuthMethod::Password, AuthMethod::Publickey];
        assert_eq!(look(&host, First::Above).source.auth, methods);
        assert!(look(&Scripted::new(), First::Above).source.auth.is_empty());
    }

    #[test]
    fn a_session_is_its_leader_and_when_that_began() {
        let stat = |name: &str, started: &str| {
            format!("77 ({name}) S 1 77 77 34816 99 4194560 1 2 3 4 5 6 7 8 20 0 1 0 {started} 9 10\n")
        };
        let word = |stat: String| {
            let host = Scripted::new().terminal("/dev/pts/3").session(77, stat);
            look(&host, First::Above).source.session
        };
        assert_eq!(word(stat("bash", "4711")).as_deref(), Some("77@4711"));
        for name in ["a) S 1 (b", "x y", ")", "\u{e9}"] {
            assert_eq!(word(stat(name, "4711")).as_deref(), Some("77@4711"), "{name}");
        }
        for odd in ["", "77", "77 (bash)", "77 (bash) S 1 2", &stat("bash", "-1"), &stat("bash", "x")] {
            assert_eq!(word(odd.to_owned()), None, "{odd}");
        }
        let remote = Scripted::new().terminal("ssh").remote("192.0.2.7").session(77, stat("sshd", "4711"));
        assert_eq!(look(&remote, First::Above).source.session, None);
    }

    #[test]
    fn unsaid_is_none_whatever_sshd_says() {
        let host = Scripted::new().environment("SSH_AUTH_INFO_0", KEY);
        assert_eq!(look(&host, First::Unsaid).first, FirstFactor::None);
        assert_eq!(look(&host, First::Above).first, FirstFactor::Above);
    }

    #[test]
    fn a_key_that_cannot_be_named_is_still_a_first_factor() {
        let odd = format!("publickey ssh-rsa {}\n", "A".repeat(LONGEST_KEY));
        for info in ["publickey\n", "publickey ssh-rsa\n", "publickey ssh-rsa AA\"AA\n", &odd] {
            let seen = look(&Scripted::new().environment("SSH_AUTH_INFO_0", info), First::Publickey);
            assert_eq!((seen.first, seen.source.public_key), (FirstFactor::Publickey, None));
        }
    }

    #[test]
    fn what_follows_the_key_is_not_part_of_it() {
        let host =
            Scripted::new().environment("SSH_AUTH_INFO_0", "publickey ssh-ed25519 AAAA, from sk key\n");
        assert_eq!(look(&host, First::Publickey).source.public_key.as_deref(), Some("ssh-ed25519 AAAA"));
    }

    proptest! {
        #[test]
        fn reading_a_leaders_stat_never_panics(stat in any::<Vec<u8>>(), tail in "[)( 0-9a-z]{0,120}") {
            let _ = session_word(1, &stat);
            let _ = session_word(1, tail.as_bytes());
        }

        #[test]
        fn looking_around_never_panics(
            remote in any::<Vec<u8>>(), terminal in any::<Vec<u8>>(), info in any::<Vec<u8>>(), line in any::<Vec<u8>>()
        ) {
            let host = Scripted::new()
                .remote(remote).terminal(terminal)
                .environment("SSH_AUTH_INFO_0", info).environment("SSH_CONNECTION", line);
            let seen = look(&host, First::Publickey);
            prop_assert!(describe(&seen.source).len() < 200);
        }
    }
}

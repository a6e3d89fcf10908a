//! The name in a request's `Host`: one spelling, or none at all.
//!
//! Lower case, no port, no trailing dot. What has no such spelling is refused; nothing here guesses.

use std::fmt;

/// The longest host name (RFC 1035), without a trailing dot.
const MAX_HOST: usize = 253;

/// A host name in its canonical form.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Host(Box<str>);

/// Why there is no host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the request's Host is missing, doubled or not a host name")]
pub struct OddHost;

impl Host {
    /// Reads the value of a `Host` header: a name or address, with or without a port.
    ///
    /// # Errors
    /// [`OddHost`] for everything that two readers could take for two hosts.
    pub fn from_header(value: &[u8]) -> Result<Self, OddHost> {
        let text = std::str::from_utf8(value).map_err(|_| OddHost)?;
        let (name, port) = split_port(text)?;
        if !port.is_none_or(is_port) {
            return Err(OddHost);
        }
        Self::parse(name)
    }

    /// Reads a host name or address without a port.
    ///
    /// # Errors
    /// [`OddHost`].
    pub fn parse(name: &str) -> Result<Self, OddHost> {
        if let Some(address) = name.strip_prefix('[') {
            let address = address.strip_suffix(']').ok_or(OddHost)?;
            let address: std::net::Ipv6Addr = address.parse().map_err(|_| OddHost)?;
            return Ok(Self(format!("[{address}]").into()));
        }
        let name = name.strip_suffix('.').unwrap_or(name);
        let fits = !name.is_empty() && name.len() <= MAX_HOST && name.split('.').all(is_label);
        if fits { Ok(Self(name.to_ascii_lowercase().into())) } else { Err(OddHost) }
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether a browser keeps `__Host-` cookies of this host over plain http: it never leaves the machine.
    #[must_use]
    pub fn is_local(&self) -> bool {
        matches!(&*self.0, "localhost" | "127.0.0.1" | "[::1]") || self.0.ends_with(".localhost")
    }
}

/// Letters, digits, inner hyphens; underscores because such names exist. 63 at most.
fn is_label(label: &str) -> bool {
    !label.is_empty()
        && label.len() <= 63
        && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
        && !label.starts_with('-')
        && !label.ends_with('-')
}

fn is_port(port: &str) -> bool {
    port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok()
}

fn split_port(text: &str) -> Result<(&str, Option<&str>), OddHost> {
    if text.starts_with('[') {
        let end = text.find(']').ok_or(OddHost)?;
        let (name, rest) = text.split_at_checked(end + 1).ok_or(OddHost)?;
        return match rest.strip_prefix(':') {
            Some(port) => Ok((name, Some(port))),
            None if rest.is_empty() => Ok((name, None)),
            None => Err(OddHost),
        };
    }
    match text.split_once(':') {
        Some((_, port)) if port.contains(':') => Err(OddHost),
        Some((name, port)) => Ok((name, Some(port))),
        None => Ok((text, None)),
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn host(value: &str) -> Result<String, OddHost> {
        Host::from_header(value.as_bytes()).map(|host| host.as_str().to_owned())
    }

    #[test]
    fn a_host_has_one_spelling() {
        for value in ["APP.Example.COM.", "app.example.com", "app.example.com:8480", "App.example.com.:80"] {
            assert_eq!(host(value).unwrap(), "app.example.com", "{value}");
        }
        assert_eq!(host("[::1]:8480").unwrap(), "[::1]");
        assert_eq!(host("[0:0:0:0:0:0:0:1]").unwrap(), "[::1]");
        assert_eq!(host("127.0.0.1").unwrap(), "127.0.0.1");
    }

    #[test]
    fn odd_hosts_are_refused() {
        for value in [
            "",
            ".",
            "..",
            "a..b",
            "-a",
            "a b",
            "a,b",
            "a/b",
            "a\\b",
            "a@b",
            "a:80:80",
            "a:",
            "a:x",
            "a:99999",
            "a:+1",
            "a%2eb",
            "[::1",
            "[::1]x",
            "[::1]:",
            "a\tb",
            "é.example",
            "a.example..",
            "a#b",
        ] {
            assert_eq!(host(value), Err(OddHost), "{value:?}");
        }
        assert_eq!(Host::from_header(b"a\xff"), Err(OddHost));
        assert_eq!(host(&"a".repeat(64)), Err(OddHost));
        assert_eq!(host(&format!("{}a", "a.".repeat(127))), Err(OddHost));
    }

    #[test]
    fn local_names_are_told_from_others() {
        for (name, local) in [
            ("localhost", true),
            ("id.localhost", true),
            ("127.0.0.1", true),
            ("[::1]", true),
            ("notlocalhost", false),
            ("localhost.example.com", false),
            ("127.0.0.2", false),
        ] {
            assert_eq!(Host::parse(name).unwrap().is_local(), local, "{name}");
        }
    }

    proptest! {
        #[test]
        fn reading_never_panics_and_is_idempotent(value in proptest::collection::vec(any::<u8>(), 0..80)) {
            if let Ok(host) = Host::from_header(&value) {
                prop_assert_eq!(Host::from_header(host.as_str().as_bytes()), Ok(host));
            }
        }

        #[test]
        fn case_port_and_final_dot_change_nothing(name in "[a-z][a-z0-9]{0,10}(\\.[a-z][a-z0-9]{0,10}){0,3}", port in 1_u16..) {
            let plain = host(&name).unwrap();
            prop_assert_eq!(&host(&name.to_uppercase()).unwrap(), &plain);
            prop_assert_eq!(&host(&format!("{name}.:{port}")).unwrap(), &plain);
        }
    }
}

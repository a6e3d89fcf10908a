//! An origin: scheme, host and port, as the configuration writes it and a browser compares it.

use std::fmt;

use crate::host::Host;

/// `https://wiki.example.com` or `http://wiki.localhost:8480`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    secure: bool,
    host: Host,
    port: Option<u16>,
}

impl Origin {
    /// Reads an origin: no path, no user, https unless the host is this machine.
    ///
    /// # Errors
    /// A sentence for the administrator.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (secure, rest) = match text.split_once("://") {
            Some(("https", rest)) => (true, rest),
            Some(("http", rest)) => (false, rest),
            _ => return Err("must begin with https:// (or http:// for a localhost name)".to_owned()),
        };
        let odd = |_| "must be a scheme, a host and perhaps a port: no path, no user".to_owned();
        let host = Host::from_header(rest.as_bytes()).map_err(odd)?;
        let port = rest.strip_prefix(host.as_str()).ok_or("must be written in lower case")?;
        let port = match port.strip_prefix(':') {
            Some(port) => Some(port.parse().map_err(|_| "the port must be a number below 65536".to_owned())?),
            None if port.is_empty() => None,
            None => return Err("must be written without a final dot".to_owned()),
        };
        if !secure && !host.is_local() {
            return Err("must be https: browsers keep the gate's cookies over http for localhost names only"
                .to_owned());
        }
        // The scheme's own port is not written by a browser either.
        let own = if secure { 443 } else { 80 };
        Ok(Self { secure, host, port: port.filter(|port| *port != own) })
    }

    /// The host, without the port.
    #[must_use]
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// Whether it is https.
    #[must_use]
    pub fn is_secure(&self) -> bool {
        self.secure
    }

    /// `http` or `https`.
    #[must_use]
    pub fn scheme(&self) -> &'static str {
        if self.secure { "https" } else { "http" }
    }

    /// Host and port as a `Host` header has them.
    #[must_use]
    pub fn authority(&self) -> String {
        self.port.map_or_else(|| self.host.to_string(), |port| format!("{}:{port}", self.host))
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme(), self.authority())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_written_as_a_browser_writes_it() {
        for (text, written) in [
            ("https://id.example.com", "https://id.example.com"),
            ("https://id.example.com:443", "https://id.example.com"),
            ("https://id.example.com:8443", "https://id.example.com:8443"),
            ("http://id.localhost:8480", "http://id.localhost:8480"),
            ("http://127.0.0.1:80", "http://127.0.0.1"),
        ] {
            assert_eq!(Origin::parse(text).unwrap().to_string(), written);
        }
    }

    #[test]
    fn what_is_not_an_origin_is_explained() {
        for text in [
            "id.example.com",
            "ftp://id.example.com",
            "http://id.example.com",
            "https://id.example.com/",
            "https://id.example.com/path",
            "https://user@id.example.com",
            "https://ID.example.com",
            "https://id.example.com.",
            "https://id.example.com:",
            "https://",
        ] {
            assert!(Origin::parse(text).is_err(), "{text}");
        }
    }
}

//! The server name that a connection was opened for, kept for all of its requests.
//!
//! A certificate for one host must not open a connection on which another host is asked for: whoever stands between the
//! browser and the gate could otherwise judge by the one and the gate by the other.

use std::any::Any;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use pingora::listeners::TlsAccept;
use pingora::protocols::Digest;
use pingora::protocols::tls::{SslDigest, TlsRef};

use crate::host::Host;

/// Keeps the name when the handshake is over.
pub struct Keeper;

/// The name in the handshake; without one the client asked for an address, or is old.
struct ServerName {
    host: Option<Host>,
    was_asked: AtomicBool,
}

/// Whether anything was asked for on the connection yet.
#[must_use]
pub fn was_asked(tls: &SslDigest) -> bool {
    tls.extension.get::<ServerName>().is_some_and(|name| name.was_asked.load(Ordering::Relaxed))
}

#[async_trait]
impl TlsAccept for Keeper {
    async fn handshake_complete_callback(&self, tls: &TlsRef) -> Option<Arc<dyn Any + Send + Sync>> {
        let host = tls.server_name().and_then(|name| Host::parse(name).ok());
        Some(Arc::new(ServerName { host, was_asked: AtomicBool::new(false) }))
    }
}

/// How a request came to the gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Came<'d> {
    /// Over plain http.
    Plain,
    /// Over TLS of the gate's own, opened for this name.
    Tls(Option<&'d Host>),
}

impl<'d> Came<'d> {
    /// As the connection says, on which a request has come.
    #[must_use]
    pub fn over(digest: Option<&'d Digest>) -> Self {
        let Some(tls) = digest.and_then(|digest| digest.ssl_digest.as_ref()) else { return Self::Plain };
        let Some(name) = tls.extension.get::<ServerName>() else { return Self::Tls(None) };
        // A store for each connection, not for each request: the cache line stays shared.
        if !name.was_asked.load(Ordering::Relaxed) {
            name.was_asked.store(true, Ordering::Relaxed);
        }
        Self::Tls(name.host.as_ref())
    }

    /// Whether it came over TLS.
    #[must_use]
    pub fn is_tls(self) -> bool {
        matches!(self, Self::Tls(_))
    }

    /// Whether a request for `host`, in its canonical form, may come this way. Names of addresses are never sent.
    #[must_use]
    pub fn agrees_with(self, host: &str) -> bool {
        match self {
            Self::Plain => true,
            Self::Tls(Some(name)) => name.as_str() == host,
            Self::Tls(None) => host.starts_with('[') || host.parse::<IpAddr>().is_ok(),
        }
    }

    /// The same for a host that is none of ours.
    #[must_use]
    pub fn agrees_with_header(self, host: &[u8]) -> bool {
        Host::from_header(host).is_ok_and(|host| self.agrees_with(host.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_comes_over_the_name_of_its_host_or_not_at_all() {
        let wiki = Host::parse("wiki.example.com").unwrap();
        for (came, host, agrees) in [
            (Came::Plain, "wiki.example.com", true),
            (Came::Tls(Some(&wiki)), "wiki.example.com", true),
            (Came::Tls(Some(&wiki)), "shop.example.com", false),
            (Came::Tls(Some(&wiki)), "wiki.example.com.evil.example", false),
            (Came::Tls(None), "wiki.example.com", false),
            (Came::Tls(None), "192.0.2.7", true),
            (Came::Tls(None), "[2001:db8::7]", true),
        ] {
            assert_eq!(came.agrees_with(host), agrees, "{came:?} {host}");
        }
        assert!(Came::Tls(Some(&wiki)).agrees_with_header(b"WIKI.example.com.:443"));
        assert!(!Came::Tls(Some(&wiki)).agrees_with_header(b"other.example"));
        assert_eq!(Came::over(None), Came::Plain);
    }
}

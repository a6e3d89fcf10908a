//! Where a client is: the connection's own address, unless the connection is a proxy's that may speak for its clients.
//!
//! Nothing is believed by default. What a trusted proxy wrote is read from the right: each hop vouches for the one to
//! its left, so the first that is not trusted is the client, and what stands further left is only the client's word.

use std::net::{IpAddr, SocketAddr};

use http::HeaderMap;
use http::header::HeaderName;
use ipnet::IpNet;

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// The proxies that may speak for their clients.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trusted(Vec<IpNet>);

/// A client as far as it is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Client {
    /// Its address; IPv4 where it was mapped into IPv6.
    pub address: Option<IpAddr>,
    /// Whether a trusted proxy says that it came over plain http.
    pub came_plain: bool,
}

/// A trusted proxy wrote what nobody can read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a trusted proxy's {0} cannot be read")]
pub struct OddForwarding(&'static str);

impl Trusted {
    /// Those in these networks.
    #[must_use]
    pub fn new(networks: Vec<IpNet>) -> Self {
        Self(networks)
    }

    /// Whether nobody is trusted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether `address` may speak for others.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address))
    }

    /// The client behind a connection from `peer`.
    ///
    /// # Errors
    /// [`OddForwarding`].
    pub fn client(&self, peer: Option<IpAddr>, headers: &HeaderMap) -> Result<Client, OddForwarding> {
        let peer = peer.map(|address| address.to_canonical());
        let Some(proxy) = peer.filter(|peer| self.contains(*peer)) else {
            return Ok(Client { address: peer, came_plain: false });
        };
        let mut address = proxy;
        let lines = headers.get_all(FORWARDED_FOR).iter().rev();
        for hop in lines.flat_map(|line| line.as_bytes().rsplit(|&byte| byte == b',')) {
            if !self.contains(address) {
                break;
            }
            address = hop_address(hop).ok_or(OddForwarding("X-Forwarded-For"))?;
        }
        Ok(Client { address: Some(address), came_plain: came_plain(headers)? })
    }
}

/// An address, with or without a port.
fn hop_address(hop: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(hop).ok()?.trim();
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    let address = bare.parse::<IpAddr>().ok().or_else(|| Some(text.parse::<SocketAddr>().ok()?.ip()))?;
    Some(address.to_canonical())
}

fn came_plain(headers: &HeaderMap) -> Result<bool, OddForwarding> {
    let mut lines = headers.get_all(FORWARDED_PROTO).iter();
    match (lines.next().map(http::HeaderValue::as_bytes), lines.next()) {
        (None, _) | (Some(b"https" | b"wss"), None) => Ok(false),
        (Some(b"http" | b"ws"), None) => Ok(true),
        _ => Err(OddForwarding("X-Forwarded-Proto")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trusted() -> Trusted {
        Trusted::new(vec!["10.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()])
    }

    fn client(peer: &str, lines: &[(&'static str, &str)]) -> Result<Client, OddForwarding> {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, value.parse().unwrap());
        }
        trusted().client(Some(peer.parse().unwrap()), &headers)
    }

    fn address(peer: &str, lines: &[(&'static str, &str)]) -> String {
        client(peer, lines).unwrap().address.unwrap().to_string()
    }

    const FOR: &str = "x-forwarded-for";

    #[test]
    fn a_stranger_speaks_for_nobody() {
        for value in ["127.0.0.1", "10.0.0.1", "a", ""] {
            assert_eq!(address("192.0.2.1", &[(FOR, value), ("x-forwarded-proto", "x")]), "192.0.2.1");
        }
        assert_eq!(address("::ffff:192.0.2.1", &[]), "192.0.2.1");
    }

    #[test]
    fn what_a_proxy_says_is_read_from_the_right() {
        assert_eq!(address("10.0.0.1", &[]), "10.0.0.1");
        assert_eq!(address("10.0.0.1", &[(FOR, "198.51.100.7")]), "198.51.100.7");
        assert_eq!(address("10.0.0.1", &[(FOR, "127.0.0.1, 198.51.100.7, 10.9.9.9")]), "198.51.100.7");
        assert_eq!(address("10.0.0.1", &[(FOR, "1.1.1.1"), (FOR, "198.51.100.7,fd00::1")]), "198.51.100.7");
        assert_eq!(address("::ffff:10.0.0.1", &[(FOR, "::ffff:198.51.100.7")]), "198.51.100.7");
        assert_eq!(address("10.0.0.1", &[(FOR, "10.1.1.1,10.2.2.2")]), "10.1.1.1");
        for written in ["198.51.100.7:4711", "[2001:db8::1]:80", "[2001:db8::1]", " 2001:db8::1 "] {
            assert!(client("10.0.0.1", &[(FOR, written)]).is_ok(), "{written}");
        }
        // The client's own word about itself is not looked at.
        assert_eq!(address("10.0.0.1", &[(FOR, "rubbish, 198.51.100.7")]), "198.51.100.7");
    }

    #[test]
    fn what_a_proxy_says_and_nobody_can_read_is_refused() {
        for value in ["a", "", "198.51.100.7,", "unknown", "_hidden", "1.2.3.4.5", "198.51.100.7:x"] {
            assert!(client("10.0.0.1", &[(FOR, value)]).is_err(), "{value:?}");
        }
        for lines in [&[("x-forwarded-proto", "gopher")][..], &[("x-forwarded-proto", "https"); 2]] {
            assert!(client("10.0.0.1", lines).is_err());
        }
    }

    #[test]
    fn a_proxy_says_whether_its_client_came_over_plain_http() {
        let plain = |value| client("10.0.0.1", &[("x-forwarded-proto", value)]).unwrap().came_plain;
        assert!(plain("http") && plain("ws") && !plain("https") && !plain("wss"));
        assert!(!client("192.0.2.1", &[("x-forwarded-proto", "http")]).unwrap().came_plain);
    }
}

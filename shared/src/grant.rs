//! What an API key may be used for. What could be read in two ways, or would never match, is no grant.

use std::net::IpAddr;

use ipnet::IpNet;

use crate::wire::ApiKeyGrant;

/// Entries of one list, at most.
const MOST: usize = 32;
/// The longest host and method, in bytes.
const LONGEST_HOST: usize = 253;
const LONGEST_METHOD: usize = 16;
/// The longest path, in bytes: as in the gate's rules.
const LONGEST_PATH: usize = 512;

/// Sites, paths, methods and networks; a request needs a fit in each. Empty paths, methods or networks fit all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    sites: Vec<String>,
    paths: Vec<String>,
    methods: Vec<String>,
    networks: Vec<IpNet>,
}

/// Why something is no grant.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GrantError {
    /// No site at all.
    #[error("sites: name at least one; a key opens nothing else")]
    NoSite,
    /// Too much of something.
    #[error("{0}: at most {MOST}")]
    TooMany(&'static str),
    /// Not a host.
    #[error("sites: `{0}` must be a host such as wiki.example.com: no scheme, no port, no path")]
    Site(String),
    /// Not a path.
    #[error(
        "paths: `{0}` must begin with a slash and be written as in an address: a place, which is also all below it, or \
         with `*` and `**`; no `?`, no `;`, no empty or dot segments, no escaped slashes and dots"
    )]
    Path(String),
    /// Not a method.
    #[error("methods: `{0}` must be a method such as GET, in capitals")]
    Method(String),
    /// Not a network.
    #[error(
        "networks: `{0}` must be an address or a network, such as 10.0.0.0/8, without bits beyond its prefix"
    )]
    Network(String),
}

impl Grant {
    /// Reads one as it was asked for, or as it lies in the ledger.
    ///
    /// # Errors
    /// [`GrantError`].
    pub fn parse(asked: &ApiKeyGrant) -> Result<Self, GrantError> {
        let ApiKeyGrant { sites, paths, methods, networks } = asked;
        if sites.is_empty() {
            return Err(GrantError::NoSite);
        }
        for (name, list) in [("sites", sites), ("paths", paths), ("methods", methods), ("networks", networks)]
        {
            if list.len() > MOST {
                return Err(GrantError::TooMany(name));
            }
        }
        Ok(Self {
            sites: sites.iter().map(|text| site(text)).collect::<Result<_, _>>()?,
            paths: paths.iter().map(|text| path(text)).collect::<Result<_, _>>()?,
            methods: methods.iter().map(|text| method(text)).collect::<Result<_, _>>()?,
            networks: networks.iter().map(|text| network(text)).collect::<Result<_, _>>()?,
        })
    }

    /// For the wire and the record.
    #[must_use]
    pub fn to_wire(&self) -> ApiKeyGrant {
        ApiKeyGrant {
            sites: self.sites.clone(),
            paths: self.paths.clone(),
            methods: self.methods.clone(),
            networks: self.networks.iter().map(ToString::to_string).collect(),
        }
    }

    /// Whether it is for this host.
    #[must_use]
    pub fn has_site(&self, host: &str) -> bool {
        self.sites.iter().any(|site| site == host)
    }
}

fn site(text: &str) -> Result<String, GrantError> {
    let host = text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase();
    let is_label = |label: &str| {
        !label.is_empty()
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    let fits = host.len() <= LONGEST_HOST && host.split('.').all(is_label);
    if fits { Ok(host) } else { Err(GrantError::Site(shown(text))) }
}

fn path(text: &str) -> Result<String, GrantError> {
    let odd = |byte: u8| !byte.is_ascii_graphic() || br#"?;#\"<>^`{|}"#.contains(&byte);
    let fits = text.len() <= LONGEST_PATH
        && text.starts_with('/')
        && !text.bytes().any(odd)
        && has_clear_segments(text)
        && has_clear_escapes(text);
    if fits { Ok(text.to_owned()) } else { Err(GrantError::Path(shown(text))) }
}

fn has_clear_segments(path: &str) -> bool {
    let mut segments = path.split('/').skip(1).peekable();
    while let Some(segment) = segments.next() {
        // Only the last may be empty: a place that ends in a slash.
        if matches!(segment, "." | "..") || (segment.is_empty() && segments.peek().is_some()) {
            return false;
        }
    }
    true
}

/// Escapes of what a path never means in two ways: no slash, backslash, dot, `;`, `%`, no control character, and nothing
/// that begins an over-long form of one.
fn has_clear_escapes(path: &str) -> bool {
    path.split('%').skip(1).all(|rest| {
        let byte = rest.get(..2).filter(|hex| hex.bytes().all(|byte| byte.is_ascii_hexdigit()));
        let byte = byte.and_then(|hex| u8::from_str_radix(hex, 16).ok());
        byte.is_some_and(|byte| {
            !byte.is_ascii_control() && !br"/\.;%".contains(&byte) && !matches!(byte, 0xc0 | 0xc1)
        })
    })
}

fn method(text: &str) -> Result<String, GrantError> {
    let fits =
        (1..=LONGEST_METHOD).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_uppercase());
    if fits { Ok(text.to_owned()) } else { Err(GrantError::Method(shown(text))) }
}

fn network(text: &str) -> Result<IpNet, GrantError> {
    let network = match text.parse::<IpAddr>() {
        Ok(address) => Some(IpNet::from(address.to_canonical())),
        Err(_) => text.parse::<IpNet>().ok().filter(|network| network.trunc() == *network),
    };
    network.ok_or_else(|| GrantError::Network(shown(text)))
}

/// As much of a mistake as is worth showing.
fn shown(text: &str) -> String {
    text.chars().take(80).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grant(list: &str, entry: &str) -> Result<Grant, GrantError> {
        let mut asked = ApiKeyGrant { sites: vec!["wiki.example.com".to_owned()], ..ApiKeyGrant::default() };
        let entries = vec![entry.to_owned()];
        match list {
            "sites" => asked.sites = entries,
            "paths" => asked.paths = entries,
            "methods" => asked.methods = entries,
            _ => asked.networks = entries,
        }
        Grant::parse(&asked)
    }

    #[test]
    fn what_could_never_match_or_match_too_much_is_no_grant() {
        for (list, odd) in [
            ("sites", &["", "https://wiki", "wiki:80", "wiki/a", "*.example.com", "a..b", "wïki"][..]),
            (
                "paths",
                &[
                    "", "a", "//a", "/a/../b", "/./", "/a?b", "/a;b", "/ä", "/a b", "/%2f", "/%2E", "/%",
                    "/%zz", "/%c0%ae",
                ],
            ),
            ("methods", &["", "get", "G T", "GET,PUT", "ABCDEFGHIJKLMNOPQ"]),
            ("networks", &["", "office", "10.0.0.1/8", "10.0.0.0/33", "1.2.3"]),
        ] {
            for entry in odd {
                let said = grant(list, entry).unwrap_err().to_string();
                assert!(said.starts_with(list), "{entry}: {said}");
            }
        }
        assert_eq!(Grant::parse(&ApiKeyGrant::default()), Err(GrantError::NoSite));
        let many = ApiKeyGrant { sites: vec!["a".to_owned(); 33], ..ApiKeyGrant::default() };
        assert_eq!(Grant::parse(&many), Err(GrantError::TooMany("sites")));
    }

    #[test]
    fn a_grant_reads_itself_and_knows_its_sites() {
        let asked = ApiKeyGrant {
            sites: vec!["WIKI.example.com.".to_owned(), "localhost".to_owned()],
            paths: vec!["/".to_owned(), "/dav/".to_owned(), "/**/export".to_owned(), "/%C3%A4".to_owned()],
            methods: vec!["GET".to_owned(), "PROPFIND".to_owned()],
            networks: vec![
                "10.0.0.0/8".to_owned(),
                "::ffff:192.0.2.7".to_owned(),
                "2001:db8::/32".to_owned(),
            ],
        };
        let grant = Grant::parse(&asked).unwrap();
        assert_eq!(Grant::parse(&grant.to_wire()).unwrap(), grant);
        assert_eq!(grant.to_wire().networks, ["10.0.0.0/8", "192.0.2.7/32", "2001:db8::/32"]);
        assert!(grant.has_site("wiki.example.com") && !grant.has_site("example.com"));
    }
}

//! What a rule's paths and hosts match, compared with the one spelling that is also forwarded.

use std::fmt;

use crate::host::Host;
use crate::path::{Parameters, Target};

/// The longest pattern, in bytes.
const MAX_PATTERN: usize = 512;

/// A path of a rule: one place and all below it, or a glob.
#[derive(Clone, PartialEq, Eq)]
pub struct PathPattern {
    written: Box<str>,
    /// Empty for a place: compared as it is written.
    glob: Box<[Token]>,
}

/// A part of a glob.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Token {
    /// This byte.
    Byte(u8),
    /// `*`: whatever has no slash in it.
    Star,
    /// `**`: anything.
    Deep,
    /// `**/` after a slash: nothing, or anything that ends in a slash.
    Folders,
}

impl PathPattern {
    /// Reads `/place`, which is that path and everything below it, or a glob with `*` (within a segment) and `**`.
    ///
    /// # Errors
    /// A sentence for the administrator.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.len() > MAX_PATTERN {
            return Err(format!("must have at most {MAX_PATTERN} bytes"));
        }
        if text.contains('?') || text.contains(';') {
            return Err("must be a path alone, without `?` and `;`; rules do not look at queries".to_owned());
        }
        let target = Target::parse(text.as_bytes(), Parameters::Refused)
            .map_err(|why| format!("must be a path as it stands in an address, escapes included: {why}"))?;
        let written = std::str::from_utf8(target.path()).map_err(|why| why.to_string())?;
        Ok(Self::new(written))
    }

    fn new(written: &str) -> Self {
        let glob = if written.contains('*') { tokens(written.as_bytes()) } else { Vec::new() };
        Self { written: written.into(), glob: glob.into() }
    }

    /// The same for an app that takes `/Admin` for `/admin`.
    #[must_use]
    pub fn in_lower_case(&self) -> Self {
        Self::new(&self.written.to_ascii_lowercase())
    }

    /// Whether `path`, in its one spelling, is meant.
    #[must_use]
    pub fn matches(&self, path: &[u8]) -> bool {
        if self.glob.is_empty() { is_at_or_below(&self.written, path) } else { glob(&self.glob, path) }
    }

    /// What every path that this matches begins with.
    #[must_use]
    pub fn beginning(&self) -> Beginning {
        let end = self.written.find('*').unwrap_or(self.written.len());
        Beginning::of(self.written.as_bytes().get(..end).unwrap_or_default())
    }

    /// Whether every path that `other` matches is matched by this too. May miss a few, never claims one too many.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        self == other || (self.glob.is_empty() && is_at_or_below(&self.written, other.fixed()))
    }

    /// What every path that this matches begins with, cut at a slash where the rest is open.
    fn fixed(&self) -> &[u8] {
        let written = self.written.as_bytes();
        match self.written.find('*') {
            None => written,
            Some(star) => {
                let slash = written.iter().take(star).rposition(|&byte| byte == b'/').unwrap_or(0);
                written.get(..=slash).unwrap_or_default()
            }
        }
    }
}

impl fmt::Display for PathPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written)
    }
}

impl fmt::Debug for PathPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.written, f)
    }
}

/// The first eight bytes of a text, or as many as it has, to be compared at once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Beginning {
    bytes: u64,
    /// All ones where the text has a byte.
    mask: u64,
}

impl Beginning {
    /// Of `text`.
    #[must_use]
    pub fn of(text: &[u8]) -> Self {
        let (mut bytes, mut mask) = ([0; 8], [0; 8]);
        for ((byte, mask), own) in bytes.iter_mut().zip(&mut mask).zip(text) {
            (*byte, *mask) = (*own, u8::MAX);
        }
        Self { bytes: u64::from_ne_bytes(bytes), mask: u64::from_ne_bytes(mask) }
    }

    /// Whether `text` may begin so. False: it does not.
    #[must_use]
    pub fn may_begin(self, text: Self) -> bool {
        text.bytes & self.mask == self.bytes
    }
}

fn is_at_or_below(place: &str, path: &[u8]) -> bool {
    match path.strip_prefix(place.as_bytes()) {
        Some(rest) => rest.is_empty() || place.ends_with('/') || rest.starts_with(b"/"),
        None => false,
    }
}

fn tokens(mut text: &[u8]) -> Vec<Token> {
    let mut tokens = Vec::with_capacity(text.len());
    while let Some((&byte, rest)) = text.split_first() {
        let (token, rest) = match text {
            [b'*', b'*', b'/', after @ ..] if tokens.last() == Some(&Token::Byte(b'/')) => {
                (Token::Folders, after)
            }
            [b'*', b'*', after @ ..] => (Token::Deep, after),
            [b'*', ..] => (Token::Star, rest),
            _ => (Token::Byte(byte), rest),
        };
        tokens.push(token);
        text = rest;
    }
    tokens
}

/// Where to go on when what follows a wildcard does not fit: the wildcard takes one more.
#[derive(Clone, Copy)]
struct Retry {
    token: usize,
    at: usize,
}

/// Matches the whole path. Each wildcard takes as little as it can; the last that can take more is asked first, and a
/// `*` never reaches beyond its segment, so that only the latest wildcard of each kind need be remembered.
fn glob(tokens: &[Token], path: &[u8]) -> bool {
    let (mut token, mut at) = (0, 0);
    let (mut star, mut deep): (Option<Retry>, Option<Retry>) = (None, None);
    loop {
        match tokens.get(token) {
            None if at == path.len() => return true,
            Some(Token::Star) => {
                star = Some(Retry { token, at });
                token += 1;
                continue;
            }
            Some(Token::Deep | Token::Folders) => {
                (star, deep) = (None, Some(Retry { token, at }));
                token += 1;
                continue;
            }
            Some(Token::Byte(byte)) if path.get(at) == Some(byte) => {
                (token, at) = (token + 1, at + 1);
                continue;
            }
            None | Some(Token::Byte(_)) => {}
        }
        if let Some(retry) = &mut star
            && path.get(retry.at).is_some_and(|&byte| byte != b'/')
        {
            retry.at += 1;
            (token, at) = (retry.token + 1, retry.at);
        } else if let Some(retry) = &mut deep {
            let Some(rest) = path.get(retry.at..).filter(|rest| !rest.is_empty()) else { return false };
            let step = match tokens.get(retry.token) {
                Some(Token::Folders) => rest.iter().position(|&byte| byte == b'/').map(|slash| slash + 1),
                _ => Some(1),
            };
            let Some(step) = step else { return false };
            retry.at += step;
            (token, at, star) = (retry.token + 1, retry.at, None);
        } else {
            return false;
        }
    }
}

/// A host of a rule: one, or all below a domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HostPattern {
    /// This host.
    Exactly(Host),
    /// `*.example.com`: every host below, not the domain itself.
    Below(Host),
}

impl HostPattern {
    /// Reads a host name, or `*.` and a domain.
    ///
    /// # Errors
    /// A sentence for the administrator.
    pub fn parse(text: &str) -> Result<Self, String> {
        let odd = |_| "must be a host name, or `*.` and a domain: no scheme, no port, no path".to_owned();
        match text.strip_prefix("*.") {
            Some(domain) => Host::parse(domain).map(Self::Below).map_err(odd),
            None => Host::parse(text).map(Self::Exactly).map_err(odd),
        }
    }

    /// Whether `host` is meant.
    #[must_use]
    pub fn matches(&self, host: &Host) -> bool {
        match self {
            Self::Exactly(own) => own == host,
            Self::Below(domain) => host
                .as_str()
                .strip_suffix(domain.as_str())
                .and_then(|rest| rest.strip_suffix('.'))
                .is_some_and(|rest| !rest.is_empty()),
        }
    }

    /// Whether every host that `other` matches is matched by this too.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        match other {
            Self::Exactly(host) => self.matches(host),
            Self::Below(domain) => self == other || matches!(self, Self::Below(_)) && self.matches(domain),
        }
    }
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exactly(host) => write!(f, "{host}"),
            Self::Below(domain) => write!(f, "*.{domain}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn path(pattern: &str, path: &str) -> bool {
        PathPattern::parse(pattern).unwrap().matches(path.as_bytes())
    }

    #[test]
    fn a_place_is_itself_and_what_is_below() {
        for inside in ["/admin", "/admin/", "/admin/users/1"] {
            assert!(path("/admin", inside), "{inside}");
        }
        for outside in ["/", "/administrator", "/admi", "/x/admin", "/Admin"] {
            assert!(!path("/admin", outside), "{outside}");
        }
        assert!(path("/", "/anything") && path("/static/", "/static/a.css") && !path("/static/", "/static"));
        assert!(path("/%61dmin", "/admin"), "a pattern has one spelling too");
    }

    #[test]
    fn a_star_stays_in_its_segment_and_two_do_not() {
        for (pattern, inside, outside) in [
            ("/*.css", &["/a.css", "/.css"][..], &["/a/b.css", "/a.cssx"][..]),
            ("/users/*/edit", &["/users/1/edit"], &["/users/edit", "/users/1/2/edit"]),
            ("/api/**", &["/api/", "/api/a/b"], &["/api", "/apix"]),
            ("/**/export", &["/export", "/a/export", "/a/b/export"], &["/xexport", "/export/x"]),
            ("/a/**/b/*.js", &["/a/b/x.js", "/a/1/2/b/x.js"], &["/a/b/c/x.js", "/ab/x.js"]),
            ("/**a/*b", &["/xa/b", "/x/ya/zb", "/a/b/ca/b"], &["/x/b", "/xa/b/c"]),
        ] {
            for one in inside {
                assert!(path(pattern, one), "{pattern} {one}");
            }
            for one in outside {
                assert!(!path(pattern, one), "{pattern} {one}");
            }
        }
    }

    #[test]
    fn most_patterns_are_passed_over_by_their_first_bytes() {
        let path = Beginning::of(b"/page");
        for (pattern, may) in [
            ("/", true),
            ("/page", true),
            ("/p*", true),
            ("/**/x", true),
            ("/pages", false),
            ("/team", false),
        ] {
            assert_eq!(PathPattern::new(pattern).beginning().may_begin(path), may, "{pattern}");
        }
        // Beyond the eighth byte nothing is compared.
        assert!(PathPattern::new("/section-1").beginning().may_begin(Beginning::of(b"/section-2")));
    }

    #[test]
    fn what_no_request_could_match_is_no_pattern() {
        for odd in ["admin", "", "/a/../b", "//a", "/a?b=1", "/a;b", "/a b", "/ä", "/%2f", "*"] {
            assert!(PathPattern::parse(odd).is_err(), "{odd}");
        }
    }

    #[test]
    fn a_domain_below_is_not_the_domain_nor_a_look_alike() {
        let pattern = HostPattern::parse("*.example.com").unwrap();
        let host = |name: &str| Host::parse(name).unwrap();
        assert!(pattern.matches(&host("a.example.com")) && pattern.matches(&host("a.b.example.com")));
        for other in ["example.com", "badexample.com", "example.com.evil.org"] {
            assert!(!pattern.matches(&host(other)), "{other}");
        }
        for odd in ["https://a", "a:80", "*", "a.*.b", "*.", ""] {
            assert!(HostPattern::parse(odd).is_err(), "{odd}");
        }
    }

    /// The same by trying every length of every wildcard.
    fn slowly(tokens: &[Token], path: &[u8]) -> bool {
        let Some((first, tokens)) = tokens.split_first() else { return path.is_empty() };
        match first {
            Token::Byte(byte) => path.strip_prefix(&[*byte]).is_some_and(|rest| slowly(tokens, rest)),
            Token::Deep => (0..=path.len()).any(|taken| slowly(tokens, &path[taken..])),
            Token::Star => (0..=path.len())
                .take_while(|&taken| !path[..taken].contains(&b'/'))
                .any(|taken| slowly(tokens, &path[taken..])),
            Token::Folders => (0..=path.len())
                .filter(|&taken| taken == 0 || path[taken - 1] == b'/')
                .any(|taken| slowly(tokens, &path[taken..])),
        }
    }

    proptest! {
        #[test]
        fn the_quick_way_finds_what_the_slow_one_finds(pattern in "/[ab/*]{0,9}", path in "/[ab/]{0,9}") {
            let tokens = tokens(pattern.as_bytes());
            prop_assert_eq!(glob(&tokens, path.as_bytes()), slowly(&tokens, path.as_bytes()));
        }

        #[test]
        fn whatever_matches_begins_as_its_pattern_does(pattern in "/[ab/*]{0,12}", path in "/[ab/]{0,12}") {
            let pattern = PathPattern::new(&pattern);
            if pattern.matches(path.as_bytes()) {
                prop_assert!(pattern.beginning().may_begin(Beginning::of(path.as_bytes())));
            }
        }

        #[test]
        fn what_covers_matches_all_of_it(
            wide in "(/a|/b){1,2}/?", narrow in "(/a|/b|/\\*|/\\*\\*){1,3}/?", path in "(/a|/b|/ab){1,4}/?"
        ) {
            let (wide, narrow) = (PathPattern::new(&wide), PathPattern::new(&narrow));
            if wide.covers(&narrow) && narrow.matches(path.as_bytes()) {
                prop_assert!(wide.matches(path.as_bytes()));
            }
        }
    }
}

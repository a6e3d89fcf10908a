//! Where a person goes after a sign-in: a path on the site that the flow belongs to, never a whole address.
//!
//! Checked when the flow is made and again when it is used; both times here.

use crate::path::{Parameters, Target};

/// A longer one is not kept: the person lands on the site's front page.
pub const MAX_RETURN: usize = 2048;

/// A path and query on a site, proved to stay there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReturnAddress(Box<str>);

impl ReturnAddress {
    /// Takes `raw` if it is a path that no browser reads as another host; the front page otherwise.
    #[must_use]
    pub fn from_path(raw: &[u8], parameters: Parameters) -> Self {
        Self::check(raw, parameters).unwrap_or_else(Self::front_page)
    }

    /// The site's front page.
    #[must_use]
    pub fn front_page() -> Self {
        Self("/".into())
    }

    /// The same check again, at the moment of use.
    #[must_use]
    pub fn rechecked(&self, parameters: Parameters) -> Self {
        Self::from_path(self.0.as_bytes(), parameters)
    }

    /// The path and query.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn check(raw: &[u8], parameters: Parameters) -> Option<Self> {
        if raw.len() > MAX_RETURN || !raw.is_ascii() {
            return None;
        }
        let target = Target::parse(raw, parameters).ok()?;
        // The gate's own addresses are not a place to come back to.
        if target.path().starts_with(b"/.twofold") {
            return None;
        }
        // A backslash in a query is no host, but nothing good either.
        let text = std::str::from_utf8(target.as_bytes()).ok()?;
        (!text.contains('\\')).then(|| Self(text.into()))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn kept(raw: &str) -> String {
        ReturnAddress::from_path(raw.as_bytes(), Parameters::Refused).as_str().to_owned()
    }

    #[test]
    fn a_path_is_kept_with_its_query() {
        for raw in ["/", "/wiki/Page?action=edit&u=https://example.com/", "/a%20b"] {
            assert_eq!(kept(raw), raw);
        }
    }

    #[test]
    fn everything_that_could_leave_the_site_becomes_the_front_page() {
        for raw in [
            "",
            "//evil.example",
            "/\\evil.example",
            "\\\\evil.example",
            "https:evil.example",
            "https://evil.example",
            "/%09/evil.example",
            "/\t/evil.example",
            "/\n/evil",
            "javascript:alert(1)",
            "@evil.example",
            "wiki.localhost.evil.example",
            "/a/../../..//evil",
            "/.twofold/sign-out",
            "/.twofold/callback?code=1",
            "/?\\evil",
            "/é",
        ] {
            assert_eq!(kept(raw), "/", "{raw:?}");
        }
        assert_eq!(kept(&format!("/{}", "a".repeat(MAX_RETURN))), "/");
    }

    proptest! {
        #[test]
        fn what_is_kept_is_a_path_of_one_slash(raw in "[/\\\\a-z:@?#%.\\t ]{0,20}") {
            let kept = kept(&raw);
            prop_assert!(kept.starts_with('/') && !kept.starts_with("//") && !kept.contains('\\'));
            prop_assert!(kept.bytes().all(|byte| byte > b' ' && byte < 0x7f));
        }
    }
}

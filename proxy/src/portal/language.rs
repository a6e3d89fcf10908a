//! The switch of the language at the foot of each page.

use super::form::Fields;
use super::{Portal, Refused, Visit};
use crate::answer::Answer;
use crate::cookies::{self, LANGUAGE};
use crate::refusal::Refusal;
use crate::words;

/// For how long a choice is kept: as long as browsers keep any cookie.
const KEPT: std::time::Duration = cookies::BROWSER_LIFE;

impl Portal {
    /// Keeps the reader's choice in a cookie and leads back to the page that it was made on.
    pub(super) fn choose_language(&self, visit: &Visit) -> Result<Answer, Refused> {
        self.refuse_foreign(visit)?;
        let fields = Fields::read(&visit.headers, &visit.body);
        let chosen = fields.get("language").and_then(words::of_tag);
        let words = chosen.ok_or_else(|| Refused::because(Refusal::NotFound, "no such language"))?;
        let back = fields.get("back").filter(|path| is_page(path)).unwrap_or("/");
        Ok(Answer::redirect(back).with_cookie(cookies::set(LANGUAGE, words.lang, Some(KEPT))))
    }
}

/// Whether this is a page of the portal, so that the way back leads nowhere else.
fn is_page(address: &str) -> bool {
    let (path, query) = address.split_once('?').unwrap_or((address, ""));
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:@/".contains(&byte);
    let is_asked = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:@~*=&%+".contains(&byte);
    path.starts_with('/')
        && !path.contains("//")
        && address.len() <= 1024
        && path.bytes().all(is_plain)
        && query.bytes().all(is_asked)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_back_stays_at_the_portal() {
        for path in [
            "/",
            "/code/abc_DEF-1",
            "/account/devices",
            "/account/part/wiki.localhost:alice@example.com",
            "/people?state=locked&name=al%C3%AD",
        ] {
            assert!(is_page(path), "{path}");
        }
        for path in [
            "",
            "//evil.example",
            "/.//evil.example",
            "/\\evil.example",
            "https://evil.example/",
            "?a",
            "/a?b=//c",
            "/a\r\nb",
            "/%2f",
            "/a?b\r\n",
        ] {
            assert!(!is_page(path), "{path}");
        }
    }
}

//! Which language a reader gets: the one they chose, else what their browser asks for.

use http::HeaderMap;
use http::header::ACCEPT_LANGUAGE;

use super::Words;
use super::english::ENGLISH;
use super::german::GERMAN;
use crate::cookies::{self, Found, LANGUAGE};

/// All that there are; the first is for readers of none.
pub const LANGUAGES: [&Words; 2] = [&ENGLISH, &GERMAN];

/// What is read of `Accept-Language`: browsers send less.
const MOST_RANGES: usize = 16;

/// The language with this tag.
#[must_use]
pub fn of_tag(tag: &str) -> Option<&'static Words> {
    LANGUAGES.into_iter().find(|words| words.lang.eq_ignore_ascii_case(tag))
}

/// The language for who sends these headers.
#[must_use]
pub fn of_reader(headers: &HeaderMap) -> &'static Words {
    if let Found::One(tag) = cookies::find(headers, LANGUAGE)
        && let Some(words) = std::str::from_utf8(tag).ok().and_then(of_tag)
    {
        return words;
    }
    let asked = headers.get(ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    asked_for(asked).unwrap_or(&ENGLISH)
}

/// The language of the range with the greatest weight (RFC 9110, section 12.5.4; basic filtering of RFC 4647 by the
/// primary subtag). Of equals the first.
fn asked_for(accept: &str) -> Option<&'static Words> {
    let mut best: Option<(u16, &'static Words)> = None;
    for range in accept.split(',').take(MOST_RANGES) {
        let (tag, parameters) = range.split_once(';').unwrap_or((range, ""));
        let primary = tag.trim().split('-').next().unwrap_or_default();
        let weight = weight(parameters);
        if let Some(words) = of_tag(primary)
            && weight > best.map_or(0, |(best, _)| best)
        {
            best = Some((weight, words));
        }
    }
    best.map(|(_, words)| words)
}

/// `q=0.8` in thousandths; 1000 where nothing is said, 0 for what is no weight.
fn weight(parameters: &str) -> u16 {
    let parameters = parameters.trim();
    if parameters.is_empty() {
        return 1000;
    }
    let Some(value) = parameters.strip_prefix("q=").or_else(|| parameters.strip_prefix("Q=")) else {
        return 0;
    };
    let (whole, part) = value.split_once('.').unwrap_or((value, ""));
    let is_number = part.len() <= 3 && part.bytes().all(|byte| byte.is_ascii_digit());
    match (whole, format!("{part:0<3}").parse()) {
        ("0", Ok(thousandths)) if is_number => thousandths,
        ("1", Ok(0)) if is_number => 1000,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_browser_says_which_language_its_reader_has() {
        for (accept, tag) in [
            ("", "en"),
            ("de", "de"),
            ("de-AT,de;q=0.9,en;q=0.8", "de"),
            ("en-GB,de;q=0.9", "en"),
            ("fr,de;q=0.3,en;q=0.7", "en"),
            ("fr, de;q=0.5 , en;q=0.5", "de"),
            ("de;q=0, *", "en"),
            ("de;q=2, en;q=0.1", "en"),
            ("DE-ch;Q=1.000", "de"),
            ("pt-BR,zh", "en"),
            ("de;q=0.0000", "en"),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT_LANGUAGE, accept.parse().unwrap());
            assert_eq!(of_reader(&headers).lang, tag, "{accept}");
        }
    }

    #[test]
    fn what_a_reader_chose_comes_before_what_the_browser_asks_for() {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT_LANGUAGE, "en".parse().unwrap());
        headers.insert(http::header::COOKIE, "__Host-twofold-language=de".parse().unwrap());
        assert_eq!(of_reader(&headers).lang, "de");
        headers.insert(http::header::COOKIE, "__Host-twofold-language=xx".parse().unwrap());
        assert_eq!(of_reader(&headers).lang, "en");
    }
}

//! What passes through the gates of these tests and belongs into no log: the log of each is searched when its world ends.

use std::collections::BTreeSet;
use std::sync::Mutex;

use serde_json::Value;

/// The shortest that is looked for; what is shorter stands somewhere by chance.
const SHORTEST: usize = 6;

/// What is long enough to be found inside a word, too.
const LONG: usize = 16;

/// Keys of the authority's messages, and fields of forms, whose values are somebody's secret.
const SECRET_NAMES: [&str; 9] =
    ["code", "password", "p", "invitation", "secret", "uri", "backup_codes", "key", "token"];

static SEEN: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// Notes something that no log may contain.
pub fn seen(value: &str) {
    if value.len() >= SHORTEST {
        SEEN.lock().unwrap().insert(value.to_owned());
    }
}

/// Notes what of a message between gate and authority is secret.
pub fn seen_in_message(message: &Value) {
    match message {
        Value::Array(all) => all.iter().for_each(seen_in_message),
        Value::Object(all) => {
            for (name, value) in all {
                if SECRET_NAMES.contains(&name.as_str()) {
                    texts(value).into_iter().for_each(seen);
                }
                seen_in_message(value);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn texts(value: &Value) -> Vec<&str> {
    match value {
        Value::String(text) => vec![text],
        Value::Array(all) => all.iter().flat_map(texts).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => Vec::new(),
    }
}

/// Notes what of a request is secret: its credentials, and what a form says.
pub fn seen_in_request(request: &[u8]) {
    let text = String::from_utf8_lossy(request);
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    for line in head.lines().skip(1) {
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("authorization")
        {
            seen(value.trim().rsplit(' ').next().unwrap_or_default());
        }
    }
    for (name, value) in form_urlencoded::parse(body.as_bytes()) {
        if SECRET_NAMES.contains(&name.as_ref()) {
            seen(&value);
            seen(&form_urlencoded::byte_serialize(value.as_bytes()).collect::<String>());
        }
    }
}

/// What stands in a log of all that was noted.
pub fn found_in(log: &str) -> Vec<String> {
    let seen = SEEN.lock().unwrap();
    seen.iter().filter(|value| stands_in(log, value)).cloned().collect()
}

fn stands_in(log: &str, value: &str) -> bool {
    let in_a_word = |at: usize| {
        let before = log[..at].chars().next_back();
        let after = log[at + value.len()..].chars().next();
        [before, after].into_iter().flatten().any(char::is_alphanumeric)
    };
    log.match_indices(value).any(|(at, _)| value.len() >= LONG || !in_a_word(at))
}

#[test]
fn what_was_noted_is_found_where_it_stands_by_itself_and_long_ones_everywhere() {
    seen("604713");
    seen("correct-horse-battery");
    seen_in_request(
        b"POST / HTTP/1.1\r\nAuthorization: Basic YWxpY2U6cGFzcw==\r\n\r\nname=alice&code=a+b+c+d+e",
    );
    seen_in_message(&serde_json::json!({ "a": { "backup_codes": ["8153 6620"], "name": "not-this" } }));
    for log in [
        "code 604713: wrong",
        "xcorrect-horse-batteryx",
        "YWxpY2U6cGFzcw==",
        "a b c d e",
        "a+b+c+d+e",
        "8153 6620",
    ] {
        assert_eq!(found_in(log).len(), 1, "{log}");
    }
    for log in ["port 16047130", "not-this", "name=alice", ""] {
        assert_eq!(found_in(log), Vec::<String>::new(), "{log}");
    }
}

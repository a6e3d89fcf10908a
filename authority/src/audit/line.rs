//! An event as one line of the system log.

use std::fmt::Write as _;

use super::Event;

/// The longest value in a line, in characters: nobody's name may push the rest of a line out of the log.
const LONGEST: usize = 256;

/// One line, in the order who-reads-it needs: what and how, then fields, each `key=value`.
///
/// Values that came from outside are quoted and escaped unless they are plain words: no value can end its line, begin
/// a field of its own, or turn the terminal of whoever reads the log.
#[must_use]
pub fn line(event: &Event) -> String {
    let entry = &event.entry;
    let mut line = String::with_capacity(200);
    push_plain(&mut line, &entry.action);
    line.push(' ');
    line.push_str(entry.outcome.as_str());
    let account = entry.account.as_ref().map(ToString::to_string);
    let fields = [
        ("name", entry.name.as_deref()),
        ("account", account.as_deref()),
        ("door", Some(entry.door.as_str())),
        ("source", entry.source.as_deref()),
        ("factor", entry.factor.as_deref()),
        ("reason", entry.reason.as_deref()),
        ("actor", entry.actor.as_deref()),
        ("request", entry.request.as_deref()),
    ];
    for (key, value) in fields {
        if let Some(value) = value {
            line.push(' ');
            line.push_str(key);
            line.push('=');
            push_value(&mut line, value);
        }
    }
    if event.count > 1 {
        let _ = write!(line, " count={}", event.count);
    }
    line
}

fn is_plain(character: char) -> bool {
    character.is_ascii_alphanumeric() || "-_.:/@+".contains(character)
}

/// Our own words; anything unexpected in them becomes `?`.
fn push_plain(line: &mut String, word: &str) {
    line.extend(
        word.chars().take(LONGEST).map(|character| if is_plain(character) { character } else { '?' }),
    );
}

fn push_value(line: &mut String, value: &str) {
    if !value.is_empty() && value.chars().all(is_plain) && value.len() <= LONGEST {
        line.push_str(value);
        return;
    }
    line.push('"');
    for character in value.chars().take(LONGEST) {
        match character {
            '"' | '\\' => line.extend(['\\', character]),
            ' '..='~' => line.push(character),
            // Letters of any script are a person's name; marks, direction overrides and controls are a trick.
            letter if letter.is_alphanumeric() => line.push(letter),
            other => line.extend(other.escape_unicode()),
        }
    }
    if value.chars().nth(LONGEST).is_some() {
        line.push('…');
    }
    line.push('"');
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use twofold_shared::account::AccountId;
    use twofold_shared::clock::UnixTime;
    use twofold_shared::trail::Action;

    use super::*;
    use crate::audit::{Entry, Outcome};

    fn told(entry: Entry) -> String {
        line(&Event { at: UnixTime(1), count: 1, entry })
    }

    #[test]
    fn a_line_reads_as_it_should() {
        let entry = Entry {
            account: Some(AccountId([0xab; 16])),
            name: Some("unix:alice".into()),
            source: Some("2001:db8::1".into()),
            factor: Some("backup code".into()),
            ..Entry::new(Action::Verify, Outcome::Approved, "sshd on web1")
        };
        let expected = "verify approved name=unix:alice account=abababababababababababababababab \
                        door=\"sshd on web1\" source=2001:db8::1 factor=\"backup code\"";
        assert_eq!(told(entry.clone()), expected);
        let many = line(&Event { at: UnixTime(1), count: 7, entry });
        assert_eq!(many, format!("{expected} count=7"));
    }

    #[test]
    fn no_value_ends_its_line_or_begins_a_field() {
        for (name, expected) in [
            ("x\nroot: forged", r#"name="x\u{a}root: forged""#),
            ("x\" reason=forged \"", r#"name="x\" reason=forged \"""#),
            ("x reason=forged", r#"name="x reason=forged""#),
            ("\u{1b}[2J", r#"name="\u{1b}[2J""#),
            ("a\u{202e}b\u{2028}c", r#"name="a\u{202e}b\u{2028}c""#),
            ("zoë", "name=\"zoë\""),
            ("", "name=\"\""),
            ("x=1", "name=\"x=1\""),
        ] {
            let entry =
                Entry { name: Some(name.into()), ..Entry::new(Action::Verify, Outcome::Refused, "d") };
            assert_eq!(told(entry), format!("verify refused {expected} door=d"));
        }
    }

    #[test]
    fn a_long_value_is_cut_and_says_so() {
        let entry =
            Entry { name: Some("x".repeat(5000)), ..Entry::new(Action::Verify, Outcome::Refused, "d") };
        let line = told(entry);
        assert!(line.len() < 400 && line.contains("x…\" door=d"), "{line}");
    }

    proptest! {
        #[test]
        fn a_line_is_one_line_that_anybody_can_print(values in prop::array::uniform4(".*"), action in ".*") {
            let [name, door, source, reason] = values;
            let told_of = Entry::new(Action::Verify, Outcome::Done, door);
            let entry = Entry { action, name: Some(name), source: Some(source), reason: Some(reason), ..told_of };
            let line = told(entry);
            let breaks = line.chars().any(|character| character.is_control() || character == '\u{2028}');
            prop_assert!(!breaks);
            // Quotes that are not escaped come in pairs, so every value ends where it seems to.
            prop_assert_eq!(line.replace("\\\\", "").replace("\\\"", "").matches('"').count() % 2, 0);
        }
    }
}

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

//! A file of /etc/pam.d: read as libpam reads it, and changed by putting marked blocks in and taking them out.
//!
//! Nothing that was there is rewritten, so that taking the blocks out gives back every byte.

use std::fmt::Write as _;

/// What a block of ours begins and ends with. Lines in between belong to us.
const BEGIN: &str = "# twofold: begin";
const END: &str = "# twofold: end";
/// Said by a block at the end of a file whose last line had no end: taking it out takes the line break before it, too.
const OPEN_END: &str = " (the line above had no end)";

/// What a line is about (`man pam.conf`: type).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Who somebody is.
    Auth,
    /// Whether they may come in.
    Account,
    /// Changing passwords.
    Password,
    /// Before and after.
    Session,
}

/// One rule, from its first line to its last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// Its first line, counted from 1.
    pub line: usize,
    /// Its last line: another one where lines end in `\`.
    pub last_line: usize,
    /// What it says.
    pub what: What,
}

/// What a rule says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// `@include FILE`: all phases of another file.
    IncludeAll(String),
    /// `TYPE include FILE` or `TYPE substack FILE`.
    Include(Phase, String),
    /// A module: phase, control, the module's name without folder, its arguments.
    Module(Phase, Control, String, Vec<String>),
    /// Nothing that libpam can read.
    Unreadable,
}

/// What becomes of a module's answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// As if it had not been asked.
    Ignore,
    /// Fine, if nothing failed before.
    Ok,
    /// Fine, and that's all.
    Done,
    /// A no, but go on.
    Bad,
    /// A no, and that's all.
    Die,
    /// Forget what was before.
    Reset,
    /// Leave so many out.
    Jump(usize),
}

/// A rule's control: an action for each answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Control {
    named: Vec<(String, Action)>,
    default: Action,
}

impl Control {
    /// What becomes of an answer, by the name that it has in `[answer=action …]`.
    pub fn action(&self, answer: &str) -> Action {
        self.named.iter().find(|(name, _)| name == answer).map_or(self.default, |&(_, action)| action)
    }

    /// Every failure that is treated by name, and one that is not.
    pub fn failures(&self) -> Vec<&str> {
        let good = ["success", "new_authtok_reqd", "ignore"];
        let named = self.named.iter().map(|(name, _)| name.as_str()).filter(|name| !good.contains(name));
        named.chain(["any_other_failure"]).collect()
    }

    fn word(word: &str) -> Option<Self> {
        let with = |success, ignore, default| Self {
            named: vec![
                ("success".to_owned(), success),
                ("new_authtok_reqd".to_owned(), success),
                ("ignore".to_owned(), ignore),
            ],
            default,
        };
        Some(match word {
            "required" => with(Action::Ok, Action::Ignore, Action::Bad),
            "requisite" => with(Action::Ok, Action::Ignore, Action::Die),
            "sufficient" => with(Action::Done, Action::Ignore, Action::Ignore),
            "optional" => with(Action::Ok, Action::Ignore, Action::Ignore),
            _ => return None,
        })
    }

    fn bracket(text: &str) -> Option<Self> {
        let mut control = Self { named: Vec::new(), default: Action::Bad };
        for pair in text.split_whitespace() {
            let (answer, action) = pair.split_once('=')?;
            let action = match action {
                "ignore" => Action::Ignore,
                "ok" => Action::Ok,
                "done" => Action::Done,
                "bad" => Action::Bad,
                "die" => Action::Die,
                "reset" => Action::Reset,
                number => Action::Jump(number.parse().ok().filter(|&count| count > 0)?),
            };
            if answer == "default" {
                control.default = action;
            } else {
                control.named.push((answer.to_owned(), action));
            }
        }
        Some(control)
    }
}

/// Reads a file.
pub fn items(text: &str) -> Vec<Item> {
    let mut items = Vec::new();
    let (mut joined, mut first) = (String::new(), 0);
    for (index, line) in text.split('\n').enumerate() {
        let number = index + 1;
        if joined.is_empty() {
            first = number;
        }
        let line = line.split('#').next().unwrap_or_default();
        if let Some(part) = line.trim_end().strip_suffix('\\') {
            let _ = write!(joined, "{part} ");
            continue;
        }
        joined.push_str(line);
        if !joined.trim().is_empty() {
            items.push(Item { line: first, last_line: number, what: what(&joined) });
        }
        joined.clear();
    }
    items
}

fn what(line: &str) -> What {
    read(line).unwrap_or(What::Unreadable)
}

fn read(line: &str) -> Option<What> {
    let mut words = words(line).into_iter();
    let first = words.next()?;
    if first.eq_ignore_ascii_case("@include") {
        return Some(What::IncludeAll(words.next()?));
    }
    let phase = match first.trim_start_matches('-').to_ascii_lowercase().as_str() {
        "auth" => Phase::Auth,
        "account" => Phase::Account,
        "password" => Phase::Password,
        "session" => Phase::Session,
        _ => return None,
    };
    let control = words.next()?;
    let lower = control.to_ascii_lowercase();
    if lower == "include" || lower == "substack" {
        return Some(What::Include(phase, words.next()?));
    }
    let control = match control.strip_prefix('[').and_then(|inner| inner.strip_suffix(']')) {
        Some(inner) => Control::bracket(inner)?,
        None => Control::word(&lower)?,
    };
    let module = words.next()?;
    let name = module.rsplit('/').next().unwrap_or_default().to_owned();
    Some(What::Module(phase, control, name, words.collect()))
}

/// Words between blanks; `[…]` is one word, and `\]` within it is a bracket.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut in_bracket, mut escaped) = (Vec::new(), String::new(), false, false);
    for character in line.chars() {
        match character {
            _ if escaped => word.push(character),
            '[' if word.is_empty() => {
                in_bracket = true;
                word.push(character);
            }
            ']' if in_bracket => {
                in_bracket = false;
                word.push(character);
            }
            blank if blank.is_ascii_whitespace() && !in_bracket => {
                if !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
            }
            other => word.push(other),
        }
        escaped = in_bracket && character == '\\' && !escaped;
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}

/// Puts a block in before line `at` (counted from 1; one more than there are: at the end). `why` is told in the file.
pub fn insert(text: &str, at: usize, why: &str, lines: &[&str]) -> String {
    let offset = text.split_inclusive('\n').take(at.saturating_sub(1)).map(str::len).sum();
    let (before, after) = text.split_at_checked(offset).unwrap_or((text, ""));
    let open = !before.is_empty() && !before.ends_with('\n');
    let mut block = format!("{BEGIN}{}: {why}\n", if open { OPEN_END } else { "" });
    for line in lines {
        let _ = writeln!(block, "{line}");
    }
    block.push_str(END);
    if open { format!("{before}\n{block}{after}") } else { format!("{before}{block}\n{after}") }
}

/// Takes every block out.
pub fn without_blocks(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut within = false;
    for line in text.split_inclusive('\n') {
        if !within && line.starts_with(BEGIN) {
            within = true;
            if line.get(BEGIN.len()..).is_some_and(|rest| rest.starts_with(OPEN_END)) && kept.ends_with('\n')
            {
                kept.pop();
            }
        } else if within {
            within = line.trim_end() != END;
        } else {
            kept.push_str(line);
        }
    }
    // A block without an end is somebody's own: nothing is taken.
    if within { text.to_owned() } else { kept }
}

/// Whether a block of ours is in it.
pub fn has_block(text: &str) -> bool {
    text.lines().any(|line| line.starts_with(BEGIN))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_read_as_libpam_reads_them() {
        let text = "#%PAM-1.0\n\nAUTH [success=1 default=ignore] \\\n   /lib/security/pam_unix.so nullok # why\n\
                    -session optional pam_systemd.so\n@include common-auth\nauth substack password-auth\n\
                    auth required pam_exec.so [a b \\] c] d\nnonsense here\n";
        let items = items(text);
        let lines: Vec<(usize, usize)> = items.iter().map(|item| (item.line, item.last_line)).collect();
        assert_eq!(lines, [(3, 4), (5, 5), (6, 6), (7, 7), (8, 8), (9, 9)]);
        let What::Module(Phase::Auth, control, module, arguments) = &items[0].what else {
            panic!("{items:?}")
        };
        assert_eq!((module.as_str(), arguments.as_slice()), ("pam_unix.so", &["nullok".to_owned()][..]));
        assert_eq!(control.action("success"), Action::Jump(1));
        assert_eq!(control.action("user_unknown"), Action::Ignore);
        assert_eq!(items[2].what, What::IncludeAll("common-auth".to_owned()));
        assert_eq!(items[3].what, What::Include(Phase::Auth, "password-auth".to_owned()));
        let What::Module(_, _, _, arguments) = &items[4].what else { panic!("{items:?}") };
        assert_eq!(arguments, &["[a b \\] c]", "d"]);
        assert_eq!(items[5].what, What::Unreadable);
    }

    #[test]
    fn what_was_put_in_is_taken_out_to_the_byte() {
        for text in ["", "a", "a\n", "a\nb", "a\nb\n\n", "\r\na\r\n", "# twofold\n\n# end"] {
            for at in 1..=text.split_inclusive('\n').count() + 1 {
                let once = insert(text, at, "why", &["auth requisite pam_twofold.so"]);
                assert!(has_block(&once) && items(&once).len() > items(text).len(), "{once:?}");
                let twice = insert(&once, 1, "more", &["account required pam_permit.so"]);
                assert_eq!(without_blocks(&once), text, "{once:?}");
                assert_eq!(without_blocks(&twice), text, "{twice:?}");
            }
        }
    }

    #[test]
    fn a_block_without_an_end_is_left_alone() {
        let text = "auth required pam_unix.so\n# twofold: begin: mine\nauth required pam_deny.so\n";
        assert_eq!(without_blocks(text), text);
    }
}

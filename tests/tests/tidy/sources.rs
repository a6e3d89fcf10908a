//! Rules about files: unsafe code, sizes, names of machines and hosts.

use super::{Tracked, nothing, tracked};

/// Lines with their numbers, without comments. Strings stay: nobody writes these words into one.
fn code_lines(file: &Tracked) -> impl Iterator<Item = (usize, &str)> {
    file.text.lines().enumerate().map(|(number, line)| (number + 1, line)).filter_map(|(number, line)| {
        let code = line.split("//").next().unwrap_or_default();
        (!code.trim().is_empty()).then_some((number, code))
    })
}

fn has_word(code: &str, word: &str) -> bool {
    code.split(|character: char| !character.is_alphanumeric() && character != '_').any(|found| found == word)
}

fn findings(wanted: impl Fn(&Tracked) -> bool, wrong: impl Fn(&str) -> bool) -> Vec<String> {
    let mut found = Vec::new();
    for file in tracked().iter().filter(|file| wanted(file)) {
        for (number, code) in code_lines(file) {
            if wrong(code) {
                found.push(format!("{}:{number}: {}", file.path, code.trim()));
            }
        }
    }
    found
}

#[test]
fn unsafe_is_in_the_modules_border_and_nowhere_else() {
    let keyword = ["un", "safe"].concat();
    let outside = |file: &Tracked| file.is_rust() && file.path != "pam_module/src/ffi.rs";
    nothing(&findings(outside, |code| has_word(code, &keyword)), "it belongs into pam_module/src/ffi.rs");
}

/// `twofold_shared::trail` has the words, and each language matches them in full: what is written past them, no language says.
#[test]
fn the_trail_is_written_in_words_that_every_language_has() {
    let authority = |file: &Tracked| {
        let is_test = file.path.contains("/tests") || file.path.contains("/audit/");
        file.is_rust() && file.path.starts_with("authority/src/") && !is_test
    };
    let wrong = |code: &str| {
        ["action", "reason", "door", "actor"].iter().any(|field| {
            let after = code
                .split(&format!("{field}: "))
                .nth(1)
                .or_else(|| code.split(&format!(".{field} = ")).nth(1));
            after.is_some_and(|value| value.trim_start_matches("Some(").starts_with('"'))
        })
    };
    nothing(&findings(authority, wrong), "use Action, Why, Door and By");
    let events = findings(authority, |code| code.contains("Entry::new(\""));
    nothing(&events, "use Action");
}

#[test]
fn lints_are_expected_with_a_reason_never_allowed() {
    let allow = ["#[al", "low"].concat();
    let inner = ["#![al", "low"].concat();
    let wrong = |code: &str| code.contains(&allow) || code.contains(&inner);
    nothing(&findings(Tracked::is_rust, wrong), "write #[expect(lint, reason = \"…\")]");
}

#[test]
fn nothing_is_left_for_later() {
    let words = [["to", "do!"].concat(), ["unimple", "mented!"].concat()];
    nothing(&findings(Tracked::is_rust, |code| words.iter().any(|word| code.contains(word))), "unfinished");
    let marks = [["FIX", "ME"].concat(), ["TO", "DO"].concat(), ["XX", "X:"].concat()];
    let mut found = Vec::new();
    for file in tracked() {
        for (number, line) in file.text.lines().enumerate() {
            if marks.iter().any(|mark| line.contains(mark)) {
                found.push(format!("{}:{}", file.path, number + 1));
            }
        }
    }
    nothing(&found, "unfinished");
}

#[test]
fn every_file_says_what_it_is_for() {
    let silent = |file: &Tracked| {
        file.is_rust() && !file.text.trim_start_matches("#!").trim_start().starts_with("//!")
    };
    let found: Vec<String> = tracked().into_iter().filter(silent).map(|file| file.path).collect();
    nothing(&found, "begin with //! and say what the file is for");
}

#[test]
fn no_source_file_is_longer_than_six_hundred_lines() {
    let source = |path: &str| {
        [".rs", ".py", ".sh", ".css", ".html"].iter().any(|end| path.ends_with(end)) || path == "dev"
    };
    let long = |file: &Tracked| source(&file.path) && file.text.lines().count() > 600;
    let found: Vec<String> = tracked()
        .into_iter()
        .filter(long)
        .map(|file| format!("{}: {} lines", file.path, file.text.lines().count()))
        .collect();
    nothing(&found, "split them");
}

#[test]
fn no_file_names_a_package_registry_or_somebodys_machine() {
    // Put together here, so that this file passes its own rule.
    let hosts = [
        ["deb.", "debian.org"].concat(),
        ["security.", "debian.org"].concat(),
        ["static.", "crates.io"].concat(),
        ["index.", "crates.io"].concat(),
        ["py", "pi.org/simple"].concat(),
        ["files.", "pythonhosted.org"].concat(),
        ["registry.", "npmjs.org"].concat(),
        ["docker", ".io/"].concat(),
        ["gh", "cr.io"].concat(),
    ];
    let places = [
        ["/wo", "rk/"].concat(),
        ["/tmp", "/wt"].concat(),
        ["/ro", "ot/"].concat(),
        ["/tmp/", "target-"].concat(),
    ];
    let mut found = Vec::new();
    for file in tracked().iter().filter(|file| file.path != "Cargo.lock") {
        for (number, line) in file.text.lines().enumerate() {
            if hosts.iter().chain(&places).any(|name| line.contains(name)) {
                found.push(format!("{}:{}: {}", file.path, number + 1, line.trim()));
            }
        }
    }
    nothing(&found, "the machine's own configuration knows these");
}

#[test]
fn unwinding_stays_on_in_every_profile() {
    let abort = ["panic = \"ab", "ort\""].concat();
    let configuration = |path: &str| path.ends_with("Cargo.toml") || path.starts_with(".cargo/");
    let found: Vec<String> = tracked()
        .into_iter()
        .filter(|file| configuration(&file.path) && file.text.contains(&abort))
        .map(|file| file.path)
        .collect();
    nothing(&found, "the PAM module's guard needs unwinding");
}

#[test]
fn continuous_integration_runs_exactly_the_developers_test() {
    let files = tracked();
    let script = files.iter().find(|file| file.path == ".ci/run").expect(".ci/run is tracked");
    let commands: Vec<&str> =
        script.text.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty()).collect();
    assert_eq!(commands, [r#"exec "$(dirname "$0")/../dev" test"#]);
}

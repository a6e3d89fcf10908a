//! What the reader of configuration files promises.

use std::os::unix::fs::{PermissionsExt, symlink};

use std::time::Duration;

use proptest::prelude::*;

use super::table::distance;
use super::*;

const HOUR: Duration = Duration::from_secs(3600);

fn mistakes<T: fmt::Debug>(text: &str, check: impl FnOnce(&mut Table<'_>) -> Option<T>) -> Vec<String> {
    let mistakes = read(Path::new("a.toml"), text, check).unwrap_err();
    mistakes.to_string().lines().map(str::to_owned).collect()
}

#[test]
fn every_mistake_is_reported_with_its_line_and_key() {
    let text =
        "idle = 5\n\n[gate]\nuser = true\nport = 70000\n[[door]]\npath = \"run/a\"\n[[door]]\npath = 1\n";
    let found = mistakes(text, |root| {
        root.duration("idle", Duration::ZERO..=HOUR);
        let mut gate = root.table("gate")?;
        gate.text("user");
        gate.number("port", 1..=65535);
        for mut door in root.tables("door") {
            door.path("path");
        }
        Some(())
    });
    assert_eq!(
        found,
        [
            "a.toml:1: idle: expected a duration with its unit, such as \"30s\", found a bare number",
            "a.toml:4: gate.user: expected a string, found true or false",
            "a.toml:5: gate.port: must be between 1 and 65535",
            "a.toml:7: door.1.path: must be an absolute path",
            "a.toml:9: door.2.path: expected a string, found a bare number",
        ]
    );
}

#[test]
fn an_unknown_key_is_a_mistake_with_a_hint() {
    let found = mistakes("ledgr = \"x\"\nsomething = 1\n", |root| {
        root.path("ledger");
        root.path("keys");
        Some(())
    });
    assert_eq!(
        found,
        [
            "a.toml:1: ledgr: unknown key; did you mean `ledger`?",
            "a.toml:2: something: unknown key; known here: ledger, keys",
        ]
    );
}

#[test]
fn a_table_that_nobody_asked_for_is_a_mistake() {
    assert_eq!(mistakes("[sitee]\na = 1\n", |root| root.tables("site").is_empty().then_some(())).len(), 1);
}

#[test]
fn a_syntax_error_has_a_line_and_hides_nothing_behind_it() {
    let found = mistakes("a = 1\nb = = 2\n", |_| Some(()));
    assert!(found[0].starts_with("a.toml:2: "), "{found:?}");
    assert!(!found.iter().any(|line| line.contains("unknown key")), "{found:?}");
}

#[test]
fn a_missing_key_is_reported_once() {
    let check = |root: &mut Table<'_>| {
        let ledger = root.path("ledger");
        root.need("ledger", ledger, "\"/var/lib/twofold\"")
    };
    assert_eq!(
        mistakes("", check),
        ["a.toml: ledger: is missing; for example: ledger = \"/var/lib/twofold\""]
    );
    assert_eq!(mistakes("ledger = 1", check).len(), 1);
}

#[test]
fn durations_carry_their_unit() {
    let idle = |text: &str| {
        read(Path::new("a.toml"), text, |root| root.duration("idle", Duration::from_secs(1)..=HOUR))
            .map(|duration| duration.value)
    };
    assert_eq!(idle("idle = \"90s\"").unwrap(), Duration::from_secs(90));
    assert_eq!(idle("idle = \"1m 30s\"").unwrap(), Duration::from_secs(90));
    assert!(idle("idle = \"90\"").unwrap_err().to_string().contains("time unit needed"));
    assert!(idle("idle = \"2h\"").unwrap_err().to_string().contains("must be between 1s and 1h"));
    assert!(idle("idle = \"soon\"").is_err());
}

#[test]
fn words_and_lists_are_checked() {
    let found = mistakes("mode = \"maybe\"\nlist = [\n \"a\",\n 3,\n]\n", |root| {
        root.choice("mode", &[("yes", true), ("no", false)]);
        assert_eq!(root.texts("list").len(), 1);
        Some(())
    });
    assert_eq!(
        found,
        [
            "a.toml:1: mode: must be one of yes, no",
            "a.toml:4: list.2: expected a string, found a bare number"
        ]
    );
}

#[test]
fn a_path_has_one_spelling() {
    let path =
        |text: &str| read(Path::new("a.toml"), text, |root| root.path("path")).map(|path| path.value.clone());
    assert_eq!(path("path = \"/run//twofold/./a.sock\"").unwrap(), Path::new("/run/twofold/a.sock"));
    assert!(path("path = \"/run/../etc\"").is_err());
    assert!(path("path = \"a.sock\"").is_err());
}

#[test]
fn a_file_that_others_can_write_is_refused_with_the_fix() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.toml");
    std::fs::write(&file, "a = 1").unwrap();
    let set = |mode| std::fs::set_permissions(&file, PermissionsExt::from_mode(mode)).unwrap();
    let check = |root: &mut Table<'_>| root.number("a", 0..=9);
    set(0o664);
    let refusal = load(&file, check).unwrap_err().to_string();
    assert!(refusal.contains(&format!("chmod go-w {}", file.display())), "{refusal}");
    set(0o644);
    assert_eq!(load(&file, check).unwrap().value, 1);
}

#[test]
fn a_link_a_folder_and_a_missing_file_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (file, link) = (folder.path().join("a.toml"), folder.path().join("link.toml"));
    std::fs::write(&file, "").unwrap();
    symlink(&file, &link).unwrap();
    let refusal = |path: &Path| load(path, |_| Some(())).unwrap_err().to_string();
    assert!(refusal(&link).contains("symbolic link"));
    assert!(refusal(folder.path()).contains("not a regular file"));
    assert!(refusal(&folder.path().join("none.toml")).contains("cannot be opened"));
}

proptest! {
    #[test]
    fn reading_never_panics(text in "(\\PC|\n|\"|=|\\[|\\]){0,80}") {
        let _ = read(Path::new("a.toml"), &text, |root| {
            for name in root.names() {
                root.texts(&name);
            }
            Some(())
        });
    }

    #[test]
    fn distance_is_symmetric_and_zero_only_for_equals(one in "[a-c]{0,6}", other in "[a-c]{0,6}") {
        prop_assert_eq!(distance(&one, &other), distance(&other, &one));
        prop_assert_eq!(distance(&one, &other) == 0, one == other);
    }
}

//! `twofold key` as root uses it, against an authority that says how its keys are.

use serde_json::{Value, json};

use crate::authority::{Answer, Scripted};

fn key(kind: &str, name: Option<&str>, current: bool, records: u64, copied: Option<u64>) -> Value {
    let mut key = json!({"kind": kind, "id": "0123456789abcdef", "current": current, "records": records});
    if let Some(name) = name {
        key["name"] = json!(name);
    }
    if let Some(at) = copied {
        key["copied"] = json!(at);
    }
    key
}

/// Two keys, all of them copied, and what a test makes of it.
fn report(change: impl Fn(&mut Value)) -> Value {
    let mut report = json!({
        "keys": [key("seal", Some("seal-1"), true, 9, Some(1_772_000_000)),
                 key("pepper", Some("pepper-1"), true, 2, Some(1_772_000_000))],
        "folder": "/etc/twofold/keys", "credentials": false, "looking": false, "done": 9, "total": 9,
        "settled": true, "unreadable": 0,
    });
    change(&mut report);
    report
}

fn saying(change: impl Fn(&mut Value) + Send + Sync + 'static) -> Scripted {
    Scripted::new(move |method, _| -> Answer {
        match method {
            "ListKeys" => Ok(report(&change)),
            "CheckKeys" | "NoteKeyCopy" => Ok(json!({})),
            other => panic!("{other}"),
        }
    })
}

#[test]
fn keys_are_listed_with_what_needs_them_and_lost_ones_stand_out() {
    let authority = saying(|report| {
        let lost = key("pepper", None, false, 3, None);
        report["keys"].as_array_mut().unwrap().push(lost);
    });
    let run = authority.run(&["key", "list"], "");
    assert_eq!(run.status, 0, "{}", run.stderr);
    let lost = run.stdout.lines().find(|line| line.starts_with("LOST")).unwrap();
    assert!(lost.contains("backup codes") && lost.contains('3'), "{lost}");
    assert!(run.stdout.contains("seal-1") && run.stdout.contains("current"), "{}", run.stdout);
}

#[test]
fn a_check_ends_with_1_where_a_record_or_a_pepper_is_lost_and_says_which() {
    let good = saying(|_| {}).run(&["key", "check"], "");
    assert!(
        good.status == 0 && good.stdout.contains("open all 9 records"),
        "{} {}",
        good.stdout,
        good.stderr
    );
    let broken = saying(|report| {
        (report["unreadable"], report["problem"]) = (json!(2), json!("the value of \u{1b}[2J was changed"));
    });
    let broken = broken.run(&["key", "check"], "");
    assert!(broken.status == 1 && broken.said().contains("2 records do not open"), "{}", broken.stderr);
    assert!(!broken.stderr.contains('\u{1b}'), "{:?}", broken.stderr);
    let lost = saying(|report| {
        report["keys"].as_array_mut().unwrap().push(key("pepper", None, false, 3, None));
    });
    let lost = lost.run(&["key", "check"], "");
    assert!(lost.status == 1 && lost.said().contains("backup codes of 3 accounts"), "{}", lost.stderr);
    let unsettled = saying(|report| report["settled"] = json!(false)).run(&["key", "check"], "");
    assert_eq!(unsettled.status, 1, "{}", unsettled.stderr);
}

#[test]
fn a_rotation_makes_no_key_where_one_is_under_way_or_systemd_gives_them() {
    let under_way = saying(|report| report["settled"] = json!(false)).run(&["key", "rotate"], "");
    assert!(
        under_way.status == 1 && under_way.said().contains("key rotate --resume"),
        "{}",
        under_way.stderr
    );
    let systemds = saying(|report| report["credentials"] = json!(true)).run(&["key", "rotate"], "");
    assert!(
        systemds.status == 1 && systemds.said().contains("LoadCredential=seal-2.key:FILE"),
        "{}",
        systemds.stderr
    );
}

#[test]
fn a_copy_that_is_kept_elsewhere_is_noted_without_a_file() {
    let authority = saying(|_| {});
    let run = authority.run(&["key", "export", "--kept-elsewhere"], "");
    assert_eq!(run.status, 0, "{}", run.stderr);
    assert_eq!(authority.calls(), ["ListKeys", "NoteKeyCopy"]);
    assert_eq!(authority.run(&["key", "export"], "").status, 64, "it takes a file");
}

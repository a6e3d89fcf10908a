//! `twofold api-key` as people and programs use it.

use serde_json::{Value, json};

use crate::authority::{Answer, Scripted, fault};

const KEY: &str = "tf_0123456789abcdef_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
const ID: &str = "0123456789abcdef";

fn view(label: &str) -> Value {
    json!({
        "id": ID, "label": label, "suspended": false, "ends_at": 4_000_000_000_u64,
        "grant": {"sites": ["wiki.example.com"], "paths": ["/export"], "methods": ["GET"], "networks": []},
        "created": {"at": 1_772_000_000, "door": "command"},
        "last_used": {"at": 1_772_300_000, "door": "web wiki.example.com", "source": "192.0.2.7"},
    })
}

/// Alice's one key; what widens takes the code 123456.
fn script(method: &str, parameters: &Value) -> Answer {
    let widens = ["CreateApiKey", "ResumeApiKey", "RotateApiKey"].contains(&method);
    if widens && parameters["code"] != "123456" {
        return Err(fault("NeedsCode", "give a fresh code"));
    }
    match method {
        "ListApiKeys" => Ok(json!({"api_keys": [view("wiki backup")]})),
        "CreateApiKey" => Ok(json!({"key": KEY, "api_key": view(parameters["label"].as_str().unwrap())})),
        "RotateApiKey" => Ok(json!({"key": KEY, "api_key": view("wiki backup")})),
        "SuspendApiKey" | "ResumeApiKey" | "RevokeApiKey" => {
            assert_eq!(parameters["id"], ID);
            Ok(json!({}))
        }
        other => panic!("{other}"),
    }
}

#[test]
fn a_new_key_is_shown_once_with_what_it_opens() {
    let authority = Scripted::new(|method, parameters| {
        if method == "CreateApiKey" {
            let expected = json!({"sites": ["wiki.example.com"], "paths": ["/export"], "methods": ["GET"], "networks": []});
            assert_eq!(parameters["grant"], expected);
            assert!(parameters["ends_at"].is_u64(), "a year, when nothing is said");
        }
        script(method, parameters)
    });
    let line = [
        "api-key",
        "create",
        "wiki backup",
        "--site",
        "wiki.example.com",
        "--path",
        "/export",
        "--method",
        "GET",
    ];
    let run = authority.run(&[&line[..], &["--code-fd", "0"]].concat(), "123456\n");
    assert_eq!(run.status, 0, "{}", run.stderr);
    assert_eq!(run.stdout.matches(KEY).count(), 1, "{}", run.stdout);
    assert!(run.stdout.contains("not shown again") && run.stdout.contains("/export GET"), "{}", run.stdout);
    let json = authority.run(&[&line[..], &["--code-fd", "0", "--json"]].concat(), "123456\n");
    let value: Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!((&value["key"], &value["api_key"]["label"]), (&json!(KEY), &json!("wiki backup")));
}

#[test]
fn an_end_is_said_as_people_say_it() {
    let authority = Scripted::new(|_, parameters| {
        let end = &parameters["ends_at"];
        match parameters["label"].as_str().unwrap() {
            "never" => assert!(end.is_null()),
            "2040-03-01" => assert!(end.as_u64().unwrap() > 2_200_000_000),
            _ => assert!(end.as_u64().unwrap() > 1_772_000_000),
        }
        Ok(json!({"key": KEY, "api_key": view("x")}))
    });
    for end in ["never", "2040-03-01", "90d"] {
        let run = authority.run(&["api-key", "create", end, "--site", "a", "--expires", end], "");
        assert_eq!(run.status, 0, "{end}: {}", run.stderr);
    }
    for wrong in ["", "soon", "-3d"] {
        let expires = format!("--expires={wrong}");
        assert_eq!(
            authority.run(&["api-key", "create", "x", "--site", "a", &expires], "").status,
            64,
            "{wrong}"
        );
    }
    assert_eq!(authority.run(&["api-key", "create", "x"], "").status, 64, "a site must be named");
}

#[test]
fn keys_are_listed_without_their_secrets() {
    let authority = Scripted::new(script);
    let run = authority.run(&["api-key", "list"], "");
    assert_eq!(run.status, 0, "{}", run.stderr);
    for part in ["wiki backup", ID, "wiki.example.com /export GET", "from 192.0.2.7"] {
        assert!(run.stdout.contains(part), "{part}: {}", run.stdout);
    }
    assert_eq!(authority.run(&["api-key", "list", "--json"], "").stdout.lines().count(), 1);
    let none = Scripted::new(|_, _| Ok(json!({"api_keys": []})));
    assert!(none.run(&["api-key", "list"], "").stdout.contains("twofold api-key create"));
}

#[test]
fn what_narrows_asks_for_no_code_and_what_widens_does() {
    let authority = Scripted::new(script);
    for line in [&["suspend", "wiki backup"][..], &["suspend", ID], &["revoke", "wiki backup", "--yes"]] {
        let run = authority.run(&[&["api-key"], line].concat(), "");
        assert_eq!(run.status, 0, "{line:?}: {}", run.stderr);
    }
    for verb in ["resume", "rotate"] {
        let run = authority.run(&["api-key", verb, "wiki backup", "--code-fd", "0"], "123456\n");
        assert_eq!(run.status, 0, "{verb}: {}", run.stderr);
        assert_eq!(run.stdout.contains(KEY), verb == "rotate");
    }
    let kept = authority.run(&["api-key", "revoke", "wiki backup"], "y\n");
    assert_eq!(kept.status, 64);
    assert!(kept.said().contains("--yes"), "{}", kept.stderr);
    let unknown = authority.run(&["api-key", "suspend", "other"], "");
    assert!(unknown.status == 1 && unknown.said().contains("twofold api-key list"), "{}", unknown.stderr);
}

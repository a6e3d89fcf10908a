//! `twofold session` and `twofold browser` as people and programs use them.

use serde_json::{Value, json};

use crate::authority::{Answer, Scripted, fault};

const PORTAL: &str = "3f9c2a7100000001";
const SITE: &str = "3f9c2a7100000002";
const BROWSER: &str = "0123456789abcdef";

fn session(id: &str, site: Option<&str>, trusted: bool) -> Value {
    json!({
        "id": id, "site": site, "name": "alice", "level": "second", "trusted": trusted, "browser": "Firefox on Linux",
        "source": "192.0.2.7", "created": 1_772_000_000, "seen": 1_772_300_000, "ends_at": 4_000_000_000_u64,
    })
}

/// Alice's two sessions and one browser; a change takes the code 123456.
fn script(method: &str, parameters: &Value) -> Answer {
    if method.starts_with("Revoke") && parameters["code"] != "123456" {
        return Err(fault("NeedsCode", "give a fresh code"));
    }
    match method {
        "ListSessions" => Ok(json!({"sessions": [
            session(PORTAL, None, false), session(SITE, Some("wiki.example.com"), true),
        ]})),
        "ListBrowsers" => Ok(json!({"browsers": [{
            "id": BROWSER, "browser": "Firefox on Linux", "source": "192.0.2.7", "created": 1_772_000_000,
            "seen": 1_772_300_000, "trusted_until": 4_000_000_000_u64, "ends_at": 4_000_000_000_u64,
        }]})),
        "RevokeSessions" => Ok(json!({"count": if parameters["id"].is_null() { 2 } else { 1 }})),
        "RevokeBrowsers" => Ok(json!({"count": 1})),
        other => panic!("{other}"),
    }
}

#[test]
fn sessions_are_listed_with_where_how_far_and_until_when() {
    let authority = Scripted::new(|method, parameters| {
        assert!(["alice", "local:alice"].contains(&parameters["account"].as_str().unwrap()));
        script(method, parameters)
    });
    let run = authority.run(&["session", "list", "alice"], "");
    assert_eq!(run.status, 0, "{}", run.stderr);
    for part in
        ["portal", "wiki.example.com", "second, trusted browser", "Firefox on Linux", "192.0.2.7", PORTAL]
    {
        assert!(run.stdout.contains(part), "{part}: {}", run.stdout);
    }
    let json = authority.run(&["session", "list", "--account", "local:alice", "--json"], "");
    let sessions: Vec<Value> = json.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((sessions.len(), &sessions[1]["site"]), (2, &json!("wiki.example.com")));
    assert_eq!(authority.run(&["session", "list", "alice", "--account", "alice"], "").status, 64);
    let run = authority.run(&["browser", "list", "alice"], "");
    assert!(run.stdout.contains(BROWSER) && run.stdout.contains("2096-"), "{}", run.stdout);
    let none = Scripted::new(|method, _| match method {
        "ListSessions" => Ok(json!({"sessions": []})),
        _ => Ok(json!({"browsers": []})),
    });
    assert!(none.run(&["session", "list", "alice"], "").stdout.contains("alice is signed in nowhere"));
    assert!(none.run(&["browser", "list", "alice"], "").stdout.contains("alice is known by no browser"));
}

#[test]
fn a_session_is_revoked_by_the_beginning_of_its_id_or_all_are() {
    let authority = Scripted::new(script);
    let revoke =
        |arguments: &[&str]| authority.run(&[arguments, &["--yes", "--code-fd", "0"]].concat(), "123456\n");
    for (arguments, said) in [
        (&["session", "revoke", "3f9c2a7100000002"][..], "1 session has ended."),
        (&["session", "revoke", "--all"], "2 sessions have ended."),
        (&["browser", "revoke", "01234567"], "1 browser is forgotten."),
        (&["browser", "revoke", "--all", "--account", "alice"], "1 browser is forgotten."),
    ] {
        let run = revoke(arguments);
        assert_eq!(run.status, 0, "{arguments:?}: {}", run.stderr);
        assert!(run.stdout.contains(said), "{arguments:?}: {}", run.stdout);
    }
    let json = revoke(&["session", "revoke", "--all", "--json"]);
    assert_eq!(serde_json::from_str::<Value>(&json.stdout).unwrap(), json!({"count": 2}));
    let several = revoke(&["session", "revoke", "3f9c2a71"]);
    assert!(several.status == 1 && several.said().contains("Several"), "{}", several.stderr);
    for (arguments, status) in [
        (&["session", "revoke", "ffff"][..], 1),
        (&["session", "revoke"], 64),
        (&["session", "revoke", "3f9c2a71", "--all"], 64),
    ] {
        assert_eq!(revoke(arguments).status, status, "{arguments:?}");
    }
    let unasked = authority.run(&["session", "revoke", "--all"], "y\n");
    assert!(unasked.status == 64 && unasked.said().contains("--yes"), "{}", unasked.stderr);
}

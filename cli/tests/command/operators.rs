//! Operators at the command: their own code, and nothing that is root's.

use serde_json::json;

use crate::authority::{Scripted, fault};

fn row(name: &str) -> serde_json::Value {
    json!({
        "id": "5f".repeat(16), "names": [format!("local:{name}")], "groups": ["sales"], "devices": 1,
        "backup_codes_left": 8, "closed_to_strangers": false, "created": 1_772_000_000,
        "lock": {"at": 1_772_000_000, "operator": "local:carol", "reason": "laptop stolen"},
    })
}

/// Refuses what root may do, and takes it from an operator with this code.
fn office() -> Scripted {
    Scripted::new(|method, parameters| match (method, parameters["code"].as_str()) {
        ("AsOperator", _) if parameters["method"] == "SearchAccounts" => {
            let is_first = parameters["parameters"]["after"].is_null();
            let (name, next) = if is_first { ("bob", json!("5f.bob")) } else { ("erin", json!(null)) };
            let page = json!({ "accounts": [row(name)], "next": next });
            Ok(json!({ "reply": page }))
        }
        ("AsOperator", None) => Err(fault("NeedsCode", "this change needs a fresh code")),
        ("AsOperator", Some("123456")) => Ok(json!({ "reply": {} })),
        ("AsOperator", Some(_)) => {
            Err(json!(["Refused", {"detail": "the code was refused", "refusal": {"word": "wrong"}}]))
        }
        _ => Err(fault("NotPermitted", "this caller may not do this here")),
    })
}

#[test]
fn an_operator_is_asked_for_their_own_code_where_root_would_not_be() {
    let office = office();
    let run = office.run(&["account", "lock", "local:bob", "--until", "7d", "--code-fd", "0"], "123456\n");
    assert_eq!(run.status, 0, "{}", run.stderr);
    assert!(run.stdout.contains("bob is locked") && run.stdout.contains("ends by itself"), "{}", run.stdout);
    assert_eq!(office.calls(), ["LockAccount", "AsOperator", "AsOperator"]);
    for arguments in [
        &["account", "unlock", "local:bob"][..],
        &["account", "reopen", "local:bob"],
        &["account", "require", "local:bob", "required"],
        &["reset", "local:bob", "--yes"],
    ] {
        let run = office.run(&[arguments, &["--code-fd", "0"]].concat(), "123456\n");
        assert_eq!(run.status, 0, "{arguments:?}: {}", run.stderr);
        let run = office.run(&[arguments, &["--code-fd", "0"]].concat(), "000000\n");
        assert_eq!(run.status, 1, "{arguments:?}: {}", run.stdout);
    }
}

#[test]
fn accounts_are_found_page_after_page() {
    let run = office().run(&["account", "find", "b", "--state", "locked", "--order", "idle"], "");
    assert_eq!(run.status, 0, "{}", run.stderr);
    let names: Vec<&str> = run.stdout.lines().filter_map(|line| line.split("  ").next()).collect();
    assert_eq!(names, ["NAME", "local:bob", "local:erin"], "{}", run.stdout);
    assert!(run.stdout.contains("never") && run.stdout.contains("locked"), "{}", run.stdout);
    let run = office().run(&["account", "find", "--json"], "");
    assert!(run.stdout.lines().all(|line| line.starts_with('{')), "{}", run.stdout);
}

#[test]
fn nobody_becomes_an_operator_of_nobody_by_a_slip() {
    let nobody = Scripted::new(|_, _| Ok(json!({})));
    for slip in [
        &["operator", "add", "carol"][..],
        &["operator", "add", "carol", "--everybody", "--group", "sales"],
        &["account", "groups", "carol"],
        &["account", "groups", "carol", "sales", "--none"],
    ] {
        assert_eq!(nobody.run(slip, "").status, 64, "{slip:?}");
    }
    assert!(nobody.calls().is_empty());
    let run = nobody.run(&["operator", "add", "carol", "--group", "sales", "--group", "staff"], "");
    assert!(run.stdout.contains("in charge of the groups sales, staff"), "{}", run.stdout);
}

//! The command as it runs: the real binary against a scripted authority on a Unix socket.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")]

mod api_keys;
mod authority;
mod enrolment;
mod keys;
mod operators;
mod sessions;
mod terminal;

use serde_json::json;

use authority::{Scripted, fault, twofold};

#[test]
fn usage_mistakes_end_with_64() {
    for line in [&[][..], &["no-such-verb"], &["enroll", "--digits", "five"], &["--socket"]] {
        let run = twofold(line, "");
        assert_eq!(run.status, 64, "{line:?}");
        assert_eq!(run.stdout, "", "{line:?}");
    }
    assert_eq!(twofold(&["--help"], "").status, 0);
    assert_eq!(twofold(&["--version"], "").status, 0);
}

#[test]
fn an_absent_authority_ends_with_2_and_says_what_to_do() {
    let run = twofold(&["--socket", "/nonexistent/a.sock", "info"], "");
    assert_eq!(run.status, 2);
    assert!(run.said().contains("systemctl status twofoldd"), "{}", run.stderr);
}

#[test]
fn what_cannot_be_a_socket_ends_with_78() {
    let long = format!("/{}", "x".repeat(200));
    assert_eq!(twofold(&["--socket", &long, "info"], "").status, 78);
    let garbage = Scripted::raw(b"this is no answer\0");
    assert_eq!(garbage.run(&["info"], "").status, 78);
}

#[test]
fn a_cut_answer_leaves_it_open_what_was_done() {
    let run = Scripted::raw(b"{\"parameters\":").run(&["account", "lock", "alice"], "");
    assert_eq!(run.status, 2);
    assert!(run.said().contains("may or may not"), "{}", run.stderr);
}

#[test]
fn json_is_the_only_thing_on_standard_output() {
    let authority = Scripted::new(|method, _| match method {
        "GetInfo" => Ok(json!({"version": "1", "clock_trusted": false, "disk_full": true, "accounts": 3})),
        "GetAccount" => Ok(authority::alice(2)),
        "ListAccounts" => Ok(json!({"accounts": [authority::alice(1), authority::alice(2)]})),
        "ReadAudit" => Ok(json!({"events": [authority::event(1), authority::event(2)]})),
        "LockAccount" => Ok(json!({})),
        other => panic!("{other}"),
    });
    for (line, objects) in [
        (&["info"][..], 1),
        (&["status"], 1),
        (&["account", "list"], 2),
        (&["account", "show", "alice"], 1),
        (&["account", "lock", "alice"], 1),
        (&["device", "list"], 2),
        (&["backup-codes"], 1),
        (&["audit", "--since", "all"], 2),
    ] {
        let run = authority.run(&[line, &["--json"]].concat(), "");
        assert_eq!((run.status, run.stderr.as_str()), (0, ""), "{line:?}");
        let lines: Vec<serde_json::Value> =
            run.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines.len(), objects, "{line:?}");
    }
}

#[test]
fn an_unknown_caller_is_told_how_to_begin() {
    let authority = Scripted::new(|method, _| match method {
        "GetInfo" => Ok(json!({"version": "1", "clock_trusted": true, "disk_full": false, "accounts": 0})),
        _ => Err(fault("NoSuchAccount", "there is no such account")),
    });
    let run = authority.run(&["status"], "");
    assert_eq!(run.status, 0);
    assert!(run.stdout.contains("twofold enroll"), "{}", run.stdout);
    assert_eq!(authority.run(&["status", "--json"], "").stdout, "{\"enrolled\":false}\n");
    let other = authority.run(&["status", "--account", "bob"], "");
    assert_eq!((other.status, other.stdout.as_str()), (1, ""));
}

#[test]
fn every_page_of_accounts_is_fetched() {
    let authority = Scripted::new(|_, parameters| {
        let after = parameters["after"].as_str().map_or(0, |after| after.parse::<u64>().unwrap());
        let next = (after < 2).then(|| (after + 1).to_string());
        Ok(json!({"accounts": [authority::alice(1)], "next": next}))
    });
    assert_eq!(authority.run(&["account", "list", "--json"], "").stdout.lines().count(), 3);
}

#[test]
fn empty_lists_say_what_to_do() {
    let authority = Scripted::new(|method, _| match method {
        "ListAccounts" => Ok(json!({"accounts": []})),
        "ReadAudit" => Ok(json!({"events": []})),
        _ => Ok(authority::alice(0)),
    });
    for (line, hint) in [
        (&["account", "list"][..], "twofold account add"),
        (&["audit"], "--since"),
        (&["device", "list"], "twofold enroll"),
    ] {
        let run = authority.run(line, "");
        assert!(run.status == 0 && run.stdout.contains(hint), "{line:?}: {}", run.stdout);
    }
}

#[test]
fn what_cannot_be_taken_back_is_not_done_without_consent() {
    let authority = Scripted::new(|method, _| match method {
        "GetAccount" => Ok(authority::alice(1)),
        other => panic!("{other} was called without consent"),
    });
    for line in [
        &["account", "remove", "alice"][..],
        &["reset", "alice"],
        &["disable"],
        &["device", "remove", "device 0"],
    ] {
        let run = authority.run(line, "y\n");
        assert_eq!(run.status, 64, "{line:?}");
        assert!(run.said().contains("--yes"), "{line:?}: {}", run.stderr);
    }
}

#[test]
fn a_change_asks_for_a_code_only_when_the_authority_does_and_sends_it_in_the_same_call() {
    let authority = Scripted::new(|method, parameters| match (method, &parameters["code"]) {
        ("DisableAccount", serde_json::Value::Null) => Err(fault("NeedsCode", "give a fresh code")),
        ("DisableAccount", code) => {
            assert_eq!(code, "123456");
            Ok(json!({}))
        }
        (other, _) => panic!("{other}"),
    });
    let run = authority.run(&["disable", "--yes", "--code-fd", "0"], "123 456\n");
    assert_eq!(run.status, 0, "{}", run.stderr);
    assert_eq!(authority.calls(), ["DisableAccount", "DisableAccount"]);
}

#[test]
fn a_refused_code_fails_with_its_public_word() {
    let authority = Scripted::new(|_, parameters| {
        Err(match &parameters["code"] {
            serde_json::Value::Null => fault("NeedsCode", "give a fresh code"),
            _ => json!(["Refused", {"detail": "refused", "refusal": {"word": "used", "wait_seconds": 12}}]),
        })
    });
    let run = authority.run(&["backup-codes", "--regenerate", "--code-fd", "0"], "123456\n");
    assert_eq!((run.status, run.stdout.as_str()), (1, ""));
    assert!(run.said().contains("the next one comes in 12 s"), "{}", run.stderr);
}

#[test]
fn a_missing_line_or_descriptor_is_a_usage_mistake() {
    let authority = Scripted::new(|_, _| Err(fault("NeedsCode", "give a fresh code")));
    let empty = authority.run(&["backup-codes", "--regenerate", "--code-fd", "0"], "");
    assert_eq!(empty.status, 64);
    assert!(empty.said().contains("each secret is one line"), "{}", empty.stderr);
    let closed = authority.run(&["backup-codes", "--regenerate", "--code-fd", "99"], "");
    assert_eq!(closed.status, 64);
    assert!(closed.said().contains("99<FILE"), "{}", closed.stderr);
}

#[test]
fn what_has_no_codes_shape_is_never_sent() {
    let authority = Scripted::new(|method, _| panic!("{method} was called"));
    assert_eq!(authority.run(&["verify", "--code-fd", "0"], "hunter2\n").status, 1);
}

#[test]
fn only_an_approval_of_this_request_verifies() {
    let approval = json!({"account": "5f", "door": "command", "level": "second"});
    let echo = approval.clone();
    let right = Scripted::new(move |_, parameters| {
        Ok(json!({"nonce": parameters["nonce"], "approval": echo.clone()}))
    });
    assert_eq!(right.run(&["verify", "--code-fd", "0"], "123456\n").status, 0);
    let other =
        Scripted::new(move |_, _| Ok(json!({"nonce": "00".repeat(16), "approval": approval.clone()})));
    assert_eq!(other.run(&["verify", "--code-fd", "0"], "123456\n").status, 1);
    let wrong = Scripted::new(|_, parameters| {
        Ok(json!({"nonce": parameters["nonce"], "refusal": {"word": "wrong"}}))
    });
    let run = wrong.run(&["verify", "--code-fd", "0", "--json"], "123456\n");
    assert_eq!(run.status, 1);
    assert!(run.stdout.contains("\"word\":\"wrong\""), "{}", run.stdout);
}

#[test]
fn a_password_comes_from_a_descriptor_and_a_code_from_its_next_line() {
    let authority = Scripted::new(|_, parameters| {
        assert_eq!(parameters["password"], "correct horse");
        match &parameters["code"] {
            serde_json::Value::Null => Err(fault("NeedsCode", "give a fresh code")),
            _ => Ok(json!({})),
        }
    });
    let run = authority.run(&["password", "--password-fd", "0", "--code-fd", "0"], "correct horse\n123456\n");
    assert_eq!(run.status, 0, "{}", run.stderr);
}

#[test]
fn a_strangers_bytes_in_the_audit_trail_steer_nobodys_terminal() {
    let authority = Scripted::new(|_, _| {
        let mut event = authority::event(1);
        event["door"] = json!("sshd\u{1b}]0;owned\u{7}\u{9b}2J\n2026 approved");
        Ok(json!({"events": [event]}))
    });
    for line in [&["audit", "--since", "all"][..], &["audit", "--since", "all", "--json"]] {
        let run = authority.run(line, "");
        assert_eq!(run.stdout.lines().count(), 1);
        assert!(!run.stdout.trim_end().chars().any(char::is_control), "{:?}", run.stdout);
    }
}

#[test]
fn a_fault_from_the_authority_is_a_sentence_and_ends_with_1() {
    let authority = Scripted::new(|_, _| Err(fault("NameTaken", "local:bob belongs to another account")));
    let run = authority.run(&["account", "link", "alice", "local:bob"], "");
    assert_eq!((run.status, run.stdout.as_str()), (1, ""));
    assert_eq!(run.stderr, "twofold: Local:bob belongs to another account.\n");
}

#[test]
fn who_administers_everybody_is_asked_to_say_whose() {
    let authority = Scripted::new(|_, _| Err(fault("Invalid", "account: say whose")));
    let run = authority.run(&["status"], "");
    assert_eq!(run.status, 1);
    assert!(run.said().contains("--account NAME"), "{}", run.stderr);
}

#[test]
fn an_empty_page_is_not_the_end_of_the_trail() {
    let authority = Scripted::new(|_, parameters| {
        Ok(match parameters["after"].as_str() {
            None => json!({"events": [], "next": "9"}),
            Some("9") => json!({"events": [authority::event(10)], "next": "10"}),
            _ => json!({"events": []}),
        })
    });
    let run = authority.run(&["audit", "--account", "alice", "--since", "all"], "");
    assert_eq!((run.status, run.stdout.lines().count()), (0, 1));
}

#[test]
fn following_goes_on_after_the_authority_went_away() {
    let authority = Scripted::new(|_, parameters| {
        Ok(match parameters["after"].as_str() {
            None => json!({"events": [authority::event(1)], "next": "1"}),
            Some("1") => json!({"events": [], "next": "1"}),
            after => panic!("{after:?}"),
        })
    });
    // The script answers a stream once and then ends it; the command asks again after what it has read.
    let run = authority.run_until(&["audit", "--follow", "--since", "all"], 4);
    assert_eq!(run.stdout.lines().count(), 1, "{}", run.stdout);
}

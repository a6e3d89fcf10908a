//! `twofold enroll` as programs use it.

use serde_json::{Value, json};

use crate::authority::{Answer, Scripted, fault};

pub const URI: &str = "otpauth://totp/Twofold:alice?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&issuer=Twofold";

/// Refuses 111111, confirms 222222, has none but these.
pub fn script(method: &str, parameters: &Value) -> Answer {
    match method {
        "BeginEnrolment" => Ok(json!({
            "enrolment": "e1", "secret": "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP", "uri": URI, "expires_seconds": 600,
        })),
        "ConfirmEnrolment" if parameters["code"] == "222222" => Ok(json!({
            "device": {
                "id": "d1", "label": "Pixel 9", "algorithm": "sha1", "digits": 6, "period_seconds": 30,
                "created": {"at": 1_772_000_000, "door": "command"},
            },
            "backup_codes": ["12345678", "23456789"],
        })),
        "ConfirmEnrolment" if parameters["code"] == "333333" => Err(fault("NoSuchEnrolment", "expired")),
        "ConfirmEnrolment" => Err(json!(["Refused", {"detail": "wrong", "refusal": {"word": "wrong"}}])),
        other => panic!("{other}"),
    }
}

#[test]
fn a_wrong_first_code_explains_the_likely_causes_and_asks_again() {
    let run = Scripted::new(script).run(&["enroll", "--code-fd", "0"], "111111\n222222\n");
    assert_eq!(run.status, 0, "{}", run.stderr);
    assert!(run.said().contains("Likely causes") && run.said().contains("clock"), "{}", run.stderr);
    assert!(run.stdout.contains("JBSW Y3DP EHPK 3PXP JBSW Y3DP EHPK 3PXP"), "{}", run.stdout);
    assert!(run.stdout.contains("Two-factor is on") && run.stdout.contains("1234 5678"), "{}", run.stdout);
    assert!(!run.stdout.contains('\u{1b}'), "no QR code into a file");
}

#[test]
fn programs_read_the_address_and_then_the_backup_codes() {
    let run = Scripted::new(script).run(&["enroll", "--uri", "--code-fd", "0"], "222222\n");
    assert_eq!(run.stdout, format!("{URI}\n12345678\n23456789\n"));
}

#[test]
fn in_json_the_two_answers_are_two_lines() {
    let run = Scripted::new(script).run(&["enroll", "--json", "--code-fd", "0"], "222222\n");
    let lines: Vec<Value> = run.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((lines.len(), &lines[0]["uri"], &lines[1]["device"]["id"]), (2, &json!(URI), &json!("d1")));
}

#[test]
fn an_expired_enrolment_says_that_nothing_is_on() {
    let run = Scripted::new(script).run(&["enroll", "--code-fd", "0"], "333333\n");
    assert_eq!(run.status, 1);
    assert!(run.said().contains("expired; nothing was turned on"), "{}", run.stderr);
}

#[test]
fn an_imported_secret_comes_from_a_descriptor() {
    let authority = Scripted::new(|method, parameters| {
        if method == "BeginEnrolment" {
            assert_eq!(parameters["import"], "ORSXG5DJNZTXI33TMVRXEZLU");
        }
        script(method, parameters)
    });
    let run = authority
        .run(&["enroll", "--import-fd", "0", "--code-fd", "0"], "ORSXG5DJNZTXI33TMVRXEZLU\n222222\n");
    assert_eq!(run.status, 0, "{}", run.stderr);
}

#[test]
fn an_invitation_is_shown_with_its_link_and_its_code() {
    let authority = Scripted::new(|method, parameters| {
        assert_eq!((method, parameters["account"].as_str()), ("InviteAccount", Some("alice")));
        Ok(
            json!({"code": "abcd-efgh", "link": "https://id.example.com/invitation/abcd-efgh", "expires_seconds": 3600}),
        )
    });
    let run = authority.run(&["invite", "alice"], "");
    assert_eq!(run.status, 0, "{}", run.stderr);
    for said in ["https://id.example.com/invitation/abcd-efgh", "  abcd-efgh", "60 min", "not shown again"] {
        assert!(run.stdout.contains(said), "{said} in {}", run.stdout);
    }
    let run = authority.run(&["--json", "invite", "alice"], "");
    assert!(run.stdout.contains("\"code\":\"abcd-efgh\""), "{}", run.stdout);
}

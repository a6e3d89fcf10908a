//! Who may call what, on a real authority: the kernel says who calls, and nothing in a message changes it.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use twofold_shared::wire::{INTERFACE, METHODS};
use twofold_tests::authority::gate_user;
use twofold_tests::present::{Answer, address, as_user, at_once, present};
use twofold_tests::{Authority, Door, Enrolled, Setup};

/// Users that every Debian has: one with an account, and others.
const GAMES: u32 = 5;
const NEWS: u32 = 9;
const NOBODY: u32 = 65_534;
/// A uid without a name.
const UNNAMED: u32 = 64_999;

/// Sends one call under a uid and gives the answer, or null when the connection is closed.
fn ask(uid: u32, socket: &Path, method: &str, parameters: &Value) -> Value {
    let message = json!({"method": format!("{INTERFACE}.{method}"), "parameters": parameters});
    as_user(uid, || {
        let mut stream = UnixStream::connect(socket).expect("everybody may connect");
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let _ = stream.write_all(format!("{message}\0").as_bytes());
        let mut answer = Vec::new();
        let _ = BufReader::new(stream).read_until(0, &mut answer);
        answer.pop();
        serde_json::from_slice(&answer).unwrap_or_default()
    })
}

/// An answer's error without its interface; empty when there is none.
fn error(answer: &Value) -> &str {
    answer["error"].as_str().map_or("", |name| name.rsplit('.').next().unwrap_or_default())
}

fn refused_at_the_door(answer: &Value) -> bool {
    answer.is_null() || error(answer) == "NotPermitted"
}

/// games and news have accounts, enrolled; the gate may speak for the wiki; an application enrols in a realm of its own.
fn place() -> (Authority, Enrolled, Enrolled) {
    let shop = Door {
        host: "shop".into(),
        services: vec!["shop".into()],
        realm: "shop.example.com".into(),
        enrol: true,
    };
    let setup = Setup {
        doors: vec![Door::of("web1"), shop],
        gate_realms: vec!["wiki".into()],
        more: "[enrolment]\nfirst = \"self\"\n".into(),
        ..Setup::default()
    };
    let authority = Authority::with(setup);
    let (games, news) = (authority.enrol("games"), authority.enrol("news"));
    (authority, games, news)
}

#[test]
fn every_caller_may_call_what_is_its_business_and_nothing_else() {
    let (authority, ..) = place();
    let door = ["Consult", "Verify"];
    let gate = [
        "SignIn",
        "AssertFirst",
        "VerifySession",
        "PassTrusted",
        "VerifyName",
        "JoinAccount",
        "BeginSessionEnrolment",
        "ConfirmSessionEnrolment",
        "CancelSessionEnrolment",
        "RedeemInvitation",
        "SpareSession",
        "OpenSite",
        "CheckSession",
        "CheckApiKey",
        "TouchApiKeys",
        "TouchSessions",
        "EndSession",
        "WatchSessions",
        "AsPerson",
        "GetInfo",
    ];
    let person = [
        "Consult",
        "Verify",
        "GetInfo",
        "GetAccount",
        "ReopenAccount",
        "SetLanguage",
        "SetPassword",
        "BeginEnrolment",
        "ConfirmEnrolment",
        "RegenerateBackupCodes",
        "RenameDevice",
        "RemoveDevice",
        "CreateApiKey",
        "ListApiKeys",
        "SuspendApiKey",
        "ResumeApiKey",
        "RotateApiKey",
        "RevokeApiKey",
        "ListSessions",
        "RevokeSessions",
        "ListBrowsers",
        "RevokeBrowsers",
        "ListGraces",
        "EndGraces",
        "DisableAccount",
        "ReadAudit",
        "ReadActivity",
        "AsOperator",
    ];
    let shop = [
        "Consult",
        "Verify",
        "BeginEnrolmentAtLogin",
        "ConfirmEnrolmentAtLogin",
        "ActivateEnrolmentAtLogin",
        "BeginEnrolment",
        "ConfirmEnrolment",
    ];
    let (main, web1) = (authority.socket(), authority.door_socket("web1"));
    let callers: [(&str, u32, &Path, &[&str]); 9] = [
        ("the gate", gate_user(), &main, &gate),
        ("a person", GAMES, &main, &person),
        ("a uid without a name", UNNAMED, &main, &person),
        ("the overflow uid", NOBODY, &main, &[]),
        ("root in a container", 0, &web1, &door),
        ("the gate's uid in a container", gate_user(), &web1, &door),
        ("a user in a container", GAMES, &web1, &door),
        ("the overflow uid in a container", NOBODY, &web1, &[]),
        ("an application", 33, &authority.door_socket("shop"), &shop),
    ];
    for (who, uid, socket, allowed) in callers {
        for method in METHODS {
            // Nothing to go by but who calls: nobody's parameters are looked at before that.
            let answer = ask(uid, socket, method, &json!({"nothing": "in here matters"}));
            // A person without an account may call, and has nothing to call about.
            let let_in = !refused_at_the_door(&answer) || (uid == UNNAMED && allowed.contains(method));
            assert_eq!(let_in, allowed.contains(method), "{who} calling {method}: {answer}");
        }
    }
    // And root is let in everywhere but where the gate speaks for browsers.
    for method in METHODS {
        let answer = ask(0, &main, method, &json!({}));
        let not_roots = gate.contains(method) && *method != "GetInfo" || *method == "AsOperator";
        assert_eq!(refused_at_the_door(&answer), not_roots, "root calling {method}: {answer}");
    }
}

/// Every way to name another's account, with every method that takes one.
#[test]
fn a_person_reaches_their_own_account_and_no_other_with_any_method() {
    let (authority, games, news) = place();
    let socket = authority.socket();
    let id = authority.twofold(&["--json", "account", "list"]).expect_success();
    let ids: Vec<String> = id
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|account| account["names"][0] == "unix:news")
        .map(|account| format!("id:{}", account["id"].as_str().unwrap()))
        .collect();
    assert_eq!(ids.len(), 1, "{id}");
    // Right ones, which nothing below may spend.
    let codes = [games.phone.fresh(), news.phone.fresh()];
    for other in ["news", "unix:news", ids[0].as_str(), "no-such-person", "root"] {
        let calls = [
            ("GetAccount", json!({})),
            ("ReopenAccount", json!({})),
            ("SetPassword", json!({"password": "whatever it may be"})),
            ("BeginEnrolment", json!({"label": "mine", "digits": 6, "period_seconds": 30})),
            ("RegenerateBackupCodes", json!({})),
            ("RenameDevice", json!({"device": "0".repeat(16), "label": "mine"})),
            ("RemoveDevice", json!({"device": "0".repeat(16)})),
            ("CreateApiKey", json!({"label": "mine", "grant": {"sites": ["wiki.example.com"]}})),
            ("ListApiKeys", json!({})),
            ("SuspendApiKey", json!({"id": "0".repeat(16)})),
            ("ResumeApiKey", json!({"id": "0".repeat(16)})),
            ("RotateApiKey", json!({"id": "0".repeat(16)})),
            ("RevokeApiKey", json!({"id": "0".repeat(16)})),
            ("ListSessions", json!({})),
            ("RevokeSessions", json!({})),
            ("ListBrowsers", json!({})),
            ("RevokeBrowsers", json!({})),
            ("DisableAccount", json!({})),
            ("SetLanguage", json!({"language": "german"})),
            ("ReadAudit", json!({"limit": 10})),
        ];
        for (method, mut parameters) in calls {
            parameters["account"] = json!(other);
            // With none, with one's own code, with the other's own.
            for code in [Value::Null, json!(codes[0]), json!(codes[1])] {
                parameters["code"] = code;
                let answer = ask(GAMES, &socket, method, &parameters);
                assert_eq!(error(&answer), "NotPermitted", "{method} on {other}: {answer}");
            }
        }
        for method in ["Consult", "Verify"] {
            let answer = ask(GAMES, &socket, method, &login(other, &codes[1]));
            assert_eq!(error(&answer), "NotPermitted", "{method} for {other}: {answer}");
        }
    }
    // None of it was held against the other, or spent the codes.
    assert_eq!(present(&authority.client(), "news", address(1), &codes[1]), Answer::Approved);
    let own = ask(GAMES, &socket, "GetAccount", &json!({}));
    assert_eq!(own["parameters"]["names"], json!(["unix:games"]), "{own}");
    let named = ask(GAMES, &socket, "GetAccount", &json!({"account": "games"}));
    assert_eq!(own, named);
}

fn login(name: &str, code: &str) -> Value {
    json!({
        "nonce": "00112233445566778899aabbccddeeff",
        "login": {"name": name, "service": "sshd", "first": "above", "source": {}},
        "code": code,
    })
}

#[test]
fn a_persons_change_needs_a_code_in_the_same_call_and_spends_it() {
    let (authority, games, _) = place();
    let socket = authority.socket();
    let changes = [
        ("ReopenAccount", json!({})),
        ("SetPassword", json!({"password": "whatever it may be"})),
        ("BeginEnrolment", json!({"label": "mine", "digits": 6, "period_seconds": 30})),
        ("RegenerateBackupCodes", json!({})),
        ("RevokeSessions", json!({})),
        ("RevokeBrowsers", json!({})),
        ("DisableAccount", json!({})),
    ];
    for (method, parameters) in &changes {
        let answer = ask(GAMES, &socket, method, parameters);
        assert_eq!(error(&answer), "NeedsCode", "{method}: {answer}");
    }
    let code = games.phone.fresh();
    let answer = ask(GAMES, &socket, "RegenerateBackupCodes", &json!({"code": code}));
    assert_eq!(answer["parameters"]["backup_codes"].as_array().map(Vec::len), Some(10), "{answer}");
    let again = ask(GAMES, &socket, "DisableAccount", &json!({"code": code}));
    assert_eq!(again["parameters"]["refusal"]["word"], "used", "{again}");
}

/// A person could otherwise be a known source, or wear one out, by saying so.
#[test]
fn what_a_person_says_of_where_they_are_counts_for_nothing() {
    let (authority, games, _) = place();
    assert_eq!(present(&authority.client(), "games", address(1), &games.phone.fresh()), Answer::Approved);
    let mut wrong = login("games", &games.phone.wrong());
    wrong["login"]["source"] = json!({"address": address(1).to_string()});
    for _ in 0..8 {
        ask(GAMES, &authority.socket(), "Verify", &wrong);
    }
    // The owner at the address that was named knows of no failure.
    assert_eq!(present(&authority.client(), "games", address(1), &games.phone.fresh()), Answer::Approved);
}

#[test]
fn the_gate_vouches_for_its_own_realms_alone() {
    let (authority, ..) = place();
    authority.link("news", "wiki:news");
    let assert_first = |realm: &str, name: &str| {
        let parameters = json!({
            "nonce": "00112233445566778899aabbccddeeff",
            "realm": realm, "name": name, "source": {}, "browser": "a browser", "session": "ab".repeat(32),
        });
        ask(gate_user(), &authority.socket(), "AssertFirst", &parameters)
    };
    for realm in ["unix", "local", "shop.example.com", "wiki2", "", "WIKI", "wiki:unix"] {
        let answer = assert_first(realm, "games");
        assert!(refused_at_the_door(&answer), "{realm}: {answer}");
    }
    // The realm comes from the configuration, whatever the name looks like. (news is the system's own: never a web user.)
    for name in ["unix:games", "games", "wiki:games", "../games", "news"] {
        let answer = assert_first("wiki", name);
        assert_eq!(answer["parameters"]["refusal"]["word"], "wrong", "{name}: {answer}");
    }
    authority.add("wiki:alice");
    let answer = assert_first("wiki", "alice");
    assert_eq!(answer["parameters"]["signed_in"]["name"], "alice", "{answer}");
}

#[test]
fn a_door_verifies_its_services_in_its_realm() {
    let (authority, games, _) = place();
    let (web1, shop) = (authority.door_socket("web1"), authority.door_socket("shop"));
    for service in ["login", "cron", "sshd ", "", "../sshd"] {
        let mut asked = login("games", &games.phone.fresh());
        asked["login"]["service"] = json!(service);
        let answer = ask(0, &web1, "Verify", &asked);
        assert!(matches!(error(&answer), "NotPermitted" | "Invalid"), "{service}: {answer}");
    }
    // The shop's `games` is another person.
    let mut asked = login("games", &games.phone.fresh());
    asked["login"]["service"] = json!("shop");
    for name in ["games", "unix:games"] {
        asked["login"]["name"] = json!(name);
        let answer = ask(0, &shop, "Verify", &asked);
        assert_eq!(answer["parameters"]["refusal"]["word"], "wrong", "{name}: {answer}");
    }
    let answer = ask(0, &web1, "Verify", &login("games", &games.phone.fresh()));
    assert_eq!(answer["parameters"]["approval"]["door"], "sshd on web1", "{answer}");
}

/// A name is a key, never a path or a line.
#[test]
fn names_that_are_no_names_are_nobodys_and_stay_out_of_the_logs_lines() {
    let (authority, games, _) = place();
    let code = games.phone.fresh();
    let strange = [
        "",
        "games\n",
        "games\0",
        "../games",
        "games/../games",
        "ga\u{301}mes",
        "Games",
        "games ",
        "\u{202e}semag",
    ];
    for name in strange {
        for socket in [authority.socket(), authority.door_socket("web1")] {
            let answer = ask(0, &socket, "Verify", &login(name, &code));
            let word = answer["parameters"]["refusal"]["word"].as_str();
            assert!(matches!(word, Some("wrong" | "wait")), "{name:?}: {answer}");
        }
        let added = ask(0, &authority.socket(), "AddAccount", &json!({"name": name}));
        assert!(error(&added) == "Invalid" || name == "Games", "{name:?}: {added}");
    }
    let said = authority.syslog() + &authority.log();
    for line in said.lines() {
        assert!(!line.starts_with("games") && !line.contains('\u{202e}') && !line.contains('\0'), "{line:?}");
    }
    assert_eq!(present(&authority.client(), "games", address(1), &code), Answer::Approved);
}

#[test]
fn one_users_connections_are_bounded_and_others_are_still_served() {
    let (authority, ..) = place();
    let socket = authority.socket();
    let held: Vec<UnixStream> =
        as_user(GAMES, || (0..400).filter_map(|_| UnixStream::connect(&socket).ok()).collect());
    assert_eq!(held.len(), 400);
    let tries = (0..8).map(|_| || ask(NEWS, &socket, "GetInfo", &json!({}))).collect();
    for answer in at_once(tries) {
        assert_eq!(answer["parameters"]["accounts"], 2, "{answer}");
    }
    let answer = ask(GAMES, &socket, "GetInfo", &json!({}));
    assert!(answer.is_null(), "beyond the limit: {answer}");
    drop(held);
    twofold_tests::eventually("games is served again", Duration::from_secs(10), || {
        Some(ask(GAMES, &socket, "GetInfo", &json!({}))).filter(|answer| !answer.is_null())
    });
}

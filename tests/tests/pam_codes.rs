//! The table of docs/pam-return-codes.md through the real libpam: every outcome, every entry point, the documented control
//! words.

use serde_json::{Value, json};
use twofold_tests::pam::{PamHost, Report, Typing, code};
use twofold_tests::place;
use twofold_tests::scripted::ScriptedAuthority;

const CODE: &str = "463728";

/// The control words of docs/pam-module.md for the module's auth line.
const CONTROLS: [&str; 2] = ["requisite", "[success=ok ignore=ignore default=die]"];

fn approval() -> Value {
    json!({"approval": {"account": "0a", "door": "door on web1", "level": "second"}})
}

/// What the authority says at each step of a login.
#[derive(Clone)]
struct Says {
    ask: &'static str,
    verify: Value,
    confirm: Value,
    activate: Value,
}

impl Says {
    fn ask(ask: &'static str) -> Self {
        let mut confirm = approval();
        confirm["backup_codes"] = json!(["12345678"]);
        Self { ask, verify: Value::Null, confirm, activate: json!({}) }
    }

    fn refuses(word: &str) -> Self {
        Self { verify: json!({"refusal": {"word": word, "wait_seconds": 7}}), ..Self::ask("code") }
    }

    fn answer(&self, method: &str) -> Value {
        match method {
            "Consult" => json!({"ask": self.ask}),
            "Verify" => self.verify.clone(),
            "BeginEnrolmentAtLogin" if self.ask == "invitation" => json!("NotPermitted"),
            "BeginEnrolmentAtLogin" => {
                json!({"enrolment": "0123456789abcdef0123456789abcdef", "secret": "JBSWY3DP",
                "picture": "█", "expires_seconds": 600})
            }
            "ConfirmEnrolmentAtLogin" => self.confirm.clone(),
            "ActivateEnrolmentAtLogin" => self.activate.clone(),
            other => panic!("nobody asks {other}"),
        }
    }
}

fn login(control: &str, says: &Says, words: &str, typing: &Typing) -> Report {
    let says = says.clone();
    let authority = ScriptedAuthority::that_says(move |method, _| says.answer(method));
    let words = format!("{words} timeout=2s socket={}", authority.socket().display());
    PamHost::under(control, &place::module(), &words).logs_in("alice", typing)
}

/// The row of the page, what the authority says, the line's words, what is typed, and the three phases' codes; setcred's is
/// libpam's own where the stack was left.
fn rows() -> Vec<(&'static str, Says, &'static str, Typing, [&'static str; 2])> {
    let (first, typed) = ("first=above", || Typing::text(CODE));
    let right = || Says { verify: approval(), ..Says::ask("code") };
    let refused = |word| (Says::refuses(word), first, typed(), [code::AUTH_ERR, code::PERM_DENIED]);
    let row = |name, (says, words, typing, codes)| (name, says, words, typing, codes);
    let let_in = [code::SUCCESS, code::SUCCESS];
    let unenrolled = |ask| (Says::ask(ask), first, typed(), [code::MAXTRIES, code::PERM_DENIED]);
    let void = Says { activate: Value::Null, ..Says::ask("enrol") };
    let unconfirmed =
        Says { confirm: json!({"refusal": {"word": "wrong"}, "backup_codes": []}), ..Says::ask("enrol") };
    vec![
        row("right code: a permit", (right(), first, typed(), let_in)),
        row(
            "a second factor was set up in this login: a permit",
            (Says::ask("enrol"), first, typed(), let_in),
        ),
        row("exempt by policy, first factor holds", (Says::ask("exempt"), first, typed(), let_in)),
        row(
            "a code given here before still serves, first factor holds",
            (Says::ask("grace"), first, typed(), let_in),
        ),
        row(
            "not enrolled, policy says optional, first factor holds",
            (Says::ask("optional"), first, typed(), let_in),
        ),
        row("wrong code, or whatever must look the same", refused("wrong")),
        row("code already used", refused("used")),
        row("too many tries", refused("wait")),
        row("clock in doubt", refused("clock")),
        row("closed to unknown places", refused("closed")),
        row("too much at once", refused("busy")),
        row(
            "the answer is the password, or has no code's shape",
            (Says::refuses("wrong"), first, Typing::text("rubbish"), [code::AUTH_ERR, code::PERM_DENIED]),
        ),
        row(
            "`use_first_pass`, and no module above has asked",
            (right(), "use_first_pass", typed(), [code::AUTH_ERR, code::PERM_DENIED]),
        ),
        row(
            "the last of several tries (`tries=`) was wrong",
            (Says::refuses("wrong"), "first=above tries=2", typed(), [code::MAXTRIES, code::PERM_DENIED]),
        ),
        row("not enrolled, policy says required", unenrolled("unenrolled")),
        row("not enrolled, and setting one up takes an invitation", unenrolled("invitation")),
        row(
            "an enrolment was begun and not finished",
            (unconfirmed, first, typed(), [code::MAXTRIES, code::PERM_DENIED]),
        ),
        row(
            "conversation failed, or ended by the person",
            (right(), first, Typing::fault("null-answer"), [code::CONV_ERR, code::PERM_DENIED]),
        ),
        row(
            "authority absent, refusing, silent, late, or unreadable",
            (
                Says { verify: Value::Null, ..Says::ask("code") },
                first,
                typed(),
                [code::AUTHINFO_UNAVAIL, code::PERM_DENIED],
            ),
        ),
        row(
            "unknown or misplaced option",
            (right(), "frist=above", typed(), [code::SYSTEM_ERR, code::PERM_DENIED]),
        ),
        row(
            "authority absent, refusing, silent, late, or unreadable",
            (void, first, typed(), [code::SUCCESS, code::AUTHINFO_UNAVAIL]),
        ),
    ]
}

#[test]
fn every_outcome_is_the_pages_code_in_every_phase_under_the_documented_control_words() {
    let page = std::fs::read_to_string(place::repository().join("docs/pam-return-codes.md")).unwrap();
    for control in CONTROLS {
        for (row, says, words, typing, [authenticate, account]) in rows() {
            assert!(page.contains(&format!("| {row} |")), "the page has no row {row:?}");
            let report = login(control, &says, words, &typing);
            let came = (report.one("authenticate"), report.one("account"));
            assert_eq!(came, (authenticate, account), "{control}: {row}\n{report:?}");
            let set = report.one("setcred");
            assert_eq!(
                set == code::SUCCESS,
                authenticate == code::SUCCESS,
                "{control}: {row}: setcred {set}"
            );
            assert_eq!((report.one("open_session"), report.one("close_session")), ("0", "0"), "{row}");
        }
    }
}

/// Not as documented: still nobody comes in whom the table keeps out.
#[test]
fn no_other_control_word_lets_in_whom_the_module_refuses() {
    for control in ["required", "[success=ok default=die]", "[success=ok default=bad]"] {
        for (row, says, words, typing, [authenticate, _]) in rows() {
            let report = login(control, &says, words, &typing);
            let came = report.one("authenticate");
            assert!(authenticate == code::SUCCESS || came != code::SUCCESS, "{control}: {row}\n{report:?}");
        }
    }
}

#[test]
fn the_password_of_a_combined_answer_reaches_the_module_below() {
    // pam_unix below has no alice to compare with: it is asked with the password, and asks nobody itself.
    let authority = ScriptedAuthority::that_says(|method, asked| match method {
        "Verify" if asked["code"] == CODE => approval(),
        other => panic!("{other}: {asked}"),
    });
    let words = format!("forward_pass socket={}", authority.socket().display());
    let host = PamHost::under("requisite", &place::module(), &words);
    host.below("auth requisite pam_unix.so use_first_pass nodelay");
    let report = host.logs_in("daemon", &Typing::text(&format!("hunter2{CODE}")));
    assert_eq!(report.all("asked"), ["1 Password and code for daemon: "], "{report:?}");
    assert_eq!(report.one("authenticate"), code::AUTH_ERR, "daemon has no password\n{report:?}");
}

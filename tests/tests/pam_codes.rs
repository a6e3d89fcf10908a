//! The table of docs/pam-return-codes.md through the real libpam: every outcome, every entry point, the documented control
//! words.

use serde_json::{Value, json};
use twofold_tests::pam::{PamHost, Report, Typing, code};
use twofold_tests::scripted::ScriptedAuthority;
use twofold_tests::{place, traces};

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

/// A row of the page: what the authority says, the auth line's words, who comes and what is typed; and the codes of
/// pam_sm_authenticate and pam_sm_acct_mgmt.
struct Row {
    name: &'static str,
    says: Says,
    words: &'static str,
    user: &'static str,
    typing: Typing,
    authenticate: &'static str,
    account: &'static str,
}

impl Row {
    /// alice types a code under `first=above`, and is refused with this code.
    fn refused(name: &'static str, says: Says, authenticate: &'static str) -> Self {
        Self {
            name,
            says,
            words: "first=above",
            user: "alice",
            typing: Typing::text(CODE),
            authenticate,
            account: code::PERM_DENIED,
        }
    }

    /// She is let in with this code.
    fn let_in(name: &'static str, says: Says, authenticate: &'static str) -> Self {
        Self { account: code::IGNORE, ..Self::refused(name, says, authenticate) }
    }

    /// pam_sm_setcred's code, which follows from authenticate's.
    fn setcred(&self) -> &'static str {
        match self.authenticate {
            code::SUCCESS => code::SUCCESS,
            code::IGNORE => code::IGNORE,
            _ => code::CRED_ERR,
        }
    }

    /// The code that the page shows in this row: the account phase's where the phase before was content.
    fn shown(&self) -> &'static str {
        let of_account = self.authenticate == code::SUCCESS && self.account != code::IGNORE;
        if of_account { self.account } else { self.authenticate }
    }

    /// One login. `host` makes the stack of the words of its auth line, and those of its account line.
    fn logs_in(&self, host: impl Fn(&str, &str) -> PamHost) -> Report {
        let says = self.says.clone();
        let authority = ScriptedAuthority::that_says(move |method, _| says.answer(method));
        let rest = format!("timeout=2s socket={}", authority.socket().display());
        let host = host(&format!("{} {rest}", self.words), &format!("need=factor {rest}"));
        host.logs_in(self.user, &self.typing)
    }

    /// The same in a stack that ends with pam_permit.so.
    fn logs_in_under(&self, control: &str) -> Report {
        self.logs_in(|words, _| PamHost::under(control, &place::module(), words))
    }
}

/// What a phase says whose last line is pam_permit.so.
fn above_permit(code: &str) -> &str {
    if code == code::IGNORE { code::SUCCESS } else { code }
}

fn rows() -> Vec<Row> {
    traces::issued("code", CODE);
    let right = || Says { verify: approval(), ..Says::ask("code") };
    let wrong = || Says::refuses("wrong");
    let unconfirmed =
        Says { confirm: json!({"refusal": {"word": "wrong"}, "backup_codes": []}), ..Says::ask("enrol") };
    let void = |activate: Value| Says { activate, ..Says::ask("enrol") };
    let away = "authority absent, refusing, silent, late, or unreadable";
    let mut rows = vec![
        Row::let_in("right code: a permit", right(), code::SUCCESS),
        Row::let_in("a second factor was set up in this login: a permit", Says::ask("enrol"), code::SUCCESS),
        Row::let_in("exempt by policy, first factor holds", Says::ask("exempt"), code::IGNORE),
        Row::let_in(
            "a code given here before still serves, first factor holds",
            Says::ask("grace"),
            code::IGNORE,
        ),
        Row::let_in(
            "not enrolled, policy says optional, first factor holds",
            Says::ask("optional"),
            code::IGNORE,
        ),
        Row::refused("not enrolled, policy says required", Says::ask("unenrolled"), code::MAXTRIES),
        Row::refused(
            "not enrolled, and setting one up takes an invitation",
            Says::ask("invitation"),
            code::MAXTRIES,
        ),
        Row::refused("an enrolment was begun and not finished", unconfirmed, code::MAXTRIES),
        Row::refused(away, Says::ask("code"), code::AUTHINFO_UNAVAIL),
        Row {
            typing: Typing::text("rubbish"),
            ..Row::refused("the answer is the password, or has no code's shape", wrong(), code::AUTH_ERR)
        },
        Row {
            words: "use_first_pass",
            ..Row::refused("`use_first_pass`, and no module above has asked", right(), code::AUTH_ERR)
        },
        Row {
            words: "first=above tries=2",
            ..Row::refused("the last of several tries (`tries=`) was wrong", wrong(), code::MAXTRIES)
        },
        Row {
            typing: Typing::fault("null-answer"),
            ..Row::refused("conversation failed, or ended by the person", right(), code::CONV_ERR)
        },
        Row { user: "", ..Row::refused("no user named", right(), code::USER_UNKNOWN) },
        Row {
            words: "frist=above",
            ..Row::refused("unknown or misplaced option", right(), code::SYSTEM_ERR)
        },
        Row { account: code::AUTHINFO_UNAVAIL, ..Row::refused(away, void(Value::Null), code::SUCCESS) },
        Row::refused("the enrolment of this login is void", void(json!("NoSuchEnrolment")), code::SUCCESS),
    ];
    rows.extend(
        [
            ("wrong code, or whatever must look the same", "wrong"),
            ("code already used", "used"),
            ("too many tries", "wait"),
            ("clock in doubt", "clock"),
            ("closed to unknown places", "closed"),
            ("too much at once", "busy"),
        ]
        .map(|(name, word)| Row::refused(name, Says::refuses(word), code::AUTH_ERR)),
    );
    rows
}

/// The codes of the phases that Twofold has no part in.
fn the_rest(report: &Report) -> [&str; 3] {
    ["open_session", "close_session", "chauthtok"].map(|phase| report.one(phase))
}

#[test]
fn every_outcome_is_the_pages_code_in_every_phase_under_the_documented_control_words() {
    for control in CONTROLS {
        for row in rows() {
            let report = row.logs_in_under(control);
            let came = ["authenticate", "setcred", "account"].map(|phase| report.one(phase));
            let wanted = [row.authenticate, row.setcred(), row.account].map(above_permit);
            assert_eq!(came, wanted, "{control}: {}\n{report:?}", row.name);
            assert_eq!(the_rest(&report), [code::SUCCESS; 3], "{}", row.name);
        }
    }
}

/// In the documented stacks `PAM_IGNORE` looks like the `PAM_SUCCESS` of pam_permit.so: here nothing stands below the module.
#[test]
fn every_outcome_is_the_pages_code_where_nothing_else_is_in_the_stack() {
    let page = std::fs::read_to_string(place::repository().join("docs/pam-return-codes.md")).unwrap();
    for row in rows() {
        let report = row.logs_in(|auth, account| PamHost::bare(&place::module(), auth, account));
        let came = ["authenticate", "setcred", "account"].map(|phase| report.one(phase));
        assert_eq!(came, [row.authenticate, row.setcred(), row.account], "{}\n{report:?}", row.name);
        assert_eq!(the_rest(&report), [code::IGNORE; 3], "{}", row.name);
        let line = format!("| {} | `{}` |", row.name, code::name(row.shown()));
        assert!(page.contains(&line), "the page has no line {line}");
    }
}

/// sshd authenticates in a child; cron and a public key alone never come by the auth lines.
#[test]
fn the_phases_after_a_login_elsewhere_say_the_pages_codes() {
    for (words, account) in [
        ("", code::IGNORE),
        ("need=factor", code::PERM_DENIED),
        ("need=factor first=publickey", code::PERM_DENIED),
        ("need=code", code::SYSTEM_ERR),
    ] {
        // Nobody is asked: there is no authority.
        let socket = "socket=/nonexistent/authority.sock";
        let mut host = PamHost::bare(&place::module(), socket, &format!("{words} {socket}"));
        host.later = true;
        let report = host.logs_in("alice", &Typing::fault("error"));
        let came = ["setcred", "account"].map(|phase| report.one(phase));
        assert_eq!(came, [code::SUCCESS, account], "{words}: {report:?}");
        assert_eq!(the_rest(&report), [code::IGNORE; 3], "{words}");
    }
}

/// Not as documented: still nobody comes in whom the table keeps out.
#[test]
fn no_other_control_word_lets_in_whom_the_module_refuses() {
    for control in ["required", "[success=ok default=die]", "[success=ok default=bad]"] {
        for row in rows() {
            let report = row.logs_in_under(control);
            let kept_out = above_permit(row.authenticate) != code::SUCCESS;
            let came = report.one("authenticate");
            assert!(!kept_out || came != code::SUCCESS, "{control}: {}\n{report:?}", row.name);
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
    traces::issued("password", "hunter2");
    let words = format!("forward_pass socket={}", authority.socket().display());
    let host = PamHost::under("requisite", &place::module(), &words);
    host.below("auth requisite pam_unix.so use_first_pass nodelay");
    let report = host.logs_in("daemon", &Typing::text(&format!("hunter2{CODE}")));
    assert_eq!(report.all("asked"), ["1 Password and code for daemon: "], "{report:?}");
    assert_eq!(report.one("authenticate"), code::AUTH_ERR, "daemon has no password\n{report:?}");
}

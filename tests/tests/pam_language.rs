//! In which language the module speaks to somebody, through the real libpam.

use twofold_tests::pam::{PamHost, Report, Typing};
use twofold_tests::{Authority, place};

fn asked(report: &Report) -> String {
    report.all("asked").concat()
}

#[test]
fn each_person_is_asked_and_refused_in_their_own_language() {
    let authority = Authority::start();
    let (alice, bob) = (authority.enrol("alice"), authority.enrol("bob"));
    authority.twofold(&["account", "language", "de", "alice"]).expect_success();
    let shown = authority.twofold(&["account", "show", "alice"]).expect_success();
    assert!(shown.contains("German"), "{shown}");
    let host = PamHost::asking(&authority.socket());
    let right = host.logs_in("alice", &Typing::text(&alice.phone.fresh()));
    right.passed();
    assert!(asked(&right).contains("Code für alice: "), "{right:?}");
    let wrong = host.logs_in("alice", &Typing::text(&alice.phone.wrong()));
    assert!(wrong.all("told").concat().contains("Der Code passt nicht"), "{wrong:?}");
    let other = host.logs_in("bob", &Typing::text(&bob.phone.fresh()));
    assert!(asked(&other).contains("Code for bob: "), "{other:?}");
    // What the line says comes first; and where no first factor holds nobody's language is told.
    let words = |words: &str| {
        PamHost::with(&place::module(), &format!("{words} socket={}", authority.socket().display()))
    };
    let english = words("first=above lang=en").logs_in("alice", &Typing::text("rubbish"));
    assert!(asked(&english).contains("Code for alice: "), "{english:?}");
    let anybody = words("timeout=5s").logs_in("alice", &Typing::text("rubbish"));
    assert!(asked(&anybody).contains("Code for alice: "), "{anybody:?}");
    authority.twofold(&["account", "language", "host", "alice"]).expect_success();
    let again = host.logs_in("alice", &Typing::text(&alice.backup_codes[0]));
    assert!(asked(&again).contains("Code for alice: "), "{again:?}");
}

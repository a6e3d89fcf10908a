//! The authority as a stranger's Varlink client sees it: the `varlink` package from PyPI, which `./dev` installs into
//! target/dev/python.

use std::process::Command;

use twofold_shared::wire::{self, METHODS};
use twofold_tests::{Authority, Run, place, run};

fn varlink(arguments: &[&str]) -> Run {
    let python = place::target().join("dev/python/bin/python");
    assert!(python.exists(), "{} is missing: run the tests through ./dev", python.display());
    run(Command::new(python).args(["-m", "varlink.cli"]).args(arguments))
}

#[test]
fn a_third_partys_client_introspects_and_calls() {
    let authority = Authority::start();
    authority.add("local:alice");
    let address = format!("unix:{}", authority.socket().display());

    let info = varlink(&["info", &address]).expect_success();
    assert!(info.contains("org.twofold.Authority") && info.contains("org.varlink.service"), "{info}");

    // Its parser reads the whole description, or says where it stumbles.
    let help = varlink(&["help", &format!("{address}/{}", wire::INTERFACE)]).expect_success();
    for method in METHODS {
        assert!(help.contains(&format!("method {method}(")), "{method} is not described");
    }

    let called = varlink(&["call", &format!("{address}/{}.GetInfo", wire::INTERFACE), "{}"]).expect_success();
    let answer: serde_json::Value = serde_json::from_str(&called).unwrap();
    assert_eq!(answer["accounts"], 1, "{answer}");

    let unknown = varlink(&["call", &format!("{address}/{}.NoSuchMethod", wire::INTERFACE), "{}"]);
    // That client ends with 0 whatever the answer is.
    assert!(unknown.stderr.contains("MethodNotFound") && unknown.stdout.is_empty(), "{unknown:?}");
    let nobody = varlink(&[
        "call",
        &format!("{address}/{}.GetAccount", wire::INTERFACE),
        r#"{"account":"local:bob"}"#,
    ]);
    assert!(nobody.stderr.contains("NoSuchAccount") && nobody.stdout.is_empty(), "{nobody:?}");
}

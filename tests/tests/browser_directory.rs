//! A directory's password, the code and the site, in a real Chromium on a small phone.

use std::fs;

use twofold_tests::slapd::PASSWORD;
use twofold_tests::{Authority, Browser, Gate, Person, Setup, Slapd, Upstream};

#[tokio::test]
async fn a_directorys_password_then_the_code_then_the_site() {
    let slapd = Slapd::start();
    let authority = Authority::with(Setup { gate_realms: vec!["corp".to_owned()], ..Setup::default() });
    let alice = authority.enrol("corp:alice");
    let app = Upstream::start("Our app");
    let mut gate = Gate::prepare(&authority, &[], "");
    let text = fs::read_to_string(gate.configuration()).unwrap();
    let site = format!(
        "[[site]]\norigin = {:?}\nupstream = \"{}\"\nfirst_factor = \"password\"\ndirectory = \"corp\"\n",
        gate.origin("app"),
        app.address()
    );
    fs::write(gate.configuration(), text + &site + &slapd.searched("corp")).unwrap();
    gate.restart();

    let browser = Browser::phone(&[]).await;
    let person = Person(&browser.client);
    let wanted = format!("{}/page", gate.origin("app"));
    person.goes_to(&wanted).await;
    person.gives("alice", "wrong").await;
    assert!(person.reads_error().await.contains("That name and password don't match"));
    browser.screenshot("directory-wrong-password").await;
    // The name stays in its field.
    person.types("password", PASSWORD).await;
    person.presses_the_button().await;
    person.gives_code(&alice.phone.fresh()).await;
    person.reads_notices().await;
    person.arrives_at(&wanted).await;
    person.sees_app("Our app").await;
    assert_eq!(app.seen().last().unwrap().header("remote-user"), ["alice"]);
    browser.close().await;
}

//! A name and a code before DokuWiki's own login, in a real Chromium on a small phone; and that both are the same person.

use std::fs;

use fantoccini::Locator;
use twofold_tests::dokuwiki::{DokuWiki, PASSWORD};
use twofold_tests::{Authority, Browser, Enrolled, Gate, Setup, traces};

const SITE: &str = r#"
title = "Wiki"
first_factor = "code"
[site.code]
cookies = ["DokuWiki", "DW*"]
identity = "/doku.php?do=profile"
identity_pattern = '<li class="user">[^<]*<bdi>[^<]*</bdi> \(<bdi>([^<]*)</bdi>\)'
"#;

struct World {
    _wiki: DokuWiki,
    gate: Gate,
    alice: Enrolled,
    _authority: Authority,
}

impl World {
    fn start() -> Self {
        let realm = "wiki.localhost".to_owned();
        let authority = Authority::with(Setup { gate_realms: vec![realm], ..Setup::default() });
        let alice = authority.enrol("wiki.localhost:alice");
        traces::issued("password", PASSWORD);
        let wiki = DokuWiki::start();
        let mut gate = Gate::prepare(&authority, &[], "");
        let mut text = fs::read_to_string(gate.configuration()).unwrap();
        text += &format!(
            "[[site]]\norigin = {:?}\nupstream = \"{}\"\n{SITE}",
            gate.origin("wiki"),
            wiki.address()
        );
        fs::write(gate.configuration(), text).unwrap();
        gate.restart();
        Self { _wiki: wiki, gate, alice, _authority: authority }
    }

    fn page(&self, path: &str) -> String {
        format!("{}{path}", self.gate.origin("wiki"))
    }
}

async fn reads(browser: &Browser) -> String {
    browser.client.find(Locator::Css("body")).await.unwrap().text().await.unwrap()
}

async fn types(browser: &Browser, field: &str, text: &str) {
    browser.client.find(Locator::Css(field)).await.unwrap().send_keys(text).await.unwrap();
}

/// Presses a button and waits for the page that is `there`.
async fn presses(browser: &Browser, button: &str, there: &str) {
    browser.client.find(Locator::Css(button)).await.unwrap().click().await.unwrap();
    if let Err(why) = browser.client.wait().for_element(Locator::Css(there)).await {
        panic!("{button} did not lead to {there}: {why}\n{}", reads(browser).await);
    }
}

/// Fills in DokuWiki's own login.
async fn signs_in(browser: &Browser, name: &str, there: &str) {
    types(browser, "#dw__login input[name=u]", name).await;
    types(browser, "#dw__login input[name=p]", PASSWORD).await;
    presses(browser, "#dw__login button[type=submit]", there).await;
}

#[tokio::test]
async fn a_name_and_a_code_then_dokuwikis_own_login_as_the_same_person() {
    let world = World::start();
    let browser = Browser::phone(&[]).await;
    let wanted = world.page("/doku.php?id=wiki:syntax");
    browser.client.goto(&wanted).await.unwrap();
    types(&browser, "input[name=name]", "alice").await;
    types(&browser, "input[name=code]", "123456").await;
    presses(&browser, "main button", "#error").await;
    assert!(reads(&browser).await.contains("That name and code don't match."));
    browser.screenshot("name-and-code").await;
    types(&browser, "input[name=code]", &world.alice.phone.fresh()).await;
    presses(&browser, "main button", ".notice").await;
    presses(&browser, "main a.button", "#dw__login").await;
    assert_eq!(browser.client.current_url().await.unwrap().as_str(), wanted);
    signs_in(&browser, "alice", "li.user").await;
    assert!(reads(&browser).await.contains("Formatting Syntax"));

    // Signed out of the wiki the code still holds; as bob it does not, and nothing of bob's is shown.
    let link = "return document.querySelector('li.logout a, a.logout').href";
    let out = browser.client.execute(link, vec![]).await.unwrap();
    browser.client.goto(out.as_str().unwrap()).await.unwrap();
    browser.client.goto(&world.page("/doku.php?id=start&do=login")).await.unwrap();
    signs_in(&browser, "bob", "input[name=code]").await;
    browser.client.goto(&wanted).await.unwrap();
    let page = reads(&browser).await;
    assert!(!page.contains("bob") && page.contains("to go on to Wiki"), "{page}");
    browser.close().await;
}

//! Every page of the portal in every state, as everybody sees it: on a desk, on a small phone, by night, with forced colours, at
//! twice the size. And the way in without a mouse.

use fantoccini::Locator;
use twofold_tests::world::PASSWORD;
use twofold_tests::{Browser, Person, World, traces};

/// One that can be told of a day to come, of a phone to be set up and of what is closed.
fn world() -> World {
    let rules = "[[enrolment]]\nhosts = [\"mail.localhost\"]\npolicy = \"required\"\nfrom = \"2999-01-01\"\nsign_ins = 5\n\
                 [[rule]]\npaths = [\"/closed\"]\npolicy = \"deny\"\n";
    World::with("", rules)
}

#[tokio::test]
async fn the_pages_of_a_sign_in_fit_everybody() {
    let world = world();
    let browser = Browser::start(1280, 900).await;
    let person = Person(&browser.client);
    let fits = async |page: &str| browser.fits_everybody(page, "en").await;
    person.goes_to(&world.page("wiki", "/")).await;
    fits("sign-in").await;
    person.gives("alice", "wrong").await;
    fits("sign-in-refused").await;
    person.gives("alice", PASSWORD).await;
    fits("code").await;
    person.gives_code(&world.alice.phone.wrong()).await;
    fits("code-refused").await;
    let sign_in = person.is_at().await;
    person.presses("a[href^='/lost/']", "form[action^='/lost/']").await;
    fits("lost").await;
    person.types("code", "123456").await;
    person.presses("main form button", ".error").await;
    fits("lost-refused").await;
    person.goes_to(&sign_in).await;
    person.gives_code(&world.alice.phone.fresh()).await;
    fits("notices").await;
    person.reads_notices().await;
    person.goes_to(&world.page("id", "/")).await;
    fits("signed-in").await;
    for (site, path, page) in [
        ("mail", "/%2f", "unclear"),
        ("nowhere", "/", "no-such-site"),
        ("id", "/nothing", "not-found"),
        ("wiki", "/closed", "closed"),
        ("id", "/code/aaaaaaaaaaaaaaaaaaaaaa", "sign-in-over"),
    ] {
        person.goes_to(&world.page(site, path)).await;
        fits(page).await;
    }
    person.goes_to(&world.page("id", "/sign-out")).await;
    fits("sign-out").await;
    person.presses_the_button().await;
    person.arrives_at(&world.page("id", "/signed-out")).await;
    fits("signed-out").await;
    // Before the day, bob may go on without.
    person.goes_to(&world.page("mail", "/")).await;
    person.gives("bob", PASSWORD).await;
    fits("soon").await;
    browser.close().await;
}

#[tokio::test]
async fn the_pages_of_the_wizard_fit_everybody() {
    let world = world();
    let browser = Browser::start(1280, 900).await;
    let person = Person(&browser.client);
    let fits = async |page: &str| browser.fits_everybody(page, "en").await;
    person.goes_to(&world.page("wiki", "/private")).await;
    person.gives("bob", PASSWORD).await;
    person.sees("svg.qr").await;
    let phone = browser.scans("wizard-scan", world.authority.clock()).await;
    person.presses("details summary", "#digits").await;
    fits("enrol-scan").await;
    person.presses("form[action$='/cancel'] button", "main a.button").await;
    fits("enrol-cancelled").await;
    person.presses("main a.button", "svg.qr").await;
    let next = browser.scans("wizard-scan-again", world.authority.clock()).await;
    assert_ne!(next.secret(), phone.secret());
    person.presses("main a.button", "input[name=enrolment]").await;
    fits("enrol-verify").await;
    person.types("code", &next.wrong()).await;
    person.presses("form[action$='/verify'] button", ".error li").await;
    fits("enrol-verify-refused").await;
    person.types("code", &next.fresh()).await;
    person.presses("form[action$='/verify'] button", ".codes").await;
    person.reads_codes().await;
    fits("enrol-codes").await;
    person.finishes().await;
    person.sees_app("The wiki").await;
    // A further device keeps the codes.
    person.goes_to(&world.page("id", "/enrol")).await;
    person.sees("svg.qr").await;
    let second = browser.scans("wizard-second", world.authority.clock()).await;
    person.verifies(&second.fresh(), "form[action$='/finish']").await;
    fits("enrol-codes-stay").await;
    for (code, page) in [("abcd-efgh", "invitation"), (&*"a".repeat(200), "invitation-over")] {
        person.goes_to(&world.page("id", &format!("/invitation/{code}"))).await;
        fits(page).await;
    }
    browser.close().await;
}

#[tokio::test]
async fn the_pages_of_an_account_fit_everybody() {
    let world = world();
    let browser = Browser::start(1280, 900).await;
    let person = Person(&browser.client);
    let fits = async |page: &str| browser.fits_everybody(page, "en").await;
    let account = |path: &str| world.page("id", &format!("/account{path}"));
    world.authority.link("local:alice", "alice-at-a-realm-with-quite-a-long-name.example.com:alice.liddell");
    person.goes_to(&account("")).await;
    person.gives("alice", PASSWORD).await;
    person.gives_code(&world.alice.phone.fresh()).await;
    person.reads_notices().await;
    person.sees("#devices").await;
    person.presses("a[href='/account/key']", "#label").await;
    fits("account-new-key").await;
    person.types("label", "nightly backup of all that there is on the wiki").await;
    person.presses("main form button", ".error").await;
    fits("account-new-key-refused").await;
    person.ticks("site-1").await;
    person.presses("main form button", "#key").await;
    let key = browser.client.find(Locator::Css("#key")).await.unwrap().text().await.unwrap();
    traces::issued("API key", &key);
    fits("account-fresh-key").await;
    person.presses("main a.button", "#keys").await;
    fits("account").await;
    for (link, page) in [
        ("/account/rename/", "account-rename"),
        ("/account/remove/", "account-remove"),
        ("/account/rotate/", "account-rotate"),
        ("/account/revoke/", "account-revoke"),
        ("/account/part/", "account-part"),
        ("/account/codes", "account-codes"),
        ("/account/off", "account-off"),
    ] {
        person.goes_to(&account("")).await;
        person.presses(&format!("a[href^='{link}']"), "a[href='/account']").await;
        fits(page).await;
    }
    person.presses_the_button_that("main form button").await;
    fits("account-off-refused").await;
    person.goes_to(&account("/codes")).await;
    person.types("password", PASSWORD).await;
    person.presses("main form button", ".codes").await;
    person.reads_codes().await;
    fits("account-new-codes").await;
    person.goes_to(&account("/off")).await;
    person.types("password", PASSWORD).await;
    person.presses("main form button", "main a.button").await;
    fits("account-turned-off").await;
    browser.close().await;
}

#[tokio::test]
async fn signing_in_and_setting_up_a_phone_by_keyboard_alone() {
    let world = World::start();
    let browser = Browser::start(1280, 900).await;
    let person = Person(&browser.client);
    // What is to be typed first has the focus when a page opens.
    person.goes_to(&world.page("wiki", "/private")).await;
    person.keys("bob").await;
    person.tabs_to("#password").await;
    person.keys(PASSWORD).await;
    person.enters("svg.qr").await;
    let phone = browser.scans("keyboard", world.authority.clock()).await;
    // The key can be reached and read, and so can the other kinds of codes.
    person.tabs_to("#key").await;
    person.tabs_to("main a.button").await;
    person.enters("input[name=enrolment]").await;
    person.keys(&phone.wrong()).await;
    person.enters(".error li").await;
    person.keys(&phone.fresh()).await;
    person.tabs_to("form[action$='/verify'] button").await;
    person.enters(".codes").await;
    let codes = person.reads_codes().await;
    person.tabs_to("form[action$='/codes.txt'] button").await;
    person.tabs_to("#kept").await;
    person.keys(" ").await;
    person.tabs_to("form[action$='/finish'] button").await;
    person.presses_enter().await;
    person.sees_app("The wiki").await;
    // And in again, with a backup code, and out.
    person.signs_out(&world.gate, "id").await;
    person.goes_to(&world.page("id", "/account")).await;
    person.keys("bob").await;
    person.tabs_to("#password").await;
    person.keys(PASSWORD).await;
    person.enters("input[name=code]").await;
    person.keys(&codes[0]).await;
    person.enters(".notice").await;
    person.tabs_to("main a.button").await;
    person.enters("#devices").await;
    person.tabs_to("a[href='/account/off']").await;
    person.enters("button.danger").await;
    // A mistake is where the focus goes, so that it is read aloud and can be mended.
    let focused = browser.client.active_element().await.unwrap();
    assert_eq!(focused.attr("id").await.unwrap().as_deref(), Some("password"));
    browser.close().await;
}

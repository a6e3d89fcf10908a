//! Setting up a second factor in a real Chromium, beside the stories of `browser_stories.rs`: in two tabs, twice, too late, by
//! invitation, before the day, and with the browser's own buttons. Pictures are read from the screen by zbarimg.

use fantoccini::Locator;
use twofold_tests::world::PASSWORD;
use twofold_tests::{Browser, Person, World, traces};

/// Signs in as bob for the wiki, as far as the wizard.
async fn signs_in(person: &Person<'_>, world: &World) {
    person.goes_to(&world.page("wiki", "/private")).await;
    person.gives("bob", PASSWORD).await;
    person.sees("svg.qr").await;
}

#[tokio::test]
async fn two_tabs_of_one_browser_show_one_picture_and_either_may_finish() {
    let world = World::start();
    let browser = Browser::start(1280, 900).await;
    let (client, person) = (&browser.client, Person(&browser.client));
    signs_in(&person, &world).await;
    let first = client.window().await.unwrap();
    let phone = browser.scans("two-tabs-1", world.authority.clock()).await;
    let second = client.new_window(true).await.unwrap().handle;
    client.switch_to_window(second).await.unwrap();
    person.goes_to(&world.page("wiki", "/other")).await;
    person.sees("svg.qr").await;
    assert_eq!(browser.scans("two-tabs-2", world.authority.clock()).await.secret(), phone.secret());
    person.verifies(&phone.fresh(), ".codes").await;
    person.reads_codes().await;
    person.finishes().await;
    person.sees_app("The wiki").await;
    // The other tab's Next leads on to where it wanted, without another code.
    client.switch_to_window(first).await.unwrap();
    person.presses_the_button_that("main a.button").await;
    person.sees_app("The wiki").await;
    assert!(person.is_at().await.ends_with("/private"));
    browser.close().await;
}

#[tokio::test]
async fn a_code_sent_twice_is_one_device_and_its_codes_are_seen() {
    let world = World::start();
    let browser = Browser::start(1280, 900).await;
    let person = Person(&browser.client);
    signs_in(&person, &world).await;
    let phone = browser.scans("twice", world.authority.clock()).await;
    person.presses("main a.button", "input[name=enrolment]").await;
    person.types("code", &phone.fresh()).await;
    // Beside the page's own guard against it, as a browser without scripts would.
    let twice =
        "const form = document.querySelector(\"form[action$='/verify']\"); form.submit(); form.submit();";
    browser.client.execute(twice, vec![]).await.unwrap();
    person.sees(".codes").await;
    assert_eq!(person.reads_codes().await.len(), 10);
    person.finishes().await;
    person.sees_app("The wiki").await;
    let enrolled = world
        .authority
        .audit()
        .into_iter()
        .filter(|event| event.action == "enrol" && event.name.as_deref() == Some("local:bob"))
        .count();
    assert_eq!(enrolled, 1);
    browser.close().await;
}

#[tokio::test]
async fn an_enrolment_that_runs_out_under_ones_eyes_leaves_nothing() {
    let world = World::start();
    let browser = Browser::start(1280, 900).await;
    let person = Person(&browser.client);
    signs_in(&person, &world).await;
    let phone = browser.scans("expired", world.authority.clock()).await;
    person.presses("main a.button", "input[name=enrolment]").await;
    world.authority.clock().shift(601);
    person.types("code", &phone.fresh()).await;
    person.presses_the_button_that("form[action$='/verify'] button").await;
    assert!(!person.sees_field("kept").await && !world.account("bob").enrolled, "{}", person.reads().await);
    // Signing in once more, which is asked for by now, begins anew with another picture.
    person.goes_to(&world.page("wiki", "/private")).await;
    assert!(person.reads().await.contains("no older than five minutes"), "{}", person.reads().await);
    person.presses("main form button", "input[name=password]").await;
    person.gives("bob", PASSWORD).await;
    person.sees("svg.qr").await;
    let fresh = browser.scans("expired-again", world.authority.clock()).await;
    assert_ne!(fresh.secret(), phone.secret());
    person.verifies(&fresh.fresh(), ".codes").await;
    person.reads_codes().await;
    browser.close().await;
}

#[tokio::test]
async fn an_invitation_lets_one_browser_set_up_a_phone_after_the_password() {
    let world = World::with("[enrolment]\nfirst = \"invitation\"\n", "");
    let invited = world.authority.twofold(&["--json", "invite", "local:bob"]).expect_success();
    let invited: serde_json::Value = serde_json::from_str(&invited).unwrap();
    let code = invited["code"].as_str().unwrap();
    traces::issued("invitation", code);
    let browser = Browser::start(1280, 900).await;
    let person = Person(&browser.client);
    person.goes_to(&world.page("wiki", "/private")).await;
    person.gives("bob", PASSWORD).await;
    assert!(person.reads().await.contains("You need an invitation"), "{}", person.reads().await);
    person.goes_to(&world.page("id", &format!("/invitation/{code}"))).await;
    assert!(person.reads().await.contains("You are invited"));
    person.presses_the_button_that("form[action^='/invitation/'] button").await;
    assert!(person.reads().await.contains("Now sign in"), "{}", person.reads().await);
    // Another browser comes too late.
    let mut late = world.gate.visitor();
    let page = late.get(&world.page("id", &format!("/invitation/{code}")));
    let page = late.submit(&page, &page.form_to("/invitation/"));
    assert!(page.body.contains("good any more"), "{page:?}");
    person.goes_to(&world.page("wiki", "/private")).await;
    person.sees("svg.qr").await;
    let phone = browser.scans("invited", world.authority.clock()).await;
    person.verifies(&phone.fresh(), ".codes").await;
    person.reads_codes().await;
    person.finishes().await;
    person.sees_app("The wiki").await;
    assert_eq!(world.wiki.seen().last().unwrap().header("remote-user"), ["bob"]);
    browser.close().await;
}

#[tokio::test]
async fn before_the_day_the_wizard_can_wait_and_then_not() {
    let rule = "[[enrolment]]\npolicy = \"required\"\nfrom = \"2999-01-01\"\nsign_ins = 1\n";
    let world = World::with("", rule);
    let browser = Browser::start(1280, 900).await;
    let person = Person(&browser.client);
    person.goes_to(&world.page("wiki", "/private")).await;
    person.gives("bob", PASSWORD).await;
    assert!(person.reads().await.contains("last time"), "{}", person.reads().await);
    browser.screenshot("soon").await;
    person.presses_the_button_that("main form button").await;
    person.sees_app("The wiki").await;
    person.signs_out(&world.gate, "id").await;
    signs_in(&person, &world).await;
    browser.close().await;
}

/// What a script does with the clipboard, as far as a page can see it.
const WATCHES: &str = "
window.copied = [];
Object.defineProperty(navigator, 'clipboard', {value: {writeText: text => { window.copied.push(text); return Promise.resolve(); }}});
window.printed = 0;
window.print = () => { window.printed += 1; };
";

/// Puts text into the field of the code as a paste does, or as the keys do.
const GIVES: &str = "
const [text, how] = arguments, field = document.getElementById('code');
field.value = text;
field.dispatchEvent(new InputEvent('input', {inputType: how, bubbles: true}));
";

#[tokio::test]
async fn reloading_going_back_pasting_copying_and_printing_do_what_a_person_expects() {
    let world = World::start();
    let browser = Browser::start(1100, 900).await;
    let (client, person) = (&browser.client, Person(&browser.client));
    signs_in(&person, &world).await;
    let phone = browser.scans("history", world.authority.clock()).await;
    // Loaded again it is the same picture: what was scanned stays good.
    client.refresh().await.unwrap();
    assert_eq!(browser.scans("history-again", world.authority.clock()).await.secret(), phone.secret());
    // On to the code, back to the picture, and on again.
    person.presses("main a.button", "#code").await;
    client.back().await.unwrap();
    person.sees("svg.qr").await;
    client.forward().await.unwrap();
    person.sees("#code").await;
    client.refresh().await.unwrap();
    person.sees("#code").await;

    // What is typed waits for the button; what is pasted is sent at once, blanks and all.
    let code = phone.fresh();
    let gives = |text: &str, how: &str| vec![text.into(), how.into()];
    client.execute(GIVES, gives(&code, "insertText")).await.unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    assert!(person.sees_field("code").await && !world.account("bob").enrolled, "typed codes are not sent");
    let (head, tail) = code.split_at(3);
    client.execute(GIVES, gives(&format!("{head} {tail}"), "insertFromPaste")).await.unwrap();
    person.sees("#codes").await;
    assert!(world.account("bob").enrolled);

    // Codes are copied and printed by a press, and a reload does not lose them.
    client.refresh().await.unwrap();
    let codes = person.reads_codes().await;
    client.execute(WATCHES, vec![]).await.unwrap();
    person.presses("[data-copy]", "#codes").await;
    person.presses("[data-print]", "#codes").await;
    let told = client.execute("return [window.copied, window.printed]", vec![]).await.unwrap();
    assert_eq!(told[1], 1);
    let copied = told[0][0].as_str().unwrap().replace(' ', "");
    assert_eq!(
        copied.lines().collect::<Vec<_>>(),
        codes.iter().map(|code| code.replace(' ', "")).collect::<Vec<_>>()
    );
    let button = client.find(Locator::Css("[data-copy]")).await.unwrap().text().await.unwrap();
    assert_eq!(button, "Copied");

    // Back from here nothing can be begun anew by accident: the phone is on, and stays the only one.
    client.back().await.unwrap();
    client.forward().await.unwrap();
    person.sees("#codes").await;
    person.finishes().await;
    person.sees_app("The wiki").await;
    // Nor does the browser show the codes again, which may have kept the page.
    client.back().await.unwrap();
    person.sees_app("The wiki").await;
    assert!(!person.reads().await.contains(&codes[0]));
    assert_eq!(world.account("bob").devices.len(), 1);
    browser.close().await;
}

//! What is left of the five products' stories: turning two-factor on from one's own account, living with it, and losing it.
//! Each test is called after its story and the steps of it; the others are in `browser_enrolment.rs` and
//! `browser_account.rs`. Where a walk needs no script it is walked without as well.

use std::process::Command;

use fantoccini::Locator;
use twofold_tests::world::PASSWORD;
use twofold_tests::{Browser, Person, World, run, traces};

/// Whoever has no second factor may do without: they turn it on themselves.
const OPTIONAL: &str = "[[enrolment]]\npolicy = \"optional\"\n";

/// Signs in at the portal as bob, who has no second factor, and comes to his account over the page that lists his sites.
async fn comes_to_the_account(person: &Person<'_>, world: &World) {
    person.goes_to(&world.page("id", "/")).await;
    person.gives("bob", PASSWORD).await;
    assert!(person.sees_title().await.starts_with("You are signed in"), "{}", person.reads().await);
    person.presses("main a[href='/account']", "a[href='/enrol']").await;
    assert!(person.sees_title().await.starts_with("Your account"), "{}", person.reads().await);
    assert!(person.reads().await.contains("Two-factor is off"), "{}", person.reads().await);
}

/// Signs in at the portal, on the way to the account page, with this code.
async fn signs_in(person: &Person<'_>, world: &World, code: &str) {
    person.goes_to(&world.page("id", "/account")).await;
    person.gives("bob", PASSWORD).await;
    person.sees("input[name=code]").await;
    person.gives_code(code).await;
}

async fn sparkpost(browser: &Browser) {
    let (world, person) = (World::with("", OPTIONAL), Person(&browser.client));
    // 1: Account menu, Profile, Enable 2FA.
    comes_to_the_account(&person, &world).await;
    person.presses("main a.button", "svg.qr").await;
    // 2, 4
    assert!(!world.account("bob").enrolled);
    let (phone, codes) = person.sets_up(browser, "sparkpost-1", world.authority.clock()).await;
    person.sees("#devices").await;
    assert!(person.is_at().await.ends_with("/account") && world.account("bob").enrolled);
    assert!(person.reads().await.contains("Two-factor is on") && codes.len() == 10);
    // 7: from now on a second page asks.
    person.signs_out(&world.gate, "id").await;
    signs_in(&person, &world, &phone.fresh()).await;
    person.reads_notices().await;
    person.sees("#devices").await;
}

#[tokio::test]
async fn sparkpost_1_two_factor_is_turned_on_from_ones_own_account() {
    Browser::with_and_without_scripts(sparkpost).await;
}

async fn northstack(browser: &Browser) {
    let (world, person) = (World::with("", OPTIONAL), Person(&browser.client));
    let contacts = ["account", "contacts", "local:bob", "--phone", "+49 30 1234567"];
    world.authority.twofold(&contacts).expect_success();
    // 1: User icon, User Settings, Manage Multi-Factor Authentication.
    comes_to_the_account(&person, &world).await;
    // 2: the number is there already, to be checked.
    assert!(person.reads().await.contains("Phone: +49301234567"), "{}", person.reads().await);
    // 3
    person.presses("main a.button", "svg.qr").await;
    let phone = browser.scans("northstack-1", world.authority.clock()).await;
    person.verifies(&phone.by_pyotp(0), ".codes").await;
    assert!(person.reads().await.contains("Two-factor is on"), "{}", person.reads().await);
    person.reads_codes().await;
    person.finishes().await;
    person.sees("#devices").await;
}

#[tokio::test]
async fn northstack_1_2_3_from_the_account_over_the_number_and_the_picture_to_secured() {
    Browser::with_and_without_scripts(northstack).await;
}

async fn mailersend(browser: &Browser) {
    let (world, person) = (World::with("", OPTIONAL), Person(&browser.client));
    // 1: My profile, on: the picture.
    comes_to_the_account(&person, &world).await;
    person.presses("main a.button", "svg.qr").await;
    // 2
    let phone = browser.scans("mailersend-1", world.authority.clock()).await;
    person.verifies(&phone.fresh(), ".codes").await;
    // 3
    let codes = person.reads_codes().await;
    let file = person.downloads().await;
    assert!(codes.iter().all(|code| file.contains(code)), "{file}");
    person.finishes().await;
    person.sees("#devices").await;
    // 5: off with the password. What there was is dead at once, and on again begins with another picture.
    person.presses("a[href='/account/off']", "#password").await;
    person.types("password", PASSWORD).await;
    person.presses("main button.danger", "a.button").await;
    assert!(person.sees_title().await.starts_with("Two-factor is off") && !world.account("bob").enrolled);
    comes_to_the_account(&person, &world).await;
    person.presses("main a.button", "svg.qr").await;
    let next = browser.scans("mailersend-5", world.authority.clock()).await;
    assert_ne!(next.secret(), phone.secret());
    for dead in [phone.fresh(), codes[0].clone()] {
        person.goes_to(&world.page("id", "/enrol")).await;
        person.sees("svg.qr").await;
        person.verifies(&dead, ".error").await;
        assert!(!world.account("bob").enrolled);
    }
    person.types("code", &next.fresh()).await;
    person.presses("form[action$='/verify'] button", ".codes").await;
    let fresh = person.reads_codes().await;
    assert!(fresh.iter().all(|code| !codes.contains(code)) && fresh.len() == 10);
}

#[tokio::test]
async fn mailersend_1_2_3_5_on_with_a_picture_a_file_and_off_and_on_again() {
    Browser::with_and_without_scripts(mailersend).await;
}

async fn boomi(browser: &Browser) {
    let (world, person) = (World::with("", OPTIONAL), Person(&browser.client));
    // 1: Settings, Authentication, on: the wizard opens.
    comes_to_the_account(&person, &world).await;
    person.presses("main a.button", "svg.qr").await;
    assert!(person.reads().await.contains("Step 1 of 3"), "{}", person.reads().await);
    // 2 to 4
    let (old, codes) = person.sets_up(browser, "boomi-1", world.authority.clock()).await;
    person.sees("#devices").await;
    // 5: reconfigured: another phone, and the first one goes.
    person.presses("a[href='/enrol']", "svg.qr").await;
    let phone = browser.scans("boomi-5", world.authority.clock()).await;
    person.presses("main a.button", "input[name=enrolment]").await;
    person.types("label", "The new one").await;
    person.types("code", &phone.fresh()).await;
    person.presses("form[action$='/verify'] button", "form[action$='/finish']").await;
    person.presses("form[action$='/finish'] button", "#devices").await;
    let first =
        world.account("bob").devices.into_iter().find(|device| device.label != "The new one").unwrap();
    person.presses(&format!("a[href='/account/remove/{}']", first.id), "#password").await;
    person.types("code", &phone.fresh()).await;
    person.presses("main button.danger", "#devices").await;
    assert_eq!(world.account("bob").devices.len(), 1);
    // The codes regenerated: the old ones are dead.
    person.presses("a[href='/account/codes']", "#password").await;
    person.types("password", PASSWORD).await;
    person.presses("main form button", ".codes").await;
    let fresh = person.reads_codes().await;
    assert!(fresh.len() == 10 && fresh.iter().all(|code| !codes.contains(code)));
    person.signs_out(&world.gate, "id").await;
    signs_in(&person, &world, &codes[0]).await;
    assert!(person.reads_error().await.contains("didn't match"), "{}", person.reads().await);
    person.gives_code(&old.fresh()).await;
    assert!(person.reads_error().await.contains("didn't match"), "{}", person.reads().await);
    person.gives_code(&fresh[0]).await;
    person.reads_notices().await;
    person.sees("#devices").await;
    // Disabling means doing it all again.
    person.presses("a[href='/account/off']", "#password").await;
    person.types("code", &phone.fresh()).await;
    person.presses("main button.danger", "a.button").await;
    comes_to_the_account(&person, &world).await;
    person.presses("main a.button", "svg.qr").await;
    assert!(person.reads().await.contains("Step 1 of 3"), "{}", person.reads().await);
}

#[tokio::test]
async fn boomi_1_5_the_wizard_opens_from_the_account_and_later_all_of_it_is_changed() {
    Browser::with_and_without_scripts(boomi).await;
}

async fn sendgrid_3(browser: &Browser) {
    let (world, person) = (World::start(), Person(&browser.client));
    let phone = &world.alice.phone;
    // A code to sign in.
    person.goes_to(&world.page("id", "/account")).await;
    person.gives("alice", PASSWORD).await;
    assert!(person.sees_field("code").await && !person.reads().await.contains("Two-factor is on"));
    person.gives_code(&phone.fresh()).await;
    person.reads_notices().await;
    person.sees("#devices").await;
    // And to change anything about it: not without one, or the password, whatever was given before.
    for page in ["codes", "off"] {
        person.goes_to(&world.page("id", &format!("/account/{page}"))).await;
        person.presses_the_button_that("main form button").await;
        assert!(person.reads_error().await.contains("confirm that it's you"), "{}", person.reads().await);
    }
    person.presses("main a[href='/account']", "#devices").await;
    person.presses("a[href^='/account/rename/']", "#label").await;
    person.types("label", "Not mine").await;
    person.types("code", &phone.wrong()).await;
    person.presses("main form button", ".error").await;
    // Another device, six minutes later: a fresh code first.
    world.authority.clock().shift(360);
    person.goes_to(&world.page("id", "/enrol")).await;
    assert!(person.sees_field("code").await, "{}", person.reads().await);
    let account = world.account("alice");
    assert!(account.enrolled && account.backup_codes_left == 10 && account.devices[0].label != "Not mine");
}

#[tokio::test]
async fn sendgrid_3_from_then_on_a_code_is_needed_to_sign_in_and_to_change_anything() {
    Browser::with_and_without_scripts(sendgrid_3).await;
}

async fn sendgrid_4(browser: &Browser) {
    let (world, person) = (World::start(), Person(&browser.client));
    person.goes_to(&world.page("wiki", "/")).await;
    person.gives("bob", PASSWORD).await;
    person.sees("svg.qr").await;
    person.presses("details summary", "#digits").await;
    let seven = browser.client.find(Locator::Css("#digits option[value='7']")).await.unwrap();
    seven.click().await.unwrap();
    person.presses_the_button_that("details form button").await;
    assert!(person.reads().await.contains("SHA-1, 7 digits"), "{}", person.reads().await);
    let phone = browser.scans("sendgrid-4", world.authority.clock()).await;
    person.presses("main a.button", "input[name=enrolment]").await;
    assert!(person.reads().await.contains("Enter the 7 digits"), "{}", person.reads().await);
    let code = phone.fresh();
    assert_eq!(code.len(), 7);
    person.types("code", &code).await;
    person.presses("form[action$='/verify'] button", ".codes").await;
    person.reads_codes().await;
    person.finishes().await;
    person.sees_app("The wiki").await;
    // The browser knows by now how long its codes are; another one is not told before it has given one.
    person.signs_out(&world.gate, "id").await;
    person.goes_to(&world.page("wiki", "/")).await;
    person.gives("bob", PASSWORD).await;
    assert!(person.reads().await.contains("Enter the 7 digits"), "{}", person.reads().await);
    person.gives_code(&phone.by_pyotp(30)).await;
    person.reads_notices().await;
    person.sees_app("The wiki").await;
}

#[tokio::test]
async fn sendgrid_4_a_token_of_seven_digits() {
    Browser::with_and_without_scripts(sendgrid_4).await;
    let world = World::start();
    let mut web = world.gate.visitor();
    let page = web.give_password(&world.page("wiki", "/"), "alice", PASSWORD);
    assert!(
        page.body.contains("Enter the code from your phone") && !page.body.contains("data-length"),
        "{page:?}"
    );
    web.give_code(&page, &world.alice.phone.fresh());
    let jar = web.cookies("id.localhost");
    assert_eq!(jar.get("__Host-twofold-digits").map(String::as_str), Some("6"));
}

#[tokio::test]
async fn sendgrid_5_name_and_password_alone_open_no_api_and_a_key_made_at_the_account_does() {
    let world = World::start();
    let api = world.page("wiki", "/api/mail");
    let host = format!("wiki.localhost:{}:127.0.0.1", world.gate.port());
    let curl = |more: &[&str]| {
        let answer = run(Command::new("curl")
            .args(["-s", "-w", "\n%{http_code}", "--resolve", &host])
            .args(more)
            .arg(&api));
        answer.expect_success()
    };
    let refused = curl(&["-u", &format!("alice:{PASSWORD}")]);
    assert!(refused.ends_with("\n401") && refused.contains("use an API key"), "{refused}");
    let browser = Browser::start(1280, 900).await;
    let person = Person(&browser.client);
    person.goes_to(&world.page("id", "/account")).await;
    person.gives("alice", PASSWORD).await;
    person.gives_code(&world.alice.phone.fresh()).await;
    person.reads_notices().await;
    person.presses("a[href='/account/key']", "#label").await;
    person.types("label", "nightly").await;
    person.ticks("site-1").await;
    person.presses("main form button", "#key").await;
    let key = browser.client.find(Locator::Css("#key")).await.unwrap().text().await.unwrap();
    traces::issued("API key", &key);
    let let_in = curl(&["-u", &format!("alice:{key}")]);
    assert!(let_in.ends_with("\n200") && let_in.contains("The wiki"), "{let_in}");
    assert!(curl(&["-u", &format!("alice:{PASSWORD}")]).ends_with("\n401"));
    browser.close().await;
}

async fn sendgrid_8(browser: &Browser) {
    let (world, person) = (World::start(), Person(&browser.client));
    let old = &world.alice;
    // Locked out: the phone is gone, and so are the codes. The page says who can help.
    person.goes_to(&world.page("wiki", "/private")).await;
    person.gives("alice", PASSWORD).await;
    person.presses("a[href^='/lost/']", "form[action^='/lost/']").await;
    assert!(person.reads().await.contains("No backup code left? Ask the people who run this service"));
    // The people in charge turn it off and invite; they see no secret.
    let reset = world.authority.twofold(&["reset", "local:alice", "--yes"]);
    reset.expect_success();
    let invited = world.authority.twofold(&["--json", "invite", "local:alice"]).expect_success();
    let invited: serde_json::Value = serde_json::from_str(&invited).unwrap();
    let code = invited["code"].as_str().unwrap();
    traces::issued("invitation", code);
    person.goes_to(&world.page("id", &format!("/invitation/{code}"))).await;
    person.presses_the_button_that("form[action^='/invitation/'] button").await;
    assert!(person.reads().await.contains("Now sign in"), "{}", person.reads().await);
    person.goes_to(&world.page("wiki", "/private")).await;
    person.gives("alice", PASSWORD).await;
    let (phone, codes) = person.sets_up(browser, "sendgrid-8", world.authority.clock()).await;
    person.sees_app("The wiki").await;
    assert!(phone.secret() != old.phone.secret() && codes.len() == 10);
    // What was lost opens nothing.
    person.signs_out(&world.gate, "id").await;
    person.goes_to(&world.page("wiki", "/private")).await;
    person.gives("alice", PASSWORD).await;
    for dead in [old.phone.fresh(), old.backup_codes[0].clone()] {
        person.gives_code(&dead).await;
        assert!(person.reads_error().await.contains("didn't match"), "{}", person.reads().await);
    }
    person.gives_code(&phone.fresh()).await;
    person.reads_notices().await;
    person.sees_app("The wiki").await;
}

#[tokio::test]
async fn sendgrid_8_locked_out_and_let_in_again_by_the_people_in_charge() {
    Browser::with_and_without_scripts(sendgrid_8).await;
}

//! SendGrid's story of a second factor in a real Chromium: a test for each of its steps, with scripts and once more without.
//! Steps 1 and 8, where others are in charge, are in `browser_operators.rs`; step 2's text messages are not offered.

use std::process::Command;

use fantoccini::Locator;
use twofold_tests::world::PASSWORD;
use twofold_tests::{Browser, Person, World, run};

/// Alice, who has a phone, signs in on the way to her account.
async fn comes_to_the_account(person: &Person<'_>, world: &World, code: &str) {
    person.goes_to(&world.page("id", "/account")).await;
    person.gives("alice", PASSWORD).await;
    person.gives_code(code).await;
    person.reads_notices().await;
    person.sees("#devices").await;
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

/// What the wiki's gate answers to a program: the page and its status.
fn asks_the_api(world: &World, credentials: &str) -> String {
    let host = format!("wiki.localhost:{}:127.0.0.1", world.gate.port());
    let answer = run(Command::new("curl")
        .args(["-s", "-w", "\n%{http_code}", "--resolve", &host, "-u", credentials])
        .arg(world.page("wiki", "/api/mail")));
    answer.expect_success()
}

async fn sendgrid_5(browser: &Browser) {
    let (world, person) = (World::start(), Person(&browser.client));
    let by_password = || asks_the_api(&world, &format!("alice:{PASSWORD}"));
    let refused = by_password();
    assert!(refused.ends_with("\n401") && refused.contains("use an API key"), "{refused}");
    comes_to_the_account(&person, &world, &world.alice.phone.fresh()).await;
    person.presses("a[href='/account/key']", "#label").await;
    person.types("label", "nightly").await;
    person.ticks("site-1").await;
    person.presses("main form button", "#key").await;
    let key = person.reads_key().await;
    let let_in = asks_the_api(&world, &format!("alice:{key}"));
    assert!(let_in.ends_with("\n200") && let_in.contains("The wiki"), "{let_in}");
    assert!(by_password().ends_with("\n401"));
}

#[tokio::test]
async fn sendgrid_5_name_and_password_alone_open_no_api_and_a_key_made_at_the_account_does() {
    Browser::with_and_without_scripts(sendgrid_5).await;
}

async fn sendgrid_6(browser: &Browser) {
    let (world, person) = (World::start(), Person(&browser.client));
    let first = &world.alice.phone;
    comes_to_the_account(&person, &world, &first.fresh()).await;
    // Six minutes later a code is asked for before the picture is shown.
    world.authority.clock().shift(360);
    person.goes_to(&world.page("id", "/account")).await;
    person.presses("a[href='/enrol']", "input[name=code]").await;
    person.types("code", &first.fresh()).await;
    person.presses("main form button", "svg.qr, .notice").await;
    person.reads_notices().await;
    person.sees("svg.qr").await;
    let second = browser.scans("sendgrid-6", world.authority.clock()).await;
    person.presses("main a.button", "input[name=enrolment]").await;
    person.types("label", "Second phone").await;
    person.types("code", &second.fresh()).await;
    person.presses("form[action$='/verify'] button", "form[action$='/finish']").await;
    assert!(person.reads().await.contains("stay good"), "{}", person.reads().await);
    person.presses("form[action$='/finish'] button", "a[href='/enrol']").await;
    assert!(person.is_at().await.ends_with("/account"));
    renames_the_first(&person, &world).await;
    // Either opens the account.
    person.signs_out(&world.gate, "id").await;
    comes_to_the_account(&person, &world, &first.fresh()).await;
    person.signs_out(&world.gate, "id").await;
    comes_to_the_account(&person, &world, &second.by_pyotp(30)).await;
}

/// Two are told apart by their names.
async fn renames_the_first(person: &Person<'_>, world: &World) {
    let devices = world.account("alice").devices;
    let first = devices.iter().find(|device| device.label != "Second phone").unwrap();
    person.presses(&format!("a[href='/account/rename/{}']", first.id), "#label").await;
    person.types("label", "Pixel <9> & \"co\"").await;
    person.types("password", PASSWORD).await;
    person.presses("main form button", "#devices").await;
    let read = person.reads().await;
    assert!(read.contains("Pixel <9> & \"co\"") && read.contains("Second phone"), "{read}");
    assert!(read.contains("renamed a device to Pixel"), "it is told under activity: {read}");
}

#[tokio::test]
async fn sendgrid_6_a_second_phone_is_added_and_named_and_either_signs_in() {
    Browser::with_and_without_scripts(sendgrid_6).await;
}

async fn sendgrid_7(browser: &Browser) {
    let (world, person) = (World::start(), Person(&browser.client));
    let phone = &world.alice.phone;
    let used = phone.fresh();
    comes_to_the_account(&person, &world, &used).await;
    // Action menu, Delete.
    person.presses("a[href^='/account/remove/']", "#code").await;
    assert!(person.reads().await.contains("It is your last one"), "{}", person.reads().await);
    // Enter the code: not one that was given before.
    person.types("code", &used).await;
    person.presses("main form button", ".error").await;
    assert!(world.account("alice").enrolled, "{}", person.reads().await);
    // Delete.
    person.types("code", &phone.fresh()).await;
    person.presses_the_button_that("main button.danger").await;
    person.goes_to(&world.page("id", "/account")).await;
    assert!(person.sees_field("password").await, "what rested on it is over: {}", person.reads().await);
    assert!(!world.account("alice").enrolled);
}

#[tokio::test]
async fn sendgrid_7_a_phone_is_removed_with_a_code() {
    Browser::with_and_without_scripts(sendgrid_7).await;
}

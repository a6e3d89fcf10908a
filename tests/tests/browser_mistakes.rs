//! Mistakes, made and mended in a real Chromium by keyboard alone: after each the focus is in the field that is wrong, which
//! says so and refers to what the page says of it; the same keys typed once more are right.

use fantoccini::key::Key;
use twofold_tests::world::PASSWORD;
use twofold_tests::{Browser, Person, World};

/// What somebody calls a phone.
const LABEL: &str = "My <b>first</b> & \"best\"";

async fn gives_a_wrong_password_and_a_wrong_code(person: &Person<'_>, world: &World) {
    person.goes_to(&world.page("id", "/account")).await;
    person.keys("alice").await;
    person.tabs_to("#password").await;
    person.keys("wrong password").await;
    person.enters(".error").await;
    // The name stands; what is wrong is the password, or so it is said.
    person.may_mend("#password", "don't match").await;
    person.keys(PASSWORD).await;
    person.enters("#code").await;
    person.keys(&world.alice.phone.wrong()).await;
    person.enters(".error").await;
    person.may_mend("#code", "didn't match").await;
    person.keys(&world.alice.phone.fresh()).await;
    person.enters("#devices, .notice").await;
}

async fn gives_a_wrong_backup_code_for_a_lost_phone(person: &Person<'_>, world: &World) {
    person.goes_to(&world.page("id", "/account")).await;
    person.keys("alice").await;
    person.tabs_to("#password").await;
    person.keys(PASSWORD).await;
    person.enters("#code").await;
    person.tabs_to("a[href^='/lost/']").await;
    person.enters("form[action^='/lost/']").await;
    person.keys("1234").await;
    person.enters(".error").await;
    person.may_mend("#code", "eight digits").await;
    person.keys(&world.alice.backup_codes[0]).await;
    person.enters("svg.qr").await;
}

#[tokio::test]
async fn signing_in_with_mistakes_by_keyboard_alone_the_focus_is_where_they_are() {
    let world = World::start();
    let browser = Browser::start(1280, 900).await;
    let person = Person(&browser.client);
    gives_a_wrong_password_and_a_wrong_code(&person, &world).await;
    person.reads_notices().await;
    person.signs_out(&world.gate, "id").await;
    gives_a_wrong_backup_code_for_a_lost_phone(&person, &world).await;
    browser.close().await;
}

#[tokio::test]
async fn setting_up_a_phone_with_a_mistake_by_keyboard_alone_the_focus_is_where_it_is() {
    let world = World::start();
    let browser = Browser::start(1280, 900).await;
    let person = Person(&browser.client);
    person.goes_to(&world.page("wiki", "/private")).await;
    person.keys("bob").await;
    person.tabs_to("#password").await;
    person.keys(PASSWORD).await;
    person.enters("svg.qr").await;
    let phone = browser.scans("mistakes", world.authority.clock()).await;
    person.tabs_to("main a.button").await;
    person.enters("#code").await;
    person.keys(&phone.wrong()).await;
    person.enters(".error li").await;
    // The name of the phone is typed once: a mistake beside it does not lose it.
    person.may_mend("#code", "the likeliest first").await;
    person.keys("12").await;
    person.tabs_to("#label").await;
    person.keys("Bob's phone").await;
    person.enters_and_leaves().await;
    person.may_mend("#code", "").await;
    person.keys(&phone.fresh()).await;
    person.enters(".codes").await;
    person.reads_codes().await;
    assert_eq!(world.account("bob").devices[0].label, "Bob's phone");
    browser.close().await;
}

async fn makes_a_key(person: &Person<'_>, world: &World) {
    person.goes_to(&world.page("id", "/account/key")).await;
    person.keys("Nightly").await;
    person.enters(".error").await;
    person.may_mend("#site-1", "at least one site").await;
    person.keys(" ").await;
    for (field, text, said) in [
        ("#paths", "api", "“api” can't be a path"),
        ("#networks", "somewhere", "“somewhere” is no address and no network"),
        ("#days", "soon", "from 1 to 36500"),
    ] {
        person.tabs_to(field).await;
        person.keys(text).await;
        person.tabs_to("main form button:not([name])").await;
        person.enters_and_leaves().await;
        person.may_mend(field, said).await;
        person.types_over(&char::from(Key::Backspace).to_string()).await;
    }
}

#[tokio::test]
async fn changing_an_account_with_mistakes_by_keyboard_alone_the_focus_is_where_they_are() {
    let world = World::start();
    let browser = Browser::start(1280, 900).await;
    let person = Person(&browser.client);
    gives_a_wrong_password_and_a_wrong_code(&person, &world).await;
    person.reads_notices().await;
    person.sees("#devices").await;
    for change in ["codes", "off"] {
        person.goes_to(&world.page("id", &format!("/account/{change}"))).await;
        person.keys("wrong password").await;
        person.enters(".error").await;
        person.may_mend("#password", "didn't match").await;
    }
    // A new name stands; what is wrong is the proof that it's alice.
    person.goes_to(&world.page("id", "/account")).await;
    person.tabs_to("a[href^='/account/rename/']").await;
    person.enters("#label").await;
    person.types_over(LABEL).await;
    person.tabs_to("#password").await;
    person.keys("wrong password").await;
    person.enters(".error").await;
    person.may_mend("#password", "didn't match").await;
    person.keys(PASSWORD).await;
    person.enters("#devices").await;
    assert_eq!(world.account("alice").devices[0].label, LABEL);
    // A code that is wrong is mended where it was typed, and a name where it was.
    person.tabs_to("a[href^='/account/rename/']").await;
    person.enters("#label").await;
    person.tabs_to("#code").await;
    person.keys(&world.alice.phone.wrong()).await;
    person.enters(".error").await;
    person.may_mend("#code", "didn't match").await;
    person.fills("#label", " ").await;
    person.tabs_to("#code").await;
    person.keys(&world.alice.phone.fresh()).await;
    person.enters_and_leaves().await;
    person.may_mend("#label", "can't be used").await;
    makes_a_key(&person, &world).await;
    browser.close().await;
}

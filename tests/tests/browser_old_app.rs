//! An authenticator app that makes its usual codes whatever its entry says, as several do: in a real Chromium, before the
//! real authority, with codes from oathtool.

use fantoccini::Locator;
use twofold_tests::world::PASSWORD;
use twofold_tests::{Browser, Person, Phone, World};

async fn chooses(person: &Person<'_>, field: &str, value: &str) {
    let select = person.0.find(Locator::Id(field)).await.unwrap();
    select.select_by_value(value).await.unwrap();
}

async fn sets_up(browser: &Browser) {
    let world = World::start();
    let person = Person(&browser.client);
    person.goes_to(&world.page("wiki", "/private")).await;
    person.gives("bob", PASSWORD).await;
    person.sees("svg.qr").await;
    person.0.find(Locator::Css("details summary")).await.unwrap().click().await.unwrap();
    chooses(&person, "algorithm", "sha256").await;
    chooses(&person, "digits", "8").await;
    person.presses_the_button_that("details form button").await;
    person.sees("svg.qr").await;
    let asked = browser.scans("old-app", world.authority.clock()).await;
    assert_eq!(asked.code_at(asked.step()).len(), 8, "the picture says what was chosen");
    let deaf = Phone::type_in(asked.secret(), world.authority.clock());
    // Its code is none, and tells what it is.
    person.verifies(&deaf.fresh(), ".error").await;
    let error = person.reads_error().await;
    assert!(error.contains("in its usual way (SHA-1, 6 digits)"), "{error}");
    assert!(!world.account("bob").enrolled, "nobody has agreed to it");
    // Taken as it is, for good.
    person.types("code", &deaf.fresh()).await;
    person.presses("form[action$='/verify'] button", ".codes").await;
    person.reads_codes().await;
    person.finishes().await;
    person.sees_app("The wiki").await;
    person.signs_out(&world.gate, "id").await;
    person.goes_to(&world.page("wiki", "/private")).await;
    person.gives("bob", PASSWORD).await;
    person.gives_code(&asked.fresh()).await;
    assert!(person.reads_error().await.contains("didn't match"), "what was asked first is not what it makes");
    person.gives_code(&deaf.fresh()).await;
    person.reads_notices().await;
    person.sees_app("The wiki").await;
}

#[tokio::test]
async fn an_app_that_ignores_what_its_picture_says_is_found_out_and_taken_as_it_is() {
    Browser::with_and_without_scripts(sets_up).await;
}

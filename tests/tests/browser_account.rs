//! A person's own account at the portal, in a real Chromium.

use fantoccini::Locator;
use twofold_tests::world::PASSWORD;
use twofold_tests::{Browser, Person, Web, World};

/// Signs in on the way to the account page.
async fn comes_to_the_account(person: &Person<'_>, world: &World) {
    person.goes_to(&world.page("id", "/account")).await;
    person.gives("alice", PASSWORD).await;
    person.gives_code(&world.alice.phone.fresh()).await;
    person.reads_notices().await;
    person.sees("#devices").await;
    assert_eq!(person.is_at().await, world.page("id", "/account"));
}

/// A world whose mail takes trusted browsers.
fn trusting_world() -> World {
    let mut world = World::start();
    // The mail is the last site of the configuration.
    let configuration = world.gate.configuration();
    let text = std::fs::read_to_string(&configuration).unwrap();
    std::fs::write(configuration, text + "trusted_browsers = \"30days\"\n").unwrap();
    world.gate.kill();
    world.gate.restart();
    world
}

fn is_out(web: &mut Web, world: &World) -> bool {
    web.get(&world.page("id", "/account")).asks_for("password")
}

/// Another browser of alice's.
fn signs_in_elsewhere(world: &World) -> Web {
    let mut web = world.gate.visitor();
    let page = web.give_password(&world.page("id", "/account"), "alice", PASSWORD);
    web.give_code(&page, &world.alice.phone.fresh());
    assert!(!is_out(&mut web, world));
    web
}

async fn ends_sessions(browser: &Browser) {
    let (world, person) = (World::start(), Person(&browser.client));
    let mut other = signs_in_elsewhere(&world);
    comes_to_the_account(&person, &world).await;
    assert!(person.reads_at("main").await.contains("this one"));
    assert_eq!(how_many(browser, "form[action^='/account/session/']").await, 1);
    person.presses_the_button_that("form[action^='/account/session/'] button").await;
    person.sees("#devices").await;
    assert!(is_out(&mut other, &world));
    let mut others = [signs_in_elsewhere(&world), signs_in_elsewhere(&world)];
    person.goes_to(&world.page("id", "/account")).await;
    person.presses_the_button_that("form[action='/account/sessions'] button").await;
    person.sees("#devices").await;
    assert!(others.iter_mut().all(|other| is_out(other, &world)));
    assert_eq!(how_many(browser, "form[action='/account/sessions']").await, 0);
}

async fn how_many(browser: &Browser, selector: &str) -> usize {
    browser.client.find_all(Locator::Css(selector)).await.unwrap().len()
}

#[tokio::test]
async fn sessions_end_from_the_account_page_and_the_other_browsers_are_out() {
    Browser::with_and_without_scripts(ends_sessions).await;
}

async fn forgets_browsers(browser: &Browser) {
    let (world, person) = (trusting_world(), Person(&browser.client));
    let others = [signs_in_elsewhere(&world), signs_in_elsewhere(&world)];
    let comes_to_the_mail = async || {
        person.goes_to(&world.page("mail", "/")).await;
        person.gives("alice", PASSWORD).await;
    };
    comes_to_the_mail().await;
    person.ticks("trust").await;
    person.gives_code(&world.alice.phone.fresh()).await;
    person.reads_notices().await;
    person.sees_app("The mail").await;
    // Trusted it comes in again without a code, though not to the account.
    person.signs_out(&world.gate, "id").await;
    comes_to_the_mail().await;
    person.sees_app("The mail").await;
    person.goes_to(&world.page("id", "/account")).await;
    person.gives_code(&world.alice.phone.fresh()).await;
    person.sees("#browsers").await;
    assert!(person.reads().await.contains("needs no code until"), "{}", person.reads().await);
    // One is forgotten, then all.
    let one = "form[action^='/account/browser/'] button";
    assert_eq!(how_many(browser, one).await, 1 + others.len());
    person.presses_the_button_that(one).await;
    person.sees("#browsers").await;
    assert_eq!(how_many(browser, one).await, others.len());
    person.presses_the_button_that("form[action='/account/browsers'] button").await;
    person.sees("#browsers").await;
    assert_eq!(how_many(browser, one).await, 0);
    person.signs_out(&world.gate, "id").await;
    comes_to_the_mail().await;
    assert!(person.sees_field("code").await, "{}", person.reads().await);
}

#[tokio::test]
async fn a_trusted_browser_is_forgotten_from_the_account_page_and_asked_for_a_code() {
    Browser::with_and_without_scripts(forgets_browsers).await;
}

#[tokio::test]
async fn what_happened_at_every_door_is_told_in_plain_words() {
    let world = World::start();
    let browser = Browser::start(1280, 800).await;
    let person = Person(&browser.client);
    comes_to_the_account(&person, &world).await;
    let wrong = world.alice.phone.wrong();
    let sudo = twofold_shared::wire::Verify {
        nonce: twofold_shared::wire::Nonce::generate().unwrap(),
        login: twofold_shared::wire::Login {
            name: "local:alice".into(),
            service: "sudo".into(),
            first: twofold_shared::wire::FirstFactor::Above,
            source: twofold_shared::wire::Source {
                address: Some("203.0.113.9".parse().unwrap()),
                ..Default::default()
            },
        },
        code: twofold_shared::secret::SecretText::new(wrong),
    };
    world.authority.call(&sudo).unwrap();
    person.goes_to(&world.page("id", "/account")).await;
    let told = person.reads_at(".events li:first-child").await;
    assert!(told.contains("refused: wrong code"), "{told}");
    assert!(told.contains("from 203.0.113.9") && told.contains("sudo"), "{told}");
    browser.close().await;
}

#[tokio::test]
async fn the_account_page_in_german_has_no_english_in_it() {
    let world = World::start();
    let browser = Browser::with(1280, 1600, &["--accept-lang=de"]).await;
    let person = Person(&browser.client);
    comes_to_the_account(&person, &world).await;
    // What the trail and the authority say in English, too: a session that was ended, a key that cannot be.
    let mut other = world.gate.visitor();
    let page = other.give_password(&world.page("id", "/account"), "alice", PASSWORD);
    other.give_code(&page, &world.alice.phone.fresh());
    person.goes_to(&world.page("id", "/account")).await;
    person.presses("form[action^='/account/session/'] button", "#devices").await;
    person.goes_to(&world.page("id", "/account")).await;
    browser.fits_everybody("account-german", "de").await;
    let read = person.reads().await;
    assert!(read.contains("eine Sitzung beendet (Portal, ") && read.contains("Chrome unter Linux"), "{read}");
    for english in [" on Linux", "session", "browser ", "signed", "code from"] {
        assert!(!read.contains(english), "{english}: {read}");
    }
    person.presses("a[href='/account/key']", "#label").await;
    person.types("label", "nachts").await;
    person.ticks("site-1").await;
    person.fills("#networks", "das Büro").await;
    person.presses("main form button", ".error").await;
    assert!(
        person.reads_error().await.contains("„das Büro“ ist weder eine Adresse noch ein Netz"),
        "{}",
        person.reads().await
    );
    person.fills("#networks", "").await;
    person.fills("#paths", "api").await;
    person.presses_the_button_that("main form button").await;
    assert!(person.reads_error().await.contains("„api“ kann kein Pfad sein"), "{}", person.reads().await);
    browser.close().await;
}

#[tokio::test]
async fn contacts_are_shown_at_the_account_and_apps_are_told_all_but_the_phone_number() {
    let world = World::start();
    let contacts =
        ["account", "contacts", "local:alice", "--name", "Alice Liddell", "--email", "alice@example.com"];
    let _ = world.authority.twofold(&[&contacts[..], &["--phone", "+49 30 1234567"]].concat()).succeeded();
    let browser = Browser::start(1280, 800).await;
    let person = Person(&browser.client);
    comes_to_the_account(&person, &world).await;
    assert!(person.reads().await.contains("Phone: +49301234567"), "{}", person.reads().await);
    person.goes_to(&format!("{}/", world.gate.origin("wiki"))).await;
    person.sees_app("The wiki").await;
    let told = |name: &str| world.wiki.seen().last().unwrap().header(name).concat();
    assert_eq!(
        (told("remote-name"), told("remote-email")),
        ("Alice Liddell".into(), "alice@example.com".into())
    );
    assert!(
        world.wiki.seen().iter().all(|seen| !format!("{seen:?}").contains("+4930")),
        "it is nobody's business there"
    );

    // A change reaches the next request of the session that there is.
    let _ = world.authority.twofold(&["account", "contacts", "local:alice", "--email", ""]).succeeded();
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    person.goes_to(&format!("{}/", world.gate.origin("wiki"))).await;
    person.sees_app("The wiki").await;
    assert_eq!((told("remote-name"), told("remote-email")), ("Alice Liddell".into(), String::new()));
    let refused = world.authority.twofold(&["account", "contacts", "local:alice", "--email", "nobody"]);
    assert!(refused.code != 0 && refused.stderr.contains("NAME@DOMAIN"), "{refused:?}");
    browser.close().await;
}

#[tokio::test]
async fn codes_are_replaced_while_somebody_signs_in_with_an_old_one_and_either_is_whole() {
    let world = World::start();
    let (here, there) = (Browser::start(1280, 800).await, Browser::start(1280, 800).await);
    let (owner, other) = (Person(&here.client), Person(&there.client));
    comes_to_the_account(&owner, &world).await;
    let waits = async |code: &str| {
        other.goes_to(&world.page("id", "/account")).await;
        // Not again after a code that was refused: the password stands.
        if other.sees_field("password").await {
            other.gives("alice", PASSWORD).await;
        }
        other.types("code", code).await;
    };
    // Replaced while the other tab has an old code typed: it is dead, and a new one opens.
    waits(&world.alice.backup_codes[0]).await;
    owner.goes_to(&world.page("id", "/account/codes")).await;
    owner.types("password", PASSWORD).await;
    owner.presses("main form button", ".codes").await;
    let codes = owner.reads_codes().await;
    other.presses("main form button", ".error").await;
    assert!(other.reads_error().await.contains("didn't match"), "{}", other.reads().await);
    other.gives_code(&codes[0]).await;
    assert!(other.reads_notices().await.contains("9 are left"), "{}", other.reads().await);
    other.sees("#devices").await;
    other.signs_out(&world.gate, "id").await;

    // Both at the same moment: the code was good and is spent, or it is dead; the new ones are all there.
    for old in 1..4 {
        let before = world.account("alice").backup_codes_left;
        waits(&codes[old]).await;
        owner.goes_to(&world.page("id", "/account/codes")).await;
        owner.types("password", PASSWORD).await;
        let button = "main form button";
        let both = tokio::join!(owner.presses(button, ".codes"), other.presses_the_button_that(button));
        assert_eq!(both, ((), ()));
        let codes_now = owner.reads_codes().await;
        assert!(codes_now.len() == 10 && codes_now.iter().all(|code| !codes.contains(code)));
        let left = world.account("alice").backup_codes_left;
        let is_in = !other.sees_field("code").await;
        assert_eq!(left, 10, "{before} before, and the other is in: {is_in}");
        if is_in {
            other.reads_notices().await;
            other.signs_out(&world.gate, "id").await;
        } else {
            assert!(other.reads_error().await.contains("didn't match"), "{}", other.reads().await);
        }
        // An old one of before is dead whichever came first.
        waits(&codes[9]).await;
        other.presses("main form button", ".error").await;
        world.authority.clock().shift(100);
    }
    here.close().await;
    there.close().await;
}

#[tokio::test]
async fn pressing_twice_without_scripts_spends_one_code_and_shows_the_new_codes() {
    let world = World::start();
    let browser = Browser::with(1280, 800, &[Browser::NO_SCRIPTS]).await;
    let person = Person(&browser.client);
    let press = async |selector: &str| {
        let button = browser.client.find(Locator::Css(selector)).await.unwrap();
        button.click().await.unwrap();
        // The page may be gone by now: then the first press was all.
        let _ = button.click().await;
    };
    person.goes_to(&world.page("id", "/account")).await;
    person.gives("alice", PASSWORD).await;
    person.types("code", &world.alice.phone.fresh()).await;
    press("main form button").await;
    person.sees(".notice").await;
    person.reads_notices().await;
    person.sees("#devices").await;
    person.presses("a[href='/account/codes']", "#password").await;
    person.types("code", &world.alice.phone.fresh()).await;
    press("main form button").await;
    person.sees(".codes").await;
    assert_eq!(person.reads_codes().await.len(), 10);
    let told = world.authority.audit();
    let count = |action: &str| told.iter().filter(|event| event.action == action).count();
    assert_eq!((count("backup_codes_regenerate"), count("verify")), (1, 1));
    browser.close().await;
}

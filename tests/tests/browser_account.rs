//! A person's own account at the portal, in a real Chromium.

use fantoccini::Locator;
use twofold_tests::world::PASSWORD;
use twofold_tests::{Browser, Person, World};

/// Signs in on the way to the account page.
async fn comes_to_the_account(person: &Person<'_>, world: &World) {
    person.goes_to(&world.page("id", "/account")).await;
    person.gives("alice", PASSWORD).await;
    person.gives_code(&world.alice.phone.fresh()).await;
    person.reads_notices().await;
    person.sees("#devices").await;
    assert_eq!(person.is_at().await, world.page("id", "/account"));
}

async fn text(person: &Person<'_>, selector: &str) -> String {
    let found = person.0.find(Locator::Css(selector)).await;
    found.unwrap_or_else(|why| panic!("no {selector}: {why}")).text().await.unwrap()
}

#[tokio::test]
async fn mailersend_5_turning_off_takes_the_password_and_kills_all_codes_at_once() {
    let world = World::start();
    let browser = Browser::start(1280, 800).await;
    let person = Person(&browser.client);
    comes_to_the_account(&person, &world).await;
    person.presses("a[href='/account/off']", "#code").await;
    browser.screenshot("account-turn-off").await;
    person.finds_it_accessible("account-turn-off").await;
    assert!(person.reads().await.contains("stop working at once"), "{}", person.reads().await);

    person.types("password", "wrong password").await;
    person.presses("main button", ".error").await;
    assert!(person.reads_error().await.contains("didn't match"), "{}", person.reads().await);
    assert!(world.account("alice").enrolled, "it is still on");

    person.types("password", PASSWORD).await;
    person.presses("main button.danger", "a.button").await;
    assert!(person.sees_title().await.starts_with("Two-factor is off"), "{}", person.reads().await);
    // Neither the app's codes nor the backup codes open anything, and the session is over.
    assert!(!world.account("alice").enrolled);
    let left = world.account("alice");
    assert_eq!((left.devices.len(), left.backup_codes_left), (0, 0));
    person.goes_to(&world.page("id", "/account")).await;
    assert!(person.sees_field("password").await, "signed out");
    person.gives("alice", PASSWORD).await;
    person.sees("main").await;
    browser.close().await;
}

#[tokio::test]
async fn sparkpost_5_new_backup_codes_take_the_password_and_the_old_ones_are_dead() {
    let world = World::start();
    let browser = Browser::start(1280, 800).await;
    let person = Person(&browser.client);
    comes_to_the_account(&person, &world).await;
    person.presses("a[href='/account/codes']", "#code").await;
    person.types("password", PASSWORD).await;
    person.presses("main button", ".codes").await;
    browser.screenshot("account-new-codes").await;
    person.finds_it_accessible("account-new-codes").await;
    let codes: Vec<String> =
        text(&person, ".codes").await.lines().map(|line| line.replace(' ', "")).collect();
    assert_eq!(codes.len(), 10);
    assert!(
        codes.iter().all(|code| code.len() == 8 && code.bytes().all(|byte| byte.is_ascii_digit())),
        "{codes:?}"
    );
    assert!(codes.iter().all(|code| !world.alice.backup_codes.contains(code)));
    // 6, as at the first ones: a file to keep.
    let file = person.downloads().await;
    assert!(codes.iter().all(|code| file.contains(&format!("{} {}", &code[..4], &code[4..]))), "{file}");
    // Shown this once: going back to the address asks again.
    person.goes_to(&world.page("id", "/account/codes")).await;
    assert!(!person.reads().await.contains(&codes[0]) && person.sees_field("code").await);

    person.signs_out(&world.gate, "id").await;
    person.goes_to(&world.page("id", "/account")).await;
    person.gives("alice", PASSWORD).await;
    person.gives_code(&world.alice.backup_codes[0]).await;
    assert!(person.reads_error().await.contains("didn't match"), "{}", person.reads().await);
    person.gives_code(&codes[0]).await;
    assert!(person.reads_notices().await.contains("9 are left"));
    person.sees("#devices").await;
    assert!(person.reads().await.contains("9 of 10 left"), "{}", person.reads().await);
    browser.close().await;
}

#[tokio::test]
async fn sendgrid_7_a_device_is_renamed_and_removed_with_a_code() {
    let world = World::start();
    let browser = Browser::start(1280, 800).await;
    let person = Person(&browser.client);
    comes_to_the_account(&person, &world).await;
    person.presses("a[href^='/account/rename/']", "#label").await;
    person.types("label", "Pixel <9> & \"co\"").await;
    person.types("code", &world.alice.phone.fresh()).await;
    person.presses("main button", "#devices").await;
    assert!(person.reads().await.contains("Pixel <9> & \"co\""), "{}", person.reads().await);
    assert!(person.reads().await.contains("renamed a device to Pixel"), "it is told under activity");

    person.presses("a[href^='/account/remove/']", "#code").await;
    assert!(person.reads().await.contains("It is your last one"), "{}", person.reads().await);
    browser.screenshot("account-remove-device").await;
    person.finds_it_accessible("account-remove-device").await;
    let used = world.alice.phone.code_at(world.alice.phone.step());
    person.types("code", &used).await;
    person.presses("main button", ".error").await;
    person.types("code", &world.alice.phone.fresh()).await;
    person.presses("main button.danger", "main").await;
    person.goes_to(&world.page("id", "/account")).await;
    assert!(person.sees_field("password").await, "what rested on it is over: {}", person.reads().await);
    assert!(!world.account("alice").enrolled);
    browser.close().await;
}

#[tokio::test]
async fn sparkpost_8_an_api_key_is_made_with_what_it_needs_shown_once_suspended_and_revoked() {
    let world = World::start();
    let browser = Browser::start(1280, 800).await;
    let person = Person(&browser.client);
    comes_to_the_account(&person, &world).await;
    person.presses("a[href='/account/key']", "#label").await;
    person.types("label", "nightly backup").await;
    person.presses("main form button", ".error").await;
    assert!(person.reads_error().await.contains("at least one site"), "{}", person.reads().await);
    person.ticks("site-1").await;
    person.ticks("read-only").await;
    person.fills("#paths", "/api").await;
    person.fills("#networks", "not a network").await;
    person.presses_the_button().await;
    assert!(person.reads_error().await.contains("network"), "{}", person.reads().await);
    person.fills("#networks", "127.0.0.0/8").await;
    browser.screenshot("account-new-key").await;
    person.finds_it_accessible("account-new-key").await;
    person.presses("main form button", "#key").await;
    browser.screenshot("account-fresh-key").await;
    person.finds_it_accessible("account-fresh-key").await;
    let key = text(&person, "#key").await;
    assert!(key.starts_with("tf_"), "{key}");

    let asks = |method: &str, path: &str| {
        let url = format!("{}{path}", world.gate.origin("wiki"));
        let bearer = format!("Bearer {key}");
        world.gate.visitor().request(method, &url, &[("authorization", &bearer)], "").status
    };
    assert_eq!((asks("GET", "/api/x"), asks("POST", "/api/x"), asks("GET", "/other")), (200, 401, 401));
    person.presses("a.button", "#keys").await;
    assert!(!person.reads().await.contains(&key), "it is shown once");
    assert!(person.reads().await.contains("nightly backup"), "{}", person.reads().await);
    person.presses("form[action^='/account/suspend/'] button", "form[action^='/account/resume/']").await;
    assert_eq!(asks("GET", "/api/x"), 401);
    person.presses("form[action^='/account/resume/'] button", "form[action^='/account/suspend/']").await;
    assert_eq!(asks("GET", "/api/x"), 200);
    person.presses("a[href^='/account/rotate/']", "#code").await;
    person.types("password", PASSWORD).await;
    person.presses("main form button", "#key").await;
    let newer = text(&person, "#key").await;
    assert_eq!(asks("GET", "/api/x"), 401, "the old secret is dead");
    let bearer = format!("Bearer {newer}");
    let url = format!("{}/api/x", world.gate.origin("wiki"));
    assert_eq!(world.gate.visitor().request("GET", &url, &[("authorization", &bearer)], "").status, 200);
    person.presses("a.button", "#keys").await;
    person.presses("a[href^='/account/revoke/']", "button.danger").await;
    person.presses("button.danger", "#keys").await;
    assert!(person.reads().await.contains("A program that should get in"), "{}", person.reads().await);
    assert_eq!(world.gate.visitor().request("GET", &url, &[("authorization", &bearer)], "").status, 401);
    assert!(world.wiki.seen().iter().all(|seen| seen.header("authorization").is_empty()));
    browser.close().await;
}

#[tokio::test]
async fn sessions_end_from_the_account_page_and_the_other_browser_is_out() {
    let world = World::start();
    let (here, there) = (Browser::start(1280, 800).await, Browser::start(1280, 800).await);
    let (person, other) = (Person(&here.client), Person(&there.client));
    comes_to_the_account(&other, &world).await;
    comes_to_the_account(&person, &world).await;
    assert!(text(&person, "main").await.contains("this one"));
    assert_eq!(
        here.client.find_all(Locator::Css("form[action^='/account/session/']")).await.unwrap().len(),
        1
    );
    person.presses_the_button_that("form[action^='/account/session/'] button").await;
    person.sees("#devices").await;
    other.goes_to(&world.page("id", "/account")).await;
    assert!(other.sees_field("password").await, "{}", other.reads().await);
    comes_to_the_account(&other, &world).await;
    person.goes_to(&world.page("id", "/account")).await;
    person.presses_the_button_that("form[action='/account/sessions'] button").await;
    person.sees("#devices").await;
    other.goes_to(&world.page("id", "/account")).await;
    assert!(other.sees_field("password").await, "{}", other.reads().await);
    assert!(here.client.find_all(Locator::Css("form[action='/account/sessions']")).await.unwrap().is_empty());
    person.presses_the_button_that("form[action^='/account/browser/'] button").await;
    person.sees("#devices").await;
    here.close().await;
    there.close().await;
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
    let told = text(&person, ".events li:first-child").await;
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
async fn northstack_2_the_phone_number_that_is_known_is_shown_and_apps_are_told_the_rest() {
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

    // Before it is turned on, the number is there to be checked.
    let _ =
        world.authority.twofold(&["account", "contacts", "local:bob", "--phone", "+441234567"]).succeeded();
    person.signs_out(&world.gate, "id").await;
    person.goes_to(&world.page("id", "/")).await;
    person.gives("bob", PASSWORD).await;
    person.goes_to(&world.page("id", "/account")).await;
    let read = person.reads().await;
    assert!(read.contains("Two-factor is off") && read.contains("Phone: +441234567"), "{read}");
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
    let browser = Browser::with(1280, 800, &["--blink-settings=scriptEnabled=false"]).await;
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

//! A person's own account at the portal, in a real Chromium.

use fantoccini::Locator;
use twofold_shared::wire::GetAccount;
use twofold_tests::{Authority, Browser, Enrolled, Gate, Person, Upstream};

const PASSWORD: &str = "correct horse battery";

struct World {
    wiki: Upstream,
    gate: Gate,
    alice: Enrolled,
    authority: Authority,
}

impl World {
    fn start() -> Self {
        let authority = Authority::start();
        authority.add("local:alice");
        authority.set_password("local:alice", PASSWORD);
        let alice = authority.enrol_existing("local:alice");
        let wiki = Upstream::start("The wiki");
        let gate = Gate::start(&authority, &[("wiki", wiki.address())]);
        Self { wiki, gate, alice, authority }
    }

    fn is_enrolled(&self) -> bool {
        self.authority.call(&GetAccount { account: Some("local:alice".into()) }).unwrap().enrolled
    }

    fn page(&self, path: &str) -> String {
        format!("{}{path}", self.gate.origin("id"))
    }
}

/// Signs in on the way to the account page.
async fn comes_to_the_account(person: &Person<'_>, world: &World) {
    person.goes_to(&world.page("/account")).await;
    person.gives("alice", PASSWORD).await;
    person.gives_code(&world.alice.phone.fresh()).await;
    person.reads_notices().await;
    person.sees("#devices").await;
    assert_eq!(person.is_at().await, world.page("/account"));
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
    person.presses("a[href='/account/off']", "#confirm").await;
    browser.screenshot("account-turn-off").await;
    person.finds_it_accessible("account-turn-off").await;
    assert!(person.reads().await.contains("stop working at once"), "{}", person.reads().await);

    person.types("confirm", "wrong password").await;
    person.presses("main button", ".error").await;
    assert!(person.reads_error().await.contains("didn't match"), "{}", person.reads().await);
    assert!(world.is_enrolled(), "it is still on");

    person.types("confirm", PASSWORD).await;
    person.presses("main button.danger", "a.button").await;
    assert!(person.sees_title().await.starts_with("Two-factor is off"), "{}", person.reads().await);
    // Neither the app's codes nor the backup codes open anything, and the session is over.
    assert!(!world.is_enrolled());
    let left = world.authority.call(&GetAccount { account: Some("local:alice".into()) }).unwrap();
    assert_eq!((left.devices.len(), left.backup_codes_left), (0, 0));
    person.goes_to(&world.page("/account")).await;
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
    person.presses("a[href='/account/codes']", "#confirm").await;
    person.types("confirm", PASSWORD).await;
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
    // Shown this once: going back to the address asks again.
    person.goes_to(&world.page("/account/codes")).await;
    assert!(!person.reads().await.contains(&codes[0]) && person.sees_field("confirm").await);

    person.signs_out(&world.gate, "id").await;
    person.goes_to(&world.page("/account")).await;
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
    person.types("confirm", &world.alice.phone.fresh()).await;
    person.presses("main button", "#devices").await;
    assert!(person.reads().await.contains("Pixel <9> & \"co\""), "{}", person.reads().await);
    assert!(person.reads().await.contains("renamed a device to Pixel"), "it is told under activity");

    person.presses("a[href^='/account/remove/']", "#confirm").await;
    assert!(person.reads().await.contains("It is your last one"), "{}", person.reads().await);
    browser.screenshot("account-remove-device").await;
    person.finds_it_accessible("account-remove-device").await;
    let used = world.alice.phone.code_at(world.alice.phone.step());
    person.types("confirm", &used).await;
    person.presses("main button", ".error").await;
    person.types("confirm", &world.alice.phone.fresh()).await;
    person.presses("main button.danger", "main").await;
    person.goes_to(&world.page("/account")).await;
    assert!(person.sees_field("password").await, "what rested on it is over: {}", person.reads().await);
    assert!(!world.is_enrolled());
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
    person.presses("a[href^='/account/rotate/']", "#confirm").await;
    person.types("confirm", PASSWORD).await;
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
    person.presses("form[action^='/account/session/'] button", "#devices").await;
    other.goes_to(&world.page("/account")).await;
    assert!(other.sees_field("password").await, "{}", other.reads().await);
    comes_to_the_account(&other, &world).await;
    person.goes_to(&world.page("/account")).await;
    person.presses("form[action='/account/sessions'] button", "#devices").await;
    other.goes_to(&world.page("/account")).await;
    assert!(other.sees_field("password").await, "{}", other.reads().await);
    assert!(here.client.find_all(Locator::Css("form[action='/account/sessions']")).await.unwrap().is_empty());
    person.presses("form[action^='/account/browser/'] button", "#devices").await;
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
    person.goes_to(&world.page("/account")).await;
    let told = text(&person, ".events li:first-child").await;
    assert!(told.contains("refused: wrong code"), "{told}");
    assert!(told.contains("from 203.0.113.9") && told.contains("sudo"), "{told}");
    browser.close().await;
}

#[tokio::test]
async fn the_account_page_by_day_and_by_night_at_a_desk_and_on_a_phone_and_in_german() {
    let world = World::start();
    let (day, night) = ("--blink-settings=preferredColorScheme=1", "--blink-settings=preferredColorScheme=0");
    for (name, switches) in [("desk-light", vec![day]), ("desk-german", vec![night, "--accept-lang=de"])] {
        let desk = Browser::with(1280, 1600, &switches).await;
        let person = Person(&desk.client);
        comes_to_the_account(&person, &world).await;
        desk.screenshot(&format!("account-{name}")).await;
        person.finds_it_accessible(&format!("account-{name}")).await;
        desk.close().await;
    }
    let phone = Browser::phone(&[night]).await;
    let person = Person(&phone.client);
    comes_to_the_account(&person, &world).await;
    phone.screenshot("account-phone-dark").await;
    person.finds_it_accessible("account-phone-dark").await;
    let wide = "return document.documentElement.scrollWidth - document.documentElement.clientWidth";
    assert_eq!(phone.client.execute(wide, vec![]).await.unwrap(), serde_json::json!(0));
    phone.close().await;
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
    world.authority.add("local:bob");
    world.authority.set_password("local:bob", PASSWORD);
    let _ =
        world.authority.twofold(&["account", "contacts", "local:bob", "--phone", "+441234567"]).succeeded();
    person.signs_out(&world.gate, "id").await;
    person.goes_to(&world.page("/")).await;
    person.gives("bob", PASSWORD).await;
    person.goes_to(&world.page("/account")).await;
    let read = person.reads().await;
    assert!(read.contains("Two-factor is off") && read.contains("Phone: +441234567"), "{read}");
    browser.close().await;
}

//! The gate and its portal as a person meets them: a real Chromium, a real gate, a real authority.

use fantoccini::Locator;
use twofold_tests::world::PASSWORD;
use twofold_tests::{Browser, Person, World};

/// Signs in for `url` with alice's next code.
async fn signs_in(person: &Person<'_>, world: &World, url: &str) {
    person.goes_to(url).await;
    person.gives("alice", PASSWORD).await;
    person.gives_code(&world.alice.phone.fresh()).await;
    person.reads_notices().await;
}

#[tokio::test]
async fn password_and_code_lead_to_the_page_that_was_asked_for() {
    let world = World::start();
    let browser = Browser::start(1280, 800).await;
    let person = Person(&browser.client);
    let asked = world.page("wiki", "/deep/link?page=2&b=%20x");

    person.goes_to(&asked).await;
    assert!(
        person.is_at().await.starts_with(&world.gate.origin("id")),
        "the portal has an origin of its own"
    );
    assert!(world.wiki.seen().is_empty(), "nothing of the app is reachable before");

    person.gives("alice", "wrong").await;
    assert!(person.reads_error().await.contains("don't match"), "{}", person.reads().await);
    person.gives("alice", PASSWORD).await;
    assert!(person.sees_field("code").await);

    person.gives_code(&world.alice.phone.wrong()).await;
    assert!(person.reads_error().await.contains("didn't match"), "{}", person.reads().await);
    assert!(world.wiki.seen().is_empty());

    person.gives_code(&world.alice.phone.fresh()).await;
    let notices = person.reads_notices().await;
    assert!(notices.contains("was set up as your second factor"), "{notices}");
    person.arrives_at(&asked).await;
    person.sees_app("The wiki").await;

    let seen = world.wiki.seen();
    let page = seen.iter().find(|seen| seen.line.contains("/deep/link")).unwrap();
    assert_eq!(page.line, "GET /deep/link?page=2&b=%20x HTTP/1.1");
    assert_eq!(page.header("remote-user"), ["alice"]);
    assert!(page.header("cookie").iter().all(|cookie| !cookie.contains("twofold")), "{page:?}");
    browser.close().await;
}

#[tokio::test]
async fn a_used_code_is_refused_and_the_next_one_is_not() {
    let world = World::start();
    let browser = Browser::start(1280, 800).await;
    let person = Person(&browser.client);
    let code = world.alice.phone.fresh();

    person.goes_to(&world.page("wiki", "/")).await;
    person.gives("alice", PASSWORD).await;
    person.gives_code(&code).await;
    person.reads_notices().await;
    person.sees_app("The wiki").await;

    let other = Browser::start(1280, 800).await;
    let thief = Person(&other.client);
    thief.goes_to(&world.page("wiki", "/")).await;
    thief.gives("alice", PASSWORD).await;
    thief.gives_code(&code).await;
    assert!(thief.reads_error().await.contains("already used"), "{}", thief.reads().await);
    thief.gives_code(&world.alice.phone.fresh()).await;
    thief.sees_app("The wiki").await;
    other.close().await;
    browser.close().await;
}

#[tokio::test]
async fn a_backup_code_goes_into_the_same_field_once_and_the_rest_is_counted() {
    let world = World::start();
    let browser = Browser::start(1280, 800).await;
    let person = Person(&browser.client);
    let backup = &world.alice.backup_codes[3];

    person.goes_to(&world.page("wiki", "/")).await;
    person.gives("alice", PASSWORD).await;
    let typed = format!("{} {}", &backup[..4], &backup[4..]);
    person.gives_code(&typed).await;
    let notices = person.reads_notices().await;
    assert!(notices.contains("9 are left"), "{notices}");
    person.sees_app("The wiki").await;

    person.signs_out(&world.gate, "id").await;
    person.goes_to(&world.page("wiki", "/")).await;
    person.gives("alice", PASSWORD).await;
    person.gives_code(backup).await;
    assert!(person.sees_field("code").await, "a spent backup code opens nothing");
    assert!(person.reads_error().await.contains("already used"), "{}", person.reads().await);
    browser.close().await;
}

#[tokio::test]
async fn one_sign_in_serves_two_sites_and_signing_out_ends_both() {
    let world = World::start();
    let browser = Browser::start(1280, 800).await;
    let person = Person(&browser.client);

    signs_in(&person, &world, &world.page("wiki", "/private")).await;
    person.sees_app("The wiki").await;
    person.goes_to(&world.page("mail", "/inbox")).await;
    person.sees_app("The mail").await;

    person.signs_out(&world.gate, "mail").await;

    let reached = (world.wiki.seen().len(), world.mail.seen().len());
    for site in ["wiki", "mail"] {
        person.goes_to(&world.page(site, "/private")).await;
        assert!(person.sees_field("password").await, "{site}: {}", person.reads().await);
    }
    assert_eq!((world.wiki.seen().len(), world.mail.seen().len()), reached, "no app saw another request");
    browser.close().await;
}

#[tokio::test]
async fn the_back_button_after_signing_out_shows_nothing() {
    let world = World::start();
    let browser = Browser::start(1280, 800).await;
    let person = Person(&browser.client);

    signs_in(&person, &world, &world.page("wiki", "/private")).await;
    person.sees_app("The wiki").await;
    person.signs_out(&world.gate, "wiki").await;
    for _ in 0..4 {
        browser.client.back().await.unwrap();
        assert_ne!(person.sees_title().await, "The wiki", "{}", person.is_at().await);
        assert!(!person.reads().await.contains("remote-user"), "{}", person.reads().await);
    }
    browser.close().await;
}

#[tokio::test]
async fn two_tabs_sign_in_side_by_side_without_disturbing_each_other() {
    let world = World::start();
    let browser = Browser::start(1280, 800).await;
    let (client, person) = (&browser.client, Person(&browser.client));

    person.goes_to(&world.page("wiki", "/one")).await;
    let first = client.window().await.unwrap();
    let second = client.new_window(true).await.unwrap().handle;
    client.switch_to_window(second.clone()).await.unwrap();
    person.goes_to(&world.page("mail", "/two")).await;
    person.gives("alice", PASSWORD).await;

    client.switch_to_window(first).await.unwrap();
    person.gives("alice", PASSWORD).await;
    person.gives_code(&world.alice.phone.fresh()).await;
    person.reads_notices().await;
    person.arrives_at(&world.page("wiki", "/one")).await;

    // The other tab's code page: the level is there meanwhile, so it goes on and spends nothing.
    client.switch_to_window(second).await.unwrap();
    person.gives_code(&world.alice.phone.wrong()).await;
    person.reads_notices().await;
    person.arrives_at(&world.page("mail", "/two")).await;
    browser.close().await;
}

#[tokio::test]
async fn who_sets_a_phone_up_elsewhere_meanwhile_goes_on_from_the_wizard() {
    let world = World::start();
    let browser = Browser::start(1280, 800).await;
    let person = Person(&browser.client);

    person.goes_to(&world.page("wiki", "/")).await;
    person.gives("bob", PASSWORD).await;
    assert!(person.reads().await.contains("Set up your phone"), "{}", person.reads().await);
    assert!(world.wiki.seen().is_empty());

    // Set up meanwhile, elsewhere: the same page leads on.
    let bob = world.authority.enrol_existing("local:bob");
    person.presses("main a.button", "input[name=code]").await;
    person.gives_code(&bob.phone.fresh()).await;
    person.reads_notices().await;
    person.sees_app("The wiki").await;
    browser.close().await;
}

#[tokio::test]
async fn a_name_that_looks_like_anothers_never_reaches_the_others_factor() {
    let world = World::start();
    // The system's root and alice have factors of their own; at the web they are different people.
    let root = world.authority.enrol("root");
    let browser = Browser::start(1280, 800).await;
    let person = Person(&browser.client);

    // Nobody registered these: whatever they give, alice's and root's passwords and codes are not theirs.
    for name in ["root", "unix:root", "alicé", "аlice", "alice\u{200b}", "local:alice", "id:alice"] {
        person.goes_to(&world.page("wiki", "/")).await;
        person.gives(name, PASSWORD).await;
        assert!(person.sees_field("password").await, "{name}: {}", person.reads().await);
    }
    // A web account that somebody named root has its own factor: none yet.
    world.add("local:root");
    person.goes_to(&world.page("wiki", "/")).await;
    person.gives("root", PASSWORD).await;
    assert!(!person.sees_field("code").await, "root's phone is not asked: {}", person.reads().await);
    let webs_root = world.authority.enrol_existing("local:root");
    person.presses("main a.button", "input[name=code]").await;
    person.gives_code(&root.phone.fresh()).await;
    assert!(person.reads_error().await.contains("didn't match"), "{}", person.reads().await);
    assert!(world.wiki.seen().is_empty());
    person.gives_code(&webs_root.phone.fresh()).await;
    person.reads_notices().await;
    let seen = world.wiki.seen();
    assert_eq!(seen.last().unwrap().header("remote-user"), ["root"]);
    person.signs_out(&world.gate, "id").await;

    // `Alice` and `alice ` are spellings of one local name: the same person, the same factor, never another's.
    for name in ["Alice", "alice ", " ALICE"] {
        person.goes_to(&world.page("wiki", "/")).await;
        person.gives(name, PASSWORD).await;
        person.gives_code(&webs_root.phone.fresh()).await;
        assert!(person.sees_field("code").await, "{name}: another's code opens nothing");
        person.gives_code(&world.alice.phone.fresh()).await;
        person.reads_notices().await;
        assert_eq!(world.wiki.seen().last().unwrap().header("remote-user"), ["alice"], "{name}");
        person.signs_out(&world.gate, "id").await;
    }
    browser.close().await;
}

#[tokio::test]
async fn pages_speak_the_readers_language_and_keep_what_they_choose() {
    let world = World::start();
    let browser = Browser::with(1280, 800, &["--lang=de", "--accept-lang=de-AT,de,en"]).await;
    let person = Person(&browser.client);
    let title = async || browser.client.find(Locator::Css("h1")).await.unwrap().text().await.unwrap();

    person.goes_to(&world.page("wiki", "/")).await;
    assert_eq!(title().await, "Anmelden");
    let html = browser.client.find(Locator::Css("html")).await.unwrap();
    assert_eq!(html.attr("lang").await.unwrap().as_deref(), Some("de"));
    browser.screenshot("sign-in-german").await;
    person.gives("alice", "falsch").await;
    assert!(person.reads_error().await.contains("passen nicht zusammen"), "{}", person.reads().await);

    // The switch leads back to the same page of the same sign-in, and its choice stays.
    let at = person.is_at().await;
    person.presses("button[lang=en]", "html[lang=en]").await;
    assert_eq!((person.is_at().await, title().await.as_str()), (at, "Sign in"));
    person.gives("alice", PASSWORD).await;
    assert_eq!(title().await, "Code");
    assert!(person.reads().await.contains("Enter the code from your phone"), "{}", person.reads().await);
    person.presses("button[lang=de]", "html[lang=de]").await;
    assert!(
        person.reads().await.contains("Geben Sie den Code von Ihrem Telefon"),
        "{}",
        person.reads().await
    );
    person.gives_code(&world.alice.phone.fresh()).await;
    assert!(person.reads_notices().await.contains("als Ihr zweiter Faktor eingerichtet"));
    person.sees_app("The wiki").await;
    browser.close().await;
}

//! Every form of the portal, sent twice: done once, and the second press gets the answer to the first.

use std::collections::BTreeMap;

use twofold_shared::wire::{Algorithm, BeginEnrolment};
use twofold_tests::web::{Form, Page};
use twofold_tests::world::PASSWORD;
use twofold_tests::{Phone, Web, World, traces};

/// Sends a form twice, as a browser does that has not read the first answer. Both answers are one; `web` goes on with the
/// second.
fn twice(web: &mut Web, page: &Page, form: &Form) -> Page {
    let mut unread = web.clone();
    let first = unread.submit_once(page, form);
    let again = web.submit_once(page, form);
    let seen = |page: &Page| {
        let lines = page.headers.iter().filter(|(name, _)| name != "date").cloned().collect::<Vec<_>>();
        (page.status, lines, page.body.clone())
    };
    assert_eq!(seen(&first), seen(&again), "{}", form.action);
    assert!(first.status < 400, "{}: {first:?}", form.action);
    assert_eq!(web.cookies("id.localhost"), unread.cookies("id.localhost"));
    web.follow(again)
}

/// What the trail tells, by action and outcome.
fn told(world: &World) -> BTreeMap<String, u64> {
    let mut counts = BTreeMap::new();
    // That the clock of a test went on is no deed of anybody's.
    for event in world.authority.audit().into_iter().filter(|event| event.action != "clock") {
        *counts.entry(format!("{} {}", event.action, event.outcome)).or_default() += event.count;
    }
    counts
}

/// What came to the trail by `act`.
fn told_by<T>(world: &World, act: impl FnOnce() -> T) -> (T, Vec<(String, u64)>) {
    let before = told(world);
    let done = act();
    let mut more = told(world);
    for (what, count) in &mut more {
        *count -= before.get(what).copied().unwrap_or(0);
    }
    (done, more.into_iter().filter(|(_, count)| *count > 0).collect())
}

/// Fills in the page's form with this action.
fn form(page: &Page, action: &str, fields: &[(&str, &str)]) -> Form {
    let mut form = page.form_to(action);
    for (name, value) in fields {
        form.fill(name, value);
    }
    form
}

/// The texts of a page's code elements and list items.
fn shown(page: &Page) -> Vec<String> {
    let of = |open: &str| {
        let parts = page.body.split(open).skip(1);
        parts.map(|rest| rest.split('<').next().unwrap_or_default().to_owned()).collect::<Vec<_>>()
    };
    let all = [of("<code>"), of("<li>")].concat();
    all.iter().for_each(|secret| traces::issued("shown once", secret));
    all
}

#[test]
fn a_sign_in_sent_twice_spends_one_code_and_lets_its_browser_in() {
    let world = World::start();
    let mut web = world.gate.visitor();
    let account = world.page("id", "/account");
    let page = web.get(&account);
    let given = form(&page, "/sign-in/", &[("name", "alice"), ("password", PASSWORD)]);
    let (page, trail) = told_by(&world, || twice(&mut web, &page, &given));
    assert!(page.asks_for("one-time-code") && trail == [("sign_in approved".to_owned(), 1)], "{trail:?}");
    let given = form(&page, "/code/", &[("code", &world.alice.phone.fresh())]);
    let (page, trail) = told_by(&world, || twice(&mut web, &page, &given));
    assert_eq!(trail, [("verify approved".to_owned(), 1)]);
    // What was to be learnt is learnt in the browser that did not read the first answer.
    assert!(page.body.contains("was set up as your second factor"), "{page:?}");
    assert!(web.get(&account).body.contains("id=\"devices\""));
    // A wrong code is counted once for each time that somebody saw it was wrong.
    let mut web = world.gate.visitor();
    let page = web.give_password(&account, "alice", PASSWORD);
    let given = form(&page, "/code/", &[("code", &world.alice.phone.wrong())]);
    let refused = web.submit_once(&page, &given);
    assert_eq!(refused.status, 403);
    let (_, trail) = told_by(&world, || web.submit_once(&page, &given));
    assert_eq!(trail, [("verify refused".to_owned(), 1)]);
}

#[test]
fn changes_of_an_account_sent_twice_are_made_once_and_what_is_shown_once_is_seen() {
    let world = World::start();
    let mut web = world.gate.visitor();
    let account = world.page("id", "/account");
    let page = web.give_password(&account, "alice", PASSWORD);
    web.give_code(&page, &world.alice.phone.fresh());
    let device = world.account("alice").devices[0].id.clone();
    let phone = &world.alice.phone;

    // Each page of a change, what is typed there, and what the trail tells of it.
    let mut change = |path: &str, fields: &[(&str, &str)], event: &str| {
        let page = web.get(&format!("{account}{path}"));
        let given = form(&page, &format!("/account{path}"), fields);
        let (page, trail) = told_by(&world, || twice(&mut web, &page, &given));
        assert_eq!(trail, [(event.to_owned(), 1)], "{path}");
        page
    };
    change(
        &format!("/rename/{device}"),
        &[("label", "Pixel"), ("code", &phone.fresh())],
        "device_rename done",
    );
    let page = change("/codes", &[("code", &phone.fresh())], "backup_codes_regenerate done");
    let codes = shown(&page);
    assert_eq!(codes.len(), 10);
    let page = change("/codes", &[("password", PASSWORD)], "backup_codes_regenerate done");
    let codes_now = shown(&page);
    assert!(codes_now.len() == 10 && codes_now.iter().all(|code| !codes.contains(code)));
    let (file, trail) = told_by(&world, || twice(&mut web, &page, &page.form_to("/account/codes.txt")));
    assert!(trail.is_empty() && codes_now.iter().all(|code| file.body.contains(code)), "{trail:?} {file:?}");

    let page = web.get(&format!("{account}/key"));
    let given = form(&page, "/account/key", &[("label", "nightly")]).tick("site").clone();
    let (page, trail) = told_by(&world, || twice(&mut web, &page, &given));
    assert_eq!((trail, shown(&page).len()), (vec![("api_key_create done".to_owned(), 1)], 1));
    // Also after it was read, and when the browser sends it once more: it was done.
    let overview = web.get(&account);
    let (late, trail) = told_by(&world, || web.submit(&page, &given));
    assert!(trail.is_empty() && late.url.ends_with("/account"), "{trail:?}");
    assert_eq!(overview.body.matches("nightly").count(), late.body.matches("nightly").count());
    for (action, event) in
        [("/account/suspend/", "api_key_suspend done"), ("/account/resume/", "api_key_resume done")]
    {
        let page = web.get(&account);
        let given = page.form_to(action);
        let (_, trail) = told_by(&world, || twice(&mut web, &page, &given));
        assert_eq!(trail, [(event.to_owned(), 1)]);
    }
    // The same button on the next page is another press.
    let page = web.get(&account);
    let (_, trail) = told_by(&world, || web.submit(&page, &page.form_to("/account/suspend/")));
    assert_eq!(trail, [("api_key_suspend done".to_owned(), 1)]);
    let key = page.body.split("/account/rotate/").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let page = web.get(&format!("{account}/rotate/{key}"));
    let given = form(&page, "/account/rotate/", &[("password", PASSWORD)]);
    let (page, trail) = told_by(&world, || twice(&mut web, &page, &given));
    assert_eq!((trail, shown(&page).len()), (vec![("api_key_rotate done".to_owned(), 1)], 1));
    let page = web.get(&format!("{account}/revoke/{key}"));
    let given = page.form_to("/account/revoke/");
    let (_, trail) = told_by(&world, || twice(&mut web, &page, &given));
    assert_eq!(trail, [("api_key_revoke done".to_owned(), 1)]);

    let page = web.get(&account);
    let (_, trail) = told_by(&world, || twice(&mut web, &page, &page.form_to("/account/browser/")));
    assert_eq!(trail, [("browser_revoke done".to_owned(), 1)]);
    let mut other = world.gate.visitor();
    let page = other.give_password(&account, "alice", PASSWORD);
    other.give_code(&page, &phone.fresh());
    let page = web.get(&account);
    let (_, trail) = told_by(&world, || twice(&mut web, &page, &page.form_to("/account/session/")));
    assert_eq!(trail, [("session_revoke done".to_owned(), 1)]);

    let page = web.get(&format!("{account}/off"));
    let given = form(&page, "/account/off", &[("code", &phone.fresh())]);
    let (page, trail) = told_by(&world, || twice(&mut web, &page, &given));
    assert_eq!(trail, [("disable done".to_owned(), 1)]);
    assert!(page.body.contains("Two-factor is off") && !world.account("alice").enrolled, "{page:?}");
}

#[test]
fn devices_names_sessions_and_browsers_of_an_account_are_taken_away_once() {
    let world = World::start();
    world.authority.link("local:alice", "mail:alice.s");
    let second = world.authority.enrol_with(&BeginEnrolment {
        account: Some("local:alice".to_owned()),
        label: "tablet".to_owned(),
        algorithm: Algorithm::Sha1,
        digits: 6,
        period_seconds: 30,
        import: None,
        code: None,
    });
    let account = world.page("id", "/account");
    let enter = || {
        let mut web = world.gate.visitor();
        let page = web.give_password(&account, "alice", PASSWORD);
        web.give_code(&page, &second.phone.fresh());
        web
    };
    let (mut web, _other, _third) = (enter(), enter(), enter());
    for (path, event) in [
        (format!("/remove/{}", world.account("alice").devices[0].id), "device_remove done"),
        ("/part/mail:alice.s".to_owned(), "name_unlink done"),
    ] {
        let page = web.get(&format!("{account}{path}"));
        let given = form(&page, &format!("/account{path}"), &[("password", PASSWORD)]);
        let (_, trail) = told_by(&world, || twice(&mut web, &page, &given));
        assert_eq!(trail, [(event.to_owned(), 1)], "{path}");
    }
    assert_eq!(world.account("alice").devices.len(), 1);
    // The first press ends what the second would end: it says the same, and the trail tells of one.
    for (path, event) in [("sessions", "session_revoke done"), ("browsers", "browser_revoke done")] {
        let page = web.get(&account);
        let given = page.form_to(&format!("/account/{path}"));
        let (page, trail) = told_by(&world, || twice(&mut web, &page, &given));
        assert_eq!(trail, [(event.to_owned(), 1)], "{path}");
        assert!(
            page.url.ends_with("/account") && page.forms_to(&given.action).is_empty(),
            "{path}: {page:?}"
        );
    }
}

#[test]
fn what_is_closed_to_strangers_is_opened_again_once_by_its_owner() {
    let world = World::start();
    world.authority.closes("local:alice", &world.alice.phone);
    let mut web = world.gate.visitor();
    let account = world.page("id", "/account");
    let page = web.give_password(&account, "alice", PASSWORD);
    web.give_code(&page, &world.alice.backup_codes[0]);
    let page = web.get(&account);
    let given = page.form_to("/account/reopen");
    let (page, trail) = told_by(&world, || twice(&mut web, &page, &given));
    assert_eq!(trail, [("account_reopen done".to_owned(), 1)]);
    assert!(page.forms_to("/account/reopen").is_empty(), "{page:?}");
}

#[test]
fn another_picture_a_sign_in_once_more_and_not_now_sent_twice_are_done_once() {
    let rules = "[[enrolment]]\nhosts = [\"mail.localhost\"]\npolicy = \"required\"\nfrom = \"2999-01-01\"\nsign_ins = 5\n";
    let world = World::with("", rules);
    // "Not now": the sign-in was counted when it was asked, and leads on.
    let mut web = world.gate.visitor();
    let page = web.give_password(&world.page("mail", "/"), "bob", PASSWORD);
    let (page, trail) = told_by(&world, || twice(&mut web, &page, &page.form_to("/code/")));
    assert_eq!(trail, [("site_open done".to_owned(), 1)]);
    assert!(page.body.contains("The mail"), "{page:?}");
    let again = world.gate.visitor().give_password(&world.page("mail", "/"), "bob", PASSWORD);
    assert!(again.body.contains("3 more"), "one for each sign-in, and none for a press: {}", again.body);

    // Another picture.
    let mut web = world.gate.visitor();
    let page = web.give_password(&world.page("wiki", "/private"), "bob", PASSWORD);
    let mut given = page.form_with("algorithm");
    given.fill("algorithm", "sha512").fill("digits", "8");
    let (page, trail) = told_by(&world, || twice(&mut web, &page, &given));
    assert_eq!(trail, [("enrol_begin done".to_owned(), 1)]);
    let key = page.body.split("otpauth:").nth(1).unwrap().split('"').next().unwrap().to_owned();
    assert!(key.contains("SHA512"), "{key}");
    assert!(web.get(&page.url).body.contains(&key), "it is the one that waits");
    // The first factor is too old: once more from the beginning.
    world.authority.clock().shift(601);
    let page = web.get(&page.url);
    let again = page.forms_to("/enrol/").into_iter().find(|form| form.action.ends_with("/again")).unwrap();
    let (page, trail) = told_by(&world, || twice(&mut web, &page, &again));
    assert_eq!(trail, [("sign_out done".to_owned(), 1)]);
    assert!(page.asks_for("password"), "{page:?}");
}

#[test]
fn the_wizard_an_invitation_a_lost_device_and_signing_out_sent_twice_are_done_once() {
    let world = World::with("[enrolment]\nfirst = \"invitation\"\n", "");
    let invited = world.authority.twofold(&["--json", "invite", "local:bob"]).expect_success();
    let invited: serde_json::Value = serde_json::from_str(&invited).unwrap();
    let code = invited["code"].as_str().unwrap();
    traces::issued("invitation", code);
    let mut web = world.gate.visitor();
    let page = web.get(&world.page("id", &format!("/invitation/{code}")));
    let (page, trail) = told_by(&world, || twice(&mut web, &page, &page.form_to("/invitation/")));
    assert!(page.body.contains("Now sign in"), "{page:?}");
    assert_eq!(trail, [("invitation_redeem done".to_owned(), 1)]);

    let page = web.give_password(&world.page("wiki", "/private"), "bob", PASSWORD);
    let uri = page.body.split("href=\"otpauth:").nth(1).unwrap().split('"').next().unwrap();
    let phone = Phone::scan(
        &format!("otpauth:{}", uri.replace("&amp;", "&").replace("&#38;", "&")),
        world.authority.clock(),
    );
    // Given up, twice; and begun anew.
    let (left, trail) = told_by(&world, || twice(&mut web, &page, &cancel(&page)));
    assert!(
        left.body.contains("Nothing was turned on") && trail == [("enrol_cancel done".to_owned(), 1)],
        "{trail:?}"
    );
    let page = web.get(&page.url);
    let uri = page.body.split("href=\"otpauth:").nth(1).unwrap().split('"').next().unwrap();
    let next = Phone::scan(
        &format!("otpauth:{}", uri.replace("&amp;", "&").replace("&#38;", "&")),
        world.authority.clock(),
    );
    assert_ne!(phone.secret(), next.secret());
    let page = web.get(&format!("{}/verify", page.url));
    let given = form(&page, "/enrol/", &[("code", &next.fresh())]);
    let (page, trail) = told_by(&world, || twice(&mut web, &page, &given));
    let codes = shown(&page);
    assert!(codes.len() == 10 && trail == [("enrol done".to_owned(), 1)], "{trail:?} {page:?}");
    let (file, trail) = told_by(&world, || twice(&mut web.clone(), &page, &file(&page)));
    assert!(trail.is_empty() && codes.iter().all(|code| file.body.contains(code)), "{trail:?} {file:?}");
    let mut finish = page.forms_to("/enrol/").pop().unwrap();
    finish.tick("kept");
    let page = twice(&mut web, &page, &finish);
    assert!(page.body.contains("The wiki"), "{page:?}");

    // A lost device, in another browser.
    let mut web = world.gate.visitor();
    let page = web.give_password(&world.page("wiki", "/private"), "bob", PASSWORD);
    let page = web.get(&page.url.replace("/code/", "/lost/"));
    let given = form(&page, "/lost/", &[("code", &codes[0])]);
    let (page, trail) = told_by(&world, || twice(&mut web, &page, &given));
    assert!(page.body.contains("class=\"qr\""), "{page:?}");
    assert_eq!(trail, [("enrol_begin done".to_owned(), 1), ("verify approved".to_owned(), 1)]);
    assert_eq!(world.account("bob").backup_codes_left, 9);
    let page = web.get(&world.page("id", "/sign-out"));
    let (page, trail) = told_by(&world, || twice(&mut web, &page, &page.form_to("/sign-out")));
    assert!(
        page.body.contains("You are signed out") && trail == [("sign_out done".to_owned(), 1)],
        "{trail:?}"
    );
}

/// The button that gives the codes as a file.
fn file(page: &Page) -> Form {
    page.forms_to("/enrol/")
        .into_iter()
        .find(|form| form.action.ends_with("/codes.txt"))
        .expect("the page has it")
}

/// The button that gives up.
fn cancel(page: &Page) -> Form {
    page.forms_to("/enrol/")
        .into_iter()
        .find(|form| form.action.ends_with("/cancel"))
        .expect("the page has it")
}

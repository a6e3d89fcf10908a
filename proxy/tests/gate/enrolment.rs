//! People without a second factor: the wizard, those who may do without, invitations, and a lost device.

use crate::browser::{Browser, Response, give_code, give_password, path};
use crate::harness::World;

const ID: &str = "id.localhost";
const PORTAL: &str = "__Host-twofold-id";
const FORM: &str = "__Host-twofold-form";
const FIRST: &str = "777777";

/// Signs bob in for the wiki, who has a password and nothing else.
fn bob(world: &World, browser: &mut Browser) -> Response {
    let page = browser.open(&format!("http://wiki.localhost:{}/page", world.port));
    give_password(browser, &page, "bob")
}

fn id(world: &World, path: &str) -> String {
    format!("http://id.localhost:{}{path}", world.port)
}

/// Goes on to the page for the first code, and gives it.
fn verify(world: &World, browser: &mut Browser, page: &Response, code: &str) -> Response {
    let wizard = path(&page.url);
    let asked = browser.open(&id(world, &format!("{wizard}/verify")));
    submit_first(browser, &asked, &wizard, code)
}

fn submit_first(browser: &mut Browser, asked: &Response, wizard: &str, code: &str) -> Response {
    let number = asked.body.split("name=\"enrolment\" value=\"").nth(1).unwrap().split('"').next().unwrap();
    let mut fields = vec![("enrolment", number), ("code", code), ("label", "Pixel 9")];
    if asked.body.contains("name=\"algorithm\"") {
        fields.extend([("algorithm", "sha1"), ("digits", "6")]);
    }
    browser.submit(asked, &format!("{wizard}/verify"), &fields)
}

#[test]
fn who_has_no_second_factor_sets_one_up_and_gets_nowhere_else_before() {
    let world = World::start();
    let mut browser = Browser::new(world.port);
    let page = bob(&world, &mut browser);
    let wizard = path(&page.url);
    assert!(wizard.starts_with("/enrol/") && page.status == 200, "{}", page.url);
    assert!(
        page.body.contains("<svg class=\"qr\"")
            && page.body.contains("href=\"otpauth://totp/Twofold%20here:bob")
    );
    assert!(page.body.contains("<span>JBSW</span>") && page.body.contains("Keep the key to yourself"));
    assert_eq!(page.header("cache-control"), Some("no-store"));
    for step in ["code", "continue", "notices", "lost"] {
        let answer = browser.open(&id(&world, &wizard.replace("enrol", step)));
        assert_eq!(path(&answer.url), wizard, "{step}");
    }
    for step in ["codes", "finish", "codes.txt", "cancel", "again", "nothing"] {
        let answer = browser.open(&id(&world, &format!("{wizard}/{step}")));
        assert!(
            [404, 405].contains(&answer.status) || path(&answer.url) == wizard,
            "{step}: {} {}",
            answer.status,
            answer.url
        );
    }
    let wiki = browser.open(&format!("http://wiki.localhost:{}/", world.port));
    assert!(path(&wiki.url).starts_with("/enrol/"), "{}", wiki.url);
    assert!(world.app.seen().is_empty());
}

#[test]
fn the_first_code_then_the_backup_codes_then_the_site() {
    let world = World::start();
    let mut browser = Browser::new(world.port);
    let page = bob(&world, &mut browser);
    let wizard = path(&page.url);
    let first = browser.cookie(ID, PORTAL).unwrap();
    let page = verify(&world, &mut browser, &page, "123456");
    assert_eq!(page.status, 403);
    assert!(page.body.contains("clock is off") && page.body.contains("value=\"Pixel 9\""), "{}", page.body);
    let page = submit_first(&mut browser, &page, &wizard, FIRST);
    assert_eq!((page.status, path(&page.url)), (200, format!("{wizard}/codes")));
    assert_eq!(page.body.matches("<li>1020 30").count(), 10, "{}", page.body);
    assert_ne!(browser.cookie(ID, PORTAL).unwrap(), first, "a new id at the higher level");
    // Reload, and the pages before.
    for before in ["", "/verify", "/codes"] {
        assert_eq!(
            path(&browser.open(&id(&world, &format!("{wizard}{before}"))).url),
            format!("{wizard}/codes")
        );
    }
    let file = browser.submit(&page, &format!("{wizard}/codes.txt"), &[]);
    assert_eq!(file.header("content-disposition"), Some("attachment; filename=\"backup-codes.txt\""));
    assert_eq!(file.header("cache-control"), Some("no-store"));
    assert!(file.body.starts_with("Twofold: backup codes of bob\r\n"), "{}", file.body);
    assert_eq!(file.body.lines().filter(|line| line.ends_with("used on: ______________")).count(), 10);
    let refused = browser.submit(&page, &format!("{wizard}/finish"), &[]);
    assert_eq!(refused.status, 422);
    assert!(refused.body.contains("tick the box") && refused.body.contains("1020 30"));
    let landed = browser.submit(&refused, &format!("{wizard}/finish"), &[("kept", "yes")]);
    assert_eq!((landed.status, path(&landed.url).as_str()), (200, "/page"), "{}", landed.url);
    assert!(landed.body.to_lowercase().contains("remote-user: bob"));
    // From now on nobody gets them, bob neither.
    let late = browser.submit(&page, &format!("{wizard}/codes.txt"), &[]);
    assert!(late.header("content-disposition").is_none() && !late.body.contains("1020 30"), "{}", late.url);
    assert!(!browser.open(&id(&world, &format!("{wizard}/codes"))).body.contains("1020 30"));
    let log = world.log();
    for secret in ["JBSWY3DP", "1020", FIRST] {
        assert!(!log.contains(secret), "{secret} in {log}");
    }
}

#[test]
fn backup_codes_and_their_file_are_for_the_session_that_set_the_device_up() {
    let world = World::start();
    let mut browser = Browser::new(world.port);
    let page = bob(&world, &mut browser);
    let (wizard, form) = (path(&page.url), browser.cookie(ID, FORM).unwrap());
    let first = browser.cookie(ID, PORTAL).unwrap();
    let page = verify(&world, &mut browser, &page, FIRST);
    assert!(page.body.contains("1020 30"));
    // Another of bob's browsers, at the second level, with the address and the form.
    let mut other = Browser::new(world.port);
    let elsewhere = bob(&world, &mut other);
    give_code(&mut other, &elsewhere, "222222");
    other.set_cookie(ID, FORM, &form);
    let mut nobody = Browser::new(world.port);
    nobody.set_cookie(ID, FORM, &form);
    let mut fixed = Browser::new(world.port);
    fixed.set_cookie(ID, PORTAL, &first);
    for thief in [&mut other, &mut nobody, &mut fixed] {
        for step in ["", "/verify", "/codes"] {
            let answer = thief.open(&id(&world, &format!("{wizard}{step}")));
            assert!(!answer.body.contains("1020 30"), "{step}: {}", answer.url);
        }
        let file = thief.post(
            &id(&world, &format!("{wizard}/codes.txt")),
            &format!("token={}", page.token()),
            "same-origin",
        );
        assert!(file.status != 200 && !file.body.contains("1020 30"), "{}", file.status);
    }
}

/// What a browser's tab and a screen reader say of a page.
fn title(page: &Response) -> &str {
    page.body.split("<title>").nth(1).and_then(|rest| rest.split(" · Twofold").next()).unwrap()
}

#[test]
fn every_step_has_a_title_and_a_mistake_begins_it() {
    let world = World::start();
    let mut browser = Browser::new(world.port);
    let page = browser.open(&format!("http://wiki.localhost:{}/page", world.port));
    assert!(title(&page).starts_with("Sign in"), "{}", title(&page));
    let wrong = browser.submit(&page, &path(&page.url), &[("name", "bob"), ("password", "wrong")]);
    assert!(title(&wrong).starts_with("Error: Sign in"), "{}", title(&wrong));
    let page = give_password(&mut browser, &wrong, "bob");
    let wizard = path(&page.url);
    assert_eq!(title(&page), "Step 1 of 3 · Scan · Set up your phone");
    let page = browser.open(&id(&world, &format!("{wizard}/verify")));
    assert_eq!(title(&page), "Step 2 of 3 · Verify · Set up your phone");
    let wrong = submit_first(&mut browser, &page, &wizard, "123456");
    assert_eq!(title(&wrong), "Error: Step 2 of 3 · Verify · Set up your phone");
    let page = submit_first(&mut browser, &wrong, &wizard, FIRST);
    assert_eq!(title(&page), "Step 3 of 3 · Backup codes · Set up your phone");
    let wrong = browser.submit(&page, &format!("{wizard}/finish"), &[]);
    assert_eq!(title(&wrong), "Error: Step 3 of 3 · Backup codes · Set up your phone");
}

#[test]
fn a_form_that_is_sent_twice_enrols_once_and_shows_the_codes() {
    let world = World::start();
    let mut browser = Browser::new(world.port);
    let page = bob(&world, &mut browser);
    let wizard = path(&page.url);
    let asked = browser.open(&id(&world, &format!("{wizard}/verify")));
    let (session, form) = (browser.cookie(ID, PORTAL).unwrap(), browser.cookie(ID, FORM).unwrap());
    // The answer to the first press is never read: the browser still has what it had.
    let mut once = Browser::new(world.port);
    once.set_cookie(ID, PORTAL, &session);
    once.set_cookie(ID, FORM, &form);
    let number = asked.body.split("name=\"enrolment\" value=\"").nth(1).unwrap().split('"').next().unwrap();
    let body = format!("token={}&enrolment={number}&code={FIRST}&label=", asked.token());
    let target = id(&world, &format!("{wizard}/verify"));
    assert_eq!(once.post(&target, &body, "same-origin").status, 303);
    // Whoever has the old session alone gets nothing.
    let mut thief = Browser::new(world.port);
    thief.set_cookie(ID, PORTAL, &session);
    thief.post(&target, &body, "same-origin");
    assert_eq!(thief.cookie(ID, PORTAL).unwrap(), session);
    let again = browser.post(&target, &body, "same-origin");
    assert_eq!((again.status, again.header("location").unwrap()), (303, format!("{wizard}/codes").as_str()));
    let codes = browser.open(&id(&world, &format!("{wizard}/codes")));
    assert!(codes.body.contains("1020 30"));
    assert_eq!(world.authority.calls("ConfirmSessionEnrolment"), 1);
    // It was read, so whoever has the old cookies and the form gets nothing any more.
    let mut thief = Browser::new(world.port);
    thief.set_cookie(ID, PORTAL, &session);
    thief.set_cookie(ID, FORM, &form);
    thief.post(&target, &body, "same-origin");
    assert_eq!(thief.cookie(ID, PORTAL).unwrap(), session);
    assert_eq!(world.authority.calls("ConfirmSessionEnrolment"), 1);
    // Finish twice.
    for _ in 0..2 {
        let landed = browser.submit(&codes, &format!("{wizard}/finish"), &[("kept", "yes")]);
        assert_eq!(landed.status, 200, "{}", landed.url);
    }
}

#[test]
fn two_tabs_show_one_picture_and_a_void_one_is_explained() {
    let world = World::start();
    let mut browser = Browser::new(world.port);
    let one = bob(&world, &mut browser);
    let two = browser.open(&format!("http://shop.localhost:{}/", world.port));
    let key = |page: &Response| {
        page.body.split("href=\"otpauth://").nth(1).unwrap().split('"').next().unwrap().to_owned()
    };
    assert_ne!(one.url, two.url);
    assert_eq!(key(&one), key(&two));
    // Another kind in the second tab makes the first one's picture void.
    let asked = browser.open(&id(&world, &format!("{}/verify", path(&one.url))));
    let again = browser.submit(&two, &path(&two.url), &[("algorithm", "sha256"), ("digits", "8")]);
    assert_ne!(key(&one), key(&again));
    assert!(again.body.contains("SHA-256, 8 digits"), "{}", again.body);
    let late = submit_first(&mut browser, &asked, &path(&one.url), FIRST);
    assert!(late.body.contains("the earlier one is void") && late.body.contains("<svg"), "{}", late.body);
    // An app that makes its usual codes is found out, and taken as it is.
    let found = verify(&world, &mut browser, &again, "666666");
    assert_eq!(found.status, 403);
    assert!(
        found.body.contains("SHA-1, 6 digits") && found.body.contains("Enter the 6 digits"),
        "{}",
        found.body
    );
    let codes = submit_first(&mut browser, &found, &path(&again.url), "666666");
    assert!(codes.body.contains("1020 30"), "{}", codes.body);
    // The other tab finds the work done.
    assert!(!browser.open(&one.url).body.contains("<svg"));
}

#[test]
fn an_enrolment_that_expires_under_ones_eyes_begins_again() {
    let world = World::start();
    let mut browser = Browser::new(world.port);
    let page = bob(&world, &mut browser);
    let wizard = path(&page.url);
    let asked = browser.open(&id(&world, &format!("{wizard}/verify")));
    world.authority.void_enrolments();
    let again = submit_first(&mut browser, &asked, &wizard, FIRST);
    assert!(again.body.contains("the earlier one is void") && again.body.contains("<svg"), "{}", again.body);
    world.authority.void_enrolments();
    // A step that shows no picture leads back to one.
    assert_eq!(path(&browser.open(&id(&world, &format!("{wizard}/verify"))).url), wizard);
    let left = browser.submit(&again, &format!("{wizard}/cancel"), &[]);
    assert!(left.body.contains("Nothing was turned on"), "{}", left.body);
    assert_eq!(world.authority.calls("ConfirmSessionEnrolment"), 0);
}

#[test]
fn a_sign_in_that_is_too_old_is_asked_for_again_and_an_invitation_is_explained() {
    let world = World::start();
    let mut browser = Browser::new(world.port);
    world.authority.refuse_enrolment(Some("first_factor"));
    let page = bob(&world, &mut browser);
    let wizard = path(&page.url);
    assert_eq!(page.status, 403);
    assert!(page.body.contains("Sign in once more") && !page.body.contains("<svg"), "{}", page.body);
    let form = browser.submit(&page, &format!("{wizard}/again"), &[]);
    assert!(path(&form.url).starts_with("/sign-in/"), "{}", form.url);
    world.authority.refuse_enrolment(Some("invitation"));
    let page = give_password(&mut browser, &form, "bob");
    assert!(page.status == 403 && page.body.contains("You need an invitation"), "{}", page.body);
    assert!(world.app.seen().is_empty());
}

#[test]
fn where_it_is_optional_the_first_factor_is_enough_until_a_second_is_there() {
    let rules = "groups = [\"staff\"]\n[[enrolment]]\nhosts = [\"wiki.localhost\"]\ngroups = [\"staff\"]\npolicy = \"optional\"\n\
        [[rule]]\npaths = [\"/admin\"]\npolicy = \"second\"\nmax_age = \"5m\"";
    let world = World::start_with(rules);
    let mut browser = Browser::new(world.port);
    let page = bob(&world, &mut browser);
    assert_eq!((page.status, path(&page.url).as_str()), (200, "/page"), "{}", page.body);
    // Not elsewhere, and not where a fresh code is asked for.
    for target in ["shop.localhost:PORT/", "wiki.localhost:PORT/admin"] {
        let target = target.replace("PORT", &world.port.to_string());
        let answer = browser.open(&format!("http://{target}"));
        assert!(path(&answer.url).starts_with("/enrol/"), "{target}: {}", answer.url);
    }
    // alice has one, so it is asked for.
    let mut alices = Browser::new(world.port);
    let page = alices.open(&format!("http://wiki.localhost:{}/page", world.port));
    assert!(path(&give_password(&mut alices, &page, "alice").url).starts_with("/code/"));
    let seen = world.app.seen().len();
    assert_eq!(seen, 1);
}

#[test]
fn before_the_day_some_sign_ins_pass_without_and_no_more() {
    let rules = "[[enrolment]]\npolicy = \"required\"\nfrom = \"2999-01-01\"\nsign_ins = 2";
    let world = World::start_with(rules);
    for left in ["once more without", "last time"] {
        let mut browser = Browser::new(world.port);
        let page = bob(&world, &mut browser);
        assert!(
            page.body.contains("From 1 January 2999 on, Wiki asks") && page.body.contains(left),
            "{}",
            page.body
        );
        // Looking again counts nothing, and going round the page leads to it.
        let onwards = browser.open(&page.url.replace("/code/", "/continue/"));
        assert!(onwards.body.contains(left), "{}", onwards.body);
        let landed = browser.submit(&page, &path(&page.url), &[]);
        assert_eq!((landed.status, path(&landed.url).as_str()), (200, "/page"), "{}", landed.body);
    }
    let mut browser = Browser::new(world.port);
    let page = bob(&world, &mut browser);
    assert!(path(&page.url).starts_with("/enrol/"), "{}", page.url);
    // Nor does a page that asks for the first factor alone open the others uncounted.
    let open = "[[rule]]\npaths = [\"/open\"]\npolicy = \"first\"";
    let world = World::start_with(&format!("{rules}\n{open}"));
    let mut browser = Browser::new(world.port);
    let page = browser.open(&format!("http://wiki.localhost:{}/open", world.port));
    let page = give_password(&mut browser, &page, "bob");
    assert!(page.body.contains("once more without"), "{}", page.url);
    let world = World::start_with(&rules.replace("2999", "2001"));
    let page = bob(&world, &mut Browser::new(world.port));
    assert!(path(&page.url).starts_with("/enrol/"), "{}", page.url);
}

#[test]
fn an_invitations_page_asks_nothing_and_its_button_serves_one_browser() {
    let world = World::start();
    let mut browser = Browser::new(world.port);
    let page = browser.open(&id(&world, "/invitation/good-code"));
    assert!(page.status == 200 && page.body.contains("You are invited"), "{}", page.body);
    assert_eq!(world.authority.calls("RedeemInvitation"), 0);
    // A form from elsewhere, or without the page's token, presses nothing.
    let token = page.token();
    assert_eq!(browser.post(&page.url, &format!("token={token}"), "cross-site").status, 403);
    assert_eq!(
        Browser::new(world.port).post(&page.url, &format!("token={token}"), "same-origin").status,
        200
    );
    browser.post(&page.url, "token=x", "same-origin");
    assert_eq!(world.authority.calls("RedeemInvitation"), 0);
    for _ in 0..2 {
        let accepted = browser.submit(&page, "/invitation/good-code", &[]);
        assert!(accepted.body.contains("Now sign in"), "{}", accepted.body);
    }
    let mut other = Browser::new(world.port);
    let page = other.open(&id(&world, "/invitation/good-code"));
    let over = other.submit(&page, "/invitation/good-code", &[]);
    assert!(over.status == 410 && over.body.contains("isn't good any more"), "{}", over.body);
    for (code, says) in [("at-login", "Log in with SSH"), ("no-such", "isn't good any more")] {
        let page = other.open(&id(&world, &format!("/invitation/{code}")));
        let answer = other.submit(&page, &format!("/invitation/{code}"), &[]);
        assert!(answer.body.contains(says), "{code}: {}", answer.body);
    }
    assert_eq!(other.open(&id(&world, &format!("/invitation/{}", "a".repeat(200)))).status, 410);
    assert!(!world.log().contains("good-code"), "{}", world.log());
}

#[test]
fn a_backup_code_leads_from_a_lost_device_to_a_new_one() {
    let world = World::start();
    let mut browser = Browser::new(world.port);
    let page = browser.open(&format!("http://wiki.localhost:{}/page", world.port));
    let code_page = give_password(&mut browser, &page, "alice");
    let lost = path(&code_page.url).replace("code", "lost");
    let page = browser.open(&id(&world, &lost));
    assert!(page.body.contains("set up a new phone"), "{}", page.body);
    for (code, status) in [("111111", 422), ("", 422), ("00000000", 403)] {
        assert_eq!(browser.submit(&page, &lost, &[("code", code)]).status, status, "{code}");
    }
    let page = browser.submit(&page, &lost, &[("code", "8765 4321")]);
    assert!(path(&page.url).starts_with("/enrol/") && page.body.contains("<svg"), "{}", page.url);
    let codes = verify(&world, &mut browser, &page, FIRST);
    assert!(codes.body.contains("1020 30"), "the codes are new ones: {}", codes.body);
    let landed = browser.submit(&codes, &format!("{}/finish", path(&page.url)), &[("kept", "yes")]);
    assert_eq!(path(&landed.url), "/page");
}

#[test]
fn a_further_device_takes_a_fresh_code_and_leads_to_the_account() {
    let world = World::start();
    let mut browser = Browser::new(world.port);
    let page = browser.open(&id(&world, "/enrol"));
    let page = give_password(&mut browser, &page, "alice");
    assert!(path(&page.url).starts_with("/code/"));
    world.authority.backdate_next(301);
    let page = give_code(&mut browser, &page, "111111");
    assert!(path(&page.url).starts_with("/code/"), "a code of five minutes ago is too old: {}", page.url);
    let page = give_code(&mut browser, &page, "222222");
    assert!(path(&page.url).starts_with("/enrol/"), "{}", page.url);
    let done = verify(&world, &mut browser, &page, FIRST);
    assert!(done.body.contains("stay good") && !done.body.contains("name=\"kept\""), "{}", done.body);
    let account = browser.submit(&done, &format!("{}/finish", path(&page.url)), &[]);
    assert_eq!(path(&account.url), "/account");
}

#[test]
fn foreign_and_unbound_forms_of_the_wizard_do_nothing() {
    let world = World::start();
    let mut browser = Browser::new(world.port);
    let page = bob(&world, &mut browser);
    let wizard = path(&page.url);
    let asked = browser.open(&id(&world, &format!("{wizard}/verify")));
    let number = asked.body.split("name=\"enrolment\" value=\"").nth(1).unwrap().split('"').next().unwrap();
    for (token, site, status) in [(asked.token(), "cross-site", 403), ("x".to_owned(), "same-origin", 403)] {
        let body = format!("token={token}&enrolment={number}&code={FIRST}&label=");
        assert_eq!(browser.post(&id(&world, &format!("{wizard}/verify")), &body, site).status, status);
        for step in ["", "/cancel", "/again", "/finish"] {
            let body = format!("token={token}&algorithm=sha512&digits=8&kept=yes");
            browser.post(&id(&world, &format!("{wizard}{step}")), &body, site);
        }
    }
    assert_eq!(
        (world.authority.calls("ConfirmSessionEnrolment"), world.authority.calls("CancelSessionEnrolment")),
        (0, 0)
    );
    assert_eq!(world.authority.calls("EndSession"), 0);
    assert!(!browser.open(&page.url).body.contains("SHA-512, 8 digits"));
}

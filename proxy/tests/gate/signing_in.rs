//! The way in, page by page, at every level.

use serde_json::json;

use crate::browser::{Browser, give_code, give_password, path, sign_in};
use crate::harness::World;

const ID: &str = "id.localhost";
const PORTAL: &str = "__Host-twofold-id";

#[test]
fn a_person_signs_in_and_lands_where_they_wanted() {
    let world = World::start();
    let mut browser = Browser::new(world.port);
    let landed = sign_in(&mut browser, "111111");
    assert_eq!((landed.status, path(&landed.url).as_str()), (200, "/page?q=1"));
    assert!(landed.body.to_lowercase().contains("remote-user: alice"));
    // The second site asks for nothing more.
    let shop = browser.open(&format!("http://shop.localhost:{}/x", world.port));
    assert_eq!((shop.status, path(&shop.url).as_str()), (200, "/x"));
    // The cookies that bound the flows are gone.
    assert_eq!(browser.cookies("wiki.localhost").matches("__Host-twofold").count(), 1);
}

#[test]
fn every_level_has_a_new_id_and_the_old_one_is_dead() {
    let world = World::start();
    let mut browser = Browser::new(world.port);
    let page = browser.open(&format!("http://wiki.localhost:{}/", world.port));
    let code_page = give_password(&mut browser, &page, "alice");
    let first = browser.cookie(ID, PORTAL).unwrap();
    give_code(&mut browser, &code_page, "111111");
    let second = browser.cookie(ID, PORTAL).unwrap();
    assert_ne!(first, second);
    let mut thief = Browser::new(world.port);
    thief.set_cookie(ID, PORTAL, &first);
    let answer = thief.open(&format!("http://id.localhost:{}/", world.port));
    assert!(path(&answer.url).starts_with("/sign-in/"), "{}", answer.url);
}

#[test]
fn wrong_used_and_throttled_codes_are_told_apart() {
    let world = World::start();
    sign_in(&mut Browser::new(world.port), "111111");
    let mut browser = Browser::new(world.port);
    let page = browser.open(&format!("http://wiki.localhost:{}/", world.port));
    let mut page = give_password(&mut browser, &page, "alice");
    for (code, status, words) in [
        ("123456", 403, "That code didn't match."),
        ("correct horse", 403, "That code didn't match."),
        ("", 403, "That code didn't match."),
        ("111 111", 403, "That code was already used. Wait for the next one (12 s)."),
    ] {
        page = give_code(&mut browser, &page, code);
        assert_eq!(page.status, status, "{code}");
        assert!(page.body.contains(words), "{code}: {}", page.body);
        assert!(path(&page.url).starts_with("/code/"));
    }
    for (refusal, status, words) in [
        (json!({ "word": "wait", "wait_seconds": 40 }), 429, "You can try again in 40 s."),
        (json!({ "word": "closed" }), 403, "places we don't know"),
        (json!({ "word": "clock" }), 403, "clock looks wrong"),
        (json!({ "word": "busy" }), 503, "Too much is going on at once"),
    ] {
        world.authority.refuse_next(refusal);
        page = give_code(&mut browser, &page, "222222");
        assert_eq!(page.status, status);
        assert!(page.body.contains(words), "{words}: {}", page.body);
    }
    assert_eq!(give_code(&mut browser, &page, "222222").status, 200);
}

#[test]
fn after_a_backup_code_the_person_learns_how_many_are_left() {
    let world = World::start();
    let mut browser = Browser::new(world.port);
    let page = sign_in(&mut browser, "8765 4321");
    assert!(path(&page.url).starts_with("/notices/"), "{}", page.url);
    assert!(page.body.contains("2 backup codes left."), "{}", page.body);
    let onwards = path(&page.url).replace("notices", "continue");
    let landed = browser.open(&format!("http://id.localhost:{}{onwards}", world.port));
    assert_eq!(path(&landed.url), "/page?q=1");
    let mut again = Browser::new(world.port);
    assert!(sign_in(&mut again, "87654321").body.contains("already used"));
}

#[test]
fn a_wrong_password_says_the_same_for_everybody() {
    let world = World::start();
    let mut browser = Browser::new(world.port);
    let page = browser.open(&format!("http://wiki.localhost:{}/", world.port));
    let mut bodies = Vec::new();
    for name in ["alice", "nobody"] {
        let answer = browser.submit(&page, &path(&page.url), &[("name", name), ("password", "wrong")]);
        assert_eq!(answer.status, 403);
        assert!(browser.cookie(ID, PORTAL).is_none());
        // Each page's form has a token of its own.
        bodies.push(answer.body.replace(&answer.token(), "TOKEN").replace(name, "NAME"));
    }
    assert_eq!(bodies.first(), bodies.last());
}

#[test]
fn who_is_not_enrolled_gets_no_further_and_learns_how() {
    let world = World::start_with("[[enrolment]]\npolicy = \"off\"");
    let mut browser = Browser::new(world.port);
    let page = browser.open(&format!("http://wiki.localhost:{}/", world.port));
    let page = give_password(&mut browser, &page, "bob");
    assert_eq!(page.status, 403);
    assert!(page.body.contains("twofold enroll"), "{}", page.body);
    for step in ["continue", "notices"] {
        let onwards = path(&page.url).replace("code", step);
        let answer = browser.open(&format!("http://id.localhost:{}{onwards}", world.port));
        assert_eq!((answer.status, path(&answer.url)), (403, path(&page.url)), "{step}");
    }
    world.authority.enrol("bob");
    let page = browser.open(&page.url);
    assert_eq!(give_code(&mut browser, &page, "333333").status, 200);
    assert!(world.app.seen().iter().all(|request| request.to_lowercase().contains("remote-user: bob")));
}

#[test]
fn no_step_can_be_skipped() {
    let world = World::start();
    let mut browser = Browser::new(world.port);
    let page = browser.open(&format!("http://wiki.localhost:{}/", world.port));
    for step in ["code", "continue", "notices"] {
        let url = page.url.replace("sign-in", step);
        assert_eq!(browser.open(&url).url, page.url, "{step} without a session");
    }
    let code_page = give_password(&mut browser, &page, "alice");
    for step in ["sign-in", "continue", "notices"] {
        let url = code_page.url.replace("/code/", &format!("/{step}/"));
        assert_eq!(browser.open(&url).url, code_page.url, "{step} after the first factor");
    }
    assert!(world.app.seen().is_empty());
}

#[test]
fn several_tabs_do_not_disturb_each_other() {
    let world = World::start();
    let mut browser = Browser::new(world.port);
    let one = browser.open(&format!("http://wiki.localhost:{}/one", world.port));
    let two = browser.open(&format!("http://wiki.localhost:{}/two", world.port));
    let three = browser.open(&format!("http://shop.localhost:{}/three", world.port));
    assert_ne!(one.url, two.url);
    let code_one = give_password(&mut browser, &one, "alice");
    // The second tab's old form meets a session at level first: on to the code.
    let code_two = give_password(&mut browser, &two, "alice");
    assert_eq!(path(&give_code(&mut browser, &code_one, "111111").url), "/one");
    // The other tab's code page goes on without spending a code, whatever is typed there.
    let landed = give_code(&mut browser, &code_two, "111111");
    assert_eq!((landed.status, path(&landed.url).as_str()), (200, "/two"));
    assert_eq!(path(&browser.open(&three.url).url), "/three");
    assert_eq!(world.authority.calls("VerifySession"), 1);
}

#[test]
fn many_tabs_leave_few_cookies() {
    let world = World::start();
    let mut browser = Browser::new(world.port);
    for _ in 0..30 {
        browser.look(&format!("http://wiki.localhost:{}/", world.port));
    }
    assert!(browser.cookies("wiki.localhost").matches("__Host-twofold-flow-").count() <= 12);
}

#[test]
fn a_handoff_serves_once_and_only_the_browser_that_began() {
    let world = World::start();
    let mut browser = Browser::new(world.port);
    let page = browser.open(&format!("http://wiki.localhost:{}/secret", world.port));
    let code_page = give_password(&mut browser, &page, "alice");
    browser.post(&code_page.url, &format!("token={}&code=111111", code_page.token()), "same-origin");
    let handoff = browser.look(&code_page.url.replace("/code/", "/continue/"));
    let callback = handoff.header("location").unwrap().to_owned();
    assert!(callback.starts_with(&format!("http://wiki.localhost:{}/.twofold/callback?code=", world.port)));
    // Elsewhere it is nothing, and it is spent.
    let mut thief = Browser::new(world.port);
    assert_eq!(thief.open(&callback).status, 410);
    assert!(thief.cookie("wiki.localhost", "__Host-twofold").is_none());
    assert_eq!(browser.open(&callback).status, 410);
    // The flow itself still leads there.
    let landed = browser.open(&handoff.url);
    assert_eq!((landed.status, path(&landed.url).as_str()), (200, "/secret"));
    // At another host the code is nothing either.
    let again = browser.look(&handoff.url).header("location").unwrap().replace("wiki", "shop");
    assert_eq!(browser.open(&again).status, 410);
}

#[test]
fn a_posted_form_is_not_held() {
    let world = World::start();
    let mut browser = Browser::new(world.port);
    let answer =
        browser.post(&format!("http://wiki.localhost:{}/save", world.port), "text=long", "same-origin");
    assert_eq!(answer.status, 403);
    assert!(answer.body.contains("was not passed on"), "{}", answer.body);
    assert!(world.app.seen().is_empty());
}

#[test]
fn foreign_and_unbound_forms_are_not_used() {
    let world = World::start();
    let mut browser = Browser::new(world.port);
    let page = browser.open(&format!("http://wiki.localhost:{}/", world.port));
    let body = format!("token={}&name=alice&password=correct+horse", page.token());
    for site in ["cross-site", "same-site"] {
        assert_eq!(browser.post(&page.url, &body, site).status, 403, "{site}");
    }
    // The same flow and token in another browser.
    let mut other = Browser::new(world.port);
    assert_eq!(other.post(&page.url, &body, "same-origin").status, 403);
    assert_eq!(
        browser.post(&page.url, "token=x&name=alice&password=correct+horse", "same-origin").status,
        403
    );
    assert_eq!(world.authority.calls("SignIn"), 0);
    assert_eq!(browser.post(&page.url, &body, "same-origin").status, 303);
}

#[test]
fn return_addresses_stay_on_the_site() {
    for (asked, landed) in [
        ("/a?next=https://evil.example/", "/a?next=https://evil.example/"),
        // The address that whoever wants to lead somebody away writes.
        ("/.twofold/sign-in?to=/inbox", "/inbox"),
        ("/.twofold/sign-in?to=//evil.example/", "/"),
        ("/.twofold/sign-in?to=%2f%2fevil.example", "/"),
        ("/.twofold/sign-in?to=/%5cevil.example", "/"),
        ("/.twofold/sign-in?to=https:evil.example", "/"),
        ("/.twofold/sign-in?to=https://wiki.localhost@evil.example/", "/"),
        ("/.twofold/sign-in?to=/.twofold/sign-out", "/"),
        ("/.twofold/sign-in?to=/%0d%0aLocation:%20https://evil.example", "/"),
    ] {
        let world = World::start();
        let mut browser = Browser::new(world.port);
        let page = browser.open(&format!("http://wiki.localhost:{}{asked}", world.port));
        let code_page = give_password(&mut browser, &page, "alice");
        let end = give_code(&mut browser, &code_page, "111111");
        assert!(
            end.url.starts_with(&format!("http://wiki.localhost:{}/", world.port)),
            "{asked}: {}",
            end.url
        );
        assert_eq!(path(&end.url), landed, "{asked}");
    }
}

#[test]
fn a_lost_flow_is_explained() {
    let world = World::start();
    let mut browser = Browser::new(world.port);
    for page in ["/sign-in/aaaaaaaaaaaaaaaaaaaaaa", "/code/x", "/continue/aaaaaaaaaaaaaaaaaaaaaa"] {
        let answer = browser.open(&format!("http://id.localhost:{}{page}", world.port));
        assert_eq!(answer.status, 410, "{page}");
        assert!(answer.body.contains("start again"), "{}", answer.body);
    }
}

/// The whole policy: files from the portal alone, forms to the page's own origin and to where they lead on, and nothing else.
fn strict(portal: &str, leads_to: &str) -> String {
    format!(
        "default-src 'none'; style-src {portal}; script-src {portal}; img-src {portal}; form-action 'self'{leads_to}; \
         frame-ancestors 'none'; base-uri 'none'"
    )
}

#[test]
fn every_page_of_ours_is_guarded() {
    let world = World::start();
    let mut browser = Browser::new(world.port);
    let page = browser.open(&format!("http://wiki.localhost:{}/", world.port));
    let policy = page.header("content-security-policy").unwrap();
    let portal = format!("http://id.localhost:{}", world.port);
    assert_eq!(policy, strict(&portal, &format!(" http://wiki.localhost:{}", world.port)));
    assert_eq!(page.header("cache-control"), Some("no-store"));
    assert_eq!(page.header("x-content-type-options"), Some("nosniff"));
    assert_eq!(page.header("referrer-policy"), Some("no-referrer"));
    assert!(!page.body.contains("<script") && !page.body.contains("style=") && !page.body.contains("onload"));
    // What a page refers to is there, and nothing of it is the page's own text.
    for address in page.body.split("href=\"http").skip(1).filter_map(|rest| rest.split('"').next()) {
        let file = browser.open(&format!("http{address}"));
        assert_eq!((file.status, file.header("set-cookie")), (200, None), "{address}");
    }
    let code_page = give_password(&mut browser, &page, "alice");
    assert!(
        code_page.body.contains("autocomplete=\"one-time-code\"")
            && code_page.body.contains("inputmode=\"numeric\"")
    );
    assert!(code_page.body.contains("aria-live"));
    // The others have no place that they lead to.
    for path in ["/signed-out", "/nothing"] {
        let page = browser.open(&format!("{portal}{path}"));
        assert_eq!(page.header("content-security-policy"), Some(&*strict(&portal, "")), "{path}");
    }
}

#[test]
fn the_log_holds_no_secret() {
    let world = World::start();
    let mut browser = Browser::new(world.port);
    sign_in(&mut Browser::new(world.port), "8765 4321");
    sign_in(&mut browser, "111111");
    browser.open(&format!("http://gone.localhost:{}/", world.port));
    let log = world.log();
    let mut secrets =
        vec!["correct horse".to_owned(), "87654321".to_owned(), "111111".to_owned(), "code=".to_owned()];
    for (host, name) in [("wiki.localhost", "__Host-twofold"), (ID, PORTAL), (ID, "__Host-twofold-form")] {
        secrets.extend(browser.cookie(host, name));
    }
    for secret in secrets {
        assert!(!log.contains(&secret), "{secret} in {log}");
    }
}

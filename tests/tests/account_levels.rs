//! Every page and every form of a person's account, at every level: nothing a level early, from elsewhere, or without the
//! page's own token.

use twofold_shared::wire::ListBrowsers;
use twofold_tests::web::Page;
use twofold_tests::world::PASSWORD;
use twofold_tests::{Web, World};

const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

/// A browser that has given the password.
fn first(world: &World) -> (Web, Page) {
    let mut web = world.gate.visitor();
    let page = web.give_password(&world.page("id", "/account"), "alice", PASSWORD);
    (web, page)
}

/// One that has given a code as well, and the token of its account page.
fn second(world: &World) -> (Web, String) {
    let (mut web, page) = first(world);
    web.give_code(&page, &world.alice.phone.fresh());
    let page = web.get(&world.page("id", "/account"));
    let token = page.body.split("name=\"token\" value=\"").nth(1).and_then(|rest| rest.split('"').next());
    (web, token.unwrap_or_else(|| panic!("no token:\n{}", page.body)).to_owned())
}

/// The pages, the addresses of forms, and those of pages about something that is not there.
fn pages(world: &World) -> (Vec<String>, Vec<String>, Vec<String>) {
    let device = &world.account("alice").devices[0].id;
    let mut pages: Vec<String> =
        ["/account", "/account/codes", "/account/off", "/account/key"].map(str::to_owned).into();
    pages.extend(["rename", "remove"].map(|page| format!("/account/{page}/{device}")));
    let mut forms: Vec<String> = [
        "/account/sessions",
        "/account/browsers",
        "/account/reopen",
        "/account/codes.txt",
        "/account/session/0123456789abcdef",
    ]
    .map(str::to_owned)
    .into();
    forms.extend(
        ["/account/browser/0123456789abcdef", "/account/suspend/0123456789abcdef"].map(str::to_owned),
    );
    forms.push("/account/resume/0123456789abcdef".to_owned());
    let absent = ["part", "rotate", "revoke"].map(|page| format!("/account/{page}/0123456789abcdef"));
    (pages, forms, absent.into())
}

/// What was typed, with this token.
fn body(token: &str) -> String {
    format!("token={token}&label=x&site=wiki.localhost&password={}", PASSWORD.replace(' ', "+"))
}

#[test]
fn every_page_of_an_account_at_every_level() {
    let world = World::start();
    let before = world.account("alice");
    let (pages, forms, absent) = pages(&world);
    let all = || pages.iter().chain(&forms).chain(&absent);
    let own = world.gate.origin("id");

    // Nobody, and the first factor alone: led to where they get further, whatever they ask or send.
    for mut web in [world.gate.visitor(), first(&world).0] {
        for path in all() {
            let page = web.get_once(&world.page("id", path));
            assert!(
                page.status == 303 && page.header("location").unwrap().starts_with("/sign-in/"),
                "{path}: {page:?}"
            );
            let headers = [FORM, ("origin", own.as_str())];
            let page = web.request("POST", &world.page("id", path), &headers, &body("anything"));
            assert!(
                page.status == 303 && page.header("location").unwrap().starts_with("/sign-in/"),
                "{path}: {page:?}"
            );
        }
    }

    // The second factor: pages are there, forms have none, and other methods than those are refused.
    let (mut web, token) = second(&world);
    for path in &pages {
        assert_eq!(web.get_once(&world.page("id", path)).status, 200, "{path}");
    }
    for path in &forms {
        assert_eq!(web.get_once(&world.page("id", path)).status, 405, "{path}");
    }
    for path in all() {
        for method in ["PUT", "DELETE", "PATCH", "OPTIONS"] {
            let page = web.request(method, &world.page("id", path), &[("origin", own.as_str())], "");
            assert_eq!(page.status, 405, "{method} {path}");
        }
    }
    for path in ["/account/nothing", "/account/off/x", "/account/session", "/account/rename", "/accounts"] {
        assert_eq!(web.get_once(&world.page("id", path)).status, 404, "{path}");
    }

    // From elsewhere, and without a token: refused. With another session's, as an old tab has: not used.
    let others = second(&world).1;
    for path in all().filter(|path| *path != "/account") {
        for elsewhere in [
            ("origin", "https://evil.example"),
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-site", "same-site"),
        ] {
            let page = web.request("POST", &world.page("id", path), &[FORM, elsewhere], &body(&token));
            assert_eq!(page.status, 403, "{path} {elsewhere:?}");
        }
        let headers = [FORM, ("origin", own.as_str())];
        for none in [body(""), body("").replace("token=&", ""), format!("token={token}&{}", body(&token))] {
            let page = web.request("POST", &world.page("id", path), &headers, &none);
            assert_eq!(page.status, 403, "{path} {none}");
        }
        for token in ["x", others.as_str()] {
            let page = web.request("POST", &world.page("id", path), &headers, &body(token));
            assert!(
                page.status == 303 && page.header("location").unwrap().starts_with("/account"),
                "{path}: {page:?}"
            );
        }
    }
    let after = world.account("alice");
    assert_eq!(
        (&after.devices[0].label, after.devices.len()),
        (&before.devices[0].label, before.devices.len())
    );
    assert_eq!(after.backup_codes_left, before.backup_codes_left);

    // Where they are signed in and since when, and which browsers are known; all of these are forgotten at once.
    let known = || {
        world.authority.call(&ListBrowsers { account: Some("local:alice".into()) }).unwrap().browsers.len()
    };
    let page = web.get(&world.page("id", "/account"));
    for words in ["signed in just now", "first seen just now", "last seen just now", ">Forget all<"] {
        assert!(page.body.contains(words), "{words}: {}", page.body);
    }
    assert!(known() > 1);
    let headers = [FORM, ("origin", own.as_str())];
    let page = web.request("POST", &world.page("id", "/account/browsers"), &headers, &body(&token));
    assert_eq!((page.status, page.header("location"), known()), (303, Some("/account"), 0));

    // A code that is older than five minutes: what has no page of its own leads to a fresh one; what has, asks by itself.
    world.authority.clock().shift(360);
    let page = web.request("POST", &world.page("id", "/account/sessions"), &headers, &body(&token));
    assert!(page.header("location").is_some_and(|to| to.starts_with("/code/")), "{page:?}");
    let page = web.request("POST", &world.page("id", "/account/key"), &headers, &body(&token));
    assert!(page.header("location").is_some_and(|to| to.starts_with("/code/")), "{page:?}");
    let wrong = format!("token={token}&password=something+else");
    let page = web.request("POST", &world.page("id", "/account/codes"), &headers, &wrong);
    assert_eq!(page.status, 403, "{}", page.body);
    let page = web.request("POST", &world.page("id", "/account/codes"), &headers, &body(&token));
    assert!(page.status == 200 && page.body.contains("<ol class=\"codes\""), "{page:?}");
    let changed = world.account("alice");
    assert_eq!(changed.backup_codes_left, 10);

    // The codes as a file, as often as their page asks; nothing else becomes one.
    let codes =
        page.body.split("name=\"codes\" value=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap();
    let send = |web: &mut Web, codes: &str| {
        let body = format!("token={token}&codes={}", codes.replace(' ', "+"));
        web.request("POST", &world.page("id", "/account/codes.txt"), &headers, &body)
    };
    for _ in 0..2 {
        let file = send(&mut web, codes);
        assert!(file.header("content-disposition").unwrap().contains("backup-codes.txt"), "{file:?}");
        assert!(codes.split(',').all(|code| file.body.contains(code)), "{file:?}");
    }
    for odd in ["", "<script>", "1234 5678,x", &"1".repeat(30), &vec!["1234 5678"; 21].join(",")] {
        assert_eq!(send(&mut web, odd).status, 400, "{odd}");
    }
}

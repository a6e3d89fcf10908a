//! Rules: who passes where without a code, with an old one, or not at all.

use crate::browser::{Browser, Response, give_code, give_password, path, raw, sign_in};
use crate::harness::World;

const RULES: &str = r#"
blind = "2s"
groups = ["staff", "admins"]
trusted_proxies = ["127.0.0.1"]
[[rule]]
paths = ["/public", "/ws"]
policy = "bypass"
[[rule]]
paths = ["/news"]
policy = "first"
[[rule]]
paths = ["/admin"]
policy = "second"
max_age = "1m"
[[rule]]
paths = ["/secret"]
policy = "deny"
[[rule]]
paths = ["/lan"]
networks = ["10.0.0.0/8"]
policy = "bypass"
[[rule]]
paths = ["/team"]
groups = ["admins"]
policy = "second"
[[rule]]
paths = ["/team"]
groups = ["staff"]
policy = "deny"
"#;

fn send(world: &World, first: &str, lines: &str) -> Response {
    let text = format!(
        "{first} HTTP/1.1\r\nHost: wiki.localhost:{}\r\nAccept: text/html\r\nConnection: close\r\n{lines}\r\n",
        world.port
    );
    raw(world.port, text.as_bytes())
}

fn cookie(browser: &Browser) -> String {
    format!("Cookie: {}\r\n", browser.cookies("wiki.localhost"))
}

fn wiki(world: &World, path: &str) -> String {
    format!("http://wiki.localhost:{}{path}", world.port)
}

#[test]
fn where_everybody_passes_nobody_is_nobody_and_somebody_themselves() {
    let world = World::start_with(RULES);
    let anonymous = send(&world, "GET /public/a", "Remote-User: root\r\nREMOTE_USER: root\r\n");
    assert_eq!(anonymous.status, 200);
    assert!(!anonymous.body.to_lowercase().contains("remote"), "{}", anonymous.body);
    assert_eq!(send(&world, "HEAD /public/a", "").status, 200);
    assert_eq!(send(&world, "POST /public/a", "Content-Length: 0\r\n").status, 403, "reading only");
    assert_eq!(send(&world, "GET /publicity", "").status, 303);
    let mut browser = Browser::new(world.port);
    sign_in(&mut browser, "111111");
    let own = send(&world, "GET /public/a", &cookie(&browser));
    assert!(own.body.to_lowercase().contains("remote-user: alice"), "{}", own.body);
    // Whoever it was, when nobody can be asked the page is still everybody's, and only that.
    world.authority.set_watch(false);
    world.until("the gate is dark", || send(&world, "GET /page", &cookie(&browser)).status == 503);
    let dark = send(&world, "GET /public/a", &cookie(&browser));
    assert_eq!(dark.status, 200);
    assert!(!dark.body.to_lowercase().contains("remote"), "{}", dark.body);
}

#[test]
fn a_first_factor_is_enough_where_a_rule_says_so_and_nowhere_else() {
    let world = World::start_with(RULES);
    let mut browser = Browser::new(world.port);
    let page = browser.open(&wiki(&world, "/news/today"));
    let landed = give_password(&mut browser, &page, "alice");
    assert_eq!((landed.status, path(&landed.url).as_str()), (200, "/news/today"));
    assert!(landed.body.to_lowercase().contains("remote-user: alice"));
    let first = browser.cookie("wiki.localhost", "__Host-twofold").unwrap();
    let page = browser.open(&wiki(&world, "/page"));
    assert!(path(&page.url).starts_with("/code/"), "{}", page.url);
    assert_eq!(path(&give_code(&mut browser, &page, "111111").url), "/page");
    let old = send(&world, "GET /news/today", &format!("Cookie: __Host-twofold={first}\r\n"));
    assert_eq!(old.status, 303, "the session of the lower level is gone");
}

#[test]
fn a_fresh_code_is_asked_where_the_last_one_is_too_old() {
    let world = World::start_with(RULES);
    world.authority.backdate_next(600);
    let mut browser = Browser::new(world.port);
    assert_eq!(path(&sign_in(&mut browser, "111111").url), "/page?q=1");
    let before = browser.cookie("wiki.localhost", "__Host-twofold").unwrap();
    let program = send(&world, "GET /admin/users", &format!("{}Sec-Fetch-Mode: cors\r\n", cookie(&browser)));
    assert_eq!(program.status, 401);
    let referer = format!("Referer: {}\r\nSec-Fetch-Mode: navigate\r\n", wiki(&world, "/page?q=2"));
    let posted = send(
        &world,
        "POST /admin/users",
        &format!("{}{referer}Content-Length: 3\r\n\r\na=b", cookie(&browser)),
    );
    assert_eq!(posted.status, 403);
    let begin = posted.body.split("href=\"/.twofold/sign-in?").nth(1).unwrap().split('"').next().unwrap();
    let begin = begin.replace("&amp;", "&").replace("&#38;", "&");
    assert!(begin.contains("max_age=60") && begin.contains("to=%2Fpage%3Fq%3D2"), "{begin}");
    assert!(!world.app.seen().iter().any(|request| request.starts_with("POST")), "it is never held");
    let page = browser.open(&wiki(&world, "/admin/users?x=1"));
    assert!(path(&page.url).starts_with("/code/"), "{}", page.url);
    assert!(page.body.contains("asks for a fresh code here"), "{}", page.body);
    let landed = give_code(&mut browser, &page, "222222");
    assert_eq!((landed.status, path(&landed.url).as_str()), (200, "/admin/users?x=1"));
    let stale = send(&world, "GET /page", &format!("Cookie: __Host-twofold={before}\r\n"));
    assert_eq!(stale.status, 303, "a new id at every rise");
    let back = browser.open(&format!("{}/.twofold/sign-in?{begin}", wiki(&world, "")));
    assert_eq!(path(&back.url), "/page?q=2", "fresh enough now: straight back");
}

#[test]
fn what_is_closed_is_closed_to_everybody_in_every_spelling() {
    let world = World::start_with(RULES);
    let mut browser = Browser::new(world.port);
    sign_in(&mut browser, "111111");
    for target in ["/secret", "/secret/a?b", "/%73ecret", "/s%65cret/"] {
        let refused = send(&world, &format!("GET {target}"), &cookie(&browser));
        assert_eq!(refused.status, 403, "{target}");
        assert!(refused.body.contains("Nobody gets in here"), "{}", refused.body);
    }
    assert_eq!(send(&world, "GET /secret", "").status, 403, "also to those who could sign in");
    assert!(!world.app.seen().iter().any(|request| request.contains("ecret")));
}

#[test]
fn a_rule_about_groups_waits_until_it_is_known_who_asks() {
    let world = World::start_with(RULES);
    let mut browser = Browser::new(world.port);
    let page = browser.open(&wiki(&world, "/team/x"));
    assert!(path(&page.url).starts_with("/sign-in/"), "{}", page.url);
    // alice is in `staff`, whom the next rule keeps out.
    let landed = give_password(&mut browser, &page, "alice");
    assert_eq!((landed.status, path(&landed.url).as_str()), (403, "/team/x"));
    assert!(world.app.seen().is_empty());
}

#[test]
fn a_trusted_proxy_says_where_its_client_is_and_nobody_else_does() {
    let world = World::start_with(RULES);
    for (said, status) in [
        ("10.1.2.3", 200),
        ("192.0.2.1, 10.1.2.3", 200),
        ("10.1.2.3, 192.0.2.1", 303),
        ("a", 400),
        ("10.1.2.3,", 400),
        ("unknown", 400),
    ] {
        let answer = send(&world, "GET /lan", &format!("X-Forwarded-For: {said}\r\n"));
        assert_eq!(answer.status, status, "{said}");
        if status == 200 {
            assert!(answer.body.to_lowercase().contains("\nx-forwarded-for: 10.1.2.3\r"), "{}", answer.body);
        }
    }
    let world = World::start();
    let mut browser = Browser::new(world.port);
    sign_in(&mut browser, "111111");
    let own = send(&world, "GET /x", &format!("X-Forwarded-For: 10.1.2.3\r\n{}", cookie(&browser)));
    assert!(own.body.to_lowercase().contains("\nx-forwarded-for: 127.0.0.1\r"), "{}", own.body);
}

#[test]
fn what_a_request_does_besides_is_judged_by_the_rules_too() {
    let world = World::start_with(RULES);
    let mut browser = Browser::new(world.port);
    // Long enough ago for the rule about /admin.
    world.authority.backdate_next(120);
    sign_in(&mut browser, "111111");
    let lines = cookie(&browser);
    let moved = |to: &str| send(&world, "MOVE /page", &format!("{lines}Destination: {to}\r\n"));
    assert_eq!(moved("/other").status, 200);
    let reached = world.app.seen().len();
    assert_eq!(moved("/secret/%78").status, 403, "into what is closed");
    assert_ne!(moved("/admin/page").status, 200, "into what asks for a fresh code");
    assert_eq!(moved("/secret/../other").status, 400);
    let posed = |how: &str| format!("{lines}Content-Length: 0\r\n{how}\r\nDestination: /secret/x\r\n");
    assert_eq!(send(&world, "POST /page", &posed("X-HTTP-Method-Override: move")).status, 403);
    assert_eq!(world.app.seen().len(), reached);
    // A reader cannot be taken for a writer.
    let read = send(&world, "GET /public/a", "X-HTTP-Method-Override: DELETE\r\nX_Method_Override: PUT\r\n");
    assert!(read.status == 200 && !read.body.to_lowercase().contains("override"), "{}", read.body);
}

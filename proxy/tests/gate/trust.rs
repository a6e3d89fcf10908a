//! Trusted browsers: no code where a site takes that, and one everywhere else.

use crate::browser::{Browser, Response, give_password, path};
use crate::harness::World;

const ID: &str = "id.localhost";
const PORTAL: &str = "__Host-twofold-id";
const BROWSER: &str = "__Host-twofold-browser";

const RULES: &str = "blind = \"3s\"\n[[rule]]\npaths = [\"/admin\"]\npolicy = \"second\"\nmax_age = \"1m\"";
const TRUST: &str = "trusted_browsers = \"30days\"";

fn wiki(world: &World, path: &str) -> String {
    format!("http://wiki.localhost:{}{path}", world.port)
}

/// Signs alice in at the wiki; the code page's answer to this code, with the box ticked or not.
fn with_code(world: &World, browser: &mut Browser, code: &str, trust: bool) -> Response {
    let page = browser.open(&wiki(world, "/page"));
    let page = give_password(browser, &page, "alice");
    let fields = [("code", code), ("trust", "yes")];
    browser.submit(&page, &path(&page.url), if trust { &fields } else { &fields[..1] })
}

/// Only what outlives a sign-out is left of its cookies.
fn signed_out(world: &World, browser: &Browser) -> Browser {
    let mut later = Browser::new(world.port);
    later.set_cookie(ID, BROWSER, &browser.cookie(ID, BROWSER).unwrap());
    later
}

#[test]
fn a_trusted_browser_is_asked_for_no_code_where_the_site_takes_that() {
    let world = World::start_with_site(RULES, TRUST);
    let mut browser = Browser::new(world.port);
    assert_eq!(path(&with_code(&world, &mut browser, "111111", true).url), "/page");
    let mut later = signed_out(&world, &browser);
    let page = later.open(&wiki(&world, "/page?q=2"));
    let landed = give_password(&mut later, &page, "alice");
    assert_eq!((landed.status, path(&landed.url).as_str()), (200, "/page?q=2"));
    assert!(landed.body.to_lowercase().contains("remote-user: alice"));
    assert_ne!(later.cookie(ID, BROWSER), browser.cookie(ID, BROWSER), "each use gives a new value");
    assert_eq!((world.authority.calls("VerifySession"), world.authority.calls("PassTrusted")), (1, 1));
    // Elsewhere, and for the portal's own pages, it counts for nothing.
    let portal = format!("http://id.localhost:{}/", world.port);
    for elsewhere in [format!("http://shop.localhost:{}/x", world.port), wiki(&world, "/admin"), portal] {
        let asked = later.open(&elsewhere);
        assert!(path(&asked.url).starts_with("/code/"), "{elsewhere}: {}", asked.url);
    }
    assert_eq!(world.authority.calls("PassTrusted"), 1, "there nobody even asks");
    let code_page = later.open(&format!("http://shop.localhost:{}/x", world.port));
    assert!(!code_page.body.contains("name=\"trust\""), "no box where no trust is taken");
    let landed = later.submit(&code_page, &path(&code_page.url), &[("code", "222222"), ("trust", "yes")]);
    assert_eq!(path(&landed.url), "/x");
    assert_eq!(path(&later.open(&wiki(&world, "/admin")).url), "/admin", "a code is a code");
}

#[test]
fn without_the_box_or_with_anothers_cookie_the_code_is_asked_again() {
    let world = World::start_with_site(RULES, TRUST);
    world.authority.enrol("bob");
    let mut browser = Browser::new(world.port);
    with_code(&world, &mut browser, "111111", false);
    let mut later = signed_out(&world, &browser);
    let page = later.open(&wiki(&world, "/page"));
    assert!(path(&give_password(&mut later, &page, "alice").url).starts_with("/code/"));

    let mut browser = Browser::new(world.port);
    with_code(&world, &mut browser, "222222", true);
    let mut bobs = signed_out(&world, &browser);
    let page = bobs.open(&wiki(&world, "/page"));
    let code_page = give_password(&mut bobs, &page, "bob");
    assert!(path(&code_page.url).starts_with("/code/"), "{}", code_page.url);
    let mut nobodys = signed_out(&world, &browser);
    nobodys.set_cookie(ID, BROWSER, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
    let page = nobodys.open(&wiki(&world, "/page"));
    assert!(path(&give_password(&mut nobodys, &page, "alice").url).starts_with("/code/"));
    let mut odd = signed_out(&world, &browser);
    let page = odd.open(&wiki(&world, "/page"));
    odd.set_cookie(ID, "__HOST-twofold-browser", "x");
    assert_eq!(give_password(&mut odd, &page, "alice").status, 400, "two cookies of one name");
}

#[test]
fn a_site_that_takes_no_trust_passes_none_on_and_asks_for_none() {
    let world = World::start_with(RULES);
    let mut browser = Browser::new(world.port);
    // The box is not there; whoever sends it all the same gets nothing by it.
    with_code(&world, &mut browser, "111111", true);
    let mut later = signed_out(&world, &browser);
    let page = later.open(&wiki(&world, "/page"));
    assert!(path(&give_password(&mut later, &page, "alice").url).starts_with("/code/"));
    assert_eq!(world.authority.calls("PassTrusted"), 0);
}

#[test]
fn the_browsers_cookie_is_the_portals_alone_and_the_box_stays_ticked() {
    let world = World::start_with_site(RULES, TRUST);
    let mut browser = Browser::new(world.port);
    let page = with_code(&world, &mut browser, "123456", true);
    assert_eq!(page.status, 403);
    assert!(page.body.contains("Trust this browser for 30 days"), "{}", page.body);
    assert!(page.body.contains("aria-describedby=\"trust-hint\" checked>"), "{}", page.body);
    assert!(browser.cookie(ID, BROWSER).is_none(), "a wrong code makes nobody known");
    let token = page.token();
    let answer = browser.post(&page.url, &format!("token={token}&code=111111&trust=yes"), "same-origin");
    let line = answer.headers.iter().find(|(_, line)| line.starts_with(BROWSER)).unwrap();
    assert!(line.1.ends_with("HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=34560000"), "{}", line.1);
    browser.open(&page.url.replace("/code/", "/continue/"));
    assert!(browser.cookie("wiki.localhost", "__Host-twofold").is_some());
    assert!(!browser.cookies("wiki.localhost").contains("browser"));
    let secrets = [browser.cookie(ID, BROWSER), browser.cookie(ID, PORTAL)];
    for secret in secrets {
        assert!(!world.log().contains(&secret.unwrap()));
    }
}

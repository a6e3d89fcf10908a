//! The way out, and what is left behind it: nothing.

use std::time::{Duration, Instant};

use crate::browser::{Browser, path, raw, sign_in};
use crate::harness::{Ruler, World};
use crate::streams::SOON;

fn status(world: &World, host: &str, cookie: &str) -> u16 {
    let mut stolen = Browser::new(world.port);
    stolen.set_cookie(host, "__Host-twofold", cookie);
    stolen.look(&format!("http://{host}:{}/page", world.port)).status
}

#[test]
fn signing_out_at_the_portal_ends_every_site() {
    let world = World::start();
    let mut browser = Browser::new(world.port);
    sign_in(&mut browser, "111111");
    browser.open(&format!("http://shop.localhost:{}/", world.port));
    let stolen: Vec<_> = ["wiki.localhost", "shop.localhost"]
        .map(|host| (host, browser.cookie(host, "__Host-twofold").unwrap()))
        .to_vec();
    let home = browser.open(&format!("http://id.localhost:{}/", world.port));
    assert!(home.body.contains("Wiki") && home.body.contains("as alice"), "{}", home.body);
    let out = browser.submit(&home, "/sign-out", &[]);
    assert_eq!((out.status, path(&out.url).as_str()), (200, "/signed-out"));
    assert_eq!(out.header("clear-site-data"), Some("\"cache\""));
    assert!(browser.cookie("id.localhost", "__Host-twofold-id").is_none());
    // A replayed cookie is nothing, at once.
    for (host, cookie) in stolen {
        assert_eq!(status(&world, host, &cookie), 303, "{host}");
    }
    let after = browser.open(&format!("http://wiki.localhost:{}/", world.port));
    assert!(path(&after.url).starts_with("/sign-in/"));
}

#[test]
fn signing_out_at_a_site_ends_the_portal_too() {
    let world = World::start();
    let mut browser = Browser::new(world.port);
    sign_in(&mut browser, "111111");
    let portal = browser.cookie("id.localhost", "__Host-twofold-id").unwrap();
    let out = browser.open(&format!("http://wiki.localhost:{}/.twofold/sign-out", world.port));
    assert_eq!(path(&out.url), "/signed-out");
    let mut stolen = Browser::new(world.port);
    stolen.set_cookie("id.localhost", "__Host-twofold-id", &portal);
    assert!(path(&stolen.open(&format!("http://id.localhost:{}/", world.port)).url).starts_with("/sign-in/"));
}

#[test]
fn another_site_cannot_sign_anybody_out() {
    let world = World::start();
    let mut browser = Browser::new(world.port);
    sign_in(&mut browser, "111111");
    let url = format!("http://wiki.localhost:{}/.twofold/sign-out", world.port);
    let answer = browser.post(&url, "", "cross-site");
    assert_eq!(
        answer.header("location"),
        Some(format!("http://id.localhost:{}/sign-out", world.port).as_str())
    );
    // Neither can who does not say where the link was.
    let cookie = browser.cookies("wiki.localhost");
    let unsaid = format!(
        "GET /.twofold/sign-out HTTP/1.1\r\nHost: wiki.localhost\r\nCookie: {cookie}\r\nConnection: close\r\n\r\n"
    );
    assert!(raw(world.port, unsaid.as_bytes()).header("location").unwrap().ends_with("/sign-out"));
    // The portal asks, and takes no answer without its token.
    let asks = browser.open(&format!("http://id.localhost:{}/sign-out", world.port));
    assert!(asks.status == 200 && asks.body.contains("Signed in as alice."));
    for (body, site) in [("token=x", "same-origin"), ("", "same-origin"), ("", "cross-site")] {
        browser.post(&asks.url, body, site);
    }
    assert_eq!(browser.look(&format!("http://wiki.localhost:{}/page", world.port)).status, 200);
}

#[test]
fn a_revoked_session_ends_within_a_second() {
    let world = World::start();
    let mut browser = Browser::new(world.port);
    sign_in(&mut browser, "111111");
    let url = format!("http://wiki.localhost:{}/page", world.port);
    assert_eq!(browser.look(&url).status, 200);
    let (began, ruler) = (Instant::now(), Ruler::begin(&world));
    world.authority.revoke_all();
    world.until("nothing is let in", || browser.look(&url).status == 303);
    let (took, soon) = (began.elapsed(), SOON + ruler.longest());
    assert!(took < soon, "{took:?} {soon:?}");
}

#[test]
fn the_gate_stops_at_once_when_nothing_is_under_way() {
    let mut world = World::start();
    let (took, code) = world.stop();
    assert!(took < Duration::from_secs(3), "{took:?}");
    assert_eq!(code, Some(0));
}

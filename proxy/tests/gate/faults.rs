//! Whatever goes wrong at the authority's socket: refused in time, with the reason in the log.

use std::time::{Duration, Instant};

use crate::authority::Mood;
use crate::browser::{Browser, give_password, path, sign_in};
use crate::harness::World;

/// The longest a refusal may take: the patience for a password or a code, and some room on a busy machine.
const IN_TIME: Duration = Duration::from_secs(10);

fn refused_with(mood: Mood, reason: &str) {
    let world = World::start();
    let mut browser = Browser::new(world.port);
    let page = browser.open(&format!("http://wiki.localhost:{}/page", world.port));
    world.authority.set_mood(mood);
    // A password.
    let began = Instant::now();
    let refused = give_password(&mut browser, &page, "alice");
    assert!(began.elapsed() < IN_TIME, "{mood:?} took {:?}", began.elapsed());
    assert_eq!(refused.status, 503, "{mood:?}");
    assert!(refused.body.contains("isn't answering"), "{}", refused.body);
    assert!(browser.cookie("id.localhost", "__Host-twofold-id").is_none());
    // A session that the gate does not know.
    browser.set_cookie("wiki.localhost", "__Host-twofold", &"a".repeat(43));
    let began = Instant::now();
    let refused = browser.look(&format!("http://wiki.localhost:{}/page", world.port));
    assert!(began.elapsed() < IN_TIME);
    assert_eq!(refused.status, 503, "{mood:?}");
    assert!(world.log().contains(reason), "{mood:?}: {reason} is not in the log:\n{}", world.log());
    assert!(world.app.seen().is_empty());
    // And it heals.
    world.authority.set_mood(Mood::Well);
    let page = browser.open(&page.url);
    assert!(path(&give_password(&mut browser, &page, "alice").url).starts_with("/code/"));
}

#[test]
fn a_silent_authority_refuses_in_time() {
    refused_with(Mood::Silent, "did not answer in time");
}

#[test]
fn garbage_is_a_refusal() {
    refused_with(Mood::Garbage, "cannot be read");
}

#[test]
fn half_an_answer_is_a_refusal() {
    refused_with(Mood::Half, "connection broke");
}

#[test]
fn an_endless_answer_is_a_refusal() {
    refused_with(Mood::Huge, "too long");
}

#[test]
fn a_late_answer_is_a_refusal() {
    refused_with(Mood::Late, "did not answer in time");
}

#[test]
fn another_requests_answer_is_a_refusal() {
    refused_with(Mood::Other, "answer is to another request");
}

#[test]
fn a_hang_up_is_a_refusal() {
    refused_with(Mood::Refusing, "connection broke");
}

#[test]
fn yes_and_no_at_once_is_a_refusal() {
    let world = World::start();
    let mut browser = Browser::new(world.port);
    let page = browser.open(&format!("http://wiki.localhost:{}/page", world.port));
    world.authority.set_mood(Mood::Both);
    assert_eq!(give_password(&mut browser, &page, "alice").status, 503);
    assert!(world.log().contains("neither yes nor no"));
}

#[test]
fn every_fault_at_the_code_refuses_in_time_raises_nothing_and_is_in_the_log() {
    let faults = [
        (Mood::Refusing, "connection broke"),
        (Mood::Silent, "did not answer in time"),
        (Mood::Garbage, "cannot be read"),
        (Mood::Half, "connection broke"),
        (Mood::Huge, "too long"),
        (Mood::Late, "did not answer in time"),
        (Mood::Other, "answer is to another request"),
        (Mood::Both, "decides nothing about this request"),
    ];
    std::thread::scope(|scope| {
        for (mood, reason) in faults {
            scope.spawn(move || refused_at_the_code(mood, reason));
        }
    });
}

fn refused_at_the_code(mood: Mood, reason: &str) {
    let world = World::start();
    let mut browser = Browser::new(world.port);
    let page = browser.open(&format!("http://wiki.localhost:{}/page", world.port));
    let code_page = give_password(&mut browser, &page, "alice");
    let before = browser.cookie("id.localhost", "__Host-twofold-id");
    let said = world.log().len();
    world.authority.set_mood(mood);
    let began = Instant::now();
    let answer = browser.submit(&code_page, &path(&code_page.url), &[("code", "111111")]);
    assert!(began.elapsed() < IN_TIME, "{mood:?} took {:?}", began.elapsed());
    assert_eq!(answer.status, 503, "{mood:?}");
    assert_eq!(browser.cookie("id.localhost", "__Host-twofold-id"), before, "{mood:?}");
    assert!(world.app.seen().is_empty());
    let log = world.log();
    assert!(log[said..].contains(reason), "{mood:?}: {reason} is not in the log:\n{log}");
}

#[test]
fn an_absent_authority_lets_nobody_in_and_says_so() {
    let world = World::start();
    let mut browser = Browser::new(world.port);
    assert_eq!(sign_in(&mut browser, "111111").status, 200);
    // The watch breaks: known sessions live on for `blind`, three seconds here, and nothing new begins.
    world.authority.set_watch(false);
    world.until("the watch is lost", || world.log().contains("the watch is lost"));
    let url = format!("http://wiki.localhost:{}/page", world.port);
    assert_eq!(browser.look(&url).status, 200);
    std::thread::sleep(Duration::from_millis(1_100));
    let mut stranger = Browser::new(world.port);
    stranger.set_cookie("id.localhost", "__Host-twofold-id", &"a".repeat(43));
    assert_eq!(stranger.look(&format!("http://id.localhost:{}/", world.port)).status, 503);
    world.until("known sessions end", || browser.look(&url).status == 503);
    assert!(browser.look(&url).body.contains("nobody is let in"));
    world.authority.set_watch(true);
    world.until("it heals", || browser.look(&url).status == 200);
}

#[test]
fn every_page_that_refuses_names_its_request_as_the_log_does() {
    let world = World::start_with("[[rule]]\npaths = [\"/secret\"]\npolicy = \"deny\"\n");
    let mut browser = Browser::new(world.port);
    assert_eq!(sign_in(&mut browser, "111111").status, 200);
    let at = |host: &str, path: &str| format!("http://{host}.localhost:{}{path}", world.port);
    assert_eq!(browser.open(&at("gone", "/")).status, 502);
    let mut numbers = Vec::new();
    let mut refused = |browser: &mut Browser, url: &str, status: u16| {
        let page = browser.look(url);
        assert_eq!(page.status, status, "{url}");
        let (_, rest) = page.body.split_once("<p class=\"request\">Request <code>").unwrap();
        let (number, _) = rest.split_once("</code>").unwrap();
        assert!(number.len() == 32 && number.bytes().all(|byte| byte.is_ascii_hexdigit()), "{url}: {number}");
        assert!(world.log().contains(number), "{url}: {number} is not in the log:\n{}", world.log());
        numbers.push(number.to_owned());
    };
    refused(&mut browser, &at("gone", "/"), 502);
    refused(&mut browser, &at("wiki", "/secret"), 403);
    refused(&mut browser, &at("wiki", "/a%2fb"), 400);
    refused(&mut browser, &at("id", "/nothing"), 404);
    refused(&mut browser, &at("nobody", "/"), 404);
    world.authority.set_mood(Mood::Refusing);
    let mut stranger = Browser::new(world.port);
    stranger.set_cookie("wiki.localhost", "__Host-twofold", &"a".repeat(43));
    refused(&mut stranger, &at("wiki", "/page"), 503);
    let count = numbers.len();
    numbers.sort();
    numbers.dedup();
    assert_eq!(numbers.len(), count, "each has its own");
}

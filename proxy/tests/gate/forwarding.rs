//! What passes the gate and what does not: hosts, paths, methods, headers, cookies.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::time::Duration;

use crate::browser::{Browser, Response, raw, sign_in};
use crate::harness::World;

struct Inside {
    world: World,
    browser: Browser,
}

impl Inside {
    fn new() -> Self {
        let world = World::start();
        let mut browser = Browser::new(world.port);
        let landed = sign_in(&mut browser, "111111");
        assert_eq!(
            (landed.status, landed.url.as_str()),
            (200, format!("http://wiki.localhost:{}/page?q=1", world.port).as_str())
        );
        Self { world, browser }
    }

    fn cookie(&self) -> String {
        format!("__Host-twofold={}", self.browser.cookie("wiki.localhost", "__Host-twofold").unwrap())
    }

    /// Sends a request with this first line and these further lines as alice.
    fn send(&self, first: &str, lines: &str) -> Response {
        let text = format!(
            "{first} HTTP/1.1\r\nHost: wiki.localhost:{}\r\nCookie: {}\r\nConnection: close\r\n{lines}\r\n",
            self.world.port,
            self.cookie()
        );
        raw(self.world.port, text.as_bytes())
    }
}

#[test]
fn the_app_learns_who_it_is_and_nothing_of_ours() {
    let inside = Inside::new();
    let text = inside
        .send(
            "GET /%61?b=//..",
            "X-Forwarded-For: 127.0.0.1\r\nX-Forwarded-For: a\r\nX-Forwarded-Proto: https\r\nForwarded: for=1\r\nRemote-User: root\r\n\
             REMOTE_USER: root\r\nRemote_User: root\r\nRemote-Groups: wheel\r\nRemote-Name: Root\r\nRemote_Email: root@x\r\n\
             X-Original-URL: /admin\r\nProxy: evil\r\nAuthorization: Basic cm9vdDpyb290\r\nCookie: app=1\r\nX-Own: kept\r\n",
        )
        .body;
    let lower = text.to_lowercase();
    assert!(text.starts_with("GET /a?b=//.. HTTP/1.1"), "{text}");
    for line in [
        "remote-user: alice",
        "remote-groups: staff,wiki",
        "x-forwarded-for: 127.0.0.1",
        "x-forwarded-proto: http",
        &format!("x-forwarded-host: wiki.localhost:{}", inside.world.port),
        &format!("host: wiki.localhost:{}", inside.world.port),
        "cookie: app=1",
        "x-own: kept",
    ] {
        assert_eq!(lower.matches(&format!("\n{line}\r")).count(), 1, "{line} in {text}");
    }
    for gone in [
        "root",
        "wheel",
        "twofold",
        "authorization",
        "proxy: evil",
        "/admin",
        "forwarded: for",
        "x-forwarded-for: a",
    ] {
        assert!(!lower.contains(gone), "{gone} in {text}");
    }
}

#[test]
fn a_connection_line_cannot_take_our_headers_away() {
    let inside = Inside::new();
    let answer =
        inside.send("GET /", "Connection: Remote-User, X-Own\r\nRemote-User: root\r\nX-Own: gone\r\n");
    let lower = answer.body.to_lowercase();
    assert_eq!(answer.status, 200);
    assert!(
        lower.contains("remote-user: alice") && !lower.contains("root") && !lower.contains("x-own"),
        "{lower}"
    );
}

#[test]
fn ambiguous_targets_never_reach_the_app() {
    let inside = Inside::new();
    let seen = inside.world.app.seen().len();
    for target in [
        "/a/../b",
        "//a",
        "/a//b",
        "/%2e%2e/a",
        "/a%2fb",
        "/a%5cb",
        "/a\\b",
        "/a%00",
        "/a;b",
        "/a%252e",
        "*",
        "/./",
        &format!("http://wiki.localhost:{}/", inside.world.port),
        "wiki.localhost",
        "/a%",
        "/%c0%ae",
    ] {
        let answer = inside.send(&format!("GET {target}"), "Accept: text/html\r\n");
        assert_eq!(answer.status, 400, "{target}");
    }
    for method in ["TRACE", "BREW", "CONNECT"] {
        assert!([400, 405].contains(&inside.send(&format!("{method} /"), "").status), "{method}");
    }
    assert_eq!(inside.world.app.seen().len(), seen);
}

#[test]
fn odd_hosts_never_reach_an_app() {
    let inside = Inside::new();
    let seen = inside.world.app.seen().len();
    let port = inside.world.port;
    let with = |lines: &str| {
        raw(
            port,
            format!("GET / HTTP/1.1\r\n{lines}Cookie: {}\r\nConnection: close\r\n\r\n", inside.cookie())
                .as_bytes(),
        )
    };
    for (lines, status) in [
        ("", 400),
        ("Host: \r\n", 400),
        ("Host: wiki.localhost\r\nHost: wiki.localhost\r\n", 400),
        ("Host: wiki.localhost, evil\r\n", 400),
        ("Host: user@wiki.localhost\r\n", 400),
        ("Host: evil.example\r\n", 404),
        ("Host: wiki.localhost.evil.example\r\n", 404),
    ] {
        assert_eq!(with(lines).status, status, "{lines}");
    }
    assert_eq!(inside.world.app.seen().len(), seen);
    let answer = with("Host: WIKI.localhost.\r\n");
    assert_eq!(answer.status, 200);
    assert!(answer.body.to_lowercase().contains(&format!("\nhost: wiki.localhost:{port}\r")));
}

#[test]
fn framing_doubt_never_reaches_the_app() {
    let inside = Inside::new();
    let seen = inside.world.app.seen().len();
    for lines in [
        "Content-Length: 3\r\nContent-Length: 4\r\n",
        "Transfer-Encoding: chunked, identity\r\n",
        "X: a\r\n b\r\n",
        "Upgrade: websocket\r\n",
        "Upgrade: websocket\r\nConnection: upgrade\r\nSec-WebSocket-Key: x\r\nContent-Length: 1\r\n",
    ] {
        assert_eq!(inside.send("POST /", lines).status, 400, "{lines:?}");
    }
    assert_eq!(inside.world.app.seen().len(), seen);
    // An upgrade to something else is ignored, as RFC 9110 allows.
    let text = inside.send("GET /", "Upgrade: h2c\r\nConnection: Upgrade\r\n");
    assert!(text.status == 200 && !text.body.to_lowercase().contains("upgrade"), "{}", text.body);
}

#[test]
fn what_follows_a_declined_upgrade_or_a_doubtful_body_is_never_passed_on() {
    let inside = Inside::new();
    let hidden =
        format!("GET /hidden HTTP/1.1\r\nHost: wiki.localhost\r\nCookie: {}\r\n\r\n", inside.cookie());
    for (first, lines, before) in [
        // The app answers 200 here, so the bytes behind are neither a websocket's nor a request that was judged.
        ("GET /asset", "Upgrade: websocket\r\nConnection: upgrade\r\nSec-WebSocket-Key: x\r\n", ""),
        ("POST /", "Content-Length: 6\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"),
        ("POST /", "Transfer-Encoding: chunked\r\nContent-Length: 0\r\n", "0\r\n\r\n"),
        ("POST /", "Transfer-Encoding: xchunked\r\nContent-Length: 5\r\n", "0\r\n\r\n"),
        ("POST /", "Transfer-Encoding : chunked\r\nContent-Length: 5\r\n", "0\r\n\r\n"),
    ] {
        let text = format!(
            "{first} HTTP/1.1\r\nHost: wiki.localhost\r\nCookie: {}\r\n{lines}\r\n{before}{hidden}",
            inside.cookie()
        );
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, inside.world.port)).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(2))).unwrap();
        stream.write_all(text.as_bytes()).unwrap();
        let mut answers = Vec::new();
        let _ = stream.read_to_end(&mut answers);
        assert!(!answers.is_empty(), "{lines}");
        let seen = inside.world.app.seen();
        assert!(!seen.iter().any(|request| request.starts_with("GET /hidden")), "{lines}: {seen:?}");
    }
}

#[test]
fn cookies_of_ours_are_never_doubled_nor_set_by_the_app() {
    let mut inside = Inside::new();
    let doubled = inside.send("GET /", "Cookie: __Host-twofold=x\r\n");
    assert_eq!(doubled.status, 400);
    let before = inside.cookie();
    let url = format!("http://wiki.localhost:{}/toss", inside.world.port);
    let answer = inside.browser.look(&url);
    let set: Vec<_> =
        answer.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("set-cookie")).collect();
    assert!(set.len() == 1 && set.iter().all(|(_, value)| value.starts_with("app=1")), "{set:?}");
    assert_eq!(inside.cookie(), before);
}

#[test]
fn a_session_of_one_site_is_nothing_at_another() {
    let inside = Inside::new();
    let text = format!(
        "GET / HTTP/1.1\r\nHost: shop.localhost:{}\r\nCookie: {}\r\nConnection: close\r\n\r\n",
        inside.world.port,
        inside.cookie()
    );
    assert_eq!(raw(inside.world.port, text.as_bytes()).status, 401);
}

#[test]
fn gated_answers_stay_out_of_shared_caches() {
    let inside = Inside::new();
    for (path, expected) in [
        ("/page", "no-store"),
        ("/asset", "private, max-age=60"),
        ("/private", "private, max-age=60"),
        ("/plain", "private, no-cache"),
    ] {
        let answer = inside.send(&format!("GET {path}"), "");
        assert_eq!(answer.header("cache-control"), Some(expected), "{path}");
    }
    assert!(inside.send("GET /page", "").header("expires").is_none());
}

#[test]
fn a_known_session_costs_no_question() {
    let inside = Inside::new();
    inside.send("GET /", "");
    let before = inside.world.authority.calls("CheckSession");
    for _ in 0..50 {
        assert_eq!(inside.send("GET /", "").status, 200);
    }
    assert_eq!(inside.world.authority.calls("CheckSession"), before);
}

#[test]
fn a_body_reaches_the_app() {
    let inside = Inside::new();
    let text = format!(
        "POST /save HTTP/1.1\r\nHost: wiki.localhost\r\nCookie: {}\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello",
        inside.cookie()
    );
    assert!(raw(inside.world.port, text.as_bytes()).body.ends_with("\r\n\r\nhello"));
}

#[test]
fn a_websocket_goes_through_both_ways() {
    let inside = Inside::new();
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, inside.world.port)).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let head = format!(
        "GET /ws HTTP/1.1\r\nHost: wiki.localhost\r\nCookie: {}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: x\r\nSec-WebSocket-Version: 13\r\n\r\n",
        inside.cookie()
    );
    stream.write_all(head.as_bytes()).unwrap();
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut line = String::new();
    reader.read_line(&mut line).unwrap();
    assert!(line.starts_with("HTTP/1.1 101"), "{line}");
    while line != "\r\n" {
        line.clear();
        reader.read_line(&mut line).unwrap();
    }
    for word in [b"ping", b"pong"] {
        stream.write_all(word).unwrap();
        let mut back = [0; 4];
        reader.read_exact(&mut back).unwrap();
        assert_eq!(&back, word);
    }
    let seen = inside.world.app.seen().pop().unwrap().to_lowercase();
    assert!(
        seen.contains("remote-user: alice")
            && seen.contains("upgrade: websocket")
            && !seen.contains("twofold"),
        "{seen}"
    );
}

#[test]
fn programs_are_told_in_json() {
    let world = World::start();
    let send = |lines: &str| {
        raw(
            world.port,
            format!("GET /x HTTP/1.1\r\nHost: wiki.localhost\r\nConnection: close\r\n{lines}\r\n").as_bytes(),
        )
    };
    for lines in [
        "Accept: */*\r\n",
        "Accept: text/html\r\nSec-Fetch-Mode: cors\r\n",
        "Accept: text/html\r\nX-Requested-With: XMLHttpRequest\r\n",
        "Accept: text/event-stream\r\n",
        "Authorization: Basic YWxpY2U6Y29ycmVjdCBob3JzZQ==\r\n",
        "User-Agent: ELB-HealthChecker/2.0\r\n",
    ] {
        let answer = send(lines);
        assert_eq!(
            (answer.status, answer.header("content-type")),
            (401, Some("application/json")),
            "{lines}"
        );
        let value: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
        assert_eq!(value["error"], "second_factor_required");
        assert!(value["help"].is_string() && value["request"].is_string());
    }
    let upgrade = "GET /ws HTTP/1.1\r\nHost: wiki.localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: x\r\n\r\n";
    assert_eq!(raw(world.port, upgrade.as_bytes()).status, 401);
    assert!(world.app.seen().is_empty());
}

#[test]
fn an_app_that_is_down_is_said_to_be() {
    let world = World::start();
    let mut browser = Browser::new(world.port);
    sign_in(&mut browser, "111111");
    let answer = browser.open(&format!("http://gone.localhost:{}/", world.port));
    assert_eq!(answer.status, 502);
    assert!(answer.body.contains("gone.localhost isn't answering. You are signed in"), "{}", answer.body);
    assert!(answer.body.contains("Request"));
}

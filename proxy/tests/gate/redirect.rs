//! Plain http that leads to https, and the promise that keeps browsers there.

use std::net::{Ipv6Addr, TcpStream};
use std::process::Command;

use crate::browser::{Response, exchange, path, raw, sign_in};
use crate::harness::{World, free_port};

fn world() -> (World, u16) {
    let plain = free_port();
    (World::start_secure(&format!("redirect_http = [\"127.0.0.1:{plain}\"]"), ""), plain)
}

#[test]
fn plain_http_leads_to_https_and_to_nothing_else() {
    let (world, plain) = world();
    let ask = |first: &str, lines: &str| raw(plain, format!("{first} HTTP/1.1\r\n{lines}\r\n").as_bytes());
    for (first, lines, to) in [
        ("GET /a?b=c", "Host: wiki.localhost\r\n", "wiki.localhost:PORT/a?b=c"),
        ("HEAD /", "Host: ID.localhost.:80\r\n", "id.localhost:PORT/"),
        (
            "GET /%61",
            "Host: wiki.localhost\r\nCookie: a=1\r\nX-Forwarded-Proto: https\r\n",
            "wiki.localhost:PORT/a",
        ),
        (
            "GET /.twofold/callback?code=x",
            "Host: shop.localhost\r\n",
            "shop.localhost:PORT/.twofold/callback?code=x",
        ),
    ] {
        let answer = ask(first, lines);
        let to = format!("https://{}", to.replace("PORT", &world.port.to_string()));
        assert_eq!((answer.status, answer.header("location")), (308, Some(to.as_str())), "{first}");
        assert!(answer.header("strict-transport-security").is_none());
    }
    for (first, lines, status) in [
        ("POST /", "Host: wiki.localhost\r\nContent-Length: 1\r\n", 400),
        ("GET //evil.example", "Host: wiki.localhost\r\n", 400),
        ("GET /a/../b", "Host: wiki.localhost\r\n", 400),
        ("GET http://evil.example/", "Host: evil.example\r\n", 404),
        ("GET /", "Host: evil.example\r\n", 404),
        ("GET /", "Host: user@wiki.localhost\r\n", 400),
        ("GET /", "", 400),
        ("GET /ws", "Host: wiki.localhost\r\nUpgrade: websocket\r\n", 400),
    ] {
        let answer = ask(first, lines);
        assert_eq!(answer.status, status, "{first} {lines}");
        assert!(answer.header("location").is_none());
    }
    assert!(world.app.seen().is_empty());
}

#[test]
fn all_of_both_families_can_be_listened_on() {
    let plain = free_port();
    let world = World::start_secure(&format!("redirect_http = [\"0.0.0.0:{plain}\", \"[::]:{plain}\"]"), "");
    let request = b"GET / HTTP/1.1\r\nHost: wiki.localhost\r\n\r\n";
    assert_eq!(raw(plain, request).status, 308);
    world.until("IPv6 is listened on", || {
        let Ok(stream) = TcpStream::connect((Ipv6Addr::LOCALHOST, plain)) else { return false };
        exchange(stream, request).status == 308
    });
}

#[test]
fn a_gate_that_cannot_listen_says_so_and_ends() {
    let world = World::start();
    let mut second = Command::new(env!("CARGO_BIN_EXE_twofold-gate"));
    let output = second.arg("--config").arg(world.folder().join("gate.toml")).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains(&format!("cannot listen on 127.0.0.1:{}", world.port)), "{said}");
}

#[test]
fn every_https_answer_keeps_browsers_on_https() {
    let (world, _) = world();
    let mut browser = world.secure_browser();
    let promise = |answer: &Response| answer.header("strict-transport-security").map(str::to_owned);
    let url =
        |rest: &str| format!("https://{}", rest.replace("localhost", &format!("localhost:{}", world.port)));
    let ours = Some("max-age=31536000".to_owned());
    assert_eq!(promise(&browser.look(&url("wiki.localhost/"))), ours);
    let landed = sign_in(&mut browser, "111111");
    assert_eq!((path(&landed.url).as_str(), promise(&landed)), ("/page?q=1", ours.clone()));
    assert_eq!(
        promise(&browser.look(&url("wiki.localhost/hsts"))),
        Some("max-age=99999999; preload".to_owned())
    );
    assert_eq!(promise(&browser.look(&url("id.localhost/nothing"))), ours.clone());
    let gone = browser.open(&url("gone.localhost/"));
    assert_eq!((gone.status, promise(&gone)), (502, ours));
    // Nothing is promised where the administrator says so, or where nothing is https.
    let silent = World::start_secure("hsts = \"0s\"", "");
    let url = format!("https://wiki.localhost:{}/", silent.port);
    assert_eq!(promise(&silent.secure_browser().look(&url)), None);
    let plain = World::start();
    assert_eq!(promise(&raw(plain.port, b"GET / HTTP/1.1\r\nHost: wiki.localhost\r\n\r\n")), None);
}

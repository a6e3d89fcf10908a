//! How long and how much a client may take.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use crate::browser::{Browser, connect, exchange, raw, sign_in};
use crate::harness::{Ruler, World};
use crate::tls::curl;

const SHORT: &str = "header_timeout = \"1s\"\nidle_timeout = \"1s\"\nbody_timeout = \"1s\"";

/// How long the gate takes to close; the test fails when it does not.
fn closed_after(mut stream: impl Read) -> Duration {
    let began = Instant::now();
    let mut rest = Vec::new();
    match stream.read_to_end(&mut rest) {
        Ok(_) => {}
        Err(why) if matches!(why.kind(), ErrorKind::ConnectionReset | ErrorKind::UnexpectedEof) => {}
        Err(why) => panic!("it is not closed: {why}"),
    }
    began.elapsed()
}

/// Sends a head without end, a byte now and then, until the gate hangs up.
fn drip(mut stream: TcpStream) -> Duration {
    let began = Instant::now();
    stream.write_all(b"GET / HTTP/1.1\r\nHost: wiki.localhost\r\nX-Slow: ").unwrap();
    stream.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
    while began.elapsed() < Duration::from_secs(15) {
        let mut byte = [0];
        match stream.write_all(b"x").and_then(|()| stream.read(&mut byte)) {
            Err(why) if why.kind() == ErrorKind::WouldBlock => {}
            Ok(0) | Err(_) => return began.elapsed(),
            Ok(_) => panic!("it was answered"),
        }
    }
    panic!("the gate still waits for the rest of the head");
}

/// A connection that is kept, after one answer.
fn that_has_served(world: &World) -> TcpStream {
    let mut stream = connect(world.port);
    stream.write_all(b"GET / HTTP/1.1\r\nHost: id.localhost\r\n\r\n").unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        head.extend_from_slice(&byte);
    }
    assert!(head.starts_with(b"HTTP/1.1 303"));
    stream
}

#[test]
fn a_head_that_drips_is_not_waited_for() {
    let world = World::start_with(SHORT);
    let ruler = Ruler::begin(&world);
    let took = drip(connect(world.port));
    // On a connection that has served before, too.
    let kept = drip(that_has_served(&world));
    let slow = ruler.longest();
    for took in [took, kept] {
        assert!(took < Duration::from_secs(4) + slow, "{took:?} {slow:?}");
    }
}

#[test]
fn who_asks_for_nothing_is_let_go() {
    let world = World::start_with(SHORT);
    let ruler = Ruler::begin(&world);
    let mut took = vec![closed_after(connect(world.port)), closed_after(that_has_served(&world))];
    let secure = World::start_secure(SHORT, "");
    let trusts = secure.root.trusts();
    for trusts in [trusts.clone(), trusts.with_http2()] {
        took.push(closed_after(trusts.connect(secure.port, "wiki.localhost").unwrap()));
    }
    let enough = Duration::from_secs(4) + ruler.longest();
    assert!(took.iter().all(|took| *took < enough), "{took:?} {enough:?}");
}

#[test]
fn a_body_that_stops_is_not_waited_for() {
    // Heads are waited for as always: how quick the sign-in is, is not what is looked at.
    let world = World::start_with("body_timeout = \"1s\"");
    let mut browser = Browser::new(world.port);
    sign_in(&mut browser, "111111");
    let mut stream = connect(world.port);
    let cookie = browser.cookies("wiki.localhost");
    let head = format!(
        "POST / HTTP/1.1\r\nHost: wiki.localhost\r\nCookie: {cookie}\r\nContent-Length: 10\r\n\r\nabc"
    );
    let (began, ruler) = (Instant::now(), Ruler::begin(&world));
    let answer = exchange(&mut stream, head.as_bytes());
    assert_eq!(answer.status, 408);
    assert!(answer.body.contains("too_slow"), "{}", answer.body);
    closed_after(stream);
    let (took, enough) = (began.elapsed(), Duration::from_secs(4) + ruler.longest());
    assert!(took < enough, "{took:?} {enough:?}");
}

#[test]
fn an_app_may_take_longer_than_a_client() {
    let world = World::start_with(SHORT);
    let mut browser = Browser::new(world.port);
    sign_in(&mut browser, "111111");
    assert_eq!(browser.look(&format!("http://wiki.localhost:{}/slow", world.port)).status, 200);
}

#[test]
fn a_body_longer_than_the_site_takes_never_reaches_the_app_whole() {
    let world = World::start_secure("", "max_body = \"1 KiB\"");
    let mut browser = world.secure_browser();
    sign_in(&mut browser, "111111");
    let cookie = browser.cookies("wiki.localhost");
    let seen = world.app.seen().len();
    let send = |framing: &str, body: &str| {
        let text = format!(
            "POST /save HTTP/1.1\r\nHost: wiki.localhost\r\nCookie: {cookie}\r\n{framing}\r\nConnection: close\r\n\r\n{body}"
        );
        let stream = world.root.trusts().connect(world.port, "wiki.localhost").unwrap();
        crate::browser::exchange(stream, text.as_bytes())
    };
    let long = "x".repeat(2_000);
    let answer = send("Content-Length: 2000", &long);
    assert_eq!(answer.status, 413);
    assert!(answer.body.contains("too_long"), "{}", answer.body);
    let answer = send("Transfer-Encoding: chunked", &format!("7d0\r\n{long}\r\n0\r\n\r\n"));
    assert_eq!(answer.status, 413, "{}", answer.body);
    assert_eq!(world.app.seen().len(), seen);
    let fits = "x".repeat(1_024);
    assert_eq!(send("Content-Length: 1024", &fits).status, 200);
    assert_eq!(send("Transfer-Encoding: chunked", &format!("400\r\n{fits}\r\n0\r\n\r\n")).status, 200);
}

#[test]
fn there_are_no_more_connections_than_allowed() {
    let world = World::start_with("max_connections = 3\nblind = \"3s\"");
    world.until("the harness's own connection is gone", || {
        raw(world.port, b"GET / HTTP/1.1\r\nHost: id.localhost\r\nConnection: close\r\n\r\n").status == 303
    });
    // Connections that have just ended may still count for a moment.
    let mut held = Vec::new();
    world.until("three connections are held", || {
        let mut stream = connect(world.port);
        let request = b"GET / HTTP/1.1\r\nHost: id.localhost\r\n\r\n";
        if stream.write_all(request).is_ok() && stream.read_exact(&mut [0; 12]).is_ok() {
            held.push(stream);
        }
        held.len() == 3
    });
    assert!(closed_after(connect(world.port)) < Duration::from_secs(2));
    assert!(world.log().contains("max_connections"));
    drop(held);
    world.until("there is room again", || {
        let mut stream = connect(world.port);
        stream.write_all(b"GET / HTTP/1.1\r\nHost: id.localhost\r\nConnection: close\r\n\r\n").is_ok()
            && stream.read_exact(&mut [0; 12]).is_ok()
    });
}

#[test]
fn big_bodies_stream_through_in_little_memory() {
    const EACH: usize = 128 << 20;
    let world = World::start();
    let mut browser = Browser::new(world.port);
    sign_in(&mut browser, "111111");
    let cookie = browser.cookies("wiki.localhost");
    let before = world.most_memory();
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                let mut stream = connect(world.port);
                let head = format!(
                    "POST /sink HTTP/1.1\r\nHost: wiki.localhost\r\nCookie: {cookie}\r\nContent-Length: {EACH}\r\n\
                     Connection: close\r\n\r\n"
                );
                stream.write_all(head.as_bytes()).unwrap();
                let piece = vec![b'x'; 1 << 20];
                for _ in 0..EACH / piece.len() {
                    stream.write_all(&piece).unwrap();
                }
                let mut answer = String::new();
                stream.read_to_string(&mut answer).unwrap();
                assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with(&EACH.to_string()), "{answer}");
            });
        }
    });
    let grown = world.most_memory() - before;
    assert!(grown < 32 * 1024, "the gate grew by {grown} KiB");
}

#[test]
fn big_bodies_stream_through_over_http2_as_well() {
    const LENGTH: u64 = 128 << 20;
    let world = World::start_secure("", "");
    let mut browser = world.secure_browser();
    sign_in(&mut browser, "111111");
    let cookie = format!("Cookie: {}", browser.cookies("wiki.localhost"));
    let file = world.folder().join("big");
    std::fs::File::create(&file).unwrap().set_len(LENGTH).unwrap();
    let before = world.most_memory();
    let url = format!("https://wiki.localhost:{}/sink", world.port);
    let answer = curl(
        &world,
        &url,
        &["--request", "POST", "--header", &cookie, "--upload-file", file.to_str().unwrap()],
    );
    assert_eq!(answer, format!("{LENGTH}\n2 200"));
    let grown = world.most_memory() - before;
    assert!(grown < 32 * 1024, "the gate grew by {grown} KiB");
}

//! Websockets and event streams: nobody's without a session, and cut when theirs ends.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::time::{Duration, Instant};

use crate::browser::{Browser, sign_in};
use crate::harness::{Ruler, World};

/// What makes a GET a websocket's.
pub const WEBSOCKET: &str = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
                         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
/// How soon an open stream ends once its session has.
pub const SOON: Duration = Duration::from_secs(1);

/// A connection that stays.
pub struct Open {
    stream: TcpStream,
    reader: BufReader<TcpStream>,
    /// The status of its answer.
    pub status: u16,
}

impl Open {
    /// Asks for `target`.
    pub fn begin(world: &World, browser: &Browser, target: &str, lines: &str) -> Self {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, world.port)).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let cookies = browser.cookies("wiki.localhost");
        let cookie = if cookies.is_empty() { String::new() } else { format!("Cookie: {cookies}\r\n") };
        let request =
            format!("GET {target} HTTP/1.1\r\nHost: wiki.localhost:{}\r\n{cookie}{lines}\r\n", world.port);
        stream.write_all(request.as_bytes()).unwrap();
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        let status = line.split(' ').nth(1).unwrap().parse().unwrap();
        while line != "\r\n" {
            line.clear();
            reader.read_line(&mut line).unwrap();
        }
        Self { stream, reader, status }
    }

    /// A websocket that has answered. Deliberate: it is begun anew where it ends with its first byte. On a machine that is too
    /// busy pingora 0.9.1 does so to one in fifty: when the app has said 101 before pingora has seen that the request has no
    /// body, it takes that end for the websocket's.
    fn websocket(world: &World, browser: &Browser) -> Self {
        for _ in 0..5 {
            let mut open = Self::begin(world, browser, "/ws", WEBSOCKET);
            assert_eq!(open.status, 101);
            if open.echoes() {
                return open;
            }
        }
        panic!("no websocket lasts");
    }

    fn events(world: &World, browser: &Browser) -> Self {
        let mut open = Self::begin(world, browser, "/events", "Accept: text/event-stream\r\n");
        assert_eq!(open.status, 200);
        let mut line = String::new();
        while !line.contains("data: 1") {
            line.clear();
            assert!(open.reader.read_line(&mut line).unwrap() > 0);
        }
        open
    }

    /// Whether what is sent comes back.
    fn echoes(&mut self) -> bool {
        let mut byte = [0];
        self.stream.write_all(b"x").is_ok() && self.reader.read_exact(&mut byte).is_ok() && &byte == b"x"
    }

    /// Waits for its end; how long that took.
    pub fn ended(&mut self) -> Duration {
        let began = Instant::now();
        let mut rest = Vec::new();
        // A reset is an end too.
        let _ = self.reader.read_to_end(&mut rest);
        began.elapsed()
    }
}

fn signed_in(world: &World, code: &str) -> Browser {
    let mut browser = Browser::new(world.port);
    sign_in(&mut browser, code);
    browser
}

#[test]
fn without_a_session_no_stream_begins() {
    let world = World::start();
    let browser = Browser::new(world.port);
    assert_eq!(Open::begin(&world, &browser, "/ws", WEBSOCKET).status, 401);
    assert_eq!(Open::begin(&world, &browser, "/events", "Accept: text/event-stream\r\n").status, 401);
    assert!(world.app.seen().is_empty());
}

#[test]
fn idle_streams_end_within_a_second_of_their_session() {
    let world = World::start();
    let browser = signed_in(&world, "111111");
    let (mut websocket, mut events) = (Open::websocket(&world, &browser), Open::events(&world, &browser));
    let (began, ruler) = (Instant::now(), Ruler::begin(&world));
    world.authority.revoke_all();
    let ended = [&mut websocket, &mut events].map(|open| {
        open.ended();
        began.elapsed()
    });
    let soon = SOON + ruler.longest();
    assert!(ended.iter().all(|after| *after < soon), "websocket and events: {ended:?}, {soon:?}");
}

#[test]
fn signing_out_ends_streams_and_leaves_other_peoples_alone() {
    let world = World::start();
    let mut browser = signed_in(&world, "111111");
    world.authority.enrol("bob");
    let mut other = Browser::new(world.port);
    let page = other.open(&format!("http://wiki.localhost:{}/page", world.port));
    let page = crate::browser::give_password(&mut other, &page, "bob");
    assert_eq!(crate::browser::give_code(&mut other, &page, "222222").status, 200);
    let (mut mine, mut theirs) = (Open::websocket(&world, &browser), Open::websocket(&world, &other));
    let page = browser.open(&format!("http://id.localhost:{}/", world.port));
    let ruler = Ruler::begin(&world);
    browser.submit(&page, "/sign-out", &[]);
    let ended = mine.ended();
    let soon = SOON + ruler.longest();
    assert!(ended < soon, "{ended:?} {soon:?}");
    assert!(theirs.echoes());
}

#[test]
fn streams_end_when_nobody_can_be_asked_any_more() {
    let world = World::start_with("blind = \"2s\"");
    let browser = signed_in(&world, "111111");
    let (mut websocket, mut events) = (Open::websocket(&world, &browser), Open::events(&world, &browser));
    let (began, ruler) = (Instant::now(), Ruler::begin(&world));
    world.authority.set_watch(false);
    websocket.ended();
    let (blind, events) = (began.elapsed(), events.ended());
    let slow = ruler.longest();
    assert!(blind > SOON, "not before the gate is blind for too long");
    assert!(blind < Duration::from_secs(5) + slow && events < SOON + slow, "{blind:?} {events:?} {slow:?}");
}

#[test]
fn an_upgrade_that_the_app_answers_like_any_request_smuggles_nothing() {
    let world = World::start();
    let browser = signed_in(&world, "111111");
    let smuggled = format!("{WEBSOCKET}\r\nGET /smuggled HTTP/1.1\r\nHost: wiki.localhost\r\n");
    let mut open = Open::begin(&world, &browser, "/no-websocket", &smuggled);
    assert_eq!(open.status, 200);
    let _ = open.stream.write_all(b"GET /smuggled-later HTTP/1.1\r\nHost: wiki.localhost\r\n\r\n");
    let _ = open.stream.shutdown(std::net::Shutdown::Write);
    open.ended();
    let seen = world.app.seen();
    assert!(!seen.iter().any(|request| request.contains("smuggled")), "{seen:?}");
}

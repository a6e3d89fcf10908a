//! An app that asks for HTTP Basic itself, as Apache does: alice and bob, and carol whom the ledger does not know; their
//! password is `app pass`. It answers with whom it took the request for.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use data_encoding::BASE64;

/// The app.
pub struct BasicApp {
    /// Where it listens.
    pub address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    seen: Mutex<Vec<String>>,
    mood: Mutex<Option<&'static str>>,
}

/// What it asks browsers with.
pub const CHALLENGE: &str = "Basic realm=\"Our git\"";

impl BasicApp {
    /// Starts it.
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared::default());
        let serving = Arc::clone(&shared);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let serving = Arc::clone(&serving);
                thread::spawn(move || serving.serve(stream.unwrap()));
            }
        });
        Self { address, shared }
    }

    /// The requests that reached it: the first line, and the pair that it gave, if any.
    pub fn seen(&self) -> Vec<String> {
        self.shared.seen.lock().unwrap().clone()
    }

    /// How often it was asked by the gate whether a name and a password are right.
    pub fn probes(&self) -> usize {
        self.seen().iter().filter(|seen| seen.starts_with("GET /in ") && !seen.ends_with("[]")).count()
    }

    /// Answers everything with this status line and these headers from now on.
    pub fn set_mood(&self, head: Option<&'static str>) {
        *self.shared.mood.lock().unwrap() = head;
    }
}

impl Shared {
    fn serve(&self, stream: TcpStream) {
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        let mut writer = stream;
        loop {
            let mut head = String::new();
            while !head.ends_with("\r\n\r\n") {
                if !reader.read_line(&mut head).is_ok_and(|read| read > 0) {
                    return;
                }
            }
            let line = |name: &str| head.lines().find_map(|line| line.strip_prefix(name));
            let length = line("content-length: ").map_or(0, |length| length.parse::<usize>().unwrap());
            let mut body = vec![0; length];
            reader.read_exact(&mut body).unwrap();
            let pair = line("authorization: ")
                .map(|line| {
                    match line.strip_prefix("Basic ").and_then(|pair| BASE64.decode(pair.as_bytes()).ok()) {
                        Some(pair) => String::from_utf8(pair).unwrap(),
                        None => format!("not basic: {line}"),
                    }
                })
                .unwrap_or_default();
            let first = head.lines().next().unwrap();
            self.seen.lock().unwrap().push(format!("{first} [{pair}]"));
            let user = pair.strip_suffix(":app pass").filter(|user| ["alice", "bob", "carol"].contains(user));
            let named = line("remote-user: ").unwrap_or("nobody");
            let body = format!("for {} by the gate's {named}", user.unwrap_or("nobody"));
            // As apps that read it do: OPTIONS is answered to everybody.
            let is_overridden = head.contains("x-http-method-override: OPTIONS");
            let user = user.or_else(|| is_overridden.then_some("nobody"));
            let status = match (*self.mood.lock().unwrap(), user) {
                (Some(head), _) => head.to_owned(),
                (None, None) if !first.contains(" /public") => {
                    format!(
                        "401 Unauthorized\r\nWWW-Authenticate: Negotiate\r\nWWW-Authenticate: {CHALLENGE}"
                    )
                }
                (None, _) => "200 OK".to_owned(),
            };
            let answer = format!(
                "HTTP/1.1 {status}\r\nContent-Type: text/plain\r\nContent-Length: {}\r\n\r\n{body}",
                body.len()
            );
            if writer.write_all(answer.as_bytes()).is_err() {
                return;
            }
        }
    }
}

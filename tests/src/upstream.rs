//! Apps behind the gate: one that answers every request with what reached it, and one that serves a folder.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex};

/// A request as the app got it.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Method, target, version.
    pub line: String,
    /// Header names in lower case, and values, in order.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Seen {
    /// All values of a header.
    #[must_use]
    pub fn header(&self, name: &str) -> Vec<&str> {
        self.headers.iter().filter(|(header, _)| header == name).map(|(_, value)| value.as_str()).collect()
    }
}

/// A running app. Its thread ends with the test's process.
#[derive(Debug)]
pub struct Upstream {
    address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Upstream {
    /// Answers 200 and the page `title`, followed by the request's lines.
    #[must_use]
    pub fn start(title: &'static str) -> Self {
        Self::answering(move |request| {
            let mut page =
                format!("<!doctype html><title>{title}</title><h1>{title}</h1><pre>{}\n", request.line);
            for (name, value) in &request.headers {
                page += &format!("{name}: {value}\n");
            }
            answer("200 OK", "text/html", page.as_bytes())
        })
    }

    /// Serves the files in `folder`, as far as git (its "dumb" protocol) and a WebDAV client need it: GET, PUT, and a
    /// PROPFIND that lists nothing.
    #[must_use]
    pub fn of_folder(folder: &Path) -> Self {
        let folder = folder.to_owned();
        Self::answering(move |request| {
            let mut words = request.line.split(' ');
            let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
            let path = target.split('?').next().unwrap_or_default();
            assert!(!path.contains(".."), "the gate lets no such path through");
            let file = folder.join(path.trim_start_matches('/'));
            match method {
                "GET" if file.is_dir() => answer("200 OK", "text/plain", b"a folder"),
                "GET" => match std::fs::read(&file) {
                    Ok(bytes) => answer("200 OK", "application/octet-stream", &bytes),
                    Err(_) => answer("404 Not Found", "text/plain", b"no such file"),
                },
                "PUT" => match std::fs::write(&file, &request.body) {
                    Ok(()) => answer("201 Created", "text/plain", b""),
                    Err(_) => answer("409 Conflict", "text/plain", b"no such folder"),
                },
                "PROPFIND" => {
                    let empty = b"<?xml version=\"1.0\"?><D:multistatus xmlns:D=\"DAV:\"/>";
                    answer("207 Multi-Status", "application/xml", empty)
                }
                _ => answer("405 Method Not Allowed", "text/plain", b""),
            }
        })
    }

    /// Answers each request with these bytes, head and all.
    #[must_use]
    pub fn answering(respond: impl Fn(&Seen) -> Vec<u8> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
        let address = listener.local_addr().expect("it is bound");
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (shared, respond) = (Arc::clone(&seen), Arc::new(respond));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (shared, respond) = (Arc::clone(&shared), Arc::clone(&respond));
                std::thread::spawn(move || serve(&stream, &*respond, &shared));
            }
        });
        Self { address, seen }
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Every request that reached it.
    #[must_use]
    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().expect("no test panics while it holds it").clone()
    }
}

fn serve(stream: &TcpStream, respond: &dyn Fn(&Seen) -> Vec<u8>, seen: &Mutex<Vec<Seen>>) {
    let mut reader = BufReader::new(stream);
    while let Some(request) = read_request(&mut reader) {
        let answer = respond(&request);
        seen.lock().expect("no test panics while it holds it").push(request);
        if (&mut &*stream).write_all(&answer).is_err() {
            return;
        }
    }
}

/// An answer: its status, what kind of thing it is, and that.
#[must_use]
pub fn answer(status: &str, kind: &str, body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {}\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

fn read_request(reader: &mut impl BufRead) -> Option<Seen> {
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|&length| length > 0)?;
    let mut headers = Vec::new();
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).ok().filter(|&length| length > 0)?;
        match header.trim_end().split_once(':') {
            Some((name, value)) => headers.push((name.to_lowercase(), value.trim().to_owned())),
            None => break,
        }
    }
    let mut seen = Seen { line: line.trim_end().to_owned(), headers, body: Vec::new() };
    let length = seen.header("content-length").first().and_then(|text| text.parse().ok()).unwrap_or(0);
    seen.body.resize(length, 0);
    reader.read_exact(&mut seen.body).ok()?;
    Some(seen)
}

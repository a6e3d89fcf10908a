//! A tiny app: it answers every request with what it received, as text.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// The app, and every request that reached it.
pub struct App {
    /// Where it listens.
    pub address: SocketAddr,
    seen: Arc<Mutex<Vec<String>>>,
}

impl App {
    /// Starts it on a free port.
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let record = Arc::clone(&seen);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let record = Arc::clone(&record);
                thread::spawn(move || serve(stream.unwrap(), &record));
            }
        });
        Self { address, seen }
    }

    /// The heads of the requests that reached it, each with its body.
    pub fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }
}

/// As much of a websocket as the gate can tell: 101, then every byte comes back.
fn echo(mut reader: impl Read, mut writer: TcpStream) {
    let head = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n";
    writer.write_all(head.as_bytes()).unwrap();
    let mut byte = [0];
    while reader.read_exact(&mut byte).is_ok() && writer.write_all(&byte).is_ok() {}
}

/// One event, and then silence until the reader leaves.
fn events(mut reader: impl Read, writer: &mut TcpStream) {
    let answer = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nCache-Control: no-cache\r\n\
                  Transfer-Encoding: chunked\r\n\r\n9\r\ndata: 1\n\n\r\n";
    writer.write_all(answer.as_bytes()).unwrap();
    let _ = reader.read(&mut [0]);
}

/// A chunked body; nothing when it ends too early.
fn chunks(reader: &mut impl BufRead) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let length = usize::from_str_radix(line.trim(), 16).ok()?;
        let mut chunk = vec![0; length + 2];
        reader.read_exact(&mut chunk).ok()?;
        if length == 0 {
            return Some(body);
        }
        body.extend_from_slice(&chunk[..length]);
    }
}

fn serve(stream: TcpStream, record: &Mutex<Vec<String>>) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut writer = stream;
    loop {
        let mut head = String::new();
        loop {
            let mut line = String::new();
            match reader.read_line(&mut line) {
                Ok(0) | Err(_) => return,
                Ok(_) if line == "\r\n" => break,
                Ok(_) => head.push_str(&line),
            }
        }
        let target = head.split(' ').nth(1).unwrap_or_default().to_owned();
        let is_chunked = head.to_ascii_lowercase().contains("\r\ntransfer-encoding: chunked");
        let length = head
            .lines()
            .find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ").map(str::to_owned))
            .map_or(0, |length| length.trim().parse::<usize>().unwrap());
        if target == "/sink" {
            let count = std::io::copy(&mut (&mut reader).take(length as u64), &mut std::io::sink()).unwrap();
            let text = count.to_string();
            write!(writer, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{text}", text.len()).unwrap();
            continue;
        }
        let mut body = vec![0; length];
        if is_chunked {
            let Some(whole) = chunks(&mut reader) else { return };
            body = whole;
        } else if reader.read_exact(&mut body).is_err() {
            return;
        }
        let request = format!("{head}\r\n{}", String::from_utf8_lossy(&body));
        record.lock().unwrap().push(request.clone());
        if target == "/slow" {
            thread::sleep(Duration::from_millis(2_500));
        }
        if target == "/ws" {
            return echo(reader, writer);
        }
        if target == "/events" {
            return events(reader, &mut writer);
        }
        let extra = match target.split('?').next().unwrap_or_default() {
            "/page" => {
                "Content-Type: text/html\r\nCache-Control: public, max-age=60\r\nExpires: Thu, 01 Jan 2099 00:00:00 GMT\r\n"
            }
            "/asset" => "Content-Type: text/css\r\nCache-Control: public, max-age=60, s-maxage=9\r\n",
            "/hsts" => "Strict-Transport-Security: max-age=99999999; preload\r\n",
            "/private" => "Content-Type: text/css\r\nCache-Control: private, max-age=60\r\n",
            "/toss" => {
                "Set-Cookie: app=1; Path=/\r\nSet-Cookie: __Host-twofold=evil; Path=/; Secure\r\nSet-Cookie: __HOST-twofold-id=evil\r\n"
            }
            _ => "Content-Type: text/plain\r\n",
        };
        let answer = format!("HTTP/1.1 200 OK\r\n{extra}Content-Length: {}\r\n\r\n{request}", request.len());
        if writer.write_all(answer.as_bytes()).is_err() {
            return;
        }
    }
}

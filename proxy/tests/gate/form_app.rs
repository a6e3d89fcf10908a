//! An app with a login of its own, as old apps have: one session cookie, a new one at each login, and a few bad habits.
//!
//! People: alice, bob and carol, password `app pass`. `/me` says who it is. What it does for whom is told in each answer.

use std::collections::{BTreeMap, HashMap};
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// The app.
pub struct FormApp {
    /// Where it listens.
    pub address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    /// Session number → user; empty: nobody yet.
    sessions: Mutex<HashMap<String, String>>,
    seen: Mutex<Vec<String>>,
    broken: Mutex<bool>,
}

impl FormApp {
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

    /// A session of `user` that the app opened elsewhere: what a thief would have.
    pub fn session_of(&self, user: &str) -> String {
        self.shared.open(user)
    }

    /// Whose a session is; empty: nobody's.
    pub fn user_of(&self, session: &str) -> String {
        self.shared.sessions.lock().unwrap().get(session).cloned().unwrap_or_default()
    }

    /// First lines and cookies of the requests that reached it, the gate's own questions aside.
    pub fn seen(&self) -> Vec<String> {
        let seen = self.shared.seen.lock().unwrap();
        seen.iter().filter(|request| !request.starts_with("GET /me ")).cloned().collect()
    }

    /// Answers 500 from now on, or no more.
    pub fn set_broken(&self, broken: bool) {
        *self.shared.broken.lock().unwrap() = broken;
    }
}

struct Request {
    method: String,
    target: String,
    session: Option<String>,
    fields: BTreeMap<String, String>,
    /// Whether it takes a page.
    accepts: bool,
    /// What is to be done, by a header of the app's own.
    action: Option<String>,
}

impl Shared {
    fn open(&self, user: &str) -> String {
        let mut sessions = self.sessions.lock().unwrap();
        let number = format!("{}{user}", sessions.len());
        sessions.insert(number.clone(), user.to_owned());
        number
    }

    fn serve(&self, stream: TcpStream) {
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        let mut writer = stream;
        while let Some(request) = self.read(&mut reader) {
            let (status, lines, body) = match *self.broken.lock().unwrap() {
                true => (500, String::new(), "broken".to_owned()),
                false => self.answer(&request),
            };
            let answer = format!(
                "HTTP/1.1 {status} X\r\nContent-Type: text/html\r\n{lines}Content-Length: {}\r\n\r\n{body}",
                body.len()
            );
            if writer.write_all(answer.as_bytes()).is_err() {
                return;
            }
        }
    }

    fn read(&self, reader: &mut impl BufRead) -> Option<Request> {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            (reader.read_line(&mut head).ok()? > 0).then_some(())?;
        }
        let line = |name: &str| {
            head.lines().find_map(|line| {
                line.to_ascii_lowercase().starts_with(name).then(|| line[name.len()..].to_owned())
            })
        };
        let length = line("content-length: ").map_or(0, |length| length.trim().parse::<usize>().unwrap());
        let mut body = vec![0; length];
        reader.read_exact(&mut body).ok()?;
        let cookie = line("cookie: ").unwrap_or_default();
        let first = head.lines().next()?.to_owned();
        self.seen.lock().unwrap().push(format!("{first} [{cookie}]"));
        let mut words = first.split(' ');
        let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
        let session = cookie.split("; ").find_map(|pair| pair.strip_prefix("sid=")).map(str::to_owned);
        let query = target.split_once('?').map_or(&b""[..], |(_, query)| query.as_bytes());
        let fields = form_urlencoded::parse(&body)
            .into_owned()
            .chain(form_urlencoded::parse(query).into_owned())
            .collect();
        let accepts =
            line("accept: ").is_none_or(|kinds| kinds.contains("*/*") || kinds.contains("text/html"));
        let action = line("x-app-do: ").map(|action| action.trim().to_owned());
        Some(Request { method, target, session, fields, accepts, action })
    }

    fn answer(&self, request: &Request) -> (u16, String, String) {
        let user = request
            .session
            .as_ref()
            .map(|session| self.sessions.lock().unwrap().get(session).cloned().unwrap_or_default());
        let field = |name: &str| request.fields.get(name).map(String::as_str).unwrap_or_default();
        let is_right = ["alice", "bob", "carol"].contains(&field("u")) && field("p") == "app pass";
        let set = |number: &str| format!("Set-Cookie: sid={number}; Path=/; HttpOnly\r\n");
        let path = request.target.split('?').next().unwrap();
        match (request.method.as_str(), path) {
            // It has no other kind of answer.
            ("GET", "/me") if !request.accepts => (406, String::new(), "not acceptable".to_owned()),
            ("GET", "/me") => {
                let user = user.filter(|user| !user.is_empty());
                (200, String::new(), serde_json::json!({ "user": user }).to_string())
            }
            ("GET", "/login") if user.is_none() => {
                (200, set(&self.open("")), "<form>please sign in</form>".to_owned())
            }
            ("GET", "/login") => (200, String::new(), "<form>please sign in</form>".to_owned()),
            // It forgets to give a new number.
            ("POST", "/login") if is_right && field("keep") == "1" => {
                let number = request.session.clone().unwrap_or_default();
                self.sessions.lock().unwrap().insert(number, field("u").to_owned());
                (302, "Location: /home\r\n".to_owned(), String::new())
            }
            // It leads on and gives a new number whether or not the password was right.
            ("POST", "/login") if field("half") == "1" => {
                (302, format!("Location: /home\r\n{}", set(&self.open(""))), String::new())
            }
            ("POST", "/login") if is_right => {
                let number = self.open(field("u"));
                (302, format!("Location: /home\r\n{}Set-Cookie: theme=dark\r\n", set(&number)), String::new())
            }
            ("POST", "/login") => (200, String::new(), "wrong, again please".to_owned()),
            ("POST", "/api/login") if is_right => {
                (200, set(&self.open(field("u"))), format!("welcome {}, here is your mail", field("u")))
            }
            // It takes a name and a password with whatever is asked for, as DokuWiki does.
            (_, "/index") => match (request.action.as_deref().unwrap_or(field("do")), is_right) {
                ("login", true) => {
                    (302, format!("Location: /home\r\n{}", set(&self.open(field("u")))), String::new())
                }
                ("login", false) => (200, set(&self.open("")), "<form>please sign in</form>".to_owned()),
                (_, true) => (200, set(&self.open(field("u"))), format!("the pages of {}", field("u"))),
                (_, false) => (200, String::new(), "what everybody may read there".to_owned()),
            },
            ("GET", "/logout") => {
                (302, "Location: /login\r\nSet-Cookie: sid=; Path=/; Max-Age=0\r\n".to_owned(), String::new())
            }
            ("GET", "/renew") => {
                let number = self.open(&user.unwrap_or_default());
                (200, set(&number), "renewed".to_owned())
            }
            _ => (200, String::new(), format!("{} for {:?}", request.target, user.unwrap_or_default())),
        }
    }
}

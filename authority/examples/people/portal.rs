//! A real gate before the authority, with somebody in charge of everybody and somebody in charge of a group, both signed in.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use twofold_shared::client::Client;
use twofold_shared::secret::SecretText;
use twofold_shared::wire::{Charge, LinkName, SetCharge, SetPassword};

use crate::ledger::{People, REALM};

const PASSWORD: &str = "correct horse battery";

/// Who opens a page.
#[derive(Clone, Copy)]
pub enum Of {
    Everybody,
    Group,
}

/// A page about people, and how many stand on it: as many among few as among many.
#[derive(Clone, Copy)]
pub struct Page {
    pub what: &'static str,
    of: Of,
    query: fn(usize) -> String,
    found: usize,
}

pub const PAGES: [Page; 8] = [
    Page { what: "at the gate: the first page", of: Of::Everybody, query: |_| String::new(), found: 50 },
    Page {
        what: "at the gate: the beginning of a name",
        of: Of::Everybody,
        query: |people| format!("?name=user{}", people / 10 - 1),
        found: 11,
    },
    Page {
        what: "at the gate: locked, three of them",
        of: Of::Everybody,
        query: |_| "?state=locked".to_owned(),
        found: 3,
    },
    Page {
        what: "at the gate: unused for longest",
        of: Of::Everybody,
        query: |_| "?order=idle".to_owned(),
        found: 50,
    },
    Page {
        what: "at the gate: the first page of a group",
        of: Of::Group,
        query: |_| String::new(),
        found: 50,
    },
    Page {
        what: "at the gate: a beginning of a name, in a group",
        of: Of::Group,
        query: |_| "?name=s0".to_owned(),
        found: 10,
    },
    Page {
        what: "at the gate: used last, in a group",
        of: Of::Group,
        query: |_| "?order=recent".to_owned(),
        found: 50,
    },
    Page {
        what: "at the gate: nobody is locked in a group",
        of: Of::Group,
        query: |_| "?state=locked".to_owned(),
        found: 0,
    },
];

/// The gate, and who is signed in there.
pub struct Portal {
    process: Child,
    everybody: RefCell<Visitor>,
    group: RefCell<Visitor>,
}

impl Portal {
    pub fn start(program: &Path, folder: &Path, authority: &Client, people: &People) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let (config, log) = (folder.join("gate.toml"), folder.join("gate.log"));
        let text = format!(
            "listen = ['127.0.0.1:{port}']\nportal = 'http://id.localhost:{port}'\nauthority = '{}/authority.sock'\n\
             [[site]]\norigin = 'http://wiki.localhost:{port}'\nupstream = '127.0.0.1:9'\nfirst_factor = 'password'\n",
            folder.display()
        );
        fs::write(&config, text).unwrap();
        fs::set_permissions(&config, fs::Permissions::from_mode(0o600)).unwrap();
        let mut command = Command::new(program);
        command.arg("--config").arg(&config).stderr(File::create(&log).unwrap());
        let mut process = command.spawn().unwrap();
        let begun = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            let alive = process.try_wait().unwrap().is_none() && begun.elapsed().as_secs() < 30;
            assert!(alive, "twofold-gate does not start: {}", fs::read_to_string(&log).unwrap());
            thread::sleep(Duration::from_millis(5));
        }
        let sign_in = |name: &str, charge: Charge| {
            let (user, code) = people.next_code();
            let (account, own) = (format!("{REALM}:{user}"), format!("local:{name}"));
            authority.call(&LinkName { account, name: own.clone() }).unwrap();
            let password = SecretText::new(PASSWORD.to_owned());
            authority.call(&SetPassword { account: Some(own.clone()), password, code: None }).unwrap();
            authority.call(&SetCharge { account: own, charge: Some(charge) }).unwrap();
            let mut visitor = Visitor::new(port);
            visitor.signs_in(name, code.reveal());
            RefCell::new(visitor)
        };
        let everybody = sign_in("boss", Charge { everybody: true, groups: Vec::new() });
        // The next one is locked, for the pages of those who are.
        let _ = people.next_code();
        let group = sign_in("chief", Charge { everybody: false, groups: vec!["sales".to_owned()] });
        Self { process, everybody, group }
    }

    /// Opens a page once, among so many; how long it took, in microseconds.
    pub fn opens(&self, page: Page, people: usize) -> f64 {
        let visitor = match page.of {
            Of::Everybody => &self.everybody,
            Of::Group => &self.group,
        };
        let path = format!("/people{}", (page.query)(people));
        let begun = Instant::now();
        let answer = visitor.borrow_mut().ask("GET", &path, None);
        let took = begun.elapsed();
        let rows = answer.body.matches("<tr role=\"row\">\n").count();
        assert_eq!((answer.status, rows), (200, page.found), "{}: {}", page.what, answer.body);
        took.as_secs_f64() * 1e6
    }
}

impl Drop for Portal {
    fn drop(&mut self) {
        let _ = kill_process(Pid::from_child(&self.process), Signal::TERM);
        let _ = self.process.wait();
    }
}

struct Answer {
    status: u16,
    location: Option<String>,
    body: String,
}

/// A browser at the portal, on one connection.
struct Visitor {
    port: u16,
    stream: BufReader<TcpStream>,
    cookies: BTreeMap<String, String>,
}

impl Visitor {
    fn new(port: u16) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        stream.set_nodelay(true).unwrap();
        Self { port, stream: BufReader::new(stream), cookies: BTreeMap::new() }
    }

    fn signs_in(&mut self, name: &str, code: &str) {
        let (path, page) = self.follows("/people");
        let body = format!("token={}&name={name}&password={}", token(&page), PASSWORD.replace(' ', "+"));
        let path =
            self.ask("POST", &path, Some(&body)).location.unwrap_or_else(|| panic!("{name} is refused"));
        let (path, page) = self.follows(&path);
        let body = format!("token={}&code={code}", token(&page));
        let next = self.ask("POST", &path, Some(&body));
        assert_eq!(next.status, 303, "{name}: {}", next.body);
    }

    /// Goes where a page leads; where that is, and what stands there.
    fn follows(&mut self, path: &str) -> (String, String) {
        let mut path = path.to_owned();
        for _ in 0..8 {
            let answer = self.ask("GET", &path, None);
            match answer.location {
                Some(location) => path = location,
                None => return (path, answer.body),
            }
        }
        panic!("too many redirects at {path}")
    }

    fn ask(&mut self, method: &str, path: &str, body: Option<&str>) -> Answer {
        let host = format!("id.localhost:{}", self.port);
        let cookies: Vec<String> =
            self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let cookie =
            if cookies.is_empty() { String::new() } else { format!("cookie: {}\r\n", cookies.join("; ")) };
        let form = body.map_or_else(String::new, |body| {
            format!(
                "origin: http://{host}\r\nsec-fetch-site: same-origin\r\ncontent-length: {}\r\n\
                 content-type: application/x-www-form-urlencoded\r\n",
                body.len()
            )
        });
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: {host}\r\naccept: text/html\r\nuser-agent: Mozilla/5.0 (X11; Linux)\r\n\
             sec-fetch-mode: navigate\r\nsec-fetch-dest: document\r\n{cookie}{form}\r\n{}",
            body.unwrap_or_default()
        );
        self.stream.get_mut().write_all(request.as_bytes()).unwrap();
        self.reads()
    }

    fn reads(&mut self) -> Answer {
        let mut line = String::new();
        self.stream.read_line(&mut line).unwrap();
        let status = line.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_default();
        let (mut location, mut length) = (None, 0);
        loop {
            line.clear();
            self.stream.read_line(&mut line).unwrap();
            let Some((name, value)) = line.trim_end().split_once(": ") else { break };
            match name.to_ascii_lowercase().as_str() {
                "content-length" => length = value.parse().unwrap(),
                "location" => location = Some(value.to_owned()),
                "set-cookie" => {
                    if let Some((name, value)) = value.split(';').next().and_then(|pair| pair.split_once('='))
                    {
                        self.cookies.insert(name.to_owned(), value.to_owned());
                    }
                }
                _ => {}
            }
        }
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body).unwrap();
        Answer { status, location, body: String::from_utf8(body).unwrap() }
    }
}

fn token(page: &str) -> &str {
    let found = page.split("name=\"token\" value=\"").nth(1).and_then(|rest| rest.split('"').next());
    found.unwrap_or_else(|| panic!("no form: {page}"))
}

//! A shared cache in front of the gate, a real nginx that keeps whatever it may, never shows one person's page to another.

use std::fs;
use std::net::TcpStream;
use std::process::Command;

use tempfile::TempDir;
use twofold_tests::gate::free_port;
use twofold_tests::upstream::Seen;
use twofold_tests::{Authority, Gate, Process, Upstream, Web};

const PASSWORD: &str = "portal pass 4711";

/// What the app says of caching, path by path. The last is what nginx keeps without being told.
const PAGES: &[(&str, &str)] = &[
    ("/page", "Content-Type: text/html\r\nCache-Control: public, max-age=600\r\n"),
    ("/shared", "Content-Type: application/json\r\nCache-Control: public, s-maxage=600, max-age=600\r\n"),
    ("/expires", "Content-Type: text/css\r\nExpires: Fri, 01 Jan 2100 00:00:00 GMT\r\n"),
    ("/accel", "Content-Type: image/png\r\nX-Accel-Expires: 600\r\nCache-Control: max-age=600\r\n"),
    ("/silent", "Content-Type: text/plain\r\n"),
];

/// An app that answers each person with their name, and would have all of it cached.
fn app() -> Upstream {
    Upstream::answering(|request: &Seen| {
        let path = request.line.split(' ').nth(1).unwrap_or_default();
        let headers = PAGES.iter().find(|(page, _)| *page == path).map_or("", |(_, headers)| headers);
        let body = format!("for {}", request.header("remote-user").first().unwrap_or(&"nobody"));
        format!("HTTP/1.1 200 OK\r\n{headers}Content-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
    })
}

/// An nginx that caches every answer for ten minutes unless its headers forbid it, whoever asks.
struct Cache {
    _home: TempDir,
    _process: Process,
    port: u16,
}

impl Cache {
    fn in_front_of(server: u16) -> Self {
        let home = tempfile::tempdir().unwrap();
        let (place, port) = (home.path().display(), free_port());
        let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|kind| format!("{kind}_temp_path {place}/{kind};\n"))
            .concat();
        let text = format!(
            "daemon off; master_process off; pid {place}/pid; error_log stderr error; user root;
            events {{ worker_connections 64; }}
            http {{
                access_log off; {temporary}
                proxy_cache_path {place}/cache keys_zone=pages:1m;
                server {{
                    listen 127.0.0.1:{port};
                    location / {{
                        proxy_pass http://127.0.0.1:{server};
                        proxy_set_header Host $http_host;
                        proxy_set_header X-Forwarded-For $remote_addr;
                        proxy_set_header X-Forwarded-Proto http;
                        proxy_cache pages;
                        proxy_cache_key $http_host$request_uri;
                        proxy_cache_valid any 10m;
                        add_header X-Cache $upstream_cache_status always;
                    }}
                }}
            }}"
        );
        fs::write(home.path().join("nginx.conf"), text).unwrap();
        let mut process = Process::start(
            "nginx",
            Command::new("nginx").arg("-p").arg(home.path()).arg("-c").arg(home.path().join("nginx.conf")),
        );
        process.until("nginx listens", || TcpStream::connect(("127.0.0.1", port)).ok());
        Self { _home: home, _process: process, port }
    }

    /// Asks through the cache: status, body, and whether it came from the cache.
    fn ask(&self, web: &mut Web, path: &str) -> (u16, String, bool) {
        let page = web.get_once(&format!("http://wiki.localhost:{}{path}", self.port));
        let came = page.header("x-cache").expect("nginx says so").to_owned();
        (page.status, page.body.clone(), came == "HIT")
    }
}

#[test]
fn a_shared_cache_in_front_keeps_nothing_that_is_gated() {
    let authority = Authority::start();
    let app = app();
    let mut gate = Gate::prepare(&authority, &[("wiki", app.address())], "trusted_proxies = [\"127.0.0.1\"]");
    gate.restart();
    let mut people = ["alice", "bob"].map(|name| {
        let person = authority.enrol(name);
        authority.link(name, &format!("local:{name}"));
        authority.set_password(name, PASSWORD);
        let mut web = gate.visitor();
        let page = web.give_password(&format!("{}/page", gate.origin("wiki")), name, PASSWORD);
        let page = web.give_code(&page, &person.phone.fresh());
        assert!(page.status == 200 && page.body == format!("for {name}"), "{page:?}");
        (name, web)
    });
    let cache = Cache::in_front_of(gate.port());
    // Without the gate it shows everybody what it was given first.
    let beside = Cache::in_front_of(app.address().port());
    for (path, _) in &PAGES[..4] {
        beside.ask(&mut gate.visitor(), path);
        assert_eq!(beside.ask(&mut gate.visitor(), path), (200, "for nobody".to_owned(), true), "{path}");
    }
    for (path, _) in PAGES {
        for (name, web) in &mut people {
            for _ in 0..2 {
                assert_eq!(cache.ask(web, path), (200, format!("for {name}"), false), "{path}");
            }
        }
        // Whoever has no session is led to the portal, and that answer is nobody else's either.
        for _ in 0..2 {
            let (status, body, is_kept) = cache.ask(&mut gate.visitor(), path);
            assert!(status == 303 && !body.contains("for ") && !is_kept, "{path}: {status} {body}");
        }
        let (name, web) = &mut people[0];
        assert_eq!(cache.ask(web, path), (200, format!("for {name}"), false), "{path}");
    }
}

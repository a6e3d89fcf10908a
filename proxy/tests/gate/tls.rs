//! TLS at the gate: certificates, server names, HTTP/2.

use std::io::{BufRead, BufReader, Write};
use std::net::Ipv4Addr;
use std::process::Command;

use nix::sys::signal::Signal;
use rustls::pki_types::ServerName;
use tokio_rustls::TlsConnector;

use crate::browser::{Browser, Response, exchange, path, sign_in};
use crate::harness::{HOSTS, World};
use crate::secure::write;

/// Asks with curl over HTTP/2; what it prints: the body, then a line with the version and the status.
pub fn curl(world: &World, url: &str, arguments: &[&str]) -> String {
    let root = world.folder().join("root.pem");
    write(&root, &world.root.pem());
    let mut command = Command::new("curl");
    command.args([
        "--silent",
        "--show-error",
        "--http2",
        "--max-time",
        "20",
        "--write-out",
        "\n%{http_version} %{http_code}",
    ]);
    command.arg("--cacert").arg(root);
    for host in HOSTS {
        command.arg("--resolve").arg(format!("{host}:{}:127.0.0.1", world.port));
    }
    let output = command.args(arguments).arg(url).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn ask(world: &World, name: &str, host: &str) -> Response {
    let request =
        format!("GET /asset HTTP/1.1\r\nHost: {host}\r\nAccept: text/html\r\nConnection: close\r\n\r\n");
    exchange(world.root.trusts().connect(world.port, name).unwrap(), request.as_bytes())
}

fn inside(world: &World) -> Browser {
    let mut browser = world.secure_browser();
    let landed = sign_in(&mut browser, "111111");
    assert_eq!((landed.status, path(&landed.url).as_str()), (200, "/page?q=1"));
    browser
}

#[test]
fn a_person_signs_in_over_tls_and_each_host_shows_its_certificate() {
    let world = World::start_secure("", "");
    let browser = inside(&world);
    assert!(browser.cookie("wiki.localhost", "__Host-twofold").is_some());
    let seen = world.app.seen().pop().unwrap().to_lowercase();
    assert!(seen.contains("x-forwarded-proto: https"), "{seen}");
    for host in HOSTS {
        assert!(world.root.trusts().connect(world.port, host).is_ok(), "{host}");
    }
    // A name that is not ours gets a certificate that is not its own.
    assert!(world.root.trusts().connect(world.port, "evil.localhost").is_err());
}

#[test]
fn a_host_other_than_the_connections_is_misdirected() {
    let world = World::start_secure("", "");
    let port = world.port;
    for (name, host, status) in [
        ("wiki.localhost", "wiki.localhost", 303),
        ("wiki.localhost", &format!("WIKI.localhost.:{port}"), 303),
        ("wiki.localhost", "shop.localhost", 421),
        ("wiki.localhost", &format!("id.localhost:{port}"), 421),
        ("id.localhost", "wiki.localhost", 421),
        ("wiki.localhost", "evil.example", 421),
    ] {
        assert_eq!(ask(&world, name, host).status, status, "{name} {host}");
    }
    // The same session, the same certificate, another host: over HTTP/2 a browser would reuse the connection.
    let browser = inside(&world);
    let cookie = format!("Cookie: {}", browser.cookies("wiki.localhost"));
    let url = format!("https://wiki.localhost:{port}/asset");
    assert!(curl(&world, &url, &["--header", &cookie]).ends_with("\n2 200"));
    let seen = world.app.seen().len();
    let other = curl(&world, &url, &["--header", &cookie, "--header", "Host: shop.localhost"]);
    assert!(other.ends_with("\n2 421") && other.contains("misdirected"), "{other}");
    assert_eq!(world.app.seen().len(), seen);
}

/// The status of an HTTP/2 request for `authority` with a `Host` besides; nothing when the gate resets it.
async fn ask_http2(world: &World, authority: &str, host: &str) -> Option<u16> {
    let config = world.root.trusts().with_http2().config();
    let stream = tokio::net::TcpStream::connect((Ipv4Addr::LOCALHOST, world.port)).await.unwrap();
    let name = ServerName::try_from("wiki.localhost").unwrap();
    let stream = TlsConnector::from(config).connect(name, stream).await.unwrap();
    let (client, connection) = h2::client::handshake(stream).await.unwrap();
    tokio::spawn(connection);
    let mut client = client.ready().await.unwrap();
    let request =
        http::Request::get(format!("https://{authority}/asset")).header("host", host).body(()).unwrap();
    let (answer, _) = client.send_request(request, true).unwrap();
    Some(answer.await.ok()?.status().as_u16())
}

#[tokio::test]
async fn the_authority_and_a_host_line_beside_it_agree_or_nobody_is_asked() {
    let world = World::start_secure("", "");
    let with_port = |host: &str| format!("{host}:{}", world.port);
    let (wiki, shop) = (with_port("wiki.localhost"), with_port("shop.localhost"));
    assert_eq!(ask_http2(&world, &wiki, &wiki).await, Some(401));
    assert_eq!(ask_http2(&world, &shop, &shop).await, Some(421));
    for (authority, host) in
        [(&wiki, &shop), (&shop, &wiki), (&wiki, &"wiki.localhost,shop.localhost".to_owned())]
    {
        let status = ask_http2(&world, authority, host).await;
        assert!(matches!(status, None | Some(400)), "{authority} {host}: {status:?}");
    }
    assert!(world.app.seen().is_empty());
}

#[test]
fn two_cookie_lines_reach_the_app_as_one() {
    let world = World::start_secure("", "");
    let browser = inside(&world);
    let session = format!("Cookie: {}", browser.cookies("wiki.localhost"));
    let url = format!("https://wiki.localhost:{}/", world.port);
    let answer = curl(
        &world,
        &url,
        &["--header", "Cookie: a=1", "--header", &session, "--header", "Cookie: b=2; c=3"],
    );
    assert!(answer.ends_with("\n2 200"), "{answer}");
    let seen = world.app.seen().pop().unwrap().to_lowercase();
    let cookies: Vec<&str> = seen.lines().filter(|line| line.starts_with("cookie:")).collect();
    assert_eq!(cookies, ["cookie: a=1; b=2; c=3"], "{seen}");
    // Two of ours are still two, however many lines they stand on.
    let doubled = curl(&world, &url, &["--header", &session, "--header", "Cookie: __Host-twofold=x"]);
    assert!(doubled.ends_with("\n2 400"), "{doubled}");
}

#[test]
fn new_certificates_are_shown_without_dropping_connections() {
    let world = World::start_secure("", "");
    let mut open = BufReader::new(world.root.trusts().connect(world.port, "wiki.localhost").unwrap());
    let mut ask_again = || {
        let request = b"HEAD /asset HTTP/1.1\r\nHost: wiki.localhost\r\n\r\n";
        open.get_mut().write_all(request).unwrap();
        let mut status = String::new();
        open.read_line(&mut status).unwrap();
        let mut line = status.clone();
        while line != "\r\n" {
            line.clear();
            open.read_line(&mut line).unwrap();
        }
        status
    };
    assert!(ask_again().starts_with("HTTP/1.1 401"));
    // For other hosts: the old ones stay, and the log says why.
    world.root.write(world.folder(), "sites", &["other.localhost"]);
    world.until("the bad certificate is found", || {
        world.log().contains("no certificate covers wiki.localhost")
    });
    assert!(world.root.trusts().connect(world.port, "wiki.localhost").is_ok());
    // For our hosts, by another root.
    let next = crate::secure::Root::new();
    next.write(world.folder(), "sites", &HOSTS[1..]);
    world.until("the new certificate is shown", || {
        next.trusts().connect(world.port, "wiki.localhost").is_ok()
    });
    assert!(world.root.trusts().connect(world.port, "id.localhost").is_ok());
    assert!(ask_again().starts_with("HTTP/1.1 401"));
}

#[test]
fn a_hangup_reads_the_certificates_again_and_stops_nothing() {
    let world = World::start_secure("", "");
    world.signal(Signal::SIGHUP);
    world.until("they are read again", || world.log().contains("read again"));
    assert_eq!(ask(&world, "wiki.localhost", "wiki.localhost").status, 303);
    let plain = World::start();
    plain.signal(Signal::SIGHUP);
    assert_eq!(crate::browser::raw(plain.port, b"GET / HTTP/1.1\r\nHost: id.localhost\r\n\r\n").status, 303);
}

#[test]
fn a_failed_handshake_is_not_told_to_everybody() {
    let world = World::start_secure("", "");
    let refused = world.root.trusts().connect(world.port, "evil.localhost");
    assert!(refused.is_err());
    let plain = crate::browser::connect(world.port);
    (&plain).write_all(b"GET / HTTP/1.1\r\nHost: wiki.localhost\r\n\r\n").unwrap();
    let mut http2 = world.root.trusts().with_http2().connect(world.port, "wiki.localhost").unwrap();
    http2.write_all(b"GET / HTTP/1.1\r\nHost: wiki.localhost\r\n\r\n").unwrap();
    world.until("both handshakes fail", || {
        world.log().contains("Downstream handshake") && world.log().contains("H2 handshake")
    });
    assert!(
        world.log().lines().filter(|line| line.contains("handshake")).all(|line| line.starts_with("debug:"))
    );
}

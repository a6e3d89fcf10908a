//! The gate as its unit runs it on a host: confined, with TLS, a directory and a websocket, and over an upgrade of the package.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use rcgen::{CertificateParams, KeyPair};
use twofold_tests::gate::free_port;
use twofold_tests::slapd::PASSWORD;
use twofold_tests::{Host, Run, Slapd, Upstream, Web, eventually, place, run};

const UNIT: &str = "twofold-gate.service";

/// What the filter of system calls forbids ends the gate here, so that a test sees it. On a host it fails.
const KILL: &str = "mkdir -p /etc/systemd/system/twofold-gate.service.d
printf '[Service]\\nSystemCallErrorNumber=kill\\n' >/etc/systemd/system/twofold-gate.service.d/kill.conf
systemctl daemon-reload
sed -i 's/^#: \\[gate\\]/[gate]\\nuser = \"twofold-gate\"\\nrealms = [\"corp\"]/' /etc/twofold/authority.toml
systemctl restart twofoldd
twofold account add alice
twofold account link alice corp:alice
";

fn shell(host: &Host, line: &str) -> Run {
    host.exec(&["sh", "-ec", line])
}

fn install(host: &Host, version: &str) {
    host.put(&place::package(version), "/var/tmp/twofold.deb");
    let run = host.exec(&["dpkg", "--install", "/var/tmp/twofold.deb"]);
    assert!(run.succeeded(), "{run:?}\n{}", host.journal(UNIT));
}

/// A file of the gate's, which its group alone may read.
fn give(host: &Host, folder: &Path, name: &str, text: &str) {
    fs::write(folder.join(name), text).unwrap();
    host.put(&folder.join(name), &format!("/etc/twofold/{name}"));
    let line = format!("chown root:twofold-gate /etc/twofold/{name}; chmod 640 /etc/twofold/{name}");
    shell(host, &line).expect_success();
}

/// Does this to the unit, and shows its log where that fails.
fn unit(host: &Host, verb: &str) {
    let done = host.exec(&["systemctl", verb, UNIT]);
    assert!(done.succeeded(), "{verb}: {done:?}\n{}", host.journal(UNIT));
}

/// What the unit's process is, and how often systemd had to start it anew.
fn process(host: &Host) -> (String, String) {
    let show = |property: &str| {
        let value = format!("--property={property}");
        host.exec(&["systemctl", "show", UNIT, &value, "--value"]).expect_success().trim().to_owned()
    };
    assert_eq!(show("ActiveState"), "active", "{}", host.journal(UNIT));
    (show("MainPID"), show("NRestarts"))
}

/// A new certificate for the portal and the wiki of example.com.
fn new_certificate(host: &Host, folder: &Path) {
    let names = ["id.example.com", "wiki.example.com"].map(str::to_owned).to_vec();
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(names).unwrap().self_signed(&key).unwrap();
    give(host, folder, "key.pem", &key.serialize_pem());
    give(host, folder, "chain.pem", &certificate.pem());
}

/// The status of an address of example.com, asked by curl through these ports, with nothing but our certificate believed.
fn curl(folder: &Path, url: &str, ports: (u16, u16)) -> Run {
    let mut curl = Command::new("curl");
    curl.args(["--silent", "--show-error", "--noproxy", "*", "--output", "/dev/null"])
        .args(["--write-out", "%{http_code} %{redirect_url}", "--cacert"])
        .arg(folder.join("chain.pem"));
    for (port, ours) in [(443, ports.0), (80, ports.1)] {
        curl.args(["--connect-to", &format!(":{port}:127.0.0.1:{ours}")]);
    }
    run(curl.arg(url))
}

/// A websocket of a visitor's, open until somebody cuts it.
fn websocket(web: &Web, port: u16) -> TcpStream {
    let cookies = web.cookies("wiki.localhost");
    let cookies: Vec<String> = cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let head = format!(
        "GET /live HTTP/1.1\r\nHost: wiki.localhost:{port}\r\nOrigin: http://wiki.localhost:{port}\r\nCookie: {}\r\n\
         Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\
         Sec-WebSocket-Version: 13\r\n\r\n",
        cookies.join("; ")
    );
    stream.write_all(head.as_bytes()).unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        answer.extend(byte);
    }
    assert!(answer.starts_with(b"HTTP/1.1 101"), "{}", String::from_utf8_lossy(&answer));
    stream
}

fn app() -> Upstream {
    Upstream::answering(|request| {
        if request.header("upgrade").is_empty() {
            b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 7\r\n\r\nOur app".to_vec()
        } else {
            b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n".to_vec()
        }
    })
}

fn site(origin: &str, upstream: SocketAddr, more: &str) -> String {
    format!(
        "\n[[site]]\norigin = {origin:?}\nupstream = \"{upstream}\"\nfirst_factor = \"password\"\n{more}\n"
    )
}

#[test]
fn the_gates_unit_speaks_tls_at_the_ports_below_1024_and_takes_a_new_certificate() {
    let (host, folder) = (Host::boot(), tempfile::tempdir().unwrap());
    install(&host, "0.1.0");
    shell(&host, KILL).expect_success();
    new_certificate(&host, folder.path());
    let text = "listen_tls = [\"0.0.0.0:443\"]\nredirect_http = [\"0.0.0.0:80\"]\nportal = \"https://id.example.com\"\n\
                [[certificate]]\nchain = \"/etc/twofold/chain.pem\"\nkey = \"/etc/twofold/key.pem\"\n";
    let wiki = site("https://wiki.example.com", app().address(), "");
    give(&host, folder.path(), "gate.toml", &format!("{text}{wiki}"));
    unit(&host, "start");
    let ports = (free_port(), free_port());
    let _tunnel = host.tunnel(&[(ports.0, 443), (ports.1, 80)], &[]);
    let ask = |url: &str| curl(folder.path(), url, ports);
    let portal = ask("https://id.example.com/account").expect_success();
    assert!(portal.starts_with("303 ") || portal.starts_with("200 "), "{portal}");
    let led = ask("http://wiki.example.com/x").expect_success();
    assert_eq!(led, "308 https://wiki.example.com/x");
    let (before, _) = process(&host);

    // The old one is believed no longer, and the new one is shown.
    new_certificate(&host, folder.path());
    unit(&host, "reload");
    eventually("the new certificate is shown", Duration::from_secs(10), || {
        ask("https://id.example.com/account").succeeded().then_some(())
    });
    assert_eq!(process(&host), (before, "0".to_owned()), "{}", host.journal(UNIT));
}

#[test]
fn a_session_by_a_directory_outlives_an_upgrade_of_the_gates_unit_and_its_websocket_ends_with_it() {
    let (host, folder) = (Host::boot(), tempfile::tempdir().unwrap());
    let (slapd, app, port) = (Slapd::start(), app(), free_port());
    install(&host, "0.1.0");
    shell(&host, KILL).expect_success();
    let alice = host.enrol("alice");
    // Found by name, and searched with a password of the gate's own.
    let directory = slapd.searched("corp");
    let root = slapd.root();
    let home = root.parent().unwrap();
    for file in ["root.pem", "gate-password"] {
        give(&host, folder.path(), file, &fs::read_to_string(home.join(file)).unwrap());
    }
    let wiki = format!("http://wiki.localhost:{port}");
    let text = format!("listen = [\"127.0.0.1:{port}\"]\nportal = \"http://id.localhost:{port}\"\n")
        + &directory.replace(&home.display().to_string(), "/etc/twofold")
        + &site(&wiki, app.address(), "directory = \"corp\"");
    give(&host, folder.path(), "gate.toml", &text);
    let _tunnel = host.tunnel(&[(port, port)], &[slapd.secure_port(), app.address().port()]);
    unit(&host, "start");

    let mut web = Web::new();
    let page = web.give_password(&wiki, "alice", PASSWORD);
    let page = web.give_code(&page, &alice.backup_codes[0]);
    assert_eq!((page.status, page.body.as_str()), (200, "Our app"), "{page:?}\n{}", host.journal(UNIT));
    let (before, _) = process(&host);
    install(&host, "0.1.1");
    let (after, starts) = process(&host);
    assert!(before != after && starts == "0", "{before} {after} {starts}");
    let page = web.get(&wiki);
    assert_eq!((page.status, page.body.as_str()), (200, "Our app"), "no code is asked for again");

    let mut stream = websocket(&web, port);
    host.exec(&["twofold", "session", "revoke", "--all", "--yes", "--account", "alice"]).expect_success();
    assert_eq!(stream.read(&mut [0]).unwrap_or_default(), 0);
    assert_ne!(web.get(&wiki).body, "Our app");
    assert_eq!(process(&host), (after, "0".to_owned()), "{}", host.journal(UNIT));
}

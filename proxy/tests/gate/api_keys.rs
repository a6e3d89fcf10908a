//! Programs: a key in each of its three places, kept from the app, held to its grant, dead when it is revoked.

use std::time::{Duration, Instant};

use data_encoding::{BASE64, HEXLOWER};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::browser::{Browser, Response, raw};
use crate::harness::{Ruler, World};
use crate::streams::{Open, SOON, WEBSOCKET};

const ID: &str = "0123456789abcdef";
const SECRET: &str = "abcdefghijklmnopqrstuvwxyz0123456789-_ABCDE";

const SETTINGS: &str = r#"
blind = "2s"
groups = ["staff"]
trusted_proxies = ["127.0.0.1"]
[[rule]]
paths = ["/public"]
policy = "bypass"
[[rule]]
paths = ["/admin"]
policy = "second"
max_age = "1m"
[[rule]]
paths = ["/secret"]
policy = "deny"
"#;

fn key() -> String {
    format!("tf_{ID}_{SECRET}")
}

fn basic(user: &str, password: &str) -> String {
    format!("Authorization: Basic {}\r\n", BASE64.encode(format!("{user}:{password}").as_bytes()))
}

fn bearer() -> String {
    format!("Authorization: Bearer {}\r\n", key())
}

/// A world where alice has a key with this grant, at the wiki.
fn world(grant: Value) -> World {
    let world = World::start_with(SETTINGS);
    let mut whole = json!({ "sites": ["wiki.localhost", "gone.localhost"] });
    whole.as_object_mut().unwrap().extend(grant.as_object().unwrap().clone());
    world.authority.make_key(ID, &HEXLOWER.encode(&Sha256::digest(key())), whole);
    world
}

fn send_to(world: &World, host: &str, first: &str, lines: &str) -> Response {
    let text = format!(
        "{first} HTTP/1.1\r\nHost: {host}.localhost:{}\r\nConnection: close\r\n{lines}\r\n",
        world.port
    );
    raw(world.port, text.as_bytes())
}

fn send(world: &World, first: &str, lines: &str) -> Response {
    send_to(world, "wiki", first, lines)
}

/// Status, error and help of a refusal for programs.
fn refused(answer: &Response) -> (u16, String, String) {
    assert_eq!(answer.header("content-type"), Some("application/json"), "{}", answer.body);
    let value: Value = serde_json::from_str(&answer.body).unwrap();
    assert!(value["request"].is_string());
    (answer.status, value["error"].as_str().unwrap().to_owned(), value["help"].as_str().unwrap().to_owned())
}

#[test]
fn a_key_opens_in_three_places_and_never_reaches_the_app() {
    let world = world(json!({}));
    for lines in [
        bearer(),
        format!("Twofold-Key: {}\r\n", key()),
        basic("whoever", &key()),
        format!("{}Accept: text/html\r\nSec-Fetch-Mode: navigate\r\n", bearer()),
        format!("{}TWOFOLD_KEY: {}\r\nRemote-User: root\r\n", bearer(), key()),
    ] {
        let answer = send(&world, "GET /page?q=1", &lines);
        assert_eq!(answer.status, 200, "{lines}: {}", answer.body);
        let seen = world.app.seen().pop().unwrap().to_lowercase();
        assert!(
            seen.contains("\nremote-user: alice\r") && seen.contains("\nremote-groups: staff,wiki\r"),
            "{seen}"
        );
        for gone in
            ["tf_", "authorization", "twofold", &BASE64.encode(key().as_bytes()).to_lowercase(), "root"]
        {
            assert!(!seen.contains(gone), "{gone} in {seen}");
        }
    }
    let put = "Content-Length: 5\r\n";
    let text = format!(
        "PUT /dav/a HTTP/1.1\r\nHost: wiki.localhost\r\n{}{put}Connection: close\r\n\r\nhello",
        bearer()
    );
    assert!(raw(world.port, text.as_bytes()).body.ends_with("\r\n\r\nhello"));
    assert_eq!(world.authority.calls("CheckApiKey"), 1, "a known key costs no question");
    let log = world.log();
    assert!(!log.contains(SECRET) && !log.contains(&BASE64.encode(key().as_bytes())), "{log}");
}

#[test]
fn a_keys_app_still_gets_its_own_authorization_where_the_site_says_so() {
    let world = World::start_with_site(SETTINGS, "forward_authorization = true");
    let whole = json!({ "sites": ["wiki.localhost"] });
    world.authority.make_key(ID, &HEXLOWER.encode(&Sha256::digest(key())), whole);
    let own = format!("Twofold-Key: {}\r\n{}", key(), basic("app", "its own"));
    assert_eq!(send(&world, "GET /", &own).status, 200);
    let seen = world.app.seen().pop().unwrap();
    assert!(seen.to_lowercase().contains("\nauthorization: basic ") && !seen.contains("tf_"), "{seen}");
    for lines in [bearer(), basic("a", &key())] {
        assert_eq!(send(&world, "GET /", &lines).status, 200);
        let seen = world.app.seen().pop().unwrap().to_lowercase();
        assert!(!seen.contains("authorization"), "{seen}");
    }
    // Nor where everybody passes, nor cut in half.
    for lines in [bearer(), bearer().replace("_abc", "_"), basic("a", "tf_half")] {
        assert_eq!(send(&world, "GET /public/a", &lines).status, 200);
        let seen = world.app.seen().pop().unwrap().to_lowercase();
        assert!(!seen.contains("authorization"), "{seen}");
    }
}

#[test]
fn outside_of_its_grant_a_key_opens_nothing() {
    let world =
        world(json!({ "paths": ["/api"], "methods": ["GET", "PROPFIND"], "networks": ["10.0.0.0/8"] }));
    let from = |address: &str| format!("{}X-Forwarded-For: {address}\r\n", bearer());
    assert_eq!(send(&world, "GET /api/x", &from("10.1.2.3")).status, 200);
    assert_eq!(send(&world, "PROPFIND /api/", &from("10.1.2.3")).status, 200);
    let seen = world.app.seen().len();
    for (first, address) in [
        ("GET /apix", "10.1.2.3"),
        ("GET /", "10.1.2.3"),
        ("PUT /api/x", "10.1.2.3"),
        ("GET /api/x", "192.0.2.7"),
    ] {
        let (status, error, help) = refused(&send(&world, first, &from(address)));
        assert_eq!((status, error.as_str()), (401, "outside_the_grant"), "{first} from {address}");
        assert!(help.contains("twofold api-key list"), "{help}");
    }
    // A second path or method of a request is held to the grant, too.
    let dav = self::world(json!({ "paths": ["/dav"], "methods": ["MOVE", "POST"] }));
    let moved = |to: &str| send(&dav, "MOVE /dav/a", &format!("{}Destination: {to}\r\n", bearer()));
    let inside = format!("http://wiki.localhost:{}/dav/%62", dav.port);
    assert_eq!(moved(&inside).status, 200);
    assert!(
        dav.app
            .seen()
            .pop()
            .unwrap()
            .to_lowercase()
            .contains(&format!("destination: {}", inside.replace("%62", "b")))
    );
    let reached = dav.app.seen().len();
    assert_eq!(refused(&moved("/else/b")).1, "outside_the_grant");
    for odd in ["http://elsewhere.localhost/dav/b", "/dav/../b", "/.twofold/b"] {
        assert_eq!(moved(odd).status, 400, "{odd}");
    }
    let posed = format!("{}Content-Length: 0\r\nX_HTTP_Method_Override: DELETE\r\n", bearer());
    assert_eq!(refused(&send(&dav, "POST /dav/a", &posed)).1, "outside_the_grant");
    assert_eq!(dav.app.seen().len(), reached);
    let (status, error, _) = refused(&send_to(&world, "shop", "GET /api/x", &from("10.1.2.3")));
    assert_eq!((status, error.as_str()), (401, "outside_the_grant"), "known here, and not for that site");
    let anybodys = send(&world, "GET /public/a", &from("10.1.2.3"));
    assert!(
        anybodys.status == 200 && !anybodys.body.to_lowercase().contains("remote-user"),
        "{}",
        anybodys.body
    );
    assert_eq!(world.app.seen().len(), seen + 1);
}

#[test]
fn a_revoked_key_is_dead_within_a_second() {
    let world = world(json!({}));
    assert_eq!(send(&world, "GET /", &bearer()).status, 200);
    let ruler = Ruler::begin(&world);
    world.authority.revoke_key(ID);
    let began = Instant::now();
    while send(&world, "GET /", &bearer()).status == 200 {
        assert!(began.elapsed() < Duration::from_secs(20), "it still opens");
    }
    let (took, soon) = (began.elapsed(), SOON + ruler.longest());
    assert!(took < soon, "it opened for {took:?}, more than {soon:?}");
    let (status, error, help) = refused(&send(&world, "GET /", &bearer()));
    assert_eq!((status, error.as_str()), (401, "api_key_refused"));
    assert!(help.contains("revoked"), "{help}");
}

#[test]
fn a_websocket_ends_with_its_key() {
    let world = world(json!({}));
    let lines = format!("{WEBSOCKET}{}", bearer());
    let mut websocket = Open::begin(&world, &Browser::new(world.port), "/ws", &lines);
    assert_eq!(websocket.status, 101);
    let ruler = Ruler::begin(&world);
    world.authority.revoke_key(ID);
    let ended = websocket.ended();
    let soon = SOON + ruler.longest();
    assert!(ended < soon, "{ended:?} {soon:?}");
}

#[test]
fn a_name_and_password_open_nothing_and_are_told_of_keys() {
    let world = world(json!({}));
    for lines in
        [basic("alice", "correct horse"), String::new(), "Authorization: Bearer ghp_x\r\n".to_owned()]
    {
        let answer = send(&world, "GET /page", &lines);
        let (status, error, help) = refused(&answer);
        assert_eq!((status, error.as_str()), (401, "second_factor_required"), "{lines}");
        assert!(help.starts_with("use an API key: ") && help.contains("twofold api-key create"), "{help}");
        let challenge = answer.header("www-authenticate").unwrap();
        assert!(challenge.starts_with("Basic realm=\"http://wiki.localhost:"), "{challenge}");
    }
    // A browser would ask the person for a password, so it is not told.
    for lines in ["Sec-Fetch-Mode: cors\r\n", "X-Requested-With: XMLHttpRequest\r\n", "Cookie: a=b\r\n"] {
        let answer = send(&world, "GET /page", lines);
        assert_eq!((answer.status, answer.header("www-authenticate")), (401, None), "{lines}");
    }
    let person = send(&world, "GET /page", "Accept: text/html\r\n");
    assert_eq!((person.status, person.header("www-authenticate")), (303, None));
    assert!(world.app.seen().is_empty());
}

#[test]
fn a_key_that_is_none_is_refused_and_never_led_to_the_portal() {
    let world = world(json!({}));
    let other = key().replace("ABCDE", "ABCDF");
    for lines in [
        format!("Authorization: Bearer {other}\r\n"),
        format!("Authorization: Bearer {}\r\n", key().replace(ID, "fedcba9876543210")),
        "Authorization: Bearer tf_half\r\n".to_owned(),
        "Twofold-Key: anything\r\n".to_owned(),
        basic("alice", &other),
    ] {
        for navigation in ["", "Accept: text/html\r\nSec-Fetch-Mode: navigate\r\n"] {
            let (status, error, _) = refused(&send(&world, "GET /page", &format!("{lines}{navigation}")));
            assert_eq!((status, error.as_str()), (401, "api_key_refused"), "{lines}");
        }
    }
    assert!(world.app.seen().is_empty());
}

#[test]
fn a_key_stands_for_no_fresh_code_and_opens_nothing_that_is_closed() {
    let world = world(json!({}));
    let (status, error, help) = refused(&send(&world, "GET /admin/users", &bearer()));
    assert_eq!((status, error.as_str()), (401, "fresh_code_required"));
    assert!(help.contains("in a browser"), "{help}");
    let page = format!("{}Accept: text/html\r\nSec-Fetch-Mode: navigate\r\n", bearer());
    assert_eq!(refused(&send(&world, "GET /admin/users", &page)).0, 401, "it is no way to the portal either");
    assert_eq!(send(&world, "GET /secret", &bearer()).status, 403);
    assert!(world.app.seen().is_empty());
}

#[test]
fn two_keys_in_one_request_are_refused() {
    let world = world(json!({}));
    let own = format!("Twofold-Key: {}\r\n", key());
    for lines in [
        format!("{}{own}", bearer()),
        format!("{own}{own}"),
        format!("{}{}", bearer(), basic("a", &key())),
        format!("{own}{}", basic("a", "tf_half")),
    ] {
        assert_eq!(refused(&send(&world, "GET /page", &lines)).0, 400, "{lines}");
    }
    assert!(world.app.seen().is_empty());
}

#[test]
fn without_an_authority_a_key_is_not_decided() {
    let world = world(json!({}));
    assert_eq!(send(&world, "GET /page", &bearer()).status, 200);
    world.authority.set_watch(false);
    world.until("the gate is dark", || send(&world, "GET /page", &bearer()).status == 503);
    let answer = refused(&send(&world, "GET /page", &bearer()));
    assert_eq!((answer.0, answer.1.as_str()), (503, "authority_away"));
}

#[test]
fn the_authority_is_told_of_a_keys_last_use() {
    let world = world(json!({}));
    assert_eq!(
        send(&world, "GET /page", &format!("{}X-Forwarded-For: 198.51.100.7\r\n", bearer())).status,
        200
    );
    world.until_within(Duration::from_secs(30), "the use is told", || !world.authority.key_uses().is_empty());
    let told = world.authority.key_uses().remove(0);
    assert_eq!(
        (&told["id"], &told["site"], &told["address"]),
        (&json!(ID), &json!("wiki.localhost"), &json!("198.51.100.7"))
    );
}

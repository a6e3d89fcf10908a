//! The signed word about who asks, checked by OpenSSL.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use data_encoding::{BASE64, BASE64URL_NOPAD, HEXLOWER};
use serde_json::Value;

use crate::browser::{exchange, raw, sign_in};
use crate::harness::World;

/// What stands before the point in a P-256 public key (RFC 5480).
const BEFORE_THE_POINT: &[u8] = b"3059301306072a8648ce3d020106082a8648ce3d03010703420004";

fn decode(text: &Value) -> Vec<u8> {
    BASE64URL_NOPAD.decode(text.as_str().unwrap().as_bytes()).unwrap()
}

/// A number as ASN.1 has it.
fn integer(bytes: &[u8]) -> Vec<u8> {
    let start = bytes.iter().position(|&byte| byte != 0).unwrap();
    let bare = &bytes[start..];
    let sign: &[u8] = if bare[0] & 0x80 == 0 { &[] } else { &[0] };
    let length = u8::try_from(bare.len() + sign.len()).unwrap();
    [&[0x02, length], sign, bare].concat()
}

/// Whether OpenSSL finds the signature of `token` to be by `key`.
fn openssl_agrees(folder: &Path, key: &Value, token: &str) -> bool {
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let point = [HEXLOWER.decode(BEFORE_THE_POINT).unwrap(), decode(&key["x"]), decode(&key["y"])].concat();
    let pem = format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", BASE64.encode(&point));
    let raw = BASE64URL_NOPAD.decode(signature.as_bytes()).unwrap();
    assert_eq!(raw.len(), 64);
    let numbers = [integer(&raw[..32]), integer(&raw[32..])].concat();
    let der = [&[0x30, u8::try_from(numbers.len()).unwrap()][..], &numbers].concat();
    let [public, sealed, message] = ["public.pem", "signature", "message"].map(|name| folder.join(name));
    std::fs::write(&public, pem).unwrap();
    std::fs::write(&sealed, der).unwrap();
    std::fs::write(&message, signed).unwrap();
    let mut command = Command::new("openssl");
    command.args(["dgst", "-sha256", "-verify"]).arg(public).arg("-signature").arg(sealed).arg(message);
    let output = command.output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said == "Verified OK\n" || said == "Verification failure\n", "{said}");
    said == "Verified OK\n"
}

fn assertion(seen: &str) -> Option<String> {
    let lines: Vec<_> = seen.lines().filter_map(|line| line.strip_prefix("x-twofold-assertion: ")).collect();
    assert!(lines.len() <= 1, "{seen}");
    lines.first().map(|line| (*line).to_owned())
}

#[test]
fn an_app_can_check_who_asks_with_the_portals_key() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("assertion.pem");
    let world = World::start_secure(&format!("assertion_key = \"{}\"", file.display()), "assertion = true");
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let mut browser = world.secure_browser();
    sign_in(&mut browser, "111111");
    let port = world.port;
    let text = format!(
        "GET / HTTP/1.1\r\nHost: wiki.localhost\r\nCookie: {}\r\nX-Twofold-Assertion: forged\r\nConnection: close\r\n\r\n",
        browser.cookies("wiki.localhost")
    );
    let stream = world.root.trusts().connect(port, "wiki.localhost").unwrap();
    let token = assertion(&exchange(stream, text.as_bytes()).body).unwrap();
    let jwks = world.secure_browser().look(&format!("https://id.localhost:{port}/.twofold/jwks.json"));
    assert_eq!((jwks.status, jwks.header("content-type")), (200, Some("application/json")));
    let jwks: Value = serde_json::from_str(&jwks.body).unwrap();
    let key = &jwks["keys"][0];
    assert!(key.get("d").is_none(), "{jwks}");
    let parts: Vec<Value> = token
        .split('.')
        .take(2)
        .map(|part| serde_json::from_slice(&BASE64URL_NOPAD.decode(part.as_bytes()).unwrap()).unwrap())
        .collect();
    let (head, claims) = (&parts[0], &parts[1]);
    assert_eq!((&head["alg"], &head["kid"]), (&Value::from("ES256"), &key["kid"]));
    assert!(openssl_agrees(folder.path(), key, &token));
    let root = BASE64URL_NOPAD.encode(claims.to_string().replace("alice", "root").as_bytes());
    let forged = [token.split('.').next().unwrap(), &root, token.rsplit('.').next().unwrap()].join(".");
    assert!(!openssl_agrees(folder.path(), key, &forged));
    assert_eq!(claims["iss"], format!("https://id.localhost:{port}"));
    assert_eq!(claims["aud"], "wiki.localhost");
    assert_eq!(claims["sub"], "id-alice");
    assert_eq!(claims["name"], "alice");
    assert_eq!(claims["groups"], serde_json::json!(["staff", "wiki"]));
    assert_eq!(claims["level"], "second");
    #[expect(clippy::disallowed_methods, reason = "the gate's claims are about now")]
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let (issued, ends) = (claims["iat"].as_u64().unwrap(), claims["exp"].as_u64().unwrap());
    assert!(issued <= now && now < ends && ends - issued <= 60, "{claims}");
}

#[test]
fn who_did_not_ask_for_assertions_gets_none() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("assertion.pem");
    let world = World::start_secure(&format!("assertion_key = \"{}\"", file.display()), "assertion = true");
    let mut browser = world.secure_browser();
    sign_in(&mut browser, "111111");
    let shop = browser.open(&format!("https://shop.localhost:{}/", world.port));
    assert!(shop.status == 200 && assertion(&shop.body).is_none(), "{}", shop.body);
    // The key is the portal's to tell.
    let elsewhere = browser.look(&format!("https://wiki.localhost:{}/.twofold/jwks.json", world.port));
    assert_eq!(elsewhere.status, 404);
    let without = World::start();
    let jwks = b"GET /.twofold/jwks.json HTTP/1.1\r\nHost: id.localhost\r\n\r\n";
    assert_eq!(raw(without.port, jwks).status, 404);
}

//! Which rules a key satisfies, and that it is nobody's outside of its grant.

use twofold_shared::wire::{ApiKeyGrant, ApiKeyId, LiveApiKey};

use super::*;

const RULES: &str = r#"
[[rule]]
paths = ["/public"]
policy = "bypass"
[[rule]]
paths = ["/news"]
policy = "first"
[[rule]]
paths = ["/admin"]
policy = "second"
max_age = "5m"
[[rule]]
paths = ["/secret"]
policy = "deny"
[[rule]]
paths = ["/team"]
groups = ["staff"]
policy = "deny"
"#;

fn key(change: impl Fn(&mut ApiKeyGrant)) -> Arc<Known> {
    let mut grant = ApiKeyGrant { sites: vec!["wiki.localhost".to_owned()], ..ApiKeyGrant::default() };
    change(&mut grant);
    let live = LiveApiKey {
        account: "id".to_owned(),
        name: "alice".to_owned(),
        groups: vec!["staff".to_owned()],
        contacts: twofold_shared::wire::Contacts::default(),
        grant,
        ends_at: None,
    };
    Arc::new(Known::of_key(ApiKeyId::from_bytes([7; 8]), live, 1).unwrap())
}

/// What becomes of a request: `pass NAME`, `pass nobody`, `needs`, `denied`.
fn ruled(host: &str, (method, path, address): (&str, &str, &str), known: &Arc<Known>) -> String {
    let config = config(RULES).unwrap();
    let site = config.sites.iter().find(|site| site.origin.host().as_str() == host).unwrap();
    let site = Arc::new(Site::new(site));
    let asked = Asked {
        path: &site.judged(path.as_bytes()),
        method: &Method::from_bytes(method.as_bytes()).unwrap(),
        address: Some(address.parse().unwrap()),
        is_in: None,
    };
    match decide(&site, Some(Arc::clone(known)), &asked, 1000) {
        Ruling::Pass(pass) => format!("pass {}", pass.known().map_or("nobody", |known| known.name())),
        Ruling::Needs(_) => "needs".to_owned(),
        Ruling::Denied { .. } => "denied".to_owned(),
    }
}

fn wiki(method: &str, path: &str, known: &Arc<Known>) -> String {
    ruled("wiki.localhost", (method, path, "192.0.2.7"), known)
}

#[test]
fn a_key_satisfies_first_and_second_and_never_a_fresh_code_or_deny() {
    let known = key(|_| {});
    for (method, path, expected) in [
        ("GET", "/page", "pass alice"),
        ("PUT", "/dav/file", "pass alice"),
        ("GET", "/news", "pass alice"),
        ("GET", "/public/a", "pass alice"),
        ("GET", "/admin", "needs"),
        ("GET", "/secret", "denied"),
        ("GET", "/team", "denied"),
    ] {
        assert_eq!(wiki(method, path, &known), expected, "{method} {path}");
    }
}

#[test]
fn outside_of_its_grant_a_key_is_nobodys() {
    let paths = key(|grant| grant.paths = vec!["/api".to_owned(), "/**/feed".to_owned()]);
    for (path, expected) in [
        ("/api", "pass alice"),
        ("/api/x", "pass alice"),
        ("/a/feed", "pass alice"),
        ("/apix", "needs"),
        ("/public/a", "pass nobody"),
        ("/news", "needs"),
    ] {
        assert_eq!(wiki("GET", path, &paths), expected, "{path}");
    }
    let methods = key(|grant| grant.methods = vec!["GET".to_owned(), "PROPFIND".to_owned()]);
    for (method, expected) in
        [("GET", "pass alice"), ("HEAD", "pass alice"), ("PROPFIND", "pass alice"), ("PUT", "needs")]
    {
        assert_eq!(wiki(method, "/page", &methods), expected, "{method}");
    }
    let networks = key(|grant| grant.networks = vec!["10.0.0.0/8".to_owned(), "2001:db8::7/128".to_owned()]);
    for (address, expected) in [
        ("10.1.2.3", "pass alice"),
        ("2001:db8::7", "pass alice"),
        ("2001:db8::8", "needs"),
        ("192.0.2.7", "needs"),
    ] {
        assert_eq!(ruled("wiki.localhost", ("GET", "/page", address), &networks), expected, "{address}");
    }
    let none = key(|grant| grant.sites.clear());
    assert_eq!(wiki("GET", "/page", &none), "needs");
    assert_eq!(ruled("shop.localhost", ("GET", "/page", "192.0.2.7"), &key(|_| {})), "needs");
}

#[test]
fn a_grant_is_compared_as_the_app_reads_paths() {
    let known = key(|grant| {
        grant.sites.push("shop.localhost".to_owned());
        grant.paths = vec!["/Api".to_owned()];
    });
    assert_eq!(ruled("shop.localhost", ("GET", "/aPI/x", "192.0.2.7"), &known), "pass alice");
    assert_eq!(wiki("GET", "/Api/x", &known), "pass alice");
    assert_eq!(wiki("GET", "/api/x", &known), "needs");
}

#[test]
fn a_grant_that_cannot_be_read_is_none() {
    let live = |paths: &str, networks: &str| LiveApiKey {
        account: "id".to_owned(),
        name: "alice".to_owned(),
        groups: Vec::new(),
        contacts: twofold_shared::wire::Contacts::default(),
        grant: ApiKeyGrant {
            sites: vec!["wiki.localhost".to_owned()],
            paths: vec![paths.to_owned()],
            methods: Vec::new(),
            networks: vec![networks.to_owned()],
        },
        ends_at: None,
    };
    let id = ApiKeyId::from_bytes([7; 8]);
    assert!(Known::of_key(id, live("/a", "10.0.0.0/8"), 1).is_ok());
    assert!(Known::of_key(id, live("/a/../b", "10.0.0.0/8"), 1).is_err());
    assert!(Known::of_key(id, live("/a", "office"), 1).is_err());
}

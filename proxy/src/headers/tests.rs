//! What reaches an app, and what an app's answer becomes.

use proptest::prelude::*;
use twofold_shared::wire::{Level, SessionView};

use super::*;
use crate::config::SiteConfig;
use crate::origin::Origin;

fn site(forward_authorization: bool) -> Site {
    Site::new(&SiteConfig {
        origin: Origin::parse("https://wiki.example.com").unwrap(),
        upstream: "127.0.0.1:1".parse().unwrap(),
        max_body: None,
        trusted_browsers: None,
        create: false,
        assertion: false,
        title: "Wiki".to_owned(),
        path_parameters: false,
        ignore_case: false,
        rules: crate::rules::Rules::default(),
        enrolments: crate::enrolment::Enrolments::default(),
        first_factor: crate::first_factor::FirstFactor::Password,
        forward_authorization,
    })
}

fn known() -> Known {
    let view = SessionView {
        account: "id".to_owned(),
        name: "local:alice".to_owned(),
        realm: "local".to_owned(),
        groups: vec!["staff".to_owned(), "wiki".to_owned()],
        contacts: twofold_shared::wire::Contacts {
            display_name: Some("Ålice Liddell".to_owned()),
            email: Some("alice@example.com".to_owned()),
            phone: Some("+49301234567".to_owned()),
        },
        enrolled: true,
        level: Level::Second,
        second_at: None,
        trusted_at: None,
        ends_at: 100,
        idle_seconds: 10,
        operates: false,
    };
    Known::new(view, Some("wiki.example.com"), 1).unwrap()
}

fn prepared(lines: &[(&str, &str)], site: &Site) -> RequestHeader {
    let mut request = RequestHeader::build("GET", b"/", None).unwrap();
    for (name, value) in lines {
        request.append_header((*name).to_owned(), *value).unwrap();
    }
    prepare_request(&mut request, site, Some(&known()), Some([192, 0, 2, 7].into()), &|_, _| true).unwrap();
    request
}

fn all<'a>(request: &'a RequestHeader, name: &str) -> Vec<&'a str> {
    request.headers.get_all(name).iter().map(|value| value.to_str().unwrap()).collect()
}

#[test]
fn a_client_cannot_speak_for_the_gate() {
    let site = site(false);
    for name in [
        "Remote-User",
        "remote-user",
        "REMOTE_USER",
        "Remote_User",
        "Remote.User",
        "Remote-Groups",
        "Remote_Name",
        "Remote-Email",
        "X-Forwarded-For",
        "X_Forwarded_For",
        "X-Forwarded-User",
        "X-Remote-User",
        "X-Real-IP",
        "X-Twofold-Assertion",
        "Twofold-Key",
        "TWOFOLD_KEY",
        "X-Original-URL",
        "X_Rewrite_Url",
        "Forwarded",
        "Proxy",
    ] {
        let request = prepared(&[(name, "root"), (name, "root"), ("X-Other", "kept")], &site);
        assert!(request.headers.values().all(|value| value != "root"), "{name}");
        assert_eq!(all(&request, "x-other"), ["kept"]);
        assert_eq!(all(&request, "remote-user"), ["alice"]);
    }
}

#[test]
fn the_app_is_told_what_the_gate_knows() {
    let request =
        prepared(&[("Host", "WIKI.example.com.:443"), ("Cookie", "a=1; __Host-twofold=x")], &site(false));
    for (name, value) in [
        ("host", "wiki.example.com"),
        ("remote-user", "alice"),
        ("remote-groups", "staff,wiki"),
        ("remote-email", "alice@example.com"),
        ("x-forwarded-for", "192.0.2.7"),
        ("x-forwarded-host", "wiki.example.com"),
        ("x-forwarded-proto", "https"),
        ("cookie", "a=1"),
    ] {
        assert_eq!(all(&request, name), [value], "{name}");
    }
    let name = request.headers.get("remote-name").unwrap();
    assert_eq!(name.as_bytes(), "Ålice Liddell".as_bytes());
    let alone = prepared(&[("Cookie", "__Host-twofold=x")], &site(false));
    assert!(all(&alone, "cookie").is_empty());
}

#[test]
fn authorization_passes_only_where_the_site_says_so() {
    let lines = [("Authorization", "Bearer app")];
    assert!(all(&prepared(&lines, &site(false)), "authorization").is_empty());
    assert_eq!(all(&prepared(&lines, &site(true)), "authorization"), ["Bearer app"]);
}

#[test]
fn a_key_never_reaches_the_app_whatever_the_site_says() {
    for line in ["Bearer tf_0123456789abcdef_x", "bearer tf_", "Basic YTp0Zl94"] {
        assert!(
            all(&prepared(&[("Authorization", line)], &site(true)), "authorization").is_empty(),
            "{line}"
        );
    }
}

fn answered(lines: &[(&str, &str)]) -> ResponseHeader {
    let mut response = ResponseHeader::build(200, None).unwrap();
    for (name, value) in lines {
        response.append_header((*name).to_owned(), *value).unwrap();
    }
    let kind = Kind::of(&response);
    prepare_response(&mut response, kind).unwrap();
    response
}

#[test]
fn an_answer_is_kept_by_its_reader_at_most() {
    for (lines, expected) in [
        (&[][..], "private, no-cache"),
        (&[("Cache-Control", "public, max-age=60")], "private, max-age=60"),
        (
            &[("Cache-Control", "max-age=60, S-MaxAge=9"), ("Cache-Control", "immutable")],
            "private, max-age=60, immutable",
        ),
        (&[("Cache-Control", "no-store, max-age=0")], "no-store, max-age=0"),
        (&[("Cache-Control", "private=\"x\", max-age=1")], "private, max-age=1"),
        (
            &[("Content-Type", "text/html; charset=utf-8"), ("Cache-Control", "private, max-age=60")],
            "no-store",
        ),
        (&[("Content-Type", "Text/HTML"), ("Expires", "Thu, 01 Jan 2099 00:00:00 GMT")], "no-store"),
    ] {
        let response = answered(lines);
        let lines: Vec<_> = response.headers.get_all("cache-control").iter().collect();
        assert_eq!(lines, [expected]);
    }
    assert!(answered(&[("Content-Type", "text/html"), ("Expires", "0")]).headers.get("expires").is_none());
    assert!(answered(&[("CDN-Cache-Control", "max-age=9")]).headers.get("cdn-cache-control").is_none());
}

#[test]
fn an_app_sets_its_own_cookies_only() {
    let response = answered(&[
        ("Set-Cookie", "a=1"),
        ("Set-Cookie", "__Host-twofold=x"),
        ("Set-Cookie", "b=2"),
        ("Set-Cookie", "__HOST-Twofold-ID=x"),
    ]);
    let lines: Vec<_> = response.headers.get_all("set-cookie").iter().collect();
    assert_eq!(lines, ["a=1", "b=2"]);
}

proptest! {
    #[test]
    fn no_spelling_of_remote_user_gets_through(
        name in "[rR][eE][mM][oO][tT][eE][-_.][uU][sS][eE][rR]|[xX][-_][fF][oO][rR][wW][aA][rR][dD][eE][dD][-_][a-z]{0,5}"
    ) {
        prop_assert!(is_spoken_for(&name));
        let request = prepared(&[(&name, "root")], &site(false));
        prop_assert!(request.headers.values().all(|value| value != "root"));
    }

    #[test]
    fn an_address_is_written_as_everybody_writes_it(address: std::net::IpAddr) {
        prop_assert_eq!(written(address).unwrap(), HeaderValue::from_str(&address.to_string()).unwrap());
    }

    #[test]
    fn reading_names_never_panics(name in "\\PC{0,30}") {
        let _ = is_spoken_for(&name);
    }
}

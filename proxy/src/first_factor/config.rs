//! `first_factor` of a site, and the table that goes with it.

use http::HeaderName;
use twofold_shared::config::{At, Table};

use super::{AppIdentity, Basic, FirstFactor, NameAndCode, UserHeader};
use crate::app_login::AppCookies;
use crate::app_login::config::{address, cookies, form, identity, joined, realm};
use crate::client::Trusted;
use crate::directory::config::Declared;
use crate::headers;
use crate::host::Host;

/// The words of `first_factor`; each but the first has a table of its own name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Password,
    Form,
    Basic,
    Header,
    Code,
}

const KINDS: [(&str, Kind); 5] = [
    ("password", Kind::Password),
    ("form", Kind::Form),
    ("basic", Kind::Basic),
    ("header", Kind::Header),
    ("code", Kind::Code),
];

/// Headers that mean something else, and never a person.
const TAKEN: &[&str] = &[
    "accept",
    "authorization",
    "connection",
    "content-length",
    "content-type",
    "cookie",
    "expect",
    "host",
    "keep-alive",
    "origin",
    "proxy-authorization",
    "proxy-connection",
    "range",
    "remote-email",
    "remote-groups",
    "remote-name",
    "referer",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "user-agent",
    "twofold-key",
    "x-real-ip",
    "x-requested-with",
    "forwarded",
];

/// Reads where the first factor of a site at `host` comes from.
pub fn read(
    table: &mut Table<'_>,
    host: Option<&Host>,
    trusted: &Trusted,
    declared: &mut Declared,
) -> Option<FirstFactor> {
    let kind = table.choice("first_factor", &KINDS);
    let kind = table.need("first_factor", kind, "\"password\"");
    let wanted = kind.as_ref().map(|kind| kind.value);
    let names_directory = table.names().iter().any(|key| key == "directory");
    let directory = declared.choose(table, "directory");
    if let (Some(directory), Some(false)) = (&directory, wanted.map(|wanted| wanted == Kind::Password)) {
        directory.place.mistake("is only read with first_factor = \"password\"");
    }
    let mut own = None;
    for (word, other) in KINDS.into_iter().skip(1) {
        match table.table(word) {
            Some(found) if Some(other) == wanted => own = Some(found),
            Some(found) => {
                found.place().mistake(format!("is only read with first_factor = \"{word}\""));
            }
            None => {}
        }
    }
    let (kind, host) = (kind?, host?);
    let mut needed = |what: &str| {
        if own.is_none() {
            let (word, _) =
                KINDS.into_iter().find(|(_, other)| *other == kind.value).unwrap_or(("", kind.value));
            table
                .place()
                .mistake(format!("first_factor = \"{word}\" needs a table [site.{word}] with {what}"));
        }
        own.take()
    };
    match kind.value {
        Kind::Password if names_directory => directory.map(|realm| FirstFactor::Directory(realm.value)),
        Kind::Password => Some(FirstFactor::Password),
        Kind::Form => form(&mut needed("page, login, cookies and identity")?, host).map(FirstFactor::Form),
        Kind::Basic => basic(&mut needed("probe")?, host).map(FirstFactor::Basic),
        Kind::Header => {
            if trusted.is_empty() {
                kind.place.mistake(
                    "\"header\" needs trusted_proxies: the proxy in front that says who somebody is, and nobody else",
                );
            }
            header(&mut needed("name")?, host).map(FirstFactor::Header)
        }
        Kind::Code => match own {
            Some(mut own) => code(&mut own, host).map(FirstFactor::Code),
            None => {
                let realm =
                    table.need("code", crate::app_login::config::own_realm(host), "{ realm = \"wiki\" }")?;
                Some(FirstFactor::Code(NameAndCode { realm, app: None }))
            }
        },
    }
}

fn basic(table: &mut Table<'_>, host: &Host) -> Option<Basic> {
    let probe = table.text("probe").and_then(|text| text.check(|text| address(&text)));
    let probe = table.need("probe", probe, "\"/private/\"");
    let realm = realm(table, host);
    let (path, query) = probe?.value;
    Some(Basic { realm: realm?, probe: joined(&path, &query) })
}

fn header(table: &mut Table<'_>, host: &Host) -> Option<UserHeader> {
    let name = table.text("name").and_then(|text| text.check(|text| header_name(&text)));
    let name = table.need("name", name, "\"X-Remote-User\"").map(|name: At<HeaderName>| name.value);
    let realm = realm(table, host);
    Some(UserHeader { realm: realm?, name: name? })
}

fn header_name(text: &str) -> Result<HeaderName, String> {
    let name = HeaderName::from_bytes(text.as_bytes())
        .map_err(|_| "must be the name of a header, such as \"X-Remote-User\"".to_owned())?;
    let is_taken = TAKEN
        .iter()
        .chain(&["x-forwarded-*", "x-twofold-*", "sec-*", "if-*", "accept-*"])
        .any(|taken| headers::is_spelled(name.as_str(), taken));
    if is_taken { Err("is a header that means something else".to_owned()) } else { Ok(name) }
}

fn code(table: &mut Table<'_>, host: &Host) -> Option<NameAndCode> {
    let wants_identity = table
        .names()
        .iter()
        .any(|key| ["cookies", "identity", "identity_pattern", "identity_json"].contains(&key.as_str()));
    let app = wants_identity.then(|| {
        let (cookies, identity) = (cookies(table), identity(table));
        Some(AppIdentity { cookies: AppCookies::new(cookies?), identity: identity? })
    });
    let realm = realm(table, host);
    let app = match app {
        Some(app) => Some(app?),
        None => None,
    };
    Some(NameAndCode { realm: realm?, app })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use twofold_shared::config::{Mistakes, read};

    use super::*;

    fn parse(site: &str) -> Result<FirstFactor, Mistakes> {
        let text = format!(
            "trusted_proxies = [\"192.0.2.1\"]\nportal = \"https://id.example.com\"\n[[site]]\n\
             origin = \"https://git.example.com\"\nupstream = \"127.0.0.1:1\"\n{site}"
        );
        let config = read(Path::new("gate.toml"), &text, crate::config::check)?;
        Ok(config.sites.into_iter().next().unwrap().first_factor)
    }

    #[test]
    fn each_kind_is_read_with_its_table() {
        let realm = || "git.example.com".to_owned();
        for (site, expected) in [
            ("first_factor = \"password\"", FirstFactor::Password),
            (
                "first_factor = \"basic\"\n[site.basic]\nprobe = \"/private/?x=1\"",
                FirstFactor::Basic(Basic { realm: realm(), probe: "/private/?x=1".into() }),
            ),
            (
                "first_factor = \"header\"\n[site.header]\nname = \"X-Remote-User\"\nrealm = \"unix\"",
                FirstFactor::Header(UserHeader {
                    realm: "unix".into(),
                    name: HeaderName::from_static("x-remote-user"),
                }),
            ),
            ("first_factor = \"code\"", FirstFactor::Code(NameAndCode { realm: realm(), app: None })),
            (
                "first_factor = \"code\"\n[site.code]\nrealm = \"wiki\"",
                FirstFactor::Code(NameAndCode { realm: "wiki".into(), app: None }),
            ),
        ] {
            assert_eq!(parse(site).unwrap(), expected);
        }
        let code = parse(
            "first_factor = \"code\"\n[site.code]\ncookies = [\"sid\"]\nidentity = \"/me\"\nidentity_json = \"/user\"",
        );
        assert!(matches!(code.unwrap(), FirstFactor::Code(NameAndCode { app: Some(_), .. })));
    }

    #[test]
    fn the_example_for_cgit_can_be_used() {
        let text = include_str!("../../../examples/apache-cgit/gate.toml");
        let config = read(Path::new("gate.toml"), text, crate::config::check).unwrap();
        let expected = Basic { realm: "git.example.com".into(), probe: "/cgit-css/cgit.css".into() };
        assert_eq!(config.sites.first().unwrap().first_factor, FirstFactor::Basic(expected));
    }

    #[test]
    fn what_could_not_work_is_refused_with_its_line() {
        for (site, words) in [
            ("first_factor = \"basic\"", &["gate.toml:3", "[site.basic] with probe"][..]),
            ("first_factor = \"basic\"\n[site.basic]", &["gate.toml:7", "probe"]),
            (
                "first_factor = \"basic\"\n[site.basic]\nprobe = \"a/../b\"",
                &["gate.toml:8", "a path as it stands"],
            ),
            (
                "first_factor = \"basic\"\n[site.basic]\nprobe = \"/\"\nrealm = \"local\"",
                &["gate.toml:9", "realm"],
            ),
            (
                "first_factor = \"basic\"\nforward_authorization = true\n[site.basic]\nprobe = \"/\"",
                &["gate.toml:7", "forward_authorization"],
            ),
            (
                "first_factor = \"password\"\n[site.basic]\nprobe = \"/\"",
                &["gate.toml:7", "first_factor = \"basic\""],
            ),
            ("first_factor = \"form\"\n[site.code]\n", &["gate.toml:7", "first_factor = \"code\""]),
            ("first_factor = \"header\"", &["[site.header] with name"]),
            (
                "first_factor = \"header\"\n[site.header]\nname = \"Cookie\"",
                &["gate.toml:8", "something else"],
            ),
            ("first_factor = \"header\"\n[site.header]\nname = \"Remote-Groups\"", &["something else"]),
            ("first_factor = \"header\"\n[site.header]\nname = \"X_Forwarded_For\"", &["something else"]),
            ("first_factor = \"header\"\n[site.header]\nname = \"X Remote\"", &["name of a header"]),
            (
                "first_factor = \"code\"\ncreate = true\n[site.code]",
                &["gate.toml:7", "create", "an app, a directory or a proxy"],
            ),
            (
                "first_factor = \"basic\"\ncreate = true\n[site.basic]\nprobe = \"/\"\nrealm = \"unix\"",
                &["gate.toml:7", "create", "users of hosts"],
            ),
            ("first_factor = \"code\"\n[site.code]\ncookies = [\"sid\"]", &["identity"]),
            (
                "first_factor = \"code\"\n[site.code]\nidentity = \"/me\"\nidentity_json = \"/a\"",
                &["cookies"],
            ),
        ] {
            let said = parse(site).unwrap_err().to_string();
            for word in words {
                assert!(said.contains(word), "{site}: {word} is missing in {said}");
            }
        }
    }

    #[test]
    fn a_header_is_nobodys_word_without_trusted_proxies() {
        let text = "portal = \"https://id.example.com\"\n[[site]]\norigin = \"https://git.example.com\"\n\
                    upstream = \"127.0.0.1:1\"\nfirst_factor = \"header\"\n[site.header]\nname = \"X-Remote-User\"\n";
        let said = read(Path::new("gate.toml"), text, crate::config::check).unwrap_err().to_string();
        assert!(said.contains("gate.toml:5") && said.contains("trusted_proxies"), "{said}");
    }
}

//! What a `[[directory]]` may say, and what is refused with its line.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use twofold_shared::config::{Mistakes, read};

use super::*;
use crate::first_factor::FirstFactor;

const SITE: &str = "portal = \"https://id.example.com\"\n[[site]]\norigin = \"https://wiki.example.com\"\nupstream = \
                    \"127.0.0.1:1\"\nfirst_factor = \"password\"\n";
const DIRECT: &str = "user_dn = \"uid={name},ou=people,dc=example\"";

fn parse(directory: &str) -> Result<Directory, Mistakes> {
    let text = format!("{SITE}directory = \"corp\"\n[[directory]]\nrealm = \"corp\"\n{directory}\n");
    let config = read(Path::new("gate.toml"), &text, crate::config::check)?;
    assert_eq!(config.sites.first().unwrap().first_factor, FirstFactor::Directory("corp".to_owned()));
    Ok(config.directories.into_iter().next().unwrap())
}

fn secret(folder: &Path, text: &str, mode: u32) -> PathBuf {
    let file = folder.join("password");
    std::fs::write(&file, text).unwrap();
    std::fs::set_permissions(&file, PermissionsExt::from_mode(mode)).unwrap();
    file
}

#[test]
fn a_directory_is_bound_to_by_name() {
    let expected = Directory {
        realm: "corp".to_owned(),
        host: "ldap.example.com".to_owned(),
        port: 636,
        security: Security::Tls(None),
        people: People::Direct(DnTemplate::parse("uid={name},ou=people,dc=example").unwrap()),
        name_attribute: "uid".to_owned(),
        timeout: TIMEOUT,
    };
    assert_eq!(parse(&format!("url = \"ldaps://ldap.example.com\"\n{DIRECT}")).unwrap(), expected);
    let other = parse(&format!(
        "url = \"ldap://[2001:db8::7]:1389\"\nstarttls = true\n{DIRECT}\ntimeout = \"2s\"\nname_attribute = \"cn\""
    ));
    let expected = Directory {
        host: "[2001:db8::7]".to_owned(),
        port: 1389,
        security: Security::StartTls(None),
        name_attribute: "cn".to_owned(),
        timeout: Duration::from_secs(2),
        ..expected
    };
    assert_eq!(other.unwrap(), expected);
    assert_eq!(parse(&format!("url = \"ldap://127.0.0.1\"\n{DIRECT}")).unwrap().security, Security::Plain);
}

#[test]
fn a_directory_is_searched_with_a_password_that_does_not_print() {
    let folder = tempfile::tempdir().unwrap();
    let file = secret(folder.path(), "only the gate's\n", 0o640);
    let text = format!(
        "url = \"ldaps://192.0.2.7\"\nbase = \"dc=example\"\nfilter = \"(uid={{name}})\"\nbind_dn = \"cn=gate,dc=example\"\n\
         bind_password_file = \"{}\"",
        file.display()
    );
    let directory = parse(&text).unwrap();
    assert!(!format!("{directory:?}").contains("only the gate"));
    let People::Search(search) = directory.people else { panic!("{directory:?}") };
    assert_eq!(
        (search.bind_password.reveal(), directory.name_attribute.as_str()),
        ("only the gate's", "uid")
    );
    let several = text.replace("(uid={name})", "(|(uid={name})(mail={name}))");
    assert!(parse(&several).unwrap_err().to_string().contains("name_attribute"));
    for (content, mode, words) in
        [("x", 0o644, "chmod g-w,o-rwx"), ("", 0o600, "one line"), ("a\nb\n", 0o600, "one line")]
    {
        secret(folder.path(), content, mode);
        let said = parse(&text).unwrap_err().to_string();
        assert!(
            said.contains("gate.toml:13: directory.1.bind_password_file") && said.contains(words),
            "{said}"
        );
    }
}

#[test]
fn what_could_not_work_or_would_not_be_safe_is_refused_with_its_line() {
    let pem = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(pem.path(), rcgen::generate_simple_self_signed(["a".to_owned()]).unwrap().cert.pem())
        .unwrap();
    let ca = format!("url = \"ldap://127.0.0.1\"\nca = \"{}\"\n{DIRECT}", pem.path().display());
    let with = |url: &str, rest: &str| format!("url = \"{url}\"\n{rest}");
    for (directory, words) in [
        (DIRECT.to_owned(), &["gate.toml:7", "url", "is missing"][..]),
        (with("ldap://ldap.example.com", DIRECT), &["gate.toml:9", "for everybody to read", "starttls"]),
        (with("ldap://localhost", DIRECT), &["for everybody to read"]),
        (with("https://ldap.example.com", DIRECT), &["gate.toml:9", "ldaps://"]),
        (with("ldaps://ldap.example.com/dc=example", DIRECT), &["ldaps://"]),
        (with("ldaps://alice@ldap.example.com", DIRECT), &["ldaps://"]),
        (with("ldaps://ldap.example.com:0", DIRECT), &["ldaps://"]),
        (with("ldaps://2001:db8::7", DIRECT), &["ldaps://"]),
        (
            with("ldaps://a.example.com", &format!("starttls = true\n{DIRECT}")),
            &["gate.toml:10", "is for ldap://"],
        ),
        (ca, &["gate.toml:10", "used by nobody"]),
        (
            with("ldaps://a.example.com", "ca = \"/nowhere\"\nuser_dn = \"uid={name},dc=a\""),
            &["gate.toml:10", "ca"],
        ),
        (with("ldaps://a.example.com", ""), &["gate.toml:7", "user_dn"]),
        (with("ldaps://a.example.com", "user_dn = \"uid=alice,dc=example\""), &["gate.toml:10", "{name}"]),
        (
            with("ldaps://a.example.com", &format!("{DIRECT}\nbase = \"dc=a\"")),
            &["gate.toml:11", "leave one"],
        ),
        (with("ldaps://a.example.com", "base = \"dc=a\""), &["filter", "bind_dn", "bind_password_file"]),
        (with("ldaps://a.example.com", "filter = \"(uid=x)\""), &["gate.toml:10", "{name}", "base"]),
        (with("ldaps://a.example.com", &format!("{DIRECT}\ntimeout = \"1m\"")), &["gate.toml:11", "timeout"]),
        (with("ldaps://a.example.com", &format!("{DIRECT}\nname_attribute = \"a b\"")), &["gate.toml:11"]),
        (
            with("ldaps://a.example.com", &format!("{DIRECT}\nverify = false")),
            &["gate.toml:11", "unknown key"],
        ),
    ] {
        let said = parse(&directory).unwrap_err().to_string();
        for word in words {
            assert!(said.contains(word), "{directory}: {word} is missing in {said}");
        }
    }
}

#[test]
fn a_directory_is_named_by_its_realm_and_used() {
    let one = format!("[[directory]]\nrealm = \"corp\"\nurl = \"ldaps://a.example.com\"\n{DIRECT}\n");
    for (text, words) in [
        (format!("{SITE}{one}"), &["gate.toml:7: directory.1.realm: is used by nobody"][..]),
        (format!("{SITE}directory = \"crop\"\n{one}"), &["gate.toml:6", "known here: corp"]),
        (format!("{SITE}directory = \"corp\"\n"), &["gate.toml:6", "there are none"]),
        (format!("{SITE}directory = \"corp\"\n{one}{one}"), &["gate.toml:12", "in line 8"]),
        (format!("{SITE}directory = \"local\"\n{}", one.replace("corp", "local")), &["gate.toml:8", "local"]),
        (
            format!(
                "{}directory = \"corp\"\n[site.basic]\nprobe = \"/\"\n{one}",
                SITE.replace("\"password\"", "\"basic\"")
            ),
            &["gate.toml:6", "first_factor = \"password\""],
        ),
    ] {
        let said = read(Path::new("gate.toml"), &text, crate::config::check).unwrap_err().to_string();
        for word in words {
            assert!(said.contains(word), "{text}: {word} is missing in {said}");
        }
    }
    // The portal's own page may be what uses it.
    let own = format!("portal_directory = \"corp\"\n{SITE}{one}");
    let config = read(Path::new("gate.toml"), &own, crate::config::check).unwrap();
    assert_eq!(config.portal_directory.as_deref(), Some("corp"));
}

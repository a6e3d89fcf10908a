//! `[[directory]]`, and which of them are used.

use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;

use twofold_shared::config::{At, FileKind, Place, Table, read_file};

use super::template::{DnTemplate, FilterTemplate, is_attribute};
use super::{BindPassword, Directory, People, Search, Security};
use crate::app_login::config::is_realm;
use crate::config::roots;
use crate::tls::certificate::server_name;

const TIMEOUT: Duration = Duration::from_secs(5);
const TIMEOUT_LEAST: Duration = Duration::from_secs(1);
const TIMEOUT_MOST: Duration = Duration::from_secs(30);

/// The directories of a file, while the rest of it is read.
#[derive(Default)]
pub struct Declared {
    /// Also those whose table has mistakes, so that these are told once.
    realms: Vec<(At<String>, bool)>,
    directories: Vec<Directory>,
}

impl Declared {
    /// Reads every `[[directory]]`.
    pub fn read(table: &mut Table<'_>) -> Self {
        let mut declared = Self::default();
        for mut table in table.tables("directory") {
            let realm = table.text("realm").and_then(|realm| realm.check(|realm| is_realm(&realm)));
            let realm = table.need("realm", realm, "\"corp\"");
            if let Some(realm) = &realm {
                match declared.realms.iter().find(|(other, _)| other.value == realm.value) {
                    Some((other, _)) => realm.place.mistake(format!(
                        "is the realm of the directory in line {}, too",
                        other.place.line()
                    )),
                    None => declared.realms.push((realm.clone(), false)),
                }
            }
            declared.directories.extend(directory(&mut table, realm));
        }
        declared
    }

    /// `key`: the realm of one of them.
    pub fn choose(&mut self, table: &mut Table<'_>, key: &str) -> Option<At<String>> {
        let chosen = table.text(key)?;
        let found = self.realms.iter_mut().find(|(realm, _)| realm.value == chosen.value);
        match found {
            Some((_, is_used)) => {
                *is_used = true;
                Some(chosen)
            }
            None => {
                let known: Vec<&str> = self.realms.iter().map(|(realm, _)| realm.value.as_str()).collect();
                let known = if known.is_empty() { "there are none".to_owned() } else { known.join(", ") };
                chosen.place.mistake(format!("is the realm of no [[directory]]; known here: {known}"));
                None
            }
        }
    }

    /// The directories, once all is read that may use one.
    pub fn finish(self) -> Vec<Directory> {
        for (realm, _) in self.realms.iter().filter(|(_, is_used)| !is_used) {
            realm.place.mistake(format!(
                "is used by nobody: a site uses it with first_factor = \"password\" and directory = {:?}",
                realm.value
            ));
        }
        self.directories
    }
}

fn directory(table: &mut Table<'_>, realm: Option<At<String>>) -> Option<Directory> {
    let url = table.text("url").and_then(|url| url.check(|url| address(&url)));
    let url = table.need("url", url, "\"ldaps://ldap.example.com\"");
    let security = security(table, url.as_ref());
    let people = people(table);
    let attribute = table.text("name_attribute").and_then(|text| {
        text.check(|text| match is_attribute(&text) {
            true => Ok(text),
            false => Err("must be the name of an attribute, such as \"uid\"".to_owned()),
        })
    });
    let timeout = table.duration("timeout", TIMEOUT_LEAST..=TIMEOUT_MOST).map_or(TIMEOUT, |at| at.value);
    let (people, url) = (people?, url?.value);
    let own = match &people {
        People::Direct(template) => template.attribute(),
        People::Search(search) => search.filter.attribute(),
    };
    let own = own.map(str::to_owned);
    let attribute = attribute.map(|at| at.value).or(own);
    let name_attribute = table.need("name_attribute", attribute, "\"uid\"")?;
    Some(Directory {
        realm: realm?.value,
        host: url.host,
        port: url.port,
        security: security?,
        people,
        name_attribute,
        timeout,
    })
}

/// Where a directory is.
struct Address {
    is_ldaps: bool,
    host: String,
    port: u16,
}

fn address(text: &str) -> Result<Address, String> {
    let odd = || "must be ldaps:// or ldap:// with a host, and a port where it is another".to_owned();
    let (is_ldaps, rest, usual) = match text.split_once("://") {
        Some(("ldaps", rest)) => (true, rest, 636),
        Some(("ldap", rest)) => (false, rest, 389),
        _ => return Err(odd()),
    };
    let (host, port) = match rest.rsplit_once(':') {
        // The last part of a bare IPv6 address is no port: it has to be in brackets.
        Some((host, port)) if !rest.ends_with(']') => (host, port.parse().map_err(|_| odd())?),
        _ => (rest, usual),
    };
    let is_bare = host.contains(':') && !(host.starts_with('[') && host.ends_with(']'));
    if is_bare || port == 0 || server_name(host).is_none() {
        return Err(odd());
    }
    Ok(Address { is_ldaps, host: host.to_owned(), port })
}

fn security(table: &mut Table<'_>, url: Option<&At<Address>>) -> Option<Security> {
    let starttls = table.boolean("starttls");
    let ca = table.path("ca").map(|file| file.check(|file| roots(&file)));
    let url = url?;
    let starts = starttls.as_ref().is_some_and(|at| at.value);
    let security = match (url.value.is_ldaps, starts) {
        (true, true) => {
            starttls?.place.mistake("is for ldap://; ldaps:// is TLS from the beginning");
            return None;
        }
        (true, false) => Security::Tls(None),
        (false, true) => Security::StartTls(None),
        (false, false) => {
            let host = url.value.host.trim_matches(['[', ']']);
            if !host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback()) {
                url.place.mistake(
                    "would send passwords over the network for everybody to read: write ldaps://, or starttls = true",
                );
            }
            Security::Plain
        }
    };
    let Some(ca) = ca else { return Some(security) };
    let ca = ca?;
    match security {
        Security::Tls(_) => Some(Security::Tls(Some(ca.value))),
        Security::StartTls(_) => Some(Security::StartTls(Some(ca.value))),
        Security::Plain => {
            ca.place.mistake("is used by nobody: there is no TLS to this directory");
            Some(Security::Plain)
        }
    }
}

/// `user_dn` alone, or what a search takes.
fn people(table: &mut Table<'_>) -> Option<People> {
    let user_dn = table.text("user_dn");
    let is_direct = user_dn.is_some();
    let template = user_dn.and_then(|text| text.check(|text| DnTemplate::parse(&text)));
    let base = table.text("base").map(|text| text.check(|text| entry(&text)));
    let filter = table.text("filter").map(|text| text.check(|text| FilterTemplate::parse(&text)));
    let bind_dn = table.text("bind_dn").map(|text| text.check(|text| entry(&text)));
    let password = table.path("bind_password_file").map(|file| file.check(|file| password(&file)));
    if is_direct {
        let others: [Option<Place>; 4] = [
            base.flatten().map(|at| at.place),
            filter.flatten().map(|at| at.place),
            bind_dn.flatten().map(|at| at.place),
            password.flatten().map(|at| at.place),
        ];
        for place in others.into_iter().flatten() {
            place
                .mistake("is for a search, and there is user_dn, which needs none: leave one of the two out");
        }
        return template.map(|at| People::Direct(at.value));
    }
    if base.is_none() && filter.is_none() && bind_dn.is_none() && password.is_none() {
        table.place().mistake(
            "needs user_dn = \"uid={name},ou=people,dc=example,dc=com\", or base, filter, bind_dn and bind_password_file",
        );
        return None;
    }
    let base = table.need("base", base.flatten(), "\"ou=people,dc=example,dc=com\"");
    let filter = table.need("filter", filter.flatten(), "\"(&(objectClass=person)(uid={name}))\"");
    let bind_dn = table.need("bind_dn", bind_dn.flatten(), "\"cn=gate,dc=example,dc=com\"");
    let password = table.need("bind_password_file", password.flatten(), "\"/etc/twofold/ldap-password\"");
    Some(People::Search(Search {
        base: base?.value,
        filter: filter?.value,
        bind_dn: bind_dn?.value,
        bind_password: password?.value,
    }))
}

fn entry(text: &str) -> Result<String, String> {
    let fits = text.contains('=') && !text.chars().any(char::is_control) && !text.contains(['{', '}']);
    if fits {
        Ok(text.to_owned())
    } else {
        Err("must be the name of an entry, such as \"ou=people,dc=example,dc=com\"".to_owned())
    }
}

/// The first line of a file that nobody else may read.
fn password(file: &Path) -> Result<BindPassword, String> {
    let why = |why: String| format!("{} {why}", file.display());
    let bytes = read_file(file, FileKind::Secret).map_err(why)?;
    let text = std::str::from_utf8(&bytes).map_err(|_| why("is not UTF-8".to_owned()))?;
    let line = text.strip_suffix('\n').map_or(text, |line| line.strip_suffix('\r').unwrap_or(line));
    if line.is_empty() || line.chars().any(char::is_control) {
        return Err(why("must hold one line, the password".to_owned()));
    }
    Ok(BindPassword::new(line.to_owned()))
}

#[cfg(test)]
mod tests;

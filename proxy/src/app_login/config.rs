//! `[site.form]` of the configuration.

use regex::Regex;
use twofold_shared::config::{At, Table};

use super::{AppCookies, Form, Identity};
use crate::host::Host;
use crate::path::{Parameters, Target};

/// Reads the table of a site at `host`.
pub fn form(table: &mut Table<'_>, host: &Host) -> Option<Form> {
    let page = table.text("page").and_then(|text| text.check(|text| address(&text)));
    let page = table.need("page", page, "\"/login\"");
    let login = table.text("login").and_then(|text| text.check(|text| path(&text)));
    let login = table.need("login", login, "\"/login\"");
    let login_field = table.text("login_field").map(|text| text.check(field));
    let login_fields: Vec<At<String>> = table.texts("login_fields");
    if login_field.is_none() && !login_fields.is_empty() {
        table
            .place()
            .mistake("login_fields belongs to login_field: a login with a path of its own may have any");
    }
    let cookies = cookies(table).map(AppCookies::new);
    let login_cookies = login_cookies(table, cookies.as_ref());
    let identity = identity(table);
    let credentials = table.texts("credentials_anywhere").into_iter().map(|name| name.value).collect();
    let realm = realm(table, host);
    let (page_path, page_query) = page?.value;
    Some(Form {
        realm: realm?,
        page_path,
        page_query,
        login_path: login?.value,
        login_field: match login_field {
            Some(field) => Some(field?.value),
            None => None,
        },
        login_fields: login_fields.into_iter().map(|name| name.value).collect(),
        cookies: cookies?,
        login_cookies,
        identity: identity?,
        credentials,
    })
}

/// `login_cookies`: each must be one of `cookies`, or nobody would ever be known.
fn login_cookies(table: &mut Table<'_>, cookies: Option<&AppCookies>) -> Option<AppCookies> {
    let is_one = |name: &str| cookies.is_none_or(|all| all.is_session(name.trim_end_matches('*').as_bytes()));
    let check = |name: String| {
        let name = cookie(&name)?;
        if is_one(&name) { Ok(name) } else { Err("must be one of `cookies` too".to_owned()) }
    };
    let names: Vec<String> = table
        .texts("login_cookies")
        .into_iter()
        .filter_map(|name| name.check(check))
        .map(|name| name.value)
        .collect();
    (!names.is_empty()).then(|| AppCookies::new(names))
}

/// `realm`: of the names; the host's own where nothing is said.
pub fn realm(table: &mut Table<'_>, host: &Host) -> Option<String> {
    let realm = match table.text("realm") {
        Some(text) => text.check(|text| is_realm(&text)).map(|at| at.value),
        None => own_realm(host),
    };
    table.need("realm", realm, "\"wiki\"")
}

/// The realm of a host's own names, where the host can be one.
pub fn own_realm(host: &Host) -> Option<String> {
    is_realm(host.as_str()).ok()
}

/// `cookies`: the app's session cookies.
pub fn cookies(table: &mut Table<'_>) -> Option<Vec<String>> {
    texts(table, "cookies", "\"sessionid\"", &|name| cookie(name))
}

/// `identity` with `identity_pattern` or `identity_json`: how the app says who somebody is.
pub fn identity(table: &mut Table<'_>) -> Option<Identity> {
    let identity = table.text("identity").and_then(|text| text.check(|text| address(&text)));
    let identity = table.need("identity", identity, "\"/profile\"");
    let pattern = table.text("identity_pattern").map(|text| text.check(pattern));
    let pointer = table.text("identity_json").map(|text| text.check(pointer));
    let (path, query) = identity?.value;
    let path = joined(&path, &query);
    match (pattern, pointer) {
        (Some(pattern), None) => Some(Identity::Pattern { path, pattern: pattern?.value }),
        (None, Some(pointer)) => Some(Identity::Pointer { path, pointer: pointer?.value }),
        (None, None) | (Some(_), Some(_)) => {
            table.place().mistake("needs identity_pattern or identity_json: how the answer names who it is");
            None
        }
    }
}

/// A path with its query.
pub fn joined(path: &str, query: &str) -> String {
    if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
}

/// A path and perhaps a query, in their one spelling.
pub fn address(text: &str) -> Result<(String, String), String> {
    let target = Target::parse(text.as_bytes(), Parameters::Refused)
        .map_err(|why| format!("must be a path as it stands in an address: {why}"))?;
    let part = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ok((part(target.path()), part(target.query())))
}

fn path(text: &str) -> Result<String, String> {
    match address(text)? {
        (path, query) if query.is_empty() => Ok(path),
        _ => Err("must be a path without a query; what the query says goes into login_field".to_owned()),
    }
}

fn field(text: String) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("must be a field and its value, such as \"do=login\"".to_owned()),
    }
}

fn cookie(name: &str) -> Result<String, String> {
    let stem = name.strip_suffix('*').unwrap_or(name);
    let fits = !stem.is_empty()
        && stem.bytes().all(|byte| byte.is_ascii_graphic() && !b"=;,*\"".contains(&byte))
        && !stem.to_ascii_lowercase().starts_with("__host-twofold");
    if fits {
        Ok(name.to_owned())
    } else {
        Err("must be a cookie's name, or its beginning and `*`".to_owned())
    }
}

fn pattern(text: String) -> Result<Regex, String> {
    let pattern = Regex::new(&text).map_err(|why| format!("is not a regular expression: {why}"))?;
    if pattern.captures_len() < 2 {
        return Err("must have a group in parentheses around the name".to_owned());
    }
    Ok(pattern)
}

fn pointer(text: String) -> Result<String, String> {
    if text.starts_with('/') {
        Ok(text)
    } else {
        Err("must be a JSON pointer, such as \"/user/name\"".to_owned())
    }
}

/// Whether this can be the realm of names that the gate vouches for.
pub fn is_realm(text: &str) -> Result<String, String> {
    let starts = text.starts_with(|first: char| first.is_ascii_lowercase() || first.is_ascii_digit());
    let fits = starts
        && text.len() <= 63
        && text != "local"
        && text
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-".contains(&byte));
    let wrong = "must be a realm other than `local`: up to 63 lower-case letters, digits, dots and hyphens";
    if fits { Ok(text.to_owned()) } else { Err(wrong.to_owned()) }
}

/// A list that must not be empty.
fn texts(
    table: &mut Table<'_>,
    key: &str,
    example: &str,
    parse: &dyn Fn(&str) -> Result<String, String>,
) -> Option<Vec<String>> {
    let written = table.texts(key);
    let whole = written.len();
    let parsed: Vec<At<String>> =
        written.into_iter().filter_map(|text| text.check(|text| parse(&text))).collect();
    let all = (whole > 0 && parsed.len() == whole).then(|| parsed.into_iter().map(|at| at.value).collect());
    table.need(key, all, &format!("[{example}]"))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use twofold_shared::config::{Mistakes, read};

    use super::*;

    fn parse(form: &str) -> Result<Form, Mistakes> {
        let host = Host::parse("wiki.example.com").unwrap();
        read(Path::new("gate.toml"), form, |table| super::form(table, &host))
    }

    const GOOD: &str = "page = \"/doku.php?do=login\"\nlogin = \"/doku.php\"\nlogin_field = \"do=login\"\n\
                        cookies = [\"DokuWiki\", \"DW*\"]\nidentity = \"/me\"\nidentity_json = \"/user\"\n";

    #[test]
    fn the_example_for_dokuwiki_can_be_used() {
        let text = include_str!("../../../examples/dokuwiki/gate.toml");
        let config = read(Path::new("gate.toml"), text, crate::config::check).unwrap();
        let form = config.sites.first().unwrap().form().cloned().unwrap();
        assert_eq!((form.realm.as_str(), form.page().as_str()), ("wiki.example.com", "/doku.php?do=login"));
    }

    #[test]
    fn a_realm_is_the_sites_own_unless_it_is_said() {
        assert_eq!(parse(GOOD).unwrap().realm, "wiki.example.com");
        assert_eq!(parse(&format!("{GOOD}realm = \"unix\"\n")).unwrap().realm, "unix");
    }

    #[test]
    fn what_could_not_work_is_explained() {
        for (change, word) in [
            (("page = \"/doku.php?do=login\"\n", ""), "page"),
            (("\"/doku.php\"", "\"/doku.php?do=login\""), "login_field"),
            (("\"do=login\"", "\"do\""), "a field and its value"),
            (("[\"DokuWiki\", \"DW*\"]", "[]"), "cookies"),
            (("\"DW*\"", "\"*\""), "a cookie's name"),
            (("\"DW*\"", "\"__Host-twofold\""), "a cookie's name"),
            (("\"/me\"", "\"/../me\""), "a path as it stands"),
            (("\"/user\"", "\"user\""), "JSON pointer"),
            (("identity_json = \"/user\"\n", ""), "identity_pattern or identity_json"),
            (("identity_json = \"/user\"", "identity_pattern = \"a(b\""), "regular expression"),
            (("identity_json = \"/user\"", "identity_pattern = \"ab\""), "a group in parentheses"),
            (("\"DW*\"]", "\"DW*\"]\nlogin_cookies = [\"other\"]"), "one of `cookies`"),
            (("login_field = \"do=login\"\n", "login_fields = [\"id\"]\n"), "belongs to login_field"),
            (("login = ", "realm = \"local\"\nlogin = "), "realm other than `local`"),
        ] {
            let (from, to) = change;
            assert!(GOOD.contains(from), "{from}");
            let said = parse(&GOOD.replacen(from, to, 1)).unwrap_err().to_string();
            assert!(said.contains(word), "{change:?}: {said}");
        }
    }
}

//! sshd's configuration: read as sshd reads it, as far as it is about how people log in.
//!
//! sshd takes the first value that it finds for a keyword, and what stands under a `Match` line before what stands
//! outside. A `Match` in a file that is included ends with that file.

use super::pam_file::{insert, without_blocks};

/// Its own file.
pub const MAIN: &str = "/etc/ssh/sshd_config";
/// Ours.
pub const DROP_IN: &str = "/etc/ssh/sshd_config.d/00-twofold.conf";

/// What decides how somebody is asked.
const KEYWORDS: [&str; 6] = [
    "authenticationmethods",
    "challengeresponseauthentication",
    "kbdinteractiveauthentication",
    "passwordauthentication",
    "pubkeyauthentication",
    "usepam",
];

/// How deep files may include each other, as in sshd.
const DEPTH: usize = 16;

/// A line that sets something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// The file.
    pub file: String,
    /// The line, counted from 1.
    pub line: usize,
    /// The keyword in lower case.
    pub keyword: String,
    /// What follows it.
    pub value: String,
    /// The `Match` that it stands under.
    pub within: Option<String>,
}

impl Setting {
    fn is_about_logins(&self) -> bool {
        KEYWORDS.contains(&self.keyword.as_str())
    }
}

/// Files, as far as sshd reads them.
pub trait Files {
    /// A file's text.
    fn read(&self, path: &str) -> Option<String>;
    /// The names in a folder, sorted.
    fn list(&self, folder: &str) -> Vec<String>;
}

/// All settings in the order in which sshd meets them. `text` is the main file's.
pub fn settings(text: &str, files: &dyn Files) -> Vec<Setting> {
    let mut found = Vec::new();
    collect(MAIN, text, None, files, 0, &mut found);
    found
}

fn collect(
    file: &str,
    text: &str,
    mut within: Option<String>,
    files: &dyn Files,
    depth: usize,
    found: &mut Vec<Setting>,
) {
    for (index, line) in text.lines().enumerate() {
        let Some((keyword, value)) = split(line) else { continue };
        match keyword.as_str() {
            "match" => within = (!value.eq_ignore_ascii_case("all")).then(|| value.clone()),
            "include" if depth < DEPTH => {
                for path in value.split_whitespace().flat_map(|pattern| expand(pattern, files)) {
                    if let Some(text) = files.read(&path) {
                        collect(&path, &text, within.clone(), files, depth + 1, found);
                    }
                }
            }
            _ => found.push(Setting {
                file: file.to_owned(),
                line: index + 1,
                keyword,
                value,
                within: within.clone(),
            }),
        }
    }
}

/// `Keyword value`, `Keyword=value`, `Keyword "value"`.
fn split(line: &str) -> Option<(String, String)> {
    let line = line.trim();
    if line.is_empty() || line.starts_with('#') {
        return None;
    }
    let end =
        line.find(|character: char| character.is_whitespace() || character == '=').unwrap_or(line.len());
    let (keyword, rest) = line.split_at_checked(end)?;
    let rest = rest.trim_start().strip_prefix('=').unwrap_or(rest).trim();
    Some((keyword.to_ascii_lowercase(), rest.replace('"', "")))
}

/// The files that an `Include` means, in the order in which they are read.
fn expand(pattern: &str, files: &dyn Files) -> Vec<String> {
    let pattern = if pattern.starts_with('/') { pattern.to_owned() } else { format!("/etc/ssh/{pattern}") };
    let Some((folder, name)) = pattern.rsplit_once('/') else { return Vec::new() };
    if !name.contains(['*', '?']) {
        return vec![pattern];
    }
    let fitting = files.list(folder).into_iter().filter(|entry| !entry.starts_with('.') && fits(name, entry));
    fitting.map(|entry| format!("{folder}/{entry}")).collect()
}

/// Whether a name fits a pattern with `*` and `?`.
fn fits(pattern: &str, name: &str) -> bool {
    let mut rest = pattern.chars();
    match rest.next() {
        None => name.is_empty(),
        Some('*') => {
            let ends = name.char_indices().map(|(at, _)| at).chain([name.len()]);
            ends.filter_map(|at| name.get(at..)).any(|tail| fits(rest.as_str(), tail))
        }
        Some(wanted) => {
            let mut name = name.chars();
            name.next().is_some_and(|found| wanted == '?' || wanted == found)
                && fits(rest.as_str(), name.as_str())
        }
    }
}

/// Whether our file would be read before anything else that is about logins.
pub fn drop_in_comes_first(text: &str, files: &dyn Files) -> bool {
    struct With<'a>(&'a dyn Files);
    impl Files for With<'_> {
        fn read(&self, path: &str) -> Option<String> {
            if path == DROP_IN { Some("UsePAM ours".to_owned()) } else { self.0.read(path) }
        }
        fn list(&self, folder: &str) -> Vec<String> {
            let mut names = self.0.list(folder);
            if let Some(name) = DROP_IN.strip_prefix(folder).and_then(|rest| rest.strip_prefix('/')) {
                names.push(name.to_owned());
                names.sort();
                names.dedup();
            }
            names
        }
    }
    let all = settings(text, &With(files));
    let first = all.iter().find(|setting| setting.is_about_logins());
    first.is_some_and(|setting| setting.file == DROP_IN && setting.within.is_none())
}

/// The main file with an `Include` of ours at its top.
pub fn with_include(text: &str) -> String {
    let plain = without_blocks(text);
    insert(
        &plain,
        1,
        "first, because sshd takes the first value that it finds",
        &[&format!("Include {DROP_IN}")],
    )
}

/// What stands under somebody else's `Match` and says something else about logins.
pub fn overrides(text: &str, files: &dyn Files) -> Vec<Setting> {
    let ours = |setting: &Setting| setting.file == DROP_IN;
    let all = settings(text, files);
    all.into_iter()
        .filter(|setting| setting.within.is_some() && setting.is_about_logins() && !ours(setting))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Few(Vec<(&'static str, &'static str)>);

    impl Files for Few {
        fn read(&self, path: &str) -> Option<String> {
            self.0.iter().find(|(found, _)| *found == path).map(|(_, text)| (*text).to_owned())
        }
        fn list(&self, folder: &str) -> Vec<String> {
            let below = |path: &str| path.strip_prefix(folder)?.strip_prefix('/').map(str::to_owned);
            self.0.iter().filter_map(|(path, _)| below(path)).collect()
        }
    }

    const INCLUDE: &str =
        "# sshd\n\nInclude /etc/ssh/sshd_config.d/*.conf\nKbdInteractiveAuthentication no\n";

    #[test]
    fn our_file_comes_first_or_is_named_at_the_top() {
        let none = Few(Vec::new());
        assert!(drop_in_comes_first(INCLUDE, &none));
        assert!(drop_in_comes_first("include sshd_config.d/*.conf\n", &none));
        let cloud = Few(vec![("/etc/ssh/sshd_config.d/50-cloud.conf", "PasswordAuthentication yes\n")]);
        assert!(drop_in_comes_first(INCLUDE, &cloud));
        let before = Few(vec![("/etc/ssh/sshd_config.d/00-a.conf", "PasswordAuthentication=yes\n")]);
        assert!(!drop_in_comes_first(INCLUDE, &before));
        for text in [
            "",
            "UsePAM yes\n",
            "PasswordAuthentication yes\nInclude /etc/ssh/sshd_config.d/*.conf\n",
            "Match User bob\nInclude /etc/ssh/sshd_config.d/*.conf\n",
            "Include /etc/ssh/sshd_config.d/*.cfg\n",
        ] {
            assert!(!drop_in_comes_first(text, &none), "{text}");
            let with = with_include(text);
            assert!(drop_in_comes_first(&with, &none), "{with}");
            assert_eq!(without_blocks(&with), text);
            assert_eq!(with_include(&with), with);
        }
        assert!(drop_in_comes_first("Port 2222\nMatch all\nInclude sshd_config.d/*\n", &none));
    }

    #[test]
    fn a_match_that_says_otherwise_is_found_also_in_another_file() {
        let files = Few(vec![
            (
                "/etc/ssh/sshd_config.d/10-a.conf",
                "Match Address 192.0.2.0/24\n  AuthenticationMethods \"publickey\"\n",
            ),
            ("/etc/ssh/sshd_config.d/20-b.conf", "PubkeyAuthentication no\nMatch all\nX11Forwarding no\n"),
            (DROP_IN, "Match Group twofold-breakglass\n  AuthenticationMethods publickey\n"),
        ]);
        let text = format!("{INCLUDE}Match User deploy\n\tpasswordauthentication yes\n\tX11Forwarding no\n");
        let found = overrides(&text, &files);
        let places: Vec<(&str, usize)> =
            found.iter().map(|setting| (setting.file.as_str(), setting.line)).collect();
        assert_eq!(places, [("/etc/ssh/sshd_config.d/10-a.conf", 2), (MAIN, 6)]);
        assert_eq!(found[0].within.as_deref(), Some("Address 192.0.2.0/24"));
        assert_eq!(found[0].value, "publickey");
    }

    #[test]
    fn patterns_fit_as_a_shells_do() {
        for (pattern, name, fit) in [
            ("*.conf", "a.conf", true),
            ("*.conf", "a.conf.bak", false),
            ("?0-*", "10-x", true),
            ("*", "", true),
            ("a*b*c", "abbc", true),
        ] {
            assert_eq!(fits(pattern, name), fit, "{pattern} {name}");
        }
    }
}

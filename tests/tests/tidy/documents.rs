//! Rules about docs: what they name exists.

use std::collections::BTreeSet;

use super::{absolute, nothing, tracked};

/// Every test's name in the repository.
fn tests() -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for file in tracked().iter().filter(|file| file.is_rust()) {
        for line in file.text.lines() {
            let line = line.trim().trim_start_matches("pub ").trim_start_matches("async ");
            if let Some(name) = line.strip_prefix("fn ").and_then(|rest| rest.split(['(', '<']).next()) {
                names.insert(name.to_owned());
            }
        }
    }
    names
}

#[test]
fn every_known_attack_names_tests_that_exist_or_is_open() {
    names_tests_that_exist_or_is_open("docs/known-attacks.md", 40);
}

#[test]
fn everything_that_hosts_do_to_the_module_and_people_ask_of_it_names_tests_that_exist() {
    names_tests_that_exist_or_is_open("docs/pam-hosts.md", 25 + 20);
}

/// A table whose rows begin with a number and end with the names of tests.
fn names_tests_that_exist_or_is_open(page: &str, least: u32) {
    let text = std::fs::read_to_string(absolute(page)).unwrap_or_else(|why| panic!("{page}: {why}"));
    let tests = tests();
    let mut rows = 0;
    let mut found = Vec::new();
    for line in text.lines() {
        let cells: Vec<&str> = line.trim().trim_matches('|').split('|').map(str::trim).collect();
        let Some(number) = cells.first().and_then(|cell| cell.parse::<u32>().ok()) else { continue };
        rows += 1;
        let last = cells.last().copied().unwrap_or_default();
        let named: Vec<&str> = last.split('`').skip(1).step_by(2).collect();
        if named.is_empty() && !last.contains("open") {
            found.push(format!("row {number} names no test and is not open"));
        }
        for name in named {
            let function = name.rsplit("::").next().unwrap_or(name);
            if !tests.contains(function) {
                found.push(format!("row {number}: there is no test {name}"));
            }
        }
    }
    nothing(&found, page);
    assert!(rows >= least, "{page}: {rows} rows");
}

#[test]
fn links_between_documents_lead_somewhere() {
    let mut found = Vec::new();
    for file in tracked().iter().filter(|file| file.path.ends_with(".md")) {
        let folder = file.path.rsplit_once('/').map_or("", |(folder, _)| folder);
        for piece in file.text.split("](").skip(1) {
            let target = piece.split([')', '#', ' ']).next().unwrap_or_default();
            let elsewhere = target.is_empty() || target.contains("://") || target.starts_with("mailto:");
            if !elsewhere && !absolute(folder).join(target).exists() {
                found.push(format!("{} → {target}", file.path));
            }
        }
    }
    nothing(&found, "broken links");
}

#[test]
fn the_documents_of_the_first_page_exist() {
    let wanted = ["README.md", "ARCHITECTURE.md", "CHANGELOG.md", "SECURITY.md", "CONTRIBUTING.md"];
    let more = ["docs/threat-model.md", "docs/known-attacks.md", "docs/protocol.md"];
    let missing: Vec<String> = wanted
        .iter()
        .chain(&more)
        .filter(|name| !absolute(name).exists())
        .map(|&name| name.to_owned())
        .collect();
    nothing(&missing, "missing");
    let mut files = std::fs::read_dir(absolute(".")).expect("the root can be listed").flatten();
    assert!(files.any(|entry| entry.file_name().to_string_lossy().starts_with("LICENSE")), "no licence");
}

//! Rules about crates: who links what, licences, versions that come twice, and a reason for each.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde::Deserialize;
use twofold_tests::{place, run};

use super::{absolute, nothing, tracked};

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    resolve: Resolve,
}

#[derive(Deserialize)]
struct Package {
    id: String,
    name: String,
    version: String,
    license: Option<String>,
    source: Option<String>,
}

#[derive(Deserialize)]
struct Resolve {
    nodes: Vec<Node>,
}

#[derive(Deserialize)]
struct Node {
    id: String,
    deps: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    pkg: String,
    dep_kinds: Vec<Kind>,
}

#[derive(Deserialize)]
struct Kind {
    kind: Option<String>,
}

impl Metadata {
    fn read() -> Self {
        let text = run(Command::new(env!("CARGO"))
            .current_dir(place::repository())
            .args(["metadata", "--format-version", "1", "--offline", "--locked"])
            .args(["--filter-platform", "x86_64-unknown-linux-gnu"]))
        .expect_success();
        serde_json::from_str(&text).expect("cargo speaks JSON")
    }

    fn package(&self, id: &str) -> &Package {
        self.packages.iter().find(|package| package.id == id).expect("the graph names packages")
    }

    /// Our own packages.
    fn members(&self) -> impl Iterator<Item = &Package> {
        self.packages.iter().filter(|package| package.source.is_none())
    }

    /// All that a member's program is built from, the member included; what only its tests use is left out.
    fn built_into(&self, member: &str) -> Vec<&Package> {
        let root = self.members().find(|package| package.name == member).expect("a member of the workspace");
        let mut seen = BTreeSet::new();
        let mut left = vec![root.id.as_str()];
        while let Some(id) = left.pop() {
            if !seen.insert(id) {
                continue;
            }
            let node =
                self.resolve.nodes.iter().find(|node| node.id == id).expect("every package is in the graph");
            let normal =
                |dependency: &&Dependency| dependency.dep_kinds.iter().any(|kind| kind.kind.is_none());
            left.extend(node.deps.iter().filter(normal).map(|dependency| dependency.pkg.as_str()));
        }
        seen.into_iter().map(|id| self.package(id)).collect()
    }
}

/// The names of all crates in a member's program, with the features that it alone asks for. (`cargo metadata` shows the
/// features of the whole workspace together.)
fn linked(member: &str) -> BTreeSet<String> {
    let tree = run(Command::new(env!("CARGO"))
        .current_dir(place::repository())
        .args(["tree", "--package", member, "--edges", "normal", "--prefix", "none", "--format", "{p}"])
        .args(["--offline", "--locked", "--target", "x86_64-unknown-linux-gnu"]))
    .expect_success();
    tree.lines().filter_map(|line| line.split(' ').next()).map(str::to_owned).collect()
}

/// What is shipped: everything but the tests.
const SHIPPED: [&str; 4] = ["twofold-authority", "twofold-pam", "twofold-gate", "twofold-cli"];

#[test]
fn the_ledger_the_proxy_and_libpam_are_each_linked_by_one_member() {
    let mut found = Vec::new();
    for member in SHIPPED {
        for package in linked(member) {
            let owner = match package.as_str() {
                "sled" | "argon2" | "totp-rs" => "twofold-authority",
                "pamsm" => "twofold-pam",
                name if name.starts_with("pingora") => "twofold-gate",
                _ => continue,
            };
            if member != owner {
                found.push(format!("{member} links {package}, which belongs to {owner}"));
            }
        }
    }
    nothing(&found, "wrong links");
}

#[test]
fn the_module_has_no_runtime_no_network_and_no_rules() {
    let linked = linked("twofold-pam");
    let banned =
        ["tokio", "async-std", "rustls", "openssl", "hyper", "http", "totp-rs", "argon2", "sled", "log"];
    let found: Vec<String> =
        banned.iter().filter(|name| linked.contains(**name)).map(|&name| name.to_owned()).collect();
    nothing(&found, "pam_twofold.so runs inside sshd and sudo");
}

/// Licences that ask for nothing but a notice.
const PERMISSIVE: [&str; 11] = [
    "MIT",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "ISC",
    "Zlib",
    "Unicode-3.0",
    "CC0-1.0",
    "MIT-0",
    "BSL-1.0",
];

/// Reads SPDX as far as it occurs: alternatives within conjunctions.
fn is_permissive(expression: &str) -> bool {
    expression.split(" AND ").all(|all| {
        let any = all.trim().trim_start_matches('(').trim_end_matches(')').replace('/', " OR ");
        any.split(" OR ").any(|licence| PERMISSIVE.contains(&licence.trim()))
    })
}

#[test]
fn every_licence_lets_us_ship() {
    let metadata = Metadata::read();
    let mut found = Vec::new();
    for member in SHIPPED {
        for package in metadata.built_into(member) {
            let licence = package.license.as_deref().unwrap_or("none");
            // pamsm is GPL-3.0, which makes the module GPL-3.0, and the module alone.
            let in_the_module =
                member == "twofold-pam" && ["pamsm", "twofold-pam"].contains(&package.name.as_str());
            if !(is_permissive(licence) || in_the_module && licence.starts_with("GPL-3.0")) {
                found.push(format!("{member}: {} {} is {licence}", package.name, package.version));
            }
        }
    }
    nothing(&found, "licences");
    assert!(is_permissive("(MIT OR GPL-2.0) AND Unicode-3.0") && !is_permissive("MIT AND GPL-3.0"));
}

#[test]
fn no_crate_is_built_twice_without_a_reason() {
    let metadata = Metadata::read();
    let list = std::fs::read_to_string(absolute("tests/duplicates.txt")).expect("the list is tracked");
    let reasons: BTreeMap<&str, &str> = list
        .lines()
        .filter(|line| !line.starts_with('#') && !line.trim().is_empty())
        .map(|line| line.split_once(':').unwrap_or_else(|| panic!("no reason: {line}")))
        .collect();
    let mut versions: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for member in SHIPPED {
        for package in metadata.built_into(member) {
            versions.entry(&package.name).or_default().insert(&package.version);
        }
    }
    versions.retain(|_, versions| versions.len() > 1);
    let unexplained: Vec<String> = versions
        .iter()
        .filter(|(name, _)| !reasons.contains_key(*name))
        .map(|(name, versions)| format!("{name} {versions:?}"))
        .collect();
    nothing(&unexplained, "say why in tests/duplicates.txt, or remove one");
    let past: Vec<String> =
        reasons.keys().filter(|name| !versions.contains_key(**name)).map(|name| (*name).to_owned()).collect();
    nothing(&past, "no longer twice: take it out of tests/duplicates.txt");
}

#[test]
fn every_dependency_has_its_reason_and_every_member_uses_what_it_names() {
    let files = tracked();
    let workspace = files.iter().find(|file| file.path == "Cargo.toml").expect("the workspace is tracked");
    let mut found = Vec::new();
    let mut section = "";
    let mut listed = BTreeSet::new();
    for line in workspace.text.lines() {
        if line.starts_with('[') {
            section = line;
        } else if section == "[workspace.dependencies]"
            && let Some((name, rest)) = line.split_once(" = ")
        {
            listed.insert(name);
            if !rest.contains("path = ") && !rest.contains(" # ") {
                found.push(format!("Cargo.toml: {name} has no reason"));
            }
        }
    }
    let mut used = BTreeSet::new();
    for manifest in files.iter().filter(|file| file.path.ends_with("/Cargo.toml")) {
        let folder = manifest.path.trim_end_matches("Cargo.toml");
        let sources: String = files
            .iter()
            .filter(|file| file.path.starts_with(folder) && file.is_rust())
            .map(|file| file.text.as_str())
            .collect();
        let mut section = "";
        for line in manifest.text.lines() {
            if line.starts_with('[') {
                section = line;
            } else if section.contains("dependencies]")
                && let Some(name) =
                    line.split(['.', ' ']).next().filter(|name| !name.is_empty() && !name.starts_with('#'))
            {
                used.insert(name.to_owned());
                if !sources.contains(&name.replace('-', "_")) {
                    found.push(format!("{}: {name} is not used", manifest.path));
                }
                if !listed.contains(name) {
                    found.push(format!("{}: {name} belongs into the workspace's list", manifest.path));
                }
            }
        }
    }
    found.extend(
        listed
            .iter()
            .filter(|name| !used.contains(**name))
            .map(|name| format!("Cargo.toml: nobody uses {name}")),
    );
    nothing(&found, "dependencies");
}

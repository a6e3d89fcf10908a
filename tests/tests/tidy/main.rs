//! The rules of this repository that a machine can check: ARCHITECTURE.md's invariants and the house style.

mod dependencies;
mod documents;
mod sources;

use std::path::PathBuf;

use twofold_tests::{place, run};

/// A file that git tracks.
struct Tracked {
    /// From the repository's root.
    path: String,
    /// Its text; empty for what is not text.
    text: String,
}

impl Tracked {
    fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }
}

fn absolute(path: &str) -> PathBuf {
    place::repository().join(path)
}

/// Every file that is tracked, or will be: new ones are judged before they are committed.
fn tracked() -> Vec<Tracked> {
    let list = run(std::process::Command::new("git").current_dir(place::repository()).args([
        "-c",
        "safe.directory=*",
        "ls-files",
        "--cached",
        "--others",
        "--exclude-standard",
    ]))
    .expect_success();
    let files: Vec<Tracked> = list
        .lines()
        .filter(|path| absolute(path).is_file())
        .map(|path| Tracked {
            path: path.to_owned(),
            text: String::from_utf8(std::fs::read(absolute(path)).expect("it can be read"))
                .unwrap_or_default(),
        })
        .collect();
    assert!(files.len() > 50, "git lists {} files", files.len());
    files
}

/// Fails with every finding, so that one run tells all.
fn nothing(found: &[String], rule: &str) {
    assert!(found.is_empty(), "{rule}:\n  {}", found.join("\n  "));
}

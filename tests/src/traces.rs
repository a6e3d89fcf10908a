//! What a run has issued, so that the last suite can look for it in every log.

use std::fs;
use std::io::Write;
use std::path::PathBuf;

use crate::place;

fn file() -> PathBuf {
    let folder = place::run_folder().join("issued");
    fs::create_dir_all(&folder).expect("the run's folder can be written");
    folder.join(std::process::id().to_string())
}

/// Notes something that no log may contain: `kind` is `secret`, `code`, `backup code`, `password`, `cookie` or
/// `key`.
pub fn issued(kind: &str, value: &str) {
    let mut file = fs::OpenOptions::new().create(true).append(true).open(file()).expect("it can be written");
    // One write, so that lines of several threads stay whole.
    file.write_all(format!("{kind}\t{value}\n").as_bytes()).expect("it can be written");
}

/// All that the run has issued so far: (kind, value), each once.
#[must_use]
pub fn all_issued() -> Vec<(String, String)> {
    let mut all = Vec::new();
    for entry in fs::read_dir(place::run_folder().join("issued")).into_iter().flatten() {
        let text = fs::read_to_string(entry.expect("it can be listed").path()).expect("it can be read");
        all.extend(
            text.lines().filter_map(|line| line.split_once('\t')).map(|(a, b)| (a.to_owned(), b.to_owned())),
        );
    }
    all.sort();
    all.dedup();
    all
}

/// The run's logs.
#[must_use]
pub fn logs() -> Vec<PathBuf> {
    let folder = fs::read_dir(place::run_folder().join("logs")).into_iter().flatten();
    folder.map(|entry| entry.expect("it can be listed").path()).collect()
}

//! Where things are: the repository, what was built, what a run leaves.

use std::path::{Path, PathBuf};

/// The repository's root.
#[must_use]
pub fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the tests are a folder of the repository")
        .to_owned()
}

/// The folder of the programs that were built with the running test.
fn built() -> PathBuf {
    let test = std::env::current_exe().expect("the kernel knows the running program");
    let folder = test.parent().expect("a program is in a folder");
    if folder.ends_with("deps") {
        folder.parent().expect("deps is in a folder").to_owned()
    } else {
        folder.to_owned()
    }
}

/// cargo's target folder.
#[must_use]
pub fn target() -> PathBuf {
    built().parent().expect("a profile's folder is in the target folder").to_owned()
}

fn existing(path: PathBuf, how: &str) -> PathBuf {
    assert!(path.exists(), "{} is missing: {how}", path.display());
    path
}

/// One of our programs.
#[must_use]
pub fn program(name: &str) -> PathBuf {
    existing(built().join(name), "cargo build --workspace --bins")
}

/// The PAM module as it ships.
#[must_use]
pub fn module() -> PathBuf {
    existing(target().join("release/libpam_twofold.so"), "cargo build --package twofold-pam --release")
}

/// What this run leaves: logs, and what was issued. `./dev test` empties it first.
#[must_use]
pub fn run_folder() -> PathBuf {
    let folder = target().join("dev/run");
    std::fs::create_dir_all(&folder).expect("the target folder can be written");
    folder
}

//! Where things are: the repository, what was built, what a run leaves.

use std::path::{Path, PathBuf};
use std::process::Command;

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

/// What was built, under the names and in one folder as a release build leaves it.
///
/// # Panics
/// When something has not been built.
pub fn finished_programs(folder: &Path) {
    std::fs::create_dir_all(folder).expect("there is room for a folder");
    for name in ["twofoldd", "twofold-gate", "twofold"] {
        std::fs::copy(program(name), folder.join(name)).expect("./dev has built it");
    }
    std::fs::copy(module(), folder.join("libpam_twofold.so")).expect("./dev has built it");
}

/// The package for Debian, made from what was built, as this version.
///
/// # Panics
/// When it cannot be made.
#[must_use]
pub fn package(version: &str) -> PathBuf {
    let mut build = Command::new(repository().join("packaging/deb/build"));
    // Packed lightly: this one is read once.
    build
        .env("VERSION", version)
        .env("DPKG_DEB_COMPRESSOR_TYPE", "gzip")
        .env("DPKG_DEB_COMPRESSOR_LEVEL", "1");
    packed(&mut build, &format!("deb-{version}"))
}

/// The package for systems with rpm, made from what was built.
///
/// # Panics
/// When it cannot be made.
#[must_use]
pub fn rpm() -> PathBuf {
    packed(&mut Command::new(repository().join("packaging/rpm/build")), "rpm")
}

/// Runs one of `packaging/*/build`, and gives the one file that it makes.
fn packed(build: &mut Command, name: &str) -> PathBuf {
    let folder = run_folder().join(format!("package-{name}-{}", std::process::id()));
    let built = tempfile::tempdir().expect("there is room for a folder");
    finished_programs(built.path());
    let made = folder.join("made");
    crate::run(build.arg(built.path()).arg(&made)).expect_success();
    let list = crate::run(Command::new("find").arg(&made).args(["-type", "f"])).expect_success();
    let files: Vec<&str> = list.lines().collect();
    assert_eq!(files.len(), 1, "{files:?}");
    files.first().map(PathBuf::from).expect("a package was made")
}

/// The files of PAM and sshd that packages of Debian's next release bring.
#[must_use]
pub fn files_of_next_release() -> PathBuf {
    existing(target().join("dev/files-trixie"), "./dev with true")
}

/// What this run leaves: logs, and what was issued. `./dev test` empties it first.
#[must_use]
pub fn run_folder() -> PathBuf {
    let folder = target().join("dev/run");
    std::fs::create_dir_all(&folder).expect("the target folder can be written");
    folder
}

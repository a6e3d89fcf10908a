//! git, and a repository to serve.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::run;

/// git without anybody's configuration, which asks nobody for a password.
#[must_use]
pub fn git(home: &Path) -> Command {
    let mut command = Command::new("git");
    command.env("HOME", home).env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_TERMINAL_PROMPT", "0");
    command.args([
        "-c",
        "user.name=Alice",
        "-c",
        "user.email=alice@localhost",
        "-c",
        "init.defaultBranch=main",
    ]);
    command
}

/// A bare repository with the file `note`, which any server of files can serve.
///
/// # Panics
/// When `git` is missing.
pub fn make_repository(home: &Path, bare: &Path, note: &str) {
    let work = home.join("work");
    run(git(home).arg("init").arg(&work)).expect_success();
    fs::write(work.join("note"), note).expect("our folder can be written");
    run(git(home).arg("-C").arg(&work).args(["add", "note"])).expect_success();
    run(git(home).arg("-C").arg(&work).args(["commit", "--message", "a note of ours"])).expect_success();
    run(git(home).args(["clone", "--bare"]).arg(&work).arg(bare)).expect_success();
    run(git(home).arg("-C").arg(bare).arg("update-server-info")).expect_success();
}

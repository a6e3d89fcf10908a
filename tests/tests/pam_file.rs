//! `pam_twofold.so` as a file: what it exports, what it needs, how big it is.

use std::fs;
use std::process::Command;

use twofold_tests::{place, run};

#[test]
fn the_module_exports_pams_entry_points_alone() {
    let symbols =
        run(Command::new("nm").args(["--dynamic", "--defined-only"]).arg(place::module())).expect_success();
    let mut names: Vec<&str> = symbols.lines().filter_map(|line| line.split(' ').next_back()).collect();
    names.sort_unstable();
    let entries = ["acct_mgmt", "authenticate", "chauthtok", "close_session", "open_session", "setcred"]
        .map(|entry| format!("pam_sm_{entry}"));
    assert_eq!(names, entries);
}

#[test]
fn the_module_needs_libpam_and_libc_alone_and_pins_nothing() {
    let header = run(Command::new("readelf").arg("--dynamic").arg(place::module())).expect_success();
    let mut needed: Vec<&str> = header
        .lines()
        .filter(|line| line.contains("(NEEDED)"))
        .filter_map(|line| line.split(['[', ']']).nth(1))
        .filter(|library| !library.starts_with("ld-linux"))
        .collect();
    needed.sort_unstable();
    assert_eq!(needed, ["libc.so.6", "libpam.so.0"]);
    assert!(header.contains("NOW") && !header.contains("TEXTREL") && !header.contains("NODELETE"));
    let imports =
        run(Command::new("nm").args(["--dynamic", "--undefined-only"]).arg(place::module())).expect_success();
    let never = [
        "__cxa_thread_atexit_impl",
        "atexit",
        "chdir",
        "environ",
        "execve",
        "fork",
        "openlog",
        "pthread_create",
        "setenv",
        "setlocale",
        "setrlimit",
        "sigaction",
        "signal",
        "umask",
    ];
    for line in imports.lines() {
        let name = line.rsplit(' ').next().unwrap_or_default().split('@').next().unwrap_or_default();
        assert!(!never.contains(&name), "{name}");
    }
}

#[test]
fn the_module_is_under_a_mebibyte() {
    assert!(fs::metadata(place::module()).unwrap().len() < 1024 * 1024);
}

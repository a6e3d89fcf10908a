//! The ledger and the clock on a real machine: a disk that is really full, a process that is really killed, a wall clock
//! that is really shifted.
//!
//! Needs root, for a small tmpfs of its own (the whole suite runs as root, for it also starts sshd), and faketime.
#![expect(clippy::unwrap_used, reason = "a test's support is a test too")]

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use tempfile::TempDir;
use twofold_authority::keyring::{Keyring, Place};
use twofold_authority::store::{
    Commit, Expect, Key, Options, ReserveSize, Room, Space, Store, StoreError, Write,
};
use twofold_authority::system_clock::{Clock, SystemClock};
use zeroize::Zeroizing;

/// A disk of its own, 64 MiB large.
struct SmallDisk {
    folder: TempDir,
}

impl SmallDisk {
    fn mount() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=64m,mode=0700", "twofold-test"])
            .arg(folder.path())
            .status()
            .unwrap();
        assert!(mounted.success(), "this test mounts a tmpfs, so it must run as root");
        Self { folder }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Writes until nothing goes in any more.
    fn fill(&self) -> PathBuf {
        let path = self.path().join("somebody-elses-log");
        let mut file = File::options().append(true).create(true).open(&path).unwrap();
        let block = vec![7; 1 << 16];
        while file.write_all(&block).is_ok() {}
        while file.write_all(&[7]).is_ok() {}
        path
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.folder.path()).status();
    }
}

fn options(folder: &Path) -> Options {
    let mut options = Options::new(folder.join("ledger"));
    options.reserve = ReserveSize { reserve: 16 << 20, margin: 4 << 20 };
    options
}

fn create(folder: &Path) {
    let keyring = Keyring::generate(&folder.join("keys")).unwrap();
    Store::create(&options(folder), &keyring, &SystemClock::new().unwrap()).unwrap();
}

fn open(folder: &Path) -> Store {
    let keyring = Arc::new(Keyring::load(&folder.join("keys"), Place::Folder).unwrap());
    Store::open(&options(folder), keyring, Arc::new(SystemClock::new().unwrap()), None).unwrap()
}

fn counted(number: u64, essential: bool) -> Commit {
    let write = Write {
        key: Key::new(Space::Name, "counter"),
        expect: Expect::Any,
        value: Some(Zeroizing::new(number.to_be_bytes().to_vec())),
    };
    Commit { writes: vec![write], essential, ..Commit::default() }
}

fn count(store: &Store) -> u64 {
    let found = store.get(&Key::new(Space::Name, "counter")).unwrap();
    found.map_or(0, |found| u64::from_be_bytes(found.value.as_slice().try_into().unwrap()))
}

#[tokio::test]
async fn on_a_full_disk_codes_are_checked_and_everything_else_is_refused_until_there_is_room() {
    let disk = SmallDisk::mount();
    create(disk.path());
    let mut store = open(disk.path());
    store.commit(counted(1, false)).await.unwrap();
    assert_eq!(store.room(), Room::Plenty);

    let filler = disk.fill();
    assert_eq!(store.commit(counted(2, false)).await, Err(StoreError::DiskFull));
    for number in 3..2000 {
        store.commit(counted(number, true)).await.unwrap();
    }
    assert_eq!(store.room(), Room::Scarce);

    // Also across a restart, which needs room of its own.
    store.close().await;
    drop(store);
    disk.fill();
    store = open(disk.path());
    assert_eq!(count(&store), 1999);
    assert_eq!(store.commit(counted(2, false)).await, Err(StoreError::DiskFull));
    store.commit(counted(2000, true)).await.unwrap();

    fs::remove_file(filler).unwrap();
    store.commit(counted(2001, false)).await.unwrap();
    assert_eq!(store.room(), Room::Plenty);
    assert_eq!(fs::metadata(disk.path().join("ledger/reserve")).unwrap().len(), 16 << 20);
}

#[tokio::test]
async fn a_disk_filled_again_and_again_ends_in_refusals_and_never_in_a_broken_ledger() {
    let disk = SmallDisk::mount();
    create(disk.path());
    let store = open(disk.path());
    let mut written = 0;
    for number in 1..10_000 {
        disk.fill();
        match store.commit(counted(number, true)).await {
            Ok(_) => written = number,
            Err(error) => {
                assert_eq!(error, StoreError::DiskFull);
                break;
            }
        }
    }
    assert_eq!(store.room(), Room::None, "the reserve lasted longer than this test");
    store.close().await;
    drop(store);
    fs::remove_file(disk.fill()).unwrap();
    let store = open(disk.path());
    assert_eq!(count(&store), written);
    store.commit(counted(1, false)).await.unwrap();
}

/// Not a test by itself: the process that the next one kills. It takes the folder from its standard input and prints
/// each number once it is answered for.
#[test]
#[ignore = "the next test starts it"]
fn counts_until_it_is_killed() {
    let mut folder = String::new();
    std::io::stdin().read_to_string(&mut folder).unwrap();
    if folder.is_empty() {
        // Run for its own sake, with the ignored tests: there is nothing to count.
        return;
    }
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let store = open(Path::new(&folder));
    let mut out = std::io::stdout();
    for number in count(&store) + 1.. {
        runtime.block_on(store.commit(counted(number, true))).unwrap();
        writeln!(out, "answered {number}").unwrap();
    }
}

#[tokio::test]
async fn what_was_answered_for_is_there_after_kill_9() {
    let folder = tempfile::tempdir().unwrap();
    create(folder.path());
    for round in 0..10 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "--ignored", "--nocapture", "counts_until_it_is_killed"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(folder.path().to_str().unwrap().as_bytes()).unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut answered = 0;
        let mut seen = 0;
        while let Some(Ok(line)) = lines.next() {
            if let Some(number) = line.split("answered ").nth(1) {
                answered = number.parse().unwrap();
                seen += 1;
                if seen == 50 + 37 * round {
                    child.kill().unwrap();
                }
            }
        }
        child.wait().unwrap();
        assert!(answered > 0, "the child died before its time");
        let store = open(folder.path());
        let found = count(&store);
        assert!(found == answered || found == answered + 1, "answered for {answered}, found {found}");
        store.close().await;
    }
}

/// Not a test by itself: what the next one runs under faketime.
#[test]
#[ignore = "the next test starts it"]
fn tells_the_time() {
    let reading = SystemClock::new().unwrap().now();
    println!("\ntime {} {} {}", reading.wall_ms, reading.boottime_ms, reading.synchronised);
}

#[test]
fn faketime_shifts_the_wall_clock_and_nothing_else() {
    let before = SystemClock::new().unwrap().now();
    let output = Command::new("faketime")
        .args(["-f", "-600s"])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "--ignored", "--nocapture", "tells_the_time"])
        .env("DONT_FAKE_MONOTONIC", "1")
        .output()
        .unwrap();
    let after = SystemClock::new().unwrap().now();
    let text = String::from_utf8(output.stdout).unwrap();
    let told = text.lines().find_map(|line| line.strip_prefix("time ")).unwrap();
    let [wall, boottime, synchronised] = told.split(' ').collect::<Vec<_>>().try_into().unwrap();
    let (wall, boottime): (u64, u64) = (wall.parse().unwrap(), boottime.parse().unwrap());
    assert!((before.wall_ms..=after.wall_ms).contains(&(wall + 600_000)), "{wall} against {before:?}");
    assert!((before.boottime_ms..=after.boottime_ms).contains(&boottime), "{boottime} against {before:?}");
    assert_eq!(synchronised, "false", "the kernel vouches for its own clock only");
}

//! The ledger's disk is full: codes are still checked, everything else is refused, and nothing is lost.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use twofold_shared::client::CallError;
use twofold_shared::secret::SecretText;
use twofold_shared::wire::{
    AddAccount, FaultKind, GetAccount, GetInfo, RegenerateBackupCodes, Request, SetPassword, Word,
};
use twofold_tests::present::{Answer, address, present};
use twofold_tests::{Authority, Setup, run};

/// A small disk, unmounted with the value.
struct Disk(PathBuf);

impl Disk {
    /// The ledger's disk: the reserve of 64 MiB, and a little.
    fn mount(at: &Path) -> Self {
        let disk = Self(at.to_owned());
        run(Command::new("mount").args(["-t", "tmpfs", "-o", "size=112m,mode=0700", "tmpfs"]).arg(at))
            .expect_success();
        disk
    }

    fn filler(&self) -> PathBuf {
        self.0.join("somebody-elses")
    }

    /// Somebody fills it to the last byte.
    fn fill(&self) {
        let mut file = File::options().create(true).append(true).open(self.filler()).unwrap();
        for size in [1 << 20, 4096, 1] {
            while file.write_all(&vec![0; size]).is_ok() {}
        }
    }

    fn make_room(&self) {
        fs::remove_file(self.filler()).unwrap();
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        run(Command::new("umount").arg("--lazy").arg(&self.0));
    }
}

/// An authority whose ledger has a disk of its own.
fn place() -> (Authority, Disk) {
    let mut authority = Authority::prepare(Setup::default());
    let ledger = authority.path("ledger");
    let disk = Disk::mount(&ledger);
    run(authority.daemon().arg("--init")).expect_success();
    authority.restart();
    (authority, disk)
}

fn is_refused_as_full<R: Request>(authority: &Authority, request: &R) {
    match authority.call(request) {
        Err(CallError::Fault(fault)) if fault.kind == FaultKind::DiskFull => {}
        Err(other) => panic!("{}: {other:?}", R::METHOD),
        Ok(_) => panic!("{} went through", R::METHOD),
    }
}

fn add(name: &str) -> AddAccount {
    AddAccount { name: name.to_owned(), groups: Vec::new() }
}

fn everything_else_is_refused(authority: &Authority) {
    is_refused_as_full(authority, &add("local:late"));
    let account = Some("local:alice".to_owned());
    is_refused_as_full(authority, &RegenerateBackupCodes { account: account.clone(), code: None });
    let password = SecretText::new("too late for a password".to_owned());
    is_refused_as_full(authority, &SetPassword { account, password, code: None });
    assert!(authority.call(&GetInfo {}).unwrap().disk_full);
}

#[test]
fn on_a_full_disk_codes_are_checked_and_all_else_waits_for_room() {
    let (mut authority, disk) = place();
    let alice = authority.enrol("local:alice");
    let client = authority.client();
    let mut spent = Vec::new();
    let mut number = 0;
    let mut give = |client: &_, code: &str| {
        number += 1;
        present(client, "local:alice", address(number), code)
    };

    disk.fill();
    for _ in 0..20 {
        let code = alice.phone.fresh();
        assert_eq!(give(&client, &code), Answer::Approved, "{}", authority.log());
        spent.push(code);
    }
    // Whoever fills it takes what was given up, too.
    disk.fill();
    assert_eq!(give(&client, &alice.backup_codes[0]), Answer::Approved);
    assert_eq!(give(&client, spent.last().unwrap()), Answer::Refused(Word::Used));
    everything_else_is_refused(&authority);
    assert!(authority.log().contains("the disk is full"), "{}", authority.log());

    // A restart on the full disk changes nothing.
    authority.kill();
    authority.restart();
    everything_else_is_refused(&authority);
    let code = alice.phone.fresh();
    assert_eq!(give(&client, &code), Answer::Approved, "{}", authority.log());
    assert_eq!(give(&client, &code), Answer::Refused(Word::Used));

    disk.make_room();
    authority.call(&add("local:late")).unwrap();
    assert!(!authority.call(&GetInfo {}).unwrap().disk_full);
    let left = authority.call(&GetAccount { account: Some("local:alice".to_owned()) }).unwrap();
    assert_eq!(left.backup_codes_left, 9);
    assert_eq!(give(&client, &alice.backup_codes[0]), Answer::Refused(Word::Used));
}

#[test]
fn when_even_the_reserve_is_gone_nothing_is_accepted_and_nothing_is_lost() {
    let (mut authority, disk) = place();
    let alice = authority.enrol("local:alice");
    let client = authority.client();
    disk.fill();
    // The reserve is given up a piece at a time; each piece is taken at once.
    let mut accepted = Vec::new();
    let refused = (1..200).find_map(|number| {
        disk.fill();
        let code = alice.phone.fresh();
        match twofold_tests::present::verify(
            &client,
            twofold_tests::present::login("local:alice", "sshd", address(number)),
            &code,
        ) {
            Ok(Answer::Approved) => {
                accepted.push(code);
                None
            }
            other => Some(other),
        }
    });
    match refused {
        Some(Err(CallError::Fault(fault))) if fault.kind == FaultKind::DiskFull => {}
        other => panic!("{other:?} after {} codes\n{}", accepted.len(), authority.log()),
    }
    disk.make_room();
    let used = present(&client, "local:alice", address(300), accepted.last().unwrap());
    // Where a step has passed meanwhile, it is too old to be known for what it is.
    assert!(matches!(used, Answer::Refused(Word::Used | Word::Wrong)), "{used:?}");
    assert_eq!(present(&client, "local:alice", address(301), &alice.phone.fresh()), Answer::Approved);
    authority.kill();
    authority.restart();
    authority.call(&add("local:late")).unwrap();
}

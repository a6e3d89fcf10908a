//! What an attacker beside the authority, or in front of it, can see and use up.

use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::chown;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use aho_corasick::AhoCorasick;
use serde_json::{Value, json};
use twofold_shared::wire::GetInfo;
use twofold_tests::present::{Answer, address, as_user, at_once, present};
use twofold_tests::{Authority, Process, Setup, run};

/// A user of the authority's own, as packages make one.
const AUTHORITY_USER: u32 = 64_011;

/// An authority that is not root.
fn unprivileged() -> (Authority, Process) {
    let authority = Authority::prepare(Setup { syslog: false, ..Setup::default() });
    let owner = format!("{AUTHORITY_USER}:{AUTHORITY_USER}");
    run(Command::new("chown").args(["-R", &owner]).arg(authority.path(""))).expect_success();
    // Its configuration stays root's.
    chown(authority.configuration(), Some(0), Some(0)).unwrap();
    let mut daemon = authority.daemon();
    let mut process = Process::start("twofoldd", daemon.uid(AUTHORITY_USER).gid(AUTHORITY_USER));
    let client = authority.client();
    process.until("the authority answers", || client.call(&GetInfo {}).ok());
    (authority, process)
}

#[test]
fn its_own_user_cannot_look_into_its_memory_and_no_core_is_written() {
    let (_authority, process) = unprivileged();
    let folder = format!("/proc/{}", process.id());
    as_user(AUTHORITY_USER, || {
        for file in ["mem", "environ", "maps", "auxv"] {
            let opened = File::open(format!("{folder}/{file}")).and_then(|mut file| file.read(&mut [0]));
            assert!(opened.is_err(), "{file}");
        }
        assert!(fs::read_dir(format!("{folder}/fd")).is_err());
    });
    let limits = fs::read_to_string(format!("{folder}/limits")).unwrap();
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    assert_eq!(core.split_whitespace().skip(4).take(2).collect::<Vec<_>>(), ["0", "0"]);
    let status = fs::read_to_string(format!("{folder}/status")).unwrap();
    assert!(status.lines().any(|line| line
        == format!("Uid:\t{AUTHORITY_USER}\t{AUTHORITY_USER}\t{AUTHORITY_USER}\t{AUTHORITY_USER}")));
}

/// How often each of `texts` stands in a process's writable memory. As root, who can.
fn occurrences(process: u32, texts: &[&str]) -> Vec<usize> {
    let maps = fs::read_to_string(format!("/proc/{process}/maps")).unwrap();
    let mut memory = File::open(format!("/proc/{process}/mem")).unwrap();
    let finder = AhoCorasick::new(texts).unwrap();
    let mut found = vec![0; texts.len()];
    for line in maps.lines().filter(|line| line.split(' ').nth(1).is_some_and(|mode| mode.starts_with("rw")))
    {
        let (from, to) = line.split(' ').next().and_then(|range| range.split_once('-')).unwrap();
        let [from, to] = [from, to].map(|number| u64::from_str_radix(number, 16).unwrap());
        let mut bytes = vec![0; usize::try_from(to - from).unwrap()];
        memory.seek(SeekFrom::Start(from)).unwrap();
        if memory.read_exact(&mut bytes).is_err() {
            continue;
        }
        for occurrence in finder.find_overlapping_iter(&bytes) {
            found[occurrence.pattern().as_usize()] += 1;
        }
    }
    found
}

#[test]
fn codes_passwords_and_secrets_do_not_stay_in_its_memory() {
    const PASSWORD: &str = "walnut-quietly-3319-harbour";
    let mut authority = Authority::start();
    let alice = authority.enrol("local:alice");
    authority.set_password("local:alice", PASSWORD);
    let client = authority.client();
    let code = &alice.backup_codes[0];
    assert_eq!(present(&client, "local:alice", address(1), code), Answer::Approved);
    assert_eq!(present(&client, "local:alice", address(1), &alice.phone.fresh()), Answer::Approved);
    let process = authority.process().id();
    // A text that must be there: its own socket's path. So the search finds what there is.
    let socket = authority.socket().display().to_string();
    let codes = alice.backup_codes.iter().map(String::as_str);
    let texts: Vec<&str> =
        [socket.as_str(), PASSWORD, alice.phone.secret()].into_iter().chain(codes).collect();
    let found = occurrences(process, &texts);
    assert!(found[0] > 0);
    assert_eq!(found[1..], [0; 12], "a password, a secret, ten backup codes, the first of them used");
}

/// Everything in a folder, in bytes on the disk, except the reserve.
fn size(folder: &Path) -> u64 {
    use std::os::unix::fs::MetadataExt;
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    entries
        .map(|entry| match entry.metadata() {
            Ok(found) if found.is_dir() => size(&entry.path()),
            Ok(_) if entry.file_name() == "reserve" => 0,
            Ok(found) => found.blocks() * 512,
            // sled has just taken it away.
            Err(_) => 0,
        })
        .sum()
}

#[test]
fn ten_thousand_names_that_nobody_has_leave_little_in_the_ledger() {
    let authority = Authority::start();
    let client = authority.client();
    let before = size(&authority.path("ledger"));
    let hands = (0..16_u16).map(|hand| {
        let client = &client;
        move || {
            for number in 0..625 {
                let name = format!("nobody-{hand}-{number}");
                let answer = present(client, &name, address(hand * 1000 + number), "123456");
                assert!(matches!(answer, Answer::Refused(_)), "{answer:?}");
            }
        }
    });
    at_once(hands.collect());
    let grown = size(&authority.path("ledger")).saturating_sub(before);
    println!("10,000 unknown names: {} KiB", grown / 1024);
    assert!(grown < 32 << 20, "the ledger grew by {} KiB", grown / 1024);
    let events = authority.audit();
    let about: Vec<_> = events.iter().filter(|event| event.action == "verify").collect();
    assert_eq!(about.iter().map(|event| event.count).sum::<u64>(), 10_000, "all are counted");
    assert!(about.len() < 20, "{} events", about.len());
    assert!(about.iter().all(|event| event.name.is_none()), "no name of nobody's is kept");
}

/// One wrong code over the wire, as bytes.
fn answer(socket: &Path, name: &str, code: &str) -> String {
    let login =
        json!({"name": name, "service": "sshd", "first": "none", "source": {"address": "198.18.0.1"}});
    let call = json!({
        "method": "org.twofold.Authority.Verify",
        "parameters": {"nonce": "00112233445566778899aabbccddeeff", "login": login, "code": code},
    });
    exchange(socket, &call)
}

fn exchange(socket: &Path, call: &Value) -> String {
    let mut stream = UnixStream::connect(socket).unwrap();
    stream.write_all(format!("{call}\0").as_bytes()).unwrap();
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

/// What a process has used: processor time in hundredths of a second, and its writes.
fn used(process: u32) -> (u64, u64) {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    let ticks = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
    let io = fs::read_to_string(format!("/proc/{process}/io")).unwrap();
    let writes = io.lines().find_map(|line| line.strip_prefix("syscw: ")).unwrap().parse().unwrap();
    (ticks, writes)
}

#[test]
fn a_name_that_nobody_has_is_answered_in_the_same_bytes_at_the_same_cost() {
    const TIMES: u64 = 16;
    let mut authority = Authority::with(Setup { syslog: false, ..Setup::default() });
    authority.enrol("local:alice");
    authority.add("local:fresh");
    let (process, socket) = (authority.process().id(), authority.socket());
    // Shaped like a backup code: the dear kind, with an Argon2 run.
    let costs = ["local:alice", "local:fresh", "local:nobody", "local:nobody-else"].map(|name| {
        let mut answers = Vec::new();
        let (ticks, writes) = used(process);
        for _ in 0..TIMES {
            answers.push(answer(&socket, name, "00000000"));
            // Past every delay, so that each is looked at.
            authority.clock().shift(16 * 60);
        }
        let (after_ticks, after_writes) = used(process);
        answers.dedup();
        (answers, after_ticks - ticks, after_writes - writes)
    });
    println!("answers, hundredths of a second, writes: {costs:?}");
    // One Argon2 run or one commit fewer each time would be far outside; a busy machine stays within.
    let [known, others @ ..] = &costs;
    assert_eq!(known.0.len(), 1, "{known:?}");
    assert!(known.1 >= TIMES, "Argon2 was run: {known:?}");
    for other in others {
        assert_eq!(other.0, known.0);
        assert!(other.1 * 2 < known.1 * 3 && known.1 * 2 < other.1 * 3, "time: {costs:?}");
        assert!(other.2 * 2 < known.2 * 3 && known.2 * 2 < other.2 * 3, "writes: {costs:?}");
    }
}

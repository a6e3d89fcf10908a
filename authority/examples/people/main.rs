//! What a page of accounts costs among a hundred thousand, against the same among a hundred in the same run: asked of a real
//! `twofoldd` by whoever administers, and of a real gate before it by an operator of everybody and by one of a group of sixty; and
//! how much memory the roster takes.
//!
//! `tests/bench/people` builds and runs it; by hand: `people TWOFOLDD TWOFOLD-GATE FOLDER [MANY]`. Run it as the user that owns
//! the ledger. Prints medians and ratios, and fails where a ratio is above what it should be at most.
#![expect(
    clippy::panic,
    clippy::print_stdout,
    clippy::unreachable,
    clippy::unwrap_used,
    reason = "a measurement for people, not a program that ships"
)]

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, ExitCode};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use twofold_shared::client::Client;
use twofold_shared::wire::{AccountOrder, AccountState, AddAccount, GetInfo, LockAccount, SearchAccounts};

#[expect(dead_code, reason = "shared with the measurement of verifications, which also needs its size")]
#[path = "../verify/ledger.rs"]
mod ledger;
mod portal;

use portal::Portal;

const FEW: usize = 100;
const MANY: usize = 100_000;
const ROUNDS: usize = 300;
/// What a page may cost among many, against the same among few.
const AIM: f64 = 2.0;
/// People in the group of which somebody is in charge.
const GROUP: usize = 60;

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    let (programs, folder, many) = match arguments.as_slice() {
        [authority, gate, folder] => ([authority, gate], folder, MANY),
        [authority, gate, folder, many] => {
            ([authority, gate], folder, many.to_str().unwrap().parse().unwrap())
        }
        _ => panic!("usage: people TWOFOLDD TWOFOLD-GATE FOLDER [MANY]"),
    };
    let folder = tempfile::Builder::new().prefix("bench-people-").tempdir_in(folder).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let start = |name: &str, people: usize| {
        let folder = folder.path().join(name);
        fs::create_dir(&folder).unwrap();
        let all = runtime.block_on(ledger::People::make(&folder, people));
        let office = Office::start(Path::new(programs[0]), &folder, people);
        let portal = Portal::start(Path::new(programs[1]), &folder, &office.client, &all);
        (office, portal)
    };
    let ((few, few_at_web), (many, many_at_web)) = (start("few", FEW), start("many", many));
    println!(
        "a page of accounts, in microseconds              among {FEW} {:>13}   ratio (aim {AIM:.1})",
        format!("among {}", many.people)
    );
    let mut worst: f64 = 0.0;
    for question in QUESTIONS {
        let times = compare(|| few.asks(question), || many.asks(question));
        worst = worst.max(print(question.what, times));
    }
    for page in portal::PAGES {
        let times = compare(|| few_at_web.opens(page, FEW), || many_at_web.opens(page, many.people));
        worst = worst.max(print(page.what, times));
    }
    let grew = many.grew_kib as f64 * 1024.0 / many.people as f64;
    println!(
        "memory        {grew:.0} bytes resident for each of {} accounts, made in {:.2} s",
        many.people,
        many.made_in.as_secs_f64()
    );
    if worst > AIM {
        println!("people        FAILED: a page takes {worst:.2} times as long, and {AIM:.1} is the aim");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

/// The medians of both, in turns.
fn compare(few: impl Fn() -> f64, many: impl Fn() -> f64) -> (f64, f64) {
    let (mut small, mut large) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        small.push(few());
        large.push(many());
    }
    (median(&mut small), median(&mut large))
}

/// Prints a line; the ratio.
fn print(what: &str, (small, large): (f64, f64)) -> f64 {
    let ratio = large / small;
    println!("{what:48} {small:>9.0} {large:>13.0} {ratio:>7.2}");
    ratio
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// What is asked, and how many are found: as many among few as among many.
#[derive(Clone, Copy)]
struct Question {
    what: &'static str,
    prefix: fn(usize) -> Option<String>,
    state: Option<AccountState>,
    order: AccountOrder,
    found: usize,
}

const QUESTIONS: [Question; 7] = [
    Question { what: "the first page", prefix: |_| None, state: None, order: AccountOrder::Name, found: 50 },
    Question {
        what: "the beginning of a name, eleven of them",
        prefix: |people| Some(format!("user{}", people / 10 - 1)),
        state: None,
        order: AccountOrder::Name,
        found: 11,
    },
    Question {
        what: "locked, three of them",
        prefix: |_| None,
        state: Some(AccountState::Locked),
        order: AccountOrder::Name,
        found: 3,
    },
    Question {
        what: "closed to unknown places, nobody",
        prefix: |_| None,
        state: Some(AccountState::Closed),
        order: AccountOrder::Name,
        found: 0,
    },
    Question {
        what: "unused for longest",
        prefix: |_| None,
        state: None,
        order: AccountOrder::Idle,
        found: 50,
    },
    Question {
        what: "used last, of the locked",
        prefix: |_| None,
        state: Some(AccountState::Locked),
        order: AccountOrder::Recent,
        found: 3,
    },
    Question {
        what: "used last, of a beginning that all have",
        prefix: |_| Some("user".to_owned()),
        state: None,
        order: AccountOrder::Recent,
        found: 50,
    },
];

/// A real authority over a ledger of so many.
struct Office {
    process: Child,
    client: Client,
    people: usize,
    grew_kib: u64,
    made_in: Duration,
}

impl Office {
    fn start(program: &Path, folder: &Path, people: usize) -> Self {
        let (config, log) = (folder.join("authority.toml"), folder.join("log"));
        let text = format!(
            "ledger = '{0}/ledger'\nkeys = '{0}/keys'\nhost = 'bench'\nsocket = '{0}/authority.sock'\n\
             [gate]\nuser = '{1}'\n[audit]\nsyslog = false\n",
            folder.display(),
            rustix::process::getuid().as_raw()
        );
        fs::write(&config, text).unwrap();
        fs::set_permissions(&config, fs::Permissions::from_mode(0o600)).unwrap();
        let mut command = Command::new(program);
        command.arg("--config").arg(&config).stderr(File::create(&log).unwrap());
        let process = command.spawn().unwrap();
        let client = Client::new(folder.join("authority.sock"), Duration::from_secs(60));
        let mut office = Self { process, client, people, grew_kib: 0, made_in: Duration::ZERO };
        let begun = Instant::now();
        // Counting opens every account once, so that what the ledger's cache takes is there before the roster is.
        while office.client.call(&GetInfo {}).is_err() {
            let alive = office.process.try_wait().unwrap().is_none() && begun.elapsed().as_secs() < 60;
            assert!(alive, "twofoldd does not start: {}", fs::read_to_string(&log).unwrap());
            thread::sleep(Duration::from_millis(1));
        }
        for number in 0..GROUP {
            let (name, groups) = (format!("{}:s{number:02}", ledger::REALM), vec!["sales".to_owned()]);
            office.client.call(&AddAccount { name, groups }).unwrap();
        }
        for number in [1, people / 2, people - 1] {
            let account = format!("{}:{}", ledger::REALM, ledger::user(number));
            office.client.call(&LockAccount { account, reason: None, until: None }).unwrap();
        }
        let (before, begun) = (office.resident(), Instant::now());
        office.asks(QUESTIONS[0]);
        office.made_in = begun.elapsed();
        office.grew_kib = office.resident().saturating_sub(before);
        office
    }

    /// Asks once; how long it took, in microseconds.
    fn asks(&self, question: Question) -> f64 {
        let Question { prefix, state, order, found, .. } = question;
        let request = SearchAccounts { prefix: prefix(self.people), state, order, after: None, limit: 50 };
        let begun = Instant::now();
        let reply = self.client.call(&request).unwrap();
        let took = begun.elapsed();
        assert_eq!(reply.accounts.len(), found, "{}", question.what);
        took.as_secs_f64() * 1e6
    }

    fn resident(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }
}

impl Drop for Office {
    fn drop(&mut self) {
        let _ = kill_process(Pid::from_child(&self.process), Signal::TERM);
        let _ = self.process.wait();
    }
}

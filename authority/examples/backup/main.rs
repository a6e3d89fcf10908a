//! How long whoever logs in waits while a copy of a ledger of a hundred thousand accounts is written, against the same while
//! none is, in the same run.
//!
//! `tests/bench/backup` builds and runs it; by hand: `backup TWOFOLDD FOLDER`, with the folder on the disk that is to be
//! measured. Run it as the user that owns the ledger: it asks as whoever administers. Prints medians and ratios; judges
//! nothing.
#![expect(
    clippy::panic,
    clippy::print_stdout,
    clippy::unreachable,
    clippy::unwrap_used,
    reason = "a measurement for people, not a program that ships"
)]

use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use daemon::Daemon;
use ledger::People;
use twofold_shared::client::Client;
use twofold_shared::wire::CopyLedger;

#[expect(
    dead_code,
    reason = "shared with the measurement of verifications, which also has connections that stay"
)]
#[path = "../verify/daemon.rs"]
mod daemon;
#[expect(dead_code, reason = "shared with the measurement of verifications, which also needs sizes")]
#[path = "../verify/ledger.rs"]
mod ledger;

const MANY: usize = 100_000;
const ROUNDS: usize = 5;
/// Between two logins: they are people's, not a race.
const PAUSE: Duration = Duration::from_millis(2);

fn main() {
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    let [program, folder] = arguments.as_slice() else { panic!("usage: backup TWOFOLDD FOLDER") };
    let folder = tempfile::Builder::new().prefix("bench-backup-").tempdir_in(folder).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let people = runtime.block_on(People::make(folder.path(), MANY));
    let daemon = Daemon::start(Path::new(program), folder.path());
    daemon.consult(MANY);
    let (mut quiet, mut meanwhile, mut copies) = (Vec::new(), Vec::new(), Vec::new());
    let mut written = 0;
    for _ in 0..ROUNDS {
        let copying = thread::spawn({
            let main = Client::new(folder.path().join("authority.sock"), Duration::from_mins(10));
            move || {
                let begun = Instant::now();
                let copy = main.call(&CopyLedger {}).unwrap();
                (begun.elapsed(), fs::metadata(copy.path).unwrap().len())
            }
        });
        let logins = log_in_until(&daemon, &people, || copying.is_finished());
        let (took, bytes) = copying.join().unwrap();
        meanwhile.extend(logins);
        copies.push(took);
        written = bytes;
        let begun = Instant::now();
        quiet.extend(log_in_until(&daemon, &people, || begun.elapsed() > took));
    }
    println!("a login, in milliseconds      median   of 100 the longest   longest      of");
    let (alone, beside) =
        (told("while no copy is written", &mut quiet), told("while one is", &mut meanwhile));
    println!(
        "ratio                       {:>8.2} {:>20.2} {:>9.2}",
        beside[0] / alone[0],
        beside[1] / alone[1],
        beside[2] / alone[2]
    );
    copies.sort();
    println!(
        "a copy of {MANY} accounts: {:.2} s, {} MiB; the authority has {} MiB",
        copies.get(ROUNDS / 2).unwrap().as_secs_f64(),
        written >> 20,
        daemon.resident()
    );
}

fn log_in_until(daemon: &Daemon, people: &People, ended: impl Fn() -> bool) -> Vec<f64> {
    let mut times = Vec::new();
    while !ended() {
        times.push(daemon.log_in(people).as_secs_f64() * 1e3);
        thread::sleep(PAUSE);
    }
    times
}

fn told(what: &str, times: &mut [f64]) -> [f64; 3] {
    times.sort_by(f64::total_cmp);
    let at = |part: usize| times.get((times.len() * part / 100).min(times.len() - 1)).copied().unwrap();
    let found = [at(50), at(99), at(100)];
    let [median, most, longest] = found;
    println!("{what:27} {median:>8.2} {most:>20.2} {longest:>9.2} {:>7}", times.len());
    found
}

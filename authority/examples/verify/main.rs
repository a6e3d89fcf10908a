//! Verifications a second at the door of a real `twofoldd`, against sled's own group commit in the same run.
//!
//! `tests/bench/verify` builds and runs it; by hand: `verify TWOFOLDD FOLDER`, with the folder on the disk that is to be
//! measured. Each verification is a right code that nobody has seen, and an answer after it is on disk; everybody was
//! asked about before, as at a login.
//! Prints medians and ratios; judges nothing.
#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::unreachable,
    clippy::unwrap_used,
    reason = "a measurement for people, not a program that ships"
)]

use std::path::Path;
use std::time::Duration;

use tokio::runtime::Runtime;

use ceiling::{Ceiling, Sizes};
use daemon::{Connections, Daemon};
use ledger::People;

#[path = "../ceiling/mod.rs"]
mod ceiling;
mod daemon;
mod ledger;

const CLIENTS: [usize; 3] = [1, 8, 64];
const ROUNDS: usize = 3;
const LASTING: Duration = Duration::from_secs(1);
const FEW: usize = 40_000;
const MANY: usize = 100_000;
/// An event of the audit trail, sealed, about.
const EVENT_BYTES: usize = 256;

fn main() {
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    let [program, folder] = arguments.as_slice() else { panic!("usage: verify TWOFOLDD FOLDER") };
    let folder = tempfile::Builder::new().prefix("bench-verify-").tempdir_in(folder).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    measure(&runtime, Path::new(program), folder.path());
}

/// Rates by [`CLIENTS`], one a round.
#[derive(Default)]
struct Row([Vec<f64>; CLIENTS.len()]);

impl Row {
    fn add(&mut self, mut rate: impl FnMut(usize) -> f64) {
        for (rates, clients) in self.0.iter_mut().zip(CLIENTS) {
            rates.push(rate(clients));
        }
    }

    fn medians(&self) -> [f64; CLIENTS.len()] {
        self.0.each_ref().map(|rates| median(rates))
    }

    fn print(&self, what: &str, below: Option<&Self>) {
        let cells = match below.map(Self::medians) {
            None => self.medians().map(|rate| format!("{rate:.0}")),
            Some([one, eight, many]) => {
                let [a, b, c] = self.medians();
                [a / one, b / eight, c / many].map(|ratio| format!("{ratio:.2}"))
            }
        };
        println!("{what:38} {:>8} {:>8} {:>8}", cells[0], cells[1], cells[2]);
    }
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}

/// All in turns, so that what else the machine does meets all alike.
fn measure(runtime: &Runtime, program: &Path, folder: &Path) {
    let sizes = Sizes { account: ledger::account_bytes(), event: EVENT_BYTES };
    let sled = Ceiling::open(&folder.join("sled"), sizes, false);
    let drive = Ceiling::open(&folder.join("drive"), sizes, true);
    let inhabited = |name: &str, people| {
        let folder = folder.join(name);
        std::fs::create_dir(&folder).unwrap();
        let made = runtime.block_on(People::make(&folder, people));
        let daemon = Daemon::start(program, &folder);
        let resident = daemon.resident();
        daemon.consult(people);
        (made, daemon, resident)
    };
    let (many, large, resident) = inhabited("many", MANY);
    let [mut of_sled, mut of_drive, mut ours, mut ours_kept] = [(); 4].map(|()| Row::default());
    let (mut ours_of_many, mut started) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        // Anew each time: few people have few codes.
        let (few, small, resident) = inhabited(&format!("few-{round}"), FEW);
        started.push((small.started_in.as_secs_f64(), resident));
        of_sled.add(|clients| runtime.block_on(sled.rate(clients, LASTING)));
        of_drive.add(|clients| runtime.block_on(drive.rate(clients, LASTING)));
        ours.add(|clients| small.rate(&few, clients, Connections::OneACall, LASTING));
        ours_kept.add(|clients| small.rate(&few, clients, Connections::OneAClient, LASTING));
        ours_of_many.push(large.rate(&many, 64, Connections::OneACall, LASTING));
    }
    sled.close();
    drive.close();
    println!("a second, flushed, by clients                 1        8       64");
    of_sled.print("sled, one batch, one flush", None);
    of_drive.print("the same, and the drive waited for", None);
    ours_kept.print("verifications, a connection a client", None);
    ours_kept.print("ratio (aim 0.4 at 64)", Some(&of_sled));
    ours_kept.print("ratio with the drive waited for", Some(&of_drive));
    ours.print("verifications, a connection a call", None);
    ours.print("ratio", Some(&of_sled));
    ours.print("ratio with the drive waited for", Some(&of_drive));
    let (begun, few_resident) = started[0];
    println!("accounts   {FEW:>8}: started in {begun:.2} s, {few_resident} MiB");
    println!(
        "accounts   {MANY:>8}: started in {:.2} s, {resident} MiB, {} MiB afterwards",
        large.started_in.as_secs_f64(),
        large.resident()
    );
    let [.., rate] = ours.medians();
    println!(
        "rate over {MANY} accounts / over {FEW}, 64 clients: {:.2} (aim 0.8)",
        median(&ours_of_many) / rate
    );
}

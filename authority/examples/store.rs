//! How fast the ledger commits, against sled's own group commit in the same run.
//!
//! `cargo run --release -p twofold-authority --example store [-- FOLDER]`. Each client waits for its commit to be on
//! disk before it sends the next: an account replaced by compare-and-swap and an event of the audit trail, which is what
//! a verification writes. The ceiling is the same bytes, unsealed and unchecked, through one thread that writes what has
//! queued up in one batch with one flush. Prints commits a second and ratios; judges nothing.
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a measurement for people, not a program that ships"
)]

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use twofold_authority::audit::{Entry, Outcome};
use twofold_authority::keyring::Keyring;
use twofold_authority::store::{Commit, Expect, Options, Store, record};
use twofold_authority::system_clock::SystemClock;
use twofold_shared::account::{Account, AccountId, AccountName, Device, DeviceId, Label, Occasion};
use twofold_shared::clock::UnixTime;
use twofold_shared::name::Name;
use twofold_shared::totp::{Secret, Totp, TotpParameters};
use twofold_shared::trail::Action;

use ceiling::{Ceiling, Sizes, rate};

mod ceiling;

const LASTING: Duration = Duration::from_secs(3);
/// What an account and an event of the trail have, sealed.
const SIZES: Sizes = Sizes { account: 448, event: 256 };
const CLIENTS: [usize; 3] = [1, 8, 64];

fn main() {
    let folder = std::env::args_os().nth(1).map_or_else(std::env::temp_dir, Into::into);
    let folder = tempfile::Builder::new().prefix("twofold-bench").tempdir_in(folder).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    println!("commits a second, flushed      1 client   8 clients  64 clients");
    let ceiling = Ceiling::open(&folder.path().join("ceiling"), SIZES, false);
    let ceiling = runtime.block_on(async {
        let rates =
            [ceiling.rate(1, LASTING).await, ceiling.rate(8, LASTING).await, ceiling.rate(64, LASTING).await];
        ceiling.close();
        rates
    });
    print_row("sled, one batch, one flush", &ceiling.map(|rate| format!("{rate:.0}")));
    let ledger = folder.path().join("ledger");
    let keyring = Arc::new(Keyring::ephemeral().unwrap());
    let clock = Arc::new(SystemClock::new().unwrap());
    Store::create(&Options::new(&ledger), &keyring, &*clock).unwrap();
    let store =
        Store::open(&Options::new(&ledger), Arc::clone(&keyring), Arc::<SystemClock>::clone(&clock), None)
            .unwrap();
    let ours = runtime.block_on(ours(&store));
    print_row("twofold's store", &ours.map(|rate| format!("{rate:.0}")));
    let ratio =
        [0, 1, 2].map(|index| format!("{:.2}", ours.get(index).unwrap() / ceiling.get(index).unwrap()));
    print_row("ratio", &ratio);
    runtime.block_on(many_accounts(&ledger, keyring, clock, store));
}

fn print_row(what: &str, cells: &[String; 3]) {
    let [one, eight, many] = cells;
    println!("{what:28} {one:>10} {eight:>11} {many:>11}");
}

/// An account as most are: a name, a device, a place or two that it has come from.
fn account(number: u64) -> Account {
    let mut id = [0; 16];
    id.iter_mut().zip(number.to_be_bytes()).for_each(|(to, from)| *to = from);
    let name = Name::parse(&format!("user{number}")).unwrap();
    let mut account = Account::new(AccountId(id), AccountName { name, uid: Some(1000) }, UnixTime(1));
    let occasion =
        Occasion { at: UnixTime(1), door: "sshd on web1".into(), source: Some("192.0.2.1".into()) };
    account.devices.push(Device {
        id: DeviceId([1; 8]),
        label: Label::parse("phone").unwrap(),
        totp: Totp { secret: Secret::from_bytes([7; 20]).unwrap(), parameters: TotpParameters::default() },
        last_step: number,
        created: occasion.clone(),
        last_used: Some(occasion),
    });
    account
}

fn entry(account: AccountId) -> Entry {
    Entry {
        account: Some(account),
        name: Some("unix:alice".into()),
        source: Some("192.0.2.1".into()),
        factor: Some("phone".into()),
        request: Some("00112233445566778899aabbccddeeff".into()),
        ..Entry::new(Action::Verify, Outcome::Approved, "sshd on web1")
    }
}

/// What a verification does to the ledger: read the account, replace it, tell of it.
async fn verify(store: &Store, id: AccountId) {
    let (mut account, version) = record::load_account(store, &id).unwrap().unwrap();
    account.devices.iter_mut().for_each(|device| device.last_step += 1);
    let write = record::account_write(&account, Expect::Version(version)).unwrap();
    let commit = Commit {
        writes: vec![write],
        audit: vec![entry(id)],
        essential: true,
        fleeting: true,
        ..Commit::default()
    };
    store.commit(commit).await.unwrap();
}

async fn add(store: &Store, numbers: std::ops::Range<u64>) {
    let writes =
        numbers.map(|number| record::account_write(&account(number), Expect::Any).unwrap()).collect();
    store.commit(Commit { writes, ..Commit::default() }).await.unwrap();
}

async fn ours(store: &Store) -> [f64; 3] {
    add(store, 0..64).await;
    let mut rates = [0.0; 3];
    for (rate_of, clients) in rates.iter_mut().zip(CLIENTS) {
        let store = store.clone();
        *rate_of = rate(clients, LASTING, move |client| {
            let store = store.clone();
            async move { verify(&store, account(client as u64).id).await }
        })
        .await;
    }
    rates
}

/// A hundred thousand accounts: how long a start takes, what it occupies, and whether a verification still costs the
/// same.
async fn many_accounts(folder: &Path, keyring: Arc<Keyring>, clock: Arc<SystemClock>, store: Store) {
    const MANY: u64 = 100_000;
    for from in (0..MANY).step_by(1000) {
        add(&store, from..from + 1000).await;
    }
    store.close().await;
    drop(store);
    let begun = Instant::now();
    let store = Store::open(&Options::new(folder), keyring, clock, None).unwrap();
    println!("{MANY} accounts: opened in {:.2} s, {}", begun.elapsed().as_secs_f64(), memory());
    let spread = store.clone();
    let next = Arc::new(AtomicU64::new(0));
    let many = rate(64, LASTING, move |_| {
        let store = spread.clone();
        // A stride that meets every account before it meets one again.
        let number = next.fetch_add(7919, Ordering::Relaxed) % MANY;
        async move { verify(&store, account(number).id).await }
    })
    .await;
    println!("{MANY} accounts: {many:.0} commits a second at 64 clients, all over them, {}", memory());
    store.close().await;
}

fn memory() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS")).unwrap_or_default();
    format!("resident {}", line.trim_start_matches("VmRSS:").trim())
}

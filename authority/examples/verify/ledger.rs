//! A ledger full of people with a device, whose codes are known here.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use twofold_authority::keyring::Keyring;
use twofold_authority::store::{Commit, Expect, Options, Store, record};
use twofold_authority::system_clock::{Clock, SystemClock};
use twofold_shared::account::{Account, AccountId, AccountName, Device, DeviceId, Label, Occasion};
use twofold_shared::backup_code::{BackupCodes, CODES, Cost, PepperId, Salt};
use twofold_shared::clock::UnixTime;
use twofold_shared::name::Name;
use twofold_shared::secret::SecretText;
use twofold_shared::totp::{Secret, Totp, TotpParameters};

/// The realm of the door: no host is asked for its users.
pub const REALM: &str = "bench";

/// People, and which codes of theirs are spent.
pub struct People {
    spent: Vec<AtomicU64>,
    next: AtomicUsize,
    clock: SystemClock,
}

impl People {
    /// Makes a ledger of so many in `folder`.
    pub async fn make(folder: &Path, many: usize) -> Self {
        let clock = Arc::new(SystemClock::new().unwrap());
        let keyring = Arc::new(Keyring::generate(&folder.join("keys")).unwrap());
        let options = Options::new(folder.join("ledger"));
        Store::create(&options, &keyring, &*clock).unwrap();
        let store = Store::open(&options, keyring, clock, None).unwrap();
        for from in (0..many).step_by(1000) {
            let writes = (from..many.min(from + 1000)).flat_map(|number| {
                let account = account(number);
                let [AccountName { name, .. }] = account.names.as_slice() else { unreachable!() };
                let named = record::name_write(name, &account.id, Expect::Absent).unwrap();
                [record::account_write(&account, Expect::Absent).unwrap(), named]
            });
            store.commit(Commit { writes: writes.collect(), ..Commit::default() }).await.unwrap();
        }
        store.close().await;
        Self {
            spent: (0..many).map(|_| AtomicU64::new(0)).collect(),
            next: AtomicUsize::new(0),
            clock: SystemClock::new().unwrap(),
        }
    }

    /// Somebody and a code of theirs that is right and fresh: everybody once, and then again. A step ahead is as good as
    /// the present one, so each has two codes at a time.
    pub fn next_code(&self) -> (String, SecretText) {
        let parameters = TotpParameters::default();
        for _ in 0..self.spent.len() {
            let number = self.next.fetch_add(1, Ordering::Relaxed) % self.spent.len();
            let spent = self.spent.get(number).unwrap();
            let present = parameters.step_at(self.clock.now().now());
            let step = present.max(spent.load(Ordering::Relaxed) + 1);
            if step <= present + 1 {
                spent.store(step, Ordering::Relaxed);
                return (user(number), totp(number).code_at(step));
            }
        }
        panic!("the machine is too fast: nobody has a fresh code left; make more people");
    }
}

/// What an account takes in the ledger, about.
pub fn account_bytes() -> usize {
    let write = record::account_write(&account(0), Expect::Any).unwrap();
    write.value.map_or(0, |value| value.len()) + SEAL
}

/// What sealing adds to a value.
const SEAL: usize = 57;

pub fn user(number: usize) -> String {
    format!("user{number}")
}

/// An account as most are: a name, a device, ten backup codes.
fn account(number: usize) -> Account {
    let name = Name::parse(&format!("{REALM}:{}", user(number))).unwrap();
    let mut account = Account::new(id(number), AccountName { name, uid: None }, UnixTime(1));
    let occasion =
        Occasion { at: UnixTime(1), door: "sshd on web1".into(), source: Some("192.0.2.1".into()) };
    account.devices.push(Device {
        id: DeviceId([1; 8]),
        label: Label::parse("phone").unwrap(),
        totp: totp(number),
        last_step: 1,
        created: occasion.clone(),
        last_used: Some(occasion),
    });
    account.backup_codes = Some(BackupCodes {
        salt: Salt([1; 16]),
        pepper: PepperId(1),
        cost: Cost::CURRENT,
        digests: [[1; 32]; CODES],
        used: [false; CODES],
        created: UnixTime(1),
    });
    account
}

/// Ids are random, so that whoever comes next lies anywhere. The multiplier is odd: no two are alike.
fn id(number: usize) -> AccountId {
    let mixed = (number as u128 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
    AccountId(mixed.to_be_bytes())
}

fn totp(number: usize) -> Totp {
    let mut secret = [7; 20];
    secret.iter_mut().zip(number.to_be_bytes()).for_each(|(to, from)| *to = from);
    Totp { secret: Secret::from_bytes(secret).unwrap(), parameters: TotpParameters::default() }
}

//! The clock's record, and what its settling changes.

use twofold_shared::account::{Account, AccountId, AccountName, Device, DeviceId, Label, Occasion};
use twofold_shared::clock::Doubt;
use twofold_shared::name::Name;
use twofold_shared::totp::{Secret, Totp, TotpParameters};

use super::*;

async fn touch(store: &Store) {
    store.commit(Commit { essential: true, ..put("touched", b"1", Expect::Any) }).await.unwrap();
}

fn spent_ahead(step: u64) -> Account {
    let name = AccountName { name: Name::parse("alice").unwrap(), uid: Some(1000) };
    let mut account = Account::new(AccountId([7; 16]), name, UnixTime(NOON));
    account.devices.push(Device {
        id: DeviceId([1; 8]),
        label: Label::parse("phone").unwrap(),
        totp: Totp { secret: Secret::from_bytes([3; 20]).unwrap(), parameters: TotpParameters::default() },
        last_step: step,
        created: Occasion { at: UnixTime(NOON), door: "sshd on web1".into(), source: None },
        last_used: None,
    });
    account
}

#[tokio::test]
async fn a_clock_set_back_is_doubted_until_root_accepts_it_and_a_restart_forgets_neither() {
    let ledger = Ledger::new();
    let store = ledger.open();
    touch(&store).await;
    ledger.clock.step(-600);
    assert_eq!(store.now().await.unwrap().state, ClockState::Doubtful(Doubt::SetBack(600)));
    touch(&store).await;
    store.close().await;
    drop(store);

    let store = ledger.open();
    assert!(!store.now().await.unwrap().trusted());
    store.commit(Commit { accept_clock: true, ..Commit::default() }).await.unwrap();
    assert!(store.now().await.unwrap().trusted());
    store.close().await;
    drop(store);

    let store = ledger.open();
    assert!(store.now().await.unwrap().trusted());
    let reasons: Vec<_> =
        store.audit(None, 10).unwrap().into_iter().filter_map(|(_, event)| event.entry.reason).collect();
    assert_eq!(reasons, ["not believed: SetBack(600)", "accepted"]);
}

#[tokio::test]
async fn steps_spent_ahead_of_a_settled_clock_come_down_and_later_ones_stay() {
    let ledger = Ledger::new();
    let store = ledger.open();
    let ahead = NOON / 30 + 1_000_000;
    let account = spent_ahead(ahead);
    let write = record::account_write(&account, Expect::Absent).unwrap();
    store.commit(Commit { writes: vec![write], ..Commit::default() }).await.unwrap();
    let last_step = |store: &Store| {
        let (account, version) = record::load_account(store, &AccountId([7; 16])).unwrap().unwrap();
        (account.devices[0].last_step, version)
    };
    assert_eq!(last_step(&store).0, ahead);

    store.commit(Commit { accept_clock: true, ..Commit::default() }).await.unwrap();
    let (lowered, version) = last_step(&store);
    assert_eq!(lowered, NOON / 30);
    assert_eq!(record::load_accounts(&store, None, 10).unwrap()[0].0.devices[0].last_step, NOON / 30);

    // A code of the next step is spent: the settling lies behind this record and never touches it again.
    let write = record::account_write(&spent_ahead(NOON / 30 + 1), Expect::Version(version)).unwrap();
    store.commit(Commit { writes: vec![write], ..Commit::default() }).await.unwrap();
    assert_eq!(last_step(&store).0, NOON / 30 + 1);
    store.close().await;
    drop(store);
    assert_eq!(last_step(&ledger.open()).0, NOON / 30 + 1);
}

#[tokio::test]
async fn a_kernel_that_calls_its_clock_synchronised_settles_it_on_disk() {
    let ledger = Ledger::new();
    let store = ledger.open();
    touch(&store).await;
    ledger.clock.step(-600);
    touch(&store).await;
    ledger.clock.change(|reading| reading.synchronised = true);
    assert_eq!(store.now().await.unwrap().state, ClockState::Settled);
    assert!(store.core.state().settled.is_some());
    assert_eq!(store.now().await.unwrap().state, ClockState::Trusted);
}

#[tokio::test]
async fn small_steps_are_told_and_believed() {
    let ledger = Ledger::new();
    let store = ledger.open();
    touch(&store).await;
    ledger.clock.step(30);
    touch(&store).await;
    touch(&store).await;
    let events = store.audit(None, 10).unwrap();
    assert_eq!(events.len(), 1);
    assert_eq!(events[0].1.entry.reason.as_deref(), Some("stepped by 30000 ms"));
    assert!(store.now().await.unwrap().trusted());
}

//! The guess limit on a real authority: exact under parallel guesses, and no weapon in the hands of strangers.

use twofold_shared::client::Client;
use twofold_shared::wire::{GetAccount, ReopenAccount, Word};
use twofold_tests::present::{Answer, address, at_once, present};
use twofold_tests::{Authority, Enrolled};

const OWNER: u16 = 1;

/// alice, who has logged in from [`OWNER`] before.
fn place() -> (Authority, Enrolled, Client) {
    let authority = Authority::start();
    let alice = authority.enrol("local:alice");
    let client = authority.client();
    assert_eq!(present(&client, "local:alice", address(OWNER), &alice.phone.fresh()), Answer::Approved);
    (authority, alice, client)
}

fn closed(authority: &Authority) -> bool {
    authority.call(&GetAccount { account: Some("local:alice".to_owned()) }).unwrap().closed_to_strangers
}

/// How many looked-at refusals of alice's codes the audit trail tells.
fn told(authority: &Authority, reason: &str) -> u64 {
    let events = authority.audit().into_iter();
    events.filter(|event| event.reason.as_deref() == Some(reason)).map(|event| event.count).sum()
}

#[test]
fn a_thousand_failures_of_strangers_do_not_stop_the_owner() {
    let (authority, alice, client) = place();
    let wrong = alice.phone.wrong();
    for hundred in 0..10 {
        let tries = (0..100).map(|number| {
            let (client, wrong) = (&client, &wrong);
            move || present(client, "local:alice", address(1000 + hundred * 100 + number), wrong)
        });
        let answers = at_once(tries.collect());
        assert!(!answers.contains(&Answer::Approved) && !answers.contains(&Answer::None));
        // Their delays pass, so that some more of them are looked at.
        authority.clock().shift(20 * 60);
        let code = alice.phone.fresh();
        assert_eq!(
            present(&client, "local:alice", address(OWNER), &code),
            Answer::Approved,
            "hundred {hundred}"
        );
    }
}

#[test]
fn strangers_close_themselves_out_and_nobody_else() {
    let (authority, alice, client) = place();
    let wrong = alice.phone.wrong();
    let stranger = |code: &str| present(&client, "local:alice", address(2), code);
    let mut looked_at = 0;
    while stranger(&wrong) == Answer::Refused(Word::Wrong) {
        looked_at += 1;
        authority.clock().shift(15 * 60);
    }
    assert_eq!(looked_at, 100);
    assert!(closed(&authority));
    assert_eq!(stranger(&alice.phone.fresh()), Answer::Refused(Word::Closed), "even with a right code");
    assert_eq!(present(&client, "local:alice", address(OWNER), &alice.phone.fresh()), Answer::Approved);
    assert_eq!(stranger(&alice.backup_codes[0]), Answer::Approved, "backup codes have a budget of their own");
    authority.call(&ReopenAccount { account: Some("local:alice".to_owned()), code: None }).unwrap();
    assert!(!closed(&authority));
    assert_eq!(present(&client, "local:alice", address(3), &alice.phone.fresh()), Answer::Approved);
}

#[test]
fn two_hundred_wrong_codes_at_once_are_counted_exactly() {
    let (mut authority, alice, client) = place();
    let wrong = alice.phone.wrong();
    let tries = (0..200).map(|number| {
        let (client, wrong) = (&client, &wrong);
        move || present(client, "local:alice", address(1000 + number), wrong)
    });
    let answers = at_once(tries.collect());
    let count = |wanted| answers.iter().filter(|answer| **answer == Answer::Refused(wanted)).count() as u64;
    let (looked_at, waited) = (count(Word::Wrong), count(Word::Wait));
    assert_eq!(looked_at + waited, 200, "{answers:?}");
    // Five are free and the sixth begins the delays; on a slow machine seconds pass and let some more in.
    assert!((6..=10).contains(&looked_at), "{looked_at} were looked at");
    assert_eq!((told(&authority, "wrong_code"), told(&authority, "throttled")), (looked_at, waited));

    // What is left until strangers are closed out says what was counted. A crash in between takes nothing back.
    authority.kill();
    authority.restart();
    let mut more = 0;
    loop {
        authority.clock().shift(15 * 60);
        match present(&client, "local:alice", address(2), &wrong) {
            Answer::Refused(Word::Wrong) => more += 1,
            Answer::Refused(Word::Closed) => break,
            other => panic!("{other:?} after {more}"),
        }
    }
    assert_eq!(looked_at + more, 100);
}

#[test]
fn aliases_of_a_name_share_one_budget() {
    let (authority, alice, client) = place();
    authority.link("local:alice", "alice");
    authority.link("local:alice", "wiki:alice");
    let wrong = alice.phone.wrong();
    let names = ["local:alice", "alice", "wiki:alice", "local:ALICE", "wiki: Alice"];
    for (number, name) in names.iter().cycle().take(6).enumerate() {
        let from = address(100 + u16::try_from(number).unwrap());
        assert_eq!(present(&client, name, from, &wrong), Answer::Refused(Word::Wrong), "{name}");
    }
    for name in names {
        assert_eq!(present(&client, name, address(200), &wrong), Answer::Refused(Word::Wait), "{name}");
    }
}

#[test]
fn twenty_backup_codes_at_once_open_the_door_once() {
    let (_authority, alice, client) = place();
    let tries = (0..20).map(|_| {
        let (client, code) = (&client, &alice.backup_codes[5]);
        move || present(client, "local:alice", address(OWNER), code)
    });
    let passed = at_once(tries.collect()).into_iter().filter(|answer| *answer == Answer::Approved);
    assert_eq!(passed.count(), 1);
}

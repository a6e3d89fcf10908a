//! One code, given at every kind of door at the same moment: exactly one of them opens. (`pam_race.rs` has libpam's.)

use twofold_shared::client::Client;
use twofold_shared::permit::judge;
use twofold_shared::secret::SecretText;
use twofold_shared::wire::{AssertFirst, Nonce, RegenerateBackupCodes, SessionDigest, Source, VerifySession};
use twofold_tests::authority::{Door, gate_user};
use twofold_tests::pam::{PamHost, Typing, code};
use twofold_tests::present::{Answer, address, as_user, at_once, present};
use twofold_tests::{Authority, Enrolled, Setup, traces};

const ROUNDS: u16 = 20;
/// Logins at each of the two hosts.
const LOGINS: usize = 24;
const BROWSERS: u8 = 16;
/// Between rounds, so that what the losers of one have failed is not held against the next.
const TEN_DAYS: i64 = 10 * 24 * 3600;

/// alice, known to the host, to the container and to the wiki.
fn alice_everywhere() -> (Authority, Enrolled) {
    let door = Door { services: vec!["door".into()], ..Door::of("web1") };
    let setup = Setup { doors: vec![door], gate_realms: vec!["wiki".into()], ..Setup::default() };
    let authority = Authority::with(setup);
    let alice = authority.enrol("alice");
    authority.link("alice", "wiki:alice");
    (authority, alice)
}

fn session(browser: u8, round: u16, level: u8) -> SessionDigest {
    let [high, low] = round.to_be_bytes();
    let mut bytes = [browser; 32];
    bytes[..3].copy_from_slice(&[high, low, level]);
    SessionDigest::from_bytes(bytes)
}

/// As the gate: alice has passed the wiki's own sign-in.
fn sign_in(client: &Client, session: SessionDigest) {
    let request = AssertFirst {
        create: false,
        nonce: Nonce::generate().unwrap(),
        realm: "wiki".to_owned(),
        name: "alice".to_owned(),
        source: Source::default(),
        browser: "a browser".to_owned(),
        session,
    };
    assert!(client.call(&request).unwrap().signed_in.is_some());
}

/// As the gate: a browser gives a code.
fn raise(client: &Client, browser: u8, round: u16, code: &str) -> bool {
    let nonce = Nonce::generate().unwrap();
    let request = VerifySession {
        nonce: nonce.clone(),
        session: session(browser, round, 0),
        next: session(browser, round, 1),
        site: None,
        source: Source { address: Some(address(1)), ..Source::default() },
        code: SecretText::new(code.to_owned()),
        browser: None,
        trust_seconds: None,
    };
    judge(&nonce, client.call(&request).unwrap()).is_ok()
}

/// How many of the logins at the host, the logins in the container and the browsers get in with one code.
fn let_in(authority: &Authority, hosts: &[PamHost; 2], round: u16, code: &str) -> usize {
    let client = authority.client();
    as_user(gate_user(), || (0..BROWSERS).for_each(|browser| sign_in(&client, session(browser, round, 0))));
    // Threads begin with the credentials of the one that starts them.
    let web = || {
        as_user(gate_user(), || {
            let client = &client;
            at_once((0..BROWSERS).map(|browser| move || raise(client, browser, round, code)).collect())
        })
    };
    let typing = Typing::text(code);
    let logins: Vec<_> =
        (0..2 * LOGINS).map(|number| (&hosts[number % 2], "alice", typing.clone())).collect();
    let (logins, web) = PamHost::log_in_at_once_while(&logins, web);
    let logins = logins.iter().filter(|login| login.one("authenticate") == code::SUCCESS).count();
    logins + web.into_iter().filter(|raised| *raised).count()
}

/// Ten more backup codes of alice's; those she had are dead.
fn new_backup_codes(authority: &Authority) -> Vec<String> {
    let request = RegenerateBackupCodes { account: Some("alice".to_owned()), code: None };
    let made = authority.call(&request).unwrap().backup_codes;
    made.iter()
        .map(|code| code.reveal().to_owned())
        .inspect(|code| traces::issued("backup code", code))
        .collect()
}

#[test]
fn one_code_given_at_the_host_the_container_and_the_web_lets_one_in() {
    let (authority, alice) = alice_everywhere();
    let hosts = [authority.socket(), authority.door_socket("web1")].map(|socket| PamHost::asking(&socket));
    for round in 0..ROUNDS {
        let code = alice.phone.fresh();
        assert_eq!(let_in(&authority, &hosts, round, &code), 1, "in round {round}");
        authority.clock().shift(TEN_DAYS);
    }
}

#[test]
fn one_backup_code_given_at_the_host_the_container_and_the_web_lets_one_in() {
    let (authority, alice) = alice_everywhere();
    let hosts = [authority.socket(), authority.door_socket("web1")].map(|socket| PamHost::asking(&socket));
    let mut codes = alice.backup_codes;
    for round in 0..ROUNDS {
        let code = codes.pop().unwrap_or_else(|| {
            codes = new_backup_codes(&authority);
            codes.pop().unwrap()
        });
        assert_eq!(let_in(&authority, &hosts, round, &code), 1, "in round {round}");
        authority.clock().shift(TEN_DAYS);
    }
}

#[test]
fn two_devices_at_once_both_count_and_each_code_once() {
    let (authority, alice) = alice_everywhere();
    let second = authority.enrol_existing("alice");
    let client = authority.client();
    for round in 0..10 {
        let codes = [alice.phone.fresh(), second.phone.fresh()];
        let tries = [0, 1, 0, 1].map(|device: usize| {
            let (client, code) = (&client, &codes[device]);
            // The phones share a clock, and the second may have moved it on: the first's code is still good.
            move || (device, present(client, "alice", address(round), code))
        });
        let answers = at_once(tries.into());
        for device in 0..2 {
            let passed = answers.iter().filter(|(of, answer)| *of == device && *answer == Answer::Approved);
            assert_eq!(passed.count(), 1, "device {device} in round {round}: {answers:?}");
        }
    }
}

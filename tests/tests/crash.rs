//! `kill -9` of the authority at any moment under load: what it has accepted stays accepted, once.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use twofold_shared::client::Client;
use twofold_shared::wire::{AddAccount, GetAccount, Word};
use twofold_tests::present::{Answer, address, present};
use twofold_tests::{Authority, Enrolled, eventually};

/// Accounts of a round; each gives one code of an app and [`BACKUP_CODES`] backup codes: the dear kind.
const ACCOUNTS: usize = 4;
const BACKUP_CODES: usize = 1;
/// Rounds that the same accounts last.
const LAST: usize = 10;

/// A number below `limit` that nobody can foresee.
fn any_below(limit: usize) -> usize {
    use std::hash::{BuildHasher, RandomState};
    usize::try_from(RandomState::new().hash_one(0) % limit as u64).unwrap()
}

/// A code, and what its giver was told before the authority died.
#[derive(Debug)]
struct Given {
    name: String,
    code: String,
    answers: Mutex<Vec<Answer>>,
}

impl Given {
    fn times_approved(&self) -> usize {
        self.answers.lock().unwrap().iter().filter(|answer| **answer == Answer::Approved).count()
    }

    /// Gives it; false when the authority is gone.
    fn give(&self, client: &Client, from: u16) -> bool {
        let answer = present(client, &self.name, address(from), &self.code);
        self.answers.lock().unwrap().push(answer);
        answer != Answer::None
    }
}

/// An account and its factors.
type Person = (String, Enrolled);

fn enrol(authority: &Authority, round: usize) -> Vec<Person> {
    let names = (0..ACCOUNTS).map(|number| format!("local:r{round}a{number}"));
    names.map(|name| (name.clone(), authority.enrol(&name))).collect()
}

/// All codes of a round, an account's together.
fn codes(authority: &Authority, people: &[Person], round: usize) -> Vec<Given> {
    // One step for all: an app's code lasts no longer. And what failed in the last round is forgotten by now.
    authority.clock().shift(6 * 3600);
    let mut all = Vec::new();
    for (name, enrolled) in people {
        let mut codes = enrolled.backup_codes[round % LAST * BACKUP_CODES..][..BACKUP_CODES].to_vec();
        codes.insert(any_below(BACKUP_CODES), enrolled.phone.fresh());
        all.extend(codes.into_iter().map(|code| Given {
            name: name.clone(),
            code,
            answers: Mutex::default(),
        }));
    }
    all
}

/// Everybody gives every code, twice, and more accounts are made; the authority is killed once `moment` answers have
/// come. Gives the names of the accounts whose making was answered.
fn kill_under_load(authority: &mut Authority, round: usize, all: &[Given], moment: usize) -> Vec<String> {
    let client = authority.client();
    let answered = AtomicUsize::new(0);
    let made = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for hand in 0..2 {
            for codes in all.chunks(BACKUP_CODES + 1) {
                let (client, answered) = (&client, &answered);
                scope.spawn(move || {
                    let in_order: Vec<&Given> =
                        if hand == 0 { codes.iter().collect() } else { codes.iter().rev().collect() };
                    for given in in_order {
                        if !given.give(client, 0) {
                            return;
                        }
                        answered.fetch_add(1, Ordering::SeqCst);
                    }
                });
            }
        }
        scope.spawn(|| {
            for number in 0.. {
                let name = format!("local:r{round}n{number}");
                if client.call(&AddAccount { name: name.clone(), groups: Vec::new() }).is_err() {
                    return;
                }
                made.lock().unwrap().push(name);
            }
        });
        let patience = std::time::Duration::from_secs(60);
        eventually("the answers come", patience, || {
            (answered.load(Ordering::SeqCst) >= moment).then_some(())
        });
        authority.kill();
    });
    made.into_inner().unwrap()
}

/// After the restart: nothing that was answered is lost, nothing is accepted twice.
fn look_after(authority: &Authority, all: &[Given], made: &[String]) {
    let client = authority.client();
    for name in made {
        client
            .call(&GetAccount { account: Some(name.clone()) })
            .unwrap_or_else(|why| panic!("{name}: {why}"));
    }
    for given in all {
        let before = given.times_approved();
        assert!(before <= 1, "{given:?}");
        // From elsewhere, where less has failed than would make it wait.
        let after = present(&client, &given.name, address(1), &given.code);
        match (before, after) {
            (0, Answer::Approved) | (_, Answer::Refused(Word::Used)) => {}
            other => panic!("{other:?} of {given:?}"),
        }
        let unknown = given.answers.lock().unwrap().contains(&Answer::None);
        assert!(before == 1 || unknown || after == Answer::Approved, "spent, and nobody had it: {given:?}");
        if after == Answer::Approved {
            let again = present(&client, &given.name, address(2), &given.code);
            assert_eq!(again, Answer::Refused(Word::Used), "{given:?}");
        }
    }
}

fn kill_again_and_again(times: usize) {
    let mut authority = Authority::start();
    let mut people = Vec::new();
    for round in 0..times {
        if round % LAST == 0 {
            people = enrol(&authority, round);
        }
        let all = codes(&authority, &people, round);
        // Each account's two hands come to an end of their codes unless it dies before.
        let moment = any_below(all.len() * 2);
        let made = kill_under_load(&mut authority, round, &all, moment);
        authority.restart();
        look_after(&authority, &all, &made);
    }
}

#[test]
fn killed_twenty_times_it_loses_no_answer_and_takes_no_code_twice() {
    kill_again_and_again(20);
}

#[test]
#[ignore = "long: ./dev test --all"]
fn killed_a_thousand_times_it_loses_no_answer_and_takes_no_code_twice() {
    kill_again_and_again(1000);
}

#[test]
fn killed_while_it_starts_it_starts_the_next_time() {
    let mut authority = Authority::start();
    let alice = authority.enrol("local:alice");
    for round in 0..10 {
        authority.kill();
        let mut process = twofold_tests::Process::start("twofoldd", &mut authority.daemon());
        // Somewhere in the first hundredths of a second: while it opens the ledger, makes its sockets, or serves.
        std::thread::sleep(std::time::Duration::from_millis(any_below(60) as u64));
        process.kill();
        authority.restart();
        let answer = present(&authority.client(), "local:alice", address(round), &alice.phone.fresh());
        assert_eq!(answer, Answer::Approved, "in round {round}");
    }
}

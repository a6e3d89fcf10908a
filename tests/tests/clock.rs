//! Somebody sets the clock: no code is taken twice, codes wait until the clock is believed again, backup codes work.

use twofold_shared::wire::{AcceptClock, GetInfo, Word};
use twofold_tests::activation::Activated;
use twofold_tests::present::{Answer, address, present};
use twofold_tests::{Authority, Enrolled, Setup};

const MINUTE: i64 = 60;
const YEAR: i64 = 365 * 24 * 3600;

/// alice at an authority, always from another address.
struct Place {
    authority: Authority,
    alice: Enrolled,
    logins: u16,
}

impl Place {
    fn new() -> Self {
        let authority = Authority::start();
        let alice = authority.enrol("local:alice");
        Self { authority, alice, logins: 0 }
    }

    fn give(&mut self, code: &str) -> Answer {
        self.logins += 1;
        present(&self.authority.client(), "local:alice", address(self.logins), code)
    }

    /// What an app whose clock is right, or wrong like this machine's, shows now.
    fn shown(&self) -> String {
        self.alice.phone.code_at(self.alice.phone.step())
    }

    fn trusted(&self) -> bool {
        self.authority.call(&GetInfo {}).unwrap().clock_trusted
    }

    /// SIGTERM and a new start: what an idle exit is to the ledger.
    fn leave_and_come_back(&mut self) {
        assert_eq!(self.authority.stop(), 0);
        self.authority.restart();
    }

    fn is_in_doubt(&mut self, backup_code: usize) {
        let code = self.shown();
        assert_eq!(self.give(&code), Answer::Refused(Word::Clock));
        assert!(!self.trusted());
        let backup_code = self.alice.backup_codes[backup_code].clone();
        assert_eq!(self.give(&backup_code), Answer::Approved, "backup codes know no time");
        assert_ne!(self.give(&backup_code), Answer::Approved);
    }

    fn root_accepts(&mut self) {
        self.authority.twofold(&["clock", "accept"]).expect_success();
        assert!(self.trusted());
    }
}

#[test]
fn ten_minutes_back_no_code_is_taken_twice_and_root_ends_the_doubt() {
    let mut place = Place::new();
    let spent: Vec<String> = (0..20).map(|_| place.alice.phone.fresh()).collect();
    for code in spent.iter().rev().take(1) {
        assert_eq!(place.give(code), Answer::Approved);
    }
    let last = spent.last().unwrap().clone();
    place.authority.clock().shift(-10 * MINUTE);
    assert_eq!(place.give(&last), Answer::Refused(Word::Clock));
    place.is_in_doubt(0);
    // The last spent code's own time comes again; it is still in doubt, for nobody has settled it.
    place.authority.clock().shift(10 * MINUTE);
    assert_eq!(place.give(&last), Answer::Refused(Word::Clock));
    place.root_accepts();
    assert_ne!(place.give(&last), Answer::Approved);
    let code = place.alice.phone.fresh();
    assert_eq!(place.give(&code), Answer::Approved);
}

#[test]
fn accepted_while_it_is_back_codes_work_from_there_on() {
    let mut place = Place::new();
    let code = place.alice.phone.fresh();
    assert_eq!(place.give(&code), Answer::Approved);
    place.authority.clock().shift(-10 * MINUTE);
    place.is_in_doubt(0);
    place.root_accepts();
    // Root says that this is the time: an owner must not be locked out for ten minutes.
    let code = place.shown();
    assert_eq!(place.give(&code), Answer::Refused(Word::Used), "the current step is never open again");
    place.authority.clock().shift(30);
    let code = place.shown();
    assert_eq!(place.give(&code), Answer::Approved);
    assert_eq!(place.give(&code), Answer::Refused(Word::Used));
}

#[test]
fn a_year_forward_and_back_across_restarts_no_code_is_taken_twice() {
    let mut place = Place::new();
    let spent = place.alice.phone.fresh();
    assert_eq!(place.give(&spent), Answer::Approved);
    place.authority.clock().shift(YEAR);
    place.is_in_doubt(0);
    place.leave_and_come_back();
    place.is_in_doubt(1);
    place.authority.kill();
    place.authority.restart();
    place.is_in_doubt(2);
    place.authority.clock().shift(-YEAR);
    // Right again, which nobody can know.
    assert_eq!(place.give(&spent), Answer::Refused(Word::Clock));
    place.leave_and_come_back();
    assert_eq!(place.give(&spent), Answer::Refused(Word::Clock));
    place.root_accepts();
    assert_ne!(place.give(&spent), Answer::Approved);
    let code = place.alice.phone.fresh();
    assert_eq!(place.give(&code), Answer::Approved);
}

#[test]
fn set_while_nobody_was_at_home_is_noticed_by_whoever_comes_next() {
    let mut place = Place::new();
    let spent = place.alice.phone.fresh();
    assert_eq!(place.give(&spent), Answer::Approved);
    for by in [-10 * MINUTE, YEAR] {
        assert_eq!(place.authority.stop(), 0);
        place.authority.clock().shift(by);
        place.authority.restart();
        place.is_in_doubt(if by < 0 { 0 } else { 1 });
        place.authority.clock().shift(-by);
        assert_eq!(place.give(&spent), Answer::Refused(Word::Clock));
        place.root_accepts();
        assert_ne!(place.give(&spent), Answer::Approved);
        let code = place.alice.phone.fresh();
        assert_eq!(place.give(&code), Answer::Approved);
    }
}

#[test]
fn a_year_that_root_accepted_by_mistake_is_taken_back_without_locking_anybody_out() {
    let mut place = Place::new();
    place.authority.clock().shift(YEAR);
    place.root_accepts();
    let future = place.alice.phone.fresh();
    assert_eq!(place.give(&future), Answer::Approved);
    place.authority.clock().shift(-YEAR);
    place.is_in_doubt(0);
    place.root_accepts();
    let code = place.alice.phone.code_at(place.alice.phone.step() + 1);
    assert_eq!(place.give(&code), Answer::Approved, "the step of a year ahead came down");
    assert_eq!(place.give(&code), Answer::Refused(Word::Used));
}

#[test]
fn small_steps_are_believed_and_told() {
    let mut place = Place::new();
    for by in [-50, 50, 3600, 3600] {
        place.authority.clock().shift(by);
        let code = place.alice.phone.fresh();
        assert_eq!(place.give(&code), Answer::Approved, "after {by} s");
    }
    let told = place.authority.audit().into_iter().filter(|event| event.action == "clock");
    assert!(told.count() >= 4);
}

#[test]
fn an_idle_exit_forgets_neither_the_doubt_nor_the_failures() {
    let authority = Authority::prepare(Setup { idle_exit: "1s", ..Setup::default() });
    let activated = Activated::new(&authority);
    let alice = authority.enrol("local:alice");
    let client = authority.client();
    let give = |from: u16, code: &str| present(&client, "local:alice", address(from), code);
    let code = alice.phone.fresh();
    assert_eq!(give(0, &code), Answer::Approved);
    let wrong = alice.phone.wrong();
    for _ in 0..12 {
        authority.clock().shift(40);
        assert_eq!(give(1, &wrong), Answer::Refused(Word::Wrong));
    }
    activated.have_left(1);

    // After twelve failures strangers wait for a minute, whoever has come and gone meanwhile.
    assert_eq!(give(2, &wrong), Answer::Refused(Word::Wait));
    authority.clock().shift(-10 * MINUTE);
    assert_eq!(give(0, &code), Answer::Refused(Word::Clock));
    activated.have_left(2);

    assert_eq!(give(0, &code), Answer::Refused(Word::Clock));
    assert!(!authority.call(&GetInfo {}).unwrap().clock_trusted);
    authority.clock().shift(10 * MINUTE);
    activated.have_left(3);

    assert_eq!(give(0, &code), Answer::Refused(Word::Clock));
    assert_eq!(give(0, &alice.backup_codes[0]), Answer::Approved);
    authority.call(&AcceptClock {}).unwrap();
    assert_ne!(give(0, &code), Answer::Approved);
    assert_eq!(give(0, &alice.phone.fresh()), Answer::Approved);
}

/// alice at an authority that leaves whenever nobody calls: what was said to one is there for the next.
struct Visited {
    activated: Activated,
    authority: Authority,
    alice: Enrolled,
    logins: u16,
    left: usize,
}

impl Visited {
    fn new() -> Self {
        let authority = Authority::prepare(Setup { idle_exit: "1s", ..Setup::default() });
        let activated = Activated::new(&authority);
        let alice = authority.enrol("local:alice");
        Self { activated, authority, alice, logins: 0, left: 0 }
    }

    fn leaves(&mut self) {
        self.left += 1;
        assert_eq!([self.activated.told(), self.activated.told()], ["READY=1", "STOPPING=1"]);
        self.activated.have_left(self.left);
    }

    /// To one authority, from an address of its own; then that one leaves.
    fn give(&mut self, code: &str) -> Answer {
        self.logins += 1;
        let answer = present(&self.authority.client(), "local:alice", address(self.logins), code);
        self.leaves();
        answer
    }

    fn shown(&self) -> String {
        self.alice.phone.code_at(self.alice.phone.step())
    }

    fn is_in_doubt(&mut self) {
        let code = self.shown();
        assert_eq!(self.give(&code), Answer::Refused(Word::Clock));
        let backup_code = self.alice.backup_codes.pop().unwrap();
        assert_eq!(self.give(&backup_code), Answer::Approved, "backup codes know no time");
        assert_ne!(self.give(&backup_code), Answer::Approved);
    }

    fn root_accepts(&mut self) {
        self.authority.twofold(&["clock", "accept"]).expect_success();
        self.leaves();
        assert!(self.authority.call(&GetInfo {}).unwrap().clock_trusted);
        self.leaves();
    }
}

#[test]
fn ten_minutes_back_and_roots_word_hold_across_idle_exits() {
    let mut place = Visited::new();
    let code = place.alice.phone.fresh();
    assert_eq!(place.give(&code), Answer::Approved);
    place.authority.clock().shift(-10 * MINUTE);
    assert_eq!(place.give(&code), Answer::Refused(Word::Clock));
    place.is_in_doubt();
    place.root_accepts();
    let code = place.shown();
    assert_eq!(place.give(&code), Answer::Refused(Word::Used), "the current step is never open again");
    let code = place.alice.phone.code_at(place.alice.phone.step() + 1);
    assert_eq!(place.give(&code), Answer::Approved);
    assert_eq!(place.give(&code), Answer::Refused(Word::Used));
}

#[test]
fn a_year_forward_and_back_across_idle_exits_no_code_is_taken_twice() {
    let mut place = Visited::new();
    let spent = place.alice.phone.fresh();
    assert_eq!(place.give(&spent), Answer::Approved);
    place.authority.clock().shift(YEAR);
    place.is_in_doubt();
    place.authority.clock().shift(-YEAR);
    // Right again, which nobody can know.
    assert_eq!(place.give(&spent), Answer::Refused(Word::Clock));
    place.root_accepts();
    assert_ne!(place.give(&spent), Answer::Approved);
    let code = place.alice.phone.fresh();
    assert_eq!(place.give(&code), Answer::Approved);
    assert_eq!(place.give(&code), Answer::Refused(Word::Used));
}

#[test]
fn a_year_that_root_accepted_by_mistake_is_taken_back_across_idle_exits() {
    let mut place = Visited::new();
    place.authority.clock().shift(YEAR);
    place.is_in_doubt();
    place.root_accepts();
    let future = place.alice.phone.fresh();
    assert_eq!(place.give(&future), Answer::Approved);
    place.authority.clock().shift(-YEAR);
    place.is_in_doubt();
    place.root_accepts();
    let code = place.alice.phone.code_at(place.alice.phone.step() + 1);
    assert_eq!(place.give(&code), Answer::Approved, "the step of a year ahead came down");
    assert_eq!(place.give(&code), Answer::Refused(Word::Used));
}

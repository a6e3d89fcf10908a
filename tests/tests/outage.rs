//! The authority dies and comes back while people use the gate.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use twofold_tests::{Authority, Gate, Upstream, Web};

/// How long known sessions may live on: `blind` in the configuration.
const BLIND: Duration = Duration::from_secs(4);
/// How soon the gate has seen that the authority is back, and heard what it missed.
const RECOVERY: Duration = Duration::from_secs(3);
const PASSWORD: &str = "portal pass 4711";

/// Visitors who ask without end, each for the same page, and what they were answered.
struct Load<'scope> {
    answers: &'scope Mutex<BTreeMap<&'static str, Vec<(Instant, u16)>>>,
    is_over: &'scope AtomicBool,
}

impl<'scope> Load<'scope> {
    fn add<'env>(&self, scope: &'scope thread::Scope<'scope, 'env>, who: &'static str, web: &Web, url: &str) {
        let (answers, is_over) = (self.answers, self.is_over);
        let (mut web, url) = (web.clone(), url.to_owned());
        scope.spawn(move || {
            while !is_over.load(Ordering::Relaxed) {
                let began = Instant::now();
                let status = web.get_once(&url).status;
                answers.lock().unwrap().entry(who).or_default().push((began, status));
            }
        });
    }

    /// The answers to `who` that were asked for in a span of time.
    fn between(&self, who: &str, from: Instant, to: Instant) -> Vec<u16> {
        let answers = self.answers.lock().unwrap();
        let asked = answers.get(who).into_iter().flatten();
        asked.filter(|(at, _)| (from..to).contains(at)).map(|(_, status)| *status).collect()
    }

    /// All of a good number of answers to `who` in this span have this status.
    fn check(&self, who: &str, from: Instant, to: Instant, status: u16) {
        let answered = self.between(who, from, to);
        assert!(answered.len() >= 10, "{who} was answered {} times", answered.len());
        let others: Vec<&u16> = answered.iter().filter(|&&other| other != status).collect();
        assert!(
            others.is_empty(),
            "{who}: {} of {} were not {status}: {others:?}",
            others.len(),
            answered.len()
        );
    }
}

/// Somebody who has signed in and opened the page.
fn signed_in(authority: &Authority, gate: &Gate, name: &str, url: &str) -> Web {
    let person = authority.enrol(name);
    authority.link(name, &format!("local:{name}"));
    authority.set_password(name, PASSWORD);
    let mut web = gate.visitor();
    let page = web.give_password(url, name, PASSWORD);
    let page = web.give_code(&page, &person.phone.fresh());
    assert_eq!(page.status, 200, "{page:?}");
    web
}

#[test]
fn known_sessions_outlive_the_authority_for_a_while_nothing_else_passes_and_revocations_are_made_up_for() {
    let mut authority = Authority::start();
    let wiki = Upstream::start("wiki");
    let mut gate =
        Gate::prepare(&authority, &[("wiki", wiki.address())], &format!("blind = \"{}s\"", BLIND.as_secs()));
    gate.restart();
    let url = format!("{}/page", gate.origin("wiki"));
    let alice = signed_in(&authority, &gate, "alice", &url);
    let bob = signed_in(&authority, &gate, "bob", &url);
    let mut forged = gate.visitor();
    forged.set_cookie("wiki.localhost", "__Host-twofold", &"x".repeat(43));

    let (answers, is_over) = (Mutex::default(), AtomicBool::new(false));
    let load = Load { answers: &answers, is_over: &is_over };
    thread::scope(|scope| {
        for _ in 0..4 {
            load.add(scope, "alice", &alice, &url);
        }
        load.add(scope, "bob", &bob, &url);
        load.add(scope, "forged", &forged, &url);
        load.add(scope, "stranger", &gate.visitor(), &url);
        // Whatever fails here must still end the visitors.
        let told = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            for _ in 0..2 {
                outage(&load, &mut authority, &gate, &url);
            }
            missed_revocation(&load, &mut authority, &mut gate);
        }));
        is_over.store(true, Ordering::Relaxed);
        if let Err(panic) = told {
            std::panic::resume_unwind(panic);
        }
    });
    let answers = answers.into_inner().unwrap();
    for who in ["forged", "stranger"] {
        let passed = answers[who].iter().filter(|(_, status)| *status == 200).count();
        assert!(answers[who].len() > 100 && passed == 0, "{who} passed {passed} times");
    }
}

/// The authority is killed, stays away until nobody passes any more, and comes back.
fn outage(load: &Load<'_>, authority: &mut Authority, gate: &Gate, url: &str) {
    thread::sleep(Duration::from_secs(1));
    let killed = Instant::now();
    authority.kill();
    // Blind: who is known goes on; nobody new comes in, not even with a right password.
    thread::sleep(Duration::from_millis(1_500));
    let refused = gate.visitor().give_password_or_refusal(url, "alice", PASSWORD);
    assert_eq!(refused, 503);
    thread::sleep((killed + BLIND + Duration::from_millis(1_500)).saturating_duration_since(Instant::now()));
    let dark = Instant::now();
    thread::sleep(Duration::from_secs(1));
    let back = Instant::now();
    authority.restart();
    thread::sleep(RECOVERY);
    let seen = Instant::now();
    thread::sleep(Duration::from_secs(1));
    load.check("alice", killed, killed + BLIND - Duration::from_secs(1), 200);
    load.check("alice", dark, back, 503);
    load.check("alice", seen, Instant::now(), 200);
}

/// bob is locked while the gate hears nothing: it was not there when the authority came back.
fn missed_revocation(load: &Load<'_>, authority: &mut Authority, gate: &mut Gate) {
    let begun = Instant::now();
    thread::sleep(Duration::from_secs(1));
    load.check("bob", begun, Instant::now(), 200);
    authority.kill();
    gate.process().signal(Signal::SIGSTOP);
    authority.restart();
    authority.twofold(&["account", "lock", "bob"]).expect_success();
    gate.process().signal(Signal::SIGCONT);
    let heard = Instant::now() + RECOVERY;
    thread::sleep(RECOVERY + Duration::from_secs(1));
    // He is led to sign in from the moment at which the gate could know better.
    load.check("bob", heard, Instant::now(), 303);
    load.check("alice", heard, Instant::now(), 200);
}

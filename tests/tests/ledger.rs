//! Copies of a ledger: taken while it is written to, put back elsewhere, and what a restored one must not take.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use nix::unistd::{Uid, User};
use twofold_shared::wire::{
    Ask, AuditEvent, AuthMethod, Consult, FirstFactor, GetAccount, GetInfo, Login, Nonce, Word,
};
use twofold_tests::present::{Answer, address, login, present, present_as};
use twofold_tests::world::PASSWORD;
use twofold_tests::{Authority, Enrolled, Process, Run, Web, World, eventually, run, traces};

/// The portal's host, and the cookie that a browser is known by there.
const ID: &str = "id.localhost";
const BROWSER: &str = "__Host-twofold-browser";

fn give(authority: &Authority, name: &str, from: u16, code: &str) -> Answer {
    present(&authority.client(), name, address(from), code)
}

/// `twofoldd` with one more flag, for whoever runs the tests.
fn daemon(authority: &Authority, flag: &str, file: &str) -> Run {
    let own = User::from_uid(Uid::effective()).unwrap().unwrap().name;
    let mut command = authority.daemon();
    command.arg(flag).arg(authority.path(file));
    if flag == "--restore" {
        command.args(["--owner", &own]);
    }
    run(&mut command)
}

fn backup(authority: &Authority, file: &str) -> Run {
    authority.twofold(&["ledger", "backup", authority.path(file).to_str().unwrap()])
}

/// Stops the authority, takes its ledger away, and puts a copy in its place.
fn restore(authority: &mut Authority, file: &str) {
    assert_eq!(authority.stop(), 0);
    fs::rename(authority.path("ledger"), authority.path(&format!("lost-{file}"))).unwrap();
    let restored = daemon(authority, "--restore", file);
    assert!(restored.succeeded(), "{restored:?}");
    authority.restart();
}

fn told(authority: &Authority, action: &str) -> Vec<AuditEvent> {
    authority.audit().into_iter().filter(|event| event.action == action).collect()
}

#[test]
fn a_copy_taken_under_load_is_whole_and_what_was_spent_stays_spent() {
    let mut authority = Authority::start();
    let people: Vec<Enrolled> =
        (0..6).map(|number| authority.enrol(&format!("local:person{number}"))).collect();
    let name = |number: usize| format!("local:person{number}");
    let over = AtomicBool::new(false);
    // Everybody logs in while copies are made: with backup codes, each spent in a commit of its own.
    let spent: Vec<usize> = std::thread::scope(|scope| {
        let logins: Vec<_> = (0..people.len())
            .map(|number| {
                let (authority, people, over) = (&authority, &people, &over);
                scope.spawn(move || {
                    let codes = people[number].backup_codes.iter().take(6).enumerate();
                    let mut spent = 0;
                    for (index, code) in codes {
                        assert_eq!(give(authority, &name(number), index as u16, code), Answer::Approved);
                        spent += 1;
                        if over.load(Ordering::SeqCst) {
                            break;
                        }
                    }
                    spent
                })
            })
            .collect();
        for number in 0..5 {
            let made = backup(&authority, &format!("copy{number}"));
            assert!(made.succeeded(), "{made:?}");
        }
        over.store(true, Ordering::SeqCst);
        logins.into_iter().map(|login| login.join().unwrap()).collect()
    });
    assert!(spent.iter().all(|&spent| spent > 0));
    for number in 0..5 {
        let file = format!("copy{number}");
        assert!(daemon(&authority, "--check-copy", &file).succeeded(), "{file}");
        let mode = fs::metadata(authority.path(&file)).unwrap().permissions().mode();
        assert_eq!(mode & 0o7777, 0o600);
    }
    assert!(!authority.path("ledger/copy").exists(), "nothing stays beside the ledger");

    // Spent after the last copy: the restored ledger cannot know.
    let late = people[0].phone.fresh();
    assert_eq!(give(&authority, &name(0), 1, &late), Answer::Approved);
    let step = people[0].phone.step();
    restore(&mut authority, "copy4");
    for (number, person) in people.iter().enumerate() {
        let account = authority.call(&GetAccount { account: Some(name(number)) }).unwrap();
        assert_eq!((account.enrolled, account.backup_codes_left), (true, 0));
        for code in &person.backup_codes {
            assert_ne!(give(&authority, &name(number), 40, code), Answer::Approved);
        }
        authority.twofold(&["account", "reopen", &name(number)]).expect_success();
    }
    assert_ne!(give(&authority, &name(0), 1, &late), Answer::Approved);
    assert_ne!(give(&authority, &name(1), 41, &people[1].phone.code_at(step + 1)), Answer::Approved);
    authority.clock().shift(3600);
    assert_eq!(give(&authority, &name(1), 42, &people[1].phone.fresh()), Answer::Approved);
    assert_eq!(told(&authority, "ledger_restore").len(), 1);
    assert_eq!(told(&authority, "ledger_copy").len(), 5);
}

#[test]
fn a_copy_that_is_cut_changed_foreign_or_no_copy_is_refused_and_nothing_is_made() {
    let mut authority = Authority::start();
    let alice = authority.enrol("local:alice");
    backup(&authority, "copy").expect_success();
    let again = backup(&authority, "copy");
    assert!(!again.succeeded(), "a backup that is there is never overwritten");
    symlink(authority.path("elsewhere"), authority.path("link")).unwrap();
    assert!(!backup(&authority, "link").succeeded() && !authority.path("elsewhere").exists());

    let other = Authority::start();
    backup(&other, "copy").expect_success();
    fs::copy(other.path("copy"), authority.path("foreign")).unwrap();
    let whole = fs::read(authority.path("copy")).unwrap();
    let mut changed = whole.clone();
    let middle = changed.len() / 2;
    changed[middle] ^= 1;
    let mut longer = whole.clone();
    longer.push(0);
    for (name, bytes) in [
        ("empty", Vec::new()),
        ("cut", whole[..whole.len() - 1].to_vec()),
        ("without_end", whole[..whole.len() / 2].to_vec()),
        ("changed", changed),
        ("longer", longer),
        ("text", b"twofold ledger copy 2\nand more".to_vec()),
    ] {
        fs::write(authority.path(name), bytes).unwrap();
    }
    // Over a ledger that is there nothing is put back.
    assert_eq!(authority.stop(), 0);
    assert!(!daemon(&authority, "--restore", "copy").succeeded());
    fs::rename(authority.path("ledger"), authority.path("kept")).unwrap();
    for file in ["empty", "cut", "without_end", "changed", "longer", "text", "foreign", "absent"] {
        for flag in ["--check-copy", "--restore"] {
            let refused = daemon(&authority, flag, file);
            assert!(!refused.succeeded(), "{flag} {file}: {refused:?}");
            assert!(!authority.path("ledger/ledger").exists(), "{flag} {file}");
        }
    }
    let _ = fs::remove_dir_all(authority.path("ledger"));
    fs::rename(authority.path("kept"), authority.path("ledger")).unwrap();
    authority.restart();
    assert_eq!(give(&authority, "local:alice", 1, &alice.phone.fresh()), Answer::Approved);
    assert_ne!(give(&authority, "local:alice", 1, &alice.phone.wrong()), Answer::Refused(Word::Clock));
}

/// Every file below a folder, with what is in it.
fn contents(folder: &std::path::Path) -> Vec<(std::path::PathBuf, Vec<u8>)> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        match entry.is_dir() {
            true => files.extend(contents(&entry)),
            false => files.push((entry.clone(), fs::read(&entry).unwrap())),
        }
    }
    files.sort();
    files
}

#[test]
fn a_damaged_ledger_is_refused_with_what_to_do_and_comes_back_with_its_backup() {
    let mut authority = Authority::start();
    let alice = authority.enrol("local:alice");
    (0..150).for_each(|number| authority.add(&format!("local:n{number}")));
    backup(&authority, "copy").expect_success();
    assert_eq!(authority.stop(), 0);
    let database = authority.path("ledger/ledger/db");
    let whole = contents(&authority.path("ledger"));
    let bytes = fs::read(&database).unwrap();
    let mut refused = 0;
    for place in (0..16).map(|part| bytes.len() / 16 * part + 100) {
        let mut changed = bytes.clone();
        changed[place..].iter_mut().take(64).for_each(|byte| *byte ^= 0x55);
        fs::write(&database, &changed).unwrap();
        let mut process = Process::start("twofoldd", &mut authority.daemon());
        let client = authority.client();
        let ended = eventually("it answers or has ended", Duration::from_secs(30), || {
            let answers = client.call(&GetInfo {}).is_ok();
            process.ended().map(Some).or(answers.then_some(None))
        });
        if let Some(code) = ended {
            refused += 1;
            let log = process.log();
            assert_eq!(code, 1, "at {place}: {log}");
            assert!(log.contains("is damaged") && log.contains("put"), "at {place}: {log}");
        } else {
            // sled did not need what was there.
            let account = client.call(&GetAccount { account: Some("local:n149".to_owned()) });
            assert!(account.is_ok(), "at {place}: {account:?}");
            process.terminate();
        }
        assert!(database.exists(), "nothing is made anew, at {place}");
        whole.iter().for_each(|(path, bytes)| fs::write(path, bytes).unwrap());
    }
    assert!(refused >= 4, "{refused}: this damages the wrong places");

    // Beyond help: what the page on operations says.
    let mut changed = bytes;
    changed.iter_mut().for_each(|byte| *byte ^= 0x55);
    fs::write(&database, &changed).unwrap();
    let mut process = Process::start("twofoldd", &mut authority.daemon());
    let code = eventually("it has ended", Duration::from_secs(30), || process.ended());
    assert!(code == 1 && process.log().contains("twofold ledger restore"), "{}", process.log());
    fs::rename(authority.path("ledger"), authority.path("damaged")).unwrap();
    assert!(daemon(&authority, "--restore", "copy").succeeded());
    authority.restart();
    authority.clock().shift(3600);
    assert_eq!(give(&authority, "local:alice", 1, &alice.phone.fresh()), Answer::Approved);
}

/// A login of alice's with a key of hers, for which a code gives grace.
fn with_key() -> Login {
    let mut login = login("local:alice", "sshd", address(7));
    login.first = FirstFactor::Publickey;
    login.source.public_key = Some("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAlicesOwn".to_owned());
    login.source.auth = vec![AuthMethod::Publickey];
    login
}

/// What such a login has to do.
fn asked(authority: &Authority) -> Ask {
    let nonce = Nonce::generate().unwrap();
    authority.call(&Consult { nonce, login: with_key() }).unwrap().ask
}

/// A code that the command makes for somebody, and shows once.
fn made(authority: &Authority, what: &str, account: &str) -> String {
    let told = authority.twofold(&["--json", what, account]).expect_success();
    let told: serde_json::Value = serde_json::from_str(&told).unwrap();
    let code = told["code"].as_str().unwrap().to_owned();
    traces::issued(what, &code);
    code
}

/// What the page says after the button below an invitation.
fn redeemed(world: &World, code: &str) -> String {
    let mut web = world.gate.visitor();
    let page = web.get(&world.page("id", &format!("/invitation/{code}")));
    let form = page.form_to("/invitation/");
    web.submit(&page, &form).body
}

/// alice signs in at the site that takes trusted browsers, and trusts this one.
fn trusting(world: &World, code: &str) -> Web {
    let mut web = world.gate.visitor();
    let page = web.give_password(&world.page("mail", "/"), "alice", PASSWORD);
    let mut form = page.form_with("one-time-code");
    form.fill("one-time-code", code).tick("trust");
    web.submit(&page, &form);
    web
}

/// Whether a visitor with this browser's cookie and no session comes in by the password alone. The cookie changes with that.
fn is_trusted(world: &World, web: &mut Web) -> bool {
    let mut again = world.gate.visitor();
    let cookies = web.cookies(ID);
    again.set_cookie(ID, BROWSER, cookies.get(BROWSER).expect("the browser is known"));
    let page = again.give_password(&world.page("mail", "/"), "alice", PASSWORD);
    if let Some(next) = again.cookies(ID).get(BROWSER) {
        web.set_cookie(ID, BROWSER, next);
    }
    page.body.contains("The mail")
}

#[test]
fn what_was_open_when_a_copy_was_taken_is_over_after_its_restore() {
    let rule = "[[policy.rule]]\nservices = [\"sshd\"]\nrequire = \"required\"\ngrace = \"8h\"\n";
    let mut world = World::with(&format!("{rule}[enrolment]\nfirst = \"invitation\"\n"), "");
    let gate = fs::read_to_string(world.gate.configuration()).unwrap();
    world.gate.stop();
    fs::write(world.gate.configuration(), gate + "trusted_browsers = \"30days\"\n").unwrap();
    world.gate.restart();
    world.add("local:carol");
    world.add("local:dave");

    let mut web = trusting(&world, &world.alice.phone.fresh());
    let opens = |web: &mut Web| web.get(&world.page("mail", "/")).body.contains("The mail");
    assert!(opens(&mut web) && is_trusted(&world, &mut web));
    assert_eq!(
        present_as(&world.authority.client(), with_key(), &world.alice.backup_codes[1]),
        Answer::Approved
    );
    assert_eq!(asked(&world.authority), Ask::Grace);
    // Of each kind one that is used, so that the other would have been good too.
    assert!(redeemed(&world, &made(&world.authority, "invite", "local:carol")).contains("Now sign in"));
    let invitation = made(&world.authority, "invite", "local:bob");
    let emergency = |authority: &Authority| made(authority, "emergency-code", "local:alice");
    assert_eq!(give(&world.authority, "local:alice", 8, &emergency(&world.authority)), Answer::Approved);
    let emergency = emergency(&world.authority);

    backup(&world.authority, "copy").expect_success();
    assert!(opens(&mut web), "a copy ends nothing");
    restore(&mut world.authority, "copy");
    let opens = |web: &mut Web| web.get(&world.page("mail", "/")).body.contains("The mail");
    // The gate remembers it until it has heard of the authority again.
    eventually("the session is over", Duration::from_secs(20), || (!opens(&mut web)).then_some(()));
    assert!(!is_trusted(&world, &mut web), "the trusted browser");
    assert_eq!(asked(&world.authority), Ask::Code, "the grace");
    assert!(!redeemed(&world, &invitation).contains("Now sign in"), "the invitation");
    assert_ne!(give(&world.authority, "local:alice", 9, &emergency), Answer::Approved, "the emergency code");
    // Not because nothing works any more.
    assert!(redeemed(&world, &made(&world.authority, "invite", "local:dave")).contains("Now sign in"));
    world.authority.clock().shift(120);
    assert_eq!(give(&world.authority, "local:alice", 10, &world.alice.phone.fresh()), Answer::Approved);
}

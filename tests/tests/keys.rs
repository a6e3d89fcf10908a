//! The keys of a ledger: rotated while people log in and while the authority is killed, copied, lost, and put back.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use nix::unistd::{Uid, User};
use twofold_shared::wire::{AddAccount, GetAccount, KeyReport, ListKeys, ReloadKeys, Word};
use twofold_tests::present::{Answer, address, present};
use twofold_tests::{Authority, Enrolled, Process, Run, eventually, run};

const PASSPHRASE: &str = "correct horse battery staple\n";

fn own_name() -> String {
    User::from_uid(Uid::effective()).unwrap().unwrap().name
}

/// `twofold key …` for this authority.
fn key(authority: &Authority, words: &[&str], input: &str) -> Run {
    let (configuration, own) = (authority.configuration().display().to_string(), own_name());
    let place = ["--config", configuration.as_str(), "--owner", own.as_str()];
    let place = if words.first() == Some(&"list") { &place[..0] } else { &place[..] };
    authority.twofold_with_input(&[&["key"], words, place].concat(), input)
}

fn at(authority: &Authority, name: &str) -> String {
    authority.path(name).display().to_string()
}

/// `twofoldd` with one more flag.
fn daemon(authority: &Authority, words: &[&str]) -> Run {
    run(authority.daemon().args(words).args(["--owner", &own_name()]))
}

fn give(authority: &Authority, name: &str, from: u16, code: &str) -> Answer {
    present(&authority.client(), name, address(from), code)
}

fn report(authority: &Authority) -> KeyReport {
    authority.call(&ListKeys {}).unwrap()
}

fn settled(authority: &Authority) -> KeyReport {
    eventually("every record is sealed with the newest key", Duration::from_secs(120), || {
        Some(report(authority)).filter(|report| !report.looking && report.settled)
    })
}

fn files(authority: &Authority) -> Vec<String> {
    let entries = fs::read_dir(authority.path("keys")).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn export(authority: &Authority, file: &str) {
    key(authority, &["export", &at(authority, file), "--passphrase-fd", "0"], PASSPHRASE).expect_success();
}

/// A number below `limit` that nobody can foresee.
fn any_below(limit: u64) -> u64 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one(0) % limit.max(1)
}

/// Accounts that nobody uses: something to seal.
fn many_accounts(authority: &Authority, count: usize) {
    std::thread::scope(|scope| {
        for hand in 0..8 {
            let client = authority.client();
            scope.spawn(move || {
                for number in (hand..count).step_by(8) {
                    let request = AddAccount { name: format!("local:n{number}"), groups: Vec::new() };
                    client.call(&request).unwrap();
                }
            });
        }
    });
}

#[test]
fn keys_are_rotated_while_people_log_in_and_no_code_is_lost_or_taken_twice() {
    let mut authority = Authority::start();
    many_accounts(&authority, 400);
    let people: Vec<Enrolled> =
        (0..4).map(|number| authority.enrol(&format!("local:person{number}"))).collect();
    let name = |number: usize| format!("local:person{number}");
    let over = AtomicBool::new(false);
    let spent: Vec<usize> = std::thread::scope(|scope| {
        let logins: Vec<_> = (0..people.len())
            .map(|number| {
                let (authority, people, over) = (&authority, &people, &over);
                scope.spawn(move || {
                    let mut spent = 0;
                    for code in &people[number].backup_codes {
                        let answer = give(authority, &name(number), 7, code);
                        assert_eq!(answer, Answer::Approved, "{}", authority.log());
                        spent += 1;
                        if over.load(Ordering::SeqCst) {
                            break;
                        }
                    }
                    spent
                })
            })
            .collect();
        for number in 1..=3 {
            export(&authority, &format!("copy{number}"));
            let words: &[&str] = if number == 2 { &["rotate", "--pepper"] } else { &["rotate"] };
            key(&authority, words, "").expect_success();
        }
        over.store(true, Ordering::SeqCst);
        logins.into_iter().map(|login| login.join().unwrap()).collect()
    });
    // Old sealing keys are gone; the old pepper stays, for these people's backup codes were made with it.
    assert_eq!(files(&authority), ["pepper-1.key", "pepper-4.key", "seal-5.key"]);
    authority.clock().shift(7 * 24 * 3600);
    for restart in 0..2 {
        for (number, person) in people.iter().enumerate() {
            let left = 10 - u8::try_from(spent[number]).unwrap();
            let account = authority.call(&GetAccount { account: Some(name(number)) }).unwrap();
            assert_eq!(account.backup_codes_left, left, "{number}");
            let again = give(&authority, &name(number), 7, &person.backup_codes[0]);
            assert_eq!(again, Answer::Refused(Word::Used));
            assert_eq!(give(&authority, &name(number), 7, &person.phone.fresh()), Answer::Approved);
        }
        key(&authority, &["check"], "").expect_success();
        if restart == 0 {
            assert_eq!(authority.stop(), 0);
            authority.restart();
        }
    }
}

/// Begins a rotation, kills the authority somewhere in it, starts it again and sees the rotation to its end.
fn kill_while_rotating(times: usize) {
    let mut authority = Authority::start();
    many_accounts(&authority, 600);
    let alice = authority.enrol("local:alice");
    let mut interrupted = 0;
    for round in 0..times {
        let old = files(&authority);
        daemon(&authority, &["--add-key", "seal"]).expect_success();
        authority.call(&ReloadKeys {}).unwrap();
        let moment = any_below(report(&authority).total);
        let until = Instant::now() + Duration::from_secs(20);
        let at_work = loop {
            let report = report(&authority);
            if !report.looking || report.done >= moment || Instant::now() > until {
                break report.looking;
            }
        };
        authority.kill();
        interrupted += usize::from(at_work);
        assert!(old.iter().all(|file| files(&authority).contains(file)), "a key is gone before its time");
        authority.restart();
        let after = settled(&authority);
        assert_eq!(after.unreadable, 0, "{after:?}");
        key(&authority, &["rotate", "--resume", "--uncopied"], "").expect_success();
        let seals = files(&authority).into_iter().filter(|file| file.starts_with("seal-")).count();
        assert_eq!(seals, 1, "round {round}");
        authority.clock().shift(60);
        assert_eq!(give(&authority, "local:alice", 1, &alice.phone.fresh()), Answer::Approved);
    }
    assert!(
        interrupted * 3 >= times,
        "only {interrupted} of {times} were cut short: too few to show anything"
    );
}

#[test]
fn killed_ten_times_while_it_seals_everything_anew_it_comes_to_an_end_and_loses_nothing() {
    kill_while_rotating(10);
}

#[test]
#[ignore = "long: ./dev test --all"]
fn killed_a_hundred_times_while_it_seals_everything_anew_it_comes_to_an_end_and_loses_nothing() {
    kill_while_rotating(100);
}

/// How long changes take, one after the other, until `over`.
fn pace(authority: &Authority, round: &str, mut over: impl FnMut(usize) -> bool) -> Vec<Duration> {
    let client = authority.client();
    let mut took = Vec::new();
    while !over(took.len()) {
        let begun = Instant::now();
        let name = format!("local:{round}{}", took.len());
        client.call(&AddAccount { name, groups: Vec::new() }).unwrap();
        took.push(begun.elapsed());
    }
    took.sort();
    took
}

#[test]
#[ignore = "long: ./dev test --all"]
fn nobody_waits_long_while_twenty_thousand_accounts_are_sealed_anew() {
    let authority = Authority::start();
    many_accounts(&authority, 20_000);
    let before = pace(&authority, "before", |count| count >= 300);
    daemon(&authority, &["--add-key", "seal"]).expect_success();
    let begun = Instant::now();
    authority.call(&ReloadKeys {}).unwrap();
    let during =
        pace(&authority, "during", |count| count % 20 == 0 && count > 0 && !report(&authority).looking);
    let total = report(&authority).total;
    let at = |times: &[Duration], part: usize| times[(times.len() - 1) * part / 100];
    println!(
        "{total} records in {:?}; a change before: {:?}, {:?}, {:?}; meanwhile: {:?}, {:?}, {:?} (half, 99 of 100, all)",
        begun.elapsed(),
        at(&before, 50),
        at(&before, 99),
        at(&before, 100),
        at(&during, 50),
        at(&during, 99),
        at(&during, 100)
    );
    assert!(settled(&authority).total >= 40_000 && during.len() > 50, "{total} {}", during.len());
    assert!(at(&during, 99) < Duration::from_millis(500), "{:?}", at(&during, 99));
}

#[test]
fn a_backup_from_before_a_rotation_is_restored_with_the_copy_of_the_old_key() {
    let mut authority = Authority::start();
    let alice = authority.enrol("local:alice");
    let backup = at(&authority, "backup");
    authority.twofold(&["ledger", "backup", &backup]).expect_success();
    export(&authority, "copy");
    key(&authority, &["rotate"], "").expect_success();
    assert_eq!(files(&authority), ["pepper-1.key", "seal-2.key"]);
    assert_eq!(authority.stop(), 0);
    fs::rename(authority.path("ledger"), authority.path("lost")).unwrap();
    let refused = daemon(&authority, &["--restore", &backup]);
    assert!(refused.stderr.contains("not in the keyring"), "{refused:?}");

    // The authority is away: the keys are read when it starts.
    let words = ["import", &at(&authority, "copy"), "--passphrase-fd", "0"];
    key(&authority, &words, PASSPHRASE).expect_success();
    assert_eq!(files(&authority), ["pepper-1.key", "seal-1.key", "seal-2.key"]);
    daemon(&authority, &["--restore", &backup]).expect_success();
    authority.restart();
    let after = settled(&authority);
    assert!(after.keys.iter().any(|key| key.current && key.name.as_deref() == Some("seal-2")));
    authority.clock().shift(3600);
    assert_eq!(give(&authority, "local:alice", 1, &alice.phone.fresh()), Answer::Approved);
}

#[test]
fn a_copy_of_the_keys_opens_the_ledger_with_its_passphrase_until_there_is_a_newer_key() {
    let authority = Authority::start();
    authority.enrol("local:alice");
    let copy = at(&authority, "copy");
    let check = |input: &str| key(&authority, &["check", &copy, "--passphrase-fd", "0"], input);
    let short = key(&authority, &["export", &copy, "--passphrase-fd", "0"], "too short\n");
    assert!(!short.succeeded() && !authority.path("copy").exists(), "{short:?}");
    export(&authority, "copy");
    let mode = fs::metadata(authority.path("copy")).unwrap().permissions().mode();
    assert_eq!(mode & 0o7777, 0o600);
    check(PASSPHRASE).expect_success();
    let wrong = check("another passphrase\n");
    assert_eq!(wrong.code, 1, "{wrong:?}");
    let text = fs::read_to_string(authority.path("copy")).unwrap();
    let secret = fs::read_to_string(authority.path("keys/seal-1.key")).unwrap();
    assert!(!text.contains(secret.trim()));

    // Nothing is written over, nor through a link.
    let again = key(&authority, &["export", &copy, "--passphrase-fd", "0"], PASSPHRASE);
    assert!(!again.succeeded() && fs::read_to_string(authority.path("copy")).unwrap() == text, "{again:?}");
    symlink(authority.path("elsewhere"), authority.path("link")).unwrap();
    let linked = key(&authority, &["export", &at(&authority, "link"), "--plain"], "");
    assert!(!linked.succeeded() && !authority.path("elsewhere").exists(), "{linked:?}");

    let printed = key(&authority, &["export", "-", "--plain"], "").expect_success();
    assert!(printed.starts_with("twofold keys 1\n") && printed.contains(secret.trim()));
    fs::write(authority.path("plain"), &printed).unwrap();
    key(&authority, &["check", &at(&authority, "plain")], "").expect_success();

    key(&authority, &["rotate"], "").expect_success();
    let older = check(PASSPHRASE);
    assert!(older.code == 1 && older.stderr.contains("lacks seal-2"), "{older:?}");
    let told = authority.audit();
    let copies = told.iter().filter(|event| event.action == "key_copy").count();
    assert_eq!(copies, 4, "two keys, twice");
    assert!(told.iter().all(|event| !format!("{event:?}").contains(secret.trim())));
}

#[test]
fn a_lost_pepper_is_named_and_only_backup_codes_are_refused() {
    let mut authority = Authority::start();
    let alice = authority.enrol("local:alice");
    assert_eq!(authority.stop(), 0);
    fs::rename(authority.path("keys/pepper-1.key"), authority.path("pepper")).unwrap();
    authority.restart();
    assert!(authority.log().contains("holds no pepper"), "{}", authority.log());
    assert_eq!(give(&authority, "local:alice", 1, &alice.phone.fresh()), Answer::Approved);
    assert_eq!(give(&authority, "local:alice", 1, &alice.backup_codes[0]), Answer::Refused(Word::Wrong));
    let check = key(&authority, &["check"], "");
    assert!(check.code == 1 && check.stderr.contains("backup codes of 1 accounts"), "{check:?}");
    let refused = authority.twofold(&["backup-codes", "--regenerate", "--account", "local:alice"]);
    assert!(refused.stderr.replace('\n', " ").contains("twofold key rotate --pepper"), "{refused:?}");

    // It comes back with its file.
    fs::rename(authority.path("pepper"), authority.path("keys/pepper-1.key")).unwrap();
    authority.call(&ReloadKeys {}).unwrap();
    settled(&authority);
    assert_eq!(give(&authority, "local:alice", 1, &alice.backup_codes[0]), Answer::Approved);
    key(&authority, &["check"], "").expect_success();
}

/// Plants it, and wants the authority and the command to refuse the keyring, saying `fix`.
fn refused(authority: &mut Authority, fix: &str) {
    let mut process = Process::start("twofoldd", &mut authority.daemon());
    let code = eventually("it has ended", Duration::from_secs(20), || process.ended());
    assert_eq!(code, 78, "{}", process.log());
    assert!(process.log().contains(fix), "{fix}: {}", process.log());
    let added = daemon(authority, &["--add-key", "seal"]);
    assert!(!added.succeeded() && added.stderr.contains(fix), "{fix}: {added:?}");
}

#[test]
fn a_key_that_others_could_have_written_is_refused_with_the_fix() {
    let mut authority = Authority::start();
    assert_eq!(authority.stop(), 0);
    let (file, kept) = (authority.path("keys/seal-1.key"), authority.path("kept"));
    let mode =
        |mode| fs::set_permissions(authority.path("keys/seal-1.key"), fs::Permissions::from_mode(mode));
    mode(0o666).unwrap();
    refused(&mut authority, "run `chmod 0400");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o400)).unwrap();
    chown(&file, Some(64_011), None).unwrap();
    refused(&mut authority, "run `chown root");
    chown(&file, Some(Uid::effective().as_raw()), None).unwrap();
    fs::rename(&file, &kept).unwrap();
    symlink(&kept, &file).unwrap();
    refused(&mut authority, "is not a regular file");
    fs::remove_file(&file).unwrap();
    fs::rename(&kept, &file).unwrap();
    fs::set_permissions(authority.path("keys"), fs::Permissions::from_mode(0o777)).unwrap();
    let open = daemon(&authority, &["--add-key", "seal"]);
    assert!(!open.succeeded() && open.stderr.contains("chmod 0700"), "{open:?}");
    fs::set_permissions(authority.path("keys"), fs::Permissions::from_mode(0o700)).unwrap();
    assert_eq!(files(&authority), ["pepper-1.key", "seal-1.key"]);
    authority.restart();
}

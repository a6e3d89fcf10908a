//! What a name costs the authority, in instructions that callgrind counts: whether anybody has it must not show. (The unit
//! tests of its operations count commits, runs of Argon2 and bytes; `hardening.rs` looks at the time.)

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;
use twofold_shared::client::Client;
use twofold_shared::secret::SecretText;
use twofold_shared::wire::{FirstFactor, GetInfo, Login, Nonce, SessionDigest, SignIn, Source, Word};
use twofold_tests::authority::gate_user;
use twofold_tests::present::{Answer, address, as_user, login, present_as};
use twofold_tests::{Authority, Clock, Process, Setup, eventually, run};

/// Names of each kind.
const NAMES: u16 = 8;
/// Numbers that logs hold nowhere by chance: what is given is looked for there.
const LIKE_A_CODE: &str = "271828";
const LIKE_A_BACKUP_CODE: &str = "27182818";
/// As much as one kind of name may cost more than the other.
const MOST: f64 = 1.05;

/// An authority under callgrind.
struct Counted {
    folder: TempDir,
    process: Process,
    client: Client,
    dumps: u32,
}

impl Counted {
    fn start(authority: &Authority) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let daemon = authority.daemon();
        let mut valgrind = Command::new("valgrind");
        let out = format!("--callgrind-out-file={}", folder.path().join("out").display());
        valgrind.args(["--tool=callgrind", &out]).arg(daemon.get_program()).args(daemon.get_args());
        let mut process = Process::start("twofoldd", &mut valgrind);
        let client = Client::new(authority.socket(), Duration::from_secs(60));
        process.until("the authority answers", || client.call(&GetInfo {}).ok());
        Self { folder, process, client, dumps: 0 }
    }

    fn control(&self, what: &str) {
        run(Command::new("callgrind_control").args([what, &self.process.id().to_string()])).expect_success();
    }

    fn dump(&self, number: u32) -> PathBuf {
        self.folder.path().join(format!("out.{number}"))
    }

    /// How many instructions it takes to refuse what is tried at each of these names.
    fn refusing(&mut self, kind: &str, names: u16, tried: impl Fn(&Client, &str, u16)) -> f64 {
        self.control("--zero");
        (0..names).for_each(|number| tried(&self.client, &format!("local:{kind}{number}"), number));
        self.control("--dump");
        self.dumps += 1;
        total(&self.dump(self.dumps)) / f64::from(names)
    }

    /// That names of both kinds cost the same.
    fn compare(&mut self, what: &str, known: &str, names: u16, tried: impl Fn(&Client, &str, u16)) {
        let [known, unknown] = [known, "nobody"].map(|kind| self.refusing(kind, names, &tried));
        let ratio = known.max(unknown) / known.min(unknown);
        println!("{what}: {known:.0} for a known name, {unknown:.0} for an unknown one, {ratio:.3}");
        assert!(ratio <= MOST, "{what}: {known} and {unknown}");
    }
}

/// A code at the door of a host, before a first factor, where time could tell.
fn gives_code(client: &Client, name: &str, number: u16, code: &str) {
    let login = Login { first: FirstFactor::None, ..login(name, "sshd", address(number)) };
    assert_eq!(present_as(client, login, code), Answer::Refused(Word::Wrong));
}

/// A password at the portal.
fn gives_password(client: &Client, name: &str, number: u16) {
    let request = SignIn {
        nonce: Nonce::generate().unwrap(),
        name: name.to_owned(),
        password: SecretText::new("wrong pass 4711".to_owned()),
        source: Source { address: Some(address(number)), ..Source::default() },
        browser: "a browser".to_owned(),
        session: SessionDigest::from_bytes([7; 32]),
        browser_value: None,
    };
    let reply = as_user(gate_user(), || client.call(&request)).unwrap();
    assert_eq!(reply.refusal.unwrap().word, Word::Wrong);
}

/// The sum in a dump; it is written whole before it is needed.
fn total(dump: &Path) -> f64 {
    eventually("callgrind has counted", Duration::from_secs(20), || {
        let text = fs::read_to_string(dump).ok()?;
        let line = text.lines().find_map(|line| line.strip_prefix("totals: "))?;
        line.trim().parse().ok()
    })
}

#[test]
fn a_name_that_nobody_has_takes_as_many_instructions_as_one_with_a_second_factor() {
    let setup = Setup { syslog: false, clock: Clock::real(), ..Setup::default() };
    let mut authority = Authority::with(setup);
    for number in 0..NAMES {
        authority.enrol(&format!("local:known{number}"));
    }
    for number in 0..2 {
        authority.enrol(&format!("local:portal{number}"));
        authority.set_password(&format!("local:portal{number}"), "portal pass 4711");
    }
    assert_eq!(authority.stop(), 0);
    let mut counted = Counted::start(&authority);
    // Each thread's first run of Argon2 finds fresh memory, which is cheaper.
    counted.refusing("early", 4, |client, name, number| gives_code(client, name, number, LIKE_A_BACKUP_CODE));
    for what in ["the first code, shaped like a device's", "the second", "the third"] {
        counted.compare(what, "known", NAMES, |client, name, number| {
            gives_code(client, name, number, LIKE_A_CODE)
        });
    }
    counted.compare("one shaped like a backup code", "known", 2, |client, name, number| {
        gives_code(client, name, number, LIKE_A_BACKUP_CODE);
    });
    counted.compare("a password", "portal", 2, gives_password);
    counted.process.terminate();
}

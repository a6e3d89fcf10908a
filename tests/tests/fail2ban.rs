//! packaging/fail2ban, tried with Debian's own fail2ban-regex on lines that the module wrote under the real libpam.

use std::fs;
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;
use twofold_tests::pam::{PamHost, Typing};
use twofold_tests::{Authority, Door, Setup, eventually, place, run};

/// Where `pam/host.c` says that everybody comes from.
const THEIRS: &str = "203.0.113.9";

/// Names that try to be a whole line about another address.
const HOSTILE: [&str; 7] = [
    "x\": wrong code",
    "x\", user \"y\": wrong code; request 00000000000000000000000000000000",
    "refused from 198.51.100.66, user \"root\": wrong code",
    "x\nNov 28 12:00:00 web1 sshd[1]: pam_twofold(sshd:auth): refused from 198.51.100.66, user \"root\": wrong code",
    "x\r\nsshd[1]: pam_twofold(sshd:auth): refused from 198.51.100.66, user \"root\": wrong code",
    "\\",
    "\\\": wrong code from 198.51.100.66",
];

/// A door for the service of [`PamHost`], its module's log, and a folder for the log as a file.
struct World {
    authority: Authority,
    host: PamHost,
    folder: TempDir,
}

impl World {
    fn new() -> Self {
        let services = vec!["door".to_owned()];
        let doors = vec![Door { services, ..Door::of("web1") }];
        let authority = Authority::with(Setup { doors, ..Setup::default() });
        let folder = tempfile::tempdir().unwrap();
        // libpam puts the file's name into the log: the one that it is installed under.
        let module = folder.path().join("pam_twofold.so");
        fs::copy(place::module(), &module).unwrap();
        let socket = authority.door_socket("web1");
        let host = PamHost::with(&module, &format!("first=above socket={}", socket.display()));
        Self { authority, host, folder }
    }

    fn types(&self, user: &str, text: &str) {
        let _ = self.host.logs_in(user, &Typing::text(text));
    }

    /// The module's lines as a syslog daemon writes them down: without the priority, with the host's name after the time.
    fn log(&self, lines: usize) -> String {
        let ours = || {
            let text = self.host.log();
            let lines = text.lines().filter(|line| line.contains(": pam_twofold(")).map(|line| {
                let line = line.split_once('>').map_or(line, |(_, line)| line);
                // `Mmm dd hh:mm:ss ` and then the program.
                let (time, rest) = line.split_at(16);
                format!("{time}web1 {rest}\n")
            });
            lines.collect::<Vec<_>>()
        };
        eventually("the lines arrive", Duration::from_secs(10), || (ours().len() >= lines).then_some(()));
        assert_eq!(ours().len(), lines, "{:?}", ours());
        ours().concat()
    }

    /// The addresses that Debian's fail2ban finds in `log`.
    fn found(&self, log: &str) -> Vec<String> {
        let path = self.folder.path().join("auth.log");
        fs::write(&path, log).unwrap();
        let filter = place::repository().join("packaging/fail2ban/filter.d/twofold.conf");
        // It ends with 1 where nothing was found.
        let output = run(Command::new("fail2ban-regex").args(["--out", "ip"]).arg(&path).arg(&filter));
        assert!(!output.stderr.contains("rror") && output.code < 2, "{output:?}");
        output.stdout.lines().map(str::to_owned).collect()
    }
}

#[test]
fn fail2ban_finds_the_address_of_every_guess_and_of_nothing_else() {
    let world = World::new();
    let alice = world.authority.enrol("alice");
    let code = alice.phone.fresh();
    world.types("alice", &code);
    assert_eq!(world.found(&world.log(1)), Vec::<String>::new(), "who passes is not found");
    // Refused, and then refused again in the account phase: the second line is no guess.
    for guess in [code.as_str(), &alice.phone.wrong(), "no code at all"] {
        world.types("alice", guess);
    }
    let log = world.log(7);
    for reason in ["used code; request", "wrong code; request", "not a code", "need=factor asks for one"] {
        assert!(log.contains(reason), "{log}");
    }
    assert_eq!(world.found(&log), [THEIRS; 3], "{log}");
}

#[test]
fn no_name_makes_fail2ban_find_another_address() {
    let world = World::new();
    for name in HOSTILE {
        world.types(name, "123456");
    }
    let log = world.log(2 * HOSTILE.len());
    assert!(log.contains("198.51.100.66"), "the names are in the log: {log}");
    assert_eq!(world.found(&log), [THEIRS; HOSTILE.len()], "{log}");
    // The same words quoted in other programs' lines, whole to the end.
    let theirs = "pam_twofold(sshd:auth): refused from 198.51.100.66, user \"root\": wrong code";
    let heads = ["web1 sshd[1]: Invalid user ", "sshd[1]: x: ", "web1 su[1]: x: ", "web1 sudo: alice : "];
    let quoted = heads.map(|head| format!("Nov 28 12:00:00 {head}{theirs}\n")).concat();
    let own = format!("Nov 28 12:00:00 web1 sshd[1]: {theirs}\n");
    assert_eq!(world.found(&own), ["198.51.100.66"], "as our own line they are found");
    assert_eq!(world.found(&quoted), Vec::<String>::new(), "{quoted}");
}

#[test]
fn fail2ban_takes_the_example_of_a_jail() {
    let folder = tempfile::tempdir().unwrap();
    let theirs = folder.path().join("fail2ban");
    run(Command::new("cp").args(["-r", "/etc/fail2ban"]).arg(&theirs)).expect_success();
    // Debian's own jail reads the machine's log, which may not be there.
    fs::remove_file(theirs.join("jail.d/defaults-debian.conf")).unwrap();
    let ours = place::repository().join("packaging/fail2ban");
    fs::copy(ours.join("filter.d/twofold.conf"), theirs.join("filter.d/twofold.conf")).unwrap();
    let log = folder.path().join("auth.log");
    fs::write(&log, "").unwrap();
    let jail = fs::read_to_string(ours.join("jail.d/twofold.conf")).unwrap();
    let jail = jail.replace("/var/log/auth.log\nport", &format!("{}\nport", log.display()));
    assert!(jail.contains(&log.display().to_string()), "{jail}");
    fs::write(theirs.join("jail.d/twofold.conf"), jail).unwrap();
    // It reads the configuration, and starts nothing.
    let test = run(Command::new("fail2ban-client").args(["--test", "--conf"]).arg(&theirs));
    assert!(test.succeeded() && test.stdout.contains("configuration test is successful"), "{test:?}");
    let dump = run(Command::new("fail2ban-client").args(["--dp", "--conf"]).arg(&theirs)).expect_success();
    assert!(dump.contains("'twofold'") && dump.contains("pam_twofold"), "{dump}");
}

//! Turning doors on without locking anybody out: a host with systemd, its own files of PAM and sshd, and sabotage.

use std::process::Command;
use std::time::{Duration, Instant};

use twofold_tests::ssh::PASSWORD;
use twofold_tests::{Enrolled, Host, Login, Process, Release, Run, eventually, place};

/// Turns ssh on as far as the time to confirm, which is the shortest.
const ENABLE: [&str; 10] = [
    "twofold",
    "ssh",
    "enable",
    "--first",
    "publickey",
    "--yes",
    "--revert-after",
    "10s",
    "--root-password-fd",
    "0",
];

fn enable(host: &Host) -> Run {
    host.type_to(&ENABLE, &format!("{PASSWORD}\n"))
}

/// Every file of PAM and sshd with its sum, owner, mode and inode: what must be there again.
fn files(host: &Host) -> String {
    let list = "cd /etc && find pam.d ssh -type f -exec stat --format='%n %u:%g %a %i' {} + | sort; \
                find pam.d ssh -type f | sort | xargs sha256sum || echo changing";
    host.exec(&["sh", "-c", list]).expect_success()
}

/// The same without inodes: where files were written anew on purpose.
fn contents(host: &Host) -> String {
    let list = "cd /etc && find pam.d ssh -type f | sort | xargs sha256sum; find pam.d ssh -type f -exec stat \
                --format='%n %u:%g %a' {} + | sort";
    host.exec(&["sh", "-c", list]).expect_success()
}

fn state(host: &Host, door: &str) -> String {
    let told = host.exec(&["twofold", "--json", door, "status"]).expect_success();
    let told: serde_json::Value = serde_json::from_str(told.trim()).unwrap();
    told["state"].as_str().unwrap().to_owned()
}

fn key_alone(host: &Host) -> Login {
    Login { key: Some(host.key()), ..Login::default() }
}

fn with_code(host: &Host, code: &str) -> Login {
    Login::key_then(&host.key(), code)
}

/// `sudo` on the far side takes the password from standard input's place: nobody is at a terminal there.
fn sudo(command: &str) -> String {
    format!("echo {PASSWORD} | sudo -S -p '' {command}")
}

fn is_as_before(host: &Host, before: &str, what: &str) {
    eventually(what, Duration::from_secs(60), || {
        (files(host) == before && state(host, "ssh") == "off").then_some(())
    });
    // Where the boot's guard did it, sshd reads its files again when that has ended.
    eventually(what, Duration::from_secs(10), || {
        let session = host.ssh("alice", &key_alone(host));
        (session.succeeded() && session.prompts.is_empty()).then_some(())
    });
}

#[test]
fn a_confirmed_change_stays_over_a_restart_and_disable_gives_every_byte_back() {
    let (mut host, alice) = Host::boot_installed();
    let before = contents(&host);
    let run = enable(&host);
    assert!(run.succeeded(), "{run:?}");
    assert!(run.stdout.contains("+auth       requisite  pam_twofold.so first=publickey"), "{run:?}");
    assert_eq!(state(&host, "ssh"), "waits");
    // Neither somebody who never logged in through ssh, nor a login that gave no code, can confirm.
    let console = host.exec(&["twofold", "ssh", "confirm"]);
    assert!(!console.succeeded() && console.stderr.contains("no login through ssh"), "{console:?}");
    host.exec(&["groupadd", "--users", "alice", "twofold-breakglass"]).expect_success();
    let by_key = host.ssh("alice", &key_alone(&host).running(&[&sudo("twofold ssh confirm")]));
    assert!(by_key.run.stderr.contains("knows of no code"), "{by_key:?}\n{}", host.journal("ssh"));
    host.exec(&["groupdel", "twofold-breakglass"]).expect_success();
    let session =
        host.ssh("alice", &with_code(&host, &alice.backup_codes[0]).running(&[&sudo("twofold ssh confirm")]));
    assert!(session.succeeded(), "{session:?}\n{}", host.journal("ssh"));
    assert_eq!(state(&host, "ssh"), "on");
    assert!(!host.ssh("alice", &key_alone(&host)).succeeded());

    // Beyond the deadline nothing is left that could take it back, at the next start neither.
    assert!(!host.exec(&["systemctl", "is-active", "twofold-rollout-deadline.timer"]).succeeded());
    host.restart();
    assert_eq!(state(&host, "ssh"), "on");
    assert!(!host.ssh("alice", &key_alone(&host)).succeeded());
    let session = host.ssh("alice", &with_code(&host, &alice.backup_codes[1]));
    assert!(session.succeeded(), "{session:?}\n{}", host.journal("twofoldd"));
    let again = enable(&host);
    assert!(again.succeeded() && again.stdout.contains("already"), "{again:?}");

    host.exec(&["twofold", "ssh", "disable", "--yes"]).expect_success();
    assert_eq!(contents(&host), before);
    assert!(host.ssh("alice", &key_alone(&host)).succeeded());
}

#[test]
fn sudo_is_confirmed_by_a_sudo_that_asked_for_a_code() {
    let (host, alice) = Host::boot_installed();
    let before = contents(&host);
    let words = ["twofold", "sudo", "enable", "--yes", "--revert-after", "2m", "--root-password-fd", "0"];
    host.type_to(&words, &format!("{PASSWORD}\n")).expect_success();
    // Both files ask: `sudo -i` has one of its own.
    for (code, options) in [(&alice.backup_codes[0], "-k"), (&alice.backup_codes[1], "-k -i")] {
        let answers = format!("{PASSWORD}\n{code}\n");
        let line = format!("sudo -S {options} id -u");
        let without = host.as_alice(&line, &format!("{PASSWORD}\n"));
        assert!(!without.succeeded(), "{without:?}");
        let with = host.as_alice(&line, &answers);
        assert_eq!(with.stdout.trim(), "0", "{with:?}");
    }
    assert_eq!(state(&host, "sudo"), "waits");
    let confirm =
        host.as_alice("sudo -S -k twofold sudo confirm", &format!("{PASSWORD}\n{}\n", alice.backup_codes[2]));
    assert!(confirm.succeeded(), "{confirm:?}");
    assert_eq!(state(&host, "sudo"), "on");
    host.exec(&["twofold", "sudo", "disable", "--yes"]).expect_success();
    assert_eq!(contents(&host), before);
}

#[test]
fn every_door_of_bookworm_takes_it_in_and_gives_it_back_to_the_byte() {
    let (host, alice) = Host::boot_installed();
    every_door_takes_it_in_and_gives_it_back(&host, &alice);
}

/// Trixie's own files, out of its packages, on this release's host; `common-*` are made from its templates.
#[test]
fn every_file_of_trixie_takes_it_in_and_comes_back_to_the_byte() {
    let (host, alice) = Host::boot_installed();
    let files = place::files_of_next_release();
    for folder in ["etc/pam.d", "usr/share/pam", "usr/share/pam-configs"] {
        host.put(&files.join(folder).join("."), &format!("/{folder}"));
    }
    host.put(&files.join("usr/share/openssh/sshd_config"), "/etc/ssh/sshd_config");
    host.exec(&["pam-auth-update", "--package", "--force"]).expect_success();
    let listed = host.exec(&["ls", "/etc/pam.d"]).expect_success();
    for file in ["common-auth", "login", "sshd", "su", "su-l", "sudo", "sudo-i"] {
        assert!(listed.lines().any(|name| name == file), "{file} is not in: {listed}");
    }
    every_door_takes_it_in_and_gives_it_back(&host, &alice);
}

#[test]
#[ignore = "long: ./dev test --all"]
fn every_door_of_trixie_takes_it_in_and_gives_it_back_to_the_byte() {
    let (host, alice) = Host::boot_installed_on(Release::Trixie);
    every_door_takes_it_in_and_gives_it_back(&host, &alice);
}

/// Each door turned on and taken back; then turned on, confirmed through itself, and disabled.
fn every_door_takes_it_in_and_gives_it_back(host: &Host, alice: &Enrolled) {
    let before = contents(host);
    host.exec(&["twofold", "account", "add", "root"]).expect_success();
    host.exec(&["twofold", "account", "require", "root", "exempt"]).expect_success();
    for door in ["ssh --first password", "ssh --first publickey", "sudo", "su", "login"] {
        let (door, first) = door.split_once(' ').unwrap_or((door, ""));
        if door == "login" {
            // The console would not be a way in beside itself.
            let line = format!("echo {PASSWORD} | twofold login enable --yes --root-password-fd 0");
            let refused = host.exec(&["sh", "-c", &line]);
            assert!(!refused.succeeded() && refused.stderr.contains("no other way"), "{refused:?}");
            host.exec(&["sh", "-ec", ROOT_BREAKS_GLASS]).expect_success();
        }
        let line = format!("echo {PASSWORD} | twofold {door} enable {first} --yes --root-password-fd 0");
        let enabled = host.exec(&["sh", "-c", &line]);
        assert!(enabled.succeeded(), "{enabled:?}");
        assert_ne!(contents(host), before, "{door}");
        // Another door has to wait its turn.
        let other = host.exec(&["twofold", "su", "disable", "--yes"]);
        assert!(!other.succeeded() && other.stderr.contains("waits to be confirmed"), "{other:?}");
        host.exec(&["twofold", "rollout", "revert"]).expect_success();
        assert_eq!(contents(host), before, "{door}");
    }
    host.exec(&["twofold", "account", "require", "root", "required"]).expect_success();
    let root = host.enrol("root");
    for door in ["ssh", "sudo", "su", "login"] {
        let first = if door == "ssh" { "--first publickey" } else { "" };
        host.exec(&["sh", "-c", &format!("twofold {door} enable {first} --yes")]).expect_success();
        confirm_through(host, door, alice, &root);
        assert_eq!(state(host, door), "on");
        host.exec(&["twofold", door, "disable", "--yes"]).expect_success();
        assert_eq!(contents(host), before, "{door}");
    }
}

fn confirm_through(host: &Host, door: &str, alice: &Enrolled, root: &Enrolled) {
    let line = format!("twofold {door} confirm");
    let answers = |code: &str| format!("{PASSWORD}\n{code}\n");
    match door {
        "ssh" => {
            let session =
                host.ssh("alice", &with_code(host, &alice.backup_codes[0]).running(&[&sudo(&line)]));
            assert!(session.succeeded(), "{session:?}\n{}", host.journal("ssh"));
        }
        "sudo" => {
            let run = host.as_alice(&format!("sudo -S -k {line}"), &answers(&alice.backup_codes[1]));
            assert!(run.succeeded(), "{run:?}");
        }
        "su" => {
            let run = host.as_alice(&format!("su -c '{line}'"), &answers(&root.backup_codes[0]));
            assert!(run.succeeded(), "{run:?}");
        }
        _ => {
            let mut login = host.console(&["login", "root"]);
            login.until("assword");
            login.enter(PASSWORD);
            login.until("Code for root: ");
            login.enter(&root.backup_codes[1]);
            login.until("# ");
            login.enter(&format!("{line}; echo ended:$?"));
            login.until("ended:0");
        }
    }
}

/// root with a key, in the group.
const ROOT_BREAKS_GLASS: &str = "groupadd twofold-breakglass
gpasswd --add root twofold-breakglass
install -d -m 700 ~root/.ssh
install -m 600 ~alice/.ssh/authorized_keys ~root/.ssh/";

#[test]
fn a_lost_connection_is_no_lost_host() {
    let (host, _) = Host::boot_installed();
    let before = files(&host);
    // Over the very connection that ends meanwhile.
    let line = format!(
        "printf '%s\\n%s\\n' {PASSWORD} {PASSWORD} | sudo -S -p '' twofold ssh enable --first publickey --yes \
         --revert-after 10s --root-password-fd 0; sleep 60"
    );
    let key = host.key();
    let port = host.port().to_string();
    let mut ssh = Command::new("ssh");
    ssh.args(["-F", "none", "-p", &port, "-i"]).arg(key).args([
        "-o",
        "StrictHostKeyChecking=no",
        "-o",
        "UserKnownHostsFile=/dev/null",
        "-o",
        "BatchMode=yes",
    ]);
    let mut connection = Process::start("ssh", ssh.args(["alice@127.0.0.1", &line]));
    connection.until("the change is made", || (state(&host, "ssh") == "waits").then_some(()));
    connection.kill();
    assert!(!host.ssh("alice", &key_alone(&host)).succeeded());
    is_as_before(&host, &before, "the connection was cut");
}

#[test]
fn at_the_next_start_an_unconfirmed_change_is_gone_before_sshd_is_there() {
    let (mut host, _) = Host::boot_installed();
    let before = files(&host);
    let mut words = ENABLE;
    words[7] = "1h";
    host.type_to(&words, &format!("{PASSWORD}\n")).expect_success();
    assert_ne!(files(&host), before);
    host.restart();
    // Its sshd has greeted: whoever comes now meets the old files.
    assert_eq!(files(&host), before);
    is_as_before(&host, &before, "the host was restarted");
    let guard = host.journal("twofold-rollout");
    assert!(guard.contains("ssh is as it was before"), "{guard}");
}

/// Kills `enable` at moments that are spread over as long as it takes, and has the timer, the boot or root take back
/// what is left of it.
fn killed_at_random(runs: u32) {
    let (mut host, _) = Host::boot_installed();
    let began = Instant::now();
    enable(&host).expect_success();
    let whole = u32::try_from(began.elapsed().as_millis()).unwrap();
    host.exec(&["twofold", "rollout", "revert"]).expect_success();
    let before = files(&host);
    let mut made = 0;
    for round in 0..runs {
        let millis = u32::from_ne_bytes(random()) % whole;
        let line = format!(
            "echo {PASSWORD} | {} & sleep {}.{:03}; kill -KILL $!; wait",
            ENABLE.join(" "),
            millis / 1000,
            millis % 1000
        );
        let run = host.exec(&["sh", "-c", &line]);
        made += u32::from(files(&host) != before);
        // Who comes to the rescue: the timer, the boot, root.
        match round % 5 {
            0 => {}
            1 if round < 10 => host.restart(),
            1 | 2 => drop(host.exec(&["systemctl", "restart", "twofold-rollout.service"])),
            _ => drop(host.exec(&["twofold", "rollout", "revert"]).expect_success()),
        }
        is_as_before(&host, &before, &format!("round {round}, killed after {millis} ms: {run:?}"));
    }
    assert!(made > 0, "no round came as far as a change");
}

/// As somebody might who reads of it: it is ordered before sshd, which it has to have read its files again.
#[test]
fn the_boots_guard_takes_it_back_by_hand_too() {
    let (host, _) = Host::boot_installed();
    let before = files(&host);
    let mut words = ENABLE;
    words[7] = "1h";
    host.type_to(&words, &format!("{PASSWORD}\n")).expect_success();
    assert!(!host.ssh("alice", &key_alone(&host)).succeeded());
    let began = Instant::now();
    host.exec(&["systemctl", "restart", "twofold-rollout.service"]).expect_success();
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    is_as_before(&host, &before, "by hand");
}

fn random() -> [u8; 4] {
    use std::io::Read;
    let mut bytes = [0; 4];
    std::fs::File::open("/dev/urandom").unwrap().read_exact(&mut bytes).unwrap();
    bytes
}

#[test]
fn killed_at_ten_random_moments_the_old_configuration_is_back_and_works() {
    killed_at_random(10);
}

/// On two hosts at once: much of the time is waiting for the timer.
#[test]
#[ignore = "long: ./dev test --all"]
fn killed_at_a_hundred_random_moments_the_old_configuration_is_back_and_works() {
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| killed_at_random(50));
        }
    });
}

#[test]
fn a_stopped_process_does_not_keep_its_change() {
    let (host, _) = Host::boot_installed();
    let before = files(&host);
    // Stopped between its first edit and its end, as by a terminal that takes no more: it holds the lock.
    let line = format!(
        "echo {PASSWORD} | {} & until [ -e /etc/pam.d/.sshd.twofold-old ]; do :; done; kill -STOP $!",
        ENABLE.join(" ")
    );
    let _ = host.exec(&["sh", "-c", &line]);
    is_as_before(&host, &before, "the process was stopped");
}

#[test]
fn where_no_systemd_runs_a_process_of_its_own_takes_it_back() {
    let (host, _) = Host::boot_installed();
    let before = files(&host);
    // What says that systemd runs this host.
    host.exec(&["mv", "/run/systemd/system", "/run/systemd/away"]).expect_success();
    let refused = enable(&host);
    assert!(!refused.succeeded() && refused.stderr.contains("--without-systemd"), "{refused:?}");
    assert_eq!(files(&host), before);
    let words = [&ENABLE[..], &["--without-systemd"]].concat();
    host.type_to(&words, &format!("{PASSWORD}\n")).expect_success();
    assert!(!host.ssh("alice", &key_alone(&host)).succeeded());
    is_as_before(&host, &before, "a process of its own");
}

#[test]
fn a_full_disk_changes_nothing() {
    let (host, _) = Host::boot_installed();
    // A drive for each folder that is written to; full to the last block.
    let small = "set -e; cp -a \"$1\" /var/tmp/kept; mount -t tmpfs -o size=160k,mode=755 tmpfs \"$1\"; \
                 cp -a /var/tmp/kept/. \"$1\"; rm -r /var/tmp/kept; \
                 dd if=/dev/zero of=\"$1/filler\" bs=4096 2>/dev/null || true";
    for folder in ["/var/lib/twofold-rollout", "/etc/pam.d", "/etc/ssh/sshd_config.d"] {
        host.exec(&["mkdir", "-p", folder]).expect_success();
        host.exec(&["sh", "-c", small, "sh", folder]).expect_success();
        let before = files(&host);
        let run = enable(&host);
        assert!(!run.succeeded() && run.stderr.contains("No space left"), "{folder}: {run:?}");
        assert_eq!(files(&host), before, "{folder}");
        host.exec(&["umount", folder]).expect_success();
        is_as_before(&host, &files(&host), folder);
    }
}

#[test]
fn it_is_refused_until_somebody_would_still_get_in() {
    let (host, _) = Host::boot_installed();
    let before = files(&host);
    let refused = |prepare: &str, words: &str, undo: &str| {
        host.exec(&["sh", "-ec", prepare]).expect_success();
        let run = enable(&host);
        assert!(!run.succeeded() && run.stderr.replace('\n', " ").contains(words), "{prepare}: {run:?}");
        host.exec(&["sh", "-ec", undo]).expect_success();
        assert_eq!(files(&host), before, "{prepare}");
        assert_eq!(state(&host, "ssh"), "off", "{prepare}");
    };
    refused("usermod --lock root", "no other way into this host", "usermod --unlock root");
    refused(
        "useradd --create-home --shell /bin/bash --groups sudo bob; cp -r ~alice/.ssh ~bob; chown -R bob: ~bob",
        "bob must give a code, has nothing to make one with, and sets it up only by invitation",
        "userdel bob",
    );
    refused(
        "useradd --create-home --home-dir /home/carol --shell /bin/bash carol; echo carol:pw-of-carol-3 | chpasswd",
        "carol has a password and no key",
        "userdel carol",
    );
    refused(
        "systemctl disable --quiet twofold-rollout.service",
        "systemctl enable",
        "systemctl enable --quiet twofold-rollout.service",
    );
    refused(
        "systemctl stop twofoldd.socket twofoldd",
        "nobody answers at",
        "systemctl start twofoldd.socket",
    );
    refused(
        "chmod 666 /lib/*-linux-gnu/security/pam_twofold.so",
        "chmod 644",
        "chmod 644 /lib/*-linux-gnu/security/pam_twofold.so",
    );
    refused(
        "mv /lib/x86_64-linux-gnu/security/pam_twofold.so /var/tmp/m",
        "in none of libpam's folders",
        "mv /var/tmp/m /lib/x86_64-linux-gnu/security/pam_twofold.so",
    );
    for (path, line, words) in [
        (
            "/etc/ssh/sshd_config.d/90-x.conf",
            "Bogus yes",
            "sshd does not take its configuration as it is now",
        ),
        ("/etc/ssh/sshd_config.d/90-x.conf", "Match User alice\n PasswordAuthentication yes", "--keep-match"),
    ] {
        refused(&format!("printf '{line}\\n' >{path}"), words, &format!("rm {path}"));
    }
    refused("chmod 666 /etc/pam.d/sshd", "chmod 644 /etc/pam.d/sshd", "chmod 644 /etc/pam.d/sshd");
    refused(
        "mv /etc/pam.d/sshd /etc/pam.d/real; ln -s real /etc/pam.d/sshd",
        "symbolic link",
        "mv /etc/pam.d/real /etc/pam.d/sshd",
    );
    // The way in has to be tried, and consent to be given.
    let wrong = host.type_to(&ENABLE, "not-the-password\n");
    assert!(!wrong.succeeded() && wrong.stderr.contains("not root's password"), "{wrong:?}");
    let dry = host.type_to(&[&ENABLE[..5], &["--dry-run"]].concat(), "");
    assert!(dry.succeeded() && dry.stdout.contains("dry run"), "{dry:?}");
    let unasked = host.type_to(
        &["twofold", "ssh", "enable", "--first", "publickey", "--root-password-fd", "0"],
        &format!("{PASSWORD}\n"),
    );
    assert!(!unasked.succeeded() && unasked.stderr.contains("--yes"), "{unasked:?}");
    assert_eq!(files(&host), before);
    assert!(host.ssh("alice", &key_alone(&host)).succeeded());
}

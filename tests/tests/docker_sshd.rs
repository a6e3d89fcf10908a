//! Every way in which sshd can be told to ask (`AuthenticationMethods`), at each of the documented stacks.

use std::time::Duration;

use twofold_tests::ssh::PASSWORD;
use twofold_tests::{First, Login, Machine, Release, Run, eventually};

/// A way for each person: `AuthenticationMethods` may stand in a `Match` block.
const WAYS: &str = "PasswordAuthentication yes\nBanner /etc/ssh/ways
Match User alice\n AuthenticationMethods keyboard-interactive
Match User bob\n AuthenticationMethods password,keyboard-interactive
Match User carol\n AuthenticationMethods publickey,password
Match User backup2\n AuthenticationMethods publickey,keyboard-interactive
";

/// Answers as a person would: a code where one is asked for, else the password.
const ANSWERS: &str = "#!/bin/sh\ncase \"$1\" in *Code*) echo \"$CODE\" ;; *) echo \"$PASSWORD\" ;; esac\n";

const BOTH_IN_ONE: &str = "auth requisite pam_twofold.so forward_pass
auth requisite pam_unix.so use_first_pass
auth required pam_permit.so
account required pam_twofold.so need=factor
account required pam_unix.so
session required pam_permit.so
";

/// What `twofold doctor` has to say of how sshd asks.
fn complaints(machine: &Machine) -> Vec<&'static str> {
    let told = machine.twofold(&["--json", "doctor"]).stdout;
    assert!(told.contains("\"code\""), "{told}");
    let codes = ["sshd_broken", "no_pam", "no_question", "way_without_question", "password_method"];
    codes.into_iter().filter(|code| told.contains(&format!("\"{code}\""))).collect()
}

fn machine(release: Release) -> Machine {
    let machine = Machine::on(release, First::Password, "");
    assert_eq!(complaints(&machine), [""; 0]);
    machine.write("/etc/ssh/ways", "these are the ways\n");
    machine.write("/etc/ssh/sshd_config.d/00-ways.conf", WAYS);
    machine.write("/var/tmp/answers", ANSWERS);
    let key = std::fs::read_to_string(machine.key()).unwrap();
    machine.write("/var/tmp/key", &key);
    machine.root("chmod 600 /var/tmp/key; chmod 755 /var/tmp/answers");
    // Newer ones keep an address away for a while from which somebody was refused.
    machine.root(
        "! sshd -T | grep -qi ^persourcepenalties || sed -i '1i PerSourcePenalties no' /etc/ssh/sshd_config.d/00-ways.conf; \
         sshd -t; kill -HUP 1",
    );
    assert_eq!(complaints(&machine), ["way_without_question", "password_method"]);
    eventually("sshd has read its files again", Duration::from_secs(20), || {
        let session = machine.ssh("alice", &Login::default());
        session.run.stderr.contains("these are the ways").then_some(())
    });
    machine
}

/// ssh's client inside, which offers every method in turn, with a key or without.
fn ssh(machine: &Machine, user: &str, key: &str, password: &str, code: &str) -> Run {
    let line = format!(
        "CODE='{code}' PASSWORD='{password}' SSH_ASKPASS=/var/tmp/answers SSH_ASKPASS_REQUIRE=force \
         ssh -F none -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o NumberOfPasswordPrompts=1 \
         -o IdentitiesOnly=yes -o PubkeyAuthentication={key} -i /var/tmp/key {user}@127.0.0.1 id -un"
    );
    machine.exec("root", &["sh", "-c", &line], "")
}

fn every_way_needs_a_code(release: Release) {
    let machine = machine(release);
    let [alice, bob, carol, other] = ["alice", "bob", "carol", "backup2"].map(|name| machine.enrol(name));
    let in_as = |run: &Run, user: &str| {
        assert_eq!(run.stdout.trim(), user, "{run:?}\n{}", machine.log());
    };
    let out = |run: &Run| assert!(!run.succeeded() && run.stdout.is_empty(), "{run:?}\n{}", machine.log());

    // A password above the code.
    in_as(&ssh(&machine, "alice", "no", PASSWORD, &alice.phone.fresh()), "alice");
    out(&ssh(&machine, "alice", "yes", PASSWORD, &alice.phone.wrong()));
    in_as(&ssh(&machine, "backup2", "yes", PASSWORD, &other.phone.fresh()), "backup2");
    out(&ssh(&machine, "backup2", "yes", PASSWORD, &other.phone.wrong()));
    out(&ssh(&machine, "backup2", "no", PASSWORD, &other.phone.fresh()));
    // sshd's `password` method gives the password for every answer: no code, and nobody is charged for one.
    out(&ssh(&machine, "bob", "yes", PASSWORD, &bob.phone.fresh()));
    out(&ssh(&machine, "carol", "yes", PASSWORD, &carol.phone.fresh()));
    let log = machine.log();
    assert!(log.contains("user \"bob\": the answer was not a code; nobody is charged"), "{log}");

    // A key that sshd has verified above the code; without one nobody passes without a code, whatever policy says.
    machine.root("cp /twofold/packaging/pam/sshd-publickey /etc/pam.d/sshd");
    in_as(&ssh(&machine, "backup2", "yes", "", &other.phone.fresh()), "backup2");
    out(&ssh(&machine, "backup2", "yes", "", &other.phone.wrong()));
    out(&ssh(&machine, "alice", "yes", "", &alice.phone.wrong()));
    in_as(&ssh(&machine, "alice", "yes", "", &alice.phone.fresh()), "alice");
    // The same code twice, as an answer to each of two methods.
    let code = bob.phone.fresh();
    out(&ssh(&machine, "bob", "yes", &code, &code));

    // Password and code in one answer, which is all that the `password` method has.
    machine.write("/etc/pam.d/sshd", BOTH_IN_ONE);
    in_as(&ssh(&machine, "carol", "yes", &format!("{PASSWORD}{}", carol.phone.fresh()), ""), "carol");
    out(&ssh(&machine, "carol", "yes", &format!("{PASSWORD}{}", carol.phone.wrong()), ""));
    out(&ssh(&machine, "carol", "yes", PASSWORD, &carol.phone.fresh()));
    out(&ssh(&machine, "carol", "no", &format!("{PASSWORD}{}", carol.phone.fresh()), ""));
}

#[test]
fn however_sshd_is_told_to_ask_nobody_comes_in_without_a_code() {
    every_way_needs_a_code(Release::Own);
}

#[test]
#[ignore = "long: ./dev test --all"]
fn on_trixie_however_sshd_is_told_to_ask_nobody_comes_in_without_a_code() {
    every_way_needs_a_code(Release::Trixie);
}

#[test]
#[ignore = "long: ./dev test --all"]
fn on_testing_however_sshd_is_told_to_ask_nobody_comes_in_without_a_code() {
    every_way_needs_a_code(Release::Testing);
}

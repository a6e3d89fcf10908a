//! Where somebody comes from, with `UseDNS` on and a resolver in an attacker's hands: what is judged and logged is the address.

use std::time::Duration;

use twofold_tests::ssh::PASSWORD;
use twofold_tests::{First, Login, Machine, eventually};

/// Addresses that a rule lets by, none of which anybody here has; and where a container sees this machine, for backup2.
const RULES: &str = r#"
[[policy.rule]]
services = ["sshd"]
networks = ["192.0.2.0/28"]
require = "exempt"

[[policy.rule]]
services = ["sshd"]
groups = ["backup2"]
networks = ["172.16.0.0/12", "192.168.0.0/16", "10.0.0.0/8"]
require = "exempt"
"#;

/// From now on this is what the machine's resolver calls everybody.
fn everybody_is_called(machine: &Machine, name: &str) {
    machine.write("/var/tmp/name", name);
}

/// What pam_unix says of a wrong password tells by which name sshd goes. Nothing while sshd reads its files again.
fn host_that_sshd_names(machine: &Machine) -> Option<String> {
    let seen = machine.log().len();
    let session = machine.ssh("carol", &Login::answering(&["not-the-password"]));
    assert!(!session.succeeded());
    if session.prompts.is_empty() {
        return None;
    }
    Some(eventually("pam_unix complains", Duration::from_secs(10), || {
        let log = machine.log();
        let line = log.get(seen..)?.lines().find(|line| line.contains("authentication failure"))?;
        line.split("rhost=").nth(1)?.split_whitespace().next().map(str::to_owned)
    }))
}

#[test]
fn a_resolver_that_lies_neither_opens_a_rule_nor_writes_the_log() {
    let machine = Machine::start(First::Password, RULES);
    let alice = machine.enrol("alice");
    machine.write("/var/tmp/resolver.py", include_str!("../docker/stacks/resolver.py"));
    everybody_is_called(&machine, "backup.example.com");
    machine.root(
        "setsid python3 /var/tmp/resolver.py /var/tmp/name >/var/log/resolver 2>&1 </dev/null & \
         echo nameserver 127.0.0.1 >/etc/resolv.conf; echo UseDNS yes >/etc/ssh/sshd_config.d/00-dns.conf; kill -HUP 1",
    );
    eventually("sshd asks the resolver", Duration::from_secs(20), || {
        (host_that_sshd_names(&machine)? == "backup.example.com").then_some(())
    });
    // A name; an address written as a name, which sshd itself sees through; and what begins as one.
    for name in ["backup.example.com", "192.0.2.7", "192.0.2.7.example.com", "192-0-2-7.example.com"] {
        everybody_is_called(&machine, name);
        let told = host_that_sshd_names(&machine).expect("sshd listens");
        assert!(told == name || name == "192.0.2.7" && told.parse::<std::net::Ipv4Addr>().is_ok(), "{told}");
        let seen = machine.log().len();
        let without = machine.ssh("alice", &Login::answering(&[PASSWORD]));
        assert!(!without.succeeded() && without.prompts.len() == 2, "{name}: {without:?}\n{}", machine.log());
        let with = machine.ssh("alice", &Login::password_then(&alice.phone.fresh()));
        assert!(with.succeeded(), "{name}: {with:?}\n{}", machine.log());
        // Nor does it take away what a rule says of the true address.
        let exempt = machine.ssh("backup2", &Login::answering(&[PASSWORD]));
        assert!(exempt.succeeded(), "{name}: {exempt:?}\n{}", machine.log());
        let ours = eventually("the module's lines are there", Duration::from_secs(10), || {
            let log = machine.log().get(seen..)?.to_owned();
            let ours: Vec<String> =
                log.lines().filter(|line| line.contains("pam_twofold(")).map(str::to_owned).collect();
            ["refused from", "accepted from", "let by from"]
                .iter()
                .all(|word| ours.iter().any(|line| line.contains(word)))
                .then_some(ours)
        });
        for line in ours {
            let place = line.split(" from ").nth(1).and_then(|rest| rest.split(',').next());
            let address = place.and_then(|place| place.parse::<std::net::Ipv4Addr>().ok());
            assert!(address.is_some_and(|address| address.is_private()), "{name}: {line}");
        }
    }
    // The audit trail has the address, too.
    let trail = machine.twofold(&["--json", "audit", "--account", "alice"]).expect_success();
    assert!(
        trail.contains("verify") && !trail.contains("192.0.2") && !trail.contains("example.com"),
        "{trail}"
    );
}

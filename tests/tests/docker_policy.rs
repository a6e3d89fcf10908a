//! Policy at real doors: sshd and sudo in a container, asked by rules, spared by grace, and a public key alone.

use std::time::Duration;

use twofold_tests::ssh::PASSWORD;
use twofold_tests::{Authority, Container, Enrolled, First, Login, Setup, eventually};

/// Where a container sees this machine.
const ENGINES: &str = "\"172.16.0.0/12\", \"192.168.0.0/16\", \"10.0.0.0/8\", \"fc00::/7\"";

fn authority(rules: &str) -> (Authority, Enrolled, Enrolled) {
    let authority = Authority::with(Setup { more: rules.to_owned(), ..Setup::default() });
    let (alice, bob) = (authority.enrol("alice"), authority.enrol("bob"));
    (authority, alice, bob)
}

/// An address of the container's own loopback that a rule names, and one that none does.
const NAMED: &str = "127.0.0.2";
const UNNAMED: &str = "127.0.0.3";

fn key_alone(host: &Container) -> Login {
    Login { key: Some(host.key()), ..Login::default() }
}

#[test]
fn a_rule_exempts_a_key_from_a_network_and_nobody_else() {
    let (authority, alice, _) = authority(&format!(
        "[[policy.rule]]\nservices = [\"sshd\"]\nnetworks = [{ENGINES}, \"{NAMED}\"]\nauth = [\"publickey\"]\nrequire = \"exempt\"\n"
    ));
    let by_key = Container::start(&authority, First::Publickey);
    let session = by_key.ssh("alice", &key_alone(&by_key).running(&["id", "-un"]));
    assert_eq!(session.run.stdout.trim(), "alice", "{session:?}\n{}", by_key.log());
    assert!(session.prompts.is_empty(), "{session:?}");
    // The same key from inside, where only the address tells the two calls apart.
    assert!(inside(&by_key, NAMED, "alice"), "{}", by_key.log());
    assert!(!inside(&by_key, UNNAMED, "alice"), "an address that no rule names");
    let by_password = Container::start(&authority, First::Password);
    let session = by_password.ssh("alice", &Login::answering(&[PASSWORD]));
    assert!(!session.succeeded(), "{session:?}\n{}", by_password.log());
    let session = by_password.ssh("alice", &Login::password_then(&alice.phone.fresh()));
    assert!(session.succeeded(), "{session:?}\n{}", by_password.log());
    let sudo = by_key.exec("alice", &["sudo", "-S", "-k", "id", "-u"], &format!("{PASSWORD}\n"));
    assert!(!sudo.succeeded() && sudo.stderr.contains("Code for alice"), "{sudo:?}");
}

/// Whether the key that everybody has opens sshd from this address of the container's loopback, with nobody there to type.
/// Without a terminal the client gives an empty answer to whatever it is asked; BatchMode would keep it from keyboard-interactive
/// altogether, so that it was refused whatever policy says.
fn inside(host: &Container, from: &str, user: &str) -> bool {
    let key = std::fs::read_to_string(host.key()).unwrap();
    host.exec("root", &["sh", "-c", "umask 077 && cat >/var/tmp/key"], &key).expect_success();
    let (bind, target) = (format!("BindAddress={from}"), format!("{user}@127.0.0.1"));
    let mut command = vec!["ssh", "-F", "none", "-i", "/var/tmp/key"];
    for option in ["StrictHostKeyChecking=no", "NumberOfPasswordPrompts=1", "IdentitiesOnly=yes", &bind] {
        command.extend(["-o", option]);
    }
    command.extend([target.as_str(), "id"]);
    let run = host.exec("root", &command, "");
    assert!(run.stderr.contains("Permission denied") || run.succeeded(), "{run:?}");
    assert_eq!(run.succeeded(), run.stdout.contains("uid="), "{run:?}");
    run.succeeded()
}

const GRACE: &str =
    "[[policy.rule]]\nservices = [\"sshd\", \"sudo\"]\nrequire = \"required\"\ngrace = \"8h\"\n";

#[test]
fn with_grace_one_code_serves_the_same_key_and_address_and_nobody_else() {
    let elsewhere = format!("[[policy.rule]]\nnetworks = [\"{NAMED}\"]\nrequire = \"exempt\"\n{GRACE}");
    let (authority, alice, _) = authority(&elsewhere);
    let host = Container::start(&authority, First::Publickey);
    let asked = |name: &str| {
        let session = host.ssh(name, &key_alone(&host));
        assert_eq!(session.succeeded(), session.prompts.is_empty(), "{session:?}\n{}", host.log());
        !session.succeeded()
    };
    assert!(asked("alice"));
    let session = host.ssh("alice", &Login::key_then(&host.key(), &alice.phone.fresh()));
    assert!(session.succeeded() && session.prompts.len() == 1, "{session:?}\n{}", host.log());
    assert!(!asked("alice"), "{}", host.log());
    eventually("the log says why", Duration::from_secs(10), || {
        (host.log().contains("let by") && host.log().contains("still serves")).then_some(())
    });
    assert!(asked("bob"), "another person at the same address, with the same key");
    assert!(!inside(&host, UNNAMED, "alice"), "another address");
    assert!(inside(&host, NAMED, "alice"), "a rule lets the same call in\n{}", host.log());
    let list = authority.twofold(&["grace", "list", "alice"]).expect_success();
    assert!(list.contains("sshd on web1"), "{list}");
    authority.twofold(&["grace", "end", "--all", "--yes", "--account", "alice"]).expect_success();
    assert!(asked("alice"));
    let session = host.ssh("alice", &Login::key_then(&host.key(), &alice.phone.fresh()));
    assert!(session.succeeded() && !asked("alice"), "{}", host.log());
    authority.clock().shift(8 * 3600 + 1);
    assert!(asked("alice"), "eight hours are over");
}

#[test]
fn with_grace_sudo_asks_once_in_a_session_and_again_in_the_next_on_the_same_terminal() {
    let (authority, alice, _) = authority(GRACE);
    let host = Container::start(&authority, First::Password);
    // Each on a terminal of its own, which is the same number again; -k has sudo itself remember nothing.
    let session = |first: &str, second: &str| {
        let sudo = |answers: &str| format!("printf '{answers}' | sudo -S -k id -u 2>/dev/null");
        let commands = format!("tty; echo one:$({}); echo two:$({})", sudo(first), sudo(second));
        host.exec("alice", &["script", "-qec", &commands, "/dev/null"], "").stdout.replace('\r', "")
    };
    let (password, code) = (format!("{PASSWORD}\\n"), format!("{}\\n", alice.phone.fresh()));
    let first = session(&format!("{password}{code}"), &password);
    assert!(first.contains("one:0\ntwo:0"), "{first}\n{}", host.log());
    let next = session(&password, &format!("{password}{}\\n", alice.phone.fresh()));
    assert!(next.contains("one:\ntwo:0"), "{next}\n{}", host.log());
    assert_eq!(first.lines().next(), next.lines().next(), "the same terminal");
    // Another terminal, opened from the one where the code was given.
    let here = format!("printf '{password}{}\\n' | sudo -S -k id -u 2>/dev/null", alice.phone.fresh());
    let there = format!("printf '{password}' | sudo -S -k id -u 2>/dev/null");
    let commands = format!("echo one:$({here}); script -qec \"{there}\" /dev/null | sed s/^/two:/");
    let nested = host.exec("alice", &["script", "-qec", &commands, "/dev/null"], "").stdout;
    assert!(nested.contains("one:0") && !nested.contains("two:0"), "{nested}\n{}", host.log());
    // Without the password grace is worth nothing.
    let without = session(&format!("{password}{}\\n", alice.phone.fresh()), "not-the-password\\n");
    assert!(without.contains("one:0\ntwo:\n"), "{without}");
    // And where there is no terminal there is none.
    let sudo = |answers: &str| host.exec("alice", &["sudo", "-S", "-k", "id", "-u"], answers);
    assert!(sudo(&format!("{PASSWORD}\n{}\n", alice.phone.fresh())).succeeded(), "{}", host.log());
    assert!(!sudo(&format!("{PASSWORD}\n")).succeeded());
}

/// A host whose sshd takes a public key alone for alice and bob, so that no auth line is ever run for them.
fn key_only_host(authority: &Authority) -> Container {
    let host = Container::start(authority, First::Publickey);
    let script = "groupadd twofold-breakglass && usermod -aG twofold-breakglass alice && \
                  usermod -aG twofold-breakglass bob && cp /etc/pam.d/sshd /var/tmp/sshd && \
                  sed -i '/ingroup twofold-breakglass/d' /etc/pam.d/sshd";
    host.exec("root", &["sh", "-c", script], "").expect_success();
    host
}

#[test]
fn a_public_key_alone_is_refused_in_the_account_phase_unless_policy_exempts() {
    let rule = "[[policy.rule]]\nservices = [\"sshd\"]\nauth = [\"password\"]\nrequire = \"exempt\"\n";
    let (mut authority, ..) = authority(rule);
    let host = key_only_host(&authority);
    let refused = host.ssh("alice", &key_alone(&host));
    assert!(!refused.succeeded() && refused.prompts.is_empty(), "{refused:?}\n{}", host.log());
    // sshd's child may still be writing when the client has already left.
    eventually("the log says why", Duration::from_secs(10), || {
        host.log().contains("need=factor asks for one").then_some(())
    });
    authority.twofold(&["account", "require", "bob", "exempt"]).expect_success();
    let exempt = host.ssh("bob", &key_alone(&host));
    assert!(exempt.succeeded(), "{exempt:?}\n{}", host.log());
    // Nobody to ask: nobody comes in, but by the documented break-glass line, which stands above.
    authority.stop();
    assert!(!host.ssh("bob", &key_alone(&host)).succeeded());
    host.exec("root", &["cp", "/var/tmp/sshd", "/etc/pam.d/sshd"], "").expect_success();
    assert!(host.ssh("bob", &key_alone(&host)).succeeded(), "{}", host.log());
}

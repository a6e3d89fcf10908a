//! One ledger for every door: a container at its door listener and the gate share an authority.

use twofold_shared::wire::METHODS;
use twofold_tests::ssh::PASSWORD;
use twofold_tests::{Authority, Container, First, Gate, Login, Upstream};

const WEB_PASSWORD: &str = "plum-crumble-4411";

/// An authority with alice at both doors, a container and a gate before an app.
struct Place {
    authority: Authority,
    alice: twofold_tests::Enrolled,
    host: Container,
    gate: Gate,
    app: Upstream,
}

fn place() -> Place {
    let authority = Authority::start();
    let alice = authority.enrol("alice");
    authority.link("alice", "local:alice");
    authority.set_password("local:alice", WEB_PASSWORD);
    let host = Container::start(&authority, First::Password);
    let app = Upstream::start("The app");
    let gate = Gate::start(&authority, &[("wiki", app.address())]);
    Place { authority, alice, host, gate, app }
}

#[test]
fn a_code_spent_at_one_door_is_dead_at_the_other() {
    let place = place();
    let code = place.alice.phone.fresh();
    assert!(place.host.ssh("alice", &Login::password_then(&code)).succeeded(), "{}", place.host.log());
    let mut web = place.gate.visitor();
    let page = web.give_password(&place.gate.origin("wiki"), "alice", WEB_PASSWORD);
    let page = web.give_code(&page, &code);
    assert!(page.body.contains("already used"), "{page:?}");
    assert!(place.app.seen().is_empty(), "{:?}", place.app.seen());

    let code = place.alice.phone.fresh();
    let page = web.give_code(&page, &code);
    assert!(page.body.contains("The app"), "{page:?}\n{}", place.gate.log());
    let session = place.host.ssh("alice", &Login::password_then(&code));
    assert!(!session.succeeded() && session.run.stderr.contains("already used"), "{session:?}");
}

#[test]
fn a_backup_code_printed_for_one_door_opens_the_other_once() {
    let place = place();
    let code = &place.alice.backup_codes[3];
    let mut web = place.gate.visitor();
    let page = web.give_password(&place.gate.origin("wiki"), "alice", WEB_PASSWORD);
    let page = web.give_code(&page, code);
    assert!(page.body.contains("The app"), "{page:?}");
    assert!(!place.host.ssh("alice", &Login::password_then(code)).succeeded(), "{}", place.host.log());
}

#[test]
fn failures_at_ssh_slow_the_web() {
    let place = place();
    // Five are free, then the delay doubles from one second. Past each delay, so that each try is judged.
    for _ in 0..9 {
        let answer = verify_from_inside(&place.host, "sshd", &place.alice.phone.wrong());
        assert!(answer.contains(r#""wrong""#), "{answer}");
        place.authority.clock().shift(30);
    }
    let wrong = place.alice.phone.wrong();
    assert!(!place.host.ssh("alice", &Login::password_then(&wrong)).succeeded());
    let mut web = place.gate.visitor();
    let page = web.give_password(&place.gate.origin("wiki"), "alice", WEB_PASSWORD);
    let page = web.give_code(&page, &place.alice.phone.fresh());
    assert!(!page.body.contains("The app") && page.body.contains("Too many"), "{page:?}");
    // It is a delay, not a lock.
    place.authority.clock().shift(60);
    let page = web.give_code(&page, &place.alice.phone.fresh());
    assert!(page.body.contains("The app"), "{page:?}");
}

#[test]
fn a_login_by_ssh_is_on_the_account_page_within_two_seconds() {
    let place = place();
    let account = format!("{}/account", place.gate.origin("id"));
    let mut web = place.gate.visitor();
    let page = web.give_password(&account, "alice", WEB_PASSWORD);
    web.give_code(&page, &place.alice.phone.fresh());
    let events = |page: &str| page.split("id=\"activity\"").nth(1).unwrap_or_default().to_owned();
    assert!(!events(&web.get(&account).body).contains("sshd on web1"));

    assert!(place.host.ssh("alice", &Login::password_then(&place.alice.phone.fresh())).succeeded());
    let two_seconds = std::time::Duration::from_secs(2);
    let used = twofold_tests::eventually("the device tells of the login", two_seconds, || {
        let page = web.get(&account).body;
        let devices = page.split("id=\"devices\"").nth(1)?.split("</section>").next()?.to_owned();
        devices.contains("sshd on web1").then_some(devices)
    });
    assert!(used.contains(">used just now, sshd on web1 from "), "{used}");
    let told = twofold_tests::eventually("the account page tells of the login", two_seconds, || {
        let told = events(&web.get(&account).body);
        told.contains("sshd on web1").then_some(told)
    });
    assert!(told.contains("signed in with a code from phone"), "{told}");

    // And what was refused there, with why.
    assert!(!place.host.ssh("alice", &Login::password_then(&place.alice.phone.wrong())).succeeded());
    assert!(events(&web.get(&account).body).contains("refused: wrong code"));
}

/// Sends one Varlink message from inside the container as root, and gives the answer.
fn ask_from_inside(host: &Container, message: &str) -> String {
    const CALL: &str = "use IO::Socket::UNIX; $/ = \"\\0\"; \
        my $s = IO::Socket::UNIX->new(Peer => '/run/twofold/authority.sock') or die $!; \
        my $m = <STDIN>; $s->autoflush(1); print $s $m, \"\\0\"; my $a = <$s>; chomp $a; print $a;";
    host.exec("root", &["perl", "-e", CALL], message).expect_success()
}

/// Presents a code for alice at a service of the door, as root in the container can.
fn verify_from_inside(host: &Container, service: &str, code: &str) -> String {
    let message = format!(
        r#"{{"method":"org.twofold.Authority.Verify","parameters":{{"nonce":"{:032x}","login":{{"name":"alice",
           "service":"{service}","first":"above","source":{{"address":"198.51.100.7"}}}},"code":"{code}"}}}}"#,
        7
    );
    ask_from_inside(host, &message)
}

#[test]
fn root_in_the_container_may_verify_its_services_and_nothing_else() {
    let place = place();
    for method in METHODS.iter().filter(|method| !["Consult", "Verify"].contains(method)) {
        let message =
            format!(r#"{{"method":"org.twofold.Authority.{method}","parameters":{{"account":"alice"}}}}"#);
        let answer = ask_from_inside(&place.host, &message);
        assert!(answer.contains("PermissionDenied") || answer.contains("NotPermitted"), "{method}: {answer}");
    }
    let code = place.alice.phone.fresh();
    let other = verify_from_inside(&place.host, "cron", &code);
    assert!(!other.contains("approval") && other.contains("error"), "{other}");
    // The same code is still good at a service of this door: nothing was spent by asking.
    let own = verify_from_inside(&place.host, "sudo", &code);
    assert!(own.contains("approval"), "{own}");
}

#[test]
fn the_container_sees_one_socket_and_nothing_of_the_ledger() {
    let place = place();
    let found = place.host.exec("root", &["ls", "-A", "/run/twofold"], "").expect_success();
    assert_eq!(found.trim(), "authority.sock");
    let secret = place.alice.phone.secret();
    let grep =
        place.host.exec("root", &["grep", "-rlF", secret, "/run", "/etc", "/var", "/home", "/twofold"], "");
    assert_eq!(grep.stdout, "", "a secret lies in the container");
    assert!(!place.host.log().contains(PASSWORD), "a password in the container's syslog");
}

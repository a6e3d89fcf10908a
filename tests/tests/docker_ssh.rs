//! Real sshd, sudo and su in a container that has nothing of the authority but a door's socket. Codes come from
//! oathtool.

use std::time::Duration;

use twofold_tests::ssh::{PASSWORD, Session};
use twofold_tests::{Authority, Container, First, Login, Setup, eventually, traces};

/// What ssh showed of PAM's messages.
fn said(session: &Session) -> String {
    format!("{}{}", session.run.stderr, session.prompts.join("\n"))
}

#[test]
fn a_password_and_a_code_open_ssh() {
    let authority = Authority::start();
    let alice = authority.enrol("alice");
    let host = Container::start(&authority, First::Password);
    let session = host.ssh("alice", &Login::password_then(&alice.phone.fresh()).running(&["id", "-un"]));
    assert_eq!(session.run.stdout.trim(), "alice", "{session:?}\n{}", host.log());
    assert_eq!(session.prompts.len(), 2, "{session:?}");
    assert!(session.prompts[1].contains("Code for alice"), "{session:?}");
}

#[test]
fn a_public_key_and_a_code_open_ssh_without_a_password() {
    let authority = Authority::start();
    let alice = authority.enrol("alice");
    let host = Container::start(&authority, First::Publickey);
    let session =
        host.ssh("alice", &Login::key_then(&host.key(), &alice.phone.fresh()).running(&["id", "-un"]));
    assert_eq!(session.run.stdout.trim(), "alice", "{session:?}\n{}", host.log());
    assert_eq!(session.prompts.len(), 1, "{session:?}");
    let without_key = host.ssh("alice", &Login::answering(&[&alice.phone.fresh()]));
    assert!(!without_key.succeeded(), "{without_key:?}");
}

#[test]
fn wrong_used_and_expired_codes_are_refused_and_the_next_one_is_not() {
    let authority = Authority::start();
    let alice = authority.enrol("alice");
    let host = Container::start(&authority, First::Password);

    let wrong = host.ssh("alice", &Login::password_then(&alice.phone.wrong()));
    assert!(!wrong.succeeded() && said(&wrong).contains("didn't match"), "{wrong:?}\n{}", host.log());

    let code = alice.phone.fresh();
    assert!(host.ssh("alice", &Login::password_then(&code)).succeeded(), "{}", host.log());
    let used = host.ssh("alice", &Login::password_then(&code));
    assert!(!used.succeeded() && said(&used).contains("already used"), "{used:?}\n{}", host.log());

    let expired = alice.phone.code_at(alice.phone.step() + 1);
    authority.clock().shift(120);
    let late = host.ssh("alice", &Login::password_then(&expired));
    assert!(!late.succeeded() && said(&late).contains("didn't match"), "{late:?}\n{}", host.log());

    assert!(host.ssh("alice", &Login::password_then(&alice.phone.fresh())).succeeded(), "{}", host.log());
}

#[test]
fn a_backup_code_works_once() {
    let authority = Authority::start();
    let alice = authority.enrol("alice");
    let host = Container::start(&authority, First::Password);
    let code = &alice.backup_codes[0];
    let first = host.ssh("alice", &Login::password_then(code));
    assert!(first.succeeded(), "{first:?}\n{}", host.log());
    let again = host.ssh("alice", &Login::password_then(code));
    assert!(!again.succeeded(), "{again:?}");
    assert!(host.ssh("alice", &Login::password_then(&alice.backup_codes[1])).succeeded(), "{}", host.log());
}

/// bob has an account and no device; of carol, whom the container knows, the ledger has never heard.
fn authority_with_policy(policy: &str) -> (Authority, twofold_tests::Enrolled) {
    let more = format!("[policy]\ndefault = \"{policy}\"\n");
    let authority = Authority::with(Setup { more, ..Setup::default() });
    let alice = authority.enrol("alice");
    authority.add("bob");
    (authority, alice)
}

#[test]
fn where_a_code_is_required_nobody_enters_without() {
    let (authority, alice) = authority_with_policy("required");
    let host = Container::start(&authority, First::Password);
    let bob = host.ssh("bob", &Login::answering(&[PASSWORD]));
    assert!(!bob.succeeded() && bob.prompts.len() == 1, "{bob:?}\n{}", host.log());
    assert!(said(&bob).contains("you have none yet"), "{bob:?}");
    // A name that has no account is asked like any other.
    let carol = host.ssh("carol", &Login::password_then("123456"));
    assert!(!carol.succeeded() && carol.prompts.len() == 2, "{carol:?}\n{}", host.log());
    // Who gives no password learns nothing.
    let guess = host.ssh("bob", &Login::answering(&["not-the-password"]));
    assert!(!guess.succeeded() && !said(&guess).contains("you have none yet"), "{guess:?}");
    assert!(!host.ssh("alice", &Login::answering(&[PASSWORD])).succeeded());
    assert!(host.ssh("alice", &Login::password_then(&alice.phone.fresh())).succeeded(), "{}", host.log());
}

#[test]
fn where_a_code_is_optional_who_has_enrolled_is_asked() {
    let (authority, alice) = authority_with_policy("optional");
    let host = Container::start(&authority, First::Password);
    for name in ["bob", "carol"] {
        let session = host.ssh(name, &Login::answering(&[PASSWORD]));
        assert!(session.succeeded() && session.prompts.len() == 1, "{session:?}\n{}", host.log());
        let guess = host.ssh(name, &Login::answering(&["not-the-password"]));
        assert!(!guess.succeeded(), "{guess:?}");
    }
    assert!(!host.ssh("alice", &Login::answering(&[PASSWORD])).succeeded());
    assert!(host.ssh("alice", &Login::password_then(&alice.phone.fresh())).succeeded(), "{}", host.log());
}

#[test]
fn where_a_service_is_exempt_nobody_is_asked() {
    let (authority, _) = authority_with_policy("exempt");
    let host = Container::start(&authority, First::Password);
    for name in ["alice", "bob", "carol"] {
        let session = host.ssh(name, &Login::answering(&[PASSWORD]));
        assert!(session.succeeded() && session.prompts.len() == 1, "{session:?}\n{}", host.log());
        let guess = host.ssh(name, &Login::answering(&["not-the-password"]));
        assert!(!guess.succeeded(), "{guess:?}");
    }
}

#[test]
fn a_key_alone_never_opens_ssh_where_a_code_is_required() {
    let (authority, _) = authority_with_policy("required");
    let host = Container::start(&authority, First::Publickey);
    let key_alone = |name: &str| host.ssh(name, &Login { key: Some(host.key()), ..Login::default() });
    let alice = key_alone("alice");
    assert!(!alice.succeeded() && alice.prompts.len() == 1, "{alice:?}\n{}", host.log());
    let bob = key_alone("bob");
    assert!(!bob.succeeded() && said(&bob).contains("you have none yet"), "{bob:?}\n{}", host.log());
    assert!(!key_alone("carol").succeeded());
}

/// sshd's `password` method: all of it for alice, and for bob keyboard-interactive after it.
const BY_PASSWORD: &str = "PasswordAuthentication yes
Match User alice
    AuthenticationMethods password
Match User bob
    AuthenticationMethods password,keyboard-interactive
";

/// Logs in at a host that is like that.
fn by_password(host: &Container, user: &str, answers: &[&str]) -> Session {
    let methods = "PreferredAuthentications=password,keyboard-interactive";
    host.ssh(user, &Login::answering(answers).option(methods))
}

/// A host like that, once its sshd has read it.
fn host_by_password(authority: &Authority) -> Container {
    let host = Container::start(authority, First::Password);
    let write = "cat >/etc/ssh/sshd_config.d/00-password.conf && sshd -t && kill -HUP 1";
    host.exec("root", &["sh", "-ec", write], BY_PASSWORD).expect_success();
    eventually("sshd takes passwords", Duration::from_secs(20), || {
        let nothing = by_password(&host, "alice", &[]);
        nothing.run.stderr.contains("Permission denied (password)").then_some(())
    });
    host
}

/// How often the authority has judged anything of alice or bob.
fn judged(authority: &Authority) -> usize {
    let of = |name: Option<&str>| matches!(name, Some("unix:alice" | "unix:bob"));
    authority.audit().iter().filter(|event| event.action == "verify" && of(event.name.as_deref())).count()
}

#[test]
fn sshds_password_method_alone_or_first_lets_nobody_in_and_charges_nobody() {
    let authority = Authority::start();
    let (alice, _bob) = (authority.enrol("alice"), authority.enrol("bob"));
    let host = host_by_password(&authority);
    for user in ["alice", "bob"] {
        for _ in 0..2 {
            let session = by_password(&host, user, &[PASSWORD, PASSWORD]);
            // The second method is never reached: nobody is asked for a code.
            assert!(!session.succeeded() && session.prompts.len() == 1, "{session:?}\n{}", host.log());
            assert!(!said(&session).contains("Code for"), "{session:?}");
        }
    }
    assert_eq!(
        host.log().matches("the answer was not a code; nobody is charged").count(),
        4,
        "{}",
        host.log()
    );
    assert_eq!(judged(&authority), 0, "{:?}", authority.audit());
    // Not even where the password looks like a code.
    let digits = "48151623";
    traces::issued("password", digits);
    host.exec("root", &["chpasswd"], &format!("bob:{digits}\n")).expect_success();
    assert!(!by_password(&host, "bob", &[digits, digits]).succeeded());
    // Where the password belongs a code is none, and is not spent.
    let code = alice.phone.fresh();
    assert!(!by_password(&host, "alice", &[&code]).succeeded());
    assert_eq!(judged(&authority), 0, "{:?}", authority.audit());
    let sudo = host.exec("alice", &["sudo", "-S", "-k", "id", "-u"], &format!("{PASSWORD}\n{code}\n"));
    assert_eq!(sudo.stdout.trim(), "0", "{sudo:?}\n{}", host.log());
    assert_eq!(judged(&authority), 1, "{:?}", authority.audit());
}

#[test]
fn sshds_password_method_takes_password_and_code_in_one_answer() {
    let authority = Authority::start();
    let (alice, bob) = (authority.enrol("alice"), authority.enrol("bob"));
    let host = host_by_password(&authority);
    let combined = "sed -i -e 's/^auth .*pam_unix.so.*/auth requisite pam_twofold.so forward_pass/' \
                    -e 's/^auth .*first=above.*/auth requisite pam_unix.so use_first_pass/' /etc/pam.d/sshd";
    host.exec("root", &["sh", "-ec", combined], "").expect_success();
    let both = |code: &str| format!("{PASSWORD}{code}");
    let once = both(&alice.phone.fresh());
    let session = by_password(&host, "alice", &[&once]);
    assert!(session.succeeded() && session.prompts.len() == 1, "{session:?}\n{}", host.log());
    let again = by_password(&host, "alice", &[&once]);
    assert!(!again.succeeded() && host.log().contains("used code"), "{again:?}\n{}", host.log());
    // For bob the module runs in sshd's monitor, and then in the child that the monitor forks: a code for each.
    let first = both(&bob.phone.fresh());
    let twice = by_password(&host, "bob", &[&first, &first]);
    assert!(!twice.succeeded() && twice.prompts.len() == 2, "{twice:?}\n{}", host.log());
    assert!(twice.prompts[1].contains("Password and code for bob"), "{twice:?}");
    let two = by_password(&host, "bob", &[&both(&bob.phone.fresh()), &both(&bob.phone.fresh())]);
    assert!(two.succeeded() && two.prompts.len() == 2, "{two:?}\n{}", host.log());
}

#[test]
fn sudo_asks_for_ones_own_code_and_su_for_the_targets() {
    let authority = Authority::start();
    let alice = authority.enrol("alice");
    let bob = authority.enrol("bob");
    let host = Container::start(&authority, First::Password);
    let sudo =
        |code: &str| host.exec("alice", &["sudo", "-S", "-k", "id", "-u"], &format!("{PASSWORD}\n{code}\n"));

    let right = sudo(&alice.phone.fresh());
    assert_eq!(right.stdout.trim(), "0", "{right:?}\n{}", host.log());
    assert!(right.stderr.contains("Code for alice"), "{right:?}");
    let anothers = sudo(&bob.phone.fresh());
    assert!(!anothers.succeeded() && anothers.stdout.is_empty(), "{anothers:?}");

    let su =
        |code: &str| host.exec("alice", &["su", "bob", "-c", "id -un"], &format!("{PASSWORD}\n{code}\n"));
    let right = su(&bob.phone.fresh());
    assert_eq!(right.stdout.lines().last(), Some("bob"), "{right:?}\n{}", host.log());
    let own = su(&alice.phone.fresh());
    assert!(!own.succeeded() && own.stdout.is_empty(), "{own:?}");
    // root is asked for nothing.
    assert_eq!(host.exec("root", &["su", "bob", "-c", "id -un"], "").stdout.trim(), "bob");
}

#[test]
fn a_code_spent_at_ssh_is_dead_at_sudo() {
    let authority = Authority::start();
    let alice = authority.enrol("alice");
    let host = Container::start(&authority, First::Password);
    let code = alice.phone.fresh();
    assert!(host.ssh("alice", &Login::password_then(&code)).succeeded(), "{}", host.log());
    let sudo = host.exec("alice", &["sudo", "-S", "-k", "id", "-u"], &format!("{PASSWORD}\n{code}\n"));
    // sudo is silent about it (its `pam_silent`), the log is not.
    assert!(!sudo.succeeded() && host.log().contains("used code"), "{sudo:?}\n{}", host.log());
}

#[test]
fn a_wrong_password_spends_nobodys_tries() {
    let authority = Authority::start();
    let alice = authority.enrol("alice");
    let host = Container::start(&authority, First::Password);
    let before = authority.audit().len();
    let guess = host.ssh("alice", &Login::answering(&["not-the-password", &alice.phone.wrong()]));
    assert!(!guess.succeeded(), "{guess:?}");
    assert_eq!(authority.audit().len(), before, "{:?}", authority.audit());
    assert!(!guess.prompts.iter().any(|prompt| prompt.contains("Code for")), "{guess:?}");
}

#[test]
fn the_audit_names_the_door_the_source_and_the_reason() {
    let authority = Authority::start();
    let alice = authority.enrol("alice");
    let host = Container::start(&authority, First::Password);
    assert!(!host.ssh("alice", &Login::password_then(&alice.phone.wrong())).succeeded());
    assert!(host.ssh("alice", &Login::password_then(&alice.phone.fresh())).succeeded(), "{}", host.log());
    let events: Vec<_> = authority.audit().into_iter().filter(|event| event.door == "sshd on web1").collect();
    let told: Vec<_> = events.iter().map(|event| event.outcome.as_str()).collect();
    assert_eq!(told, ["refused", "approved"], "{events:?}");
    assert!(events.iter().all(|event| event.name.as_deref() == Some("unix:alice")), "{events:?}");
    assert!(
        events.iter().all(|event| event.source.as_deref().is_some_and(|at| at.contains('.'))),
        "{events:?}"
    );
    assert!(events[0].reason.is_some() && events[1].reason.is_none(), "{events:?}");
}

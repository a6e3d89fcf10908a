//! The container itself: what happens at its doors when no authority answers.

use twofold_tests::{Container, First, Login};

#[test]
fn without_an_authority_nobody_enters_and_the_log_says_why() {
    let nothing = tempfile::tempdir().unwrap();
    for first in [First::Password, First::Publickey] {
        let host = Container::at(nothing.path(), first);
        let login = match first {
            First::Password => Login::password_then("123456"),
            First::Publickey => Login::key_then(&host.key(), "123456"),
        };
        let session = host.ssh("alice", &login);
        assert!(!session.succeeded(), "{session:?}");
        assert!(host.log().contains("pam_twofold"), "{}", host.log());
        assert!(host.log().contains("cannot reach the authority"), "{}", host.log());
        let sudo = host.exec("alice", &["sudo", "-S", "-p", "", "id", "-u"], "correct-horse-7281\n123456\n");
        assert!(!sudo.succeeded() && sudo.stdout.is_empty(), "{sudo:?}");
    }
}

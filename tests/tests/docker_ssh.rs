//! Real sshd, sudo and su in a container that has nothing of the authority but a door's socket.

use twofold_tests::{Authority, Container, First, Login};

#[test]
fn a_password_and_a_code_open_ssh() {
    let authority = Authority::start();
    let alice = authority.enrol("alice");
    let host = Container::start(&authority, First::Password);
    let session = host.ssh("alice", &Login::password_then(&alice.phone.fresh()).running(&["id", "-un"]));
    assert_eq!(session.run.stdout.trim(), "alice", "{session:?}\n{}", host.log());
    assert_eq!(session.prompts.len(), 2, "{session:?}");
}

//! Whether this command runs in a login that began after a change and has passed the second factor.

use nix::unistd::{Uid, User};
use twofold_shared::wire::AuditEvent;

use super::door::Door;
use super::machine::Process;

/// A login that this process runs in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Login {
    /// Whose code was asked.
    pub name: String,
    /// When it began, in milliseconds since boot.
    pub began_uptime: u64,
}

/// The processes above this one, the nearest first.
pub fn ancestors() -> Vec<Process> {
    let mut found = Vec::new();
    let mut next = Process::own();
    while let Some(process) = next.take() {
        next = if process.parent > 0 && found.len() < 64 { Process::find(process.parent) } else { None };
        found.push(process);
    }
    found
}

/// The nearest login through a door among `ancestors`.
pub fn login(door: Door, ancestors: &[Process]) -> Option<Login> {
    let programs = door.programs();
    let at = ancestors.iter().position(|process| programs.contains(&process.name.as_str()))?;
    let program = ancestors.get(at)?;
    let above = ancestors.iter().skip(at + 1);
    // sudo asks for the code of who calls it, the others for that of who comes in. Both may run in two processes.
    let whose = match door {
        Door::Sudo => above.clone().find(|process| !programs.contains(&process.name.as_str()))?,
        Door::Ssh => program,
        Door::Su | Door::Login => ancestors.get(at.checked_sub(1)?)?,
    };
    // The listener is older than any login.
    let outermost = above.take_while(|process| programs.contains(&process.name.as_str()));
    let began = outermost.chain([program]).filter(|process| !process.listens).map(Process::began_uptime);
    let user = User::from_uid(Uid::from_raw(whose.uid)).ok()??;
    Some(Login { name: user.name, began_uptime: began.min()? })
}

/// Whether the trail tells of a code of `name` that was accepted at a door since `since`, in seconds since the epoch.
pub fn passed(door: Door, name: &str, since: u64, events: &[AuditEvent]) -> bool {
    let name = format!("unix:{name}");
    events.iter().any(|event| {
        let service = event.door.split(' ').next().unwrap_or_default();
        event.at >= since
            && event.action == "verify"
            && event.outcome == "approved"
            && event.factor.is_some()
            && event.name.as_ref() == Some(&name)
            && door.services().contains(&service)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn process(id: u32, name: &str, began: u64) -> Process {
        Process {
            id,
            parent: if id == 1 { 0 } else { id - 1 },
            name: name.into(),
            uid: 0,
            began,
            listens: began == 10,
        }
    }

    #[test]
    fn a_login_begins_with_its_own_process_and_not_with_the_listener() {
        let chain = [
            ("twofold", 900),
            ("sudo", 800),
            ("bash", 700),
            ("sshd", 650),
            ("sshd", 600),
            ("sshd", 10),
            ("systemd", 1),
        ];
        let ancestors: Vec<Process> = chain
            .iter()
            .enumerate()
            .map(|(index, &(name, began))| process(7 - index as u32, name, began))
            .collect();
        let tick = 1000 / rustix::param::clock_ticks_per_second();
        let ssh = login(Door::Ssh, &ancestors).unwrap();
        assert_eq!((ssh.name.as_str(), ssh.began_uptime), ("root", 600 * tick));
        assert_eq!(login(Door::Sudo, &ancestors).unwrap().began_uptime, 800 * tick);
        assert_eq!(login(Door::Su, &ancestors), None);
        assert_eq!(login(Door::Ssh, &ancestors[5..]), None);
    }

    #[test]
    fn only_a_code_of_the_same_person_at_the_same_door_counts() {
        let event = |action: &str, outcome: &str, door: &str, name: &str, at| AuditEvent {
            at,
            action: action.into(),
            outcome: outcome.into(),
            account: None,
            name: Some(name.into()),
            door: door.into(),
            source: None,
            factor: Some("phone".into()),
            reason: None,
            actor: None,
            request: None,
            count: 1,
        };
        let good = event("verify", "approved", "sshd on web2", "unix:alice", 100);
        assert!(passed(Door::Ssh, "alice", 100, std::slice::from_ref(&good)));
        for bad in [
            event("verify", "refused", "sshd on web2", "unix:alice", 100),
            event("consult", "approved", "sshd on web2", "unix:alice", 100),
            event("verify", "approved", "sudo on web2", "unix:alice", 100),
            event("verify", "approved", "sshd on web2", "unix:bob", 100),
            event("verify", "approved", "sshd on web2", "local:alice", 100),
            event("verify", "approved", "sshd on web2", "unix:alice", 99),
            AuditEvent { factor: None, ..good },
        ] {
            assert!(!passed(Door::Ssh, "alice", 100, std::slice::from_ref(&bad)), "{bad:?}");
        }
    }
}

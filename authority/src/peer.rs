//! Who calls: what follows from the listener and the peer's credentials, and from nothing that the caller says.

use std::sync::Arc;

use tokio::net::UnixStream;
use twofold_shared::name::Realm;

/// What the kernel writes for a uid that this user namespace does not know; its default.
const DEFAULT_OVERFLOW_UID: u32 = 65534;

/// Who is at the other end of a connection, for as long as it lasts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The uid at the time of connecting, as the kernel vouches for it.
    pub uid: u32,
    /// What this uid is on this listener.
    pub standing: Standing,
}

/// What a caller is. What it may do is the operations' business.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// On the main socket.
    Main {
        /// uid 0 or the authority's own uid: whoever owns the ledger's files owns the ledger.
        administrator: bool,
        /// The gate's configured user.
        gate: bool,
    },
    /// On a door listener; there uid 0 is nobody special.
    Door(Arc<DoorListener>),
    /// The overflow uid: many different users look like it, so it is none of them.
    Nobody,
}

/// A door listener: who connects here may verify for these services, under this host and realm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DoorListener {
    /// PAM services, or an application's own names.
    pub services: Vec<String>,
    /// The host under which sources are counted.
    pub host: String,
    /// The realm of every name that comes through here.
    pub realm: Realm,
    /// Whether a name's first enrolment may be made through here.
    pub enrol: bool,
}

/// Where a connection came in.
#[derive(Clone, Debug)]
pub enum Entrance {
    /// The main socket.
    Main,
    /// A door listener.
    Door(Arc<DoorListener>),
}

/// The uids that mean something.
#[derive(Clone, Copy, Debug)]
pub struct Uids {
    /// The authority's own.
    pub own: u32,
    /// The gate's, where there is a gate.
    pub gate: Option<u32>,
    /// The one that stands for all unknown ones.
    pub overflow: u32,
}

impl Uids {
    /// The uids of this process and this kernel, and the gate's as configured.
    #[must_use]
    pub fn of_this_process(gate: Option<u32>) -> Self {
        let overflow = std::fs::read_to_string("/proc/sys/kernel/overflowuid")
            .ok()
            .and_then(|text| text.trim().parse().ok())
            .unwrap_or(DEFAULT_OVERFLOW_UID);
        Self { own: rustix::process::geteuid().as_raw(), gate, overflow }
    }
}

impl Caller {
    /// Asks the kernel who connected.
    ///
    /// # Errors
    /// When the kernel does not say; such a connection is closed.
    pub fn of(stream: &UnixStream, entrance: &Entrance, uids: Uids) -> std::io::Result<Self> {
        Ok(Self::judge(stream.peer_cred()?.uid(), entrance, uids))
    }

    fn judge(uid: u32, entrance: &Entrance, uids: Uids) -> Self {
        let standing = match entrance {
            // Deliberate: first of all, even where the authority itself runs under this uid.
            _ if uid == uids.overflow => Standing::Nobody,
            Entrance::Door(door) => Standing::Door(Arc::clone(door)),
            Entrance::Main => {
                Standing::Main { administrator: uid == 0 || uid == uids.own, gate: uids.gate == Some(uid) }
            }
        };
        Self { uid, standing }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const UIDS: Uids = Uids { own: 990, gate: Some(991), overflow: 65534 };

    fn main_socket(uid: u32) -> Standing {
        Caller::judge(uid, &Entrance::Main, UIDS).standing
    }

    #[test]
    fn root_and_the_authority_administer_on_the_main_socket() {
        for uid in [0, 990] {
            assert_eq!(main_socket(uid), Standing::Main { administrator: true, gate: false });
        }
    }

    #[test]
    fn the_gate_is_the_configured_uid_and_no_administrator() {
        assert_eq!(main_socket(991), Standing::Main { administrator: false, gate: true });
        assert_eq!(main_socket(1000), Standing::Main { administrator: false, gate: false });
        let no_gate = Uids { gate: None, ..UIDS };
        let caller = Caller::judge(991, &Entrance::Main, no_gate);
        assert_eq!(caller.standing, Standing::Main { administrator: false, gate: false });
    }

    #[test]
    fn root_is_nobody_special_at_a_door() {
        let door = Arc::new(DoorListener {
            services: vec!["sshd".into()],
            host: "web1".into(),
            realm: Realm::unix(),
            enrol: false,
        });
        for uid in [0, 990, 991, 1000] {
            let caller = Caller::judge(uid, &Entrance::Door(Arc::clone(&door)), UIDS);
            assert_eq!(caller.standing, Standing::Door(Arc::clone(&door)));
        }
        let nobody = Caller::judge(65534, &Entrance::Door(door), UIDS);
        assert_eq!(nobody.standing, Standing::Nobody);
    }

    #[test]
    fn the_overflow_uid_is_nobody_even_if_it_is_our_own() {
        assert_eq!(main_socket(65534), Standing::Nobody);
        let uids = Uids { own: 65534, gate: Some(65534), ..UIDS };
        assert_eq!(Caller::judge(65534, &Entrance::Main, uids).standing, Standing::Nobody);
    }

    #[tokio::test]
    async fn the_kernel_says_who_connected() {
        let (_client, server) = UnixStream::pair().unwrap();
        let uids = Uids::of_this_process(None);
        let caller = Caller::of(&server, &Entrance::Main, uids).unwrap();
        assert_eq!(caller.uid, uids.own);
        assert_eq!(caller.standing, Standing::Main { administrator: true, gate: false });
    }
}

//! What a name that nobody has is verified against: an account that goes through the same rules, is as heavy, and never passes.

use super::{Account, AccountId, Contacts, Device, DeviceId, Label, Occasion};
use crate::backup_code::{BackupCodes, PepperId};
use crate::clock::UnixTime;
use crate::throttle::Throttle;
use crate::totp::Totp;

impl Account {
    /// What an unknown name is verified against: nobody's, with no device. It runs through the same rules at the same
    /// cost, so neither answer nor time tells that there is nobody.
    #[must_use]
    pub fn decoy(id: AccountId, now: UnixTime) -> Self {
        Self {
            id,
            names: Vec::new(),
            groups: Vec::new(),
            contacts: Contacts::default(),
            lock: None,
            charge: None,
            password: None,
            devices: Vec::new(),
            backup_codes: None,
            requirement: None,
            language: None,
            throttle: Throttle::default(),
            notices: Vec::new(),
            created: now,
            changed: now,
        }
    }

    /// The same with a device and backup codes, as most accounts have them: as much to read, to carry and to write, so that
    /// this does not tell either. They open nothing, whatever fits: nobody is refused.
    #[must_use]
    pub fn weighing_as_most(self, pepper: PepperId) -> Self {
        Self {
            devices: nobodys_device().into_iter().collect(),
            backup_codes: Some(BackupCodes::nobodys(pepper)),
            ..self
        }
    }

    /// Whether this is nobody's: an account always has a name.
    #[must_use]
    pub fn is_decoy(&self) -> bool {
        self.names.is_empty()
    }
}

/// A device as large as others, and of no use.
fn nobodys_device() -> Option<Device> {
    let occasion = |door: &str, source: Option<&str>| Occasion {
        at: UnixTime(1_500_000_000),
        door: door.to_owned(),
        source: source.map(ToOwned::to_owned),
    };
    Some(Device {
        id: DeviceId([0; 8]),
        label: Label::parse("phone").ok()?,
        totp: Totp::nobodys(),
        last_step: 50_000_000,
        created: occasion("web portal", None),
        last_used: Some(occasion("sshd on host", Some("192.0.2.100"))),
    })
}

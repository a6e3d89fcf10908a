//! What others may see of an account: nothing secret.

use super::{Account, Device, Group};
use crate::clock::UnixTime;
use crate::wire;

impl Account {
    /// For the wire.
    #[must_use]
    pub fn view(&self, now: UnixTime) -> wire::AccountView {
        wire::AccountView {
            id: self.id.to_string(),
            names: self.names.iter().map(|name| name.name.to_string()).collect(),
            groups: self.groups.iter().map(Group::to_string).collect(),
            contacts: self.contacts.to_wire(),
            locked: self.locked,
            enrolled: self.enrolled(),
            has_password: self.password.is_some(),
            requirement: self.requirement,
            language: self.language,
            devices: self.devices.iter().map(Device::view).collect(),
            backup_codes_left: self.backup_codes_left(),
            closed_to_strangers: self.throttle.closed_to_strangers(now),
            created: self.created.0,
        }
    }
}

impl Device {
    /// For the wire.
    #[must_use]
    pub fn view(&self) -> wire::DeviceView {
        wire::DeviceView {
            id: self.id.to_string(),
            label: self.label.to_string(),
            algorithm: self.totp.parameters.algorithm(),
            digits: self.totp.parameters.digits(),
            period_seconds: self.totp.parameters.period_seconds(),
            created: self.created.to_wire(),
            last_used: self.last_used.as_ref().map(super::Occasion::to_wire),
        }
    }
}

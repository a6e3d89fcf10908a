//! What others may see of an account: nothing secret.

use super::{Account, AccountName, Charge, Device, Group, Lock};
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
            locked: self.is_locked(now),
            lock: self.lock.as_ref().filter(|lock| lock.holds(now)).map(Lock::to_wire),
            charge: self.charge.as_ref().map(Charge::to_wire),
            enrolled: self.enrolled(),
            has_password: self.password.is_some(),
            requirement: self.requirement,
            language: self.language,
            devices: self.devices.iter().map(Device::view).collect(),
            backup_codes_left: self.backup_codes_left(),
            closed_to_strangers: self.throttle.closed_to_strangers(now),
            created: self.created.0,
            sessions: None,
            uids: Vec::new(),
        }
    }

    /// The same for root, who looks after the names of the host's users.
    #[must_use]
    pub fn view_for_root(&self, now: UnixTime) -> wire::AccountView {
        let unix = self.names.iter().filter(|name| name.name.realm().is_unix());
        let seen = unix.filter_map(|AccountName { name, uid }| {
            Some(wire::SeenUid { name: name.name().to_owned(), uid: (*uid)? })
        });
        wire::AccountView { uids: seen.collect(), ..self.view(now) }
    }
}

/// Names and groups in a row, at most: it is one of many in a message.
const ROW_NAMES: usize = 4;
const ROW_GROUPS: usize = 16;

impl Account {
    /// A row of a table, for the wire.
    #[must_use]
    pub fn row(&self, now: UnixTime) -> wire::AccountRow {
        let used = self.devices.iter().filter_map(|device| device.last_used.as_ref());
        wire::AccountRow {
            id: self.id.to_string(),
            names: self.names.iter().take(ROW_NAMES).map(|name| name.name.to_string()).collect(),
            groups: self.groups.iter().take(ROW_GROUPS).map(Group::to_string).collect(),
            display_name: self.contacts.to_wire().display_name,
            devices: u8::try_from(self.devices.len()).unwrap_or(u8::MAX),
            backup_codes_left: self.backup_codes_left(),
            lock: self.lock.as_ref().filter(|lock| lock.holds(now)).map(Lock::to_wire),
            closed_to_strangers: self.throttle.closed_to_strangers(now),
            requirement: self.requirement,
            last_used: used.max_by_key(|used| used.at).map(super::Occasion::to_wire),
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

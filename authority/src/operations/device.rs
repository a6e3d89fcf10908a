//! Devices: renamed, removed, all of them at once.

use twofold_shared::account::{DeviceId, Label};
use twofold_shared::trail::Action;
use twofold_shared::wire::{DisableAccount, Done, RemoveDevice, RenameDevice, ResetAccount};

use super::account::unchangeable;
use super::fault::{Outcome, invalid};
use super::permission::Actor;
use crate::authority::Authority;
use crate::store::record::Session;

impl Authority {
    /// Calls a device something else.
    pub(crate) async fn rename_device(&self, actor: &Actor, request: RenameDevice) -> Outcome<Done> {
        let RenameDevice { account, device, label, code } = request;
        let device = device_id(&device)?;
        let label = Label::parse(&label).map_err(|why| invalid(format!("label: {why}")))?;
        self.change(actor, account.as_deref(), code, Action::DeviceRename, |change| {
            let renamed = change.account.rename_device(&device, label.clone(), change.time());
            change.account = renamed.map_err(unchangeable)?;
            change.entry.factor = Some(label.to_string());
            Ok(Done {})
        })
        .await
    }

    /// Removes a device, and ends the sessions whose second factor it was. With the last device everything that was
    /// passed with a second factor ends.
    pub(crate) async fn remove_device(&self, actor: &Actor, request: RemoveDevice) -> Outcome<Done> {
        let RemoveDevice { account, device, code } = request;
        let device = device_id(&device)?;
        self.change(actor, account.as_deref(), code, Action::DeviceRemove, |change| {
            change.entry.factor = change.account.device(&device).map(|device| device.label.to_string());
            change.account = change.account.remove_device(&device, change.time()).map_err(unchangeable)?;
            let last = !change.account.enrolled();
            // Whoever removes a device may have lost it with a browser that it made trusted.
            let rests = |session: &Session| session.device == Some(device) || session.trusted.is_some();
            self.end_sessions(change, |session| last || rests(session))?;
            self.end_trust(change)?;
            self.end_graces_of(change)?;
            Ok(Done {})
        })
        .await
    }

    /// Turns two-factor off: devices, backup codes and sessions are gone at once.
    pub(crate) async fn disable_account(&self, actor: &Actor, request: DisableAccount) -> Outcome<Done> {
        self.change(actor, request.account.as_deref(), request.code, Action::Disable, |change| {
            change.account = change.account.disabled(change.time());
            self.end_sessions(change, |_| true)?;
            self.end_trust(change)?;
            self.end_graces_of(change)?;
            self.void_enrolments(change)?;
            self.void_emergency_code(change)?;
            Ok(Done {})
        })
        .await
    }

    /// An operator's clean slate for a locked-out person.
    pub(crate) async fn reset_account(&self, actor: &Actor, request: ResetAccount) -> Outcome<Done> {
        self.change(actor, Some(&request.account), None, Action::Reset, |change| {
            change.account = change.account.reset(change.time());
            self.end_sessions(change, |_| true)?;
            self.remove_browsers(change)?;
            self.end_graces_of(change)?;
            self.void_enrolments(change)?;
            self.void_emergency_code(change)?;
            Ok(Done {})
        })
        .await
    }
}

fn device_id(text: &str) -> Outcome<DeviceId> {
    DeviceId::parse(text).map_err(|why| invalid(format!("device: {why}")))
}

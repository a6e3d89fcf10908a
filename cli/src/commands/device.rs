//! `twofold device …`: the devices of an account.

use twofold_shared::wire::{DeviceView, RemoveDevice, RenameDevice};

use crate::args::{Codes, Consent, Device, Whose};
use crate::ask::consent;
use crate::desk::{Desk, called, codes_from};
use crate::failure::Failure;
use crate::output::visible;

/// Does one of the verbs.
pub fn run(desk: &mut Desk, verb: &Device) -> Result<(), Failure> {
    match verb {
        Device::List(whose) => list(desk, whose),
        Device::Rename { device, label, whose, codes } => rename(desk, device, label, whose, codes),
        Device::Remove { device, whose, codes, consent } => remove(desk, device, whose, codes, consent),
    }
}

fn list(desk: &Desk, whose: &Whose) -> Result<(), Failure> {
    let view = desk.account(whose.account.as_deref())?;
    for device in &view.devices {
        desk.screen.object(device)?;
    }
    if view.devices.is_empty() {
        let name = called(whose.account.as_deref());
        return Ok(desk.screen.say(&format!("{name} has no device. Set one up with: twofold enroll"))?);
    }
    Ok(desk.screen.line(&super::status::devices(&view.devices, &desk.calendar))?)
}

fn rename(desk: &mut Desk, device: &str, label: &str, whose: &Whose, codes: &Codes) -> Result<(), Failure> {
    let account = whose.account.as_deref();
    let devices = desk.account(account)?.devices;
    let found = find(&devices, device)?;
    let renamed = desk.change(&called(account), codes_from(codes), |code| RenameDevice {
        account: account.map(str::to_owned),
        device: found.id.clone(),
        label: label.to_owned(),
        code,
    })?;
    desk.screen.object(&renamed)?;
    Ok(desk.screen.say(&format!("“{}” is called “{}” now.", visible(&found.label), visible(label)))?)
}

fn remove(
    desk: &mut Desk,
    device: &str,
    whose: &Whose,
    codes: &Codes,
    given: &Consent,
) -> Result<(), Failure> {
    let account = whose.account.as_deref();
    let name = called(account);
    let devices = desk.account(account)?.devices;
    let found = find(&devices, device)?;
    let label = visible(&found.label);
    let last = if devices.len() == 1 {
        " It is the last one: afterwards only backup codes get in, where any are left."
    } else {
        ""
    };
    consent(
        given.yes,
        &format!("This removes “{label}” from {name}: its codes stop working at once.{last}"),
    )?;
    let removed = desk.change(&name, codes_from(codes), |code| RemoveDevice {
        account: account.map(str::to_owned),
        device: found.id.clone(),
        code,
    })?;
    desk.screen.object(&removed)?;
    Ok(desk.screen.say(&format!("“{label}” is removed."))?)
}

/// The device of this id, or the only one of this name.
fn find<'a>(devices: &'a [DeviceView], wanted: &str) -> Result<&'a DeviceView, Failure> {
    if let Some(device) = devices.iter().find(|device| device.id == wanted) {
        return Ok(device);
    }
    let mut called = devices.iter().filter(|device| device.label == wanted);
    match (called.next(), called.next()) {
        (Some(device), None) => Ok(device),
        (Some(_), Some(_)) => Err(Failure::Refused(format!(
            "Several devices are called “{}”. Say which by its id: twofold device list --json",
            visible(wanted)
        ))),
        (None, _) => Err(Failure::Refused(format!(
            "There is no device “{}”. See which there are: twofold device list",
            visible(wanted)
        ))),
    }
}

#[cfg(test)]
mod tests {
    use twofold_shared::wire::{Algorithm, Occasion};

    use super::*;

    fn device(id: &str, label: &str) -> DeviceView {
        DeviceView {
            id: id.into(),
            label: label.into(),
            algorithm: Algorithm::Sha1,
            digits: 6,
            period_seconds: 30,
            created: Occasion { at: 0, door: "command".into(), source: None },
            last_used: None,
        }
    }

    #[test]
    fn a_device_is_found_by_id_or_by_a_name_of_its_own() {
        let devices =
            [device("1", "phone"), device("2", "phone"), device("3", "tablet"), device("tablet2", "1")];
        assert_eq!(find(&devices, "tablet").unwrap().id, "3");
        assert_eq!(find(&devices, "1").unwrap().id, "1", "an id goes before a name");
        assert!(find(&devices, "phone").unwrap_err().to_string().contains("Several"));
        assert!(find(&devices, "watch").unwrap_err().to_string().contains("no device"));
    }
}

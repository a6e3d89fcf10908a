//! `twofold disable`: two-factor off.

use twofold_shared::wire::DisableAccount;

use crate::args::Disable;
use crate::ask::consent;
use crate::desk::{Desk, called, codes_from};
use crate::failure::Failure;

/// Says what is lost, asks, and turns it off.
pub fn run(desk: &mut Desk, arguments: &Disable) -> Result<(), Failure> {
    let account = arguments.whose.account.as_deref();
    let whose = called(account);
    consent(
        arguments.consent.yes,
        &format!(
            "This turns two-factor off for {whose}: every device and all backup codes stop working at once.\nWhere a \
             code is required, {whose} cannot get in until a device is set up again. API keys go on working."
        ),
    )?;
    let disabled = desk.change(&whose, codes_from(&arguments.codes), |code| DisableAccount {
        account: account.map(str::to_owned),
        code,
    })?;
    desk.screen.object(&disabled)?;
    Ok(desk
        .screen
        .say(&format!("Two-factor is off for {whose}. Turning it on again begins with a new QR code."))?)
}

//! `twofold reset`: the way back in for somebody who lost everything.

use twofold_shared::wire::ResetAccount;

use crate::args::Named;
use crate::ask::consent;
use crate::desk::Desk;
use crate::failure::Failure;
use crate::output::short_name;

/// Says what is lost, asks, and clears the account's second factor.
pub fn run(desk: &Desk, arguments: &Named) -> Result<(), Failure> {
    let whose = short_name(&arguments.account);
    if !arguments.consent.yes {
        let devices = desk.account(Some(&arguments.account))?.devices.len();
        let what = format!(
            "This lets {whose} begin again: {}, all backup codes and all sessions are gone, and the counters of wrong \
             codes are cleared.\nBe sure that it is {whose} who asks for it.",
            super::account::counted(devices)
        );
        consent(false, &what)?;
    }
    desk.screen.object(&desk.call(&ResetAccount { account: arguments.account.clone() })?)?;
    Ok(desk.screen.say(&format!(
        "{whose} has no second factor now. Set one up with:\n  twofold enroll --account {whose}\nAPI keys stay; look \
         through them with:\n  twofold api-key list --account {whose}"
    ))?)
}

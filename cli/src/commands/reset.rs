//! `twofold reset`: the way back in for somebody who lost everything.

use twofold_shared::wire::ResetAccount;

use crate::args::Reset;
use crate::ask::consent;
use crate::desk::{Desk, codes_from};
use crate::failure::Failure;
use crate::output::short_name;

/// Says what is lost, asks, and clears the account's second factor.
pub fn run(desk: &mut Desk, arguments: &Reset) -> Result<(), Failure> {
    let account = &arguments.named.account;
    let whose = short_name(account);
    if !arguments.named.consent.yes {
        let devices = desk.account(Some(account))?.devices.len();
        let what = format!(
            "This lets {whose} begin again: {}, all backup codes and all sessions are gone, and the counters of wrong \
             codes are cleared.\nBe sure that it is {whose} who asks for it.",
            super::account::counted(devices)
        );
        consent(false, &what)?;
    }
    let request = ResetAccount { account: account.clone() };
    let done = desk.oversee(codes_from(&arguments.codes), &request)?;
    desk.screen.object(&done)?;
    Ok(desk.screen.say(&format!(
        "{whose} has no second factor now. Set one up with:\n  twofold enroll --account {whose}\nAPI keys stay; look \
         through them with:\n  twofold api-key list --account {whose}"
    ))?)
}

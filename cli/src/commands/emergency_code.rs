//! `twofold emergency-code`: one code for somebody whose devices are gone.

use twofold_shared::wire::{EmergencyDoor, IssueEmergencyCode};
use zeroize::Zeroizing;

use crate::args::{Door, EmergencyCode};
use crate::desk::{Desk, called};
use crate::failure::Failure;
use crate::output::groups_of_four;
use crate::words;

/// Makes one and shows it once.
pub fn run(desk: &Desk, arguments: &EmergencyCode) -> Result<(), Failure> {
    let door = match arguments.door {
        Door::Host => EmergencyDoor::Host,
        Door::Web => EmergencyDoor::Web,
    };
    let made = desk.call(&IssueEmergencyCode { account: arguments.account.clone(), door })?;
    let screen = &desk.screen;
    screen.object(&made)?;
    let whose = called(Some(&arguments.account));
    let place = match door {
        EmergencyDoor::Host => "at this host's own doors (ssh, sudo, login and the like)",
        EmergencyDoor::Web => "at the portal",
    };
    screen.say(&format!("An emergency code for {whose}:\n"))?;
    screen.line(&Zeroizing::new(format!("  {}\n", *groups_of_four(made.code.reveal()))))?;
    screen.say(&format!(
        "It is typed where a code is asked, {place}, works once, and is void in {}. It is in the audit trail, and \
         {whose} is told when it was used.",
        words::duration(made.expires_seconds)
    ))?;
    if made.replaced {
        screen.say("The one before it is dead.")?;
    }
    Ok(())
}

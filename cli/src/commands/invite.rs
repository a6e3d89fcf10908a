//! `twofold invite`: the operator's word that somebody may set up their first device.

use twofold_shared::wire::InviteAccount;

use crate::args::Invite;
use crate::desk::{Desk, codes_from};
use crate::failure::Failure;
use crate::output::short_name;
use crate::words;

/// Makes an invitation, and shows it this once.
pub fn run(desk: &mut Desk, arguments: &Invite) -> Result<(), Failure> {
    let whose = short_name(&arguments.account);
    let request = InviteAccount { account: arguments.account.clone() };
    let invited = desk.oversee(codes_from(&arguments.codes), &request)?;
    desk.screen.object(&invited)?;
    desk.screen.say(&format!(
        "{whose} may set up a phone within {}, once:\n",
        words::duration(invited.expires_seconds)
    ))?;
    if !invited.link.is_empty() {
        desk.screen.line(&format!("  {}\n", invited.link))?;
    }
    desk.screen.line(&format!("  {}\n", invited.code.reveal()))?;
    let where_to = if invited.link.is_empty() {
        "Type it where the login asks for it, or open it at the portal's address with /invitation/ and the code behind."
    } else {
        "Open the link in the browser that signs in, or type the code where the login asks for it."
    };
    Ok(desk.screen.say(&format!(
        "{where_to} The password, or whatever comes first for {whose}, is asked for all the same. It is not shown again; \
         another one makes it void."
    ))?)
}

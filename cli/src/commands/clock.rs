//! `twofold clock …`: the authority's clock.

use twofold_shared::wire::AcceptClock;

use crate::args::Clock;
use crate::desk::Desk;
use crate::failure::Failure;

/// Does one of the verbs.
pub fn run(desk: &Desk, verb: &Clock) -> Result<(), Failure> {
    match verb {
        Clock::Accept => {
            desk.screen.object(&desk.call(&AcceptClock {})?)?;
            Ok(desk.screen.say("The clock is accepted as it is now. Codes from apps are checked again.")?)
        }
    }
}

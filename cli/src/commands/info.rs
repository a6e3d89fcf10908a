//! `twofold info`: how the authority is.

use twofold_shared::wire::{GetInfo, Info};

use crate::desk::Desk;
use crate::failure::Failure;
use crate::output::visible;

/// Asks and prints.
pub fn run(desk: &Desk) -> Result<(), Failure> {
    let info = desk.call(&GetInfo {})?;
    desk.screen.object(&info)?;
    desk.screen.line(&format!(
        "Authority   {} at {}\nAccounts    {}\nClock       {}\nDisk        {}",
        visible(&info.version),
        desk.authority.path().display(),
        info.accounts,
        if info.clock_trusted { "trusted" } else { "in doubt" },
        if info.disk_full { "full" } else { "has room" },
    ))?;
    for warning in warnings(&info) {
        desk.screen.say(&format!("\n{warning}"))?;
    }
    Ok(())
}

/// What everybody who looks should know.
pub fn warnings(info: &Info) -> Vec<&'static str> {
    let clock = "The host's clock is in doubt: codes from apps are refused, backup codes work.\nWhoever runs it: set \
                 the clock right, then run: twofold clock accept";
    let disk = "The authority's disk is full: codes are checked, nothing can be changed. Whoever runs it: make room.";
    [(!info.clock_trusted).then_some(clock), info.disk_full.then_some(disk)].into_iter().flatten().collect()
}

//! `twofold backup-codes`: how many are left, or ten new ones.

use twofold_shared::secret::SecretText;
use twofold_shared::wire::RegenerateBackupCodes;

use crate::args::BackupCodes;
use crate::desk::{Desk, called, codes_from};
use crate::failure::Failure;
use crate::output;

/// Counts, or makes new ones and shows them once.
pub fn run(desk: &mut Desk, arguments: &BackupCodes) -> Result<(), Failure> {
    let account = arguments.whose.account.as_deref();
    let whose = called(account);
    if !arguments.regenerate {
        let view = desk.account(account)?;
        desk.screen.object(&serde_json::json!({ "backup_codes_left": view.backup_codes_left }))?;
        let left = super::status::backup_codes(&view);
        return Ok(desk.screen.say(&format!("Backup codes of {whose}: {left}"))?);
    }
    let fresh = desk.change(&whose, codes_from(&arguments.codes), |code| RegenerateBackupCodes {
        account: account.map(str::to_owned),
        code,
    })?;
    desk.screen.object(&fresh)?;
    desk.screen.say("The old backup codes are dead.")?;
    show(desk, &whose, &fresh.backup_codes, false)
}

/// Shows backup codes, this once; `to_program` where standard output is already promised to one.
pub fn show(desk: &Desk, whose: &str, codes: &[SecretText], to_program: bool) -> Result<(), Failure> {
    if to_program {
        return codes.iter().try_for_each(|code| Ok(desk.screen.raw(code.reveal())?));
    }
    let date = desk.calendar.date();
    desk.screen
        .say(&format!("\nBackup codes for {whose}, {date}. Each works once, until used or replaced.\n"))?;
    desk.screen.line(&output::backup_codes(codes))?;
    desk.screen.say("\nPut them somewhere safe now, like a password: they are not shown again.")?;
    Ok(())
}

//! `twofold password`: the password of a `local` name.

use twofold_shared::secret::SecretText;
use twofold_shared::wire::SetPassword;

use crate::args::Password;
use crate::ask::{Origin, say};
use crate::desk::{Desk, called, codes_from};
use crate::failure::Failure;

const FLAG: &str = "--password-fd";

/// Asks for the new password, twice at a terminal, and sets it.
pub fn run(desk: &mut Desk, arguments: &Password) -> Result<(), Failure> {
    let account = arguments.whose.account.as_deref();
    let whose = called(account);
    let password = ask(desk, Origin::new(arguments.password_fd, FLAG), &whose)?;
    let set = desk.change(&whose, codes_from(&arguments.codes), |code| SetPassword {
        account: account.map(str::to_owned),
        // A request may be sent twice, the second time with a code; it is wiped each time.
        password: SecretText::new(password.reveal().to_owned()),
        code,
    })?;
    desk.screen.object(&set)?;
    Ok(desk.screen.say(&format!("The password of {whose} is set."))?)
}

fn ask(desk: &mut Desk, from: Origin, whose: &str) -> Result<SecretText, Failure> {
    loop {
        let password = desk.asker.secret(from, &format!("New password for {whose}: "), FLAG)?;
        if from != Origin::Terminal {
            return Ok(password);
        }
        let again = desk.asker.secret(from, "The same again: ", FLAG)?;
        if again.reveal() == password.reveal() {
            return Ok(password);
        }
        say("The two differ. Once more:");
    }
}

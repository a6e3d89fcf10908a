//! `twofold verify`: is this code right? It is spent by asking.

use twofold_shared::permit::{Denial, judge};
use twofold_shared::wire::{self, FirstFactor, Login, Nonce, Source, VerifyReply};

use crate::args::Verify;
use crate::ask::say;
use crate::desk::{Desk, codes_from, own_name};
use crate::failure::Failure;
use crate::output::visible;
use crate::words;

/// The service under which the command asks; no PAM service can be called so by accident.
const SERVICE: &str = "command";

/// Asks for a code and has it judged.
pub fn run(desk: &mut Desk, arguments: &Verify) -> Result<(), Failure> {
    let name = match arguments.whose.account.as_deref() {
        None => own_name(),
        Some(id) if id.starts_with("id:") => {
            desk.account(Some(id))?.names.into_iter().next().unwrap_or_else(|| id.to_owned())
        }
        Some(name) => name.to_owned(),
    };
    let name = name.strip_prefix("unix:").unwrap_or(&name).to_owned();
    let code = desk.code(codes_from(&arguments.codes), &format!("Code for {}: ", visible(&name)))?;
    let nonce = Nonce::generate()
        .map_err(|error| Failure::Refused(format!("the kernel gave no randomness: {error}")))?;
    let login =
        Login { name, service: SERVICE.to_owned(), first: FirstFactor::None, source: Source::default() };
    let reply = desk.call(&wire::Verify { nonce: nonce.clone(), login, code: code.into_secret() })?;
    desk.screen.object(&reply)?;
    decide(desk, &nonce, reply)
}

fn decide(desk: &Desk, nonce: &Nonce, mut reply: VerifyReply) -> Result<(), Failure> {
    let notices = std::mem::take(&mut reply.notices);
    match judge(nonce, reply) {
        Ok(_permit) => {
            desk.screen.say("Right. The code is spent now.")?;
            for news in &notices {
                say(&visible(&words::notice(news)));
            }
            Ok(())
        }
        Err(Denial::Refused(refused)) => Err(Failure::Refused(words::refusal(&refused))),
        Err(Denial::Undecided) => Err(Failure::Refused(
            "the authority's answer was not to this question; nothing is approved".to_owned(),
        )),
    }
}

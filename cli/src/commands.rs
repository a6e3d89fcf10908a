//! One verb, one file.

mod account;
mod api_key;
mod audit;
mod backup_codes;
mod browser;
mod clock;
mod device;
mod disable;
mod doctor;
mod emergency_code;
mod enroll;
mod grace;
mod info;
mod invite;
mod key;
mod ledger;
mod operator;
mod pages;
mod password;
mod policy;
mod reset;
mod revoke;
mod rollout;
mod session;
mod status;
mod verify;

use crate::args::Command;
use crate::desk::Desk;
use crate::failure::Failure;
use crate::rollout::door::Door;

/// Does what the arguments say.
///
/// # Errors
/// [`Failure`], which is also the exit status.
pub fn run(desk: &mut Desk, command: Command) -> Result<(), Failure> {
    match command {
        Command::Enroll(arguments) => enroll::run(desk, &arguments),
        Command::Status(whose) => status::run(desk, whose.account.as_deref()),
        Command::Account(arguments) => account::run(desk, arguments),
        Command::Operator(verb) => operator::run(desk, verb),
        Command::Verify(arguments) => verify::run(desk, &arguments),
        Command::BackupCodes(arguments) => backup_codes::run(desk, &arguments),
        Command::EmergencyCode(arguments) => emergency_code::run(desk, &arguments),
        Command::Device(arguments) => device::run(desk, &arguments),
        Command::ApiKey(arguments) => api_key::run(desk, &arguments),
        Command::Session(arguments) => session::run(desk, &arguments),
        Command::Browser(arguments) => browser::run(desk, &arguments),
        Command::Grace(arguments) => grace::run(desk, &arguments),
        Command::Policy(arguments) => policy::run(desk, &arguments),
        Command::Disable(arguments) => disable::run(desk, &arguments),
        Command::Invite(arguments) => invite::run(desk, &arguments),
        Command::Reset(arguments) => reset::run(desk, &arguments),
        Command::Password(arguments) => password::run(desk, &arguments),
        Command::Audit(arguments) => audit::run(desk, &arguments),
        Command::Clock(arguments) => clock::run(desk, &arguments),
        Command::Doctor => doctor::run(desk),
        Command::Key(verb) => key::run(desk, &verb),
        Command::Ledger(verb) => ledger::run(desk, &verb),
        Command::Info => info::run(desk),
        Command::Ssh(verb) => rollout::ssh(desk, verb),
        Command::Sudo(verb) => rollout::other(desk, Door::Sudo, verb),
        Command::Su(verb) => rollout::other(desk, Door::Su, verb),
        Command::Login(verb) => rollout::other(desk, Door::Login, verb),
        Command::Pages { into } => pages::run(&into),
        Command::Rollout(verb) => rollout::rollout(desk, &verb),
    }
}

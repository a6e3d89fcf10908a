//! What the authority does: one file for each kind of operation.
//!
//! Every operation reads, decides by the rules, and answers only after its commit. The ways in are [`permission`] (who
//! may call), [`find`] (whose account is meant) and [`attempt`] (how a code is judged); the rest is what they are for.

mod account;
mod api_key;
mod attempt;
mod backup_codes;
mod browser;
mod by_code;
mod device;
mod emergency;
mod enrolment;
pub(crate) mod fault;
mod find;
mod first_device;
mod grace;
pub(crate) mod hashing;
pub(crate) mod info;
mod invitation;
mod join;
mod key_check;
pub(crate) mod keys;
mod login;
mod login_enrolment;
pub(crate) mod operator;
mod password;
pub mod people;
pub(crate) mod permission;
pub(crate) mod person;
mod policy;
mod raise;
pub(crate) mod roster;
mod session;
mod session_enrolment;
mod session_list;
pub mod settings;
mod sign_in;
mod spare;
pub(crate) mod sweep;
mod told;
pub(crate) use told::COMMAND;
mod trail;
pub(crate) mod turn;
pub(crate) mod watch;

#[cfg(test)]
mod tests;

//! The authority: the only process that reads or writes the ledger.
//!
//! A library so that its parts can be tested and measured one by one; `twofoldd` is its only program. No unsafe, no
//! network. Only `system_clock` reads the clock and only `keyring` reads keys.
#![forbid(unsafe_code)]

pub mod audit;
pub mod authority;
pub mod config;
pub mod daemon;
pub mod flags;
pub mod init;
pub mod journal;
pub mod key_files;
pub mod keyring;
pub mod listen;
pub mod operations;
pub mod peer;
pub mod policy;
pub mod process;
pub mod restore;
pub mod store;
pub mod system_clock;
pub mod varlink;

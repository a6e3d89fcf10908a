//! What both doors and the authority agree on.
//!
//! A door (the PAM module, the gate, the command) uses the messages, the blocking client and the permit. The rules
//! (feature `rules`) are the authority's alone: no door computes, compares or stores a code. Nothing here reads a
//! clock, and nothing prints.

pub mod api_key;
pub mod client;
pub mod code;
#[cfg(feature = "config")]
pub mod config;
pub mod odds;
pub mod permit;
pub mod secret;
pub mod trail;
pub mod wiped;
pub mod wire;

#[cfg(feature = "qr")]
pub mod qr;

#[cfg(feature = "rules")]
pub mod account;
#[cfg(feature = "rules")]
pub mod backup_code;
#[cfg(feature = "rules")]
pub mod browser;
#[cfg(feature = "rules")]
pub mod clock;
#[cfg(feature = "rules")]
pub mod grant;
#[cfg(feature = "rules")]
pub mod invitation;
#[cfg(feature = "rules")]
pub mod name;
#[cfg(feature = "rules")]
pub mod throttle;
#[cfg(feature = "rules")]
pub mod totp;

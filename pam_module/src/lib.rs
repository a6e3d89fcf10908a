//! `pam_twofold.so`: asks the person, asks the authority, answers PAM.
//!
//! | file | what it holds |
//! |---|---|
//! | `ffi` | the border with libpam: entry points, the panic guard, the conversation; every `unsafe` there is |
//! | `host` | what the logic needs from the program that loaded it, as a trait |
//! | `options` | the words on the module's line in `/etc/pam.d` |
//! | `source` | where the person is, as far as the host can be believed |
//! | `attempt` | one login, and the questions the authority is asked about it |
//! | `authenticate` | the question, the answer, the verdict |
//! | `combined` | a password and a code in one answer |
//! | `enrol` | a second factor set up while its owner logs in |
//! | `account` | what the later phases remember of it |
//! | `outcome` | everything that can come of a login, and PAM's code for it: one table |
//! | `messages` | what the person reads |
//!
//! It decides nothing: `PAM_SUCCESS` needs a permit, and only the authority's approval of this very request makes one.
//! It starts no thread, reads no environment, keeps nothing between calls but its outcome and the name it was for, and
//! opens nothing but the authority's socket and the `stat` of the session's leader.

mod account;
mod attempt;
mod authenticate;
mod combined;
mod enrol;
mod ffi;
mod host;
mod messages;
mod options;
mod outcome;
mod source;

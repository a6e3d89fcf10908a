//! Making a host's doors ask for a code, and taking that back: files of PAM and sshd, changed so that nobody is locked out.

pub mod door;
mod durable;
pub mod fresh;
pub mod journal;
pub mod machine;
pub mod pam_file;
pub mod pam_stack;
mod plan;
pub mod ready;
pub mod selinux;
pub mod sshd_file;

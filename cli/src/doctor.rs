//! What can be wrong on a host, found before it shuts somebody out or lets somebody in.

use serde::Serialize;

pub mod denials;
pub mod files;
pub mod keys;
pub mod people;
pub mod sshd;
pub mod stacks;

/// How bad something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// To be known: it may be as it should.
    Note,
    /// To be mended.
    Warning,
    /// Somebody can get in without a code, or nobody can get in.
    Error,
}

impl Severity {
    /// The exit status where this is the worst.
    pub const fn status(self) -> u8 {
        match self {
            Self::Note => 0,
            Self::Warning => 1,
            Self::Error => 2,
        }
    }
}

/// Something that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// A word for programs; it stays the same.
    pub code: &'static str,
    /// What was found.
    pub what: String,
    /// Why it matters.
    pub why: &'static str,
    /// What to do.
    pub fix: String,
}

/// Somebody gets in without a code, or nobody gets in.
pub fn error(
    code: &'static str,
    what: impl Into<String>,
    why: &'static str,
    fix: impl Into<String>,
) -> Finding {
    Finding { severity: Severity::Error, code, what: what.into(), why, fix: fix.into() }
}

/// To be mended.
pub fn warning(
    code: &'static str,
    what: impl Into<String>,
    why: &'static str,
    fix: impl Into<String>,
) -> Finding {
    Finding { severity: Severity::Warning, code, what: what.into(), why, fix: fix.into() }
}

/// To be known.
pub fn note(
    code: &'static str,
    what: impl Into<String>,
    why: &'static str,
    fix: impl Into<String>,
) -> Finding {
    Finding { severity: Severity::Note, code, what: what.into(), why, fix: fix.into() }
}

//! `session` and `browser`: their verbs and flags.

use clap::{Args, Subcommand};

use super::{Codes, Consent, Whose};

/// `session`.
#[derive(Debug, Subcommand)]
pub enum Session {
    /// Where an account is signed in: at which site, in which browser, from where, until when
    List(ListOf),
    /// End a session, and those of the sites under it, at once; with all of them every browser needs a code again
    Revoke(Revocation),
}

/// `browser`.
#[derive(Debug, Subcommand)]
pub enum Browser {
    /// The browsers in which an account gave a code, and which of them need none for a while
    List(ListOf),
    /// Forget a browser: it is a stranger's again, and what it opened without a code ends at once
    Revoke(Revocation),
}

/// Whose list.
#[derive(Debug, Args)]
pub struct ListOf {
    /// Whose; your own when absent, and root has to say
    #[arg(value_name = "ACCOUNT", conflicts_with = "account")]
    pub named: Option<String>,
    /// Whose
    #[command(flatten)]
    pub whose: Whose,
}

impl ListOf {
    /// The account that was named, in whichever way.
    pub fn account(&self) -> Option<&str> {
        self.named.as_deref().or(self.whose.account.as_deref())
    }
}

/// What is revoked.
#[derive(Debug, Args)]
pub struct Revocation {
    /// Which, by its id or the beginning of that, as the list shows it
    #[arg(value_name = "ID", required_unless_present = "all", conflicts_with = "all")]
    pub id: Option<String>,
    /// All of them
    #[arg(long)]
    pub all: bool,
    /// Whose
    #[command(flatten)]
    pub whose: Whose,
    /// Where codes come from
    #[command(flatten)]
    pub codes: Codes,
    /// Consent
    #[command(flatten)]
    pub consent: Consent,
}

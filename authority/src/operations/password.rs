//! `local` passwords: made, checked, and set. Argon2id as a PHC string; the text itself is never kept.

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash as Phc;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use tokio::time::Instant;
use twofold_shared::account::PasswordHash;
use twofold_shared::secret::SecretText;
use twofold_shared::trail::Action;
use twofold_shared::wire::{Done, SetPassword};

use super::attempt::Change;
use super::fault::{Outcome, internal, invalid};
use super::permission::Actor;
use super::settings::DEADLINE;
use super::turn::{Busy, Line};
use crate::authority::Authority;

/// The shortest password that is taken, in characters (NIST SP 800-63B: eight beside a second factor).
const SHORTEST: usize = 8;

/// The longest, in bytes: enough for any passphrase.
const LONGEST: usize = 1024;

impl Authority {
    /// Sets the password of a `local` name, and ends every session: whoever knew the old one is out.
    pub(crate) async fn set_password(&self, actor: &Actor, request: SetPassword) -> Outcome<Done> {
        let SetPassword { account, password, code } = request;
        if password.reveal().chars().count() < SHORTEST {
            return Err(invalid(format!("password: must have at least {SHORTEST} characters")));
        }
        if password.reveal().len() > LONGEST {
            return Err(invalid(format!("password: must have at most {LONGEST} bytes")));
        }
        let line = if matches!(actor, Actor::Root { .. }) { Line::Known } else { Line::Strangers };
        let made = self.hashing.run(line, Instant::now() + DEADLINE, move || hash(&password)).await?;
        let made = made.ok_or_else(|| internal("the password cannot be hashed"))?;
        self.change(actor, account.as_deref(), code, Action::PasswordSet, |change: &mut Change| {
            if !change.account.names.iter().any(|name| name.name.realm().is_local()) {
                return Err(invalid(
                    "account: has no name in the realm `local`; give it one with `twofold account link`",
                ));
            }
            change.account.password = Some(made.clone());
            change.account.changed = change.time();
            self.end_sessions(change, |_| true)?;
            self.end_trust(change)?;
            Ok(Done {})
        })
        .await
    }

    /// Whether `password` is the account's. An account without one costs the same and is never right.
    pub(super) async fn password_fits(
        &self,
        kept: Option<PasswordHash>,
        password: &std::sync::Arc<SecretText>,
        line: Line,
        deadline: Instant,
    ) -> Result<bool, Busy> {
        let password = std::sync::Arc::clone(password);
        self.hashing.run(line, deadline, move || check(kept.as_ref(), &password)).await
    }
}

fn hash(password: &SecretText) -> Option<PasswordHash> {
    let made = Argon2::default().hash_password(password.reveal().as_bytes()).ok()?;
    PasswordHash::new(made.to_string()).ok()
}

fn check(kept: Option<&PasswordHash>, password: &SecretText) -> bool {
    let password = password.reveal().as_bytes();
    let parsed = kept.and_then(|kept| Phc::new(kept.reveal()).ok());
    match parsed {
        Some(parsed) => Argon2::default().verify_password(password, &parsed).is_ok(),
        None => {
            let mut nobodys = [0; 32];
            let done = Argon2::default().hash_password_into(password, b"twofold decoy   ", &mut nobodys);
            let _ = std::hint::black_box((done, nobodys));
            false
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(text: &str) -> SecretText {
        SecretText::new(text.to_owned())
    }

    #[test]
    fn only_the_password_itself_fits_and_it_is_not_in_its_hash() {
        let kept = hash(&secret("correct horse")).unwrap();
        assert!(check(Some(&kept), &secret("correct horse")));
        for other in ["", "correct", "Correct horse", "correct horse "] {
            assert!(!check(Some(&kept), &secret(other)), "{other:?}");
        }
        assert!(!check(None, &secret("correct horse")));
        assert!(!kept.reveal().contains("correct"));
    }
}

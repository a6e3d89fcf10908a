//! Backup codes: ten new ones, and the old ones dead at once.

use tokio::time::Instant;
use twofold_shared::account::Account;
use twofold_shared::backup_code::{BackupCodeError, BackupCodes, Cost, RANDOM_BYTES, Salt, digest, generate};
use twofold_shared::clock::UnixTime;
use twofold_shared::secret::SecretText;
use twofold_shared::trail::Action;
use twofold_shared::wire::{Fault, FreshBackupCodes, RegenerateBackupCodes};
use zeroize::Zeroizing;

use super::account::unchangeable;
use super::fault::{Outcome, internal};
use super::permission::Actor;
use super::settings::DEADLINE;
use super::turn::Line;
use crate::authority::Authority;

/// What a new set costs. Deliberate: next to nothing in this crate's own tests, which make a set for nearly every account
/// and count Argon2 runs instead of feeling them.
const COST: Cost = if cfg!(test) { Cost { memory_kib: 64, passes: 1, lanes: 1 } } else { Cost::CURRENT };

impl Authority {
    /// Makes ten new backup codes.
    pub(crate) async fn regenerate_backup_codes(
        &self,
        actor: &Actor,
        request: RegenerateBackupCodes,
    ) -> Outcome<FreshBackupCodes> {
        let now = self.now().await?.time;
        let (set, backup_codes) = self.fresh_backup_codes(now).await?;
        self.change(
            actor,
            request.account.as_deref(),
            request.code,
            Action::BackupCodesRegenerate,
            |change| {
                let after = change.account.with_backup_codes(set.clone(), change.time());
                change.account = after.map_err(unchangeable)?;
                Ok(())
            },
        )
        .await?;
        Ok(FreshBackupCodes { backup_codes })
    }

    /// A new set, and its codes on their one way to their owner.
    pub(super) async fn fresh_backup_codes(&self, now: UnixTime) -> Outcome<(BackupCodes, Vec<SecretText>)> {
        let mut random = [0; RANDOM_BYTES];
        let mut salt = [0; 16];
        for bytes in [random.as_mut_slice(), salt.as_mut_slice()] {
            getrandom::fill(bytes).map_err(|_| internal("no randomness from the kernel"))?;
        }
        let keyring = self.store.keyring();
        let current = keyring.current_pepper().ok_or_else(no_pepper)?;
        let (pepper, pepper_id) = (current.pepper(), current.pepper_id());
        let work = move || -> Result<_, BackupCodeError> {
            let (salt, cost) = (Salt(salt), COST);
            let codes = generate(random)?;
            let digests: Result<Vec<_>, _> =
                codes.iter().map(|code| digest(code.reveal(), salt, pepper.as_slice(), cost)).collect();
            Ok((BackupCodes::new(salt, pepper_id, cost, &digests?, now)?, codes))
        };
        let made = self.hashing.run(Line::Strangers, Instant::now() + DEADLINE, work).await?;
        made.map_err(|error| internal(error.to_string()))
    }

    /// The pepper that an account's backup codes are hashed with; the current one where it has none. Where it was lost,
    /// one that nothing was hashed with: the same work is done, and no code is right.
    pub(super) fn pepper_of(&self, account: &Account) -> Zeroizing<[u8; 32]> {
        let keyring = self.store.keyring();
        let pepper = match &account.backup_codes {
            None => keyring.current_pepper(),
            Some(set) => keyring.pepper(set.pepper),
        };
        pepper.map_or_else(|| Zeroizing::new([0; 32]), crate::keyring::SecretKey::pepper)
    }
}

/// Nothing is hashed without one.
pub(super) fn no_pepper() -> Fault {
    internal("the keyring has lost its pepper; as root: twofold key rotate --pepper")
}

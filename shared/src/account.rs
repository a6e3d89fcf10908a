//! An account: a person, their names, their factors and what limits guesses at them.
//!
//! Every rule is `(account, attempt, now) -> (account', verdict)`: nothing here reads a clock, makes randomness or
//! touches a store. The caller replaces the whole record by compare-and-swap, so every rule is atomic.

mod change;
mod charge;
mod contacts;
mod nobody;
mod parts;
#[cfg(test)]
mod tests;
mod verify;
mod view;

pub use change::{ChangeError, OtherPerson, PendingEnrolment};
pub use charge::{Charge, Lock, LockReason};
pub use contacts::Contacts;
pub use parts::{
    AccountId, AccountName, Device, DeviceId, Group, Label, Notice, Occasion, PartError, PasswordHash,
};
pub use verify::{Attempt, Factor, Reason, Refusal, Verdict};

use crate::backup_code::{BackupCodes, BackupDigest, Cost, Salt};
use crate::clock::UnixTime;
use crate::throttle::Throttle;
use crate::wire;

/// Devices of an account, at most: each one more is one more chance for a guess.
pub const MAX_DEVICES: usize = 8;
/// Names of an account, at most.
pub const MAX_NAMES: usize = 64;
/// News kept for its owner, at most; the newest stay.
pub const MAX_NOTICES: usize = 8;

/// A person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Who, for ever.
    pub id: AccountId,
    /// What they are called, the first name first. Never empty but for a decoy.
    pub names: Vec<AccountName>,
    /// Groups in the ledger.
    pub groups: Vec<Group>,
    /// What its person is called and where they are reached.
    pub contacts: Contacts,
    /// Put by an operator: nothing passes while it holds.
    pub lock: Option<Lock>,
    /// Whom this account is in charge of, where root made it an operator.
    pub charge: Option<Charge>,
    /// The password of the `local` name.
    pub password: Option<PasswordHash>,
    /// Devices, each confirmed by a code.
    pub devices: Vec<Device>,
    /// Backup codes; only beside a device.
    pub backup_codes: Option<BackupCodes>,
    /// Whether a second factor is asked of this account; none: the service's policy decides.
    pub requirement: Option<wire::Requirement>,
    /// The language that its person reads at hosts' doors; none: the host's.
    pub language: Option<wire::Language>,
    /// What limits guesses.
    pub throttle: Throttle,
    /// What its owner learns when they next pass.
    pub notices: Vec<Notice>,
    /// When it was made.
    pub created: UnixTime,
    /// When a person last changed it; codes and failures do not count.
    pub changed: UnixTime,
}

impl Account {
    /// A new account with its first name and nothing else.
    #[must_use]
    pub fn new(id: AccountId, name: AccountName, now: UnixTime) -> Self {
        Self { names: vec![name], ..Self::decoy(id, now) }
    }

    /// Whether a second factor is set up.
    #[must_use]
    pub fn enrolled(&self) -> bool {
        !self.devices.is_empty()
    }

    /// Unused backup codes.
    #[must_use]
    pub fn backup_codes_left(&self) -> u8 {
        self.backup_codes.as_ref().map_or(0, BackupCodes::left)
    }

    /// One device.
    #[must_use]
    pub fn device(&self, id: &DeviceId) -> Option<&Device> {
        self.devices.iter().find(|device| device.id == *id)
    }

    /// The salt and cost that a code of a backup code's length is digested with before [`Account::verify`]; a decoy's
    /// where there is no set, so that everybody costs the same.
    #[must_use]
    pub fn backup_digest_parameters(&self) -> (Salt, Cost) {
        self.backup_codes.as_ref().map_or((Salt::DECOY, Cost::CURRENT), |set| (set.salt, set.cost))
    }

    /// Whether a digest still belongs to the account's set: after a regeneration in between it must be made again.
    #[must_use]
    pub fn takes(&self, digest: Option<&BackupDigest>) -> bool {
        self.backup_codes.as_ref().is_none_or(|set| digest.is_some_and(|digest| set.made_for(digest)))
    }
}

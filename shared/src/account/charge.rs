//! Who is in charge of whom, and the locks that those put: operators are accounts that root put in charge of others.

use super::{Account, Group, PartError};
use crate::clock::UnixTime;
use crate::name::unseen;
use crate::wire;

/// Groups of one operator, at most.
pub const MAX_CHARGES: usize = 16;
/// The longest reason of a lock, in characters.
const MAX_REASON: usize = 200;

/// Whom an operator is in charge of. Never of anybody who is in charge themselves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Charge {
    /// Every account.
    All,
    /// Accounts that are in one of these groups of the ledger; never empty.
    Groups(Vec<Group>),
}

impl Charge {
    /// Reads what root said: everybody, or some groups.
    ///
    /// # Errors
    /// [`PartError::Charge`] when it is both or neither, or too many; [`PartError::Group`].
    pub fn parse(charge: &wire::Charge) -> Result<Self, PartError> {
        match (charge.everybody, charge.groups.len()) {
            (true, 0) => Ok(Self::All),
            (false, 1..=MAX_CHARGES) => {
                let groups: Result<Vec<Group>, _> =
                    charge.groups.iter().map(|group| Group::parse(group)).collect();
                let mut groups = groups?;
                groups.sort();
                groups.dedup();
                Ok(Self::Groups(groups))
            }
            _ => Err(PartError::Charge),
        }
    }

    /// For the wire.
    #[must_use]
    pub fn to_wire(&self) -> wire::Charge {
        match self {
            Self::All => wire::Charge { everybody: true, groups: Vec::new() },
            Self::Groups(groups) => {
                wire::Charge { everybody: false, groups: groups.iter().map(Group::to_string).collect() }
            }
        }
    }

    /// Whether accounts in these groups are among those.
    #[must_use]
    pub fn has(&self, groups: &[Group]) -> bool {
        match self {
            Self::All => true,
            Self::Groups(own) => groups.iter().any(|group| own.contains(group)),
        }
    }

    /// Whether an operator with this charge may act on `account`. Nobody but root acts on operators.
    #[must_use]
    pub fn is_over(&self, account: &Account) -> bool {
        account.charge.is_none() && !account.is_decoy() && self.has(&account.groups)
    }
}

/// That nothing passes, by whom, why and until when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lock {
    /// When it was put.
    pub at: UnixTime,
    /// Which operator put it; none: root, who alone takes it back then.
    pub operator: Option<String>,
    /// Why, for those in charge; its person may read it.
    pub reason: Option<LockReason>,
    /// When it ends by itself.
    pub until: Option<UnixTime>,
}

impl Lock {
    /// Whether it holds.
    #[must_use]
    pub fn holds(&self, now: UnixTime) -> bool {
        self.until.is_none_or(|until| now < until)
    }

    /// For the wire.
    #[must_use]
    pub fn to_wire(&self) -> wire::Lock {
        wire::Lock {
            at: self.at.0,
            operator: self.operator.clone(),
            reason: self.reason.as_ref().map(|reason| reason.as_str().to_owned()),
            until: self.until.map(|until| until.0),
        }
    }
}

/// Why an account is locked, in a sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LockReason(String);

impl LockReason {
    /// Reads a reason, trimmed.
    ///
    /// # Errors
    /// [`PartError::LockReason`] when it is empty, longer than 200 characters, or has a character that cannot be seen.
    pub fn parse(text: &str) -> Result<Self, PartError> {
        let reason = text.trim();
        let fits = (1..=MAX_REASON).contains(&reason.chars().take(MAX_REASON + 1).count());
        if fits && !reason.chars().any(unseen) {
            Ok(Self(reason.to_owned()))
        } else {
            Err(PartError::LockReason)
        }
    }

    /// As it is written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Account {
    /// Whether nothing passes now.
    #[must_use]
    pub fn is_locked(&self, now: UnixTime) -> bool {
        self.lock.as_ref().is_some_and(|lock| lock.holds(now))
    }

    /// Locked, or not any more.
    #[must_use]
    pub fn with_lock(&self, lock: Option<Lock>, now: UnixTime) -> Self {
        Self { lock, changed: now, ..self.clone() }
    }

    /// In charge of others from now on, or of nobody.
    #[must_use]
    pub fn with_charge(&self, charge: Option<Charge>, now: UnixTime) -> Self {
        Self { charge, changed: now, ..self.clone() }
    }

    /// In these groups from now on.
    #[must_use]
    pub fn with_groups(&self, groups: Vec<Group>, now: UnixTime) -> Self {
        Self { groups, changed: now, ..self.clone() }
    }
}

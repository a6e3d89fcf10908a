//! What operators ask, and who is one.

use serde::{Deserialize, Serialize};

use super::{Occasion, Opaque, Requirement};
use crate::secret::{SecretText, revealed_option};

/// Whom an operator is in charge of: everybody, or the accounts in some groups of the ledger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Charge {
    /// Every account; then no groups.
    pub everybody: bool,
    /// At most sixteen.
    #[serde(default)]
    pub groups: Vec<String>,
}

/// Why nothing passes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lock {
    /// When it was put, in seconds since the epoch.
    pub at: u64,
    /// Which operator put it; absent: root, who alone takes it back then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operator: Option<String>,
    /// Why, for those in charge; its person may read it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// When it ends by itself, in seconds since the epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<u64>,
}

/// Calls a method on accounts that the caller is in charge of. Whatever changes something takes a code of the operator's
/// own in the call, or one given in the session in the last five minutes; their password is not enough. An account that
/// they are not in charge of is answered as one that is not there.
#[derive(Debug, Serialize, Deserialize)]
pub struct AsOperator {
    /// The operator's own code.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "revealed_option")]
    pub code: Option<SecretText>,
    /// The method's name within this interface.
    pub method: String,
    /// Its parameters.
    pub parameters: Opaque,
}

/// The method's reply.
#[derive(Debug, Serialize, Deserialize)]
pub struct OperatorsReply {
    /// What the method replied.
    pub reply: Opaque,
}

/// Puts an account in charge of others, or takes that back.
#[derive(Debug, Serialize, Deserialize)]
pub struct SetCharge {
    /// Whose.
    pub account: String,
    /// Of whom; absent: of nobody from then on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub charge: Option<Charge>,
}

/// Asks who is in charge of others.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct ListOperators {}

/// Those in charge, by name.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OperatorList {
    /// The operators.
    pub operators: Vec<OperatorEntry>,
}

/// An operator in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OperatorEntry {
    /// The account's immutable id.
    pub id: String,
    /// `REALM:NAME`, the first one first.
    pub names: Vec<String>,
    /// Of whom.
    pub charge: Charge,
    /// Whether a second factor is set up: without one they can do nothing.
    pub enrolled: bool,
}

/// Says which groups of the ledger an account is in; those that are not named it has left.
#[derive(Debug, Serialize, Deserialize)]
pub struct SetGroups {
    /// Whose.
    pub account: String,
    /// All of them.
    pub groups: Vec<String>,
}

/// Asks for a page of the accounts that the caller is in charge of.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SearchAccounts {
    /// What one of the names begins with, without its realm; absent: everybody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prefix: Option<String>,
    /// Only accounts in this state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<AccountState>,
    /// In which order.
    #[serde(default)]
    pub order: AccountOrder,
    /// `next` of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// How many at most; the authority gives no more than 50.
    pub limit: u32,
}

/// What accounts can be searched for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AccountState {
    /// A second factor is set up.
    Enrolled,
    /// None is.
    NotEnrolled,
    /// Nothing passes.
    Locked,
    /// Strangers' budget is used up.
    Closed,
    /// Three backup codes or fewer are left, beside a device.
    FewCodes,
}

/// In which order accounts come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AccountOrder {
    /// By name.
    #[default]
    Name,
    /// Used last first.
    Recent,
    /// Never used first, then those whose last use is longest ago.
    Idle,
}

/// A page of accounts.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountRows {
    /// The accounts.
    pub accounts: Vec<AccountRow>,
    /// Pass it as `after` for the next page; absent on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
    /// Whom the caller is in charge of; absent: root's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub charge: Option<Charge>,
}

/// An account in a table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountRow {
    /// The account's immutable id.
    pub id: String,
    /// `REALM:NAME`, the first one first; four at most.
    pub names: Vec<String>,
    /// Groups in the ledger; sixteen at most.
    pub groups: Vec<String>,
    /// What people call them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// How many devices are set up.
    pub devices: u8,
    /// Backup codes that have not been used.
    pub backup_codes_left: u8,
    /// The lock, while it holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lock: Option<Lock>,
    /// Strangers' budget is used up.
    pub closed_to_strangers: bool,
    /// Whether this account must, may or need not have a second factor; absent: the service's policy decides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requirement: Option<Requirement>,
    /// When, at which door and from where a device was last used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_used: Option<Occasion>,
    /// Seconds since the epoch.
    pub created: u64,
}

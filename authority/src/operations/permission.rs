//! Who may call what: one row per method, read from the listener and the peer's credentials, never from a message.
//!
//! A row says only that a caller of that role may *call*; what it may say in the call (whose account, which realm,
//! which service, whether its word about the source counts) each operation asks of its [`Actor`].

use std::sync::Arc;

use twofold_shared::trail::By;
use twofold_shared::wire::{self, Request as _};

use super::{operator, person};
use crate::peer::{Caller, DoorListener, Standing};

use Role::{Door, EnrollingDoor, Gate, Operator, Owner, Person, Root};

/// What a caller is to a method.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// uid 0 or the authority's own uid on the main socket: administers, is believed about name and source.
    Root,
    /// The gate's uid on the main socket: believed about the source; first factors in its realms only.
    Gate,
    /// Any other uid on the main socket: its own account.
    Owner,
    /// The owner of an account in a session of the portal, through the gate: never the caller itself.
    Person,
    /// Whom root put in charge of others, by their own account as owner or person: never the caller itself.
    Operator,
    /// Whoever connects to a door listener, uid 0 too: its services, under its host and realm.
    Door,
    /// The same where the listener says `enrol = true`: a name's first enrolment too.
    EnrollingDoor,
}

const DOORS: &[Role] = &[Root, Owner, Door, EnrollingDoor];
const GATE: &[Role] = &[Gate];
const ROOT: &[Role] = &[Root];
const OWN: &[Role] = &[Root, Owner];
/// The same, and at the portal.
const OWNERS: &[Role] = &[Root, Owner, Person];
/// The same, and those in charge.
const OWNERS_AND_CHARGED: &[Role] = &[Root, Owner, Person, Operator];
const IN_CHARGE: &[Role] = &[Root, Operator];
const ENROL: &[Role] = &[Root, Owner, EnrollingDoor];
const ENROL_AT_LOGIN: &[Role] = &[Root, EnrollingDoor];
const MAIN: &[Role] = &[Root, Gate, Owner];

/// Every method, and who may call it. A caller with two roles acts in the first that the row names.
const TABLE: &[(&str, &[Role])] = &[
    (wire::Consult::METHOD, DOORS),
    (wire::Verify::METHOD, DOORS),
    (wire::BeginEnrolmentAtLogin::METHOD, ENROL_AT_LOGIN),
    (wire::ConfirmEnrolmentAtLogin::METHOD, ENROL_AT_LOGIN),
    (wire::ActivateEnrolmentAtLogin::METHOD, ENROL_AT_LOGIN),
    (wire::SignIn::METHOD, GATE),
    (wire::AssertFirst::METHOD, GATE),
    (wire::VerifySession::METHOD, GATE),
    (wire::PassTrusted::METHOD, GATE),
    (wire::VerifyName::METHOD, GATE),
    (wire::JoinAccount::METHOD, GATE),
    (wire::BeginSessionEnrolment::METHOD, GATE),
    (wire::ConfirmSessionEnrolment::METHOD, GATE),
    (wire::CancelSessionEnrolment::METHOD, GATE),
    (wire::RedeemInvitation::METHOD, GATE),
    (wire::SpareSession::METHOD, GATE),
    (wire::OpenSite::METHOD, GATE),
    (wire::CheckSession::METHOD, GATE),
    (wire::CheckApiKey::METHOD, GATE),
    (wire::TouchApiKeys::METHOD, GATE),
    (wire::TouchSessions::METHOD, GATE),
    (wire::EndSession::METHOD, GATE),
    (wire::WatchSessions::METHOD, GATE),
    (wire::AsPerson::METHOD, GATE),
    (wire::AsOperator::METHOD, &[Owner, Person]),
    (wire::SearchAccounts::METHOD, IN_CHARGE),
    (wire::SetCharge::METHOD, ROOT),
    (wire::ListOperators::METHOD, ROOT),
    (wire::SetGroups::METHOD, ROOT),
    (wire::GetInfo::METHOD, MAIN),
    (wire::GetAccount::METHOD, OWNERS_AND_CHARGED),
    (wire::ListAccounts::METHOD, ROOT),
    (wire::AddAccount::METHOD, ROOT),
    (wire::RemoveAccount::METHOD, ROOT),
    (wire::LockAccount::METHOD, IN_CHARGE),
    (wire::UnlockAccount::METHOD, IN_CHARGE),
    (wire::ReopenAccount::METHOD, OWNERS_AND_CHARGED),
    (wire::LinkName::METHOD, ROOT),
    (wire::UnlinkName::METHOD, &[Root, Person]),
    (wire::SetRequirement::METHOD, IN_CHARGE),
    (wire::SetContacts::METHOD, ROOT),
    (wire::SetLanguage::METHOD, OWN),
    (wire::SetPassword::METHOD, OWN),
    (wire::InviteAccount::METHOD, IN_CHARGE),
    (wire::BeginEnrolment::METHOD, ENROL),
    (wire::ConfirmEnrolment::METHOD, ENROL),
    (wire::RegenerateBackupCodes::METHOD, OWNERS),
    (wire::IssueEmergencyCode::METHOD, ROOT),
    (wire::RenameDevice::METHOD, OWNERS),
    (wire::RemoveDevice::METHOD, OWNERS),
    (wire::CreateApiKey::METHOD, OWNERS),
    (wire::ListApiKeys::METHOD, OWNERS),
    (wire::SuspendApiKey::METHOD, OWNERS),
    (wire::ResumeApiKey::METHOD, OWNERS),
    (wire::RotateApiKey::METHOD, OWNERS),
    (wire::RevokeApiKey::METHOD, OWNERS),
    (wire::ListSessions::METHOD, OWNERS),
    (wire::RevokeSessions::METHOD, OWNERS_AND_CHARGED),
    (wire::ListBrowsers::METHOD, OWNERS),
    (wire::RevokeBrowsers::METHOD, OWNERS),
    (wire::ListGraces::METHOD, OWNERS),
    (wire::EndGraces::METHOD, OWNERS),
    (wire::DisableAccount::METHOD, OWNERS),
    (wire::ResetAccount::METHOD, IN_CHARGE),
    (wire::ExplainPolicy::METHOD, ROOT),
    (wire::ReadAudit::METHOD, OWN),
    (wire::ReadActivity::METHOD, OWNERS),
    (wire::AcceptClock::METHOD, ROOT),
    (wire::CopyLedger::METHOD, ROOT),
    (wire::ListKeys::METHOD, ROOT),
    (wire::CheckKeys::METHOD, ROOT),
    (wire::ReloadKeys::METHOD, ROOT),
    (wire::NoteKeyCopy::METHOD, ROOT),
    (wire::RetireKeys::METHOD, ROOT),
];

/// Who acts, once the table has let them call: all that an operation may believe about its caller.
#[derive(Clone, Debug)]
pub enum Actor {
    /// Administers.
    Root {
        /// Its uid, for the audit trail.
        uid: u32,
    },
    /// Speaks for browsers.
    Gate,
    /// Acts for the account whose `unix` name has this uid.
    Owner {
        /// The uid that the kernel vouches for.
        uid: u32,
    },
    /// Acts for their own account, in a session of the portal.
    Person(Box<person::Person>),
    /// Acts for accounts that they are in charge of.
    Operator(Box<operator::Operator>),
    /// Speaks for one host's PAM stacks or one application.
    Door(Arc<DoorListener>),
}

impl Actor {
    /// Who acted, for the audit trail; absent where it was the account's owner.
    #[must_use]
    pub fn name(&self) -> Option<String> {
        match self {
            Self::Root { uid: 0 } => Some(By::Root),
            Self::Root { uid } => Some(By::Uid(*uid)),
            Self::Gate => Some(By::Gate),
            Self::Operator(operator) => Some(By::Operator(&operator.name)),
            Self::Owner { .. } | Self::Person(_) => None,
            Self::Door(listener) => Some(By::Host(&listener.host)),
        }
        .map(|by| by.to_string())
    }
}

/// Lets `caller` call `method`, as whom; `None` where it may not, or there is no such method.
#[must_use]
pub fn admit(caller: &Caller, method: &str) -> Option<Actor> {
    let (_, row) = TABLE.iter().find(|(name, _)| *name == method)?;
    let allowed = |role: Role| row.contains(&role);
    match &caller.standing {
        Standing::Nobody => None,
        Standing::Door(listener) => {
            let role = if listener.enrol { EnrollingDoor } else { Door };
            allowed(role).then(|| Actor::Door(Arc::clone(listener)))
        }
        Standing::Main { administrator, gate } => {
            let owner = !administrator && !gate;
            if *administrator && allowed(Root) {
                Some(Actor::Root { uid: caller.uid })
            } else if *gate && allowed(Gate) {
                Some(Actor::Gate)
            } else if owner && allowed(Owner) {
                Some(Actor::Owner { uid: caller.uid })
            } else {
                None
            }
        }
    }
}

/// Whether this method is one for that role: what a person, or an operator, may have called for them.
#[must_use]
pub fn is_for(method: &str, role: Role) -> bool {
    TABLE.iter().any(|(name, row)| *name == method && row.contains(&role))
}

#[cfg(test)]
mod tests {
    use twofold_shared::name::Realm;

    use super::*;

    fn main_socket(uid: u32, administrator: bool, gate: bool) -> Caller {
        Caller { uid, standing: Standing::Main { administrator, gate } }
    }

    fn door(uid: u32, enrol: bool) -> Caller {
        let realm = Realm::parse(if enrol { "wiki.example.com" } else { "unix" }).unwrap();
        let listener = DoorListener { services: vec!["sshd".into()], host: "web1".into(), realm, enrol };
        Caller { uid, standing: Standing::Door(Arc::new(listener)) }
    }

    /// What each standing may call, written out a second time by standing instead of by method.
    fn expected() -> Vec<(&'static str, Caller, Vec<&'static str>)> {
        let doors = vec!["Consult", "Verify"];
        let enrolling = vec![
            "Consult",
            "Verify",
            "BeginEnrolmentAtLogin",
            "ConfirmEnrolmentAtLogin",
            "ActivateEnrolmentAtLogin",
            "BeginEnrolment",
            "ConfirmEnrolment",
        ];
        let gate = vec![
            "SignIn",
            "AssertFirst",
            "VerifySession",
            "PassTrusted",
            "VerifyName",
            "JoinAccount",
            "BeginSessionEnrolment",
            "ConfirmSessionEnrolment",
            "CancelSessionEnrolment",
            "RedeemInvitation",
            "SpareSession",
            "OpenSite",
            "CheckSession",
            "CheckApiKey",
            "TouchApiKeys",
            "TouchSessions",
            "EndSession",
            "WatchSessions",
            "AsPerson",
            "GetInfo",
        ];
        let owner = vec![
            "Consult",
            "Verify",
            "GetInfo",
            "GetAccount",
            "ReopenAccount",
            "SetLanguage",
            "SetPassword",
            "BeginEnrolment",
            "ConfirmEnrolment",
            "RegenerateBackupCodes",
            "RenameDevice",
            "RemoveDevice",
            "CreateApiKey",
            "ListApiKeys",
            "SuspendApiKey",
            "ResumeApiKey",
            "RotateApiKey",
            "RevokeApiKey",
            "ListSessions",
            "RevokeSessions",
            "ListBrowsers",
            "RevokeBrowsers",
            "ListGraces",
            "EndGraces",
            "DisableAccount",
            "ReadAudit",
            "ReadActivity",
            "AsOperator",
        ];
        // Root needs no charge.
        let mut root: Vec<_> = owner.iter().copied().filter(|method| *method != "AsOperator").collect();
        root.extend([
            "BeginEnrolmentAtLogin",
            "ConfirmEnrolmentAtLogin",
            "ActivateEnrolmentAtLogin",
            "IssueEmergencyCode",
            "SearchAccounts",
            "SetCharge",
            "ListOperators",
            "SetGroups",
            "ListAccounts",
            "AddAccount",
            "InviteAccount",
            "RemoveAccount",
            "LockAccount",
            "UnlockAccount",
            "LinkName",
            "UnlinkName",
            "SetRequirement",
            "SetContacts",
            "ExplainPolicy",
            "ResetAccount",
            "AcceptClock",
            "CopyLedger",
            "ListKeys",
            "CheckKeys",
            "ReloadKeys",
            "NoteKeyCopy",
            "RetireKeys",
        ]);
        let both = [gate.clone(), root.clone()].concat();
        vec![
            ("root", main_socket(0, true, false), root.clone()),
            ("the authority's own uid", main_socket(990, true, false), root),
            ("the gate", main_socket(991, false, true), gate),
            ("one user for all, as in the demo", main_socket(1000, true, true), both),
            ("a person", main_socket(1000, false, false), owner),
            ("a container's root", door(0, false), doors.clone()),
            ("a container's user", door(1000, false), doors),
            ("an application's door", door(33, true), enrolling),
            ("the overflow uid", Caller { uid: 65534, standing: Standing::Nobody }, Vec::new()),
            ("root as nobody", Caller { uid: 0, standing: Standing::Nobody }, Vec::new()),
        ]
    }

    #[test]
    fn every_method_and_standing_is_as_written_here() {
        for (who, caller, may) in expected() {
            for method in wire::METHODS {
                let admitted = admit(&caller, method).is_some();
                assert_eq!(admitted, may.contains(method), "{who} calling {method}");
            }
        }
    }

    #[test]
    fn what_operators_and_people_may_have_called_is_as_written_here() {
        let operators = [
            "SearchAccounts",
            "GetAccount",
            "LockAccount",
            "UnlockAccount",
            "ReopenAccount",
            "SetRequirement",
            "InviteAccount",
            "RevokeSessions",
            "ResetAccount",
        ];
        let people = [
            "AsOperator",
            "GetAccount",
            "ReopenAccount",
            "UnlinkName",
            "RegenerateBackupCodes",
            "RenameDevice",
            "RemoveDevice",
            "CreateApiKey",
            "ListApiKeys",
            "SuspendApiKey",
            "ResumeApiKey",
            "RotateApiKey",
            "RevokeApiKey",
            "ListSessions",
            "RevokeSessions",
            "ListBrowsers",
            "RevokeBrowsers",
            "ListGraces",
            "EndGraces",
            "DisableAccount",
            "ReadActivity",
        ];
        for method in wire::METHODS {
            assert_eq!(is_for(method, Operator), operators.contains(method), "an operator: {method}");
            assert_eq!(is_for(method, Person), people.contains(method), "a person: {method}");
        }
    }

    #[test]
    fn a_method_that_is_not_in_the_table_is_nobodys() {
        for (who, caller, _) in expected() {
            assert!(admit(&caller, "ReadSecrets").is_none(), "{who}");
            assert!(admit(&caller, "").is_none(), "{who}");
        }
        assert_eq!(TABLE.len(), wire::METHODS.len());
    }
}

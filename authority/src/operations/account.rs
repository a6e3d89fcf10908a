//! Accounts: shown, listed, made, removed, locked, named.

use twofold_shared::account::{
    Account, AccountId, AccountName, ChangeError, Contacts, Group, Lock, LockReason,
};
use twofold_shared::clock::UnixTime;
use twofold_shared::name::Name;
use twofold_shared::wire::{
    AccountPage, AccountView, AddAccount, Done, Fault, FaultKind, GetAccount, LinkName, ListAccounts,
    LockAccount, RemoveAccount, ReopenAccount, Requirement, SetContacts, SetLanguage, SetRequirement,
    UnlinkName, UnlockAccount,
};

use super::attempt::Change;
use super::fault::{Outcome, fault, internal, invalid, not_permitted};
use super::find::no_directory;
use super::people::is_system;
use super::permission::Actor;
use super::told::{Place, change_entry};
use crate::audit::Entry;
use crate::authority::Authority;
use crate::store::record;
use crate::store::{Commit, Expect, StoreError};

/// The most accounts in one answer.
const PAGE: u32 = 500;

/// The most groups of an account.
const MOST_GROUPS: usize = 64;

impl Authority {
    /// One account: anybody's for an operator, one's own for everybody else.
    pub(crate) async fn get_account(&self, actor: &Actor, request: GetAccount) -> Outcome<AccountView> {
        let account = self.meant(actor, request.account.as_deref()).await?;
        let now = self.now().await?.time;
        let sessions = Some(self.sessions_of(&account.id, now)?.len() as u64);
        Ok(AccountView { sessions, ..account.view(now) })
    }

    /// A page of accounts, by id.
    pub(crate) async fn list_accounts(&self, request: ListAccounts) -> Outcome<AccountPage> {
        let after = request.after.as_deref().map(AccountId::parse).transpose();
        let after = after.map_err(|why| invalid(format!("after: {why}")))?;
        let limit = usize::try_from(request.limit.clamp(1, PAGE)).unwrap_or(1);
        let now = self.now().await?.time;
        let found = record::load_accounts(&self.store, after.as_ref(), limit);
        let found = found.map_err(|error| self.failed(&error))?;
        let full = found.len() == limit;
        let accounts: Vec<AccountView> =
            found.iter().map(|(account, _)| account.view_for_root(now)).collect();
        let next = accounts.last().filter(|_| full).map(|last| last.id.clone());
        Ok(AccountPage { accounts, next })
    }

    /// Makes an account with one name.
    pub(crate) async fn add_account(&self, actor: &Actor, request: AddAccount) -> Outcome<AccountView> {
        let name = parsed(&request.name)?;
        let groups = groups_of(&request.groups)?;
        self.create(actor, name, groups).await.map(|(account, now)| account.view(now))
    }

    /// Makes an account; its name must belong to nobody.
    pub(super) async fn create(
        &self,
        actor: &Actor,
        name: Name,
        groups: Vec<Group>,
    ) -> Outcome<(Account, UnixTime)> {
        self.create_told(name, groups, |account| change_entry("account_add", actor, account)).await
    }

    /// The same; `told` is what the trail tells of it.
    pub(super) async fn create_told(
        &self,
        name: Name,
        groups: Vec<Group>,
        told: impl FnOnce(&Account) -> Entry,
    ) -> Outcome<(Account, UnixTime)> {
        let uid = self.seen_uid(&name).await?;
        let mut id = [0; 16];
        getrandom::fill(&mut id).map_err(|_| internal("no randomness from the kernel"))?;
        let now = self.now().await?.time;
        let mut account = Account::new(AccountId(id), AccountName { name: name.clone(), uid }, now);
        account.groups = groups;
        let failed = |error: StoreError| self.failed(&error);
        let commit = Commit {
            writes: vec![
                record::account_write(&account, Expect::Absent).map_err(failed)?,
                record::name_write(&name, &account.id, Expect::Absent).map_err(failed)?,
            ],
            audit: vec![told(&account)],
            ..Commit::default()
        };
        match self.store.commit(commit).await {
            Ok(_) => {
                self.accounts.added();
                Ok((account, now))
            }
            Err(StoreError::Conflict) => Err(name_taken(&name)),
            Err(error) => Err(failed(error)),
        }
    }

    /// Removes an account, its names, its sessions and its API keys.
    pub(crate) async fn remove_account(&self, actor: &Actor, request: RemoveAccount) -> Outcome<Done> {
        self.change(actor, Some(&request.account), None, "account_remove", |change| {
            self.end_sessions(change, |_| true)?;
            self.remove_browsers(change)?;
            self.end_graces_of(change)?;
            self.remove_api_keys(change)?;
            self.void_enrolments(change)?;
            self.void_emergency_code(change)?;
            change.writes.push(record::spared_removal(&change.account.id));
            let names = change.account.names.iter();
            change.writes.extend(names.map(|name| record::name_removal(&name.name, Expect::Any)));
            change.removes_account = true;
            Ok(())
        })
        .await?;
        self.accounts.removed();
        Ok(Done {})
    }

    /// Locks an account: nothing passes, all sessions end, and its API keys open nothing.
    pub(crate) async fn lock_account(&self, actor: &Actor, request: LockAccount) -> Outcome<Done> {
        let LockAccount { account, reason, until } = request;
        let reason = reason.as_deref().map(LockReason::parse).transpose();
        let reason = reason.map_err(|why| invalid(format!("reason: {why}")))?;
        let (operator, until) = (operator_of(actor), until.map(UnixTime));
        self.change(actor, Some(&account), None, "account_lock", |change| {
            let at = change.time();
            if until.is_some_and(|until| until <= at) {
                return Err(invalid("until: is over already"));
            }
            keeps_roots_lock(actor, &change.account, at)?;
            let lock = Lock { at, operator: operator.clone(), reason: reason.clone(), until };
            change.entry.factor = reason.as_ref().map(|reason| reason.as_str().to_owned());
            change.account = change.account.with_lock(Some(lock), at);
            self.end_sessions(change, |_| true)?;
            self.end_trust(change)?;
            self.end_graces_of(change)?;
            self.recall_api_keys(change)?;
            self.void_enrolments(change)?;
            self.void_emergency_code(change)?;
            Ok(Done {})
        })
        .await
    }

    /// Takes the lock back.
    pub(crate) async fn unlock_account(&self, actor: &Actor, request: UnlockAccount) -> Outcome<Done> {
        self.change(actor, Some(&request.account), None, "account_unlock", |change| {
            keeps_roots_lock(actor, &change.account, change.time())?;
            change.account = change.account.with_lock(None, change.time());
            Ok(Done {})
        })
        .await
    }

    /// Reopens an account to strangers. Its owner does so only from where they have passed before.
    pub(crate) async fn reopen_account(&self, actor: &Actor, request: ReopenAccount) -> Outcome<Done> {
        let here = match actor {
            Actor::Person(person) => person.place.clone(),
            Actor::Root { .. } | Actor::Gate | Actor::Owner { .. } | Actor::Operator(_) | Actor::Door(_) => {
                Place::local(&self.settings.host)
            }
        };
        self.change(actor, request.account.as_deref(), request.code, "account_reopen", |change| {
            // Looked at before the code is: a right one makes its source known.
            let stranger = !change.account.throttle.knows(&here.origin, change.time());
            let is_owner = matches!(actor, Actor::Owner { .. } | Actor::Person(_));
            if is_owner && change.factor.is_none() && stranger {
                return Err(fault(
                    FaultKind::NotPermitted,
                    "reopening takes a place where you have passed before; ask the people in charge of this host",
                ));
            }
            change.account = change.account.reopened(change.time());
            Ok(Done {})
        })
        .await
    }

    /// Gives an account one more name, which must belong to nobody.
    pub(crate) async fn link_name(&self, actor: &Actor, request: LinkName) -> Outcome<AccountView> {
        let name = parsed(&request.name)?;
        let uid = self.seen_uid(&name).await?;
        self.change(actor, Some(&request.account), None, "name_link", |change| {
            if self.holder(&name)?.is_some() {
                return Err(name_taken(&name));
            }
            let named = AccountName { name: name.clone(), uid };
            change.account = change.account.with_name(named, change.time()).map_err(unchangeable)?;
            let write = record::name_write(&name, &change.account.id, Expect::Absent);
            change.writes.push(write.map_err(|error| self.failed(&error))?);
            change.entry.name = Some(name.to_string());
            // What was opened before must not outlive that the account is the system's now.
            if name.name() == "root" || uid.is_some_and(is_system) {
                self.end_sessions(change, |_| true)?;
            }
            self.recall_api_keys(change)?;
            Ok(change.account.view(change.time()))
        })
        .await
    }

    /// Takes a name from an account, and ends the sessions signed in with it.
    pub(crate) async fn unlink_name(&self, actor: &Actor, request: UnlinkName) -> Outcome<AccountView> {
        let name = parsed(&request.name)?;
        // A name of the host's users is parted by root alone: its logins would be asked for nothing, or refused.
        if matches!(actor, Actor::Person(_)) && name.realm().is_unix() {
            return Err(not_permitted());
        }
        self.change(actor, Some(&request.account), request.code, "name_unlink", |change| {
            change.account = change.account.without_name(&name, change.time()).map_err(unchangeable)?;
            change.writes.push(record::name_removal(&name, Expect::Any));
            self.end_sessions(change, |session| session.name == name)?;
            self.end_graces_of(change)?;
            self.recall_api_keys(change)?;
            change.entry.name = Some(name.to_string());
            Ok(change.account.view(change.time()))
        })
        .await
    }

    /// Says whether the account must have a second factor. Operators may only ask for more, and not of whom root spared.
    pub(crate) async fn set_requirement(&self, actor: &Actor, request: SetRequirement) -> Outcome<Done> {
        let by_operator = matches!(actor, Actor::Operator(_));
        if by_operator && request.requirement != Some(Requirement::Required) {
            return Err(not_permitted());
        }
        self.change(actor, Some(&request.account), None, "requirement_set", |change: &mut Change| {
            if by_operator && change.account.requirement == Some(Requirement::Exempt) {
                return Err(invalid("account: root has exempted it; only root asks it for a code"));
            }
            change.account.requirement = request.requirement;
            change.account.changed = change.time();
            Ok(Done {})
        })
        .await
    }

    /// Says what the account's person is called and where they are reached. Apps are told anew.
    pub(crate) async fn set_contacts(&self, actor: &Actor, request: SetContacts) -> Outcome<Done> {
        let contacts = Contacts::parse(&request.contacts).map_err(|why| invalid(why.to_string()))?;
        self.change(actor, Some(&request.account), None, "contacts_set", |change: &mut Change| {
            change.account.contacts = contacts.clone();
            change.account.changed = change.time();
            // What the gate knows of live sessions is told by them: it has to ask again.
            self.recall_sessions(change)?;
            self.recall_api_keys(change)?;
            Ok(Done {})
        })
        .await
    }

    /// Says in which language the account's person is spoken to at hosts' doors. It opens nothing: its owner needs no code.
    pub(crate) async fn set_language(&self, actor: &Actor, request: SetLanguage) -> Outcome<Done> {
        self.narrow(actor, request.account.as_deref(), "language_set", |change: &mut Change| {
            change.account.language = request.language;
            change.account.changed = change.time();
            Ok(Done {})
        })
        .await
    }

    /// The uid that a new `unix` name has on this host; it is kept.
    async fn seen_uid(&self, name: &Name) -> Outcome<Option<u32>> {
        if !name.realm().is_unix() {
            return Ok(None);
        }
        self.people.uid_of(name.name()).await.map_err(|_| no_directory())
    }
}

/// Who locks, where it is an operator.
fn operator_of(actor: &Actor) -> Option<String> {
    match actor {
        Actor::Operator(operator) => Some(operator.name.clone()),
        Actor::Root { .. } | Actor::Gate | Actor::Owner { .. } | Actor::Person(_) | Actor::Door(_) => None,
    }
}

/// What root has locked no operator unlocks, nor gives another end.
fn keeps_roots_lock(actor: &Actor, account: &Account, now: UnixTime) -> Outcome<()> {
    let by_root = account.lock.as_ref().is_some_and(|lock| lock.holds(now) && lock.operator.is_none());
    if by_root && matches!(actor, Actor::Operator(_)) {
        return Err(invalid("account: root has locked it; only root unlocks it"));
    }
    Ok(())
}

/// Groups as the ledger keeps them.
pub(super) fn groups_of(groups: &[String]) -> Outcome<Vec<Group>> {
    if groups.len() > MOST_GROUPS {
        return Err(invalid(format!("groups: at most {MOST_GROUPS}")));
    }
    let groups: Result<Vec<Group>, _> = groups.iter().map(|group| Group::parse(group)).collect();
    let mut groups = groups.map_err(|why| invalid(format!("groups: {why}")))?;
    groups.sort();
    groups.dedup();
    Ok(groups)
}

fn parsed(name: &str) -> Outcome<Name> {
    Name::parse(name).map_err(|why| invalid(format!("name: {why}")))
}

pub(super) fn name_taken(name: &Name) -> Fault {
    fault(FaultKind::NameTaken, format!("the name {name} belongs to an account already"))
}

/// What a rule said of a change, for the person.
pub(super) fn unchangeable(error: ChangeError) -> Fault {
    let kind = match error {
        ChangeError::NoSuchDevice => FaultKind::NoSuchDevice,
        ChangeError::NameTaken => FaultKind::NameTaken,
        ChangeError::Expired => FaultKind::NoSuchEnrolment,
        ChangeError::NoSuchName
        | ChangeError::LastName
        | ChangeError::TooManyNames
        | ChangeError::TooManyDevices
        | ChangeError::WrongCode
        | ChangeError::Clock
        | ChangeError::NotEnrolled => FaultKind::Invalid,
    };
    fault(kind, error.to_string())
}

//! Whose account is meant, and whether the caller may mean it.

use twofold_shared::account::{Account, AccountId};
use twofold_shared::code::Code;
use twofold_shared::name::{Name, Realm};
use twofold_shared::secret::SecretText;
use twofold_shared::throttle::Stage;
use twofold_shared::trail::Action;
use twofold_shared::wire::{Fault, FaultKind};

use super::attempt::{Change, CodeGiven, Subject, Tried};
use super::fault::{Outcome, fault, internal, invalid, no_such_account, not_permitted, refused};
use super::people::is_system;
use super::permission::Actor;
use super::told::{Place, change_entry};
use crate::audit;
use crate::authority::Authority;
use crate::store::record;
use crate::store::{Now, StoreError};

impl Authority {
    /// The time, and whether it is believed.
    pub(super) async fn now(&self) -> Outcome<Now> {
        self.store.now().await.map_err(|error| self.failed(&error))
    }

    /// What a failing store means to a caller. Only its own log hears how.
    pub(super) fn failed(&self, error: &StoreError) -> Fault {
        match error {
            StoreError::Conflict => super::fault::busy(),
            StoreError::DiskFull => fault(
                FaultKind::DiskFull,
                "the disk is full: codes are checked, everything else waits until there is room",
            ),
            StoreError::Failed(_) | StoreError::Sealed(_) | StoreError::Record { .. } => {
                log::error!("{error}");
                internal("the ledger failed; the authority's log says how")
            }
        }
    }

    /// An account by its id.
    pub(super) fn account(&self, id: &AccountId) -> Outcome<Option<Account>> {
        let found = record::load_account(&self.store, id).map_err(|error| self.failed(&error))?;
        Ok(found.map(|(account, _)| account))
    }

    /// Whose name it is, if anybody's.
    pub(super) fn holder(&self, name: &Name) -> Outcome<Option<Account>> {
        match self.holder_id(name)? {
            Some(id) => self.account(&id),
            None => Ok(None),
        }
    }

    /// The same without a look at the account.
    pub(super) fn holder_id(&self, name: &Name) -> Outcome<Option<AccountId>> {
        let found = record::load_name(&self.store, name).map_err(|error| self.failed(&error))?;
        Ok(found.map(|(id, _)| id))
    }

    /// `NAME`, `REALM:NAME` or `id:ID`.
    pub(super) fn named(&self, text: &str) -> Outcome<Account> {
        let found = match text.strip_prefix("id:") {
            Some(id) => {
                let id = AccountId::parse(id).map_err(|why| invalid(format!("account: {why}")))?;
                self.account(&id)?
            }
            None => {
                let name = Name::parse(text).map_err(|why| invalid(format!("account: {why}")))?;
                self.holder(&name)?
            }
        };
        found.ok_or_else(no_such_account)
    }

    /// The account that a caller means: anybody's for root, who must say whose; for an operator those they are in charge of;
    /// its own for everybody else.
    pub(super) async fn meant(&self, actor: &Actor, account: Option<&str>) -> Outcome<Account> {
        let own = match actor {
            Actor::Root { .. } => {
                let text = account.ok_or_else(|| invalid("account: say whose"))?;
                return self.named(text);
            }
            Actor::Owner { uid } => self.own_account(*uid).await?.ok_or_else(no_account_of_yours)?,
            Actor::Person(person) => self.account_of(person, self.now().await?.time)?,
            Actor::Operator(operator) => return self.in_charge_of(operator, account).await,
            Actor::Gate | Actor::Door(_) => return Err(not_permitted()),
        };
        match account.map(|text| self.named(text)) {
            None => Ok(own),
            // Another's account and no account at all are answered alike.
            Some(Ok(meant)) if meant.id == own.id => Ok(own),
            Some(_) => Err(not_permitted()),
        }
    }

    /// The `unix` name that a uid has on this host.
    pub(super) async fn own_name(&self, uid: u32) -> Outcome<Name> {
        let name = self.people.name_of(uid).await.map_err(|_| no_directory())?;
        let name = name.ok_or_else(not_permitted)?;
        Name::canonical(&Realm::unix(), &name).map_err(|_| not_permitted())
    }

    /// The account behind a uid. A name that was first seen with another uid is another person's.
    pub(super) async fn own_account(&self, uid: u32) -> Outcome<Option<Account>> {
        let name = self.own_name(uid).await?;
        let Some(account) = self.holder(&name)? else { return Ok(None) };
        account.seen_with_uid(&name, uid).map_err(|_| not_permitted())?;
        Ok(Some(account))
    }

    /// Whether an account belongs to the system or an operator of the host, and so must stay away from the web. A name
    /// whose uid nobody has seen yet is looked up; no answer counts as yes.
    pub(super) async fn barred_from_web(&self, account: &Account) -> bool {
        for name in account.names.iter().filter(|name| name.name.realm().is_unix()) {
            let uid = match name.uid {
                Some(uid) => Some(uid),
                None => match self.people.uid_of(name.name.name()).await {
                    Ok(uid) => uid,
                    Err(_) => return true,
                },
            };
            if name.name.name() == "root" || uid.is_some_and(is_system) {
                return true;
            }
        }
        false
    }

    /// Makes a change to an account: an operator's as it is, its owner's with a code in the same call, spent in the
    /// same commit. `make` is tried once before the code is looked at, so that a change which cannot be costs no code.
    pub(super) async fn change<T>(
        &self,
        actor: &Actor,
        account: Option<&str>,
        code: Option<SecretText>,
        action: Action,
        make: impl Fn(&mut Change) -> Outcome<T>,
    ) -> Outcome<T> {
        let account = self.meant(actor, account).await?;
        let entry = change_entry(action, actor, &account);
        match actor {
            Actor::Root { .. } => self.make_change(account.id, &entry, make).await,
            Actor::Owner { uid } => {
                let name = self.own_name(*uid).await?;
                let place = Place::local(&self.settings.host);
                self.change_by_code(account, (code, &place), entry, |change| {
                    if let Ok(Some(seen)) = change.account.seen_with_uid(&name, *uid) {
                        change.account = seen;
                    }
                    make(change)
                })
                .await
            }
            Actor::Person(person) => {
                // Looked at again: it may have ended while the change waited for its turn.
                let make = |change: &mut Change| {
                    self.at_second(&person.session, change.time())?;
                    make(change)
                };
                match code {
                    None if person.elevated.is_some() => self.make_change(account.id, &entry, make).await,
                    code => self.change_by_code(account, (code, &person.place), entry, make).await,
                }
            }
            Actor::Operator(operator) => {
                self.make_change(account.id, &entry, |change| {
                    self.check_charge(operator, &change.account, change.time())?;
                    let value = make(change)?;
                    change.also.push(operator.acted(action, &change.entry));
                    Ok(value)
                })
                .await
            }
            Actor::Gate | Actor::Door(_) => Err(not_permitted()),
        }
    }

    /// Makes a change that its owner's code pays for.
    async fn change_by_code<T>(
        &self,
        account: Account,
        (code, place): (Option<SecretText>, &Place),
        entry: audit::Entry,
        make: impl Fn(&mut Change) -> Outcome<T>,
    ) -> Outcome<T> {
        let code = code.ok_or_else(needs_code)?;
        let code = Code::parse(code.reveal()).map_err(|why| invalid(format!("code: {why}")))?;
        let subject = Subject::Account(account.id);
        make(&mut Change::new(account, self.now().await?, entry.clone()))?;
        let origin = &place.origin;
        let stage = Stage::AfterFirst;
        let given = CodeGiven { subject, code: &code, origin, stage, emergency: None, entry };
        let tried = self.try_code(&given, |change| {
            change.entry.outcome = audit::Outcome::Done;
            make(change)
        });
        match tried.await? {
            Tried::Passed(value, _) => Ok(value),
            Tried::Refused(refusal) => Err(refused(refusal)),
        }
    }

    /// Makes a change that takes something away and gives nothing: whoever the account belongs to needs no code.
    pub(super) async fn narrow<T>(
        &self,
        actor: &Actor,
        account: Option<&str>,
        action: Action,
        make: impl Fn(&mut Change) -> Outcome<T>,
    ) -> Outcome<T> {
        let account = self.meant(actor, account).await?;
        self.make_change(account.id, &change_entry(action, actor, &account), make).await
    }
}

/// The host's user database is silent.
pub(super) fn no_directory() -> Fault {
    fault(FaultKind::Busy, "the host's user database does not answer; try again")
}

fn no_account_of_yours() -> Fault {
    fault(FaultKind::NoSuchAccount, "you have no Twofold account; ask the people in charge of this host")
}

pub(super) fn needs_code() -> Fault {
    fault(FaultKind::NeedsCode, "this change needs a fresh code, or a backup code, in the same call")
}

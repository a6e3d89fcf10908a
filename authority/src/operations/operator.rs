//! Operators: accounts that root put in charge of others, and what they may do to those.
//!
//! Who is one stands in the ledger, in their own account. Whom they may act on is asked of both accounts when the change
//! is made, in its commit; whoever is in charge of others is root's business alone, and so are the system's accounts. An
//! account that is not theirs is answered as one that is not there.

use serde::Deserialize;
use twofold_shared::account::{Account, AccountId, Charge};
use twofold_shared::clock::UnixTime;
use twofold_shared::code::Code;
use twofold_shared::throttle::Stage;
use twofold_shared::trail::{Action, Deed};
use twofold_shared::wire::{
    AccountRows, AsOperator, Done, GetAccount, ListOperators, OperatorEntry, OperatorList, Request as _,
    SearchAccounts, SetCharge, SetGroups,
};

use super::account::groups_of;
use super::attempt::{CodeGiven, Subject, Tried};
use super::fault::{Outcome, invalid, no_such_account, not_permitted, refused};
use super::find::needs_code;
use super::permission::{Actor, Role, is_for};
use super::person::{Elevated, Person};
use super::roster::{self, Wanted, under};
use super::told::{Place, change_entry};
use crate::audit::Entry;
use crate::authority::Authority;

/// The most accounts in one answer: with all that a row may hold, they fit into a message.
const PAGE: u32 = 50;

/// The longest beginning of a name, in bytes.
const LONGEST_PREFIX: usize = 320;

/// Somebody in charge, once it is known that they are and what they gave for it.
#[derive(Clone, Debug)]
pub struct Operator {
    /// Their own account.
    pub account: AccountId,
    /// What it is called, for the trail.
    pub name: String,
    /// Of whom they are in charge.
    pub charge: Charge,
    /// The session that they speak in; none: they use the command.
    pub person: Option<Person>,
}

impl Operator {
    /// What their own trail tells of something that they do to somebody, beside what `done` tells to that person.
    pub(super) fn acted(&self, action: Action, done: &Entry) -> Entry {
        let whom = done.name.as_deref().unwrap_or_default();
        Entry {
            action: Action::Acted.to_string(),
            account: Some(self.account),
            name: Some(self.name.clone()),
            factor: Some(Deed { action, whom }.to_string()),
            actor: None,
            ..done.clone()
        }
    }
}

/// As much of a call's parameters as says whose account is meant.
#[derive(Deserialize)]
struct Whose {
    #[serde(default)]
    account: Option<String>,
}

impl Authority {
    /// Who calls as an operator. What changes something takes a code of theirs, which is spent here; not before it is
    /// known that there is something to change.
    pub(crate) async fn operator(&self, actor: &Actor, request: &AsOperator) -> Outcome<Operator> {
        let (person, place) = match actor {
            Actor::Person(person) if self.settings.operators_at_web => {
                (Some((**person).clone()), person.place.clone())
            }
            Actor::Owner { .. } => (None, Place::local(&self.settings.host)),
            Actor::Person(_) | Actor::Root { .. } | Actor::Gate | Actor::Operator(_) | Actor::Door(_) => {
                return Err(not_permitted());
            }
        };
        if !is_for(&request.method, Role::Operator) {
            return Err(not_permitted());
        }
        let own = self.meant(actor, None).await.map_err(|_| not_permitted())?;
        let Some(charge) = own.charge.clone() else { return Err(not_permitted()) };
        if own.is_locked(self.now().await?.time) {
            return Err(not_permitted());
        }
        let name = own.names.first().map(|name| name.name.to_string()).unwrap_or_default();
        let operator = Operator { account: own.id, name, charge, person };
        if matches!(request.method.as_str(), SearchAccounts::METHOD | GetAccount::METHOD) {
            return Ok(operator);
        }
        let whose: Whose = request.parameters.read().map_err(|_| invalid("account: say whose"))?;
        self.in_charge_of(&operator, whose.account.as_deref()).await?;
        let elevated = operator.person.as_ref().and_then(|person| person.elevated);
        match &request.code {
            Some(code) => {
                let code = Code::parse(code.reveal()).map_err(|why| invalid(format!("code: {why}")))?;
                let entry = change_entry(Action::Operate, actor, &own);
                let given = CodeGiven {
                    subject: Subject::Account(own.id),
                    code: &code,
                    origin: &place.origin,
                    stage: Stage::AfterFirst,
                    emergency: None,
                    entry,
                };
                match self.try_code(&given, |_| Ok(())).await? {
                    Tried::Passed((), _) => Ok(operator),
                    Tried::Refused(refusal) => Err(refused(refusal)),
                }
            }
            None if elevated == Some(Elevated::ByCode) => Ok(operator),
            None => Err(needs_code()),
        }
    }

    /// The account that an operator means, if it is one of theirs.
    pub(super) async fn in_charge_of(&self, operator: &Operator, account: Option<&str>) -> Outcome<Account> {
        let account = self.named(account.ok_or_else(|| invalid("account: say whose"))?)?;
        self.check_charge(operator, &account, self.now().await?.time)?;
        if self.barred_from_web(&account).await {
            return Err(no_such_account());
        }
        Ok(account)
    }

    /// Whether somebody is in charge of an account now: what both records say at the moment of a change.
    pub(super) fn check_charge(&self, operator: &Operator, account: &Account, now: UnixTime) -> Outcome<()> {
        if let Some(person) = &operator.person {
            self.at_second(&person.session, now)?;
        }
        let own = self.account(&operator.account)?.filter(|own| !own.is_locked(now));
        let charge = own.and_then(|own| own.charge).ok_or_else(not_permitted)?;
        if charge.is_over(account) { Ok(()) } else { Err(no_such_account()) }
    }

    /// A page of the accounts that somebody is in charge of; root is of all.
    pub(crate) async fn search_accounts(
        &self,
        actor: &Actor,
        request: SearchAccounts,
    ) -> Outcome<AccountRows> {
        let charge = match actor {
            Actor::Root { .. } => None,
            Actor::Operator(operator) => Some(operator.charge.clone()),
            Actor::Gate | Actor::Owner { .. } | Actor::Person(_) | Actor::Door(_) => {
                return Err(not_permitted());
            }
        };
        let prefix = request.prefix.as_deref().map(under).unwrap_or_default();
        if prefix.len() > LONGEST_PREFIX {
            return Err(invalid("prefix: is longer than a name"));
        }
        let after = match &request.after {
            Some(after) => {
                Some(roster::Place::parse(after).ok_or_else(|| invalid("after: is no place in a list"))?)
            }
            None => None,
        };
        let limit = usize::try_from(request.limit.clamp(1, PAGE)).unwrap_or(1);
        let told = charge.as_ref().map(Charge::to_wire);
        let wanted = Wanted { prefix, state: request.state, order: request.order, after, limit, charge };
        let now = self.now().await?.time;
        let found = self.roster.search(&self.store, &wanted, now).await;
        let found = found.map_err(|error| self.failed(&error))?;
        let accounts = found.accounts.iter().map(|account| account.row(now)).collect();
        Ok(AccountRows { accounts, next: found.next.map(|next| next.to_string()), charge: told })
    }

    /// Puts an account in charge of others, or takes that back. What it may do at the portal the gate asks anew.
    pub(crate) async fn set_charge(&self, actor: &Actor, request: SetCharge) -> Outcome<Done> {
        let charge = request.charge.as_ref().map(Charge::parse).transpose();
        let charge = charge.map_err(|why| invalid(format!("charge: {why}")))?;
        let (action, of) = match &charge {
            None => (Action::OperatorRemove, None),
            Some(Charge::All) => (Action::OperatorAdd, Some("everybody".to_owned())),
            Some(Charge::Groups(groups)) => {
                let groups: Vec<&str> = groups.iter().map(|group| group.as_str()).collect();
                (Action::OperatorAdd, Some(groups.join(", ")))
            }
        };
        self.change(actor, Some(&request.account), None, action, |change| {
            change.entry.factor.clone_from(&of);
            change.account = change.account.with_charge(charge.clone(), change.time());
            self.recall_sessions(change)?;
            Ok(Done {})
        })
        .await
    }

    /// Those in charge, by name.
    pub(crate) async fn list_operators(&self, _: ListOperators) -> Outcome<OperatorList> {
        let found = self.roster.operators(&self.store).await.map_err(|error| self.failed(&error))?;
        let operators = found.iter().filter_map(|account| {
            Some(OperatorEntry {
                id: account.id.to_string(),
                names: account.names.iter().map(|name| name.name.to_string()).collect(),
                charge: account.charge.as_ref()?.to_wire(),
                enrolled: account.enrolled(),
            })
        });
        Ok(OperatorList { operators: operators.collect() })
    }

    /// Says which groups an account is in: who is in charge of it, and what rules and apps are told.
    pub(crate) async fn set_groups(&self, actor: &Actor, request: SetGroups) -> Outcome<Done> {
        let groups = groups_of(&request.groups)?;
        self.change(actor, Some(&request.account), None, Action::GroupsSet, |change| {
            let names: Vec<&str> = groups.iter().map(|group| group.as_str()).collect();
            change.entry.factor = Some(names.join(", "));
            change.account = change.account.with_groups(groups.clone(), change.time());
            self.recall_sessions(change)?;
            self.recall_api_keys(change)?;
            Ok(Done {})
        })
        .await
    }
}

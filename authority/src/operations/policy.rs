//! What a login must do before any code is looked at.

use twofold_shared::account::Account;
use twofold_shared::wire::{
    self, Ask, Decider, ExplainPolicy, FirstFactor, PolicyExplained, Requirement, RuleApplies, RuleEntry,
};

use super::fault::Outcome;
use super::permission::Actor;
use crate::authority::Authority;
use crate::policy::{Applies, By, Rule};

/// Whose login it is.
#[derive(Clone, Copy, Debug)]
pub enum Login<'a> {
    /// An account's.
    Account(&'a Account),
    /// An account's that is locked.
    Locked(&'a Account),
    /// A name that the host knows and the ledger does not.
    Unlisted,
    /// Nobody's, as far as can be told.
    Unknown,
}

/// What it must do, where `service` is what policy says of the service.
///
/// Nothing but a code passes unless a first factor holds: otherwise whoever takes one line out of a PAM stack would
/// open the door. A name that has no account is asked for a code like any other where policy says required; where it
/// says optional or exempt, somebody who has never heard of Twofold must not be locked out by it.
#[must_use]
pub fn ask(login: Login<'_>, first: FirstFactor, service: Requirement) -> Ask {
    match first {
        FirstFactor::None => return Ask::Code,
        FirstFactor::Above | FirstFactor::Publickey => {}
    }
    match login {
        Login::Locked(_) | Login::Unknown => Ask::Code,
        Login::Unlisted => match service {
            Requirement::Required => Ask::Code,
            Requirement::Optional => Ask::Optional,
            Requirement::Exempt => Ask::Exempt,
        },
        Login::Account(account) => match (account.requirement.unwrap_or(service), account.enrolled()) {
            (Requirement::Exempt, _) => Ask::Exempt,
            (Requirement::Required | Requirement::Optional, true) => Ask::Code,
            (Requirement::Optional, false) => Ask::Optional,
            (Requirement::Required, false) => Ask::Unenrolled,
        },
    }
}

/// What decides about a login, in the order of [`ask`].
fn decider(login: Login<'_>, first: FirstFactor, by: By) -> Decider {
    match (first, login) {
        (FirstFactor::None, _) => return Decider::NoFirstFactor,
        (_, Login::Unknown) => return Decider::UnknownName,
        (_, Login::Locked(_)) => return Decider::Lock,
        (_, Login::Account(account)) if account.requirement.is_some() => return Decider::Account,
        (_, Login::Account(_) | Login::Unlisted) => {}
    }
    match by {
        By::Rule(_) => Decider::Rule,
        By::Service => Decider::Service,
        By::Default => Decider::Default,
    }
}

impl Authority {
    /// "What would this login have to do, and why?"
    pub(crate) async fn explain_policy(
        &self,
        actor: &Actor,
        request: ExplainPolicy,
    ) -> Outcome<PolicyExplained> {
        let ExplainPolicy { name, service, first, source, groups } = request;
        let login = wire::Login { name, service, first, source };
        let believed = self.believe(actor, &login).await?;
        let met = self.meet(&believed).await?;
        let decision = self.decide(&believed, first, groups.clone()).await;
        let login = met.login(&believed);
        let decided_by = decider(login, first, decision.by);
        let own = match login {
            Login::Account(account) | Login::Locked(account) => account.requirement,
            Login::Unlisted | Login::Unknown => None,
        };
        let rules = &self.settings.policy.rules;
        let line = match decision.by {
            By::Rule(index) if decided_by == Decider::Rule => rules.get(index).map(|rule| rule.line as u64),
            By::Rule(_) | By::Service | By::Default => None,
        };
        let ruled = matches!(decided_by, Decider::Rule);
        let first_device = match (login, &believed.name) {
            (Login::Account(account) | Login::Locked(account), _) if !account.enrolled() => {
                Some(self.first_device(account, groups.as_deref()).await)
            }
            (Login::Unlisted, Some(name)) => Some(self.first_device_of_name(name, groups.as_deref()).await),
            (Login::Account(_) | Login::Locked(_) | Login::Unlisted | Login::Unknown, _) => None,
        };
        Ok(PolicyExplained {
            ask: self.ask(actor, &believed, &met, (first, decision.require)).await?,
            decided_by,
            line,
            requirement: own.unwrap_or(decision.require),
            grace_seconds: decision.grace.filter(|_| ruled).map(|grace| grace.as_secs()),
            rules: rules.iter().zip(&decision.rules).map(|(rule, applies)| entry(rule, *applies)).collect(),
            first_device: first_device.map(Into::into),
        })
    }
}

fn entry(rule: &Rule, applies: Applies) -> RuleEntry {
    let (applies, key) = match applies {
        Applies::Yes => (RuleApplies::Yes, None),
        Applies::No(key) => (RuleApplies::No, Some(key)),
        Applies::Unknown(key) => (RuleApplies::Unknown, Some(key)),
    };
    RuleEntry {
        line: rule.line as u64,
        applies,
        key: key.map(str::to_owned),
        requirement: rule.require,
        grace_seconds: rule.grace.map(|grace| grace.as_secs()),
    }
}

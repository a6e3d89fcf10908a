//! What a first factor for one flow alone brought, and whom it proved: an account, or a name that the ledger does not have.

use std::fmt;

use http::HeaderValue;
use subtle::ConstantTimeEq;
use twofold_shared::wire::SessionDigest;
use zeroize::Zeroizing;

use super::{Flow, lock};
use crate::clock::Millis;
use crate::cookies::Fresh;
use crate::return_address::ReturnAddress;

/// For how long somebody new may say which account they have, once their first factor has passed.
const JOIN_MILLIS: Millis = 300_000;

/// Whom a first factor proved.
pub(super) enum Whose {
    Account(String),
    /// Nobody's yet: a name that the ledger does not have.
    Newcomer(Newcomer),
}

/// Somebody who has passed the first factor of a realm under a name that the ledger does not have.
#[derive(Clone, Debug)]
pub struct Newcomer {
    /// The name, as the app or the directory says it.
    pub name: String,
    /// The digest of what their browser holds of the flow at the portal.
    holder: SessionDigest,
    since: Millis,
}

impl Newcomer {
    /// `name` has passed now, and `holder` is the digest of what the browser is given.
    #[must_use]
    pub fn new(name: String, holder: SessionDigest, now: Millis) -> Self {
        Self { name, holder, since: now }
    }

    /// Whether their first factor was passed too long ago to join an account, or to be given one.
    #[must_use]
    pub fn is_late(&self, now: Millis) -> bool {
        now.saturating_sub(self.since) >= JOIN_MILLIS
    }
}

/// What a first factor for this flow alone brought, held back until the second factor has passed.
pub struct Asserted {
    pub(super) whose: Whose,
    /// Absent where no app said so.
    pub(super) user: Option<String>,
    /// The cookie of the session at the first level; gone once a ticket was redeemed.
    pub(super) session: Option<Zeroizing<String>>,
    pub(super) ticket: Option<SessionDigest>,
    pub(super) held: Vec<HeaderValue>,
    pub(super) location: Option<ReturnAddress>,
    /// The keyed hash of the name and password that were right; empty where there were none.
    pub(super) proof: String,
}

/// What a flow's name and password, or an app's own login, leave for the site.
pub struct Released {
    /// Who the app took them for.
    pub user: String,
    /// What it gave them.
    pub held: Vec<HeaderValue>,
    /// The keyed hash of the name and password that were right.
    pub proof: String,
}

impl Asserted {
    /// A session at the first level of `account`, whom the app calls `user`; the lines with which the app would let them
    /// in, and where it would lead them.
    #[must_use]
    pub fn new(
        session: Fresh,
        account: String,
        user: String,
        held: Vec<HeaderValue>,
        location: Option<ReturnAddress>,
    ) -> Self {
        let (proof, whose) = (String::new(), Whose::Account(account));
        let (user, session) = (Some(user), Some(session.value));
        Self { whose, user, session, ticket: None, held, location, proof }
    }

    /// The same of `user`, whom the ledger does not know: what stands for a session is worth nothing but that it is this
    /// browser's.
    #[must_use]
    pub fn of_newcomer(
        holder: Fresh,
        user: String,
        held: Vec<HeaderValue>,
        location: Option<ReturnAddress>,
        now: Millis,
    ) -> Self {
        let newcomer = Newcomer::new(user.clone(), holder.digest, now);
        Self { whose: Whose::Newcomer(newcomer), ..Self::new(holder, String::new(), user, held, location) }
    }

    /// A first factor of `account` given at the portal itself, for this flow alone: its browser has the session already.
    #[must_use]
    pub fn at_portal(account: String) -> Self {
        Self::given_at_portal(Whose::Account(account))
    }

    /// The same of somebody whom the ledger does not know.
    #[must_use]
    pub fn newcomer_at_portal(newcomer: Newcomer) -> Self {
        Self::given_at_portal(Whose::Newcomer(newcomer))
    }

    fn given_at_portal(whose: Whose) -> Self {
        let (held, proof) = (Vec::new(), String::new());
        Self { whose, user: None, session: None, ticket: None, held, location: None, proof }
    }

    /// The same with the keyed hash of the name and password that proved it.
    #[must_use]
    pub fn with_proof(self, proof: String) -> Self {
        Self { proof, ..self }
    }
}

impl fmt::Debug for Asserted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.whose {
            Whose::Account(account) => write!(f, "Asserted({account}, …)"),
            Whose::Newcomer(_) => f.write_str("Asserted(a newcomer, …)"),
        }
    }
}

impl Flow {
    /// Whether a first factor has passed that can be gone on with.
    #[must_use]
    pub fn is_asserted(&self, now: Millis) -> bool {
        lock(&self.asserted).as_ref().is_some_and(|asserted| match &asserted.whose {
            Whose::Account(_) => true,
            Whose::Newcomer(newcomer) => !newcomer.is_late(now),
        })
    }

    /// Who passed the first factor in the browser that holds `holder`, and is new to the ledger.
    #[must_use]
    pub fn newcomer(&self, holder: &SessionDigest) -> Option<Newcomer> {
        match &lock(&self.asserted).as_ref()?.whose {
            Whose::Newcomer(newcomer) if newcomer.holder.as_bytes().ct_eq(holder.as_bytes()).into() => {
                Some(newcomer.clone())
            }
            Whose::Newcomer(_) | Whose::Account(_) => None,
        }
    }

    /// The newcomer has an account from now on.
    pub fn has_joined(&self, account: String) {
        if let Some(asserted) = lock(&self.asserted).as_mut() {
            asserted.whose = Whose::Account(account);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::Flows;

    #[test]
    fn a_newcomer_is_their_browsers_alone_for_five_minutes_and_nobody_is_let_in_before_they_joined() {
        let flow = Flows::default().begin(None, None, 0).unwrap();
        let (own, other) = (Fresh::generate().unwrap(), Fresh::generate().unwrap());
        let (holder, stranger) = (own.digest, other.digest);
        let line = HeaderValue::from_static("sid=1");
        flow.assert(Asserted::of_newcomer(own, "al".to_owned(), vec![line], None, 1000));
        assert!(flow.newcomer(&stranger).is_none());
        let newcomer = flow.newcomer(&holder).unwrap();
        assert_eq!(newcomer.name, "al");
        assert!(!newcomer.is_late(1000 + JOIN_MILLIS - 1) && newcomer.is_late(1000 + JOIN_MILLIS));
        assert!(flow.is_asserted(1000) && !flow.is_asserted(1000 + JOIN_MILLIS));
        // Until then the flow has nobody, and what the app gave is held back.
        assert!(flow.account().is_none() && flow.release().is_none());
        flow.has_joined("id-alice".to_owned());
        assert!(flow.newcomer(&holder).is_none() && flow.account().as_deref() == Some("id-alice"));
        let released = flow.release().unwrap();
        assert_eq!((released.user.as_str(), released.held.len()), ("al", 1));
    }
}

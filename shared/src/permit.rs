//! A verdict is a value: the only proof that a second factor was passed.

use crate::wire::{Level, Nonce, Refused, VerifyReply};

/// Proof that the authority approved *this* request. Nothing but [`judge`] makes one.
#[derive(Debug, PartialEq, Eq)]
#[must_use = "a permit that nobody looks at lets nobody in"]
pub struct Permit {
    nonce: Nonce,
    account: String,
    door: String,
    level: Level,
}

impl Permit {
    /// The request that was approved; it stands in the audit trail under this id.
    #[must_use]
    pub fn nonce(&self) -> &Nonce {
        &self.nonce
    }

    /// The account whose factor was passed: its immutable id, not a name.
    #[must_use]
    pub fn account(&self) -> &str {
        &self.account
    }

    /// The door that the authority approved, as it named it: `sshd on web1`.
    #[must_use]
    pub fn door(&self) -> &str {
        &self.door
    }

    /// The level reached.
    #[must_use]
    pub fn level(&self) -> Level {
        self.level
    }
}

/// Why there is no permit.
#[derive(Debug, PartialEq, Eq)]
pub enum Denial {
    /// The authority refused, and says this much in public.
    Refused(Refused),
    /// The answer was not to this request, or said neither yes nor no: nothing was decided, so nobody passes.
    Undecided,
}

/// Reads the authority's answer to the request that carried `nonce`.
///
/// # Errors
/// [`Denial`] for everything that is not an approval of exactly this request at the level of a second factor.
pub fn judge(nonce: &Nonce, reply: VerifyReply) -> Result<Permit, Denial> {
    if reply.nonce != *nonce {
        return Err(Denial::Undecided);
    }
    match (reply.approval, reply.refusal) {
        (Some(approval), None) if approval.level == Level::Second => Ok(Permit {
            nonce: reply.nonce,
            account: approval.account,
            door: approval.door,
            level: approval.level,
        }),
        (None, Some(refused)) => Err(Denial::Refused(refused)),
        _ => Err(Denial::Undecided),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{Approval, Word};

    fn approval(level: Level) -> Option<Approval> {
        Some(Approval { account: "id".into(), door: "sshd on web1".into(), level })
    }

    fn refusal() -> Option<Refused> {
        Some(Refused { word: Word::Wrong, wait_seconds: None })
    }

    fn reply(nonce: &Nonce, approval: Option<Approval>, refusal: Option<Refused>) -> VerifyReply {
        VerifyReply { nonce: nonce.clone(), approval, refusal, notices: Vec::new() }
    }

    #[test]
    fn an_approval_of_this_request_is_a_permit() {
        let nonce = Nonce::from_bytes([1; 16]);
        let permit = judge(&nonce, reply(&nonce, approval(Level::Second), None)).unwrap();
        assert_eq!((permit.account(), permit.door(), permit.level()), ("id", "sshd on web1", Level::Second));
    }

    #[test]
    fn an_approval_of_another_request_is_not() {
        let (ours, theirs) = (Nonce::from_bytes([1; 16]), Nonce::from_bytes([2; 16]));
        assert_eq!(judge(&ours, reply(&theirs, approval(Level::Second), None)), Err(Denial::Undecided));
    }

    #[test]
    fn the_first_factors_level_is_not_enough() {
        let nonce = Nonce::from_bytes([1; 16]);
        assert_eq!(judge(&nonce, reply(&nonce, approval(Level::First), None)), Err(Denial::Undecided));
    }

    #[test]
    fn both_or_neither_is_a_refusal() {
        let nonce = Nonce::from_bytes([1; 16]);
        assert_eq!(judge(&nonce, reply(&nonce, None, None)), Err(Denial::Undecided));
        assert_eq!(judge(&nonce, reply(&nonce, approval(Level::Second), refusal())), Err(Denial::Undecided));
        assert!(matches!(judge(&nonce, reply(&nonce, None, refusal())), Err(Denial::Refused(_))));
    }
}

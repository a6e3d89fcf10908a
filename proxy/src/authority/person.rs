//! What a person asks of the authority in their session at the portal.

use twofold_shared::client::CallError;
use twofold_shared::secret::SecretText;
use twofold_shared::wire::{AsOperator, AsPerson, FaultKind, Opaque, Refused, Request, SessionDigest, Word};

use super::{Authority, Away, Visitor, away, nonce};

/// What came of it.
#[derive(Debug)]
pub enum Asked<T> {
    /// It is done, and on the authority's disk.
    Done(T),
    /// The code or the password with it was refused.
    Refused(Refused),
    /// It takes a fresh code.
    NeedsCode,
    /// The session is over, or not far enough.
    Gone,
    /// There is no such thing in this account, or not any more.
    Missing,
    /// What was typed cannot be.
    Unfit(Unfit),
}

/// What cannot be. The authority says why in English, and in its log; people are told in their own language.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unfit {
    /// What something is called.
    Label,
    /// A path of an API key; what was typed, where that is known.
    Path(Option<String>),
    /// A network of an API key.
    Network(Option<String>),
    /// Anything else, such as one too many.
    Other,
}

impl Unfit {
    /// What a fault is about: its field, and what stands between backticks.
    pub(super) fn of(detail: &str) -> Self {
        let entry = detail.split('`').nth(1).map(str::to_owned);
        match detail.split(':').next() {
            Some("label") => Self::Label,
            Some("paths") => Self::Path(entry),
            Some("networks") => Self::Network(entry),
            Some(_) | None => Self::Other,
        }
    }
}

impl<T> Asked<T> {
    /// The same without what was answered.
    pub fn unit(self) -> Asked<()> {
        match self {
            Self::Done(_) => Asked::Done(()),
            Self::Refused(refused) => Asked::Refused(refused),
            Self::NeedsCode => Asked::NeedsCode,
            Self::Gone => Asked::Gone,
            Self::Missing => Asked::Missing,
            Self::Unfit(unfit) => Asked::Unfit(unfit),
        }
    }
}

impl Authority {
    /// Asks as the person of `session`, with their password where they typed it for this.
    ///
    /// # Errors
    /// [`Away`].
    pub async fn as_person<R: Request>(
        &self,
        visitor: &Visitor,
        session: SessionDigest,
        password: Option<SecretText>,
        request: &R,
    ) -> Result<Asked<R::Reply>, Away> {
        let nonce = nonce()?;
        let garbled =
            |why: serde_json::Error| away(&nonce, &format!("a message cannot be made or read: {why}"));
        let call = AsPerson {
            nonce: nonce.clone(),
            session,
            source: visitor.source(),
            browser_value: visitor.known_by,
            password,
            method: R::METHOD.to_owned(),
            parameters: Opaque::of(request).map_err(garbled)?,
        };
        match self.turn(&self.patient, call).await {
            Ok(reply) if reply.nonce == nonce => Ok(Asked::Done(reply.reply.read().map_err(garbled)?)),
            Ok(_) => Err(away(&nonce, "the answer is to another request")),
            Err(CallError::Fault(fault)) => {
                log::info!("request {nonce}: {} was refused: {}", R::METHOD, fault.detail);
                match (fault.kind, fault.refusal) {
                    (FaultKind::Refused, Some(refused)) => Ok(Asked::Refused(refused)),
                    (FaultKind::Busy, _) => {
                        Ok(Asked::Refused(Refused { word: Word::Busy, wait_seconds: None }))
                    }
                    (FaultKind::NeedsCode, _) => Ok(Asked::NeedsCode),
                    // An operator asks about others: there is none such in their charge.
                    (FaultKind::NoSuchAccount, _) if R::METHOD == AsOperator::METHOD => Ok(Asked::Missing),
                    // `NoSuchSession` is said of the one that asks before anything else is looked at.
                    (FaultKind::NoSuchSession | FaultKind::NoSuchAccount, _) => Ok(Asked::Gone),
                    (
                        FaultKind::NoSuchDevice
                        | FaultKind::NoSuchApiKey
                        | FaultKind::NoSuchBrowser
                        | FaultKind::NoSuchEnrolment
                        | FaultKind::NotPermitted,
                        _,
                    ) => Ok(Asked::Missing),
                    (FaultKind::Invalid | FaultKind::NameTaken, _) => {
                        Ok(Asked::Unfit(Unfit::of(&fault.detail)))
                    }
                    (FaultKind::DiskFull | FaultKind::Internal | FaultKind::Refused, _) => {
                        Err(away(&nonce, &fault.detail))
                    }
                }
            }
            Err(error) => Err(away(&nonce, &error.to_string())),
        }
    }

    /// Asks as the operator that the person of `session` is.
    ///
    /// # Errors
    /// [`Away`].
    pub async fn as_operator<R: Request>(
        &self,
        visitor: &Visitor,
        session: SessionDigest,
        request: &R,
    ) -> Result<Asked<R::Reply>, Away> {
        let garbled = |why: serde_json::Error| match nonce() {
            Ok(nonce) => away(&nonce, &format!("a message cannot be made or read: {why}")),
            Err(gone) => gone,
        };
        let parameters = Opaque::of(request).map_err(garbled)?;
        let call = AsOperator { code: None, method: R::METHOD.to_owned(), parameters };
        Ok(match self.as_person(visitor, session, None, &call).await? {
            Asked::Done(reply) => Asked::Done(reply.reply.read().map_err(garbled)?),
            Asked::Refused(refused) => Asked::Refused(refused),
            Asked::NeedsCode => Asked::NeedsCode,
            Asked::Gone => Asked::Gone,
            Asked::Missing => Asked::Missing,
            Asked::Unfit(detail) => Asked::Unfit(detail),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_unfit_is_known_by_its_field() {
        for (detail, unfit) in [
            ("networks: `office` must be an address", Unfit::Network(Some("office".to_owned()))),
            ("paths: at most 32", Unfit::Path(None)),
            ("label: is empty", Unfit::Label),
            ("an account has at most 64 API keys; revoke one first", Unfit::Other),
            ("", Unfit::Other),
        ] {
            assert_eq!(Unfit::of(detail), unfit, "{detail}");
        }
    }
}

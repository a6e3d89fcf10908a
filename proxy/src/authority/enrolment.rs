//! Setting up a device, and what leads there.

use twofold_shared::client::CallError;
use twofold_shared::code::Code;
use twofold_shared::secret::SecretText;
use twofold_shared::wire::{
    Algorithm, BeginSessionEnrolment, BrowserValue, CancelSessionEnrolment, CodeKind,
    ConfirmSessionEnrolment, ConfirmedEnrolment, EnrolmentRefusal, FaultKind, RedeemInvitation,
    RedeemedInvitation, Refused, SessionDigest, SpareSession, WaitingEnrolment, Word,
};

use super::person::Unfit;
use super::{Authority, Away, Raise, Visitor, away, nonce};
use crate::site::Site;

/// What came of beginning a device.
#[derive(Debug)]
pub enum Begun {
    /// It waits for its first code.
    Waiting(Box<WaitingEnrolment>),
    /// This session may not, yet.
    Refused(EnrolmentRefusal),
    /// The session has ended meanwhile.
    Gone,
}

/// What came of a first code.
#[derive(Debug)]
pub enum Confirmed {
    /// The device is on, and the session at the second level.
    On(Box<ConfirmedEnrolment>),
    /// The code was refused; with what the app makes instead, where it ignored what was asked of it.
    Refused(Refused, Option<CodeKind>),
    /// That is no name for a device.
    Unfit(Unfit),
    /// No such device waits here: it expired, another tab began again, or somebody was quicker.
    NotWaiting,
    /// The session has ended, or may do this no more.
    Gone,
}

/// How a device is to be begun.
#[derive(Clone, Copy, Debug)]
pub struct Beginning {
    /// Its hash and digits.
    pub kind: CodeKind,
    /// In place of the one that waits.
    pub again: bool,
    /// To take the place of all that there are.
    pub anew: bool,
}

impl Beginning {
    /// What every app takes for granted, where nothing waits yet.
    pub const USUAL: Self =
        Self { kind: CodeKind { algorithm: Algorithm::Sha1, digits: 6 }, again: false, anew: false };
}

/// A first code, and how its device is to be.
#[derive(Debug)]
pub struct FirstCode<'a> {
    /// Which device.
    pub enrolment: &'a str,
    /// The code.
    pub code: Code,
    /// What its owner calls it.
    pub label: &'a str,
    /// How its codes are made after all.
    pub makes: Option<CodeKind>,
    /// Whether all that was there before goes.
    pub anew: bool,
}

impl Authority {
    /// Begins a device in `session`, or gives the one again that waits there.
    ///
    /// # Errors
    /// [`Away`].
    pub async fn begin_enrolment(
        &self,
        visitor: &Visitor,
        session: SessionDigest,
        site: Option<&Site>,
        beginning: Beginning,
    ) -> Result<Begun, Away> {
        let nonce = nonce()?;
        let request = BeginSessionEnrolment {
            nonce: nonce.clone(),
            session,
            site: site.map(|site| site.host().to_owned()),
            source: visitor.source(),
            algorithm: beginning.kind.algorithm,
            digits: beginning.kind.digits,
            again: beginning.again,
            anew: beginning.anew,
            invitation: visitor.invitation,
        };
        let reply = match self.turn(&self.patient, request).await {
            Err(error) if is_gone(&error) => return Ok(Begun::Gone),
            reply => reply.map_err(|error| away(&nonce, &error.to_string()))?,
        };
        match (reply.nonce == nonce, reply.waiting, reply.refusal) {
            (true, Some(waiting), None) => Ok(Begun::Waiting(Box::new(waiting))),
            (true, None, Some(refusal)) => Ok(Begun::Refused(refusal)),
            _ => Err(away(&nonce, "the answer decides nothing about this request")),
        }
    }

    /// Gives a device's first code.
    ///
    /// # Errors
    /// [`Away`].
    pub async fn confirm_enrolment(
        &self,
        visitor: &Visitor,
        raise: Raise<'_>,
        first: FirstCode<'_>,
    ) -> Result<Confirmed, Away> {
        let nonce = nonce()?;
        let request = ConfirmSessionEnrolment {
            nonce: nonce.clone(),
            session: raise.session,
            next: raise.next,
            enrolment: first.enrolment.to_owned(),
            site: raise.host(),
            source: visitor.source(),
            code: first.code.into_secret(),
            label: first.label.to_owned(),
            makes: first.makes,
            anew: first.anew,
            browser: BrowserValue { presented: visitor.known_by, next: raise.next_browser },
            invitation: visitor.invitation,
        };
        let reply = match self.turn(&self.patient, request).await {
            Err(CallError::Fault(fault)) if fault.kind == FaultKind::NoSuchEnrolment => {
                return Ok(Confirmed::NotWaiting);
            }
            Err(CallError::Fault(fault)) if fault.kind == FaultKind::Busy => {
                return Ok(Confirmed::Refused(Refused { word: Word::Busy, wait_seconds: None }, None));
            }
            Err(CallError::Fault(fault))
                if fault.kind == FaultKind::Invalid && Unfit::of(&fault.detail) == Unfit::Label =>
            {
                return Ok(Confirmed::Unfit(Unfit::Label));
            }
            Err(error) if is_gone(&error) => return Ok(Confirmed::Gone),
            reply => reply.map_err(|error| away(&nonce, &error.to_string()))?,
        };
        match (reply.nonce == nonce, reply.confirmed, reply.refusal) {
            (true, Some(confirmed), None) => {
                self.metrics.second_factor("enrolment", "approved");
                Ok(Confirmed::On(Box::new(confirmed)))
            }
            (true, None, Some(refusal)) => {
                self.metrics.second_factor("enrolment", super::word(refusal.word));
                Ok(Confirmed::Refused(refusal, reply.makes))
            }
            _ => Err(away(&nonce, "the answer decides nothing about this request")),
        }
    }

    /// Gives up what waits in `session`.
    ///
    /// # Errors
    /// [`Away`].
    pub async fn cancel_enrolment(&self, session: SessionDigest) -> Result<(), Away> {
        let nonce = nonce()?;
        self.call(&self.quick, &nonce, CancelSessionEnrolment { session }).await.map(drop)
    }

    /// Redeems an invitation for the browser that holds `holder`.
    ///
    /// # Errors
    /// [`Away`].
    pub async fn redeem(
        &self,
        visitor: &Visitor,
        code: SecretText,
        holder: SessionDigest,
    ) -> Result<RedeemedInvitation, Away> {
        let nonce = nonce()?;
        let request = RedeemInvitation { nonce: nonce.clone(), code, holder, source: visitor.source() };
        let reply = self.call(&self.quick, &nonce, request).await?;
        if reply.nonce == nonce { Ok(reply) } else { Err(away(&nonce, "the answer is to another request")) }
    }

    /// Lets `session` pass once more without a second factor, where that has happened less than `most` times; how often
    /// more it may.
    ///
    /// # Errors
    /// [`Away`].
    pub async fn spare(&self, session: SessionDigest, most: u32) -> Result<Option<u32>, Away> {
        let nonce = nonce()?;
        let request = SpareSession { nonce: nonce.clone(), session, most };
        match self.turn(&self.quick, request).await {
            Err(error) if is_gone(&error) => Ok(None),
            reply => Ok(reply.map_err(|error| away(&nonce, &error.to_string()))?.left),
        }
    }
}

/// Whether the session of a request is over, or may not do this any more: the browser looks again where it is.
fn is_gone(error: &CallError) -> bool {
    matches!(error, CallError::Fault(fault) if matches!(fault.kind, FaultKind::Invalid | FaultKind::NotPermitted))
}

//! A name that is new becomes one of an account.

use twofold_shared::client::CallError;
use twofold_shared::code::Code;
use twofold_shared::permit::Permit;
use twofold_shared::wire::{FaultKind, JoinAccount, Notice, Refused, SessionDigest, Word};

use super::{Authority, Away, Step, Visitor, away, counted, judged, nonce};

/// What came of it.
#[derive(Debug)]
pub enum Joined {
    /// The name is the account's, and the session has begun at the second level.
    Passed((Permit, Vec<Notice>)),
    /// The code was refused, or the account does not exist; nobody is told which.
    Refused(Refused),
    /// The name is somebody's by now.
    Taken,
    /// The account cannot have another name.
    Full,
}

impl Authority {
    /// `name`, whose first factor has just passed in `realm`, says that it is one of `account`'s, and gives a code of that.
    ///
    /// # Errors
    /// [`Away`].
    pub async fn join(
        &self,
        visitor: &Visitor,
        (realm, name): (&str, &str),
        account: String,
        (site, session): (&str, SessionDigest),
        code: Code,
    ) -> Result<Joined, Away> {
        let nonce = nonce()?;
        let request = JoinAccount {
            nonce: nonce.clone(),
            realm: realm.to_owned(),
            name: name.to_owned(),
            account,
            site: site.to_owned(),
            source: visitor.source(),
            browser: visitor.browser.clone(),
            session,
            code: code.into_secret(),
        };
        let reply = self.turn(&self.patient, request).await;
        if let Err(CallError::Fault(fault)) = &reply
            && fault.kind == FaultKind::NameTaken
        {
            return Ok(Joined::Taken);
        }
        let step = judged(&nonce, reply);
        let (kind, outcome) = counted(&step);
        self.metrics.second_factor(kind, outcome);
        Ok(match step? {
            Step::Passed(passed) => Joined::Passed(passed),
            Step::Refused(Refused { word: Word::Busy, .. }) => return Err(away(&nonce, "too much at once")),
            Step::Refused(refused) => Joined::Refused(refused),
            Step::Gone => Joined::Full,
        })
    }
}

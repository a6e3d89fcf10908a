//! What a flow knows of a device that is set up in it: that it is on, and the backup codes until they are put away.

use std::sync::Mutex;

use subtle::ConstantTimeEq;
use twofold_shared::wire::SessionDigest;
use zeroize::Zeroizing;

use super::lock;

/// A device that was turned on.
pub struct Done {
    /// The session as it is: whose the codes are.
    pub owner: SessionDigest,
    /// The backup codes; none where those that there are stay.
    pub codes: Vec<Zeroizing<String>>,
    /// Whose they are, as people say it.
    pub name: String,
    /// When, in seconds of Unix time.
    pub at: u64,
}

/// The wizard's part of a flow.
#[derive(Default)]
pub struct Enrolling {
    done: Mutex<Option<Done>>,
    /// The session that gave a backup code because its device is lost.
    anew: Mutex<Option<SessionDigest>>,
    /// The session that was let pass without, before it must.
    spared: Mutex<Option<SessionDigest>>,
    /// The enrolment whose picture was shown.
    shown: Mutex<String>,
    turn: tokio::sync::Mutex<()>,
}

impl std::fmt::Debug for Enrolling {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Enrolling(…)")
    }
}

fn same(one: &SessionDigest, other: &SessionDigest) -> bool {
    one.as_bytes().ct_eq(other.as_bytes()).into()
}

impl Enrolling {
    /// Waits until no other first code of this flow is under way.
    pub async fn turn(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.turn.lock().await
    }

    /// The picture of this enrolment is shown.
    pub fn show(&self, enrolment: &str) {
        enrolment.clone_into(&mut lock(&self.shown));
    }

    /// Whether it was.
    pub fn has_shown(&self, enrolment: &str) -> bool {
        *lock(&self.shown) == enrolment
    }

    /// A device is on.
    pub fn finish(&self, done: Done) {
        *lock(&self.done) = Some(done);
        *lock(&self.anew) = None;
    }

    /// The codes are put away.
    pub fn forget(&self) {
        *lock(&self.done) = None;
    }

    /// Whether the person of `session` has set up the device, and not put the codes away yet.
    pub fn is_done_by(&self, session: &SessionDigest) -> bool {
        lock(&self.done).as_ref().is_some_and(|done| same(&done.owner, session))
    }

    /// Whose codes, when they were made, and the codes, for the person of `session`.
    pub fn codes_of(&self, session: &SessionDigest) -> Option<(String, u64, Vec<Zeroizing<String>>)> {
        if !self.is_done_by(session) {
            return None;
        }
        lock(&self.done).as_ref().map(|done| (done.name.clone(), done.at, done.codes.clone()))
    }

    /// The device of `session` is lost: what is set up takes the place of all that was there.
    pub fn begin_anew(&self, session: SessionDigest) {
        *lock(&self.anew) = Some(session);
    }

    /// Whether it is to.
    pub fn is_anew(&self, session: &SessionDigest) -> bool {
        lock(&self.anew).as_ref().is_some_and(|own| same(own, session))
    }

    /// The person of `session` goes on without, this time.
    pub fn spare(&self, session: SessionDigest) {
        *lock(&self.spared) = Some(session);
    }

    /// Whether they do.
    pub fn is_spared(&self, session: &SessionDigest) -> bool {
        lock(&self.spared).as_ref().is_some_and(|own| same(own, session))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(byte: u8) -> SessionDigest {
        SessionDigest::from_bytes([byte; 32])
    }

    fn done() -> Done {
        Done {
            owner: digest(3),
            codes: vec![Zeroizing::new("1234 5678".to_owned())],
            name: "alice".to_owned(),
            at: 5,
        }
    }

    #[test]
    fn codes_are_for_their_session_until_they_are_put_away() {
        let enrolling = Enrolling::default();
        enrolling.finish(done());
        assert!(enrolling.codes_of(&digest(1)).is_none() && !enrolling.is_done_by(&digest(2)));
        let (name, at, codes) = enrolling.codes_of(&digest(3)).unwrap();
        assert_eq!((name.as_str(), at, codes.len()), ("alice", 5, 1));
        assert!(enrolling.codes_of(&digest(3)).is_some(), "a reload");
        enrolling.forget();
        assert!(enrolling.codes_of(&digest(3)).is_none());
    }
}

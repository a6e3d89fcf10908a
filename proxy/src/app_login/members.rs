//! Who each session of a site is to its app, and with which of the app's cookies that was last confirmed.
//!
//! A session's cookies are believed for a minute; others, or the same later, are asked about again. Kept in memory: after
//! a restart of the gate the app is asked once more.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use twofold_shared::wire::SessionDigest;

use super::AppCookie;
use crate::clock::Millis;
use crate::key::Key;

/// How long an answer of the app is believed.
const BELIEVED: Millis = 60_000;
/// Sessions remembered; the oldest answers go, and are asked for again.
const CAPACITY: usize = 1 << 16;

/// All that is remembered.
#[derive(Default)]
pub struct Members(Mutex<HashMap<SessionDigest, Member>>);

struct Member {
    /// The name that the app gave at the login.
    user: String,
    /// The keyed hash of the cookies, or of the name and password, with which it gave it last.
    cookies: String,
    at: Millis,
}

/// The keyed hash of session cookies as they were presented.
#[must_use]
pub fn hash(cookies: &[AppCookie], key: &Key) -> String {
    let mut whole = Vec::new();
    for cookie in cookies {
        whole.extend_from_slice(&(cookie.pair.len() as u64).to_be_bytes());
        whole.extend_from_slice(&cookie.pair);
    }
    key.token("app session", &whole)
}

impl Members {
    /// Whether the app has lately said of these cookies that they are this session's.
    #[must_use]
    pub fn is_confirmed(&self, session: &SessionDigest, cookies: &str, now: Millis) -> bool {
        self.lock()
            .get(session)
            .is_some_and(|member| member.cookies == cookies && now.saturating_sub(member.at) < BELIEVED)
    }

    /// Whether this was confirmed for the session, however long ago.
    #[must_use]
    pub fn has_confirmed(&self, session: &SessionDigest, proof: &str) -> bool {
        self.lock().get(session).is_some_and(|member| member.cookies == proof)
    }

    /// The name that the app gave when the session began.
    #[must_use]
    pub fn user(&self, session: &SessionDigest) -> Option<String> {
        self.lock().get(session).map(|member| member.user.clone())
    }

    /// The app has just said that the session's cookies are this user's.
    pub fn confirm(&self, session: SessionDigest, user: &str, cookies: String, now: Millis) {
        let mut all = self.lock();
        if all.len() >= CAPACITY && !all.contains_key(&session) {
            all.retain(|_, member| now.saturating_sub(member.at) < BELIEVED);
        }
        if all.len() >= CAPACITY {
            all.clear();
        }
        all.insert(session, Member { user: user.to_owned(), cookies, at: now });
    }

    /// The session is over.
    pub fn forget(&self, session: &SessionDigest) {
        self.lock().remove(session);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<SessionDigest, Member>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cookie(pair: &str) -> AppCookie {
        AppCookie { name: b"a".to_vec(), pair: pair.as_bytes().to_vec() }
    }

    #[test]
    fn an_answer_holds_for_its_cookies_and_a_minute() {
        let (members, key) = (Members::default(), Key::generate().unwrap());
        let session = SessionDigest::from_bytes([1; 32]);
        let own = hash(&[cookie("a=1"), cookie("b=2")], &key);
        members.confirm(session, "alice", own.clone(), 5);
        assert!(members.is_confirmed(&session, &own, 5 + BELIEVED - 1));
        assert!(!members.is_confirmed(&session, &own, 5 + BELIEVED));
        assert!(!members.is_confirmed(&session, &hash(&[cookie("a=1b=2")], &key), 6));
        assert!(!members.is_confirmed(&SessionDigest::from_bytes([2; 32]), &own, 6));
        assert!(members.has_confirmed(&session, &own) && !members.has_confirmed(&session, "other"));
        assert_eq!(members.user(&session).as_deref(), Some("alice"));
        members.forget(&session);
        assert!(members.user(&session).is_none());
    }
}

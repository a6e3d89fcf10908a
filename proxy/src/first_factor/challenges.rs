//! What apps that ask for HTTP Basic ask browsers with, for a minute.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use http::HeaderValue;

use crate::clock::Millis;

/// How long an answer holds, in milliseconds.
const LIFE: Millis = 60_000;

/// By the site's host: one for each at most.
#[derive(Default)]
pub struct Challenges(Mutex<HashMap<String, (Millis, Vec<HeaderValue>)>>);

impl Challenges {
    /// What the app at `host` asked with last.
    #[must_use]
    pub fn recall(&self, host: &str, now: Millis) -> Option<Vec<HeaderValue>> {
        let all = self.lock();
        all.get(host).filter(|(since, _)| now.saturating_sub(*since) < LIFE).map(|(_, lines)| lines.clone())
    }

    /// Remembers it.
    pub fn keep(&self, host: &str, lines: Vec<HeaderValue>, now: Millis) {
        self.lock().insert(host.to_owned(), (now, lines));
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, (Millis, Vec<HeaderValue>)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_holds_for_its_host_and_a_minute() {
        let challenges = Challenges::default();
        let lines = vec![HeaderValue::from_static("Basic realm=\"x\"")];
        challenges.keep("a", lines.clone(), 5);
        assert_eq!(challenges.recall("a", 5 + LIFE - 1), Some(lines));
        assert_eq!(challenges.recall("a", 5 + LIFE), None);
        assert_eq!(challenges.recall("b", 5), None);
    }
}

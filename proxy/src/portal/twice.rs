//! A form that is sent twice is done once: by a second press, or by a browser that tries again after its connection broke.
//!
//! Each page's forms have a token of their own, so the same words from the same page of the same browser are the same form. It
//! gets its answer again while the first is under way, and for a short while after, until the browser has opened another page:
//! then it was read. What a person did at their account, or to somebody in their charge, is not done again for an hour, whatever was
//! read.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::form::Fields;
use super::{Portal, Visit};
use crate::answer::Answer;
use crate::clock::Millis;
use crate::cookies::{self, FORM, Found, PORTAL};

/// For how long the same form gets its answer again.
const REPEATED: Duration = Duration::from_secs(30);
/// For how long it is known as done.
const KNOWN: Millis = 3_600_000;
/// Browsers whose last form is known; the oldest give way.
const CAPACITY: usize = 8_192;

/// The last form of each browser.
#[derive(Default)]
pub struct Twice(Mutex<Table>);

#[derive(Default)]
struct Table {
    /// By the keyed hash of what the browser holds.
    last: HashMap<String, Arc<Slot>>,
    ages: VecDeque<(String, Millis)>,
}

/// One form of one page, and what was answered.
pub struct Slot {
    /// The keyed hash of all that was sent.
    print: String,
    born: Millis,
    is_read: AtomicBool,
    said: tokio::sync::Mutex<Option<Said>>,
}

struct Said {
    /// Gone once it was read, or after a while.
    answer: Option<Answer>,
    at: Millis,
    is_done: bool,
}

impl Slot {
    fn new(print: String, born: Millis) -> Self {
        Self { print, born, is_read: AtomicBool::new(false), said: tokio::sync::Mutex::default() }
    }

    /// The answer to this form: what was said to it before, or what `answering` says now. What is not to be done again leads
    /// `back`.
    pub async fn answer(
        self: Arc<Self>,
        answering: impl Future<Output = Answer>,
        (arrived, now): (Millis, impl Fn() -> Millis),
        back: Option<&str>,
    ) -> Answer {
        let mut said = self.said.lock().await;
        if let Some(before) = &*said {
            let waited = arrived <= before.at;
            let is_unread = before.is_done && !self.is_read.load(Ordering::Relaxed);
            match &before.answer {
                Some(answer) if waited || is_unread => return answer.clone(),
                Some(_) | None => {
                    if let Some(back) = back.filter(|_| before.is_done) {
                        return Answer::redirect(back);
                    }
                }
            }
        }
        let answer = answering.await;
        let is_done = answer.status.is_success() || answer.status.is_redirection();
        *said = Some(Said { answer: Some(answer.clone()), at: now(), is_done });
        self.is_read.store(false, Ordering::Relaxed);
        drop(said);
        // It may hold what is shown once.
        let kept = Arc::downgrade(&self);
        tokio::spawn(async move {
            tokio::time::sleep(REPEATED).await;
            if let Some(slot) = kept.upgrade() {
                slot.forget().await;
            }
        });
        answer
    }

    async fn forget(&self) {
        if let Some(said) = self.said.lock().await.as_mut() {
            said.answer = None;
        }
    }
}

impl Twice {
    /// The place of a form from the browser that holds `holder`; another one takes the place of the last.
    fn slot(&self, holder: String, print: String, now: Millis) -> Arc<Slot> {
        let mut table = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        while table.ages.front().is_some_and(|(_, born)| now.saturating_sub(*born) >= KNOWN) {
            table.drop_oldest();
        }
        if let Some(slot) = table.last.get(&holder).filter(|slot| slot.print == print) {
            return Arc::clone(slot);
        }
        if table.last.len() >= CAPACITY {
            table.drop_oldest();
        }
        let slot = Arc::new(Slot::new(print, now));
        table.last.insert(holder.clone(), Arc::clone(&slot));
        table.ages.push_back((holder, now));
        slot
    }

    /// The browser that holds `holder` has opened a page: what was said to its last form was read.
    fn read(&self, holder: &str) {
        let table = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(slot) = table.last.get(holder) {
            slot.is_read.store(true, Ordering::Relaxed);
        }
    }
}

impl Table {
    fn drop_oldest(&mut self) {
        let Some((holder, born)) = self.ages.pop_front() else { return };
        // One that was replaced meanwhile has its own place in the order.
        if self.last.get(&holder).is_some_and(|slot| slot.born == born) {
            self.last.remove(&holder);
        }
    }
}

impl Portal {
    /// The place of the form that is sent, and when it came; none for what is no form of a page of ours.
    pub(super) fn sending(&self, visit: &Visit) -> Option<(Arc<Slot>, Millis)> {
        let held = [FORM, PORTAL].into_iter().find_map(|name| match cookies::find(&visit.headers, name) {
            Found::One(value) => Some(value),
            Found::None | Found::Several => None,
        })?;
        let holder = self.key.token("twice: holder", held);
        if !visit.is_post() {
            if self.pages.file(&visit.path).is_none() {
                self.twice.read(&holder);
            }
            return None;
        }
        Fields::read(&visit.headers, &visit.body).get("token")?;
        let sent = [held, visit.path.as_bytes(), visit.body.as_slice()].join(&0);
        let now = self.clock.millis();
        Some((self.twice.slot(holder, self.key.token("twice: form", &sent), now), now))
    }
}

#[cfg(test)]
mod tests {
    use http::StatusCode;

    use super::*;

    fn slot(twice: &Twice, print: &str, now: Millis) -> Arc<Slot> {
        twice.slot("browser".to_owned(), print.to_owned(), now)
    }

    async fn send(slot: Arc<Slot>, now: Millis, says: &str) -> String {
        let answering = async { Answer::text(says) };
        let answer = slot.answer(answering, (now, || now), None).await;
        String::from_utf8(answer.body.to_vec()).unwrap()
    }

    #[tokio::test]
    async fn the_same_form_gets_its_answer_again_until_a_page_was_opened() {
        let twice = Twice::default();
        assert_eq!(send(slot(&twice, "a", 1), 1, "first").await, "first");
        assert_eq!(send(slot(&twice, "a", 5), 5, "second").await, "first");
        twice.read("another");
        assert_eq!(send(slot(&twice, "a", 6), 6, "third").await, "first");
        twice.read("browser");
        assert_eq!(send(slot(&twice, "a", 7), 7, "fourth").await, "fourth");
        // Another form of the same browser, and another browser's.
        assert_eq!(send(slot(&twice, "b", 8), 8, "fifth").await, "fifth");
        let other = twice.slot("other".to_owned(), "b".to_owned(), 8);
        assert_eq!(send(other, 8, "sixth").await, "sixth");
        // Kept no longer than it takes.
        let kept = slot(&twice, "b", 9);
        kept.forget().await;
        assert_eq!(send(kept, 9, "seventh").await, "seventh");
    }

    #[tokio::test]
    async fn what_was_done_at_an_account_is_not_done_again_and_what_was_refused_is() {
        let twice = Twice::default();
        let send = async |print: &str, now, status| {
            let answering = async { Answer { status, ..Answer::text("said") } };
            let answer = slot(&twice, print, now).answer(answering, (now, || now), Some("/account")).await;
            (answer.status, answer.headers.get("location").cloned())
        };
        assert_eq!(send("key", 1, StatusCode::OK).await.0, StatusCode::OK);
        twice.read("browser");
        let (status, to) = send("key", 2, StatusCode::IM_A_TEAPOT).await;
        assert_eq!((status, to.unwrap().to_str().unwrap()), (StatusCode::SEE_OTHER, "/account"));
        assert_eq!(send("key", 2 + KNOWN, StatusCode::OK).await.0, StatusCode::OK);
        assert_eq!(send("odd", 3, StatusCode::FORBIDDEN).await.0, StatusCode::FORBIDDEN);
        assert_eq!(send("odd", 4, StatusCode::OK).await.0, StatusCode::OK);
    }

    #[tokio::test]
    async fn who_comes_while_the_first_is_under_way_gets_its_answer_even_a_refusal() {
        let twice = Twice::default();
        let (go, wait) = tokio::sync::oneshot::channel::<()>();
        let first = tokio::spawn(slot(&twice, "a", 1).answer(
            async {
                wait.await.unwrap();
                Answer { status: StatusCode::FORBIDDEN, ..Answer::text("once") }
            },
            (1, || 10),
            None,
        ));
        tokio::task::yield_now().await;
        let again = slot(&twice, "a", 2);
        let second = tokio::spawn(again.answer(async { Answer::text("twice") }, (2, || 10), None));
        go.send(()).unwrap();
        assert_eq!(first.await.unwrap().body, second.await.unwrap().body);
    }

    #[test]
    fn the_table_is_bounded_and_forgets() {
        let twice = Twice::default();
        for number in 0..2 * CAPACITY {
            twice.slot(number.to_string(), "a".to_owned(), 1);
        }
        assert!(twice.0.lock().unwrap().last.len() <= CAPACITY);
        twice.slot("late".to_owned(), "a".to_owned(), 2 + KNOWN);
        assert_eq!(twice.0.lock().unwrap().last.len(), 1);
    }
}

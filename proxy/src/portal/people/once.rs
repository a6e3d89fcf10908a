//! One showing of a form does its deed once: whoever presses twice, or has the answer lost on the way, gets the first
//! answer again.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::answer::Answer;
use crate::clock::Millis;

/// How long an answer is kept: long enough for an impatient finger and a bad connection, and no longer, for it may hold an
/// invitation.
const KEPT: Millis = 30_000;

/// Answers kept at one time; beyond that the oldest go.
const MOST: usize = 1024;

/// Random bytes in a number.
const BYTES: usize = 16;

/// Where an answer is, once there is one. Held while the deed is done.
type Place = Arc<tokio::sync::Mutex<Option<Answer>>>;

/// The answers of the last seconds.
#[derive(Default)]
pub struct Once(Mutex<HashMap<String, (Millis, Place)>>);

impl Once {
    /// The place of this form's answer.
    pub fn place(&self, form: &str, now: Millis) -> Place {
        let mut places = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        places.retain(|_, (since, _)| now.saturating_sub(*since) < KEPT);
        if places.len() >= MOST
            && let Some(oldest) =
                places.iter().min_by_key(|(_, (since, _))| *since).map(|(form, _)| form.clone())
        {
            places.remove(&oldest);
        }
        let (_, place) = places.entry(form.to_owned()).or_insert_with(|| (now, Place::default()));
        Arc::clone(place)
    }
}

/// The number of one showing of a form.
pub fn number() -> Result<String, getrandom::Error> {
    let mut bytes = [0; BYTES];
    getrandom::fill(&mut bytes)?;
    Ok(data_encoding::HEXLOWER.encode(&bytes))
}

/// Whether this can be such a number.
pub fn is_number(text: &str) -> bool {
    text.len() == 2 * BYTES && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_first_answer_is_everybodys_until_it_is_forgotten() {
        let once = Once::default();
        let number = number().unwrap();
        assert!(is_number(&number) && !is_number("") && !is_number(&number[1..]));
        let first = once.place(&number, 0);
        let mut held = first.lock().await;
        let second = once.place(&number, KEPT - 1);
        assert!(second.try_lock().is_err(), "it waits for the first");
        *held = Some(Answer::redirect("/there"));
        drop(held);
        assert!(second.lock().await.is_some());
        assert!(once.place("another", 1).lock().await.is_none());
        assert!(once.place(&number, KEPT).lock().await.is_none(), "forgotten");
    }

    #[test]
    fn there_are_never_more_than_so_many() {
        let once = Once::default();
        for form in 0..2 * MOST {
            let _ = once.place(&form.to_string(), form as Millis / 1000);
        }
        assert_eq!(once.0.lock().unwrap().len(), MOST);
    }
}

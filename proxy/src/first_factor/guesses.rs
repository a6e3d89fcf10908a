//! Bounds how fast passwords can be guessed through the gate at an app that asks for HTTP Basic, or at a directory.
//!
//! The app or the directory itself is who judges them; this only keeps the gate from being a faster way to it. Counted for each address and
//! for each name, in windows of a minute; a name at an address where it was right before is not held up by what others
//! try. A try counts before it is judged, so that many at once are no more than many in a row.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::clock::Millis;
use crate::key::Key;

/// The length of a window, in milliseconds.
const WINDOW: Millis = 60_000;
/// Wrong passwords from one address (an IPv4 address or a /64) in a window.
const PER_ADDRESS: u32 = 20;
/// Wrong passwords for one name in a window.
const PER_NAME: u32 = 60;
/// What is counted at one time, and what is remembered as right. When there is no room, new ones wait.
const CAPACITY: usize = 1 << 16;

/// All that is counted.
#[derive(Default)]
pub struct Guesses(Mutex<Table>);

#[derive(Default)]
struct Table {
    counts: HashMap<String, Count>,
    right: HashMap<String, Millis>,
}

#[derive(Clone, Copy)]
struct Count {
    since: Millis,
    tries: u32,
}

/// Who tries, from where: keyed hashes, so that the table holds no names.
pub struct Guess {
    /// Absent where the address's try is counted elsewhere.
    address: Option<String>,
    name: String,
    both: String,
}

impl Guess {
    /// A try for `name` at the site `host`, or in the directory of that realm.
    #[must_use]
    pub fn new(key: &Key, host: &str, name: &str, address: Option<IpAddr>) -> Self {
        let address = address.map_or_else(String::new, |address| match address {
            IpAddr::V4(_) => address.to_string(),
            IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX)).to_string(),
        });
        let name = name.trim().to_lowercase();
        Self {
            address: Some(key.token("guesses of an address", address.as_bytes())),
            name: key.token("guesses at a name", format!("{host}\n{name}").as_bytes()),
            both: key.token("right at an address", format!("{host}\n{name}\n{address}").as_bytes()),
        }
    }

    /// The same try under another name of the same person: it is no second one of its address.
    #[must_use]
    pub fn of_name_alone(self) -> Self {
        Self { address: None, ..self }
    }

    /// What it counts for, and how often each may be tried.
    fn bounds(&self) -> impl Iterator<Item = (&String, u32)> {
        self.address.iter().map(|address| (address, PER_ADDRESS)).chain([(&self.name, PER_NAME)])
    }
}

impl Guesses {
    /// Counts a try that is about to be judged.
    ///
    /// # Errors
    /// The seconds to wait where there were too many.
    pub fn begin(&self, guess: &Guess, now: Millis) -> Result<(), u64> {
        let mut table = self.lock();
        let is_right_here = table.right.contains_key(&guess.both);
        let counted: Vec<_> =
            guess.bounds().filter(|(what, _)| !is_right_here || **what != guess.name).collect();
        for (what, most) in &counted {
            table.may(what, *most, now)?;
        }
        for (what, _) in counted {
            table.add(what, now);
        }
        Ok(())
    }

    /// The try was right, and is no guess.
    pub fn was_right(&self, guess: &Guess, now: Millis) {
        let mut table = self.lock();
        table.take_back(guess);
        if table.right.len() >= CAPACITY
            && let Some(oldest) = table.right.iter().min_by_key(|(_, at)| **at).map(|(what, _)| what.clone())
        {
            table.right.remove(&oldest);
        }
        table.right.insert(guess.both.clone(), now);
    }

    /// Nobody said whether the try was right.
    pub fn was_not_judged(&self, guess: &Guess) {
        self.lock().take_back(guess);
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    fn take_back(&mut self, guess: &Guess) {
        for (what, _) in guess.bounds() {
            if let Some(count) = self.counts.get_mut(what) {
                count.tries = count.tries.saturating_sub(1);
            }
        }
    }

    fn may(&mut self, what: &str, most: u32, now: Millis) -> Result<(), u64> {
        let Some(count) = self.counts.get(what).filter(|count| count.lives(now)) else {
            if self.counts.len() >= CAPACITY {
                self.counts.retain(|_, count| count.lives(now));
            }
            return if self.counts.len() < CAPACITY { Ok(()) } else { Err(WINDOW / 1000) };
        };
        let left = (count.since + WINDOW).saturating_sub(now).div_ceil(1000);
        if count.tries < most { Ok(()) } else { Err(left.max(1)) }
    }

    fn add(&mut self, what: &str, now: Millis) {
        let fresh = Count { since: now, tries: 0 };
        let count = self.counts.entry(what.to_owned()).or_insert(fresh);
        if !count.lives(now) {
            *count = fresh;
        }
        count.tries = count.tries.saturating_add(1);
    }
}

impl Count {
    fn lives(&self, now: Millis) -> bool {
        now.saturating_sub(self.since) < WINDOW
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guess(key: &Key, name: &str, last: u8) -> Guess {
        Guess::new(key, "git.example.com", name, Some(IpAddr::from([192, 0, 2, last])))
    }

    #[test]
    fn an_address_guesses_twenty_times_a_minute_whatever_the_names() {
        let (guesses, key) = (Guesses::default(), Key::generate().unwrap());
        for round in 0..PER_ADDRESS {
            assert_eq!(guesses.begin(&guess(&key, &format!("name{round}"), 1), 5), Ok(()));
        }
        assert_eq!(guesses.begin(&guess(&key, "alice", 1), 30_005), Err(30));
        assert_eq!(guesses.begin(&guess(&key, "alice", 2), 30_005), Ok(()));
        assert_eq!(guesses.begin(&guess(&key, "alice", 1), 5 + WINDOW), Ok(()));
    }

    #[test]
    fn a_name_that_is_guessed_from_everywhere_still_opens_where_it_was_right_before() {
        let (guesses, key) = (Guesses::default(), Key::generate().unwrap());
        let own = guess(&key, "alice", 200);
        assert_eq!(guesses.begin(&own, 0), Ok(()));
        guesses.was_right(&own, 0);
        for last in 0..PER_NAME {
            let other = guess(&key, " ALICE", u8::try_from(last).unwrap());
            assert_eq!(guesses.begin(&other, 1), Ok(()));
        }
        assert_eq!(guesses.begin(&guess(&key, "alice", 100), 1), Err(60));
        assert_eq!(guesses.begin(&own, 1), Ok(()));
    }

    #[test]
    fn another_name_of_the_same_person_is_no_second_try_of_the_address() {
        let (guesses, key) = (Guesses::default(), Key::generate().unwrap());
        for round in 0..PER_ADDRESS {
            assert_eq!(guesses.begin(&guess(&key, &format!("name{round}"), 1), 0), Ok(()));
            assert_eq!(guesses.begin(&guess(&key, "entry", 1).of_name_alone(), 0), Ok(()));
        }
        assert_eq!(guesses.begin(&guess(&key, "alice", 1), 0), Err(60));
        for last in PER_ADDRESS..PER_NAME {
            let other = guess(&key, "entry", u8::try_from(last).unwrap()).of_name_alone();
            assert_eq!(guesses.begin(&other, 0), Ok(()));
        }
        assert_eq!(guesses.begin(&guess(&key, "entry", 200).of_name_alone(), 0), Err(60));
    }

    #[test]
    fn what_was_not_judged_is_no_guess() {
        let (guesses, key) = (Guesses::default(), Key::generate().unwrap());
        for _ in 0..1_000 {
            assert_eq!(guesses.begin(&guess(&key, "alice", 1), 0), Ok(()));
            guesses.was_not_judged(&guess(&key, "alice", 1));
        }
    }

    #[test]
    fn right_ones_are_no_guesses() {
        let (guesses, key) = (Guesses::default(), Key::generate().unwrap());
        let own = guess(&key, "alice", 1);
        for _ in 0..1_000 {
            assert_eq!(guesses.begin(&own, 0), Ok(()));
            guesses.was_right(&own, 0);
        }
    }
}

//! The values of a browser's cookie: each use gives the browser a new one, and one that was left long ago is theft.
//!
//! A browser may be given several new values at once, by sign-ins side by side, and answers may be lost or overtake each
//! other: what it presents next shows which one it kept. From then on the others are good for a minute more, for what
//! is still under way. Whoever copied a value uses it beside the owner, so one of the two presents a value that the other
//! has left behind.

use crate::clock::UnixTime;
use crate::wire::SessionDigest;

/// How long a value is good after another one was presented, in seconds.
pub const GRACE_SECONDS: u64 = 60;
/// New values that may wait to be presented.
pub const MAX_NEW: usize = 4;
/// Values remembered in all. A value left longer ago than these is nobody's: it opens nothing, and tells nothing.
pub const MAX_VALUES: usize = 32;

/// One value of the cookie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Value {
    /// SHA-256 of it.
    pub digest: SessionDigest,
    /// What is known of it.
    pub standing: Standing,
}

/// What is known of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Given to the browser, and not seen again yet.
    New,
    /// What the browser presented last.
    Presented,
    /// Left for another one, at this time.
    Left(UnixTime),
}

/// What a presented value says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// It is this browser.
    Good,
    /// It was this browser's, and was left: somebody has copied it.
    Stolen,
    /// It is not this browser's, or cannot be judged.
    Unknown,
}

/// All values of one browser that are remembered, the oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Values(Vec<Value>);

impl Values {
    /// As they were kept.
    #[must_use]
    pub const fn new(values: Vec<Value>) -> Self {
        Self(values)
    }

    /// Each of them.
    #[must_use]
    pub fn all(&self) -> &[Value] {
        &self.0
    }

    /// What `presented` says at `now`. Where the clock stands before the value was left, nobody can tell.
    #[must_use]
    pub fn look(&self, presented: &SessionDigest, now: UnixTime) -> Seen {
        let Some(value) = self.0.iter().find(|value| value.digest == *presented) else {
            return Seen::Unknown;
        };
        match value.standing {
            Standing::New | Standing::Presented => Seen::Good,
            Standing::Left(at) => match now.since(at) {
                Some(age) if age < GRACE_SECONDS => Seen::Good,
                Some(_) => Seen::Stolen,
                None => Seen::Unknown,
            },
        }
    }

    /// After a good value was presented: where it is a new one, it is what the browser kept, and all others are left.
    #[must_use]
    pub fn presented(&self, presented: &SessionDigest, now: UnixTime) -> Self {
        let is_new = |value: &Value| value.digest == *presented && value.standing == Standing::New;
        let mut after = self.clone();
        if !self.0.iter().any(is_new) {
            return after;
        }
        for value in &mut after.0 {
            value.standing = match value.standing {
                _ if value.digest == *presented => Standing::Presented,
                Standing::New | Standing::Presented => Standing::Left(now),
                left @ Standing::Left(_) => left,
            };
        }
        after
    }

    /// With one more value, which the browser is given now.
    #[must_use]
    pub fn with(&self, next: SessionDigest) -> Self {
        let mut after = self.clone();
        after.0.push(Value { digest: next, standing: Standing::New });
        let is = |standing: fn(&Standing) -> bool| move |value: &Value| standing(&value.standing);
        let is_new = is(|standing| *standing == Standing::New);
        if after.0.iter().filter(|value| is_new(value)).count() > MAX_NEW {
            after.remove_first(is_new);
        }
        if after.0.len() > MAX_VALUES {
            after.remove_first(is(|standing| matches!(standing, Standing::Left(_))));
        }
        after
    }

    fn remove_first(&mut self, which: impl Fn(&Value) -> bool) {
        if let Some(index) = self.0.iter().position(which) {
            self.0.remove(index);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: UnixTime = UnixTime(1_800_000_000);

    fn value(number: u8) -> SessionDigest {
        SessionDigest::from_bytes([number; 32])
    }

    fn later(seconds: u64) -> UnixTime {
        NOW.plus(seconds)
    }

    #[test]
    fn the_value_before_is_good_until_the_new_one_was_presented_and_a_minute_more() {
        let values = Values::default().with(value(1)).presented(&value(1), NOW).with(value(2));
        // However long: the browser may never have got the new one.
        assert_eq!(values.look(&value(1), later(1_000_000)), Seen::Good);
        let values = values.presented(&value(2), NOW);
        for (number, seconds, seen) in
            [(1, 59, Seen::Good), (1, 60, Seen::Stolen), (2, 60, Seen::Good), (3, 0, Seen::Unknown)]
        {
            assert_eq!(values.look(&value(number), later(seconds)), seen, "{number} after {seconds} s");
        }
        let before = UnixTime(NOW.0 - 1);
        assert_eq!(values.look(&value(1), before), Seen::Unknown, "the clock was set back");
    }

    #[test]
    fn side_by_side_each_new_value_is_good_until_one_of_them_comes() {
        let values = Values::default().with(value(1)).presented(&value(1), NOW);
        let values = values.with(value(2)).with(value(3));
        for number in 1..=3 {
            assert_eq!(values.look(&value(number), later(1000)), Seen::Good, "{number}");
        }
        // The answers came in the other order: the browser kept the second.
        let values = values.presented(&value(2), NOW);
        for (number, seen) in [(1, Seen::Stolen), (2, Seen::Good), (3, Seen::Stolen)] {
            assert_eq!(values.look(&value(number), later(60)), seen, "{number}");
        }
    }

    #[test]
    fn a_copy_used_before_the_owner_comes_back_is_found_out_by_the_owner() {
        let owners = Values::default().with(value(1)).presented(&value(1), NOW).with(value(2));
        let thiefs = owners.presented(&value(1), NOW).with(value(3)).presented(&value(3), NOW);
        assert_eq!(thiefs.look(&value(2), later(60)), Seen::Stolen);
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut values = Values::default().with(value(0));
        for number in 0..200 {
            values = values.presented(&value(number), NOW).with(value(number + 1));
        }
        assert_eq!(values.all().len(), MAX_VALUES);
        assert_eq!(values.look(&value(200), NOW), Seen::Good);
        assert_eq!(values.look(&value(190), later(60)), Seen::Stolen);
        assert_eq!(values.look(&value(1), later(60)), Seen::Unknown);
        let mut waiting = Values::default();
        for number in 0..9 {
            waiting = waiting.with(value(number));
        }
        assert_eq!(waiting.all().len(), MAX_NEW);
        assert_eq!(waiting.look(&value(8), NOW), Seen::Good);
    }

    proptest! {
        /// Whatever a browser does with the answers, side by side or lost, it is never taken for a thief.
        #[test]
        fn a_browser_by_itself_is_never_a_thief(steps in proptest::collection::vec((0_usize..4, any::<bool>()), 1..60)) {
            let (mut now, mut next) = (NOW, 1);
            let mut values = Values::default().with(value(0));
            let mut kept = value(0);
            for (side_by_side, is_lost) in steps {
                now = now.plus(1000);
                let presented = kept;
                for _ in 0..=side_by_side.min(MAX_NEW - 2) {
                    prop_assert_eq!(values.look(&presented, now), Seen::Good);
                    values = values.presented(&presented, now).with(value(next));
                    if !is_lost {
                        kept = value(next);
                    }
                    next += 1;
                }
                if is_lost {
                    // It comes again with what it has, and this answer arrives.
                    prop_assert_eq!(values.look(&presented, now), Seen::Good);
                    values = values.presented(&presented, now).with(value(next));
                    kept = value(next);
                    next += 1;
                }
            }
        }
    }
}

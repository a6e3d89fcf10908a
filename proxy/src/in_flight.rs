//! Counts requests under way, so that stopping waits for them and for nothing else.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// How many requests are under way.
#[derive(Debug, Default)]
pub struct InFlight(AtomicUsize);

/// One request under way, until dropped.
#[derive(Debug)]
pub struct Underway(Arc<InFlight>);

impl InFlight {
    /// Counts one more.
    #[must_use]
    pub fn enter(self: &Arc<Self>) -> Underway {
        self.0.fetch_add(1, Ordering::Relaxed);
        Underway(Arc::clone(self))
    }

    /// How many there are now.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

impl Drop for Underway {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_entered_also_leaves() {
        let in_flight = Arc::new(InFlight::default());
        let (one, two) = (in_flight.enter(), in_flight.enter());
        assert_eq!(in_flight.count(), 2);
        drop((one, two));
        assert_eq!(in_flight.count(), 0);
    }
}

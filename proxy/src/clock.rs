//! The one place that reads the clocks. Everything else takes time as an argument or asks here.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// The process's clocks.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    started: Instant,
}

/// When a request came, on both clocks.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    /// On the clock that only goes forward.
    pub instant: Instant,
    /// Seconds since the epoch.
    pub unix: u64,
}

/// Milliseconds since the process started, on the clock that only goes forward.
pub type Millis = u64;

impl Clock {
    /// Starts counting.
    #[must_use]
    pub fn start() -> Self {
        Self { started: Instant::now() }
    }

    /// Milliseconds since the start; never goes back.
    #[must_use]
    pub fn millis(&self) -> Millis {
        self.millis_at(Instant::now())
    }

    /// Milliseconds from the start to `instant`.
    #[must_use]
    pub fn millis_at(&self, instant: Instant) -> Millis {
        let since = instant.saturating_duration_since(self.started);
        u64::try_from(since.as_millis()).unwrap_or(Millis::MAX)
    }

    /// This moment, for whatever asks several times during one request.
    #[must_use]
    pub fn moment(&self) -> Moment {
        Moment { instant: Instant::now(), unix: self.unix() }
    }

    /// Seconds since the epoch, as the authority counts a session's end.
    #[must_use]
    pub fn unix(&self) -> u64 {
        #[expect(clippy::disallowed_methods, reason = "this is the adapter")]
        let now = SystemTime::now();
        now.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs()
    }
}

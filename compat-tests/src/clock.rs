//! Time as the tests see it: real time, because real clients live in it.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// A moment after which a wait has failed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Deadline(Instant);

impl Deadline {
    /// A deadline that lies `after` from now.
    pub(crate) fn after(after: Duration) -> Self {
        Self(now() + after)
    }

    /// Time that is left, zero once it has passed.
    pub(crate) fn left(self) -> Duration {
        self.0.saturating_duration_since(now())
    }

    /// Whether it has passed.
    pub(crate) fn passed(self) -> bool {
        self.left().is_zero()
    }
}

/// The monotonic clock.
#[expect(
    clippy::disallowed_methods,
    reason = "real clients are timed by the real clock"
)]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// Milliseconds since the epoch, the base of explicit record timestamps.
#[expect(
    clippy::disallowed_methods,
    reason = "record timestamps must be recent for retention"
)]
pub(crate) fn epoch_ms() -> i64 {
    let elapsed = SystemTime::now().duration_since(UNIX_EPOCH);
    elapsed.map_or(0, |elapsed| {
        i64::try_from(elapsed.as_millis()).unwrap_or(i64::MAX)
    })
}

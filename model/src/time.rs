//! Time as an input: the core never asks a clock.

use std::fmt;
use std::time::Duration;

/// Monotonic time in microseconds since the process (or the simulation) began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tick(pub u64);

impl Tick {
    /// The moment `delay` later; the end of time if that overflows.
    #[must_use]
    pub fn after(self, delay: Duration) -> Self {
        Self(
            self.0
                .saturating_add(u64::try_from(delay.as_micros()).unwrap_or(u64::MAX)),
        )
    }

    /// The moment `millis` later.
    #[must_use]
    pub fn after_ms(self, millis: u64) -> Self {
        Self(self.0.saturating_add(millis.saturating_mul(1000)))
    }

    /// Time from `earlier` to now; zero if `earlier` lies ahead.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }
}

/// Wall-clock time in milliseconds since 1970, as record timestamps carry it; may be -1 ("none").
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// The wire's "no timestamp".
    pub const NONE: Self = Self(-1);
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Both clocks at the moment of an event. Only `tick` may decide about safety or deadlines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Now {
    /// Monotonic.
    pub tick: Tick,
    /// Wall clock: record timestamps, retention.
    pub wall: Timestamp,
}

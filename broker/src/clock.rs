//! The broker's clocks: the one place that asks the operating system for the time.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use thalweg_model::{Now, Tick, Timestamp};

/// Monotonic time since the process began, and wall-clock time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    start: Instant,
}

impl Clock {
    #[expect(clippy::disallowed_methods, reason = "this is the shell's clock")]
    pub(crate) fn start() -> Self {
        Self {
            start: Instant::now(),
        }
    }

    pub(crate) fn now(&self) -> Now {
        Now {
            tick: self.tick(),
            wall: Self::wall(),
        }
    }

    pub(crate) fn tick(&self) -> Tick {
        Tick(u64::try_from(self.start.elapsed().as_micros()).unwrap_or(u64::MAX))
    }

    /// The runtime's form of a moment.
    pub(crate) fn instant(&self, tick: Tick) -> tokio::time::Instant {
        tokio::time::Instant::from_std(self.start + Duration::from_micros(tick.0))
    }

    #[expect(clippy::disallowed_methods, reason = "this is the shell's clock")]
    fn wall() -> Timestamp {
        let since = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        Timestamp(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }
}

//! Trying again, with growing pauses, until a deadline.

use std::time::Duration;

use tokio::time::Instant;

use super::ClientError;
use crate::limits::{RETRY_PAUSE_MAX, RETRY_PAUSE_MIN};

/// Pauses between attempts.
#[derive(Debug)]
pub(crate) struct Retry {
    until: Instant,
    pause: Duration,
}

impl Retry {
    /// Attempts may go on for so long.
    pub(crate) fn within(duration: Duration) -> Self {
        Self {
            until: Instant::now() + duration,
            pause: RETRY_PAUSE_MIN,
        }
    }

    /// Waits before the next attempt, or gives the error back: it is final, or time is up.
    pub(crate) async fn after(&mut self, error: ClientError) -> Result<(), ClientError> {
        self.after_if(error, false).await
    }

    /// As [`Self::after`]; with `anyway`, the error counts as one that may pass.
    pub(crate) async fn after_if(
        &mut self,
        error: ClientError,
        anyway: bool,
    ) -> Result<(), ClientError> {
        let may_pass = anyway || error.is_retriable();
        if !may_pass || Instant::now() + self.pause > self.until {
            return Err(error);
        }
        tokio::time::sleep(self.pause).await;
        self.pause = RETRY_PAUSE_MAX.min(self.pause * 2);
        Ok(())
    }
}

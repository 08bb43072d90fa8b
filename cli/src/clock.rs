//! The wall clock, for timestamps of records and for times such as "an hour ago".

use std::time::{SystemTime, UNIX_EPOCH};

use thalweg_model::Timestamp;

/// Milliseconds since 1970.
#[expect(
    clippy::disallowed_methods,
    reason = "the command line is a shell of its own, and this is its only clock"
)]
pub(crate) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let millis = since.map_or(0, |since| since.as_millis());
    Timestamp(i64::try_from(millis).unwrap_or(i64::MAX))
}

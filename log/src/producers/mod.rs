//! Idempotent producers and open transactions of one partition (KIP-98, KIP-360, KIP-890).
//!
//! State is kept twice where it must be: as of the log's end, which is what snapshots hold, and,
//! for producers whose batches were given offsets but are not appended yet, as of these batches.

mod check;
mod marker;
mod snapshot;
mod state;
mod states;
mod transactions;

pub use check::{CheckContext, ProducerError, Verdict};
pub use marker::{Marker, MarkerError, Outcome};
pub use snapshot::SnapshotError;
pub use state::{ProducerState, RecentBatch};
pub use states::ProducerStates;
pub use transactions::CompletedTxn;

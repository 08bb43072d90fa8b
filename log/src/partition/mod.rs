//! The log of one partition: segments, indexes, leader epochs, producers.
//!
//! Everything is synchronous and lazy: nothing is made before the first append, nothing is read at
//! open. Offsets are Kafka's; every entry of the partition's group also has an index, and entries
//! that take no offset are only noted beside the data.

mod aborted;
mod append;
mod behind;
mod checkpoint;
mod entries;
mod error;
mod log;
mod open;
mod portable;
mod read;
mod recover;
mod reload;
mod removal;
mod replaced;
mod retention;
mod roll;
mod state;
mod state_bytes;
mod stretch;
mod times;
mod truncate;
mod verify;
mod waiting;

pub use append::{Appended, LogEntry, entry_checksum};
pub use checkpoint::Checkpoint;
pub use entries::{EntryMeta, StoredEntry};
pub use error::{AppendError, OpenError, ReadError, RecoverError};
pub use log::{PartitionLog, SegmentInfo};
pub use read::{Extent, LogRead};
pub use recover::{Recovered, RecoveredEntry};
pub use removal::{LogRemoval, is_doomed};
pub use replaced::LaterLines;
pub use retention::Removed;
pub(crate) use roll::write_metadata;
pub use state::{Doomed, EntryId, LogState, ProducerBase};
pub use state_bytes::LogStateError;
pub use stretch::{Stretch, StretchWritten};
pub use times::TimestampedOffset;
pub use verify::Damage;

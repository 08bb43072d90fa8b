//! What is stored in `__consumer_offsets`, and the state it folds to.

mod batch;
mod codec;
mod durable;
mod record;
mod subscription;

pub use batch::BatchError;
pub use codec::StoredError;
pub use durable::{DurableState, GroupOffsets};
pub use record::{CommittedOffset, Record, StoredGroup, StoredMember};
pub(crate) use subscription::subscribed_topics;

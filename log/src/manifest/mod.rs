//! What a shard knows about its groups without looking: one small file instead of a directory scan.
//!
//! The manifest holds the state of every group at the last checkpoint; the journal holds what came
//! after. A commit is one frame, appended and synced.

mod change;
mod error;
mod frame;
mod group;
mod inspect;
mod state;
mod store;
mod write;

pub use change::ManifestChange;
pub use error::ManifestError;
pub use group::GroupManifest;
pub use inspect::inspect;
pub use state::ManifestState;
pub use store::Manifest;
pub use write::{ManifestWrite, ManifestWritten};

//! How many connections there may be: descriptors are scarce, and files need them too.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use thalweg_replica::limits::OPEN_FILES_MAX;

use crate::limits::OTHER_DESCRIPTORS;

/// Raises this process's limit as far as it may, and leaves for connections what files do not need,
/// at least half.
pub(crate) fn connections_max() -> usize {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    if let Err(error) = setrlimit(Resource::Nofile, raised) {
        tracing::debug!(%error, "the limit of open files stays");
    }
    let most = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    let for_files = OPEN_FILES_MAX + OTHER_DESCRIPTORS;
    most.saturating_sub(for_files)
        .max(most / 2)
        .min(tokio::sync::Semaphore::MAX_PERMITS)
}

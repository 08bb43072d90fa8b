//! The faults, one file for what they are done to.

mod clock;
mod damage;
mod device;
mod directory;
mod full;
mod limits;
mod stillness;

use super::fault::Fault;

/// Every fault, in the order of the page.
pub(crate) fn all() -> Vec<Fault> {
    vec![
        full::FULL,
        device::FAILED_WRITE,
        device::FAILED_SYNC,
        device::SLOW_WRITES,
        device::SLOW_SYNCS,
        stillness::KILLED,
        stillness::STOPPED,
        limits::DESCRIPTORS,
        limits::MEMORY,
        clock::STEPS,
        directory::REMOVED,
        directory::READ_ONLY,
        directory::ANOTHER_OWNER,
        directory::TWO_BROKERS,
        damage::SEGMENT,
        damage::FILES,
    ]
}

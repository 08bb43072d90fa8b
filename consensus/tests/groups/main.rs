//! Groups on one thread, with lost messages and slow disks.

#![expect(clippy::unwrap_used, reason = "a test fails where a value is missing")]

mod agreement;
mod members;
mod node;

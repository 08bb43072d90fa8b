//! Reading the logs that a node keeps its own state in.

use thalweg_log::GroupId;
use thalweg_model::Offset;
use thalweg_model::batch::StoredBatch;
use thalweg_replica::{Isolation, ReadRequest};

use super::Running;
use super::serve::batches;

/// Bytes that are read at a time.
const READ_BYTES: usize = 16 << 10;

/// Which replica is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Whose {
    /// The leader's, which knows all that is committed.
    Leader,
    /// Any, which may know of less.
    Anyone,
}

impl Running {
    /// Reads what is committed from an offset on; returns the offset behind it.
    pub(super) fn scan(
        &mut self,
        group: GroupId,
        whose: Whose,
        mut from: Offset,
        mut take: impl FnMut(&StoredBatch) -> Result<(), String>,
    ) -> Result<Offset, String> {
        loop {
            let request = ReadRequest {
                group,
                from,
                bytes_max: READ_BYTES,
                at_least_one: true,
                isolation: Isolation::Committed,
                epoch: None,
                from_files: false,
            };
            let read = match whose {
                Whose::Leader => self.shard.read(&request),
                Whose::Anyone => self.shard.read_at_replica(&request),
            };
            let read = read.map_err(|error| format!("a log of the node's own: {error}"))?;
            let found = batches(&read.pieces)?;
            let Some(last) = found.last() else {
                return Ok(from);
            };
            from = last.header().next_offset();
            found.iter().try_for_each(&mut take)?;
        }
    }
}

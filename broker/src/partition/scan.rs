//! Reading a whole partition from this node's own log: what state is rebuilt from.

use bytes::Bytes;
use thalweg_log::GroupId;
use thalweg_log::disk::DiskFile;
use thalweg_log::partition::Damage;
use thalweg_model::Offset;
use thalweg_model::batch::{StoredBatch, StoredBatchError};
use thalweg_replica::{AccessError, Isolation, Piece, ReadRequest};

use crate::node::Node;

/// Bytes read at a time: large enough for the device, small enough for the memory budget.
const SCAN_BYTES: usize = 1 << 20;

/// Why a scan stopped.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ScanError {
    #[error(transparent)]
    Access(#[from] AccessError),
    #[error("a segment file cannot be read: {0}")]
    Io(#[from] std::io::Error),
    #[error(transparent)]
    Batch(#[from] StoredBatchError),
    #[error(transparent)]
    Damaged(#[from] Damage),
}

impl Node {
    /// Shows every committed batch of a partition, in order, to `visit`.
    pub(crate) fn scan(
        &self,
        group: GroupId,
        mut visit: impl FnMut(&StoredBatch),
    ) -> Result<(), ScanError> {
        let mut from = self.with_shard(|shard| shard.marks(group, None))?.log_start;
        loop {
            let batches = self.scan_from(group, from)?;
            let Some(last) = batches.last() else {
                return Ok(());
            };
            from = last.header().next_offset();
            batches.iter().for_each(&mut visit);
        }
    }

    fn scan_from(&self, group: GroupId, from: Offset) -> Result<Vec<StoredBatch>, ScanError> {
        let request = ReadRequest {
            group,
            from,
            bytes_max: SCAN_BYTES,
            at_least_one: true,
            isolation: Isolation::Uncommitted,
            epoch: None,
            from_files: false,
        };
        let read = self.with_shard(|shard| shard.read(&request))?;
        let mut batches = Vec::new();
        for piece in read.pieces {
            let mut bytes = match piece {
                Piece::Bytes(bytes) => bytes,
                Piece::Extent(extent) => {
                    extent.verify()?;
                    let length = usize::try_from(extent.length).unwrap_or(usize::MAX);
                    let mut buffer = vec![0; length];
                    extent.file.read_exact_at(&mut buffer, extent.position)?;
                    Bytes::from(buffer)
                }
            };
            while !bytes.is_empty() {
                batches.push(StoredBatch::split_first(&mut bytes)?);
            }
        }
        Ok(batches)
    }
}

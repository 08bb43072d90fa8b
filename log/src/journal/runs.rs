//! The blocks of a chunk that continue each other.
//!
//! Where a block ends is known only once it was read. Chunks do not depend on each other: one block
//! of each is read at a time, so that a start waits for the device as often as a chunk has blocks.

use thalweg_model::defect::{self, Defect};

use super::scan::{Block, ChunkReader};
use super::{BlockSequence, JournalError};
use crate::disk::DiskFile;

/// The run of each chunk that begins with block `from` or a later one; none of the others.
pub(super) fn read_runs<F: DiskFile>(
    readers: &mut [ChunkReader<F>],
    heads: &[Option<Block>],
    from: BlockSequence,
) -> Result<Vec<Vec<Block>>, JournalError> {
    let mut runs: Vec<Vec<Block>> = heads
        .iter()
        .map(|head| {
            let begins = head.as_ref().filter(|head| head.header.sequence >= from);
            begins.cloned().into_iter().collect()
        })
        .collect();
    let mut unfinished: Vec<usize> = (0..runs.len()).filter(|&at| !runs[at].is_empty()).collect();
    while !unfinished.is_empty() {
        for &at in &unfinished {
            if let Some(last) = runs[at].last() {
                readers[at].prefetch_after(last);
            }
        }
        let mut next = Vec::with_capacity(unfinished.len());
        for at in unfinished {
            if extend(&mut runs[at], &mut readers[at])? {
                next.push(at);
            } else {
                readers[at].release();
            }
        }
        unfinished = next;
    }
    Ok(runs)
}

/// Takes up the block that continues the run, if there is one.
fn extend<F: DiskFile>(
    run: &mut Vec<Block>,
    reader: &mut ChunkReader<F>,
) -> Result<bool, JournalError> {
    let Some(last) = run.last() else {
        return Ok(false);
    };
    let mut next = reader.after(last)?;
    if defect::is_on(Defect::StaleBlockAccepted)
        && let Some(next) = &mut next
    {
        next.header.sequence = last.header.sequence.next();
        next.header.previous = last.checksum;
        next.header.incarnation = last.header.incarnation;
    }
    let next = next.filter(|next| next.follows(last));
    let continues = next.is_some();
    run.extend(next);
    Ok(continues)
}

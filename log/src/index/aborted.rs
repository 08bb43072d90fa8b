//! `.txnindex`: the aborted transactions whose markers the segment holds.

use std::io;

use thalweg_model::{Offset, ProducerId};

use super::FixedEntry;
use super::entry_file::field;

/// An aborted transaction of one partition: its records are between the two offsets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AbortedTxn {
    /// Whose it was.
    pub producer: ProducerId,
    /// Its first record.
    pub first: Offset,
    /// Its abort marker.
    pub last: Offset,
    /// The last stable offset when the marker was appended: a reader below it needs no later entry.
    pub last_stable: Offset,
}

impl FixedEntry for AbortedTxn {
    const BYTES: u32 = 34;

    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&0_i16.to_be_bytes()); // Version.
        out.extend_from_slice(&self.producer.0.to_be_bytes());
        for offset in [self.first, self.last, self.last_stable] {
            out.extend_from_slice(&offset.value().to_be_bytes());
        }
    }

    fn decode(bytes: &[u8]) -> io::Result<Self> {
        let offset = |at| {
            Offset::from_wire(i64::from_be_bytes(field(bytes, at)))
                .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "a negative offset"))
        };
        Ok(Self {
            producer: ProducerId(i64::from_be_bytes(field(bytes, 2))),
            first: offset(10)?,
            last: offset(18)?,
            last_stable: offset(26)?,
        })
    }
}

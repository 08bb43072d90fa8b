//! Looking at a segment that came from another replica: its entries have to be those that its sidecar
//! names, one behind the other, and each has to be as its checksum says.

use bytes::Bytes;
use thalweg_model::batch::StoredBatch;
use thalweg_model::{LogIndex, Offset, Term};

use crate::checksum::crc32c;
use crate::disk::DiskFile;
use crate::index::{EntryFile, EntryRecord};
use crate::segment::SegmentState;

/// Records read at a time: 256 x 44 bytes = 11 KiB.
const RECORDS_AT_A_TIME: u32 = 256;

/// Where the next entry belongs.
struct Expected {
    /// Bytes of the segment.
    bytes: u64,
    index: LogIndex,
    term: Term,
    offset: Offset,
    position: u64,
}

/// Looks at all entries; what is wrong, and where.
pub(super) fn check<F: DiskFile>(
    segment: &SegmentState,
    log: &F,
    entries: &F,
) -> Result<(), String> {
    let records = EntryFile::<EntryRecord>::saved(segment.entries);
    let mut expected = Expected {
        bytes: segment.bytes,
        index: segment.first_index,
        term: Term(0),
        offset: segment.base,
        position: 0,
    };
    let mut from = 0;
    while from < segment.entries {
        let to = from.saturating_add(RECORDS_AT_A_TIME).min(segment.entries);
        let some = records.range(from, to, &|| Ok(entries.clone()));
        for record in some.map_err(|error| format!("entry records from {from}: {error}"))? {
            let what = expected.take(&record, log);
            what.map_err(|what| format!("entry {} at {}: {what}", record.index, record.position))?;
        }
        from = to;
    }
    let (end, next) = (expected.position, expected.offset);
    if (end, next) != (segment.bytes, segment.next_offset) {
        return Err(format!("it ends at {end} with offset {next}"));
    }
    Ok(())
}

impl Expected {
    fn take<F: DiskFile>(&mut self, record: &EntryRecord, log: &F) -> Result<(), String> {
        if record.index != self.index || record.term < self.term {
            return Err(format!("its place is that of entry {}", self.index));
        }
        if record.offsets > 0 {
            if (u64::from(record.position), record.base_offset) != (self.position, self.offset) {
                return Err(format!(
                    "its place is {} with {}",
                    self.position, self.offset
                ));
            }
            if record.end() > self.bytes {
                return Err(format!("it ends behind the segment, at {}", record.end()));
            }
            self.read(record, log)?;
            self.position = record.end();
        }
        if record.next_offset() != self.offset {
            return Err(format!("it ends with offset {}", self.offset));
        }
        self.term = record.term;
        self.index = self.index.next();
        Ok(())
    }

    fn read<F: DiskFile>(&mut self, record: &EntryRecord, log: &F) -> Result<(), String> {
        let length = usize::try_from(record.length).expect("a 32-bit length fits");
        let mut bytes = vec![0; length];
        log.read_exact_at(&mut bytes, self.position)
            .map_err(|error| error.to_string())?;
        if crc32c(&bytes) != record.checksum {
            return Err("its checksum is another one".to_owned());
        }
        let epoch = i32::try_from(record.term.0).ok(); // The leader epoch is the term.
        let mut rest = Bytes::from(bytes);
        while !rest.is_empty() {
            let batch = StoredBatch::split_first(&mut rest).map_err(|error| error.to_string())?;
            let header = batch.header();
            if (header.first_offset(), Some(header.leader_epoch)) != (self.offset, epoch) {
                return Err(format!("a batch is of offset {}", header.first_offset()));
            }
            self.offset = header.next_offset();
        }
        Ok(())
    }
}

//! The bytes of a [`LogState`], for whoever keeps it: big-endian, counts before lists.
//!
//! No checksum: the record that it travels in has one.

use bytes::{Buf, BufMut, Bytes};
use thalweg_model::{LeaderEpoch, LogIndex, Offset, Term, Timestamp};

use super::{Doomed, EntryId, LogState, ProducerBase};
use crate::epochs::EpochStart;
use crate::index::{EntryRecord, FixedEntry};
use crate::segment::SegmentState;

/// The bytes are not those of a log's state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the state of a log is malformed")]
pub struct LogStateError;

const VERSION: u8 = 1;
/// Bytes of one segment.
const SEGMENT_BYTES: usize = 4 * 8 + 4 * 4 + 5 * 8 + 1;

impl LogState {
    /// Appends the state's bytes to `out`.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.put_u8(VERSION);
        for offset in [self.log_start, self.next_offset] {
            out.put_i64(offset.value());
        }
        for entry in [self.before, self.last] {
            out.put_u64(entry.index.0);
            out.put_u64(entry.term.0);
        }
        put_count(out, self.segments.len());
        for segment in &self.segments {
            put_segment(out, segment);
        }
        put_count(out, self.tail.len());
        for record in &self.tail {
            record.encode(out);
        }
        put_count(out, self.internal.len());
        for (index, payload) in &self.internal {
            out.put_u64(index.0);
            put_bytes(out, payload);
        }
        put_count(out, self.epochs.len());
        for start in &self.epochs {
            out.put_i32(start.epoch.value());
            out.put_i64(start.start.value());
        }
        out.put_i64(self.producers.at.value());
        out.put_u8(u8::from(self.producers.inline.is_some()));
        put_bytes(out, self.producers.inline.as_deref().unwrap_or_default());
        put_count(out, self.doomed.len());
        for doomed in &self.doomed {
            let (kind, offset) = match doomed {
                Doomed::Segment(base) => (0, base),
                Doomed::Snapshot(at) => (1, at),
            };
            out.put_u8(kind);
            out.put_i64(offset.value());
        }
    }

    /// Reads a state back; `bytes` holds nothing else.
    ///
    /// # Errors
    /// The bytes are not what was written.
    pub fn decode(bytes: &Bytes) -> Result<Self, LogStateError> {
        let mut rest = bytes.clone();
        decode(&mut rest)
            .filter(|_| rest.is_empty())
            .ok_or(LogStateError)
    }
}

fn put_count(out: &mut Vec<u8>, count: usize) {
    out.put_u32(u32::try_from(count).expect("lists of a log's state are short"));
}

fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put_count(out, bytes.len());
    out.put_slice(bytes);
}

fn put_segment(out: &mut Vec<u8>, segment: &SegmentState) {
    out.put_i64(segment.base.value());
    out.put_u64(segment.bytes);
    out.put_i64(segment.next_offset.value());
    out.put_u64(segment.first_index.0);
    for count in [
        segment.entries,
        segment.offsets,
        segment.times,
        segment.aborted,
    ] {
        out.put_u32(count);
    }
    out.put_i64(segment.max_timestamp.0);
    out.put_i64(segment.max_timestamp_at.value());
    out.put_i64(segment.first_timestamp.0);
    out.put_i64(segment.indexed_timestamp.0);
    out.put_i64(segment.created.0);
    out.put_u8(u8::from(segment.has_snapshot));
}

fn get_offset(rest: &mut Bytes) -> Option<Offset> {
    Offset::from_wire(rest.try_get_i64().ok()?)
}

fn get_entry_id(rest: &mut Bytes) -> Option<EntryId> {
    Some(EntryId {
        index: LogIndex(rest.try_get_u64().ok()?),
        term: Term(rest.try_get_u64().ok()?),
    })
}

fn get_bytes(rest: &mut Bytes) -> Option<Bytes> {
    let length = usize::try_from(rest.try_get_u32().ok()?).ok()?;
    (length <= rest.len()).then(|| rest.split_to(length))
}

/// Reads a list whose items take at least `least` bytes each.
fn get_list<T>(
    rest: &mut Bytes,
    least: usize,
    item: impl Fn(&mut Bytes) -> Option<T>,
) -> Option<Vec<T>> {
    let count = usize::try_from(rest.try_get_u32().ok()?).ok()?;
    if count > rest.len() / least {
        return None;
    }
    (0..count).map(|_| item(rest)).collect()
}

fn get_segment(rest: &mut Bytes) -> Option<SegmentState> {
    if rest.len() < SEGMENT_BYTES {
        return None;
    }
    Some(SegmentState {
        base: get_offset(rest)?,
        bytes: rest.get_u64(),
        next_offset: get_offset(rest)?,
        first_index: LogIndex(rest.get_u64()),
        entries: rest.get_u32(),
        offsets: rest.get_u32(),
        times: rest.get_u32(),
        aborted: rest.get_u32(),
        max_timestamp: Timestamp(rest.get_i64()),
        max_timestamp_at: get_offset(rest)?,
        first_timestamp: Timestamp(rest.get_i64()),
        indexed_timestamp: Timestamp(rest.get_i64()),
        created: Timestamp(rest.get_i64()),
        has_snapshot: rest.get_u8() != 0,
    })
}

fn get_record(rest: &mut Bytes) -> Option<EntryRecord> {
    let size = usize::try_from(EntryRecord::BYTES).ok()?;
    if rest.len() < size {
        return None;
    }
    EntryRecord::decode(&rest.split_to(size)).ok()
}

fn get_doomed(rest: &mut Bytes) -> Option<Doomed> {
    let kind = rest.try_get_u8().ok()?;
    let offset = get_offset(rest)?;
    match kind {
        0 => Some(Doomed::Segment(offset)),
        1 => Some(Doomed::Snapshot(offset)),
        _unknown => None,
    }
}

fn get_producers(rest: &mut Bytes) -> Option<ProducerBase> {
    let at = get_offset(rest)?;
    let is_inline = rest.try_get_u8().ok()? != 0;
    let bytes = get_bytes(rest)?;
    Some(ProducerBase {
        at,
        inline: is_inline.then_some(bytes),
    })
}

fn decode(rest: &mut Bytes) -> Option<LogState> {
    if rest.try_get_u8().ok()? != VERSION {
        return None;
    }
    Some(LogState {
        log_start: get_offset(rest)?,
        next_offset: get_offset(rest)?,
        before: get_entry_id(rest)?,
        last: get_entry_id(rest)?,
        segments: get_list(rest, SEGMENT_BYTES, get_segment)?,
        tail: get_list(rest, 44, get_record)?,
        internal: get_list(rest, 12, |rest| {
            let index = LogIndex(rest.try_get_u64().ok()?);
            Some((index, get_bytes(rest)?))
        })?,
        epochs: get_list(rest, 12, |rest| {
            let epoch = LeaderEpoch::from_wire(rest.try_get_i32().ok()?)?;
            let start = get_offset(rest)?;
            Some(EpochStart { epoch, start })
        })?,
        producers: get_producers(rest)?,
        doomed: get_list(rest, 9, get_doomed)?,
    })
}

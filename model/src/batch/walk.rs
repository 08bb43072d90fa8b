//! One pass over a batch's records without keeping them: what validation needs.

use std::io::{BufRead, Read};

use crate::compression::Compression;
use crate::limits::DECOMPRESSED_BYTES_MAX;

/// What one record looks like from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordShape {
    /// Place in the batch, from 0.
    pub index: u32,
    /// Offset less the batch's base offset, as the record says.
    pub offset_delta: i32,
    /// Timestamp less the batch's base timestamp.
    pub timestamp_delta: i64,
    /// Whether there is a key.
    pub has_key: bool,
}

/// Why a batch's records cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum WalkError {
    /// A length, count or varint is impossible, or the data ends too early.
    #[error("record {index} is malformed: {what}")]
    Malformed {
        /// The record.
        index: u32,
        /// What is wrong with it.
        what: &'static str,
    },
    /// Data follows the declared number of records.
    #[error("data follows the {count} declared records")]
    Trailing {
        /// Declared records.
        count: u32,
    },
    /// The codec's data is damaged.
    #[error("the compressed records cannot be read: {0}")]
    Codec(#[source] std::io::Error),
    /// The plain records are larger than a batch may grow to.
    #[error("the compressed records grow beyond {DECOMPRESSED_BYTES_MAX} bytes")]
    TooLarge,
}

/// Walks the `count` records of a batch, decompressed as a stream if need be, and never beyond the limit of a batch.
pub(super) fn walk_payload(
    codec: Compression,
    payload: &[u8],
    count: u32,
    visit: impl FnMut(RecordShape),
) -> Result<(), WalkError> {
    const LIMIT: u64 = DECOMPRESSED_BYTES_MAX as u64 + 1;
    match codec {
        Compression::None => walk(payload, count, visit),
        Compression::Gzip | Compression::Snappy | Compression::Lz4 | Compression::Zstd => {
            let reader = codec.reader(payload).map_err(WalkError::Codec)?;
            let mut plain = reader.take(LIMIT);
            let walked = walk(&mut plain, count, visit);
            if plain.limit() == 0 {
                return Err(WalkError::TooLarge);
            }
            walked
        }
    }
}

/// Walks `count` records, showing each one's shape to `visit`.
///
/// # Errors
/// The first record that is malformed, or the codec's failure.
pub fn walk(
    mut source: impl BufRead,
    count: u32,
    mut visit: impl FnMut(RecordShape),
) -> Result<(), WalkError> {
    for index in 0..count {
        let shape = walk_one(&mut source, index)?;
        visit(shape);
    }
    let rest = source.fill_buf().map_err(WalkError::Codec)?;
    if rest.is_empty() {
        Ok(())
    } else {
        Err(WalkError::Trailing { count })
    }
}

/// One record's bytes, counted so that a length inside never exceeds the record's own.
struct Body<'a, R> {
    source: &'a mut R,
    left: u64,
    index: u32,
}

fn walk_one(source: &mut impl BufRead, index: u32) -> Result<RecordShape, WalkError> {
    // The length is outside itself: ten bytes are the most a varint has.
    let mut outer = Body {
        source,
        left: 10,
        index,
    };
    let length = outer.varlong()?;
    let left = u64::try_from(length)
        .ok()
        .filter(|&length| length <= i32::MAX.unsigned_abs().into())
        .ok_or(WalkError::Malformed {
            index,
            what: "its length is negative or too large",
        })?;
    let mut body = Body {
        source: outer.source,
        left,
        index,
    };
    body.skip(1)?; // Attributes: no bit is in use.
    let timestamp_delta = body.varlong()?;
    let offset_delta = body.varint()?;
    let key = body.varint()?;
    body.skip_nullable(key)?;
    let value = body.varint()?;
    body.skip_nullable(value)?;
    let headers = body.varint()?;
    if headers < 0 {
        return Err(body.malformed("its header count is negative"));
    }
    for _ in 0..headers {
        let name = body.varint()?;
        if name < 0 {
            return Err(body.malformed("a header has no name"));
        }
        body.skip_nullable(name)?;
        let value = body.varint()?;
        body.skip_nullable(value)?;
    }
    if body.left != 0 {
        return Err(body.malformed("it is longer than its fields"));
    }
    Ok(RecordShape {
        index,
        offset_delta,
        timestamp_delta,
        has_key: key >= 0,
    })
}

impl<R: BufRead> Body<'_, R> {
    fn malformed(&self, what: &'static str) -> WalkError {
        WalkError::Malformed {
            index: self.index,
            what,
        }
    }

    fn byte(&mut self) -> Result<u8, WalkError> {
        if self.left == 0 {
            return Err(self.malformed("a field runs past its end"));
        }
        self.left -= 1;
        let mut byte = [0];
        match self.source.read_exact(&mut byte) {
            Ok(()) => Ok(byte[0]),
            Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
                Err(self.malformed("the batch ends inside it"))
            }
            Err(error) => Err(WalkError::Codec(error)),
        }
    }

    fn varlong(&mut self) -> Result<i64, WalkError> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok((value >> 1).cast_signed() ^ -(value & 1).cast_signed());
            }
        }
        Err(self.malformed("a number is too long"))
    }

    fn varint(&mut self) -> Result<i32, WalkError> {
        let value = self.varlong()?;
        i32::try_from(value).map_err(|_wide| self.malformed("a number is too large"))
    }

    /// Skips a field of `length` bytes; -1 stands for null.
    fn skip_nullable(&mut self, length: i32) -> Result<(), WalkError> {
        match u64::try_from(length) {
            Ok(length) => self.skip(length),
            Err(_) if length == -1 => Ok(()),
            Err(_) => Err(self.malformed("a length is negative")),
        }
    }

    fn skip(&mut self, bytes: u64) -> Result<(), WalkError> {
        if bytes > self.left {
            return Err(self.malformed("a field runs past its end"));
        }
        self.left -= bytes;
        let mut wanted = bytes;
        while wanted > 0 {
            let available = self.source.fill_buf().map_err(WalkError::Codec)?.len();
            if available == 0 {
                return Err(self.malformed("the batch ends inside it"));
            }
            let step = usize::try_from(wanted).map_or(available, |wanted| wanted.min(available));
            self.source.consume(step);
            wanted -= u64::try_from(step).expect("a length fits 64 bits");
        }
        Ok(())
    }
}

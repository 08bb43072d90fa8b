//! Snappy as Kafka has it: snappy-java's ("xerial") stream of blocks, or one raw block.

use std::io::{self, BufRead, Read};

const MAGIC: [u8; 8] = [0x82, b'S', b'N', b'A', b'P', b'P', b'Y', 0];
/// Magic, version and lowest compatible version.
const STREAM_HEADER_BYTES: usize = 16;
/// snappy-java's block size.
const BLOCK_BYTES: usize = 32 << 10;
/// Most that one block may announce: raw snappy states its plain size up front, and librdkafka
/// sends whole batches as one block.
const BLOCK_PLAIN_BYTES_MAX: usize = 64 << 20;
/// Snappy's best ratio is just under 64 bytes for 3; a block that announces more is a lie.
const EXPANSION_MAX: usize = 32;

/// Reads the blocks one at a time.
pub(super) struct Reader<'a> {
    rest: &'a [u8],
    framed: bool,
    block: Vec<u8>,
    consumed: usize,
}

impl<'a> Reader<'a> {
    pub(super) fn new(data: &'a [u8]) -> Self {
        let framed = data.len() >= STREAM_HEADER_BYTES && data.starts_with(&MAGIC);
        let rest = if framed {
            &data[STREAM_HEADER_BYTES..]
        } else {
            data
        };
        Self {
            rest,
            framed,
            block: Vec::new(),
            consumed: 0,
        }
    }

    fn next_block(&mut self) -> io::Result<()> {
        let invalid = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what);
        let compressed = if self.framed {
            // Streams may be concatenated: a header may stand where a block is expected.
            if self.rest.len() >= STREAM_HEADER_BYTES && self.rest.starts_with(&MAGIC) {
                self.rest = &self.rest[STREAM_HEADER_BYTES..];
            }
            let (length, after) = self
                .rest
                .split_first_chunk::<4>()
                .ok_or_else(|| invalid("a block is cut off"))?;
            let length = usize::try_from(u32::from_be_bytes(*length)).unwrap_or(usize::MAX);
            let (block, after) = after
                .split_at_checked(length)
                .ok_or_else(|| invalid("a block is cut off"))?;
            self.rest = after;
            block
        } else {
            std::mem::take(&mut self.rest)
        };
        let plain = snap::raw::decompress_len(compressed).map_err(io::Error::other)?;
        let believable = compressed.len().saturating_mul(EXPANSION_MAX);
        if plain > BLOCK_PLAIN_BYTES_MAX || plain > believable {
            return Err(invalid("a block announces more than it can hold"));
        }
        self.block.resize(plain, 0);
        let written = snap::raw::Decoder::new()
            .decompress(compressed, &mut self.block)
            .map_err(io::Error::other)?;
        self.block.truncate(written);
        self.consumed = 0;
        Ok(())
    }
}

impl Read for Reader<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        super::read_buffered(self, out)
    }
}

impl BufRead for Reader<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        while self.consumed == self.block.len() && !self.rest.is_empty() {
            self.next_block()?;
        }
        Ok(&self.block[self.consumed..])
    }

    fn consume(&mut self, amount: usize) {
        self.consumed += amount;
    }
}

pub(super) fn compress(plain: &[u8]) -> io::Result<Vec<u8>> {
    let mut out = Vec::from(MAGIC);
    out.extend_from_slice(&1_u32.to_be_bytes());
    out.extend_from_slice(&1_u32.to_be_bytes());
    let mut encoder = snap::raw::Encoder::new();
    for block in plain.chunks(BLOCK_BYTES) {
        let compressed = encoder.compress_vec(block).map_err(io::Error::other)?;
        let length = u32::try_from(compressed.len()).map_err(io::Error::other)?;
        out.extend_from_slice(&length.to_be_bytes());
        out.extend_from_slice(&compressed);
    }
    Ok(out)
}

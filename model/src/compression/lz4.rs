//! LZ4 frames, one block at a time.
//!
//! The frame reader of `lz4_flex` clears room for two of the largest blocks for every frame: 8 MiB for
//! clients that announce 4 MiB blocks, 60 % of the broker's time for 64 KiB batches. This one makes
//! room for what a block holds. The blocks themselves are decoded by the crate.

use std::hash::Hasher;
use std::io::{self, BufRead, Read, Write};

use lz4_flex::block::{DecompressError, decompress_into, decompress_into_with_dict};
use lz4_flex::frame::{BlockMode, BlockSize, FrameEncoder, FrameInfo};
use twox_hash::XxHash32;

const MAGIC: [u8; 4] = 0x184d_2204_u32.to_le_bytes();
/// What a linked block may refer back to.
const WINDOW_BYTES: usize = 64 << 10;
/// First guess at how much larger a block's plain form is.
const EXPANSION_GUESS: usize = 4;
/// Set in a block's size if it is stored as it is.
const UNCOMPRESSED: u32 = 1 << 31;

/// Reads one frame.
pub(super) struct Reader<'a> {
    rest: &'a [u8],
    block_bytes_max: usize,
    linked: bool,
    block_checksums: bool,
    content_checksum: bool,
    /// The end of what was read before, for linked blocks.
    window: Vec<u8>,
    block: Vec<u8>,
    consumed: usize,
    ended: bool,
}

fn invalid(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

fn take<'a>(rest: &mut &'a [u8], length: usize) -> io::Result<&'a [u8]> {
    let (taken, after) = rest
        .split_at_checked(length)
        .ok_or_else(|| invalid("the frame is cut off"))?;
    *rest = after;
    Ok(taken)
}

fn take_u32(rest: &mut &[u8]) -> io::Result<u32> {
    let bytes = take(rest, 4)?;
    Ok(u32::from_le_bytes(
        bytes.try_into().expect("four bytes were taken"),
    ))
}

fn checksum(bytes: &[u8]) -> u32 {
    let mut hasher = XxHash32::with_seed(0);
    hasher.write(bytes);
    u32::try_from(hasher.finish()).expect("a 32-bit checksum")
}

impl<'a> Reader<'a> {
    pub(super) fn new(data: &'a [u8]) -> io::Result<Self> {
        let mut rest = data;
        if take(&mut rest, 4)? != MAGIC {
            return Err(invalid("the frame has another magic number"));
        }
        let descriptor = rest;
        let flags = take(&mut rest, 2)?;
        let (flags, sizes) = (flags[0], flags[1]);
        if flags >> 6 != 1 || flags & 0x02 != 0 || sizes & 0x8f != 0 {
            return Err(invalid("the frame is of another version"));
        }
        if flags & 0x01 != 0 {
            return Err(invalid("the frame wants a dictionary"));
        }
        let block_bytes_max = match sizes >> 4 {
            4 => 64 << 10,
            5 => 256 << 10,
            6 => 1 << 20,
            7 => 4 << 20,
            _ => return Err(invalid("the frame has no block size")),
        };
        let content_size_bytes = if flags & 0x08 == 0 { 0 } else { 8 };
        take(&mut rest, content_size_bytes)?;
        let computed = checksum(&descriptor[..2 + content_size_bytes]).to_le_bytes()[1];
        if take(&mut rest, 1)? != [computed] {
            return Err(invalid("the frame's header has another checksum"));
        }
        Ok(Self {
            rest,
            block_bytes_max,
            linked: flags & 0x20 == 0,
            block_checksums: flags & 0x10 != 0,
            content_checksum: flags & 0x04 != 0,
            window: Vec::new(),
            block: Vec::new(),
            consumed: 0,
            ended: false,
        })
    }

    fn next_block(&mut self) -> io::Result<()> {
        self.keep_window();
        let size = take_u32(&mut self.rest)?;
        if size == 0 {
            self.ended = true;
            self.block.clear();
            self.consumed = 0;
            // The batch has a checksum of its own over all of this.
            take(&mut self.rest, if self.content_checksum { 4 } else { 0 })?;
            return if self.rest.is_empty() {
                Ok(())
            } else {
                Err(invalid("data follows the frame"))
            };
        }
        let length = usize::try_from(size & !UNCOMPRESSED).map_err(io::Error::other)?;
        if length > self.block_bytes_max {
            return Err(invalid("a block is larger than the frame allows"));
        }
        let data = take(&mut self.rest, length)?;
        if self.block_checksums && take_u32(&mut self.rest)? != checksum(data) {
            return Err(invalid("a block has another checksum"));
        }
        self.consumed = 0;
        if size & UNCOMPRESSED == 0 {
            self.decode(data)
        } else {
            self.block.clear();
            self.block.extend_from_slice(data);
            Ok(())
        }
    }

    /// Decodes into room that doubles until the block fits.
    fn decode(&mut self, data: &[u8]) -> io::Result<()> {
        let mut room = (data.len() * EXPANSION_GUESS).clamp(1 << 10, self.block_bytes_max);
        loop {
            if self.block.len() < room {
                self.block.resize(room, 0);
            }
            let decoded = if self.linked {
                decompress_into_with_dict(data, &mut self.block, &self.window)
            } else {
                decompress_into(data, &mut self.block)
            };
            match decoded {
                Ok(length) if length <= self.block_bytes_max => {
                    self.block.truncate(length);
                    return Ok(());
                }
                Err(DecompressError::OutputTooSmall { .. }) if room < self.block_bytes_max => {
                    room = (room * 2).min(self.block_bytes_max);
                }
                Ok(_) | Err(DecompressError::OutputTooSmall { .. }) => {
                    return Err(invalid("a block is larger than the frame allows"));
                }
                Err(error) => return Err(io::Error::new(io::ErrorKind::InvalidData, error)),
            }
        }
    }

    fn keep_window(&mut self) {
        if !self.linked {
            return;
        }
        self.window.extend_from_slice(&self.block);
        let beyond = self.window.len().saturating_sub(WINDOW_BYTES);
        self.window.drain(..beyond);
    }
}

impl Read for Reader<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        super::read_buffered(self, out)
    }
}

impl BufRead for Reader<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        while self.consumed == self.block.len() && !self.ended {
            self.next_block()?;
        }
        Ok(&self.block[self.consumed..])
    }

    fn consume(&mut self, amount: usize) {
        self.consumed += amount;
    }
}

/// 64 KiB independent blocks, as the Java client writes them.
pub(super) fn compress(plain: &[u8]) -> io::Result<Vec<u8>> {
    let info = FrameInfo::new()
        .block_size(BlockSize::Max64KB)
        .block_mode(BlockMode::Independent);
    let mut encoder = FrameEncoder::with_frame_info(info, Vec::new());
    encoder.write_all(plain)?;
    encoder.finish().map_err(io::Error::other)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain() -> Vec<u8> {
        (0..700_000_u32)
            .flat_map(|n| (n / 7 % 251).to_be_bytes())
            .collect()
    }

    fn frame(info: FrameInfo) -> Vec<u8> {
        let mut encoder = FrameEncoder::with_frame_info(info, Vec::new());
        encoder.write_all(&plain()).unwrap();
        encoder.finish().unwrap()
    }

    fn read(frame: &[u8]) -> io::Result<Vec<u8>> {
        let mut plain = Vec::new();
        Reader::new(frame)?.read_to_end(&mut plain)?;
        Ok(plain)
    }

    #[test]
    fn every_kind_of_frame_is_read() {
        let sizes = [
            BlockSize::Max64KB,
            BlockSize::Max256KB,
            BlockSize::Max1MB,
            BlockSize::Max4MB,
        ];
        for size in sizes {
            for mode in [BlockMode::Independent, BlockMode::Linked] {
                let info = FrameInfo::new().block_size(size).block_mode(mode);
                let checked = info.clone().block_checksums(true).content_checksum(true);
                assert!(read(&frame(info)).unwrap() == plain(), "{size:?}");
                assert!(
                    read(&frame(checked)).unwrap() == plain(),
                    "{size:?}, checked"
                );
            }
        }
    }

    #[test]
    fn what_is_cut_off_or_follows_is_refused() {
        let frame = frame(FrameInfo::new().block_checksums(true));
        for length in (0..frame.len()).step_by(997) {
            assert!(read(&frame[..length]).is_err(), "{length}");
        }
        let mut longer = frame.clone();
        longer.push(0);
        assert!(read(&longer).is_err());
        for at in [4, 5, 6, 40] {
            let mut damaged = frame.clone();
            damaged[at] ^= 0x40;
            assert!(read(&damaged).is_err(), "{at}");
        }
    }
}

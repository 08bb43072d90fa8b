//! Sending answers: memory with vectored writes, file extents with `sendfile`. What is not in the page
//! cache is brought there by another thread first: nobody else waits for this reader's disk.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::os::fd::{AsFd, AsRawFd};

use bytes::{Buf, Bytes, BytesMut};
use rustix::fs::sendfile;
use thalweg_log::disk::RealFile;
use thalweg_log::partition::Extent;
use tokio::io::Interest;
use tokio::net::TcpStream;

use super::cold::ColdRange;
use super::piece::{FileExtent, Piece, memory};
use crate::limits::{SENDFILE_BYTES_MIN, WRITE_SLICES_MAX};

/// What has been answered and not yet sent.
#[derive(Debug, Default)]
pub(crate) struct Output {
    pieces: VecDeque<Piece>,
    /// Bytes of them that are in memory.
    memory: usize,
    /// Bytes of the first extent, if that is next, that are in the page cache.
    cached: usize,
}

impl Output {
    pub(crate) fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    /// Bytes that wait in memory.
    pub(crate) fn memory(&self) -> usize {
        self.memory
    }

    /// Adds an answer behind the others. Short extents become memory at once, if no disk has to be
    /// waited for.
    pub(crate) fn push(&mut self, pieces: Vec<Piece>) {
        for piece in pieces {
            match piece {
                Piece::Bytes(bytes) if bytes.is_empty() => {}
                Piece::Extent(extent) if extent.0.length < SENDFILE_BYTES_MIN => {
                    self.add(load_cached(&extent).map_or(Piece::Extent(extent), Piece::Bytes));
                }
                piece @ (Piece::Bytes(_) | Piece::Extent(_)) => self.add(piece),
            }
        }
    }

    /// What has to be read from the disk before anything more can be sent.
    pub(crate) fn cold(&mut self) -> Option<ColdRange> {
        let Some(Piece::Extent(FileExtent(extent))) = self.pieces.front() else {
            return None;
        };
        if self.cached > 0 {
            return None;
        }
        let range = ColdRange::first_of(extent);
        if range.is_cached() {
            self.cached = range.length;
            return None;
        }
        Some(range)
    }

    /// A cold range was read.
    pub(crate) fn warmed(&mut self, range: &ColdRange) {
        self.cached = range.length;
    }

    fn add(&mut self, piece: Piece) {
        self.memory += memory(&piece);
        self.pieces.push_back(piece);
    }

    /// Sends as much as the socket takes; the number of bytes, or `WouldBlock`.
    pub(crate) fn try_send(&mut self, stream: &TcpStream) -> io::Result<usize> {
        match self.pieces.front_mut() {
            None => Ok(0),
            Some(Piece::Extent(extent)) => {
                let sent = send_extent(stream, extent, self.cached)?;
                self.cached -= sent;
                if extent.0.length == 0 {
                    self.pieces.pop_front();
                    self.cached = 0;
                }
                Ok(sent)
            }
            Some(Piece::Bytes(_)) => self.send_memory(stream),
        }
    }

    fn send_memory(&mut self, stream: &TcpStream) -> io::Result<usize> {
        let memory = self.pieces.iter().map_while(|piece| match piece {
            Piece::Bytes(bytes) => Some(IoSlice::new(bytes)),
            Piece::Extent(_) => None,
        });
        let slices: Vec<_> = memory.take(WRITE_SLICES_MAX).collect();
        let sent = stream.try_write_vectored(&slices)?;
        self.memory -= sent;
        let mut left = sent;
        while left > 0 {
            let Some(Piece::Bytes(front)) = self.pieces.front_mut() else {
                break;
            };
            if left < front.len() {
                front.advance(left);
                break;
            }
            left -= front.len();
            self.pieces.pop_front();
        }
        Ok(sent)
    }
}

/// A short extent, if it is in the page cache.
fn load_cached(FileExtent(extent): &FileExtent) -> Option<Bytes> {
    let mut buffer = BytesMut::zeroed(usize::try_from(extent.length).ok()?);
    let read = extent.file.read_cached_at(&mut buffer, extent.position);
    (read.ok()? == buffer.len()).then(|| buffer.freeze())
}

/// An error of a segment file, which is told from one of the socket by its kind.
pub(super) fn unreadable(extent: &Extent<RealFile>, why: &str) -> io::Error {
    // An extent does not carry its path, and only here is it missed.
    let descriptor = extent.file.as_fd().as_raw_fd();
    let path = std::fs::read_link(format!("/proc/self/fd/{descriptor}"));
    let path = path.map_or_else(
        |_| "a segment".to_owned(),
        |path| path.display().to_string(),
    );
    let (position, length) = (extent.position, extent.length);
    let what = format!("{path} cannot be read at {position}, {length} bytes: {why}");
    io::Error::new(io::ErrorKind::InvalidData, what)
}

fn send_extent(
    stream: &TcpStream,
    FileExtent(extent): &mut FileExtent,
    cached: usize,
) -> io::Result<usize> {
    stream.try_io(Interest::WRITABLE, || {
        let mut position = extent.position;
        let left = usize::try_from(extent.length).map_err(io::Error::other)?;
        let left = left.min(cached);
        let sent = sendfile(stream, extent.file.as_fd(), Some(&mut position), left)?;
        if sent == 0 {
            return Err(unreadable(extent, "the file is shorter than its log"));
        }
        extent.position = position;
        extent.length -= u64::try_from(sent).expect("a length fits 64 bits");
        Ok(sent)
    })
}

//! The payloads of replayed entries.

use std::io;
use std::path::Path;

use bytes::Bytes;

use super::PayloadLocation;
use super::chunk::ChunkId;
use crate::checksum::crc32c;
use crate::disk::{Disk, DiskFile, OpenMode};

/// Reads payloads from a journal's chunks. Those that are asked for in the journal's order are read ahead by
/// the system: a chunk stays open until another one is needed.
#[derive(Debug)]
pub struct Payloads<'a, D: Disk> {
    disk: &'a D,
    dir: &'a Path,
    open: Option<(ChunkId, D::File)>,
}

impl<'a, D: Disk> Payloads<'a, D> {
    pub(super) fn new(disk: &'a D, dir: &'a Path) -> Self {
        let open = None;
        Self { disk, dir, open }
    }

    /// The payload of a replayed entry.
    ///
    /// # Errors
    /// `InvalidData` if it is not what was written; else as the disk says.
    pub fn read(&mut self, location: &PayloadLocation) -> io::Result<Bytes> {
        let mut payload = vec![0; location.len()];
        let file = self.file(location.chunk)?;
        file.read_exact_at(&mut payload, location.position)?;
        if crc32c(&payload) != location.crc {
            let message = format!(
                "{} is damaged in the payload at {}",
                location.chunk.path(self.dir).display(),
                location.position
            );
            return Err(io::Error::new(io::ErrorKind::InvalidData, message));
        }
        Ok(payload.into())
    }

    fn file(&mut self, chunk: ChunkId) -> io::Result<&D::File> {
        let file = match self.open.take() {
            Some((open, file)) if open == chunk => file,
            Some(_) | None => self.disk.open(&chunk.path(self.dir), OpenMode::Read)?,
        };
        let (_, file) = self.open.insert((chunk, file));
        Ok(file)
    }
}

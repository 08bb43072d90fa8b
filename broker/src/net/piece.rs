//! Parts of an answer: memory, or a range of a segment file.

use thalweg_log::disk::{RealDisk, RealFile};
use thalweg_log::partition::Extent;

/// A range of a segment file, as the wire's frames carry it.
#[derive(Clone, Debug)]
pub(crate) struct FileExtent(pub(crate) Extent<RealFile>);

impl thalweg_wire::fetch::Extent for FileExtent {
    fn byte_len(&self) -> usize {
        usize::try_from(self.0.length).expect("a read is far smaller than memory")
    }
}

/// A part of an answer's bytes.
pub(crate) type Piece = thalweg_wire::fetch::Piece<FileExtent>;

/// Bytes of a part that are in memory.
pub(crate) fn memory(piece: &Piece) -> usize {
    match piece {
        Piece::Bytes(bytes) => bytes.len(),
        Piece::Extent(_) => 0,
    }
}

/// A part of what a partition returned.
pub(crate) fn from_read(piece: thalweg_replica::Piece<RealDisk>) -> Piece {
    match piece {
        thalweg_replica::Piece::Bytes(bytes) => Piece::Bytes(bytes),
        thalweg_replica::Piece::Extent(extent) => Piece::Extent(FileExtent(extent)),
    }
}

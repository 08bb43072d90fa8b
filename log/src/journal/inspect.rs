//! Looking at a journal without opening it: nothing is changed, also while another process writes.

use std::path::{Path, PathBuf};

use super::chunk::ChunkId;
use super::format::{Header, PAGE_BYTES};
use super::replay::ReplayedEntry;
use super::scan::{Block, ChunkReader};
use super::{BlockSequence, JournalError, ShardId};
use crate::disk::{Disk, DiskFile, OpenMode};

/// A block as it was found.
#[derive(Clone, Debug)]
pub struct FoundBlock {
    /// Name of its file.
    pub file: String,
    /// Where it is in the file.
    pub position: u64,
    /// Its number.
    pub sequence: BlockSequence,
    /// Which opening of the journal wrote it.
    pub incarnation: u64,
    /// All blocks up to this one were durable when it was planned.
    pub complete: BlockSequence,
    /// Bytes that it takes.
    pub bytes: u32,
    /// Its checksum, which covers its header and its table.
    pub checksum: u64,
    /// Whether it continues the block listed before it.
    pub follows: bool,
    /// Whether its payloads are as its table says.
    pub is_whole: bool,
    /// Its entries.
    pub entries: Vec<ReplayedEntry>,
}

/// Reads the chain of blocks of every chunk in `dir`, in the order of their numbers. Blocks of earlier
/// laps behind the end of a chunk's chain are not shown.
///
/// # Errors
/// The disk refused.
pub fn inspect<D: Disk>(disk: &D, dir: &Path) -> Result<Vec<FoundBlock>, JournalError> {
    let mut found = Vec::new();
    for name in disk.list(dir).map_err(io_at(dir))? {
        let Some(id) = ChunkId::from_name(&name) else {
            continue;
        };
        let path = dir.join(&name);
        let file = disk.open(&path, OpenMode::Read).map_err(io_at(&path))?;
        let Some(shard) = owner(&file, &path)? else {
            continue;
        };
        let mut reader = ChunkReader::new(id, path, file, shard)?;
        found.extend(chain(&mut reader, &name.to_string_lossy())?);
    }
    found.sort_by_key(|(block, _)| block.header.sequence);
    let mut before: Option<Block> = None;
    let blocks = found.into_iter().map(|(block, mut shown)| {
        shown.follows = before.as_ref().is_some_and(|before| block.follows(before));
        before = Some(block);
        shown
    });
    Ok(blocks.collect())
}

fn io_at(path: &Path) -> impl FnOnce(std::io::Error) -> JournalError {
    let path: PathBuf = path.to_path_buf();
    move |source| JournalError::Io { path, source }
}

/// Whose the chunk is, as its first block says.
fn owner<F: DiskFile>(file: &F, path: &Path) -> Result<Option<ShardId>, JournalError> {
    let pages = u64::try_from(PAGE_BYTES).expect("a page is small");
    if file.len().map_err(io_at(path))? < pages {
        return Ok(None);
    }
    let mut page = vec![0; PAGE_BYTES];
    file.read_exact_at(&mut page, 0).map_err(io_at(path))?;
    Ok(Header::peek(&page).map(|header| header.shard))
}

fn chain<F: DiskFile>(
    reader: &mut ChunkReader<F>,
    file: &str,
) -> Result<Vec<(Block, FoundBlock)>, JournalError> {
    let mut found: Vec<(Block, FoundBlock)> = Vec::new();
    let mut next = reader.head()?;
    while let Some(block) = next {
        if let Some((before, _)) = found.last()
            && !block.follows(before)
        {
            break;
        }
        let shown = FoundBlock {
            file: file.to_owned(),
            position: block.position,
            sequence: block.header.sequence,
            incarnation: block.header.incarnation,
            complete: block.header.complete,
            bytes: block.header.block_bytes,
            checksum: block.checksum,
            follows: false,
            is_whole: reader.payloads_are_whole(&block)?,
            entries: block
                .payloads()
                .map(|(row, at)| ReplayedEntry::new(block.header.sequence, row, reader.id, at))
                .collect(),
        };
        next = reader.after(&block)?;
        found.push((block, shown));
    }
    Ok(found)
}

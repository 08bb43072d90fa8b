//! A journal on a simulated disk, and entries that tell what they are.

use std::path::Path;

use bytes::Bytes;
use thalweg_log::GroupId;
use thalweg_log::disk::{Disk, SimDisk};
use thalweg_log::journal::{
    BlockSequence, BlockWrite, EntryKind, Journal, JournalEntry, JournalError, JournalOptions,
    Payload, Replay, ShardId,
};
use thalweg_model::{LogIndex, Offset, Term, Uuid};

pub(crate) const HOME: &str = "/shard";
pub(crate) const DIR: &str = "/shard/journal";

pub(crate) fn shard() -> ShardId {
    ShardId {
        directory: Uuid::from_bytes(*b"a log directory."),
        shard: 3,
    }
}

/// Chunks that a few blocks fill.
pub(crate) fn small() -> JournalOptions {
    JournalOptions {
        chunk_bytes: 1280 << 10,
        ring_bytes_max: 6 * (1280 << 10),
        block_bytes_target: 64 << 10,
        ..JournalOptions::default()
    }
}

/// A disk with a durable directory for a journal.
pub(crate) fn disk(seed: u64) -> SimDisk {
    let disk = SimDisk::new(seed);
    disk.create_dir_all(Path::new(HOME)).unwrap();
    disk.sync_dir(Path::new("/")).unwrap();
    disk
}

pub(crate) type Opened<D> = Result<(Journal<D>, Replay), JournalError>;

pub(crate) fn open<D: Disk>(disk: &D, checkpoint: u64) -> Opened<D> {
    let checkpoint = BlockSequence(checkpoint);
    Journal::open(disk, Path::new(DIR), shard(), checkpoint, small())
}

/// An append whose payload is made of its index.
pub(crate) fn payload(index: u64, bytes: usize) -> Vec<Bytes> {
    let text = format!("<{index}>").into_bytes();
    let mut body = text.repeat(bytes / text.len() + 1);
    body.truncate(bytes);
    let middle = bytes / 3;
    let body = Bytes::from(body);
    vec![body.slice(..middle), body.slice(middle..)]
}

pub(crate) fn append(index: u64, pieces: &[Bytes]) -> JournalEntry<'_> {
    JournalEntry {
        group: GroupId(index % 5),
        index: LogIndex(index),
        term: Term(2),
        kind: EntryKind::Append {
            base_offset: Some(Offset::new(10 * i64::try_from(index).unwrap())),
        },
        payload: Payload::Inline(pieces),
    }
}

/// Seals a block with one append.
pub(crate) fn block<D: Disk>(journal: &mut Journal<D>, index: u64, bytes: usize) -> BlockWrite<D> {
    let mut builder = journal.begin_block().expect("there is room");
    builder.push(&append(index, &payload(index, bytes)));
    journal.seal(builder)
}

/// Seals, writes and completes a block with one append.
pub(crate) fn write<D: Disk>(journal: &mut Journal<D>, index: u64, bytes: usize) -> BlockSequence {
    let (sequence, buffer, result) = block(journal, index, bytes).perform();
    result.unwrap();
    journal.recycle(buffer);
    journal.completed(sequence);
    sequence
}

/// The indexes of a replay, in its order.
pub(crate) fn indexes(replay: &Replay) -> Vec<u64> {
    replay.entries.iter().map(|entry| entry.index.0).collect()
}

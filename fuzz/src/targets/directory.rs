//! A whole data directory with a few bytes changed: it opens or says why not, and what it serves is what was
//! appended.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use bytes::Bytes;
use thalweg_log::disk::{Disk, DiskFile, OpenMode, SimDisk};
use thalweg_log::journal::JournalOptions;
use thalweg_log::{GroupId, LogConfig};
use thalweg_model::batch::{BatchBuilder, BatchOptions, CheckedBatch, NewRecord, StoredBatch};
use thalweg_model::{BrokerId, Now, Offset, PartitionIndex, ReplicaId, Tick, Timestamp, Uuid};
use thalweg_replica::{
    Acks, AppendError, Appended, Effect, Isolation, PartitionSpec, Piece, ReadRequest, Shard,
    ShardConfig, Ticket,
};

use super::{Target, leave};
use crate::{Dice, bounded};

pub(super) const DIRECTORY: Target = Target {
    name: "directory",
    make: make_changes,
    repair: leave,
    take,
};

pub(super) const NOW: Now = Now {
    tick: Tick(1_000),
    wall: Timestamp(1_000_000),
};

/// What a shard takes that is opened: the buffers of its journal, and what the simulated disk keeps of the files that
/// recovery writes.
const OPEN_BYTES: usize = 24 << 20;

/// Where the part of a batch begins that its checksum covers, the checksum itself included.
const CHECKED_FROM: usize = 17;

/// Bytes of one change: which file, where (of 65,536 parts), and what.
const CHANGE_BYTES: usize = 4;

/// A directory, its files, and what each partition holds.
struct Made {
    disk: SimDisk,
    files: Vec<PathBuf>,
    appended: BTreeMap<(GroupId, i64), Bytes>,
}

fn make_changes(dice: &mut Dice) -> Vec<u8> {
    let count = CHANGE_BYTES * (1 + dice.below(4));
    dice.bytes(count)
}

pub(super) fn config() -> ShardConfig {
    ShardConfig {
        dir: "/data".into(),
        directory: Uuid::from_bytes([9; 16]),
        seed: 7,
        journal: JournalOptions {
            chunk_bytes: 1280 << 10,
            ..JournalOptions::default()
        },
        manifest_bytes_min: 60_000, // Small, so that it is written anew now and then.
    }
}

/// Carries out effects until there are none; false if the storage was given up.
fn settle(shard: &mut Shard<SimDisk>) -> bool {
    settle_with(shard, |_, _| {})
}

/// Carries out effects until there are none and shows how appends ended; false if the storage was given up.
pub(super) fn settle_with(
    shard: &mut Shard<SimDisk>,
    mut ended: impl FnMut(Ticket, Result<Appended, AppendError>),
) -> bool {
    loop {
        shard.flush(NOW);
        let effects = shard.take_effects();
        if effects.is_empty() {
            return true;
        }
        for effect in effects {
            match effect {
                Effect::WriteBlock(write) => shard.block_written(write.perform()),
                Effect::Checkpoint(job) => shard.checkpointed(job.perform()),
                Effect::Grow(job) => shard.journal_grown(job.perform()),
                Effect::Copy(job) => shard.copied(job.perform()),
                Effect::WriteStretches(job) => shard.stretches_written(job.perform()),
                Effect::RemoveLog(removal) => shard.log_removed(removal.perform()),
                Effect::Failed(_) => return false,
                Effect::Complete { ticket, result } => ended(ticket, result),
                Effect::Wake(_)
                | Effect::LeaderChanged(_)
                | Effect::Notice(_)
                | Effect::Warning(_)
                | Effect::Remove(_)
                | Effect::Send { .. } => {}
            }
        }
    }
}

pub(super) fn batch(number: u8) -> CheckedBatch {
    let mut builder = BatchBuilder::new(BatchOptions::default());
    let value = vec![number; 200];
    for _ in 0..3 {
        builder.push(&NewRecord {
            timestamp: Timestamp(i64::from(number)),
            key: None,
            value: Some(&value),
            headers: &[],
        });
    }
    builder.finish().expect("it is small")
}

fn make() -> &'static Made {
    static MADE: OnceLock<Made> = OnceLock::new();
    MADE.get_or_init(|| {
        let disk = SimDisk::new(3);
        let opened = Shard::open(disk.clone(), config(), NOW);
        let mut shard = opened.expect("an empty directory opens");
        let groups: Vec<GroupId> = ["a", "b"].map(|name| shard.add(spec(name), NOW)).into();
        settle(&mut shard);
        let mut appended = BTreeMap::new();
        for number in 0..24 {
            let group = groups[usize::from(number % 2)];
            let batch = batch(number);
            let ticket = Ticket {
                request: u64::from(number),
                part: 0,
            };
            let taken = shard.append(group, batch, Acks::All, ticket);
            taken.expect("the shard leads");
            settle(&mut shard);
            if number == 12 {
                shard.start_checkpoint();
                settle(&mut shard);
            }
        }
        for &group in &groups {
            for batch in read_all(&mut shard, group, Offset::ZERO).expect("nothing is damaged yet")
            {
                let base = batch.header().base_offset;
                appended.insert((group, base), batch.bytes().clone());
            }
        }
        drop(shard);
        let files = files(&disk, Path::new("/data"));
        Made {
            disk,
            files,
            appended,
        }
    })
}

pub(super) fn spec(name: &str) -> PartitionSpec {
    PartitionSpec {
        topic: Uuid::from_bytes([name.as_bytes()[0]; 16]),
        topic_name: name.to_owned(),
        partition: PartitionIndex(0),
        replica: ReplicaId(1),
        voters: vec![(ReplicaId(1), BrokerId(1))],
        config: LogConfig::default(),
        min_insync_replicas: 1,
    }
}

fn files(disk: &SimDisk, dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for name in disk.list(dir).unwrap_or_default() {
        let path = dir.join(name);
        if disk.open(&path, OpenMode::Read).is_ok() {
            found.push(path);
        } else {
            found.extend(files(disk, &path));
        }
    }
    found
}

/// All batches of a partition whose checksums are right; none if one cannot be read.
pub(super) fn read_all(
    shard: &mut Shard<SimDisk>,
    group: GroupId,
    start: Offset,
) -> Option<Vec<StoredBatch>> {
    let mut batches: Vec<StoredBatch> = Vec::new();
    let mut from = start;
    loop {
        let request = ReadRequest {
            group,
            from,
            bytes_max: 4_000,
            at_least_one: true,
            isolation: Isolation::Uncommitted,
            epoch: None,
            from_files: true,
        };
        let read = shard.read(&request).ok()?;
        if read.pieces.is_empty() {
            return Some(batches);
        }
        for piece in read.pieces {
            let mut bytes = match piece {
                Piece::Bytes(bytes) => bytes,
                Piece::Extent(extent) => {
                    let mut buffer = vec![0; usize::try_from(extent.length).ok()?];
                    extent
                        .file
                        .read_exact_at(&mut buffer, extent.position)
                        .ok()?;
                    buffer.into()
                }
            };
            while !bytes.is_empty() {
                // A client finds out by the checksum.
                let batch = StoredBatch::split_first(&mut bytes).ok()?;
                if batch.header().next_offset() <= from {
                    return None;
                }
                from = batch.header().next_offset();
                batches.push(batch);
            }
        }
    }
}

fn take(input: &[u8]) {
    let made = make();
    let disk = made.disk.fork();
    for change in input.chunks_exact(CHANGE_BYTES) {
        let path = &made.files[usize::from(change[0]) % made.files.len()];
        let file = disk.open(path, OpenMode::Write).expect("it was found");
        let length = file.len().expect("it was found");
        // Most of a journal's file was never written: changes go where something is.
        let length = length.min(32 << 10);
        if length == 0 {
            continue;
        }
        let place = u64::from(u16::from_be_bytes([change[1], change[2]])) * length / 65_536;
        if change[3] == 0 {
            file.set_len(place).expect("there is room");
        } else {
            let mut byte = [0];
            file.read_exact_at(&mut byte, place)
                .expect("it is that long");
            byte[0] ^= change[3];
            file.write_all_at(&byte, place).expect("there is room");
        }
    }
    let opened = bounded(OPEN_BYTES, || Shard::open(disk, config(), NOW));
    let Ok(mut shard) = opened else {
        return;
    };
    for name in ["a", "b"] {
        shard.add(spec(name), NOW);
    }
    if !settle(&mut shard) {
        return;
    }
    let groups: Vec<GroupId> = shard.partitions().map(|(group, _)| group).collect();
    for group in groups {
        for batch in read_all(&mut shard, group, Offset::ZERO).unwrap_or_default() {
            // Base offset and leader epoch stand outside the checksum of Kafka's format: only what it covers is
            // sure to be found out.
            let all = made.appended.iter().filter(|((of, _), _)| *of == group);
            let covered = &batch.bytes()[CHECKED_FROM..];
            let mut sent = all.map(|(_, bytes)| &bytes[CHECKED_FROM..]);
            assert!(
                sent.any(|sent| sent == covered),
                "what is served was appended"
            );
        }
    }
}

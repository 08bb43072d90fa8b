//! A log under test, and the batches that go into it.

use std::path::Path;

use bytes::{Bytes, BytesMut};
use thalweg_log::aligned::AlignedBuf;
use thalweg_log::disk::{Disk, DiskFile};
use thalweg_log::partition::{Appended, Checkpoint, LogEntry, LogRead, LogState};
use thalweg_log::{FileCache, LogConfig, LogHome, PartitionLog};
use thalweg_model::batch::{
    BatchBuilder, BatchOptions, CHECKSUM_FROM, CheckedBatch, HEADER_BYTES, NewRecord,
    ProducerStamp, RawBatch, StoredBatch,
};
use thalweg_model::compression::Compression;
use thalweg_model::{
    LeaderEpoch, LogIndex, Now, Offset, ProducerEpoch, ProducerId, Term, Tick, Timestamp, Uuid,
};

/// A topic's id.
pub(crate) const TOPIC: Uuid = Uuid::from_bytes(*b"0123456789abcdef");

/// A moment by the wall clock.
pub(crate) fn at(wall: i64) -> Now {
    Now {
        tick: Tick(0),
        wall: Timestamp(wall),
    }
}

pub(crate) fn offset(value: i64) -> Offset {
    Offset::new(value)
}

/// A producer's stamp.
pub(crate) fn stamp(id: i64, epoch: i16, base_sequence: i32) -> ProducerStamp {
    ProducerStamp {
        id: ProducerId(id),
        epoch: ProducerEpoch(epoch),
        base_sequence,
    }
}

/// A batch of records of `size` bytes with the given timestamps.
pub(crate) fn batch(timestamps: &[i64], size: usize) -> CheckedBatch {
    with_options(timestamps, size, BatchOptions::default())
}

pub(crate) fn compressed(timestamps: &[i64], compression: Compression) -> CheckedBatch {
    let options = BatchOptions {
        compression,
        ..BatchOptions::default()
    };
    with_options(timestamps, 50, options)
}

/// A compressed batch whose payload is none of its codec's; its header and its checksum are right.
pub(crate) fn unreadable(timestamps: &[i64], compression: Compression) -> CheckedBatch {
    altered(compressed(timestamps, compression), |bytes| {
        bytes[HEADER_BYTES..].fill(0xff);
    })
}

/// A changed batch with its checksum made right again.
pub(crate) fn altered(batch: CheckedBatch, change: impl FnOnce(&mut [u8])) -> CheckedBatch {
    let stored = batch.assign(Offset::ZERO, LeaderEpoch::ZERO);
    let mut bytes = BytesMut::from(&stored.bytes()[..]);
    change(&mut bytes);
    let crc = crc_fast::checksum(crc_fast::CrcAlgorithm::Crc32Iscsi, &bytes[CHECKSUM_FROM..]);
    bytes[17..21].copy_from_slice(&u32::try_from(crc).unwrap().to_be_bytes());
    RawBatch(bytes).check().unwrap()
}

pub(crate) fn idempotent(
    count: usize,
    producer: ProducerStamp,
    transactional: bool,
) -> CheckedBatch {
    let options = BatchOptions {
        producer: Some(producer),
        transactional,
        ..BatchOptions::default()
    };
    with_options(&vec![1_000; count], 20, options)
}

pub(crate) fn with_options(timestamps: &[i64], size: usize, options: BatchOptions) -> CheckedBatch {
    let mut builder = BatchBuilder::new(options);
    let value = vec![b'v'; size];
    for &timestamp in timestamps {
        builder.push(&NewRecord {
            timestamp: Timestamp(timestamp),
            key: None,
            value: Some(&value),
            headers: &[],
        });
    }
    builder.finish().unwrap()
}

/// A log, its cache and what was appended.
pub(crate) struct Fixture<D: Disk> {
    pub(crate) disk: D,
    pub(crate) cache: FileCache<D>,
    pub(crate) home: LogHome<D>,
    pub(crate) log: PartitionLog<D>,
    pub(crate) config: LogConfig,
}

impl<D: Disk> Fixture<D> {
    pub(crate) fn new(disk: &D, parent: &Path, config: LogConfig) -> Self {
        let cache = FileCache::new(8);
        let home = LogHome::new(disk.clone(), parent.join("topic-0"), TOPIC, &cache);
        let log = PartitionLog::create(home.clone(), config.clone());
        Self {
            disk: disk.clone(),
            cache,
            home,
            log,
            config,
        }
    }

    /// Opens the log again, as if the process had ended.
    pub(crate) fn reopen(&mut self, state: &LogState) {
        self.open(state);
        self.log.finish_recovery().unwrap();
    }

    /// Opens the log again for the journal to be brought back.
    pub(crate) fn open(&mut self, state: &LogState) {
        self.cache = FileCache::new(8);
        let dir = self.home.dir().to_path_buf();
        self.home = LogHome::new(self.disk.clone(), dir, TOPIC, &self.cache);
        self.log = PartitionLog::open(self.home.clone(), self.config.clone(), state);
    }

    /// Appends one entry of the given batches in term 1.
    pub(crate) fn append(&mut self, batches: Vec<CheckedBatch>) -> Appended {
        self.append_in(1, batches)
    }

    pub(crate) fn append_in(&mut self, term: u64, batches: Vec<CheckedBatch>) -> Appended {
        let stored = assign(self.log.log_end(), term, batches);
        let entry = LogEntry {
            index: self.log.last_entry().index.next(),
            term: Term(term),
            batches: &stored,
        };
        self.log.append(&entry, at(10_000)).unwrap()
    }

    /// Appends `count` entries of one batch of three records each.
    pub(crate) fn fill(&mut self, count: usize) {
        for _ in 0..count {
            self.append(vec![batch(&[1_000, 1_001, 1_002], 100)]);
        }
    }

    /// Takes a checkpoint and makes it true.
    pub(crate) fn checkpoint(&mut self) -> LogState {
        let checkpoint = self.log.checkpoint().unwrap();
        let state = sync(&self.disk, &checkpoint);
        for path in self.log.checkpointed(&state) {
            let _gone = self.disk.remove_file(&path);
        }
        state
    }

    /// Ends the log in good order and opens it again.
    pub(crate) fn restart(&mut self) {
        let empty = PartitionLog::create(self.home.clone(), self.config.clone());
        let log = std::mem::replace(&mut self.log, empty);
        let state = sync(&self.disk, &log.close(at(10_000)).unwrap());
        self.reopen(&state);
    }

    /// The base offsets of the batches from `from` to the end.
    pub(crate) fn bases(&mut self, from: i64) -> Vec<i64> {
        let (mut next, end) = (offset(from), self.log.log_end());
        let mut all = Vec::new();
        while next < end {
            let read = self.log.read(next, u64::MAX, end, true).unwrap();
            assert!(read.next > next, "a read moves on");
            next = read.next;
            all.extend(bases(&read));
        }
        all
    }

    /// What an I/O thread does: writes the stretches that are ready.
    pub(crate) fn write_stretches(&mut self) {
        let mut buffer = AlignedBuf::with_capacity(8_192);
        while self.log.wants_stretch() {
            let Some(stretch) = self.log.stretch().unwrap() else {
                return;
            };
            self.log.stretch_written(stretch.perform(&mut buffer));
        }
    }

    pub(crate) fn names(&self) -> Vec<String> {
        let paths = self.disk.list(self.home.dir()).unwrap();
        let names = paths.iter().map(|path| path.file_name().unwrap());
        names
            .map(|name| name.to_str().unwrap().to_owned())
            .collect()
    }
}

/// Syncs what a checkpoint asks for.
pub(crate) fn sync<D: Disk>(disk: &D, checkpoint: &Checkpoint<D>) -> LogState {
    for file in &checkpoint.files {
        file.sync_data().unwrap();
    }
    for dir in &checkpoint.dirs {
        disk.sync_dir(dir).unwrap();
    }
    let mut bytes = Vec::new();
    checkpoint.state.encode(&mut bytes);
    let state = LogState::decode(&Bytes::from(bytes)).unwrap();
    assert_eq!(state, checkpoint.state, "a state survives its bytes");
    state
}

/// Gives batches their offsets.
pub(crate) fn assign(mut next: Offset, term: u64, batches: Vec<CheckedBatch>) -> Vec<StoredBatch> {
    let mut stored = Vec::new();
    for batch in batches {
        let count = batch.record_count();
        stored.push(batch.assign(next, LeaderEpoch::from(Term(term))));
        next = next + count;
    }
    stored
}

/// The batches of a read.
pub(crate) fn batches<F: DiskFile>(read: &LogRead<F>) -> Vec<StoredBatch> {
    let mut all = Vec::new();
    for extent in &read.extents {
        let mut bytes = vec![0; usize::try_from(extent.length).unwrap()];
        extent
            .file
            .read_exact_at(&mut bytes, extent.position)
            .unwrap();
        let mut bytes = Bytes::from(bytes);
        while !bytes.is_empty() {
            all.push(StoredBatch::split_first(&mut bytes).unwrap());
        }
    }
    all
}

pub(crate) fn bases<F: DiskFile>(read: &LogRead<F>) -> Vec<i64> {
    let batches = batches(read);
    batches.iter().map(|b| b.header().base_offset).collect()
}

/// Small segments, some of whose newest bytes are only in memory, and an index entry for nearly every batch.
pub(crate) fn small_segments() -> LogConfig {
    LogConfig {
        segment_bytes: 2_000,
        index_interval_bytes: 500,
        write_behind_bytes: 1_024,
        ..LogConfig::default()
    }
}

/// A commit index that nothing is above.
pub(crate) const EVERY_ENTRY: LogIndex = LogIndex(u64::MAX);

pub(crate) fn index(value: u64) -> LogIndex {
    LogIndex(value)
}

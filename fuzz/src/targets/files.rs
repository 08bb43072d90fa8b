//! Files of a data directory, one at a time.

use std::path::Path;
use std::sync::OnceLock;

use bytes::Bytes;
use crc_fast::{CrcAlgorithm, checksum};
use thalweg_log::GroupId;
use thalweg_log::disk::{Disk, DiskFile, OpenMode, SimDisk};
use thalweg_log::epochs::LeaderEpochs;
use thalweg_log::journal::{
    BlockSequence, EntryKind, HardState, Journal, JournalEntry, JournalOptions, Payload, ShardId,
    inspect as inspect_journal,
};
use thalweg_log::manifest::{GroupManifest, Manifest, ManifestChange, inspect as inspect_manifest};
use thalweg_log::partition::LogState;
use thalweg_log::producers::ProducerStates;
use thalweg_model::{LogIndex, Offset, PartitionIndex, ReplicaId, Term, Uuid};

use super::{Target, leave};
use crate::{Dice, bounded, twice};

/// Buffers of a journal that is opened, whatever its files hold: one for what is read, two for blocks to come.
const JOURNAL_BYTES: usize = 12 << 20;

pub(super) const JOURNAL: Target = Target {
    name: "journal",
    make: |dice| pages(dice, journal_file()),
    repair: repair_journal,
    take: take_journal,
};

pub(super) const MANIFEST: Target = Target {
    name: "manifest",
    make: |_| manifest_file().clone(),
    repair: repair_manifest,
    take: take_manifest,
};

pub(super) const LOG_STATE: Target = Target {
    name: "log-state",
    make: |_| {
        let mut bytes = Vec::new();
        LogState::default().encode(&mut bytes);
        bytes
    },
    repair: leave,
    take: |input| {
        let bytes = Bytes::copy_from_slice(input);
        if let Ok(state) = twice(input, || LogState::decode(&bytes)) {
            let mut again = Vec::new();
            state.encode(&mut again);
            let decoded = LogState::decode(&again.into());
            assert!(!state.is_portable() || state.doomed.is_empty());
            assert_eq!(decoded.ok(), Some(state), "a state keeps its meaning");
        }
    },
};

pub(super) const SNAPSHOT: Target = Target {
    name: "producer-snapshot",
    make: |dice| {
        // Version, checksum, count, and as many producers of 50 bytes.
        let most = if dice.below(50) == 0 { 4_000 } else { 4 };
        let count = dice.below(most);
        let mut bytes = vec![0, 1, 0, 0, 0, 0];
        bytes.extend(u32::try_from(count).unwrap_or(0).to_be_bytes());
        for id in 0..count {
            bytes.extend(id.to_be_bytes());
            bytes.extend([0; 42]);
        }
        repair_snapshot(&mut bytes);
        bytes
    },
    repair: repair_snapshot,
    take: |input| {
        if let Ok(states) = twice(input, || ProducerStates::from_snapshot(input)) {
            let again = ProducerStates::from_snapshot(&states.to_snapshot());
            assert!(again.is_ok(), "what is written can be read");
        }
    },
};

pub(super) const EPOCHS: Target = Target {
    name: "leader-epochs",
    make: |dice| {
        let most = if dice.below(50) == 0 { 20_000 } else { 4 };
        let count = dice.below(most);
        let lines: Vec<String> = (0..count).map(|n| format!("{n} {}\n", n * 3)).collect();
        format!("0\n{count}\n{}", lines.concat()).into_bytes()
    },
    repair: leave,
    take: |input| {
        let Ok(text) = std::str::from_utf8(input) else {
            return;
        };
        if let Some(epochs) = twice(input, || LeaderEpochs::from_text(text)) {
            let again = LeaderEpochs::from_text(&epochs.to_text());
            assert!(again.is_some(), "what is written can be read");
        }
    },
};

const HOME: &str = "/shard";
const JOURNAL_DIR: &str = "/shard/journal";
const PAGE_BYTES: usize = 4096;

fn shard() -> ShardId {
    ShardId {
        directory: Uuid::from_bytes(*b"a log directory."),
        shard: 0,
    }
}

fn options() -> JournalOptions {
    JournalOptions {
        chunk_bytes: 1280 << 10,
        block_bytes_target: 16 << 10,
        ..JournalOptions::default()
    }
}

fn disk() -> SimDisk {
    let disk = SimDisk::new(1);
    disk.create_dir_all(Path::new(JOURNAL_DIR))
        .expect("the disk is empty");
    disk
}

fn contents(disk: &SimDisk, path: &Path, most: usize) -> Vec<u8> {
    let file = disk.open(path, OpenMode::Read).expect("it was written");
    let length = usize::try_from(file.len().expect("it was written")).unwrap_or(0);
    let mut bytes = vec![0; length.min(most)];
    file.read_exact_at(&mut bytes, 0).expect("it is that long");
    bytes
}

fn put(disk: &SimDisk, path: &Path, bytes: &[u8]) {
    let file = disk.open(path, OpenMode::Create).expect("there is room");
    file.write_all_at(bytes, 0).expect("there is room");
}

/// The beginning of a journal with a few blocks.
fn journal_file() -> &'static Vec<u8> {
    static FILE: OnceLock<Vec<u8>> = OnceLock::new();
    FILE.get_or_init(|| {
        let disk = disk();
        let dir = Path::new(JOURNAL_DIR);
        let opened = Journal::open(&disk, dir, shard(), BlockSequence::START, options());
        let (mut journal, _) = opened.expect("a new journal opens");
        for index in 1..6 {
            let mut block = journal.begin_block().expect("there is room");
            let pieces = [Bytes::from(vec![7; 300])];
            block.push(&JournalEntry {
                group: GroupId(index % 2),
                index: LogIndex(index),
                term: Term(1),
                kind: EntryKind::Append {
                    base_offset: Some(Offset::new(10)),
                },
                payload: Payload::Inline(&pieces),
            });
            block.push(&JournalEntry::hard_state(GroupId(0), HardState::default()));
            let (sequence, buffer, result) = journal.seal(block).perform();
            result.expect("the disk is well");
            journal.recycle(buffer);
            journal.completed(sequence);
        }
        let first = disk.list(dir).expect("it is there");
        contents(&disk, &dir.join(&first[0]), 8 * PAGE_BYTES)
    })
}

/// Some pages of a file, a lost or repeated one among them at times.
fn pages(dice: &mut Dice, file: &[u8]) -> Vec<u8> {
    let mut pages: Vec<&[u8]> = file.chunks(PAGE_BYTES).collect();
    match dice.below(4) {
        0 => {
            pages.remove(dice.below(pages.len()));
        }
        1 => {
            let (one, other) = (dice.below(pages.len()), dice.below(pages.len()));
            pages[one] = pages[other];
        }
        _ => {}
    }
    pages.concat()
}

/// Makes the checksum of each page that begins a block right.
fn repair_journal(input: &mut [u8]) {
    const HEADER_BYTES: usize = 88;
    const ROW_BYTES: usize = 48;
    for page in input.chunks_mut(PAGE_BYTES) {
        let Some(count) = page.get(76..80) else {
            continue;
        };
        let count = count
            .iter()
            .rev()
            .fold(0, |n, &byte| (n << 8) | usize::from(byte));
        let end = HEADER_BYTES + count.min(PAGE_BYTES / ROW_BYTES) * ROW_BYTES;
        if let Some(covered) = page.get(8..end) {
            let sum = checksum(CrcAlgorithm::Crc64Nvme, covered);
            page[..8].copy_from_slice(&sum.to_le_bytes());
        }
    }
}

fn take_journal(input: &[u8]) {
    let disk = disk();
    let dir = Path::new(JOURNAL_DIR);
    for number in 0..2 {
        let path = dir.join(format!("{number:020}.journal"));
        let file = disk.open(&path, OpenMode::Create).expect("there is room");
        file.set_len(options().chunk_bytes).expect("there is room");
    }
    put(&disk, &dir.join(format!("{:020}.journal", 0)), input);
    let most = 2 * input.len() + JOURNAL_BYTES;
    let shown = bounded(most, || inspect_journal(&disk, dir));
    let opened = bounded(most, || {
        Journal::open(&disk, dir, shard(), BlockSequence::START, options())
    });
    if let Ok((journal, replay)) = opened {
        for entry in &replay.entries {
            if let Some(location) = &entry.location {
                drop(journal.payloads().read(location));
            }
        }
        drop(journal);
        let again = Journal::open(&disk, dir, shard(), BlockSequence::START, options());
        assert!(
            again.is_ok(),
            "a journal that opened opens again: {:?}",
            again.err()
        );
        assert!(shown.is_ok(), "a journal that opens can be shown");
    }
}

fn manifest_file() -> &'static Vec<u8> {
    static FILE: OnceLock<Vec<u8>> = OnceLock::new();
    FILE.get_or_init(|| {
        let disk = disk();
        let home = Path::new(HOME);
        let (mut manifest, _) = Manifest::open(&disk, home).expect("a new manifest opens");
        for number in 0..3 {
            let group = GroupManifest {
                topic: Uuid::from_bytes([3; 16]),
                topic_name: "topic".to_owned(),
                partition: PartitionIndex(number),
                directory: format!("topic-{number}"),
                replica: ReplicaId(1),
                hard_state: HardState::default(),
                membership: Bytes::from_static(b"members"),
                log: LogState::default(),
            };
            let id = GroupId(u64::from(number.unsigned_abs()));
            let changes = [
                ManifestChange::Group(id, Box::new(group)),
                ManifestChange::Checkpoint(BlockSequence(2)),
            ];
            manifest.commit(&changes).expect("the disk is well");
        }
        contents(&disk, &home.join("manifest"), usize::MAX)
    })
}

/// Makes the checksum of the first frame right.
fn repair_manifest(input: &mut [u8]) {
    let Some(length) = input.get(16..20) else {
        return;
    };
    let length = length
        .iter()
        .rev()
        .fold(0, |n, &byte| (n << 8) | usize::from(byte));
    if let Some(covered) = input.get(8..24_usize.saturating_add(length)) {
        let sum = crc32c(covered);
        input[4..8].copy_from_slice(&sum.to_le_bytes());
    }
}

fn take_manifest(input: &[u8]) {
    let disk = disk();
    let home = Path::new(HOME);
    put(&disk, &home.join("manifest"), input);
    let shown = twice(input, || inspect_manifest(&disk, home));
    let opened = twice(input, || Manifest::open(&disk, home));
    assert_eq!(shown.is_ok(), opened.is_ok(), "what is shown is what opens");
    if let (Ok((shown, _)), Ok((_, state))) = (shown, opened) {
        assert_eq!(shown, state, "what is shown is what opens");
    }
}

fn repair_snapshot(input: &mut [u8]) {
    if let Some(covered) = input.get(6..) {
        let sum = crc32c(covered);
        input[2..6].copy_from_slice(&sum.to_be_bytes());
    }
}

fn crc32c(bytes: &[u8]) -> u32 {
    let sum = checksum(CrcAlgorithm::Crc32Iscsi, bytes);
    u32::try_from(sum).expect("it has 32 bits")
}

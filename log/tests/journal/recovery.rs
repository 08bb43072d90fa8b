//! What a journal gives back when it is opened again.

use std::path::Path;

use bytes::Bytes;
use thalweg_log::GroupId;
use thalweg_log::disk::{Disk, DiskFile, OpenMode};
use thalweg_log::journal::{
    BlockSequence, EntryKind, HardState, Journal, JournalEntry, JournalError, Payload, ShardId,
};
use thalweg_model::{LogIndex, ReplicaId, Term};

use crate::fixture::{self, append, block, indexes, payload, shard, small, write};

/// Opens the journal under `home` with everything since its start.
fn open_at<D: Disk>(disk: &D, home: &Path) -> fixture::Opened<D> {
    let dir = home.join("journal");
    Journal::open(disk, &dir, shard(), BlockSequence::START, small())
}

on_both_disks! {
    fn a_new_journal_is_empty_and_takes_blocks(disk, home) {
        let (mut journal, replay) = open_at(disk, home).unwrap();
        assert!(replay.entries.is_empty());
        assert_eq!(journal.durable(), BlockSequence(1), "the opening block");
        assert_eq!(write(&mut journal, 1, 100), BlockSequence(2));
    }

    fn a_file_that_is_cut_off_is_named(disk, home) {
        let (mut journal, _) = open_at(disk, home).unwrap();
        write(&mut journal, 1, 100);
        drop(journal);
        // Nothing was written to it yet, and the next lap would go there.
        let path = home.join("journal").join(format!("{:020}.journal", 1));
        for left in [1276 << 10, (1 << 20) + 5, 4096, 0] {
            disk.open(&path, OpenMode::Write).unwrap().set_len(left).unwrap();
            let error = open_at(disk, home).unwrap_err();
            let told = matches!(&error, JournalError::CutOff { file, bytes } if *file == path && *bytes == left);
            assert!(told, "{error}");
        }
    }

    fn a_file_that_is_missing_is_named(disk, home) {
        let (mut journal, _) = open_at(disk, home).unwrap();
        for index in 0..5 {
            write(&mut journal, index, 500_000);
            if let Some(job) = journal.wants_growth() {
                journal.grown(job.perform()).unwrap();
            }
        }
        drop(journal);
        let files = disk.list(&home.join("journal")).unwrap().len();
        assert!(files > 2, "the ring has grown");
        for number in 0..files {
            let path = home.join("journal").join(format!("{number:020}.journal"));
            let aside = home.join("aside");
            disk.rename(&path, &aside).unwrap();
            let error = open_at(disk, home).unwrap_err();
            let told = matches!(&error, JournalError::Missing { file } if *file == path);
            assert!(told, "{error}");
            disk.rename(&aside, &path).unwrap();
        }
        let (_, replay) = open_at(disk, home).unwrap();
        assert_eq!(indexes(&replay), [0, 1, 2, 3, 4]);
    }

    fn every_kind_of_entry_comes_back_with_its_payload(disk, home) {
        let (mut journal, _) = open_at(disk, home).unwrap();
        let group = GroupId(9);
        let state = HardState {
            term: Term(4),
            vote: Some(ReplicaId(u64::MAX)),
            commit: LogIndex(17),
        };
        let members = [Bytes::from_static(b"members")];
        let kinds = [EntryKind::Append { base_offset: None }, EntryKind::Membership];
        let mut builder = journal.begin_block().unwrap();
        let pieces = payload(7, 5000);
        let crc = builder.push(&append(7, &pieces));
        for kind in kinds {
            let (index, term) = (LogIndex(18), Term(4));
            let payload = Payload::Inline(&members);
            builder.push(&JournalEntry { group, index, term, kind, payload });
        }
        builder.push(&JournalEntry::hard_state(group, state));
        builder.push(&JournalEntry::truncate(group, LogIndex(12), Term(3)));
        builder.push(&JournalEntry {
            payload: Payload::InSegment { bytes: 1 << 20, crc: 77 },
            ..append(8, &[])
        });
        let (sequence, _, result) = journal.seal(builder).perform();
        result.unwrap();

        let (journal, replay) = open_at(disk, home).unwrap();
        let entries = &replay.entries;
        assert!(entries.iter().all(|entry| entry.sequence == sequence));
        assert_eq!(entries[0].kind, append(7, &[]).kind);
        assert_eq!((entries[0].payload_bytes, entries[0].payload_crc), (5000, crc));
        let read = journal.payloads().read(&entries[0].location.unwrap()).unwrap();
        assert_eq!(read, pieces.concat());
        for (entry, kind) in entries[1..3].iter().zip(kinds) {
            assert_eq!((entry.group, entry.index, entry.kind), (group, LogIndex(18), kind));
            let read = journal.payloads().read(&entry.location.unwrap()).unwrap();
            assert_eq!(read, members[0]);
        }
        assert_eq!(entries[3].hard_state(), Some(state));
        assert_eq!((entries[4].kind, entries[4].index), (EntryKind::Truncate, LogIndex(12)));
        assert_eq!((entries[5].payload_bytes, entries[5].payload_crc), (1 << 20, 77));
        assert_eq!(entries[5].location, None);
    }

    fn openings_and_blocks_alternate(disk, home) {
        for round in 0..5 {
            let (mut journal, replay) = open_at(disk, home).unwrap();
            let before: Vec<u64> = (0..round * 3).collect();
            assert_eq!(indexes(&replay), before);
            for index in round * 3..round * 3 + 3 {
                write(&mut journal, index, 70_000);
            }
        }
    }

    fn blocks_end_in_any_order_and_count_in_theirs(disk, home) {
        let (mut journal, _) = open_at(disk, home).unwrap();
        let blocks: Vec<_> = (0..4).map(|index| block(&mut journal, index, 9000)).collect();
        assert!(journal.begin_block().is_none(), "four are in flight");
        let mut moved = Vec::new();
        for block in blocks.into_iter().rev() {
            let (sequence, buffer, result) = block.perform();
            result.unwrap();
            journal.recycle(buffer);
            moved.push(journal.completed(sequence));
        }
        assert_eq!(moved, [None, None, None, Some(BlockSequence(5))]);
        let (_, replay) = open_at(disk, home).unwrap();
        assert_eq!(indexes(&replay), [0, 1, 2, 3]);
    }

    fn the_ring_goes_round_behind_the_checkpoint(disk, home) {
        let (mut journal, _) = open_at(disk, home).unwrap();
        let dir = home.join("journal");
        let mut last = BlockSequence::START;
        for index in 0..60 {
            if journal.begin_block().is_none() {
                assert!(journal.wants_checkpoint(), "the ring is full");
                journal.release(last);
            }
            last = write(&mut journal, index, 300_000);
        }
        assert_eq!(disk.list(&dir).unwrap().len(), 2, "it did not grow by itself");
        let checkpoint = BlockSequence(last.0 - 2);
        let (_, replay) = Journal::open(disk, &dir, shard(), checkpoint, small()).unwrap();
        assert_eq!(indexes(&replay), [58, 59]);
    }

    fn a_full_ring_grows_up_to_its_limit(disk, home) {
        let (mut journal, _) = open_at(disk, home).unwrap();
        let mut written = 0;
        while let Some(builder) = journal.begin_block() {
            drop(builder);
            write(&mut journal, written, 500_000);
            written += 1;
            if let Some(job) = journal.wants_growth() {
                assert!(journal.wants_growth().is_none(), "one job at a time");
                journal.grown(job.perform()).unwrap();
            }
        }
        assert_eq!(written, 11, "six chunks of two blocks, less the one beside the opening block");
        assert!(journal.wants_checkpoint());
        assert_eq!(disk.list(&home.join("journal")).unwrap().len(), 6);
        let (_, replay) = open_at(disk, home).unwrap();
        assert_eq!(indexes(&replay), (0..written).collect::<Vec<_>>());
    }

    fn another_shards_journal_is_refused(disk, home) {
        open_at(disk, home).unwrap();
        let stranger = ShardId { shard: 4, ..shard() };
        let dir = home.join("journal");
        let opened = Journal::open(disk, &dir, stranger, BlockSequence::START, small());
        assert!(matches!(opened, Err(JournalError::Foreign { .. })));
    }
}

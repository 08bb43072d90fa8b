//! Power cuts at any moment: what the manifest and the journal vouch for comes back, byte for byte.

use std::path::Path;

use bytes::Bytes;
use proptest::prelude::*;
use thalweg_log::LogConfig;
use thalweg_log::disk::{Disk, SimDisk};
use thalweg_log::partition::{
    EntryId, LaterLines, LogEntry, LogState, RecoveredEntry, StoredEntry,
};
use thalweg_model::{LogIndex, Term};

use crate::fixture::{
    EVERY_ENTRY, Fixture, assign, at, batch, idempotent, index, small_segments, stamp, sync,
};

/// What a run does.
#[derive(Clone, Debug)]
enum Step {
    Append {
        sizes: Vec<usize>,
        sequence: bool,
    },
    Internal {
        payload: bool,
    },
    /// The journal's writes so far are on stable storage.
    JournalSync,
    /// Another leader replaces the last entries.
    Truncate {
        entries: u64,
    },
    Roll,
    /// Files are synced and the manifest is written.
    Checkpoint,
    /// Files are synced, and the power goes before the manifest is written, or is kept.
    HalfCheckpoint,
    /// Everything up to so many entries before the end is committed, and the oldest segments go.
    Retention {
        keep: u64,
    },
    Crash {
        seed: u64,
    },
    Restart,
}

/// One line of the journal.
#[derive(Clone, Debug)]
enum Line {
    Append(StoredEntry),
    Truncate(LogIndex),
}

struct Run {
    log: Fixture<SimDisk>,
    manifest: LogState,
    journal: Vec<Line>,
    /// Lines of the journal that are on stable storage.
    durable: usize,
    /// Lines that the manifest makes superfluous.
    released: usize,
    /// What the log must hold: entries after `before`.
    model: Vec<StoredEntry>,
    term: u64,
    sequence: i32,
    committed: u64,
}

impl Run {
    fn new(seed: u64) -> Self {
        let disk = SimDisk::new(seed);
        disk.create_dir_all(Path::new("/home")).unwrap();
        disk.sync_dir(Path::new("/")).unwrap();
        let mut log = Fixture::new(&disk, Path::new("/home"), config());
        let manifest = log.checkpoint();
        Self {
            log,
            manifest,
            journal: Vec::new(),
            durable: 0,
            released: 0,
            model: Vec::new(),
            term: 1,
            sequence: 0,
            committed: 0,
        }
    }

    fn last(&self) -> EntryId {
        self.log.log.last_entry()
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::Append { sizes, sequence } => self.append(sizes, *sequence),
            Step::Internal { payload } => {
                let payload = if *payload {
                    Bytes::from_static(b"members")
                } else {
                    Bytes::new()
                };
                let (index, term) = (self.last().index.next(), Term(self.term));
                self.log.log.append_internal(index, term, payload.clone());
                self.note(StoredEntry {
                    index,
                    term,
                    base_offset: None,
                    payload,
                });
            }
            Step::JournalSync => self.durable = self.journal.len(),
            Step::Truncate { entries } => self.truncate(*entries),
            Step::Roll => self.log.log.force_roll(at(0)).unwrap(),
            Step::Checkpoint => self.checkpoint(),
            Step::HalfCheckpoint => {
                let checkpoint = self.log.log.checkpoint().unwrap();
                sync(&self.log.disk, &checkpoint);
            }
            Step::Retention { keep } => self.retention(*keep),
            Step::Crash { seed } => self.crash(*seed),
            Step::Restart => self.crash_free_restart(),
        }
    }

    fn note(&mut self, entry: StoredEntry) {
        self.journal.push(Line::Append(entry.clone()));
        self.model.push(entry);
    }

    fn append(&mut self, sizes: &[usize], sequence: bool) {
        let mut new = Vec::new();
        for &size in sizes {
            if sequence {
                new.push(idempotent(2, stamp(9, 0, self.sequence), false));
                self.sequence += 2;
            } else {
                new.push(batch(&[1_000, 900], size));
            }
        }
        let stored = assign(self.log.log.log_end(), self.term, new);
        let (index, term) = (self.last().index.next(), Term(self.term));
        let entry = LogEntry {
            index,
            term,
            batches: &stored,
        };
        let appended = self.log.log.append(&entry, at(0)).unwrap();
        let payload: Vec<u8> = stored.iter().flat_map(|b| b.bytes().to_vec()).collect();
        self.note(StoredEntry {
            index,
            term,
            base_offset: Some(appended.first),
            payload: payload.into(),
        });
    }

    fn truncate(&mut self, entries: u64) {
        let floor = self
            .committed
            .max(self.log.log.before_first_entry().index.0);
        let to = self.last().index.0.saturating_sub(entries).max(floor);
        if to >= self.last().index.0 {
            return;
        }
        // The contract: the journal has it before the files are cut.
        self.journal.push(Line::Truncate(index(to)));
        self.durable = self.journal.len();
        self.log.log.truncate_to(index(to)).unwrap();
        self.model.retain(|entry| entry.index <= index(to));
        self.term += 1;
        self.sequence = self.expected_sequence();
    }

    fn expected_sequence(&self) -> i32 {
        let states = self.log.log.producers();
        let state = states.current(thalweg_model::ProducerId(9));
        state
            .and_then(|state| state.last_sequence())
            .map_or(0, |last| last + 1)
    }

    fn checkpoint(&mut self) {
        let lines = self.journal.len();
        let checkpoint = self.log.log.checkpoint().unwrap();
        self.manifest = sync(&self.log.disk, &checkpoint);
        self.released = lines;
        for path in self.log.log.checkpointed(&self.manifest) {
            let _gone = self.log.disk.remove_file(&path);
        }
    }

    fn retention(&mut self, keep: u64) {
        self.durable = self.journal.len();
        let committed = self.last().index.0.saturating_sub(keep);
        self.committed = self.committed.max(committed);
        let Some(meta) = self.log.log.entry_at(index(self.committed)).unwrap() else {
            return;
        };
        let up_to = meta.record.next_offset();
        self.log
            .log
            .retention(at(1_000_000_000), (up_to, EVERY_ENTRY))
            .unwrap();
        let before = self.log.log.before_first_entry().index;
        self.model.retain(|entry| entry.index > before);
        // The journal does not tell of retention: the manifest does.
        self.checkpoint();
    }

    fn crash_free_restart(&mut self) {
        let lines = self.journal.len();
        let empty = thalweg_log::PartitionLog::create(self.log.home.clone(), config());
        let log = std::mem::replace(&mut self.log.log, empty);
        self.manifest = sync(&self.log.disk, &log.close(at(0)).unwrap());
        self.durable = lines;
        self.released = lines;
        let manifest = self.manifest.clone();
        self.log.reopen(&manifest);
        self.check();
    }

    fn crash(&mut self, seed: u64) {
        self.log.disk.crash(seed);
        let durable = self.durable.max(self.released);
        self.journal.truncate(durable);
        let manifest = self.manifest.clone();
        self.log.open(&manifest);
        let mut later = LaterLines::default();
        let mut lines = self.journal[self.released..].to_vec();
        lines.reverse();
        lines.retain(|line| match line {
            Line::Append(entry) => !later.replace_append(entry.index),
            Line::Truncate(index) => !later.replace_truncation(*index),
        });
        for line in lines.into_iter().rev() {
            match line {
                Line::Append(entry) => self.recover(&entry),
                Line::Truncate(index) => self.log.log.recover_truncate(index).unwrap(),
            }
        }
        self.log.log.finish_recovery().unwrap();
        self.durable = durable;
        self.rebuild_model();
        self.term += 1;
        self.sequence = self.expected_sequence();
        self.check();
    }

    fn recover(&mut self, entry: &StoredEntry) {
        let crc = crc_fast::checksum(crc_fast::CrcAlgorithm::Crc32Iscsi, &entry.payload);
        let table = RecoveredEntry {
            index: entry.index,
            term: entry.term,
            base_offset: entry.base_offset,
            length: u32::try_from(entry.payload.len()).unwrap(),
            checksum: u32::try_from(crc).unwrap(),
        };
        let payload = entry.payload.clone();
        self.log
            .log
            .recover_append(&table, at(0), || Ok(payload))
            .unwrap();
    }

    /// The journal's whole history says what the log must be.
    fn rebuild_model(&mut self) {
        let mut model: Vec<StoredEntry> = Vec::new();
        for line in &self.journal {
            match line {
                Line::Append(entry) => model.push(entry.clone()),
                Line::Truncate(index) => model.retain(|entry| entry.index <= *index),
            }
        }
        let before = self.log.log.before_first_entry().index;
        model.retain(|entry| entry.index > before);
        self.model = model;
    }

    fn check(&mut self) {
        let (first, end) = (self.log.log.first_index(), self.last().index.next());
        let entries = self.log.log.entries(first, end, u64::MAX).unwrap();
        assert_eq!(entries, self.model);
        let start = self.log.log.log_start();
        let read = self
            .log
            .log
            .read(start, u64::MAX, self.log.log.log_end(), true)
            .unwrap();
        let bytes: Vec<u8> = crate::fixture::batches(&read)
            .iter()
            .flat_map(|batch| batch.bytes().to_vec())
            .collect();
        let expected: Vec<u8> = self
            .model
            .iter()
            .filter(|entry| entry.base_offset.is_some())
            .flat_map(|entry| entry.payload.to_vec())
            .collect();
        assert!(bytes == expected, "records are those of the entries");
    }
}

fn config() -> LogConfig {
    LogConfig {
        retention_ms: Some(1),
        ..small_segments()
    }
}

fn steps() -> impl Strategy<Value = Step> {
    let sizes = prop::collection::vec(0_usize..700, 1..4);
    prop_oneof![
        8 => (sizes, any::<bool>()).prop_map(|(sizes, sequence)| Step::Append { sizes, sequence }),
        1 => any::<bool>().prop_map(|payload| Step::Internal { payload }),
        3 => Just(Step::JournalSync),
        1 => (1_u64..9).prop_map(|entries| Step::Truncate { entries }),
        1 => Just(Step::Roll),
        2 => Just(Step::Checkpoint),
        1 => Just(Step::HalfCheckpoint),
        1 => (0_u64..12).prop_map(|keep| Step::Retention { keep }),
        2 => any::<u64>().prop_map(|seed| Step::Crash { seed }),
        1 => Just(Step::Restart),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn what_was_promised_survives(
        seed in any::<u64>(),
        steps in prop::collection::vec(steps(), 1..60),
    ) {
        let mut run = Run::new(seed);
        for step in &steps {
            run.step(step);
        }
        run.check();
        run.step(&Step::Crash { seed });
    }
}

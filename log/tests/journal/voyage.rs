//! A journal in use, and beside it what it must give back whatever happens.

use std::collections::BTreeMap;

use bytes::Bytes;
use thalweg_log::disk::SimDisk;
use thalweg_log::disk::sim::PowerCut;
use thalweg_log::journal::{BlockSequence, BlockWrite, Journal, JournalError, Replay};

use crate::fixture::{append, disk, open, payload};

/// The power went, or the device failed.
#[derive(Debug)]
pub(crate) struct Lost;

/// A journal on a simulated disk with a model of it.
pub(crate) struct Voyage {
    pub(crate) disk: SimDisk,
    journal: Option<Journal<SimDisk>>,
    in_flight: Vec<BlockWrite<SimDisk>>,
    /// Index and payload length of the entries of each block of the one history that counts.
    planned: BTreeMap<u64, Vec<(u64, usize)>>,
    /// Up to here all was reported durable.
    acknowledged: u64,
    /// What a manifest would hold.
    checkpoint: u64,
    next_index: u64,
}

impl Voyage {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            disk: disk(seed),
            journal: None,
            in_flight: Vec::new(),
            planned: BTreeMap::new(),
            acknowledged: 0,
            checkpoint: 0,
            next_index: 0,
        }
    }

    fn journal(&mut self) -> &mut Journal<SimDisk> {
        self.journal.as_mut().expect("the journal is open")
    }

    /// Opens the journal after whatever happened and compares it with the model. Openings that
    /// failed before may have left a block each.
    pub(crate) fn open(&mut self, failed_openings: u64) -> Result<(), Lost> {
        let opened = open(&self.disk, self.checkpoint);
        let (journal, replay) = match opened {
            Ok(opened) => opened,
            Err(JournalError::Io { .. }) => return Err(Lost),
            Err(error) => panic!("no damage was done: {error}"),
        };
        let opening = journal.durable().0;
        self.follow(&journal, &replay, opening - 1, failed_openings);
        self.planned.insert(opening, Vec::new());
        self.acknowledged = opening;
        self.journal = Some(journal);
        Ok(())
    }

    /// Checks a replay that reaches up to the block `tail`, and makes it the history.
    fn follow(
        &mut self,
        journal: &Journal<SimDisk>,
        replay: &Replay,
        tail: u64,
        failed_openings: u64,
    ) {
        let mut found: BTreeMap<u64, Vec<(u64, usize)>> = BTreeMap::new();
        for entry in &replay.entries {
            let len = usize::try_from(entry.payload_bytes).unwrap();
            let index = entry.index.0;
            let read = journal.payloads().read(&entry.location.unwrap()).unwrap();
            assert_eq!(read, payload(index, len).concat());
            let block = found.entry(entry.sequence.0).or_default();
            block.push((index, len));
        }
        let mut same = self.checkpoint;
        while same < tail
            && self.planned.get(&(same + 1)) == Some(found.entry(same + 1).or_default())
        {
            same += 1;
        }
        assert!(same >= self.acknowledged, "acknowledged blocks are there");
        let opened_in_vain = found.range(same + 1..);
        assert!(
            opened_in_vain
                .clone()
                .all(|(_, entries)| entries.is_empty())
        );
        assert!(
            tail - same <= failed_openings,
            "no block of another history"
        );
        self.planned.retain(|sequence, _| *sequence <= same);
        self.planned
            .extend((same + 1..=tail).map(|sequence| (sequence, Vec::new())));
    }

    /// Seals a block with entries of these sizes, if the journal takes one.
    pub(crate) fn plan(&mut self, sizes: &[usize]) {
        let idle = self.in_flight.is_empty();
        let Some(mut builder) = self.journal().begin_block() else {
            let full_is_curable = self.journal().wants_checkpoint();
            assert!(
                !idle || full_is_curable,
                "a stuck journal asks for a checkpoint"
            );
            return;
        };
        let mut entries = Vec::new();
        for &size in sizes {
            if !builder.fits(size) {
                break;
            }
            let index = self.next_index + u64::try_from(entries.len()).unwrap();
            let pieces: Vec<Bytes> = payload(index, size);
            builder.push(&append(index, &pieces));
            entries.push((index, size));
        }
        self.next_index += u64::try_from(entries.len()).unwrap();
        let write = self.journal().seal(builder);
        self.planned.insert(write.sequence.0, entries);
        self.in_flight.push(write);
    }

    /// Performs one of the writes in flight and reports it.
    pub(crate) fn land(&mut self, which: usize) -> Result<(), Lost> {
        if self.in_flight.is_empty() {
            return Ok(());
        }
        let write = self.in_flight.remove(which % self.in_flight.len());
        let (sequence, buffer, result) = write.perform();
        result.map_err(|_error| Lost)?;
        self.journal().recycle(buffer);
        if let Some(durable) = self.journal().completed(sequence) {
            assert!(durable.0 > self.acknowledged);
            self.acknowledged = durable.0;
        }
        Ok(())
    }

    pub(crate) fn land_all(&mut self) -> Result<(), Lost> {
        while !self.in_flight.is_empty() {
            self.land(0)?;
        }
        Ok(())
    }

    /// The manifest vouches for all that is acknowledged; the journal may hear of it later.
    pub(crate) fn checkpoint(&mut self, release: bool) {
        self.checkpoint = self.acknowledged;
        if release {
            let checkpoint = BlockSequence(self.checkpoint);
            self.journal().release(checkpoint);
        }
    }

    pub(crate) fn grow(&mut self) -> Result<(), Lost> {
        if let Some(job) = self.journal().wants_growth() {
            let grown = job.perform();
            self.journal().grown(grown).map_err(|_error| Lost)?;
        }
        Ok(())
    }

    /// The process dies. Of the writes in flight, those with a bit in `landed` happened.
    pub(crate) fn die(&mut self, landed: u64) {
        for (number, write) in self.in_flight.drain(..).enumerate() {
            if landed >> number & 1 == 1 {
                write.perform().2.unwrap();
            }
        }
        self.journal = None;
        self.disk.restart(PowerCut::KeepsUnsynced);
    }

    /// The power goes. Of the writes in flight, those with a bit in `torn` had begun.
    pub(crate) fn lose_power(&mut self, torn: u64, seed: u64) {
        if !self.disk.is_off() {
            self.disk.cut_power_after(0);
        }
        for (number, write) in self.in_flight.drain(..).enumerate() {
            if torn >> number & 1 == 1 {
                write.perform().2.unwrap_err();
            }
        }
        self.journal = None;
        self.disk.crash(seed);
    }

    /// The power goes, and nothing survives that was not synced.
    pub(crate) fn lose_all_unsynced(&mut self) {
        self.in_flight.clear();
        self.journal = None;
        self.disk.restart(PowerCut::LosesUnsynced);
    }

    /// A copy of the disk and the model, without the journal that is open.
    pub(crate) fn fork(&self) -> Self {
        Self {
            disk: self.disk.fork(),
            journal: None,
            in_flight: Vec::new(),
            planned: self.planned.clone(),
            ..*self
        }
    }

    /// Opens after damage: an error, or all that is acknowledged; a payload is right or refused.
    /// Returns whether anything was noticed.
    pub(crate) fn open_damaged(&self) -> bool {
        let (journal, replay) = match open(&self.disk, self.checkpoint) {
            Ok(opened) => opened,
            Err(JournalError::Corrupt { .. } | JournalError::CutOff { .. }) => return true,
            Err(error) => panic!("damage is not {error}"),
        };
        let expected: Vec<(u64, usize)> = self
            .planned
            .range(self.checkpoint + 1..)
            .flat_map(|(_, entries)| entries.iter().copied())
            .collect();
        assert_eq!(expected.len(), replay.entries.len(), "nothing is missing");
        let mut noticed = false;
        for (entry, (index, len)) in replay.entries.iter().zip(expected) {
            assert_eq!(entry.index.0, index);
            match journal.payloads().read(&entry.location.unwrap()) {
                Ok(read) => assert_eq!(read, payload(index, len).concat()),
                Err(error) => {
                    assert_eq!(error.kind(), std::io::ErrorKind::InvalidData);
                    noticed = true;
                }
            }
        }
        noticed
    }
}

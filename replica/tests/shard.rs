//! A shard of single-voter partitions over a disk that can lose power.

#![expect(clippy::unwrap_used, reason = "a test fails where a value is missing")]

use std::collections::BTreeMap;
use std::path::Path;

use thalweg_log::disk::sim::PowerCut;
use thalweg_log::disk::{Disk, DiskFile, SimDisk};
use thalweg_log::journal::JournalOptions;
use thalweg_log::partition::LogRemoval;
use thalweg_log::{GroupId, LogConfig};
use thalweg_model::batch::{
    BatchBuilder, BatchOptions, CheckedBatch, NewRecord, ProducerStamp, StoredBatch,
};
use thalweg_model::{
    BrokerId, Now, Offset, PartitionIndex, ProducerEpoch, ProducerId, ReplicaId, Tick, Timestamp,
    Uuid,
};
use thalweg_replica::{
    AccessError, Acks, AppendError, Appended, Effect, Isolation, OffsetTarget, PartitionSpec,
    Piece, ReadRequest, Shard, ShardConfig, Ticket, WaiterId,
};

const NOW: Now = Now {
    tick: Tick(1_000),
    wall: Timestamp(1_000_000),
};

/// A shard and what its shell would remember.
struct Node {
    disk: SimDisk,
    shard: Shard<SimDisk>,
    done: BTreeMap<Ticket, Result<Appended, AppendError>>,
    woken: Vec<WaiterId>,
    notices: Vec<String>,
    removals: Vec<LogRemoval<SimDisk>>,
    next: u64,
}

fn config() -> ShardConfig {
    ShardConfig {
        dir: "/data".into(),
        directory: Uuid::from_bytes([9; 16]),
        seed: 7,
        journal: JournalOptions::default(),
        manifest_bytes_min: 4_000,
    }
}

impl Node {
    fn new(disk: SimDisk) -> Self {
        let shard = Shard::open(disk.clone(), config(), NOW).unwrap();
        Self {
            disk,
            shard,
            done: BTreeMap::new(),
            woken: Vec::new(),
            notices: Vec::new(),
            removals: Vec::new(),
            next: 0,
        }
    }

    fn add(&mut self, name: &str) -> GroupId {
        let group = self.shard.add(spec(name), NOW);
        self.settle();
        group
    }

    /// A partition whose batches go to its segment with the append.
    fn add_with(&mut self, name: &str, write_behind_bytes: u32) -> GroupId {
        let mut spec = spec(name);
        spec.config.write_behind_bytes = write_behind_bytes;
        let group = self.shard.add(spec, NOW);
        self.settle();
        group
    }

    fn add_written_at_once(&mut self, name: &str) -> GroupId {
        self.add_with(name, 0)
    }

    /// The node after a checkpoint that the disk had no room for, another one, and a power cut.
    fn checkpointed_without_room_first(mut self) -> Self {
        for free in [Some(0), None] {
            self.disk.set_free_bytes(free);
            self.shard.start_checkpoint();
            self.settle();
        }
        self.disk.crash(1);
        Self::new(self.disk)
    }

    /// Carries out effects once, and keeps removals.
    fn carry_out_but_removals(&mut self) {
        self.shard.flush(NOW);
        for effect in self.shard.take_effects() {
            if let Effect::RemoveLog(removal) = effect {
                self.removals.push(removal);
            } else {
                self.carry_out(effect);
            }
        }
    }

    /// Carries out effects, in order, until there are none.
    fn settle(&mut self) {
        loop {
            self.shard.flush(NOW);
            let effects = self.shard.take_effects();
            if effects.is_empty() {
                return;
            }
            for effect in effects {
                self.carry_out(effect);
            }
        }
    }

    fn carry_out(&mut self, effect: Effect<SimDisk>) {
        match effect {
            Effect::WriteBlock(write) => self.shard.block_written(write.perform()),
            Effect::Checkpoint(job) => self.shard.checkpointed(job.perform()),
            Effect::Grow(job) => self.shard.journal_grown(job.perform()),
            Effect::Complete { ticket, result } => {
                assert!(self.done.insert(ticket, result).is_none(), "answered once");
            }
            Effect::WriteStretches(job) => self.shard.stretches_written(job.perform()),
            Effect::RemoveLog(removal) => self.shard.log_removed(removal.perform()),
            Effect::Wake(waiter) => self.woken.push(waiter),
            Effect::Failed(why) => panic!("{why}"),
            Effect::Notice(text) | Effect::Warning(text) => self.notices.push(text),
            Effect::LeaderChanged(_) | Effect::Remove(_) => {}
            Effect::Send { message, .. } => panic!("nobody to send {message:?} to"),
            Effect::Copy(job) => panic!("nobody to copy for: {job:?}"),
        }
    }

    fn append(&mut self, group: GroupId, batch: CheckedBatch) -> Ticket {
        self.next += 1;
        let ticket = Ticket {
            request: self.next,
            part: 0,
        };
        if let Err(error) = self.shard.append(group, batch, Acks::All, ticket) {
            self.done.insert(ticket, Err(error));
        }
        ticket
    }

    fn base(&self, ticket: Ticket) -> i64 {
        self.done[&ticket].as_ref().unwrap().base.value()
    }

    fn values(&mut self, group: GroupId) -> Vec<String> {
        let mut values = Vec::new();
        let mut from = Offset::ZERO;
        loop {
            let request = ReadRequest {
                group,
                from,
                bytes_max: 4_000,
                at_least_one: true,
                isolation: Isolation::Uncommitted,
                epoch: None,
                from_files: false,
            };
            let read = self.shard.read(&request).unwrap();
            if read.pieces.is_empty() {
                assert_eq!(from, read.marks.high_watermark);
                return values;
            }
            for batch in read.pieces.into_iter().flat_map(batches) {
                from = batch.header().next_offset();
                for record in batch.unpack().unwrap().records() {
                    let value = record.unwrap().value.unwrap().to_vec();
                    values.push(String::from_utf8(value).unwrap());
                }
            }
        }
    }
}

fn batches(piece: Piece<SimDisk>) -> Vec<StoredBatch> {
    let mut bytes = match piece {
        Piece::Bytes(bytes) => bytes,
        Piece::Extent(extent) => {
            let mut bytes = vec![0; usize::try_from(extent.length).unwrap()];
            extent
                .file
                .read_exact_at(&mut bytes, extent.position)
                .unwrap();
            bytes.into()
        }
    };
    let mut batches = Vec::new();
    while !bytes.is_empty() {
        batches.push(StoredBatch::split_first(&mut bytes).unwrap());
    }
    batches
}

fn spec(name: &str) -> PartitionSpec {
    let mut id = [1; 16];
    id[..name.len()].copy_from_slice(name.as_bytes());
    PartitionSpec {
        topic: Uuid::from_bytes(id),
        topic_name: name.to_owned(),
        partition: PartitionIndex(0),
        replica: ReplicaId(1),
        voters: vec![(ReplicaId(1), BrokerId(1))],
        config: LogConfig::default(),
        min_insync_replicas: 1,
    }
}

fn batch(values: &[&str]) -> CheckedBatch {
    produced(values, None)
}

fn produced(values: &[&str], producer: Option<ProducerStamp>) -> CheckedBatch {
    let mut builder = BatchBuilder::new(BatchOptions {
        producer,
        ..BatchOptions::default()
    });
    for value in values {
        builder.push(&NewRecord {
            timestamp: NOW.wall,
            key: None,
            value: Some(value.as_bytes()),
            headers: &[],
        });
    }
    builder.finish().unwrap()
}

fn sequence(base_sequence: i32) -> Option<ProducerStamp> {
    Some(ProducerStamp {
        id: ProducerId(5),
        epoch: ProducerEpoch(0),
        base_sequence,
    })
}

#[test]
fn nothing_is_acknowledged_or_readable_before_its_block_is_durable() {
    let mut node = Node::new(SimDisk::new(1));
    let group = node.add("orders");
    let ticket = node.append(group, batch(&["a", "b"]));
    node.shard.flush(NOW);
    let effects = node.shard.take_effects();
    assert!(
        matches!(effects.as_slice(), [Effect::WriteBlock(_)]),
        "{effects:?}"
    );
    assert!(node.values(group).is_empty());
    assert!(node.done.is_empty());
    for effect in effects {
        node.carry_out(effect);
    }
    node.settle();
    assert_eq!(node.base(ticket), 0);
    assert_eq!(node.values(group), ["a", "b"]);
}

#[test]
fn appends_of_many_partitions_share_one_block() {
    let mut node = Node::new(SimDisk::new(1));
    let groups: Vec<_> = (0..20).map(|n| node.add(&format!("topic{n}"))).collect();
    for &group in &groups {
        node.append(group, batch(&["x"]));
    }
    node.shard.flush(NOW);
    let effects = node.shard.take_effects();
    assert!(
        matches!(effects.as_slice(), [Effect::WriteBlock(_)]),
        "{effects:?}"
    );
}

#[test]
fn what_was_acknowledged_survives_a_power_cut() {
    for seed in 0..20 {
        let mut node = Node::new(SimDisk::new(seed));
        let (one, two) = (node.add("one"), node.add("two"));
        let mut expected = Vec::new();
        for n in 0..50 {
            let value = format!("value {n}");
            node.append(one, batch(&[&value]));
            node.append(two, batch(&[&value, "again"]));
            expected.push(value);
            if n % 7 == 0 {
                node.settle();
            }
            if n == 25 {
                node.shard.start_checkpoint();
            }
        }
        node.settle();
        node.disk.crash(seed);
        let mut node = Node::new(node.disk.clone());
        let (one, two) = (node.add("one"), node.add("two"));
        assert_eq!(node.values(one), expected, "seed {seed}");
        assert_eq!(node.values(two).len(), 100);
        let ticket = node.append(one, batch(&["after"]));
        node.settle();
        assert_eq!(node.base(ticket), 50);
    }
}

#[test]
fn a_repeated_batch_gets_its_first_offset_and_a_gap_is_refused() {
    let mut node = Node::new(SimDisk::new(1));
    let group = node.add("orders");
    let first = node.append(group, produced(&["a", "b"], sequence(0)));
    let second = node.append(group, produced(&["c"], sequence(2)));
    let again = node.append(group, produced(&["a", "b"], sequence(0)));
    let gap = node.append(group, produced(&["e"], sequence(9)));
    node.settle();
    assert_eq!(
        (node.base(first), node.base(second), node.base(again)),
        (0, 2, 0)
    );
    assert!(matches!(node.done[&gap], Err(AppendError::Producer(_))));
    assert_eq!(node.values(group), ["a", "b", "c"]);
}

#[test]
fn a_batch_larger_than_a_journal_block_is_durable_in_its_segment() {
    let mut node = Node::new(SimDisk::new(1));
    let group = node.add("orders");
    let large = "x".repeat(3 << 20);
    let small = node.append(group, batch(&["before"]));
    let ticket = node.append(group, batch(&[&large]));
    let after = node.append(group, batch(&["after"]));
    node.settle();
    assert_eq!(
        (node.base(small), node.base(ticket), node.base(after)),
        (0, 1, 2)
    );
    node.disk.crash(5);
    let mut node = Node::new(node.disk.clone());
    let group = node.add("orders");
    assert_eq!(node.values(group), ["before", &large, "after"]);
}

#[test]
fn a_waiting_fetch_wakes_when_enough_is_committed_or_at_its_deadline() {
    let mut node = Node::new(SimDisk::new(1));
    let group = node.add("orders");
    let hungry = node.shard.wait(vec![group], 1 << 20, Tick(5_000)).unwrap();
    let modest = node.shard.wait(vec![group], 1, Tick(9_000)).unwrap();
    node.append(group, batch(&["a"]));
    assert!(node.woken.is_empty());
    node.settle();
    assert_eq!(node.woken, [modest]);
    assert_eq!(node.shard.next_deadline(), Some(Tick(5_000)));
    node.shard.tick(Now {
        tick: Tick(5_000),
        ..NOW
    });
    node.settle();
    assert_eq!(node.woken, [modest, hungry]);
}

#[test]
fn a_full_disk_refuses_what_it_cannot_take_and_goes_on_when_there_is_room() {
    let mut node = Node::new(SimDisk::new(1));
    let group = node.add_written_at_once("orders");
    node.append(group, produced(&["a"], sequence(0)));
    node.settle();
    node.disk.set_free_bytes(Some(0));
    for _ in 0..3 {
        node.append(group, batch(&["refused"]));
        node.settle();
    }
    let refused = node.append(group, produced(&["b"], sequence(1)));
    node.settle();
    assert!(
        matches!(node.done[&refused], Err(AppendError::Write(_))),
        "{:?}",
        node.done
    );
    node.disk.set_free_bytes(None);
    let again = node.append(group, produced(&["b"], sequence(1)));
    node.settle();
    assert_eq!(node.base(again), 1);
    assert_eq!(node.values(group), ["a", "b"]);
    let said: Vec<_> = node.notices.iter().map(String::as_str).collect();
    let (full, room) = (
        "batches of orders-0 are refused: the batch could not be written: the disk is full",
        "the disk takes batches of orders-0 again",
    );
    assert_eq!(said, [full, room], "once each");
}

/// It has to be in its segment when the journal names it, and there is room in memory.
#[test]
fn a_batch_larger_than_a_journal_block_is_refused_by_a_full_disk_and_leaves_nothing() {
    let mut node = Node::new(SimDisk::new(1));
    let group = node.add_with("orders", 256 << 10);
    node.append(group, batch(&["first"]));
    node.settle();
    node.disk.set_free_bytes(Some(0));
    let large = "x".repeat(2 << 20);
    for _ in 0..2 {
        let refused = node.append(group, batch(&[&large]));
        node.settle();
        assert!(matches!(node.done[&refused], Err(AppendError::Write(_))));
        let small = node.append(group, batch(&["small"]));
        node.settle();
        assert!(node.done[&small].is_ok(), "there is room in memory");
    }
    node.disk.set_free_bytes(None);
    let taken = node.append(group, batch(&[&large]));
    node.settle();
    assert_eq!(node.base(taken), 3);
    node.disk.crash(4);
    let mut node = Node::new(node.disk.clone());
    let group = node.add("orders");
    assert_eq!(node.values(group), ["first", "small", "small", &large]);
}

/// One that still has room in memory may take a batch between two that are refused.
#[test]
fn what_each_partition_refuses_is_said_once() {
    let mut node = Node::new(SimDisk::new(1));
    let (full, roomy) = (node.add_written_at_once("orders"), node.add("payments"));
    node.append(full, batch(&["a"]));
    node.append(roomy, batch(&["a"]));
    node.settle();
    node.disk.set_free_bytes(Some(0));
    for _ in 0..5 {
        let refused = node.append(full, batch(&["refused"]));
        node.settle();
        assert!(node.done[&refused].is_err());
        let taken = node.append(roomy, batch(&["taken"]));
        node.settle();
        assert!(node.done[&taken].is_ok());
    }
    assert_eq!(node.notices.len(), 1, "{:?}", node.notices);
}

#[test]
fn what_was_acknowledged_before_a_full_disk_was_noticed_is_kept() {
    let mut node = Node::new(SimDisk::new(1));
    let group = node.add("orders");
    node.append(group, batch(&["first"]));
    node.settle();
    node.disk.set_free_bytes(Some(0));
    let value = "x".repeat(20_000);
    let taken = (1..)
        .find(|_| {
            let ticket = node.append(group, batch(&[&value]));
            node.settle();
            matches!(node.done[&ticket], Err(AppendError::Write(_)))
        })
        .unwrap();
    assert!(
        (20..35).contains(&taken),
        "512 KiB wait in memory, not {taken}"
    );
    node.disk.set_free_bytes(None);
    assert_eq!(node.values(group).len(), taken);
    let ticket = node.append(group, batch(&["last"]));
    node.settle();
    assert_eq!(node.base(ticket), i64::try_from(taken).unwrap());
    node.disk.crash(4);
    let mut node = Node::new(node.disk.clone());
    let group = node.add("orders");
    let values = node.values(group);
    assert_eq!(values.len(), taken + 1);
    assert_eq!(
        (values[0].as_str(), values[taken].as_str()),
        ("first", "last")
    );
}

/// The journal gives up what a checkpoint vouches for, so one that failed must not count as made.
#[test]
fn a_checkpoint_for_which_the_manifest_had_no_room_is_made_again() {
    let mut node = Node::new(SimDisk::new(1));
    let group = node.add_written_at_once("orders");
    let ticket = node.append(group, batch(&["a"]));
    node.settle();
    assert_eq!(node.base(ticket), 0);
    let mut node = node.checkpointed_without_room_first();
    let group = node.add("orders");
    assert_eq!(node.values(group), ["a"]);
}

#[test]
fn a_partition_without_room_takes_no_other_out_of_the_checkpoint() {
    let mut node = Node::new(SimDisk::new(1));
    let whole = node.add_written_at_once("orders");
    let behind = node.add("payments");
    node.append(whole, batch(&["a"]));
    node.append(behind, batch(&["b"]));
    node.settle();
    let mut node = node.checkpointed_without_room_first();
    let (whole, behind) = (node.add("orders"), node.add("payments"));
    assert_eq!(node.values(whole), ["a"]);
    assert_eq!(node.values(behind), ["b"]);
}

/// A journal that is full asks for a checkpoint with everything that happens.
#[test]
fn a_checkpoint_without_room_is_said_once() {
    let mut node = Node::new(SimDisk::new(1));
    let group = node.add("orders");
    for (round, value) in ["a", "b"].into_iter().enumerate() {
        node.append(group, batch(&[value]));
        node.settle();
        node.disk.set_free_bytes(Some(0));
        for _ in 0..10 {
            node.shard.start_checkpoint();
            node.settle();
        }
        let said = node.notices.iter();
        let said = said.filter(|notice| notice.contains("orders-0 cannot be checkpointed"));
        assert_eq!(said.count(), round + 1, "{:?}", node.notices);
        // There is room again, and then there is none once more.
        node.disk.set_free_bytes(None);
        node.shard.start_checkpoint();
        node.settle();
    }
}

/// Else it would be acknowledged with the next batch that gets those offsets.
#[test]
fn a_repeated_batch_is_refused_with_its_first_copy() {
    let mut node = Node::new(SimDisk::new(1));
    let group = node.add_written_at_once("orders");
    node.append(group, produced(&["a"], sequence(0)));
    node.settle();
    node.disk.set_free_bytes(Some(0));
    let first = node.append(group, produced(&["b"], sequence(1)));
    let repeated = node.append(group, produced(&["b"], sequence(1)));
    node.settle();
    node.disk.set_free_bytes(None);
    let other = node.append(group, batch(&["c"]));
    node.settle();
    for ticket in [first, repeated] {
        let refused = &node.done[&ticket];
        assert!(matches!(refused, Err(AppendError::Write(_))), "{refused:?}");
    }
    assert_eq!(node.base(other), 1);
    assert_eq!(node.values(group), ["a", "c"]);
}

#[test]
fn a_removed_partition_is_gone_and_its_name_can_be_used_again() {
    let mut node = Node::new(SimDisk::new(1));
    let old = node.add("orders");
    node.append(old, batch(&["old"]));
    node.settle();
    node.shard.remove(old);
    let mut anew = spec("orders");
    anew.topic = Uuid::from_bytes([77; 16]);
    let new = node.shard.add(anew.clone(), NOW);
    node.settle();
    node.append(new, batch(&["new"]));
    node.settle();
    node.shard.start_checkpoint();
    node.settle();
    assert!(matches!(
        node.shard.marks(old, None),
        Err(AccessError::UnknownPartition)
    ));
    node.disk.crash(3);
    let mut node = Node::new(node.disk.clone());
    let new = node.shard.add(anew, NOW);
    node.settle();
    assert_eq!(node.values(new), ["new"]);
    assert_eq!(node.shard.partitions().count(), 1);
}

/// The partition's record is in the journal only, and a checkpoint gives up that part of it.
#[test]
fn what_a_process_left_that_stopped_while_it_removed_a_log_is_removed_by_the_next() {
    let mut node = Node::new(SimDisk::new(1));
    let group = node.add_written_at_once("orders");
    node.append(group, batch(&["a"]));
    node.settle();
    node.shard.remove(group);
    node.shard.start_checkpoint();
    while node.removals.is_empty() {
        node.carry_out_but_removals();
    }
    let names = |disk: &SimDisk| {
        let names = disk.list(Path::new("/data")).unwrap();
        let names = names.iter().map(|name| name.display().to_string());
        names.collect::<Vec<_>>()
    };
    assert_eq!(
        names(&node.disk),
        ["journal", "manifest", "orders-0-delete"]
    );
    node.disk.restart(PowerCut::KeepsUnsynced);
    let mut node = Node::new(node.disk.clone());
    node.settle();
    assert_eq!(names(&node.disk), ["journal", "manifest"]);
}

#[test]
fn a_partition_to_which_nothing_happened_yet_is_in_the_manifest() {
    let mut node = Node::new(SimDisk::new(1));
    let mut shared = spec("orders");
    shared.voters.push((ReplicaId(2), BrokerId(2)));
    let group = node.shard.add(shared.clone(), NOW);
    node.settle();
    node.shard.start_checkpoint();
    node.settle();
    node.disk.crash(1);
    let mut node = Node::new(node.disk.clone());
    assert_eq!(node.shard.partitions().count(), 1);
    assert_eq!(node.shard.add(shared, NOW), group);
}

#[test]
fn offsets_are_found_by_position_and_by_time() {
    let mut node = Node::new(SimDisk::new(1));
    let group = node.add("orders");
    node.append(group, batch(&["a", "b", "c"]));
    node.settle();
    let mut find = |target| {
        let found = node
            .shard
            .find_offset(group, target, Isolation::Uncommitted, None)
            .unwrap();
        found.map(|found| found.offset.value())
    };
    assert_eq!(find(OffsetTarget::Earliest), Some(0));
    assert_eq!(find(OffsetTarget::Latest), Some(3));
    assert_eq!(find(OffsetTarget::Timestamp(NOW.wall)), Some(0));
    assert_eq!(
        find(OffsetTarget::Timestamp(Timestamp(NOW.wall.0 + 1))),
        None
    );
}

//! A replica that copies segments: what it asks for, how often, and when it lets it be.

#![expect(clippy::unwrap_used, reason = "a test fails where a value is missing")]

use bytes::Bytes;
use thalweg_consensus::{Group, GroupConfig, GroupState, HardState, Membership, Message};
use thalweg_log::disk::SimDisk;
use thalweg_log::incoming::FilePlace;
use thalweg_log::journal::JournalOptions;
use thalweg_log::partition::{EntryId, LogState, ProducerBase};
use thalweg_log::{FileKind, LogConfig, SegmentState};
use thalweg_model::{
    BrokerId, LogIndex, Now, Offset, PartitionIndex, ReplicaId, Term, Tick, Timestamp, Uuid,
};
use thalweg_replica::limits::{COPIES_MAX, COPY_IDLE_TICKS_MAX, COPY_TICKS_MAX, RAFT_TICK_MS};
use thalweg_replica::{Effect, PartitionSpec, PeerMessage, Shard, ShardConfig};

const HERE: ReplicaId = ReplicaId(1);
const THERE: ReplicaId = ReplicaId(2);

/// Entries of the leader's sealed segment: 5 to 9.
const LAST: LogIndex = LogIndex(9);

fn now(tick: u64) -> Now {
    Now {
        tick: Tick(tick * RAFT_TICK_MS * 1_000),
        wall: Timestamp(1_000_000),
    }
}

fn spec(partition: i32) -> PartitionSpec {
    PartitionSpec {
        topic: Uuid::from_bytes([1; 16]),
        topic_name: "orders".to_owned(),
        partition: PartitionIndex(partition),
        replica: HERE,
        voters: vec![(HERE, BrokerId(1)), (THERE, BrokerId(2))],
        config: LogConfig::default(),
        min_insync_replicas: 1,
    }
}

fn segment() -> SegmentState {
    SegmentState {
        base: Offset::new(40),
        bytes: 500,
        next_offset: Offset::new(45),
        first_index: LogIndex(5),
        entries: 5,
        offsets: 0,
        times: 0,
        aborted: 0,
        max_timestamp: Timestamp(7),
        max_timestamp_at: Offset::new(44),
        first_timestamp: Timestamp(7),
        indexed_timestamp: Timestamp::NONE,
        created: Timestamp(7),
        has_snapshot: false,
    }
}

/// What the leader tells of the older part of its log.
fn state() -> LogState {
    let entry = |index| EntryId {
        index: LogIndex(index),
        term: Term(1),
    };
    LogState {
        log_start: Offset::new(40),
        next_offset: Offset::new(45),
        before: entry(4),
        last: entry(LAST.0),
        segments: vec![segment()],
        producers: ProducerBase {
            at: Offset::new(45),
            inline: Some(Bytes::new()),
        },
        ..LogState::default()
    }
}

/// A leader whose log begins after entry 4, where a segment ends with entry 9.
fn leader() -> Group {
    let config = GroupConfig {
        replica: THERE,
        seed: 1,
    };
    let membership = Membership {
        voters: vec![HERE, THERE],
        ..Membership::default()
    };
    let hard_state = HardState {
        term: Term(1),
        vote: None,
        commit: LAST,
    };
    let state = GroupState {
        hard_state,
        membership,
        start: (LogIndex(4), Term(1)),
        terms: vec![(LogIndex(5), Term(1))],
        last: LAST,
        ..GroupState::default()
    };
    let mut group = Group::new(config, state);
    group.campaign();
    group
}

struct Node {
    shard: Shard<SimDisk>,
    tick: u64,
    /// Messages for the other replica.
    sent: Vec<(i32, PeerMessage)>,
    removed: usize,
}

impl Node {
    fn new() -> Self {
        let config = ShardConfig {
            dir: "/data".into(),
            directory: Uuid::from_bytes([9; 16]),
            seed: 7,
            journal: JournalOptions::default(),
            manifest_bytes_min: 4_000,
        };
        Self {
            shard: Shard::open(SimDisk::new(1), config, now(1)).unwrap(),
            tick: 1,
            sent: Vec::new(),
            removed: 0,
        }
    }

    fn settle(&mut self) {
        loop {
            self.shard.flush(now(self.tick));
            let effects = self.shard.take_effects();
            if effects.is_empty() {
                return;
            }
            for effect in effects {
                match effect {
                    Effect::WriteBlock(job) => self.shard.block_written(job.perform()),
                    Effect::RemoveLog(removal) => {
                        self.removed += 1;
                        self.shard.log_removed(removal.perform());
                    }
                    Effect::Send {
                        partition, message, ..
                    } => self.sent.push((partition.partition.0, message)),
                    Effect::Failed(why) => panic!("{why}"),
                    Effect::WriteStretches(_)
                    | Effect::Checkpoint(_)
                    | Effect::Grow(_)
                    | Effect::Copy(_)
                    | Effect::Complete { .. }
                    | Effect::Wake(_)
                    | Effect::LeaderChanged(_)
                    | Effect::Remove(_)
                    | Effect::Notice(_)
                    | Effect::Warning(_) => {}
                }
            }
        }
    }

    fn receive(&mut self, partition: i32, message: Message) {
        let partition = spec(partition).topic_partition();
        self.shard.receive(partition, PeerMessage::Raft(message));
        self.settle();
    }

    /// Lets one tick pass.
    fn tick(&mut self) {
        self.tick += 1;
        self.shard.tick(now(self.tick));
        self.settle();
    }

    /// Lets the leader and this node talk until the leader has told where its log begins.
    fn hear_of_the_beginning(&mut self, partition: i32) -> Message {
        let mut leader = leader();
        let mut told = None;
        for _ in 0..40 {
            let work = leader.work();
            if let Some(ready) = work.ready {
                leader.persisted(ready);
            }
            if work.wants_beginning {
                let mut bytes = Vec::new();
                state().encode(&mut bytes);
                leader.offer((LAST, Term(1)), bytes.into());
            }
            for message in [work.messages, work.messages_after_persist].concat() {
                if message.is_snapshot() {
                    told = Some(message.clone());
                }
                self.receive(partition, message);
            }
            for (of, message) in std::mem::take(&mut self.sent) {
                match message {
                    PeerMessage::Raft(message) => leader.step(message).unwrap(),
                    PeerMessage::FileRequest(_) | PeerMessage::FilePart(_) => {
                        self.sent.push((of, message));
                    }
                }
            }
            if let Some(told) = told {
                return told;
            }
            leader.tick();
        }
        panic!("the leader told nothing");
    }

    /// What was asked for, of which partitions.
    fn asked(&mut self) -> Vec<(i32, FilePlace)> {
        let sent = std::mem::take(&mut self.sent).into_iter();
        sent.filter_map(|(partition, message)| match message {
            PeerMessage::FileRequest(request) => Some((partition, request.place)),
            PeerMessage::Raft(_) | PeerMessage::FilePart(_) => None,
        })
        .collect()
    }
}

fn first_place() -> FilePlace {
    FilePlace {
        segment: segment(),
        kind: FileKind::Entries,
        position: 0,
    }
}

#[test]
fn what_does_not_come_is_asked_for_again_and_let_be_in_the_end() {
    let mut node = Node::new();
    node.shard.add(spec(0), now(1));
    node.settle();
    let told = node.hear_of_the_beginning(0);
    assert_eq!(node.asked(), [(0, first_place())]);
    for _ in 1..COPY_TICKS_MAX {
        node.tick();
        assert_eq!(node.asked(), []);
    }
    node.tick();
    assert_eq!(node.asked(), [(0, first_place())]);
    for _ in COPY_TICKS_MAX..COPY_IDLE_TICKS_MAX {
        assert_eq!(node.removed, 0);
        node.tick();
    }
    assert_eq!(node.removed, 1);
    node.asked();
    node.tick();
    assert_eq!(node.asked(), []);
    // When it is told again, it begins again.
    node.receive(0, told);
    assert_eq!(node.asked(), [(0, first_place())]);
}

#[test]
fn a_few_replicas_are_copied_at_once() {
    let mut node = Node::new();
    let many = i32::try_from(COPIES_MAX).unwrap() + 1;
    for partition in 0..many {
        node.shard.add(spec(partition), now(1));
        node.settle();
        node.hear_of_the_beginning(partition);
    }
    let asked = node.asked();
    assert_eq!(asked.len(), COPIES_MAX);
    assert!(asked.iter().all(|&(partition, _)| partition < many - 1));
}

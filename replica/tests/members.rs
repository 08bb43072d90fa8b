//! Replicas of a partition that come and go.

#![expect(clippy::unwrap_used, reason = "a test fails where a value is missing")]

use thalweg_consensus::{Group, GroupConfig, GroupState, Membership, Message};
use thalweg_log::LogConfig;
use thalweg_log::disk::SimDisk;
use thalweg_log::journal::JournalOptions;
use thalweg_model::{BrokerId, Now, PartitionIndex, ReplicaId, Tick, Timestamp, Uuid};
use thalweg_replica::{Effect, PartitionSpec, PeerMessage, Shard, ShardConfig};

const NOW: Now = Now {
    tick: Tick(1_000),
    wall: Timestamp(1_000_000),
};

/// Replica 1, on the first of three nodes.
fn spec() -> PartitionSpec {
    let voters = [1, 2, 3].map(|id| (ReplicaId(id), BrokerId(i32::try_from(id).unwrap())));
    PartitionSpec {
        topic: Uuid::from_bytes([1; 16]),
        topic_name: "orders".to_owned(),
        partition: PartitionIndex(0),
        replica: ReplicaId(1),
        voters: voters.to_vec(),
        config: LogConfig::default(),
        min_insync_replicas: 1,
    }
}

fn shard() -> Shard<SimDisk> {
    let config = ShardConfig {
        dir: "/data".into(),
        directory: Uuid::from_bytes([9; 16]),
        seed: 7,
        journal: JournalOptions::default(),
        manifest_bytes_min: 4_000,
    };
    Shard::open(SimDisk::new(1), config, NOW).unwrap()
}

/// Writes the shard's blocks until it has no more; where it sent messages.
fn settle(shard: &mut Shard<SimDisk>) -> Vec<BrokerId> {
    let mut sent = Vec::new();
    loop {
        shard.flush(NOW);
        let effects = shard.take_effects();
        if effects.is_empty() {
            return sent;
        }
        for effect in effects {
            if let Effect::Send { to, .. } = &effect {
                sent.push(*to);
            }
            if let Effect::WriteBlock(job) = effect {
                shard.block_written(job.perform());
            }
        }
    }
}

/// What a replica of a group of two asks for when it wants to lead.
fn request_for_votes(replica: ReplicaId, other: ReplicaId) -> Vec<Message> {
    let membership = Membership {
        voters: vec![other, replica],
        ..Membership::default()
    };
    let state = GroupState {
        membership,
        ..GroupState::default()
    };
    let mut group = Group::new(GroupConfig { replica, seed: 1 }, state);
    group.campaign();
    let work = group.work();
    [work.messages, work.messages_after_persist].concat()
}

#[test]
fn a_replica_that_is_to_go_is_answered() {
    let mut shard = shard();
    let group = shard.add(spec(), NOW);
    settle(&mut shard);
    // Replica 4 took the place of 2, and 5 is to take its place, on the third node.
    let living = [(1, 1), (4, 2), (5, 3)].map(|(id, node)| (ReplicaId(id), BrokerId(node)));
    shard.reassign(group, &[1, 5].map(ReplicaId), &living);
    for message in request_for_votes(ReplicaId(4), ReplicaId(1)) {
        shard.receive(spec().topic_partition(), PeerMessage::Raft(message));
    }
    assert_eq!(settle(&mut shard), [BrokerId(2)]);
}

//! A member of a group: what it knows, what it asks, and what a history says of that.

use bytes::Bytes;
use thalweg_coordinator::messages::{
    CommitPartition, CommitTopic, FetchTopic, HeartbeatRequest, JoinReply, JoinRequest,
    LeaveRequest, LeavingMember, OffsetCommitRequest, OffsetFetchRequest, Protocol, Reply,
    SyncRequest,
};
use thalweg_coordinator::{
    Effects, Generation, GroupConfig, GroupId, GroupShard, MemberId, ReplyToken,
};
use thalweg_model::{ErrorCode, Now, PartitionIndex, Uuid};

use crate::history::{Call, Member, Outcome, Partition};

const TOPIC: &str = "t";

/// Partitions that a group shares out. They are only names: nobody writes to them.
pub(crate) const SHARED_PARTITIONS: u8 = 4;

/// Settings of the coordinators: sessions are as short as a run is.
pub(crate) fn group_config() -> GroupConfig {
    GroupConfig {
        session_timeout_ms_min: 1,
        initial_rebalance_delay_ms: 100,
        ..GroupConfig::default()
    }
}

/// What is asked of a group's coordinator.
#[derive(Clone, Debug)]
pub(crate) enum GroupCall {
    Join(JoinRequest),
    Sync(SyncRequest),
    Heartbeat(HeartbeatRequest),
    Leave(LeaveRequest),
    Commit(OffsetCommitRequest),
    Fetch(OffsetFetchRequest),
}

/// How a coordinator takes a call.
#[derive(Debug)]
pub(crate) enum Answered {
    /// With what it wants done; the answer is among that, sooner or later.
    Later(Effects),
    /// With an answer to a heartbeat.
    Heartbeat(ErrorCode),
}

impl GroupCall {
    /// The group.
    pub(crate) fn group(&self) -> &GroupId {
        match self {
            Self::Join(request) => &request.group,
            Self::Sync(request) => &request.group,
            Self::Heartbeat(request) => &request.group,
            Self::Leave(request) => &request.group,
            Self::Commit(request) => &request.group,
            Self::Fetch(request) => &request.group,
        }
    }

    /// Asks a coordinator.
    pub(crate) fn put(&self, shard: &mut GroupShard, now: Now, token: ReplyToken) -> Answered {
        Answered::Later(match self {
            Self::Join(request) => shard.join(now, token, request),
            Self::Sync(request) => shard.sync(now, token, request),
            Self::Leave(request) => shard.leave(now, token, request),
            Self::Commit(request) => shard.commit_offsets(now, token, request),
            Self::Fetch(request) => shard.fetch_offsets(now, token, request.clone()),
            Self::Heartbeat(request) => {
                let beat = shard.heartbeat(now, request);
                return Answered::Heartbeat(beat.err().unwrap_or(ErrorCode::None));
            }
        })
    }

    /// What a history says of it, answered or not; none if nothing is promised.
    pub(crate) fn told(&self, answer: Option<&Reply>) -> Option<Call> {
        match (self, answer) {
            (Self::Sync(request), Some(Reply::Sync(reply))) if reply.error == ErrorCode::None => {
                let member = named(&request.group, &request.member, request.generation);
                let partitions = reply.assignment.iter().copied().map(partition).collect();
                Some(Call::Assigned { member, partitions })
            }
            (Self::Commit(request), answer) => {
                let asked = request.topics.first()?.partitions.first()?;
                let outcome = match answer {
                    Some(Reply::OffsetCommit(reply)) => {
                        outcome_of(reply.topics.first()?.partitions.first()?.error)
                    }
                    Some(_) | None => Outcome::Unknown,
                };
                Some(Call::Commit {
                    member: named(&request.group, &request.member, request.generation),
                    partition: partition(u8::try_from(asked.partition.0).ok()?),
                    offset: asked.offset,
                    outcome,
                })
            }
            (Self::Fetch(request), Some(Reply::OffsetFetch(reply))) => {
                let asked = *request.topics.as_ref()?.first()?.partitions.first()?;
                let topic = reply.topics.first();
                let found = topic.and_then(|topic| topic.partitions.first());
                let position = found.and_then(|found| found.committed.as_ref());
                Some(Call::Committed {
                    group: request.group.as_str().to_owned(),
                    partition: partition(u8::try_from(asked.0).ok()?),
                    outcome: match outcome_of(reply.error) {
                        Outcome::Ok(()) => Outcome::Ok(position.map(|stored| stored.offset)),
                        Outcome::Failed => Outcome::Failed,
                        Outcome::Unknown => Outcome::Unknown,
                    },
                })
            }
            (Self::Join(_) | Self::Sync(_) | Self::Heartbeat(_) | Self::Leave(_), _)
            | (Self::Fetch(_), _) => None,
        }
    }
}

/// Asks for the position of a group in one partition.
pub(crate) fn fetch(group: &GroupId, number: u8, require_stable: bool) -> GroupCall {
    GroupCall::Fetch(OffsetFetchRequest {
        group: group.clone(),
        topics: Some(vec![FetchTopic {
            name: TOPIC.into(),
            id: Uuid::NIL,
            partitions: vec![PartitionIndex(number.into())],
        }]),
        require_stable,
    })
}

/// What one member knows.
#[derive(Clone, Debug)]
pub(crate) struct Session {
    pub(crate) group: GroupId,
    member: MemberId,
    generation: Generation,
    /// The members that it assigns partitions to, if it leads.
    members: Vec<MemberId>,
}

impl Session {
    /// One who has not joined.
    pub(crate) fn new(group: GroupId) -> Self {
        Self {
            group,
            member: MemberId::default(),
            generation: Generation::default(),
            members: Vec::new(),
        }
    }

    /// Whether it was in some generation.
    pub(crate) fn has_joined(&self) -> bool {
        self.generation >= Generation(1)
    }

    pub(crate) fn join(&self, dice: u64) -> GroupCall {
        let mut entropy = [0; 16];
        entropy[..8].copy_from_slice(&dice.to_be_bytes());
        GroupCall::Join(JoinRequest {
            group: self.group.clone(),
            member: self.member.clone(),
            instance: None,
            protocol_type: "consumer".into(),
            protocols: vec![Protocol {
                name: "range".into(),
                metadata: Bytes::from_static(b"\0\0\0\0\0\x01\0\x01t\xff\xff\xff\xff"),
            }],
            session_timeout_ms: 1_000,
            rebalance_timeout_ms: 600,
            client_id: "c".into(),
            client_host: "/127.0.0.1".into(),
            api_version: 9,
            entropy,
        })
    }

    /// Takes up the answer to a join.
    pub(crate) fn joined(&mut self, reply: &JoinReply) {
        if reply.error == ErrorCode::None {
            self.member = reply.member.clone();
            self.generation = reply.generation;
            self.members = reply.members.iter().map(|of| of.member.clone()).collect();
        } else if reply.error == ErrorCode::MemberIdRequired {
            self.member = reply.member.clone();
        } else {
            self.forget();
        }
    }

    /// It is no member any more.
    pub(crate) fn forget(&mut self) {
        *self = Self::new(self.group.clone());
    }

    pub(crate) fn sync(&self) -> GroupCall {
        let shares = (0..).zip(&self.members).map(|(at, member)| {
            let share = (0..SHARED_PARTITIONS)
                .filter(|number| usize::from(*number) % self.members.len() == at)
                .collect::<Vec<_>>();
            (member.clone(), Bytes::from(share))
        });
        GroupCall::Sync(SyncRequest {
            group: self.group.clone(),
            member: self.member.clone(),
            instance: None,
            generation: self.generation,
            protocol_type: None,
            protocol_name: None,
            assignments: shares.collect(),
        })
    }

    pub(crate) fn heartbeat(&self) -> GroupCall {
        GroupCall::Heartbeat(HeartbeatRequest {
            group: self.group.clone(),
            member: self.member.clone(),
            instance: None,
            generation: self.generation,
        })
    }

    pub(crate) fn leave(&self) -> GroupCall {
        GroupCall::Leave(LeaveRequest {
            group: self.group.clone(),
            members: vec![LeavingMember {
                member: self.member.clone(),
                instance: None,
            }],
        })
    }

    /// Commits by what it knows, which may be old.
    pub(crate) fn commit(&self, number: u8, offset: i64) -> GroupCall {
        GroupCall::Commit(OffsetCommitRequest {
            group: self.group.clone(),
            generation: self.generation,
            member: self.member.clone(),
            instance: None,
            retention_ms: None,
            topics: vec![CommitTopic {
                name: TOPIC.into(),
                id: Uuid::NIL,
                partitions: vec![CommitPartition {
                    partition: PartitionIndex(number.into()),
                    offset,
                    leader_epoch: None,
                    metadata: None,
                }],
            }],
            api_version: 9,
        })
    }
}

fn partition(number: u8) -> Partition {
    Partition {
        topic: TOPIC.to_owned(),
        number: number.into(),
    }
}

fn named(group: &GroupId, member: &MemberId, generation: Generation) -> Member {
    Member {
        group: group.as_str().to_owned(),
        member: member.as_str().to_owned(),
        generation: generation.0,
    }
}

fn outcome_of(error: ErrorCode) -> Outcome<()> {
    // What was appended may be in the log nevertheless.
    let unknown = [
        ErrorCode::NotCoordinator,
        ErrorCode::CoordinatorNotAvailable,
    ];
    if error == ErrorCode::None {
        Outcome::Ok(())
    } else if unknown.contains(&error) {
        Outcome::Unknown
    } else {
        Outcome::Failed
    }
}

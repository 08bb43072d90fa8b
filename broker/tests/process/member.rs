//! A member of a consumer group, as clients are: it joins, takes what it is given, reads from what
//! was committed, commits, and takes all of it up again after the broker was gone.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use thalweg_sim::history::Member as GroupMember;
use thalweg_wire::Str;
use thalweg_wire::messages::join_group_request::JoinGroupRequestProtocol;
use thalweg_wire::messages::offset_commit_request::{
    OffsetCommitRequestPartition, OffsetCommitRequestTopic,
};
use thalweg_wire::messages::offset_fetch_request::OffsetFetchRequestTopic;
use thalweg_wire::messages::sync_group_request::SyncGroupRequestAssignment;
use thalweg_wire::messages::{
    FindCoordinatorRequest, HeartbeatRequest, JoinGroupRequest, LeaveGroupRequest,
    OffsetCommitRequest, OffsetFetchRequest, SyncGroupRequest,
};

use crate::harness::Client;
use crate::history::{Positions, Recorder};

const UNKNOWN_MEMBER_ID: i16 = 25;

/// Answers after which the same is asked again: the coordinator is not ready.
const COORDINATOR_NOT_READY: [i16; 3] = [14, 15, 16];

/// What a member keeps while the broker is gone.
#[derive(Debug)]
pub(crate) struct Member {
    group: &'static str,
    topic: &'static str,
    partitions: i32,
    id: String,
    generation: i32,
    /// Its partitions and where it reads next; empty before it has joined.
    positions: BTreeMap<i32, i64>,
    has_joined: bool,
    recorder: Arc<Recorder>,
    /// What it saw of the group.
    pub(crate) seen: Seen,
}

/// A record's partition and offset, and its value.
pub(crate) type Placed = ((i32, i64), Vec<u8>);

/// What a member saw, for the one who checks.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// Records that it read.
    pub(crate) read: Vec<Placed>,
    /// Highest offset whose commit was acknowledged, by partition.
    pub(crate) acknowledged: BTreeMap<i32, i64>,
    /// Offset that a commit was sent with last, by partition.
    pub(crate) sent: BTreeMap<i32, i64>,
    /// How often it joined.
    pub(crate) joins: u64,
    /// How often its place in the group was still its own after the broker had been gone.
    pub(crate) resumed: u64,
}

impl Member {
    pub(crate) fn new(group: &'static str, topic: &'static str, partitions: i32) -> Self {
        Self {
            group,
            topic,
            partitions,
            id: String::new(),
            generation: -1,
            positions: BTreeMap::new(),
            has_joined: false,
            recorder: Arc::new(Recorder::deaf()),
            seen: Seen::default(),
        }
    }

    /// Has what it does written down with what others do.
    pub(crate) fn recorded(mut self, recorder: &Arc<Recorder>) -> Self {
        self.recorder = Arc::clone(recorder);
        self
    }

    fn name(&self) -> GroupMember {
        GroupMember {
            group: self.group.to_owned(),
            member: self.id.clone(),
            generation: self.generation,
        }
    }

    /// Takes part until the broker is gone, or until `enough` says so.
    pub(crate) fn take_part(&mut self, port: u16, mut enough: impl FnMut(&Self) -> bool) {
        // It ends with the connection.
        let _gone = self.try_take_part(port, &mut enough);
    }

    fn try_take_part(
        &mut self,
        port: u16,
        enough: &mut impl FnMut(&Self) -> bool,
    ) -> io::Result<()> {
        let mut client = Client::connect(port)?;
        find_coordinator(&mut client, self.group)?;
        let mut is_resuming = self.has_joined;
        while !enough(self) {
            if !self.has_joined {
                self.join(&mut client)?;
                continue;
            }
            let code = self.heartbeat(&mut client)?;
            if COORDINATOR_NOT_READY.contains(&code) {
                std::thread::sleep(Duration::from_millis(1));
                continue;
            }
            if code != 0 {
                self.leave_place(code);
                continue;
            }
            self.seen.resumed += u64::from(std::mem::take(&mut is_resuming));
            self.read_and_commit(&mut client)?;
        }
        Ok(())
    }

    /// Says good-bye; that the broker is gone is no reason to stay.
    pub(crate) fn leave(&mut self, port: u16) {
        let request = LeaveGroupRequest {
            group_id: Str::from(self.group),
            member_id: Str::from(self.id.as_str()),
            ..LeaveGroupRequest::default()
        };
        let told = Client::connect(port).and_then(|mut client| client.ask(&request, 2));
        if told.is_ok_and(|answer| answer.error_code == 0) {
            self.leave_place(UNKNOWN_MEMBER_ID);
        }
    }

    fn leave_place(&mut self, code: i16) {
        self.has_joined = false;
        self.positions.clear();
        if code == UNKNOWN_MEMBER_ID {
            self.id.clear();
        }
    }

    fn heartbeat(&mut self, client: &mut Client) -> io::Result<i16> {
        let request = HeartbeatRequest {
            group_id: Str::from(self.group),
            generation_id: self.generation,
            member_id: Str::from(self.id.as_str()),
            ..HeartbeatRequest::default()
        };
        Ok(client.ask(&request, 3)?.error_code)
    }

    fn join(&mut self, client: &mut Client) -> io::Result<()> {
        let request = JoinGroupRequest {
            group_id: Str::from(self.group),
            session_timeout_ms: 6000,
            rebalance_timeout_ms: 6000,
            member_id: Str::from(self.id.as_str()),
            protocol_type: Str::from("consumer"),
            protocols: vec![JoinGroupRequestProtocol {
                name: Str::from("by hand"),
                metadata: Bytes::from_static(b"\0\0\0\0\0\0\xff\xff\xff\xff"),
            }],
            ..JoinGroupRequest::default()
        };
        // The last version in which a member is taken in without being asked back first.
        let joined = client.ask(&request, 3)?;
        if joined.error_code != 0 {
            self.leave_place(joined.error_code);
            std::thread::sleep(Duration::from_millis(1));
            return Ok(());
        }
        self.id = joined.member_id.to_string();
        self.generation = joined.generation_id;
        let members: Vec<_> = joined.members.iter().map(|m| m.member_id.clone()).collect();
        self.sync(client, &members)
    }

    /// Takes its share; the leader, who was told the members, gives them out.
    fn sync(&mut self, client: &mut Client, members: &[Str]) -> io::Result<()> {
        let share = |at: usize| {
            let mut bytes = BytesMut::new();
            for partition in (0..self.partitions).skip(at).step_by(members.len()) {
                bytes.put_i32(partition);
            }
            bytes.freeze()
        };
        let assignments = members.iter().enumerate();
        let request = SyncGroupRequest {
            group_id: Str::from(self.group),
            generation_id: self.generation,
            member_id: Str::from(self.id.as_str()),
            assignments: assignments
                .map(|(at, member)| SyncGroupRequestAssignment {
                    member_id: member.clone(),
                    assignment: share(at),
                })
                .collect(),
            ..SyncGroupRequest::default()
        };
        let recorder = Arc::clone(&self.recorder);
        let synced = recorder.assigned(
            self.name(),
            self.topic,
            || client.ask(&request, 3),
            |synced| (synced.error_code == 0).then(|| numbers(&synced.assignment)),
        )?;
        if synced.error_code != 0 {
            self.leave_place(synced.error_code);
            return Ok(());
        }
        self.has_joined = true;
        self.seen.joins += 1;
        let (group, topic) = (self.group, self.topic);
        let ask = || committed(client, group, topic, self.partitions);
        let committed = recorder.committed((group, topic), ask)?;
        for number in numbers(&synced.assignment) {
            let position = committed.get(&number).copied().flatten().unwrap_or(0);
            self.positions.insert(number, position);
        }
        Ok(())
    }

    fn read_and_commit(&mut self, client: &mut Client) -> io::Result<()> {
        for (partition, position) in self.positions.clone() {
            let records = client.read_some(self.topic, partition, position)?;
            let Some((last, _)) = records.last() else {
                continue;
            };
            let next = last + 1;
            let place = |(offset, value)| ((partition, offset), value);
            self.seen.read.extend(records.into_iter().map(place));
            self.seen.sent.insert(partition, next);
            let code = self.commit(client, partition, next)?;
            if code != 0 {
                self.leave_place(code);
                return Ok(());
            }
            self.positions.insert(partition, next);
            self.seen.acknowledged.insert(partition, next);
        }
        Ok(())
    }

    fn commit(&mut self, client: &mut Client, partition: i32, offset: i64) -> io::Result<i16> {
        let request = OffsetCommitRequest {
            group_id: Str::from(self.group),
            generation_id_or_member_epoch: self.generation,
            member_id: Str::from(self.id.as_str()),
            retention_time_ms: -1,
            topics: vec![OffsetCommitRequestTopic {
                name: Str::from(self.topic),
                partitions: vec![OffsetCommitRequestPartition {
                    partition_index: partition,
                    committed_offset: offset,
                    committed_leader_epoch: -1,
                    ..OffsetCommitRequestPartition::default()
                }],
                ..OffsetCommitRequestTopic::default()
            }],
            ..OffsetCommitRequest::default()
        };
        let ask = || Ok(client.ask(&request, 7)?.topics[0].partitions[0].error_code);
        let place = (self.topic, partition);
        self.recorder.commit(self.name(), place, offset, ask)
    }
}

/// The partitions of an assignment.
fn numbers(assignment: &Bytes) -> Vec<i32> {
    let mut left = assignment.clone();
    std::iter::from_fn(|| left.try_get_i32().ok()).collect()
}

/// Asks for the group's coordinator, as every client does first: that makes the topic in which
/// offsets are kept.
fn find_coordinator(client: &mut Client, group: &str) -> io::Result<()> {
    let request = FindCoordinatorRequest {
        key: Str::from(group),
        ..FindCoordinatorRequest::default()
    };
    while client.ask(&request, 2)?.error_code != 0 {
        std::thread::sleep(Duration::from_millis(1));
    }
    Ok(())
}

/// Where a group is in each partition.
pub(crate) fn committed(
    client: &mut Client,
    group: &str,
    topic: &str,
    partitions: i32,
) -> io::Result<Positions> {
    let request = OffsetFetchRequest {
        group_id: Str::from(group),
        topics: Some(vec![OffsetFetchRequestTopic {
            name: Str::from(topic),
            partition_indexes: (0..partitions).collect(),
        }]),
        ..OffsetFetchRequest::default()
    };
    find_coordinator(client, group)?;
    loop {
        let answer = client.ask(&request, 5)?;
        if COORDINATOR_NOT_READY.contains(&answer.error_code) {
            std::thread::sleep(Duration::from_millis(1));
            continue;
        }
        assert_eq!(answer.error_code, 0, "a group's offsets can be asked for");
        let partitions = answer.topics[0].partitions.iter();
        return Ok(partitions
            .map(|p| {
                let position = (p.committed_offset >= 0).then_some(p.committed_offset);
                (p.partition_index, position)
            })
            .collect());
    }
}

/// Where a group reads on in each partition: at 0 where it has committed nothing.
pub(crate) fn reads_on(positions: Positions) -> BTreeMap<i32, i64> {
    let reads_on = |(number, position): (i32, Option<i64>)| (number, position.unwrap_or(0));
    positions.into_iter().map(reads_on).collect()
}

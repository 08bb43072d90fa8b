//! A member of a classic consumer group: join, sync, heartbeat, commit, leave.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use thalweg_model::ErrorCode;
use thalweg_wire::messages::join_group_request::JoinGroupRequestProtocol;
use thalweg_wire::messages::join_group_response::JoinGroupResponseMember;
use thalweg_wire::messages::leave_group_request::MemberIdentity;
use thalweg_wire::messages::sync_group_request::SyncGroupRequestAssignment;
use thalweg_wire::messages::{
    HeartbeatRequest, JoinGroupRequest, JoinGroupResponse, LeaveGroupRequest, SyncGroupRequest,
};

use super::assignor::{self, RANGE, Share, Subscriber};
use crate::client::{Client, ClientError, Connection, Retry, check};
use crate::commands::group::offsets;
use crate::limits::{REBALANCE_TIMEOUT_MS, SESSION_TIMEOUT_MS};

const PROTOCOL_TYPE: &str = "consumer";

/// What a heartbeat learned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pulse {
    /// All is well.
    Member,
    /// The group wants everybody to join again.
    Rebalance,
    /// The group has gone on without this member.
    Expelled,
}

/// One member.
pub(super) struct Member<'a> {
    client: &'a Client,
    group: &'a str,
    topic: &'a str,
    connection: Option<Connection>,
    member_id: String,
    generation: i32,
}

impl<'a> Member<'a> {
    /// Somebody who has not joined yet.
    pub(super) fn new(client: &'a Client, group: &'a str, topic: &'a str) -> Self {
        Self {
            client,
            group,
            topic,
            connection: None,
            member_id: String::new(),
            generation: -1,
        }
    }

    /// Joins, or joins again, and learns its partitions.
    pub(super) async fn join(&mut self) -> Result<Vec<i32>, ClientError> {
        let mut retry = Retry::within(self.client.timeout());
        loop {
            match self.join_once().await {
                Ok(mut share) => return Ok(share.remove(self.topic).unwrap_or_default()),
                Err(error) => match error.code() {
                    // The group began another round meanwhile.
                    Some(ErrorCode::RebalanceInProgress | ErrorCode::MemberIdRequired) => {}
                    Some(ErrorCode::UnknownMemberId | ErrorCode::IllegalGeneration) => {
                        self.forget_membership();
                    }
                    _ => {
                        self.connection = None;
                        retry.after(error).await?;
                    }
                },
            }
        }
    }

    async fn join_once(&mut self) -> Result<Share, ClientError> {
        let subject = format!("cannot join group '{}'", self.group);
        let request = JoinGroupRequest {
            group_id: self.group.into(),
            session_timeout_ms: SESSION_TIMEOUT_MS,
            rebalance_timeout_ms: REBALANCE_TIMEOUT_MS,
            member_id: self.member_id.as_str().into(),
            protocol_type: PROTOCOL_TYPE.into(),
            protocols: vec![JoinGroupRequestProtocol {
                name: RANGE.into(),
                metadata: assignor::subscription(self.topic),
            }],
            ..JoinGroupRequest::default()
        };
        // The answer waits until every member has joined.
        let wait = Duration::from_millis(REBALANCE_TIMEOUT_MS.unsigned_abs().into());
        let wait = wait + self.client.timeout();
        let joined = self.connection().await?.send_within(&request, wait).await?;
        if joined.error_code == ErrorCode::MemberIdRequired.code() {
            self.member_id = joined.member_id.as_str().to_owned();
        }
        check(joined.error_code, &subject)?;
        self.member_id = joined.member_id.as_str().to_owned();
        self.generation = joined.generation_id;
        let assignments = if joined.leader == joined.member_id {
            self.assignments(&joined).await?
        } else {
            Vec::new()
        };
        let request = SyncGroupRequest {
            group_id: self.group.into(),
            generation_id: self.generation,
            member_id: self.member_id.as_str().into(),
            group_instance_id: None,
            protocol_type: Some(PROTOCOL_TYPE.into()),
            protocol_name: joined.protocol_name,
            assignments,
        };
        let synced = self.connection().await?.send_within(&request, wait).await?;
        check(synced.error_code, &subject)?;
        share_of(&synced.assignment)
    }

    /// The leader's work: everybody's partitions.
    async fn assignments(
        &self,
        joined: &JoinGroupResponse,
    ) -> Result<Vec<SyncGroupRequestAssignment>, ClientError> {
        let members: Vec<Subscriber> = joined.members.iter().map(subscriber).collect();
        let mut counts = BTreeMap::new();
        for topic in members.iter().flat_map(|member| &member.topics) {
            if counts.contains_key(topic) {
                continue;
            }
            match self.client.refreshed(topic, false).await {
                Ok(known) => {
                    let count = i32::try_from(known.partitions.len()).unwrap_or(i32::MAX);
                    counts.insert(topic.clone(), count);
                }
                Err(error) if error.code() == Some(ErrorCode::UnknownTopicOrPartition) => {}
                Err(error) => return Err(error),
            }
        }
        let shares = assignor::assign(&members, &counts).into_iter();
        let assignment = |(member, share): (String, Share)| SyncGroupRequestAssignment {
            member_id: member.into(),
            assignment: assignor::assignment(&share),
        };
        Ok(shares.map(assignment).collect())
    }

    /// Tells the group that this member lives.
    pub(super) async fn heartbeat(&mut self) -> Result<Pulse, ClientError> {
        let request = HeartbeatRequest {
            group_id: self.group.into(),
            generation_id: self.generation,
            member_id: self.member_id.as_str().into(),
            group_instance_id: None,
        };
        let sent = match self.connection().await {
            Ok(connection) => connection.send(&request).await,
            Err(error) => Err(error),
        };
        let judged = sent.and_then(|answer| check(answer.error_code, "heartbeat"));
        self.pulse(judged)
    }

    /// Commits how far it has read.
    pub(super) async fn commit(&mut self, read: &BTreeMap<i32, i64>) -> Result<Pulse, ClientError> {
        if read.is_empty() {
            return Ok(Pulse::Member);
        }
        let committed = self.commit_once(read).await;
        self.pulse(committed)
    }

    async fn commit_once(&mut self, read: &BTreeMap<i32, i64>) -> Result<(), ClientError> {
        let (group, generation) = (self.group, self.generation);
        let member_id = self.member_id.clone();
        let commits = BTreeMap::from([(self.topic.to_owned(), read.clone())]);
        let whose = offsets::Committer {
            group,
            generation,
            member_id: &member_id,
        };
        offsets::commit(self.connection().await?, whose, &commits).await
    }

    /// What an answer means for the membership.
    fn pulse(&mut self, judged: Result<(), ClientError>) -> Result<Pulse, ClientError> {
        let Err(error) = judged else {
            return Ok(Pulse::Member);
        };
        match error.code() {
            Some(ErrorCode::RebalanceInProgress) => Ok(Pulse::Rebalance),
            Some(ErrorCode::UnknownMemberId | ErrorCode::IllegalGeneration) => {
                self.forget_membership();
                Ok(Pulse::Expelled)
            }
            _ if error.is_retriable() => {
                // Another broker coordinates, or the connection ended; joining again finds out.
                self.connection = None;
                Ok(Pulse::Rebalance)
            }
            _ => Err(error),
        }
    }

    /// How far the group has read these partitions.
    pub(super) async fn committed(
        &mut self,
        partitions: &[i32],
    ) -> Result<BTreeMap<i32, i64>, ClientError> {
        let asked = BTreeMap::from([(self.topic.to_owned(), partitions.to_vec())]);
        let (client, group) = (self.client, self.group);
        let mut found = offsets::fetch(client, group, Some(&asked)).await?;
        Ok(found.remove(self.topic).unwrap_or_default())
    }

    /// Tells the group that this member goes, so that nobody waits for it.
    pub(super) async fn leave(&mut self) -> Result<(), ClientError> {
        if self.member_id.is_empty() {
            return Ok(());
        }
        let request = LeaveGroupRequest {
            group_id: self.group.into(),
            member_id: self.member_id.as_str().into(),
            members: vec![MemberIdentity {
                member_id: self.member_id.as_str().into(),
                ..MemberIdentity::default()
            }],
        };
        // A join that was given up may still block the old connection.
        self.connection = None;
        let answer = self.connection().await?.send(&request).await?;
        self.forget_membership();
        check(answer.error_code, "cannot leave the group")
    }

    fn forget_membership(&mut self) {
        self.member_id.clear();
        self.generation = -1;
    }

    async fn connection(&mut self) -> Result<&Connection, ClientError> {
        let connection = match self.connection.take() {
            Some(connection) if !connection.has_ended() => connection,
            _ => self.connect().await?,
        };
        Ok(self.connection.insert(connection))
    }

    /// A connection of its own: others must not wait behind a join.
    async fn connect(&self) -> Result<Connection, ClientError> {
        let coordinator = self.client.coordinator(self.group).await?;
        self.client.separate(coordinator).await
    }
}

fn subscriber(member: &JoinGroupResponseMember) -> Subscriber {
    Subscriber {
        member_id: member.member_id.as_str().to_owned(),
        instance_id: member
            .group_instance_id
            .as_ref()
            .map(|id| id.as_str().to_owned()),
        topics: assignor::subscribed_topics(&member.metadata).unwrap_or_default(),
    }
}

fn share_of(assignment: &Bytes) -> Result<Share, ClientError> {
    assignor::assigned_share(assignment).ok_or_else(|| ClientError::Kafka {
        subject: "the group's leader sent an assignment that is not understood".to_owned(),
        code: ErrorCode::InconsistentGroupProtocol,
        message: None,
    })
}

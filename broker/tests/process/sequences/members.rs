//! Members of groups: they join together, take what their leader gives, say that they are alive, and leave.

use bytes::{BufMut, Bytes, BytesMut};
use thalweg_wire::messages::join_group_request::JoinGroupRequestProtocol;
use thalweg_wire::messages::leave_group_request::MemberIdentity;
use thalweg_wire::messages::sync_group_request::SyncGroupRequestAssignment;
use thalweg_wire::messages::{
    HeartbeatRequest, JoinGroupRequest, JoinGroupResponse, LeaveGroupRequest, SyncGroupRequest,
};

use super::model::{Member, Membership};
use super::run::{Run, text};
use crate::harness::{Client, becomes};

const ILLEGAL_GENERATION: i16 = 22;
const INCONSISTENT_PROTOCOL: i16 = 23;
const UNKNOWN_MEMBER_ID: i16 = 25;
const INVALID_SESSION_TIMEOUT: i16 = 26;
const REBALANCE_IN_PROGRESS: i16 = 27;
const MEMBER_ID_REQUIRED: i16 = 79;

/// New members are told their id first.
const KNOWN_ID_FROM: i16 = 4;
/// Several members leave at once.
const MEMBERS_FROM: i16 = 3;

/// Longer than a round.
const SESSION_MS: i32 = 600_000;

const PROTOCOL: &str = "by hand";

/// One who waits to be taken in.
struct Joining {
    client: Client,
    version: i16,
    /// Empty for one who is new.
    id: String,
}

impl Run {
    pub(super) fn work_in_group(&mut self) {
        let group = self.group_name();
        let known = self.model.groups.get(&group).cloned().unwrap_or_default();
        let count = known.now.members.len();
        match self.below(8) {
            0 | 1 => self.rebalance(&group),
            _ if known.is_rebalancing && self.once_in(2) => self.rebalance(&group),
            2 if count > 0 => self.leave(&group),
            3 => self.join_wrongly(&group),
            4 if count > 0 && !known.is_rebalancing => self.sync_again(&group),
            _ => self.heartbeat(&group),
        }
    }

    /// Everybody joins again, with somebody new or without, and gets an assignment.
    fn rebalance(&mut self, group: &str) {
        let known = self.model.groups.get(group).cloned().unwrap_or_default();
        let comes = known.now.members.is_empty() || known.now.members.len() < 3 && self.once_in(2);
        let topic = if known.now.members.is_empty() {
            self.name()
        } else {
            known.now.topic.clone()
        };
        self.did(format!(
            "{group} rebalances, one comes {comes}, {topic} is read, {known:?}"
        ));
        let mut joining: Vec<Joining> = Vec::new();
        let members = known.now.members.iter();
        let mut ids: Vec<String> = members.map(|member| member.id.clone()).collect();
        // Whoever makes the group gather comes first: one who is new, or the leader.
        ids.sort_by_key(|id| *id != known.now.leader);
        if comes {
            ids.insert(0, String::new());
        }
        let is_alone = ids.len() == 1;
        for id in ids {
            let mut client = self.connect();
            let version = self.version(0, 9);
            let id = self.ask_for_id(&mut client, group, version, id, &topic);
            client.send(&joins(group, &id, &topic), version).unwrap();
            if joining.is_empty() && !is_alone {
                self.await_gathering(group, &known.now);
            }
            joining.push(Joining {
                client,
                version,
                id,
            });
        }
        let answers: Vec<JoinGroupResponse> = joining
            .iter_mut()
            .map(|joining| {
                joining
                    .client
                    .hear::<JoinGroupRequest>(joining.version)
                    .unwrap()
            })
            .collect();
        let now = self.joined(&known.now, &joining, &answers, topic);
        self.assign(group, &mut joining, now);
    }

    /// A new member's id, where it has to have one before it joins.
    fn ask_for_id(
        &mut self,
        client: &mut Client,
        group: &str,
        version: i16,
        id: String,
        topic: &str,
    ) -> String {
        if !id.is_empty() || version < KNOWN_ID_FROM {
            return id;
        }
        let told = client.ask(&joins(group, "", topic), version).unwrap();
        assert_eq!(told.error_code, MEMBER_ID_REQUIRED);
        assert_eq!(told.generation_id, -1);
        told.member_id.to_string()
    }

    /// Waits until the first who joined made the others' place uncertain.
    fn await_gathering(&mut self, group: &str, now: &Membership) {
        if let Some(member) = now.members.first() {
            let is_so = becomes(|| {
                self.alive(group, now.generation, &member.id, 3) == REBALANCE_IN_PROGRESS
            });
            assert!(is_so, "{group} gathers");
        }
    }

    /// All are of the same new generation, and one of them leads.
    fn joined(
        &self,
        before: &Membership,
        joining: &[Joining],
        answers: &[JoinGroupResponse],
        topic: String,
    ) -> Membership {
        let leader = answers[0].leader.to_string();
        for (joining, answer) in joining.iter().zip(answers) {
            assert_eq!(answer.error_code, 0);
            assert_eq!(answer.generation_id, before.generation + 1);
            assert_eq!(answer.leader, *leader);
            assert_eq!(answer.protocol_name.as_deref(), Some(PROTOCOL));
            assert!(joining.id.is_empty() || answer.member_id == *joining.id);
            let is_leader = answer.member_id == *leader;
            let told = if is_leader { answers.len() } else { 0 };
            assert_eq!(
                answer.members.len(),
                told,
                "only the leader is told the members"
            );
        }
        let was_there = before
            .members
            .iter()
            .any(|member| member.id == before.leader);
        assert!(!was_there || leader == before.leader, "a leader stays");
        let members = answers.iter().map(|answer| Member {
            id: answer.member_id.to_string(),
            assignment: Vec::new(),
        });
        Membership {
            generation: before.generation + 1,
            members: members.collect(),
            leader,
            topic,
            was_joined: true,
        }
    }

    /// The leader gives everybody something, and everybody gets it.
    fn assign(&mut self, group: &str, joining: &mut [Joining], mut now: Membership) {
        self.number += 1;
        for (at, member) in now.members.iter_mut().enumerate() {
            member.assignment = format!("{}/{at}", self.number).into_bytes();
        }
        let versions: Vec<i16> = joining.iter().map(|_| self.version(0, 5)).collect();
        for ((joining, member), version) in joining.iter_mut().zip(&now.members).zip(&versions) {
            let given = if member.id == now.leader {
                now.members.clone()
            } else {
                Vec::new()
            };
            let request = syncs(group, &now, &member.id, &given);
            joining.client.send(&request, *version).unwrap();
        }
        for ((joining, member), version) in joining.iter_mut().zip(&now.members).zip(&versions) {
            let synced = joining.client.hear::<SyncGroupRequest>(*version).unwrap();
            assert_eq!(synced.error_code, 0);
            assert_eq!(synced.assignment, member.assignment);
        }
        self.requests += 2 * u64::try_from(joining.len()).unwrap();
        let known = self.model.groups.entry(group.to_owned()).or_default();
        known.is_rebalancing = false;
        known.stored = now.clone();
        known.now = now;
    }

    /// Joins that are refused and change nothing.
    fn join_wrongly(&mut self, group: &str) {
        let version = self.version(1, 9);
        let has_members = self
            .model
            .groups
            .get(group)
            .is_some_and(|g| !g.now.members.is_empty());
        let mut request = joins(group, "", "a");
        let expected = match self.below(3) {
            0 => {
                request.member_id = text("nobody");
                UNKNOWN_MEMBER_ID
            }
            1 if has_members => {
                request.protocols[0].name = text("another");
                INCONSISTENT_PROTOCOL
            }
            _ => {
                request.session_timeout_ms = 1;
                INVALID_SESSION_TIMEOUT
            }
        };
        self.did(format!(
            "{group} is joined wrongly, {expected} version {version}"
        ));
        assert_eq!(self.ask(&request, version).error_code, expected);
    }

    /// Whoever asks again gets the same assignment; others get none.
    fn sync_again(&mut self, group: &str) {
        let version = self.version(0, 5);
        let now = self.model.groups[group].now.clone();
        let member = self.pick(&now.members);
        let mut request = syncs(group, &now, &member.id, &[]);
        let expected = match self.below(4) {
            0 => {
                request.generation_id += 1;
                ILLEGAL_GENERATION
            }
            1 => {
                request.member_id = text("nobody");
                UNKNOWN_MEMBER_ID
            }
            _ => 0,
        };
        self.did(format!("{group} syncs again, {expected} version {version}"));
        let synced = self.ask(&request, version);
        assert_eq!(synced.error_code, expected);
        if expected == 0 {
            assert_eq!(synced.assignment, member.assignment);
        }
    }

    fn alive(&mut self, group: &str, generation: i32, member: &str, version: i16) -> i16 {
        let request = HeartbeatRequest {
            group_id: text(group),
            generation_id: generation,
            member_id: text(member),
            ..HeartbeatRequest::default()
        };
        self.ask(&request, version).error_code
    }

    fn heartbeat(&mut self, group: &str) {
        let version = self.version(0, 4);
        let known = self.model.groups.get(group).cloned().unwrap_or_default();
        let somebody = Member {
            id: "nobody".to_owned(),
            assignment: Vec::new(),
        };
        let is_member = !known.now.members.is_empty() && !self.once_in(4);
        let member = if is_member {
            self.pick(&known.now.members)
        } else {
            somebody
        };
        let generation = known.now.generation + i32::from(self.once_in(4));
        let expected = if !is_member {
            UNKNOWN_MEMBER_ID
        } else if generation != known.now.generation {
            ILLEGAL_GENERATION
        } else if known.is_rebalancing {
            REBALANCE_IN_PROGRESS
        } else {
            0
        };
        self.did(format!(
            "heartbeat of {member:?} in {group}, {expected} version {version}"
        ));
        assert_eq!(self.alive(group, generation, &member.id, version), expected);
    }

    /// One leaves, or somebody who is none.
    fn leave(&mut self, group: &str) {
        let version = self.version(0, 5);
        let known = self.model.groups[group].clone();
        let is_member = !self.once_in(4);
        let member = if is_member {
            self.pick(&known.now.members).id
        } else {
            "nobody".to_owned()
        };
        let request = LeaveGroupRequest {
            group_id: text(group),
            member_id: text(&member),
            members: vec![MemberIdentity {
                member_id: text(&member),
                ..MemberIdentity::default()
            }],
        };
        self.did(format!("{member} leaves {group} version {version}"));
        let answer = self.ask(&request, version);
        let expected = if is_member { 0 } else { UNKNOWN_MEMBER_ID };
        let told = if version < MEMBERS_FROM {
            answer.error_code
        } else {
            answer.members[0].error_code
        };
        assert_eq!(told, expected);
        if !is_member {
            return;
        }
        let group = self.model.groups.get_mut(group).unwrap();
        group.now.members.retain(|known| known.id != member);
        if group.now.members.is_empty() {
            // Nobody is a generation of its own.
            group.now.generation += 1;
            group.now.leader = String::new();
            group.is_rebalancing = false;
            group.stored = group.now.clone();
        } else {
            group.is_rebalancing = true;
        }
    }
}

fn joins(group: &str, member: &str, topic: &str) -> JoinGroupRequest {
    JoinGroupRequest {
        group_id: text(group),
        session_timeout_ms: SESSION_MS,
        rebalance_timeout_ms: SESSION_MS,
        member_id: text(member),
        protocol_type: text("consumer"),
        protocols: vec![JoinGroupRequestProtocol {
            name: text(PROTOCOL),
            metadata: subscription(topic),
        }],
        ..JoinGroupRequest::default()
    }
}

/// What a consumer says about itself: a version, the topics that it reads, and data of its own.
fn subscription(topic: &str) -> Bytes {
    let mut bytes = BytesMut::new();
    bytes.put_i16(0);
    bytes.put_i32(1);
    bytes.put_i16(i16::try_from(topic.len()).unwrap());
    bytes.put_slice(topic.as_bytes());
    bytes.put_i32(-1);
    bytes.freeze()
}

fn syncs(group: &str, now: &Membership, member: &str, given: &[Member]) -> SyncGroupRequest {
    let assignments = given.iter().map(|member| SyncGroupRequestAssignment {
        member_id: text(&member.id),
        assignment: member.assignment.clone().into(),
    });
    SyncGroupRequest {
        group_id: text(group),
        generation_id: now.generation,
        member_id: text(member),
        protocol_type: Some(text("consumer")),
        protocol_name: Some(text(PROTOCOL)),
        assignments: assignments.collect(),
        ..SyncGroupRequest::default()
    }
}

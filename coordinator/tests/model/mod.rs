//! Clients that do as clients do, a log that may refuse, and what has to hold all the while.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use bytes::Bytes;
use thalweg_coordinator::messages::{
    CommitPartition, CommitTopic, GroupFilter, GroupState, HeartbeatRequest, JoinReply,
    JoinRequest, LeaveRequest, LeavingMember, OffsetCommitRequest, OffsetDeleteRequest,
    OffsetFetchRequest, Protocol, Reply, SyncRequest,
};
use thalweg_coordinator::stored::Record;
use thalweg_coordinator::{
    Append, AppendFailure, DeletedTopic, Effects, Generation, GroupConfig, GroupId, GroupShard,
    InstanceId, MemberId, ReplyToken, ShardLoader, TopicName,
};
use thalweg_model::{ErrorCode, Now, PartitionIndex, Tick, Timestamp, Uuid};

const GROUPS: [&str; 2] = ["g", "h"];
const TOPIC: &str = "t";
/// The longest that a request may wait: a rebalance timeout, a sync timeout and some sessions.
const PATIENCE_MS: u64 = 1_000_000;

/// One of the clients of a group; the even ones are static members.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Client {
    pub(crate) group: usize,
    pub(crate) slot: usize,
}

impl Client {
    fn instance(self) -> Option<InstanceId> {
        self.slot
            .is_multiple_of(2)
            .then(|| InstanceId::from(format!("i{}", self.slot)))
    }
}

/// Something that happens.
#[derive(Clone, Debug)]
pub(crate) enum Op {
    Join {
        client: Client,
        like: usize,
    },
    Sync(Client),
    Heartbeat(Client),
    Leave(Client),
    Commit {
        client: Client,
        partition: i32,
    },
    SimpleCommit {
        group: usize,
        partition: i32,
    },
    StableFetch(usize),
    DeleteOffset {
        group: usize,
        partition: i32,
    },
    DeleteGroup(usize),
    TopicDeleted,
    Tick(u64),
    LogCommits,
    /// The log refuses the first (or else the last) open append.
    LogRefuses(bool),
    CoordinatorChange,
}

/// What a client knows.
#[derive(Clone, Debug, Default)]
struct Session {
    member: MemberId,
    generation: Generation,
    leads: Vec<MemberId>,
}

/// What a token was given for.
#[derive(Clone, Debug)]
enum Asked {
    Join(Client),
    Commit {
        group: GroupId,
        partition: PartitionIndex,
        offset: i64,
    },
    Other,
}

/// A shard with its log and its clients.
pub(crate) struct World {
    shard: GroupShard,
    log: Vec<(Bytes, Option<Bytes>)>,
    open: VecDeque<Append>,
    now_ms: u64,
    tokens: u64,
    ids: u16,
    asked: BTreeMap<ReplyToken, Asked>,
    sessions: BTreeMap<Client, Session>,
    given_ids: BTreeSet<MemberId>,
    /// The newest generation that members of a group were told.
    newest: BTreeMap<usize, Generation>,
    /// Whether an append had no good end since the last coordinator change.
    disturbed: bool,
}

fn config() -> GroupConfig {
    GroupConfig {
        session_timeout_ms_min: 1,
        initial_rebalance_delay_ms: 500,
        offsets_retention_ms: 20_000,
        offsets_retention_check_interval_ms: 7_000,
        members_max: 3,
        ..GroupConfig::default()
    }
}

fn group_id(group: usize) -> GroupId {
    GROUPS[group].into()
}

impl World {
    pub(crate) fn new() -> Self {
        let (shard, _) = ShardLoader::new().finish(Now::default(), config());
        Self {
            shard,
            log: Vec::new(),
            open: VecDeque::new(),
            now_ms: 0,
            tokens: 0,
            ids: 0,
            asked: BTreeMap::new(),
            sessions: BTreeMap::new(),
            given_ids: BTreeSet::new(),
            newest: BTreeMap::new(),
            disturbed: false,
        }
    }

    pub(crate) fn run(&mut self, op: &Op) {
        match op {
            Op::Join { client, like } => self.join(*client, *like),
            Op::Sync(client) => self.sync(*client),
            Op::Heartbeat(client) => self.heartbeat(*client),
            Op::Leave(client) => self.leave(*client),
            Op::Commit { client, partition } => {
                let session = self.session(*client);
                self.commit(client.group, *partition, &session);
            }
            Op::SimpleCommit { group, partition } => {
                let nobody = Session {
                    generation: Generation::NONE,
                    ..Session::default()
                };
                self.commit(*group, *partition, &nobody);
            }
            Op::StableFetch(group) => self.fetch(*group),
            Op::DeleteOffset { group, partition } => self.delete_offset(*group, *partition),
            Op::DeleteGroup(group) => {
                let token = self.ask(Asked::Other);
                let ids = [group_id(*group)];
                let effects = self.shard.delete_groups(self.now(), token, &ids);
                self.apply(effects);
            }
            Op::TopicDeleted => {
                let topic = DeletedTopic {
                    name: TOPIC.into(),
                    id: Uuid::NIL,
                };
                let effects = self.shard.topics_deleted(self.now(), &[topic]);
                self.apply(effects);
            }
            Op::Tick(millis) => self.tick(*millis),
            Op::LogCommits => self.log_commits(),
            Op::LogRefuses(first) => self.log_refuses(*first),
            Op::CoordinatorChange => self.change_coordinator(),
        }
        self.check();
    }

    /// Lets everything come to rest: whoever asked is answered.
    pub(crate) fn end(&mut self) {
        while !self.open.is_empty() {
            self.log_commits();
        }
        self.tick(PATIENCE_MS);
        assert!(self.asked.is_empty(), "nobody waits: {:?}", self.asked);
        self.check();
    }

    fn now(&self) -> Now {
        Now {
            tick: Tick(self.now_ms * 1_000),
            wall: Timestamp(i64::try_from(self.now_ms).unwrap()),
        }
    }

    fn ask(&mut self, asked: Asked) -> ReplyToken {
        self.tokens += 1;
        let token = ReplyToken(self.tokens);
        self.asked.insert(token, asked);
        token
    }

    fn session(&self, client: Client) -> Session {
        self.sessions.get(&client).cloned().unwrap_or_default()
    }

    fn join(&mut self, client: Client, like: usize) {
        self.ids += 1;
        let mut entropy = [0; 16];
        entropy[..2].copy_from_slice(&self.ids.to_be_bytes());
        let protocols = [&["a", "b"][..], &["b", "a"], &["b"]][like];
        let protocols = protocols.iter().map(|name| Protocol {
            name: (*name).into(),
            // A subscription to the topic `t`.
            metadata: Bytes::from_static(b"\0\0\0\0\0\x01\0\x01t\xff\xff\xff\xff"),
        });
        let request = JoinRequest {
            group: group_id(client.group),
            member: self.session(client).member,
            instance: client.instance(),
            protocol_type: "consumer".into(),
            protocols: protocols.collect(),
            session_timeout_ms: 3_000,
            rebalance_timeout_ms: 2_000,
            client_id: "c".into(),
            client_host: "/127.0.0.1".into(),
            api_version: if client.slot < 2 { 9 } else { 3 },
            entropy,
        };
        let token = self.ask(Asked::Join(client));
        let effects = self.shard.join(self.now(), token, &request);
        self.apply(effects);
    }

    fn sync(&mut self, client: Client) {
        let session = self.session(client);
        let assignments = session.leads.iter().map(|member| {
            let part = Bytes::from(member.as_str().to_owned());
            (member.clone(), part)
        });
        let request = SyncRequest {
            group: group_id(client.group),
            member: session.member,
            instance: client.instance(),
            generation: session.generation,
            protocol_type: None,
            protocol_name: None,
            assignments: assignments.collect(),
        };
        let token = self.ask(Asked::Other);
        let effects = self.shard.sync(self.now(), token, &request);
        self.apply(effects);
    }

    fn heartbeat(&mut self, client: Client) {
        let session = self.session(client);
        let request = HeartbeatRequest {
            group: group_id(client.group),
            member: session.member,
            instance: client.instance(),
            generation: session.generation,
        };
        if self.shard.heartbeat(self.now(), &request).is_ok() {
            self.assert_newest(client.group, session.generation);
        }
    }

    fn leave(&mut self, client: Client) {
        let request = LeaveRequest {
            group: group_id(client.group),
            members: vec![LeavingMember {
                member: self.session(client).member,
                instance: client.instance(),
            }],
        };
        let token = self.ask(Asked::Other);
        let effects = self.shard.leave(self.now(), token, &request);
        self.sessions.remove(&client);
        self.apply(effects);
    }

    fn commit(&mut self, group: usize, partition: i32, session: &Session) {
        let partition = PartitionIndex(partition);
        let offset = i64::try_from(self.tokens).unwrap();
        let request = OffsetCommitRequest {
            group: group_id(group),
            generation: session.generation,
            member: session.member.clone(),
            instance: None,
            retention_ms: None,
            topics: vec![CommitTopic {
                name: TOPIC.into(),
                id: Uuid::NIL,
                partitions: vec![CommitPartition {
                    partition,
                    offset,
                    leader_epoch: None,
                    metadata: None,
                }],
            }],
            api_version: 9,
        };
        let token = self.ask(Asked::Commit {
            group: group_id(group),
            partition,
            offset,
        });
        let effects = self.shard.commit_offsets(self.now(), token, &request);
        if !effects.appends.is_empty() && session.generation >= Generation(0) {
            self.assert_newest(group, session.generation);
        }
        self.apply(effects);
    }

    fn fetch(&mut self, group: usize) {
        let request = OffsetFetchRequest {
            group: group_id(group),
            topics: None,
            require_stable: true,
        };
        let token = self.ask(Asked::Other);
        let effects = self.shard.fetch_offsets(self.now(), token, request);
        self.apply(effects);
    }

    fn delete_offset(&mut self, group: usize, partition: i32) {
        let request = OffsetDeleteRequest {
            group: group_id(group),
            topics: vec![(TopicName::from(TOPIC), vec![PartitionIndex(partition)])],
        };
        let token = self.ask(Asked::Other);
        let effects = self.shard.delete_offsets(self.now(), token, &request);
        self.apply(effects);
    }

    fn tick(&mut self, millis: u64) {
        let end = self.now_ms + millis;
        while let Some(due) = self.shard.next_deadline() {
            let due = due.0.div_ceil(1_000);
            if due > end {
                break;
            }
            self.now_ms = self.now_ms.max(due);
            // A wait for the log that ends is as good as a refusal.
            self.disturbed |= !self.open.is_empty();
            let effects = self.shard.on_tick(self.now());
            self.apply(effects);
        }
        self.now_ms = end;
    }

    fn log_commits(&mut self) {
        let Some(append) = self.open.pop_front() else {
            return;
        };
        for record in &*append.records {
            self.log.push(record.encode().unwrap());
        }
        let effects = self.shard.committed(self.now(), append.id);
        self.apply(effects);
    }

    fn log_refuses(&mut self, first: bool) {
        let append = if first {
            self.open.pop_front()
        } else {
            self.open.pop_back()
        };
        let Some(append) = append else {
            return;
        };
        self.disturbed = true;
        let failure = AppendFailure::NotEnoughReplicas;
        let effects = self.shard.failed(self.now(), append.id, failure);
        self.apply(effects);
    }

    fn change_coordinator(&mut self) {
        let successor = self.replayed();
        let before = std::mem::replace(&mut self.shard, successor);
        self.open.clear();
        self.apply(before.unload(self.now()));
        assert!(
            self.asked.is_empty(),
            "who waited is sent away: {:?}",
            self.asked
        );
        self.disturbed = false;
        self.newest.clear();
        for (group, _) in GROUPS.iter().enumerate() {
            if let Some(stored) = self.shard.durable().group(&group_id(group)) {
                self.newest.insert(group, stored.generation);
            }
        }
    }

    fn replayed(&self) -> GroupShard {
        let mut loader = ShardLoader::new();
        for (key, value) in &self.log {
            loader.replay(
                &Record::decode(Some(key), value.as_deref())
                    .unwrap()
                    .unwrap(),
            );
        }
        loader.finish(self.now(), config()).0
    }

    fn apply(&mut self, effects: Effects) {
        for append in effects.appends {
            for record in &*append.records {
                self.note_deletion(record);
            }
            self.open.push_back(append);
        }
        for (token, reply) in effects.replies {
            let asked = self.asked.remove(&token).expect("a token is answered once");
            self.hear(&asked, &reply);
        }
    }

    /// A group that is deleted begins at the first generation if it comes again: its old members are
    /// fenced by their ids.
    fn note_deletion(&mut self, record: &Record) {
        if let Record::Group { group, value: None } = record {
            let position = GROUPS.iter().position(|name| *name == group.as_str());
            self.newest.remove(&position.unwrap());
        }
    }

    fn hear(&mut self, asked: &Asked, reply: &Reply) {
        if let (Asked::Join(client), Reply::Join(reply)) = (asked, reply) {
            self.hear_join(*client, reply);
        }
        if let (
            Asked::Commit {
                group,
                partition,
                offset,
            },
            Reply::OffsetCommit(reply),
        ) = (asked, reply)
            && reply.topics[0].partitions[0].error == ErrorCode::None
        {
            let stored = self.shard.durable();
            let stored = stored.offset(group, &TOPIC.into(), *partition);
            let stored = stored.map(|stored| stored.offset);
            assert_eq!(stored, Some(*offset), "an acknowledged commit is stored");
        }
    }

    fn hear_join(&mut self, client: Client, reply: &JoinReply) {
        if reply.error == ErrorCode::None {
            let newest = self.newest.entry(client.group).or_default();
            assert!(reply.generation >= *newest, "generations only grow");
            *newest = reply.generation;
            let session = Session {
                member: reply.member.clone(),
                generation: reply.generation,
                leads: reply.members.iter().map(|m| m.member.clone()).collect(),
            };
            self.sessions.insert(client, session);
        } else if reply.error == ErrorCode::MemberIdRequired {
            let is_new = self.given_ids.insert(reply.member.clone());
            assert!(is_new, "a member id is given once");
            let session = Session {
                member: reply.member.clone(),
                ..Session::default()
            };
            self.sessions.insert(client, session);
        } else {
            self.sessions.remove(&client);
        }
    }

    fn assert_newest(&self, group: usize, generation: Generation) {
        let newest = self.newest.get(&group).copied().unwrap_or_default();
        assert!(generation >= newest, "old generations are fenced");
    }

    fn check(&self) {
        let replayed = self.replayed();
        assert_eq!(
            self.shard.durable(),
            replayed.durable(),
            "durable state is the replay of the log"
        );
        if self.disturbed || !self.open.is_empty() {
            return;
        }
        // Undisturbed, a group at rest is to its successor what it is to its coordinator.
        for listing in self.shard.list(&GroupFilter::default()) {
            let known = self.shard.durable().group(&listing.group).is_some();
            // A static member keeps its place when others fill the group without it, as in Kafka; the
            // next coordinator then begins with a rebalance, as after the limit was lowered.
            let members = self.shard.describe(&listing.group).members.len();
            let is_crowded = members > config().members_max;
            if known
                && !is_crowded
                && matches!(listing.state, GroupState::Stable | GroupState::Empty)
            {
                assert_eq!(
                    self.shard.describe(&listing.group),
                    replayed.describe(&listing.group)
                );
            }
        }
    }
}

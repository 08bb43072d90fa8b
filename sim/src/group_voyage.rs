//! Members of a group, a log that commits, and a coordinator that is replaced; what they were told becomes a history.

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;
use thalweg_coordinator::messages::{
    CommitPartition, CommitTopic, FetchTopic, JoinReply, JoinRequest, OffsetCommitRequest,
    OffsetFetchRequest, Protocol, Reply, SyncRequest,
};
use thalweg_coordinator::stored::Record;
use thalweg_coordinator::{
    Append, Effects, Generation, GroupConfig, GroupShard, MemberId, ReplyToken, ShardLoader,
};
use thalweg_model::{ErrorCode, Now, PartitionIndex, Tick, Timestamp, Uuid};

use crate::Random;
use crate::history::{Call, Member, Operation, Outcome, Partition, check};
use crate::violation::Violation;

const GROUP: &str = "g";
const TOPIC: &str = "t";
const MEMBERS: usize = 3;
const PARTITIONS: u8 = 4;
const STEPS: u64 = 400;

/// What one client knows.
#[derive(Clone, Debug, Default)]
struct Session {
    member: MemberId,
    generation: Generation,
    /// The members that it assigns partitions to, if it leads.
    members: Vec<MemberId>,
    /// A join or a sync is not answered yet.
    waits: bool,
}

/// What a token was given for, and when.
#[derive(Clone, Debug)]
struct Asked {
    at: u64,
    what: Question,
}

#[derive(Clone, Debug)]
enum Question {
    Join(usize),
    Sync(usize),
    Commit {
        member: Member,
        partition: u8,
        offset: i64,
    },
    Fetch {
        partition: u8,
    },
}

struct Voyage {
    random: Random,
    shard: GroupShard,
    /// The committed records.
    log: Vec<(Bytes, Option<Bytes>)>,
    open: VecDeque<Append>,
    now_ms: u64,
    /// Counts what happens: the clock of the history.
    clock: u64,
    tokens: u64,
    asked: BTreeMap<ReplyToken, Asked>,
    sessions: Vec<Session>,
    history: Vec<Operation>,
}

/// Runs a seed and checks its history.
///
/// # Errors
/// The promise that was broken.
pub fn group_voyage(seed: u64) -> Result<(), Violation> {
    let mut voyage = Voyage {
        random: Random::new(seed),
        shard: ShardLoader::new().finish(Now::default(), config()).0,
        log: Vec::new(),
        open: VecDeque::new(),
        now_ms: 0,
        clock: 0,
        tokens: 0,
        asked: BTreeMap::new(),
        sessions: vec![Session::default(); MEMBERS],
        history: Vec::new(),
    };
    for _ in 0..STEPS {
        voyage.step();
    }
    match check(&voyage.history).first() {
        Some(broken) => Err(Violation::new(broken.invariant.name(), broken.seen.clone())),
        None => Ok(()),
    }
}

fn config() -> GroupConfig {
    GroupConfig {
        session_timeout_ms_min: 1,
        initial_rebalance_delay_ms: 100,
        ..GroupConfig::default()
    }
}

fn partition(number: u8) -> Partition {
    Partition {
        topic: TOPIC.to_owned(),
        number: number.into(),
    }
}

impl Voyage {
    fn step(&mut self) {
        let client = usize::try_from(self.random.below(3)).unwrap_or(0) % MEMBERS;
        match self.random.below(100) {
            0..14 => self.join(client),
            14..30 => self.sync(client),
            30..50 => self.commit(client),
            50..60 => self.fetch(),
            60..87 => self.log_commits(),
            87..98 => {
                let millis = self.random.between(1, 400);
                self.pass(millis);
            }
            98 => self.pass(5_000),
            _ => self.change_coordinator(),
        }
    }

    fn now(&self) -> Now {
        Now {
            tick: Tick(self.now_ms * 1_000),
            wall: Timestamp(i64::try_from(self.now_ms).unwrap_or(0)),
        }
    }

    fn ask(&mut self, what: Question) -> ReplyToken {
        self.tokens += 1;
        self.clock += 1;
        let token = ReplyToken(self.tokens);
        let at = self.clock;
        self.asked.insert(token, Asked { at, what });
        token
    }

    fn join(&mut self, client: usize) {
        if self.sessions[client].waits {
            return;
        }
        let mut entropy = [0; 16];
        entropy[..8].copy_from_slice(&self.random.roll().to_be_bytes());
        let request = JoinRequest {
            group: GROUP.into(),
            member: self.sessions[client].member.clone(),
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
        };
        self.sessions[client].waits = true;
        let token = self.ask(Question::Join(client));
        let effects = self.shard.join(self.now(), token, &request);
        self.apply(effects);
    }

    fn sync(&mut self, client: usize) {
        let session = self.sessions[client].clone();
        if session.waits || session.generation < Generation(1) {
            return;
        }
        let shares = (0..).zip(&session.members).map(|(at, member)| {
            let share = (0..PARTITIONS)
                .filter(|number| usize::from(*number) % session.members.len() == at)
                .collect::<Vec<_>>();
            (member.clone(), Bytes::from(share))
        });
        let request = SyncRequest {
            group: GROUP.into(),
            member: session.member.clone(),
            instance: None,
            generation: session.generation,
            protocol_type: None,
            protocol_name: None,
            assignments: shares.collect(),
        };
        self.sessions[client].waits = true;
        let token = self.ask(Question::Sync(client));
        let effects = self.shard.sync(self.now(), token, &request);
        self.apply(effects);
    }

    /// A member commits by what it knows, which may be old.
    fn commit(&mut self, client: usize) {
        let session = self.sessions[client].clone();
        if session.generation < Generation(1) {
            return;
        }
        let number = u8::try_from(self.random.below(PARTITIONS.into())).unwrap_or(0);
        let offset = i64::try_from(self.tokens + 1).unwrap_or(0);
        let request = OffsetCommitRequest {
            group: GROUP.into(),
            generation: session.generation,
            member: session.member.clone(),
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
        };
        let token = self.ask(Question::Commit {
            member: member_of(&session),
            partition: number,
            offset,
        });
        let effects = self.shard.commit_offsets(self.now(), token, &request);
        self.apply(effects);
    }

    fn fetch(&mut self) {
        let number = u8::try_from(self.random.below(PARTITIONS.into())).unwrap_or(0);
        let request = OffsetFetchRequest {
            group: GROUP.into(),
            topics: Some(vec![FetchTopic {
                name: TOPIC.into(),
                id: Uuid::NIL,
                partitions: vec![PartitionIndex(number.into())],
            }]),
            require_stable: self.random.percent(50),
        };
        let token = self.ask(Question::Fetch { partition: number });
        let effects = self.shard.fetch_offsets(self.now(), token, request);
        self.apply(effects);
    }

    fn log_commits(&mut self) {
        let Some(append) = self.open.pop_front() else {
            return;
        };
        self.write(&append);
        let effects = self.shard.committed(self.now(), append.id);
        self.apply(effects);
    }

    fn write(&mut self, append: &Append) {
        for record in &*append.records {
            let encoded = record.encode().expect("names of a simulation are short");
            self.log.push(encoded);
        }
    }

    /// Time passes, deadline by deadline.
    fn pass(&mut self, millis: u64) {
        let end = self.now_ms + millis;
        while let Some(due) = self.shard.next_deadline() {
            let due = due.0.div_ceil(1_000);
            if due > end {
                break;
            }
            self.now_ms = self.now_ms.max(due);
            let effects = self.shard.on_tick(self.now());
            self.apply(effects);
        }
        self.now_ms = end;
    }

    /// Another node leads the group's partition: some of what was under way is in its log.
    fn change_coordinator(&mut self) {
        let count = u64::try_from(self.open.len()).unwrap_or(0);
        let kept = usize::try_from(self.random.below(count + 1)).unwrap_or(0);
        let open = std::mem::take(&mut self.open);
        for append in open.iter().take(kept) {
            self.write(append);
        }
        let mut loader = ShardLoader::new();
        for (key, value) in &self.log {
            let record = Record::decode(Some(key), value.as_deref());
            if let Ok(Some(record)) = record {
                loader.replay(&record);
            }
        }
        let (successor, effects) = loader.finish(self.now(), config());
        let before = std::mem::replace(&mut self.shard, successor);
        let sent_away = before.unload(self.now());
        self.hear_all(sent_away.replies);
        self.apply(effects);
    }

    fn apply(&mut self, effects: Effects) {
        self.open.extend(effects.appends);
        self.hear_all(effects.replies);
    }

    fn hear_all(&mut self, replies: Vec<(ReplyToken, Reply)>) {
        for (token, reply) in replies {
            if let Some(asked) = self.asked.remove(&token) {
                self.hear(&asked, reply);
            }
        }
    }

    fn hear(&mut self, asked: &Asked, reply: Reply) {
        match (&asked.what, reply) {
            (Question::Join(client), Reply::Join(reply)) => self.joined(*client, reply),
            (Question::Sync(client), Reply::Sync(reply)) => {
                self.sessions[*client].waits = false;
                if reply.error == ErrorCode::None {
                    let member = member_of(&self.sessions[*client]);
                    let partitions = reply.assignment.iter().copied().map(partition).collect();
                    self.note(asked.at, Call::Assigned { member, partitions });
                }
            }
            (
                Question::Commit {
                    member,
                    partition: number,
                    offset,
                },
                Reply::OffsetCommit(reply),
            ) => {
                let call = Call::Commit {
                    member: member.clone(),
                    partition: partition(*number),
                    offset: *offset,
                    outcome: outcome_of(reply.topics[0].partitions[0].error),
                };
                self.note(asked.at, call);
            }
            (Question::Fetch { partition: number }, Reply::OffsetFetch(reply)) => {
                let found = reply
                    .topics
                    .first()
                    .and_then(|topic| topic.partitions.first());
                let position = found.and_then(|found| found.committed.as_ref());
                let call = Call::Committed {
                    group: GROUP.to_owned(),
                    partition: partition(*number),
                    outcome: match outcome_of(reply.error) {
                        Outcome::Ok(()) => Outcome::Ok(position.map(|stored| stored.offset)),
                        Outcome::Failed => Outcome::Failed,
                        Outcome::Unknown => Outcome::Unknown,
                    },
                };
                self.note(asked.at, call);
            }
            (asked, reply) => panic!("{asked:?} was answered with {reply:?}"),
        }
    }

    fn joined(&mut self, client: usize, reply: JoinReply) {
        let session = &mut self.sessions[client];
        session.waits = false;
        if reply.error == ErrorCode::None {
            session.member = reply.member;
            session.generation = reply.generation;
            session.members = reply.members.into_iter().map(|of| of.member).collect();
        } else if reply.error == ErrorCode::MemberIdRequired {
            session.member = reply.member;
        } else {
            *session = Session::default();
        }
    }

    fn note(&mut self, invoked: u64, call: Call) {
        self.clock += 1;
        self.history.push(Operation {
            invoked,
            returned: Some(self.clock),
            call,
        });
    }
}

fn member_of(session: &Session) -> Member {
    Member {
        group: GROUP.to_owned(),
        member: session.member.as_str().to_owned(),
        generation: session.generation.0,
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

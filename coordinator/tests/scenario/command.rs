//! Requests written as text.
//!
//! `join 1 g member=c#01 protocols=range:t+u,sticky:t version=9`: the verb, the token, the group, and
//! `key=value` for the rest. `c#01` stands for the first generated id of client `c`.

use std::sync::Arc;

use bytes::Bytes;
use thalweg_coordinator::messages::{
    CommitPartition, CommitTopic, FetchTopic, GroupFilter, HeartbeatRequest, JoinRequest,
    LeaveRequest, LeavingMember, OffsetCommitRequest, OffsetDeleteRequest, OffsetFetchRequest,
    Protocol, SyncRequest,
};
use thalweg_coordinator::{
    AppendFailure, DeletedTopic, Generation, GroupConfig, GroupId, InstanceId, MemberId,
    ReplyToken, TopicName,
};
use thalweg_model::{LeaderEpoch, PartitionIndex, Uuid};
use thalweg_wire::messages::ConsumerProtocolSubscription;
use thalweg_wire::record::encode_value;

/// Middle of a generated id, which scenarios write as `#`.
pub(super) const ID_MIDDLE: &str = "-00000000-0000-4000-8000-0000000000";

/// A command taken apart.
pub(super) struct Words<'a> {
    plain: Vec<&'a str>,
    pairs: Vec<(&'a str, &'a str)>,
}

impl<'a> Words<'a> {
    pub(super) fn parse(line: &'a str) -> Self {
        let (pairs, plain): (Vec<_>, Vec<_>) =
            line.split_whitespace().partition(|word| word.contains('='));
        let pairs = pairs.into_iter().filter_map(|word| word.split_once('='));
        Self {
            plain,
            pairs: pairs.collect(),
        }
    }

    pub(super) fn verb(&self) -> &'a str {
        self.plain[0]
    }

    pub(super) fn has(&self, word: &str) -> bool {
        self.plain.contains(&word)
    }

    fn get(&self, key: &str) -> Option<&'a str> {
        let pair = self.pairs.iter().find(|(name, _)| *name == key);
        pair.map(|(_, value)| *value)
    }

    fn int<T: std::str::FromStr>(&self, key: &str, default: T) -> T {
        self.get(key).map_or(default, |value| {
            value.parse().unwrap_or_else(|_| panic!("{key}={value}"))
        })
    }

    pub(super) fn number(&self, position: usize) -> u64 {
        self.plain[1 + position].parse().unwrap()
    }

    pub(super) fn count(&self) -> usize {
        self.plain
            .get(1)
            .map_or(usize::MAX, |count| count.parse().unwrap())
    }

    pub(super) fn token(&self) -> ReplyToken {
        ReplyToken(self.plain[1].parse().unwrap_or(0))
    }

    /// The last plain word; `-` is the empty name.
    pub(super) fn group(&self) -> GroupId {
        group(self.plain.last().unwrap())
    }

    pub(super) fn groups(&self) -> Vec<GroupId> {
        self.plain[2..].iter().map(|name| group(name)).collect()
    }

    fn member(&self) -> MemberId {
        member(self.get("member").unwrap_or_default())
    }

    fn instance(&self) -> Option<InstanceId> {
        self.get("instance").map(InstanceId::from)
    }

    fn generation(&self) -> Generation {
        Generation(self.int("generation", -1))
    }

    pub(super) fn failure(&self) -> AppendFailure {
        match self.plain[1] {
            "not-leader" => AppendFailure::NotLeader,
            "storage" => AppendFailure::Storage,
            "not-enough-replicas" => AppendFailure::NotEnoughReplicas,
            "too-large" => AppendFailure::TooLarge,
            other => panic!("no such failure: {other}"),
        }
    }

    pub(super) fn configure(&self, config: &mut GroupConfig) {
        config.members_max = self.int("members", config.members_max);
        config.initial_rebalance_delay_ms = self.int("delay", config.initial_rebalance_delay_ms);
        config.offsets_retention_ms = self.int("retention", config.offsets_retention_ms);
        config.offsets_retention_check_interval_ms =
            self.int("check", config.offsets_retention_check_interval_ms);
        config.offset_metadata_max = self.int("metadata", config.offset_metadata_max);
        config.session_timeout_ms_min = self.int("session-min", config.session_timeout_ms_min);
        config.session_timeout_ms_max = self.int("session-max", config.session_timeout_ms_max);
    }

    pub(super) fn join(&self, id: u8) -> JoinRequest {
        let mut entropy = [0; 16];
        // Ids are written in hexadecimal; counted in decimal they read as they were given.
        entropy[15] = id / 10 * 16 + id % 10;
        let session_timeout_ms = self.int("session", 10_000);
        JoinRequest {
            group: self.group(),
            member: self.member(),
            instance: self.instance(),
            protocol_type: self.get("type").unwrap_or("consumer").into(),
            protocols: protocols(self.get("protocols").unwrap_or("range:t")),
            session_timeout_ms,
            rebalance_timeout_ms: self.int("rebalance", session_timeout_ms),
            client_id: self.get("client").unwrap_or("c").into(),
            client_host: "/127.0.0.1".into(),
            api_version: self.int("version", 9),
            entropy,
        }
    }

    pub(super) fn sync(&self) -> SyncRequest {
        let parts = self.get("assign").into_iter().flat_map(|a| a.split(','));
        let parts = parts.map(|part| {
            let (to, bytes) = part.split_once(':').unwrap();
            (member(to), Bytes::copy_from_slice(bytes.as_bytes()))
        });
        SyncRequest {
            group: self.group(),
            member: self.member(),
            instance: self.instance(),
            generation: self.generation(),
            protocol_type: self.get("type").map(Arc::from),
            protocol_name: self.get("protocol").map(Arc::from),
            assignments: parts.collect(),
        }
    }

    pub(super) fn heartbeat(&self) -> HeartbeatRequest {
        HeartbeatRequest {
            group: self.group(),
            member: self.member(),
            instance: self.instance(),
            generation: self.generation(),
        }
    }

    /// `members=c#01,/instance,c#02/instance`.
    pub(super) fn leave(&self) -> LeaveRequest {
        let members = self.get("members").unwrap().split(',').map(|who| {
            let (id, instance) = who.split_once('/').unwrap_or((who, ""));
            LeavingMember {
                member: member(id),
                instance: Some(instance).filter(|i| !i.is_empty()).map(Into::into),
            }
        });
        LeaveRequest {
            group: self.group(),
            members: members.collect(),
        }
    }

    /// `offsets=t-0:5,t-1:7@2/note`: topic, partition, offset, leader epoch, note.
    pub(super) fn commit(&self) -> OffsetCommitRequest {
        let mut topics: Vec<CommitTopic> = Vec::new();
        for position in self.get("offsets").into_iter().flat_map(|o| o.split(',')) {
            let (place, value) = position.split_once(':').unwrap();
            let (value, note) = match value.split_once('/') {
                Some((value, note)) => (value, Some(Arc::from(note))),
                None => (value, None),
            };
            let (offset, epoch) = value.split_once('@').unwrap_or((value, "-1"));
            let (name, partition) = partition(place);
            if topics.last().is_none_or(|topic| topic.name != name) {
                topics.push(CommitTopic {
                    name,
                    id: self.topic_id(),
                    partitions: Vec::new(),
                });
            }
            topics.last_mut().unwrap().partitions.push(CommitPartition {
                partition,
                offset: offset.parse().unwrap(),
                leader_epoch: LeaderEpoch::from_wire(epoch.parse().unwrap()),
                metadata: note,
            });
        }
        OffsetCommitRequest {
            group: self.group(),
            generation: self.generation(),
            member: self.member(),
            instance: self.instance(),
            retention_ms: self.get("retention").map(|ms| ms.parse().unwrap()),
            topics,
            api_version: self.int("version", 9),
        }
    }

    fn topic_id(&self) -> Uuid {
        Uuid::from_bytes([self.int("id", 0); 16])
    }

    /// `topics=t-0,t-1,u-0`; without it, everything.
    pub(super) fn fetch(&self) -> OffsetFetchRequest {
        let topics = self.get("topics").map(|topics| {
            let topics = places(topics).into_iter();
            let topics = topics.map(|(name, partitions)| FetchTopic {
                name,
                id: self.topic_id(),
                partitions,
            });
            topics.collect()
        });
        OffsetFetchRequest {
            group: self.group(),
            topics,
            require_stable: self.get("stable") == Some("yes"),
        }
    }

    pub(super) fn delete_offsets(&self) -> OffsetDeleteRequest {
        OffsetDeleteRequest {
            group: self.group(),
            topics: places(self.get("topics").unwrap()),
        }
    }

    pub(super) fn deleted_topics(&self) -> Vec<DeletedTopic> {
        let names = self.plain[1..].iter();
        let topics = names.map(|name| DeletedTopic {
            name: (*name).into(),
            id: self.topic_id(),
        });
        topics.collect()
    }

    pub(super) fn filter(&self) -> GroupFilter {
        let names = |key| {
            let names = self.get(key).into_iter().flat_map(|n| n.split(','));
            names.map(str::to_owned).collect()
        };
        GroupFilter {
            states: names("states"),
            types: names("types"),
        }
    }
}

fn group(name: &str) -> GroupId {
    GroupId::from(if name == "-" { "" } else { name })
}

fn member(short: &str) -> MemberId {
    MemberId::from(short.replace('#', ID_MIDDLE))
}

fn partition(place: &str) -> (TopicName, PartitionIndex) {
    let (name, partition) = place.rsplit_once('-').unwrap();
    (name.into(), PartitionIndex(partition.parse().unwrap()))
}

fn places(list: &str) -> Vec<(TopicName, Vec<PartitionIndex>)> {
    let mut topics: Vec<(TopicName, Vec<PartitionIndex>)> = Vec::new();
    for place in list.split(',') {
        let (name, partition) = partition(place);
        match topics.last_mut() {
            Some((last, partitions)) if *last == name => partitions.push(partition),
            Some(_) | None => topics.push((name, vec![partition])),
        }
    }
    topics
}

/// `range:t+u,sticky:t`: names with topics; `range:!x` has the bytes `!x` instead.
fn protocols(list: &str) -> Vec<Protocol> {
    let list = list.split(',').filter(|protocol| !protocol.is_empty());
    let protocols = list.map(|protocol| {
        let (name, topics) = protocol.split_once(':').unwrap();
        let metadata = if topics.starts_with('!') {
            Bytes::copy_from_slice(topics.as_bytes())
        } else {
            let subscription = ConsumerProtocolSubscription {
                topics: topics.split('+').map(Into::into).collect(),
                ..ConsumerProtocolSubscription::default()
            };
            encode_value(&subscription, 0).unwrap()
        };
        Protocol {
            name: name.into(),
            metadata,
        }
    });
    protocols.collect()
}

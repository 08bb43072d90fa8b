//! Positions of groups: stored, read, forgotten.

use std::collections::BTreeMap;

use thalweg_model::Uuid;
use thalweg_wire::messages::offset_commit_request::{
    OffsetCommitRequestPartition, OffsetCommitRequestTopic,
};
use thalweg_wire::messages::offset_delete_request::{
    OffsetDeleteRequestPartition, OffsetDeleteRequestTopic,
};
use thalweg_wire::messages::offset_fetch_request::{
    OffsetFetchRequestGroup, OffsetFetchRequestTopic, OffsetFetchRequestTopics,
};
use thalweg_wire::messages::{OffsetCommitRequest, OffsetDeleteRequest, OffsetFetchRequest};

use super::model::Position;
use super::run::{Run, text};
use crate::harness::becomes;

const UNKNOWN_TOPIC_OR_PARTITION: i16 = 3;
const OFFSET_METADATA_TOO_LARGE: i16 = 12;
const ILLEGAL_GENERATION: i16 = 22;
const UNKNOWN_MEMBER_ID: i16 = 25;
const GROUP_ID_NOT_FOUND: i16 = 69;
const GROUP_SUBSCRIBED_TO_TOPIC: i16 = 86;
const UNKNOWN_TOPIC_ID: i16 = 100;

/// Leader epochs are stored.
const EPOCH_FROM: i16 = 6;
/// A missing group has a code of its own.
const GROUP_NOT_FOUND_FROM: i16 = 9;
/// Topics are named by their ids.
const IDS_FROM: i16 = 10;
/// Leader epochs are told.
const TOLD_EPOCH_FROM: i16 = 5;
/// Several groups are read at once.
const GROUPS_FROM: i16 = 8;
/// All positions can be asked for.
const ALL_FROM: i16 = 2;

/// Most that a note may have.
const NOTE_MAX: usize = 4096;

/// What is told of positions: offset, epoch, note and error by topic and partition.
type Told = BTreeMap<(String, i32), (i64, i32, String, i16)>;

/// Who commits.
#[derive(Clone, Debug)]
struct Committer {
    generation: i32,
    member: String,
    expected: i16,
}

impl Run {
    /// Somebody of a group, nobody, or somebody who claims to be.
    fn committer(&mut self, group: &str, version: i16) -> Committer {
        let committer = |generation, member: &str, expected| Committer {
            generation,
            member: member.to_owned(),
            expected,
        };
        let missing = if version >= GROUP_NOT_FOUND_FROM {
            GROUP_ID_NOT_FOUND
        } else {
            ILLEGAL_GENERATION
        };
        let Some(known) = self.model.groups.get(group).cloned() else {
            return if self.once_in(4) {
                committer(1, "m", missing)
            } else {
                committer(-1, "", 0)
            };
        };
        if known.now.members.is_empty() {
            return if self.once_in(4) {
                committer(known.now.generation, "m", UNKNOWN_MEMBER_ID)
            } else {
                committer(-1, "", 0)
            };
        }
        let member = self.pick(&known.now.members).id;
        match self.below(6) {
            0 => committer(-1, "", UNKNOWN_MEMBER_ID),
            1 => committer(known.now.generation + 1, &member, ILLEGAL_GENERATION),
            2 => committer(known.now.generation, "m", UNKNOWN_MEMBER_ID),
            _ => committer(known.now.generation, &member, 0),
        }
    }

    pub(super) fn commit(&mut self) {
        let version = self.version(2, 10);
        let group = self.group_name();
        let who = self.committer(&group, version);
        let places = self.places(3);
        self.number += 1;
        let note = match self.below(10) {
            0 => "n".repeat(NOTE_MAX + 1),
            1 => "n".repeat(NOTE_MAX),
            2 => String::new(),
            _ => format!("note {}", self.number),
        };
        let position = Position {
            offset: self.within(0, 1_000),
            epoch: if version >= EPOCH_FROM {
                self.pick(&[-1, 0, 5])
            } else {
                -1
            },
            note,
        };
        let brief = format!(
            "commit {places:?} of {group} by {who:?} version {version}, note of {}",
            position.note.len()
        );
        self.did(brief);
        let request = self.commit_request(&group, &who, &places, &position);
        let answer = self.ask(&request, version);
        let mut told: BTreeMap<(String, i32), i16> = BTreeMap::new();
        for topic in &answer.topics {
            let name = self.name_in(version, topic.topic_id, &topic.name);
            for partition in &topic.partitions {
                told.insert(
                    (name.clone(), partition.partition_index),
                    partition.error_code,
                );
            }
        }
        let mut expected = BTreeMap::new();
        for place in places {
            let code = self.commit_code(&place, &who, &position, version);
            if code == 0 {
                let known = self.model.groups.entry(group.clone()).or_default();
                known.positions.insert(place.clone(), position.clone());
            }
            let is_named = version < IDS_FROM || self.model.topics.contains_key(&place.0);
            let name = if is_named { place.0 } else { String::new() };
            expected.insert((name, place.1), code);
        }
        assert_eq!(told, expected, "{who:?}");
    }

    /// The code for one partition of a commit.
    fn commit_code(
        &self,
        place: &(String, i32),
        who: &Committer,
        position: &Position,
        version: i16,
    ) -> i16 {
        if self.partition(place).is_none() {
            let is_topic = self.model.topics.contains_key(&place.0);
            return if version >= IDS_FROM && !is_topic {
                UNKNOWN_TOPIC_ID
            } else {
                UNKNOWN_TOPIC_OR_PARTITION
            };
        }
        if who.expected == 0 && position.note.len() > NOTE_MAX {
            return OFFSET_METADATA_TOO_LARGE;
        }
        who.expected
    }

    fn commit_request(
        &self,
        group: &str,
        who: &Committer,
        places: &[(String, i32)],
        position: &Position,
    ) -> OffsetCommitRequest {
        let mut topics: Vec<OffsetCommitRequestTopic> = Vec::new();
        for (name, index) in places {
            let partition = OffsetCommitRequestPartition {
                partition_index: *index,
                committed_offset: position.offset,
                committed_leader_epoch: position.epoch,
                committed_metadata: Some(text(&position.note)),
            };
            match topics.last_mut().filter(|topic| topic.name == **name) {
                Some(topic) => topic.partitions.push(partition),
                None => topics.push(OffsetCommitRequestTopic {
                    name: text(name),
                    topic_id: self.id_of(name),
                    partitions: vec![partition],
                }),
            }
        }
        OffsetCommitRequest {
            group_id: text(group),
            generation_id_or_member_epoch: who.generation,
            member_id: text(&who.member),
            retention_time_ms: -1,
            topics,
            ..OffsetCommitRequest::default()
        }
    }

    /// The name of a topic of an id; empty if there is none.
    /// The topic that an answer of a version is about: newer ones carry its id alone.
    fn name_in(&self, version: i16, id: Uuid, name: &str) -> String {
        if version < IDS_FROM {
            return name.to_owned();
        }
        let mut topics = self.model.topics.iter();
        let found = topics.find(|(_, topic)| topic.id == id);
        found.map_or_else(String::new, |(name, _)| name.clone())
    }

    pub(super) fn fetch_positions(&mut self) {
        let version = self.version(1, 10);
        let group = self.group_name();
        let all = version >= ALL_FROM && self.once_in(2);
        let places = if all { Vec::new() } else { self.places(3) };
        self.did(format!(
            "positions of {group} at {places:?} all {all} version {version}"
        ));
        let known = self.model.groups.get(&group).cloned().unwrap_or_default();
        let mut expected = Told::new();
        for place in if all {
            known.positions.keys().cloned().collect()
        } else {
            places.clone()
        } {
            let is_named = version < IDS_FROM || self.model.topics.contains_key(&place.0);
            let shown = match known.positions.get(&place) {
                _ if !is_named => (-1, -1, String::new(), UNKNOWN_TOPIC_ID),
                None => (-1, -1, String::new(), 0),
                Some(position) => shown(position, version),
            };
            let name = if is_named { place.0 } else { String::new() };
            expected.insert((name, place.1), shown);
        }
        let asked = (!all).then_some(places.as_slice());
        let mut told = Told::new();
        // Positions in topics that were deleted go a little later.
        let is_so = becomes(|| {
            told = self.positions(&group, asked, version);
            told == expected
        });
        assert!(is_so, "{group} has {told:?}, not {expected:?}");
    }

    fn positions(&mut self, group: &str, places: Option<&[(String, i32)]>, version: i16) -> Told {
        let topics = places.map(|places| self.asked_positions(places, version));
        let request = if version < GROUPS_FROM {
            let topics = topics.map(|topics| {
                let topics = topics.into_iter().map(|topic| OffsetFetchRequestTopic {
                    name: topic.name,
                    partition_indexes: topic.partition_indexes,
                });
                topics.collect()
            });
            OffsetFetchRequest {
                group_id: text(group),
                topics,
                ..OffsetFetchRequest::default()
            }
        } else {
            OffsetFetchRequest {
                groups: vec![OffsetFetchRequestGroup {
                    group_id: text(group),
                    topics,
                    ..OffsetFetchRequestGroup::default()
                }],
                require_stable: self.once_in(2),
                ..OffsetFetchRequest::default()
            }
        };
        let answer = self.ask(&request, version);
        let mut told = Told::new();
        assert_eq!(answer.error_code, 0, "{group}");
        for topic in &answer.topics {
            for p in &topic.partitions {
                let note = p.metadata.clone().unwrap_or_default().to_string();
                let shown = (
                    p.committed_offset,
                    p.committed_leader_epoch,
                    note,
                    p.error_code,
                );
                told.insert((topic.name.to_string(), p.partition_index), shown);
            }
        }
        for group in &answer.groups {
            assert_eq!(group.error_code, 0);
            for topic in &group.topics {
                let name = self.name_in(version, topic.topic_id, &topic.name);
                for p in &topic.partitions {
                    let note = p.metadata.clone().unwrap_or_default().to_string();
                    let shown = (
                        p.committed_offset,
                        p.committed_leader_epoch,
                        note,
                        p.error_code,
                    );
                    told.insert((name.clone(), p.partition_index), shown);
                }
            }
        }
        told
    }

    fn asked_positions(
        &self,
        places: &[(String, i32)],
        version: i16,
    ) -> Vec<OffsetFetchRequestTopics> {
        let mut topics: Vec<OffsetFetchRequestTopics> = Vec::new();
        for (name, index) in places {
            match topics.last_mut().filter(|topic| topic.name == **name) {
                Some(topic) => topic.partition_indexes.push(*index),
                None => topics.push(OffsetFetchRequestTopics {
                    name: text(name),
                    topic_id: self.id_of(name),
                    partition_indexes: vec![*index],
                }),
            }
        }
        if version >= IDS_FROM {
            topics.iter_mut().for_each(|topic| topic.name = text(""));
        }
        topics
    }

    pub(super) fn delete_positions(&mut self) {
        let group = self.group_name();
        let place = self.place();
        let request = OffsetDeleteRequest {
            group_id: text(&group),
            topics: vec![OffsetDeleteRequestTopic {
                name: text(&place.0),
                partitions: vec![OffsetDeleteRequestPartition {
                    partition_index: place.1,
                }],
            }],
        };
        self.did(format!("forget the position of {group} at {place:?}"));
        let answer = self.ask(&request, 0);
        let is_there = self.partition(&place).is_some();
        let Some(known) = self.model.groups.get_mut(&group) else {
            assert_eq!(answer.error_code, GROUP_ID_NOT_FOUND);
            return;
        };
        assert_eq!(answer.error_code, 0);
        let is_read = !known.now.members.is_empty() && known.now.topic == place.0;
        let expected = match (is_there, is_read) {
            (false, _) => UNKNOWN_TOPIC_OR_PARTITION,
            (true, true) => GROUP_SUBSCRIBED_TO_TOPIC,
            (true, false) => 0,
        };
        assert_eq!(answer.topics[0].partitions[0].error_code, expected);
        if expected == 0 {
            known.positions.remove(&place);
        }
    }
}

fn shown(position: &Position, version: i16) -> (i64, i32, String, i16) {
    let epoch = if version >= TOLD_EPOCH_FROM {
        position.epoch
    } else {
        -1
    };
    (position.offset, epoch, position.note.clone(), 0)
}

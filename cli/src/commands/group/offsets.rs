//! Offsets that groups have committed: reading and writing them.

use std::collections::BTreeMap;

use thalweg_model::ErrorCode;
use thalweg_wire::ApiKey;
use thalweg_wire::messages::offset_commit_request::{
    OffsetCommitRequestPartition, OffsetCommitRequestTopic,
};
use thalweg_wire::messages::offset_fetch_request::{
    OffsetFetchRequestGroup, OffsetFetchRequestTopic, OffsetFetchRequestTopics,
};
use thalweg_wire::messages::{OffsetCommitRequest, OffsetFetchRequest, OffsetFetchResponse};

use crate::client::{Client, ClientError, Connection, Retry, check};

/// The last version of OffsetFetch and OffsetCommit that names topics; later ones have ids only.
const NEWEST_WITH_NAMES: i16 = 9;

/// The first version of OffsetFetch that asks about several groups.
const OFFSET_FETCH_BATCHED: i16 = 8;

/// Offsets by topic and partition.
pub(crate) type Offsets = BTreeMap<String, BTreeMap<i32, i64>>;

/// Who commits.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Committer<'a> {
    /// The group.
    pub(crate) group: &'a str,
    /// The member's generation; -1 for somebody outside.
    pub(crate) generation: i32,
    /// The member; empty for somebody outside.
    pub(crate) member_id: &'a str,
}

/// Commits through a connection to the group's coordinator.
pub(crate) async fn commit(
    connection: &Connection,
    whose: Committer<'_>,
    offsets: &Offsets,
) -> Result<(), ClientError> {
    let partition = |(&partition, &offset): (&i32, &i64)| OffsetCommitRequestPartition {
        partition_index: partition,
        committed_offset: offset,
        committed_leader_epoch: -1,
        committed_metadata: None,
    };
    let topic = |(topic, partitions): (&String, &BTreeMap<i32, i64>)| OffsetCommitRequestTopic {
        name: topic.into(),
        partitions: partitions.iter().map(partition).collect(),
        ..OffsetCommitRequestTopic::default()
    };
    let request = OffsetCommitRequest {
        group_id: whose.group.into(),
        generation_id_or_member_epoch: whose.generation,
        member_id: whose.member_id.into(),
        retention_time_ms: -1,
        topics: offsets.iter().map(topic).collect(),
        ..OffsetCommitRequest::default()
    };
    let answer = connection.send_at_most(&request, NEWEST_WITH_NAMES).await?;
    for topic in &answer.topics {
        for partition in &topic.partitions {
            let index = partition.partition_index;
            let subject = format!(
                "group '{}', partition {index} of '{}'",
                whose.group, topic.name
            );
            check(partition.error_code, &subject)?;
        }
    }
    Ok(())
}

/// What a group has committed for these partitions, or for all.
pub(crate) async fn fetch(
    client: &Client,
    group: &str,
    asked: Option<&BTreeMap<String, Vec<i32>>>,
) -> Result<Offsets, ClientError> {
    let mut retry = Retry::within(client.timeout());
    loop {
        match fetch_once(client, group, asked).await {
            Ok(offsets) => return Ok(offsets),
            Err(error) => retry.after(error).await?,
        }
    }
}

async fn fetch_once(
    client: &Client,
    group: &str,
    asked: Option<&BTreeMap<String, Vec<i32>>>,
) -> Result<Offsets, ClientError> {
    let coordinator = client.coordinator(group).await?;
    let connection = client.broker(coordinator).await?;
    let version = connection.version_of(ApiKey::OffsetFetch)?;
    let request = if version >= OFFSET_FETCH_BATCHED {
        let topic = |(topic, partitions): (&String, &Vec<i32>)| OffsetFetchRequestTopics {
            name: topic.into(),
            partition_indexes: partitions.clone(),
            ..OffsetFetchRequestTopics::default()
        };
        OffsetFetchRequest {
            groups: vec![OffsetFetchRequestGroup {
                group_id: group.into(),
                topics: asked.map(|asked| asked.iter().map(topic).collect()),
                ..OffsetFetchRequestGroup::default()
            }],
            ..OffsetFetchRequest::default()
        }
    } else {
        let topic = |(topic, partitions): (&String, &Vec<i32>)| OffsetFetchRequestTopic {
            name: topic.into(),
            partition_indexes: partitions.clone(),
        };
        OffsetFetchRequest {
            group_id: group.into(),
            topics: asked.map(|asked| asked.iter().map(topic).collect()),
            ..OffsetFetchRequest::default()
        }
    };
    let answer = connection.send_at_most(&request, NEWEST_WITH_NAMES).await?;
    read(&answer, group)
}

/// Takes either form of the answer; partitions without an offset are left out.
fn read(answer: &OffsetFetchResponse, group: &str) -> Result<Offsets, ClientError> {
    let subject = format!("group '{group}'");
    check(answer.error_code, &subject)?;
    let mut offsets = Offsets::new();
    let mut note = |topic: &str, partition: i32, offset: i64, code: i16| {
        if code != ErrorCode::UnknownTopicOrPartition.code() {
            check(
                code,
                &format!("{subject}, partition {partition} of '{topic}'"),
            )?;
            if offset >= 0 {
                let topic = offsets.entry(topic.to_owned()).or_default();
                topic.insert(partition, offset);
            }
        }
        Ok::<(), ClientError>(())
    };
    for topic in &answer.topics {
        for p in &topic.partitions {
            note(
                &topic.name,
                p.partition_index,
                p.committed_offset,
                p.error_code,
            )?;
        }
    }
    for answered in &answer.groups {
        check(answered.error_code, &subject)?;
        for topic in &answered.topics {
            for p in &topic.partitions {
                note(
                    &topic.name,
                    p.partition_index,
                    p.committed_offset,
                    p.error_code,
                )?;
            }
        }
    }
    Ok(offsets)
}

#[cfg(test)]
mod tests {
    use super::*;
    use thalweg_wire::messages::offset_fetch_response::{
        OffsetFetchResponseGroup, OffsetFetchResponsePartition, OffsetFetchResponsePartitions,
        OffsetFetchResponseTopic, OffsetFetchResponseTopics,
    };

    #[test]
    fn both_forms_of_the_answer_are_read_and_missing_offsets_left_out() {
        let old = OffsetFetchResponse {
            topics: vec![OffsetFetchResponseTopic {
                name: "t".into(),
                partitions: [(0, 5), (1, -1)]
                    .map(
                        |(partition_index, committed_offset)| OffsetFetchResponsePartition {
                            partition_index,
                            committed_offset,
                            ..OffsetFetchResponsePartition::default()
                        },
                    )
                    .to_vec(),
            }],
            ..OffsetFetchResponse::default()
        };
        let expected = Offsets::from([("t".to_owned(), BTreeMap::from([(0, 5)]))]);
        assert_eq!(read(&old, "g").unwrap(), expected);

        let partition =
            |partition_index, committed_offset, error_code| OffsetFetchResponsePartitions {
                partition_index,
                committed_offset,
                error_code,
                ..OffsetFetchResponsePartitions::default()
            };
        let new = |partitions| OffsetFetchResponse {
            groups: vec![OffsetFetchResponseGroup {
                group_id: "g".into(),
                topics: vec![OffsetFetchResponseTopics {
                    name: "t".into(),
                    partitions,
                    ..OffsetFetchResponseTopics::default()
                }],
                ..OffsetFetchResponseGroup::default()
            }],
            ..OffsetFetchResponse::default()
        };
        let good = new(vec![
            partition(0, 5, 0),
            partition(1, -1, 0),
            partition(2, -1, 3),
        ]);
        assert_eq!(read(&good, "g").unwrap(), expected);
        let bad = read(&new(vec![partition(0, -1, 29)]), "g").unwrap_err();
        assert_eq!(bad.code(), Some(ErrorCode::TopicAuthorizationFailed));
    }
}

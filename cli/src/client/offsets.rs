//! Where the records of partitions begin, end, or reach a time.

use std::collections::BTreeMap;

use thalweg_model::Timestamp;
use thalweg_wire::messages::ListOffsetsRequest;
use thalweg_wire::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};

use super::{Client, ClientError, Retry, check};

/// What is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OffsetAt {
    /// The first record.
    Earliest,
    /// After the last record.
    Latest,
    /// The first record of this time or later.
    Time(Timestamp),
}

impl OffsetAt {
    fn wire(self) -> i64 {
        match self {
            Self::Earliest => -2,
            Self::Latest => -1,
            Self::Time(time) => time.0,
        }
    }
}

impl Client {
    /// Asks each leader once for all its partitions; none where no record is of that time or later.
    pub(crate) async fn list_offsets(
        &self,
        topic: &str,
        partitions: &[i32],
        at: OffsetAt,
    ) -> Result<BTreeMap<i32, Option<i64>>, ClientError> {
        let mut retry = Retry::within(self.timeout());
        loop {
            match self.list_offsets_once(topic, partitions, at).await {
                Ok(found) => return Ok(found),
                Err(error) => {
                    self.forget(topic);
                    retry.after(error).await?;
                }
            }
        }
    }

    async fn list_offsets_once(
        &self,
        topic: &str,
        partitions: &[i32],
        at: OffsetAt,
    ) -> Result<BTreeMap<i32, Option<i64>>, ClientError> {
        let mut found = BTreeMap::new();
        for (leader, partitions) in self.by_leader(topic, partitions).await? {
            let partition = |index: &i32| ListOffsetsPartition {
                partition_index: *index,
                timestamp: at.wire(),
                ..ListOffsetsPartition::default()
            };
            let request = ListOffsetsRequest {
                replica_id: -1,
                topics: vec![ListOffsetsTopic {
                    name: topic.into(),
                    partitions: partitions.iter().map(partition).collect(),
                }],
                timeout_ms: self.timeout_ms(),
                ..ListOffsetsRequest::default()
            };
            let answer = self.broker(leader).await?.send(&request).await?;
            for answered in answer.topics.iter().flat_map(|topic| &topic.partitions) {
                let index = answered.partition_index;
                check(
                    answered.error_code,
                    &format!("partition {index} of '{topic}'"),
                )?;
                let offset = (answered.offset >= 0).then_some(answered.offset);
                found.insert(index, offset);
            }
        }
        Ok(found)
    }

    /// Partitions grouped by the broker that leads them.
    pub(crate) async fn by_leader(
        &self,
        topic: &str,
        partitions: &[i32],
    ) -> Result<BTreeMap<i32, Vec<i32>>, ClientError> {
        let known = self.topic(topic).await?;
        let mut leaders: BTreeMap<i32, Vec<i32>> = BTreeMap::new();
        for &index in partitions {
            let leader = known
                .partitions
                .iter()
                .find(|partition| partition.index == index)
                .and_then(|partition| partition.leader)
                .ok_or_else(|| ClientError::NoLeader {
                    topic: topic.to_owned(),
                    partition: index,
                })?;
            leaders.entry(leader).or_default().push(index);
        }
        Ok(leaders)
    }
}

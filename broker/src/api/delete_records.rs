//! DeleteRecords: moves the start of partitions' logs.
//!
//! Versions: 0-2
//! Behaviour: -1 stands for the high watermark. Answered when the new start is on stable storage;
//! readers that wait below it are told `OFFSET_OUT_OF_RANGE`. A topic without `delete` in its
//! `cleanup.policy` refuses with `POLICY_VIOLATION`.
//! Not done: nothing.

use thalweg_model::{ErrorCode, Offset};
use thalweg_wire::ApiKey;
use thalweg_wire::messages::delete_records_request::DeleteRecordsPartition;
use thalweg_wire::messages::delete_records_response::{
    DeleteRecordsPartitionResult, DeleteRecordsTopicResult,
};
use thalweg_wire::messages::{DeleteRecordsRequest, DeleteRecordsResponse};

use super::Api;
use crate::errors;
use crate::net::answer::{Call, Caller, Reply};
use crate::partition::housekeeping;

pub(super) const API: Api = Api::new(ApiKey::DeleteRecords, 0, 2, handle);

fn handle(call: Call) -> Reply {
    call.answer_later(answer)
}

async fn answer(request: DeleteRecordsRequest, caller: Caller) -> DeleteRecordsResponse {
    let topics: Vec<_> = request
        .topics
        .iter()
        .map(|topic| DeleteRecordsTopicResult {
            name: topic.name.clone(),
            partitions: topic
                .partitions
                .iter()
                .map(|partition| one(&caller, &topic.name, partition))
                .collect(),
        })
        .collect();
    caller.node.carry_out();
    let moved = topics
        .iter()
        .flat_map(|topic| &topic.partitions)
        .any(|p| p.error_code == 0);
    if moved {
        housekeeping::checkpoint(&caller.node).await;
    }
    DeleteRecordsResponse {
        topics,
        ..DeleteRecordsResponse::default()
    }
}

fn one(
    caller: &Caller,
    topic: &str,
    partition: &DeleteRecordsPartition,
) -> DeleteRecordsPartitionResult {
    let (low_watermark, error) = match delete(caller, topic, partition) {
        Ok(log_start) => (log_start.value(), ErrorCode::None),
        Err(error) => (-1, error),
    };
    DeleteRecordsPartitionResult {
        partition_index: partition.partition_index,
        low_watermark,
        error_code: error.code(),
    }
}

fn delete(
    caller: &Caller,
    topic: &str,
    partition: &DeleteRecordsPartition,
) -> Result<Offset, ErrorCode> {
    let route = caller
        .node
        .cluster
        .route(topic)
        .ok_or(ErrorCode::UnknownTopicOrPartition)?;
    let group = route.group(partition.partition_index);
    let group = group.ok_or(ErrorCode::UnknownTopicOrPartition)?;
    if route.is_internal {
        return Err(ErrorCode::InvalidTopicException);
    }
    if !route.rules.deletable {
        return Err(ErrorCode::PolicyViolation);
    }
    let up_to = match partition.offset {
        -1 => None,
        offset => Some(Offset::from_wire(offset).ok_or(ErrorCode::OffsetOutOfRange)?),
    };
    let now = caller.node.clock.now();
    let deleted = caller
        .node
        .with_shard(|shard| shard.delete_records(group, up_to, now));
    deleted
        .map(|marks| marks.log_start)
        .map_err(|error| errors::access(&error))
}

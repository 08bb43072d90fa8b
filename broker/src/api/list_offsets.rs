//! ListOffsets: offsets by position or by time.
//!
//! Versions: 1-11
//! Behaviour: -1 is the end as far as the isolation level lets one see, -2 the start, -3 the record
//! with the highest timestamp, -4 the start of what is on local disks. A timestamp finds the first
//! record, not batch, that has it or a later one. Nothing found is offset -1, timestamp -1, no error.
//! - 2: isolation level. - 4: leader epochs. - 10: a timeout, which nothing here needs.
//!
//! Not done: tiered storage: -5 and -6 find nothing.

use std::collections::BTreeMap;

use thalweg_model::{ErrorCode, LeaderEpoch, Timestamp};
use thalweg_replica::{AccessError, FoundOffset, Isolation, OffsetTarget};
use thalweg_wire::ApiKey;
use thalweg_wire::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use thalweg_wire::messages::list_offsets_response::{
    ListOffsetsPartitionResponse, ListOffsetsTopicResponse,
};
use thalweg_wire::messages::{ListOffsetsRequest, ListOffsetsResponse};

use super::Api;
use crate::errors;
use crate::net::answer::{Call, Caller, Reply};

pub(super) const API: Api = Api::new(ApiKey::ListOffsets, 1, 11, handle);

fn handle(call: Call) -> Reply {
    call.answer(|request, caller| answer(&request, caller))
}

fn answer(request: &ListOffsetsRequest, caller: &Caller) -> ListOffsetsResponse {
    let isolation = if request.isolation_level == 1 {
        Isolation::Committed
    } else {
        Isolation::Uncommitted
    };
    let topics = request.topics.iter().map(|topic| ListOffsetsTopicResponse {
        name: topic.name.clone(),
        partitions: partitions(caller, topic, isolation),
    });
    ListOffsetsResponse {
        topics: topics.collect(),
        ..ListOffsetsResponse::default()
    }
}

/// One answer for each partition; one that is asked for twice gets none but an error.
fn partitions(
    caller: &Caller,
    topic: &ListOffsetsTopic,
    isolation: Isolation,
) -> Vec<ListOffsetsPartitionResponse> {
    let mut asked = BTreeMap::<i32, u32>::new();
    for partition in &topic.partitions {
        *asked.entry(partition.partition_index).or_default() += 1;
    }
    let answer = |partition: &ListOffsetsPartition| {
        let times = asked.remove(&partition.partition_index)?;
        if times == 1 {
            return Some(one(caller, topic, partition, isolation));
        }
        Some(ListOffsetsPartitionResponse {
            error_code: ErrorCode::InvalidRequest.code(),
            ..unanswered(partition)
        })
    };
    topic.partitions.iter().filter_map(answer).collect()
}

fn unanswered(partition: &ListOffsetsPartition) -> ListOffsetsPartitionResponse {
    ListOffsetsPartitionResponse {
        partition_index: partition.partition_index,
        timestamp: -1,
        offset: -1,
        leader_epoch: -1,
        ..ListOffsetsPartitionResponse::default()
    }
}

fn one(
    caller: &Caller,
    topic: &ListOffsetsTopic,
    partition: &ListOffsetsPartition,
    isolation: Isolation,
) -> ListOffsetsPartitionResponse {
    let mut response = unanswered(partition);
    match find(caller, topic, partition, isolation) {
        Ok(Some(found)) => {
            response.timestamp = found.timestamp.0;
            response.offset = found.offset.value();
            response.leader_epoch = LeaderEpoch::to_wire(found.epoch);
        }
        Ok(None) => {}
        Err(error) => response.error_code = error.code(),
    }
    response
}

fn find(
    caller: &Caller,
    topic: &ListOffsetsTopic,
    partition: &ListOffsetsPartition,
    isolation: Isolation,
) -> Result<Option<FoundOffset>, ErrorCode> {
    let route = caller.node.cluster.route(&topic.name);
    let group = route.and_then(|route| route.group(partition.partition_index));
    let group = group.ok_or(ErrorCode::UnknownTopicOrPartition)?;
    let epoch = LeaderEpoch::from_wire(partition.current_leader_epoch);
    let supported = |since: i16| caller.version >= since;
    let target = match partition.timestamp {
        -1 => Some(OffsetTarget::Latest),
        -2 => Some(OffsetTarget::Earliest),
        -3 if supported(7) => Some(OffsetTarget::MaxTimestamp),
        -4 if supported(8) => Some(OffsetTarget::Earliest),
        // Nothing is tiered, so nothing is the last that was or the next to be.
        -5 if supported(9) => None,
        -6 if supported(11) => None,
        timestamp if timestamp >= 0 => Some(OffsetTarget::Timestamp(Timestamp(timestamp))),
        _ => return Err(ErrorCode::UnsupportedVersion),
    };
    // Where nothing can be found, an epoch that is not the leader's is refused all the same.
    let found = caller.node.with_shard(|shard| match target {
        Some(target) => shard.find_offset(group, target, isolation, epoch),
        None => shard.marks(group, epoch).map(|_| None),
    });
    found.map_err(|error| code_of(&error, topic))
}

fn code_of(error: &AccessError, topic: &ListOffsetsTopic) -> ErrorCode {
    if let AccessError::Log(cause) = error {
        tracing::error!(topic = %topic.name, %cause, "an offset cannot be looked up");
    }
    errors::access(error)
}

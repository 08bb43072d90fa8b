//! AlterReplicaLogDirs: moves replicas to another directory of this node.
//!
//! Versions: 1-2
//! Behaviour: there is one directory; a replica may be sent to where it is.
//! Not done: several directories.

use std::path::Path;

use thalweg_model::{ErrorCode, PartitionIndex};
use thalweg_wire::ApiKey;
use thalweg_wire::messages::alter_replica_log_dirs_request::AlterReplicaLogDirTopic;
use thalweg_wire::messages::alter_replica_log_dirs_response::{
    AlterReplicaLogDirPartitionResult, AlterReplicaLogDirTopicResult,
};
use thalweg_wire::messages::{AlterReplicaLogDirsRequest, AlterReplicaLogDirsResponse};

use super::Api;
use crate::net::answer::{Call, Caller, Reply};

pub(super) const API: Api = Api::new(ApiKey::AlterReplicaLogDirs, 1, 2, handle);

fn handle(call: Call) -> Reply {
    call.answer(|request, caller| answer(&request, caller))
}

fn answer(request: &AlterReplicaLogDirsRequest, caller: &Caller) -> AlterReplicaLogDirsResponse {
    let data = caller.node.config.data();
    let here = std::path::absolute(data).unwrap_or_else(|_| data.to_path_buf());
    let results = request.dirs.iter().flat_map(|dir| {
        let is_here = Path::new(&*dir.path) == here;
        let topics = dir.topics.iter();
        topics.map(move |topic| place(topic, is_here, caller))
    });
    AlterReplicaLogDirsResponse {
        results: results.collect(),
        ..AlterReplicaLogDirsResponse::default()
    }
}

fn place(
    topic: &AlterReplicaLogDirTopic,
    is_here: bool,
    caller: &Caller,
) -> AlterReplicaLogDirTopicResult {
    let image = caller.node.cluster.image();
    let outcome = |index: i32| {
        let there = image.topic_partition(&topic.name, PartitionIndex(index));
        match (is_here, there) {
            (false, _) => ErrorCode::LogDirNotFound,
            (true, None) => ErrorCode::UnknownTopicOrPartition,
            (true, Some(_)) => ErrorCode::None,
        }
    };
    let partitions = topic
        .partitions
        .iter()
        .map(|&index| AlterReplicaLogDirPartitionResult {
            partition_index: index,
            error_code: outcome(index).code(),
        });
    AlterReplicaLogDirTopicResult {
        partitions: partitions.collect(),
        topic_name: topic.name.clone(),
    }
}

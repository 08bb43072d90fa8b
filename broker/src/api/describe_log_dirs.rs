//! DescribeLogDirs: how much room partitions take on this node's disk.
//!
//! Versions: 1-5
//! Behaviour: one directory, with every partition asked for, or all. Sizes are those of the batches.
//! - 4: size and free space of the volume. - 5: cordoned directories, of which there are none.
//!
//! Not done: several directories.

use std::collections::BTreeMap;

use thalweg_model::ErrorCode;
use thalweg_wire::messages::describe_log_dirs_response::{
    DescribeLogDirsPartition, DescribeLogDirsResult, DescribeLogDirsTopic,
};
use thalweg_wire::messages::{DescribeLogDirsRequest, DescribeLogDirsResponse};
use thalweg_wire::{ApiKey, Str};

use super::Api;
use crate::net::answer::{Call, Caller, Reply};

pub(super) const API: Api = Api::new(ApiKey::DescribeLogDirs, 1, 5, handle);

fn handle(call: Call) -> Reply {
    call.answer(answer)
}

fn answer(request: DescribeLogDirsRequest, caller: &Caller) -> DescribeLogDirsResponse {
    let data = caller.node.config.data();
    let path = std::path::absolute(data).unwrap_or_else(|_| data.to_path_buf());
    let volume = rustix::fs::statvfs(&path).ok();
    let bytes = |blocks: u64, size: u64| i64::try_from(blocks.saturating_mul(size)).unwrap_or(-1);
    let result = DescribeLogDirsResult {
        error_code: ErrorCode::None.code(),
        log_dir: Str::from(&*path.to_string_lossy()),
        topics: topics(request, caller),
        total_bytes: volume
            .as_ref()
            .map_or(-1, |v| bytes(v.f_blocks, v.f_frsize)),
        usable_bytes: volume
            .as_ref()
            .map_or(-1, |v| bytes(v.f_bavail, v.f_frsize)),
        is_cordoned: false,
    };
    DescribeLogDirsResponse {
        results: vec![result],
        ..DescribeLogDirsResponse::default()
    }
}

fn topics(request: DescribeLogDirsRequest, caller: &Caller) -> Vec<DescribeLogDirsTopic> {
    let wanted: Option<BTreeMap<Str, Vec<i32>>> = request.topics.map(|topics| {
        topics
            .into_iter()
            .map(|topic| (topic.topic, topic.partitions))
            .collect()
    });
    let image = caller.node.cluster.image();
    let mut found = Vec::new();
    for topic in image.topics() {
        let name = Str::from(&*topic.name);
        let only = wanted.as_ref().map(|wanted| wanted.get(&name));
        let Some(route) = caller.node.cluster.route(&topic.name) else {
            continue;
        };
        let asked = |index: &i32| only.is_none_or(|only| only.is_some_and(|p| p.contains(index)));
        let partitions: Vec<_> = (0..)
            .zip(&route.groups)
            .filter(|(index, _)| asked(index))
            .map(|(partition_index, &group)| DescribeLogDirsPartition {
                partition_index,
                partition_size: size_of(caller, group),
                offset_lag: 0,
                is_future_key: false,
            })
            .collect();
        if !partitions.is_empty() {
            found.push(DescribeLogDirsTopic { name, partitions });
        }
    }
    found
}

fn size_of(caller: &Caller, group: thalweg_log::GroupId) -> i64 {
    let bytes = caller.node.with_shard(|shard| shard.size_bytes(group));
    bytes.map_or(0, |bytes| i64::try_from(bytes).unwrap_or(i64::MAX))
}

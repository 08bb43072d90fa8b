//! One pass over a fetch's partitions.

use thalweg_log::GroupId;
use thalweg_model::{ErrorCode, LeaderEpoch, Offset};
use thalweg_replica::{AccessError, Isolation, Marks, ReadRequest};
use thalweg_wire::fetch::FetchedPartition;
use thalweg_wire::messages::FetchRequest;
use thalweg_wire::messages::fetch_request::FetchPartition;
use thalweg_wire::messages::fetch_response::EpochEndOffset;
use tokio::task::spawn_blocking;

use super::session::Wanted;
use crate::errors;
use crate::limits::ANSWER_BYTES_MAX;
use crate::net::piece::{FileExtent, from_read};
use crate::node::Node;

/// First version that names topics by id.
const TOPIC_ID_FROM: i16 = 13;

/// What bounds an answer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    bytes_max: usize,
    isolation: Isolation,
    by_id: bool,
}

impl Limits {
    pub(super) fn of(request: &FetchRequest, node: &Node, version: i16) -> Self {
        let asked = usize::try_from(request.max_bytes).unwrap_or(0);
        let isolation = if request.isolation_level == 1 {
            Isolation::Committed
        } else {
            Isolation::Uncommitted
        };
        let bytes_max = asked.min(node.config.fetch_max_bytes());
        Self {
            bytes_max,
            isolation,
            by_id: version >= TOPIC_ID_FROM,
        }
    }
}

/// What was found for one partition.
#[derive(Debug)]
pub(super) struct Found {
    /// The partition, if it is one that can be waited for.
    pub(super) group: Option<GroupId>,
    pub(super) partition: FetchedPartition<FileExtent>,
}

impl Found {
    pub(super) fn bytes(&self) -> usize {
        self.partition
            .records
            .iter()
            .map(thalweg_wire::fetch::Piece::byte_len)
            .sum()
    }

    fn unverified(&self) -> impl Iterator<Item = &FileExtent> {
        let extents = self
            .partition
            .records
            .iter()
            .filter_map(|piece| match piece {
                thalweg_wire::fetch::Piece::Extent(extent) => Some(extent),
                thalweg_wire::fetch::Piece::Bytes(_) => None,
            });
        extents.filter(|extent| extent.0.is_unverified())
    }

    /// Whether it holds stored records that nobody looked at since the start.
    pub(super) fn is_unverified(&self) -> bool {
        self.unverified().next().is_some()
    }

    /// Looks at them, on a thread that may wait for the disk. Damaged ones are not served: the client
    /// gets an error in their place.
    pub(super) async fn verify(&mut self) {
        let extents: Vec<_> = self.unverified().cloned().collect();
        if extents.is_empty() {
            return;
        }
        let verified =
            spawn_blocking(move || extents.iter().try_for_each(|extent| extent.0.verify()));
        match verified.await {
            Ok(Ok(())) => return,
            Ok(Err(damage)) if damage.is_news => {
                tracing::error!(%damage, "stored records are not served");
            }
            Ok(Err(_told_before)) => {}
            Err(error) => tracing::error!(%error, "stored records were not looked at"),
        }
        let (index, code) = (self.partition.index, ErrorCode::KafkaStorageError.code());
        self.partition = FetchedPartition::failed(index, code);
    }

    /// Whether the client must hear of it at once.
    pub(super) fn cannot_wait(&self) -> bool {
        self.partition.error_code != 0 || self.partition.diverging_epoch.is_some()
    }
}

/// Reads the partitions in order until the answer is full.
pub(super) fn all(node: &Node, wanted: &[Wanted], limits: &Limits) -> Vec<Found> {
    let mut left = limits.bytes_max;
    let mut has_data = false;
    wanted
        .iter()
        .map(|wanted| {
            let found = one(node, wanted, limits, (left, !has_data));
            let bytes = found.bytes();
            left = left.saturating_sub(bytes);
            has_data |= bytes > 0;
            found
        })
        .collect()
}

fn one(node: &Node, wanted: &Wanted, limits: &Limits, (left, first): (usize, bool)) -> Found {
    let asked = &wanted.partition;
    let route = if limits.by_id {
        node.cluster.route_by_id(wanted.topic.id)
    } else {
        node.cluster.route(&wanted.topic.name)
    };
    let failed = |error: ErrorCode| Found {
        group: None,
        partition: FetchedPartition::failed(asked.partition, error.code()),
    };
    let unknown = |error: ErrorCode| {
        let mut found = failed(error);
        // An empty list and not null, for a partition that was never looked at.
        found.partition.aborted_transactions = Some(Vec::new());
        found
    };
    let Some(route) = route else {
        return unknown(if limits.by_id {
            ErrorCode::UnknownTopicId
        } else {
            ErrorCode::UnknownTopicOrPartition
        });
    };
    let Some(group) = route.group(asked.partition) else {
        return unknown(ErrorCode::UnknownTopicOrPartition);
    };
    match read(node, group, asked, limits, (left, first)) {
        Ok(partition) => Found {
            group: Some(group),
            partition,
        },
        Err(error) => {
            if let AccessError::Log(cause) = &error {
                tracing::error!(topic = %route.name, partition = asked.partition, %cause,
                    "stored records cannot be read");
            }
            failed(errors::access(&error))
        }
    }
}

fn read(
    node: &Node,
    group: GroupId,
    asked: &FetchPartition,
    limits: &Limits,
    (left, first): (usize, bool),
) -> Result<FetchedPartition<FileExtent>, AccessError> {
    let epoch = LeaderEpoch::from_wire(asked.current_leader_epoch);
    let mut partition = FetchedPartition::failed(asked.partition, 0);
    let marks = node.with_shard(|shard| shard.marks(group, epoch))?;
    set_marks(&mut partition, &marks);
    let Some(from) = Offset::from_wire(asked.fetch_offset) else {
        return Err(AccessError::OutOfRange(marks));
    };
    if let Some(diverging) = diverging(node, group, asked, (from, marks))? {
        partition.diverging_epoch = Some(diverging);
        return Ok(partition);
    }
    let partition_max = usize::try_from(asked.partition_max_bytes).unwrap_or(0);
    let request = ReadRequest {
        group,
        from,
        bytes_max: left.min(partition_max),
        at_least_one: first,
        isolation: limits.isolation,
        epoch,
        from_files: node.answer_bytes.get() >= ANSWER_BYTES_MAX,
    };
    let read = node.with_shard(|shard| shard.read(&request))?;
    set_marks(&mut partition, &read.marks);
    if limits.isolation == Isolation::Committed {
        partition.aborted_transactions = Some(Vec::new());
    }
    partition.records = read.pieces.into_iter().map(from_read).collect();
    Ok(partition)
}

/// Where the client's log left this one, if its last epoch ended here before its offset.
fn diverging(
    node: &Node,
    group: GroupId,
    asked: &FetchPartition,
    (from, marks): (Offset, Marks),
) -> Result<Option<EpochEndOffset>, AccessError> {
    let Some(last) = LeaderEpoch::from_wire(asked.last_fetched_epoch) else {
        return Ok(None);
    };
    let epoch = LeaderEpoch::from_wire(asked.current_leader_epoch);
    let end = node.with_shard(|shard| shard.end_of_epoch(group, last, epoch))?;
    Ok(match end {
        Some((found, end)) if found < last || end < from => Some(EpochEndOffset {
            epoch: found.value(),
            end_offset: end.value(),
        }),
        Some(_) => None,
        // An epoch that this log never had: there is no offset to go back to.
        None => return Err(AccessError::OutOfRange(marks)),
    })
}

fn set_marks(partition: &mut FetchedPartition<FileExtent>, marks: &Marks) {
    partition.high_watermark = marks.high_watermark.value();
    partition.last_stable_offset = marks.last_stable.value();
    partition.log_start_offset = marks.log_start.value();
}

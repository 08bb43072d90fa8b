//! Produce: batches in, offsets out.
//!
//! Versions: 3-13
//! Behaviour: versions 0-2 are announced and refused, because librdkafka stops compressing when they
//! are missing (KAFKA-18659). Exactly one batch for each partition. The order of a partition's
//! records is fixed before this handler first waits, so the next request of the connection may enter
//! meanwhile. `acks=all` is answered when the batch is committed, which includes this node's own
//! `fdatasync`; `acks=1` when it is on this node's stable storage; `acks=0` never, and an error then
//! closes the connection.
//! - 7: zstd is accepted. - 8: errors of single records. - 13: topics by id.
//!
//! Not done: transactions: a transactional batch is refused with `INVALID_TXN_STATE`.

mod believed;
mod validate;

use std::rc::Rc;
use std::time::Duration;

use thalweg_log::GroupId;
use thalweg_model::batch::CheckedBatch;
use thalweg_model::{ErrorCode, Timestamp};
use thalweg_replica::Acks;
use thalweg_wire::header::RequestHeader;
use thalweg_wire::messages::ProduceResponse;
use thalweg_wire::messages::produce_response::{
    BatchIndexAndErrorMessage, PartitionProduceResponse, TopicProduceResponse,
};
use thalweg_wire::produce::{Produce, ProducePartition, TopicRef};
use thalweg_wire::{ApiKey, Str};

use self::validate::Rejection;
use super::Api;
use crate::cluster::TopicRoute;
use crate::errors;
use crate::net::answer::{Answer, Call, Reply};
use crate::node::Node;
use crate::partition::appends::Outcome;

pub(super) const API: Api = Api {
    announced_min: 0,
    ..Api::new(ApiKey::Produce, 3, 13, handle)
};

/// Where a partition's answer comes from.
enum Part {
    /// It is known already.
    Refused(Rejection),
    /// It is the next outcome of the appends.
    Appended {
        /// The time that the broker stamped on the records, if it did.
        log_append_time: Option<Timestamp>,
    },
}

/// A request whose batches have been handed over.
struct Plan {
    topics: Vec<(TopicRef, Vec<(i32, Part)>)>,
    batches: Vec<(GroupId, CheckedBatch)>,
}

impl Plan {
    /// Batches stay in memory for a while, and with them the request's buffer. One that is mostly
    /// something else is let go: else a few batches would hold many times their size.
    fn detach_from(&mut self, request_bytes: usize) {
        let kept: usize = self.batches.iter().map(|(_, batch)| batch.len()).sum();
        if kept < request_bytes / 2 {
            self.batches
                .iter_mut()
                .for_each(|(_, batch)| batch.detach());
        }
    }
}

fn handle(call: Call) -> Reply {
    let Call {
        node,
        header,
        body,
        arrived,
        ..
    } = call;
    let request_bytes = body.len();
    let request = match Produce::decode(body, header.version) {
        Ok(request) => request,
        Err(error) => {
            return Reply::Now(Answer::Close(format!(
                "a Produce request cannot be read: {error}"
            )));
        }
    };
    let acks = match request.acks {
        0 => Acks::None,
        1 => Acks::Leader,
        -1 => Acks::All,
        _ => return refuse_acks(&node, request, &header),
    };
    let timeout = Duration::from_millis(u64::try_from(request.timeout_ms).unwrap_or(0));
    let mut plan = plan(&node, request, header.version);
    plan.detach_from(request_bytes);
    let batches = std::mem::take(&mut plan.batches);
    if acks == Acks::None {
        return Reply::Now(finish_unacknowledged(&node, &plan, batches));
    }
    if batches.is_empty() {
        let response = respond(plan, Vec::new());
        return Reply::Now(Answer::response(&node, &response, &header));
    }
    let wait = node.append(batches, acks);
    let appended = tokio::time::Instant::now();
    node.metrics.produce.check.record_time(appended - arrived);
    Reply::later(async move {
        let outcomes = wait.wait(&node, appended, timeout).await;
        Answer::response(&node, &respond(plan, outcomes), &header)
    })
}

fn refuse_acks(node: &Node, request: Produce, header: &RequestHeader) -> Reply {
    let refused = |partition: ProducePartition| {
        let rejection = Rejection::code(ErrorCode::InvalidRequiredAcks);
        (partition.index, Part::Refused(rejection))
    };
    let topics = request.topics.into_iter().map(|topic| {
        (
            topic.topic,
            topic
                .partitions
                .into_iter()
                .map(refused)
                .collect::<Vec<_>>(),
        )
    });
    let responses =
        topics.map(|(topic, parts)| topic_response(topic, parts, &mut Vec::new().into_iter()));
    let response = ProduceResponse {
        responses: responses.collect(),
        ..ProduceResponse::default()
    };
    Reply::Now(Answer::response(node, &response, header))
}

fn finish_unacknowledged(
    node: &Rc<Node>,
    plan: &Plan,
    batches: Vec<(GroupId, CheckedBatch)>,
) -> Answer {
    let refused =
        plan.topics
            .iter()
            .flat_map(|(_, parts)| parts)
            .find_map(|(_, part)| match part {
                Part::Refused(rejection) => Some(rejection),
                Part::Appended { .. } => None,
            });
    // What can be appended is, even if another partition of the request was refused.
    let appended = node.append_unawaited(batches);
    let why = match (refused, appended) {
        (Some(rejection), _) => rejection.error.to_string(),
        (None, Err(error)) => error.to_string(),
        (None, Ok(())) => return Answer::Silent,
    };
    Answer::Close(format!("an unacknowledged produce was refused: {why}"))
}

/// Finds the partitions and checks the batches, in the order of the request.
fn plan(node: &Rc<Node>, request: Produce, version: i16) -> Plan {
    let mut plan = Plan {
        topics: Vec::with_capacity(request.topics.len()),
        batches: Vec::new(),
    };
    let transactional = request.transactional_id.is_some();
    for topic in request.topics {
        let route = match &topic.topic {
            TopicRef::Name(name) => node.cluster.route(name),
            TopicRef::Id(id) => node.cluster.route_by_id(*id),
        };
        let mut parts = Vec::with_capacity(topic.partitions.len());
        for partition in topic.partitions {
            let index = partition.index;
            let placed = place(route.as_deref(), &topic.topic, index).and_then(|(route, group)| {
                let now = node.clock.now().wall;
                let rules = validate::Request {
                    version,
                    transactional,
                    now,
                };
                validate::batch(partition.records, &route.rules, rules)
                    .map(|checked| (group, checked))
            });
            parts.push(match placed {
                Ok((group, checked)) => {
                    node.metrics.produce.take(&checked.batch);
                    plan.batches.push((group, checked.batch));
                    let log_append_time = checked.log_append_time;
                    (index, Part::Appended { log_append_time })
                }
                Err(rejection) => (index, Part::Refused(rejection)),
            });
        }
        plan.topics.push((topic.topic, parts));
    }
    plan
}

fn place<'r>(
    route: Option<&'r TopicRoute>,
    topic: &TopicRef,
    index: i32,
) -> Result<(&'r TopicRoute, GroupId), Rejection> {
    let Some(route) = route else {
        return Err(Rejection::code(match topic {
            TopicRef::Name(_) => ErrorCode::UnknownTopicOrPartition,
            TopicRef::Id(_) => ErrorCode::UnknownTopicId,
        }));
    };
    if route.is_internal {
        let text = format!("Cannot append to internal topic {}", route.name);
        return Err(Rejection::text(ErrorCode::InvalidTopicException, text));
    }
    let group = route.group(index);
    let group = group.ok_or_else(|| Rejection::code(ErrorCode::UnknownTopicOrPartition))?;
    Ok((route, group))
}

fn respond(plan: Plan, outcomes: Vec<Outcome>) -> ProduceResponse {
    let mut outcomes = outcomes.into_iter();
    let responses = plan
        .topics
        .into_iter()
        .map(|(topic, parts)| topic_response(topic, parts, &mut outcomes))
        .collect();
    ProduceResponse {
        responses,
        ..ProduceResponse::default()
    }
}

fn topic_response(
    topic: TopicRef,
    parts: Vec<(i32, Part)>,
    outcomes: &mut impl Iterator<Item = Outcome>,
) -> TopicProduceResponse {
    let mut response = TopicProduceResponse::default();
    match topic {
        TopicRef::Name(name) => response.name = name,
        TopicRef::Id(id) => response.topic_id = id,
    }
    response.partition_responses = parts
        .into_iter()
        .map(|(index, part)| match part {
            Part::Refused(rejection) => refused(index, rejection),
            Part::Appended { log_append_time } => {
                appended(index, log_append_time, outcomes.next().flatten())
            }
        })
        .collect();
    response
}

fn refused(index: i32, rejection: Rejection) -> PartitionProduceResponse {
    let record_errors = rejection
        .records
        .into_iter()
        .map(|(at, text)| BatchIndexAndErrorMessage {
            batch_index: at,
            batch_index_error_message: text.map(Str::from),
        });
    PartitionProduceResponse {
        index,
        error_code: rejection.error.code(),
        base_offset: -1,
        record_errors: record_errors.collect(),
        error_message: rejection.text.map(Str::from),
        ..PartitionProduceResponse::default()
    }
}

fn appended(
    index: i32,
    log_append_time: Option<Timestamp>,
    outcome: Outcome,
) -> PartitionProduceResponse {
    match outcome {
        Some(Ok(appended)) => PartitionProduceResponse {
            index,
            base_offset: appended.base.value(),
            log_append_time_ms: log_append_time.unwrap_or(Timestamp::NONE).0,
            log_start_offset: appended.log_start.value(),
            ..PartitionProduceResponse::default()
        },
        Some(Err(error)) => {
            let text = error.to_string();
            refused(index, Rejection::text(errors::append(&error), text))
        }
        None => refused(index, Rejection::code(ErrorCode::RequestTimedOut)),
    }
}

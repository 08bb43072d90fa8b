//! Metadata: brokers, topics, partitions and their leaders, from this node's image.
//!
//! Versions: 0-13
//! Behaviour: no topics named means all (version 0: an empty list does). A topic that does not exist
//! is created if the request (version 4, before that always) and `auto.create.topics.enable` allow
//! it, and is answered only when it is served: clients that see a leader use it at once.
//! - 8: what the client may do, if it asks: everything, as long as there is no authorizer.
//! - 10: topic ids. - 12: topics may be asked for by id.
//!
//! Not done: offline replicas and racks of other brokers: one node has none.

use std::collections::BTreeSet;
use std::rc::Rc;

use thalweg_metadata::controller::CreateTopics;
use thalweg_metadata::image::{BrokerImage, MetadataImage, TopicImage};
use thalweg_model::{ErrorCode, LeaderEpoch, Uuid, check_topic_name};
use thalweg_wire::messages::metadata_response::{
    MetadataResponseBroker, MetadataResponsePartition, MetadataResponseTopic,
};
use thalweg_wire::messages::{MetadataRequest, MetadataResponse};
use thalweg_wire::{ApiKey, Str};

use super::Api;
use super::authorized_operations::{CLUSTER_OPERATIONS, OPERATIONS_NOT_ASKED, TOPIC_OPERATIONS};
use crate::cluster::boot::random_uuid;
use crate::net::answer::{Call, Caller, Reply};
use crate::node::Node;

pub(super) const API: Api = Api::new(ApiKey::Metadata, 0, 13, handle);

fn handle(call: Call) -> Reply {
    call.answer_later(answer)
}

async fn answer(request: MetadataRequest, caller: Caller) -> MetadataResponse {
    let topic_operations = request.include_topic_authorized_operations;
    let cluster_operations = request.include_cluster_authorized_operations;
    let mut response = describe(request, caller).await;
    if topic_operations {
        // A topic that was asked for by an unknown id has no name to be authorised for.
        let named = response
            .topics
            .iter_mut()
            .filter(|topic| topic.name.is_some());
        named.for_each(|topic| topic.topic_authorized_operations = TOPIC_OPERATIONS);
    }
    if cluster_operations {
        response.cluster_authorized_operations = CLUSTER_OPERATIONS;
    }
    response
}

async fn describe(request: MetadataRequest, caller: Caller) -> MetadataResponse {
    let all = match &request.topics {
        None => true,
        Some(topics) => topics.is_empty() && caller.version == 0,
    };
    if all {
        let image = caller.node.cluster.image();
        let topics = image
            .topics()
            .map(|topic| found(&caller.node, topic, &image))
            .collect();
        return respond(&caller, &image, topics);
    }
    let asked = request.topics.unwrap_or_default();
    let may_create = caller.version < 4 || request.allow_auto_topic_creation;
    if may_create && caller.node.config.auto_create_topics_enable() {
        let names = asked.iter().filter_map(|topic| topic.name.clone());
        create_missing(&caller, names.collect()).await;
    }
    let image = caller.node.cluster.image();
    let mut seen = BTreeSet::new();
    let topics = asked
        .into_iter()
        // A topic that is asked for twice is shown once.
        .filter(|topic| seen.insert((topic.name.clone(), topic.topic_id)))
        .map(|topic| match topic.name {
            Some(name) => by_name(&caller.node, &image, name),
            None => by_id(&caller.node, &image, topic.topic_id),
        })
        .collect();
    respond(&caller, &image, topics)
}

fn respond(
    caller: &Caller,
    image: &MetadataImage,
    topics: Vec<MetadataResponseTopic>,
) -> MetadataResponse {
    let broker = |broker: &BrokerImage| {
        let endpoint = broker.endpoint(&caller.peer.listener)?;
        Some(MetadataResponseBroker {
            node_id: broker.id.0,
            host: Str::from(&*endpoint.host),
            port: i32::from(endpoint.port),
            rack: broker.rack.as_deref().map(Str::from),
        })
    };
    MetadataResponse {
        brokers: image.brokers().filter_map(broker).collect(),
        cluster_id: image.cluster_id().map(Str::from),
        controller_id: caller.node.cluster.broker.0,
        topics,
        cluster_authorized_operations: OPERATIONS_NOT_ASKED,
        ..MetadataResponse::default()
    }
}

async fn create_missing(caller: &Caller, names: Vec<Str>) {
    let node = Rc::clone(&caller.node);
    let missing: Vec<_> = {
        let image = node.cluster.image();
        names
            .into_iter()
            .filter(|name| image.topic(name).is_none() && check_topic_name(name).is_ok())
            .collect()
    };
    if missing.is_empty() {
        return;
    }
    let created = node
        .command(|controller| {
            let topics = missing.iter().map(|name| controller.automatic_topic(name));
            let command = CreateTopics {
                topics: topics.collect(),
                validate_only: false,
            };
            controller.create_topics(&command, &mut random_uuid)
        })
        .await;
    if let Err(error) = created {
        tracing::warn!(%error, "topics cannot be created automatically");
    }
}

fn by_name(node: &Node, image: &MetadataImage, name: Str) -> MetadataResponseTopic {
    match image.topic(&name) {
        Some(topic) => found(node, topic, image),
        None => {
            let error = match check_topic_name(&name) {
                Ok(()) => ErrorCode::UnknownTopicOrPartition,
                Err(_) => ErrorCode::InvalidTopicException,
            };
            missing(error, Some(name), Uuid::NIL)
        }
    }
}

fn by_id(node: &Node, image: &MetadataImage, id: Uuid) -> MetadataResponseTopic {
    match image.topic_by_id(id) {
        Some(topic) => found(node, topic, image),
        None => missing(ErrorCode::UnknownTopicId, None, id),
    }
}

fn missing(error: ErrorCode, name: Option<Str>, topic_id: Uuid) -> MetadataResponseTopic {
    MetadataResponseTopic {
        error_code: error.code(),
        name,
        topic_id,
        topic_authorized_operations: OPERATIONS_NOT_ASKED,
        ..MetadataResponseTopic::default()
    }
}

fn found(node: &Node, topic: &TopicImage, image: &MetadataImage) -> MetadataResponseTopic {
    let partitions = topic.indexed().map(|(index, partition)| {
        let live = |id| image.broker(id).is_some();
        let leader = partition.leader.filter(|&id| live(id));
        let error = if leader.is_some() {
            ErrorCode::None
        } else {
            ErrorCode::LeaderNotAvailable
        };
        MetadataResponsePartition {
            error_code: error.code(),
            partition_index: index.0,
            leader_id: leader.map_or(-1, |leader| leader.0),
            leader_epoch: LeaderEpoch::to_wire(Some(node.leader_epoch(topic, index, partition))),
            replica_nodes: partition.brokers().map(|broker| broker.0).collect(),
            isr_nodes: partition.in_sync.iter().map(|broker| broker.0).collect(),
            offline_replicas: partition
                .brokers()
                .filter(|&b| !live(b))
                .map(|b| b.0)
                .collect(),
        }
    });
    MetadataResponseTopic {
        error_code: ErrorCode::None.code(),
        name: Some(Str::from(&*topic.name)),
        topic_id: topic.id,
        is_internal: topic.is_internal(),
        partitions: partitions.collect(),
        topic_authorized_operations: OPERATIONS_NOT_ASKED,
    }
}

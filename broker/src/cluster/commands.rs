//! Changing the cluster: one command at a time becomes records, which are committed before they are
//! believed.

use std::rc::Rc;
use std::sync::Arc;

use thalweg_log::{GroupId, LogConfig};
use thalweg_metadata::config::{ConfigLayers, ConfigResource, TopicConfig};
use thalweg_metadata::controller::Outcome;
use thalweg_metadata::image::TopicImage;
use thalweg_metadata::{Controller, MetadataChanges, MetadataRecord};
use thalweg_model::batch::StoredBatch;
use thalweg_model::{PartitionIndex, Uuid};
use thalweg_replica::{Acks, PartitionSpec};

use super::{Cluster, TopicRoute, TopicRules};
use crate::node::Node;

/// Topic id of the metadata log, as Kafka has it.
const METADATA_TOPIC_ID: Uuid = Uuid::from_bytes([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);

/// Why a command may or may not have happened.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CommandError {
    /// Nothing happened.
    #[error("the metadata log takes nothing: {0}")]
    Refused(String),
    /// A record cannot be encoded; nothing happened.
    #[error("a metadata record is too large: {0}")]
    TooLarge(String),
}

impl CommandError {
    fn stopping() -> Self {
        Self::Refused("the node is stopping".to_owned())
    }
}

impl Cluster {
    /// What the metadata log is.
    pub(super) fn metadata_spec(&self) -> PartitionSpec {
        PartitionSpec {
            topic: METADATA_TOPIC_ID,
            topic_name: "__cluster_metadata".to_owned(),
            partition: PartitionIndex(0),
            replica: super::boot::ONLY_REPLICA,
            voters: vec![(super::boot::ONLY_REPLICA, self.broker)],
            config: LogConfig {
                delete_enabled: false,
                ..LogConfig::default()
            },
            min_insync_replicas: 1,
        }
    }
}

impl Node {
    /// Carries out a command of the controller. When it returns, the records are committed, the
    /// image has them, and every partition that they made is served: a client that is told of a
    /// leader finds it (a producer's first batch must not be refused while its second is taken).
    ///
    /// Whoever waits for it may go away, as a handler does with its client: what is begun comes to its end all the same. Else
    /// records would be in the log and not in the image, and the next command would make them once more.
    pub(crate) async fn command<R>(
        self: &Rc<Self>,
        handle: impl FnOnce(&Controller<'_>) -> Outcome<R>,
    ) -> Result<R, CommandError> {
        let commanding = Arc::clone(&self.cluster.commanding).lock_owned().await;
        let image = self.cluster.image();
        let controller = Controller::new(&image, self.cluster.broker, &self.cluster.start);
        let Outcome { records, reply } = handle(&controller);
        if records.is_empty() {
            return Ok(reply);
        }
        let node = Rc::clone(self);
        let carried_out = tokio::task::spawn_local(async move {
            let made = node.commit_and_apply(&records).await;
            drop(commanding);
            made
        });
        let made = match carried_out.await {
            Ok(made) => made?,
            Err(ended) => match ended.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(_stopping) => return Err(CommandError::stopping()),
            },
        };
        self.await_serving(&made).await;
        Ok(reply)
    }

    /// The groups that are new.
    async fn commit_and_apply(
        &self,
        records: &[MetadataRecord],
    ) -> Result<Vec<GroupId>, CommandError> {
        self.commit_metadata(records).await?;
        let changes = self
            .cluster
            .fold(records)
            .expect("the controller's records fit its image");
        Ok(self.apply(&changes))
    }

    async fn commit_metadata(&self, records: &[MetadataRecord]) -> Result<(), CommandError> {
        let batch = MetadataRecord::to_batch(records, self.clock.now().wall)
            .map_err(|error| CommandError::TooLarge(error.to_string()))?;
        let group = self.cluster.metadata_group();
        let wait = self.append(vec![(group, batch)], Acks::All);
        match wait.outcome(&self.appends).await {
            Some(Ok(_)) => Ok(()),
            Some(Err(error)) => Err(CommandError::Refused(error.to_string())),
            None => Err(CommandError::stopping()),
        }
    }

    /// Makes the shard, the routes and the coordinators follow the image; the groups that are new.
    pub(crate) fn apply(&self, changes: &MetadataChanges) -> Vec<GroupId> {
        let mut made = Vec::new();
        for topic in &changes.topics_removed {
            self.remove_topic(topic);
        }
        for topic in changes.topics_created.iter().chain(&changes.topics_changed) {
            made.extend(self.place_topic(topic));
        }
        let image = self.cluster.image();
        for resource in &changes.configs {
            match resource {
                ConfigResource::Topic(name) => {
                    if let Some(topic) = image.topic(name) {
                        self.place_topic(topic);
                    }
                }
                ConfigResource::Broker(_) | ConfigResource::AllBrokers => {
                    for topic in image.topics() {
                        self.place_topic(topic);
                    }
                }
                ConfigResource::ClientMetrics(_) | ConfigResource::Group(_) => {}
            }
        }
        self.work_arrived.notify_one();
        made
    }

    /// Brings a topic's partitions, settings and route up to the image.
    fn place_topic(&self, topic: &TopicImage) -> Vec<GroupId> {
        let image = self.cluster.image();
        let layers = ConfigLayers::new(&image, self.cluster.broker, &self.cluster.start);
        let config = layers.topic_config(&topic.name);
        let producer_expiration_ms = self.config.producer_id_expiration_ms(&image);
        let now = self.clock.now();
        let before = self.cluster.route_by_id(topic.id);
        let known = before.map_or(0, |route| route.groups.len());
        let groups: Vec<_> = topic
            .indexed()
            .map(|(index, partition)| {
                let spec = PartitionSpec {
                    topic: topic.id,
                    topic_name: topic.name.to_string(),
                    partition: index,
                    replica: super::boot::ONLY_REPLICA,
                    voters: partition
                        .replicas
                        .iter()
                        .map(|replica| (replica.id, replica.broker))
                        .collect(),
                    config: log_config(&config, producer_expiration_ms),
                    // A partition with fewer replicas than that asks for all it has.
                    min_insync_replicas: usize::try_from(config.min_insync_replicas)
                        .unwrap_or(1)
                        .min(partition.replicas.len()),
                };
                self.with_shard(|shard| shard.add(spec, now))
            })
            .collect();
        let made = groups[known..].to_vec();
        self.cluster.set_route(TopicRoute {
            id: topic.id,
            name: Rc::from(&*topic.name),
            is_internal: topic.is_internal(),
            groups,
            rules: TopicRules::of(&config),
        });
        made
    }

    fn remove_topic(&self, topic: &TopicImage) {
        let Some(route) = self.cluster.remove_route(topic.id) else {
            return;
        };
        for &group in &route.groups {
            self.with_shard(|shard| shard.remove(group));
            self.partition_removed.notify_one();
        }
        self.forget_topic_offsets(&topic.name, topic.id);
    }

    /// Waits until this node serves the partitions.
    pub(crate) async fn await_serving(&self, groups: &[GroupId]) {
        loop {
            let changed = self.cluster.leaders_changed.notified();
            let all = self.with_shard(|shard| groups.iter().all(|&group| shard.is_serving(group)));
            if all {
                return;
            }
            changed.await;
        }
    }
}

impl Cluster {
    /// Folds committed records into the image.
    fn fold(
        &self,
        records: &[MetadataRecord],
    ) -> Result<MetadataChanges, thalweg_metadata::image::ReplayError> {
        let (image, changes) = self.image().apply(records)?;
        *self.image.borrow_mut() = image;
        Ok(changes)
    }

    /// Folds the stored batches of the metadata log.
    pub(super) fn replay(&self, batches: &[StoredBatch]) -> Result<(), String> {
        let mut records = Vec::new();
        for batch in batches {
            let found = MetadataRecord::from_batch(batch);
            records.extend(found.map_err(|error| error.to_string())?);
        }
        self.fold(&records)
            .map(drop)
            .map_err(|error| error.to_string())
    }
}

fn log_config(config: &TopicConfig, producer_expiration_ms: u64) -> LogConfig {
    LogConfig {
        segment_bytes: config.segment_bytes,
        segment_ms: config.segment_ms,
        segment_jitter_ms: config.segment_jitter_ms,
        index_interval_bytes: config.index_interval_bytes,
        segment_index_bytes: config.segment_index_bytes,
        retention_ms: config.retention_ms,
        retention_bytes: config.retention_bytes,
        delete_enabled: config.cleanup.delete,
        producer_expiration_ms,
        ..LogConfig::default()
    }
}

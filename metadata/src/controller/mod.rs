//! Commands become records and a reply; nothing is changed here.
//!
//! Each command is a method of [`Controller`], which sees one image and the settings of its broker. Randomness comes in
//! as an argument. The refusals have Kafka's codes and words: scripts and clients of Kafka look at both.

mod alter_configs;
mod assignment;
mod bootstrap;
mod brokers;
mod config_changes;
mod create_partitions;
mod create_topics;
mod delete_topics;
mod internal_topics;
mod leaders;
mod placement;
mod producer_ids;
mod refusal;
mod topic_names;

use thalweg_model::BrokerId;

pub use alter_configs::{
    AlterConfigs, AlteredResource, ConfigChange, ConfigUpdates, ResourceUpdate,
};
pub use bootstrap::Bootstrap;
pub use brokers::RegisterBroker;
pub use config_changes::ConfigOp;
pub use create_partitions::{CreatePartitions, MorePartitions};
pub use create_topics::{
    Assignment, CreateTopics, CreatedTopic, NewTopic, ReplicationFactor, TopicReply,
};
pub use delete_topics::{DeletedTopic, TopicTarget};
pub use producer_ids::ProducerIdBlock;
pub use refusal::Refusal;

use crate::config::{ConfigLayers, StaticConfigs};
use crate::image::MetadataImage;
use crate::record::MetadataRecord;

/// What a command leads to. The reply may be sent once the records are committed; without records, at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome<R> {
    /// Records to be committed together, in their order.
    pub records: Vec<MetadataRecord>,
    /// The answer.
    pub reply: R,
}

/// Answers commands on the ground of one image.
#[derive(Clone, Copy, Debug)]
pub struct Controller<'a> {
    image: &'a MetadataImage,
    layers: ConfigLayers<'a>,
}

impl<'a> Controller<'a> {
    /// The controller on `broker`, which was started with `start`.
    #[must_use]
    pub fn new(image: &'a MetadataImage, broker: BrokerId, start: &'a StaticConfigs) -> Self {
        Self {
            image,
            layers: ConfigLayers::new(image, broker, start),
        }
    }
}

//! Topics that are made and removed by records of the metadata log.

use std::collections::BTreeSet;
use std::sync::Arc;

use thalweg_metadata::image::TopicImage;

use crate::violation::Violation;
use crate::world::World;

impl World {
    /// A node has read of topics that are new or gone; the first to do so brings their partitions about.
    pub(crate) fn topics_changed(
        &mut self,
        created: &[Arc<TopicImage>],
        removed: &[Arc<TopicImage>],
    ) -> Result<(), Violation> {
        for topic in created {
            self.directory.adopt(topic, &self.swarm.log);
        }
        for topic in removed {
            self.directory.remove_topic(topic.id);
        }
        self.tell_metadata()
    }

    /// What is not as it was told, or not the same everywhere.
    pub(crate) fn images_differ(&self) -> Option<String> {
        let metadata = self.directory.metadata()?;
        let mut images = Vec::new();
        for id in self.directory.nodes_of(metadata) {
            let node = self.nodes.iter().find(|node| node.id == id)?;
            let Some(image) = node.image() else {
                return Some(format!("{id} has no image"));
            };
            images.push(image);
        }
        let first = *images.first()?;
        if images.iter().any(|image| *image != first) {
            return Some("nodes have different images".to_owned());
        }
        let named: BTreeSet<_> = first
            .topics()
            .map(|topic| (&*topic.name, topic.id))
            .collect();
        self.truth.topics_differ(&named)
    }
}

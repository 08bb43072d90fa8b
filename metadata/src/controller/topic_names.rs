//! Which names a new topic may have.

use thalweg_model::defect::{self, Defect};
use thalweg_model::{ErrorCode, check_topic_name};

use super::{Controller, Refusal};

impl Controller<'_> {
    /// Checks the name of a new topic against Kafka's rules and the topics that exist.
    pub(super) fn check_new_name(&self, name: &str) -> Result<(), Refusal> {
        check_topic_name(name)?;
        if self.image.topic(name).is_some() && !defect::is_on(Defect::TopicMadeTwice) {
            let message = format!("Topic '{name}' already exists.");
            return Err(Refusal::new(ErrorCode::TopicAlreadyExists, message));
        }
        match self.colliding(name) {
            Some(existing) => Err(Refusal::new(
                ErrorCode::InvalidTopicException,
                format!("Topic '{name}' collides with existing topic: {existing}"),
            )),
            None => Ok(()),
        }
    }

    /// An existing topic whose metrics would have the name's: `.` and `_` are one there.
    fn colliding(&self, name: &str) -> Option<&str> {
        let metric = |name: &str| name.replace('.', "_");
        if !name.contains(['.', '_']) {
            return None;
        }
        let wanted = metric(name);
        let mut names = self.image.topics().map(|topic| &*topic.name);
        names.find(|existing| existing.len() == name.len() && metric(existing) == wanted)
    }
}

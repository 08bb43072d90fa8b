//! Which protocol a group can agree on, and which topics its members read.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::{ClassicGroup, Phase};
use crate::TopicName;
use crate::messages::Protocol;
use crate::stored::subscribed_topics;

/// The protocol type whose subscriptions the coordinator can read.
const CONSUMER: &str = "consumer";

impl ClassicGroup {
    /// Whether a member with these protocols could be one of the group.
    pub(crate) fn supports(&self, protocol_type: &str, protocols: &[Protocol]) -> bool {
        if *self.phase() == Phase::Empty {
            return !protocol_type.is_empty() && !protocols.is_empty();
        }
        let everyone = self.members().len();
        self.protocol_type.as_deref() == Some(protocol_type)
            && protocols
                .iter()
                .any(|protocol| self.support_of(&protocol.name) == everyone)
    }

    /// The protocol that all can do and most like best; the first by name if several are liked alike.
    ///
    /// # Panics
    /// If the members have no protocol in common, which joining rules out.
    pub(crate) fn select_protocol(&self) -> Arc<str> {
        let everyone = self.members().len();
        let candidates: BTreeSet<&Arc<str>> = self
            .supported()
            .filter(|(_, count)| *count == everyone)
            .map(|(name, _)| name)
            .collect();
        let mut votes: BTreeMap<&Arc<str>, usize> = BTreeMap::new();
        for member in self.members() {
            let liked = member.protocols.iter().map(|protocol| &protocol.name);
            let choice = liked.into_iter().find(|name| candidates.contains(name));
            *votes
                .entry(choice.expect("all members have a protocol in common"))
                .or_default() += 1;
        }
        let winner = votes
            .into_iter()
            .rev()
            .max_by_key(|(_, votes)| *votes)
            .expect("a group that votes has members");
        Arc::clone(winner.0)
    }

    /// The topics of all members, or none where the protocol is not the consumers' own.
    pub(crate) fn read_subscriptions(&self) -> Option<BTreeSet<TopicName>> {
        if !self.is_consumer_group() {
            return None;
        }
        if self.members().len() == 0 {
            return Some(BTreeSet::new());
        }
        let protocol = self.protocol_name.as_deref()?;
        let mut all = BTreeSet::new();
        for member in self.members() {
            all.extend(subscribed_topics(&member.metadata(protocol))?);
        }
        Some(all)
    }

    pub(crate) fn is_consumer_group(&self) -> bool {
        self.protocol_type.as_deref() == Some(CONSUMER)
    }

    /// Whether members read a topic; if a consumer group's topics cannot be told, they might.
    pub(crate) fn is_subscribed_to(&self, topic: &TopicName) -> bool {
        match &self.subscribed {
            Some(topics) => topics.contains(topic),
            None => self.is_consumer_group(),
        }
    }
}

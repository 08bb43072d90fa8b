//! Topics of a consumer's subscription.

use bytes::Bytes;
use thalweg_wire::Message;
use thalweg_wire::messages::ConsumerProtocolSubscription;

use crate::TopicName;

/// The topics that a consumer's subscription names, or none if the bytes are something else.
///
/// Every version begins as version 0 does, so the rest is left unread.
pub(crate) fn subscribed_topics(metadata: &Bytes) -> Option<Vec<TopicName>> {
    if metadata.len() < 2 {
        return None;
    }
    let subscription = ConsumerProtocolSubscription::from_bytes(&metadata.slice(2..), 0).ok()?;
    let topics = subscription.topics.iter();
    Some(
        topics
            .map(|topic| TopicName::from(topic.as_str()))
            .collect(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topics_are_read_from_any_version_and_garbage_has_none() {
        let bytes = Bytes::from_static(b"\0\x03\0\0\0\x02\0\x01a\0\x01b\xff\xff\xff\xff\0\0");
        let topics = subscribed_topics(&bytes);
        assert_eq!(topics, Some(vec!["a".into(), "b".into()]));
        for garbage in [&b""[..], b"\0", b"\0\0", b"\0\0\x7f\xff\xff\xff"] {
            assert_eq!(subscribed_topics(&Bytes::from_static(garbage)), None);
        }
    }
}

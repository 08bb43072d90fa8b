//! Kafka's range assignor, and the bytes in which members and leader talk about it.

use std::collections::BTreeMap;

use bytes::{BufMut, Bytes, BytesMut};
use thalweg_wire::messages::consumer_protocol_assignment::TopicPartition;
use thalweg_wire::messages::{ConsumerProtocolAssignment, ConsumerProtocolSubscription};
use thalweg_wire::{Message, Str};

/// The assignor's name among the group's protocols.
pub(super) const RANGE: &str = "range";

/// A member as its leader sees it.
#[derive(Clone, Debug)]
pub(super) struct Subscriber {
    pub(super) member_id: String,
    pub(super) instance_id: Option<String>,
    pub(super) topics: Vec<String>,
}

/// Partitions by topic.
pub(super) type Share = BTreeMap<String, Vec<i32>>;

/// Gives each subscriber of a topic a range of its partitions; the first ones get one more where it does not divide.
///
/// `counts` are the partitions of each topic; topics without an entry do not exist.
pub(super) fn assign(
    subscribers: &[Subscriber],
    counts: &BTreeMap<String, i32>,
) -> BTreeMap<String, Share> {
    let mut ordered: Vec<&Subscriber> = subscribers.iter().collect();
    // Members with an instance id stand before the others, so that they keep their range.
    ordered.sort_by_key(|s| (s.instance_id.is_none(), &s.instance_id, &s.member_id));
    let empty = |subscriber: &Subscriber| (subscriber.member_id.clone(), Share::new());
    let mut shares: BTreeMap<String, Share> = subscribers.iter().map(empty).collect();
    for (topic, &count) in counts {
        let mut members: Vec<&&Subscriber> = ordered
            .iter()
            .filter(|subscriber| subscriber.topics.contains(topic))
            .collect();
        members.dedup_by_key(|subscriber| &subscriber.member_id);
        let Ok(sharers @ 1..) = i32::try_from(members.len()) else {
            continue;
        };
        let (each, more) = (count / sharers, count % sharers);
        let mut next = 0;
        for (position, member) in (0..sharers).zip(members) {
            let end = next + each + i32::from(position < more);
            if next < end
                && let Some(share) = shares.get_mut(&member.member_id)
            {
                share.insert(topic.clone(), (next..end).collect());
            }
            next = end;
        }
    }
    shares
}

/// What a member tells about itself when it joins.
pub(super) fn subscription(topic: &str) -> Bytes {
    let subscription = ConsumerProtocolSubscription {
        topics: vec![topic.into()],
        ..ConsumerProtocolSubscription::default()
    };
    versioned(&subscription, 1)
}

/// The topics a member subscribes to; none if its bytes are not understood.
pub(super) fn subscribed_topics(bytes: &Bytes) -> Option<Vec<String>> {
    let subscription: ConsumerProtocolSubscription = parse(bytes)?;
    Some(subscription.topics.into_iter().map(String::from).collect())
}

/// What the leader tells a member.
pub(super) fn assignment(share: &Share) -> Bytes {
    let topic = |(topic, partitions): (&String, &Vec<i32>)| TopicPartition {
        topic: Str::from(topic),
        partitions: partitions.clone(),
    };
    let assignment = ConsumerProtocolAssignment {
        assigned_partitions: share.iter().map(topic).collect(),
        user_data: None,
    };
    versioned(&assignment, 0)
}

/// What a member is told; no bytes mean nothing at all.
pub(crate) fn assigned_share(bytes: &Bytes) -> Option<Share> {
    if bytes.is_empty() {
        return Some(Share::new());
    }
    let assignment: ConsumerProtocolAssignment = parse(bytes)?;
    let topics = assignment.assigned_partitions.into_iter();
    Some(
        topics
            .map(|topic| (topic.topic.into(), topic.partitions))
            .collect(),
    )
}

fn versioned(message: &impl Message, version: i16) -> Bytes {
    let body = message
        .to_bytes(version)
        .expect("names of topics fit into the protocol's lengths");
    let mut bytes = BytesMut::with_capacity(2 + body.len());
    bytes.put_i16(version);
    bytes.extend_from_slice(&body);
    bytes.freeze()
}

/// Later versions only add at the end.
fn parse<M: Message>(bytes: &Bytes) -> Option<M> {
    let version = bytes.first_chunk::<2>().map(|b| i16::from_be_bytes(*b))?;
    M::from_bytes(&bytes.slice(2..), version.min(M::MAX_VERSION)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subscriber(member: &str, instance: Option<&str>, topics: &[&str]) -> Subscriber {
        Subscriber {
            member_id: member.to_owned(),
            instance_id: instance.map(str::to_owned),
            topics: topics.iter().map(|topic| (*topic).to_owned()).collect(),
        }
    }

    fn counts(counts: &[(&str, i32)]) -> BTreeMap<String, i32> {
        let count = |(topic, count): &(&str, i32)| ((*topic).to_owned(), *count);
        counts.iter().map(count).collect()
    }

    fn share(shares: &BTreeMap<String, Share>, member: &str) -> Vec<(String, Vec<i32>)> {
        shares[member].clone().into_iter().collect()
    }

    #[test]
    fn ranges_are_kafkas() {
        let members = [
            subscriber("b", None, &["s", "t"]),
            subscriber("a", None, &["t"]),
            subscriber("c", None, &["t", "gone"]),
        ];
        let shares = assign(&members, &counts(&[("s", 2), ("t", 7)]));
        assert_eq!(share(&shares, "a"), [("t".to_owned(), vec![0, 1, 2])]);
        let both = [("s".to_owned(), vec![0, 1]), ("t".to_owned(), vec![3, 4])];
        assert_eq!(share(&shares, "b"), both);
        assert_eq!(share(&shares, "c"), [("t".to_owned(), vec![5, 6])]);
    }

    #[test]
    fn static_members_come_first_and_late_ones_get_nothing() {
        let members = [
            subscriber("a", None, &["t"]),
            subscriber("z", Some("1"), &["t"]),
        ];
        let shares = assign(&members, &counts(&[("t", 1)]));
        assert_eq!(share(&shares, "z"), [("t".to_owned(), vec![0])]);
        assert_eq!(share(&shares, "a"), []);
    }

    #[test]
    fn members_and_leader_understand_each_other() {
        let topics = subscribed_topics(&subscription("t")).unwrap();
        assert_eq!(topics, ["t"]);
        let share = Share::from([("t".to_owned(), vec![0, 2])]);
        assert_eq!(assigned_share(&assignment(&share)), Some(share));
        assert_eq!(assigned_share(&Bytes::new()), Some(Share::new()));
        assert_eq!(assigned_share(&Bytes::from_static(b"\0\0\0")), None);
        // The bytes of a Java member with one partition: version 0, "t" with partition 1, no user data.
        let java = b"\0\0\0\0\0\x01\0\x01t\0\0\0\x01\0\0\0\x01\xff\xff\xff\xff";
        let java = assigned_share(&Bytes::from_static(java)).unwrap();
        assert_eq!(java["t"], [1]);
    }
}

//! Which brokers hold which partition.

use std::collections::BTreeMap;

use thalweg_model::{BrokerId, ErrorCode, ReplicaId, Uuid};

use super::{Controller, Refusal};
use crate::image::MetadataImage;
use crate::record::{Replica, Text};

/// Hands out replicas so that leaders and followers are spread over brokers, and replicas of a partition over racks.
pub(super) struct Placement {
    /// All brokers; neighbours are in different racks as far as possible.
    brokers: Vec<BrokerId>,
    start: usize,
}

impl Placement {
    /// `seed` decides where the first partition goes, so that topics do not all begin at the same broker.
    pub(super) fn new(image: &MetadataImage, seed: Uuid) -> Self {
        let mut racks: BTreeMap<Option<&Text>, Vec<BrokerId>> = BTreeMap::new();
        for broker in image.brokers() {
            racks
                .entry(broker.rack.as_ref())
                .or_default()
                .push(broker.id);
        }
        let longest = racks.values().map(Vec::len).max().unwrap_or(0);
        let rounds = (0..longest).flat_map(|round| {
            let racks = racks.values();
            racks.filter_map(move |rack| rack.get(round).copied())
        });
        Self {
            brokers: rounds.collect(),
            start: usize::from(seed.as_bytes()[0]),
        }
    }

    /// Brokers for the partition at `position`; the first leads.
    ///
    /// Leaders go around the brokers. Followers begin one further with every round, so that a broker that fails leaves
    /// its partitions to different ones.
    pub(super) fn brokers_of(&self, position: usize, replicas: usize) -> Vec<BrokerId> {
        let count = self.brokers.len();
        let leader = self.start + position;
        let others = count.saturating_sub(1).max(1);
        let shift = leader / count.max(1);
        let followers = (0..replicas.saturating_sub(1))
            .map(|follower| leader + 1 + (shift + follower) % others);
        std::iter::once(leader)
            .chain(followers)
            .map(|place| self.brokers[place % count])
            .collect()
    }
}

impl Controller<'_> {
    /// Checks that there are enough brokers for `factor` replicas.
    pub(super) fn check_factor(&self, factor: i16) -> Result<usize, Refusal> {
        let brokers = self.image.brokers().len();
        match usize::try_from(factor) {
            Ok(factor) if factor <= brokers => Ok(factor),
            Ok(_) | Err(_) => Err(Refusal::new(
                ErrorCode::InvalidReplicationFactor,
                format!(
                    "Unable to replicate the partition {factor} time(s): The target replication factor of {factor} \
                     cannot be reached because only {brokers} broker(s) are registered or some brokers have all their \
                     log directories cordoned."
                ),
            )),
        }
    }

    /// New replicas on these brokers. A broker with one directory can only use that; others choose later.
    pub(super) fn replicas_on(&self, brokers: &[BrokerId]) -> Vec<Replica> {
        let ids = (1..).map(ReplicaId);
        ids.zip(brokers)
            .map(|(id, &broker)| {
                let known = self.image.broker(broker);
                let directory = match known.map(|broker| broker.directories.as_slice()) {
                    Some([only]) => *only,
                    Some(_) | None => Uuid::NIL,
                };
                Replica {
                    id,
                    broker,
                    directory,
                }
            })
            .collect()
    }
}

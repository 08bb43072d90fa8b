//! What a run is made to try.

use std::fmt;

/// A kind of cluster run. Each seed of a kind draws sizes, rates and faults of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Workload {
    /// A little of everything.
    Mixed,
    /// Leaders that are cut off and killed again and again while clients go on sending to them.
    Contest,
    /// Partitions that move between nodes, and disks that are lost.
    Moves,
    /// Disks that are full or slow.
    Tight,
    /// Replicas that are cut off until nobody has any more what they lack, and have to copy segments.
    Lag,
    /// Whole nodes: groups, whose coordinators follow the leaders of their partitions, and topics that a controller
    /// makes by records of the metadata log.
    Groups,
}

impl Workload {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Mixed,
        Self::Contest,
        Self::Moves,
        Self::Tight,
        Self::Lag,
        Self::Groups,
    ];

    /// The one of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|workload| workload.to_string() == name)
    }
}

impl fmt::Display for Workload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Mixed => "mixed",
            Self::Contest => "contest",
            Self::Moves => "moves",
            Self::Tight => "tight",
            Self::Lag => "lag",
            Self::Groups => "groups",
        })
    }
}

//! Where a defect is looked for.

use std::fmt;

use thalweg_model::defect::Defect;

use crate::violation::Violation;
use crate::{Plan, PowerLoss, Progress, Workload, power_loss, run};

/// A kind of run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Course {
    /// A cluster of so many nodes with mixed faults.
    Cluster(u64),
    /// A cluster of so many nodes whose leaders are hunted.
    Contest(u64),
    /// Three nodes between which partitions move.
    Moves,
    /// So many nodes with full and slow disks.
    Tight(u64),
    /// A trace on one node, with power loss at every change of its disk.
    PowerLoss,
    /// So many nodes of which some hear nothing while old segments are removed.
    Lag(u64),
    /// A cluster of so many nodes, with groups whose coordinators follow the leaders.
    Groups(u64),
}

impl Course {
    const ALL: [Self; 13] = [
        Self::PowerLoss,
        Self::Cluster(1),
        Self::Cluster(3),
        Self::Cluster(5),
        Self::Contest(3),
        Self::Contest(5),
        Self::Moves,
        Self::Tight(1),
        Self::Tight(3),
        Self::Lag(3),
        Self::Lag(5),
        Self::Groups(1),
        Self::Groups(3),
    ];

    /// The course of that name.
    pub(super) fn named(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|course| course.to_string() == name)
    }

    /// One seed of it.
    pub(super) fn run(self, seed: u64) -> Option<Violation> {
        match self {
            Self::Cluster(nodes) => cluster(seed, nodes, Workload::Mixed),
            Self::Contest(nodes) => cluster(seed, nodes, Workload::Contest),
            Self::Moves => cluster(seed, 3, Workload::Moves),
            Self::Tight(nodes) => cluster(seed, nodes, Workload::Tight),
            Self::Lag(nodes) => cluster(seed, nodes, Workload::Lag),
            Self::PowerLoss => single_node(seed),
            Self::Groups(nodes) => cluster(seed, nodes, Workload::Groups),
        }
    }
}

fn cluster(seed: u64, nodes: u64, workload: Workload) -> Option<Violation> {
    let plan = Plan {
        seed,
        nodes,
        workload,
        seconds_max: 6,
        traced: false,
    };
    run(plan).violation
}

fn single_node(seed: u64) -> Option<Violation> {
    let plan = PowerLoss {
        seed,
        operations: 80,
        images: 5,
        // A defect is on in its own thread only.
        threads: 1,
    };
    power_loss(plan, &Progress::default()).err()
}

impl fmt::Display for Course {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cluster(1) => f.write_str("1 node"),
            Self::Cluster(nodes) => write!(f, "{nodes} nodes"),
            Self::Contest(nodes) => write!(f, "contest of {nodes}"),
            Self::Moves => f.write_str("moves"),
            Self::Tight(1) => f.write_str("tight disk"),
            Self::Tight(nodes) => write!(f, "{nodes} tight disks"),
            Self::Lag(nodes) => write!(f, "lag of {nodes}"),
            Self::PowerLoss => f.write_str("power loss"),
            Self::Groups(nodes) => write!(f, "groups on {nodes}"),
        }
    }
}

/// Where a defect may show, the likeliest first.
pub(super) const fn courses_of(defect: Defect) -> &'static [Course] {
    const DISK: &[Course] = &[Course::PowerLoss, Course::Cluster(1), Course::Cluster(3)];
    const NODE: &[Course] = &[Course::Cluster(1), Course::Cluster(3)];
    const CLUSTER: &[Course] = &[Course::Cluster(3), Course::Cluster(5)];
    const CONTEST: &[Course] = &[Course::Contest(3), Course::Contest(5)];
    const MOVES: &[Course] = &[Course::Moves, Course::Cluster(3)];
    const TIGHT: &[Course] = &[Course::Tight(1), Course::Tight(3)];
    const LAG: &[Course] = &[Course::Lag(3), Course::Lag(5)];
    const GROUPS: &[Course] = &[Course::Groups(1), Course::Groups(3)];
    match defect {
        Defect::SegmentsNotSynced
        | Defect::NamesNotSynced
        | Defect::LogStartMovedBack
        | Defect::JournalFreedEarly
        | Defect::ManifestNotSynced
        | Defect::ManifestRenamedUnsynced
        | Defect::ChunkNameNotSynced
        | Defect::TornBlockAccepted
        | Defect::StaleBlockAccepted
        | Defect::FilesRemovedEarly
        | Defect::RollLosesWriteBehind
        | Defect::LargeEntryNotSynced => DISK,
        Defect::AckBeforeJournal
        | Defect::DuplicateAckedBeforeCommit
        | Defect::ReadBeyondHighWatermark
        | Defect::HardStateNotStored
        | Defect::DuplicateSequenceAccepted
        | Defect::SequenceGapAccepted
        | Defect::ProducersLostOnRestart
        | Defect::IndexLooksTooFar => NODE,
        Defect::FailedCheckpointCounts | Defect::RefusedFirstCopyAwaited => TIGHT,
        Defect::LogMatchingSkipped | Defect::RestartCommitsAll => CLUSTER,
        Defect::CopyNotSynced | Defect::BeginningNotStored => LAG,
        Defect::ChangeOverWhenCommitted | Defect::LeavingReplicasUnknown => MOVES,
        Defect::PromisesBeforePersist
        | Defect::VoteNotStored
        | Defect::ServesBeforeFirstCommit
        | Defect::ServesAfterLosingLeadership
        | Defect::HighWatermarkTooEarly
        | Defect::TailKeptAfterCut
        | Defect::TruncationTooDeep
        | Defect::ProducersStaleAfterTruncation
        | Defect::AssignedProducersKept => CONTEST,
        Defect::GenerationReused
        | Defect::StaleGenerationCommits
        | Defect::PositionAckedBeforeStored
        | Defect::PositionsLostOnLoad
        | Defect::MembershipLostOnLoad
        | Defect::StaleAssignmentHandedOut
        | Defect::TopicMadeTwice
        | Defect::RemovedTopicStays => GROUPS,
    }
}

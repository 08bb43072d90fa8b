//! Bugs that can be switched on, to show that the simulator finds each of them: the bug bank.
//!
//! A switch is one `if defect::is_on(Defect::…)` where the bug would have been written. Without the feature `defects`
//! [`is_on`] is a constant `false` and the compiler removes what it guards; the broker refuses to be built with it.

macro_rules! defects {
    ($($(#[doc = $about:literal])+ $name:ident,)+) => {
        /// One bug.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Defect {
            $($(#[doc = $about])+ $name,)+
        }

        impl Defect {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name,)+];

            /// Its name.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$name => stringify!($name),)+
                }
            }

            /// What is wrong with it on.
            #[must_use]
            pub const fn about(self) -> &'static str {
                match self {
                    $(Self::$name => concat!($($about),+).trim_ascii(),)+
                }
            }
        }
    };
}

defects! {
    /// An append counts as durable when its journal block is planned.
    AckBeforeJournal,
    /// A repeated batch is acknowledged before its first copy is committed.
    DuplicateAckedBeforeCommit,
    /// A replica's promises leave before they are on its disk.
    PromisesBeforePersist,
    /// A vote is not stored with its term.
    VoteNotStored,
    /// Term and vote are not stored.
    HardStateNotStored,
    /// A follower does not look whether the entry before the new ones is the leader's.
    LogMatchingSkipped,
    /// A replica takes its whole log for committed when it starts.
    RestartCommitsAll,
    /// A leader serves before its own first entry is committed.
    ServesBeforeFirstCommit,
    /// A leader goes on as such when it has lost its leadership.
    ServesAfterLosingLeadership,
    /// The high watermark is what the leader itself has on its disk.
    HighWatermarkTooEarly,
    /// Readers see the log to its end.
    ReadBeyondHighWatermark,
    /// The newest batches in memory stay when the log is cut.
    TailKeptAfterCut,
    /// A log is cut one entry too deep when the journal is replayed.
    TruncationTooDeep,
    /// A repeated batch is appended again.
    DuplicateSequenceAccepted,
    /// A repeated batch waits for its first copy although that was refused.
    RefusedFirstCopyAwaited,
    /// A producer's batch is taken although one before it is missing.
    SequenceGapAccepted,
    /// Producers are forgotten by a restart.
    ProducersLostOnRestart,
    /// Producers stay as they were when the log is cut.
    ProducersStaleAfterTruncation,
    /// What a leader had assigned is not forgotten when it loses its leadership.
    AssignedProducersKept,
    /// A change of the members counts as over when the leader has committed it.
    ChangeOverWhenCommitted,
    /// A replica does not know where those live that are to go.
    LeavingReplicasUnknown,
    /// A log begins with its first segment again after a restart.
    LogStartMovedBack,
    /// A search by offset takes an index entry behind the batch.
    IndexLooksTooFar,
    /// A new segment begins before all bytes of the one before are in its file.
    RollLosesWriteBehind,
    /// A checkpoint that the manifest had no room for counts as made.
    FailedCheckpointCounts,
    /// Segment files are removed before the manifest has forgotten them.
    FilesRemovedEarly,
    /// A checkpoint frees the journal before the segments are synced.
    SegmentsNotSynced,
    /// A checkpoint does not sync the names of new files.
    NamesNotSynced,
    /// An entry that is not in the journal is not synced in its segment.
    LargeEntryNotSynced,
    /// The journal is freed when a checkpoint begins, not when it has ended.
    JournalFreedEarly,
    /// A commit of the manifest is not synced.
    ManifestNotSynced,
    /// A new manifest takes the old one's place before it is synced.
    ManifestRenamedUnsynced,
    /// The name of a new journal chunk is not synced.
    ChunkNameNotSynced,
    /// A torn block of the journal is taken for a whole one.
    TornBlockAccepted,
    /// A block of an earlier lap of the journal continues the chain.
    StaleBlockAccepted,
    /// A copy of another replica's segments is not synced before the log begins with it.
    CopyNotSynced,
    /// A log begins anew and the journal does not say so.
    BeginningNotStored,
    /// A group's next generation has the number of the one before.
    GenerationReused,
    /// A member of an earlier generation may commit positions.
    StaleGenerationCommits,
    /// A commit of positions is acknowledged before it is stored.
    PositionAckedBeforeStored,
    /// A new coordinator does not load positions.
    PositionsLostOnLoad,
    /// A new coordinator does not load members and generations.
    MembershipLostOnLoad,
    /// An assignment of an earlier generation is handed out.
    StaleAssignmentHandedOut,
    /// A topic is made although there is one of that name.
    TopicMadeTwice,
    /// A topic that was removed stays in the image under its name.
    RemovedTopicStays,
}

/// Whether this build has the switches.
pub const COMPILED_IN: bool = cfg!(feature = "defects");

/// Whether a bug is on.
#[cfg(not(feature = "defects"))]
#[must_use]
#[inline(always)]
pub const fn is_on(_defect: Defect) -> bool {
    false
}

#[cfg(feature = "defects")]
mod switch {
    use std::cell::Cell;

    use super::Defect;

    thread_local! {
        static ON: Cell<Option<Defect>> = const { Cell::new(None) };
    }

    /// Whether a bug is on, on this thread.
    #[must_use]
    pub fn is_on(defect: Defect) -> bool {
        ON.get() == Some(defect)
    }

    /// A bug is on until this is dropped.
    #[derive(Debug)]
    pub struct Switched(());

    /// Switches one bug on, on this thread.
    #[must_use]
    pub fn switch_on(defect: Defect) -> Switched {
        ON.set(Some(defect));
        Switched(())
    }

    impl Drop for Switched {
        fn drop(&mut self) {
            ON.set(None);
        }
    }
}

#[cfg(feature = "defects")]
pub use switch::{Switched, is_on, switch_on};

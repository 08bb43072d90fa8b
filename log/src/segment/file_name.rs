//! Names of the files of a segment: Kafka's, so that its tools and its brokers read them.

use thalweg_model::Offset;

/// What a file of a segment holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FileKind {
    /// Record batches.
    Log,
    /// Offsets and positions.
    Offsets,
    /// Timestamps and offsets.
    Times,
    /// Aborted transactions.
    Aborted,
    /// Entries of the group's log.
    Entries,
    /// Producers at the offset that names the file.
    Snapshot,
}

impl FileKind {
    /// The files that live and go with a segment.
    pub(crate) const OF_SEGMENT: [Self; 6] = [
        Self::Log,
        Self::Offsets,
        Self::Times,
        Self::Aborted,
        Self::Entries,
        Self::Snapshot,
    ];

    fn extension(self) -> &'static str {
        match self {
            Self::Log => "log",
            Self::Offsets => "index",
            Self::Times => "timeindex",
            Self::Aborted => "txnindex",
            Self::Entries => "raft",
            Self::Snapshot => "snapshot",
        }
    }

    /// The file's name for the segment (or snapshot) at `base`.
    pub(crate) fn name(self, base: Offset) -> String {
        format!("{:020}.{}", base.value(), self.extension())
    }
}

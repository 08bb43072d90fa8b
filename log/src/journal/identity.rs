//! Whose journal it is, and the numbers of its blocks.

use std::fmt;

use thalweg_model::Uuid;

/// One shard of one log directory. The directory's id keeps clients, who do not know it, from
/// sending bytes that look like blocks of the journal, and tells a journal in a wrong place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShardId {
    /// Id of the log directory.
    pub directory: Uuid,
    /// Number of the shard in it.
    pub shard: u32,
}

/// Place of a block in the life of a journal; 0 stands before the first block, and no number comes
/// back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BlockSequence(pub u64);

impl BlockSequence {
    /// Before the first block.
    pub const START: Self = Self(0);

    /// The number after this one.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for BlockSequence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

//! The promises by name, and how a broken one is told.

use std::fmt;

use super::OperationId;

/// A promise that one node can break in sight of its clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Invariant {
    /// I1: an offset of a partition holds one record, whoever looks and when.
    OffsetAgreement,
    /// I2: an idempotent producer's record is there once; any other at most as often as it was sent.
    Uniqueness,
    /// I3: what is read was sent, to that partition, with these bytes, and not after it was read.
    NoPhantom,
    /// I4: what was refused for good is not read.
    NoFailedRead,
    /// I5: what was acknowledged is there at the end, unless somebody deleted it.
    NoLostWrite,
    /// I6: a consumer that was not moved sees every record, in the order of the offsets.
    PollOrder,
    /// I7: an idempotent producer's records are in the order in which it numbered them.
    SendOrder,
    /// I8: what ended before something else began comes before it; a high watermark that was told never falls.
    RealTime,
    /// I17: a group's position is one register; an older generation cannot move it; a partition has one owner.
    GroupOffsets,
    /// I26: first and last offset and offsets by time agree with what is read.
    OffsetLookup,
}

impl Invariant {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::OffsetAgreement,
        Self::Uniqueness,
        Self::NoPhantom,
        Self::NoFailedRead,
        Self::NoLostWrite,
        Self::PollOrder,
        Self::SendOrder,
        Self::RealTime,
        Self::GroupOffsets,
        Self::OffsetLookup,
    ];

    /// Number and name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::OffsetAgreement => "I1 offset agreement",
            Self::Uniqueness => "I2 uniqueness",
            Self::NoPhantom => "I3 no phantom",
            Self::NoFailedRead => "I4 no failed read",
            Self::NoLostWrite => "I5 no lost acked write",
            Self::PollOrder => "I6 poll order",
            Self::SendOrder => "I7 send order",
            Self::RealTime => "I8 real time",
            Self::GroupOffsets => "I17 group offsets",
            Self::OffsetLookup => "I26 offset lookup",
        }
    }
}

impl fmt::Display for Invariant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A broken promise with its proof.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// The promise.
    pub invariant: Invariant,
    /// What was seen, in a sentence.
    pub seen: String,
    /// The operations that show it, in the order of the history.
    pub operations: Vec<OperationId>,
}

impl Broken {
    pub(super) fn new(
        invariant: Invariant,
        seen: String,
        operations: impl IntoIterator<Item = OperationId>,
    ) -> Self {
        let mut operations: Vec<_> = operations.into_iter().collect();
        operations.sort_unstable();
        operations.dedup();
        Self {
            invariant,
            seen,
            operations,
        }
    }
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let operations: Vec<String> = self.operations.iter().map(|id| id.0.to_string()).collect();
        let operations = operations.join(", ");
        write!(
            f,
            "{}: {} (operations {operations})",
            self.invariant, self.seen
        )
    }
}

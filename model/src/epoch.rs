//! Kafka's leader epoch and Raft's term and index; the first two are the same number.

use std::fmt;

/// Raft's term of one partition group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Term(pub u64);

/// Position of an entry in one group's Raft log; 0 stands before the first entry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LogIndex(pub u64);

impl LogIndex {
    /// The index after this one.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

/// Leader epoch of a partition as Kafka's protocol carries it; never negative.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LeaderEpoch(i32);

impl LeaderEpoch {
    /// The first epoch.
    pub const ZERO: Self = Self(0);

    /// Reads the wire form: a negative number means that the sender knows no epoch.
    #[must_use]
    pub fn from_wire(value: i32) -> Option<Self> {
        (value >= 0).then_some(Self(value))
    }

    /// The wire form of an epoch that may be unknown: -1 if so.
    #[must_use]
    pub fn to_wire(epoch: Option<Self>) -> i32 {
        epoch.map_or(-1, |epoch| epoch.0)
    }

    /// The number.
    #[must_use]
    pub fn value(self) -> i32 {
        self.0
    }
}

impl From<Term> for LeaderEpoch {
    /// Leader epoch = Raft term.
    ///
    /// # Panics
    /// After 2^31 elections of one partition: an epoch must never repeat, so the process ends first.
    fn from(term: Term) -> Self {
        Self(i32::try_from(term.0).expect("a partition has fewer than 2^31 elections"))
    }
}

impl fmt::Display for LeaderEpoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for LogIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

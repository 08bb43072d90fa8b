//! Offsets of records, as consumers see them.

use std::fmt;
use std::ops::{Add, Sub};

/// Position of a record in its partition; the first record of a new topic is at 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Offset(i64);

impl Offset {
    /// Where every new partition begins.
    pub const ZERO: Self = Self(0);

    /// An offset from a non-negative number.
    ///
    /// # Panics
    /// If `value` is negative: wire sentinels end in `wire`.
    #[must_use]
    pub fn new(value: i64) -> Self {
        assert!(value >= 0, "an offset is not negative");
        Self(value)
    }

    /// Reads the wire form: a negative number is no offset.
    #[must_use]
    pub fn from_wire(value: i64) -> Option<Self> {
        (value >= 0).then_some(Self(value))
    }

    /// The wire form of an offset that may be absent: -1 if so.
    #[must_use]
    pub fn to_wire(offset: Option<Self>) -> i64 {
        offset.map_or(-1, |offset| offset.0)
    }

    /// The number.
    #[must_use]
    pub fn value(self) -> i64 {
        self.0
    }

    /// The offset after this one.
    #[must_use]
    pub fn next(self) -> Self {
        self + 1
    }
}

impl Add<u32> for Offset {
    type Output = Self;

    /// The offset that many records further on.
    fn add(self, records: u32) -> Self {
        Self(self.0 + i64::from(records))
    }
}

impl Sub for Offset {
    type Output = i64;

    /// Records from `other` up to `self`; negative if `other` is the later one.
    fn sub(self, other: Self) -> i64 {
        self.0 - other.0
    }
}

impl fmt::Display for Offset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

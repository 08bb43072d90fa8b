//! What a client did and what it was told.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Place of an operation in its history.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct OperationId(pub usize);

/// A partition of one incarnation of a topic: the topic's id (or a name that never comes back) and the number.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Partition {
    /// The topic's id.
    pub topic: String,
    /// The number.
    pub number: i32,
}

impl fmt::Display for Partition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.topic, self.number)
    }
}

/// One thing that a client asked for. Times are of one clock, of any unit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Operation {
    /// When the client asked.
    pub invoked: u64,
    /// When it was answered; none if it never was.
    pub returned: Option<u64>,
    /// What it asked for, with the answer.
    #[serde(flatten)]
    pub call: Call,
}

/// How an operation ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome<T> {
    /// It was done.
    Ok(T),
    /// Nothing happened and nothing will.
    Failed,
    /// It may have happened, or may yet.
    Unknown,
}

impl<T> Outcome<T> {
    /// The answer, if it was done.
    pub fn ok(&self) -> Option<&T> {
        match self {
            Self::Ok(answer) => Some(answer),
            Self::Failed | Self::Unknown => None,
        }
    }
}

/// When a producer wants to be answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Acks {
    /// Never.
    None,
    /// When the leader has it.
    Leader,
    /// When all that are in sync have it.
    All,
}

/// A record that was sent. Nobody sends the same `value` twice but to repeat it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sent {
    /// Names the record.
    pub value: String,
    /// A checksum of key, value and headers.
    pub body: u64,
}

/// Who sent a batch as an idempotent producer, and with which number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ProducerRef {
    /// The producer's id.
    pub id: i64,
    /// Its epoch.
    pub epoch: i16,
    /// Sequence of the first record.
    pub sequence: i64,
}

/// A record that was seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observed {
    /// Where.
    pub offset: i64,
    /// Which.
    pub value: String,
    /// A checksum of key, value and headers.
    pub body: u64,
    /// Its timestamp.
    pub timestamp: i64,
}

/// What an answer about a partition tells beside its records.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// First offset.
    pub log_start: i64,
    /// Offset after the last committed record.
    pub high_watermark: i64,
    /// The records, in the order of the answer.
    pub records: Vec<Observed>,
}

/// A member of a group in one generation.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Member {
    /// The group.
    pub group: String,
    /// The member's id; empty for one who is no member.
    pub member: String,
    /// The generation; negative for one who is no member.
    pub generation: i32,
}

/// What was asked, with the answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "call", rename_all = "snake_case")]
pub enum Call {
    /// A batch was sent; the answer is the offset of its first record.
    Send {
        /// Where to.
        partition: Partition,
        /// When to answer.
        acks: Acks,
        /// Who, if the producer is idempotent.
        producer: Option<ProducerRef>,
        /// The records.
        records: Vec<Sent>,
        /// The answer.
        outcome: Outcome<i64>,
    },
    /// A consumer asked for records.
    Poll {
        /// The consumer and its session: a consumer that is assigned, or seeks, begins another.
        consumer: String,
        /// Of which partition.
        partition: Partition,
        /// From where.
        from: i64,
        /// The answer.
        outcome: Outcome<Place>,
    },
    /// When all was healed, everything was read from the start to the end.
    Drain {
        /// Of which partition.
        partition: Partition,
        /// What was found.
        found: Place,
    },
    /// Records below an offset were deleted; the answer is the first offset.
    DeleteRecords {
        /// Of which partition.
        partition: Partition,
        /// Below this.
        before: i64,
        /// The answer.
        outcome: Outcome<i64>,
    },
    /// Asked for the first offset.
    Earliest {
        /// Of which partition.
        partition: Partition,
        /// The answer.
        outcome: Outcome<i64>,
    },
    /// Asked for the offset after the last record.
    Latest {
        /// Of which partition.
        partition: Partition,
        /// The answer.
        outcome: Outcome<i64>,
    },
    /// Asked for the first record that is not older than a time.
    ByTime {
        /// Of which partition.
        partition: Partition,
        /// The time.
        timestamp: i64,
        /// The answer: offset and timestamp, or that there is none.
        outcome: Outcome<Option<(i64, i64)>>,
    },
    /// A member was given partitions.
    Assigned {
        /// Who.
        member: Member,
        /// What.
        partitions: Vec<Partition>,
    },
    /// A position was committed.
    Commit {
        /// By whom.
        member: Member,
        /// In which partition.
        partition: Partition,
        /// The position.
        offset: i64,
        /// The answer.
        outcome: Outcome<()>,
    },
    /// Asked for a group's position.
    Committed {
        /// Of which group.
        group: String,
        /// In which partition.
        partition: Partition,
        /// The answer: the position, or that there is none.
        outcome: Outcome<Option<i64>>,
    },
}

impl Operation {
    /// Whether it had ended when the other began.
    #[must_use]
    pub fn precedes(&self, other: &Self) -> bool {
        self.returned
            .is_some_and(|returned| returned < other.invoked)
    }
}

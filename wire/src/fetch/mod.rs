//! Fetch responses as a list of pieces: records are never copied, whether they are in memory or in a file.
//!
//! ```text
//! one buffer:  [length, header, topic, partition ..|.. partition ..|.. end]
//!                                               |               |
//! pieces:       Bytes ....................... Extent, Bytes ... Bytes, Bytes
//! ```

mod skeleton;

use bytes::Bytes;
use thalweg_model::Uuid;

use crate::Str;
use crate::messages::fetch_response::{
    AbortedTransaction, EpochEndOffset, LeaderIdAndEpoch, NodeEndpoint,
};

/// A part of a file that is sent without being read into memory here.
pub trait Extent {
    /// How many bytes will be sent.
    fn byte_len(&self) -> usize;
}

/// What is sent next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece<X> {
    /// Bytes in memory.
    Bytes(Bytes),
    /// Bytes in a file.
    Extent(X),
}

impl<X: Extent> Piece<X> {
    /// How many bytes will be sent.
    pub fn byte_len(&self) -> usize {
        match self {
            Self::Bytes(bytes) => bytes.len(),
            Self::Extent(extent) => extent.byte_len(),
        }
    }
}

/// A Fetch response whose records may be anywhere.
#[derive(Debug)]
pub struct Fetched<X> {
    /// How long the client is throttled.
    pub throttle_time_ms: i32,
    /// An error of the whole request, or 0.
    pub error_code: i16,
    /// The fetch session, or 0.
    pub session_id: i32,
    /// What was fetched.
    pub topics: Vec<FetchedTopic<X>>,
    /// Where the leaders are that partitions name (KIP-951).
    pub node_endpoints: Vec<NodeEndpoint>,
}

/// A topic of a Fetch response.
#[derive(Debug)]
pub struct FetchedTopic<X> {
    /// Its name, written up to version 12.
    pub name: Str,
    /// Its id, written from version 13.
    pub id: Uuid,
    /// Its partitions, in the order of the request.
    pub partitions: Vec<FetchedPartition<X>>,
}

/// A partition of a Fetch response.
#[derive(Debug)]
pub struct FetchedPartition<X> {
    /// Which partition.
    pub index: i32,
    /// An error, or 0.
    pub error_code: i16,
    /// The high watermark, or -1.
    pub high_watermark: i64,
    /// The last stable offset, or -1.
    pub last_stable_offset: i64,
    /// The log start offset, or -1.
    pub log_start_offset: i64,
    /// Aborted transactions among the records; `None` unless only committed records are read.
    pub aborted_transactions: Option<Vec<AbortedTransaction>>,
    /// A replica that is nearer to the client.
    pub preferred_read_replica: Option<i32>,
    /// Where the client's log left the leader's.
    pub diverging_epoch: Option<EpochEndOffset>,
    /// Who leads, if not the broker that was asked.
    pub current_leader: Option<LeaderIdAndEpoch>,
    /// The record batches.
    pub records: Vec<Piece<X>>,
}

impl<X> FetchedPartition<X> {
    /// A partition that has nothing but an error.
    #[must_use]
    pub fn failed(index: i32, error_code: i16) -> Self {
        Self {
            index,
            error_code,
            high_watermark: -1,
            last_stable_offset: -1,
            log_start_offset: -1,
            aborted_transactions: None,
            preferred_read_replica: None,
            diverging_epoch: None,
            current_leader: None,
            records: Vec::new(),
        }
    }
}

/// A frame in pieces, none of them empty.
#[derive(Debug)]
pub struct PiecedFrame<X> {
    /// Bytes of all pieces, the frame's own length field included.
    pub byte_len: usize,
    /// The pieces, in the order in which they are sent.
    pub pieces: Vec<Piece<X>>,
}

#[cfg(test)]
mod tests;

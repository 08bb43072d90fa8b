//! Why bytes are not a message, and why a message does not fit into bytes.

use thiserror::Error;

/// Why a frame was not decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum DecodeError {
    /// The bytes break the protocol.
    #[error("malformed at byte {at}: {reason}")]
    Malformed {
        /// What is wrong.
        reason: Malformed,
        /// Where, counted from the start of the frame.
        at: usize,
    },
    /// The bytes may be well formed, but ask for more than a frame of their size may have.
    #[error("over limit at byte {at}: {limit}")]
    OverLimit {
        /// Which limit.
        limit: Limit,
        /// Where, counted from the start of the frame.
        at: usize,
    },
    /// The message has no such version.
    #[error("{message} has no version {version}")]
    UnsupportedVersion {
        /// The message's name.
        message: &'static str,
        /// The version asked for.
        version: i16,
    },
}

/// How bytes break the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Malformed {
    /// A value reaches beyond the end of the frame or of its tagged field.
    #[error("a value ends beyond the frame")]
    Short,
    /// An array announces more elements than the bytes left can hold.
    #[error("an array has more elements than bytes are left for")]
    Count,
    /// Null, or any negative length, where the version has no null.
    #[error("null where a value is required")]
    Null,
    /// A string that is not UTF-8.
    #[error("a string is not UTF-8")]
    Utf8,
    /// A string longer than a string can be.
    #[error("a string is longer than 32767 bytes")]
    StringLength,
    /// A varint of more than 32 bits.
    #[error("a varint has more than 32 bits")]
    Varint,
    /// A tagged field that does not end where its size says.
    #[error("a tagged field does not have the size it announces")]
    TagSize,
}

/// Limits a frame can run into.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Limit {
    /// See [`crate::limits::decode_budget`].
    #[error("arrays take more memory than the frame may cause")]
    Memory,
    /// See [`crate::limits::TAGGED_FIELDS_MAX`].
    #[error("too many tagged fields in one struct")]
    TaggedFields,
}

/// Why a message was not encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum EncodeError {
    /// A string longer than 32767 bytes.
    #[error("a string of {0} bytes does not fit into a message")]
    String(usize),
    /// Bytes, an array or a frame longer than 2^31 - 1.
    #[error("a length of {0} does not fit into a message")]
    Length(usize),
}

//! A small Kafka client: one broker connection per leader, versions by negotiation, retries where the protocol allows.
//!
//! Everything runs on one thread inside a `LocalSet`.

mod address;
mod connection;
mod error;
mod offsets;
mod retry;
mod router;
mod versions;

pub(crate) use address::{Address, parse_bootstrap};
pub(crate) use connection::Connection;
pub(crate) use error::{ClientError, check, check_text};
pub(crate) use offsets::OffsetAt;
pub(crate) use retry::Retry;
pub(crate) use router::{Client, Partition, Topic};

//! What the command line allows itself. Every limit of this crate is here.

use std::time::Duration;

/// Largest answer that is read: Kafka's largest batch by default is 1 MiB, a fetch asks for 16 MiB, and one batch may
/// exceed that; 256 MiB leaves room for topics with a raised `max.message.bytes`.
pub(crate) const RESPONSE_BYTES_MAX: usize = 256 << 20;

/// Requests that wait for the socket of one connection; each is at most a produce request.
pub(crate) const QUEUED_REQUESTS_MAX: usize = 16;

/// How long a TCP connection may take to be made.
pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a topic may stay unknown after a broker was asked to create it.
pub(crate) const CREATION_TIMEOUT: Duration = Duration::from_secs(3);

/// First and longest pause before something is tried again: 50, 100, 200, 400, 800, 1000, 1000, … ms.
pub(crate) const RETRY_PAUSE_MIN: Duration = Duration::from_millis(50);
/// See [`RETRY_PAUSE_MIN`].
pub(crate) const RETRY_PAUSE_MAX: Duration = Duration::from_secs(1);

/// Plain bytes of records in one batch; below Kafka's default `max.message.bytes` (1,048,588) with room for headers.
pub(crate) const BATCH_BYTES_MAX: usize = 900_000;

/// Plain bytes gathered before they are sent: 16 partitions with a full batch each.
pub(crate) const ROUND_BYTES_MAX: usize = 16 * BATCH_BYTES_MAX;

/// Bytes of records without key that go to one partition before the next is taken; the Java client's batch size.
pub(crate) const STICKY_BYTES: usize = 16 << 10;

/// Lines that are read ahead of what is being sent.
pub(crate) const LINES_AHEAD_MAX: usize = 4096;

/// Longest line taken as a record: far above any default `max.message.bytes`, far below memory.
pub(crate) const LINE_BYTES_MAX: usize = 64 << 20;

/// Bytes asked for in one fetch, over all partitions of a broker.
pub(crate) const FETCH_BYTES: i32 = 16 << 20;
/// Bytes asked for of one partition in one fetch; a larger batch still arrives whole (KIP-74).
pub(crate) const FETCH_PARTITION_BYTES: i32 = 1 << 20;
/// How long a broker may wait for records to arrive.
pub(crate) const FETCH_WAIT_MS: i32 = 500;

/// A member that is silent for so long is taken out of its group; above Kafka's minimum of 6 s.
pub(crate) const SESSION_TIMEOUT_MS: i32 = 10_000;
/// How long members have to join again when a group rebalances.
pub(crate) const REBALANCE_TIMEOUT_MS: i32 = 60_000;
/// Between two heartbeats: a third of the session, so that one may be lost.
pub(crate) const HEARTBEAT_EVERY: Duration = Duration::from_secs(3);
/// Between two commits while records are read, as in the Java client.
pub(crate) const COMMIT_EVERY: Duration = Duration::from_secs(5);

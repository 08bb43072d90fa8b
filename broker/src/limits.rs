//! The limits of the broker's shell.

use std::time::Duration;

/// Requests of one connection that may be under way. Kafka's clients send at most 5 by default;
/// librdkafka up to a million, which then wait in the socket.
pub(crate) const REQUESTS_IN_FLIGHT_MAX: usize = 64;

/// First size of a connection's read buffer. It doubles with what arrives.
pub(crate) const READ_BUFFER_BYTES: usize = 16 << 10;

/// What is read at once from a connection that has sent as much before: eight of Kafka's default
/// batches with one system call.
pub(crate) const READ_CHUNK_BYTES: usize = 128 << 10;

/// Smallest buffer that is kept to be used again, and the step of their sizes. Smaller ones the allocator
/// hands out again by itself.
pub(crate) const POOLED_BUFFER_BYTES_MIN: usize = 64 << 10;

/// Largest buffer that is kept: Kafka's producer sends requests of 1 MiB at most by default.
pub(crate) const POOLED_BUFFER_BYTES_MAX: usize = 1280 << 10;

/// Buffers that are kept in all: as many as the tail cache holds (32 MiB of records), and half more for what is
/// left empty of them, what else came in them, and what is being received. They are in use nearly all the time.
pub(crate) const POOLED_BYTES_MAX: usize = 48 << 20;

/// What a frame may take without being counted against the memory for large requests.
pub(crate) const UNCOUNTED_REQUEST_BYTES: usize = 64 << 10;

/// Room that a connection keeps while it is idle: none; 10,000 idle connections must stay small.
pub(crate) const IDLE_BUFFER_BYTES: usize = 0;

/// Bytes of large requests being received or worked on, over all connections. Kafka's largest
/// request is 100 MiB: two of those and a little beside.
pub(crate) const REQUEST_BYTES_MAX: usize = 256 << 20;

/// Above this many bytes waiting for the disk no further request is read: 16 ms of a journal that
/// takes 1 GB/s.
pub(crate) const APPENDS_WAITING_BYTES_HIGH: usize = 16 << 20;

/// Appends that wait for more do not wait longer than until so many are there: half of what Kafka's producer
/// has under way, so that the other half comes while they are written.
pub(crate) const GATHER_BYTES: usize = 512 << 10;

/// Longest time that they wait; the runtime's timer adds up to a millisecond.
pub(crate) const GATHER_TIME: Duration = Duration::from_micros(2_500);

/// Least rate at which they wait, 128 MB/s: the time that they wait brings several requests then, and a client that
/// sends as much looks for throughput.
pub(crate) const GATHER_BYTES_PER_MICROSECOND: u64 = 128;

/// Shortest time over which the rate is taken: a client that sends a slower flow in bursts does not wait.
pub(crate) const GATHER_RATE_TIME: Duration = Duration::from_millis(50);

/// File extents shorter than this are read and sent from memory: below it `sendfile` costs more
/// than the copy (measured, see the performance notes).
pub(crate) const SENDFILE_BYTES_MIN: u64 = 32 << 10;

/// What is brought into the page cache at once for a reader far behind: 1 MiB, which a disk of 1 GB/s reads
/// in a millisecond.
pub(crate) const COLD_WINDOW_BYTES: usize = 1 << 20;

/// How far apart the page cache is asked whether it has a window: the kernel reads ahead further.
pub(crate) const COLD_PROBE_BYTES: usize = 64 << 10;

/// Buffer of a thread that reads a window.
pub(crate) const COLD_READ_BYTES: usize = 128 << 10;

/// Threads that wait for cold reads: enough to keep a disk busy.
pub(crate) const COLD_READERS_MAX: usize = 8;

/// Connections waiting to be accepted: 10,000 clients may come back at once.
pub(crate) const ACCEPT_BACKLOG: i32 = 4096;

/// Pause after the process ran out of descriptors, so that accepting does not spin.
pub(crate) const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// A request that has begun, or an answer that leaves, may stand still for so long, or for as long
/// as a connection may be idle; then its connection ends. Clients give up sooner: their requests
/// time out after 30 s.
pub(crate) const TRANSFER_STALL_MAX: Duration = Duration::from_secs(60);

/// Least rate of such a transfer, from the end of the time that it may stand still. At 1 KiB/s a
/// default batch of 16 KiB would be 16 s on its way.
pub(crate) const TRANSFER_BYTES_PER_SECOND_MIN: u64 = 1 << 10;

/// Above this many bytes of answers in memory no further request of a connection is worked on: a
/// client that does not read its answers holds no more than this and one answer.
pub(crate) const ANSWER_BYTES_HIGH: usize = 32 << 10;

/// Above this many bytes of answers in memory, over all connections, records are sent from files
/// only: twice the tail cache, which most of them share.
pub(crate) const ANSWER_BYTES_MAX: usize = 64 << 20;

/// Slices handed to one vectored write: Linux takes 1,024.
pub(crate) const WRITE_SLICES_MAX: usize = 64;

/// Longest wait that a fetch may ask for. Kafka has no bound; clients ask for 500 ms, a day is
/// beyond any use.
pub(crate) const FETCH_WAIT_MAX: Duration = Duration::from_secs(24 * 3600);

/// A session unused for so long may be given up for another: Kafka's default.
pub(crate) const FETCH_SESSION_IDLE: Duration = Duration::from_secs(120);

/// Those who fetch metrics at the same time: one or two are usual, and a page takes 100 KiB of memory.
pub(crate) const METRICS_CONNECTIONS_MAX: usize = 16;

/// Longest head of a request for metrics: scrapers send some 300 bytes.
pub(crate) const METRICS_HEAD_BYTES_MAX: u64 = 8 << 10;

/// Longest exchange with one who fetches metrics: Prometheus waits 10 s.
pub(crate) const METRICS_TIME_MAX: Duration = Duration::from_secs(10);

/// How long after the newest journal block an empty one follows, if no other does: at most ten small
/// writes a second, and none while nothing is produced.
pub(crate) const VOUCH_AFTER: Duration = Duration::from_millis(100);

/// Descriptors besides connections and segment files: the journal's 64 chunks, the manifest, sockets
/// that listen, jobs that sync 256 partitions' files.
pub(crate) const OTHER_DESCRIPTORS: usize = 512;

/// How often it is looked whether the data directory is still there.
pub(crate) const DIRECTORY_CHECK: Duration = Duration::from_secs(1);

//! What is counted while the node works. All of it belongs to the one thread of the shard: no lock, no
//! atomic, no allocation and no lookup by name for a request.

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::BTreeMap;
use std::time::Duration;

use thalweg_model::ErrorCode;
use thalweg_model::batch::CheckedBatch;
use thalweg_wire::{ApiKey, Response};
use tokio::time::Instant;

pub(crate) use super::counter::Counter;
pub(crate) use super::histogram::Histogram;

/// Everything that is counted.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    pub(crate) connections: Connections,
    pub(crate) requests: Requests,
    pub(crate) produce: Produce,
    pub(crate) fetch: Fetch,
    pub(crate) journal: Journal,
}

/// Connections of clients.
#[derive(Debug, Default)]
pub(crate) struct Connections {
    pub(crate) accepted: Counter,
    /// By [`Ended`].
    pub(crate) ended: [Counter; Ended::ALL.len()],
    pub(crate) received_bytes: Counter,
    pub(crate) sent_bytes: Counter,
    /// How often a client took less of its answers than there was.
    pub(crate) send_stalls: Counter,
}

/// Why a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// The client closed it, or the network broke.
    Client,
    /// Nothing was heard for too long.
    Idle,
    /// The client sent what is no request, or what must be answered by closing.
    Refused,
    /// The client took nothing of its answers for too long.
    Stalled,
    /// Stored records could not be read.
    Storage,
}

impl Ended {
    pub(super) const ALL: [Self; 5] = [
        Self::Client,
        Self::Idle,
        Self::Refused,
        Self::Stalled,
        Self::Storage,
    ];

    pub(super) const fn label(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Idle => "idle",
            Self::Refused => "refused",
            Self::Stalled => "stalled",
            Self::Storage => "storage",
        }
    }
}

impl Connections {
    /// A connection came to its end.
    pub(crate) fn end(&self, why: Ended) {
        self.ended[why as usize].count();
    }

    /// Connections that are open.
    pub(super) fn open(&self) -> u64 {
        let ended: u64 = self.ended.iter().map(Counter::get).sum();
        self.accepted.get() - ended
    }
}

/// When a request came, and what it asks for if that is known.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stamp {
    pub(crate) api: Option<ApiKey>,
    pub(crate) arrived: Instant,
}

/// Requests of one API.
#[derive(Debug, Default)]
pub(super) struct ApiRequests {
    pub(super) received: Counter,
    pub(super) duration: Histogram,
}

/// Requests by API, in the order of [`ApiKey::ALL`]; only those that were ever asked for take memory.
#[derive(Debug)]
pub(crate) struct Requests {
    by_api: [OnceCell<Box<ApiRequests>>; ApiKey::ALL.len()],
    errors: RefCell<BTreeMap<(ApiKey, i16), u64>>,
}

impl Default for Requests {
    fn default() -> Self {
        Self {
            by_api: [const { OnceCell::new() }; ApiKey::ALL.len()],
            errors: RefCell::default(),
        }
    }
}

impl Requests {
    /// A request came in.
    pub(crate) fn receive(&self, api: ApiKey) {
        self.of(api).received.count();
    }

    /// A request's answer, or that there is none, is on its way to the client.
    pub(crate) fn answer(&self, stamp: Stamp, now: Instant) {
        if let Some(api) = stamp.api {
            let duration = now.saturating_duration_since(stamp.arrived);
            self.of(api).duration.record_time(duration);
        }
    }

    /// Notes the error codes of an answer.
    pub(crate) fn note_errors<R: Response>(&self, response: &R) {
        response.error_codes(&mut |code| self.note_error(R::KEY, code));
    }

    /// Notes one error code of an answer. Errors are rare, and so this alone looks something up.
    pub(crate) fn note_error(&self, api: ApiKey, code: i16) {
        if code != ErrorCode::None.code() {
            *self.errors.borrow_mut().entry((api, code)).or_default() += 1;
        }
    }

    fn of(&self, api: ApiKey) -> &ApiRequests {
        self.by_api[api as usize].get_or_init(Box::default)
    }

    /// The APIs that were asked for.
    pub(super) fn seen(&self) -> impl Iterator<Item = (ApiKey, &ApiRequests)> {
        let all = ApiKey::ALL.into_iter().zip(&self.by_api);
        all.filter_map(|(api, cell)| Some((api, &**cell.get()?)))
    }

    pub(super) fn errors(&self) -> Vec<((ApiKey, i16), u64)> {
        let errors = self.errors.borrow();
        errors.iter().map(|(&key, &count)| (key, count)).collect()
    }
}

/// Batches of producers on their way to the log.
#[derive(Debug, Default)]
pub(crate) struct Produce {
    pub(crate) batches: Counter,
    pub(crate) records: Counter,
    pub(crate) bytes: Counter,
    /// From the whole request to the order of its batches being fixed.
    pub(crate) check: Histogram,
    /// From there to the begin of the journal write that made the last of them durable.
    pub(crate) queue: Histogram,
    /// That write.
    pub(crate) journal: Histogram,
    /// From the end of that write to the answer.
    pub(crate) acknowledge: Histogram,
}

impl Produce {
    /// A batch passed its checks.
    pub(crate) fn take(&self, batch: &CheckedBatch) {
        self.batches.count();
        let records = u64::try_from(batch.header().record_count);
        self.records.add(records.unwrap_or_default());
        self.bytes.add_len(batch.len());
    }

    /// A request whose order was fixed at `appended` is answered.
    pub(crate) fn acknowledged(&self, appended: Instant, block: BlockTimes, now: Instant) {
        // A block that was under way already carries what was appended before it began: the answer
        // to a repeated batch waits for no block of its own.
        self.queue
            .record_time(block.begun.saturating_duration_since(appended));
        self.journal.record_time(block.written - block.begun);
        self.acknowledge
            .record_time(now.saturating_duration_since(block.written));
    }
}

/// Batches on their way to consumers.
#[derive(Debug, Default)]
pub(crate) struct Fetch {
    pub(crate) memory_bytes: Counter,
    pub(crate) file_bytes: Counter,
    /// The first look at the partitions of a request.
    pub(crate) read: Histogram,
    /// Waiting for more, of those that found too little.
    pub(crate) wait: Histogram,
}

/// When the write of a journal block began and ended.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BlockTimes {
    pub(crate) begun: Instant,
    pub(crate) written: Instant,
}

/// The shared journal.
#[derive(Debug, Default)]
pub(crate) struct Journal {
    pub(crate) block_bytes: Histogram,
    pub(crate) block_entries: Histogram,
    pub(crate) write: Histogram,
    pub(crate) checkpoint: Histogram,
    last: Cell<Option<BlockTimes>>,
}

impl Journal {
    /// A block goes to the disk.
    pub(crate) fn begin(&self, bytes: usize, entries: usize) {
        self.block_bytes.record_len(bytes);
        self.block_entries.record_len(entries);
    }

    /// A block came back from the disk.
    pub(crate) fn written(&self, times: BlockTimes) {
        self.write.record_time(times.written - times.begun);
        self.last.set(Some(times));
    }

    /// The checkpoint came back.
    pub(crate) fn checkpointed(&self, took: Duration) {
        self.checkpoint.record_time(took);
    }

    /// The block that came back last.
    pub(crate) fn last(&self) -> Option<BlockTimes> {
        self.last.get()
    }
}

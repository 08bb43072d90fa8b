//! The list of everything that `/metrics` shows: name, kind, labels, meaning. The page
//! `docs/observability.md` repeats it, held by a test.

/// What kind of number a family holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// It only grows while the process lives.
    Counter,
    /// It goes up and down.
    Gauge,
    /// How often values fell between bounds.
    Histogram,
}

impl Kind {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

/// A name with all its samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Family {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    pub(super) labels: &'static [&'static str],
    pub(super) help: &'static str,
}

macro_rules! families {
    ($($id:ident $kind:ident $name:literal [$($label:literal)*] $help:literal;)*) => {
        $(pub(super) const $id: Family = Family {
            name: $name,
            kind: Kind::$kind,
            labels: &[$($label),*],
            help: $help,
        };)*

        #[cfg(test)]
        /// Every family, in the order in which they are shown.
        pub(super) const ALL: &[Family] = &[$($id),*];
    };
}

families! {
    BUILD Gauge "thalweg_build_info" ["version"] "Always 1; the label tells the version.";
    UPTIME Gauge "thalweg_uptime_seconds" [] "Time since the process began.";

    CONNECTIONS Gauge "thalweg_connections" [] "Open connections of clients.";
    ACCEPTED Counter "thalweg_connections_accepted_total" [] "Connections that were accepted.";
    ENDED Counter "thalweg_connections_ended_total" ["reason"] "Connections that ended: the client left, it was idle, it was refused for what it sent, it took none of its answers, stored records could not be read.";
    RECEIVED_BYTES Counter "thalweg_network_received_bytes_total" [] "Bytes received from clients.";
    SENT_BYTES Counter "thalweg_network_sent_bytes_total" [] "Bytes sent to clients.";
    SEND_STALLS Counter "thalweg_network_send_stalls_total" [] "How often a connection had to wait until its client took more of an answer.";
    REQUEST_MEMORY Gauge "thalweg_large_requests_bytes" [] "Memory of requests larger than 64 KiB that are being received or worked on.";

    REQUESTS Counter "thalweg_requests_total" ["api"] "Requests received.";
    REQUEST_DURATION Histogram "thalweg_request_duration_seconds" ["api"] "From the last byte of a request to its answer being handed to the connection; for Fetch this includes the wait that the client asked for.";
    REQUEST_ERRORS Counter "thalweg_request_errors_total" ["api" "error"] "Error codes in answers: one for each topic, partition, group or other part that an answer refuses.";

    PRODUCE_BATCHES Counter "thalweg_produce_batches_total" [] "Record batches that passed their checks and were handed to their partitions.";
    PRODUCE_RECORDS Counter "thalweg_produce_records_total" [] "Records in those batches.";
    PRODUCE_BYTES Counter "thalweg_produce_bytes_total" [] "Bytes of those batches as they are stored.";
    PRODUCE_STAGE Histogram "thalweg_produce_stage_seconds" ["stage"] "Stages of acknowledged Produce requests. check: from the last byte of the request to the order of its batches being fixed. queue: from there to the begin of the journal write that made the last of them durable. journal: that write. acknowledge: from its end to the answer.";

    FETCH_BYTES Counter "thalweg_fetch_bytes_total" ["source"] "Bytes of record batches in answers, by whether they came from memory or from segment files.";
    FETCH_STAGE Histogram "thalweg_fetch_stage_seconds" ["stage"] "Stages of Fetch requests. read: the first look at the partitions. wait: waiting for more, of requests that found too little.";
    FETCHES_WAITING Gauge "thalweg_fetches_waiting" [] "Fetch requests that wait for more or for their deadline.";
    FETCH_SESSIONS Gauge "thalweg_fetch_sessions" [] "Fetch sessions that are kept.";
    TAIL_CACHE Gauge "thalweg_tail_cache_bytes" [] "Newest batches kept in memory for consumers at the end of the log.";

    APPENDS_PENDING Gauge "thalweg_appends_pending_bytes" [] "Bytes of batches whose order is fixed and that wait for room in the journal.";
    JOURNAL_IN_FLIGHT Gauge "thalweg_journal_blocks_in_flight" [] "Journal blocks on their way to the disk.";
    JOURNAL_WRITE Histogram "thalweg_journal_write_seconds" [] "Commit latency: the durable write of one journal block, with the sync of segments that it only names.";
    JOURNAL_BLOCK_BYTES Histogram "thalweg_journal_block_bytes" [] "Sizes of journal blocks.";
    JOURNAL_BLOCK_ENTRIES Histogram "thalweg_journal_block_entries" [] "Entries of one journal block: how many appends and notes of Raft share a write.";
    JOURNAL_RING Gauge "thalweg_journal_ring_bytes" [] "Size of the journal's files.";
    JOURNAL_FREE Gauge "thalweg_journal_free_bytes" [] "Room for further blocks in the journal's files.";
    CHECKPOINT Histogram "thalweg_checkpoint_seconds" [] "Parts of checkpoints: segments of up to 256 partitions synced and the manifest told.";

    TOPICS Gauge "thalweg_topics" [] "Topics of the cluster.";
    PARTITIONS Gauge "thalweg_partitions" [] "Partitions of this node, its own topics included.";
    PARTITIONS_LED Gauge "thalweg_partitions_led" [] "Partitions that this node leads and serves.";
    GROUPS Gauge "thalweg_groups" ["state"] "Groups of consumers that this node has loaded.";
    OPEN_SEGMENTS Gauge "thalweg_segment_files_open" [] "Segment files that are kept open.";

    CPU Counter "process_cpu_seconds_total" [] "Processor time of the process, in user and system mode.";
    RESIDENT Gauge "process_resident_memory_bytes" [] "Memory of the process that is in RAM.";
    VIRTUAL Gauge "process_virtual_memory_bytes" [] "Address space of the process.";
    OPEN_FDS Gauge "process_open_fds" [] "Open file descriptors.";
    MAX_FDS Gauge "process_max_fds" [] "Limit of open file descriptors.";
    THREADS Gauge "process_threads" [] "Threads of the process.";
    START_TIME Gauge "process_start_time_seconds" [] "When the process began, in seconds since 1970.";
}

//! The page of `/metrics`: every family of [`families`], filled.

use thalweg_model::ErrorCode;

use super::exposition::{Exposition, Scale, seconds};
use super::families;
use super::metrics::{Ended, Metrics};
use super::process::Process;
use crate::node::Node;

/// What is not counted but looked up when the page is asked for.
#[derive(Clone, Debug, Default)]
pub(super) struct Snapshot {
    pub(super) uptime_micros: u64,
    /// When the process began, in milliseconds since 1970.
    pub(super) started_ms: i64,
    pub(super) process: Process,
    pub(super) shard: thalweg_replica::Gauges,
    pub(super) large_requests_bytes: usize,
    pub(super) fetch_sessions: usize,
    pub(super) topics: usize,
    /// Groups by the names of their states.
    pub(super) groups: Vec<(&'static str, usize)>,
}

impl Snapshot {
    fn of(node: &Node) -> Self {
        let now = node.clock.now();
        let since_start = i64::try_from(now.tick.0 / 1_000).unwrap_or(i64::MAX);
        Self {
            uptime_micros: now.tick.0,
            started_ms: now.wall.0 - since_start,
            process: Process::read(),
            shard: node.with_shard(|shard| shard.gauges()),
            large_requests_bytes: node.request_bytes.get(),
            fetch_sessions: node.fetch_sessions.borrow().len(),
            topics: node.cluster.image().topics().len(),
            groups: node.groups.by_state(),
        }
    }
}

/// The whole page.
pub(super) fn page(node: &Node) -> String {
    fill(&node.metrics, &Snapshot::of(node)).into_text()
}

pub(super) fn fill(metrics: &Metrics, now: &Snapshot) -> Exposition {
    let mut page = Exposition::default();
    page.family(families::BUILD)
        .sample(&[env!("CARGO_PKG_VERSION")], 1);
    page.one(families::UPTIME, seconds(now.uptime_micros));
    connections(&mut page, metrics, now);
    requests(&mut page, metrics);
    produce(&mut page, metrics);
    fetch(&mut page, metrics, now);
    journal(&mut page, metrics, now);
    cluster(&mut page, now);
    process(&mut page, now);
    page
}

fn connections(page: &mut Exposition, metrics: &Metrics, now: &Snapshot) {
    let connections = &metrics.connections;
    page.one(families::CONNECTIONS, connections.open());
    page.one(families::ACCEPTED, connections.accepted.get());
    page.family(families::ENDED);
    for (why, count) in Ended::ALL.iter().zip(&connections.ended) {
        page.sample(&[why.label()], count.get());
    }
    page.one(families::RECEIVED_BYTES, connections.received_bytes.get());
    page.one(families::SENT_BYTES, connections.sent_bytes.get());
    page.one(families::SEND_STALLS, connections.send_stalls.get());
    page.one(families::REQUEST_MEMORY, now.large_requests_bytes);
}

fn requests(page: &mut Exposition, metrics: &Metrics) {
    page.family(families::REQUESTS);
    for (api, requests) in metrics.requests.seen() {
        page.sample(&[api.spec().name], requests.received.get());
    }
    page.family(families::REQUEST_DURATION);
    for (api, requests) in metrics.requests.seen() {
        page.histogram(&[api.spec().name], Scale::Micros, &requests.duration);
    }
    page.family(families::REQUEST_ERRORS);
    for ((api, code), count) in metrics.requests.errors() {
        let name = ErrorCode::from_code(code).map_or("UNKNOWN", ErrorCode::name);
        page.sample(&[api.spec().name, name], count);
    }
}

fn produce(page: &mut Exposition, metrics: &Metrics) {
    let produce = &metrics.produce;
    page.one(families::PRODUCE_BATCHES, produce.batches.get());
    page.one(families::PRODUCE_RECORDS, produce.records.get());
    page.one(families::PRODUCE_BYTES, produce.bytes.get());
    page.family(families::PRODUCE_STAGE);
    for (stage, times) in [
        ("check", &produce.check),
        ("queue", &produce.queue),
        ("journal", &produce.journal),
        ("acknowledge", &produce.acknowledge),
    ] {
        page.histogram(&[stage], Scale::Micros, times);
    }
}

fn fetch(page: &mut Exposition, metrics: &Metrics, now: &Snapshot) {
    let fetch = &metrics.fetch;
    page.family(families::FETCH_BYTES);
    page.sample(&["memory"], fetch.memory_bytes.get());
    page.sample(&["file"], fetch.file_bytes.get());
    page.family(families::FETCH_STAGE);
    page.histogram(&["read"], Scale::Micros, &fetch.read);
    page.histogram(&["wait"], Scale::Micros, &fetch.wait);
    page.one(families::FETCHES_WAITING, now.shard.fetches_waiting);
    page.one(families::FETCH_SESSIONS, now.fetch_sessions);
    page.one(families::TAIL_CACHE, now.shard.tail_bytes);
}

fn journal(page: &mut Exposition, metrics: &Metrics, now: &Snapshot) {
    let journal = &metrics.journal;
    page.one(families::APPENDS_PENDING, now.shard.pending_bytes);
    page.one(families::JOURNAL_IN_FLIGHT, now.shard.blocks_in_flight);
    page.family(families::JOURNAL_WRITE)
        .histogram(&[], Scale::Micros, &journal.write);
    page.family(families::JOURNAL_BLOCK_BYTES)
        .histogram(&[], Scale::Ones, &journal.block_bytes);
    page.family(families::JOURNAL_BLOCK_ENTRIES).histogram(
        &[],
        Scale::Ones,
        &journal.block_entries,
    );
    page.one(families::JOURNAL_RING, now.shard.journal_bytes);
    page.one(families::JOURNAL_FREE, now.shard.journal_free_bytes);
    page.family(families::CHECKPOINT)
        .histogram(&[], Scale::Micros, &journal.checkpoint);
}

fn cluster(page: &mut Exposition, now: &Snapshot) {
    page.one(families::TOPICS, now.topics);
    page.one(families::PARTITIONS, now.shard.partitions);
    page.one(families::PARTITIONS_LED, now.shard.partitions_led);
    page.family(families::GROUPS);
    for (state, count) in &now.groups {
        page.sample(&[state], count);
    }
    page.one(families::OPEN_SEGMENTS, now.shard.open_files);
}

fn process(page: &mut Exposition, now: &Snapshot) {
    let process = &now.process;
    let cpu = u64::try_from(process.cpu.as_micros()).unwrap_or(u64::MAX);
    page.one(families::CPU, seconds(cpu));
    page.one(families::RESIDENT, process.resident_bytes);
    page.one(families::VIRTUAL, process.virtual_bytes);
    page.one(families::OPEN_FDS, process.open_fds);
    match process.max_fds {
        Some(max) => page.one(families::MAX_FDS, max),
        None => page.one(families::MAX_FDS, "+Inf"),
    }
    page.one(families::THREADS, process.threads);
    let started = u64::try_from(now.started_ms).unwrap_or_default();
    page.one(families::START_TIME, seconds(started.saturating_mul(1_000)));
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use super::super::families::{ALL, Kind};
    use super::*;

    #[test]
    fn every_family_is_shown_once_and_in_order() {
        let page = fill(&Metrics::default(), &Snapshot::default());
        assert_eq!(page.families(), ALL);
    }

    #[test]
    fn names_carry_their_units_and_counters_their_ending() {
        for family in ALL {
            let is_total = family.name.ends_with("_total");
            assert_eq!(is_total, family.kind == Kind::Counter, "{}", family.name);
            let has_unit = ["_seconds", "_bytes", "_entries"]
                .iter()
                .any(|unit| family.name.ends_with(unit));
            assert!(
                has_unit || family.kind != Kind::Histogram,
                "{}",
                family.name
            );
        }
    }

    /// The table of `docs/observability.md`.
    fn table() -> String {
        let mut table = String::from("| metric | kind | labels | meaning |\n|---|---|---|---|\n");
        for family in ALL {
            let labels: Vec<String> = family
                .labels
                .iter()
                .map(|label| format!("`{label}`"))
                .collect();
            let (name, kind) = (family.name, family.kind.name());
            writeln!(
                table,
                "| `{name}` | {kind} | {} | {} |",
                labels.join(", "),
                family.help
            )
            .unwrap();
        }
        table
    }

    #[test]
    fn the_page_of_the_metrics_is_up_to_date() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/observability.md");
        let text = std::fs::read_to_string(path).unwrap();
        let start = text.find("| metric |").unwrap();
        let end = start + text[start..].find("\n\n").unwrap() + 1;
        if std::env::var_os("THALWEG_UPDATE_DOCS").is_some() {
            let fresh = format!("{}{}{}", &text[..start], table(), &text[end..]);
            std::fs::write(path, fresh).unwrap();
            return;
        }
        assert!(
            text[start..end] == table(),
            "stale: run THALWEG_UPDATE_DOCS=1 cargo test -p thalweg-broker the_page_of_the_metrics"
        );
    }
}

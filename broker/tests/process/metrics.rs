//! Metrics of a running node against what was done to it.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

use crate::harness::{Broker, batch, becomes};

/// The samples of a page, by name with labels.
struct Page(BTreeMap<String, f64>);

impl Page {
    fn of(broker: &Broker) -> Self {
        let text = ask(broker, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 200 OK"), "{head}");
        assert!(head.contains(&format!("Content-Length: {}", body.len())));
        let samples = body.lines().filter(|line| !line.starts_with('#'));
        let samples = samples.map(|line| {
            let (name, value) = line.rsplit_once(' ').unwrap();
            (name.to_owned(), value.parse().unwrap())
        });
        Self(samples.collect())
    }

    #[track_caller]
    fn get(&self, name: &str) -> f64 {
        *self.0.get(name).unwrap_or_else(|| panic!("no {name}"))
    }

    /// A number that holds something countable.
    #[track_caller]
    fn count(&self, name: &str) -> u64 {
        let value = self.get(name);
        assert!(value >= 0.0 && value.fract() == 0.0, "{name} is {value}");
        format!("{value}").parse().unwrap()
    }
}

fn ask(broker: &Broker, request: &str) -> String {
    let mut stream = TcpStream::connect(broker.metrics.as_ref().unwrap()).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

const ANY_PORT: &str = "thalweg.metrics.listener=127.0.0.1:0";

#[test]
fn metrics_tell_what_was_done() {
    let dir = tempfile::tempdir().unwrap();
    let broker = Broker::start_with(dir.path(), &[ANY_PORT]);
    let before = Page::of(&broker);
    assert_eq!(before.count("thalweg_connections"), 0);
    assert_eq!(before.count("thalweg_produce_batches_total"), 0);
    let blocks_before = before.count("thalweg_journal_write_seconds_count");

    let mut client = broker.connect();
    client.create("t").unwrap();
    let values: Vec<Vec<u8>> = (0..3).map(|i| vec![i; 1000]).collect();
    let records = batch(&values, None);
    let bytes = records.len();
    for _ in 0..5 {
        assert_eq!(client.produce("t", 0, records.clone()).unwrap().0, 0);
    }
    assert_eq!(client.produce("nothing", 0, records.clone()).unwrap().0, 3);
    let mut damaged = records.to_vec();
    damaged[100] ^= 1;
    assert_eq!(client.produce("t", 0, damaged.into()).unwrap().0, 2);
    assert_eq!(client.read_all("t", 0).unwrap().len(), 15);

    let page = Page::of(&broker);
    assert_eq!(page.count("thalweg_connections"), 1);
    assert_eq!(page.count("thalweg_connections_accepted_total"), 1);
    assert_eq!(page.count("thalweg_produce_batches_total"), 5);
    assert_eq!(page.count("thalweg_produce_records_total"), 15);
    assert_eq!(
        page.count("thalweg_produce_bytes_total"),
        u64::try_from(5 * bytes).unwrap()
    );
    assert_eq!(page.count("thalweg_requests_total{api=\"Produce\"}"), 7);
    assert_eq!(page.count("thalweg_requests_total{api=\"Metadata\"}"), 1);
    // The answer of the last request was received: all of them were counted.
    let answered = "thalweg_request_duration_seconds_count{api=\"Produce\"}";
    assert_eq!(page.count(answered), 7);
    for error in ["UNKNOWN_TOPIC_OR_PARTITION", "CORRUPT_MESSAGE"] {
        let name = format!("thalweg_request_errors_total{{api=\"Produce\",error=\"{error}\"}}");
        assert_eq!(page.count(&name), 1);
    }
    for stage in ["check", "queue", "journal", "acknowledge"] {
        let name = format!("thalweg_produce_stage_seconds_count{{stage=\"{stage}\"}}");
        assert_eq!(page.count(&name), 5, "{stage}");
    }
    let fetched: u64 = ["memory", "file"]
        .map(|source| page.count(&format!("thalweg_fetch_bytes_total{{source=\"{source}\"}}")))
        .iter()
        .sum();
    assert_eq!(fetched, u64::try_from(5 * bytes).unwrap());
    let blocks = page.count("thalweg_journal_write_seconds_count") - blocks_before;
    assert!(blocks >= 5, "each produce waited for a block: {blocks}");
    assert!(page.get("thalweg_journal_block_bytes_sum") >= page.get("thalweg_produce_bytes_total"));
    assert!(page.get("thalweg_network_received_bytes_total") > 6000.0);
    assert!(page.get("thalweg_network_sent_bytes_total") > 15_000.0);
    assert_eq!(page.count("thalweg_topics"), 1);
    assert_eq!(
        page.count("thalweg_partitions"),
        page.count("thalweg_partitions_led")
    );
    assert!(page.get("process_resident_memory_bytes") > 1e6);
    assert!(page.get("process_open_fds") < page.get("process_max_fds"));

    drop(client);
    let ended = "thalweg_connections_ended_total{reason=\"client\"}";
    assert!(becomes(|| Page::of(&broker).count(ended) == 1));
}

#[test]
fn stages_add_up_to_the_whole_request() {
    let dir = tempfile::tempdir().unwrap();
    let broker = Broker::start_with(dir.path(), &[ANY_PORT]);
    let mut client = broker.connect();
    client.create("t").unwrap();
    for _ in 0..20 {
        let records = batch(&[vec![7; 100]], None);
        assert_eq!(client.produce("t", 0, records).unwrap().0, 0);
    }
    let page = Page::of(&broker);
    let stages: f64 = ["check", "queue", "journal", "acknowledge"]
        .map(|stage| {
            page.get(&format!(
                "thalweg_produce_stage_seconds_sum{{stage=\"{stage}\"}}"
            ))
        })
        .iter()
        .sum();
    let whole = page.get("thalweg_request_duration_seconds_sum{api=\"Produce\"}");
    // Each time is cut to whole microseconds, and the answer is encoded after the last stage.
    assert!(stages <= whole + 20.0 * 4e-6, "{stages} of {whole}");
    assert!(stages >= whole * 0.5, "{stages} of {whole}");
}

#[test]
fn a_request_is_a_span_where_the_log_asks_for_it() {
    let dir = tempfile::tempdir().unwrap();
    let port = broker_port();
    let mut start = Broker::command(dir.path(), port, &["thalweg.metrics.listener=0"]);
    start.env("THALWEG_LOG", "thalweg::net=debug");
    let broker = Broker::await_ready(start, dir.path(), port).unwrap();
    let mut client = broker.connect();
    client.create("t").unwrap();
    client.produce("t", 0, batch(&[vec![1]], None)).unwrap();
    let wanted = ["request{api=\"Produce\"", "client=\"test\"", "time.idle="];
    let is_closed = |line: &str| wanted.iter().all(|part| line.contains(part));
    assert!(
        becomes(|| broker.said().lines().any(is_closed)),
        "{}",
        broker.said()
    );
}

#[test]
fn the_door_refuses_what_it_does_not_offer() {
    let dir = tempfile::tempdir().unwrap();
    let broker = Broker::start_with(dir.path(), &[ANY_PORT]);
    assert!(ask(&broker, "GET / HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 404 "));
    assert!(ask(&broker, "POST /metrics HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 405 "));
    assert_eq!(ask(&broker, &"x".repeat(8 << 10)), "");
    Page::of(&broker);
}

#[test]
fn a_door_that_was_asked_for_must_open_and_the_default_gives_way() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let port = broker_port();
    let setting = format!("thalweg.metrics.listener={address}");
    let Err(said) = Broker::start_on(dir.path(), port, &[&setting]) else {
        panic!("the door is taken");
    };
    assert!(said.contains(&address.to_string()), "{said}");
    let none = Broker::start_with(dir.path(), &["thalweg.metrics.listener="]);
    assert_eq!(none.metrics, None);
    // Brokers of other tests have the default address and leave: it is taken from them, unless somebody keeps it.
    let mut other = None;
    becomes(|| {
        other = TcpListener::bind("127.0.0.1:9644").ok();
        other.is_some()
    });
    let dir = tempfile::tempdir().unwrap();
    let default = Broker::start(dir.path());
    assert_eq!(default.metrics, None);
    assert!(default.connect().create("t").is_ok());
    let told = "metrics are not offered: 127.0.0.1:9644";
    assert!(
        becomes(|| default.said().contains(told)),
        "{}",
        default.said()
    );
    drop(other);
}

fn broker_port() -> u16 {
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    free.local_addr().unwrap().port()
}

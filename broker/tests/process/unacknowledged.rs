//! `acks=0`: nothing is answered, a refusal closes the connection, and nothing is kept of what nobody awaits.

use std::io::ErrorKind;

use bytes::Bytes;
use thalweg_model::batch::ProducerStamp;
use thalweg_model::{ProducerEpoch, ProducerId};
use thalweg_wire::messages::ProduceRequest;

use crate::harness::{Broker, batch, becomes, produced_request};

/// Requests of the measurement.
const REQUESTS: u64 = 50_000;

/// What one of them may cost more than one that is acknowledged.
const BYTES_MORE: u64 = 100;

fn request(acks: i16, records: Bytes) -> ProduceRequest {
    ProduceRequest {
        acks,
        ..produced_request("t", 0, records)
    }
}

/// By how much the broker grows with the requests.
fn grown_kib(acks: i16) -> u64 {
    let dir = tempfile::tempdir().unwrap();
    let broker = Broker::start(dir.path());
    let mut client = broker.connect();
    client.create("t").unwrap();
    let request = request(acks, batch(&[b"x".to_vec()], None));
    let before = broker.resident_kib();
    for _ in 0..REQUESTS / 50 {
        for _ in 0..50 {
            client.send(&request, 9).unwrap();
        }
        if acks != 0 {
            for _ in 0..50 {
                client.hear::<ProduceRequest>(9).unwrap();
            }
        }
        // One that is acknowledged behind them: what waits for the disk is not what is measured.
        client
            .produce("t", 0, batch(&[b"x".to_vec()], None))
            .unwrap();
    }
    broker.resident_kib().saturating_sub(before)
}

#[test]
fn what_nobody_awaits_is_not_kept() {
    let (awaited, unawaited) = (grown_kib(1), grown_kib(0));
    let allowed = awaited + REQUESTS * BYTES_MORE / 1024;
    assert!(
        unawaited < allowed,
        "{unawaited} KiB with acks=0, {awaited} KiB with acks=1"
    );
}

#[test]
fn a_batch_that_the_partition_refuses_closes_the_connection() {
    let dir = tempfile::tempdir().unwrap();
    let broker = Broker::start(dir.path());
    let mut client = broker.connect();
    client.create("t").unwrap();
    // A producer that nobody knows may begin anywhere; one that is known goes on where it was.
    let stamp = |sequence| ProducerStamp {
        id: ProducerId(4_000),
        epoch: ProducerEpoch(0),
        base_sequence: sequence,
    };
    let of = |sequence| request(0, batch(&[b"x".to_vec()], Some(stamp(sequence))));
    client.send(&of(0), 9).unwrap();
    client.send(&of(1), 9).unwrap();
    client.create("t").unwrap();
    client.send(&of(7), 9).unwrap();
    let end = client.receive().unwrap_err();
    assert_eq!(end.kind(), ErrorKind::UnexpectedEof, "{end}");
    let is_said = becomes(|| broker.said().contains("unacknowledged produce was refused"));
    assert!(is_said, "{}", broker.said());
    // What was taken before is read when it is committed, of which nobody is told.
    let mut reader = broker.connect();
    assert!(becomes(|| reader.read_all("t", 0).unwrap().len() == 2));
}

//! Memory that runs out: a broker under a limit answers with errors or ends loudly, and loses nothing that it acknowledged.

use std::collections::BTreeMap;
use std::thread;

use crate::harness::{Broker, Client, batch, becomes};

/// Limits of the address space in KiB: of the smallest ones a start comes to nothing.
const LIMITS_KIB: [u32; 5] = [40_000, 80_000, 120_000, 200_000, 400_000];

/// Writes large batches until one is not acknowledged, at most so many.
fn write(port: u16, partition: i32) -> BTreeMap<i64, Vec<u8>> {
    let mut acked = BTreeMap::new();
    let Ok(mut client) = Client::connect(port) else {
        return acked;
    };
    for n in 0..30 {
        let values: Vec<_> = (0..40)
            .map(|k| format!("{partition}/{n}/{k} {}", "m".repeat(20_000)).into_bytes())
            .collect();
        match client.produce("t", partition, batch(&values, None)) {
            Ok((0, base)) => acked.extend((base..).zip(values)),
            // Refused, or there is nobody any more.
            Ok(_) | Err(_) => return acked,
        }
        // What nobody takes stays in memory for a while.
        let _gone = client.read_some("t", partition, 0);
    }
    acked
}

#[test]
fn memory_that_runs_out_loses_nothing_acknowledged() {
    let mut ended = 0;
    for limit in LIMITS_KIB {
        let dir = tempfile::tempdir().unwrap();
        let broker = Broker::start_with(dir.path(), &["num.partitions=4"]);
        broker.connect().create("t").unwrap();
        let (data, port) = broker.kill();
        let limited = Broker::start_limited(&data, port, &format!("ulimit -v {limit}"));
        let acked = match limited {
            Err(said) => {
                ended += 1;
                assert!(
                    said.contains("memory") || said.contains("thread"),
                    "{limit}: {said}"
                );
                Vec::new()
            }
            Ok(mut broker) => {
                let acked: Vec<_> = thread::scope(|scope| {
                    let writers = [0, 1, 2, 3].map(|p| scope.spawn(move || write(port, p)));
                    writers.into_iter().map(|w| w.join().unwrap()).collect()
                });
                // It may be ending just now.
                becomes(|| !broker.is_running() || Client::connect(port).is_ok());
                if !broker.is_running() {
                    ended += 1;
                    let is_said = becomes(|| broker.said().contains("memory"));
                    assert!(is_said, "{limit}: it says why it ends: {}", broker.said());
                }
                acked
            }
        };
        let records: usize = acked.iter().map(BTreeMap::len).sum();
        println!("{limit} KiB: {records} records acknowledged, {ended} ended so far");
        let broker = Broker::start_on(&data, port, &[]).unwrap();
        for (partition, acked) in (0..).zip(acked) {
            let found: BTreeMap<_, _> = broker
                .connect()
                .read_all("t", partition)
                .unwrap()
                .into_iter()
                .collect();
            for (offset, value) in &acked {
                assert!(
                    found.get(offset) == Some(value),
                    "{limit}: {partition}/{offset}"
                );
            }
        }
    }
}

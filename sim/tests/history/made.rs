//! Short ways to write a history down.

use thalweg_sim::history::{
    Acks, Broken, Call, Invariant, Member, Observed, Operation, Outcome, Partition, Place,
    ProducerRef, Sent, check,
};

/// The partition of most histories.
pub(crate) fn partition() -> Partition {
    Partition {
        topic: "t".to_owned(),
        number: 0,
    }
}

/// An operation that took from one moment to the other.
pub(crate) fn at(invoked: u64, returned: u64, call: Call) -> Operation {
    Operation {
        invoked,
        returned: Some(returned),
        call,
    }
}

/// The body of a record, by its value.
pub(crate) fn body(value: &str) -> u64 {
    value
        .bytes()
        .fold(7, |sum, byte| sum * 31 + u64::from(byte))
}

pub(crate) fn send(values: &[&str], outcome: Outcome<i64>) -> Call {
    numbered(None, values, outcome)
}

/// A batch of an idempotent producer.
pub(crate) fn numbered(
    producer: Option<(i64, i64)>,
    values: &[&str],
    outcome: Outcome<i64>,
) -> Call {
    let records = values.iter().map(|value| Sent {
        value: (*value).to_owned(),
        body: body(value),
    });
    Call::Send {
        partition: partition(),
        acks: Acks::All,
        producer: producer.map(|(id, sequence)| ProducerRef {
            id,
            epoch: 0,
            sequence,
        }),
        records: records.collect(),
        outcome,
    }
}

/// Records whose timestamps are ten times their offsets.
pub(crate) fn observed(records: &[(i64, &str)]) -> Vec<Observed> {
    let records = records.iter().map(|&(offset, value)| Observed {
        offset,
        value: value.to_owned(),
        body: body(value),
        timestamp: offset * 10,
    });
    records.collect()
}

pub(crate) fn place(log_start: i64, high_watermark: i64, records: &[(i64, &str)]) -> Place {
    Place {
        log_start,
        high_watermark,
        records: observed(records),
    }
}

pub(crate) fn poll(
    consumer: &str,
    from: i64,
    high_watermark: i64,
    records: &[(i64, &str)],
) -> Call {
    Call::Poll {
        consumer: consumer.to_owned(),
        partition: partition(),
        from,
        outcome: Outcome::Ok(place(0, high_watermark, records)),
    }
}

pub(crate) fn drain(log_start: i64, high_watermark: i64, records: &[(i64, &str)]) -> Call {
    Call::Drain {
        partition: partition(),
        found: place(log_start, high_watermark, records),
    }
}

pub(crate) fn delete(before: i64, outcome: Outcome<i64>) -> Call {
    Call::DeleteRecords {
        partition: partition(),
        before,
        outcome,
    }
}

pub(crate) fn member(name: &str, generation: i32) -> Member {
    Member {
        group: "g".to_owned(),
        member: name.to_owned(),
        generation,
    }
}

pub(crate) fn assigned(name: &str, generation: i32, partitions: &[i32]) -> Call {
    let partitions = partitions.iter().map(|&number| Partition {
        number,
        ..partition()
    });
    Call::Assigned {
        member: member(name, generation),
        partitions: partitions.collect(),
    }
}

pub(crate) fn commit(generation: i32, offset: i64, outcome: Outcome<()>) -> Call {
    Call::Commit {
        member: member("a", generation),
        partition: partition(),
        offset,
        outcome,
    }
}

pub(crate) fn committed(position: Option<i64>) -> Call {
    Call::Committed {
        group: "g".to_owned(),
        partition: partition(),
        outcome: Outcome::Ok(position),
    }
}

/// One operation after the other, 10 apart, each taking 5.
pub(crate) fn in_turn(calls: impl IntoIterator<Item = Call>) -> Vec<Operation> {
    let times = (10..).step_by(10);
    times
        .zip(calls)
        .map(|(time, call)| at(time, time + 5, call))
        .collect()
}

/// The history breaks this promise and no other, and these operations show it.
#[track_caller]
pub(crate) fn breaks(history: &[Operation], invariant: Invariant, proof: &[usize]) {
    let broken = check(history);
    let found: Vec<&Broken> = broken
        .iter()
        .filter(|broken| broken.invariant == invariant)
        .collect();
    let ids = |broken: &Broken| -> Vec<usize> { broken.operations.iter().map(|id| id.0).collect() };
    assert!(
        found.iter().any(|broken| ids(broken) == proof),
        "{broken:#?}"
    );
    assert_eq!(found.len(), broken.len(), "{broken:#?}");
}

#[track_caller]
pub(crate) fn is_good(history: &[Operation]) {
    let broken = check(history);
    assert!(broken.is_empty(), "{broken:#?}\n{history:#?}");
}

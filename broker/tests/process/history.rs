//! What clients did and were told, written down for the checker of histories.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::Mutex;
use std::time::Instant;

use thalweg_model::batch::ProducerStamp;
use thalweg_sim::history::{
    Acks, Call, Member as GroupMember, Observed, Operation, Outcome, Partition, Place, ProducerRef,
    Sent, check, text,
};

use crate::harness::{Client, batch};

/// What was asked may have been done all the same.
pub(crate) const REQUEST_TIMED_OUT: i16 = 7;

/// A history in the making; threads share it.
#[derive(Debug)]
pub(crate) struct Recorder {
    start: Instant,
    /// It writes nothing down.
    is_deaf: bool,
    operations: Mutex<Vec<Operation>>,
}

/// Records with their offsets.
pub(crate) type Found = Vec<(i64, Vec<u8>)>;

/// Where a group is by partition; none where it has committed nothing.
pub(crate) type Positions = BTreeMap<i32, Option<i64>>;

impl Recorder {
    pub(crate) fn new() -> Self {
        Self {
            start: Instant::now(),
            is_deaf: false,
            operations: Mutex::default(),
        }
    }

    /// For those of whom nobody asks for a history.
    pub(crate) fn deaf() -> Self {
        Self {
            is_deaf: true,
            ..Self::new()
        }
    }

    fn now(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_nanos()).unwrap()
    }

    fn add(&self, invoked: u64, is_answered: bool, call: Call) {
        if self.is_deaf {
            return;
        }
        let returned = is_answered.then(|| self.now());
        self.operations.lock().unwrap().push(Operation {
            invoked,
            returned,
            call,
        });
    }

    /// Appends a batch with `acks=all`: error code and base offset.
    pub(crate) fn produce(
        &self,
        client: &mut Client,
        (topic, number): (&str, i32),
        values: &[Vec<u8>],
        stamp: Option<ProducerStamp>,
    ) -> io::Result<(i16, i64)> {
        let invoked = self.now();
        let answer = client.produce(topic, number, batch(values, stamp));
        let outcome = match &answer {
            Ok((0, base)) => Outcome::Ok(*base),
            Ok((REQUEST_TIMED_OUT, _)) => Outcome::Unknown,
            // Of codes that are not final none is expected here.
            Ok(_) => Outcome::Failed,
            Err(_) => Outcome::Unknown,
        };
        let call = Call::Send {
            partition: partition(topic, number),
            acks: Acks::All,
            producer: stamp.map(|stamp| ProducerRef {
                id: stamp.id.0,
                epoch: stamp.epoch.0,
                sequence: i64::from(stamp.base_sequence),
            }),
            records: values
                .iter()
                .map(|value| Sent {
                    value: name(value),
                    body: body(value),
                })
                .collect(),
            outcome,
        };
        self.add(invoked, answer.is_ok(), call);
        answer
    }

    /// Reads everything, as a consumer of this name.
    pub(crate) fn read_all(
        &self,
        client: &mut Client,
        (topic, number): (&str, i32),
        consumer: &str,
    ) -> Found {
        let invoked = self.now();
        let found = client.read_all(topic, number).unwrap();
        let call = Call::Poll {
            consumer: consumer.to_owned(),
            partition: partition(topic, number),
            from: 0,
            outcome: Outcome::Ok(place(&found)),
        };
        self.add(invoked, true, call);
        found
    }

    /// A member of a group is given partitions by what `ask` asks for.
    pub(crate) fn assigned<T>(
        &self,
        member: GroupMember,
        topic: &str,
        ask: impl FnOnce() -> io::Result<T>,
        given: impl FnOnce(&T) -> Option<Vec<i32>>,
    ) -> io::Result<T> {
        let invoked = self.now();
        let answer = ask()?;
        if let Some(numbers) = given(&answer) {
            let partitions = numbers.into_iter().map(|number| partition(topic, number));
            let call = Call::Assigned {
                member,
                partitions: partitions.collect(),
            };
            self.add(invoked, true, call);
        }
        Ok(answer)
    }

    /// A member commits a position; `ask` gives the error code.
    pub(crate) fn commit(
        &self,
        member: GroupMember,
        (topic, number): (&str, i32),
        offset: i64,
        ask: impl FnOnce() -> io::Result<i16>,
    ) -> io::Result<i16> {
        let invoked = self.now();
        let answer = ask();
        let outcome = match &answer {
            Ok(0) => Outcome::Ok(()),
            Ok(REQUEST_TIMED_OUT) | Err(_) => Outcome::Unknown,
            Ok(_) => Outcome::Failed,
        };
        let call = Call::Commit {
            member,
            partition: partition(topic, number),
            offset,
            outcome,
        };
        self.add(invoked, answer.is_ok(), call);
        answer
    }

    /// Somebody asks where a group is; `ask` gives the positions that there are.
    pub(crate) fn committed(
        &self,
        (group, topic): (&str, &str),
        ask: impl FnOnce() -> io::Result<Positions>,
    ) -> io::Result<Positions> {
        let invoked = self.now();
        let answer = ask()?;
        for (&number, &position) in &answer {
            let call = Call::Committed {
                group: group.to_owned(),
                partition: partition(topic, number),
                outcome: Outcome::Ok(position),
            };
            self.add(invoked, true, call);
        }
        Ok(answer)
    }

    /// The last look at everything.
    pub(crate) fn drain(&self, client: &mut Client, (topic, number): (&str, i32)) {
        let invoked = self.now();
        let found = client.read_all(topic, number).unwrap();
        let call = Call::Drain {
            partition: partition(topic, number),
            found: place(&found),
        };
        self.add(invoked, true, call);
    }

    /// Every promise was kept; else the history is left in a file, and the proof is told.
    pub(crate) fn assert_good(&self) -> usize {
        let operations = self.operations.lock().unwrap();
        let broken = check(&operations);
        if broken.is_empty() {
            return operations.len();
        }
        let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR"))
            .join(format!("history-{}.jsonl", std::process::id()));
        let lines: Vec<String> = operations.iter().map(text::line).collect();
        std::fs::write(&path, lines.join("\n")).unwrap();
        let told: Vec<String> = broken.iter().map(ToString::to_string).collect();
        panic!("{}\nthe history is in {}", told.join("\n"), path.display());
    }
}

fn partition(topic: &str, number: i32) -> Partition {
    Partition {
        topic: topic.to_owned(),
        number,
    }
}

/// Everything from the first offset to the high watermark: the reader asked until there was no more.
fn place(found: &Found) -> Place {
    let records = found.iter().map(|(offset, value)| Observed {
        offset: *offset,
        value: name(value),
        body: body(value),
        timestamp: -1,
    });
    Place {
        log_start: 0,
        high_watermark: found.last().map_or(0, |(offset, _)| offset + 1),
        records: records.collect(),
    }
}

/// A value names itself with what stands before its first blank.
fn name(value: &[u8]) -> String {
    let name = value.split(|&byte| byte == b' ').next().unwrap();
    String::from_utf8(name.to_vec()).unwrap()
}

/// FNV-1a.
fn body(value: &[u8]) -> u64 {
    value.iter().fold(0xcbf2_9ce4_8422_2325, |hash, &byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

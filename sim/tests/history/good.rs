//! Histories that a correct cluster gives: everything happens at one moment between question and answer.

use std::collections::BTreeMap;

use proptest::prelude::*;
use thalweg_sim::history::{Call, Operation, Outcome, Place, text};

use crate::made::{assigned, commit, committed, delete, is_good, numbered, observed, partition};

/// What a client does next.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// Producer, number of records, and how it ends.
    Send(u8, u8, Fate),
    /// Consumer, and how many records fit the answer.
    Poll(u8, u8),
    Seek(u8, u8),
    Delete(u8, Fate),
    Latest,
    Earliest,
    ByTime(u8),
    Rebalance(u8),
    Commit(Fate),
    Committed,
}

/// Whether something happens, and whether the client hears of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Done,
    DoneUnheard,
    NotDoneUnheard,
    Refused,
}

pub(crate) fn steps() -> impl Strategy<Value = Vec<(Step, u8, u8)>> {
    let fate = prop_oneof![
        6 => Just(Fate::Done),
        1 => Just(Fate::DoneUnheard),
        1 => Just(Fate::NotDoneUnheard),
        1 => Just(Fate::Refused),
    ];
    let step = prop_oneof![
        8 => (0..3_u8, 1..4_u8, fate.clone()).prop_map(|(p, n, f)| Step::Send(p, n, f)),
        8 => (0..3_u8, 1..6_u8).prop_map(|(c, n)| Step::Poll(c, n)),
        1 => (0..3_u8, any::<u8>()).prop_map(|(c, to)| Step::Seek(c, to)),
        1 => (any::<u8>(), fate.clone()).prop_map(|(to, f)| Step::Delete(to, f)),
        1 => Just(Step::Latest),
        1 => Just(Step::Earliest),
        1 => any::<u8>().prop_map(Step::ByTime),
        1 => (1..4_u8).prop_map(Step::Rebalance),
        3 => fate.prop_map(Step::Commit),
        3 => Just(Step::Committed),
    ];
    prop::collection::vec((step, 0..25_u8, 0..25_u8), 1..60)
}

/// The cluster, one thing after the other.
#[derive(Default)]
struct Model {
    log: Vec<String>,
    log_start: usize,
    position: Option<i64>,
    generation: i32,
    sent: usize,
    /// By producer: the next sequence, and the batch that it has to repeat with its place.
    sequences: BTreeMap<u8, i64>,
    repeat: BTreeMap<u8, (Vec<String>, Option<i64>)>,
    /// By consumer: session and next offset.
    consumers: BTreeMap<u8, (usize, usize)>,
    committed: i64,
}

fn int(value: usize) -> i64 {
    i64::try_from(value).unwrap()
}

fn outcome<T>(fate: Fate, answer: T) -> Outcome<T> {
    match fate {
        Fate::Done => Outcome::Ok(answer),
        Fate::DoneUnheard | Fate::NotDoneUnheard => Outcome::Unknown,
        Fate::Refused => Outcome::Failed,
    }
}

impl Model {
    fn is_done(fate: Fate) -> bool {
        matches!(fate, Fate::Done | Fate::DoneUnheard)
    }

    /// What the client asked and was told; who it was.
    fn step(&mut self, step: &Step) -> (String, Vec<Call>) {
        match *step {
            Step::Send(producer, count, fate) => (
                format!("p{producer}"),
                vec![self.send(producer, count, fate)],
            ),
            Step::Poll(consumer, count) => {
                (format!("c{consumer}"), vec![self.poll(consumer, count)])
            }
            Step::Seek(consumer, to) => {
                let (session, _) = self.consumers.entry(consumer).or_default();
                let session = *session + 1;
                let span = self.log.len() - self.log_start + 1;
                let to = self.log_start + usize::from(to) % span;
                self.consumers.insert(consumer, (session, to));
                (format!("c{consumer}"), vec![])
            }
            Step::Delete(to, fate) => {
                let to = self.log_start + usize::from(to) % (self.log.len() - self.log_start + 1);
                if Self::is_done(fate) {
                    self.log_start = to;
                }
                (
                    "admin".to_owned(),
                    vec![delete(int(to), outcome(fate, int(to)))],
                )
            }
            Step::Latest => (
                "l".to_owned(),
                vec![Call::Latest {
                    partition: partition(),
                    outcome: Outcome::Ok(int(self.log.len())),
                }],
            ),
            Step::Earliest => (
                "e".to_owned(),
                vec![Call::Earliest {
                    partition: partition(),
                    outcome: Outcome::Ok(int(self.log_start)),
                }],
            ),
            Step::ByTime(time) => ("t".to_owned(), vec![self.by_time(i64::from(time))]),
            Step::Rebalance(members) => {
                self.generation += 1;
                let calls = (0..members).map(|member| {
                    assigned(&format!("m{member}"), self.generation, &[i32::from(member)])
                });
                ("group".to_owned(), calls.collect())
            }
            Step::Commit(fate) => {
                self.committed += 1;
                if Self::is_done(fate) {
                    self.position = Some(self.committed);
                }
                let call = commit(self.generation, self.committed, outcome(fate, ()));
                ("group".to_owned(), vec![call])
            }
            Step::Committed => ("r".to_owned(), vec![committed(self.position)]),
        }
    }

    fn send(&mut self, producer: u8, count: u8, fate: Fate) -> Call {
        let (values, place) = self.repeat.remove(&producer).unwrap_or_else(|| {
            let values = (0..count).map(|_| {
                self.sent += 1;
                format!("v{}", self.sent)
            });
            (values.collect(), None)
        });
        let is_idempotent = producer > 0;
        let next = self.sequences.entry(producer).or_default();
        let sequence = *next;
        let base = match place {
            Some(base) if is_idempotent => base,
            _ => int(self.log.len()),
        };
        let known = place.is_some() && is_idempotent;
        if Self::is_done(fate) && !known {
            self.log.extend(values.iter().cloned());
        }
        match fate {
            Fate::Done | Fate::Refused => {
                // Who was refused while an earlier attempt is there repeats it again.
                if fate == Fate::Refused {
                    if known {
                        self.repeat.insert(producer, (values.clone(), place));
                    }
                } else {
                    *next += int(values.len());
                }
            }
            Fate::DoneUnheard => {
                self.repeat.insert(producer, (values.clone(), Some(base)));
            }
            Fate::NotDoneUnheard => {
                let place = place.filter(|_| known);
                self.repeat.insert(producer, (values.clone(), place));
            }
        }
        let values: Vec<&str> = values.iter().map(String::as_str).collect();
        let producer = is_idempotent.then_some((i64::from(producer), sequence));
        numbered(producer, &values, outcome(fate, base))
    }

    fn records(&self, from: usize, most: usize) -> Place {
        let end = self.log.len().min(from.saturating_add(most));
        let records: Vec<(i64, &str)> = (from..end)
            .map(|offset| (int(offset), self.log[offset].as_str()))
            .collect();
        Place {
            log_start: int(self.log_start),
            high_watermark: int(self.log.len()),
            records: observed(&records),
        }
    }

    fn poll(&mut self, consumer: u8, count: u8) -> Call {
        let (session, from) = self.consumers.get(&consumer).copied().unwrap_or_default();
        // What was deleted is passed over.
        let from = from.max(self.log_start);
        let place = self.records(from, usize::from(count));
        self.consumers
            .insert(consumer, (session, from + place.records.len()));
        Call::Poll {
            consumer: format!("c{consumer}/{session}"),
            partition: partition(),
            from: int(from),
            outcome: Outcome::Ok(place),
        }
    }

    fn by_time(&self, timestamp: i64) -> Call {
        let all = self.records(self.log_start, usize::MAX);
        let found = all
            .records
            .iter()
            .find(|record| record.timestamp >= timestamp);
        Call::ByTime {
            partition: partition(),
            timestamp,
            outcome: Outcome::Ok(found.map(|record| (record.offset, record.timestamp))),
        }
    }
}

/// The history that the steps give.
pub(crate) fn history(steps: &[(Step, u8, u8)]) -> Vec<Operation> {
    let mut model = Model::default();
    let mut operations: Vec<Operation> = Vec::new();
    let mut last: BTreeMap<String, usize> = BTreeMap::new();
    let mut moment = 100;
    for (step, before, after) in steps {
        moment += 10;
        let (who, calls) = model.step(step);
        for call in calls {
            // One client asks one thing at a time.
            let mut invoked = moment - u64::from(*before);
            if let Some(&at) = last.get(&who) {
                let ended = operations[at]
                    .returned
                    .unwrap_or(moment - 2)
                    .min(moment - 2);
                if operations[at].returned.is_some() {
                    operations[at].returned = Some(ended.max(operations[at].invoked));
                }
                invoked = invoked.max(ended + 1).min(moment);
            }
            let is_unheard = match &call {
                Call::Send { outcome, .. } => *outcome == Outcome::Unknown,
                Call::Commit { outcome, .. } => *outcome == Outcome::Unknown,
                _ => false,
            };
            let returned = (!is_unheard).then_some(moment + u64::from(*after));
            if who != "group" {
                last.insert(who.clone(), operations.len());
            }
            operations.push(Operation {
                invoked,
                returned,
                call,
            });
        }
    }
    let found = model.records(model.log_start, usize::MAX);
    operations.push(Operation {
        invoked: moment + 100,
        returned: Some(moment + 200),
        call: Call::Drain {
            partition: partition(),
            found,
        },
    });
    operations
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn good_histories_pass(steps in steps()) {
        is_good(&history(&steps));
    }

    #[test]
    fn a_history_survives_its_text(steps in steps()) {
        let history = history(&steps);
        let lines: Vec<String> = history.iter().map(text::line).collect();
        prop_assert_eq!(text::parse(&lines.join("\n")).unwrap(), history);
    }
}

#[test]
fn a_line_that_is_no_operation_is_named() {
    let error = text::parse("\n{\"invoked\":1}\n").unwrap_err();
    assert!(error.to_string().starts_with("line 2: "), "{error}");
}

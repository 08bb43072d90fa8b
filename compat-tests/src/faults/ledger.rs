//! What a writer was told of each record, and what must hold of the stored ones then.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail, ensure};

use crate::record::Consumed;

/// What a writer said about one record.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Told {
    /// Where it is; a library may know that it is there and not where.
    Acknowledged {
        partition: usize,
        offset: Option<usize>,
    },
    /// The library gave it up, and what it calls the reason.
    Failed(String),
}

/// One writer's records, by number.
#[derive(Debug)]
pub(crate) struct Ledger {
    partitions: usize,
    told: BTreeMap<usize, Told>,
    /// How many records it sent, once it has ended.
    pub(crate) sent: Option<usize>,
}

/// A stored record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stored {
    pub(crate) partition: usize,
    pub(crate) offset: usize,
    pub(crate) number: usize,
}

impl Stored {
    /// Which record it is.
    ///
    /// # Errors
    /// When its key and value are not those of a numbered record.
    pub(crate) fn of(consumed: &Consumed) -> Result<Self> {
        let key = consumed.record.key.as_deref().unwrap_or_default();
        let number = std::str::from_utf8(key)
            .ok()
            .and_then(|key| key.parse().ok());
        let place = || {
            format!(
                "{}[{}] {}",
                consumed.topic, consumed.partition, consumed.offset
            )
        };
        let number = number.with_context(|| format!("no number is at {}", place()))?;
        ensure!(
            consumed.record.value.as_deref() == Some(&steady_value(number)[..]),
            "the value of record {number} at {} is another one",
            place()
        );
        Ok(Self {
            partition: consumed.partition,
            offset: consumed.offset,
            number,
        })
    }
}

/// The value of a record, a pure function of its number; each client has the same.
fn steady_value(number: usize) -> Vec<u8> {
    let letters =
        (0..number * 7919 % 1500).map(|i| b"abcdefghijklmnopqrstuvwxyz"[(number + i) % 26]);
    format!("{number}:")
        .into_bytes()
        .into_iter()
        .chain(letters)
        .collect()
}

impl Ledger {
    /// A writer that spreads its records over this many partitions.
    pub(crate) fn new(partitions: usize) -> Self {
        Self {
            partitions,
            told: BTreeMap::new(),
            sent: None,
        }
    }

    /// Takes a line of the writer.
    ///
    /// # Errors
    /// When it is none of the contract's, or contradicts an earlier one.
    pub(crate) fn add(&mut self, line: &str) -> Result<()> {
        let fields: Vec<&str> = line.split('\t').collect();
        let (number, told) = match fields[..] {
            ["acknowledged", number, partition, offset] => {
                let partition = partition.parse()?;
                // A negative offset is one that the library does not know.
                let offset = offset.parse::<i64>()?;
                let offset = usize::try_from(offset).ok();
                (number, Told::Acknowledged { partition, offset })
            }
            ["failed", number, why] => (number, Told::Failed(why.to_owned())),
            ["sent", count] => {
                self.sent = Some(count.parse()?);
                return Ok(());
            }
            _ => bail!("no line of the contract: {line}"),
        };
        let number = number.parse()?;
        let before = self.told.insert(number, told);
        ensure!(
            before.is_none(),
            "record {number} was told of twice: {line}"
        );
        Ok(())
    }

    /// How many are acknowledged.
    pub(crate) fn acknowledged(&self) -> usize {
        let is_acknowledged = |told: &&Told| matches!(told, Told::Acknowledged { .. });
        self.told.values().filter(is_acknowledged).count()
    }

    /// What the library calls the reasons for which it gave records up.
    pub(crate) fn failures(&self) -> BTreeMap<&str, usize> {
        let mut failures = BTreeMap::new();
        for told in self.told.values() {
            if let Told::Failed(why) = told {
                *failures.entry(why.as_str()).or_default() += 1;
            }
        }
        failures
    }

    /// Every acknowledged record is at its offset, each partition has its records in order, none twice and none left out, and the
    /// library gave up none.
    ///
    /// # Errors
    /// The first thing that does not hold.
    pub(crate) fn judge(&self, stored: &[Stored]) -> Result<()> {
        let sent = self.sent.context("the writer did not end in good order")?;
        let places = self.in_order(stored, sent)?;
        for number in 0..sent {
            let found = places.get(&number);
            match (self.told.get(&number), found) {
                (None, _) => bail!("the writer never heard of record {number}"),
                (Some(Told::Failed(why)), _) => bail!("record {number} was given up: {why}"),
                (Some(Told::Acknowledged { .. }), None) => {
                    bail!("record {number} was acknowledged and is not there");
                }
                (Some(Told::Acknowledged { partition, offset }), Some(found)) => ensure!(
                    *partition == found.partition
                        && offset.is_none_or(|offset| offset == found.offset),
                    "record {number} was acknowledged at {partition}/{offset:?} and is at {}/{}",
                    found.partition,
                    found.offset
                ),
            }
        }
        Ok(())
    }

    /// Where each record is, when every partition has ascending offsets without a gap and ascending numbers.
    fn in_order(&self, stored: &[Stored], sent: usize) -> Result<BTreeMap<usize, Stored>> {
        let mut places = BTreeMap::new();
        let mut due: Vec<(usize, usize)> = (0..self.partitions).map(|first| (0, first)).collect();
        for &record in stored {
            let (offset, number) = due
                .get_mut(record.partition)
                .with_context(|| format!("{record:?} is in no partition of the topic"))?;
            ensure!(
                record.offset == *offset && record.number == *number,
                "record {number} was due at {offset} of partition {}, not {record:?}",
                record.partition
            );
            ensure!(record.number < sent, "{record:?} was never sent");
            *offset += 1;
            *number += self.partitions;
            places.insert(record.number, record);
        }
        Ok(places)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Record;

    /// Seven records in two partitions, all acknowledged, one without its offset.
    fn told() -> Ledger {
        let mut ledger = Ledger::new(2);
        for number in [1, 0, 2, 3, 5, 4] {
            let line = format!("acknowledged\t{number}\t{}\t{}", number % 2, number / 2);
            ledger.add(&line).unwrap();
        }
        ledger.add("acknowledged\t6\t0\t-1").unwrap();
        ledger.add("sent\t7").unwrap();
        ledger
    }

    fn stored() -> Vec<Stored> {
        let place = |number| Stored {
            partition: number % 2,
            offset: number / 2,
            number,
        };
        (0..7).map(place).collect()
    }

    #[test]
    fn what_was_told_and_is_there_passes() {
        told().judge(&stored()).unwrap();
        assert_eq!(told().acknowledged(), 7);
    }

    #[test]
    fn an_acknowledged_record_that_is_gone_is_found() {
        for gone in 0..7 {
            let mut stored = stored();
            stored.remove(gone);
            told().judge(&stored).expect_err("one is missing");
            // Even when those after it moved up, as if it had never been.
            for record in &mut stored {
                if record.partition == gone % 2 && record.number > gone {
                    record.offset -= 1;
                }
            }
            told().judge(&stored).expect_err("one is missing");
        }
    }

    #[test]
    fn a_record_that_is_twice_there_is_found() {
        let mut twice = stored();
        twice.push(Stored {
            partition: 0,
            offset: 4,
            number: 6,
        });
        told().judge(&twice).expect_err("6 is there twice");
    }

    #[test]
    fn records_in_another_order_are_found() {
        let mut swapped = stored();
        (swapped[0].number, swapped[2].number) = (2, 0);
        told().judge(&swapped).expect_err("2 is before 0");
    }

    #[test]
    fn records_that_nobody_sent_are_found() {
        let mut more = stored();
        more.push(Stored {
            partition: 1,
            offset: 3,
            number: 7,
        });
        told().judge(&more).expect_err("7 was not sent");
    }

    #[test]
    fn what_a_writer_was_told_must_be_all_and_once() {
        let mut ledger = told();
        ledger.add("acknowledged\t6\t0\t3").expect_err("told twice");
        let mut ledger = told();
        ledger.told.remove(&3);
        ledger.judge(&stored()).expect_err("nothing was told of 3");
        ledger.add("failed\t3\tTimeoutException").unwrap();
        assert_eq!(ledger.failures(), BTreeMap::from([("TimeoutException", 1)]));
        ledger.judge(&stored()).expect_err("3 was given up");
        ledger.told.remove(&3);
        ledger.add("acknowledged\t3\t1\t2").unwrap();
        ledger.judge(&stored()).expect_err("3 is at another offset");
    }

    #[test]
    fn a_writer_that_did_not_end_is_found() {
        let mut ledger = told();
        ledger.sent = None;
        ledger.judge(&stored()).expect_err("it may have sent more");
    }

    #[test]
    fn a_record_is_its_number_and_its_bytes() {
        let consumed = |key: &str, value: Vec<u8>| Consumed {
            topic: "t".to_owned(),
            partition: 1,
            offset: 5,
            record: Record {
                timestamp: None,
                key: Some(key.into()),
                value: Some(value),
                headers: Vec::new(),
            },
        };
        assert_eq!(
            Stored::of(&consumed("7", steady_value(7))).unwrap().number,
            7
        );
        Stored::of(&consumed("8", steady_value(7))).expect_err("the value is that of 7");
        Stored::of(&consumed("x", steady_value(7))).expect_err("no number");
        let mut flipped = steady_value(7);
        flipped[100] ^= 1;
        Stored::of(&consumed("7", flipped)).expect_err("a bit is flipped");
    }
}

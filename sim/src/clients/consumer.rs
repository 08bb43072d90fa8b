//! A consumer that reads one partition from its start, without end.

use std::collections::BTreeMap;

use thalweg_model::{BrokerId, LeaderEpoch, Offset, TopicPartition};

use super::{Client, Context, LeaderGuess};
use crate::call::{CallId, Fetched, Reply, Request};
use crate::violation::Violation;

#[derive(Debug)]
struct Asked {
    call: CallId,
    /// The marks that were told before.
    known: BTreeMap<LeaderEpoch, i64>,
}

/// Reads and compares with what is true.
#[derive(Debug)]
pub(crate) struct Consumer {
    /// The partition it stays with; without one it goes from one to the other.
    assigned: Option<TopicPartition>,
    partition: Option<TopicPartition>,
    guess: LeaderGuess,
    /// Where its log began when it began to read.
    start: Offset,
    next: Offset,
    asked: Option<Asked>,
    /// Reads until it has everything that is there, then no more.
    drains: bool,
    drained: bool,
    /// The one node it reads from.
    node: Option<BrokerId>,
    /// It takes what the node has, whether it leads or not.
    at_replica: bool,
    /// How long it waits after an answer that was none, at most.
    patience_us: u64,
}

impl Consumer {
    /// One that wanders.
    pub(crate) fn wandering() -> Self {
        Self::new(None, false, None)
    }

    /// One that wanders from partition to partition, and stays with a node.
    pub(crate) fn watching(node: BrokerId, at_replica: bool) -> Self {
        Self {
            at_replica,
            patience_us: 10_000,
            ..Self::new(None, false, Some(node))
        }
    }

    /// One that reads all of a partition and then compares.
    /// It reads from the leader, or from the replica on a node.
    pub(crate) fn draining(partition: TopicPartition, node: Option<BrokerId>) -> Self {
        Self::new(Some(partition), true, node)
    }

    fn new(assigned: Option<TopicPartition>, drains: bool, node: Option<BrokerId>) -> Self {
        Self {
            assigned,
            partition: assigned,
            guess: LeaderGuess::default(),
            start: Offset::ZERO,
            next: Offset::ZERO,
            asked: None,
            drains,
            drained: false,
            node,
            at_replica: node.is_some(),
            patience_us: 100_000,
        }
    }

    fn ask(&mut self, cx: &mut Context<'_>) {
        if self.asked.is_some() || self.drained || (cx.ending && !self.drains) {
            return;
        }
        let gone = self.partition.is_none_or(|of| !cx.directory.exists(of));
        if gone || (self.assigned.is_none() && cx.random.percent(2)) {
            self.partition = cx.random.pick(&cx.directory.partitions()).copied();
            self.next = Offset::ZERO;
        }
        let guess = self
            .partition
            .and_then(|of| self.guess.node(cx.directory, of));
        let node = self.node.or(guess);
        let (Some(partition), Some(node)) = (self.partition, node) else {
            return cx.wake(100_000, 200_000);
        };
        let bytes_max = cx.random.between(1, 4_000);
        let request = Request::Fetch {
            partition,
            from: self.next,
            bytes_max: usize::try_from(bytes_max).unwrap_or(1),
            wait_us: if self.drains { 0 } else { 100_000 },
            at_replica: self.at_replica,
        };
        let known = cx.truth.known_marks(partition);
        let call = cx.call(node, request);
        self.asked = Some(Asked { call, known });
    }

    fn fetched(
        &mut self,
        partition: TopicPartition,
        found: &Fetched,
        known: &BTreeMap<LeaderEpoch, i64>,
        cx: &mut Context<'_>,
    ) -> Result<(), Violation> {
        if let Some(epoch) = found.epoch {
            cx.truth.marks(partition, epoch, found.marks, known)?;
        }
        let high = found.marks.high_watermark;
        if let Some(last) = found.batches.last()
            && last.header().next_offset() > high
        {
            let seen = format!("{partition}: {:?} above {high}", last.header());
            return Err(Violation::new(
                "nobody reads above the high watermark",
                seen,
            ));
        }
        let next = cx
            .truth
            .read(partition, self.next.value(), &found.batches)?;
        self.next = Offset::new(next);
        let all = cx.truth.high_watermark(partition);
        if self.drains && self.next >= found.marks.high_watermark && next >= all {
            self.drained = true;
            let (start, end) = (self.start.value(), self.next.value());
            return cx.truth.drained(partition, start, end);
        }
        if found.batches.is_empty() && self.drains && self.next < found.marks.high_watermark {
            let seen = format!("{partition}: nothing at {next}, {:?}", found.marks);
            return Err(Violation::new("what is committed can be read", seen));
        }
        cx.wake(0, 5_000);
        Ok(())
    }
}

impl Client for Consumer {
    fn turn(&mut self, cx: &mut Context<'_>) -> Result<(), Violation> {
        self.ask(cx);
        Ok(())
    }

    fn answered(
        &mut self,
        call: CallId,
        reply: Reply,
        cx: &mut Context<'_>,
    ) -> Result<(), Violation> {
        let asked = self.asked.take_if(|asked| asked.call == call);
        let (Some(asked), Some(partition)) = (asked, self.partition) else {
            return Ok(());
        };
        if !cx.directory.exists(partition) {
            cx.wake(0, 10_000);
            return Ok(());
        }
        match reply {
            Reply::Fetched(found) => self.fetched(partition, &found, &asked.known, cx)?,
            Reply::OutOfRange(marks) => {
                let (low, high) = (marks.log_start, marks.high_watermark);
                if self.next >= low && self.next <= high {
                    let seen = format!("{partition}: {} is inside {marks:?}", self.next);
                    return Err(Violation::new("an offset inside the log is served", seen));
                }
                if self.next > high && self.drains && self.node.is_none() {
                    let seen = format!("{partition}: {} is beyond {marks:?}", self.next);
                    return Err(Violation::new("the high watermark never falls", seen));
                }
                self.start = low;
                self.next = low;
                cx.wake(0, 5_000);
            }
            Reply::Unreadable(why) => {
                let seen = format!("{partition} at {}: {why}", self.next);
                return Err(Violation::new("what is committed can be read", seen));
            }
            Reply::NotHere | Reply::Unreachable | Reply::Unknown => {
                self.guess.was_wrong();
                cx.wake(1_000, self.patience_us);
            }
            Reply::Produced(_)
            | Reply::Refused(_)
            | Reply::Deleted(_)
            | Reply::Group(_)
            | Reply::Heartbeat(_)
            | Reply::Administered(_) => {}
        }
        Ok(())
    }

    fn waits_for(&self) -> Option<String> {
        let partition = self.partition?;
        let waits = if self.drains {
            !self.drained
        } else {
            self.asked.is_some()
        };
        waits.then(|| format!("a reader of {partition} at {}", self.next))
    }
}

//! What one group did to one topic, in the order in which it was reported, and what must hold of it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use super::event::Event;

/// Names of the members, in order of their joining.
pub(crate) type Member = &'static str;

/// The history of a group, checked as it grows.
#[derive(Debug)]
pub(crate) struct History {
    partitions: Vec<Partition>,
    /// Commits younger than this do not count against a takeover.
    grace: Duration,
    /// Reads of a record that somebody had read before: allowed after a rebalance, counted.
    pub(crate) repeated: usize,
    /// Assignment events, for the reader of a failure.
    pub(crate) assignments: Vec<String>,
}

#[derive(Debug, Default)]
struct Partition {
    /// First offset that nobody has read yet.
    unread: usize,
    /// Commits that the broker agreed to, in the order of their reports.
    commits: Vec<(Instant, usize)>,
    /// Where each member would go on.
    positions: BTreeMap<Member, usize>,
    /// Who read last, and when.
    owner: Option<(Member, Instant)>,
}

impl Partition {
    /// Highest commit that was reported until `until`.
    fn committed(&self, until: Instant) -> usize {
        let old = self.commits.iter().filter(|(at, _)| *at <= until);
        old.map(|(_, offset)| *offset).max().unwrap_or_default()
    }
}

impl History {
    /// The history of a topic with this many partitions.
    pub(crate) fn new(partitions: usize, grace: Duration) -> Self {
        Self {
            partitions: (0..partitions).map(|_| Partition::default()).collect(),
            grace,
            repeated: 0,
            assignments: Vec::new(),
        }
    }

    /// Adds what a member reported.
    ///
    /// # Errors
    /// When it skipped a record, or took a partition up before the last commit.
    pub(crate) fn add(&mut self, member: Member, event: &Event, at: Instant) -> Result<()> {
        match event {
            Event::Record(record) => self.read(member, record.partition, record.offset, at),
            Event::Committed { partition, offset } => {
                let known = self.partition(*partition)?;
                ensure!(
                    *offset <= known.unread,
                    "{member} committed {offset} of partition {partition}, of which only {} were read",
                    known.unread
                );
                known.commits.push((at, *offset));
                Ok(())
            }
            Event::Assignment(text) => {
                self.assignments.push(format!("{member} {text}"));
                Ok(())
            }
            Event::Left => {
                self.forget(member);
                Ok(())
            }
        }
    }

    fn read(&mut self, member: Member, partition: usize, offset: usize, at: Instant) -> Result<()> {
        let grace = self.grace;
        let known = self.partition(partition)?;
        if known.positions.get(member) != Some(&offset) {
            // A partition was taken up (again): not after the first unread record, not before the last commit.
            ensure!(
                offset <= known.unread,
                "{member} took partition {partition} up at {offset}: {} to {} are skipped",
                known.unread,
                offset - 1
            );
            let committed = known.committed(at.checked_sub(grace).unwrap_or(at));
            ensure!(
                offset >= committed,
                "{member} took partition {partition} up at {offset}, but {committed} was committed"
            );
        }
        known.positions.insert(member, offset + 1);
        known.owner = Some((member, at));
        let repeated = offset < known.unread;
        known.unread = known.unread.max(offset + 1);
        self.repeated += usize::from(repeated);
        Ok(())
    }

    fn partition(&mut self, partition: usize) -> Result<&mut Partition> {
        let count = self.partitions.len();
        let known = self.partitions.get_mut(partition);
        known.ok_or_else(|| anyhow::anyhow!("partition {partition} of {count} should not be there"))
    }

    /// A member is gone: whatever it comes back with is a new start.
    pub(crate) fn forget(&mut self, member: Member) {
        for partition in &mut self.partitions {
            partition.positions.remove(member);
        }
    }

    /// Whether, since `since`, every partition was read by one of `members`, and each of them reads some.
    pub(crate) fn is_shared_by(&self, members: &BTreeSet<Member>, since: Instant) -> bool {
        let owners: Option<BTreeSet<Member>> = self
            .partitions
            .iter()
            .map(|partition| {
                let (owner, at) = partition.owner?;
                (at >= since && members.contains(owner)).then_some(owner)
            })
            .collect();
        owners.is_some_and(|owners| owners == *members)
    }

    /// Whether partition `p` was read up to `ends[p]`, everywhere.
    pub(crate) fn reached(&self, ends: &[usize]) -> bool {
        let pairs = self.partitions.iter().zip(ends);
        pairs
            .into_iter()
            .all(|(partition, end)| partition.unread >= *end)
    }

    /// Records that were read at least once.
    pub(crate) fn read_count(&self) -> usize {
        self.partitions
            .iter()
            .map(|partition| partition.unread)
            .sum()
    }

    /// One line on where the group stands, for the reader of a failure.
    pub(crate) fn summary(&self) -> String {
        let partitions = self.partitions.iter().enumerate().map(|(number, known)| {
            let owner = known.owner.map_or("nobody", |(owner, _)| owner);
            format!(
                "{number}: read {} committed {} by {owner}",
                known.unread,
                known.commits.last().map_or(0, |(_, offset)| *offset)
            )
        });
        let state = partitions.collect::<Vec<_>>().join("; ");
        format!("{state}; events: {}", self.assignments.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;
    use crate::record::{Consumed, Record};

    fn record(partition: usize, offset: usize) -> Event {
        let record = Record {
            timestamp: None,
            key: None,
            value: None,
            headers: Vec::new(),
        };
        let topic = "t".to_owned();
        Event::Record(Consumed {
            topic,
            partition,
            offset,
            record,
        })
    }

    fn committed(partition: usize, offset: usize) -> Event {
        Event::Committed { partition, offset }
    }

    fn play(steps: &[(Member, Event)]) -> Result<History> {
        let mut history = History::new(2, Duration::ZERO);
        for (member, event) in steps {
            history.add(member, event, clock::now())?;
        }
        Ok(history)
    }

    fn refusal(steps: &[(Member, Event)]) -> String {
        play(steps)
            .expect_err("a bad history must be found")
            .to_string()
    }

    #[test]
    fn a_takeover_from_the_commit_repeats_what_was_not_committed() {
        let history = play(&[
            ("a", record(0, 0)),
            ("a", record(0, 1)),
            ("a", committed(0, 1)),
            ("b", record(0, 1)),
            ("b", record(0, 2)),
        ]);
        assert_eq!(history.unwrap().repeated, 1);
    }

    #[test]
    fn a_skipped_record_is_found() {
        let error = refusal(&[("a", record(0, 0)), ("a", record(0, 2))]);
        assert!(error.contains("1 to 1 are skipped"), "{error}");
        let error = refusal(&[("a", record(0, 0)), ("b", record(0, 2))]);
        assert!(error.contains("1 to 1 are skipped"), "{error}");
        refusal(&[("a", record(1, 1))]);
    }

    #[test]
    fn a_lost_commit_is_found() {
        let before = [
            ("a", record(0, 0)),
            ("a", record(0, 1)),
            ("a", committed(0, 2)),
        ];
        let mut steps = before.to_vec();
        steps.push(("b", record(0, 1)));
        assert!(refusal(&steps).contains("but 2 was committed"));
        let mut steps = before.to_vec();
        steps.push(("a", record(0, 0)));
        refusal(&steps);
    }

    #[test]
    fn grace_forgives_the_last_moment_only() {
        let grace = Duration::from_secs(2);
        let start = clock::now();
        for (takeover_after, forgiven) in [(1, true), (3, false)] {
            let mut history = History::new(1, grace);
            for (event, at) in [(record(0, 0), start), (committed(0, 1), start)] {
                history.add("a", &event, at).unwrap();
            }
            let at = start + Duration::from_secs(takeover_after);
            let takeover = history.add("b", &record(0, 0), at);
            assert_eq!(takeover.is_ok(), forgiven);
        }
    }

    #[test]
    fn a_commit_of_something_unread_is_found() {
        refusal(&[("a", record(0, 0)), ("a", committed(0, 2))]);
        refusal(&[("a", committed(7, 0))]);
    }

    #[test]
    fn sharing_needs_every_partition_and_every_member() {
        let start = clock::now();
        let both = BTreeSet::from(["a", "b"]);
        let history = play(&[("a", record(0, 0)), ("a", record(1, 0))]).unwrap();
        assert!(!history.is_shared_by(&both, start));
        assert!(history.is_shared_by(&BTreeSet::from(["a"]), start));
        let history = play(&[("a", record(0, 0)), ("b", record(1, 0))]).unwrap();
        assert!(history.is_shared_by(&both, start));
        assert!(!history.is_shared_by(&BTreeSet::from(["b"]), start));
        assert!(!history.is_shared_by(&both, clock::now()));
    }

    #[test]
    fn the_end_is_reached_when_every_partition_is_read() {
        let history = play(&[("a", record(0, 0)), ("a", record(1, 0))]).unwrap();
        assert!(history.reached(&[1, 1]));
        assert!(!history.reached(&[1, 2]));
    }
}

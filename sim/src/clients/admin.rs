//! Creates and deletes partitions, and deletes records.

use thalweg_log::LogConfig;
use thalweg_model::{BrokerId, Offset, TopicPartition};

use super::{Client, Context, LeaderGuess};
use crate::call::{CallId, Reply, Request};
use crate::violation::Violation;

/// What an administrator is allowed to do, and how the topics are set.
#[derive(Clone, Debug)]
pub(crate) struct AdminRules {
    pub(crate) nodes: Vec<BrokerId>,
    pub(crate) partitions_max: usize,
    pub(crate) deletes_records: bool,
    /// Few records are left then.
    pub(crate) deletes_most: bool,
    pub(crate) deletes_topics: bool,
    pub(crate) moves: bool,
    pub(crate) config: LogConfig,
    pub(crate) pause_us: u64,
}

/// An administrator.
#[derive(Debug)]
pub(crate) struct Admin {
    rules: AdminRules,
    guess: LeaderGuess,
    asked: Option<(CallId, TopicPartition, i64)>,
}

impl Admin {
    pub(crate) fn new(rules: AdminRules) -> Self {
        Self {
            rules,
            guess: LeaderGuess::default(),
            asked: None,
        }
    }

    /// Moves a partition to some of the nodes, never to less than a majority of them.
    fn move_partition(&self, partition: TopicPartition, cx: &mut Context<'_>) {
        let mut nodes = self.rules.nodes.clone();
        for _ in 0..cx.random.below(2) {
            let length = u64::try_from(nodes.len()).unwrap_or(1);
            let at = usize::try_from(cx.random.below(length)).unwrap_or(0);
            if nodes.len() > 2 {
                nodes.swap_remove(at);
            }
        }
        cx.directory.reassign(partition, &nodes);
    }

    fn deletes(&self, die: u64) -> bool {
        let sides = if self.rules.deletes_most {
            1..=9
        } else {
            1..=3
        };
        self.rules.deletes_records && self.asked.is_none() && sides.contains(&die)
    }

    fn delete_records(&mut self, partition: TopicPartition, cx: &mut Context<'_>) {
        let high = cx.truth.high_watermark(partition);
        let high = u64::try_from(high).unwrap_or(0);
        let up_to = if self.rules.deletes_most && cx.random.percent(70) {
            high - cx.random.below(high / 8 + 1)
        } else {
            cx.random.below(high + 1)
        };
        let up_to = i64::try_from(up_to).unwrap_or(0);
        let Some(node) = self.guess.node(cx.directory, partition) else {
            return;
        };
        cx.truth.deleting(partition, up_to);
        let request = Request::DeleteRecords {
            partition,
            up_to: Some(Offset::new(up_to)),
        };
        self.asked = Some((cx.call(node, request), partition, up_to));
    }
}

impl Client for Admin {
    fn turn(&mut self, cx: &mut Context<'_>) -> Result<(), Violation> {
        if cx.ending {
            return Ok(());
        }
        let partitions = cx.directory.partitions();
        let chosen = cx.random.pick(&partitions).copied();
        if self.rules.moves && cx.random.percent(20) {
            let offsets = cx.directory.offsets();
            let of_groups = cx.random.pick(&offsets).copied();
            if let Some(partition) = of_groups.filter(|_| cx.random.percent(30)).or(chosen) {
                self.move_partition(partition, cx);
            }
        }
        let full = partitions.len() >= self.rules.partitions_max;
        match (chosen, cx.random.below(10)) {
            (Some(partition), 0) if self.rules.deletes_topics => cx.directory.delete(partition),
            (Some(partition), at) if self.deletes(at) => {
                self.delete_records(partition, cx);
            }
            (_, 4..) if !full => {
                cx.directory
                    .create(&self.rules.nodes, self.rules.config.clone());
            }
            (Some(_) | None, _) => {}
        }
        let pause = self.rules.pause_us;
        cx.wake(pause / 2, pause);
        Ok(())
    }

    fn answered(
        &mut self,
        call: CallId,
        reply: Reply,
        cx: &mut Context<'_>,
    ) -> Result<(), Violation> {
        let asked = self.asked.take_if(|(asked, ..)| *asked == call);
        let Some((_, partition, up_to)) = asked else {
            return Ok(());
        };
        if let Reply::Unreadable(why) = &reply
            && cx.directory.exists(partition)
        {
            let seen = format!("{partition}: {why}");
            return Err(Violation::new("what is committed can be read", seen));
        }
        match reply {
            Reply::Deleted(marks) => cx.truth.deleted(partition, up_to, marks),
            Reply::NotHere
            | Reply::Unreachable
            | Reply::Unknown
            | Reply::OutOfRange(_)
            | Reply::Unreadable(_)
            | Reply::Produced(_)
            | Reply::Refused(_)
            | Reply::Group(_)
            | Reply::Heartbeat(_)
            | Reply::Administered(_)
            | Reply::Fetched(_) => {
                self.guess.was_wrong();
                Ok(())
            }
        }
    }

    fn waits_for(&self) -> Option<String> {
        let (_, partition, up_to) = self.asked?;
        Some(format!("deletion of records of {partition} up to {up_to}"))
    }
}

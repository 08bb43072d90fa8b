//! The shell of the group coordinators: one shard for each partition of `__consumer_offsets`.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::future::Future;
use std::rc::Rc;

use thalweg_coordinator::messages::{GroupFilter, Reply};
use thalweg_coordinator::stored::Record;
use thalweg_coordinator::{
    AppendFailure, AppendId, DeletedTopic, Effects, GroupConfig, GroupId as GroupName, GroupShard,
    ReplyToken, ShardLoader, group_partition,
};
use thalweg_log::GroupId;
use thalweg_model::{ErrorCode, Now, Tick, Uuid};
use thalweg_replica::{Acks, AppendError};
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::time::sleep_until;

use crate::node::Node;
use crate::partition::appends::{AppendWait, Outcome};

/// Name of the topic that group coordinators keep their state in.
pub(crate) const OFFSETS_TOPIC: &str = "__consumer_offsets";

/// The group coordinators of this node.
#[derive(Debug, Default)]
pub(crate) struct Groups {
    shards: RefCell<BTreeMap<i32, Loaded>>,
    replies: RefCell<BTreeMap<ReplyToken, oneshot::Sender<Reply>>>,
    last_token: Cell<u64>,
    deadline_changed: Notify,
}

#[derive(Debug)]
struct Loaded {
    shard: GroupShard,
    group: GroupId,
    /// Appends whose outcome the shard has to be told, in order; none could not be written at all.
    appends: mpsc::UnboundedSender<(AppendId, Option<AppendWait>)>,
}

impl Node {
    /// Asks the shard that coordinates a group; the answer comes with its effects.
    pub(crate) fn ask_group(
        self: &Rc<Self>,
        group: &GroupName,
        ask: impl FnOnce(&mut GroupShard, Now, ReplyToken) -> Effects,
    ) -> impl Future<Output = Result<Reply, ErrorCode>> + 'static {
        let (sender, receiver) = oneshot::channel();
        let token = self.groups.next_token();
        self.groups.replies.borrow_mut().insert(token, sender);
        let asked = self.with_group(group, |shard, now| ask(shard, now, token));
        let asked = asked.map(|(partition, effects)| self.carry_out_group(partition, effects));
        let node = Rc::clone(self);
        async move {
            if let Err(error) = asked {
                node.groups.replies.borrow_mut().remove(&token);
                return Err(error);
            }
            // The shard answers every token; it is gone only with the node.
            receiver.await.map_err(|_gone| ErrorCode::NotCoordinator)
        }
    }

    /// Calls the shard that coordinates a group; the partition that it stands for and its answer.
    pub(crate) fn with_group<T>(
        self: &Rc<Self>,
        group: &GroupName,
        call: impl FnOnce(&mut GroupShard, Now) -> T,
    ) -> Result<(i32, T), ErrorCode> {
        let route = self.cluster.route(OFFSETS_TOPIC);
        let route = route.ok_or(ErrorCode::CoordinatorNotAvailable)?;
        let partition = group_partition(group, route.groups.len()).0;
        self.load_groups(partition)?;
        let now = self.clock.now();
        let mut shards = self.groups.shards.borrow_mut();
        let loaded = shards.get_mut(&partition).expect("it was just loaded");
        let result = call(&mut loaded.shard, now);
        drop(shards);
        self.groups.deadline_changed.notify_one();
        Ok((partition, result))
    }

    /// Calls every shard that this node coordinates, in the order of the partitions.
    pub(crate) fn each_group_shard(
        self: &Rc<Self>,
        mut call: impl FnMut(&mut GroupShard, Now) -> Effects,
    ) -> Result<(), ErrorCode> {
        let Some(route) = self.cluster.route(OFFSETS_TOPIC) else {
            return Ok(());
        };
        for (partition, _) in (0..).zip(&route.groups) {
            self.load_groups(partition)?;
            let now = self.clock.now();
            let effects = {
                let mut shards = self.groups.shards.borrow_mut();
                let loaded = shards.get_mut(&partition).expect("it was just loaded");
                call(&mut loaded.shard, now)
            };
            self.carry_out_group(partition, effects);
        }
        Ok(())
    }

    /// Loads a partition's groups from its log, unless that has happened.
    fn load_groups(self: &Rc<Self>, partition: i32) -> Result<(), ErrorCode> {
        if self.groups.shards.borrow().contains_key(&partition) {
            return Ok(());
        }
        let route = self.cluster.route(OFFSETS_TOPIC);
        let group = route.and_then(|route| route.group(partition));
        let group = group.ok_or(ErrorCode::CoordinatorNotAvailable)?;
        let mut loader = ShardLoader::new();
        let mut damaged = None;
        let scanned = self.scan(group, |batch| {
            Record::each_in_batch(batch, |record| match record {
                Ok(record) => loader.replay(record),
                Err(error) => damaged = Some(error),
            });
        });
        if let Err(error) = scanned {
            tracing::error!(partition, %error, "a group coordinator cannot read its log");
            return Err(ErrorCode::NotCoordinator);
        }
        if let Some(error) = damaged {
            tracing::warn!(
                partition,
                %error,
                "a record of a group coordinator was skipped"
            );
        }
        let (shard, effects) = loader.finish(self.clock.now(), self.group_config());
        let (appends, outcomes) = mpsc::unbounded_channel();
        let loaded = Loaded {
            shard,
            group,
            appends,
        };
        let stale = self.stale_topics(&loaded.shard);
        self.groups.shards.borrow_mut().insert(partition, loaded);
        tokio::task::spawn_local(report_outcomes(Rc::clone(self), partition, outcomes));
        self.carry_out_group(partition, effects);
        self.forget_offsets_in(partition, &stale);
        Ok(())
    }

    /// Topics that groups have positions in although they were deleted while nobody noticed.
    fn stale_topics(&self, shard: &GroupShard) -> Vec<DeletedTopic> {
        let topics = shard.offset_topics().into_iter();
        let stale = topics.filter(|(name, id)| {
            let route = self.cluster.route(name.as_str());
            route.is_none_or(|route| !id.is_nil() && *id != route.id)
        });
        stale.map(|(name, id)| DeletedTopic { name, id }).collect()
    }

    /// Forgets positions in a topic that was deleted. Shards that are not loaded see to it then.
    pub(crate) fn forget_topic_offsets(&self, name: &str, id: Uuid) {
        let loaded: Vec<i32> = self.groups.shards.borrow().keys().copied().collect();
        let topic = DeletedTopic {
            name: name.into(),
            id,
        };
        for partition in loaded {
            self.forget_offsets_in(partition, std::slice::from_ref(&topic));
        }
    }

    fn forget_offsets_in(&self, partition: i32, topics: &[DeletedTopic]) {
        if topics.is_empty() {
            return;
        }
        let now = self.clock.now();
        let effects = {
            let mut shards = self.groups.shards.borrow_mut();
            let Some(loaded) = shards.get_mut(&partition) else {
                return;
            };
            loaded.shard.topics_deleted(now, topics)
        };
        self.carry_out_group(partition, effects);
    }

    /// Appends a shard's records and sends its answers.
    pub(crate) fn carry_out_group(&self, partition: i32, effects: Effects) {
        for append in effects.appends {
            let wait = self.append_group_records(partition, &append.records);
            let shards = self.groups.shards.borrow();
            if let Some(loaded) = shards.get(&partition) {
                // The receiver lives as long as the shard.
                let _gone = loaded.appends.send((append.id, wait));
            }
        }
        for (token, reply) in effects.replies {
            if let Some(sender) = self.groups.replies.borrow_mut().remove(&token) {
                // A receiver that is gone belonged to a connection that is gone.
                let _gone = sender.send(reply);
            }
        }
        self.groups.deadline_changed.notify_one();
    }

    /// None if a record does not fit its format.
    fn append_group_records(&self, partition: i32, records: &[Record]) -> Option<AppendWait> {
        let group = self
            .groups
            .shards
            .borrow()
            .get(&partition)
            .map(|loaded| loaded.group);
        let group = group.expect("effects come from a loaded shard");
        let batch = match Record::to_batch(records, self.clock.now().wall) {
            Ok(batch) => batch,
            Err(error) => {
                tracing::error!(partition, %error, "a record of a group cannot be stored");
                return None;
            }
        };
        Some(self.append(vec![(group, batch)], Acks::All))
    }

    fn group_config(&self) -> GroupConfig {
        self.config.groups(&self.cluster.image())
    }
}

impl Groups {
    fn next_token(&self) -> ReplyToken {
        self.last_token.set(self.last_token.get() + 1);
        ReplyToken(self.last_token.get())
    }

    /// How many groups are in which state, of those that are loaded.
    pub(crate) fn by_state(&self) -> Vec<(&'static str, usize)> {
        let mut counts = BTreeMap::new();
        for loaded in self.shards.borrow().values() {
            for group in loaded.shard.list(&GroupFilter::default()) {
                *counts.entry(group.state.name()).or_default() += 1;
            }
        }
        counts.into_iter().collect()
    }

    fn next_deadline(&self) -> Option<Tick> {
        self.shards
            .borrow()
            .values()
            .filter_map(|loaded| loaded.shard.next_deadline())
            .min()
    }
}

/// Tells a shard what became of its records, in their order.
async fn report_outcomes(
    node: Rc<Node>,
    partition: i32,
    mut outcomes: mpsc::UnboundedReceiver<(AppendId, Option<AppendWait>)>,
) {
    while let Some((id, wait)) = outcomes.recv().await {
        let failed = match wait {
            Some(wait) => failure(wait.outcome(&node.appends).await),
            None => Some(AppendFailure::TooLarge),
        };
        let now = node.clock.now();
        let effects = {
            let mut shards = node.groups.shards.borrow_mut();
            let Some(loaded) = shards.get_mut(&partition) else {
                return;
            };
            match failed {
                None => loaded.shard.committed(now, id),
                Some(failure) => loaded.shard.failed(now, id, failure),
            }
        };
        node.carry_out_group(partition, effects);
    }
}

fn failure(outcome: Outcome) -> Option<AppendFailure> {
    match outcome {
        Some(Ok(_)) => None,
        Some(Err(error)) => Some(match error {
            AppendError::UnknownPartition | AppendError::NotLeader | AppendError::Producer(_) => {
                AppendFailure::NotLeader
            }
            AppendError::NotEnoughReplicas => AppendFailure::NotEnoughReplicas,
            AppendError::Overloaded => AppendFailure::TimedOut,
            AppendError::Write(_) | AppendError::StorageFailed => AppendFailure::Storage,
        }),
        None => Some(AppendFailure::TimedOut),
    }
}

/// Keeps the deadlines of all shards.
pub(crate) async fn keep_deadlines(node: Rc<Node>) {
    loop {
        let next = node.groups.next_deadline();
        let sleep = sleep_until(node.clock.instant(next.unwrap_or_default()));
        tokio::select! {
            () = sleep, if next.is_some() => {}
            () = node.groups.deadline_changed.notified() => continue,
        }
        let now = node.clock.now();
        let due: Vec<i32> = node.groups.shards.borrow().keys().copied().collect();
        for partition in due {
            let effects = {
                let mut shards = node.groups.shards.borrow_mut();
                let Some(loaded) = shards.get_mut(&partition) else {
                    continue;
                };
                if loaded.shard.next_deadline().is_none_or(|at| at > now.tick) {
                    continue;
                }
                loaded.shard.on_tick(now)
            };
            node.carry_out_group(partition, effects);
        }
    }
}

//! The shard: all partition replicas that share one journal, as one machine.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io;
use std::path::PathBuf;

use thalweg_consensus::{Group, GroupConfig, GroupState, Membership};
use thalweg_log::disk::Disk;
use thalweg_log::journal::{Journal, JournalOptions};
use thalweg_log::manifest::Manifest;
use thalweg_log::partition::LogRemoval;
use thalweg_log::{FileCache, GroupId, LogConfig, LogHome, PartitionLog};
use thalweg_model::{LeaderEpoch, Now, Tick, TopicPartition, Uuid};

use crate::behind::WriteBehind;
use crate::checkpoint::Checkpointing;
use crate::copy::waiting_name;
use crate::flush::InFlight;
use crate::limits::{TAIL_BYTES_MAX, WAITERS_MAX};
use crate::partition::{PartitionSpec, Replica, Role, Unwritten};
use crate::wait::Waiters;
use crate::{Effect, WaiterId};

/// What a shard is told once.
#[derive(Clone, Debug)]
pub struct ShardConfig {
    /// Where its journal and its partitions live.
    pub dir: PathBuf,
    /// Id of that directory: a journal of another one is not taken for this one's.
    pub directory: Uuid,
    /// Seed of all that is random in it.
    pub seed: u64,
    /// Sizes of its journal; how many blocks are in flight is the shard's own business.
    pub journal: JournalOptions,
    /// Size below which its manifest is only appended to, in bytes.
    pub manifest_bytes_min: u64,
}

/// A log that is no more; its files go when the manifest knows that.
#[derive(Debug)]
pub(crate) struct Gone<D: Disk> {
    /// The group, if that is gone with it.
    pub(crate) group: Option<GroupId>,
    /// Name of its directory.
    pub(crate) dir: String,
    /// Its files, if it had any.
    pub(crate) removal: Option<LogRemoval<D>>,
}

impl<D: Disk> Gone<D> {
    /// The log of a replica that goes on with another one.
    pub(crate) fn replaced((dir, log): (String, PartitionLog<D>)) -> Self {
        Self {
            group: None,
            dir,
            removal: log.removal(),
        }
    }
}

/// Many partition replicas over one journal. It never waits: what has to be done outside comes out
/// of [`Shard::take_effects`].
#[derive(Debug)]
pub struct Shard<D: Disk> {
    pub(crate) config: ShardConfig,
    pub(crate) disk: D,
    pub(crate) files: FileCache<D>,
    pub(crate) journal: Journal<D>,
    pub(crate) manifest: Manifest<D>,
    pub(crate) replicas: BTreeMap<GroupId, Replica<D>>,
    pub(crate) by_partition: BTreeMap<TopicPartition, GroupId>,
    pub(crate) next_group: GroupId,
    /// Groups with other members.
    pub(crate) shared: BTreeSet<GroupId>,
    /// When Raft's next tick is due in them.
    pub(crate) next_raft_tick: Tick,
    /// Logs that the manifest does not know to be gone.
    pub(crate) removed: Vec<Gone<D>>,
    /// Names of partition directories, those of removed partitions included.
    pub(crate) dirs_in_use: BTreeSet<String>,
    /// Replicas with something to flush.
    pub(crate) queue: VecDeque<GroupId>,
    pub(crate) in_flight: VecDeque<InFlight>,
    pub(crate) pending_bytes: usize,
    pub(crate) waiters: Waiters,
    /// Whose tail got a batch that costs so many bytes, oldest first.
    pub(crate) tail_order: VecDeque<(GroupId, usize)>,
    /// Sum over `tail_order`.
    pub(crate) tail_bytes: usize,
    pub(crate) behind: WriteBehind,
    /// Whether the journal's newest block is one that nobody would miss.
    pub(crate) newest_is_vouched_for: bool,
    pub(crate) checkpointing: Option<Checkpointing>,
    /// A partition could not be checkpointed, and every checkpoint since was without one.
    pub(crate) lacks_checkpoint: bool,
    pub(crate) effects: Vec<Effect<D>>,
    pub(crate) failed: Option<String>,
}

impl<D: Disk> Shard<D> {
    pub(crate) fn empty(
        disk: D,
        config: ShardConfig,
        files: FileCache<D>,
        journal: Journal<D>,
        manifest: Manifest<D>,
    ) -> Self {
        Self {
            config,
            disk,
            files,
            journal,
            manifest,
            replicas: BTreeMap::new(),
            by_partition: BTreeMap::new(),
            next_group: GroupId(0),
            shared: BTreeSet::new(),
            next_raft_tick: Tick(0),
            removed: Vec::new(),
            dirs_in_use: BTreeSet::new(),
            queue: VecDeque::new(),
            in_flight: VecDeque::new(),
            pending_bytes: 0,
            waiters: Waiters::default(),
            tail_order: VecDeque::new(),
            tail_bytes: 0,
            behind: WriteBehind::default(),
            // The block that the opening wrote is empty.
            newest_is_vouched_for: true,
            checkpointing: None,
            lacks_checkpoint: false,
            effects: Vec::new(),
            failed: None,
        }
    }

    /// Takes what is to be done outside, in order.
    #[must_use]
    pub fn take_effects(&mut self) -> Vec<Effect<D>> {
        std::mem::take(&mut self.effects)
    }

    /// Adds a partition that is new, or whose topic is known again after a restart; the number of
    /// its group on this node. A replica that is its group's only voter leads at once.
    pub fn add(&mut self, spec: PartitionSpec, now: Now) -> GroupId {
        let known = self.by_partition.get(&spec.topic_partition()).copied();
        let group = known.unwrap_or_else(|| self.create(spec.clone()));
        self.next_raft_tick = self.next_raft_tick.max(now.tick);
        self.configure(group, spec.config, spec.min_insync_replicas);
        self.elect_if_alone(group);
        self.queue(group);
        group
    }

    fn create(&mut self, spec: PartitionSpec) -> GroupId {
        let group = self.next_group;
        self.next_group = GroupId(group.0 + 1);
        let voters = spec.voters.iter().map(|&(replica, _)| replica).collect();
        let membership = Membership {
            voters,
            ..Membership::default()
        };
        let raft = Group::new(
            self.group_config(group, &spec),
            GroupState {
                membership,
                ..GroupState::default()
            },
        );
        let dir = self.free_directory(&spec);
        let path = self.config.dir.join(&dir);
        let home = LogHome::new(self.disk.clone(), path, spec.topic, &self.files);
        let log = PartitionLog::create(home, spec.config.clone());
        self.by_partition.insert(spec.topic_partition(), group);
        let created = Unwritten::Created(spec.to_bytes(&dir, raft.stored_membership()));
        let mut replica = Replica::new(group, spec, dir, raft, log);
        replica.unwritten.push_back(created);
        self.insert(replica);
        group
    }

    pub(crate) fn insert(&mut self, replica: Replica<D>) {
        if !replica.group.is_alone() {
            self.shared.insert(replica.id);
        }
        self.replicas.insert(replica.id, replica);
    }

    /// Kafka's name for the directory, unless one of a removed partition still has it, of this process or
    /// of one that stopped before all its files were gone.
    pub(crate) fn free_directory(&mut self, spec: &PartitionSpec) -> String {
        let plain = spec.directory();
        let others = (0_u32..).map(|number| match number {
            0 => format!("{plain}.{}", spec.topic),
            // A replica that was removed and another one of the same topic before it.
            _ => format!("{plain}.{}.{number}", spec.topic),
        });
        let dir = std::iter::once(plain.clone())
            .chain(others)
            .find(|dir| !self.is_in_use(dir))
            .expect("there are more names than directories");
        self.dirs_in_use.insert(dir.clone());
        dir
    }

    fn is_in_use(&self, dir: &str) -> bool {
        let is_there = || match self.disk.list(&self.config.dir.join(dir)) {
            Ok(_) => true,
            Err(error) => error.kind() != io::ErrorKind::NotFound,
        };
        let is_known = |name| self.dirs_in_use.contains(name);
        is_known(dir) || is_known(&waiting_name(dir)) || is_there()
    }

    /// Removes a partition whose topic is gone. Its files go with the next checkpoint, after the
    /// manifest has forgotten them.
    pub fn remove(&mut self, group: GroupId) {
        let Some(replica) = self.replicas.remove(&group) else {
            return;
        };
        let partition = replica.spec.topic_partition();
        if self.by_partition.get(&partition) == Some(&group) {
            self.by_partition.remove(&partition);
        }
        self.shared.remove(&group);
        if let Role::Leader(leader) = replica.role {
            self.step_down(group, leader);
        }
        if let Some(copying) = replica.copying {
            self.discard(&copying);
        }
        for unwritten in replica.unwritten {
            // The journal may name it already, so it stays as long as the manifest has the group.
            if let Unwritten::Begin(beginning) = unwritten {
                let dir = beginning.dir;
                let waiting = LogRemoval::new(self.disk.clone(), self.waiting_room(&dir));
                self.removed.push(Gone {
                    group: None,
                    dir: waiting_name(&dir),
                    removal: Some(waiting),
                });
                self.removed.push(Gone {
                    group: None,
                    dir,
                    removal: None,
                });
            }
        }
        self.removed.push(Gone {
            group: Some(group),
            ..Gone::replaced((replica.dir, replica.log))
        });
    }

    pub(crate) fn group_config(&self, group: GroupId, spec: &PartitionSpec) -> GroupConfig {
        GroupConfig {
            replica: spec.replica,
            seed: self.config.seed ^ group.0,
        }
    }

    fn elect_if_alone(&mut self, group: GroupId) {
        let replica = self.replicas.get_mut(&group).expect("the caller added it");
        if replica.group.is_alone() {
            replica.group.campaign();
            self.work(group);
        }
    }

    /// Changes the settings of a partition's log.
    pub fn configure(&mut self, group: GroupId, config: LogConfig, min_insync_replicas: usize) {
        if let Some(replica) = self.replicas.get_mut(&group) {
            replica.spec.config = config.clone();
            replica.spec.min_insync_replicas = min_insync_replicas;
            replica.log.set_config(config);
        }
    }

    /// Whether this replica leads the partition and serves it.
    #[must_use]
    pub fn is_serving(&self, group: GroupId) -> bool {
        self.replicas
            .get(&group)
            .is_some_and(|replica| replica.serving().is_some())
    }

    /// The epoch in which this replica serves the partition, if it does.
    #[must_use]
    pub fn leader_epoch(&self, group: GroupId) -> Option<LeaderEpoch> {
        let replica = self.replicas.get(&group)?;
        replica.serving().map(|leader| leader.epoch)
    }

    /// The partitions of this shard.
    pub fn partitions(&self) -> impl Iterator<Item = (GroupId, &PartitionSpec)> {
        self.replicas
            .values()
            .map(|replica| (replica.id, &replica.spec))
    }

    /// Whether nothing is waiting for the disk or on its way there.
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        self.queue.is_empty() && self.in_flight.is_empty()
    }

    /// Bytes accepted and not yet on their way to the disk.
    #[must_use]
    pub fn pending_bytes(&self) -> usize {
        self.pending_bytes
    }

    /// Registers a fetch that found too little. It is woken when its partitions together have
    /// `bytes_needed` more, when one of them changes hands, or at the deadline; `None` if too many
    /// wait already: answer at once then.
    pub fn wait(
        &mut self,
        groups: Vec<GroupId>,
        bytes_needed: usize,
        deadline: Tick,
    ) -> Option<WaiterId> {
        if self.waiters.len() >= WAITERS_MAX {
            return None;
        }
        Some(self.waiters.add(groups, bytes_needed, deadline))
    }

    /// Forgets a waiting fetch whose connection is gone.
    pub fn forget(&mut self, waiter: WaiterId) {
        self.waiters.remove(waiter);
    }

    /// When [`Self::tick`] has something to do next.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Tick> {
        let raft = (!self.shared.is_empty()).then_some(self.next_raft_tick);
        self.waiters.next_deadline().into_iter().chain(raft).min()
    }

    /// Lets time pass.
    pub fn tick(&mut self, now: Now) {
        let woken = self.waiters.on_tick(now.tick);
        self.effects.extend(woken.into_iter().map(Effect::Wake));
        self.tick_groups(now);
    }

    pub(crate) fn queue(&mut self, group: GroupId) {
        if let Some(replica) = self.replicas.get_mut(&group)
            && !replica.queued
        {
            replica.queued = true;
            self.queue.push_back(group);
        }
    }

    /// Drops the oldest cached batches beyond the budget.
    pub(crate) fn evict_tail(&mut self) {
        while self.tail_bytes > TAIL_BYTES_MAX {
            let Some((group, bytes)) = self.tail_order.pop_front() else {
                return;
            };
            self.tail_bytes -= bytes;
            if let Some(replica) = self.replicas.get_mut(&group) {
                replica.tail.pop_oldest();
            }
        }
    }
}

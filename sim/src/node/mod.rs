//! One simulated node: a shard, its disk, and the shell that the broker would be around it.

mod coordinator;
mod io;
mod metadata;
mod scan;
mod serve;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use thalweg_log::GroupId;
use thalweg_log::disk::SimDisk;
use thalweg_log::disk::sim::PowerCut;
use thalweg_log::journal::JournalOptions;
use thalweg_metadata::image::TopicImage;
use thalweg_model::{BrokerId, LeaderEpoch, Now, ReplicaId, Tick, Timestamp, TopicPartition, Uuid};
use thalweg_replica::{Effect, PartitionSpec, PeerMessage, Shard, ShardConfig, Ticket, WaiterId};

use crate::Random;
use crate::call::{CallId, ClientId, Reply};
use crate::directory::Directory;
use crate::swarm::Swarm;
use crate::violation::Violation;
use coordinator::Coordinator;
use io::Job;
use metadata::Metadata;
use serve::{AppendCall, FetchCall};

/// What a node wants from the world after a turn.
#[derive(Debug)]
pub(crate) enum Output {
    /// A job began, which the disk takes some time for.
    JobStarted(u64),
    /// A message for a replica on another node.
    Send {
        to: BrokerId,
        partition: TopicPartition,
        message: PeerMessage,
    },
    /// The node began or ceased to lead a partition.
    LeaderChanged,
    /// The node has read of topics in the metadata log.
    TopicsChanged {
        created: Vec<Arc<TopicImage>>,
        removed: Vec<Arc<TopicImage>>,
    },
    /// Something that a person should know.
    Notice(String),
    /// An answer for a client.
    Answer {
        client: ClientId,
        call: CallId,
        reply: Reply,
    },
}

/// How a node goes down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Crash {
    /// The process dies; what it wrote stays.
    Kill,
    /// The machine loses power; of what was not synced any part stays.
    PowerLoss,
}

/// One node.
#[derive(Debug)]
pub(crate) struct SimNode {
    pub(crate) id: BrokerId,
    /// Which of its lives this is; events of earlier ones mean nothing.
    pub(crate) life: u64,
    /// It is down and comes back by itself.
    pub(crate) start_is_planned: bool,
    disk: SimDisk,
    random: Random,
    journal: JournalOptions,
    /// How far its wall clock is off, and how fast its clocks run, in a thousand.
    clock_offset_ms: i64,
    clock_per_mille: u64,
    running: Option<Running>,
}

/// What a process has in memory.
#[derive(Debug)]
struct Running {
    id: BrokerId,
    random: Random,
    shard: Shard<SimDisk>,
    groups: BTreeMap<TopicPartition, GroupId>,
    jobs: BTreeMap<u64, Job>,
    next_job: u64,
    tickets: BTreeMap<Ticket, AppendCall>,
    next_ticket: u64,
    fetches: BTreeMap<WaiterId, FetchCall>,
    /// The partitions of the groups, and who coordinates those that are served here.
    coordinated: BTreeSet<GroupId>,
    coordinators: BTreeMap<GroupId, Coordinator>,
    /// What is known of the cluster, where it has a log of its own.
    metadata: Option<Metadata>,
    outputs: Vec<Output>,
    failed: Option<String>,
}

impl SimNode {
    pub(crate) fn new(id: BrokerId, mut random: Random, swarm: &Swarm) -> Self {
        let offset = swarm.clock_offset_ms_max;
        let drift = swarm.clock_drift_per_mille_max;
        let ahead = i64::try_from(random.below(2 * offset + 1)).unwrap_or(0);
        Self {
            clock_offset_ms: ahead - i64::try_from(offset).unwrap_or(0),
            clock_per_mille: (1000 - drift + random.below(2 * drift + 1)) * swarm.clock_pace,
            id,
            life: 0,
            start_is_planned: true,
            disk: SimDisk::new(random.roll()),
            random,
            journal: swarm.journal,
            running: None,
        }
    }

    pub(crate) fn is_up(&self) -> bool {
        self.running.is_some()
    }

    pub(crate) fn disk(&self) -> &SimDisk {
        &self.disk
    }

    /// Both clocks of the node.
    pub(crate) fn clock(&self, at: Tick) -> Now {
        const BEGINNING_MS: i64 = 1_700_000_000_000;
        let tick = Tick(at.0 * self.clock_per_mille / 1000);
        let millis = i64::try_from(tick.0 / 1000).expect("simulated time is short");
        Now {
            tick,
            wall: Timestamp(BEGINNING_MS + self.clock_offset_ms + millis),
        }
    }

    /// Starts the process: everything that was promised must come back. `false` if the power went
    /// again meanwhile, or there was no room.
    pub(crate) fn start(&mut self, directory: &Directory, at: Tick) -> Result<bool, Violation> {
        let now = self.clock(at);
        let config = ShardConfig {
            dir: "/data".into(),
            directory: Uuid::from_bytes([9; 16]),
            seed: self.random.roll(),
            journal: self.journal,
            manifest_bytes_min: 100_000,
        };
        let opened = Shard::open(self.disk.clone(), config, now);
        let shard = match opened {
            Ok(shard) => shard,
            Err(_) if self.disk.is_off() || self.disk.may_be_full() => return Ok(false),
            Err(error) => {
                let seen = format!("node {}: {error}", self.id);
                return Err(Violation::new("a node starts after any crash", seen));
            }
        };
        self.life += 1;
        self.running = Some(Running {
            id: self.id,
            random: self.random.clone().split(),
            shard,
            groups: BTreeMap::new(),
            jobs: BTreeMap::new(),
            next_job: 0,
            tickets: BTreeMap::new(),
            next_ticket: 0,
            fetches: BTreeMap::new(),
            coordinated: BTreeSet::new(),
            coordinators: BTreeMap::new(),
            metadata: None,
            outputs: Vec::new(),
            failed: None,
        });
        self.apply(&directory.specs_of(self.id), directory, at);
        Ok(true)
    }

    /// Takes over what the cluster's metadata says: which partitions are here.
    pub(crate) fn apply(&mut self, specs: &[PartitionSpec], directory: &Directory, at: Tick) {
        let now = self.clock(at);
        let Some(running) = &mut self.running else {
            return;
        };
        let gone: Vec<_> = running
            .shard
            .partitions()
            .filter(|(_, spec)| {
                let here = (spec.topic_partition(), spec.replica);
                let is_here = |spec: &PartitionSpec| (spec.topic_partition(), spec.replica) == here;
                !specs.iter().any(is_here)
            })
            .map(|(group, spec)| (group, spec.topic_partition()))
            .collect();
        for (group, partition) in gone {
            running.unload(group, now);
            running.coordinated.remove(&group);
            running.shard.remove(group);
            running.groups.remove(&partition);
        }
        for spec in specs {
            let partition = spec.topic_partition();
            let held = running.groups.contains_key(&partition) || running.holds(spec);
            if directory.is_recorded(partition) && !held && !running.knows_topic(spec.topic) {
                continue; // This node has not read of it yet.
            }
            let group = running.shard.add(spec.clone(), now);
            let (wanted, living) = (directory.wanted(partition), directory.living(partition));
            running.shard.reassign(group, &wanted, &living);
            running.groups.insert(partition, group);
            if directory.keeps_groups(partition) {
                running.coordinated.insert(group);
            }
            if directory.metadata() == Some(partition) && running.metadata.is_none() {
                let brokers = directory.nodes_of(partition);
                running.metadata = Some(Metadata::new(group, brokers));
            }
        }
    }

    /// A message of another node arrives.
    pub(crate) fn receive(&mut self, partition: TopicPartition, message: PeerMessage) {
        if let Some(running) = &mut self.running {
            running.shard.receive(partition, message);
        }
    }

    /// The partitions that the node leads and serves, with their epochs.
    pub(crate) fn led(&self) -> Vec<(TopicPartition, LeaderEpoch)> {
        let Some(running) = &self.running else {
            return Vec::new();
        };
        let led = running.groups.iter().filter_map(|(&partition, &group)| {
            Some((partition, running.shard.leader_epoch(group)?))
        });
        led.collect()
    }

    /// The voters of the partitions that the node leads, where they are not being changed.
    pub(crate) fn voters_led(&self) -> Vec<(TopicPartition, Vec<ReplicaId>)> {
        let Some(running) = &self.running else {
            return Vec::new();
        };
        let led = running.groups.iter();
        led.filter_map(|(&partition, &group)| Some((partition, running.shard.voters(group)?)))
            .collect()
    }

    /// Gives the node, which is down, an empty disk.
    pub(crate) fn lose_disk(&mut self) {
        self.disk = SimDisk::new(self.random.roll());
    }

    /// Lets the node go down.
    pub(crate) fn crash(&mut self, crash: Crash) {
        self.life += 1;
        // What was on its way to the disk is there, or not, or in part.
        let running = self.running.take();
        let jobs = running.map(|running| running.jobs).unwrap_or_default();
        let mut jobs: Vec<_> = jobs.into_values().collect();
        while !jobs.is_empty() {
            let count = u64::try_from(jobs.len()).expect("a length fits 64 bits");
            let at = usize::try_from(self.random.below(count)).expect("it is below a length");
            let job = jobs.swap_remove(at);
            match (self.random.below(3), crash) {
                (0, _) => {}
                (1, _) | (_, Crash::Kill) => job.perform_unheard(),
                (_, Crash::PowerLoss) => {
                    self.disk.cut_power_after(self.random.below(3));
                    job.perform_unheard();
                }
            }
        }
        match crash {
            Crash::Kill if !self.disk.is_off() => self.disk.restart(PowerCut::KeepsUnsynced),
            Crash::Kill | Crash::PowerLoss => self.disk.crash(self.random.roll()),
        }
    }

    /// Ends a turn: the shard starts what it has gathered, and its effects become outputs. If the
    /// power went during the turn, nothing of it leaves the node.
    pub(crate) fn turn(&mut self, at: Tick) -> Vec<Output> {
        let now = self.clock(at);
        let Some(running) = &mut self.running else {
            return Vec::new();
        };
        running.shard.flush(now);
        loop {
            let effects = running.shard.take_effects();
            if effects.is_empty() {
                break;
            }
            for effect in effects {
                running.carry_out(effect, now);
            }
        }
        if self.disk.is_off() {
            return Vec::new();
        }
        std::mem::take(&mut running.outputs)
    }

    /// Why the process gave its disk up, if it did.
    pub(crate) fn failure(&self) -> Option<String> {
        self.running.as_ref()?.failed.clone()
    }
}

impl Running {
    /// Whether the replica is on the disk.
    fn holds(&self, spec: &PartitionSpec) -> bool {
        let mut here = self.shard.partitions();
        here.any(|(_, of)| of.topic_partition() == spec.topic_partition())
    }

    fn carry_out(&mut self, effect: Effect<SimDisk>, now: Now) {
        match effect {
            Effect::WriteBlock(job) => self.start(Job::Block(job)),
            Effect::WriteStretches(job) => self.start(Job::Stretches(job)),
            Effect::Checkpoint(job) => self.start(Job::Checkpoint(job)),
            Effect::Grow(job) => self.start(Job::Grow(job)),
            Effect::Copy(job) => self.start(Job::Copy(job)),
            Effect::Remove(paths) => self.start(Job::Remove(paths)),
            Effect::RemoveLog(removal) => self.start(Job::RemoveLog(removal)),
            Effect::Complete { ticket, result } => self.completed(ticket, result, now),
            Effect::Wake(waiter) => self.woken(waiter, now),
            Effect::LeaderChanged(_) => self.outputs.push(Output::LeaderChanged),
            Effect::Notice(text) | Effect::Warning(text) => self.outputs.push(Output::Notice(text)),
            Effect::Send {
                to,
                partition,
                message,
            } => self.outputs.push(Output::Send {
                to,
                partition,
                message,
            }),
            Effect::Failed(why) => self.failed = Some(why),
        }
    }

    fn start(&mut self, job: Job) {
        self.next_job += 1;
        self.jobs.insert(self.next_job, job);
        self.outputs.push(Output::JobStarted(self.next_job));
    }
}

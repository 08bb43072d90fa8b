//! What a seed is made of: sizes, rates, and which kinds of faults it has.
//!
//! Every kind of fault is on in about half of the seeds, so that there are seeds with a single one.

use thalweg_log::LogConfig;
use thalweg_log::journal::JournalOptions;

use crate::Random;
use crate::network::Network;
use crate::workload::Workload;

/// The parameters of one run.
#[derive(Clone, Debug)]
pub(crate) struct Swarm {
    pub(crate) nodes: u64,
    pub(crate) partitions_max: usize,
    pub(crate) idempotent: u64,
    pub(crate) plain: u64,
    pub(crate) hasty: u64,
    pub(crate) consumers: u64,
    pub(crate) deletes_records: bool,
    pub(crate) deletes_topics: bool,
    /// Length of the part with work and faults.
    pub(crate) work_us: u64,
    pub(crate) value_bytes_max: u64,
    pub(crate) pause_us: u64,
    /// Time a write takes, at most.
    pub(crate) disk_us_max: u64,
    /// Writes that take a hundred times that, in a thousand.
    pub(crate) stalls_per_mille: u64,
    /// Time a message takes, at most.
    pub(crate) net_us_max: u64,
    /// How long a client waits for an answer.
    pub(crate) call_timeout_us: u64,
    /// Requests and answers of clients that are lost, in a hundred.
    pub(crate) calls_lost_percent: u64,
    pub(crate) kills: bool,
    pub(crate) power_losses: bool,
    /// Now and then a node dies when it has just given its vote away.
    pub(crate) dies_after_vote: bool,
    /// Now and then all nodes lose power at once.
    pub(crate) blackouts: bool,
    /// The power goes in the middle of a turn or of a recovery.
    pub(crate) cuts: bool,
    pub(crate) checkpoints: bool,
    pub(crate) network: Network,
    /// Directions between nodes are cut for a while.
    pub(crate) net_cuts: bool,
    /// Wrong clocks: how far, and how fast they run, in a thousand.
    pub(crate) clock_offset_ms_max: u64,
    pub(crate) clock_drift_per_mille_max: u64,
    /// Mean time between faults.
    pub(crate) fault_every_us: u64,
    /// Disks are lost with all that is on them.
    pub(crate) disk_losses: bool,
    /// Partitions are moved between nodes.
    pub(crate) moves: bool,
    /// Disks are full for a while.
    pub(crate) fills: bool,
    /// How many times as fast as the world all clocks run: elections come so much sooner.
    pub(crate) clock_pace: u64,
    /// Faults look for whoever leads.
    pub(crate) hunts: bool,
    /// Replicas are cut off while old segments are removed elsewhere.
    pub(crate) lags: bool,
    /// Now and then the power goes and a leader's disk is lost when it has just changed the members.
    pub(crate) dies_after_change: bool,
    /// Each node has readers of its own, who ask it whether it leads or not.
    pub(crate) watched: bool,
    /// Groups, with so many members each.
    pub(crate) groups: u8,
    pub(crate) members: u8,
    /// Partitions that coordinators keep their state in.
    pub(crate) offsets_partitions: u8,
    /// Who makes and removes topics by records of a log of metadata; if nobody, there is no such log.
    pub(crate) operators: u8,
    pub(crate) log: LogConfig,
    pub(crate) journal: JournalOptions,
}

impl Swarm {
    pub(crate) fn draw(random: &mut Random, nodes: u64, workload: Workload) -> Self {
        let mixed = Self::mixed(random, nodes);
        match workload {
            Workload::Mixed => mixed,
            Workload::Contest => mixed.contest(random),
            Workload::Moves => mixed.moving(random),
            Workload::Tight => mixed.tight(random),
            Workload::Lag => mixed.lagging(random),
            Workload::Groups => mixed.grouped(random),
        }
    }

    fn mixed(random: &mut Random, nodes: u64) -> Self {
        // Dice of their own: what came later does not change what earlier seeds draw.
        let mut members = random.clone().split();
        let large = random.percent(10);
        let segment_bytes = if random.percent(50) { 4_000 } else { 1 << 20 };
        Self {
            nodes,
            partitions_max: usize::try_from(random.between(1, 6)).unwrap_or(1),
            idempotent: random.between(0, 3),
            plain: random.between(1, 3),
            hasty: random.between(0, 1),
            consumers: random.between(1, 2),
            deletes_records: random.percent(50),
            deletes_topics: random.percent(50),
            work_us: random.between(2, 12) * 1_000_000,
            value_bytes_max: if large {
                120_000
            } else {
                random.between(10, 2_000)
            },
            pause_us: random.between(1, 100) * 1_000,
            disk_us_max: random.between(1, 20) * 1_000,
            stalls_per_mille: if random.percent(30) {
                random.between(1, 20)
            } else {
                0
            },
            net_us_max: random.between(1, 10) * 1_000,
            call_timeout_us: random.between(3, 30) * 100_000,
            calls_lost_percent: sometimes(random, 10),
            kills: random.percent(50),
            power_losses: random.percent(50),
            dies_after_vote: random.percent(50),
            blackouts: random.percent(50),
            cuts: random.percent(50),
            checkpoints: random.percent(50),
            network: network(random),
            net_cuts: random.percent(50),
            clock_offset_ms_max: if random.percent(50) { 3_600_000 } else { 0 },
            clock_drift_per_mille_max: if random.percent(50) { 50 } else { 0 },
            fault_every_us: random.between(100, 3_000) * 1_000,
            disk_losses: nodes >= 3 && members.percent(40),
            moves: nodes >= 3 && members.percent(40),
            fills: members.percent(30),
            clock_pace: 1,
            hunts: false,
            lags: false,
            dies_after_change: false,
            watched: false,
            groups: 0,
            members: 0,
            offsets_partitions: 0,
            operators: 0,
            log: LogConfig {
                segment_bytes,
                retention_ms: None,
                index_interval_bytes: 500,
                write_behind_bytes: u32::try_from(random.between(0, 8)).unwrap_or(0) << 12,
                ..LogConfig::default()
            },
            journal: journal(random),
        }
    }

    /// Few partitions that change their leader all the time, and many who write to them and read them.
    fn contest(self, random: &mut Random) -> Self {
        Self {
            partitions_max: usize::try_from(random.between(1, 2)).unwrap_or(1),
            idempotent: random.between(1, 4),
            plain: random.between(0, 2),
            consumers: 1,
            deletes_topics: false,
            work_us: random.between(2, 5) * 1_000_000,
            value_bytes_max: random.between(10, 500),
            pause_us: random.between(1, 10) * 1_000,
            disk_us_max: random.between(1, 15) * 1_000,
            net_us_max: random.between(1, 5) * 1_000,
            call_timeout_us: random.between(1, 5) * 100_000,
            kills: true,
            dies_after_vote: random.percent(70),
            cuts: random.percent(20),
            network: Network {
                delay_us_max: random.between(1, 30) * 1_000,
                loss_percent: sometimes(random, 5),
                late_percent: sometimes(random, 10),
                ..self.network
            },
            net_cuts: true,
            fault_every_us: random.between(50, 400) * 1_000,
            disk_losses: false,
            moves: false,
            fills: false,
            clock_pace: 5,
            hunts: true,
            watched: true,
            ..self
        }
    }

    /// Partitions move between nodes all the time, and disks are lost.
    fn moving(self, random: &mut Random) -> Self {
        Self {
            disk_losses: true,
            moves: true,
            dies_after_change: true,
            kills: true,
            blackouts: true,
            watched: false,
            fault_every_us: random.between(100, 800) * 1_000,
            disk_us_max: random.between(1, 8) * 1_000,
            ..self.contest(random)
        }
    }

    /// Disks are often full, and so slow at times that clients ask again before they are answered.
    fn tight(self, random: &mut Random) -> Self {
        Self {
            partitions_max: usize::try_from(random.between(1, 2)).unwrap_or(1),
            idempotent: random.between(2, 5),
            plain: random.between(0, 2),
            deletes_topics: false,
            work_us: random.between(2, 5) * 1_000_000,
            value_bytes_max: random.between(500, 10_000),
            pause_us: random.between(1, 20) * 1_000,
            disk_us_max: random.between(1, 10) * 1_000,
            stalls_per_mille: random.between(10, 100),
            call_timeout_us: random.between(1, 4) * 100_000,
            kills: true,
            checkpoints: true,
            fault_every_us: random.between(50, 400) * 1_000,
            disk_losses: false,
            moves: false,
            fills: true,
            ..self
        }
    }

    /// Small segments, of which the oldest are removed all the time while some replica hears nothing of it.
    fn lagging(self, random: &mut Random) -> Self {
        Self {
            partitions_max: usize::try_from(random.between(1, 3)).unwrap_or(1),
            idempotent: random.between(1, 3),
            plain: random.between(1, 2),
            consumers: 1,
            deletes_records: true,
            deletes_topics: random.percent(20),
            work_us: random.between(3, 6) * 1_000_000,
            value_bytes_max: random.between(100, 1_500),
            pause_us: random.between(1, 20) * 1_000,
            disk_us_max: random.between(1, 5) * 1_000,
            net_us_max: random.between(1, 5) * 1_000,
            call_timeout_us: random.between(2, 10) * 100_000,
            network: Network {
                delay_us_max: random.between(1, 10) * 1_000,
                ..self.network
            },
            kills: true,
            cuts: random.percent(20),
            blackouts: random.percent(20),
            checkpoints: true,
            fault_every_us: random.between(50, 300) * 1_000,
            disk_losses: false,
            moves: self.nodes >= 3 && random.percent(30),
            fills: random.percent(20),
            clock_pace: 5,
            lags: true,
            log: LogConfig {
                segment_bytes: u32::try_from(random.between(4, 40)).unwrap_or(4) * 1_000,
                ..self.log
            },
            ..self
        }
    }

    /// Groups of consumers beside producers, while their coordinators go down or lose their partitions.
    fn grouped(self, random: &mut Random) -> Self {
        let few = |random: &mut Random, most| u8::try_from(random.between(1, most)).unwrap_or(1);
        Self {
            partitions_max: usize::try_from(random.between(1, 2)).unwrap_or(1),
            idempotent: random.between(0, 1),
            plain: 1,
            hasty: 0,
            consumers: 0,
            groups: few(random, 3),
            members: few(random, 4),
            offsets_partitions: few(random, 2),
            operators: few(random, 2),
            work_us: random.between(2, 8) * 1_000_000,
            pause_us: random.between(1, 50) * 1_000,
            disk_us_max: random.between(1, 10) * 1_000,
            net_us_max: random.between(1, 5) * 1_000,
            call_timeout_us: random.between(2, 30) * 100_000,
            kills: true,
            fault_every_us: random.between(50, 800) * 1_000,
            // With slow clocks a group is as good as never rebalanced.
            clock_pace: random.between(1, 5),
            hunts: random.percent(60),
            ..self
        }
    }
}

fn network(random: &mut Random) -> Network {
    let mut percent = |most| {
        if random.percent(50) {
            random.between(0, most)
        } else {
            0
        }
    };
    let (loss_percent, twice_percent) = (percent(20), percent(30));
    Network {
        loss_percent,
        twice_percent,
        delay_us_max: random.between(1, 50) * 1_000,
        ..Network::default()
    }
}

fn journal(random: &mut Random) -> JournalOptions {
    JournalOptions {
        chunk_bytes: 2 << 20,
        ring_bytes_max: 8 << 20,
        checkpoint_bytes: random.between(1, 64) << 16,
        ..JournalOptions::default()
    }
}

/// In half of the seeds a rate from 1 to `most`, else none.
fn sometimes(random: &mut Random, most: u64) -> u64 {
    if random.percent(50) {
        random.between(1, most)
    } else {
        0
    }
}

//! A seed from its first event to its verdict.

use thalweg_coordinator::GroupId;
use thalweg_model::BrokerId;

use crate::Random;
use crate::clients::{Admin, AdminRules, Consumer, Member, Operator, Producer, ProducerKind};
use crate::swarm::Swarm;
use crate::trace::Trace;
use crate::violation::Violation;
use crate::workload::Workload;
use crate::world::World;

/// What to run.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Decides everything.
    pub seed: u64,
    /// Number of nodes.
    pub nodes: u64,
    /// What it is made to try.
    pub workload: Workload,
    /// Longest part with work and faults, in simulated seconds.
    pub seconds_max: u64,
    /// Keep the lines of what happened.
    pub traced: bool,
}

/// What came of a run.
#[derive(Debug)]
pub struct Outcome {
    /// The promise that was broken, if one was.
    pub violation: Option<Violation>,
    /// Simulated time, in microseconds.
    pub simulated_us: u64,
    /// Events.
    pub events: u64,
    /// Batches acknowledged for good.
    pub acknowledged: u64,
    /// Times that a node went down.
    pub crashes: u64,
    /// The lines, if they were wanted.
    pub trace: Trace,
}

/// Runs a seed.
#[must_use]
pub fn run(plan: Plan) -> Outcome {
    let mut random = Random::new(plan.seed);
    let mut swarm = Swarm::draw(&mut random.split(), plan.nodes, plan.workload);
    swarm.work_us = swarm.work_us.min(plan.seconds_max * 1_000_000);
    let mut world = World::new(swarm, random, Trace::new(plan.traced));
    populate(&mut world);
    let violation = world.run().err();
    Outcome {
        violation,
        simulated_us: world.schedule.now().0,
        events: world.events,
        acknowledged: world.truth.acknowledged_count(),
        crashes: world.crashes,
        trace: world.trace,
    }
}

fn populate(world: &mut World) {
    let swarm = world.swarm.clone();
    let nodes: Vec<_> = world.nodes.iter().map(|node| node.id).collect();
    if swarm.operators == 0 {
        world.directory.create(&nodes, swarm.log.clone());
    }
    let kinds = [
        (ProducerKind::Idempotent, swarm.idempotent),
        (ProducerKind::Plain, swarm.plain),
        (ProducerKind::Hasty, swarm.hasty),
    ];
    let mut number = 0;
    for (kind, count) in kinds {
        for _ in 0..count {
            number += 1;
            let depth = usize::try_from(world.random.between(1, 5)).unwrap_or(1);
            let producer =
                Producer::new(number, kind, depth, swarm.value_bytes_max, swarm.pause_us);
            world.add(Box::new(producer));
        }
    }
    for _ in 0..swarm.consumers {
        world.add(Box::new(Consumer::wandering()));
    }
    populate_groups(world, &swarm, &nodes);
    populate_operators(world, &swarm, &nodes);
    for &node in nodes.iter().filter(|_| swarm.watched) {
        for at_replica in [false, true] {
            world.add(Box::new(Consumer::watching(node, at_replica)));
        }
    }
    world.add(Box::new(Admin::new(AdminRules {
        nodes,
        partitions_max: if swarm.operators == 0 {
            swarm.partitions_max
        } else {
            0
        },
        deletes_records: swarm.deletes_records,
        deletes_most: swarm.lags,
        deletes_topics: swarm.deletes_topics && swarm.operators == 0,
        moves: swarm.moves,
        config: swarm.log,
        pause_us: 500_000 / swarm.clock_pace,
    })));
}

fn populate_groups(world: &mut World, swarm: &Swarm, nodes: &[BrokerId]) {
    let partitions = swarm.offsets_partitions;
    world
        .directory
        .create_offsets(partitions, nodes, &swarm.log);
    let mut number = 0;
    for group in groups(swarm) {
        for _ in 0..swarm.members {
            number += 1;
            world.add(Box::new(Member::new(number, group.clone(), swarm.pause_us)));
        }
    }
}

fn populate_operators(world: &mut World, swarm: &Swarm, nodes: &[BrokerId]) {
    if swarm.operators > 0 {
        world.directory.create_metadata(nodes, swarm.log.clone());
    }
    let count = i16::try_from(nodes.len()).unwrap_or(1);
    for number in 0..swarm.operators {
        let pause_us = 300_000 / swarm.clock_pace;
        world.add(Box::new(Operator::new(number.into(), count, pause_us)));
    }
}

/// The groups of a run.
pub(crate) fn groups(swarm: &Swarm) -> impl Iterator<Item = GroupId> + use<> {
    (0..swarm.groups).map(|number| GroupId::from(format!("group{number}")))
}

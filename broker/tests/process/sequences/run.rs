//! One round: a broker, connections to it, dice, and what should be.

use std::path::Path;

use thalweg_wire::{Request, Str};

use super::model::{Model, Partition};
use super::sessions::Session;
use crate::harness::{Broker, Client, Dice};

/// Settings under which much happens in a short time, and nothing by itself: records are of long ago.
const SETTINGS: [&str; 4] = [
    "num.partitions=2",
    "offsets.topic.num.partitions=3",
    "group.initial.rebalance.delay.ms=0",
    "log.retention.ms=-1",
];

const CONNECTIONS: usize = 3;

/// Names that topics have; two of them differ in what metrics cannot tell apart.
pub(super) const NAMES: [&str; 6] = ["a", "b.x", "b_x", "C", "d-4", "long-name-of-a-topic"];

pub(super) struct Run {
    pub(super) seed: u64,
    pub(super) dice: Dice,
    pub(super) broker: Broker,
    connections: Vec<Client>,
    pub(super) model: Model,
    pub(super) session: Option<Session>,
    /// Counts batches, so that no two values are the same.
    pub(super) number: i64,
    /// Steps so far, for people.
    pub(super) did: Vec<String>,
    pub(super) requests: u64,
    /// How often the process ended.
    pub(super) ends: u64,
}

impl Run {
    pub(super) fn begin(data: &Path, seed: u64) -> Self {
        let broker = Broker::start_with(data, &SETTINGS);
        let mut run = Self {
            seed,
            dice: Dice(seed),
            connections: connections(&broker),
            broker,
            model: Model::default(),
            session: None,
            number: 0,
            did: Vec::new(),
            requests: 0,
            ends: 0,
        };
        run.await_coordinator();
        for _ in 0..2 {
            run.create_plain();
        }
        run
    }

    pub(super) fn step(&mut self) {
        match self.below(100) {
            0..=3 => self.create_topics(),
            4..=5 => self.delete_topics(),
            6..=7 => self.create_partitions(),
            8..=11 => self.metadata(),
            12..=13 => self.init_producer_id(),
            14..=40 => self.produce(),
            41..=49 => self.fetch(),
            50..=51 => self.fetch_what_comes(),
            52..=57 => self.fetch_in_session(),
            58..=65 => self.list_offsets(),
            66..=69 => self.offset_for_leader_epoch(),
            70..=73 => self.delete_records(),
            74..=77 => self.change_settings(),
            78..=80 => self.describe_settings(),
            81..=86 => self.work_in_group(),
            87..=90 => self.commit(),
            91..=93 => self.fetch_positions(),
            94 => self.delete_positions(),
            95 => self.delete_groups(),
            96..=97 => self.describe_groups(),
            98 => self.end(),
            _ => self.kill_amid_appends(),
        }
    }

    /// Ends the process in either way, and looks at everything.
    pub(super) fn finish(&mut self) {
        self.end();
        self.describe_settings();
    }

    /// Notes what is done, for whoever has to find out why it went wrong.
    pub(super) fn did(&mut self, what: impl Into<String>) {
        self.did.push(what.into());
    }

    pub(super) fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.dice.roll(u64::try_from(bound.max(1)).unwrap())).unwrap()
    }

    /// True once in so many times.
    pub(super) fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    pub(super) fn pick<T: Clone>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())].clone()
    }

    /// A number of a range.
    pub(super) fn within(&mut self, first: i64, last: i64) -> i64 {
        let sides = usize::try_from(last - first + 1).unwrap();
        first + i64::try_from(self.below(sides)).unwrap()
    }

    /// A version that the broker serves.
    pub(super) fn version(&mut self, first: i16, last: i16) -> i16 {
        i16::try_from(self.within(first.into(), last.into())).unwrap()
    }

    /// A name that a topic has or could have.
    pub(super) fn name(&mut self) -> String {
        let known: Vec<String> = self.model.topics.keys().cloned().collect();
        if known.is_empty() || self.once_in(8) {
            return self.pick(&NAMES).to_owned();
        }
        self.pick(&known)
    }

    /// A topic and a partition that may exist.
    pub(super) fn place(&mut self) -> (String, i32) {
        let name = self.name();
        let count = self
            .model
            .topics
            .get(&name)
            .map_or(1, |t| t.partitions.len());
        let index = if self.once_in(25) {
            count + 1
        } else {
            self.below(count)
        };
        (name, i32::try_from(index).unwrap())
    }

    /// Up to so many places, each once, one topic's side by side.
    pub(super) fn places(&mut self, most: usize) -> Vec<(String, i32)> {
        let count = 1 + self.below(most);
        let mut places: Vec<_> = (0..count).map(|_| self.place()).collect();
        places.sort();
        places.dedup();
        places
    }

    pub(super) fn partition(&self, (name, index): &(String, i32)) -> Option<&Partition> {
        let topic = self.model.topics.get(name)?;
        topic.partitions.get(usize::try_from(*index).ok()?)
    }

    pub(super) fn partition_mut(&mut self, (name, index): &(String, i32)) -> &mut Partition {
        let topic = self.model.topics.get_mut(name).unwrap();
        &mut topic.partitions[usize::try_from(*index).unwrap()]
    }

    /// Asks over one of the connections.
    pub(super) fn ask<R: Request>(&mut self, request: &R, version: i16) -> R::Response {
        self.requests += 1;
        let at = self.below(self.connections.len());
        let answer = self.connections[at].ask(request, version);
        answer.unwrap_or_else(|error| panic!("{} {version}: {error}", R::NAME))
    }

    /// Asks over a connection of its own, which may end with it.
    pub(super) fn connect(&mut self) -> Client {
        self.requests += 1;
        self.broker.connect()
    }

    /// Ends the process by `kill -9` or politely, and starts it again: everything is as it was.
    pub(super) fn end(&mut self) {
        if self.once_in(2) {
            self.kill();
        } else {
            self.did("a clean end");
            assert!(self.broker.terminate().success(), "{}", self.broker.said());
            self.start_again();
        }
        self.resume();
    }

    pub(super) fn kill(&mut self) {
        self.did("kill -9");
        self.broker.signal("KILL");
        assert_eq!(self.broker.ended(), None, "it was killed");
        self.start_again();
    }

    fn start_again(&mut self) {
        self.ends += 1;
        let (data, port) = (self.broker.data.clone(), self.broker.port);
        self.broker = Broker::start_on(&data, port, &SETTINGS).unwrap();
        self.connections = connections(&self.broker);
        self.session = None;
        self.await_coordinator();
    }

    /// After a restart: epochs went on, groups are as they were stored, all records are there.
    pub(super) fn resume(&mut self) {
        self.learn_epochs();
        self.resume_groups();
        self.read_everything();
    }
}

fn connections(broker: &Broker) -> Vec<Client> {
    (0..CONNECTIONS).map(|_| broker.connect()).collect()
}

pub(super) fn text(of: &str) -> Str {
    Str::from(of)
}

//! Rounds of a scenario: every system in turn, the same load, the disk at rest in between.

use std::collections::VecDeque;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};

use super::device::{self, Device};
use super::generator::{self, Generators, Load, Target};
use super::measure::{self, Metric, Sample};
use super::scenario::{Scenario, Work};
use super::{first_produce, page_cache};
use crate::brokers::{Place, Running, System};

/// Everything a comparison needs.
#[derive(Debug)]
pub(super) struct Bench {
    pub(super) load: Generators,
    pub(super) thalweg: Option<PathBuf>,
    pub(super) data: PathBuf,
    pub(super) systems: Vec<System>,
    pub(super) pairs: u32,
    pub(super) seconds: u32,
    pub(super) port: u16,
}

/// What a scenario gave.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) name: &'static str,
    pub(super) about: &'static str,
    pub(super) systems: Vec<System>,
    /// One row per round, one sample per system in the order of `systems`.
    pub(super) rounds: Vec<Vec<Sample>>,
    pub(super) devices: Vec<Device>,
}

impl Bench {
    /// Runs all rounds of a scenario.
    pub(super) fn run(&self, scenario: &'static Scenario) -> Result<Outcome> {
        let mut outcome = Outcome {
            name: scenario.name,
            about: scenario.about,
            systems: self.systems.clone(),
            rounds: Vec::new(),
            devices: Vec::new(),
        };
        let result = match scenario.work {
            Work::Start => self.starts(scenario, &mut outcome),
            Work::Recovery { between, .. } => self.recoveries(scenario, between, &mut outcome),
            Work::Light { .. }
            | Work::LightRead { .. }
            | Work::ColdRead { .. }
            | Work::JavaProduce { .. }
            | Work::JavaConsume { .. }
            | Work::JavaEndToEnd { .. }
            | Work::Idle => self.loads(scenario, &mut outcome),
        };
        fs::remove_dir_all(&self.data)?;
        fs::create_dir_all(&self.data)?;
        result.with_context(|| format!("scenario {}", scenario.name))?;
        Ok(outcome)
    }

    /// Every round starts each system on a fresh data directory.
    fn starts(&self, scenario: &Scenario, outcome: &mut Outcome) -> Result<()> {
        for round in 0..self.pairs {
            let mut row = Row::new(self.systems.len());
            for index in self.order(round) {
                let running = self.systems[index].start(&self.place(scenario, index, round)?)?;
                first_produce::until_acknowledged(running.address)?;
                let acknowledged = running.started.elapsed();
                let mut sample = measure::at_rest(&running)?;
                sample.insert(Metric::ReadyMs, millis(running.ready_after));
                sample.insert(Metric::FirstProduceMs, millis(acknowledged));
                running.stop()?;
                row.set(index, sample);
            }
            outcome.rounds.push(row.samples);
            outcome.devices.push(device::probe(&self.data)?);
        }
        Ok(())
    }

    /// Every round ends each system without a warning and starts it again.
    fn recoveries(&self, scenario: &Scenario, between: u64, outcome: &mut Outcome) -> Result<()> {
        let mut running = VecDeque::new();
        for (index, system) in self.systems.iter().enumerate() {
            let broker = system.start(&self.place(scenario, index, 0)?)?;
            self.prepare(&broker, scenario)?;
            running.push_back(broker);
        }
        for _ in 0..self.pairs {
            let mut row = Row::new(self.systems.len());
            for (index, system) in self.systems.iter().enumerate() {
                let broker = running.pop_front().expect("each system runs");
                self.fill(&broker, scenario, between)?;
                broker.kill()?;
                let broker = system.start(&self.place(scenario, index, 0)?)?;
                first_produce::until_acknowledged(broker.address)?;
                let acknowledged = millis(broker.started.elapsed());
                let sample = Sample::from([
                    (Metric::ReadyMs, millis(broker.ready_after)),
                    (Metric::FirstProduceMs, acknowledged),
                ]);
                row.set(index, sample);
                running.push_back(broker);
            }
            outcome.rounds.push(row.samples);
            outcome.devices.push(device::probe(&self.data)?);
        }
        running.into_iter().try_for_each(Running::stop)
    }

    /// All systems stay up; the first round warms them and does not count.
    fn loads(&self, scenario: &Scenario, outcome: &mut Outcome) -> Result<()> {
        let mut running = Vec::new();
        for (index, system) in self.systems.iter().enumerate() {
            running.push(system.start(&self.place(scenario, index, 0)?)?);
        }
        for broker in &running {
            self.prepare(broker, scenario)?;
        }
        for round in 0..=self.pairs {
            let mut row = Row::new(self.systems.len());
            for index in self.order(round) {
                rustix::fs::sync();
                row.set(index, self.one(&running[index], scenario, round)?);
            }
            rustix::fs::sync();
            if round > 0 {
                outcome.rounds.push(row.samples);
                outcome.devices.push(device::probe(&self.data)?);
            }
        }
        running.into_iter().try_for_each(Running::stop)
    }

    /// Forwards and backwards in turn, so that a drift of the machine meets all alike.
    fn order(&self, round: u32) -> Vec<usize> {
        let forwards = 0..self.systems.len();
        if round.is_multiple_of(2) {
            forwards.collect()
        } else {
            forwards.rev().collect()
        }
    }

    fn place(&self, scenario: &Scenario, index: usize, round: u32) -> Result<Place> {
        // Files of deleted topics go soon, so that a long comparison does not fill the disk.
        let mut overrides = vec![("log.segment.delete.delay.ms".to_owned(), "1000".to_owned())];
        if self.systems[index] == System::Thalweg {
            let own = scenario.thalweg.iter();
            overrides.extend(own.map(|(key, value)| ((*key).to_owned(), (*value).to_owned())));
        }
        Ok(Place {
            home: self.data.join(format!("{index}-{round}")),
            port: self.port + 2 * u16::try_from(index)?,
            thalweg: self.thalweg.clone(),
            overrides,
        })
    }

    /// Fills a topic that will be read, or makes the one that lies idle.
    fn prepare(&self, broker: &Running, scenario: &Scenario) -> Result<()> {
        let target = target(broker, scenario, "filled");
        let filled = match scenario.work {
            Work::LightRead { filled, .. }
            | Work::ColdRead { filled }
            | Work::Recovery { filled, .. } => filled,
            Work::JavaConsume { records } => records,
            Work::Idle => 0,
            Work::Light { .. }
            | Work::JavaProduce { .. }
            | Work::JavaEndToEnd { .. }
            | Work::Start => return Ok(()),
        };
        self.load.light(&target, "create", &[])?;
        if filled > 0 {
            self.fill(broker, scenario, filled)?;
        }
        Ok(())
    }

    fn fill(&self, broker: &Running, scenario: &Scenario, records: u64) -> Result<()> {
        let target = target(broker, scenario, "filled");
        let flags = [format!("--records={records}"), "--batch=65536".to_owned()];
        self.load.light(&target, "produce", &flags)?;
        Ok(())
    }

    fn one(&self, broker: &Running, scenario: &Scenario, round: u32) -> Result<Sample> {
        let filled = target(broker, scenario, "filled");
        match scenario.work {
            Work::Start | Work::Recovery { .. } | Work::Idle => measure::at_rest(broker),
            Work::ColdRead { filled: records } => {
                page_cache::evict(&self.data)?;
                let flags = [format!("--records={records}"), "--seconds=600".to_owned()];
                measure::under_load(broker, || self.load.light(&filled, "fetch", &flags))
            }
            Work::LightRead { flags, .. } => measure::under_load(broker, || {
                self.load.light(&filled, "fetch", &self.timed(flags))
            }),
            Work::JavaConsume { records } => {
                measure::under_load(broker, || generator::java_consume(&filled, records))
            }
            Work::Light { command, flags } => self.on_fresh(broker, scenario, round, |target| {
                self.load.light(target, command, &self.timed(flags))
            }),
            Work::JavaProduce {
                records,
                size,
                properties,
            } => self.on_fresh(broker, scenario, round, |target| {
                generator::java_produce(target, records, size, properties)
            }),
            Work::JavaEndToEnd { records } => self.on_fresh(broker, scenario, round, |target| {
                generator::java_end_to_end(target, records)
            }),
        }
    }

    fn on_fresh(
        &self,
        broker: &Running,
        scenario: &Scenario,
        round: u32,
        load: impl FnOnce(&Target) -> Result<Load>,
    ) -> Result<Sample> {
        let target = target(broker, scenario, &format!("round-{round}"));
        self.load.light(&target, "create", &[])?;
        let sample = measure::under_load(broker, || load(&target))?;
        self.load.light(&target, "delete", &[])?;
        Ok(sample)
    }

    fn timed(&self, flags: &[&str]) -> Vec<String> {
        let mut all = vec![format!("--seconds={}", self.seconds)];
        all.extend(flags.iter().map(|flag| (*flag).to_owned()));
        all
    }
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

fn target(broker: &Running, scenario: &Scenario, name: &str) -> Target {
    Target {
        address: broker.address,
        topic: format!("bench-{name}"),
        partitions: scenario.partitions,
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.data) {
            eprintln!("cannot remove {}: {error}", self.data.display());
        }
    }
}

/// The samples of one round, put back into the order of the systems.
struct Row {
    samples: Vec<Sample>,
}

impl Row {
    fn new(systems: usize) -> Self {
        Self {
            samples: vec![Sample::new(); systems],
        }
    }

    fn set(&mut self, index: usize, sample: Sample) {
        self.samples[index] = sample;
    }
}

//! One run: a load on a broker, and what it cost.

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use anyhow::{Context, Result};

use super::generator::Load;
use crate::brokers::Running;
use crate::stopwatch::Stopwatch;

/// How long a broker rests before and while it is measured at rest.
const SETTLE: Duration = Duration::from_secs(3);
const REST: Duration = Duration::from_secs(10);

/// What is measured, in the order of the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Metric {
    MegabytesPerSecond,
    RecordsPerSecond,
    CpuSecondsPerGigabyte,
    CpuMicrosPerRecord,
    LatencyP50,
    LatencyP99,
    LatencyP999,
    ReadyMs,
    FirstProduceMs,
    RestCpuPercent,
    ResidentMegabytes,
    /// Processor time of everything but broker and generator: noise, not a result.
    ForeignCpuPercent,
}

impl Metric {
    /// Its name with its unit.
    pub(super) fn label(self) -> &'static str {
        match self {
            Self::MegabytesPerSecond => "MB/s",
            Self::RecordsPerSecond => "records/s",
            Self::CpuSecondsPerGigabyte => "broker CPU-s per GB",
            Self::CpuMicrosPerRecord => "broker CPU-µs per record",
            Self::LatencyP50 => "latency p50, ms",
            Self::LatencyP99 => "latency p99, ms",
            Self::LatencyP999 => "latency p99.9, ms",
            Self::ReadyMs => "ready after, ms",
            Self::FirstProduceMs => "first produce acknowledged after, ms",
            Self::RestCpuPercent => "CPU at rest, % of a core",
            Self::ResidentMegabytes => "resident memory, MB",
            Self::ForeignCpuPercent => "foreign CPU, % of the machine",
        }
    }

    /// Whether a ratio of it says something.
    pub(super) fn is_result(self) -> bool {
        self != Self::ForeignCpuPercent
    }
}

/// One run's figures.
pub(super) type Sample = BTreeMap<Metric, f64>;

/// Runs `load` and charges the broker's processor time to it.
pub(super) fn under_load(broker: &Running, load: impl FnOnce() -> Result<Load>) -> Result<Sample> {
    let (before, machine) = (broker.pid.usage()?, Machine::read()?);
    let done = load()?;
    let (after, machine) = (broker.pid.usage()?, Machine::read()?.since(machine));
    let cpu = after.cpu_seconds - before.cpu_seconds;
    let foreign = (machine.busy - cpu - machine.generators).max(0.0);
    let mut sample = Sample::from([
        (Metric::MegabytesPerSecond, done.bytes / 1e6 / done.seconds),
        (Metric::RecordsPerSecond, done.records / done.seconds),
        (Metric::CpuMicrosPerRecord, cpu * 1e6 / done.records),
        (Metric::CpuSecondsPerGigabyte, cpu / (done.bytes / 1e9)),
        (Metric::ResidentMegabytes, megabytes(after.resident_bytes)?),
        (Metric::ForeignCpuPercent, 100.0 * foreign / machine.total),
    ]);
    if let Some(latency) = done.latency_ms {
        sample.insert(Metric::LatencyP50, latency.p50);
        sample.insert(Metric::LatencyP99, latency.p99);
        sample.insert(Metric::LatencyP999, latency.p999);
    }
    Ok(sample)
}

/// Lets the broker settle, then watches it do nothing.
pub(super) fn at_rest(broker: &Running) -> Result<Sample> {
    std::thread::sleep(SETTLE);
    let (before, started) = (broker.pid.usage()?, Stopwatch::start());
    std::thread::sleep(REST);
    let after = broker.pid.usage()?;
    let cpu = (after.cpu_seconds - before.cpu_seconds) / started.elapsed().as_secs_f64();
    Ok(Sample::from([
        (Metric::RestCpuPercent, 100.0 * cpu),
        (Metric::ResidentMegabytes, megabytes(after.resident_bytes)?),
    ]))
}

fn megabytes(bytes: u64) -> Result<f64> {
    Ok(f64::from(u32::try_from(bytes / 1000)?) / 1000.0)
}

/// Processor seconds of the whole machine, and of the generators this process has waited for.
#[derive(Debug, Clone, Copy)]
struct Machine {
    busy: f64,
    total: f64,
    generators: f64,
}

impl Machine {
    fn read() -> Result<Self> {
        let stat = fs::read_to_string("/proc/stat")?;
        let line = stat.lines().next().context("an empty /proc/stat")?;
        let ticks: Vec<f64> = line
            .split_whitespace()
            .skip(1)
            .flat_map(str::parse)
            .collect();
        let hz = f64::from(u32::try_from(rustix::param::clock_ticks_per_second())?);
        // user nice system idle iowait irq softirq steal; guest time is in user already.
        let all: f64 = ticks.iter().take(8).sum();
        let idle = ticks
            .get(3..5)
            .context("a short /proc/stat")?
            .iter()
            .sum::<f64>();
        let own = crate::process::Pid::new(i32::try_from(std::process::id())?)?.usage()?;
        Ok(Self {
            busy: (all - idle) / hz,
            total: all / hz,
            generators: own.cpu_seconds,
        })
    }

    fn since(self, before: Self) -> Self {
        Self {
            busy: self.busy - before.busy,
            total: (self.total - before.total).max(0.01),
            generators: self.generators - before.generators,
        }
    }
}

//! The load generators: Kafka's own from the jars, and `bench-load` on franz-go.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::kafka::load_tool;
use crate::paths;

/// What a generator did.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Load {
    pub(super) records: f64,
    pub(super) bytes: f64,
    pub(super) seconds: f64,
    pub(super) latency_ms: Option<LatencyMs>,
}

/// Latencies in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct LatencyMs {
    pub(super) p50: f64,
    pub(super) p99: f64,
    pub(super) p999: f64,
}

/// The topic a run works on.
#[derive(Debug, Clone)]
pub(super) struct Target {
    pub(super) address: SocketAddr,
    pub(super) topic: String,
    pub(super) partitions: u32,
}

/// The generators, built.
#[derive(Debug)]
pub(super) struct Generators {
    bench_load: PathBuf,
}

impl Generators {
    /// Builds `bench-load` into the cache folder.
    pub(super) fn build() -> Result<Self> {
        let folder = paths::cache_dir()?.join("bench-load");
        std::fs::create_dir_all(&folder)?;
        let bench_load = folder.join("bench-load");
        let status = Command::new("go")
            .args(["build", "-o"])
            .arg(&bench_load)
            .arg(".")
            .current_dir(paths::workspace_root().join("xtask/bench-load"))
            .status()
            .context("cannot run go (https://go.dev/doc/install)")?;
        ensure!(status.success(), "bench-load does not build");
        Ok(Self { bench_load })
    }

    /// Runs a command of `bench-load`.
    pub(super) fn light(&self, target: &Target, command: &str, flags: &[String]) -> Result<Load> {
        let mut run = Command::new(&self.bench_load);
        run.arg(command)
            .args([
                "--brokers",
                &target.address.to_string(),
                "--topic",
                &target.topic,
            ])
            .arg(format!("--partitions={}", target.partitions))
            .args(flags);
        parse_light(&output(&mut run)?)
    }
}

/// Kafka's ProducerPerformance.
pub(super) fn java_produce(
    target: &Target,
    records: u64,
    size: u32,
    properties: &[&str],
) -> Result<Load> {
    let mut run = load_tool("org.apache.kafka.tools.ProducerPerformance")?;
    run.args([
        "--bootstrap-server",
        &target.address.to_string(),
        "--topic",
        &target.topic,
    ])
    .args([
        "--num-records",
        &records.to_string(),
        "--record-size",
        &size.to_string(),
    ])
    .args(["--throughput", "-1"]);
    for property in properties {
        run.args(["--command-property", property]);
    }
    parse_producer_performance(&output(&mut run)?, f64::from(size))
}

/// Kafka's ConsumerPerformance.
pub(super) fn java_consume(target: &Target, records: u64) -> Result<Load> {
    let mut run = load_tool("org.apache.kafka.tools.ConsumerPerformance")?;
    run.args([
        "--bootstrap-server",
        &target.address.to_string(),
        "--topic",
        &target.topic,
    ])
    .args([
        "--num-records",
        &records.to_string(),
        "--hide-header",
        "--timeout",
        "60000",
    ]);
    parse_consumer_performance(&output(&mut run)?)
}

/// Kafka's EndToEndLatency.
pub(super) fn java_end_to_end(target: &Target, records: u64) -> Result<Load> {
    let mut run = load_tool("org.apache.kafka.tools.EndToEndLatency")?;
    run.args([
        "--bootstrap-server",
        &target.address.to_string(),
        "--topic",
        &target.topic,
    ])
    .args(["--num-records", &records.to_string()])
    .args(["--producer-acks", "all", "--record-size", "100"]);
    parse_end_to_end(&output(&mut run)?, records)
}

/// Builds Thalweg as it is released.
pub(super) fn build_thalweg() -> Result<PathBuf> {
    let status = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args([
            "build",
            "--release",
            "--quiet",
            "--package",
            "thalweg-broker",
        ])
        .current_dir(paths::workspace_root())
        .status()
        .context("cannot run cargo")?;
    ensure!(status.success(), "Thalweg does not build");
    Ok(paths::target_dir().join("release/thalweg"))
}

fn output(command: &mut Command) -> Result<String> {
    let output = command
        .output()
        .with_context(|| format!("cannot run {command:?}"))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    ensure!(
        output.status.success(),
        "{command:?} ended with {}\n{text}{}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(text)
}

fn parse_light(text: &str) -> Result<Load> {
    let answer: Value = serde_json::from_str(text.trim()).with_context(|| text.to_owned())?;
    let number = |value: &Value| value.as_f64().context("a number is missing");
    let latency = &answer["latency_us"];
    let latency_ms = if latency.is_null() {
        None
    } else {
        let ms = |name: &str| number(&latency[name]).map(|micros| micros / 1000.0);
        Some(LatencyMs {
            p50: ms("p50")?,
            p99: ms("p99")?,
            p999: ms("p999")?,
        })
    };
    Ok(Load {
        records: number(&answer["records"])?,
        bytes: number(&answer["bytes"])?,
        seconds: number(&answer["seconds"])?,
        latency_ms,
    })
}

/// `500000 records sent, 59213.6 records/sec (57.83 MB/sec), …, 285 ms 50th, …`, the last such line.
fn parse_producer_performance(text: &str, size: f64) -> Result<Load> {
    let line = text
        .lines()
        .rfind(|line| line.contains(" 99.9th"))
        .with_context(|| text.to_owned())?;
    let words: Vec<&str> = line.split_whitespace().collect();
    let before = |name: &str, back: usize| -> Result<f64> {
        let at = words
            .iter()
            .position(|word| word.trim_matches([',', '.']) == name);
        let at = at
            .and_then(|at| at.checked_sub(back))
            .with_context(|| line.to_owned())?;
        words[at].parse().with_context(|| line.to_owned())
    };
    let (records, rate) = (before("records", 1)?, before("records/sec", 1)?);
    let latency_ms = LatencyMs {
        p50: before("50th", 2)?,
        p99: before("99th", 2)?,
        p999: before("99.9th", 2)?,
    };
    Ok(Load {
        records,
        bytes: records * size,
        seconds: records / rate,
        latency_ms: Some(latency_ms),
    })
}

/// `start, end, MB, MB.sec, records, records.sec, rebalance.ms, fetch.ms, …`: the time of fetching
/// counts, not that of joining the group.
fn parse_consumer_performance(text: &str) -> Result<Load> {
    let line = text.lines().rfind(|line| line.split(", ").count() >= 10);
    let line = line.with_context(|| text.to_owned())?;
    let field = |index: usize| -> Result<f64> {
        let text = line.split(", ").nth(index).context("a short line")?;
        text.trim().parse().with_context(|| line.to_owned())
    };
    Ok(Load {
        records: field(4)?,
        bytes: field(2)? * 1024.0 * 1024.0,
        seconds: field(7)? / 1000.0,
        latency_ms: None,
    })
}

/// `Avg latency: 1.7939 ms`, then `Percentiles: 50th = 1, 99th = 8, 99.9th = 36` in whole
/// milliseconds; the average stands for the median, which has no digits after the point.
fn parse_end_to_end(text: &str, records: u64) -> Result<Load> {
    let number = |start: &str| -> Result<f64> {
        let (_, rest) = text.rsplit_once(start).with_context(|| text.to_owned())?;
        let word = rest.split([',', ' ', '\n']).next().unwrap_or(rest);
        word.trim().parse().with_context(|| text.to_owned())
    };
    let average = number("Avg latency: ")?;
    let records = f64::from(u32::try_from(records)?);
    let latency_ms = LatencyMs {
        p50: average,
        p99: number(", 99th = ")?,
        p999: number("99.9th = ")?,
    };
    Ok(Load {
        records,
        bytes: records * 100.0,
        seconds: records * average / 1000.0,
        latency_ms: Some(latency_ms),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_producers_last_summary_counts() {
        let text = "290111 records sent, 57999.0 records/sec (56.64 MB/sec), 334.9 ms avg latency, \
                    979.0 ms max latency.\n500000 records sent, 50000.0 records/sec (57.83 MB/sec), \
                    316.15 ms avg latency, 979.00 ms max latency, 285 ms 50th, 864 ms 95th, \
                    949 ms 99th, 966 ms 99.9th.\n";
        let load = parse_producer_performance(text, 1024.0).unwrap();
        let latency = LatencyMs {
            p50: 285.0,
            p99: 949.0,
            p999: 966.0,
        };
        let expected = Load {
            records: 5e5,
            bytes: 5.12e8,
            seconds: 10.0,
            latency_ms: Some(latency),
        };
        assert_eq!(load, expected);
    }

    #[test]
    fn joining_the_group_is_not_fetching() {
        let text = "2026-01-01 00:00:00:425, 2026-01-01 00:00:07:450, 488.75, 69.5, 500480, \
                    71242.7, 4908, 2000, 230.8, 236410.0\n";
        let load = parse_consumer_performance(text).unwrap();
        assert!((load.seconds - 2.0).abs() < 1e-9 && (load.records - 500_480.0).abs() < 1e-9);
    }

    #[test]
    fn end_to_end_percentiles_are_read() {
        let text = "0\t80.1\n1000\t0.99\nAvg latency: 1.7939 ms\n\
                    Percentiles: 50th = 1, 99th = 8, 99.9th = 36";
        let latency = parse_end_to_end(text, 2000).unwrap().latency_ms.unwrap();
        assert_eq!(
            latency,
            LatencyMs {
                p50: 1.7939,
                p99: 8.0,
                p999: 36.0
            }
        );
    }

    #[test]
    fn a_light_answer_may_have_latencies() {
        let text = r#"{"records":2,"bytes":2048,"seconds":1.5,
            "latency_us":{"p50":1500,"p90":1600,"p99":2000,"p999":3000,"max":4000}}"#;
        let load = parse_light(text).unwrap();
        assert_eq!(
            load.latency_ms.unwrap(),
            LatencyMs {
                p50: 1.5,
                p99: 2.0,
                p999: 3.0
            }
        );
        assert!(parse_light("{}").is_err());
    }
}

//! `cargo xtask check`: everything CI runs, each step timed.

use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use crate::brokers::{Place, System};
use crate::stopwatch::Stopwatch;
use crate::{bank, brokers, docs, paths, schema, tidy};

/// One step: its name and what it does.
type Step = (&'static str, fn(&mut Totals) -> Result<()>);

const STEPS: &[Step] = &[
    ("tidy", |_| tidy::run()),
    ("format", |_| cargo(&["fmt", "--all", "--check"])),
    ("clippy", |_| {
        cargo(&[
            "clippy",
            "--workspace",
            "--all-targets",
            "--quiet",
            "--",
            "-D",
            "warnings",
        ])
    }),
    ("codegen", |_| schema::run_codegen(&["--check".to_owned()])),
    ("documents", |_| docs::run(&["--check".to_owned()])),
    ("tests", tests),
    ("bank", |_| bank::run(&["--known".to_owned()])),
    ("answers", |_| answers()),
    ("clients", |_| clients()),
];

/// First of the ports that the comparison of answers takes on loopback.
const ANSWERS_PORT: u16 = 22400;

/// Tests over all crates.
#[derive(Debug, Default, PartialEq, Eq)]
struct Totals {
    passed: u64,
    failed: u64,
}

/// Entry point of the command. Every step runs, whatever the ones before it found.
pub(crate) fn run() -> Result<()> {
    let mut totals = Totals::default();
    let mut outcomes = Vec::new();
    for (name, step) in STEPS {
        println!("==> {name}");
        let started = Stopwatch::start();
        let outcome = step(&mut totals);
        if let Err(error) = &outcome {
            println!("{error:#}");
        }
        outcomes.push((*name, started.elapsed(), outcome.is_ok()));
    }
    println!();
    for (name, took, ok) in &outcomes {
        println!(
            "{name:<10} {:>6.1} s  {}",
            took.as_secs_f64(),
            if *ok { "ok" } else { "FAILED" }
        );
    }
    let all: Duration = outcomes.iter().map(|(_, took, _)| *took).sum();
    println!("{:<10} {:>6.1} s", "all", all.as_secs_f64());
    // Last, so that a reader of the tail sees them: steps other than tests count as one test each.
    let steps_failed = outcomes
        .iter()
        .filter(|(name, _, ok)| !ok && *name != "tests")
        .count();
    let failed = totals.failed + u64::try_from(steps_failed)?;
    println!("\n{} passed, {failed} failed", totals.passed);
    ensure!(
        outcomes.iter().all(|(_, _, ok)| *ok),
        "not everything passed"
    );
    Ok(())
}

fn command(args: &[&str]) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(args).current_dir(paths::workspace_root());
    command
}

fn cargo(args: &[&str]) -> Result<()> {
    let status = command(args).status().context("cannot run cargo")?;
    ensure!(
        status.success(),
        "cargo {} ended with {status}",
        args.join(" ")
    );
    Ok(())
}

/// All tests of all crates; their summaries are added up.
fn tests(totals: &mut Totals) -> Result<()> {
    let args = ["test", "--workspace", "--no-fail-fast"];
    let mut child = command(&args)
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot run cargo")?;
    let output = child.stdout.take().context("no output")?;
    for line in BufReader::new(output).lines() {
        let line = line?;
        totals.add(&line);
        writeln!(std::io::stdout(), "{line}")?;
    }
    let status = child.wait()?;
    ensure!(
        status.success() || totals.failed > 0,
        "cargo test ended with {status}"
    );
    ensure!(totals.failed == 0, "{} tests failed", totals.failed);
    ensure!(totals.passed > 0, "no test ran");
    Ok(())
}

/// The binary that the tests were built with.
fn thalweg() -> Result<PathBuf> {
    cargo(&[
        "build",
        "--quiet",
        "--package",
        "thalweg-broker",
        "--bin",
        "thalweg",
    ])?;
    Ok(paths::target_dir().join("debug/thalweg"))
}

/// The same requests to Apache Kafka and to Thalweg, both fresh.
fn answers() -> Result<()> {
    let data = paths::cache_dir()?.join(format!("check/run-{}", std::process::id()));
    let place = |name: &str, port: u16, thalweg: Option<PathBuf>| Place {
        home: data.join(name),
        port,
        thalweg,
        overrides: brokers::alike(),
    };
    let kafka = System::Kafka.start(&place("kafka", ANSWERS_PORT, None))?;
    let thalweg = System::Thalweg.start(&place("thalweg", ANSWERS_PORT + 2, Some(thalweg()?)))?;
    let (left, right) = (kafka.address.to_string(), thalweg.address.to_string());
    let program = [
        "run",
        "--quiet",
        "--package",
        "thalweg-compat-tests",
        "--bin",
        "differential",
    ];
    let compared = cargo(&[&program[..], &["--", "--kafka", &left, "--thalweg", &right]].concat());
    kafka.stop()?;
    thalweg.stop()?;
    std::fs::remove_dir_all(&data)?;
    compared
}

/// Real clients, a short run.
fn clients() -> Result<()> {
    let broker = thalweg()?.display().to_string();
    let package = ["run", "--quiet", "--package", "thalweg-compat-tests", "--"];
    cargo(&[&package[..], &["--quick", "--broker", &broker]].concat())
}

impl Totals {
    /// Reads a line such as `test result: ok. 9 passed; 0 failed; 0 ignored; …`.
    fn add(&mut self, line: &str) {
        let Some(summary) = line.strip_prefix("test result: ") else {
            return;
        };
        for part in summary.split([';', '.']) {
            let mut words = part.split_whitespace();
            let (Some(number), Some(what)) = (words.next(), words.next()) else {
                continue;
            };
            let Ok(number) = number.parse::<u64>() else {
                continue;
            };
            match what {
                "passed" => self.passed += number,
                "failed" => self.failed += number,
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn summaries_add_up() {
        let mut totals = Totals::default();
        totals.add("test result: ok. 9 passed; 0 failed; 0 ignored; 0 measured; 1 filtered out");
        totals.add("test result: FAILED. 32 passed; 3 failed; 0 ignored; finished in 0.24s");
        totals.add("test a::b ... ok");
        assert_eq!(
            totals,
            Totals {
                passed: 41,
                failed: 3
            }
        );
    }
}

//! What is asked for: which systems, which scenarios, how often.

use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use clap::Parser;

use super::scenario::{SCENARIOS, Scenario};
use super::{environment, generator, memory, page, rounds};
use crate::brokers::System;
use crate::paths;

#[derive(Debug, Parser)]
#[command(
    name = "cargo xtask bench",
    about = "Apache Kafka and Thalweg under the same load"
)]
pub(super) struct Plan {
    /// Rounds; each gives every system one run.
    #[arg(long, default_value_t = 5)]
    pub(super) pairs: u32,
    /// Only scenarios whose name contains this; may be repeated.
    #[arg(long)]
    only: Vec<String>,
    /// Seconds of load per run, for generators that take a time.
    #[arg(long, default_value_t = 5)]
    pub(super) seconds: u32,
    /// Systems, the last one against each of the others; `kafka,kafka` proves the method.
    #[arg(
        long,
        value_delimiter = ',',
        default_value = "kafka,kafka-sync,thalweg"
    )]
    systems: Vec<System>,
    /// Thalweg's binary [default: a fresh release build].
    #[arg(long)]
    thalweg: Option<PathBuf>,
    /// First of the ports used on loopback; each system takes two.
    #[arg(long, default_value_t = 22100)]
    pub(super) port: u16,
    /// Where the brokers keep their data [default: the cache folder].
    #[arg(long)]
    data: Option<PathBuf>,
    /// The page to write.
    #[arg(long, default_value = "docs/perf/single-node.md")]
    out: PathBuf,
    /// Prints the names of all scenarios.
    #[arg(long)]
    list: bool,
}

/// Entry point of the command.
pub(crate) fn run(args: Vec<String>) -> Result<()> {
    let plan = Plan::parse_from(std::iter::once("cargo xtask bench".to_owned()).chain(args));
    if plan.list {
        for scenario in SCENARIOS {
            println!("{:<22} {}", scenario.name, scenario.about);
        }
        return Ok(());
    }
    ensure!(!plan.systems.is_empty(), "which systems?");
    ensure!(plan.pairs > 0, "at least one round");
    let chosen: Vec<&Scenario> = SCENARIOS
        .iter()
        .filter(|one| plan.wants(one.name))
        .collect();
    ensure!(
        !chosen.is_empty(),
        "no scenario is called {:?}; see --list",
        plan.only
    );
    let bench = rounds::Bench {
        load: generator::Generators::build()?,
        thalweg: plan.thalweg_binary()?,
        data: plan.data_dir()?,
        systems: plan.systems.clone(),
        pairs: plan.pairs,
        seconds: plan.seconds,
        port: plan.port,
    };
    let (out, environment) = (
        paths::workspace_root().join(&plan.out),
        environment::Environment::read()?,
    );
    memory::touch()?;
    let mut results = Vec::new();
    for scenario in chosen {
        println!("==> {}: {}", scenario.name, scenario.about);
        let result = bench.run(scenario)?;
        println!("{}", page::section(&result));
        results.push(result);
        // After each scenario: what is interrupted keeps what it has.
        page::write(&out, &environment, &plan, &results)?;
    }
    println!("written to {}", plan.out.display());
    Ok(())
}

impl Plan {
    fn wants(&self, name: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|part| name.contains(part.as_str()))
    }

    fn thalweg_binary(&self) -> Result<Option<PathBuf>> {
        if !self.systems.contains(&System::Thalweg) {
            return Ok(None);
        }
        match &self.thalweg {
            Some(binary) => {
                ensure!(binary.is_file(), "no {}", binary.display());
                Ok(Some(std::path::absolute(binary)?))
            }
            None => generator::build_thalweg().map(Some),
        }
    }

    fn data_dir(&self) -> Result<PathBuf> {
        let base = match &self.data {
            Some(dir) => std::path::absolute(dir)?,
            None => paths::cache_dir()?.join("bench-data"),
        };
        let dir = base.join(format!("run-{}", std::process::id()));
        std::fs::create_dir_all(&dir).with_context(|| format!("cannot make {}", dir.display()))?;
        Ok(dir)
    }
}

//! The command: start both brokers, play the script on each, compare.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail, ensure};
use clap::Parser;

use super::allowed::Allowed;
use super::compare::{self, Comparison};
use super::script::{self, Step};
use super::session::{Printed, Session};
use crate::brokers::{self, Place, System};
use crate::{kafka, paths};

#[derive(Debug, Parser)]
#[command(
    name = "cargo xtask tools-diff",
    about = "Kafka's tools against Kafka and Thalweg"
)]
struct Options {
    /// Thalweg's binary; without it Kafka is compared with itself, which must give no difference.
    #[arg(long)]
    thalweg: Option<PathBuf>,
    /// First of the four ports used on loopback.
    #[arg(long, default_value_t = 22300)]
    port: u16,
    /// The script of commands.
    #[arg(long)]
    script: Option<PathBuf>,
    /// Prints what both sides printed, too.
    #[arg(long)]
    verbose: bool,
}

/// Entry point of the command.
pub(crate) fn run(args: Vec<String>) -> Result<()> {
    let words = std::iter::once("cargo xtask tools-diff".to_owned()).chain(args);
    let options = Options::parse_from(words);
    let home = paths::workspace_root().join("xtask/tools-diff");
    let script = options
        .script
        .clone()
        .unwrap_or_else(|| home.join("script.txt"));
    let steps = script::parse(&fs::read_to_string(script)?)?;
    let other = if options.thalweg.is_some() {
        System::Thalweg
    } else {
        System::Kafka
    };
    let allowed = match other {
        System::Thalweg => Allowed::parse(&fs::read_to_string(home.join("allowed.txt"))?)?,
        System::Kafka | System::KafkaSync => Allowed::default(),
    };
    let data = paths::cache_dir()?.join(format!("tools-diff/run-{}", std::process::id()));
    let printed = play_both(&options, &steps, &data, other);
    fs::remove_dir_all(&data)?;
    let (kafka, thalweg) = printed?;
    report(
        &compare::compare(&kafka, &thalweg, &allowed),
        &allowed,
        &kafka,
        &options,
    )
}

/// One thread per broker: the tools spend their time starting JVMs.
fn play_both(
    options: &Options,
    steps: &[Step],
    data: &Path,
    other: System,
) -> Result<(Vec<Printed>, Vec<Printed>)> {
    let play = |system: System, name: &str, port: u16| -> Result<Vec<Printed>> {
        let home = data.join(name);
        let broker = system.start(&Place {
            home: home.clone(),
            port,
            thalweg: options.thalweg.clone(),
            overrides: brokers::alike(),
        })?;
        if system == System::Kafka {
            kafka::speed_up_tools(broker.address)?;
        }
        let printed = Session::new(broker.address, home).play(steps);
        broker.stop()?;
        printed
    };
    std::thread::scope(|scope| {
        let kafka = scope.spawn(|| play(System::Kafka, "kafka", options.port));
        let other = play(other, "other", options.port + 2);
        let Ok(kafka) = kafka.join() else {
            bail!("the thread of Kafka's side panicked")
        };
        Ok((kafka?, other?))
    })
}

fn report(
    comparisons: &[Comparison],
    allowed: &Allowed,
    kafka: &[Printed],
    options: &Options,
) -> Result<()> {
    for (comparison, printed) in comparisons.iter().zip(kafka) {
        println!("{} {}", comparison.verdict(), comparison.label);
        if options.verbose {
            println!("{}", printed.text);
        }
        for line in &comparison.differences {
            println!("    {line}");
        }
    }
    let differ = comparisons
        .iter()
        .filter(|one| !one.differences.is_empty())
        .count();
    let excused: usize = comparisons.iter().map(|one| one.allowed).sum();
    let unused = allowed.unused(comparisons);
    for reason in &unused {
        println!("no longer needed in allowed.txt: {reason}");
    }
    println!("\n{excused} lines differ for a listed reason");
    println!(
        "{} passed, {} failed",
        comparisons.len() - differ,
        differ + unused.len()
    );
    ensure!(
        differ == 0 && unused.is_empty(),
        "the tools do not print the same"
    );
    Ok(())
}

//! Unmodified Kafka clients against a running broker: `cargo run -p thalweg-compat-tests -- --help`.

mod broker;
mod child;
mod clock;
mod faults;
mod group;
mod lack;
mod manifest;
mod matrix;
mod outcome;
mod package;
mod progress;
mod readback;
mod record;
mod report;
mod stored;
mod toolchain;
mod workload;

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use clap::Parser;

use crate::broker::Broker;
use crate::manifest::Manifest;
use crate::matrix::Plan;
use crate::progress::Progress;

/// Records that each library writes in the full and in the short run.
const COUNT_FULL: usize = 100_000;
const COUNT_QUICK: usize = 2_000;

/// Runs real Kafka clients against a broker and checks every byte.
#[derive(Debug, Parser)]
struct Arguments {
    /// Path of a thalweg binary, "kafka" for Apache Kafka, or the address of a broker that runs already.
    #[arg(long)]
    broker: String,
    /// Only these clients (folders of compat-tests/clients), separated by commas.
    #[arg(long, value_delimiter = ',')]
    clients: Vec<String>,
    /// Records that each library writes [default: 100000, or 2000 with --quick].
    #[arg(long)]
    count: Option<usize>,
    /// The short run for CI: a client of each family, few records.
    #[arg(long)]
    quick: bool,
    /// Port of a broker that is started here [default: a free one].
    #[arg(long)]
    port: Option<u16>,
    /// Leave the groups out.
    #[arg(long)]
    no_groups: bool,
    /// Write docs/compatibility.md; needs every client.
    #[arg(long)]
    report: bool,
    /// Faults under clients that go on, instead of the matrix; --broker is the path of a binary.
    #[arg(long)]
    faults: bool,
    /// Only these faults, separated by commas.
    #[arg(long, value_delimiter = ',', requires = "faults")]
    only: Vec<String>,
    /// Folder for the data and the output of a broker that is started here [default: a new one].
    #[arg(long)]
    work: Option<PathBuf>,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let clients_folder = package::folder().join("clients");
    let manifests = chosen(Manifest::load_all(&clients_folder)?, &arguments)?;
    ensure!(
        !arguments.report || (arguments.clients.is_empty() && !arguments.quick),
        "--report needs the whole matrix: leave --clients and --quick out"
    );
    let cache = toolchain::cache_folder()?;
    let work = match arguments.work.clone() {
        Some(work) => work,
        None => std::env::temp_dir().join(format!("thalweg-compat-{}", std::process::id())),
    };
    std::fs::create_dir_all(&work).with_context(|| work.display().to_string())?;
    let mut progress = Progress::start();
    if arguments.faults {
        return play_faults(&arguments, manifests, &work, &mut progress);
    }
    let broker = Broker::open(&arguments.broker, &work, arguments.port)?;
    progress.say(&format!("{} at {}", broker.title, broker.address))?;
    let default_count = if arguments.quick {
        COUNT_QUICK
    } else {
        COUNT_FULL
    };
    let plan = Plan {
        bootstrap: &broker.address,
        count: arguments.count.unwrap_or(default_count),
        cache: &cache,
        groups: !arguments.no_groups,
    };
    let outcomes = matrix::run(&plan, manifests, &mut progress)?;
    if arguments.report {
        let text = report::render(&broker.title, plan.count, &outcomes);
        let path = package::folder().with_file_name("docs");
        std::fs::create_dir_all(&path)?;
        std::fs::write(path.join("compatibility.md"), text)?;
    }
    broker.close()?;
    let failures: usize = outcomes
        .iter()
        .map(|outcome| outcome.failures().len())
        .sum();
    progress.say(&format!("{} clients, {failures} failures", outcomes.len()))?;
    ensure!(failures == 0, "{failures} parts of the matrix failed");
    Ok(())
}

/// Plays the faults, and writes their page.
fn play_faults(
    arguments: &Arguments,
    mut manifests: Vec<Manifest>,
    work: &Path,
    progress: &mut Progress,
) -> Result<()> {
    ensure!(
        !arguments.report || arguments.only.is_empty(),
        "--report needs every fault: leave --only out"
    );
    manifests.retain(|manifest| faults::LIBRARIES.contains(&manifest.name.as_str()));
    let broker = std::path::absolute(&arguments.broker)?;
    let version = Command::new(&broker).arg("--version").output();
    let version = version.with_context(|| broker.display().to_string())?;
    let title = String::from_utf8_lossy(&version.stdout).trim().to_owned();
    let clients = faults::prepare(manifests, &toolchain::cache_folder()?)?;
    let outcomes = faults::run(&broker, &clients, &arguments.only, work, progress)?;
    if arguments.report {
        let page = package::folder().with_file_name("docs");
        let text = faults::render(&title, &outcomes);
        std::fs::write(page.join("compatibility-faults.md"), text)?;
    }
    let failures: usize = outcomes.iter().map(faults::FaultOutcome::failures).sum();
    progress.say(&format!("{} faults, {failures} failures", outcomes.len()))?;
    ensure!(failures == 0, "{failures} things did not hold");
    Ok(())
}

fn chosen(manifests: Vec<Manifest>, arguments: &Arguments) -> Result<Vec<Manifest>> {
    for name in &arguments.clients {
        ensure!(
            manifests.iter().any(|manifest| manifest.name == *name),
            "no client {name}; there are: {}",
            manifests
                .iter()
                .map(|manifest| manifest.name.as_str())
                .collect::<Vec<_>>()
                .join(", ")
        );
    }
    let wanted = |manifest: &Manifest| {
        if arguments.clients.is_empty() {
            manifest.quick || !arguments.quick
        } else {
            arguments.clients.contains(&manifest.name)
        }
    };
    Ok(manifests.into_iter().filter(wanted).collect())
}

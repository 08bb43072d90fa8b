//! Unmodified Kafka clients against a running broker: `cargo run -p thalweg-compat-tests -- --help`.

mod broker;
mod child;
mod clock;
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

use std::path::PathBuf;

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
    let work = match arguments.work {
        Some(work) => work,
        None => std::env::temp_dir().join(format!("thalweg-compat-{}", std::process::id())),
    };
    std::fs::create_dir_all(&work).with_context(|| work.display().to_string())?;
    let mut progress = Progress::start();
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

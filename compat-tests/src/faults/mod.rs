//! Faults under clients that go on: each library writes numbered records and reads along while something is done to the broker.
//! Reading order: `ledger` (what must hold), `steady` (one library), `node` (the broker), `stage` (a play's means), `plays`.

mod fault;
mod ledger;
mod machine;
mod node;
mod page;
mod plays;
mod stage;
mod steady;
mod tamper;

use std::path::Path;

use anyhow::{Context, Result, ensure};

pub(crate) use fault::{Client, FaultOutcome};
pub(crate) use page::render;

use crate::child;
use crate::manifest::Manifest;
use crate::progress::Progress;
use crate::toolchain;

/// The libraries that go through the faults.
pub(crate) const LIBRARIES: [&str; 3] = ["confluent-kafka-python", "java-4", "franz-go"];

/// Builds the clients.
///
/// # Errors
/// When one cannot be built: the machine is at fault then.
pub(crate) fn prepare(manifests: Vec<Manifest>, cache: &Path) -> Result<Vec<Client>> {
    let mut clients = Vec::new();
    for manifest in manifests {
        let program =
            toolchain::prepare(&manifest, cache).with_context(|| manifest.name.clone())?;
        let version = ["version".to_owned()];
        let version = child::run(&program, &version, Vec::new(), stage::STEP_LIMIT)?;
        clients.push(Client {
            name: manifest.name,
            title: manifest.title,
            version: version.trim().to_owned(),
            program,
        });
    }
    Ok(clients)
}

/// Plays the faults that are named, or all.
///
/// # Errors
/// When a name is none of a fault, or the machine lets a stage not be set.
pub(crate) fn run(
    broker: &Path,
    clients: &[Client],
    only: &[String],
    work: &Path,
    progress: &mut Progress,
) -> Result<Vec<FaultOutcome>> {
    let known = plays::all();
    for name in only {
        ensure!(
            known.iter().any(|fault| fault.name == name),
            "no fault {name}; there are: {}",
            known
                .iter()
                .map(|fault| fault.name)
                .collect::<Vec<_>>()
                .join(", ")
        );
    }
    let mut outcomes = Vec::new();
    for fault in known {
        if only.is_empty() || only.iter().any(|name| fault.name == name) {
            progress.say(fault.name)?;
            let outcome = fault.play(broker, clients, &work.join(fault.name));
            for line in outcome.lines() {
                progress.say(&format!("  {line}"))?;
            }
            outcomes.push(outcome);
        }
    }
    Ok(outcomes)
}

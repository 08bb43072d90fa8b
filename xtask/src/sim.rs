//! `cargo xtask sim`: builds the simulator and runs it.

use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::stopwatch::Stopwatch;
use crate::{bank, paths};

/// Entry point of the command: all words go to the simulator.
pub(crate) fn run(words: &[String]) -> Result<()> {
    if let Some((first, rest)) = words.split_first()
        && first == "--bank"
    {
        return bank::run(rest);
    }
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let built = Command::new(cargo)
        .args(["build", "--quiet", "--profile", "sim"])
        .args(["--package", "thalweg-sim"])
        .current_dir(paths::workspace_root())
        .status()
        .context("cannot run cargo")?;
    ensure!(built.success(), "the simulator was not built");
    let started = Stopwatch::start();
    let status = Command::new(paths::target_dir().join("sim/thalweg-sim"))
        .args(words)
        .status()
        .context("cannot run the simulator")?;
    println!("{:.1} s", started.elapsed().as_secs_f64());
    ensure!(status.success(), "the simulator found something");
    Ok(())
}

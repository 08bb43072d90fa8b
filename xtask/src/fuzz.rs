//! `cargo xtask fuzz`: builds the targets and runs them, all or some, each for so many seconds.

use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::paths;

/// Entry point of the command: all words go to the runner.
pub(crate) fn run(words: &[String]) -> Result<()> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(cargo)
        .args(["run", "--quiet", "--profile", "sim"])
        .args(["--package", "thalweg-fuzz", "--"])
        .args(words)
        .current_dir(paths::workspace_root())
        .status()
        .context("cannot run cargo")?;
    ensure!(
        status.success(),
        "a target found something, see fuzz/regressions"
    );
    Ok(())
}

//! `cargo xtask history`: builds the checker of histories and runs it.

use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::paths;

/// Entry point of the command: all words are files.
pub(crate) fn run(files: &[String]) -> Result<()> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(cargo)
        .args(["run", "--quiet", "--package", "thalweg-sim"])
        .args(["--bin", "thalweg-history", "--"])
        .args(files)
        .current_dir(paths::workspace_root())
        .status()
        .context("cannot run cargo")?;
    ensure!(
        status.success(),
        "a promise is broken, or a file is no history"
    );
    Ok(())
}

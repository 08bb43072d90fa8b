//! `cargo xtask soak`: mixed load on an optimised broker for a long time, with kills and restarts.

use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

use crate::paths;

/// Minutes unless told: with 30 what grows slowly shows.
const MINUTES: u64 = 30;

/// The test that does it, and runs briefly with all others.
const TEST: &str = "soak::mixed_load_stays_flat_and_loses_nothing";

/// Entry point of the command.
pub(crate) fn run(words: &[String]) -> Result<()> {
    let minutes = match words {
        [] => MINUTES,
        [option, minutes] if option == "--minutes" => {
            minutes.parse().context("--minutes wants a number")?
        }
        _ => bail!("usage: cargo xtask soak [--minutes N]"),
    };
    let cargo = || {
        let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        command.current_dir(paths::workspace_root());
        command
    };
    let built = cargo()
        .args([
            "build",
            "--quiet",
            "--release",
            "--package",
            "thalweg-broker",
        ])
        .status()
        .context("cannot run cargo")?;
    ensure!(built.success(), "the broker was not built");
    let status = cargo()
        .args([
            "test",
            "--quiet",
            "--package",
            "thalweg-broker",
            "--test",
            "process",
        ])
        .args(["--", "--exact", TEST, "--nocapture"])
        .env("THALWEG_BIN", paths::target_dir().join("release/thalweg"))
        .env("THALWEG_SOAK_SECONDS", (minutes * 60).to_string())
        .status()
        .context("cannot run cargo")?;
    ensure!(status.success(), "the load found something");
    Ok(())
}

//! Where the figures come from: processor, memory, kernel, commit.

use std::fs;
use std::process::Command;

use anyhow::{Context, Result};

use crate::paths;

/// Facts for the head of a page.
#[derive(Debug)]
pub(super) struct Environment {
    pub(super) processor: String,
    pub(super) cores: usize,
    pub(super) memory_gib: u64,
    pub(super) kernel: String,
    pub(super) java: String,
    pub(super) commit: String,
}

impl Environment {
    /// Reads them.
    pub(super) fn read() -> Result<Self> {
        let processors = fs::read_to_string("/proc/cpuinfo")?;
        let memory = fs::read_to_string("/proc/meminfo")?;
        let kib: u64 = memory
            .lines()
            .find_map(|line| line.strip_prefix("MemTotal:"))
            .and_then(|rest| rest.trim().trim_end_matches("kB").trim().parse().ok())
            .context("no MemTotal")?;
        Ok(Self {
            processor: processors
                .lines()
                .find_map(|line| line.strip_prefix("model name"))
                .map_or_else(
                    || "unknown".to_owned(),
                    |name| name.trim_matches([' ', '\t', ':']).to_owned(),
                ),
            cores: std::thread::available_parallelism()?.get(),
            memory_gib: kib.div_ceil(1024 * 1024),
            kernel: fs::read_to_string("/proc/sys/kernel/osrelease")?
                .trim()
                .to_owned(),
            java: first_line(Command::new("java").arg("-version"))?,
            commit: commit()?,
        })
    }
}

/// The commit, marked when the tree differs from it.
fn commit() -> Result<String> {
    let root = paths::workspace_root();
    let git = ["-c", "safe.directory=*"];
    let hash = first_line(
        Command::new("git")
            .args(git)
            .args(["rev-parse", "--short=12", "HEAD"])
            .current_dir(root),
    )?;
    let changed = Command::new("git")
        .args(git)
        .args(["status", "--porcelain", "--untracked-files=no"])
        .current_dir(root)
        .output()?;
    Ok(if changed.stdout.is_empty() {
        hash
    } else {
        format!("{hash} with changes")
    })
}

/// Of standard output, or of standard error where java writes its version.
fn first_line(command: &mut Command) -> Result<String> {
    let output = command
        .output()
        .with_context(|| format!("cannot run {command:?}"))?;
    let text = [output.stdout, output.stderr].concat();
    Ok(String::from_utf8_lossy(&text)
        .lines()
        .next()
        .unwrap_or_default()
        .to_owned())
}

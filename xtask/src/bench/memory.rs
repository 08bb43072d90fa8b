//! Memory that the machine has not used yet.

use std::fs;

use anyhow::{Context, Result};

/// Share of the available memory that is touched, in tenths: enough for what a run writes to the page
/// cache, and nothing is pushed out for it.
const SHARE_TENTHS: usize = 6;

const PIECE_BYTES: usize = 64 << 20;

/// Uses memory once. A virtual machine's memory comes from its host at the first touch, which costs
/// ten times a copy: without this the system that is first to use a page pays for it.
pub(super) fn touch() -> Result<()> {
    let facts = fs::read_to_string("/proc/meminfo")?;
    let kib: usize = facts
        .lines()
        .find_map(|line| line.strip_prefix("MemAvailable:"))
        .and_then(|rest| rest.trim().trim_end_matches("kB").trim().parse().ok())
        .context("no MemAvailable")?;
    let bytes = kib / 10 * SHARE_TENTHS * 1024;
    println!("touching {} MiB of memory", bytes >> 20);
    let pieces: Vec<Vec<u8>> = (0..bytes / PIECE_BYTES)
        .map(|_| vec![1; PIECE_BYTES])
        .collect();
    drop(pieces);
    Ok(())
}

//! The raw device, in the same minute: what any broker could do at best.

use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;

use anyhow::Result;

use super::{page_cache, statistics};
use crate::stopwatch::Stopwatch;

const SYNCS: usize = 200;
const SYNC_BYTES: usize = 4096;
const STREAM_BYTES: usize = 256 * 1024 * 1024;
const STREAM_CHUNK: usize = 1024 * 1024;

/// What the device did.
#[derive(Debug, Clone, Copy)]
pub(super) struct Device {
    /// Median of one append of 4 KiB and `fdatasync`, in milliseconds.
    pub(super) sync_ms: f64,
    /// 256 MiB written and synced once, in MB/s.
    pub(super) stream_megabytes_per_second: f64,
    /// The same 256 MiB read back, from the device, in MB/s.
    pub(super) read_megabytes_per_second: f64,
}

/// Measures in `folder`; takes about a second.
pub(super) fn probe(folder: &Path) -> Result<Device> {
    let path = folder.join("device-probe");
    let mut file = File::create(&path)?;
    let mut syncs = Vec::with_capacity(SYNCS);
    for _ in 0..SYNCS {
        let started = Stopwatch::start();
        file.write_all(&[7; SYNC_BYTES])?;
        file.sync_data()?;
        syncs.push(started.elapsed().as_secs_f64() * 1000.0);
    }
    let chunk = vec![7; STREAM_CHUNK];
    let started = Stopwatch::start();
    for _ in 0..STREAM_BYTES / STREAM_CHUNK {
        file.write_all(&chunk)?;
    }
    file.sync_data()?;
    let seconds = started.elapsed().as_secs_f64();
    page_cache::evict(&path)?;
    let started = Stopwatch::start();
    let mut file = File::open(&path)?;
    let mut chunk = chunk;
    for _ in 0..STREAM_BYTES / STREAM_CHUNK {
        file.read_exact(&mut chunk)?;
    }
    let read_seconds = started.elapsed().as_secs_f64();
    std::fs::remove_file(path)?;
    let megabytes = f64::from(u32::try_from(STREAM_BYTES)?) / 1e6;
    Ok(Device {
        sync_ms: statistics::median(&syncs),
        stream_megabytes_per_second: megabytes / seconds,
        read_megabytes_per_second: megabytes / read_seconds,
    })
}

//! What is done to a disk and to system calls: a small file system that fills up, calls that fail or take their time.

use std::fs::File;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use crate::child::Running;
use crate::clock::Deadline;

/// A file system in memory, unmounted when dropped.
#[derive(Debug)]
pub(crate) struct SmallDisk(PathBuf);

impl SmallDisk {
    /// Mounts one of 96 MiB.
    ///
    /// # Errors
    /// For a user who may not mount.
    pub(crate) fn mount(path: &Path) -> Result<Self> {
        std::fs::create_dir_all(path)?;
        let mut mount = Command::new("mount");
        mount
            .args(["-t", "tmpfs", "-o", "size=96m", "tmpfs"])
            .arg(path);
        let status = mount.status().context("mount")?;
        ensure!(status.success(), "a small disk cannot be mounted: {status}");
        Ok(Self(path.to_owned()))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Nothing more can be done about one that is in use.
        drop(Command::new("umount").arg("-l").arg(&self.0).status());
    }
}

/// Changes how the file system of a path is mounted.
///
/// # Errors
/// When it does not work.
pub(crate) fn remount(path: &Path, how: &str) -> Result<()> {
    let options = format!("remount,{how}");
    let status = Command::new("mount")
        .args(["-o", &options])
        .arg(path)
        .status()?;
    ensure!(status.success(), "mount -o {options}: {status}");
    Ok(())
}

/// Takes all room that a file system has.
///
/// # Errors
/// When writing fails for another reason than a full disk.
pub(crate) fn fill(path: &Path) -> Result<()> {
    let mut file = File::options().append(true).create(true).open(path)?;
    for size in [1 << 20, 4096, 1] {
        let piece = vec![1; size];
        loop {
            match file.write_all(&piece) {
                Ok(()) => {}
                Err(error) if error.kind() == ErrorKind::StorageFull => break,
                Err(error) => return Err(error).context("filling the disk"),
            }
        }
    }
    Ok(())
}

/// Tampers with a process's system calls until dropped, by `strace`.
#[derive(Debug)]
pub(crate) struct Tampering {
    strace: Running,
    trace: PathBuf,
}

impl Tampering {
    /// Begins, as with `pwritev2` and `error=EIO`.
    ///
    /// # Errors
    /// Where there is no `strace`, or it may not attach.
    pub(crate) fn begin(pid: u32, call: &str, how: &str, trace: PathBuf) -> Result<Self> {
        let mut strace = Command::new("strace");
        strace
            .args(["-f", "-qq", "-p", &pid.to_string(), "-o"])
            .arg(&trace)
            .args(["-e", &format!("trace={call}")])
            .args(["-e", &format!("inject={call}:{how}")])
            .stdin(Stdio::null());
        let mut running = Running::spawn(&mut strace)?;
        let deadline = Deadline::after(Duration::from_secs(10));
        let status = format!("/proc/{pid}/status");
        let is_traced = || {
            let status = std::fs::read_to_string(&status).unwrap_or_default();
            let mut lines = status.lines();
            lines.any(|line| line.starts_with("TracerPid:") && !line.ends_with("\t0"))
        };
        while !is_traced() {
            ensure!(!running.has_ended()?, "strace: {}", running.said());
            ensure!(!deadline.passed(), "strace does not attach");
            std::thread::park_timeout(Duration::from_millis(10));
        }
        Ok(Self {
            strace: running,
            trace,
        })
    }

    /// Ends it, and tells how many calls it tampered with.
    ///
    /// # Errors
    /// When there was none: then nothing was tried.
    pub(crate) fn end(self) -> Result<usize> {
        let trace = self.trace.clone();
        drop(self);
        let calls = std::fs::read_to_string(trace)?;
        let marks = ["(INJECTED)", "(DELAYED)"];
        let tampered = calls
            .lines()
            .filter(|call| marks.iter().any(|mark| call.contains(mark)));
        let count = tampered.count();
        ensure!(count > 0, "no call was tampered with");
        Ok(count)
    }
}

impl Drop for Tampering {
    fn drop(&mut self) {
        // Asked to end, it lets go of the process; nothing more can be done if it does not.
        self.strace.terminate();
        drop(self.strace.wait(Deadline::after(Duration::from_secs(10))));
    }
}

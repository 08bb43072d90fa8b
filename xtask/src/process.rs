//! Processes by id: what they use, and how they end.

use std::fs;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use rustix::process::{Signal, kill_process};

use crate::stopwatch::Stopwatch;

/// A process id taken from a child or a pid file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pid(i32);

/// What a process has used so far.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Usage {
    /// User and system time of all threads and of children that ended, in seconds.
    pub(crate) cpu_seconds: f64,
    /// Resident memory in bytes.
    pub(crate) resident_bytes: u64,
}

impl Pid {
    /// Takes a positive process id.
    pub(crate) fn new(raw: i32) -> Result<Self> {
        if raw <= 1 {
            bail!("{raw} is not the id of a process that may be ended");
        }
        Ok(Self(raw))
    }

    /// The id of a child.
    pub(crate) fn of(child: &std::process::Child) -> Result<Self> {
        Self::new(i32::try_from(child.id())?)
    }

    /// The number, for a pid file.
    pub(crate) fn raw(self) -> i32 {
        self.0
    }

    /// Whether the process runs (a zombie does not).
    pub(crate) fn is_alive(self) -> bool {
        match fs::read_to_string(format!("/proc/{}/stat", self.0)) {
            Ok(stat) => !matches!(stat_fields(&stat).first(), Some(&"Z" | &"X")),
            Err(_) => false,
        }
    }

    /// The command line, words separated by spaces.
    pub(crate) fn command_line(self) -> Result<String> {
        let raw = fs::read(format!("/proc/{}/cmdline", self.0))?;
        Ok(String::from_utf8_lossy(&raw).replace('\0', " "))
    }

    /// CPU time and memory used so far.
    pub(crate) fn usage(self) -> Result<Usage> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.0))
            .with_context(|| format!("process {} has ended", self.0))?;
        let status = fs::read_to_string(format!("/proc/{}/status", self.0))?;
        Ok(Usage {
            cpu_seconds: cpu_seconds(&stat)?,
            resident_bytes: resident_bytes(&status)?,
        })
    }

    /// Asks the process to end, and ends it when it has not within `patience`.
    pub(crate) fn end(self, patience: Duration) -> Result<()> {
        let Some(pid) = rustix::process::Pid::from_raw(self.0) else {
            bail!("process id 0");
        };
        if !self.is_alive() {
            return Ok(());
        }
        kill_process(pid, Signal::TERM)?;
        let asked = Stopwatch::start();
        while self.is_alive() {
            if asked.elapsed() > patience {
                eprintln!("process {} ignores SIGTERM, ending it", self.0);
                kill_process(pid, Signal::KILL)?;
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }
}

/// The fields of `/proc/<pid>/stat` after the name, which may itself hold spaces and brackets.
fn stat_fields(stat: &str) -> Vec<&str> {
    stat.rsplit_once(')')
        .map(|(_, rest)| rest.split_whitespace().collect())
        .unwrap_or_default()
}

/// utime, stime, cutime and cstime are fields 14 to 17, in ticks.
fn cpu_seconds(stat: &str) -> Result<f64> {
    let fields = stat_fields(stat);
    let mut ticks: u32 = 0;
    for field in fields.get(11..15).context("a short /proc/<pid>/stat")? {
        ticks += field.parse::<u32>()?;
    }
    let ticks_per_second = u32::try_from(rustix::param::clock_ticks_per_second())?;
    Ok(f64::from(ticks) / f64::from(ticks_per_second))
}

fn resident_bytes(status: &str) -> Result<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line
        .context("no VmRSS")?
        .trim()
        .trim_end_matches("kB")
        .trim();
    Ok(kib.parse::<u64>()? * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_spaces_and_brackets_does_not_shift_the_fields() {
        let stat = "42 (a (b) c) S 1 2 3 4 5 6 7 8 9 10 100 50 3 1 20 0";
        let hz = f64::from(u32::try_from(rustix::param::clock_ticks_per_second()).unwrap());
        assert!((cpu_seconds(stat).unwrap() * hz - 154.0).abs() < 1e-9);
    }

    #[test]
    fn resident_memory_is_in_bytes() {
        assert_eq!(
            resident_bytes("Name: x\nVmRSS:\t  2048 kB\n").unwrap(),
            2 * 1024 * 1024
        );
    }

    #[test]
    fn a_process_ends_by_its_id() {
        let mut child = std::process::Command::new("sleep")
            .arg("60")
            .spawn()
            .unwrap();
        let pid = Pid::of(&child).unwrap();
        assert!(pid.is_alive());
        pid.end(Duration::from_secs(5)).unwrap();
        child.wait().unwrap();
        assert!(!pid.is_alive());
    }

    #[test]
    fn init_and_process_groups_are_not_accepted() {
        for raw in [1, 0, -1, -500] {
            assert!(Pid::new(raw).is_err(), "{raw}");
        }
    }
}

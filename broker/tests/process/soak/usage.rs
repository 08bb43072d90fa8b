//! What the process takes, over its life.

use std::fmt;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::Instant;

use crate::harness::Broker;

/// Largest resident memory at any time, in KiB.
const RESIDENT_KIB_MAX: u64 = 256 << 10;

/// Most descriptors at any time: connections, segment files, the journal.
const DESCRIPTORS_MAX: u64 = 1_000;

/// Most threads at any time.
const THREADS_MAX: u64 = 64;

/// What the process takes at one time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Usage {
    seconds: u64,
    resident_kib: u64,
    descriptors: u64,
    threads: u64,
    /// Disk space of the topics that retention and removal keep small.
    topics_kib: u64,
    /// Disk space of the journal.
    journal_kib: u64,
    /// Disk space of offsets and metadata, which only grow: nothing is compacted.
    internal_kib: u64,
}

impl Usage {
    pub(super) fn of(broker: &Broker, begun: Instant) -> Self {
        let count = |what: &str| {
            let entries = fs::read_dir(format!("/proc/{}/{what}", broker.pid())).unwrap();
            u64::try_from(entries.count()).unwrap()
        };
        let mut usage = Self {
            seconds: begun.elapsed().as_secs(),
            resident_kib: broker.resident_kib(),
            descriptors: count("fd"),
            threads: count("task"),
            topics_kib: 0,
            journal_kib: 0,
            internal_kib: 0,
        };
        for entry in fs::read_dir(&broker.data).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy();
            let place = if name == "journal" {
                &mut usage.journal_kib
            } else if name.starts_with("__") || path.is_file() {
                &mut usage.internal_kib
            } else {
                &mut usage.topics_kib
            };
            *place += allocated_kib(&path);
        }
        usage
    }
}

/// Disk space of a file or of all files of a folder, any of which may go just now.
fn allocated_kib(path: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(path) else {
        return fs::metadata(path).map_or(0, |found| found.blocks() / 2);
    };
    entries
        .filter_map(Result::ok)
        .map(|entry| allocated_kib(&entry.path()))
        .sum()
}

/// All that was measured.
#[derive(Debug, Default)]
pub(super) struct Life {
    /// Of the process that was left alone.
    pub(super) steady: Vec<Usage>,
    /// Before each end, and at the very end.
    pub(super) restarted: Vec<Usage>,
    /// How long starts took.
    pub(super) ready_ms: Vec<u64>,
}

/// One of the figures: its name, where it is, and what it may grow by beside a tenth.
type Figure = (&'static str, fn(&Usage) -> u64, u64);

const FIGURES: [Figure; 6] = [
    ("resident KiB", |usage| usage.resident_kib, 8 << 10),
    ("descriptors", |usage| usage.descriptors, 16),
    ("threads", |usage| usage.threads, 8),
    ("topics KiB", |usage| usage.topics_kib, 16 << 10),
    ("journal KiB", |usage| usage.journal_kib, 16 << 10),
    ("internal KiB", |usage| usage.internal_kib, u64::MAX / 2),
];

fn median(of: &[Usage], figure: fn(&Usage) -> u64) -> u64 {
    let mut values: Vec<_> = of.iter().map(figure).collect();
    values.sort_unstable();
    values.get(values.len() / 2).copied().unwrap_or(0)
}

impl Life {
    /// The four quarters of the time in which the process was left alone.
    fn quarters(&self) -> impl Iterator<Item = &[Usage]> {
        self.steady.chunks(self.steady.len().div_ceil(4).max(1))
    }

    /// Nothing is ever more than it may be.
    pub(super) fn assert_bounded(&self) {
        for usage in self.steady.iter().chain(&self.restarted) {
            assert!(usage.resident_kib < RESIDENT_KIB_MAX, "{usage:?}");
            assert!(usage.descriptors < DESCRIPTORS_MAX, "{usage:?}");
            assert!(usage.threads < THREADS_MAX, "{usage:?}");
        }
    }

    /// The last quarter takes what the second did. In the first caches fill.
    pub(super) fn assert_flat(&self) {
        let quarters: Vec<_> = self.quarters().collect();
        for (name, figure, slack) in FIGURES {
            let [before, after] = [1, 3].map(|at| median(quarters[at], figure));
            let most = before.saturating_add(before / 10).saturating_add(slack);
            assert!(
                after <= most,
                "{name} grew from {before} to {after}\n{self}"
            );
        }
        // What a process took shows after each restart, too: the last third beside the first.
        let third = self.restarted.len() / 3;
        let last = &self.restarted[self.restarted.len() - third..];
        for (name, figure, slack) in FIGURES {
            let [before, after] = [&self.restarted[..third], last].map(|of| median(of, figure));
            let most = before.saturating_add(before / 10).saturating_add(slack);
            assert!(
                after <= most,
                "{name} grew from {before} to {after}\n{self}"
            );
        }
    }
}

impl fmt::Display for Life {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, figure, _) in FIGURES {
            write!(f, "{name:>13}: medians of the quarters")?;
            for quarter in self.quarters() {
                write!(f, " {}", median(quarter, figure))?;
            }
            let all = self.steady.iter().chain(&self.restarted);
            let most = all.map(figure).max().unwrap_or(0);
            let last = self.restarted.last().map_or(0, figure);
            writeln!(f, "; most {most}, at the end {last}")?;
        }
        let last = self.restarted.last().map_or(0, |usage| usage.seconds);
        let slowest = self.ready_ms.iter().max().copied().unwrap_or(0);
        write!(
            f,
            "{last} s, {} starts, {slowest} ms at most",
            self.ready_ms.len()
        )
    }
}

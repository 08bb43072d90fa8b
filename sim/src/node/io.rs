//! The node's I/O threads: a job is performed when the simulated device comes to it.

use std::path::PathBuf;

use thalweg_log::disk::{Disk, SimDisk};
use thalweg_log::journal::GrowJob;
use thalweg_log::partition::LogRemoval;
use thalweg_model::Tick;
use thalweg_replica::{BlockJob, CheckpointJob, CopyJob, StretchJob};

use super::SimNode;

/// Something for an I/O thread.
#[derive(Debug)]
pub(super) enum Job {
    Block(BlockJob<SimDisk>),
    Stretches(StretchJob<SimDisk>),
    Checkpoint(CheckpointJob<SimDisk>),
    Grow(GrowJob<SimDisk>),
    Copy(CopyJob<SimDisk>),
    Remove(Vec<PathBuf>),
    RemoveLog(LogRemoval<SimDisk>),
}

impl Job {
    /// Performs it when nobody is left to hear of the outcome.
    pub(super) fn perform_unheard(self) {
        match self {
            Self::Block(job) => drop(job.perform()),
            Self::Stretches(job) => drop(job.perform()),
            Self::Checkpoint(job) => drop(job.perform()),
            Self::Grow(job) => drop(job.perform()),
            Self::Copy(job) => drop(job.perform()),
            Self::Remove(_) => {}
            Self::RemoveLog(removal) => drop(removal.perform()),
        }
    }
}

impl SimNode {
    /// The device comes to a job.
    pub(crate) fn perform(&mut self, job: u64) {
        let Some(running) = &mut self.running else {
            return;
        };
        let Some(job) = running.jobs.remove(&job) else {
            return;
        };
        match job {
            Job::Block(job) => running.shard.block_written(job.perform()),
            Job::Stretches(job) => running.shard.stretches_written(job.perform()),
            Job::Checkpoint(job) => running.shard.checkpointed(job.perform()),
            Job::Grow(job) => running.shard.journal_grown(job.perform()),
            Job::Copy(job) => running.shard.copied(job.perform()),
            Job::Remove(paths) => {
                for path in paths {
                    // One that is gone already is no failure.
                    let _gone = self.disk.remove_file(&path);
                }
            }
            Job::RemoveLog(removal) => running.shard.log_removed(removal.perform()),
        }
    }

    /// Starts a checkpoint, as the journal or retention would.
    pub(crate) fn checkpoint(&mut self) {
        if let Some(running) = &mut self.running {
            running.shard.start_checkpoint();
        }
    }

    /// Lets time pass inside.
    pub(crate) fn tick(&mut self, at: Tick) {
        let now = self.clock(at);
        if let Some(running) = &mut self.running {
            running.shard.tick(now);
            running.shard.vouch();
        }
        self.tick_coordinators(now);
        self.tick_metadata(now);
    }

    /// Applies the topics' retention.
    pub(crate) fn retain(&mut self, at: Tick) {
        let now = self.clock(at);
        if let Some(running) = &mut self.running {
            running.shard.retain(now);
        }
    }
}

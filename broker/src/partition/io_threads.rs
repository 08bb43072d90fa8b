//! Threads that wait for the disk, so that the shard never does.

use std::collections::VecDeque;
use std::io;
use std::path::PathBuf;
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use thalweg_log::disk::RealDisk;
use thalweg_log::journal::{GrowJob, Growth};
use thalweg_log::partition::LogRemoval;
use thalweg_replica::limits::BLOCKS_IN_FLIGHT_MAX;
use thalweg_replica::{
    BlockJob, BlockWritten, CheckpointJob, Checkpointed, Copied, CopyJob, StretchJob,
    StretchesWritten,
};
use tokio::sync::mpsc::UnboundedSender;
use tokio::time::Instant;

use crate::observe::metrics::BlockTimes;

/// Work that came to its end.
#[derive(Debug)]
pub(crate) enum Done {
    Block(BlockWritten, BlockTimes),
    Stretches(StretchesWritten),
    Checkpoint(Checkpointed<RealDisk>, Duration),
    Grown(Growth<RealDisk>),
    LogRemoved((PathBuf, io::Result<()>)),
    Copied(Copied),
}

/// Where work for the disk goes.
#[derive(Clone, Debug)]
pub(crate) struct IoThreads {
    blocks: Arc<BlockQueue>,
    stretches: Sender<StretchJob<RealDisk>>,
    background: Sender<Background>,
    slow: Sender<Slow>,
}

#[derive(Debug)]
enum Background {
    Checkpoint(CheckpointJob<RealDisk>),
    Grow(GrowJob<RealDisk>),
}

/// What takes its time.
#[derive(Debug)]
enum Slow {
    Remove(Vec<PathBuf>),
    RemoveLog(LogRemoval<RealDisk>),
    Copy(Box<CopyJob<RealDisk>>),
}

impl IoThreads {
    /// Starts a thread for each journal block that may be under way, and three for the rest. They live
    /// as long as the process.
    pub(crate) fn start(done: &UnboundedSender<Done>) -> io::Result<Self> {
        let blocks = Arc::new(BlockQueue::default());
        for _ in 0..BLOCKS_IN_FLIGHT_MAX {
            let (jobs, done) = (Arc::clone(&blocks), done.clone());
            thread::Builder::new()
                .name("journal".to_owned())
                .spawn(move || {
                    loop {
                        let job = jobs.take();
                        let begun = Instant::now();
                        let block = job.perform();
                        let written = Instant::now();
                        let times = BlockTimes { begun, written };
                        if done.send(Done::Block(block, times)).is_err() {
                            return;
                        }
                    }
                })?;
        }
        let stretches = start_stretches(done.clone())?;
        let slow = start_slow(done.clone())?;
        let (background, background_jobs) = channel();
        let done = done.clone();
        thread::Builder::new()
            .name("checkpoint".to_owned())
            .spawn(move || {
                for job in background_jobs {
                    let finished = match job {
                        Background::Checkpoint(job) => {
                            let begun = Instant::now();
                            let checkpointed = job.perform();
                            Done::Checkpoint(checkpointed, begun.elapsed())
                        }
                        Background::Grow(job) => Done::Grown(job.perform()),
                    };
                    if done.send(finished).is_err() {
                        return;
                    }
                }
            })?;
        Ok(Self {
            blocks,
            stretches,
            background,
            slow,
        })
    }

    pub(crate) fn write_block(&self, write: BlockJob<RealDisk>) {
        self.blocks.put(write);
    }

    pub(crate) fn write_stretches(&self, job: StretchJob<RealDisk>) {
        self.stretches
            .send(job)
            .expect("the segments thread lives as long as this handle");
    }

    pub(crate) fn checkpoint(&self, job: CheckpointJob<RealDisk>) {
        let job = Background::Checkpoint(job);
        self.background
            .send(job)
            .expect("the checkpoint thread lives as long as this handle");
    }

    pub(crate) fn remove(&self, paths: Vec<PathBuf>) {
        self.slow
            .send(Slow::Remove(paths))
            .expect("the thread for slow work lives as long as this handle");
    }

    pub(crate) fn remove_log(&self, removal: LogRemoval<RealDisk>) {
        self.slow
            .send(Slow::RemoveLog(removal))
            .expect("the thread for slow work lives as long as this handle");
    }

    pub(crate) fn copy(&self, job: CopyJob<RealDisk>) {
        self.slow
            .send(Slow::Copy(Box::new(job)))
            .expect("the thread for slow work lives as long as this handle");
    }

    pub(crate) fn grow(&self, job: GrowJob<RealDisk>) {
        let job = Background::Grow(job);
        self.background
            .send(job)
            .expect("the checkpoint thread lives as long as this handle");
    }
}

/// A thread for what goes to the segments: a sync in a checkpoint must not hold it up.
fn start_stretches(done: UnboundedSender<Done>) -> io::Result<Sender<StretchJob<RealDisk>>> {
    let (stretches, jobs) = channel::<StretchJob<RealDisk>>();
    thread::Builder::new()
        .name("segments".to_owned())
        .spawn(move || {
            for job in jobs {
                if done.send(Done::Stretches(job.perform())).is_err() {
                    return;
                }
            }
        })?;
    Ok(stretches)
}

/// A thread for removals and copies: the kernel takes its time with large files, and a checkpoint must not
/// wait for that.
fn start_slow(done: UnboundedSender<Done>) -> io::Result<Sender<Slow>> {
    let (slow, jobs) = channel();
    thread::Builder::new()
        .name("slow".to_owned())
        .spawn(move || {
            for job in jobs {
                let finished = match job {
                    Slow::Remove(paths) => {
                        remove_all(&paths);
                        continue;
                    }
                    Slow::RemoveLog(removal) => Done::LogRemoved(removal.perform()),
                    Slow::Copy(job) => Done::Copied(job.perform()),
                };
                if done.send(finished).is_err() {
                    return;
                }
            }
        })?;
    Ok(slow)
}

fn remove_all(paths: &[PathBuf]) {
    for path in paths {
        match std::fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                tracing::warn!(path = %path.display(), %error, "an old file was not removed");
            }
            Ok(()) | Err(_) => {}
        }
    }
}

/// Blocks on their way to the threads. A channel behind a mutex would wake a second thread for each
/// block, only to wait in its turn.
#[derive(Debug, Default)]
struct BlockQueue {
    jobs: Mutex<VecDeque<BlockJob<RealDisk>>>,
    arrived: Condvar,
}

impl BlockQueue {
    fn lock(&self) -> MutexGuard<'_, VecDeque<BlockJob<RealDisk>>> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put(&self, job: BlockJob<RealDisk>) {
        self.lock().push_back(job);
        self.arrived.notify_one();
    }

    fn take(&self) -> BlockJob<RealDisk> {
        let mut jobs = self.lock();
        loop {
            match jobs.pop_front() {
                Some(job) => return job,
                None => {
                    jobs = self
                        .arrived
                        .wait(jobs)
                        .unwrap_or_else(PoisonError::into_inner);
                }
            }
        }
    }
}

//! Checkpoints: segments are synced and the manifest told, so that journal space becomes free.
//!
//! One checkpoint goes over all partitions that changed, some at a time, because every file under
//! way costs a descriptor. The journal is released when the last of them is in the manifest.

use std::collections::VecDeque;
use std::io;
use std::path::PathBuf;

use thalweg_log::GroupId;
use thalweg_log::disk::{Disk, DiskFile};
use thalweg_log::journal::{BlockSequence, Growth};
use thalweg_log::manifest::{GroupManifest, ManifestChange, ManifestWrite, ManifestWritten};
use thalweg_log::partition::{LogRemoval, LogState, Removed};
use thalweg_model::Now;
use thalweg_model::defect::{self, Defect};

use crate::flush::durable_form;
use crate::limits::CHECKPOINT_GROUPS_MAX;
use crate::partition::Replica;
use crate::shard::Gone;
use crate::{Effect, Shard};

/// A checkpoint under way.
#[derive(Debug)]
pub(crate) struct Checkpointing {
    /// What the journal may give up at the end.
    up_to: BlockSequence,
    /// Partitions still to be taken.
    left: VecDeque<GroupId>,
    /// How many of the logs that are no more the manifest forgets with the last part.
    removed: usize,
    /// A partition could not be taken: nothing is released.
    gave_up: bool,
}

/// Partitions that are taken together.
#[derive(Debug)]
struct Part<D: Disk> {
    files: Vec<D::File>,
    dirs: Vec<PathBuf>,
    changes: Vec<ManifestChange>,
    logs: Vec<Taken>,
}

/// A log as a part of a checkpoint has it.
#[derive(Debug)]
struct Taken {
    group: GroupId,
    /// Name of its directory: the replica may have another log when the part comes back.
    dir: String,
    state: LogState,
}

impl<D: Disk> Default for Part<D> {
    fn default() -> Self {
        Self {
            files: Vec::new(),
            dirs: Vec::new(),
            changes: Vec::new(),
            logs: Vec::new(),
        }
    }
}

/// One part of a checkpoint: what a background thread has to do.
#[derive(Debug)]
pub struct CheckpointJob<D: Disk> {
    disk: D,
    files: Vec<D::File>,
    dirs: Vec<PathBuf>,
    write: ManifestWrite<D>,
    logs: Vec<Taken>,
}

/// What became of a part.
#[derive(Debug)]
pub struct Checkpointed<D: Disk> {
    result: io::Result<ManifestWritten<D>>,
    logs: Vec<Taken>,
}

impl<D: Disk> CheckpointJob<D> {
    /// Syncs the files, then the directories, then tells the manifest.
    #[must_use]
    pub fn perform(self) -> Checkpointed<D> {
        let Self {
            disk,
            files,
            dirs,
            write,
            logs,
        } = self;
        let skip_files = defect::is_on(Defect::SegmentsNotSynced);
        let skip_names = defect::is_on(Defect::NamesNotSynced);
        let mut files = files.iter().filter(|_| !skip_files);
        let mut dirs = dirs.iter().filter(|_| !skip_names);
        let synced = files
            .try_for_each(DiskFile::sync_data)
            .and_then(|()| dirs.try_for_each(|dir| disk.sync_dir(dir)));
        Checkpointed {
            result: synced.map(|()| write.perform()),
            logs,
        }
    }
}

impl<D: Disk> Shard<D> {
    /// Starts what the journal asks for, if it is not under way.
    pub(crate) fn housekeep(&mut self) {
        if self.failed.is_some() {
            return;
        }
        if self.journal.wants_settling() {
            self.settle();
        }
        if self.checkpointing.is_none() && self.journal.wants_checkpoint() && self.is_swept() {
            self.start_checkpoint();
        }
        if let Some(job) = self.journal.wants_growth() {
            self.effects.push(Effect::Grow(job));
        }
    }

    /// Makes certain what this process found when it opened the directory, in the background: what a
    /// start need not wait for. Until then the journal goes on in the space that is surely free.
    pub fn settle(&mut self) {
        if self.checkpointing.is_some() || self.failed.is_some() || !self.journal.is_unsettled() {
            return;
        }
        self.checkpointing = Some(Checkpointing {
            up_to: self.journal.released(),
            left: VecDeque::new(),
            removed: 0,
            gave_up: false,
        });
        self.checkpoint_part();
    }

    /// Begins a checkpoint of everything that changed since the last one.
    pub fn start_checkpoint(&mut self) {
        if self.checkpointing.is_some() || self.failed.is_some() {
            return;
        }
        self.sweep_again();
        let changed = self
            .replicas
            .values()
            .filter(|replica| replica.is_changed());
        let left = changed.map(|replica| replica.id).collect();
        let up_to = self.journal.durable();
        if defect::is_on(Defect::JournalFreedEarly) {
            self.journal.release(up_to);
        }
        self.checkpointing = Some(Checkpointing {
            up_to,
            left,
            removed: self.removed.len(),
            gave_up: false,
        });
        self.checkpoint_part();
    }

    /// Whether a checkpoint is under way.
    #[must_use]
    pub fn is_checkpointing(&self) -> bool {
        self.checkpointing.is_some()
    }

    fn checkpoint_part(&mut self) {
        let Some(mut under_way) = self.checkpointing.take() else {
            return;
        };
        let Part {
            files,
            mut dirs,
            mut changes,
            logs,
        } = self.next_part(&mut under_way);
        if under_way.gave_up && changes.is_empty() {
            return;
        }
        if under_way.left.is_empty() && !under_way.gave_up {
            let gone = self.removed[..under_way.removed].iter();
            changes.extend(gone.filter_map(|gone| gone.group.map(ManifestChange::Removed)));
            changes.push(ManifestChange::Checkpoint(under_way.up_to));
        }
        if self.journal.is_unsettled() {
            dirs.push(self.journal.dir().to_path_buf());
        }
        let write = self.manifest.prepare(&changes);
        let disk = self.disk.clone();
        self.checkpointing = Some(under_way);
        self.effects.push(Effect::Checkpoint(CheckpointJob {
            disk,
            files,
            dirs,
            write,
            logs,
        }));
    }

    /// The next partitions. One that cannot be taken ends the checkpoint; those that were taken before it are written
    /// nevertheless: their logs count as checkpointed.
    fn next_part(&mut self, under_way: &mut Checkpointing) -> Part<D> {
        let mut part = Part::default();
        for _ in 0..CHECKPOINT_GROUPS_MAX {
            let Some(group) = under_way.left.pop_front() else {
                break;
            };
            let Some(replica) = self.replicas.get_mut(&group) else {
                continue;
            };
            let checkpoint = match replica.log.checkpoint() {
                Ok(checkpoint) => checkpoint,
                Err(error) => {
                    // The journal keeps what it has; the next checkpoint tries again, which may be at once: it is said the first time.
                    if !std::mem::replace(&mut self.lacks_checkpoint, true) {
                        self.effects.push(Effect::Warning(format!(
                            "partition {} cannot be checkpointed: {error}",
                            replica.dir
                        )));
                    }
                    under_way.gave_up = true;
                    under_way.left.clear();
                    break;
                }
            };
            replica.saved_hard_state = Some(replica.group.hard_state());
            part.files.extend(checkpoint.files);
            part.dirs.extend(checkpoint.dirs);
            let manifest = replica.manifest(checkpoint.state.clone());
            part.changes
                .push(ManifestChange::Group(group, Box::new(manifest)));
            part.logs.push(Taken {
                group,
                dir: replica.dir.clone(),
                state: checkpoint.state,
            });
        }
        part
    }

    /// A part of a checkpoint came back.
    pub fn checkpointed(&mut self, done: Checkpointed<D>) {
        let Checkpointed { result, logs } = done;
        let written = match result {
            Ok(written) => written,
            Err(error) => {
                self.fail(format!("a segment was not synced: {error}"));
                return;
            }
        };
        if let Err(error) = self.manifest.committed(written) {
            self.checkpointing = None;
            self.not_checkpointed(&logs);
            if self.manifest.has_failed() {
                self.fail(format!("the manifest was not written: {error}"));
            } else {
                let notice = format!("the manifest was not written, it is tried again: {error}");
                self.effects.push(Effect::Notice(notice));
            }
            return;
        }
        let mut paths = Vec::new();
        for Taken { group, dir, state } in logs {
            if let Some(replica) = self.replicas.get_mut(&group)
                && replica.dir == dir
            {
                paths.extend(replica.log.checkpointed(&state));
            }
        }
        if !paths.is_empty() {
            self.effects.push(Effect::Remove(paths));
        }
        let last = self
            .checkpointing
            .as_ref()
            .is_some_and(|under_way| under_way.left.is_empty());
        if last {
            self.finish_checkpoint();
        } else {
            self.checkpoint_part();
        }
    }

    /// The manifest does not have these states: the next checkpoint must take the partitions again.
    fn not_checkpointed(&mut self, logs: &[Taken]) {
        if defect::is_on(Defect::FailedCheckpointCounts) {
            return;
        }
        for Taken { group, .. } in logs {
            if let Some(replica) = self.replicas.get_mut(group) {
                replica.saved_hard_state = None;
            }
        }
    }

    fn finish_checkpoint(&mut self) {
        let Some(under_way) = self.checkpointing.take() else {
            return;
        };
        self.journal.settled();
        if under_way.gave_up {
            return;
        }
        if std::mem::take(&mut self.lacks_checkpoint) {
            let notice = "all partitions are checkpointed again".to_owned();
            self.effects.push(Effect::Notice(notice));
        }
        self.journal.release(under_way.up_to);
        for Gone { dir, removal, .. } in self.removed.drain(..under_way.removed) {
            let removal = removal.map(LogRemoval::doom);
            let path = self.config.dir.join(&dir);
            if removal.as_ref().is_none_or(|removal| removal.dir() != path) {
                self.dirs_in_use.remove(&dir); // The name is free.
            }
            self.effects.extend(removal.map(Effect::RemoveLog));
        }
    }

    /// The files of a removed partition are gone, or cannot be removed.
    pub fn log_removed(&mut self, (dir, result): (PathBuf, io::Result<()>)) {
        if let Err(error) = result {
            let notice = format!("{} was not removed: {error}", dir.display());
            self.effects.push(Effect::Notice(notice));
            return; // What is left must not be taken for another partition's.
        }
        let name = dir.strip_prefix(&self.config.dir).unwrap_or(&dir);
        self.dirs_in_use.remove(&*name.to_string_lossy());
    }

    /// A new chunk of the journal came back.
    pub fn journal_grown(&mut self, growth: Growth<D>) {
        if let Err(error) = self.journal.grown(growth) {
            if error.kind() == io::ErrorKind::StorageFull {
                self.effects.push(Effect::Warning(
                    "the disk is full: the journal cannot grow".into(),
                ));
            } else {
                self.fail(format!("the journal could not grow: {error}"));
            }
        }
    }

    /// Removes old records by the topics' retention; files go with the next checkpoint.
    pub fn retain(&mut self, now: Now) {
        for replica in self.replicas.values_mut() {
            match replica.retain(now) {
                Ok(removed) if removed.segments > 0 => {
                    self.effects.push(Effect::Notice(format!(
                        "retention removed {} segments, {} bytes, of {}",
                        removed.segments, removed.bytes, replica.dir
                    )));
                }
                Ok(_) => {}
                Err(error) => {
                    let notice = format!("retention of {} failed: {error}", replica.dir);
                    self.effects.push(Effect::Notice(notice));
                }
            }
            let expiration = replica.spec.config.producer_expiration_ms;
            replica.log.producers_mut().expire(now.tick, expiration);
        }
    }
}

impl<D: Disk> Replica<D> {
    /// Takes out of the log what retention lets go.
    pub(crate) fn retain(&mut self, now: Now) -> io::Result<Removed> {
        let up_to = (self.high_watermark, self.group.committed());
        let removed = self.log.retention(now, up_to)?;
        // A follower that still needs it gets the log's beginning instead.
        self.group.compacted(self.log.before_first_entry().index);
        Ok(removed)
    }

    fn is_changed(&self) -> bool {
        self.log.is_changed() || self.saved_hard_state != Some(self.group.hard_state())
    }

    fn manifest(&self, log: LogState) -> GroupManifest {
        GroupManifest {
            topic: self.spec.topic,
            topic_name: self.spec.topic_name.clone(),
            partition: self.spec.partition,
            directory: self.dir.clone(),
            replica: self.spec.replica,
            hard_state: durable_form(&self.group.hard_state()),
            membership: self
                .spec
                .to_bytes(&self.dir, self.group.stored_membership()),
            log,
        }
    }
}

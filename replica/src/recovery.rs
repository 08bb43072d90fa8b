//! From what is on stable storage to a shard that can serve: the manifest, then the journal.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use thalweg_consensus::{Entry, EntryKind as RaftKind, Group, GroupState, HardState, Membership};
use thalweg_log::disk::Disk;
use thalweg_log::journal::{
    EntryKind, Journal, JournalError, JournalOptions, Payloads, ReplayedEntry, ShardId,
};
use thalweg_log::manifest::{GroupManifest, Manifest, ManifestError};
use thalweg_log::partition::{LaterLines, LogRemoval, LogState, RecoverError, RecoveredEntry};
use thalweg_log::{FileCache, GroupId, LogHome, PartitionLog};
use thalweg_model::defect::{self, Defect};
use thalweg_model::{LogIndex, Now, Offset, Term};

use crate::begin::{StoredBeginning, begin_in};
use crate::limits::{BLOCKS_IN_FLIGHT_MAX, OPEN_FILES_MAX};
use crate::partition::Replica;
use crate::shard::Gone;
use crate::spec_bytes::{SpecError, StoredSpec};
use crate::{PartitionSpec, Shard, ShardConfig};

/// Why a shard does not open. Nothing was truncated or removed.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The manifest.
    #[error("the manifest cannot be used: {0}")]
    Manifest(#[from] ManifestError),
    /// The journal.
    #[error("the journal cannot be used: {0}")]
    Journal(#[from] JournalError),
    /// A directory.
    #[error("{path}: {source}")]
    Io {
        /// What was touched.
        path: String,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// A stored description of a partition.
    #[error(transparent)]
    Spec(#[from] SpecError),
    /// A partition's log.
    #[error("partition {directory} cannot be opened: {cause}")]
    Log {
        /// Its directory.
        directory: String,
        /// What is wrong.
        cause: String,
    },
    /// What the journal has of a partition does not fit its log.
    #[error("partition {directory} cannot be recovered: {cause}")]
    Recover {
        /// Its directory.
        directory: String,
        /// What is wrong.
        #[source]
        cause: RecoverError,
    },
}

/// A partition while it is recovered.
struct Recovering<D: Disk> {
    spec: PartitionSpec,
    dir: String,
    /// The members and the entry that made them so, if they are not those of the beginning.
    members: Option<(LogIndex, Membership)>,
    hard_state: HardState,
    log: PartitionLog<D>,
    /// Names of the directories that it had, as far as the journal knows.
    formers: BTreeSet<String>,
}

impl<D: Disk> Shard<D> {
    /// Opens the shard in its directory, which is made if it is not there, and brings back all that
    /// was ever acknowledged. Takes time by what the journal holds, not by how much data there is.
    ///
    /// # Errors
    /// Something on stable storage is damaged or cannot be read; it is named.
    pub fn open(disk: D, config: ShardConfig, now: Now) -> Result<Self, OpenError> {
        let io = |source| OpenError::Io {
            path: config.dir.display().to_string(),
            source,
        };
        disk.create_dir_all(&config.dir).map_err(io)?;
        let (mut manifest, state) = Manifest::open(&disk, &config.dir)?;
        manifest.set_bytes_min(config.manifest_bytes_min);
        let shard = ShardId {
            directory: config.directory,
            shard: 0,
        };
        let options = JournalOptions {
            depth: BLOCKS_IN_FLIGHT_MAX,
            ..config.journal
        };
        let journal_dir = config.dir.join("journal");
        let checkpoints = (state.checkpoint, manifest.settled_checkpoint());
        let (mut journal, replay) =
            Journal::load(&disk, &journal_dir, shard, checkpoints, options)?;
        let files = FileCache::new(OPEN_FILES_MAX);
        let mut recovery = Recovery {
            disk: &disk,
            config: &config,
            files: &files,
            groups: BTreeMap::new(),
        };
        for (group, manifest) in state.groups {
            recovery.restore(group, &manifest)?;
        }
        let replaced = replaced(&replay.entries);
        let mut payloads = journal.payloads();
        for (entry, replaced) in replay.entries.iter().zip(replaced) {
            if entry.kind == EntryKind::Begin {
                recovery.begin(entry, &mut payloads, replaced)?;
            } else if !replaced {
                recovery.replay(entry, &mut payloads, now)?;
            }
        }
        let groups = recovery.finish()?;
        // All could be read: only now something is written.
        if journal.must_settle() {
            manifest.settle().map_err(io)?;
            journal.settle()?;
        }
        journal.start()?;
        let mut opened = Self::empty(disk, config, files, journal, manifest);
        for (group, recovering) in groups {
            opened.adopt(group, recovering)?;
        }
        opened.clear_up().map_err(|source| OpenError::Io {
            path: opened.config.dir.display().to_string(),
            source,
        })?;
        Ok(opened)
    }

    fn adopt(&mut self, group: GroupId, recovering: Recovering<D>) -> Result<(), OpenError> {
        let Recovering {
            spec,
            dir,
            members,
            hard_state,
            log,
            formers,
        } = recovering;
        for former in formers.into_iter().filter(|former| *former != dir) {
            let path = self.config.dir.join(&former);
            self.dirs_in_use.insert(former.clone());
            self.removed.push(Gone {
                group: None,
                dir: former,
                removal: Some(LogRemoval::new(self.disk.clone(), path)),
            });
        }
        let state = group_state(&spec, members, hard_state, &log)
            .map_err(|error| log_error(&dir, &error))?;
        let raft = Group::new(self.group_config(group, &spec), state);
        self.by_partition.insert(spec.topic_partition(), group);
        self.dirs_in_use.insert(dir.clone());
        self.next_group = self.next_group.max(GroupId(group.0 + 1));
        let mark = committed_end(&log, raft.committed());
        let mark = mark.map_err(|error| log_error(&dir, &error))?;
        let mut replica = Replica::new(group, spec, dir, raft, log);
        replica.high_watermark = replica.high_watermark.max(mark);
        self.insert(replica);
        Ok(())
    }
}

struct Recovery<'a, D: Disk> {
    disk: &'a D,
    config: &'a ShardConfig,
    files: &'a FileCache<D>,
    groups: BTreeMap<GroupId, Recovering<D>>,
}

impl<D: Disk> Recovery<'_, D> {
    fn open(&self, stored: &StoredSpec, state: &LogState) -> PartitionLog<D> {
        let path = self.config.dir.join(&stored.directory);
        let home = LogHome::new(self.disk.clone(), path, stored.spec.topic, self.files);
        PartitionLog::open(home, stored.spec.config.clone(), state)
    }

    fn restore(&mut self, group: GroupId, manifest: &GroupManifest) -> Result<(), OpenError> {
        let stored = PartitionSpec::from_bytes(&manifest.membership)?;
        let log = self.open(&stored, &manifest.log);
        let StoredSpec {
            spec,
            directory: dir,
            members,
        } = stored;
        let stored = manifest.hard_state;
        let hard_state = HardState {
            term: stored.term,
            vote: stored.vote,
            commit: stored.commit,
        };
        self.groups.insert(
            group,
            Recovering {
                spec,
                dir,
                members,
                hard_state,
                log,
                formers: BTreeSet::new(),
            },
        );
        Ok(())
    }

    fn replay(
        &mut self,
        entry: &ReplayedEntry,
        payloads: &mut Payloads<'_, D>,
        now: Now,
    ) -> Result<(), OpenError> {
        if entry.kind == EntryKind::Membership && !self.groups.contains_key(&entry.group) {
            return self.create(entry, payloads);
        }
        // A group that is not known was removed; the manifest knows of that already.
        let Some(known) = self.groups.get_mut(&entry.group) else {
            return Ok(());
        };
        match entry.kind {
            EntryKind::HardState { vote } => {
                // The manifest may have a later one, which never was in a durable block.
                if entry.term >= known.hard_state.term {
                    let commit = entry.index.max(known.hard_state.commit);
                    let term = entry.term;
                    known.hard_state = HardState { term, vote, commit };
                }
            }
            EntryKind::Append { base_offset } => {
                let recovered = RecoveredEntry {
                    index: entry.index,
                    term: entry.term,
                    base_offset,
                    length: entry.payload_bytes,
                    checksum: entry.payload_crc,
                };
                let fetch = || match &entry.location {
                    Some(location) => payloads.read(location),
                    None => Err(std::io::Error::other("its bytes were only in the segment")),
                };
                known
                    .log
                    .recover_append(&recovered, now, fetch)
                    .map_err(|cause| OpenError::Recover {
                        directory: known.dir.clone(),
                        cause,
                    })?;
            }
            EntryKind::Truncate => {
                let truncated = known.log.recover_truncate(entry.index);
                truncated.map_err(|error| log_error(&known.dir, &error))?;
            }
            EntryKind::Begin | EntryKind::Membership | EntryKind::Checkpoint { .. } => {}
        }
        Ok(())
    }

    /// Makes the logs ready for appends.
    fn finish(mut self) -> Result<BTreeMap<GroupId, Recovering<D>>, OpenError> {
        for known in self.groups.values_mut() {
            known
                .log
                .finish_recovery()
                .map_err(|error| log_error(&known.dir, &error))?;
        }
        Ok(self.groups)
    }

    /// A partition that was made since the last checkpoint.
    fn create(
        &mut self,
        entry: &ReplayedEntry,
        payloads: &mut Payloads<'_, D>,
    ) -> Result<(), OpenError> {
        let payload = payload_of(entry, payloads)?;
        let stored = PartitionSpec::from_bytes(&payload)?;
        let log = self.open(&stored, &LogState::default());
        let StoredSpec {
            spec,
            directory: dir,
            members,
        } = stored;
        let hard_state = HardState::default();
        self.groups.insert(
            entry.group,
            Recovering {
                spec,
                dir,
                members,
                hard_state,
                log,
                formers: BTreeSet::new(),
            },
        );
        Ok(())
    }
}

impl<D: Disk> Recovery<'_, D> {
    /// A log that was begun anew since the last checkpoint, and given up for another one later if that is
    /// `replaced`.
    fn begin(
        &mut self,
        entry: &ReplayedEntry,
        payloads: &mut Payloads<'_, D>,
        replaced: bool,
    ) -> Result<(), OpenError> {
        let Some(known) = self.groups.get_mut(&entry.group) else {
            return Ok(());
        };
        let StoredBeginning { spec, former, log } =
            StoredBeginning::from_bytes(payload_of(entry, payloads)?)?;
        known.formers.extend([former, spec.directory.clone()]);
        if replaced || known.dir == spec.directory {
            return Ok(()); // The latter was checkpointed since.
        }
        let place = (self.config.dir.as_path(), spec.directory.as_str());
        let begun = begin_in(self.disk, place, self.files, &spec.spec, &log);
        known.log = begun.map_err(|error| log_error(&spec.directory, &error))?;
        known.dir = spec.directory;
        known.members = spec.members;
        Ok(())
    }
}

fn payload_of<D: Disk>(
    entry: &ReplayedEntry,
    payloads: &mut Payloads<'_, D>,
) -> Result<Bytes, OpenError> {
    let location = entry.location.as_ref().ok_or(SpecError)?;
    let payload = payloads.read(location);
    payload.map_err(|source| OpenError::Io {
        path: "journal".to_owned(),
        source,
    })
}

fn log_error(dir: &str, error: &impl ToString) -> OpenError {
    OpenError::Log {
        directory: dir.to_owned(),
        cause: error.to_string(),
    }
}

/// Which lines later ones of the same group replaced.
fn replaced(entries: &[ReplayedEntry]) -> Vec<bool> {
    let mut later: BTreeMap<GroupId, LaterLines> = BTreeMap::new();
    let mut replaced = vec![false; entries.len()];
    for (entry, replaced) in entries.iter().zip(&mut replaced).rev() {
        let later = later.entry(entry.group).or_default();
        *replaced = match entry.kind {
            EntryKind::Append { .. } => later.replace_append(entry.index),
            EntryKind::Truncate => later.replace_truncation(entry.index),
            EntryKind::Begin => later.replace_beginning(),
            EntryKind::HardState { .. } | EntryKind::Membership | EntryKind::Checkpoint { .. } => {
                false
            }
        };
    }
    replaced
}

/// The high watermark that a commit index stands for.
fn committed_end<D: Disk>(log: &PartitionLog<D>, committed: LogIndex) -> std::io::Result<Offset> {
    let entry = log.entry_at(committed)?;
    let end = entry.map(|entry| entry.record.next_offset());
    Ok(end.unwrap_or_default().max(log.log_start()))
}

fn group_state<D: Disk>(
    spec: &PartitionSpec,
    members: Option<(LogIndex, Membership)>,
    hard_state: HardState,
    log: &PartitionLog<D>,
) -> std::io::Result<GroupState> {
    let (membership_index, membership) = members.unwrap_or_else(|| {
        let voters = spec.voters.iter().map(|&(replica, _)| replica).collect();
        let founders = Membership {
            voters,
            ..Membership::default()
        };
        (LogIndex(0), founders)
    });
    let changes = changes_after(log, membership_index)?;
    let (before, last) = (log.before_first_entry(), log.last_entry());
    let alone = membership.voters == [spec.replica] && membership.voters_outgoing.is_empty()
        || defect::is_on(Defect::RestartCommitsAll);
    let state = GroupState {
        hard_state,
        membership,
        membership_index,
        changes,
        start: (before.index, before.term),
        terms: Vec::new(),
        last: last.index,
    };
    if alone && state.changes.is_empty() {
        // All that a group's only voter has on stable storage is committed.
        let hard_state = HardState {
            commit: last.index,
            ..hard_state
        };
        return Ok(GroupState {
            hard_state,
            start: (last.index, last.term),
            ..state
        });
    }
    let commit = hard_state.commit.clamp(before.index, last.index);
    let hard_state = HardState {
        commit,
        ..hard_state
    };
    Ok(GroupState {
        hard_state,
        terms: term_runs(log, before.index.next(), last.index)?,
        ..state
    })
}

/// The membership entries after the one that the stored members are of.
fn changes_after<D: Disk>(log: &PartitionLog<D>, index: LogIndex) -> std::io::Result<Vec<Entry>> {
    let mut changes = Vec::new();
    for (index, payload) in log.internal_after(index) {
        if let Some(term) = log.term_at(index)? {
            changes.push(Entry {
                index,
                term,
                kind: RaftKind::Membership,
                data: payload.clone(),
            });
        }
    }
    Ok(changes)
}

/// First index of each term from `first` to `last`. Terms only rise, so a run's end is found by
/// halving.
pub(crate) fn term_runs<D: Disk>(
    log: &PartitionLog<D>,
    first: LogIndex,
    last: LogIndex,
) -> std::io::Result<Vec<(LogIndex, Term)>> {
    let term_at = |index| {
        let missing =
            || std::io::Error::other("an entry between the first and the last is missing");
        log.term_at(index)?.ok_or_else(missing)
    };
    let mut runs = Vec::new();
    let mut next = first;
    while next <= last {
        let term = term_at(next)?;
        runs.push((next, term));
        let (mut inside, mut beyond) = (next.0, last.0 + 1);
        while beyond - inside > 1 {
            let middle = inside + (beyond - inside) / 2;
            if term_at(LogIndex(middle))? == term {
                inside = middle;
            } else {
                beyond = middle;
            }
        }
        next = LogIndex(beyond);
    }
    Ok(runs)
}

//! What a start after a crash asks of the disk: nothing that a file system answers only when it has
//! written other data back.

#![expect(clippy::unwrap_used, reason = "a test fails where a value is missing")]

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use thalweg_log::disk::{Disk, DiskFile, OpenMode, SimDisk, SimFile};
use thalweg_log::journal::{GrowJob, JournalOptions};
use thalweg_log::{GroupId, LogConfig};
use thalweg_model::batch::{BatchBuilder, BatchOptions, CheckedBatch, NewRecord};
use thalweg_model::{BrokerId, Now, Offset, PartitionIndex, ReplicaId, Tick, Timestamp, Uuid};
use thalweg_replica::{Acks, CheckpointJob, Effect, PartitionSpec, Shard, ShardConfig, Ticket};

const NOW: Now = Now {
    tick: Tick(1_000),
    wall: Timestamp(1_000_000),
};

/// A disk that remembers what was asked of it besides reads.
#[derive(Clone, Debug)]
struct Watched {
    disk: SimDisk,
    asked: Arc<Mutex<Vec<String>>>,
}

#[derive(Clone, Debug)]
struct WatchedFile {
    file: SimFile,
    name: String,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Watched {
    fn new(disk: &SimDisk) -> Self {
        Self {
            disk: disk.clone(),
            asked: Arc::default(),
        }
    }

    fn note(&self, what: &str, path: &Path) {
        let note = format!("{what} {}", path.display());
        self.asked.lock().unwrap().push(note);
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.asked.lock().unwrap())
    }

    /// Without writes, which wait for nothing but, in the journal, the device.
    fn take_waits(&self) -> Vec<String> {
        let all = self.take().into_iter();
        all.filter(|note| !note.starts_with("write")).collect()
    }
}

impl WatchedFile {
    fn note(&self, what: &str) {
        let note = format!("{what} {}", self.name);
        self.asked.lock().unwrap().push(note);
    }
}

impl Disk for Watched {
    type File = WatchedFile;

    fn open(&self, path: &Path, mode: OpenMode) -> io::Result<WatchedFile> {
        let may_create = matches!(
            mode,
            OpenMode::Create | OpenMode::Direct | OpenMode::DirectSync
        );
        if may_create && self.disk.open(path, OpenMode::Read).is_err() {
            self.note("create", path);
        }
        Ok(WatchedFile {
            file: self.disk.open(path, mode)?,
            name: path.display().to_string(),
            asked: Arc::clone(&self.asked),
        })
    }

    fn create_dir_all(&self, path: &Path) -> io::Result<()> {
        if self.disk.list(path).is_err() {
            self.note("create", path);
        }
        self.disk.create_dir_all(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.note("rename", from);
        self.disk.rename(from, to)
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        self.note("remove", path);
        self.disk.remove_file(path)
    }

    fn remove_dir_all(&self, path: &Path) -> io::Result<()> {
        self.note("remove", path);
        self.disk.remove_dir_all(path)
    }

    fn list(&self, path: &Path) -> io::Result<Vec<PathBuf>> {
        self.disk.list(path)
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        self.note("sync", path);
        self.disk.sync_dir(path)
    }
}

impl DiskFile for WatchedFile {
    fn read_exact_at(&self, buffer: &mut [u8], position: u64) -> io::Result<()> {
        self.file.read_exact_at(buffer, position)
    }

    fn write_all_at(&self, bytes: &[u8], position: u64) -> io::Result<()> {
        self.note("write");
        self.file.write_all_at(bytes, position)
    }

    fn write_vectored_at(&self, pieces: &[io::IoSlice<'_>], position: u64) -> io::Result<()> {
        self.note("write");
        self.file.write_vectored_at(pieces, position)
    }

    fn set_len(&self, bytes: u64) -> io::Result<()> {
        self.note("cut");
        self.file.set_len(bytes)
    }

    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }

    fn sync_data(&self) -> io::Result<()> {
        // A chunk of the journal is written past the page cache and keeps its size: there is nothing
        // that a file system would have to wait for.
        if !self.name.ends_with(".journal") {
            self.note("sync");
        }
        self.file.sync_data()
    }
}

/// A shard, and the jobs in the background that nobody has done yet.
struct Node {
    shard: Shard<Watched>,
    checkpoints: Vec<CheckpointJob<Watched>>,
    growths: Vec<GrowJob<Watched>>,
    acked: u64,
}

impl Node {
    fn open(disk: &Watched) -> Self {
        let config = ShardConfig {
            dir: "/data".into(),
            directory: Uuid::from_bytes([9; 16]),
            seed: 7,
            journal: JournalOptions::default(),
            manifest_bytes_min: 60_000,
        };
        Self {
            shard: Shard::open(disk.clone(), config, NOW).unwrap(),
            checkpoints: Vec::new(),
            growths: Vec::new(),
            acked: 0,
        }
    }

    /// Carries out what does not belong into the background.
    fn run(&mut self) {
        loop {
            self.shard.flush(NOW);
            let effects = self.shard.take_effects();
            if effects.is_empty() {
                return;
            }
            for effect in effects {
                match effect {
                    Effect::WriteBlock(write) => self.shard.block_written(write.perform()),
                    Effect::WriteStretches(job) => {
                        self.shard.stretches_written(job.perform());
                    }
                    Effect::Complete { result, .. } => {
                        result.unwrap();
                        self.acked += 1;
                    }
                    Effect::Checkpoint(job) => self.checkpoints.push(job),
                    Effect::Grow(job) => self.growths.push(job),
                    Effect::Failed(why) => panic!("{why}"),
                    Effect::Send { message, .. } => panic!("nobody to send {message:?} to"),
                    Effect::Copy(job) => panic!("nobody to copy for: {job:?}"),
                    Effect::RemoveLog(_)
                    | Effect::Remove(_)
                    | Effect::Wake(_)
                    | Effect::LeaderChanged(_)
                    | Effect::Notice(_)
                    | Effect::Warning(_) => {}
                }
            }
        }
    }

    fn serve(&mut self, name: &str) -> GroupId {
        let group = self.shard.add(spec(name), NOW);
        self.run();
        assert!(self.shard.is_serving(group));
        group
    }

    fn append(&mut self, group: GroupId) {
        let ticket = Ticket {
            request: 1,
            part: 0,
        };
        self.shard
            .append(group, batch(), Acks::All, ticket)
            .unwrap();
        self.run();
    }

    /// Does what waits in the background.
    fn catch_up(&mut self) {
        for job in std::mem::take(&mut self.checkpoints) {
            self.shard.checkpointed(job.perform());
        }
        for job in std::mem::take(&mut self.growths) {
            self.shard.journal_grown(job.perform());
        }
        self.run();
    }
}

fn spec(name: &str) -> PartitionSpec {
    let mut topic = [0; 16];
    topic[..name.len()].copy_from_slice(name.as_bytes());
    PartitionSpec {
        topic: Uuid::from_bytes(topic),
        topic_name: name.into(),
        partition: PartitionIndex(0),
        replica: ReplicaId(1),
        voters: vec![(ReplicaId(1), BrokerId(1))],
        min_insync_replicas: 1,
        config: LogConfig::default(),
    }
}

fn batch() -> CheckedBatch {
    let mut builder = BatchBuilder::new(BatchOptions::default());
    builder.push(&NewRecord {
        timestamp: Timestamp(1),
        key: None,
        value: Some(&[7; 20_000]),
        headers: &[],
    });
    builder.finish().unwrap()
}

/// A directory that a process left which was killed: with a checkpoint, and with more after it.
fn left_behind() -> SimDisk {
    let disk = SimDisk::new(1);
    let mut node = Node::open(&Watched::new(&disk));
    let groups = ["a", "b"].map(|name| node.serve(name));
    for n in 0..600 {
        node.append(groups[n % 2]);
        if n == 300 {
            node.shard.start_checkpoint();
            node.run();
        }
        node.catch_up();
    }
    disk
}

#[test]
fn a_start_after_a_crash_waits_for_no_file_system() {
    let disk = Watched::new(&left_behind());
    let mut node = Node::open(&disk);
    let groups = ["a", "b"].map(|name| node.serve(name));
    let end = |node: &Node, group| node.shard.marks(group, None).unwrap().high_watermark;
    assert_eq!(groups.map(|group| end(&node, group)), [Offset::new(300); 2]);
    let nothing: [&str; 0] = [];
    assert_eq!(disk.take_waits(), nothing);
    // Neither does the first acknowledgement.
    node.append(groups[0]);
    assert_eq!(node.acked, 1);
    assert_eq!(disk.take_waits(), nothing);
    // Later it is made certain.
    node.shard.settle();
    node.run();
    node.catch_up();
    let asked = disk.take_waits();
    for what in ["sync /data/manifest", "sync /data", "sync /data/journal"] {
        assert!(asked.iter().any(|note| note == what), "{what}: {asked:?}");
    }
}

#[test]
fn a_start_that_fails_changes_nothing() {
    let disk = left_behind();
    // Every commit is there twice.
    let manifest = Path::new("/data/manifest");
    let length = disk.open(manifest, OpenMode::Read).unwrap().len().unwrap();
    for place in (10..usize::try_from(length).unwrap()).step_by(50) {
        disk.rot(manifest, place, 3).unwrap();
    }
    let watched = Watched::new(&disk);
    let config = ShardConfig {
        dir: "/data".into(),
        directory: Uuid::from_bytes([9; 16]),
        seed: 7,
        journal: JournalOptions::default(),
        manifest_bytes_min: 60_000,
    };
    let refused = Shard::open(watched.clone(), config, NOW);
    assert!(refused.is_err());
    let nothing: [&str; 0] = [];
    assert_eq!(watched.take(), nothing);
}

//! A full disk, and bytes on the disk that are not what was written: nothing acknowledged is lost,
//! nothing wrong is served, and what is damaged is named and left as it is.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use crate::harness::{Broker, Client, Dice, batch, becomes, setting};

pub(crate) const KAFKA_STORAGE_ERROR: i16 = 56;

/// A port on which nothing is ever opened: the process ends before.
const UNUSED_PORT: u16 = 26_998;

/// The port of brokers that follow each other on one damaged directory.
const FLIPPED_PORT: u16 = 26_997;

/// A file system in memory, gone when dropped.
pub(crate) struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    /// None for a user who may not mount.
    pub(crate) fn mount(options: &str) -> Option<Self> {
        let dir = tempfile::tempdir().unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", options, "tmpfs"])
            .arg(dir.path())
            .stderr(Stdio::null())
            .status();
        mounted
            .is_ok_and(|status| status.success())
            .then_some(Self(dir))
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    /// Changes how it is mounted.
    pub(crate) fn remount(&self, how: &str) {
        let options = format!("remount,{how}");
        let mut mount = Command::new("mount");
        mount.args(["-o", &options]).arg(self.path());
        assert!(mount.status().unwrap().success());
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // The broker was declared later and is gone; if not, the mount goes with it.
        let _unmounted = Command::new("umount").arg("-l").arg(self.path()).status();
    }
}

/// Records of 1 KiB, different in each batch.
pub(crate) fn numbered(n: usize, records: usize) -> Vec<Vec<u8>> {
    (0..records)
        .map(|k| format!("{n}/{k} {}", "x".repeat(1000)).into_bytes())
        .collect()
}

/// Produces until something is refused: how many batches went well, and the code.
fn fill(client: &mut Client, topic: &str, acked: &mut BTreeMap<i64, Vec<u8>>) -> i16 {
    for n in 0..200 {
        let values = numbered(n, 400);
        let (code, base) = client.produce(topic, 0, batch(&values, None)).unwrap();
        if code != 0 {
            return code;
        }
        acked.extend((base..).zip(values));
    }
    panic!("80 MB fit into a disk of 64 MiB");
}

#[test]
fn a_full_disk_refuses_and_goes_on_when_there_is_room() {
    let Some(disk) = SmallDisk::mount("size=64m") else {
        println!("not checked: only a superuser can mount a small disk");
        return;
    };
    let data = disk.path().join("data");
    let ballast = disk.path().join("ballast");
    fs::write(&ballast, vec![1; 32 << 20]).unwrap();
    let broker = Broker::start_with(&data, &["num.partitions=1"]);
    let mut client = broker.connect();
    client.create("full").unwrap();
    let mut acked = BTreeMap::new();
    let code = fill(&mut client, "full", &mut acked);
    assert_eq!(code, KAFKA_STORAGE_ERROR, "{}", broker.said());
    assert!(acked.len() > 4000, "{} records fit", acked.len());
    // Who only reads does not notice, and who writes is refused, not kept waiting.
    check(&mut broker.connect(), &acked);
    let again = client.produce("full", 0, batch(&numbered(0, 400), None));
    assert_eq!(again.unwrap().0, KAFKA_STORAGE_ERROR);
    fs::remove_file(&ballast).unwrap();
    let resumed = becomes(|| {
        let values = numbered(999, 10);
        let (code, base) = client.produce("full", 0, batch(&values, None)).unwrap();
        if code == 0 {
            acked.extend((base..).zip(values));
        }
        code == 0
    });
    assert!(resumed, "{}", broker.said());
    let (data, port) = broker.kill();
    let broker = Broker::start_on(&data, port, &[]).unwrap();
    check(&mut broker.connect(), &acked);
}

/// Everything acknowledged is there, and nothing else.
fn check(client: &mut Client, acked: &BTreeMap<i64, Vec<u8>>) {
    let found: BTreeMap<_, _> = client.read_all("full", 0).unwrap().into_iter().collect();
    assert!(
        found == *acked,
        "{} of {} records",
        found.len(),
        acked.len()
    );
}

/// A directory with a topic `t` of 40 records, on which no broker runs any more.
fn written(end: impl FnOnce(Broker)) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let broker = Broker::start_with(dir.path(), &["num.partitions=1"]);
    let mut client = broker.connect();
    client.create("t").unwrap();
    for n in 0..4 {
        let produced = client.produce("t", 0, batch(&numbered(n, 10), None));
        assert_eq!(produced.unwrap().0, 0);
    }
    end(broker);
    dir
}

pub(crate) fn cleanly(mut broker: Broker) {
    assert!(broker.terminate().success());
}

/// Long enough after the last write that the newest block is vouched for.
pub(crate) fn by_kill(broker: Broker) {
    let quiet = |broker: &Broker| {
        let journal = files(&broker.data.join("journal"));
        sleep(Duration::from_millis(200));
        journal == files(&broker.data.join("journal"))
    };
    assert!(becomes(|| quiet(&broker)));
    broker.kill();
}

/// All files of a directory but the lock.
pub(crate) fn files(dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if !path.ends_with(".lock") {
            let bytes = fs::read(&path).unwrap();
            found.insert(path, bytes);
        }
    }
    found
}

/// The topic's segment.
fn segment(dir: &Path) -> PathBuf {
    let named = |path: &&PathBuf| {
        let path = path.display().to_string();
        path.ends_with(".log") && path.contains("/t-")
    };
    files(dir).keys().find(named).unwrap().clone()
}

/// Where the bytes are in some journal file.
fn find_in_journal(dir: &Path, bytes: &[u8]) -> (PathBuf, u64) {
    let place = files(&dir.join("journal"))
        .into_iter()
        .find_map(|(path, content)| {
            let at = content
                .windows(bytes.len())
                .position(|window| window == bytes)?;
            Some((path, u64::try_from(at).unwrap()))
        });
    place.unwrap()
}

fn flip(path: &Path, at: u64) {
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .open(path)
        .unwrap();
    let mut byte = [0];
    file.read_exact_at(&mut byte, at).unwrap();
    file.write_all_at(&[byte[0] ^ 0x10], at).unwrap();
}

/// What a start says that has to fail and to leave everything as it is. A partition's files may have got
/// more of what the journal has for them; the records that they had are untouched.
fn refusal(dir: &Path) -> String {
    let before = files(dir);
    let said = Broker::start_on(dir, UNUSED_PORT, &[])
        .err()
        .expect("it does not start on damaged data");
    let after = files(dir);
    for (path, bytes) in before {
        let is = |suffix: &str| path.extension().is_some_and(|found| found == suffix);
        let in_partition = path.parent() != Some(dir) && !is("journal");
        let kept = if in_partition {
            !is("log") || after[&path].starts_with(&bytes)
        } else {
            after[&path] == bytes
        };
        assert!(kept, "{}: {said}", path.display());
    }
    said
}

fn assert_names(said: &str, path: &Path) {
    assert!(said.contains(&path.display().to_string()), "{said}");
}

#[test]
fn damage_in_the_directorys_identity_is_named() {
    let dir = written(cleanly);
    let path = dir.path().join("meta.properties");
    for text in [
        "",
        "version=1\n",
        "version=1\nnode.id=1\ndirectory.id=\u{1}\n",
    ] {
        fs::write(&path, text).unwrap();
        assert_names(&refusal(dir.path()), &path);
    }
    fs::write(&path, [0xff, 0xfe, 0]).unwrap();
    assert_names(&refusal(dir.path()), &path);
}

#[test]
fn damage_in_the_manifest_is_named() {
    let dir = written(cleanly);
    let path = dir.path().join("manifest");
    for at in [0, 5, 8] {
        // Both copies of the first commit.
        let copies = [at, at + 4096];
        for at in copies {
            flip(&path, at);
        }
        let said = refusal(dir.path());
        assert_names(&said, &path);
        assert!(said.contains("is damaged at 0"), "{said}");
        for at in copies {
            flip(&path, at);
        }
    }
    let whole = fs::read(&path).unwrap();
    fs::write(&path, "").unwrap();
    assert_names(&refusal(dir.path()), &path);
    // One copy: the other one has what it said.
    fs::write(&path, &whole).unwrap();
    flip(&path, 5);
    let broker = Broker::start_on(dir.path(), UNUSED_PORT, &[]).unwrap();
    assert_eq!(broker.connect().read_all("t", 0).unwrap().len(), 40);
}

#[test]
fn damage_in_the_journal_is_named() {
    let dir = written(by_kill);
    let (path, at) = find_in_journal(dir.path(), b"1/3 xxx");
    // The header of the block: the chain of blocks is broken, and later ones vouch for it.
    let page = at / 4096 * 4096;
    flip(&path, page + 20);
    let said = refusal(dir.path());
    assert_names(&said, &path);
    assert!(said.contains(&format!("is damaged at {page}")), "{said}");
    flip(&path, page + 20);
    // The records, which are nowhere else: what was written to the segment is emptied.
    let log = segment(dir.path());
    let whole = fs::read(&log).unwrap();
    fs::write(&log, "").unwrap();
    flip(&path, at);
    assert_names(&refusal(dir.path()), &path);
    flip(&path, at);
    fs::write(&log, whole).unwrap();
    let broker = Broker::start(dir.path());
    assert_eq!(broker.connect().read_all("t", 0).unwrap().len(), 40);
}

/// Whether a fetch is answered with a storage error, and the log names the file and where.
fn assert_refused(broker: &Broker, log: &Path, what: &str) {
    let read = broker.connect().read_all("t", 0);
    let told = read.as_ref().err().map(ToString::to_string);
    let code = format!("error {KAFKA_STORAGE_ERROR}");
    assert_eq!(told, Some(code), "{what}: {}", broker.said());
    let name = log.file_name().unwrap().to_string_lossy().into_owned();
    let named = becomes(|| broker.said().contains(&format!("{name} is damaged at ")));
    assert!(named, "{what}: {}", broker.said());
}

#[test]
fn a_flipped_bit_in_a_segment_is_never_taken_for_a_record() {
    let dir = written(cleanly);
    let log = segment(dir.path());
    let length = fs::metadata(&log).unwrap().len();
    // In headers and in records. No checksum covers a batch's first offset (0 to 7), its length (8 to
    // 11), its leader epoch (12 to 15) and its format.
    let second = fs::read(&log).unwrap();
    let second = u64::from(u32::from_be_bytes(second[8..12].try_into().unwrap())) + 12;
    let in_header = [0, 7, 8, 11, 12, 15, 16, 20, 60];
    let places = in_header.map(|at| second + at);
    for at in [
        &in_header[..],
        &places,
        &[1000, length / 2 + 500, length - 1],
    ]
    .concat()
    {
        flip(&log, at);
        let broker = Broker::start(dir.path());
        assert_refused(&broker, &log, &format!("byte {at}"));
        // Whoever asks again gets the same answer, and others are served.
        assert!(broker.connect().read_all("t", 0).is_err());
        broker.connect().create("other").unwrap();
        drop(broker);
        flip(&log, at);
    }
    let broker = Broker::start(dir.path());
    assert_eq!(broker.connect().read_all("t", 0).unwrap().len(), 40);
}

#[test]
fn a_segment_that_was_cut_is_named() {
    let dir = written(cleanly);
    let log = segment(dir.path());
    let length = fs::metadata(&log).unwrap().len();
    let file = OpenOptions::new().write(true).open(&log).unwrap();
    file.set_len(length - 100).unwrap();
    let broker = Broker::start(dir.path());
    assert_refused(&broker, &log, "cut");
}

/// Makes a directory's files what they were.
pub(crate) fn restore(dir: &Path, all: &BTreeMap<PathBuf, Vec<u8>>) {
    for path in files(dir).keys().filter(|path| !all.contains_key(*path)) {
        fs::remove_file(path).unwrap();
    }
    for (path, bytes) in all {
        fs::write(path, bytes).unwrap();
    }
}

/// One flipped bit anywhere: what is read is what was written, or somebody says what is damaged.
fn assert_survives_or_says(dir: &Path, path: &Path, at: u64) {
    flip(path, at);
    let what = format!("{} at {at}", path.display());
    match Broker::start_on(dir, FLIPPED_PORT, &[]) {
        Ok(broker) => match broker.connect().read_all("t", 0) {
            Ok(records) => {
                let values: Vec<_> = records.into_iter().map(|(_, value)| value).collect();
                let expected: Vec<_> = (0..4).flat_map(|n| numbered(n, 10)).collect();
                assert!(values == expected, "{what}: {} records", values.len());
            }
            Err(_refused) => assert!(
                becomes(|| broker.said().contains("damaged")),
                "{what}: {}",
                broker.said()
            ),
        },
        Err(said) => assert!(!said.contains("panicked"), "{what}: {said}"),
    }
}

/// `THALWEG_FLIPS` sets how many bits (20 unless set), `THALWEG_KILL_SEED` the dice.
#[test]
fn a_bit_that_flips_anywhere_is_never_served() {
    let mut dice = Dice(setting("THALWEG_KILL_SEED", 1));
    for end in [cleanly as fn(Broker), by_kill] {
        let dir = written(end);
        let all = files(dir.path());
        let paths: Vec<_> = all.iter().filter(|(_, bytes)| !bytes.is_empty()).collect();
        for _ in 0..setting("THALWEG_FLIPS", 20) {
            let chosen = dice.roll(u64::try_from(paths.len()).unwrap());
            let (path, bytes) = paths[usize::try_from(chosen).unwrap()];
            // Where something is: most of a journal is empty.
            let used = bytes.iter().rposition(|&byte| byte != 0).unwrap_or(0) + 1;
            let at = dice.roll(u64::try_from(used).unwrap());
            assert_survives_or_says(dir.path(), path, at);
            restore(dir.path(), &all);
        }
    }
}

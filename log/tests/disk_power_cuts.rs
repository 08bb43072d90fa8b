//! What the simulated disk forgets when the power goes, and what it may not forget.
#![expect(clippy::unwrap_used, reason = "a test ends at the first surprise")]

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::path::Path;

use thalweg_log::aligned::AlignedBuf;
use thalweg_log::disk::sim::{PowerCut, SECTOR_BYTES};
use thalweg_log::disk::{Disk, DiskFile, OpenMode, SimDisk, SimFile};

const FILE: &str = "/file";

fn bytes_of(disk: &SimDisk) -> Vec<u8> {
    let file = disk.open(Path::new(FILE), OpenMode::Read).unwrap();
    let mut bytes = vec![0; usize::try_from(file.len().unwrap()).unwrap()];
    file.read_exact_at(&mut bytes, 0).unwrap();
    bytes
}

/// A disk with a durable file of two sectors of `a`.
fn two_sectors(seed: u64, mode: OpenMode) -> (SimDisk, SimFile) {
    let disk = SimDisk::new(seed);
    let file = disk.open(Path::new(FILE), OpenMode::Create).unwrap();
    file.write_all_at(&[b'a'; 2 * SECTOR_BYTES], 0).unwrap();
    file.sync_data().unwrap();
    disk.sync_dir(Path::new("/")).unwrap();
    let file = disk.open(Path::new(FILE), mode).unwrap();
    (disk, file)
}

/// The first byte of each sector.
fn heads(bytes: &[u8]) -> String {
    bytes
        .chunks(SECTOR_BYTES)
        .map(|sector| char::from(sector[0]))
        .collect()
}

#[test]
fn unsynced_sectors_survive_in_any_subset_and_version() {
    let mut seen = BTreeSet::new();
    for seed in 0..200 {
        let (disk, file) = two_sectors(0, OpenMode::Write);
        file.write_all_at(&[b'b'; 2 * SECTOR_BYTES], 0).unwrap();
        file.write_all_at(&[b'c'; 2 * SECTOR_BYTES], 0).unwrap();
        disk.crash(seed);
        seen.insert(heads(&bytes_of(&disk)));
    }
    let all = ["aa", "ab", "ac", "ba", "bb", "bc", "ca", "cb", "cc"];
    assert_eq!(seen, all.map(str::to_owned).into());
}

#[test]
fn the_same_seed_forgets_the_same() {
    let image = |seed| {
        let (disk, file) = two_sectors(0, OpenMode::Write);
        for turn in 0..20_u8 {
            let position = u64::from(turn) * 100;
            file.write_all_at(&[turn; 300], position).unwrap();
        }
        disk.crash(seed);
        bytes_of(&disk)
    };
    assert_eq!(image(5), image(5));
    assert_ne!(image(5), image(6));
}

#[test]
fn what_was_synced_stays() {
    for seed in 0..50 {
        let (disk, file) = two_sectors(0, OpenMode::Write);
        file.write_all_at(b"synced", 0).unwrap();
        file.sync_data().unwrap();
        disk.crash(seed);
        assert_eq!(&bytes_of(&disk)[..6], b"synced");
        let error = file.write_all_at(b"late", 0).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Other, "the process is gone");
    }
}

#[test]
fn a_dead_process_loses_nothing_that_the_machine_holds() {
    let (disk, file) = two_sectors(0, OpenMode::Write);
    file.write_all_at(b"unsynced", 0).unwrap();
    disk.restart(PowerCut::KeepsUnsynced);
    assert_eq!(&bytes_of(&disk)[..8], b"unsynced");
    disk.restart(PowerCut::LosesUnsynced);
    assert_eq!(&bytes_of(&disk)[..8], b"aaaaaaaa", "nobody has synced it");
}

#[test]
fn a_direct_write_is_durable_when_it_returns_and_tears_when_it_does_not() {
    let mut block = AlignedBuf::with_capacity(4096);
    block.resize(4096);
    block.fill(b'b');
    let mut seen = BTreeSet::new();
    for seed in 0..100 {
        let (disk, file) = two_sectors(seed, OpenMode::DirectSync);
        file.write_all_at(&block, 0).unwrap();
        block.fill(b'c');
        disk.cut_power_after(0);
        file.write_all_at(&block, 0).unwrap_err();
        assert!(disk.is_off());
        disk.restart(PowerCut::LosesUnsynced);
        let bytes = bytes_of(&disk);
        assert!(bytes.iter().all(|&byte| byte == b'b' || byte == b'c'));
        seen.insert(heads(&bytes));
        block.fill(b'b');
    }
    assert!(seen.len() > 50, "sectors tear apart in many ways: {seen:?}");
}

#[test]
fn a_direct_write_off_its_alignment_is_refused() {
    let (_disk, file) = two_sectors(0, OpenMode::DirectSync);
    let mut block = AlignedBuf::with_capacity(8192);
    block.resize(8192);
    for (bytes, position) in [
        (&block[..100], 0),
        (&block[..4096], 512),
        (&block[1..4097], 0),
    ] {
        let error = file.write_all_at(bytes, position).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
    }
}

#[test]
fn names_survive_only_after_their_directory_was_synced() {
    let names = |synced: bool, cut| {
        let disk = SimDisk::new(1);
        let dir = Path::new("/dir");
        disk.create_dir_all(dir).unwrap();
        disk.sync_dir(Path::new("/")).unwrap();
        disk.open(&dir.join("new"), OpenMode::Create).unwrap();
        disk.rename(&dir.join("new"), &dir.join("final")).unwrap();
        if synced {
            disk.sync_dir(dir).unwrap();
        }
        disk.restart(cut);
        disk.list(dir).unwrap()
    };
    let kept = [Path::new("final").to_path_buf()];
    assert_eq!(names(true, PowerCut::LosesUnsynced), kept);
    assert_eq!(names(false, PowerCut::KeepsUnsynced), kept);
    assert!(names(false, PowerCut::LosesUnsynced).is_empty());
}

#[test]
fn a_rename_happens_whole_or_not_at_all() {
    for seed in 0..50 {
        let (disk, _) = two_sectors(0, OpenMode::Write);
        let other = Path::new("/other");
        disk.open(other, OpenMode::Create).unwrap();
        disk.sync_dir(Path::new("/")).unwrap();
        disk.rename(Path::new(FILE), other).unwrap();
        disk.crash(seed);
        let names = disk.list(Path::new("/")).unwrap().len();
        let len = disk.open(other, OpenMode::Read).unwrap().len().unwrap();
        assert!(matches!((names, len), (2, 0) | (1, 1024)));
    }
}

#[test]
fn after_the_power_went_every_change_fails() {
    let (disk, file) = two_sectors(0, OpenMode::Write);
    let before = disk.changes();
    disk.cut_power_after(1);
    file.write_all_at(b"in time", 0).unwrap();
    file.write_all_at(b"too late", 0).unwrap_err();
    file.sync_data().unwrap_err();
    disk.sync_dir(Path::new("/")).unwrap_err();
    bytes_of_fails(&disk);
    assert_eq!(disk.changes(), before + 4);
    disk.restart(PowerCut::LosesUnsynced);
    assert_eq!(heads(&bytes_of(&disk)), "aa");
}

fn bytes_of_fails(disk: &SimDisk) {
    disk.open(Path::new(FILE), OpenMode::Read).unwrap_err();
}

#[test]
fn a_fork_goes_its_own_way() {
    let (disk, _) = two_sectors(0, OpenMode::Write);
    let fork = disk.fork();
    fork.remove_file(Path::new(FILE)).unwrap();
    assert_eq!(heads(&bytes_of(&disk)), "aa");
}

/// What nobody can reach is forgotten when a watch begins, and nothing else.
#[test]
fn a_watch_forgets_nothing_that_is_open_or_may_come_back() {
    let (disk, file) = two_sectors(0, OpenMode::Write);
    disk.remove_file(Path::new(FILE)).unwrap();
    disk.watch();
    file.write_all_at(&[b'b'; SECTOR_BYTES], 0).unwrap();
    for moment in disk.take_moments() {
        let left = moment.cut(PowerCut::LosesUnsynced, 1);
        assert_eq!(heads(&bytes_of(&left)), "aa");
    }
    disk.sync_dir(Path::new("/")).unwrap();
    disk.watch();
    file.write_all_at(&[b'c'; SECTOR_BYTES], SECTOR_BYTES as u64)
        .unwrap();
    let mut bytes = vec![0; 2 * SECTOR_BYTES];
    file.read_exact_at(&mut bytes, 0).unwrap();
    assert_eq!(heads(&bytes), "bc");
}

#[test]
fn a_watch_keeps_a_directory_that_may_come_back_with_all_that_was_in_it() {
    let (root, dir) = (Path::new("/"), Path::new("/dir"));
    let disk = SimDisk::new(0);
    disk.create_dir_all(dir).unwrap();
    disk.open(&dir.join("file"), OpenMode::Create).unwrap();
    disk.sync_dir(dir).unwrap();
    disk.sync_dir(root).unwrap();
    disk.remove_dir_all(dir).unwrap();
    let left = |cut| {
        disk.watch();
        disk.sync_dir(root).unwrap();
        let moments = disk.take_moments();
        moments[0].cut(cut, 1)
    };
    let before = left(PowerCut::LosesUnsynced);
    assert_eq!(before.list(dir).unwrap(), [Path::new("file")]);
    let after = left(PowerCut::LosesUnsynced);
    assert_eq!(after.list(root).unwrap(), Vec::<std::path::PathBuf>::new());
}

//! Faults of the simulated disk other than power cuts.
#![expect(clippy::unwrap_used, reason = "a test ends at the first surprise")]

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::path::Path;

use thalweg_log::disk::sim::{Fault, PowerCut, SECTOR_BYTES};
use thalweg_log::disk::{Disk, DiskFile, OpenMode, SimDisk, SimFile};

const FILE: &str = "/file";

/// A disk with an open, durable file of `a`.
fn file_of_a(seed: u64, bytes: usize) -> (SimDisk, SimFile) {
    let disk = SimDisk::new(seed);
    let file = disk.open(Path::new(FILE), OpenMode::Create).unwrap();
    file.write_all_at(&vec![b'a'; bytes], 0).unwrap();
    file.sync_data().unwrap();
    disk.sync_dir(Path::new("/")).unwrap();
    (disk, file)
}

fn text(disk: &SimDisk) -> String {
    let file = disk.open(Path::new(FILE), OpenMode::Read).unwrap();
    let mut bytes = vec![0; usize::try_from(file.len().unwrap()).unwrap()];
    file.read_exact_at(&mut bytes, 0).unwrap();
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The first byte of each sector.
fn heads(disk: &SimDisk) -> String {
    text(disk).chars().step_by(SECTOR_BYTES).collect()
}

#[test]
fn after_a_failed_sync_the_next_one_lies() {
    let mut seen = BTreeSet::new();
    for seed in 0..60 {
        let (disk, file) = file_of_a(seed, 2 * SECTOR_BYTES);
        file.write_all_at(&[b'b'; 2 * SECTOR_BYTES], 0).unwrap();
        disk.inject(Fault::SyncFails, 0);
        file.sync_data().unwrap_err();
        assert_eq!(heads(&disk), "bb", "the page cache looks fine");
        file.sync_data().unwrap();
        disk.restart(PowerCut::LosesUnsynced);
        seen.insert(heads(&disk));
    }
    assert_eq!(seen, ["aa", "ab", "ba", "bb"].map(str::to_owned).into());
}

#[test]
fn a_fault_waits_for_its_turn_and_strikes_once() {
    let (disk, file) = file_of_a(1, 4);
    disk.inject(Fault::SyncFails, 1);
    disk.inject(Fault::ReadFails, 0);
    file.read_exact_at(&mut [0; 4], 0).unwrap_err();
    file.read_exact_at(&mut [0; 4], 0).unwrap();
    file.sync_data().unwrap();
    file.sync_data().unwrap_err();
    file.sync_data().unwrap();
}

#[test]
fn a_full_disk_takes_a_part_and_still_overwrites() {
    let (disk, file) = file_of_a(1, 10);
    disk.set_free_bytes(Some(3));
    let error = file.write_all_at(b"bbbbbbbb", 8).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::StorageFull);
    assert_eq!(text(&disk), "aaaaaaaabbbbb");
    file.write_all_at(b"cc", 0).unwrap();
    file.write_all_at(b"d", 13).unwrap_err();
    disk.set_free_bytes(None);
    file.write_all_at(b"d", 13).unwrap();
    assert_eq!(text(&disk), "ccaaaaaabbbbbd");
}

#[test]
fn writes_get_lost_go_astray_or_fail_half_done() {
    let pages = 4 * 4096;
    let (disk, file) = file_of_a(1, pages);
    disk.inject(Fault::WriteIsLost, 0);
    file.write_all_at(b"lost", 0).unwrap();
    assert!(!text(&disk).contains("lost"));
    let places: BTreeSet<_> = (0..40)
        .map(|seed| {
            let (disk, file) = file_of_a(seed, pages);
            disk.inject(Fault::WriteIsMisdirected, 0);
            file.write_all_at(b"astray", 100).unwrap();
            text(&disk).find("astray").unwrap()
        })
        .collect();
    assert!(places.iter().all(|place| place.is_multiple_of(4096)));
    assert!(places.len() > 3, "{places:?}");
    disk.inject(Fault::WriteFails, 0);
    file.write_all_at(&vec![b'b'; pages], 0).unwrap_err();
    let changed = text(&disk).matches('b').count();
    assert!(changed < pages);
}

#[test]
fn the_medium_rots() {
    let (disk, _) = file_of_a(1, 2 * SECTOR_BYTES);
    disk.rot(Path::new(FILE), 3, 1).unwrap();
    assert_eq!(&text(&disk)[..5], "aaaca");
    disk.ruin_sector(Path::new(FILE), SECTOR_BYTES + 1).unwrap();
    disk.restart(PowerCut::LosesUnsynced);
    let text = text(&disk);
    assert_eq!(&text[..5], "aaaca", "it is the medium that changed");
    assert_ne!(&text[SECTOR_BYTES..], "a".repeat(SECTOR_BYTES));
    let missing = disk.rot(Path::new("/missing"), 0, 0).unwrap_err();
    assert_eq!(missing.kind(), ErrorKind::NotFound);
}

//! What a manifest says when it is opened again, after power cuts and damage too.
#![expect(clippy::unwrap_used, reason = "a test ends at the first surprise")]

#[macro_use]
mod both_disks;

use std::io::ErrorKind;
use std::path::Path;

use bytes::Bytes;
use thalweg_log::GroupId;
use thalweg_log::disk::sim::{Fault, PowerCut};
use thalweg_log::disk::{Disk, DiskFile, OpenMode, SimDisk};
use thalweg_log::journal::{BlockSequence, HardState};
use thalweg_log::manifest::{
    GroupManifest, Manifest, ManifestChange, ManifestError, ManifestState,
};
use thalweg_log::partition::{EntryId, LogState};
use thalweg_model::{LogIndex, Offset, PartitionIndex, ReplicaId, Term, Uuid};

fn group(number: u64) -> GroupManifest {
    let vote = number.is_multiple_of(2).then_some(ReplicaId(number));
    GroupManifest {
        topic: Uuid::from_bytes([7; 16]),
        topic_name: format!("topic-{number}"),
        partition: PartitionIndex(i32::try_from(number % 9).unwrap()),
        directory: format!("topic-{number}-{}", number % 9),
        replica: ReplicaId(number + 1),
        hard_state: HardState {
            term: Term(number),
            vote,
            commit: LogIndex(number * 3),
        },
        membership: Bytes::from(vec![1; usize::try_from(number % 40).unwrap()]),
        log: LogState {
            next_offset: Offset::new(i64::try_from(number).unwrap()),
            last: EntryId {
                index: LogIndex(number),
                term: Term(number),
            },
            internal: vec![(LogIndex(number), Bytes::from_static(b"opaque"))],
            ..LogState::default()
        },
    }
}

fn put(number: u64) -> ManifestChange {
    ManifestChange::Group(GroupId(number % 100), Box::new(group(number)))
}

/// What `changes` make of a state.
fn apply(state: &mut ManifestState, changes: &[ManifestChange]) {
    for change in changes {
        state.clean_shutdown = false;
        match change {
            ManifestChange::Group(id, group) => {
                state.groups.insert(*id, (**group).clone());
            }
            ManifestChange::Removed(id) => {
                state.groups.remove(id);
            }
            ManifestChange::Checkpoint(up_to) => state.checkpoint = *up_to,
            ManifestChange::CleanShutdown => state.clean_shutdown = true,
        }
    }
}

/// The changes of the commit with a number: some groups, a removal, a checkpoint.
fn commit_of(number: u64) -> Vec<ManifestChange> {
    let mut changes: Vec<_> = (number..number + number % 4).map(put).collect();
    changes.push(ManifestChange::Removed(GroupId(number * 7 % 100)));
    changes.push(ManifestChange::Checkpoint(BlockSequence(number)));
    if number.is_multiple_of(5) {
        changes.push(ManifestChange::CleanShutdown);
    }
    changes
}

on_both_disks! {
    fn commits_add_up(disk, home) {
        let dir = home.join("shard");
        let mut expected = ManifestState::default();
        for round in 0..4 {
            let (mut manifest, state) = Manifest::open(disk, &dir).unwrap();
            assert_eq!(state, expected);
            for number in round * 10..round * 10 + 11 {
                let changes = commit_of(number);
                manifest.commit(&changes).unwrap();
                apply(&mut expected, &changes);
            }
        }
    }

    fn a_clean_shutdown_counts_once(disk, home) {
        let dir = home.join("shard");
        let clean = || Manifest::open(disk, &dir).unwrap().1.clean_shutdown;
        let (mut manifest, state) = Manifest::open(disk, &dir).unwrap();
        assert!(!state.clean_shutdown);
        manifest.commit(&[ManifestChange::CleanShutdown]).unwrap();
        assert!(clean());
        assert!(!clean(), "the second opening follows a crash");
    }

    fn a_grown_file_is_written_anew(disk, home) {
        let dir = home.join("shard");
        let (mut manifest, _) = Manifest::open(disk, &dir).unwrap();
        let groups: Vec<_> = (0..100).map(put).collect();
        let mut longest = 0;
        for _ in 0..120 {
            manifest.commit(&groups).unwrap();
            let file = disk.open(&dir.join("manifest"), OpenMode::Read).unwrap();
            longest = longest.max(file.len().unwrap());
        }
        assert!((1 << 20..5 << 18).contains(&longest), "{longest}");
        let (_, state) = Manifest::open(disk, &dir).unwrap();
        let mut expected = ManifestState::default();
        apply(&mut expected, &groups);
        assert_eq!(state, expected);
        assert_eq!(disk.list(&dir).unwrap(), [Path::new("manifest")]);
    }

    fn ten_thousand_groups_come_back(disk, home) {
        let dir = home.join("shard");
        let (mut manifest, _) = Manifest::open(disk, &dir).unwrap();
        let change = |number| ManifestChange::Group(GroupId(number), Box::new(group(number)));
        let changes: Vec<_> = (0..10_000).map(change).collect();
        manifest.commit(&changes).unwrap();
        let (_, state) = Manifest::open(disk, &dir).unwrap();
        assert_eq!(state.groups.len(), 10_000);
        assert!(state.groups.iter().all(|(id, found)| *found == group(id.0)));
    }

    fn damage_of_both_copies_before_the_last_commit_is_found(disk, home) {
        let dir = home.join("shard");
        let (mut manifest, _) = Manifest::open(disk, &dir).unwrap();
        for number in 1..5 {
            manifest.commit(&[put(number)]).unwrap();
        }
        let file = disk.open(&dir.join("manifest"), OpenMode::Write).unwrap();
        for copy in [2 * 4096, 3 * 4096] {
            flip(&file, copy + 30);
        }
        let before = file.len().unwrap();
        assert!(matches!(
            Manifest::open(disk, &dir),
            Err(ManifestError::Corrupt { .. })
        ));
        assert_eq!(file.len().unwrap(), before, "nothing was cut off");
    }

    fn a_torn_last_commit_is_left_out(disk, home) {
        let dir = home.join("shard");
        let (mut manifest, _) = Manifest::open(disk, &dir).unwrap();
        manifest.commit(&[put(1)]).unwrap();
        let file = disk.open(&dir.join("manifest"), OpenMode::Write).unwrap();
        let before = file.len().unwrap();
        manifest.commit(&[put(2)]).unwrap();
        file.set_len(before + 100).unwrap();
        let (mut manifest, state) = Manifest::open(disk, &dir).unwrap();
        assert_eq!(state.groups.len(), 1);
        manifest.settle().unwrap();
        assert_eq!(file.len().unwrap(), before);
        manifest.commit(&[put(3)]).unwrap();
        assert_eq!(Manifest::open(disk, &dir).unwrap().1.groups.len(), 2);
    }
}

/// Turns a bit of a file over.
fn flip<F: DiskFile>(file: &F, position: u64) {
    let mut byte = [0];
    file.read_exact_at(&mut byte, position).unwrap();
    byte[0] ^= 1;
    file.write_all_at(&byte, position).unwrap();
}

/// Also in the last commit, where damage looked like a commit that never returned.
#[test]
fn a_bit_that_flips_or_a_page_that_is_lost_anywhere_takes_no_commit_away() {
    let disk = sim();
    let (mut manifest, mut expected) = Manifest::open(&disk, Path::new(DIR)).unwrap();
    for number in 1..5 {
        let changes = commit_of(number);
        manifest.commit(&changes).unwrap();
        apply(&mut expected, &changes);
    }
    let path = Path::new(DIR).join("manifest");
    let length = disk.open(&path, OpenMode::Read).unwrap().len().unwrap();
    for position in (0..length).filter(|position| position % 4096 < 400) {
        let damaged = disk.fork();
        let file = damaged.open(&path, OpenMode::Write).unwrap();
        flip(&file, position);
        let (_, state) = Manifest::open(&damaged, Path::new(DIR)).unwrap();
        assert_eq!(state, expected, "a bit at {position}");
    }
    for page in 0..length / 4096 {
        let damaged = disk.fork();
        let file = damaged.open(&path, OpenMode::Write).unwrap();
        file.write_all_at(&[0xa5; 4096], page * 4096).unwrap();
        let (mut manifest, state) = Manifest::open(&damaged, Path::new(DIR)).unwrap();
        assert_eq!(state, expected, "page {page}");
        manifest.commit(&[put(50)]).unwrap();
        let mut later = state;
        apply(&mut later, &[put(50)]);
        let (_, state) = Manifest::open(&damaged, Path::new(DIR)).unwrap();
        assert_eq!(state, later, "page {page}");
    }
}

const DIR: &str = "/disk/shard";

fn sim() -> SimDisk {
    let disk = SimDisk::new(3);
    disk.create_dir_all(Path::new("/disk")).unwrap();
    disk.sync_dir(Path::new("/")).unwrap();
    disk
}

/// Commits until the power goes; returns what was acknowledged, and that with the commit in
/// flight, if one was.
fn commit_until_dark(disk: &SimDisk, commits: u64) -> (ManifestState, ManifestState) {
    let mut acknowledged = ManifestState::default();
    let Ok((mut manifest, _)) = Manifest::open(disk, Path::new(DIR)) else {
        return (acknowledged.clone(), acknowledged);
    };
    for number in 1..=commits {
        let changes = commit_of(number);
        let mut after = acknowledged.clone();
        apply(&mut after, &changes);
        if manifest.commit(&changes).is_err() {
            return (acknowledged, after);
        }
        acknowledged = after;
    }
    (acknowledged.clone(), acknowledged)
}

#[test]
fn a_power_cut_at_any_write_keeps_what_was_acknowledged_and_halves_nothing() {
    let whole = sim();
    let before = whole.changes();
    commit_until_dark(&whole, 30);
    for cut in 0..whole.changes() - before {
        for seed in 0..12 {
            let disk = sim();
            disk.cut_power_after(cut);
            let (acknowledged, maybe) = commit_until_dark(&disk, 30);
            disk.crash(seed);
            let (mut manifest, state) = Manifest::open(&disk, Path::new(DIR)).unwrap();
            assert!(
                state == acknowledged || state == maybe,
                "cut {cut} seed {seed}"
            );
            // What was found stays found, and the manifest goes on.
            let changes = [put(99)];
            manifest.commit(&changes).unwrap();
            disk.crash(seed + 1);
            let mut expected = state;
            apply(&mut expected, &changes);
            let (_, state) = Manifest::open(&disk, Path::new(DIR)).unwrap();
            assert_eq!(state, expected, "cut {cut} seed {seed}");
        }
    }
}

#[test]
fn what_a_dead_process_left_in_the_page_cache_is_durable_once_it_was_found() {
    let whole = sim();
    let before = whole.changes();
    commit_until_dark(&whole, 3);
    for cut in 0..whole.changes() - before {
        let disk = sim();
        disk.cut_power_after(cut);
        commit_until_dark(&disk, 3);
        disk.restart(PowerCut::KeepsUnsynced);
        let (mut manifest, found) = Manifest::open(&disk, Path::new(DIR)).unwrap();
        let certain = manifest.settled_checkpoint();
        assert!(certain <= found.checkpoint);
        // Until it is settled only the commit before the last one is sure to stay.
        let fork = disk.fork();
        fork.restart(PowerCut::LosesUnsynced);
        let (_, state) = Manifest::open(&fork, Path::new(DIR)).unwrap();
        assert!((certain..=found.checkpoint).contains(&state.checkpoint));
        manifest.settle().unwrap();
        assert_eq!(manifest.settled_checkpoint(), found.checkpoint);
        disk.restart(PowerCut::LosesUnsynced);
        let (_, state) = Manifest::open(&disk, Path::new(DIR)).unwrap();
        assert_eq!(state, found, "cut {cut}");
    }
}

#[test]
fn a_full_disk_refuses_a_commit_and_takes_it_later() {
    let disk = sim();
    let (mut manifest, _) = Manifest::open(&disk, Path::new(DIR)).unwrap();
    manifest.commit(&[put(1)]).unwrap();
    disk.set_free_bytes(Some(100));
    let error = manifest.commit(&[put(2)]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::StorageFull);
    assert!(!manifest.has_failed());
    disk.set_free_bytes(None);
    manifest.commit(&[put(3)]).unwrap();
    disk.crash(1);
    let (_, state) = Manifest::open(&disk, Path::new(DIR)).unwrap();
    let mut expected = ManifestState::default();
    apply(&mut expected, &[put(1), put(3)]);
    assert_eq!(state, expected);
}

#[test]
fn a_failed_sync_is_the_end_of_a_manifest() {
    let disk = sim();
    let (mut manifest, _) = Manifest::open(&disk, Path::new(DIR)).unwrap();
    disk.inject(Fault::SyncFails, 0);
    manifest.commit(&[put(1)]).unwrap_err();
    assert!(manifest.has_failed());
}

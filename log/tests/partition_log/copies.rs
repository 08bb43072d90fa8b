//! Whole segments of a log become the beginning of another replica's.

use std::path::{Path, PathBuf};

use bytes::Bytes;
use thalweg_log::disk::{Disk, DiskFile};
use thalweg_log::incoming::{Arrived, FilePlace, Incoming, IncomingError, move_in};
use thalweg_log::partition::{Doomed, LogState};
use thalweg_log::{FileCache, FileKind, LogHome, PartitionLog};
use thalweg_model::{LogIndex, Now, Tick, Timestamp};

use crate::fixture::{
    EVERY_ENTRY, Fixture, TOPIC, batch, idempotent, index, offset, small_segments, stamp,
};

/// Bytes of a part: less than a segment has.
const PART_BYTES: u64 = 700;

fn source<D: Disk>(disk: &D, home: &Path) -> Fixture<D> {
    let mut log = Fixture::new(disk, home, small_segments());
    log.log.append_internal(
        index(1),
        thalweg_model::Term(1),
        Bytes::from_static(b"members"),
    );
    log.append(vec![idempotent(3, stamp(1, 0, 0), false)]);
    log.fill(30);
    log
}

fn copy_of<D: Disk>(disk: &D, dir: PathBuf, state: LogState) -> Incoming<D> {
    Incoming::new(disk.clone(), dir, TOPIC, state)
}

fn read<D: Disk>(from: &Fixture<D>, place: &FilePlace) -> (u64, Vec<u8>) {
    let (file, total) = from
        .log
        .sealed_file(&place.segment, place.kind)
        .unwrap()
        .unwrap();
    let length = PART_BYTES.min(total - place.position);
    let mut bytes = vec![0; usize::try_from(length).unwrap()];
    file.read_exact_at(&mut bytes, place.position).unwrap();
    (total, bytes)
}

fn write<D: Disk>(
    copy: &mut Incoming<D>,
    place: &FilePlace,
    total: u64,
    bytes: Vec<u8>,
) -> Arrived {
    let arrival = copy.take(place, total, bytes.into()).unwrap();
    assert_eq!(copy.wanted(), None, "one part is written at a time");
    arrival.perform()
}

/// Copies until all is there; how many parts that took.
fn finish<D: Disk>(copy: &mut Incoming<D>, from: &Fixture<D>) -> usize {
    let mut parts = 0;
    while let Some(place) = copy.wanted() {
        let (total, bytes) = read(from, &place);
        let arrived = write(copy, &place, total, bytes);
        copy.arrived(arrived).unwrap();
        parts += 1;
    }
    assert!(copy.is_whole());
    parts
}

/// Begins with a copy at `to`.
fn begin<D: Disk>(disk: &D, copy: &Incoming<D>, to: &Path) -> Fixture<D> {
    move_in(disk, copy.dir(), to).unwrap();
    move_in(disk, copy.dir(), to).unwrap();
    let mut log = Fixture::new(disk, to.parent().unwrap(), small_segments());
    log.cache = FileCache::new(8);
    log.home = LogHome::new(disk.clone(), to.to_path_buf(), TOPIC, &log.cache);
    log.log = PartitionLog::begin(log.home.clone(), small_segments(), &copy.state());
    log.log.finish_recovery().unwrap();
    log
}

fn last_of(state: &LogState) -> LogIndex {
    state.last.index
}

on_both_disks! {
    fn a_log_begins_with_the_segments_of_another(disk, home) {
        let from = source(disk, &home.join("from"));
        let state = from.log.portable(EVERY_ENTRY, usize::MAX).unwrap();
        let sealed = from.log.segments().count() - 1;
        assert_eq!((state.segments.len(), state.is_portable()), (sealed, true));
        let mut copy = copy_of(disk, home.join("room/copy"), state.clone());
        assert!(finish(&mut copy, &from) > 3 * sealed);
        let mut log = begin(disk, &copy, &home.join("topic-0"));
        assert_eq!(log.log.log_end(), state.next_offset);
        assert_eq!(log.log.last_entry(), state.last);
        let mut from = from;
        let until = last_of(&state).next();
        let (theirs, ours) = (
            from.log.entries(index(1), until, u64::MAX).unwrap(),
            log.log.entries(index(1), until, u64::MAX).unwrap(),
        );
        assert_eq!(theirs, ours);
        assert_eq!(log.log.producers().active().count(), 1);
        let internal: Vec<_> = log.log.internal_after(index(0)).collect();
        assert_eq!(internal, [(index(1), &Bytes::from_static(b"members"))]);
        log.append(vec![batch(&[1, 2], 5)]);
        let bases = log.bases(0);
        log.restart();
        assert_eq!(log.bases(0), bases);
        let known = ["partition.metadata", "leader-epoch-checkpoint"];
        assert!(known.iter().all(|name| log.names().iter().any(|other| other == name)));
    }

    fn only_committed_segments_are_copied(disk, home) {
        let from = source(disk, home);
        let all = from.log.portable(EVERY_ENTRY, usize::MAX).unwrap();
        let last = all.segments[1].first_index.0 - 1;
        for (committed, count) in [(0, 0), (last - 1, 0), (last, 1), (last + 1, 1)] {
            let state = from.log.portable(index(committed), usize::MAX).unwrap();
            assert_eq!((state.segments.len(), state.is_portable()), (count, true), "{committed}");
        }
        let two = from.log.portable(EVERY_ENTRY, 2).unwrap();
        assert_eq!(two.segments, all.segments[..2]);
        let active = from.log.segments().last().unwrap().base;
        let mut other = all.segments[0];
        other.base = active;
        assert!(from.log.sealed_file(&other, FileKind::Log).unwrap().is_none());
        other = all.segments[0];
        other.bytes += 1;
        assert!(from.log.sealed_file(&other, FileKind::Log).unwrap().is_none());
    }

    fn a_part_that_is_not_asked_for_is_not_taken(disk, home) {
        let from = source(disk, &home.join("from"));
        let state = from.log.portable(EVERY_ENTRY, usize::MAX).unwrap();
        let mut copy = copy_of(disk, home.join("room/copy"), state);
        let place = copy.wanted().unwrap();
        let (total, bytes) = read(&from, &place);
        let bytes = Bytes::from(bytes);
        assert!(copy.take(&place, total + 1, bytes.clone()).is_none());
        assert!(copy.take(&place, total, Bytes::new()).is_none());
        let longer = Bytes::from(vec![0; usize::try_from(total + 1).unwrap()]);
        assert!(copy.take(&place, total, longer).is_none());
        let arrival = copy.take(&place, total, bytes.clone()).unwrap();
        assert!(copy.take(&place, total, bytes.clone()).is_none(), "it is being written");
        copy.arrived(arrival.perform()).unwrap();
        assert!(copy.take(&place, total, bytes).is_none(), "it is there");
    }

    fn a_damaged_copy_is_refused_by_name(disk, home) {
        let from = source(disk, &home.join("from"));
        let state = from.log.portable(EVERY_ENTRY, usize::MAX).unwrap();
        for (kind, what) in [(FileKind::Log, "checksum"), (FileKind::Entries, "entry record")] {
            let mut copy = copy_of(disk, home.join("room/copy"), state.clone());
            let mut refused = None;
            while let Some(place) = copy.wanted() {
                let (total, mut bytes) = read(&from, &place);
                if place.kind == kind {
                    bytes[100] ^= 1;
                }
                if let Err(error) = write_and_hear(&mut copy, &place, total, bytes) {
                    refused = Some(error);
                    break;
                }
            }
            let Some(IncomingError::Damaged(text)) = refused else {
                panic!("{refused:?}");
            };
            assert!(text.contains("00000000000000000000.log") && text.contains(what), "{text}");
        }
    }

    fn a_copy_goes_on_when_the_log_went_on(disk, home) {
        let mut from = source(disk, &home.join("from"));
        let state = from.log.portable(EVERY_ENTRY, usize::MAX).unwrap();
        let mut copy = copy_of(disk, home.join("room/copy"), state.clone());
        let second = state.segments[1].base;
        while copy.wanted().unwrap().segment.base <= second {
            let place = copy.wanted().unwrap();
            let (total, bytes) = read(&from, &place);
            write_and_hear(&mut copy, &place, total, bytes).unwrap();
        }
        from.log.delete_records_before(second).unwrap();
        let now = Now { tick: Tick(0), wall: Timestamp(0) };
        from.log.retention(now, (from.log.log_end(), EVERY_ENTRY)).unwrap();
        from.fill(10);
        let later = from.log.portable(EVERY_ENTRY, usize::MAX).unwrap();
        copy.go_on_with(later.clone());
        assert_eq!(copy.wanted().unwrap().segment, later.segments[1], "the first one is here");
        finish(&mut copy, &from);
        assert_eq!(copy.state().doomed, [Doomed::Segment(offset(0))]);
        let mut log = begin(disk, &copy, &home.join("topic-0"));
        assert_eq!((log.log.log_start(), log.log.log_end()), (second, later.next_offset));
        assert!(log.names().iter().any(|name| name == "00000000000000000000.log"));
        log.checkpoint();
        assert!(!log.names().iter().any(|name| name.starts_with("00000000000000000000")));
        assert_eq!(log.bases(second.value())[0], second.value());
    }
}

fn write_and_hear<D: Disk>(
    copy: &mut Incoming<D>,
    place: &FilePlace,
    total: u64,
    bytes: Vec<u8>,
) -> Result<(), IncomingError> {
    let arrived = write(copy, place, total, bytes);
    copy.arrived(arrived)
}

//! Cutting the end of the log.

use bytes::Bytes;
use thalweg_log::disk::Disk;
use thalweg_model::{LeaderEpoch, Term, Timestamp};

use crate::fixture::{Fixture, batch, idempotent, index, offset, small_segments, stamp};

/// Twenty entries of three records in terms 1 to 4, and a producer for each term.
fn four_terms<D: Disk>(log: &mut Fixture<D>) {
    for at in 0_i64..20 {
        let term = at / 5 + 1;
        let sequence = i32::try_from(at % 5 * 3).unwrap();
        let batch = idempotent(3, stamp(term, 0, sequence), false);
        log.append_in(u64::try_from(term).unwrap(), vec![batch]);
    }
}

/// Everything that can be asked of a log.
fn everything<D: Disk>(log: &mut Fixture<D>) -> String {
    let last = log.log.last_entry();
    let first = log.log.first_index();
    let entries = log.log.entries(first, last.index.next(), u64::MAX).unwrap();
    let ends: Vec<_> = (0..6)
        .map(|epoch| log.log.end_of_epoch(LeaderEpoch::from_wire(epoch).unwrap()))
        .collect();
    let youngest = log.log.max_timestamp(log.log.log_end()).unwrap();
    let early = log
        .log
        .offset_for_timestamp(Timestamp(0), log.log.log_end())
        .unwrap();
    let producers: Vec<_> = log.log.producers().active().collect();
    format!("{last:?} {entries:?} {ends:?} {producers:?} {youngest:?} {early:?}")
}

on_both_disks! {
    fn a_cut_log_is_as_if_the_rest_had_never_been(disk, home) {
        for kept in 1..=20_u64 {
            let mut cut = Fixture::new(disk, &home.join(format!("cut-{kept}")), small_segments());
            four_terms(&mut cut);
            if kept % 2 == 0 {
                cut.checkpoint();
            }
            cut.log.truncate_to(index(kept)).unwrap();
            let mut never = Fixture::new(disk, &home.join(format!("never-{kept}")), small_segments());
            for entry in cut.log.entries(index(1), index(kept + 1), u64::MAX).unwrap() {
                let at = i64::try_from(entry.index.0).unwrap() - 1;
                let sequence = i32::try_from(at % 5 * 3).unwrap();
                let batch = idempotent(3, stamp(at / 5 + 1, 0, sequence), false);
                never.append_in(entry.term.0, vec![batch]);
            }
            assert_eq!(everything(&mut cut), everything(&mut never), "{kept} kept");
            for log in [&mut cut, &mut never] {
                log.append_in(9, vec![batch(&[7_000], 30)]);
            }
            assert_eq!(everything(&mut cut), everything(&mut never), "{kept} kept and one appended");
            cut.restart();
            assert_eq!(everything(&mut cut), everything(&mut never), "{kept} kept and restarted");
        }
    }

    fn a_log_can_be_cut_to_nothing(disk, home) {
        let mut log = Fixture::new(disk, home, small_segments());
        four_terms(&mut log);
        log.log.truncate_to(index(0)).unwrap();
        assert_eq!(log.log.log_end(), offset(0));
        assert!(log.log.producers().is_empty());
        log.append(vec![batch(&[1], 5)]);
        assert_eq!(log.bases(0), [0]);
    }

    fn entries_without_offsets_are_cut_too(disk, home) {
        let mut log = Fixture::new(disk, home, small_segments());
        log.log.append_internal(index(1), Term(1), Bytes::from_static(b"one"));
        log.log.append_internal(index(2), Term(1), Bytes::from_static(b"two"));
        log.log.truncate_to(index(1)).unwrap();
        log.log.append_internal(index(2), Term(2), Bytes::new());
        let entries = log.log.entries(index(1), index(3), 9).unwrap();
        assert_eq!((entries[0].payload.as_ref(), entries[1].payload.len()), (&b"one"[..], 0));
        log.append_in(2, vec![batch(&[1, 2, 3], 5)]);
        log.append_in(2, vec![batch(&[1, 2, 3], 5)]);
        log.log.append_internal(index(5), Term(2), Bytes::new());
        log.log.truncate_to(index(3)).unwrap();
        assert_eq!((log.log.log_end(), log.log.last_entry().index), (offset(3), index(3)));
        assert_eq!(log.log.term_at(index(2)).unwrap(), Some(Term(2)));
    }
}

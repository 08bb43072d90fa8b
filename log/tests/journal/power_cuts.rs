//! What a journal gives back after a power cut, and what it refuses to pass over.

use thalweg_log::journal::JournalError;

use crate::fixture::{block, disk, indexes, open, write};

#[test]
fn a_block_in_flight_at_the_power_cut_is_there_whole_or_not_at_all() {
    let mut seen = [false; 2];
    for seed in 0..60 {
        let disk = disk(seed);
        let (mut journal, _) = open(&disk, 0).unwrap();
        write(&mut journal, 1, 1000);
        let torn = block(&mut journal, 2, 1000);
        disk.cut_power_after(0);
        torn.perform().2.unwrap_err();
        disk.crash(seed);
        let (_, replay) = open(&disk, 0).unwrap();
        let there = match *indexes(&replay) {
            [1] => 0,
            [1, 2] => 1,
            ref other => panic!("{other:?}"),
        };
        seen[there] = true;
    }
    assert_eq!(seen, [true; 2], "both ends were met");
}

#[test]
fn a_later_block_does_not_bridge_a_lost_one() {
    let disk = disk(1);
    let (mut journal, _) = open(&disk, 0).unwrap();
    let _lost = block(&mut journal, 1, 5000);
    let (_, _, result) = block(&mut journal, 2, 5000).perform();
    result.unwrap();
    disk.crash(1);
    let (mut journal, replay) = open(&disk, 0).unwrap();
    assert_eq!(indexes(&replay), [0_u64; 0]);
    // The same block again, in the lost one's place: what follows on disk is still not its sequel.
    write(&mut journal, 1, 5000);
    let (_, replay) = open(&disk, 0).unwrap();
    assert_eq!(indexes(&replay), [1]);
}

#[test]
fn a_checkpoint_beyond_the_journal_is_damage() {
    let disk = disk(1);
    let (mut journal, _) = open(&disk, 0).unwrap();
    let last = write(&mut journal, 1, 5000);
    assert!(open(&disk, last.0).is_ok());
    let opened = open(&disk, last.0 + 2);
    assert!(matches!(opened, Err(JournalError::Corrupt { .. })));
}

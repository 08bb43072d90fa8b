//! What a journal gives back after a power cut, and what it refuses to pass over.

use std::path::Path;

use thalweg_log::journal::{JournalError, ReplayedEntry};

use crate::fixture::{DIR, block, disk, indexes, open, write};
use crate::voyage::{Lost, Voyage};

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

#[test]
fn a_power_cut_at_any_change_loses_nothing_acknowledged() {
    // Growth, checkpoints and blocks in flight, round the ring.
    let script = |voyage: &mut Voyage| -> Result<(), Lost> {
        voyage.open(0)?;
        for round in 0..12 {
            voyage.plan(&[900, 60_000]);
            voyage.plan(&[700_000]);
            voyage.plan(&[5]);
            voyage.land(round)?;
            voyage.land(1)?;
            voyage.grow()?;
            voyage.land(0)?;
            if round % 3 == 2 {
                voyage.checkpoint(true);
            }
        }
        Ok(())
    };
    let mut whole = Voyage::new(1);
    let before = whole.disk.changes();
    script(&mut whole).unwrap();
    for cut in 0..whole.disk.changes() - before {
        let mut voyage = Voyage::new(1);
        voyage.disk.cut_power_after(cut);
        script(&mut voyage).unwrap_err();
        voyage.lose_power(cut, cut);
        voyage.open(1).unwrap();
    }
}

#[test]
fn a_damaged_block_is_told_from_a_torn_one() {
    let journal_of_three = || {
        let mut voyage = Voyage::new(1);
        voyage.open(0).unwrap();
        for size in [9000, 100, 20_000] {
            voyage.plan(&[size]);
            voyage.land_all().unwrap();
        }
        voyage
    };
    // Opening block at 0, then blocks of three pages, one page, five pages.
    let noticed = |place: usize| {
        let voyage = journal_of_three();
        let path = Path::new(DIR).join("00000000000000000000.journal");
        voyage.disk.ruin_sector(&path, place).unwrap();
        let opened = open(&voyage.disk, 0);
        match opened {
            Ok((journal, replay)) => {
                let read =
                    |entry: &ReplayedEntry| journal.read_payload(&entry.location.unwrap()).is_ok();
                format!("{:?}", replay.entries.iter().map(read).collect::<Vec<_>>())
            }
            Err(JournalError::Corrupt { position, .. }) => format!("corrupt at {position}"),
            Err(error) => panic!("{error}"),
        }
    };
    assert_eq!(noticed(0), "corrupt at 0");
    assert_eq!(noticed(4096), "corrupt at 4096");
    assert_eq!(noticed(4096 + 2000), "[false, true, true]");
    assert_eq!(noticed(4 * 4096), "corrupt at 16384");
    // Nobody vouches for the last block: it may as well have been torn.
    assert_eq!(noticed(5 * 4096), "[true, true]");
    assert_eq!(noticed(5 * 4096 + 9000), "[true, true]");
    assert_eq!(noticed(10 * 4096), "[true, true, true]");
}

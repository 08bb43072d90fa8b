//! What a journal gives back after a power cut, and what it refuses to pass over.

use std::path::Path;

use thalweg_log::disk::sim::Fault;
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

/// Growth, checkpoints and blocks in flight, round the ring.
fn round_the_ring(voyage: &mut Voyage, rounds: usize) -> Result<(), Lost> {
    for round in 0..rounds {
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
}

/// Changes of a whole voyage.
fn changes_of(script: impl Fn(&mut Voyage) -> Result<(), Lost>) -> u64 {
    let mut whole = Voyage::new(1);
    let before = whole.disk.changes();
    script(&mut whole).unwrap();
    whole.disk.changes() - before
}

#[test]
fn what_a_dead_process_left_behind_survives_a_power_cut_once_it_was_found() {
    let script = |voyage: &mut Voyage| {
        voyage.open(0)?;
        round_the_ring(voyage, 3)
    };
    for cut in 0..changes_of(script) {
        let mut voyage = Voyage::new(cut);
        voyage.disk.cut_power_after(cut);
        script(&mut voyage).unwrap_err();
        voyage.die(0);
        voyage.open(1).unwrap();
        for _ in 0..3 {
            voyage.plan(&[1_200_000]);
            voyage.land_all().unwrap();
        }
        voyage.lose_all_unsynced();
        voyage.open(0).unwrap();
    }
}

#[test]
fn a_power_cut_at_any_change_loses_nothing_acknowledged() {
    let script = |voyage: &mut Voyage| {
        voyage.open(0)?;
        round_the_ring(voyage, 12)
    };
    for cut in 0..changes_of(script) {
        let mut voyage = Voyage::new(cut);
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
                let read = |entry: &ReplayedEntry| {
                    journal.payloads().read(&entry.location.unwrap()).is_ok()
                };
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

#[test]
fn the_newest_durable_block_stays_until_the_next_one_is_durable() {
    for seed in 0..20 {
        let mut voyage = Voyage::new(seed);
        voyage.open(0).unwrap();
        voyage.plan(&[1_200_000]);
        voyage.land_all().unwrap();
        voyage.checkpoint(true);
        // Everything is released, and what comes next leaves the chunk.
        voyage.plan(&[1_200_000]);
        voyage.checkpoint(true);
        voyage.plan(&[1_200_000]);
        voyage.lose_power(0b11, seed);
        voyage.open(0).unwrap();
    }
}

#[test]
fn an_opening_block_is_not_taken_for_an_empty_block_that_was_lost() {
    let disk = disk(1);
    let (mut journal, _) = open(&disk, 0).unwrap();
    let empty = journal.begin_block().unwrap();
    let _lost = journal.seal(empty);
    block(&mut journal, 2, 100).perform().2.unwrap();
    disk.crash(1);
    // This opening writes an empty block where the lost one belonged.
    assert_eq!(indexes(&open(&disk, 0).unwrap().1), [0_u64; 0]);
    assert_eq!(indexes(&open(&disk, 0).unwrap().1), [0_u64; 0]);
}

/// Three blocks in the second chunk, the first of them at its beginning.
fn begins_a_chunk() -> (Voyage, &'static Path) {
    let mut voyage = Voyage::new(1);
    voyage.open(0).unwrap();
    for size in [1_200_000, 200_000, 100, 100] {
        voyage.grow().unwrap();
        voyage.plan(&[size]);
        voyage.land_all().unwrap();
    }
    (
        voyage,
        Path::new("/shard/journal/00000000000000000001.journal"),
    )
}

#[test]
fn damage_to_the_first_block_of_a_chunk_is_no_end_of_the_chain() {
    let (voyage, second_chunk) = begins_a_chunk();
    voyage.disk.ruin_sector(second_chunk, 0).unwrap();
    assert!(voyage.open_damaged());
}

#[test]
fn a_lost_write_that_leaves_a_chunks_old_beginning_is_found() {
    let mut voyage = Voyage::new(1);
    voyage.open(0).unwrap();
    for size in [1_200_000, 1_200_000] {
        voyage.plan(&[size]);
        voyage.land_all().unwrap();
        voyage.checkpoint(true);
    }
    // This one goes from the second chunk to the first, and never happens.
    voyage.disk.inject(Fault::WriteIsLost, 0);
    for size in [1_200_000, 100, 100] {
        voyage.plan(&[size]);
        voyage.land_all().unwrap();
    }
    assert!(voyage.open_damaged());
}

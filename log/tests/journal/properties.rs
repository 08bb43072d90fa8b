//! Random voyages: whatever happens, what was acknowledged comes back, and nothing stale does.

use std::path::{Path, PathBuf};

use proptest::collection::vec;
use proptest::prelude::*;
use thalweg_log::disk::Disk;
use thalweg_log::disk::sim::Fault;

use crate::fixture::DIR;
use crate::voyage::{Lost, Voyage};

#[derive(Clone, Debug)]
enum Step {
    Plan(Vec<usize>),
    Land(usize),
    Checkpoint {
        release: bool,
    },
    Grow,
    Die {
        landed: u64,
    },
    LosePower {
        torn: u64,
        seed: u64,
        again_after: u64,
    },
}

fn size() -> impl Strategy<Value = usize> {
    prop_oneof![
        8 => 0..3000_usize,
        4 => 10_000..60_000_usize,
        2 => 300_000..1_200_000_usize,
    ]
}

fn sizes() -> impl Strategy<Value = Vec<usize>> {
    vec(size(), 1..6)
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        20 => sizes().prop_map(Step::Plan),
        20 => (0..4_usize).prop_map(Step::Land),
        4 => any::<bool>().prop_map(|release| Step::Checkpoint { release }),
        2 => Just(Step::Grow),
        2 => (0..16_u64).prop_map(|landed| Step::Die { landed }),
        4 => (0..16_u64, any::<u64>(), 0..30_u64)
            .prop_map(|(torn, seed, again_after)| Step::LosePower { torn, seed, again_after }),
    ]
}

fn take(voyage: &mut Voyage, step: &Step) -> Result<(), Lost> {
    match step {
        Step::Plan(sizes) => voyage.plan(sizes),
        Step::Land(which) => voyage.land(*which)?,
        Step::Checkpoint { release } => voyage.checkpoint(*release),
        Step::Grow => voyage.grow()?,
        Step::Die { landed } => {
            voyage.die(*landed);
            voyage.open(0)?;
        }
        Step::LosePower {
            torn,
            seed,
            again_after,
        } => {
            voyage.lose_power(*torn, *seed);
            // The power may go again while the journal opens.
            voyage.disk.cut_power_after(*again_after);
            if voyage.open(0).is_err() {
                voyage.lose_power(0, seed.wrapping_add(1));
                voyage.open(1)?;
            }
            voyage.disk.cut_power_after(u64::from(u32::MAX));
        }
    }
    Ok(())
}

fn some(cases: u32) -> ProptestConfig {
    ProptestConfig {
        cases,
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(some(48))]

    #[test]
    fn what_was_acknowledged_comes_back_and_nothing_stale(
        seed in any::<u64>(),
        steps in vec(step(), 1..60),
    ) {
        let mut voyage = Voyage::new(seed);
        voyage.open(0).unwrap();
        for step in &steps {
            take(&mut voyage, step).unwrap();
        }
        voyage.lose_power(0, 9);
        voyage.open(0).unwrap();
    }
}

/// A journal that went round its ring, with everything written and vouched for by two last blocks:
/// a misdirected write may ruin one of them together with what it vouches for.
fn loaded(blocks: &[Vec<usize>], faults: &[(Fault, u64)]) -> Voyage {
    let mut voyage = Voyage::new(1);
    voyage.open(0).unwrap();
    for (fault, after) in faults {
        voyage.disk.inject(*fault, *after);
    }
    for (number, sizes) in blocks.iter().enumerate() {
        voyage.plan(sizes);
        voyage.land_all().unwrap();
        if number + 8 == blocks.len() || number % 5 == 4 && number + 8 < blocks.len() {
            voyage.checkpoint(true);
        }
        voyage.grow().unwrap();
    }
    for _ in 0..2 {
        voyage.plan(&[]);
        voyage.land_all().unwrap();
    }
    voyage
}

fn chunk(voyage: &Voyage, which: usize) -> PathBuf {
    let names = voyage.disk.list(Path::new(DIR)).unwrap();
    Path::new(DIR).join(&names[which % names.len()])
}

proptest! {
    #![proptest_config(some(24))]

    #[test]
    fn damage_is_never_passed_over(
        blocks in vec(sizes(), 1..24),
        which in 0..6_usize,
        places in vec(0..(1280_usize << 10), 8),
        bit in 0..8_u8,
    ) {
        let voyage = loaded(&blocks, &[]);
        let path = chunk(&voyage, which);
        for (number, place) in places.iter().enumerate() {
            let fork = voyage.fork();
            if number % 2 == 0 {
                fork.disk.rot(&path, *place, bit).unwrap();
            } else {
                fork.disk.ruin_sector(&path, *place).unwrap();
            }
            fork.open_damaged();
        }
    }

    #[test]
    fn a_write_that_lies_is_never_passed_over(
        blocks in vec(sizes(), 1..24),
        after in 0..24_u64,
        lost in any::<bool>(),
    ) {
        let fault = if lost { Fault::WriteIsLost } else { Fault::WriteIsMisdirected };
        loaded(&blocks, &[(fault, after)]).open_damaged();
    }
}

//! Inputs that were found once, and a short run of every target.

#![expect(
    clippy::disallowed_methods,
    reason = "each target gets a second of real time"
)]

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use thalweg_fuzz::{ALL, Dice, input, run};

/// Most inputs of a short run.
const INPUTS: usize = 2_000;

/// Longest time of a short run.
const TIME: Duration = Duration::from_secs(1);

/// One test only: memory is counted for the whole process.
#[test]
fn hostile_bytes_are_refused_or_taken_within_bounds() {
    let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("regressions");
    for target in ALL {
        let Ok(files) = fs::read_dir(kept.join(target.name)) else {
            continue;
        };
        for file in files {
            let path = file.unwrap().path();
            println!("{}", path.display());
            run(target, &fs::read(path).unwrap());
        }
    }
    for target in ALL {
        println!("{}", target.name);
        let mut dice = Dice(7);
        let started = Instant::now();
        let inputs = (0..INPUTS).take_while(|_| started.elapsed() < TIME);
        inputs.for_each(|_| run(target, &input(target, &mut dice)));
    }
}

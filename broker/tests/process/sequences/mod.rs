//! Requests that make sense, in any order and version, over several connections to a whole broker that is killed or restarted now and
//! then: every answer is what a small model says.
//!
//! A round is a fresh broker, a number of steps, and a look at everything at the end; its seed decides all of it, but for
//! the ids that the broker draws. `THALWEG_SEQUENCE_SEED` sets the first round's seed, `THALWEG_SEQUENCE_ROUNDS` the
//! number of rounds, or `THALWEG_SEQUENCE_SECONDS` the time for as many as fit; `THALWEG_SEQUENCE_STEPS` is the length of one.

mod fetches;
mod groups;
mod members;
mod model;
mod offsets;
mod positions;
mod produces;
mod run;
mod sessions;
mod settings;
mod topics;

use std::time::{Duration, Instant};

use crate::harness::setting;
use run::Run;

/// Rounds of a short run.
const ROUNDS: u64 = 3;

/// Steps of one round: enough for several restarts.
const STEPS: u64 = 250;

/// Steps that are shown of a round that failed.
const STEPS_SHOWN: usize = 12;

/// Says how to come to a failure again.
struct Replay<'r>(&'r mut Run);

#[expect(
    clippy::print_stderr,
    reason = "a failing test says there how to see it again"
)]
impl Drop for Replay<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let Run { seed, did, .. } = &self.0;
            let steps = setting("THALWEG_SEQUENCE_STEPS", STEPS);
            let last = did.len().saturating_sub(STEPS_SHOWN);
            eprintln!(
                "{}\nafter {} steps, the last: {:#?}",
                self.0.broker.said(),
                did.len(),
                &did[last..]
            );
            eprintln!(
                "again: THALWEG_SEQUENCE_SEED={seed} THALWEG_SEQUENCE_ROUNDS=1 THALWEG_SEQUENCE_STEPS={steps} \
                 cargo test -p thalweg-broker --test process sequences"
            );
        }
    }
}

#[test]
fn a_broker_answers_sequences_of_requests_as_its_model_does() {
    let first = setting("THALWEG_SEQUENCE_SEED", 1);
    let seconds = setting("THALWEG_SEQUENCE_SECONDS", 0);
    let only = if seconds == 0 { ROUNDS } else { u64::MAX };
    let rounds = setting("THALWEG_SEQUENCE_ROUNDS", only);
    let steps = setting("THALWEG_SEQUENCE_STEPS", STEPS);
    let begun = Instant::now();
    let (mut requests, mut ends, mut done) = (0, 0, 0);
    while done < rounds && (seconds == 0 || begun.elapsed() < Duration::from_secs(seconds)) {
        let dir = tempfile::tempdir().unwrap();
        let mut run = Run::begin(dir.path(), first.wrapping_add(done));
        let replay = Replay(&mut run);
        for _ in 0..steps {
            replay.0.step();
        }
        replay.0.finish();
        requests += replay.0.requests;
        ends += replay.0.ends;
        done += 1;
    }
    println!(
        "{done} rounds of {steps} steps, {requests} requests, {ends} ends of the process, {:.0} s",
        begun.elapsed().as_secs_f64()
    );
    assert!(ends > 0, "some round ends the process");
}
